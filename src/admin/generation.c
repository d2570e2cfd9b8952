/*
 * generation.c - the memory files that are in use, and the change from one to the next.
 *
 * A new file starts with the old one's domain table, is published, and only then gets the
 * counts.  Processes of Exim that still hold the old file go on noting there: each look takes over
 * what came in since, as long as the old file is kept.  Invariants: a file that the published state
 * names is never removed; counts are moved, not copied, so none is there twice; merging domains
 * twice is the same as once.  Time alone removes nothing while the clock is in doubt, nor for three
 * days after that: a clock that is ahead would remove what nobody can make again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "generation.h"
#include "memory/counters.h"
#include "memory/sent.h"
#include "memory_file.h"
#include "memory_move.h"
#include "plan.h"

#define PATIENCE   (3 * (int64_t)BATV_DAY) /* nothing is removed for so long after a doubt about the clock */
#define LOOK_NOTED 3600			   /* seconds: a look is noted that often */
#define AWAY	   (BATV_JUMP + LOOK_NOTED) /* no look for longer: batvd was off, or the clock is wrong */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- files ---- */

/* Only older ones: a newer one is of a state that could not be published, and is made anew. */
static void remove_old(int dirfd, uint64_t number, void *arg)
{
	const struct batv_keeper *k = arg;
	char name[BATV_MEMORY_NAME_SIZE];

	batv_memory_name(number, name);
	if (number < batv_memory_number(k->memory_name) && strcmp(name, k->before_name) != 0)
		(void)unlinkat(dirfd, name, 0);
}

static void take_names(struct batv_keeper *k)
{
	const struct batv_state *st = k->have.text ? &k->have.state : NULL;

	if (st && *st->memory && strlen(st->memory) < BATV_MEMORY_NAME_SIZE &&
	    strlen(st->memory_before) < BATV_MEMORY_NAME_SIZE) {
		snprintf(k->memory_name, sizeof k->memory_name, "%s", st->memory);
		snprintf(k->before_name, sizeof k->before_name, "%s", st->memory_before);
	} else {
		batv_memory_newest(k->store.dirfd, k->memory_name, k->before_name);
		if (!*k->memory_name)
			batv_memory_name(1, k->memory_name);
	}
	if (strcmp(k->memory_name, k->before_name) == 0)
		k->before_name[0] = '\0';
}

/* ---- making ---- */

static uint32_t key_check(const struct batv_keeper *k)
{
	if (!k->secrets || !k->secrets->has_memory_key)
		return 0;
	return batv_memory_key_check((struct batv_span){(const char *)k->secrets->memory_key,
							sizeof k->secrets->memory_key});
}

/* While the configuration cannot be read, the memory stays as large as it is; 0: not known. */
static uint64_t capacity_of(const struct batv_keeper *k, const struct batv_config *config)
{
	return config->memory_capacity ? config->memory_capacity : k->capacity;
}

static struct batv_memory_wish wish_of(const struct batv_keeper *k,
				       const struct batv_config *config, int64_t now)
{
	return (struct batv_memory_wish){.now = now,
					 .since = now,
					 .capacity = capacity_of(k, config),
					 .retention = config->memory_retention,
					 .key_check = key_check(k)};
}

/* In the place of a file that is not there, or that nobody can use. */
static void make_anew(struct batv_keeper *k, const struct batv_config *config, enum batv_err err,
		      uint64_t generation, int64_t now)
{
	struct batv_memory_wish wish = wish_of(k, config, now);
	char why[200] = "";

	if (err == BATV_E_UNSAFE_FILE)
		batv_file_why(k->store.dirfd, k->memory_name, true, why, sizeof why);
	wish.generation = generation + 1;
	if (!wish.capacity) {
		batv_keeper_trouble(k, BATV_TROUBLE_MEMORY,
				    "%s/%s: %s, and how large it has to be is not known while the "
				    "configuration cannot be read; mail goes on without it",
				    k->store.path, k->memory_name, batv_strerror(err));
		return;
	}
	if (batv_memory_create(k->store.dirfd, k->memory_name, &wish) != BATV_OK) {
		batv_keeper_trouble(k, BATV_TROUBLE_MEMORY,
				    "%s/%s: cannot make the memory: %s; mail goes on without it",
				    k->store.path, k->memory_name, strerror(errno));
		return;
	}
	if (err == BATV_E_NO_FILE)
		batv_keeper_say(k, LOG_NOTICE, "%s/%s: made a new memory", k->store.path,
				k->memory_name);
	else
		batv_keeper_say(k, LOG_WARNING,
				"%s/%s: made a new memory, the old one was not usable: %s%s%s",
				k->store.path, k->memory_name, batv_strerror(err), *why ? ": " : "",
				why);
	err = batv_memory_open(&k->memory, k->store.dirfd, k->memory_name);
	if (err)
		batv_keeper_trouble(k, BATV_TROUBLE_MEMORY, "%s/%s: %s", k->store.path,
				    k->memory_name, batv_strerror(err));
}

