/*
 * ctl_complete.c - explains what decide/complete.c has decided.
 *
 * Invariant: it decides nothing itself.
 */
#include "ctl_complete.h"

#include <inttypes.h>
#include <stdio.h>

#define BOUNCES_ONLY "until then, of mail that fails only bounces are refused"

struct times {
	char retention[48], needed[48]; /* periods */
	char complete_from[BATV_TIME_SIZE], first_signed[BATV_TIME_SIZE];
	char fleet_since[BATV_TIME_SIZE];
};

static struct times times_of(const struct batv_complete_facts *f)
{
	struct times t = {0};

	batv_duration_format(f->retention, t.retention, sizeof t.retention);
	batv_duration_format(batv_complete_retention(f->key_rotation, f->key_retention), t.needed,
			     sizeof t.needed);
	const int64_t since = f->fleet && f->sent.since < INT64_MAX ? f->lost : f->sent.since;

	batv_ctl_time_format(since < BATV_TIME_MAX ? since + f->retention : 0, t.complete_from,
			     sizeof t.complete_from);
	batv_ctl_time_format(f->first_signed, t.first_signed, sizeof t.first_signed);
	batv_ctl_time_format(f->fleet_since, t.fleet_since, sizeof t.fleet_since);
	return t;
}

static void lack_of_sending(const struct batv_complete_facts *f, const struct times *t, char *out,
			    size_t size)
{
	if (f->fleet)
		snprintf(out, size,
			 "not all servers of the fleet that send its mail have sent it signed for "
			 "as long as memory_retention (%s); " BOUNCES_ONLY,
			 t->retention);
	else if (f->first_signed == 0)
		snprintf(out, size, "none of its mail has been seen leaving here; " BOUNCES_ONLY);
	else
		snprintf(out, size,
			 "its mail has been seen leaving here only since %s, which is less than "
			 "memory_retention (%s) ago; " BOUNCES_ONLY,
			 t->first_signed, t->retention);
}

static void lack_of_fleet(const struct batv_complete_facts *f, const struct times *t, char *out,
			  size_t size)
{
	if (f->fleet_since == 0)
		snprintf(
			out, size,
			"it does not have all that the other servers of the fleet sent: batv-fleet "
			"is not running here, or waits for another server, or something is "
			"missing: batvctl fleet status tells; " BOUNCES_ONLY);
	else
		snprintf(out, size,
			 "it has what the fleet sent only since %s, which is less than "
			 "memory_retention (%s) ago; " BOUNCES_ONLY,
			 t->fleet_since, t->retention);
}

static void lack_of_samples(const struct batv_complete_facts *f, char *out, size_t size)
{
	snprintf(out, size,
		 "it takes %d messages that come back and that it knows, from two networks; within "
		 "its retention there were %u, from %u; they come by themselves, unless a server "
		 "after this one replaces Message-IDs; " BOUNCES_ONLY,
		 BATV_RECALL_ENOUGH, f->recall.known_samples, f->recall.known_networks);
}

void batv_ctl_complete_text(const struct batv_complete_facts *f, char *out, size_t size)
{
	const struct times t = times_of(f);

	switch (batv_complete_decide(f)) {
	case BATV_LACK_NOTHING:
		snprintf(out, size, "complete: what it does not know was not sent from %s",
			 f->fleet ? "a server of the fleet" : "here");
		return;
	case BATV_LACK_MEMORY:
		snprintf(out, size, "it cannot be read, or an older version made it");
		return;
	case BATV_LACK_RETENTION:
		snprintf(out, size,
			 "memory_retention (%s) is shorter than key_rotation + 1d + key_retention "
			 "(%s); raise it; " BOUNCES_ONLY,
			 t.retention, t.needed);
		return;
	case BATV_LACK_AGE:
		snprintf(out, size,
			 "it is younger than memory_retention (%s), which it reaches at "
			 "%s; " BOUNCES_ONLY,
			 t.retention, t.complete_from);
		return;
	case BATV_LACK_GAPS:
		snprintf(out, size,
			 "within its retention (%s) it did not record everything, because it was "
			 "full or could not be written, a clock was wrong, or there was no usable "
			 "state; " BOUNCES_ONLY,
			 t.retention);
		return;
	case BATV_LACK_SHARED:
		snprintf(out, size,
			 "another server has the secret, and this memory does not know what that "
			 "one sends; of mail that fails only bounces are refused; if no other "
			 "server has it any longer: batvctl secret unshare");
		return;
	case BATV_LACK_FLEET: lack_of_fleet(f, &t, out, size); return;
	case BATV_LACK_SENDING: lack_of_sending(f, &t, out, size); return;
	case BATV_LACK_SAMPLES: lack_of_samples(f, out, size); return;
	case BATV_LACK_RECALL:
		snprintf(
			out, size,
			"bounces of mail that it does not know came to valid tags, from three "
			"networks on three days; either another server sends for this domain with "
			"the same secret, or a server after this one replaces Message-IDs; of mail "
			"that fails only bounces are refused");
		return;
	case BATV_LACK_COUNT: break;
	}
	snprintf(out, size, "?");
}

bool batv_ctl_complete_never(const struct batv_global *global, char *out, size_t size)
{
	int64_t needed = batv_complete_retention(global->key_rotation, global->key_retention);
	char retention[48], text[48];

	if (global->memory_retention >= needed)
		return false;
	batv_duration_format(global->memory_retention, retention, sizeof retention);
	batv_duration_format(needed, text, sizeof text);
	snprintf(out, size,
		 "memory_retention (%s) is shorter than key_rotation + 1d + key_retention (%s), so "
		 "the sent-mail memory never counts as complete, and of mail that fails only "
		 "bounces are refused; %s",
		 retention, text,
		 needed <= (int64_t)BATV_RETENTION_DAYS_MAX * BATV_DAY
			 ? "raise it"
			 : "choose a shorter key_rotation or key_retention");
	return true;
}

static uint64_t bounces(const struct batv_complete_facts *f)
{
	return f->recall.known + f->recall.missed;
}

void batv_ctl_complete_print(const char *domain, const struct batv_complete_facts *f)
{
	char text[500];

	batv_ctl_complete_text(f, text, sizeof text);
	printf("    %s: ", domain);
	if (bounces(f) > 0)
		printf("of %" PRIu64 " bounces with a valid tag the memory knew %" PRIu64 "; ",
		       bounces(f), f->recall.known);
	printf("%s%s\n",
	       batv_complete_decide(f) == BATV_LACK_NOTHING ? "" : "not complete: ", text);
}

json_t *batv_ctl_complete_json(const struct batv_complete_facts *f)
{
	const enum batv_lack lack = batv_complete_decide(f);
	json_t *o = json_object();
	char text[500];

	batv_ctl_complete_text(f, text, sizeof text);
	batv_ctl_put_flag(o, "complete", lack == BATV_LACK_NOTHING);
	batv_ctl_put_text(o, "lacks",
			  lack == BATV_LACK_NOTHING ? NULL : batv_complete_lack_name(lack));
	batv_ctl_put_text(o, "text", text);
	batv_ctl_put_number(o, "bounces", bounces(f));
	batv_ctl_put_number(o, "known", f->recall.known);
	batv_ctl_put_number(o, "missed", f->recall.missed);
	batv_ctl_put_number(o, "known_samples", f->recall.known_samples);
	batv_ctl_put_number(o, "known_networks", f->recall.known_networks);
	batv_ctl_put_number(o, "missed_networks", f->recall.missed_networks);
	batv_ctl_put_number(o, "missed_days", f->recall.missed_days);
	return o;
}
