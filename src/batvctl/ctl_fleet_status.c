/*
 * ctl_fleet_status.c - batvctl fleet status: what all hosts of the fleet say, and what is wrong.
 *
 * Invariant: it only reads, and asks nobody: batv-fleet's view has it.  Names of hosts are those
 * hosts' word, so they are made printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_fleet.h"
#include "ctl_layout.h"

#define SILENT 60      /* seconds: a host beats far more often */
#define CLOCK_OFF 3000 /* ms */
#define NAME_SIZE 80
#define PROBLEM_SIZE 700

struct fleet_status {
	struct batv_ctl *ctl;
	const struct batv_fleet_known *fleet;
	json_t *problems; /* sentences */
};

static void problem(struct fleet_status *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void problem(struct fleet_status *s, const char *format, ...)
{
	char text[PROBLEM_SIZE];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(text, sizeof text, format, ap);
	va_end(ap);
	json_array_append_new(s->problems, batv_ctl_json_text(text));
}

static const char *name_of(const struct batv_fleet_host *h, char out[static NAME_SIZE])
{
	batv_printable(batv_span_of(*h->name ? h->name : h->id), out, NAME_SIZE);
	return out;
}

/* The same for a command that a person types: a name that is more than a name must not get there.
 */
static const char *typed(const struct batv_fleet_host *h)
{
	const struct batv_span name = batv_span_of(h->name);

	for (size_t i = 0; i < name.len; i++)
		if (!batv_is_name_char(name.p[i]) && name.p[i] != '.')
			return h->id;
	return name.len == 0 || name.len >= NAME_SIZE || *name.p == '-' ? h->id : h->name;
}

static uint64_t number_of(const struct batv_fleet_host *h, const char *group, const char *key)
{
	const json_int_t n =
		json_integer_value(json_object_get(json_object_get(h->row, group), key));

	return n > 0 ? (uint64_t)n : 0;
}

/* ---- what is wrong ---- */

static void check_host(struct fleet_status *s, const struct batv_fleet_host *h)
{
	const int64_t silent = s->ctl->clock - h->heard;
	char name[NAME_SIZE], when[BATV_TIME_SIZE];

	if (h->left)
		return;
	(void)name_of(h, name);
	batv_ctl_time_format(h->heard, when, sizeof when);
	if (!h->own && silent > SILENT)
		problem(s,
			"%s was last heard: %s; until it is heard again, the memory is not "
			"complete; if it is gone for good: batvctl fleet forget %s",
			name, when, typed(h));
	if (h->offset > CLOCK_OFF || h->offset < -CLOCK_OFF)
		problem(s, "the clock of %s is %lld ms %s this one: let both follow NTP", name,
			(long long)(h->offset < 0 ? -h->offset : h->offset),
			h->offset > 0 ? "ahead of" : "after");
	if (h->gaps)
		problem(s,
			"%llu parcels of %s have not arrived; it is asked for them again and again",
			(unsigned long long)h->gaps, name);
	if (h->holes)
		problem(s,
			"%llu records of the journal of %s were lost (a process was killed while "
			"it wrote); batvctl remember --from-exim-log on that host adds what the "
			"log has",
			(unsigned long long)h->holes, name);
	if (h->has_row && number_of(h, "counts", "full"))
		problem(s,
			"the memory of %s was full today: the fleet sends more than its "
			"memory_capacity holds; set it higher there",
			name);
}

static bool has_secret(const struct batv_fleet_host *h, const char *check)
{
	for (size_t i = 0; i < h->n_secrets; i++)
		if (strcmp(h->secrets[i], check) == 0)
			return true;
	return false;
}

/* The number of a secret of this host that signs, or will, and that the other one lacks; 0: none.
 */
static uint32_t lacking(const struct batv_fleet_host *own, const struct batv_fleet_host *h)
{
	const json_t *secret;
	size_t i;

	json_array_foreach(json_object_get(own->row, "secrets"), i, secret)
	{
		const char *check = json_string_value(json_object_get(secret, "check"));

		if (check && !json_is_true(json_object_get(secret, "retired")) &&
		    !has_secret(h, check))
			return (uint32_t)json_integer_value(json_object_get(secret, "number"));
	}
	return 0;
}

/* Hosts that sign differently.  After batvctl rotate --at it shows who has not got the new one. */
static void check_fingerprints(struct fleet_status *s)
{
	const struct batv_fleet_view *v = &s->fleet->view;
	const struct batv_fleet_host *own = &s->fleet->row.host;
	char name[NAME_SIZE], what[80];
	uint32_t number;

	for (size_t i = 0; own->has_row && i < v->n_hosts; i++) {
		const struct batv_fleet_host *h = &v->hosts[i];

		if (h->left || h->own || !h->has_row ||
		    strcmp(h->fingerprint, own->fingerprint) == 0)
			continue;
		number = lacking(own, h);
		if (number)
			(void)snprintf(what, sizeof what, "it lacks %" PRIu32, number);
		else
			(void)snprintf(what, sizeof what, "fingerprint %.16s, here %.16s",
				       h->fingerprint, own->fingerprint);
		problem(s,
			"%s has other secrets than this host (%s): batvctl secret export | ssh %s "
			"batvctl secret import",
			name_of(h, name), what, typed(h) == h->name ? h->name : "THAT-HOST");
	}
}

/* What all of them send is in the file of each. */
static void check_capacity(struct fleet_status *s)
{
	const struct batv_fleet_view *v = &s->fleet->view;
	uint64_t ids = 0, capacity = s->ctl->config.global.memory_capacity;
	char sent[BATV_LAYOUT_NUMBER], room[BATV_LAYOUT_NUMBER];

	for (size_t i = 0; i < v->n_hosts; i++)
		if (v->hosts[i].own && v->hosts[i].has_row)
			ids = number_of(&v->hosts[i], "counts", "ids");
	if (!capacity || ids < capacity)
		return;
	batv_ctl_layout_number(ids, sent, sizeof sent);
	batv_ctl_layout_number(capacity, room, sizeof room);
	problem(s,
		"the fleet has sent %s messages today, and memory_capacity here is %s: set it to "
		"twice what the fleet sends on its busiest day, on every host",
		sent, room);
}

static void check_engines(struct fleet_status *s)
{
	const json_t *e;
	size_t i;

	json_array_foreach(s->fleet->view.engines, i, e)
	{
		const char *state = json_string_value(json_object_get(e, "state"));
		const char *server = json_string_value(json_object_get(e, "server"));
		const char *text = json_string_value(json_object_get(e, "text"));

		if (state && strcmp(state, "ok") != 0)
			problem(s, "server %s: %s", server ? server : "?", text ? text : state);
	}
}

static void check(struct fleet_status *s)
{
	const struct batv_fleet_view *v = &s->fleet->view;
	const json_t *lack;
	size_t i;

	if (s->fleet->trouble[0])
		problem(s, "%s", s->fleet->trouble);
	if (!v->json)
		return;
	if (s->ctl->clock - v->written > SILENT)
		problem(s,
			"batv-fleet has not written its view for %lld seconds: is it running? "
			"systemctl status batv-fleet",
			(long long)(s->ctl->clock - v->written));
	json_array_foreach(v->lacks, i, lack) if (json_is_string(lack))
		problem(s, "%s", json_string_value(lack));
	check_engines(s);
	for (i = 0; i < v->n_hosts; i++)
		check_host(s, &v->hosts[i]);
	check_fingerprints(s);
	check_capacity(s);
}

/* ---- for people ---- */

static void print_host(const struct fleet_status *s, const struct batv_fleet_host *h)
{
	const int64_t silent = s->ctl->clock - h->heard;
	char name[NAME_SIZE], version[24], heard[32], note[120] = "";
	size_t refusing = 0;

	for (size_t i = 0; i < h->n_domains; i++)
		refusing += h->domains[i].armed;
	batv_printable(batv_span_of(h->has_row ? h->version : "-"), version, sizeof version);
	if (h->heard)
		(void)snprintf(heard, sizeof heard, "%lld s ago",
			       (long long)(silent > 0 ? silent : 0));
	else
		(void)snprintf(heard, sizeof heard, "never");
	if (h->left)
		(void)snprintf(note, sizeof note, "has left");
	else if (!h->has_row)
		(void)snprintf(note, sizeof note, "no row yet");
	else if (h->fresh)
		(void)snprintf(note, sizeof note, "fresh");
	printf("%-20.40s %-8s %-12s %6lld ms %8u %10llu %6zu of %-6zu %s\n", name_of(h, name),
	       version, h->own ? "this host" : heard, (long long)h->offset, h->signing_number,
	       (unsigned long long)number_of(h, "counts", "signed"), refusing, h->n_domains, note);
}

static void print_page(const struct fleet_status *s)
{
	const struct batv_fleet_view *v = &s->fleet->view;
	const json_t *line;
	char since[BATV_TIME_SIZE];
	size_t i;

	printf("Fleet %s\n", s->ctl->config.global.fleet);
	json_array_foreach(s->problems, i, line)
	{
		fputs("  ! ", stdout);
		batv_ctl_layout_wrap(stdout, json_string_value(line), 4, 4, 100);
	}
	if (!v->json)
		return;
	batv_ctl_time_format(v->since, since, sizeof since);
	printf("Memory of the fleet: %s, since %s\n", v->complete ? "complete" : "not complete",
	       since);
	printf("\n%-20s %-8s %-12s %9s %8s %10s %s\n", "host", "version", "heard", "clock",
	       "secret", "signed", "refusing");
	for (i = 0; i < v->n_hosts; i++)
		print_host(s, &v->hosts[i]);
}

static void print_json(const struct fleet_status *s)
{
	json_t *o = json_object();

	batv_ctl_put(o, "schema", json_integer(1));
	batv_ctl_put_text(o, "fleet", s->ctl->config.global.fleet);
	batv_ctl_put(o, "problems", json_incref(s->problems));
	batv_ctl_put(o, "view",
		     s->fleet->view.json ? json_incref(s->fleet->view.json) : json_null());
	batv_ctl_print_json(o);
}

int batv_ctl_fleet_status(struct batv_ctl *ctl)
{
	struct fleet_status s = {.ctl = ctl};
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	s.fleet = batv_ctl_fleet(ctl);
	if (!s.fleet->on)
		return batv_ctl_fail(BATV_CTL_NO,
				     "%s names no fleet: this server is alone, and needs none; "
				     "batvctl fleet join begins one",
				     ctl->config_path);
	s.problems = json_array();
	check(&s);
	code = json_array_size(s.problems) ? BATV_CTL_NO : BATV_CTL_YES;
	if (ctl->json)
		print_json(&s);
	else
		print_page(&s);
	json_decref(s.problems);
	return code;
}
