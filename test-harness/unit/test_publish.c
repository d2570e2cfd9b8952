/* links: admin/publish core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_publish.c - what is written reads back to the same, or is not written.
 */
#include <check.h>
#include <stdlib.h>

#include "publish.h"
#include "state_text.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct batv_state in, back;
static char *text;
static size_t len;
static char copy[BATV_STATE_MAX + 1];
static char said[128];

static void fill_key(struct batv_key *k, unsigned i)
{
	*k = (struct batv_key){.epoch = 2900 + i,
			       .secret = 4711,
			       .number = (uint8_t)(i % 10),
			       .day = (uint16_t)(i * 15 % 1000),
			       .from = 1795000000 + 100 * (int64_t)i,
			       .until = 1795000100 + 100 * (int64_t)i,
			       .destroy = 1796000000 + 100 * (int64_t)i};
	for (size_t j = 0; j < BATV_KEY_TEXT_LEN; j++)
		k->text[j] = "0123456789abcdef"[(i + j * 7) % 16];
}

static void small_state(void)
{
	memset(&in, 0, sizeof in);
	in.written = 1795910400;
	in.serial = 1;
	in.memory = in.fingerprint = in.config_sum = "";
	in.memory_before = "";
	batv_policy_complete_global(&in.global, true, 0);
	in.n_policies = 1;
	batv_policy_init(&in.policies[0], "default");
}

static void full_state(void)
{
	static char names[BATV_POLICIES_MAX][32];
	static char domains[BATV_OVERRIDES_MAX][16];

	small_state();
	in.serial = UINT64_MAX;
	in.global.automatic_senders = "^(mailer-daemon|a b)@.*$";
	in.memory = "memory.7";
	in.memory_before = "memory.6";
	in.has_memory_key = true;
	memset(in.memory_key, 0xa5, sizeof in.memory_key);
	in.global.memory_retention = 62 * BATV_DAY;
	in.global.evidence_bytes = 16777216;
	in.lost_until = 1796000000;
	in.lost_secret = 4711;
	in.shared = true;
	in.global.fleet = "mail.example";
	in.global.fleet_servers = "not published";
	in.fingerprint = "0123456789abcdef";
	in.config_sum = "fedcba9876543210";
	in.global.key_rotation = BATV_DAY + 61;
	for (unsigned i = 0; i < BATV_KEYS_MAX; i++)
		fill_key(&in.ring.keys[i], i);
	in.ring.n_keys = BATV_KEYS_MAX;
	for (unsigned i = 0; i < BATV_LEGACY_MAX; i++) {
		in.ring.legacy[i].until = 1799999999 + i;
		in.ring.legacy[i].len = (uint8_t)(1 + i * 9);
		memset(in.ring.legacy[i].bytes, (int)i, sizeof in.ring.legacy[i].bytes);
	}
	in.ring.n_legacy = BATV_LEGACY_MAX;
	for (unsigned i = 1; i < BATV_POLICIES_MAX; i++) {
		sprintf(names[i], "policy-%u", i);
		batv_policy_init(&in.policies[i], names[i]);
		in.policies[i].domains = i % 2 ? "a.example : b.example" : "+local_domains";
		in.policies[i].signing = i % 3 != 0;
		in.policies[i].enforcement = (int)(i % 3);
		in.policies[i].grace = (int64_t)i * 3601;
		in.policies[i].unproven[i % BATV_CLASS_COUNT] = BATV_ACTION_ACCEPT;
		in.policies[i].exempt_hosts = i % 4 ? "<; 10.0.0.0/8 ; # odd" : "";
		in.policies[i].refusal_text = i % 5 ? "No." : in.policies[0].refusal_text;
	}
	in.n_policies = BATV_POLICIES_MAX;
	for (unsigned i = 0; i < BATV_BREAKS_MAX; i++)
		in.breaks[i] = (struct batv_break){
			i < BATV_POLICIES_MAX ? in.policies[i].name : "*", 1795000000 + i,
			i % 2 ? 1795800000 : 0, i % 3 ? "the clock jumped" : ""};
	in.n_breaks = BATV_BREAKS_MAX;
	for (unsigned i = 0; i < BATV_OVERRIDES_MAX; i++) {
		sprintf(domains[i], "d%u.test", i);
		in.overrides[i] = (struct batv_override){domains[i], i % 2 ? 1795800000 + i : 0,
							 i % 3 ? BATV_OVERRIDE_ENFORCEMENT
							       : BATV_OVERRIDE_ANYWAY,
							 i % 3 ? (uint8_t)(i / 3 % 3) : 0};
	}
	in.overrides[0] = (struct batv_override){"*", 0, BATV_OVERRIDE_SIGNING, 0};
	in.n_overrides = BATV_OVERRIDES_MAX;
	batv_state_apply_overrides(&in);
}

