/*
 * secret.c - parses and writes the secret file, and changes a set of secrets.  It uses no clock and
 * no files: text and times are arguments.
 *
 * Invariant: every struct batv_secrets that leaves this file is whole: sorted by number, no number
 * twice, every value within its limits.  Copies of secrets that are made on the way are wiped.
 */
#include "secret.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hmac.h"

#define MAGIC "exim-batv secret "
#define MAGIC_LINE MAGIC "1"
#define NUMBER_MAX 999999
#define FIRST_NUMBER_MIN 1000 /* batv_secrets_create: the numbers of new installations */
#define FIRST_NUMBER_COUNT 9000
#define UNKNOWN_FLAG "unknown flag: expected retired=TIME, revoked=TIME or shared"
#define LINE_ROOM 256 /* more than the longest line that we write */

/* The next word of a line; of length 0 at its end. */
static struct batv_span take_word(struct batv_span *line)
{
	struct batv_span word;

	while (line->len > 0 && batv_is_wsp(line->p[0]))
		line->p++, line->len--;
	word.p = line->p;
	word.len = 0;
	while (word.len < line->len && !batv_is_wsp(line->p[word.len]))
		word.len++;
	line->p += word.len;
	line->len -= word.len;
	return word;
}

static bool take_time(struct batv_span word, int64_t min, int64_t max, int64_t *out)
{
	uint64_t value;

	if (!batv_span_to_u64(word, &value) || value > (uint64_t)max || (int64_t)value < min)
		return false;
	*out = (int64_t)value;
	return true;
}

/* Returns a constant phrase that says what is wrong; NULL: nothing.  The flags in `s` must be 0. */
static const char *parse_flag(struct batv_span word, struct batv_secret *s)
{
	static const char retired[] = "retired=", revoked[] = "revoked=";
	const size_t len = sizeof retired - 1;
	struct batv_span value;
	int64_t *slot;

	if (batv_span_equal(word, batv_span_of("shared"))) {
		const char *why = s->shared ? "a flag is given twice" : NULL;

		s->shared = true;
		return why;
	}
	_Static_assert(sizeof retired == sizeof revoked, "one length serves both flags");
	if (word.len <= len)
		return UNKNOWN_FLAG;
	value.p = word.p + len;
	value.len = word.len - len;
	if (memcmp(word.p, retired, len) == 0)
		slot = &s->retired;
	else if (memcmp(word.p, revoked, len) == 0)
		slot = &s->revoked;
	else
		return UNKNOWN_FLAG;
	if (*slot != 0)
		return "a flag is given twice";
	if (!take_time(value, 1, BATV_TIME_MAX, slot))
		return "the time of a flag is not a number of seconds since 1970";
	return NULL;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum |= bytes[i];
	return sum == 0;
}

static const char *parse_bytes(struct batv_span word, uint8_t bytes[static BATV_SECRET_LEN])
{
	if (!batv_span_to_bytes(word, bytes, BATV_SECRET_LEN))
		return "the secret is not 64 hex digits";
	if (all_zero(bytes, BATV_SECRET_LEN))
		return "the secret is all zeros";
	return NULL;
}

static const char *parse_secret(struct batv_span line, struct batv_secret *s)
{
	const char *why;
	int64_t number;
	struct batv_span word;

	if (!take_time(take_word(&line), 1, NUMBER_MAX, &number))
		return "the number is not in 1 to 999999";
	s->number = (uint32_t)number;
	if (!take_time(take_word(&line), 0, BATV_TIME_MAX, &s->start))
		return "the start is not a number of seconds since 1970";
	if (!take_time(take_word(&line), BATV_PERIOD_MIN, BATV_PERIOD_MAX, &s->rotation))
		return "the rotation is not 86400 to 31622400 seconds";
	if (!take_time(take_word(&line), BATV_PERIOD_MIN, BATV_PERIOD_MAX, &s->retention))
		return "the retention is not 86400 to 31622400 seconds";
	why = parse_bytes(take_word(&line), s->bytes);
	while (!why && (word = take_word(&line)).len > 0)
		why = parse_flag(word, s);
	return why;
}

