/* links: core/base/hmac */
/* links: admin/secret core/base/span */
/*
 * test_secret.c - the secret file: every kind of wrong line, round trips, and the changes that
 * are made to a set: first one, rotation, import.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "secret.h"
#include "unit.h"

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define HEX_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define HEX_0 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD "exim-batv secret 1\n"
#define LINE "secret 4711 1700000000 604800 604800 " HEX_A
#define NOW INT64_C(1800000000)
#define DAY(n) ((int64_t)(n)*BATV_DAY)

static struct batv_secrets set, other, result;

static enum batv_err parse(const char *text, struct batv_secrets *out)
{
	unsigned line;
	const char *why;

	return batv_secrets_parse(text, strlen(text), out, &line, &why);
}

/* Field by field: padding is nobody's. */
static void same_secrets(const struct batv_secrets *a, const struct batv_secrets *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct batv_secret *x = &a->list[i], *y = &b->list[i];

		ck_assert_uint_eq(x->number, y->number);
		ck_assert_int_eq(x->start, y->start);
		ck_assert_int_eq(x->rotation, y->rotation);
		ck_assert_int_eq(x->retention, y->retention);
		ck_assert_int_eq(x->retired, y->retired);
		ck_assert_int_eq(x->revoked, y->revoked);
		ck_assert_mem_eq(x->bytes, y->bytes, sizeof x->bytes);
	}
}

static void same_set(const struct batv_secrets *a, const struct batv_secrets *b)
{
	ck_assert_uint_eq(a->n, b->n);
	same_secrets(a, b, a->n);
	ck_assert_int_eq(a->has_memory_key, b->has_memory_key);
	ck_assert_mem_eq(a->memory_key, b->memory_key, sizeof a->memory_key);
}

