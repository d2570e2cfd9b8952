/*
 * ctl_sign.c - batvctl sign and batvctl verify: what would Exim do with an address?
 *
 * They run the same code as Exim, on the state that Exim reads.  Invariant: an answer that depends
 * on a list that could not be evaluated is never guessed.  It is reported as not evaluated, with
 * exit status 3.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_ask.h"
#include "ctl_item.h"
#include "ctl_pasted.h"
#include "decide/sign.h"

/* Ready to ask, or it is said why not. */
static int prepare_to_ask(struct batv_ctl *ctl, struct batv_asking *a)
{
	int code = batv_ctl_ask(ctl, a);

	return code ? batv_ctl_fail(code, "%s", ctl->message) : BATV_CTL_YES;
}

static void print_key(const struct batv_key *key, int64_t now)
{
	char from[BATV_TIME_SIZE], until[BATV_TIME_SIZE], destroy[BATV_TIME_SIZE];
	char tag[BATV_KDDD_SIZE];

	batv_ctl_kddd(key->number, key->day, tag);
	batv_ctl_time_format(key->from, from, sizeof from);
	batv_ctl_time_format(key->until, until, sizeof until);
	batv_ctl_time_format(key->destroy, destroy, sizeof destroy);
	printf("  key       prvs=%s, of secret %" PRIu32 ", %s\n", tag, key->secret,
	       batv_ctl_key_state(key, now));
	if (key->from < key->until)
		printf("  signs     from %s until %s\n", from, until);
	printf("  destroyed %s\n", destroy);
}

static void print_doubt(const struct batv_asking *a)
{
	printf("  not evaluated: list \"%s\": %s\n", a->asker.list, a->asker.why);
}

static json_t *json_key_or_null(const struct batv_key *key, int64_t now)
{
	return key ? batv_ctl_json_key(key, now, false) : json_null();
}

static json_t *json_text_or_null(const char *text)
{
	return text && *text ? batv_ctl_json_text(text) : json_null();
}

/* ---- sign ---- */

static json_t *json_signing(const struct batv_ctl *ctl, const char *address,
			    const struct batv_signing *s, const char *policy)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "address", address);
	batv_ctl_put(o, "signed", json_text_or_null(s->address));
	batv_ctl_put_text(o, "answer", batv_sign_answer_name(s->answer));
	batv_ctl_put(o, "policy", json_text_or_null(policy));
	batv_ctl_put(o, "key", json_key_or_null(s->key, ctl->now));
	batv_ctl_put_flag(o, "evaluated", s->answer != BATV_LEFT_DOUBT);
	return o;
}

/* The item of a list that leaves the address untagged. */
static bool find_item(struct batv_ctl *ctl, const struct batv_asking *a, const char *address,
		      const struct batv_signing *s, struct batv_ctl_item *item)
{
	struct batv_ctl_item_about about = {.policy = s->policy,
					    .address = address,
					    .at = a->context.now,
					    .matcher = &a->matcher};

	switch (s->answer) {
	case BATV_LEFT_UNSIGNED_SENDER:
		return batv_ctl_item_of_list(ctl, BATV_OVERRIDE_UNSIGNED_SENDER, &about, item);
	case BATV_LEFT_DESTINATION:
		about.address = ctl->rcpt ? ctl->rcpt : "";
		return batv_ctl_item_of_list(ctl, BATV_OVERRIDE_UNSIGNED_DESTINATION, &about, item);
	default: return false;
	}
}

static void print_signing(struct batv_ctl *ctl, const struct batv_asking *a, const char *address,
			  const struct batv_signing *s)
{
	const char *policy = s->policy ? s->policy->name : NULL;
	char words[BATV_CTL_ITEM_SIZE];
	struct batv_ctl_item item;
	const bool has_item = find_item(ctl, a, address, s, &item);
	json_t *o;

	if (ctl->json) {
		o = json_signing(ctl, address, s, policy);
		if (has_item)
			batv_ctl_put(o, "item", batv_ctl_item_json(&item));
		batv_ctl_print_json(o);
		return;
	}
	puts(s->answer == BATV_SIGNED ? s->address : address);
	printf("  answer    %s%s\n", batv_sign_answer_name(s->answer),
	       s->carries_valid_tag ? ", with a valid tag" : "");
	if (has_item) {
		batv_ctl_item_words(&item, words);
		printf("  item      %s (%s)\n", words, item.option);
	}
	if (policy)
		printf("  policy    %s\n", policy);
	if (s->key)
		print_key(s->key, ctl->now);
	if (s->answer == BATV_LEFT_DOUBT)
		print_doubt(a);
}