/* Where the number stands, or where it would. */
static size_t place_of_number(const struct batv_secrets *secrets, uint32_t number)
{
	size_t i = secrets->n;

	while (i > 0 && secrets->list[i - 1].number >= number)
		i--;
	return i;
}

static const struct batv_secret *find_number(const struct batv_secrets *secrets, uint32_t number)
{
	size_t i = place_of_number(secrets, number);

	return i < secrets->n && secrets->list[i].number == number ? &secrets->list[i] : NULL;
}

static enum batv_err insert_secret(struct batv_secrets *secrets, const struct batv_secret *s)
{
	size_t at = place_of_number(secrets, s->number);

	if (secrets->n == BATV_SECRETS_MAX)
		return BATV_E_FULL;
	memmove(&secrets->list[at + 1], &secrets->list[at],
		(secrets->n - at) * sizeof secrets->list[0]);
	secrets->list[at] = *s;
	secrets->n++;
	return BATV_OK;
}

static enum batv_err parse_secret_line(struct batv_span line, struct batv_secrets *out,
				       const char **why)
{
	struct batv_secret s = {0};
	enum batv_err err = BATV_E_SYNTAX;

	*why = parse_secret(line, &s);
	if (!*why && find_number(out, s.number)) {
		*why = "this number is already in the file";
		err = BATV_E_CONFLICT;
	} else if (!*why) {
		err = insert_secret(out, &s);
		if (err)
			*why = "more than 1024 secrets";
	}
	OPENSSL_cleanse(&s, sizeof s);
	return err;
}

static enum batv_err parse_memory_line(struct batv_span line, struct batv_secrets *out,
				       const char **why)
{
	if (out->has_memory_key)
		*why = "a second memory line";
	else if ((*why = parse_bytes(take_word(&line), out->memory_key)) == NULL &&
		 take_word(&line).len > 0)
		*why = "more text after the memory key";
	if (*why)
		return BATV_E_SYNTAX;
	out->has_memory_key = true;
	return BATV_OK;
}

/* The last line counts the secrets, because a text that is cut between two lines is well-formed. */
static enum batv_err parse_end_line(struct batv_span line, struct batv_secrets *out,
				    const char **why)
{
	uint64_t n;

	if (!batv_span_to_u64(take_word(&line), &n) || take_word(&line).len > 0)
		*why = "the end line must be \"end\" and the number of secrets";
	else if (n != out->n)
		*why = "the end line has a different number of secrets: lines are missing or were "
		       "added; if the file is right, remove the end line";
	if (*why)
		return BATV_E_SYNTAX;
	out->ended = true;
	return BATV_OK;
}

static enum batv_err parse_line(struct batv_span line, struct batv_secrets *out, const char **why)
{
	struct batv_span word = take_word(&line);

	if (word.len == 0 || word.p[0] == '#')
		return BATV_OK;
	if (out->ended) {
		*why = "more text after the end line";
		return BATV_E_SYNTAX;
	}
	if (batv_span_equal(word, batv_span_of("end")))
		return parse_end_line(line, out, why);
	if (batv_span_equal(word, batv_span_of("secret")))
		return parse_secret_line(line, out, why);
	if (batv_span_equal(word, batv_span_of("memory")))
		return parse_memory_line(line, out, why);
	*why = "unknown keyword: expected secret, memory, end or a comment";
	return BATV_E_SYNTAX;
}

static enum batv_err parse_magic(struct batv_span line, const char **why)
{
	const struct batv_span magic = batv_span_of(MAGIC_LINE);

	if (batv_span_equal(line, magic))
		return BATV_OK;
	if (line.len > sizeof MAGIC - 1 && memcmp(line.p, MAGIC, sizeof MAGIC - 1) == 0) {
		*why = "this program does not know this version of the file";
		return BATV_E_VERSION;
	}
	*why = "not a secret file: the first line must be \"" MAGIC_LINE "\"";
	return BATV_E_SYNTAX;
}