static const struct {
	const char *text;
	enum batv_err want;
	unsigned line;
	const char *why; /* a part of it */
} wrong[] = {
	{"", BATV_E_SYNTAX, 1, "first line"},
	{"\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secret 1", BATV_E_SYNTAX, 1, "cut off"},
	{"exim-batv secret 1 \n" LINE "\n", BATV_E_VERSION, 1, "version"},
	{"exim-batv secret \n" LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secret\n" LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secrets\n" LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secrets 1\n" LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secret x\n" LINE "\n", BATV_E_VERSION, 1, "version"},
	{"exim-batv secret 2\n" LINE "\n", BATV_E_VERSION, 1, "version"},
	{"exim-batv state 1\n" LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"# comment\n" HEAD LINE "\n", BATV_E_SYNTAX, 1, "first line"},
	{"exim-batv secret 1\r\n" LINE "\n", BATV_E_VERSION, 1, "version"},
	{HEAD, BATV_E_SYNTAX, 1, "no secret"},
	{HEAD "# nothing\n\n", BATV_E_SYNTAX, 3, "no secret"},
	{HEAD "memory " HEX_A "\n", BATV_E_SYNTAX, 2, "no secret"},
	{HEAD LINE, BATV_E_SYNTAX, 2, "cut off"},
	{HEAD LINE " retired=17", BATV_E_SYNTAX, 2, "cut off"},
	{HEAD LINE "\r\n", BATV_E_SYNTAX, 2, "hex"},
	{HEAD "secrets 4711\n", BATV_E_SYNTAX, 2, "keyword"},
	{HEAD "Secret 4711\n", BATV_E_SYNTAX, 2, "keyword"},
	{HEAD "secret\n", BATV_E_SYNTAX, 2, "number"},
	{HEAD "secret 0 1700000000 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "number"},
	{HEAD "secret -1 1700000000 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "number"},
	{HEAD "secret 1000000 1700000000 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "number"},
	{HEAD "secret 99999999999999999999 1 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2,
	 "number"},
	{HEAD "secret 4711\n", BATV_E_SYNTAX, 2, "start"},
	{HEAD "secret 4711 -5 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "start"},
	{HEAD "secret 4711 253402300800 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "start"},
	{HEAD "secret 4711 17e8 604800 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "start"},
	{HEAD "secret 4711 1700000000\n", BATV_E_SYNTAX, 2, "rotation"},
	{HEAD "secret 4711 1700000000 86399 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "rotation"},
	{HEAD "secret 4711 1700000000 31622401 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "rotation"},
	{HEAD "secret 4711 1700000000 7d 604800 " HEX_A "\n", BATV_E_SYNTAX, 2, "rotation"},
	{HEAD "secret 4711 1700000000 604800\n", BATV_E_SYNTAX, 2, "retention"},
	{HEAD "secret 4711 1700000000 604800 86399 " HEX_A "\n", BATV_E_SYNTAX, 2, "retention"},
	{HEAD "secret 4711 1700000000 604800 31622401 " HEX_A "\n", BATV_E_SYNTAX, 2, "retention"},
	{HEAD "secret 4711 1700000000 604800 604800\n", BATV_E_SYNTAX, 2, "hex"},
	{HEAD "secret 4711 1700000000 604800 604800 " HEX_A "0\n", BATV_E_SYNTAX, 2, "hex"},
	{HEAD "secret 4711 1700000000 604800 604800 abc\n", BATV_E_SYNTAX, 2, "hex"},
	{HEAD "secret 4711 1700000000 604800 604800 g" HEX_A "\n", BATV_E_SYNTAX, 2, "hex"},
	{HEAD "secret 4711 1700000000 604800 604800 " HEX_0 "\n", BATV_E_SYNTAX, 2, "zeros"},
	{HEAD LINE " revoked\n", BATV_E_SYNTAX, 2, "flag"},
	{HEAD LINE " revoked=\n", BATV_E_SYNTAX, 2, "unknown flag"},
	{HEAD LINE " revoked=0\n", BATV_E_SYNTAX, 2, "time of a flag"},
	{HEAD LINE " revoked=now\n", BATV_E_SYNTAX, 2, "time of a flag"},
	{HEAD LINE " stolen=1700000000\n", BATV_E_SYNTAX, 2, "unknown flag"},
	{HEAD LINE " retired=5 retired=5\n", BATV_E_SYNTAX, 2, "twice"},
	{HEAD LINE " shared shared\n", BATV_E_SYNTAX, 2, "twice"},
	{HEAD LINE " shared=1\n", BATV_E_SYNTAX, 2, "unknown flag"},
	{HEAD LINE " unshared\n", BATV_E_SYNTAX, 2, "unknown flag"},
	{HEAD LINE " # comment\n", BATV_E_SYNTAX, 2, "unknown flag"},
	{HEAD LINE "\n\n" LINE "\n", BATV_E_CONFLICT, 4, "already"},
	{HEAD LINE "\nend\n", BATV_E_SYNTAX, 3, "end line must be"},
	{HEAD LINE "\nend one\n", BATV_E_SYNTAX, 3, "end line must be"},
	{HEAD LINE "\nend 1 1\n", BATV_E_SYNTAX, 3, "end line must be"},
	{HEAD LINE "\nend 2\n", BATV_E_SYNTAX, 3, "lines are missing"},
	{HEAD LINE "\nend 1\nmemory " HEX_A "\n", BATV_E_SYNTAX, 4, "after the end line"},
	{HEAD LINE "\nmemory\n", BATV_E_SYNTAX, 3, "hex"},
	{HEAD LINE "\nmemory " HEX_0 "\n", BATV_E_SYNTAX, 3, "zeros"},
	{HEAD LINE "\nmemory " HEX_A " x\n", BATV_E_SYNTAX, 3, "more text"},
	{HEAD LINE "\nmemory " HEX_A "\nmemory " HEX_A "\n", BATV_E_SYNTAX, 4, "second"},
};

START_TEST(wrong_lines_are_named)
{
	unsigned line = 999;
	const char *why = NULL;

	memset(&set, 0x5a, sizeof set);
	memcpy(&other, &set, sizeof set);
	ck_assert_int_eq(
		batv_secrets_parse(wrong[_i].text, strlen(wrong[_i].text), &set, &line, &why),
		wrong[_i].want);
	ck_assert_uint_eq(line, wrong[_i].line);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, wrong[_i].why), "\"%s\" lacks \"%s\"", why, wrong[_i].why);
	ck_assert_mem_eq(&set, &other, sizeof set); /* nothing is half applied */
	ck_assert_int_eq(
		batv_secrets_parse(wrong[_i].text, strlen(wrong[_i].text), &set, NULL, NULL),
		wrong[_i].want);
}
END_TEST

START_TEST(nul_bytes_and_long_files)
{
	static char text[BATV_SECRET_FILE_MAX + 2];
	unsigned line;
	const char *why;
	size_t len = sizeof HEAD LINE; /* the NUL is the last character */

	memcpy(text, HEAD LINE, len);
	ck_assert_int_eq(batv_secrets_parse(text, len, &set, &line, &why), BATV_E_SYNTAX);
	memset(text, '\n', sizeof text);
	memcpy(text, HEAD LINE "\n", sizeof HEAD LINE);
	ck_assert_int_eq(batv_secrets_parse(text, sizeof text, &set, &line, &why), BATV_E_TOO_LONG);
	ck_assert_uint_eq(line, 0);
	ck_assert_int_eq(batv_secrets_parse(text, BATV_SECRET_FILE_MAX, &set, &line, &why),
			 BATV_OK);
}
END_TEST

START_TEST(good_file_is_read)
{
	const char *text = HEAD "# two of them, the later one first\n"
				"\tsecret  12 1700000001 86400 31622400 " HEX_B
				" revoked=1700000003 retired=1700000002 \n"
				"\n" LINE "\nmemory " HEX_B "\n#";
	char whole[1024];

	(void)snprintf(whole, sizeof whole, "%s\n", text);
	ck_assert_int_eq(parse(whole, &set), BATV_OK);
	ck_assert_uint_eq(set.n, 2);
	ck_assert_uint_eq(set.list[0].number, 12);
	ck_assert_int_eq(set.list[0].start, 1700000001);
	ck_assert_int_eq(set.list[0].rotation, 86400);
	ck_assert_int_eq(set.list[0].retention, 31622400);
	ck_assert_int_eq(set.list[0].retired, 1700000002);
	ck_assert_int_eq(set.list[0].revoked, 1700000003);
	ck_assert_uint_eq(set.list[0].bytes[0], 0xff);
	ck_assert_uint_eq(set.list[1].number, 4711);
	ck_assert_uint_eq(set.list[1].bytes[31], 0xff);
	ck_assert(set.has_memory_key);
	ck_assert_uint_eq(set.memory_key[1], 0xee);
}
END_TEST

START_TEST(the_smallest_values_are_read)
{
	static const char first[] =
		"0100000000000000000000000000000000000000000000000000000000000000";
	char text[1024];

	(void)snprintf(text, sizeof text, HEAD "secret 1 0 86400 86400 %s retired=1 revoked=1 \n",
		       first);
	ck_assert_int_eq(parse(text, &set), BATV_OK);
	ck_assert_int_eq(set.list[0].start, 0);
	ck_assert_int_eq(set.list[0].retired, 1);
	ck_assert_int_eq(set.list[0].revoked, 1);
	ck_assert_uint_eq(set.list[0].bytes[0], 1);
}
END_TEST

/* ---- the kernel's random bytes, in the place of getrandom() ---- */

static struct {
	bool on;
	int interrupted, error; /* how often, and then what */
	ssize_t got;
	uint8_t bytes[BATV_SECRET_LEN];
} source;

ssize_t getrandom(void *out, size_t size, unsigned flags)
{
	static ssize_t (*real)(void *, size_t, unsigned);

	*(void **)&real = dlsym(RTLD_NEXT, "getrandom");
	if (!source.on)
		return real(out, size, flags);
	ck_assert_uint_eq(flags, 0); /* it waits until the kernel has some */
	ck_assert_uint_eq(size, BATV_SECRET_LEN);
	errno = source.interrupted > 0 ? EINTR : source.error;
	if (source.interrupted-- > 0 || source.error)
		return -1;
	memcpy(out, source.bytes, size);
	return source.got;
}

START_TEST(random_bytes)
{
	uint8_t bytes[BATV_SECRET_LEN] = {0};

	source.on = true;
	source.got = BATV_SECRET_LEN;
	source.bytes[31] = 1;
	source.interrupted = 2;
	ck_assert_int_eq(batv_secret_random(bytes), BATV_OK);
	ck_assert_mem_eq(bytes, source.bytes, sizeof bytes);
	ck_assert_int_lt(source.interrupted, 0);
	errno = EINTR; /* of an earlier call */
	ck_assert_int_eq(batv_secret_random(bytes), BATV_OK);
	source.got = BATV_SECRET_LEN - 1;
	ck_assert_int_eq(batv_secret_random(bytes), BATV_E_IO);
	source.got = BATV_SECRET_LEN;
	source.bytes[31] = 0;
	ck_assert_int_eq(batv_secret_random(bytes), BATV_E_IO);
	source.bytes[31] = 1;
	source.error = EIO;
	ck_assert_int_eq(batv_secret_random(bytes), BATV_E_IO);
	ck_assert_int_eq(batv_secrets_create(&set, DAY(7), DAY(7), NOW), BATV_E_IO);
}
END_TEST

static uint32_t number_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	source.on = true;
	source.got = BATV_SECRET_LEN;
	memcpy(source.bytes, (uint8_t[]){a, b, c, d, 0xff}, 5);
	ck_assert_int_eq(batv_secrets_create(&set, DAY(7), DAY(7), NOW), BATV_OK);
	return set.list[0].number;
}

/* The first four random bytes, as a number, are spread over 1000 to 9999. */
START_TEST(numbers_of_first_secrets)
{
	ck_assert_uint_eq(number_of(0, 0, 0, 0), 1000);
	ck_assert_uint_eq(number_of(0, 0, 0, 1), 1001);
	ck_assert_uint_eq(number_of(0, 0, 35, 39), 9999);
	ck_assert_uint_eq(number_of(0, 0, 35, 40), 1000);
	ck_assert_uint_eq(number_of(0, 1, 0, 0), 1000 + 65536 % 9000);
	ck_assert_uint_eq(number_of(255, 255, 255, 255), 1000 + 4294967295 % 9000);
}
END_TEST

static void make(struct batv_secrets *out, size_t n)
{
	ck_assert_int_eq(batv_secrets_create(out, DAY(7), DAY(7), NOW), BATV_OK);
	while (out->n < n)
		ck_assert_int_eq(batv_secrets_add(out, DAY(1), DAY(366), NOW + (int64_t)out->n),
				 BATV_OK);
}

START_TEST(what_is_written_is_read_back)
{
	const size_t counts[] = {1, 2, 40, BATV_SECRETS_MAX};
	char *text;
	size_t len;

	make(&set, counts[_i]);
	set.list[0].revoked = NOW;
	set.list[set.n - 1].retired = BATV_TIME_MAX;
	set.has_memory_key = _i % 2 == 0;
	if (!set.has_memory_key)
		memset(set.memory_key, 0, sizeof set.memory_key);
	ck_assert_int_eq(batv_secrets_format(&set, &text, &len), BATV_OK);
	ck_assert_uint_eq(strlen(text), len);
	ck_assert_uint_le(len, BATV_SECRET_FILE_MAX);
	ck_assert_int_eq(batv_secrets_parse(text, len, &other, NULL, NULL), BATV_OK);
	same_set(&set, &other);
	free(text);
}
END_TEST

/* Cut at any place it is refused, or lacks whole lines only. */
START_TEST(no_truncation_changes_a_value)
{
	char *text;
	size_t len;

	make(&set, 3);
	set.list[1].revoked = NOW;
	ck_assert_int_eq(batv_secrets_format(&set, &text, &len), BATV_OK);
	for (size_t cut = 0; cut < len; cut++)
		if (batv_secrets_parse(text, cut, &other, NULL, NULL) == BATV_OK) {
			ck_assert_int_eq(text[cut - 1], '\n');
			same_secrets(&set, &other, other.n);
			ck_assert(!other.ended); /* so import refuses it */
		}
	ck_assert_int_eq(batv_secrets_parse(text, len, &other, NULL, NULL), BATV_OK);
	ck_assert(other.ended);
	free(text);
}
END_TEST

START_TEST(more_than_the_maximum)
{
	char *text, *longer;
	size_t len;

	make(&set, BATV_SECRETS_MAX);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(7), DAY(7), NOW), BATV_E_FULL);
	ck_assert_uint_eq(set.n, BATV_SECRETS_MAX);
	ck_assert_int_eq(batv_secrets_format(&set, &text, &len), BATV_OK);
	longer = malloc(len + 200);
	*strstr(text, "end ") = '\0';
	(void)snprintf(longer, len + 200, "%ssecret 999999 1 86400 86400 " HEX_A "\n", text);
	ck_assert_int_eq(parse(longer, &other), BATV_E_FULL);
	free(longer);
	free(text);
}
END_TEST

START_TEST(created_sets_differ)
{
	ck_assert_int_eq(batv_secrets_create(&set, DAY(7), DAY(8), NOW), BATV_OK);
	ck_assert_int_eq(batv_secrets_create(&other, DAY(7), DAY(8), NOW), BATV_OK);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_uint_ge(set.list[0].number, 1000);
	ck_assert_uint_le(set.list[0].number, 9999);
	ck_assert_int_eq(set.list[0].start, NOW);
	ck_assert_int_eq(set.list[0].retention, DAY(8));
	ck_assert(set.has_memory_key);
	ck_assert(memcmp(set.list[0].bytes, other.list[0].bytes, BATV_SECRET_LEN) != 0);
	ck_assert(memcmp(set.memory_key, other.memory_key, BATV_SECRET_LEN) != 0);
	ck_assert(memcmp(set.memory_key, set.list[0].bytes, BATV_SECRET_LEN) != 0);
}
END_TEST

START_TEST(add_takes_the_next_number_and_keeps_limits)
{
	make(&set, 1);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(2), DAY(3), NOW + 5), BATV_OK);
	ck_assert_uint_eq(set.list[1].number, set.list[0].number + 1);
	ck_assert_int_eq(set.list[1].start, NOW + 5);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1) - 1, DAY(3), NOW), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(366) + 1, NOW), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(1), -1), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(1), BATV_TIME_MAX + 1), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_secrets_create(&other, 0, DAY(1), NOW), BATV_E_SYNTAX);
	ck_assert_uint_eq(set.n, 2);
	set.list[1].number = 999998;
	ck_assert_int_eq(batv_secrets_add(&set, DAY(366), DAY(366), NOW), BATV_OK);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(1), NOW), BATV_E_FULL);
	set.n = 0;
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(1), 0), BATV_OK);
	ck_assert_uint_eq(set.list[0].number, 1);
	ck_assert_int_eq(batv_secrets_add(&set, DAY(1), DAY(1), BATV_TIME_MAX), BATV_OK);
}
END_TEST

