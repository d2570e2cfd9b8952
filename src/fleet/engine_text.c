/*
 * engine_text.c - the lines about engines.  Each says what is wrong and what to do.
 */
#include <stdio.h>
#include <string.h>

#include "engine_text.h"

const char *batv_engine_text_state(enum batv_engine_state state)
{
	static const char *const names[BATV_ENGINE_STATES] = {
		[BATV_ENGINE_STARTING] = "starting",
		[BATV_ENGINE_OK] = "ok",
		[BATV_ENGINE_UNREACHABLE] = "unreachable",
		[BATV_ENGINE_SILENT] = "silent",
		[BATV_ENGINE_PASSWORD] = "password",
		[BATV_ENGINE_DENIED] = "denied",
		[BATV_ENGINE_FULL] = "full",
		[BATV_ENGINE_LOADING] = "loading",
		[BATV_ENGINE_READONLY] = "read-only",
		[BATV_ENGINE_UNSAVED] = "cannot-save",
		[BATV_ENGINE_CLUSTER] = "cluster",
		[BATV_ENGINE_OLD] = "too-old",
		[BATV_ENGINE_TAKEN] = "key-in-use",
		[BATV_ENGINE_CROWDED] = "too-many-clients",
		[BATV_ENGINE_ODD] = "not-understood",
	};

	return names[state];
}

enum batv_engine_state batv_engine_text_meaning(struct batv_span error)
{
	static const struct {
		const char *begin;
		enum batv_engine_state state;
	} codes[] = {
		{"WRONGPASS", BATV_ENGINE_PASSWORD},
		{"NOAUTH", BATV_ENGINE_PASSWORD},
		{"ERR AUTH", BATV_ENGINE_PASSWORD},
		{"ERR Client sent AUTH", BATV_ENGINE_PASSWORD},
		{"ERR invalid password", BATV_ENGINE_PASSWORD},
		{"NOPERM", BATV_ENGINE_DENIED},
		{"DENIED", BATV_ENGINE_DENIED},
		{"OOM", BATV_ENGINE_FULL},
		{"LOADING", BATV_ENGINE_LOADING},
		{"BUSY", BATV_ENGINE_SILENT},
		{"READONLY", BATV_ENGINE_READONLY},
		{"MASTERDOWN", BATV_ENGINE_READONLY},
		{"NOREPLICAS", BATV_ENGINE_UNSAVED},
		{"MISCONF", BATV_ENGINE_UNSAVED},
		{"MOVED", BATV_ENGINE_CLUSTER},
		{"ASK", BATV_ENGINE_CLUSTER},
		{"CLUSTERDOWN", BATV_ENGINE_CLUSTER},
		{"ERR unknown command", BATV_ENGINE_OLD},
		{"ERR syntax error", BATV_ENGINE_OLD},
		{"WRONGTYPE", BATV_ENGINE_TAKEN},
		{"ERR max number of clients", BATV_ENGINE_CROWDED},
	};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (batv_span_begins_fold(error, codes[i].begin))
			return codes[i].state;
	return BATV_ENGINE_ODD;
}

void batv_engine_text_acl(const char *fleet, const char *secret, char *out, size_t size)
{
	snprintf(out, size,
		 "on >%s ~batv:{%s}:* resetchannels -@all +xadd +xread +xrange +xtrim +xinfo "
		 "+get +set +hset +hgetall +expire +ping +info +auth +hello",
		 secret, fleet);
}

/* Text of a server or the system: printable, spaces kept, of one line. */
static void show(struct batv_span s, char *out, size_t size)
{
	size_t n = 0;

	s = batv_span_trim(s);
	for (; n < s.len && n + 1 < size; n++)
		out[n] = s.p[n] >= ' ' && s.p[n] <= '~' ? s.p[n] : '?';
	out[n] = '\0';
}

static void wrong_password(const struct batv_engine_settings *s, char *out)
{
	char acl[500];

	batv_engine_text_acl(s->fleet, "PASSWORD", acl, sizeof acl);
	if (!*s->password)
		snprintf(out, BATV_ENGINE_TEXT_SIZE,
			 "the server wants a password; set fleet_user and fleet_password_file");
	else if (!*s->user)
		snprintf(out, BATV_ENGINE_TEXT_SIZE,
			 "wrong password; it is the first line of %s, and fleet_user is not set",
			 s->password_file);
	else
		snprintf(out, BATV_ENGINE_TEXT_SIZE,
			 "wrong user or password; the user is %s, the password is the first line "
			 "of %s; on the server: ACL SETUSER %s %s",
			 s->user, s->password_file, s->user, acl);
}

