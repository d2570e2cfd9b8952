/*
 * ctl_doctor_peers.c - batvctl doctor --against FILE: do two servers agree?  FILE is what
 * `batvctl status --json` printed on the other one.
 *
 * Invariant: the file is of unknown origin.  A member that is missing, or of another type, is
 * never taken for a difference.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_doctor.h"

#define ADD(answer, ...)                                                                           \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_PEERS, BATV_DOCTOR_##answer, __VA_ARGS__)

static json_t *load(struct batv_ctl_doctor *d)
{
	const char *path = d->ctl->against;
	struct batv_ctl_doctor_finding *f;
	json_error_t error;
	json_t *o = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &error)
					   : json_load_file(path, 0, &error);

	if (json_is_object(json_object_get(o, "state")))
		return o;
	f = ADD(BLIND, "the other server's status cannot be used");
	if (o)
		batv_ctl_doctor_finding_why(f, "%.300s: it has no state", path);
	else if (error.line > 0)
		batv_ctl_doctor_finding_why(f, "%.300s:%d: %.200s", path, error.line, error.text);
	else
		batv_ctl_doctor_finding_why(f, "%.500s", error.text);
	batv_ctl_doctor_finding_fix(
		f, "ssh OTHER batvctl status --json >FILE; batvctl doctor --against FILE");
	json_decref(o);
	return NULL;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static void compare_clocks(struct batv_ctl_doctor *d, const json_t *state)
{
	const int64_t written = json_integer_value(json_object_get(state, "written")),
		      now = d->ctl->clock;
	struct batv_ctl_doctor_finding *f;
	char there[BATV_TIME_SIZE], here[BATV_TIME_SIZE];

	if (written <= now + BATV_STATE_SKEW)
		return;
	batv_ctl_time_format(written, there, sizeof there);
	batv_ctl_time_format(now, here, sizeof here);
	f = ADD(FAIL, "the clocks of the two servers differ");
	batv_ctl_doctor_finding_why(f, "the other one published a state at %s, and it is %s here",
				    there, here);
	batv_ctl_doctor_finding_fix(f, "set both clocks by NTP");
}

static void compare_secrets(struct batv_ctl_doctor *d, const json_t *state)
{
	const struct batv_state *ours = &d->state.state;
	const char *theirs = text_of(state, "fingerprint");
	struct batv_ctl_doctor_finding *f;

	if (*theirs && strcmp(theirs, ours->fingerprint) != 0) {
		f = ADD(FAIL, "the two servers have different secrets");
		batv_ctl_doctor_finding_why(f,
					    "fingerprint %s here, %.40s there: each refuses "
					    "bounces of mail that the other "
					    "one signed",
					    ours->fingerprint, theirs);
		batv_ctl_doctor_finding_fix(
			f, "batvctl secret export | ssh OTHER batvctl secret import");
	} else if (!ours->shared || json_is_false(json_object_get(state, "shared"))) {
		f = ADD(FAIL, "the secret is not marked as shared on %s",
			ours->shared ? "the other server" : "this server");
		batv_ctl_doctor_finding_why(
			f, "so it refuses replies to mail of the other server as unknown");
		batv_ctl_doctor_finding_fix(
			f, "batvctl secret export | ssh OTHER batvctl secret import");
	}
}

static void compare_time(struct batv_ctl_doctor *d, const json_t *state, const char *name,
			 int64_t ours)
{
	const int64_t theirs = json_integer_value(json_object_get(state, name));
	char here[48], there[48];

	if (!theirs || theirs == ours)
		return;
	batv_duration_format(ours, here, sizeof here);
	batv_duration_format(theirs, there, sizeof there);
	batv_ctl_doctor_finding_fix(ADD(WARN, "%s is %s here, and %s there", name, here, there),
				    "%s = %s   in exim-batv.conf of both", name, here);
}

static const json_t *find_policy(const json_t *policies, const char *name)
{
	for (size_t i = 0; i < json_array_size(policies); i++)
		if (strcmp(text_of(json_array_get(policies, i), "name"), name) == 0)
			return json_array_get(policies, i);
	return NULL;
}

static void differ(struct batv_ctl_doctor *d, const char *policy, const char *option,
		   const char *here, const char *there)
{
	if (*there && strcmp(here, there) != 0)
		batv_ctl_doctor_finding_fix(
			ADD(WARN, "policy %s: %s is not the same on both servers", policy, option),
			"%s = %.400s   here, and %.400s there: use one", option, here, there);
}

static void compare_policies(struct batv_ctl_doctor *d, const json_t *policies)
{
	static const char *const enforcements[] = {"auto", "observe", "reject"};
	const struct batv_state *ours = &d->state.state;

	if (!json_is_array(policies))
		return;
	for (size_t i = 0; i < ours->n_policies; i++) {
		const struct batv_policy *p = &ours->policies[i];
		const json_t *theirs = find_policy(policies, p->name),
			     *signing = json_object_get(theirs, "signing");

		if (!theirs) {
			batv_ctl_doctor_finding_fix(
				ADD(WARN, "the other server has no policy %s", p->name),
				"use the same exim-batv.conf on both");
			continue;
		}
		differ(d, p->name, "domains", p->domains, text_of(theirs, "domains"));
		differ(d, p->name, "enforcement", enforcements[p->enforcement],
		       text_of(theirs, "enforcement"));
		if (json_is_boolean(signing))
			differ(d, p->name, "signing", p->signing ? "on" : "off",
			       json_is_true(signing) ? "on" : "off");
	}
}

void batv_ctl_doctor_peers(struct batv_ctl_doctor *d)
{
	const struct batv_state *ours = &d->state.state;
	const size_t before = d->n;
	const json_t *state;
	json_t *o = load(d);

	if (!o)
		return;
	state = json_object_get(o, "state");
	if (!d->state_read) {
		batv_ctl_doctor_finding_why(
			ADD(BLIND, "there is nothing to compare the other server with"),
			"this server has no usable state");
	} else {
		compare_clocks(d, state);
		compare_secrets(d, state);
		compare_time(d, state, "key_rotation", ours->global.key_rotation);
		compare_time(d, state, "key_retention", ours->global.key_retention);
		compare_policies(d, json_object_get(state, "policies"));
		if (d->n == before)
			ADD(OK, "the other server has the same secret and the same policies");
	}
	json_decref(o);
}