static enum batv_err parse_all(struct batv_span rest, struct batv_secrets *out, unsigned *line_no,
			       const char **why)
{
	struct batv_span line = {rest.p, 0};
	enum batv_err err;
	bool complete = rest.len > 0 && rest.p[rest.len - 1] == '\n';

	*line_no = 1;
	(void)batv_span_next_line(&rest, &line);
	err = parse_magic(line, why);
	while (!err && batv_span_next_line(&rest, &line)) {
		++*line_no;
		err = parse_line(line, out, why);
	}
	if (err)
		return err;
	/* A file that is cut within a line may still be well-formed: think of "revoked=1700". */
	if (!complete) {
		*why = "the last line has no newline: the file was cut off";
		return BATV_E_SYNTAX;
	}
	if (out->n == 0) {
		*why = "there is no secret in the file";
		return BATV_E_SYNTAX;
	}
	return BATV_OK;
}

/* Copies are on the heap: a set is too big for a stack. */
static struct batv_secrets *new_set(void)
{
	return calloc(1, sizeof(struct batv_secrets));
}

/* Ends the life of a copy; if it is good it becomes *out. */
static enum batv_err take_over_copy(struct batv_secrets *copy, enum batv_err err,
				    struct batv_secrets *out)
{
	if (!err)
		*out = *copy;
	batv_secrets_wipe(copy);
	free(copy);
	return err;
}

enum batv_err batv_secrets_parse(const char *text, size_t len, struct batv_secrets *out,
				 unsigned *line, const char **why)
{
	struct batv_secrets *copy;
	const char *phrase = NULL;
	unsigned at = 0;
	enum batv_err err;

	if (len > BATV_SECRET_FILE_MAX) {
		err = BATV_E_TOO_LONG;
		phrase = "longer than 262144 bytes";
	} else if ((copy = new_set()) == NULL) {
		err = BATV_E_IO;
		phrase = "out of memory";
	} else {
		err = parse_all((struct batv_span){text, len}, copy, &at, &phrase);
		err = take_over_copy(copy, err, out);
	}
	if (err && line)
		*line = at;
	if (err && why)
		*why = phrase;
	return err;
}

/* Writes the line of one secret, NUL-terminated, and returns its length.  LINE_ROOM is enough. */
static size_t format_secret(const struct batv_secret *s, bool with_shared,
			    char out[static LINE_ROOM])
{
	char hex[2 * BATV_SECRET_LEN + 1];
	size_t len;

	batv_bytes_to_hex(s->bytes, sizeof s->bytes, hex);
	len = (size_t)snprintf(out, LINE_ROOM,
			       "secret %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %s",
			       s->number, s->start, s->rotation, s->retention, hex);
	if (s->retired)
		len += (size_t)snprintf(out + len, LINE_ROOM - len, " retired=%" PRId64,
					s->retired);
	if (s->revoked)
		len += (size_t)snprintf(out + len, LINE_ROOM - len, " revoked=%" PRId64,
					s->revoked);
	len += (size_t)snprintf(out + len, LINE_ROOM - len, "%s\n",
				s->shared && with_shared ? " shared" : "");
	OPENSSL_cleanse(hex, sizeof hex);
	return len;
}

static size_t format_memory(const struct batv_secrets *secrets, char out[static LINE_ROOM])
{
	char hex[2 * BATV_SECRET_LEN + 1];
	int len;

	if (!secrets->has_memory_key)
		return 0;
	batv_bytes_to_hex(secrets->memory_key, sizeof secrets->memory_key, hex);
	len = snprintf(out, LINE_ROOM, "memory %s\n", hex);
	OPENSSL_cleanse(hex, sizeof hex);
	return (size_t)len;
}

enum batv_err batv_secrets_format(const struct batv_secrets *secrets, char **out, size_t *len)
{
	char *text = malloc((secrets->n + 3) * LINE_ROOM);
	size_t at;

	if (!text)
		return BATV_E_IO;
	at = sizeof MAGIC_LINE;
	memcpy(text, MAGIC_LINE "\n", at + 1);
	for (size_t i = 0; i < secrets->n; i++)
		at += format_secret(&secrets->list[i], true, text + at);
	at += format_memory(secrets, text + at);
	at += (size_t)snprintf(text + at, LINE_ROOM, "end %zu\n", secrets->n);
	*out = text;
	*len = at;
	return BATV_OK;
}

