/*
 * generation.c - manages the memory files in use, and the change from one to the next.
 *
 * A new file starts with the old one's domain table, is published, and only then gets the counts.
 * Exim processes that still have the old file open continue to write there.  As long as the old
 * file is kept, each look takes over these late entries.
 *
 * Invariants: a file that the published state names is never removed.  Counts are moved, not
 * copied, so no count exists twice.  Merging domains twice gives the same as merging once.  Time
 * alone removes nothing while the clock is in doubt, nor for three days after that, because a clock
 * that is ahead would remove data that nobody can make again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fault.h"
#include "generation.h"
#include "memory/counters.h"
#include "memory/sent.h"
#include "memory_file.h"
#include "memory_move.h"
#include "plan.h"

#define PATIENCE                                                                                   \
 (3 * (int64_t)BATV_DAY) /* after a doubt about the clock, nothing is removed for so long */
#define LOOK_NOTED 3600  /* seconds: a look is noted this often */
#define AWAY                                                                                       \
 (BATV_JUMP + LOOK_NOTED) /* no look for longer than this: batvd was off, or the clock is wrong    \
			   */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- files ---- */

/* Removes older files only.  A newer file, of a state that was not published, can be used later. */
static void remove_old(int dirfd, uint64_t number, void *arg)
{
	const struct batv_generation *g = arg;
	char name[BATV_MEMORY_NAME_SIZE];

	batv_names_write(number, name);
	if (number < batv_names_number(g->memory_name) && strcmp(name, g->before_name) != 0)
		(void)unlinkat(dirfd, name, 0);
}

static void take_names(struct batv_generation *g)
{
	const struct batv_state *st = g->state;

	if (st && *st->memory && strlen(st->memory) < BATV_MEMORY_NAME_SIZE &&
	    strlen(st->memory_before) < BATV_MEMORY_NAME_SIZE) {
		snprintf(g->memory_name, sizeof g->memory_name, "%s", st->memory);
		snprintf(g->before_name, sizeof g->before_name, "%s", st->memory_before);
	} else {
		batv_names_newest(g->store->dirfd, g->memory_name, g->before_name);
		if (!*g->memory_name)
			batv_names_write(1, g->memory_name);
	}
	if (strcmp(g->memory_name, g->before_name) == 0)
		g->before_name[0] = '\0';
}

/* ---- making ---- */

static uint32_t key_check(const struct batv_generation *g)
{
	if (!g->secrets || !g->secrets->has_memory_key)
		return 0;
	return batv_sent_key_check((struct batv_span){(const char *)g->secrets->memory_key,
						      sizeof g->secrets->memory_key});
}

/* While the configuration cannot be read, the memory keeps its size.  0: the size is not known. */
static uint64_t capacity_of(const struct batv_generation *g, const struct batv_config *config)
{
	return config->global.memory_capacity ? config->global.memory_capacity : g->capacity;
}

/* A configuration that could not be read has no texts at all. */
static bool has_fleet(const struct batv_config *config)
{
	return config->global.fleet && *config->global.fleet;
}

static struct batv_memory_wish wish_of(const struct batv_generation *g,
				       const struct batv_config *config, int64_t now)
{
	return (struct batv_memory_wish){.now = now,
					 .since = now,
					 .capacity = capacity_of(g, config),
					 .retention = config->global.memory_retention,
					 .key_check = key_check(g),
					 .journal = has_fleet(config)};
}

/* Creates a file in place of one that does not exist or cannot be used. */
static void make_anew(struct batv_generation *g, const struct batv_config *config,
		      enum batv_err err, uint64_t generation, int64_t now)
{
	struct batv_memory_wish wish = wish_of(g, config, now);
	char why[200] = "";
	bool lost;

	if (err == BATV_E_UNSAFE_FILE)
		batv_file_why(g->store->dirfd, g->memory_name, true, why, sizeof why);
	wish.generation = generation + 1;
	if (!wish.capacity) {
		batv_notices_trouble(
			g->notices, BATV_TROUBLE_MEMORY,
			"%s/%s: %s; cannot create a new memory file, because its size is not known "
			"while the configuration cannot be read; mail continues without it",
			g->store->path, g->memory_name, batv_strerror(err));
		return;
	}
	if (batv_memory_file_create(g->store->dirfd, g->memory_name, &wish) != BATV_OK) {
		batv_notices_trouble(
			g->notices, BATV_TROUBLE_MEMORY,
			"%s/%s: cannot create the memory file: %s; mail continues without it",
			g->store->path, g->memory_name, strerror(errno));
		return;
	}
	if (err == BATV_E_NO_FILE)
		batv_notices_say(g->notices, LOG_NOTICE, "%s/%s: created a new memory file",
				 g->store->path, g->memory_name);
	else
		batv_notices_say(g->notices, LOG_WARNING,
				 "%s/%s: created a new memory file because the old one was not "
				 "usable: %s%s%s",
				 g->store->path, g->memory_name, batv_strerror(err),
				 *why ? ": " : "", why);
	lost = err != BATV_E_NO_FILE || (g->state && *g->state->memory);
	err = batv_memory_open(&g->memory, g->store->dirfd, g->memory_name);
	if (err)
		batv_notices_trouble(g->notices, BATV_TROUBLE_MEMORY, "%s/%s: %s", g->store->path,
				     g->memory_name, batv_strerror(err));
	else if (lost)
		batv_counters_note_lost(&g->memory, now);
}

