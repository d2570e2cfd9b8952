/*
 * publish.c - writes the state as text.
 *
 * Invariant: what it hands out is what the reader in Exim's processes accepts, for that very
 * reader has read it back.  Keys lie in no other memory than the buffers that are wiped here or
 * handed out: no stdio.
 */
#include "publish.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"

#define TEXT_SIZE (BATV_STATE_MAX + 1)

struct text {
	char *p; /* TEXT_SIZE bytes */
	size_t len;
	bool full; /* something did not fit: what is there is worth nothing */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	size_t n, room = TEXT_SIZE - t->len;
	va_list args;

	va_start(args, format);
	n = (size_t)vsnprintf(t->p + t->len, room, format, args);
	va_end(args);
	if (n >= room)
		t->full = true;
	else
		t->len += n;
}

/* "" leaves no space at the end of its line. */
static void put_text(struct text *t, const char *keyword, const char *value)
{
	put(t, "%s%s%s\n", keyword, value[0] ? " " : "", value);
}

static void put_memory(struct text *t, const struct batv_state *s)
{
	char hex[2 * BATV_MEMORY_KEY_LEN + 1] = "";

	put_text(t, "memory_before", s->memory_before);
	if (s->has_memory_key)
		batv_bytes_to_hex(s->memory_key, sizeof s->memory_key, hex);
	put_text(t, "memory_key", hex);
	batv_wipe(hex, sizeof hex);
}

static void put_option(struct text *t, const void *base, const struct batv_option *opt)
{
	const char *text = batv_option_text(base, opt);
	char value[64]; /* enough for all that is not text */

	if (text)
		put_text(t, opt->name, text);
	else if (batv_option_get(base, opt, value, sizeof value) == BATV_OK)
		put_text(t, opt->name, value);
}

static void put_global(struct text *t, const struct batv_global *global)
{
	for (size_t i = 0; i < batv_globals_count; i++) {
		const struct batv_option *opt = &batv_globals[i];
		const bool if_set = opt->published == BATV_PUBLISHED_IF_SET;

		if (opt->published && !(if_set && !*batv_option_text(global, opt)))
			put_option(t, global, opt);
	}
}

static void put_head(struct text *t, const struct batv_state *s)
{
	put(t, "exim-batv state 1\n");
	put(t, "written %" PRId64 "\n", s->written);
	put(t, "serial %" PRIu64 "\n", s->serial);
	put_text(t, "config", s->config_sum);
	put_text(t, "fingerprint", s->fingerprint);
	put_text(t, "memory", s->memory);
	put_memory(t, s);
	put_global(t, &s->global);
	if (s->lost_until)
		put(t, "lost %" PRId64 " %" PRIu32 "\n", s->lost_until, s->lost_secret);
	if (s->shared)
		put(t, "shared\n");
	for (size_t i = 0; i < s->n_breaks; i++) {
		const struct batv_break *b = &s->breaks[i];

		put(t, "break %s %" PRId64 " %" PRId64 " %s\n", b->policy, b->when, b->until,
		    b->why);
	}
}

static void put_keys(struct text *t, const struct batv_keyring *ring)
{
	for (size_t i = 0; i < ring->n_keys; i++) {
		const struct batv_key *k = &ring->keys[i];

		put(t, "key %" PRIu32 " %" PRIu64 " %u %03u", k->secret, k->epoch, k->number,
		    k->day);
		put(t, " %" PRId64 " %" PRId64 " %" PRId64 " %.*s\n", k->from, k->until, k->destroy,
		    BATV_KEY_TEXT_LEN, k->text);
	}
	for (size_t i = 0; i < ring->n_legacy; i++) {
		const struct batv_legacy_key *k = &ring->legacy[i];
		char hex[2 * sizeof k->bytes + 1];

		batv_bytes_to_hex((const uint8_t *)k->bytes, k->len, hex);
		put(t, "legacy %" PRId64 " %s\n", k->until, hex);
		batv_wipe(hex, sizeof hex);
	}
}

