/* links: core/base/hmac core/base/span */
/*
 * test_hmac.c - HMAC-SHA1 against RFC 2202, and against libcrypto's for every key length.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/hmac.h"
#include "unit.h"

#define TEXT(s)                                                                                    \
 {                                                                                                 \
  (s), sizeof(s) - 1                                                                               \
 }

/* clang-format off */
static const struct {
	struct batv_span key;
	unsigned char fill;	/* or, with key.p == NULL: key.len times this byte */
	struct batv_span data;
	unsigned char data_fill;
	const char *mac;
} vectors[] = {
	/* RFC 2202 section 3; cases 6 and 7 have keys longer than a block */
	{{NULL, 20}, 0x0b, TEXT("Hi There"), 0, "b617318655057264e28bc0b6fb378c8ef146be00"},
	{TEXT("Jefe"), 0, TEXT("what do ya want for nothing?"), 0,
	 "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{{NULL, 20}, 0xaa, {NULL, 50}, 0xdd, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
	{TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"
	      "\x16\x17\x18\x19"), 0, {NULL, 50}, 0xcd, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
	{{NULL, 20}, 0x0c, TEXT("Test With Truncation"), 0,
	 "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
	/* everything empty */
	{TEXT(""), 0, TEXT(""), 0, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"},
};
/* clang-format on */

static struct batv_span filled(struct batv_span s, unsigned char fill, char *buffer)
{
	if (s.p)
		return s;
	memset(buffer, fill, s.len);
	return (struct batv_span){buffer, s.len};
}

START_TEST(rfc2202)
{
	char key_buffer[64], data_buffer[64];
	struct batv_span key = filled(vectors[_i].key, vectors[_i].fill, key_buffer);
	struct batv_span data = filled(vectors[_i].data, vectors[_i].data_fill, data_buffer);
	uint8_t mac[BATV_HMAC_LEN];
	char hex[2 * BATV_HMAC_LEN + 1];

	/* the result does not depend on where the data is cut in two */
	for (size_t cut = 0; cut <= data.len; cut++) {
		memset(mac, 0xee, sizeof mac);
		ck_assert(batv_hmac_sha1(key, (struct batv_span){data.p, cut},
					 (struct batv_span){data.p + cut, data.len - cut}, mac));
		batv_bytes_to_hex(mac, sizeof mac, hex);
		ck_assert_str_eq(hex, vectors[_i].mac);
	}
}
END_TEST

START_TEST(every_key_length_as_libcrypto)
{
	char key[BATV_HMAC_KEY_MAX], data[200];

	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (char)(i * 7 + 1);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 11);
	for (size_t len = 0; len <= sizeof key; len++) {
		uint8_t mac[BATV_HMAC_LEN], want[EVP_MAX_MD_SIZE];
		unsigned want_len = 0;
		size_t n = len * 3;

		ck_assert_ptr_nonnull(HMAC(EVP_sha1(), key, (int)len, (const unsigned char *)data,
					   n, want, &want_len));
		ck_assert_uint_eq(want_len, BATV_HMAC_LEN);
		ck_assert(batv_hmac_sha1((struct batv_span){key, len},
					 (struct batv_span){data, n / 3},
					 (struct batv_span){data + n / 3, n - n / 3}, mac));
		ck_assert_mem_eq(mac, want, sizeof mac);
	}
}
END_TEST

START_TEST(a_key_that_is_too_long_is_refused)
{
	const uint8_t zero[BATV_HMAC_LEN] = {0};
	uint8_t mac[BATV_HMAC_LEN];
	char key[BATV_HMAC_KEY_MAX + 1] = "x";

	memset(mac, 0xee, sizeof mac);
	ck_assert(!batv_hmac_sha1((struct batv_span){key, sizeof key}, batv_span_of("a"),
				  batv_span_of("b"), mac));
	ck_assert_mem_eq(mac, zero, sizeof zero);
}
END_TEST

START_TEST(null_is_nothing)
{
	const struct batv_span none = {NULL, 0}, empty = {"", 0};
	uint8_t a[BATV_HMAC_LEN], b[BATV_HMAC_LEN];

	ck_assert(batv_hmac_sha1(none, none, none, a));
	ck_assert(batv_hmac_sha1(empty, empty, empty, b));
	ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

START_TEST(equal_secret)
{
	unsigned char a[20] = "nineteen characters", b[20];

	memcpy(b, a, sizeof b);
	ck_assert(batv_equal_secret(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++)
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			b[i] = (unsigned char)(b[i] ^ bit);
			ck_assert(!batv_equal_secret(a, b, sizeof a));
			ck_assert(batv_equal_secret(a, b, i)); /* len is honoured */
			b[i] = (unsigned char)(b[i] ^ bit);
		}
	ck_assert(batv_equal_secret(a, a, 0));
}
END_TEST

START_TEST(wipe)
{
	const char want[] = "a\0\0\0e";
	char text[] = "abcde";

	batv_wipe(text + 1, 3);
	ck_assert_mem_eq(text, want, sizeof want);
	batv_wipe(text, 0);
	batv_wipe(NULL, 0);
	ck_assert_int_eq(text[0], 'a');
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("hmac");
	TCase *tc = tcase_create("hmac");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, rfc2202, 0, (int)(sizeof vectors / sizeof vectors[0]));
	tcase_add_test(tc, every_key_length_as_libcrypto);
	tcase_add_test(tc, a_key_that_is_too_long_is_refused);
	tcase_add_test(tc, null_is_nothing);
	tcase_add_test(tc, equal_secret);
	tcase_add_test(tc, wipe);
	return suite;
}