static void note_capacity(struct batv_keeper *k, const struct batv_memory *memory)
{
	if (memory->sections.filters[0].at && memory->sections.filters[0].capacity)
		k->capacity = memory->sections.filters[0].capacity;
}

static void open_files(struct batv_keeper *k, const struct batv_config *config, int64_t now)
{
	uint64_t generation = k->memory.sections.generation;
	enum batv_err err;

	if (!*k->before_name)
		batv_memory_close(&k->before);
	else
		(void)batv_memory_open(&k->before, k->store.dirfd, k->before_name);
	note_capacity(k, &k->before);
	err = batv_memory_open(&k->memory, k->store.dirfd, k->memory_name);
	note_capacity(k, &k->memory);
	if (err == BATV_E_IO)
		batv_keeper_trouble(k, BATV_TROUBLE_MEMORY, "%s/%s: %s", k->store.path,
				    k->memory_name, strerror(errno));
	else if (err)
		make_anew(k, config, err, generation, now);
}

/* ---- the next generation ---- */

const char *batv_generation_wanted(const struct batv_memory *memory,
				   const struct batv_config *config, uint32_t check, int64_t now)
{
	const struct batv_filter *ids = &memory->sections.filters[0], *pairs = &memory->sections.filters[1];

	if (!ids->at || !pairs->at || !memory->sections.forged_at)
		return "the file is of an older version";
	if (check && (ids->key_check != check || pairs->key_check != check))
		return "the memory's key was replaced";
	if (config->memory_capacity && (ids->capacity != config->memory_capacity ||
					pairs->capacity != config->memory_capacity))
		return "memory_capacity was changed";
	if (ids->lines != batv_memory_lines(config->memory_retention) || pairs->lines != ids->lines)
		return "memory_retention was changed";
	if (batv_counted(memory, BATV_COUNT_CLOCK, 0, now) > 0)
		return "it holds days that are still to come: a clock is, or was, wrong";
	return NULL;
}

/* With the file before it the new one is as complete as that is, within what that keeps. */
static int64_t since_of(const struct batv_memory *m, uint32_t check, int64_t now)
{
	const struct batv_filter *ids = &m->sections.filters[0], *pairs = &m->sections.filters[1];
	int64_t since;

	if (!ids->at || !pairs->at || ids->key_check != check || pairs->key_check != check ||
	    batv_counted(m, BATV_COUNT_CLOCK, 0, now) > 0)
		return now;
	since = later(ids->since, pairs->since);
	since = later(since, now - ((int64_t)ids->lines - 2) * BATV_DAY);
	return since < now ? since : now;
}

static void make_next(struct batv_keeper *k, const struct batv_config *config, const char *why,
		      int64_t now)
{
	struct batv_memory_wish wish = wish_of(k, config, now);
	char name[BATV_MEMORY_NAME_SIZE];
	struct batv_memory next = {0};
	enum batv_err err;

	batv_memory_name(batv_memory_number(k->memory_name) + 1, name);
	wish.generation = k->memory.sections.generation + 1;
	wish.since = since_of(&k->memory, wish.key_check, now);
	/* It may be there, from a state that could not be published. */
	err = batv_memory_open(&next, k->store.dirfd, name);
	if (err || batv_generation_wanted(&next, config, wish.key_check, now)) {
		err = batv_memory_create(k->store.dirfd, name, &wish);
		if (err == BATV_OK)
			err = batv_memory_open(&next, k->store.dirfd, name);
	}
	if (err) {
		batv_keeper_trouble(k, BATV_TROUBLE_MEMORY,
				    "%s/%s: cannot make the memory anew, which is needed because "
				    "%s: %s; the one that is there goes on",
				    k->store.path, name, why,
				    err == BATV_E_IO ? strerror(errno) : batv_strerror(err));
		return;
	}
	batv_memory_copy(&k->memory, &next);
	batv_memory_note_look(&next, now, batv_memory_doubted(&k->memory));
	batv_memory_close(&k->before);
	k->before = k->memory;
	k->memory = next;
	memcpy(k->before_name, k->memory_name, sizeof k->before_name);
	memcpy(k->memory_name, name, sizeof k->memory_name);
	batv_keeper_say(k, LOG_NOTICE, "%s/%s: made a new memory, because %s; %s is asked as well",
			k->store.path, name, why, k->before_name);
}

