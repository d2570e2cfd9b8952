/*
 * fleet_row.c - what this host tells the others.
 *
 * Invariant: a time at which mail left untagged never gets lost while it matters.  It is taken from
 * the row before, and a domain stays in the row for as long as such a time can matter.
 */
#include "fleet_row.h"

#include <stdlib.h>
#include <string.h>

#include "fleet_arming.h"
#include "memory/counters.h"
#include "memory/domains.h"

#define SCHEMA 1
#define BARE_DAYS 366 /* the longest grace */

static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

/* What is 0 need not be said. */
static void put_time(json_t *o, const char *key, int64_t when)
{
	if (when)
		put(o, key, json_integer((json_int_t)when));
}

/* ---- domains ---- */

/*
 * A first_signed that has gone, or that is later than it was, means that mail left untagged in
 * between: see batv_domain_left_bare().
 */
static int64_t bare_of(const struct batv_fleet_domain *before, int64_t first_signed, int64_t now)
{
	if (!before)
		return 0;
	if (before->first_signed && (first_signed == 0 || first_signed > before->first_signed))
		return now;
	return before->bare;
}

static json_t *domain_row(const struct batv_fleet_row *row, const struct batv_fleet_row_facts *f,
			  const struct batv_domain *d)
{
	const struct batv_fleet_domain *before = batv_fleet_view_domain(&row->host, d->name);
	/* What the others know of us must not come from them. */
	const struct batv_arm arm = batv_fleet_arming_own(f->state, d, f->now);
	json_t *o = json_object();

	put(o, "name", json_string(d->name));
	put(o, "policy", json_string(arm.policy ? arm.policy->name : ""));
	put_time(o, "first_signed", d->first_signed);
	put_time(o, "last_signed", d->last_signed);
	put_time(o, "first_valid", d->first_valid);
	put_time(o, "last_valid", d->last_valid);
	put_time(o, "broken", d->broken);
	put_time(o, "bare", bare_of(before, d->first_signed, f->now));
	if (d->flags & BATV_DOMAIN_ARMED)
		put(o, "armed", json_true());
	if (arm.complete || arm.armed)
		put(o, "complete", json_true());
	return o;
}

/* Domains that the table no longer has: it was made again. */
static void put_lost(json_t *list, const struct batv_fleet_row *row,
		     const struct batv_fleet_row_facts *f)
{
	for (size_t i = 0; i < row->host.n_domains; i++) {
		const struct batv_fleet_domain *b = &row->host.domains[i];
		int64_t bare = bare_of(b, 0, f->now);
		struct batv_domain there;
		json_t *o;

		if (!bare || f->now - bare > BARE_DAYS * (int64_t)BATV_DAY ||
		    batv_domain_find(f->memory, b->name, &there))
			continue;
		o = json_object();
		put(o, "name", json_string(b->name));
		put(o, "policy", json_string(b->policy));
		put_time(o, "bare", bare);
		json_array_append_new(list, o);
	}
}

static json_t *domains_of(const struct batv_fleet_row *row, const struct batv_fleet_row_facts *f)
{
	json_t *list = json_array();
	struct batv_domain d;

	for (size_t i = 0; batv_domain_next(f->memory, &i, &d); i++)
		/* A domain that only the fleet put into the table has nothing to tell. */
		if (d.first_signed || d.first_valid || d.broken ||
		    batv_fleet_view_domain(&row->host, d.name))
			json_array_append_new(list, domain_row(row, f, &d));
	put_lost(list, row, f);
	return list;
}

/* ---- the rest ---- */

