/*
 * ctl_keys.c - batvctl keys: prints the key timeline, straight from the secret file.
 *
 * Invariant: all that it prints comes from the secret file and the time.  So two servers with the
 * same file print the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"
#include "ctl.h"
#include "timeline.h"

const char *batv_ctl_key_state(const struct batv_key *key, int64_t now)
{
	if (key->from >= key->until || key->until <= now)
		return "retained";
	return key->from > now ? "next" : "current";
}

void batv_ctl_kddd(unsigned number, unsigned day, char out[static BATV_KDDD_SIZE])
{
	snprintf(out, BATV_KDDD_SIZE, "%u%03u", number % 10, day % 1000);
}

json_t *batv_ctl_json_key(const struct batv_key *key, int64_t now, bool show_secret)
{
	json_t *o = json_object();
	char day[8], tag[BATV_KDDD_SIZE];

	snprintf(day, sizeof day, "%03u", (unsigned)key->day % 1000);
	batv_ctl_kddd(key->number, key->day, tag);
	batv_ctl_put_number(o, "secret", key->secret);
	batv_ctl_put_number(o, "epoch", key->epoch);
	batv_ctl_put_number(o, "number", key->number);
	batv_ctl_put_text(o, "day", day);
	batv_ctl_put_text(o, "tag", tag);
	batv_ctl_put_text(o, "state", batv_ctl_key_state(key, now));
	batv_ctl_put_time(o, "from", key->from);
	batv_ctl_put_time(o, "until", key->until);
	batv_ctl_put_time(o, "destroyed", key->destroy);
	if (show_secret)
		batv_ctl_put(o, "key", json_stringn(key->text, sizeof key->text));
	return o;
}

void batv_ctl_print_keys(const struct batv_keyring *ring, int64_t now, bool show_secret)
{
	printf("  %-6s %-9s %-8s  %-23s  %-23s  %s%s\n", "secret", "tags", "state", "signs from",
	       "until", "destroyed", show_secret ? "                key" : "");
	for (size_t i = 0; i < ring->n_keys; i++) {
		const struct batv_key *k = &ring->keys[i];
		char from[BATV_TIME_SIZE] = "never", until[BATV_TIME_SIZE] = "-";
		char destroy[BATV_TIME_SIZE], tag[BATV_KDDD_SIZE];

		if (k->from < k->until) {
			batv_ctl_time_format(k->from, from, sizeof from);
			batv_ctl_time_format(k->until, until, sizeof until);
		}
		batv_ctl_time_format(k->destroy, destroy, sizeof destroy);
		batv_ctl_kddd(k->number, k->day, tag);
		printf("  %-6" PRIu32 " prvs=%s %-8s  %-23s  %-23s  %s", k->secret, tag,
		       batv_ctl_key_state(k, now), from, until, destroy);
		if (show_secret)
			printf("  %.*s", BATV_KEY_TEXT_LEN, k->text);
		putchar('\n');
	}
}

static json_t *keys_json(const struct batv_keyring *ring, const char *fingerprint, int64_t now,
			 bool show_secret)
{
	json_t *o = json_object(), *keys = json_array();

	for (size_t i = 0; i < ring->n_keys; i++)
		json_array_append_new(keys, batv_ctl_json_key(&ring->keys[i], now, show_secret));
	batv_ctl_put(o, "at", json_integer((json_int_t)now));
	batv_ctl_put_text(o, "fingerprint", fingerprint);
	batv_ctl_put(o, "keys", keys);
	return o;
}

static int print_timeline(struct batv_ctl *ctl, const struct batv_secrets *secrets)
{
	char fingerprint[BATV_FINGERPRINT_SIZE], at[BATV_TIME_SIZE];
	struct batv_keyring ring = {0};
	enum batv_err err = batv_timeline_at(secrets, ctl->now, &ring);

	if (err)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "cannot make the keys: %s",
				     batv_strerror(err));
	batv_secrets_fingerprint(secrets, fingerprint);
	batv_ctl_time_format(ctl->now, at, sizeof at);
	if (ctl->json) {
		batv_ctl_print_json(keys_json(&ring, fingerprint, ctl->now, ctl->show_secret));
	} else {
		if (ctl->at_given)
			printf("keys at %s, secret file %s\n", at, fingerprint);
		else
			printf("keys, secret file %s\n", fingerprint);
		batv_ctl_print_keys(&ring, ctl->now, ctl->show_secret);
	}
	batv_wipe(&ring, sizeof ring);
	return BATV_CTL_YES;
}

int batv_ctl_keys(struct batv_ctl *ctl, char **args, int n)
{
	struct batv_secrets *secrets;
	int code = batv_ctl_open(ctl);

	(void)args, (void)n;
	if (code)
		return code;
	secrets = calloc(1, sizeof *secrets);
	if (!secrets)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	if (batv_store_read_secret(&ctl->store, secrets, ctl->message, sizeof ctl->message))
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	else
		code = print_timeline(ctl, secrets);
	batv_secrets_wipe(secrets);
	free(secrets);
	return code;
}