static void denied(const struct batv_engine_settings *s, const char *command, const char *said,
		   char *out)
{
	char acl[500];

	batv_engine_text_acl(s->fleet, "PASSWORD", acl, sizeof acl);
	if (strncmp(said, "DENIED", strlen("DENIED")) == 0)
		snprintf(out, BATV_ENGINE_TEXT_SIZE,
			 "the server is in protected mode and takes no connection from here; set "
			 "\"bind\" and a user with a password there");
	else
		snprintf(out, BATV_ENGINE_TEXT_SIZE,
			 "user %s may not do all that is needed (%s); on the server: ACL SETUSER "
			 "%s %s; then ACL SAVE, or put the line into its configuration",
			 *s->user ? s->user : "default", command, *s->user ? s->user : "default",
			 acl);
}

void batv_engine_text_line(const struct batv_engine_settings *s, enum batv_engine_state state,
			   const char *command, struct batv_span detail,
			   char out[static BATV_ENGINE_TEXT_SIZE])
{
	const size_t size = BATV_ENGINE_TEXT_SIZE;
	char said[200];

	show(detail, said, sizeof said);
	switch (state) {
	case BATV_ENGINE_STARTING: snprintf(out, size, "connecting"); break;
	case BATV_ENGINE_OK: snprintf(out, size, "in order"); break;
	case BATV_ENGINE_UNREACHABLE:
		snprintf(out, size, "%s; is the server running, and is the address right?", said);
		break;
	case BATV_ENGINE_SILENT:
		snprintf(out, size,
			 "it does not answer within %u ms%s%s; look at its load, its log and the "
			 "network",
			 s->timeout ? s->timeout : 300, *said ? ": " : "", said);
		break;
	case BATV_ENGINE_PASSWORD: wrong_password(s, out); break;
	case BATV_ENGINE_DENIED: denied(s, command, said, out); break;
	case BATV_ENGINE_FULL:
		snprintf(out, size,
			 "its memory is full, so it takes no parcels; raise maxmemory there, or "
			 "use a server that others do not fill");
		break;
	case BATV_ENGINE_LOADING:
		snprintf(out, size, "it is still loading its data; nothing to do but wait");
		break;
	case BATV_ENGINE_READONLY:
		snprintf(out, size,
			 "it is a replica and takes no parcels; name plain servers in "
			 "fleet_servers, not replicas");
		break;
	case BATV_ENGINE_UNSAVED:
		snprintf(out, size,
			 "it refuses writes because it cannot save or replicate them (%s); free "
			 "disk space there, or turn saving off: the fleet does not need it",
			 said);
		break;
	case BATV_ENGINE_CLUSTER:
		snprintf(out, size,
			 "it is part of a cluster (%s); name two or three plain servers in "
			 "fleet_servers",
			 said);
		break;
	case BATV_ENGINE_OLD:
		snprintf(out, size, "it is too old (%s); Redis 6.2 or Valkey is needed", said);
		break;
	case BATV_ENGINE_TAKEN:
		snprintf(out, size,
			 "a key that begins with batv:{%s}: is not ours (%s); remove it there, or "
			 "choose another name for the fleet",
			 s->fleet, said);
		break;
	case BATV_ENGINE_CROWDED:
		snprintf(out, size, "it has too many clients; raise maxclients there");
		break;
	case BATV_ENGINE_ODD:
	default:
		snprintf(out, size, "it does not answer as Redis does (%s); is the address right?",
			 said);
		break;
	}
}

void batv_engine_text_evicts(struct batv_span policy, char out[static BATV_ENGINE_TEXT_SIZE])
{
	char said[40];

	show(policy, said, sizeof said);
	snprintf(out, BATV_ENGINE_TEXT_SIZE,
		 "its maxmemory-policy is %s, so it may throw parcels away; set maxmemory-policy "
		 "noeviction there, or use a server of its own",
		 said);
}