static json_t *breaks_of(const struct batv_state *st)
{
	json_t *list = json_array();

	for (size_t i = 0; i < st->n_breaks; i++) {
		const struct batv_break *b = &st->breaks[i];
		json_t *o = json_object();

		put(o, "policy", json_string(b->policy));
		put_time(o, "when", b->when);
		put_time(o, "until", b->until);
		put(o, "why", json_string(b->why));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *unsigned_of(const struct batv_state *st)
{
	json_t *list = json_array();

	for (size_t i = 0; i < st->n_policies; i++)
		if (!st->policies[i].signing)
			json_array_append_new(list, json_string(st->policies[i].name));
	return list;
}

static json_t *secret_row(const struct batv_secret *s)
{
	char check[BATV_SECRET_CHECK_SIZE];
	json_t *o = json_object();

	put(o, "number", json_integer((json_int_t)s->number));
	put(o, "check", json_string(batv_secret_check(s, check) ? check : ""));
	if (s->retired)
		put(o, "retired", json_true());
	return o;
}

static json_t *secrets_of(const struct batv_secrets *secrets)
{
	json_t *list = json_array();

	for (size_t i = 0; i < secrets->n; i++)
		if (!secrets->list[i].revoked)
			json_array_append_new(list, secret_row(&secrets->list[i]));
	return list;
}

static json_t *memory_of(const struct batv_fleet_row_facts *f)
{
	json_t *o = json_object();

	put(o, "generation", json_integer((json_int_t)f->memory->sections.generation));
	put(o, "capacity", json_integer((json_int_t)f->memory->sections.filters[0].capacity));
	put(o, "retention", json_integer((json_int_t)f->state->global.memory_retention));
	return o;
}

/* Of today; they alone are no reason for a new row at once. */
static json_t *counts_of(const struct batv_fleet_row_facts *f)
{
	json_t *o = json_object();

	put(o, "signed",
	    json_integer((json_int_t)batv_counted(f->memory, BATV_COUNT_SIGNED, 1, f->now)));
	put(o, "ids", json_integer((json_int_t)batv_counted(f->memory, BATV_COUNT_IDS, 1, f->now)));
	put(o, "pairs",
	    json_integer((json_int_t)batv_counted(f->memory, BATV_COUNT_PAIRS, 1, f->now)));
	put(o, "forged",
	    json_integer((json_int_t)batv_counted(f->memory, BATV_COUNT_FORGED, 1, f->now)));
	put(o, "full",
	    json_integer((json_int_t)batv_counted(f->memory, BATV_COUNT_FULL, 1, f->now)));
	return o;
}

static void put_said(json_t *o, const struct batv_fleet_said *said)
{
	json_t *list = json_array();

	put_time(o, "joined", said->joined);
	if (said->fresh)
		put(o, "fresh", json_true());
	if (said->leave)
		put(o, "leave", json_true());
	if (said->observe_counter)
		put(o, "observe",
		    json_pack("{s:b, s:I, s:I}", "on", said->observe, "counter",
			      (json_int_t)said->observe_counter, "at",
			      (json_int_t)said->observe_at));
	for (size_t i = 0; i < said->n_forget; i++)
		json_array_append_new(list, json_string(said->forget[i]));
	put(o, "forget", list);
}

/* All but the time and the counts.  NULL: no memory. */
static json_t *build(const struct batv_fleet_row *row, const struct batv_fleet_row_facts *f)
{
	const struct batv_secret *signing = batv_secret_signing(f->secrets, f->now);
	json_t *o = json_object();

	put(o, "schema", json_integer(SCHEMA));
	put(o, "version", json_string(BATV_VERSION));
	put(o, "fingerprint", json_string(f->state->fingerprint));
	if (signing)
		put(o, "signing", secret_row(signing));
	put(o, "secrets", secrets_of(f->secrets));
	put(o, "memory", memory_of(f));
	put_said(o, f->said);
	put(o, "breaks", breaks_of(f->state));
	put(o, "unsigned", unsigned_of(f->state));
	put(o, "domains", domains_of(row, f));
	return o;
}

/* A copy of the row without what changes all the time.  NULL: no memory. */
static json_t *lasting(json_t *row)
{
	json_t *copy = json_copy(row);

	json_object_del(copy, "at");
	json_object_del(copy, "counts");
	return copy;
}

static bool says_the_same(json_t *a, json_t *b)
{
	json_t *x = lasting(a), *y = lasting(b);
	const bool same = x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

/* A row that is too long loses domains, and says so: none of those arms elsewhere. */
static char *dump(json_t *o)
{
	json_t *list = json_object_get(o, "domains");
	char *text = json_dumps(o, JSON_COMPACT);

	while (text && strlen(text) > BATV_FLEET_ROW_MAX) {
		size_t n = json_array_size(list);

		free(text);
		put(o, "cut", json_true());
		for (size_t keep = n / 2; n > keep; n--)
			json_array_remove(list, n - 1);
		text = json_dumps(o, JSON_COMPACT);
	}
	return text;
}

static void adopt(struct batv_fleet_row *row, json_t *o, int64_t now)
{
	batv_fleet_view_free_row(&row->host);
	json_decref(row->json);
	row->json = o;
	if (batv_fleet_view_row(o, now, &row->host) != BATV_OK)
		row->host = (struct batv_fleet_host){.has_row = false};
}

void batv_fleet_row_read(const struct batv_store *store, int64_t now, struct batv_fleet_row *row)
{
	char *text = NULL;
	size_t len = 0;
	json_t *o;

	if (batv_slurp(store->dirfd, BATV_FLEET_ROW_NAME, BATV_FLEET_ROW_MAX, &text, &len))
		return;
	o = json_loadb(text, len, 0, NULL);
	free(text);
	if (json_is_object(o))
		adopt(row, o, now);
	else
		json_decref(o);
}

bool batv_fleet_row_update(struct batv_fleet_row *row, const struct batv_store *store,
			   const struct batv_fleet_row_facts *f)
{
	json_t *o = build(row, f);
	bool ok = true;
	char *text;

	if (row->json && says_the_same(o, row->json) && row->written <= f->now &&
	    f->now - row->written < BATV_FLEET_ROW_PAUSE) {
		json_decref(o);
		return true;
	}
	put(o, "at", json_integer((json_int_t)f->now));
	put(o, "counts", counts_of(f));
	text = dump(o);
	ok = text && batv_replace(store->dirfd, BATV_FLEET_ROW_NAME, BATV_FLEET_ROW_MODE, text,
				  strlen(text)) == BATV_OK;
	free(text);
	/* Even if nobody could be told: what happened must not be forgotten. */
	adopt(row, o, f->now);
	if (ok)
		row->written = f->now;
	return ok;
}

int64_t batv_fleet_row_bare(const struct batv_fleet_row *row, const char *domain)
{
	const struct batv_fleet_domain *d = batv_fleet_view_domain(&row->host, domain);

	return d ? d->bare : 0;
}

void batv_fleet_row_free(struct batv_fleet_row *row)
{
	batv_fleet_view_free_row(&row->host);
	json_decref(row->json);
	*row = (struct batv_fleet_row){.json = NULL};
}