static void note_capacity(struct batv_generation *g, const struct batv_memory *memory)
{
	if (memory->sections.filters[0].at && memory->sections.filters[0].capacity)
		g->capacity = memory->sections.filters[0].capacity;
}

static void open_files(struct batv_generation *g, const struct batv_config *config, int64_t now)
{
	uint64_t generation = g->memory.sections.generation;
	enum batv_err err;

	if (!*g->before_name)
		batv_memory_close(&g->before);
	else
		(void)batv_memory_open(&g->before, g->store->dirfd, g->before_name);
	note_capacity(g, &g->before);
	err = batv_memory_open(&g->memory, g->store->dirfd, g->memory_name);
	note_capacity(g, &g->memory);
	if (err == BATV_E_IO)
		batv_notices_trouble(g->notices, BATV_TROUBLE_MEMORY, "%s/%s: %s", g->store->path,
				     g->memory_name, strerror(errno));
	else if (err)
		make_anew(g, config, err, generation, now);
}

/* ---- the next generation ---- */

const char *batv_generation_wanted(struct batv_memory *memory, const struct batv_config *config,
				   uint32_t check, int64_t now)
{
	const struct batv_filter *ids = &memory->sections.filters[0],
				 *pairs = &memory->sections.filters[1];

	if (memory->sections.version != BATV_MEMORY_VERSION || !ids->at || !pairs->at ||
	    !memory->sections.forged_at || !memory->sections.refused_at || !memory->sections.end_at)
		return "the current file is of an older version";
	if (check && (ids->key_check != check || pairs->key_check != check))
		return "the memory's key was replaced";
	if (config->global.memory_capacity && (ids->capacity != config->global.memory_capacity ||
					       pairs->capacity != config->global.memory_capacity))
		return "memory_capacity was changed";
	if (ids->lines != batv_memory_file_lines(config->global.memory_retention) ||
	    pairs->lines != ids->lines)
		return "memory_retention was changed";
	if (has_fleet(config) && !memory->sections.journal_at)
		return "a fleet needs a journal, and the current file has none";
	if (batv_counted(memory, BATV_COUNT_CLOCK, 0, now) > 0)
		return "the current file has entries for days in the future: a clock is or was "
		       "wrong";
	return NULL;
}

/*
 * Since when is the new file complete, together with the file before?  It is as complete as that
 * file is, within that file's retention.  After an upgrade it is not.  An Exim that started earlier
 * cannot write the new file, so mail that it sends is not remembered anywhere.
 */
static int64_t since_of(struct batv_memory *m, uint32_t check, int64_t now)
{
	const struct batv_filter *ids = &m->sections.filters[0], *pairs = &m->sections.filters[1];
	int64_t since;

	if (m->sections.version != BATV_MEMORY_VERSION || !ids->at || !pairs->at ||
	    ids->key_check != check || pairs->key_check != check ||
	    batv_counted(m, BATV_COUNT_CLOCK, 0, now) > 0)
		return now;
	since = later(ids->since, pairs->since);
	since = later(since, now - ((int64_t)ids->lines - 2) * BATV_DAY);
	return since < now ? since : now;
}

static void make_next(struct batv_generation *g, const struct batv_config *config, const char *why,
		      int64_t now)
{
	struct batv_memory_wish wish = wish_of(g, config, now);
	char name[BATV_MEMORY_NAME_SIZE];
	struct batv_memory next = {0};
	enum batv_err err;

	batv_names_write(batv_names_number(g->memory_name) + 1, name);
	wish.generation = g->memory.sections.generation + 1;
	wish.since = since_of(&g->memory, wish.key_check, now);
	/* It may exist already, from a state that could not be published. */
	err = batv_memory_open(&next, g->store->dirfd, name);
	if (err || batv_generation_wanted(&next, config, wish.key_check, now)) {
		err = batv_memory_file_create(g->store->dirfd, name, &wish);
		if (err == BATV_OK)
			err = batv_memory_open(&next, g->store->dirfd, name);
	}
	if (err) {
		batv_notices_trouble(
			g->notices, BATV_TROUBLE_MEMORY,
			"%s/%s: cannot create a new memory file, which is needed because "
			"%s: %s; the current one stays in use",
			g->store->path, name, why, batv_fault_phrase(err));
		return;
	}
	batv_memory_move_copy(&g->memory, &next);
	batv_counters_note_look(&next, now, batv_counters_doubted(&g->memory));
	batv_memory_close(&g->before);
	g->before = g->memory;
	g->memory = next;
	memcpy(g->before_name, g->memory_name, sizeof g->before_name);
	memcpy(g->memory_name, name, sizeof g->memory_name);
	batv_notices_say(g->notices, LOG_NOTICE,
			 "%s/%s: created a new memory file because %s; %s is still consulted",
			 g->store->path, name, why, g->before_name);
}

