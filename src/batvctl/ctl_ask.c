/*
 * ctl_ask.c - opens what Exim would look at: configuration, state, memory.
 *
 * Invariant: it prints nothing but the warning of batv_ctl_find().  The caller decides whether a
 * failure is an error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/safefile.h"
#include "ctl_ask.h"
#include "decide/barrier.h"
#include "decide/holder.h"
#include "memory/fleet.h"

static int open_state(struct batv_ctl *ctl, struct batv_holder *holder)
{
	enum batv_err err;
	char why[200];

	err = batv_holder_refresh(holder, ctl->store.dirfd, ctl->clock);
	if (!err && holder->usable)
		return BATV_CTL_YES;
	snprintf(ctl->message, sizeof ctl->message, "%s/%s: no usable state: %s%s", ctl->store.path,
		 BATV_STATE_NAME,
		 batv_fault(ctl->store.dirfd, BATV_STATE_NAME, false, err, why, sizeof why),
		 holder->err == BATV_E_NO_FILE ? "; is batvd running?" : "");
	return BATV_CTL_TROUBLE;
}

/* Errors are ignored: as in Exim, no domain is armed without a memory. */
static void open_memories(const struct batv_ctl *ctl, const struct batv_state *state,
			  struct batv_asking *a)
{
	if (*state->memory)
		(void)batv_memory_open(&a->memory, ctl->store.dirfd, state->memory);
	if (*state->memory_before)
		(void)batv_memory_open(&a->before, ctl->store.dirfd, state->memory_before);
}

static enum batv_lack lacks(void *ctx, const char *domain, bool for_dsn)
{
	struct batv_complete_facts facts;

	batv_ctl_ask_complete(ctx, domain, &facts);
	facts.for_dsn = for_dsn;
	return batv_complete_decide(&facts);
}

void batv_ctl_ask_complete(struct batv_asking *a, const char *domain,
			   struct batv_complete_facts *facts)
{
	const struct batv_state *state = a->context.state;

	batv_complete_gather(state, &a->memory, *state->memory_before ? &a->before : NULL, domain,
			     a->context.now, facts);
}

/* Would a message that comes now wait in vain?  If it would wait, the fleet is taken to be there.
 */
static bool is_behind(struct batv_asking *a, int64_t clock)
{
	struct batv_barrier barrier = {0};

	return batv_state_has_fleet(a->context.state) &&
	       batv_barrier_look(&barrier, batv_fleet_until(&a->memory), clock * 1000) ==
		       BATV_BARRIER_BEHIND;
}

int batv_ctl_ask(struct batv_ctl *ctl, struct batv_asking *a)
{
	int code = batv_ctl_find(ctl);

	return code ? code : batv_ctl_ask_found(ctl, a);
}

int batv_ctl_ask_found(struct batv_ctl *ctl, struct batv_asking *a)
{
	static struct batv_holder holder;
	int code = open_state(ctl, &holder);

	if (code)
		return code;
	*a = (struct batv_asking){.origin.has_id = true};
	batv_ask_exim_init(&a->asker, ctl->config.global.exim, ctl->config_path, &a->matcher);
	a->whole = a->matcher;
	a->asker.group = ctl->store.dir.st_gid;
	open_memories(ctl, &holder.state, a);
	a->context = (struct batv_context){.state = &holder.state,
					   .memory = &a->memory,
					   .matcher = &a->matcher,
					   .origin = &a->origin,
					   .now = ctl->now,
					   .class = BATV_CLASS_DSN,
					   .lacks = lacks,
					   .lacks_ctx = a};
	a->context.fleet_behind = is_behind(a, ctl->clock);
	a->context.observe_file = batv_state_observe_file(ctl->store.dirfd);
	return BATV_CTL_YES;
}

void batv_ctl_ask_end(struct batv_asking *a)
{
	batv_memory_close(&a->memory);
	batv_memory_close(&a->before);
}

/* Without --host, the sending host is in no list of hosts. */
static enum batv_match no_host(void *ctx, const char *name, const char *address, const char *list)
{
	(void)ctx, (void)name, (void)address, (void)list;
	return BATV_NO;
}

void batv_ctl_ask_from(struct batv_asking *a, const char *host)
{
	a->origin.host_address = host ? host : "192.0.2.1";
	a->matcher.host = host ? a->whole.host : no_host;
}
