/* links: core/decide/judge core/decide/override core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/tag/tag core/tag/addr */
/* links: core/base/hmac core/tag/key core/base/span core/decide/lists core/decide/sign core/memory/sent core/memory/journal */
/* links: core/memory/access core/memory/header core/memory/counters core/base/safefile */
/* links: core/base/err admin/idn */
/*
 * test_idn.c - internationalised domains: U-label and A-label have one canonical form, one tag, one
 * item in memory, and are in the same lists.  libidn2 converts, as in batvctl.
 */
#include "judge_lab.h"
#include "decide/sign.h"
#include "memory/sent.h"

#define U_LABEL                                                                                    \
 "b\xc3\xbc"                                                                                       \
 "cher.example"
#define A_LABEL "xn--bcher-kva.example"

static struct batv_addr parsed(const char *text)
{
	struct batv_addr a;

	ck_assert_msg(batv_addr_parse(text, strlen(text), &a) == BATV_OK, "%s", text);
	return a;
}

static const char *const forms[] = {"alice@" U_LABEL, "alice@" A_LABEL,
				    "Alice@B\xc3\x9c"
				    "CHER.Example",
				    "alice@XN--Bcher-KVA.EXAMPLE",
				    /* u and a combining diaeresis */
				    "alice@bu\xcc\x88"
				    "cher.example"};
#define FORMS (sizeof forms / sizeof forms[0])

START_TEST(one_canonical_form)
{
	char out[BATV_ADDR_SIZE];
	size_t len;

	for (size_t i = 0; i < FORMS; i++) {
		struct batv_addr a = parsed(forms[i]);

		ck_assert_int_eq(batv_addr_domain(&a, out), BATV_OK);
		ck_assert_str_eq(out, A_LABEL);
		ck_assert_int_eq(batv_addr_canon(&a, out, sizeof out, &len), BATV_OK);
		ck_assert_str_eq(out, "alice@" A_LABEL);
		ck_assert_uint_eq(len, strlen(out));
		ck_assert(batv_tag_fits(&a));
	}
}
END_TEST

/* A domain without an A-label stays as it is, and is unsignable. */
START_TEST(no_domain_name)
{
	/* clang-format off */
	static const char *const texts[] = {
		"a@b\xc3", "a@\xff.d", "a@-\xc3\xbc-.d", "a@\xc3\xbc$.d", "a@\xc3\xbc{x}.d",
	};
	/* clang-format on */
	char out[BATV_ADDR_SIZE];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct batv_addr a = parsed(texts[i]);

		ck_assert_msg(batv_addr_domain(&a, out) == BATV_E_SYNTAX, "%s", texts[i]);
		ck_assert_str_eq(out, strchr(texts[i], '@') + 1);
		ck_assert(!batv_tag_fits(&a));
	}
}
END_TEST

START_TEST(local_part_with_such_bytes)
{
	struct batv_addr a = parsed("\xc3\xa4@" A_LABEL);

	ck_assert(!batv_tag_fits(&a));
}
END_TEST

/* The A-label may be the longer form: the tagged path is at most 254 octets in both. */
START_TEST(length)
{
	char text[300], name[240];
	struct batv_addr a;

	for (size_t n = 190; n < 230; n++) {
		for (size_t i = 0; i < n; i++)
			name[i] = i % 40 == 39 ? '.' : 'd';
		name[n] = '\0';
		snprintf(text, sizeof text, "a@%s.b\xc3\xbc", name);
		a = parsed(text);
		/* ".xn--b-..." */
		char alabel[BATV_ADDR_SIZE];
		enum batv_err err = batv_addr_domain(&a, alabel);
		bool want =
			err == BATV_OK && 2 + strlen(alabel) + BATV_TAG_OVERHEAD <= BATV_PATH_MAX;

		ck_assert_int_eq(batv_tag_fits(&a), want);
	}
}
END_TEST