static enum batv_err format(void)
{
	enum batv_err err;

	strcpy(said, "untouched");
	err = batv_publish_format(&in, &text, &len, said, sizeof said);
	if (err != BATV_OK)
		return err;
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(strlen(text), len);
	memcpy(copy, text, len);
	ck_assert_int_eq(batv_state_parse(copy, len, &back, NULL, NULL), BATV_OK);
	return BATV_OK;
}

static void same_policy(const struct batv_policy *a, const struct batv_policy *b)
{
	static char mine[BATV_STATE_MAX], other[BATV_STATE_MAX];

	ck_assert_str_eq(a->name, b->name);
	for (size_t i = 0; i < batv_options_count; i++) {
		const struct batv_option *opt = &batv_options[i];

		ck_assert_int_eq(batv_option_get(a, opt, mine, sizeof mine), BATV_OK);
		ck_assert_int_eq(batv_option_get(b, opt, other, sizeof other), BATV_OK);
		ck_assert_msg(strcmp(mine, other) == 0, "%s %s: %s, not %s", a->name, opt->name,
			      other, mine);
	}
}

static void same_ring(const struct batv_keyring *a, const struct batv_keyring *b)
{
	ck_assert_uint_eq(a->n_keys, b->n_keys);
	for (size_t i = 0; i < a->n_keys; i++) {
		const struct batv_key *x = &a->keys[i], *y = &b->keys[i];

		ck_assert(x->epoch == y->epoch && x->secret == y->secret && x->number == y->number);
		ck_assert(x->day == y->day && x->from == y->from && x->until == y->until);
		ck_assert(x->destroy == y->destroy);
		ck_assert_mem_eq(x->text, y->text, BATV_KEY_TEXT_LEN);
	}
	ck_assert_uint_eq(a->n_legacy, b->n_legacy);
	for (size_t i = 0; i < a->n_legacy; i++) {
		ck_assert_int_eq(a->legacy[i].until, b->legacy[i].until);
		ck_assert_uint_eq(a->legacy[i].len, b->legacy[i].len);
		ck_assert_mem_eq(a->legacy[i].bytes, b->legacy[i].bytes, a->legacy[i].len);
	}
}

static void same_state(const struct batv_state *a, const struct batv_state *b)
{
	ck_assert_int_eq(a->written, b->written);
	ck_assert_uint_eq(a->serial, b->serial);
	ck_assert_str_eq(a->global.automatic_senders, b->global.automatic_senders);
	ck_assert_str_eq(a->memory, b->memory);
	ck_assert_str_eq(a->memory_before, b->memory_before);
	ck_assert_int_eq(a->lost_until, b->lost_until);
	ck_assert_uint_eq(a->lost_secret, b->lost_secret);
	ck_assert(a->shared == b->shared);
	ck_assert_str_eq(a->global.fleet, b->global.fleet);
	ck_assert_ptr_null(b->global.fleet_servers);
	ck_assert(a->has_memory_key == b->has_memory_key);
	if (a->has_memory_key)
		ck_assert_mem_eq(a->memory_key, b->memory_key, sizeof a->memory_key);
	ck_assert_int_eq(a->global.memory_retention, b->global.memory_retention);
	ck_assert_uint_eq(a->global.evidence_bytes, b->global.evidence_bytes);
	ck_assert_str_eq(a->fingerprint, b->fingerprint);
	ck_assert_str_eq(a->config_sum, b->config_sum);
	ck_assert_int_eq(a->global.key_rotation, b->global.key_rotation);
	ck_assert_int_eq(a->global.key_retention, b->global.key_retention);
	ck_assert_uint_eq(a->n_overrides, b->n_overrides);
	for (size_t i = 0; i < a->n_overrides; i++) {
		const struct batv_override *x = &a->overrides[i], *y = &b->overrides[i];

		ck_assert_str_eq(x->domain, y->domain);
		ck_assert(x->until == y->until && x->key == y->key && x->mode == y->mode);
	}
	if (a->n_overrides) /* the first one switches signing off */
		ck_assert_uint_eq(a->signing_configured & ((1U << a->n_policies) - 1),
				  b->signing_configured);
	ck_assert_uint_eq(a->n_policies, b->n_policies);
	for (size_t i = 0; i < a->n_policies; i++)
		same_policy(&a->policies[i], &b->policies[i]);
	ck_assert_uint_eq(a->n_breaks, b->n_breaks);
	for (size_t i = 0; i < a->n_breaks; i++) {
		ck_assert_str_eq(a->breaks[i].policy, b->breaks[i].policy);
		ck_assert_str_eq(a->breaks[i].why, b->breaks[i].why);
		ck_assert_int_eq(a->breaks[i].when, b->breaks[i].when);
		ck_assert_int_eq(a->breaks[i].until, b->breaks[i].until);
	}
	same_ring(&a->ring, &b->ring);
}