/* The last day of which the file holds something, as its counts tell; 0: none of the last 32. */
static int64_t last_day(const struct batv_memory *m, int64_t now)
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

int64_t batv_generation_ends(const struct batv_memory *memory, const struct batv_memory *before,
			     int64_t retention, int64_t now)
{
	int64_t made = batv_memory_created(memory), last;

	/* By a clock that was ahead.  If it is behind now, the other file was in use at that time. */
	if (made > now + BATV_DAY && (!before->base || last_day(before, made) == 0))
		made = 0;
	/* For a day, processes that began with it may still write there. */
	if (before->base && before->sections.filters[0].key_check != memory->sections.filters[0].key_check)
		return made + BATV_DAY;
	last = before->base ? last_day(before, now) : 0;
	if (last == 0)
		return made + BATV_DAY +
		       (before->base && retention < 31 * BATV_DAY ? 0 : retention);
	return later(made + BATV_DAY, (last + 1) * BATV_DAY + retention);
}

/* ---- the clock ---- */

/* A break for all domains tells of a doubt, too, should the file that noted it be lost. */
static bool broke_lately(const struct batv_state *st, int64_t now)
{
	for (size_t i = 0; i < st->n_breaks; i++)
		if (strcmp(st->breaks[i].policy, BATV_BREAK_ALL) == 0 &&
		    st->breaks[i].when > now - PATIENCE)
			return true;
	return false;
}

/* At a start nobody vouches for the clock but what was written before. */
static bool starts_in_doubt(const struct batv_keeper *k, int64_t now)
{
	const struct batv_state *st = k->have.text ? &k->have.state : NULL;
	int64_t looked = batv_memory_looked(&k->memory);

	if (st ? !batv_key_current(&st->ring, now) : *k->before_name)
		return true;
	return looked && (now - looked > AWAY || looked - now > AWAY);
}

/* Sets keeper->careful.  A doubt is noted in the memory, for a start within its three days. */
static void watch_clock(struct batv_keeper *k, int64_t now)
{
	const struct batv_state *st = k->have.text ? &k->have.state : NULL;
	int64_t doubted = batv_memory_doubted(&k->memory), looked = batv_memory_looked(&k->memory);
	bool doubt = k->jumped || doubted > now || (st && st->written > now + BATV_STATE_SKEW) ||
		     (!k->looked && starts_in_doubt(k, now));

	k->careful = doubt || (doubted && doubted > now - PATIENCE) || (st && broke_lately(st, now));
	if (doubt || !k->looked || now - looked >= LOOK_NOTED || looked > now)
		batv_memory_note_look(&k->memory, now, doubt ? now : doubted);
}

/* Take over what was noted in the file before, which may be removed after the next state. */
static void merge(struct batv_keeper *k)
{
	if (!k->memory.base || !k->before.base)
		return;
	batv_memory_move_domains(&k->before, &k->memory);
	batv_memory_move_counts(&k->before, &k->memory);
}

static void follow_wishes(struct batv_keeper *k, const struct batv_config *config, int64_t now)
{
	uint32_t check = key_check(k);
	const char *why = batv_generation_wanted(&k->memory, config, check, now);

	/* It would not be complete before that time comes. */
	if (!why && !k->careful && k->memory.sections.filters[0].since > now + BATV_DAY)
		why = "it was made under a clock that was ahead";
	/* Only two are ever asked: a change waits until the file before is no longer needed. */
	if (why && capacity_of(k, config) &&
	    (!*k->before_name || (check && k->memory.sections.filters[0].key_check != check)))
		make_next(k, config, why, now);
}

void batv_generation_look(struct batv_keeper *keeper, const struct batv_config *config, int64_t now)
{
	take_names(keeper);
	open_files(keeper, config, now);
	watch_clock(keeper, now);
	if (!keeper->memory.base)
		return;
	if (*keeper->before_name) {
		merge(keeper);
		if (batv_generation_ends(&keeper->memory, &keeper->before, config->memory_retention,
					 now) < now &&
		    !keeper->careful) {
			keeper->before_name[0] = '\0';
			batv_memory_close(&keeper->before);
		}
	}
	if (keeper->memory.writable && keeper->secrets)
		follow_wishes(keeper, config, now);
}

void batv_generation_published(struct batv_keeper *keeper)
{
	merge(keeper);
	batv_memory_each(keeper->store.dirfd, remove_old, keeper);
}