START_TEST(other_form)
{
	char out[BATV_ADDR_SIZE];

	ck_assert(batv_addr_other_form(A_LABEL, out));
	ck_assert_str_eq(out, U_LABEL);
	ck_assert(batv_addr_other_form("a." A_LABEL, out));
	ck_assert_str_eq(out, "a." U_LABEL);
	ck_assert(!batv_addr_other_form("ours.example", out));
	ck_assert(!batv_addr_other_form("axn--bcher-kva.example", out));
	ck_assert(!batv_addr_other_form(U_LABEL, out));
	ck_assert(!batv_addr_other_form("xn--bcher-kva$.example", out));
	ck_assert(!batv_addr_other_form("", out));
}
END_TEST

START_TEST(one_tag)
{
	struct batv_signing signing[FORMS];

	origin.authenticated = true;
	policy->domains = A_LABEL;
	for (size_t i = 0; i < FORMS; i++) {
		batv_sign_address(&context, forms[i], "", 0, &signing[i]);
		ck_assert_int_eq(signing[i].answer, BATV_SIGNED);
		ck_assert_str_eq(signing[i].domain, A_LABEL);
		ck_assert_mem_eq(signing[i].address, signing[0].address, 15);
		ck_assert_str_eq(signing[i].address + 16, forms[i]); /* as it was written */
	}
	origin.authenticated = false;
	origin.host_address = STRANGER;
	for (size_t i = 0; i < FORMS; i++) {
		batv_judge_recipient(&context, signing[i].address, &j);
		ck_assert_int_eq(j.finding.verdict, BATV_VALID);
		ck_assert_str_eq(j.domain, A_LABEL);
		batv_judge_recipient(&context, forms[i], &j);
		ck_assert_int_eq(j.finding.verdict, BATV_MISSING);
	}
}
END_TEST

/* The list may have either form. */
START_TEST(lists)
{
	static const char *const domains[] = {A_LABEL, U_LABEL};
	static const char *const senders[] = {"alice@" A_LABEL, "alice@" U_LABEL};
	struct batv_signing s;

	origin.authenticated = true;
	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; i < FORMS; i++) {
			policy->domains = domains[d];
			policy->unsigned_senders = "";
			batv_sign_address(&context, forms[i], "", 0, &s);
			ck_assert_int_eq(s.answer, BATV_SIGNED);
			policy->unsigned_senders = senders[d];
			batv_sign_address(&context, forms[i], "", 0, &s);
			ck_assert_int_eq(s.answer, forms[i][0] == 'A' ? BATV_SIGNED
								      : BATV_LEFT_UNSIGNED_SENDER);
		}
	/* ordinary mail asks once */
	memset(&asked, 0, sizeof asked);
	policy->domains = "else.example";
	batv_sign_address(&context, "alice@ours.example", "", 0, &s);
	ck_assert_uint_eq(asked.domain, 1);
}
END_TEST

START_TEST(one_item)
{
	const struct batv_span key = {"key", 3}, id = {"id@d", 4};
	struct batv_item first, item;
	struct batv_addr a = parsed(forms[0]), b = parsed("bob@" U_LABEL);

	for (size_t i = 0; i < FORMS; i++) {
		struct batv_addr ours = parsed(forms[i]), theirs = parsed("bob@" A_LABEL);

		ck_assert(batv_sent_id(key, id, &a, &first) && batv_sent_id(key, id, &ours, &item));
		ck_assert_mem_eq(first.name, item.name, sizeof item.name);
		ck_assert(batv_sent_pair(key, &a, &b, &first) &&
			  batv_sent_pair(key, &ours, &theirs, &item));
		ck_assert_mem_eq(first.name, item.name, sizeof item.name);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("idn");
	TCase *tc = tcase_create("idn");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, one_canonical_form);
	tcase_add_test(tc, no_domain_name);
	tcase_add_test(tc, local_part_with_such_bytes);
	tcase_add_test(tc, length);
	tcase_add_test(tc, other_form);
	tcase_add_test(tc, one_tag);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, one_item);
	suite_add_tcase(suite, tc);
	return suite;
}