static uint32_t signing(int64_t when)
{
	const struct batv_secret *s = batv_secret_signing(&set, when);

	return s ? s->number : 0;
}

START_TEST(the_latest_start_signs)
{
	ck_assert_int_eq(parse(HEAD "secret 1 100 86400 86400 " HEX_A "\n"
				    "secret 2 300 86400 86400 " HEX_A " retired=500\n"
				    "secret 3 200 86400 86400 " HEX_A "\n"
				    "secret 4 300 86400 86400 " HEX_A " revoked=400\n"
				    "secret 5 250 86400 86400 " HEX_A " retired=240\n",
			       &set),
			 BATV_OK);
	ck_assert_uint_eq(signing(99), 0);
	ck_assert_uint_eq(signing(100), 1);
	ck_assert_uint_eq(signing(199), 1);
	ck_assert_uint_eq(signing(200), 3);
	ck_assert_uint_eq(signing(299), 3);
	ck_assert_uint_eq(signing(300), 4); /* same start as 2: the higher number */
	ck_assert_uint_eq(signing(399), 4);
	ck_assert_uint_eq(signing(400), 2);
	ck_assert_uint_eq(signing(499), 2);
	ck_assert_uint_eq(signing(500), 3);
	ck_assert_uint_eq(signing(INT64_MAX), 3);
}
END_TEST