bool batv_secrets_shared(const struct batv_secrets *secrets)
{
	for (size_t i = 0; i < secrets->n; i++)
		if (secrets->list[i].shared)
			return true;
	return false;
}

bool batv_secrets_share(struct batv_secrets *secrets, bool shared)
{
	bool changed = false;

	for (size_t i = 0; i < secrets->n; i++) {
		changed = changed || secrets->list[i].shared != shared;
		secrets->list[i].shared = shared;
	}
	return changed;
}

enum batv_err batv_secret_random(uint8_t bytes[static BATV_SECRET_LEN])
{
	ssize_t got;

	do
		got = getrandom(bytes, BATV_SECRET_LEN, 0);
	while (got < 0 && errno == EINTR);
	/* getrandom() gives up to 256 bytes whole or not at all. */
	if (got != BATV_SECRET_LEN || all_zero(bytes, BATV_SECRET_LEN))
		return BATV_E_IO;
	return BATV_OK;
}

static bool periods_ok(int64_t rotation, int64_t retention, int64_t start)
{
	return rotation >= BATV_PERIOD_MIN && rotation <= BATV_PERIOD_MAX &&
	       retention >= BATV_PERIOD_MIN && retention <= BATV_PERIOD_MAX && start >= 0 &&
	       start <= BATV_TIME_MAX;
}

static enum batv_err add_numbered(struct batv_secrets *secrets, uint32_t number, int64_t rotation,
				  int64_t retention, int64_t start)
{
	struct batv_secret s = {.number = number,
				.start = start,
				.rotation = rotation,
				.retention = retention,
				.shared = batv_secrets_shared(secrets)};
	enum batv_err err;

	if (!periods_ok(rotation, retention, start))
		return BATV_E_SYNTAX;
	err = batv_secret_random(s.bytes);
	if (!err)
		err = insert_secret(secrets, &s);
	OPENSSL_cleanse(&s, sizeof s);
	return err;
}

static uint32_t random_number(const uint8_t bytes[static BATV_SECRET_LEN])
{
	uint32_t value = 0;

	for (size_t i = 0; i < sizeof value; i++)
		value = value << 8 | bytes[i];
	return FIRST_NUMBER_MIN + value % FIRST_NUMBER_COUNT;
}

enum batv_err batv_secrets_create(struct batv_secrets *out, int64_t rotation, int64_t retention,
				  int64_t now)
{
	struct batv_secrets *copy = new_set();
	uint8_t seed[BATV_SECRET_LEN];
	enum batv_err err;

	if (!copy)
		return BATV_E_IO;
	err = batv_secret_random(seed);
	if (!err)
		err = batv_secret_random(copy->memory_key);
	if (!err) {
		copy->has_memory_key = true;
		err = add_numbered(copy, random_number(seed), rotation, retention, now);
	}
	return take_over_copy(copy, err, out);
}

enum batv_err batv_secrets_add(struct batv_secrets *secrets, int64_t rotation, int64_t retention,
			       int64_t start)
{
	uint32_t number = secrets->n ? secrets->list[secrets->n - 1].number + 1 : 1;

	if (number > NUMBER_MAX)
		return BATV_E_FULL;
	return add_numbered(secrets, number, rotation, retention, start);
}

static bool may_sign(const struct batv_secret *s, int64_t when)
{
	return s->start <= when && (s->retired == 0 || when < s->retired) &&
	       (s->revoked == 0 || when < s->revoked);
}

const struct batv_secret *batv_secret_signing(const struct batv_secrets *secrets, int64_t when)
{
	const struct batv_secret *best = NULL;

	/* The list is sorted by number, so the later of two with the same start wins. */
	for (size_t i = 0; i < secrets->n; i++) {
		const struct batv_secret *s = &secrets->list[i];

		if (may_sign(s, when) && (!best || s->start >= best->start))
			best = s;
	}
	return best;
}

