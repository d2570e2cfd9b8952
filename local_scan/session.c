/*
 * session.c - the state and the sent-mail memory of this process.
 *
 * When Exim forks it closes descriptors that it does not know, so we keep none.  The directory is
 * opened for each decision, which takes microseconds.  Mappings and the parsed state stay.  This
 * code neither creates nor changes our files, and no trouble is ever an error for the mail.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/safefile.h"
#include "decide/holder.h"
#include "decide/sign.h"
#include "exim_glue.h"
#include "memory/counters.h"
#include "memory/names.h"
#include "session.h"

/*
 * What the process keeps, 80 KiB, in the order in which the first pages are touched
 * (architecture.md, "In a fresh process"): one page for what comes first, one for the text of a
 * state of usual length, and two for what was parsed from it.
 */
#define FIRST_PAGE 4096
static struct {
	struct batv_memory earlier, memory; /* earlier: of the previous generation */
	char said[64];
	char directory[FIRST_PAGE - 2 * sizeof(struct batv_memory) - 64];
	struct batv_holder holder;
} process __attribute__((aligned(FIRST_PAGE)));

/* The directory: domainlist batv_dir, or the compiled-in one.  Exim's configuration cannot change
 * while this process runs. */
static const char *directory(void)
{
	const char *named;

	if (*process.directory)
		return process.directory;
	named = batv_glue_expand("${listnamed_d:batv_dir}");
	if (named && *named == '/' && strlen(named) < sizeof process.directory)
		strcpy(process.directory, named);
	else
		strcpy(process.directory, BATV_DIR);
	return process.directory;
}

/* Has this process already logged this action for this message? */
static bool said(const char *action)
{
	char this[sizeof process.said];

	snprintf(this, sizeof this, "%s %s", action, batv_glue_message_id());
	if (strcmp(this, process.said) == 0)
		return true;
	memcpy(process.said, this, sizeof this);
	return false;
}

static void trouble(struct batv_session *session, const char *file, const char *error,
		    unsigned line)
{
	char place[32] = "";

	if (line)
		snprintf(place, sizeof place, " line=%u", line);
	snprintf(session->trouble, sizeof session->trouble, "file=%.160s%s%s error=\"%.100s\"",
		 directory(), file, place, error);
}

static const struct batv_state *usable_state(struct batv_session *session, int dirfd)
{
	char why[160];
	enum batv_err err = batv_holder_refresh(&process.holder, dirfd, session->now);

	if (!process.holder.usable) {
		trouble(session, "/" BATV_STATE_NAME,
			batv_fault(dirfd, BATV_STATE_NAME, false, err, why, sizeof why),
			process.holder.line);
		return NULL;
	}
	return &process.holder.state;
}

/* Not time(): see architecture.md, "In a fresh process". */
static int64_t now(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

/* A session that is only played, by `exim -bh`, leaves no trace: every writer looks at this. */
static void open_memory(struct batv_memory *memory, int dirfd, const char *name)
{
	if (batv_memory_open_windows(memory, dirfd, name) == BATV_OK && batv_glue_checking())
		memory->writable = false;
}

void batv_session_open(struct batv_session *session)
{
	char newest[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE];
	const char *name = newest;
	enum batv_err err;
	struct stat dir;
	int dirfd;

	batv_session_close(); /* Exim's time limit may have jumped out of the last session */
	batv_glue_lists_forget();
	*session = (struct batv_session){.memory = &process.memory, .now = now()};
	if (batv_glue_misfit()) {
		snprintf(session->trouble, sizeof session->trouble, "error=\"%s\"",
			 batv_glue_misfit());
		return;
	}
	err = batv_dir_open(directory(), &dirfd, &dir);
	if (err != BATV_OK) {
		trouble(session, "", err == BATV_E_IO ? strerror(errno) : batv_strerror(err), 0);
		batv_memory_close(&process.memory);
		return;
	}
	batv_glue_list_group(dir.st_gid);
	session->state = usable_state(session, dirfd);
	session->observe_file = batv_state_observe_file(dirfd);
	if (session->state)
		name = session->state->memory;
	else /* mail that leaves untagged is still to be noted */
		batv_names_newest(dirfd, newest, before);
	/* a missing memory is not trouble for a message: batvd and batvctl status report it */
	if (*name)
		open_memory(&process.memory, dirfd, name);
	else
		batv_memory_close(&process.memory);
	close(dirfd);
}

enum batv_match batv_session_policy(const struct batv_session *session,
				    const struct batv_addr *addr, const struct batv_policy **policy)
{
	char domain[BATV_ADDR_SIZE];

	(void)batv_lists_copy_domain(addr, domain); /* "", which is in no list, if it is too long */
	return batv_lists_policy(session->state, &batv_glue_matcher, domain, policy);
}

static void open_earlier(const char *name)
{
	int dirfd;

	if (batv_dir_open(directory(), &dirfd, NULL) != BATV_OK) {
		batv_memory_close(&process.earlier);
		return;
	}
	open_memory(&process.earlier, dirfd, name);
	close(dirfd);
}

struct batv_memory *batv_session_before(const struct batv_session *session)
{
	if (!*session->state->memory_before)
		return NULL;
	if (!process.earlier.held)
		open_earlier(session->state->memory_before);
	return &process.earlier;
}

void batv_session_close(void)
{
	batv_memory_release(&process.memory);
	batv_memory_release(&process.earlier);
}

void batv_session_complain(const struct batv_session *session, const char *action)
{
	if (!said(action))
		batv_glue_log("batv: trouble=state action=%s %s: see batvctl status", action,
			      session->trouble);
}

void batv_session_doubt(const struct batv_session *session, const char *doubt, const char *action,
			const char *address)
{
	/* if the published keys ran out, no list is to blame */
	bool keys = strcmp(doubt, batv_sign_answer_name(BATV_LEFT_NO_KEY)) == 0;
	char shown[160];

	batv_count(session->memory, BATV_COUNT_DOUBT, session->now);
	if (said(action))
		return;
	batv_printable(batv_span_of(address), shown, sizeof shown);
	batv_glue_log("batv: doubt=%s action=%s address=<%s>: see batvctl %s", doubt, action, shown,
		      keys ? "status" : "check");
}