static bool same_value(const struct batv_policy *a, const struct batv_policy *b,
		       const struct batv_option *opt)
{
	const char *text = batv_option_text(a, opt);
	char mine[64], other[64];

	if (text)
		return strcmp(text, batv_option_text(b, opt)) == 0;
	return batv_option_get(a, opt, mine, sizeof mine) == BATV_OK &&
	       batv_option_get(b, opt, other, sizeof other) == BATV_OK && strcmp(mine, other) == 0;
}

static void put_overrides(struct text *t, const struct batv_state *s)
{
	for (size_t i = 0; i < s->n_overrides; i++) {
		const struct batv_override *o = &s->overrides[i];
		char value[BATV_STATE_OVERRIDE_VALUE_SIZE];

		batv_state_override_value(o, value);
		put(t, "override %s %s %s %" PRId64 "\n", batv_state_override_name(o->key),
		    o->domain, value, o->until);
	}
}

/* The policy as configured.  What an override says is in a line of its own. */
static struct batv_policy own_policy(const struct batv_state *s, size_t i)
{
	struct batv_policy p = s->policies[i];

	p.signing = p.signing || (s->signing_configured >> i & 1);
	return p;
}

/* The default policy whole; of a named one what differs, and always what is its own. */
static void put_policies(struct text *t, const struct batv_state *s)
{
	const struct batv_policy first = own_policy(s, 0);

	for (size_t p = 0; p < s->n_policies; p++) {
		const struct batv_policy policy = own_policy(s, p);

		if (p > 0)
			put(t, "policy %s\n", policy.name);
		for (size_t i = 0; i < batv_options_count; i++) {
			const struct batv_option *opt = &batv_options[i];

			if (p == 0 || opt->own || !same_value(&policy, &first, opt))
				put_option(t, &policy, opt);
		}
	}
}

static void say(char *out, size_t size, const char *text)
{
	if (size > 0)
		(void)snprintf(out, size, "%s", text);
}

/* The list that should be a file. */
static void name_longest(const struct batv_state *s, char *out, size_t size)
{
	size_t longest = 0;

	for (size_t p = 0; p < s->n_policies; p++) {
		for (size_t i = 0; i < batv_options_count; i++) {
			const struct batv_option *opt = &batv_options[i];
			const char *text = batv_option_text(&s->policies[p], opt);
			enum batv_list_kind kind;
			char name[128];

			if (!batv_option_is_list(opt, &kind) || strlen(text) <= longest)
				continue;
			longest = strlen(text);
			(void)snprintf(name, sizeof name, "policy %s, option %s",
				       s->policies[p].name, opt->name);
			say(out, size, name);
		}
	}
}

/* Would the reader take it? */
static enum batv_err read_back(const struct text *t, char *reason, size_t size)
{
	struct batv_state *state = malloc(sizeof *state);
	char *copy = malloc(t->len + 1);
	enum batv_err err = BATV_E_IO;
	const char *why = "no memory";
	unsigned line;

	if (state && copy) {
		memcpy(copy, t->p, t->len);
		err = batv_state_parse(copy, t->len, state, &line, &why);
		batv_wipe(copy, t->len);
		batv_wipe(&state->ring, sizeof state->ring);
		batv_wipe(state->memory_key, sizeof state->memory_key);
	}
	if (err != BATV_OK)
		say(reason, size, why);
	free(copy);
	free(state);
	return err;
}

static enum batv_err write_all(struct text *t, const struct batv_state *state, char *list,
			       size_t list_size)
{
	put_head(t, state);
	put_overrides(t, state);
	put_keys(t, &state->ring);
	put_policies(t, state);
	put(t, "end %016" PRIx64 "\n", batv_fnv64(BATV_FNV_START, t->p, t->len));
	if (t->full) {
		name_longest(state, list, list_size);
		return BATV_E_TOO_LONG;
	}
	return read_back(t, list, list_size);
}

enum batv_err batv_publish_format(const struct batv_state *state, char **out, size_t *len,
				  char *list, size_t list_size)
{
	struct text t = {.p = malloc(TEXT_SIZE)};
	enum batv_err err;

	say(list, list_size, "");
	if (!t.p)
		return BATV_E_IO;
	err = write_all(&t, state, list, list_size);
	if (err != BATV_OK) {
		batv_wipe(t.p, TEXT_SIZE);
		free(t.p);
		return err;
	}
	*out = t.p;
	*len = t.len;
	return BATV_OK;
}
