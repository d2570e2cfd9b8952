/* links: core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_tag_bare.c - recognises and removes tags of any site: prvs in both orders, subaddresses,
 * Barracuda's, Momentum's, SRS, and all of them nested.
 */
#include <check.h>
#include <string.h>

#include "tag/tag.h"
#include "unit.h"

START_TEST(srs)
{
	static const struct {
		const char *text;
		bool srs;
	} rows[] = {
		/* clang-format off */
		{"SRS0=hash=tt=d=u@f", true},
		{"srs0=hash=tt=d=u@f", true},
		{"SRS0+hash=tt=d=u@f", true},
		{"SRS0-hash=tt=d=u@f", true},
		{"SRS1=h=host==h=tt=d=u@f", true},
		{"Srs1+x@f", true},
		{"\"SRS0=hash=tt=d=u v\"@f", true},
		{"SRS0=@f", true},
		{"SRS0@f", false},
		{"SRS0x=h@f", false},
		{"SRS2=h@f", false},
		{"SRS=h@f", false},
		{"xSRS0=h@f", false},
		{"prvs=0907dd3667=SRS0=a@f", false},
		{"u@SRS0=h", false},
		{"SRS@f", false},
		/* clang-format on */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct batv_addr a;

		ck_assert_int_eq(batv_addr_parse(rows[i].text, strlen(rows[i].text), &a), BATV_OK);
		ck_assert_msg(batv_tag_is_srs(&a) == rows[i].srs, "%s", rows[i].text);
	}
}
END_TEST