static enum batv_err merge(const char *local, const char *incoming, bool force, uint32_t *number,
			   bool *broken)
{
	ck_assert_int_eq(parse(local, &set), BATV_OK);
	ck_assert_int_eq(parse(incoming, &other), BATV_OK);
	return batv_secrets_merge(&set, &other, force, NOW, &result, number, broken);
}

START_TEST(import_replaces_the_set)
{
	uint32_t number = 0;
	bool broken = true;

	ck_assert_int_eq(merge(HEAD "secret 1 100 86400 86400 " HEX_A "\n"
				    "secret 2 1800000001 86400 86400 " HEX_A "\n"
				    "secret 3 200 86400 86400 " HEX_A " revoked=300\n"
				    "secret 4 300 86400 86400 " HEX_A " retired=400\n"
				    "secret 5 1800000000 86400 86400 " HEX_A "\n"
				    "secret 6 600 86400 86400 " HEX_A " retired=700 revoked=900\n"
				    "memory " HEX_A "\n",
			       HEAD "secret 6 600 86400 86400 " HEX_A " retired=800 revoked=850\n"
				    "secret 7 1900000000 86400 86400 " HEX_B "\nmemory " HEX_B "\n",
			       false, &number, &broken),
			 BATV_OK);
	ck_assert(!broken);
	ck_assert_uint_eq(result.n, 6); /* 1, 3, 4, 5, 6, 7; 2 has never signed */
	ck_assert_int_eq(result.list[0].retired, NOW);
	ck_assert_int_eq(result.list[1].revoked, 300);
	ck_assert_int_eq(result.list[2].retired, 400);
	ck_assert_uint_eq(result.list[3].number, 5);
	ck_assert_int_eq(result.list[3].retired, NOW);
	ck_assert_int_eq(result.list[4].retired, 700); /* the earlier of two */
	ck_assert_int_eq(result.list[4].revoked, 850);
	ck_assert_uint_eq(result.list[5].number, 7);
	ck_assert_int_eq(result.list[5].retired, 0);
	ck_assert_uint_eq(result.memory_key[0], 0xff);
	ck_assert_uint_eq(number, 0);
	/* what only one side says of a secret holds for both */
	for (int here = 0; here < 2; here++) {
		const char *said = HEAD LINE " retired=1700000002 revoked=1700000003\n";

		ck_assert_int_eq(merge(here ? said : HEAD LINE "\n", here ? HEAD LINE "\n" : said,
				       false, NULL, NULL),
				 BATV_OK);
		ck_assert_int_eq(result.list[0].retired, 1700000002);
		ck_assert_int_eq(result.list[0].revoked, 1700000003);
	}
}
END_TEST