int batv_ctl_sign(struct batv_ctl *ctl, char **args, int n)
{
	char pasted[BATV_PASTED_SIZE];
	struct batv_signing s;
	struct batv_asking a;
	const char *address = args[0];
	int code = batv_ctl_pasted_argument("sign", &address, pasted);

	(void)n;
	if (code == BATV_CTL_YES)
		code = prepare_to_ask(ctl, &a);
	if (code)
		return code;
	a.origin.has_id = true; /* as for a message that is submitted on this host */
	batv_sign_address(&a.context, address, ctl->rcpt ? ctl->rcpt : "", 0, &s);
	batv_ctl_ask_end(&a);
	if (s.answer == BATV_LEFT_NO_ADDRESS || s.answer == BATV_LEFT_NULL_SENDER)
		return batv_ctl_fail(BATV_CTL_USAGE, "sign: not an address: %s",
				     *address ? address : "\"\"");
	print_signing(ctl, &a, address, &s);
	if (s.answer == BATV_LEFT_DOUBT || s.answer == BATV_LEFT_NO_KEY)
		return BATV_CTL_TROUBLE;
	return s.answer == BATV_SIGNED ? BATV_CTL_YES : BATV_CTL_NO;
}

/* ---- verify ---- */

/* Checks the tag alone, because the verdict may not be known.  "-": there is no tag. */
static const char *tag_worth(const struct batv_context *context, const char *address)
{
	struct batv_addr addr;
	struct batv_tag tag;

	if (batv_addr_parse(address, strlen(address), &addr) != BATV_OK ||
	    !batv_tag_parse(&addr, &tag))
		return "-";
	switch (batv_tag_check(&addr, &tag, &context->state->ring, context->now, NULL)) {
	case BATV_TAG_VALID: return "valid";
	case BATV_TAG_EXPIRED: return "expired";
	case BATV_TAG_FORGED: return "forged";
	}
	return "-";
}

/* What the first four digits of a tag say. */
struct digits {
	bool has_tag;
	const char
		*not_a_tag; /* why what looks like a tag is not one; NULL: nothing looks like it */
	unsigned number, day;
	int64_t date;               /* the day on which it dies, or died */
	const struct batv_key *key; /* the live key with that number and day, or NULL */
};

/* The day nearest to `now` whose last three digits these are. */
static int64_t date_of(unsigned day, int64_t now)
{
	int64_t today = (int64_t)batv_day_of(now), back = (today - day) % 1000;

	return (back < 500 ? today - back : today + 1000 - back) * BATV_DAY;
}

static void read_digits(const struct batv_context *context, const char *address, struct digits *out)
{
	const struct batv_keyring *ring = &context->state->ring;
	struct batv_addr addr;
	struct batv_tag tag;

	*out = (struct digits){0};
	if (batv_addr_parse(address, strlen(address), &addr) != BATV_OK)
		return;
	out->has_tag = batv_tag_parse(&addr, &tag);
	if (!out->has_tag) {
		if (strcasestr(address, "prvs="))
			out->not_a_tag = "this is not a tag: expected prvs=KDDDSSSSSS=, four "
					 "digits and six hex digits";
		return;
	}
	out->number = tag.number;
	out->day = tag.day;
	out->date = date_of(tag.day, context->now);
	for (size_t i = 0; i < ring->n_keys && !out->key; i++)
		if (ring->keys[i].number == tag.number && ring->keys[i].day == tag.day)
			out->key = &ring->keys[i];
}

static json_t *json_digits(const struct digits *d, int64_t now)
{
	json_t *o = json_object();
	char text[BATV_KDDD_SIZE];

	batv_ctl_kddd(d->number, d->day, text);
	batv_ctl_put_text(o, "tag", text);
	batv_ctl_put_number(o, "number", d->number);
	batv_ctl_put_text(o, "day", text + 1);
	batv_ctl_put_time(o, "date", d->date);
	batv_ctl_put(o, "key", json_key_or_null(d->key, now));
	return o;
}