/* clang-format off */
static const char *const bares[][2] = {	/* NULL: unchanged */
	{"user@example.com", NULL},
	{"User@Example.COM", NULL},
	{"\"a b\"@d", NULL},
	{"\xc3\xa4@d", NULL},
	/* ours, both styles and any case */
	{"prvs=0907dd3667=User@D", "User@D"},
	{"PRVS=0907DD3667=u@d", "u@d"},
	{"u+prvs=0907dd3667@d", "u@d"},
	{"u+x+PRVS=0907dd3667@d", "u+x@d"},
	{"\"prvs=0907dd3667=a b\"@d", "\"a b\"@d"},
	{"\"a b+prvs=0907dd3667\"@d", "\"a b\"@d"},
	/* prvs of others: Cisco's nine digits, upper case, up to twelve */
	{"prvs=234d5777c=Andrew.Cooper3@citrix.com", "Andrew.Cooper3@citrix.com"},
	{"prvs=1838E5D28A=support@d", "support@d"},
	{"prvs=9905c7c8d6=u@d", "u@d"},
	{"prvs=123456789012=u@d", "u@d"},
	{"prvs=1234567890123=u@d", NULL},
	{"prvs=12345678=u@d", NULL},
	{"prvs=a23456789=u@d", NULL},
	{"prvs=12345678g=u@d", NULL},
	{"prvs=1x3456789=u@d", NULL},
	{"prvs=123456789=@d", NULL},
	{"prvs=123456789@d", NULL},
	{"prvs==@d", NULL},
	{"prvs=@d", NULL},
	{"prvs@d", NULL},
	/* the older order */
	{"prvs=joe=0907dd3667@d", "joe@d"},
	{"prvs=joe=x=123456789@d", "joe=x@d"},
	{"prvs=btv1==98312345678==u=0907dd3667@d", "u@d"},
	{"prvs=joe=a23456789@d", NULL},
	{"prvs=joe=12345678@d", NULL},
	{"prvs==123456789@d", NULL},
	{"\"prvs=jo\\=0907dd3667\"@d", NULL},
	/* both orders are possible: TAG first */
	{"prvs=0907dd3667=0907dd3668@d", "0907dd3668@d"},
	{"prvs=0907dd3667=u=0907dd3668@d", "u=0907dd3668@d"},
	/* sub-address */
	{"u+prvs=123456789@d", "u@d"},
	{"u+prvs=12345678@d", NULL},
	{"+prvs=0907dd3667@d", NULL},
	{"u+prvs=0907dd3667+x@d", NULL},
	{"u-prvs=0907dd3667@d", NULL},
	{"\"u\\+prvs=0907dd3667\"@d", NULL},
	{"\"u\\\\+prvs=0907dd3667\"@d", "\"u\\\\\"@d"},
	/* Barracuda */
	{"btv1==98312345678==u@d", "u@d"},
	{"BTV1==983abcdef01==U@d", "U@d"},
	{"btv1==98312345678==prvs=0907dd3667=u@d", "u@d"},
	{"btv1==98312345678=u@d", NULL},
	{"btv1==98312345678==@d", NULL},
	{"btv1==x8312345678==u@d", NULL},
	{"btv1=98312345678=u@d", NULL},
	/* Momentum, SparkPost */
	{"msprvs1=17445iJh_zX-S=bounces-1-2@d", "bounces-1-2@d"},
	{"msprvs1=20676xgzi92p-=bounces-1898-1322@d", "bounces-1898-1322@d"},
	{"msprvs1==u@d", NULL},
	{"msprvs1=1=@d", NULL},
	{"msprvs1=x=u@d", NULL},
	{"msprvs1=1.2=u@d", NULL},
	{"msprvs1=x1=u@d", NULL},
	{"msprvs1=17445x=btv1==98312345678==u@d", "u@d"},
	{"msprvs1=1@d", NULL},
	/* SRS: the original address */
	{"SRS0=HHHH=TT=orig.example=user@fwd.example", "user@orig.example"},
	{"srs0+hhhh=tt=orig.example=User+x@fwd.example", "User+x@orig.example"},
	{"SRS0-HHHH=TT=orig.example=a=b@fwd.example", "a=b@orig.example"},
	{"\"SRS0=HHHH=TT=orig.example=a b\"@fwd.example", "\"a b\"@orig.example"},
	{"SRS1=HHH=first.example==HHHH=TT=orig.example=user@fwd", "user@orig.example"},
	{"SRS1=HHH=first.example=+HHHH=TT=orig.example=user@fwd", "user@orig.example"},
	{"SRS1=HHH=first.example=-HHHH=TT=orig.example=user@fwd", "user@orig.example"},
	{"SRS1=HHH=first.example=HHHH=TT=orig.example=user@fwd", NULL},
	{"SRS1=HHH=first.example=@fwd", NULL},
	{"SRS1=HHH==HHHH=TT=orig.example=user@fwd", NULL},
	{"SRS1=HHH=first.example==H=TT=orig.example=user@fwd", "user@orig.example"},
	{"SRS0=HHHH=TT=orig.example=@fwd", NULL},
	{"SRS0=HHHH=TT=orig.example@fwd", NULL},
	{"SRS0=HHHH=TT==user@fwd", NULL},
	{"SRS0==TT=orig.example=user@fwd", NULL},
	{"SRS0=HHHH=TT=or!g=user@fwd", NULL},
	{"SRS0=HHHH=TT=!g=user@fwd", NULL},
	{"SRS0=HHHH=TT=d=user@fwd", "user@d"},
	{"\"SRS0=HHHH=TT=a b=user\"@fwd", NULL},
	{"\"SRS0=HHHH=TT=a@b=user\"@fwd", NULL},
	{"\"SRS0=HH\\=HH=TT=d=user\"@fwd", NULL},
	{"SRS0@fwd", NULL},
	/* nested, as seen in the wild, and worse */
	{"SRS0=Kjsf=5O=citrix.com=prvs=374a1453b=Andrew.Cooper3@kernel.org", "Andrew.Cooper3@citrix.com"},
	{"prvs=0907dd3667=SRS0=HHHH=TT=o.example=u@d", "u@o.example"},
	{"prvs=0907dd3667=btv1==98312345678==msprvs1=17445x=u+prvs=0907dd3667@d", "u@d"},
	{"prvs=0907dd3667=prvs=0907dd3667=prvs=0907dd3667=prvs=0907dd3667=prvs=0907dd3667=u@d", "u@d"},
	{"SRS0=a=b=c.example=SRS0=a=b=d.example=u@e.example", "u@d.example"},
	{"prvs=0907dd3667=u+prvs=0907dd3667@d", "u@d"},
	{"u+prvs=0907dd3667+prvs=0907dd3667@d", "u@d"},
	{"prvs=joe+prvs=0907dd3667@d", "prvs=joe@d"},
	{"prvs=prvs=0907dd3667=u@d", NULL},
};
/* clang-format on */