START_TEST(import_without_a_memory_key_keeps_ours)
{
	ck_assert_int_eq(merge(HEAD LINE "\nmemory " HEX_B "\n", HEAD LINE "\n", false, NULL, NULL),
			 BATV_OK);
	ck_assert(result.has_memory_key);
	ck_assert_uint_eq(result.memory_key[0], 0xff);
	/* and a result may be one of its sources */
	ck_assert_int_eq(batv_secrets_merge(&set, &other, false, NOW, &set, NULL, NULL), BATV_OK);
	same_set(&set, &result);
}
END_TEST

static const char *const conflicts[] = {
	HEAD "secret 4711 1700000000 604800 604800 " HEX_B "\n",
	HEAD "secret 4711 1700000001 604800 604800 " HEX_A "\n",
	HEAD "secret 4711 1700000000 604801 604800 " HEX_A "\n",
	HEAD "secret 4711 1700000000 604800 604801 " HEX_A "\n",
};

START_TEST(import_of_a_used_number_conflicts)
{
	uint32_t number = 0;
	bool broken = false;

	memset(&result, 0x5a, sizeof result);
	ck_assert_int_eq(merge(HEAD LINE "\n", conflicts[_i], false, &number, &broken),
			 BATV_E_CONFLICT);
	ck_assert_uint_eq(number, 4711);
	ck_assert(!broken);
	ck_assert_uint_eq(result.list[0].bytes[0], 0x5a);
	ck_assert_int_eq(merge(HEAD LINE "\n", conflicts[_i], false, NULL, NULL), BATV_E_CONFLICT);
	ck_assert_int_eq(merge(HEAD LINE " revoked=5\n", conflicts[_i], true, &number, &broken),
			 BATV_OK);
	ck_assert(broken);
	same_set(&result, &other);
	/* it signs since this second */
	ck_assert_int_eq(merge(HEAD "secret 4711 1800000000 604800 604800 " HEX_A "\n",
			       conflicts[_i], true, &number, &broken),
			 BATV_OK);
	ck_assert(broken);
	/* what never signed is replaced without harm */
	ck_assert_int_eq(merge(HEAD "secret 4711 1900000000 604800 604800 " HEX_A "\n",
			       conflicts[_i], true, &number, &broken),
			 BATV_OK);
	ck_assert(!broken);
}
END_TEST