START_TEST(round_trips)
{
	char *first;

	if (_i == 0)
		small_state();
	else
		full_state();
	ck_assert_int_eq(format(), BATV_OK);
	same_state(&in, &back);
	first = text;
	in = back; /* and what was read is written alike */
	ck_assert_int_eq(batv_publish_format(&in, &text, &len, NULL, 0), BATV_OK);
	ck_assert_str_eq(first, text);
	free(first);
	free(text);
}
END_TEST

START_TEST(the_text_is_as_documented)
{
	small_state();
	in.n_policies = 2;
	batv_policy_init(&in.policies[1], "shop");
	in.policies[1].signing = false;
	fill_key(&in.ring.keys[0], 3);
	in.ring.n_keys = 1;
	ck_assert_int_eq(format(), BATV_OK);
	ck_assert_ptr_eq(strstr(text, "exim-batv state 1\nwritten 1795910400\nserial 1\nconfig\n"
				      "fingerprint\nmemory\nmemory_before\nmemory_key\n"),
			 text);
	ck_assert_ptr_nonnull(strstr(text, "\nmemory_retention 15d\nevidence_bytes 131072\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nkey_rotation 7d\nkey_retention 7d\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nautomatic_senders\n"));
	ck_assert_ptr_null(strstr(text, "\nmemory_capacity"));
	ck_assert_ptr_null(strstr(text, "\nfleet")); /* there is none */
	ck_assert_ptr_nonnull(strstr(text, "\nkey 4711 2903 3 045 1795000300 "));
	ck_assert_ptr_nonnull(strstr(text, "\nunsigned_senders\n"));
	ck_assert_ptr_null(strstr(text, "\noverride "));
	ck_assert_ptr_nonnull(
		strstr(text, "\npolicy shop\ndomains +local_domains\nsigning off\nend "));
	for (size_t i = 0; i < batv_options_count; i++) { /* the default policy is whole */
		char keyword[64];

		snprintf(keyword, sizeof keyword, "\n%s", batv_options[i].name);
		ck_assert_ptr_nonnull(strstr(text, keyword));
	}
	free(text);
}
END_TEST

START_TEST(random_states_come_back)
{
	static const char *const lists[] = {"", "a", "+x : *.y", "<; 1.2.3.4 ; ::1", "cdb;/x y"};

	srand(2026);
	for (int round = 0; round < 300; round++) {
		full_state();
		in.n_policies = 1 + (size_t)rand() % BATV_POLICIES_MAX;
		in.n_breaks = (size_t)rand() % (BATV_BREAKS_MAX + 1);
		in.ring.n_keys = (size_t)rand() % (BATV_KEYS_MAX + 1);
		in.ring.n_legacy = (size_t)rand() % (BATV_LEGACY_MAX + 1);
		for (size_t p = 0; p < in.n_policies; p++) {
			in.policies[p].domains = lists[(size_t)rand() % COUNT(lists)];
			in.policies[p].own_hosts = lists[(size_t)rand() % COUNT(lists)];
			in.policies[p].tag_style = rand() % 2;
			in.policies[p].exempt_acl = rand() % 2;
		}
		ck_assert_int_eq(format(), BATV_OK);
		same_state(&in, &back);
		free(text);
	}
}
END_TEST