static int64_t earlier_set(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

static bool same_secret(const struct batv_secret *a, const struct batv_secret *b)
{
	return a->start == b->start && a->rotation == b->rotation && a->retention == b->retention &&
	       CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct merge {
	bool force;
	int64_t now;
	uint32_t conflict; /* number; 0: none */
	bool broken;
};

/* Merges one local secret into *out, which begins as the incoming set. */
static enum batv_err merge_local(const struct batv_secret *local, struct merge *m,
				 struct batv_secrets *out)
{
	size_t at = place_of_number(out, local->number);
	struct batv_secret *other = &out->list[at], kept;
	enum batv_err err = BATV_OK;

	if (at < out->n && other->number == local->number) {
		if (same_secret(local, other)) {
			other->retired = earlier_set(local->retired, other->retired);
			other->revoked = earlier_set(local->revoked, other->revoked);
			other->shared = other->shared || local->shared;
		} else if (!m->force) {
			m->conflict = local->number;
			err = BATV_E_CONFLICT;
		} else if (local->start <= m->now) {
			m->broken = true;
		}
	} else if (local->start <= m->now) {
		kept = *local;
		kept.retired = earlier_set(kept.retired, m->now);
		err = insert_secret(out, &kept);
		OPENSSL_cleanse(&kept, sizeof kept);
	}
	return err;
}

enum batv_err batv_secrets_merge(const struct batv_secrets *local,
				 const struct batv_secrets *incoming, bool force, int64_t now,
				 struct batv_secrets *out, uint32_t *number, bool *broken)
{
	struct merge m = {.force = force, .now = now};
	struct batv_secrets *copy = new_set();
	enum batv_err err = BATV_OK;

	if (!copy)
		return BATV_E_IO;
	*copy = *incoming;
	for (size_t i = 0; i < local->n && !err; i++)
		err = merge_local(&local->list[i], &m, copy);
	if (!copy->has_memory_key && local->has_memory_key) {
		memcpy(copy->memory_key, local->memory_key, sizeof copy->memory_key);
		copy->has_memory_key = true;
	}
	err = take_over_copy(copy, err, out);
	if (err == BATV_E_CONFLICT && number)
		*number = m.conflict;
	if (!err && broken)
		*broken = m.broken;
	return err;
}

static bool digest_set(EVP_MD_CTX *ctx, const struct batv_secrets *secrets, uint8_t *sum)
{
	char line[LINE_ROOM];
	bool ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; i < secrets->n && ok; i++)
		ok = secrets->list[i].retired ||
		     EVP_DigestUpdate(ctx, line, format_secret(&secrets->list[i], false, line)) ==
			     1;
	OPENSSL_cleanse(line, sizeof line);
	return ok && EVP_DigestFinal_ex(ctx, sum, NULL) == 1;
}

void batv_secrets_fingerprint(const struct batv_secrets *secrets,
			      char out[static BATV_FINGERPRINT_SIZE])
{
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	/* All zeros means that there is no fingerprint. */
	if (!ctx || !digest_set(ctx, secrets, sum))
		memset(sum, 0, sizeof sum);
	EVP_MD_CTX_free(ctx);
	batv_bytes_to_hex(sum, (BATV_FINGERPRINT_SIZE - 1) / 2, out);
}

bool batv_secret_check(const struct batv_secret *secret, char out[static BATV_SECRET_CHECK_SIZE])
{
	uint8_t mac[BATV_HMAC_LEN];
	char text[100];

	(void)snprintf(text, sizeof text, "%" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64,
		       secret->number, secret->start, secret->rotation, secret->retention);
	out[0] = '\0';
	if (!batv_hmac_sha1((struct batv_span){(const char *)secret->bytes, BATV_SECRET_LEN},
			    batv_span_of("exim-batv secret check 1 "), batv_span_of(text), mac))
		return false;
	batv_bytes_to_hex(mac, (BATV_SECRET_CHECK_SIZE - 1) / 2, out);
	return true;
}

void batv_secrets_wipe(struct batv_secrets *secrets)
{
	OPENSSL_cleanse(secrets, sizeof *secrets);
}
