/*
 * ctl_status_exim.c - batvctl status: does Exim call us, and is batvd alive?
 *
 * Invariant: it only reads.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl_status.h"
#include "memory/counters.h"
#include "memory/doors.h"

#define QUIET (3 * (int64_t)BATV_DAY) /* a server that has no mail at a weekend is in order */
#define HANGS 120 /* seconds; batvd looks every 15, and writes the memory to the disk */

static const char *const door_names[] = {[BATV_DOOR_LOCAL_SCAN] = "local_scan",
					 [BATV_DOOR_ACL] = "acl",
					 [BATV_DOOR_ROUTER] = "router",
					 [BATV_DOOR_TRANSPORT] = "transport"};
#define DOORS (sizeof door_names / sizeof door_names[0])

static int64_t door_last(struct batv_status *s, enum batv_door door)
{
	int64_t now = batv_door_last(&s->memory, door), before = batv_door_last(&s->before, door);

	return now > before ? now : before;
}

int64_t batv_ctl_status_called(struct batv_status *s)
{
	int64_t last = 0;

	for (size_t i = 0; i < DOORS; i++)
		if (door_last(s, (enum batv_door)i) > last)
			last = door_last(s, (enum batv_door)i);
	return last;
}

void batv_ctl_status_check_called(struct batv_status *s)
{
	int64_t last = batv_ctl_status_called(s);
	char when[BATV_TIME_SIZE];

	if (!s->memory_ok || (last && last + QUIET > s->ctl->clock))
		return;
	batv_ctl_time_format(last ? last : batv_counters_created(&s->memory), when, sizeof when);
	if (!last)
		batv_ctl_status_problem(
			s,
			"no Exim has called exim-batv since %s: nothing is signed or refused; run "
			"batvctl enable",
			when);
	else
		batv_ctl_status_problem(
			s,
			"no Exim has called exim-batv since %s: if mail has come or gone since "
			"then, exim-batv is no longer in Exim's configuration; run batvctl enable",
			when);
}

/* A state directory that was never used: saying what each file lacks would only frighten. */
bool batv_ctl_status_first_start(const struct batv_status *s)
{
	static const char *const names[] = {BATV_SECRET_NAME, BATV_STATE_NAME, BATV_MEMORY_NAME};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (faccessat(s->ctl->store.dirfd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	return s->daemon != BATV_YES;
}

/* The last moment at which a published key signs. */
int64_t batv_ctl_status_keys_end(const struct batv_status *s)
{
	const struct batv_keyring *ring = &s->state.state.ring;
	int64_t last = 0;

	for (size_t i = 0; s->state_read && i < ring->n_keys; i++)
		if (ring->keys[i].from < ring->keys[i].until && ring->keys[i].until > last)
			last = ring->keys[i].until;
	return last;
}

static void check_dead(struct batv_status *s)
{
	int64_t end = batv_ctl_status_keys_end(s);
	char when[BATV_TIME_SIZE];

	batv_ctl_time_format(end, when, sizeof when);
	if (s->state_usable)
		batv_ctl_status_problem(s,
					"batvd is not running; start it (systemctl start batvd). "
					"Mail leaves signed until %s",
					when);
	else
		batv_ctl_status_problem(s,
					"batvd is not running; start it (systemctl start batvd)");
}

/* batvd holds its lock, but has not looked for long. */
static void check_hangs(struct batv_status *s)
{
	char when[BATV_TIME_SIZE], end[BATV_TIME_SIZE];

	s->looked = batv_store_last_beat(&s->ctl->store);
	if (!s->looked || s->looked + HANGS > s->ctl->clock)
		return;
	batv_ctl_time_format(s->looked, when, sizeof when);
	batv_ctl_time_format(batv_ctl_status_keys_end(s), end, sizeof end);
	batv_ctl_status_problem(
		s,
		"batvd hangs: it runs, but has not looked since %s; restart it (systemctl restart "
		"batvd). Mail leaves signed until %s",
		when, s->state_usable ? end : "then");
}

void batv_ctl_status_check_daemon(struct batv_status *s)
{
	if (s->daemon == BATV_NO)
		check_dead(s);
	else if (s->daemon == BATV_YES)
		check_hangs(s);
	else
		batv_ctl_status_note(
			s, "cannot tell whether batvd is running; only root or the directory's "
			   "owner can");
}

json_t *batv_ctl_status_json_exim(struct batv_status *s)
{
	json_t *o = json_object(), *last = json_object();

	for (size_t i = 0; i < DOORS; i++)
		batv_ctl_put_time(last, door_names[i], door_last(s, (enum batv_door)i));
	batv_ctl_put_time(o, "last_called", batv_ctl_status_called(s));
	batv_ctl_put(o, "last", last);
	batv_ctl_put_text(o, "version", s->asked ? s->exim_version : NULL);
	batv_ctl_put(o, "unsigns", s->asked ? json_boolean(s->unsigns) : json_null());
	batv_ctl_put(o, "signs", s->asked ? json_boolean(s->signs) : json_null());
	return o;
}

const char *batv_ctl_status_daemon_word(const struct batv_status *s)
{
	return s->daemon == BATV_YES  ? "running"
	       : s->daemon == BATV_NO ? "not running"
				      : "not known";
}