/* Returns the last day for which the file has entries, by its counts; 0: no day of the last 32. */
static int64_t last_day(struct batv_memory *m, int64_t now)
{
	uint64_t none = batv_counted(m, BATV_COUNT_IDS, 1, now + BATV_DAY) +
			batv_counted(m, BATV_COUNT_PAIRS, 1, now + BATV_DAY);

	for (unsigned days = 1; days <= BATV_COUNTER_DAYS; days++)
		if (batv_counted(m, BATV_COUNT_IDS, days, now) +
			    batv_counted(m, BATV_COUNT_PAIRS, days, now) + none >
		    0)
			return now / BATV_DAY - (int64_t)days + 1;
	return 0;
}

int64_t batv_generation_ends(struct batv_memory *memory, struct batv_memory *before,
			     int64_t retention, int64_t now)
{
	int64_t made = batv_counters_created(memory), last;

	/* The clock was ahead when the file was made, unless the clock is slow now.  In that case
	 * the file before was in use at that time. */
	if (made > now + BATV_DAY && (!before->base || last_day(before, made) == 0))
		made = 0;
	/* For a day, processes that started with the file before may still write to it. */
	if (before->base &&
	    before->sections.filters[0].key_check != memory->sections.filters[0].key_check)
		return made + BATV_DAY;
	last = before->base ? last_day(before, now) : 0;
	if (last == 0)
		return made + BATV_DAY +
		       (before->base && retention < 31 * BATV_DAY ? 0 : retention);
	return later(made + BATV_DAY, (last + 1) * BATV_DAY + retention);
}

/* ---- the clock ---- */

/* A break for all domains also shows a doubt, in case the file that noted the doubt is lost. */
static bool broke_lately(const struct batv_state *st, int64_t now)
{
	for (size_t i = 0; i < st->n_breaks; i++)
		if (strcmp(st->breaks[i].policy, BATV_BREAK_ALL) == 0 &&
		    st->breaks[i].when > now - PATIENCE)
			return true;
	return false;
}

/* At a start, only earlier records can confirm the clock. */
static bool starts_in_doubt(struct batv_generation *g, int64_t now)
{
	const struct batv_state *st = g->state;
	int64_t looked = batv_counters_looked(&g->memory);

	if (st ? !batv_key_current(&st->ring, now) : *g->before_name)
		return true;
	return looked && (now - looked > AWAY || looked - now > AWAY);
}

/* Sets g->careful.  A doubt is noted in the memory, for a start in the next three days. */
static void watch_clock(struct batv_generation *g, int64_t now)
{
	const struct batv_state *st = g->state;
	int64_t doubted = batv_counters_doubted(&g->memory),
		looked = batv_counters_looked(&g->memory);
	bool doubt = g->jumped || doubted > now || (st && st->written > now + BATV_STATE_SKEW) ||
		     (!g->looked && starts_in_doubt(g, now));

	g->careful =
		doubt || (doubted && doubted > now - PATIENCE) || (st && broke_lately(st, now));
	if (doubt || !g->looked || now - looked >= LOOK_NOTED || looked > now)
		batv_counters_note_look(&g->memory, now, doubt ? now : doubted);
}

/* Takes over the entries in the file before, which may be removed after the next state. */
static void merge(struct batv_generation *g)
{
	if (!g->memory.base || !g->before.base)
		return;
	batv_memory_move_domains(&g->before, &g->memory);
	batv_memory_move_counts(&g->before, &g->memory);
}

static void follow_wishes(struct batv_generation *g, const struct batv_config *config, int64_t now)
{
	uint32_t check = key_check(g);
	const char *why = batv_generation_wanted(&g->memory, config, check, now);

	/* The file would not be complete before that time. */
	if (!why && !g->careful && g->memory.sections.filters[0].since > now + BATV_DAY)
		why = "the current file was made while the clock was ahead";
	/* Only two files are ever consulted, so a change waits until the file before is no longer
	 * needed. */
	if (why && capacity_of(g, config) &&
	    (!*g->before_name || (check && g->memory.sections.filters[0].key_check != check)))
		make_next(g, config, why, now);
}

void batv_generation_look(struct batv_generation *g, const struct batv_config *config, int64_t now)
{
	take_names(g);
	open_files(g, config, now);
	watch_clock(g, now);
	if (!g->memory.base)
		return;
	if (*g->before_name) {
		merge(g);
		if (batv_generation_ends(&g->memory, &g->before, config->global.memory_retention,
					 now) < now &&
		    !g->careful) {
			g->before_name[0] = '\0';
			batv_memory_close(&g->before);
		}
	}
	if (g->memory.writable && g->secrets)
		follow_wishes(g, config, now);
}

void batv_generation_published(struct batv_generation *g)
{
	merge(g);
	batv_names_each(g->store->dirfd, remove_old, g);
}
