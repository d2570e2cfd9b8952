/*
 * fleet_view.h - reads `view`, the file in which batv-fleet says what it knows of the other hosts.
 * docs/formats.md, "Fleet view", describes it.
 *
 * What a host says of itself comes from that host.  So a member that is wrong or hostile chooses
 * it, within the limits that are checked here: a part of another type counts as missing, a time in
 * the future counts as now, and texts are not yet printable.
 */
#ifndef BATV_FLEET_VIEW_H
#define BATV_FLEET_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BATV_FLEET_VIEW_NAME "view"
#define BATV_FLEET_VIEW_MAX ((size_t)64 << 20) /* bytes of the file */
#define BATV_FLEET_HOSTS_MAX 1024
#define BATV_FLEET_UNTIL_DAYS 732 /* no tag lives longer */

/* What a host says of one domain.  Times are seconds since 1970; 0: never. */
struct batv_fleet_domain {
	const char *name, *policy;
	int64_t first_signed, last_signed, first_valid, last_valid;
	int64_t broken; /* its own last break */
	int64_t bare;   /* when mail of it last left untagged, although it had left signed before */
	bool armed;     /* it refuses there */
	bool complete;  /* its evidence there is complete, as arming.h says */
};

struct batv_fleet_break {
	const char *policy; /* "*": all */
	int64_t when, until;
	const char *why;
};

struct batv_fleet_host {
	const char *id, *name;
	bool own, left;
	bool has_row;   /* what is below is known */
	int64_t heard;  /* seconds; 0: never */
	int64_t until;  /* ms: all that it sent before is here */
	int64_t offset; /* ms that its clock is ahead */
	uint64_t gaps, holes;
	int64_t gap;    /* ms: what it sent before may be missing for good; 0: nothing */
	int64_t row_at; /* seconds */
	const char *version, *fingerprint;
	bool cut;       /* the row does not have all of its domains */
	bool fresh;     /* it had not sent any mail before it joined */
	int64_t joined; /* seconds */
	/* The secret that it signs with: batv_secret_check(), and its number.  "", 0: none. */
	const char *signing;
	uint32_t signing_number;
	bool observe; /* batvctl observe --fleet, as that host last said it */
	uint64_t observe_counter;
	int64_t observe_at;
	const json_t *row; /* the whole, for status; borrowed */
	size_t n_domains, n_breaks, n_unsigned, n_secrets;
	struct batv_fleet_domain *domains; /* in the order of their names */
	struct batv_fleet_break *breaks;
	const char **not_signed; /* names of its policies with signing off */
	/* batv_secret_check() of each secret that it has and has not revoked. */
	const char **secrets;
};

struct batv_fleet_view {
	json_t *json; /* owns all texts */
	const char *fleet;
	int64_t written;
	int64_t until; /* ms: what all hosts sent before is here; 0: not known */
	int64_t since; /* seconds: since when this host's memory has all of it; 0: it has not */
	bool complete;
	const json_t *lacks, *engines; /* for status; borrowed; NULL: none */
	size_t n_hosts;
	struct batv_fleet_host *hosts;
};

/*
 * Parses the text.  On error *out is empty, and `why` is the end of a sentence: what was expected.
 * Errors: BATV_E_SYNTAX, BATV_E_VERSION, BATV_E_FULL (more hosts than can be), BATV_E_IO (memory).
 */
enum batv_err batv_fleet_view_parse(const char *text, size_t len, int64_t now,
				    struct batv_fleet_view *out, char *why, size_t size);
/*
 * Reads the file in that directory.  On error `message` is one line, complete.
 * Errors: also BATV_E_NO_FILE, BATV_E_UNSAFE_FILE, BATV_E_TOO_LONG.
 */
enum batv_err batv_fleet_view_read(const char *directory, int64_t now, struct batv_fleet_view *out,
				   char *message, size_t size);
/* Reads a row by itself, as the file fleet.row has it.  The host borrows from `row`. */
enum batv_err batv_fleet_view_row(const json_t *row, int64_t now, struct batv_fleet_host *out);
void batv_fleet_view_free_row(struct batv_fleet_host *host);

void batv_fleet_view_free(struct batv_fleet_view *view);

/* What that host says of the domain; NULL: nothing. */
const struct batv_fleet_domain *batv_fleet_view_domain(const struct batv_fleet_host *host,
						       const char *name);
/* The host of that name or id; NULL: there is none. */
const struct batv_fleet_host *batv_fleet_view_host(const struct batv_fleet_view *view,
						   const char *name);
/* The host whose word on batvctl observe --fleet is the latest; NULL: nobody has said it. */
const struct batv_fleet_host *batv_fleet_view_observe(const struct batv_fleet_view *view);

#endif