START_TEST(bare)
{
	const char *in = bares[_i][0], *want = bares[_i][1] ? bares[_i][1] : in;
	size_t len = strlen(want);
	struct batv_addr a;
	char out[128];

	ck_assert_int_eq(batv_tag_bare(in, strlen(in), out, sizeof out), BATV_OK);
	ck_assert_str_eq(out, want);
	ck_assert_int_eq(batv_addr_parse(out, len, &a), BATV_OK);
	ck_assert_int_eq(batv_tag_bare(want, len, out, len + 1), BATV_OK);
	ck_assert_str_eq(out, want);
	memset(out, 'X', sizeof out);
	ck_assert_int_eq(batv_tag_bare(in, strlen(in), out, len), BATV_E_TOO_LONG);
	ck_assert_int_eq(out[0], 'X');
}
END_TEST

START_TEST(canonical_without_a_tag)
{
	const char *in = bares[_i][0], *want = bares[_i][1] ? bares[_i][1] : in;
	char out[BATV_ADDR_SIZE], canon[BATV_ADDR_SIZE];
	struct batv_addr a;
	size_t len;

	ck_assert_int_eq(batv_addr_parse(want, strlen(want), &a), BATV_OK);
	ck_assert_int_eq(batv_addr_canon(&a, canon, sizeof canon, &len), BATV_OK);
	ck_assert(batv_tag_canon(batv_span_of(in), out));
	ck_assert_str_eq(out, canon);
}
END_TEST

/* The byte before an address is no part of it, whatever it is. */
START_TEST(a_backslash_before_the_address)
{
	static const char text[] = "\\\\\\+prvs=0907dd3667@d";
	struct batv_addr a;
	struct batv_tag tag;

	ck_assert_int_eq(batv_addr_parse(text + 1, strlen(text + 1), &a), BATV_OK);
	ck_assert(batv_tag_parse(&a, &tag));
	ck_assert_uint_eq(tag.inner.len, 2);
	ck_assert_int_eq(batv_addr_parse(text, strlen(text), &a), BATV_OK);
	ck_assert(!batv_tag_parse(&a, &tag));
}
END_TEST

START_TEST(bare_of_no_address)
{
	char out[8] = "before", text[BATV_ADDR_INPUT_MAX + 1];

	memset(text, 'a', sizeof text);
	text[1] = '@';
	ck_assert_int_eq(batv_tag_bare("", 0, out, sizeof out), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_tag_bare(NULL, 0, out, sizeof out), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_tag_bare("user", 4, out, sizeof out), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_tag_bare("prvs=0907dd3667=@d>", 19, out, sizeof out), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_tag_bare(text, sizeof text, out, sizeof out), BATV_E_TOO_LONG);
	ck_assert_str_eq(out, "before");
}
END_TEST

START_TEST(canonical_of_no_address)
{
	char out[BATV_ADDR_SIZE] = "before";

	ck_assert(!batv_tag_canon(batv_span_of("user"), out));
	ck_assert_str_eq(out, "");
	ck_assert(!batv_tag_canon(batv_span_of(NULL), out));
	ck_assert_str_eq(out, "");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("tag_bare");
	TCase *tc = tcase_create("tag_bare");

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, srs);
	tcase_add_loop_test(tc, bare, 0, (int)(sizeof bares / sizeof bares[0]));
	tcase_add_loop_test(tc, canonical_without_a_tag, 0, (int)(sizeof bares / sizeof bares[0]));
	tcase_add_test(tc, a_backslash_before_the_address);
	tcase_add_test(tc, bare_of_no_address);
	tcase_add_test(tc, canonical_of_no_address);
	return suite;
}