START_TEST(import_that_does_not_fit)
{
	make(&set, BATV_SECRETS_MAX);
	ck_assert_int_eq(parse(HEAD "secret 1 5 86400 86400 " HEX_A "\n", &other), BATV_OK);
	ck_assert_int_eq(batv_secrets_merge(&set, &other, false, NOW + DAY(9), &result, NULL, NULL),
			 BATV_E_FULL);
}
END_TEST

START_TEST(fingerprints)
{
	char a[BATV_FINGERPRINT_SIZE], b[BATV_FINGERPRINT_SIZE];

	make(&set, 3);
	other = set;
	batv_secrets_fingerprint(&set, a);
	ck_assert_uint_eq(strlen(a), 16);
	ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 16);
	other.memory_key[3] ^= 1; /* no key comes from it */
	batv_secrets_fingerprint(&other, b);
	ck_assert_str_eq(a, b);
	other = set;
	other.list[1].retired = 1;
	batv_secrets_fingerprint(&other, a);
	other.list[1].bytes[0] ^= 1; /* what this host alone has does not count */
	batv_secrets_fingerprint(&other, b);
	ck_assert_str_eq(a, b);
	batv_secrets_fingerprint(&set, a);
	for (size_t change = 0; change < 7; change++) {
		struct batv_secret *s = &other.list[1];

		other = set;
		s->number += change == 0 ? 5 : 0;
		s->start += change == 1;
		s->rotation += change == 2;
		s->retention += change == 3;
		s->retired += change == 4;
		s->revoked += change == 5;
		s->bytes[31] ^= change == 6;
		batv_secrets_fingerprint(&other, b);
		ck_assert_str_ne(a, b);
	}
}
END_TEST