/* Explains the digits against the table that `keys` prints. */
static void print_digits(const struct digits *d)
{
	char date[BATV_TIME_SIZE], until[BATV_TIME_SIZE];

	batv_ctl_time_format(d->date, date, sizeof date);
	printf("  digits    key number %u, day %03u (%.10s): ", d->number, d->day, date);
	if (d->key) {
		batv_ctl_time_format(d->key->destroy, until, sizeof until);
		printf("a key of secret %" PRIu32 ", live until %s\n", d->key->secret, until);
	} else {
		puts("no key of ours has that number and day; see batvctl keys");
	}
}

static const char *verdict_text(const struct batv_judgement *j, bool doubt)
{
	return doubt ? "not evaluated" : batv_verdict_name(j->finding.verdict);
}

static json_t *json_judgement(const struct batv_ctl *ctl, const struct batv_asking *a,
			      const char *address, const struct batv_judgement *j, bool doubt)
{
	json_t *o = json_object();
	struct digits digits;

	read_digits(&a->context, address, &digits);
	batv_ctl_put_text(o, "address", address);
	batv_ctl_put(o, "digits", digits.has_tag ? json_digits(&digits, ctl->now) : json_null());
	batv_ctl_put_text(o, "not_a_tag", digits.not_a_tag);
	batv_ctl_put_text(o, "verdict", verdict_text(j, doubt));
	batv_ctl_put_text(o, "tag", tag_worth(&a->context, address));
	batv_ctl_put_text(o, "action", batv_action_name(j->finding.action));
	batv_ctl_put_text(o, "reason", batv_reason_name(j->finding.reason));
	batv_ctl_put(o, "bare", json_text_or_null(j->bare));
	batv_ctl_put(o, "policy", json_text_or_null(j->policy ? j->policy->name : NULL));
	batv_ctl_put(o, "key", json_key_or_null(j->key, ctl->now));
	batv_ctl_put_flag(o, "evaluated", !doubt);
	return o;
}

static void print_recipient(const struct batv_ctl *ctl, const struct batv_asking *a,
			    const char *address, const struct batv_judgement *j, bool doubt)
{
	const char *policy = j->policy ? j->policy->name : NULL;
	const char *action = batv_action_name(j->finding.action);
	const char *reason = batv_reason_name(j->finding.reason);
	struct digits digits;

	read_digits(&a->context, address, &digits);
	if (ctl->json) {
		batv_ctl_print_json(json_judgement(ctl, a, address, j, doubt));
		return;
	}
	puts(verdict_text(j, doubt));
	printf("  address   %s\n", j->bare);
	printf("  tag       %s%s%s\n", tag_worth(&a->context, address),
	       digits.not_a_tag ? ", " : "", digits.not_a_tag ? digits.not_a_tag : "");
	if (digits.has_tag)
		print_digits(&digits);
	if (policy)
		printf("  policy    %s\n", policy);
	printf("  action    %s%s%s\n", action, strcmp(reason, "-") ? ", reason " : "",
	       strcmp(reason, "-") ? reason : "");
	if (j->key)
		print_key(j->key, ctl->now);
	if (doubt)
		print_doubt(a);
}

int batv_ctl_verify(struct batv_ctl *ctl, char **args, int n)
{
	char pasted[BATV_PASTED_SIZE];
	struct batv_judgement j;
	struct batv_asking a;
	bool doubt;
	int code;

	(void)n;
	if (!batv_ctl_pasted(args[0], pasted))
		return batv_ctl_fail(BATV_CTL_USAGE, "verify: not an address: %s",
				     *args[0] ? args[0] : "\"\"");
	code = prepare_to_ask(ctl, &a);
	if (code)
		return code;
	batv_ctl_ask_from(&a, ctl->host);
	batv_judge_recipient(&a.context, pasted, &j);
	batv_ctl_ask_end(&a);
	doubt = j.finding.doubt && j.finding.verdict != BATV_VALID;
	print_recipient(ctl, &a, pasted, &j, doubt);
	if (doubt)
		return BATV_CTL_TROUBLE;
	return j.finding.verdict == BATV_VALID ? BATV_CTL_YES : BATV_CTL_NO;
}
