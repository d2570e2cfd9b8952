/*
 * ctl_cache.c - keeps the answers of a matcher.
 *
 * Invariant: a place holds a whole question and its answer, until another question with the same
 * place replaces it.  MAYBE is not kept; such a question is asked again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_cache.h"

#define PLACES 16384

struct place {
	char question[320]; /* kind, value, list's address; "": empty */
	enum batv_match answer;
};

struct batv_cache {
	const struct batv_matcher *inner;
	struct place places[PLACES];
};

/* NULL: too long to be kept. */
static struct place *place_of_question(struct batv_cache *c, char *question, size_t size, char kind,
				       const char *value, const char *list)
{
	int n = snprintf(question, size, "%c%p %s", kind, (const void *)list, value);

	if (n < 0 || (size_t)n >= size)
		return NULL;
	return &c->places[batv_fnv64(BATV_FNV_START, question, (size_t)n) % PLACES];
}

static enum batv_match keep_answer(struct place *p, const char *question, enum batv_match answer)
{
	if (p && answer != BATV_MAYBE) {
		snprintf(p->question, sizeof p->question, "%s", question);
		p->answer = answer;
	}
	return answer;
}

static enum batv_match cached_domain(void *ctx, const char *domain, const char *list)
{
	struct batv_cache *c = ctx;
	char q[sizeof c->places[0].question];
	struct place *p = place_of_question(c, q, sizeof q, 'd', domain, list);

	if (p && strcmp(p->question, q) == 0)
		return p->answer;
	return keep_answer(p, q, c->inner->domain(c->inner->ctx, domain, list));
}

static enum batv_match uncached_address(void *ctx, const char *address, const char *list)
{
	struct batv_cache *c = ctx;

	return c->inner->address(c->inner->ctx, address, list);
}

static enum batv_match cached_host(void *ctx, const char *name, const char *address,
				   const char *list)
{
	struct batv_cache *c = ctx;
	char q[sizeof c->places[0].question];
	struct place *p = place_of_question(c, q, sizeof q, 'h', address, list);

	if (p && strcmp(p->question, q) == 0)
		return p->answer;
	return keep_answer(p, q, c->inner->host(c->inner->ctx, name, address, list));
}

struct batv_cache *batv_ctl_cache_new(const struct batv_matcher *inner, struct batv_matcher *out)
{
	struct batv_cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->inner = inner;
	*out = (struct batv_matcher){.ctx = c,
				     .domain = cached_domain,
				     .address = uncached_address,
				     .host = cached_host};
	return c;
}

void batv_ctl_cache_free(struct batv_cache *cache)
{
	free(cache);
}