static bool no_digest;

/* In the place of libcrypto's. */
EVP_MD_CTX *EVP_MD_CTX_new(void)
{
	static EVP_MD_CTX *(*real)(void);

	*(void **)&real = dlsym(RTLD_NEXT, "EVP_MD_CTX_new");
	return no_digest ? NULL : real();
}

/* As docs/formats.md says: the lines of all secrets that are not retired. */
START_TEST(what_a_fingerprint_is_made_of)
{
	static const char one[] = "secret 1 100 86400 86400 " HEX_B "\n",
			  two[] = "secret 2 200 86400 86400 " HEX_B " revoked=300\n";
	char text[1000], got[BATV_FINGERPRINT_SIZE], want[BATV_FINGERPRINT_SIZE] = "";
	unsigned char sum[EVP_MAX_MD_SIZE];

	(void)snprintf(text, sizeof text,
		       HEAD "%ssecret 3 200 86400 86400 " HEX_A " retired=300\n%s", two, one);
	ck_assert_int_eq(parse(text, &set), BATV_OK);
	batv_secrets_fingerprint(&set, got);
	(void)snprintf(text, sizeof text, "%s%s", one, two);
	ck_assert_int_eq(EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < 8; i++)
		(void)snprintf(want + 2 * i, 3, "%02x", sum[i]);
	ck_assert_str_eq(got, want);
	no_digest = true;
	batv_secrets_fingerprint(&set, got);
	ck_assert_str_eq(got, "0000000000000000");
}
END_TEST

/* As docs/formats.md says: 8 bytes of an HMAC of number and times. */
START_TEST(a_check_of_a_secret)
{
	static const char text[] = "exim-batv secret check 1 4711 1700000000 604800 604800";
	char got[BATV_SECRET_CHECK_SIZE + 1] = "################!", want[17] = "";
	unsigned char mac[EVP_MAX_MD_SIZE];

	ck_assert_int_eq(parse(HEAD LINE "\n", &set), BATV_OK);
	ck_assert_ptr_nonnull(HMAC(EVP_sha1(), set.list[0].bytes, 32, (const unsigned char *)text,
				   strlen(text), mac, NULL));
	for (size_t i = 0; i < 8; i++)
		(void)snprintf(want + 2 * i, 3, "%02x", mac[i]);
	ck_assert(batv_secret_check(&set.list[0], got));
	ck_assert_str_eq(got, want);
}
END_TEST