/* A list of so many bytes. */
static void fill(char *list, char name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		list[i] = i % 50 == 49 ? ':' : name;
}

START_TEST(too_large_names_the_list)
{
	static char big[BATV_STATE_MAX], medium[33000];

	fill(big, 'x', sizeof big - 1);
	fill(medium, 'y', sizeof medium - 1);
	full_state();
	in.policies[0].trusted_hosts = medium;
	in.policies[3].unsigned_senders = big;
	ck_assert_int_eq(format(), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "policy policy-3, option unsigned_senders");
	ck_assert_int_eq(batv_publish_format(&in, &text, &len, NULL, 0), BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_publish_format(&in, &text, &len, said, 8), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "policy ");
	ck_assert_int_eq(batv_publish_format(&in, &text, &len, said, 1), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "");
	in.policies[3].unsigned_senders = "";
	in.policies[0].domains = big;
	ck_assert_int_eq(format(), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "policy default, option domains");
	in.policies[0].domains = "";
	in.policies[4].own_hosts = medium + 1;
	ck_assert_int_eq(format(), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "policy default, option trusted_hosts");
	in.n_policies = 4;
	in.policies[1].trusted_hosts = in.policies[2].trusted_hosts = in.policies[3].trusted_hosts =
		medium; /* the same as the default one's: not written again */
	ck_assert_int_eq(format(), BATV_OK);
	same_state(&in, &back);
	free(text);
}
END_TEST

START_TEST(the_largest_state)
{
	static char big[BATV_STATE_MAX];

	small_state();
	ck_assert_int_eq(format(), BATV_OK);
	fill(big, 'x', BATV_STATE_MAX - len);
	free(text);
	in.policies[0].exempt_hosts = big;
	big[BATV_STATE_MAX - len - 1] = '\0'; /* its space is the last byte */
	ck_assert_int_eq(format(), BATV_OK);
	ck_assert_uint_eq(len, BATV_STATE_MAX);
	free(text);
	big[strlen(big)] = 'x';
	ck_assert_int_eq(format(), BATV_E_TOO_LONG);
	ck_assert_str_eq(said, "policy default, option exempt_hosts");
}
END_TEST

/* Nothing is handed out that the reader would refuse. */
START_TEST(what_cannot_be_read_is_not_written)
{
	small_state();
	in.n_breaks = 1;
	in.breaks[0] = (struct batv_break){"*", 1, 0, "two\nlines"};
	ck_assert_int_eq(format(), BATV_E_VERSION);
	ck_assert_str_eq(said, "unknown keyword");
	in.breaks[0].why = "x";
	in.breaks[0].when = -1;
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.n_breaks = 0;
	in.policies[0].domains = "${run{id}}";
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.policies[0].domains = "a\nsigning off";
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.policies[0].domains = "";
	in.policies[0].unproven[0] = BATV_ACTION_REMOVE;
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.policies[0].unproven[0] = BATV_ACTION_MARK;
	in.memory = "../secret";
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.memory = "";
	in.memory_before = ".memory";
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.memory_before = "";
	in.global.memory_retention = 62 * BATV_DAY + 1;
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.global.memory_retention = 14 * BATV_DAY;
	in.global.evidence_bytes = 16777216 + 1;
	ck_assert_int_eq(format(), BATV_E_SYNTAX);
	in.global.evidence_bytes = 131072;
	in.ring.n_keys = 1;
	ck_assert_int_eq(format(), BATV_E_SYNTAX); /* a key of NUL bytes */
	in.ring.n_keys = 0;
	ck_assert_int_eq(format(), BATV_OK);
	free(text);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("publish");
	TCase *tc = tcase_create("publish");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, round_trips, 0, 2);
	tcase_add_test(tc, the_text_is_as_documented);
	tcase_add_test(tc, random_states_come_back);
	tcase_add_test(tc, too_large_names_the_list);
	tcase_add_test(tc, the_largest_state);
	tcase_add_test(tc, what_cannot_be_read_is_not_written);
	return s;
}