/* Another server has it: that is said by each line, and by no fingerprint. */
START_TEST(shared)
{
	char a[BATV_FINGERPRINT_SIZE], b[BATV_FINGERPRINT_SIZE];
	static struct batv_secrets out;
	char *text;
	size_t len;

	ck_assert_int_eq(parse(HEAD LINE " shared revoked=1700000003\n", &set), BATV_OK);
	ck_assert(set.list[0].shared && set.list[0].revoked == 1700000003);
	ck_assert(batv_secrets_shared(&set) && !batv_secrets_share(&set, true));
	ck_assert(batv_secrets_share(&set, false) && !batv_secrets_shared(&set));
	ck_assert(!batv_secrets_share(&set, false));
	batv_secrets_fingerprint(&set, a);
	ck_assert_int_eq(batv_secrets_add(&set, 604800, 604800, 1800000000), BATV_OK);
	ck_assert(!set.list[1].shared);
	ck_assert_int_eq(parse(HEAD LINE " revoked=1700000003\n", &set), BATV_OK);
	ck_assert(batv_secrets_share(&set, true));
	batv_secrets_fingerprint(&set, b);
	ck_assert_str_eq(a, b);
	/* written, and read back */
	ck_assert_int_eq(batv_secrets_format(&set, &text, &len), BATV_OK);
	ck_assert_ptr_nonnull(strstr(text, " revoked=1700000003 shared\nend 1\n"));
	ck_assert_int_eq(batv_secrets_parse(text, len, &other, NULL, NULL), BATV_OK);
	ck_assert(other.list[0].shared);
	free(text);
	/* a secret that is added is given to the others, or they still send with the last one */
	ck_assert_int_eq(batv_secrets_add(&set, 604800, 604800, 1800000000), BATV_OK);
	ck_assert(set.list[1].shared);
	/* it is shared if either side says so */
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(parse(HEAD LINE "\n", &set), BATV_OK);
		ck_assert_int_eq(parse(HEAD LINE "\n", &other), BATV_OK);
		(void)batv_secrets_share(&set, i & 1);
		(void)batv_secrets_share(&other, i & 2);
		ck_assert_int_eq(
			batv_secrets_merge(&set, &other, false, 1800000000, &out, NULL, NULL),
			BATV_OK);
		ck_assert(batv_secrets_shared(&out) == (i > 0));
	}
}
END_TEST

START_TEST(wiping_leaves_nothing)
{
	make(&set, 2);
	batv_secrets_wipe(&set);
	memset(&other, 0, sizeof other);
	ck_assert_mem_eq(&set, &other, sizeof set);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("secret");
	TCase *tc = tcase_create("file"), *tm = tcase_create("set");

	tcase_add_loop_test(tc, wrong_lines_are_named, 0, (int)(sizeof wrong / sizeof wrong[0]));
	tcase_add_test(tc, nul_bytes_and_long_files);
	tcase_add_test(tc, good_file_is_read);
	tcase_add_test(tc, the_smallest_values_are_read);
	tcase_add_loop_test(tc, what_is_written_is_read_back, 0, 4);
	tcase_add_test(tc, no_truncation_changes_a_value);
	tcase_add_test(tc, more_than_the_maximum);
	suite_add_tcase(s, tc);
	tcase_add_test(tm, created_sets_differ);
	tcase_add_test(tm, random_bytes);
	tcase_add_test(tm, numbers_of_first_secrets);
	tcase_add_test(tm, add_takes_the_next_number_and_keeps_limits);
	tcase_add_test(tm, the_latest_start_signs);
	tcase_add_test(tm, import_replaces_the_set);
	tcase_add_test(tm, import_without_a_memory_key_keeps_ours);
	tcase_add_loop_test(tm, import_of_a_used_number_conflicts, 0,
			    (int)(sizeof conflicts / sizeof conflicts[0]));
	tcase_add_test(tm, import_that_does_not_fit);
	tcase_add_test(tm, fingerprints);
	tcase_add_test(tm, what_a_fingerprint_is_made_of);
	tcase_add_test(tm, a_check_of_a_secret);
	tcase_add_test(tm, shared);
	tcase_add_test(tm, wiping_leaves_nothing);
	suite_add_tcase(s, tm);
	return s;
}
