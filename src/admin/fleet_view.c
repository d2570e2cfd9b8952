/*
 * fleet_view.c - reads what batv-fleet knows of the other hosts.
 *
 * Invariant: nothing that a host says of itself is an error.  It is taken within its limits, or not
 * at all.
 */
#include "fleet_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/days.h"
#include "replace.h"

#define SCHEMA 1
#define ROW_DOMAINS_MAX 16384 /* as many as the domain table has */
#define ROW_BREAKS_MAX 256
#define ROW_POLICIES_MAX 256
#define ROW_SECRETS_MAX 1024

/* ---- members of an object ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *o, const char *key)
{
	const json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

static bool flag_of(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* A clock that is ahead says nothing of the future: such a time is now. */
static int64_t time_of(const json_t *o, const char *key, int64_t now)
{
	const json_int_t when = json_integer_value(json_object_get(o, key));

	return when < 0 ? 0 : when > now ? now : (int64_t)when;
}

/* ---- a row ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct batv_fleet_domain *)a)->name,
		      ((const struct batv_fleet_domain *)b)->name);
}

static bool read_domains(struct batv_fleet_host *host, int64_t now)
{
	const json_t *list = json_object_get(host->row, "domains"), *o;
	size_t n = json_array_size(list);

	if (n > ROW_DOMAINS_MAX)
		n = ROW_DOMAINS_MAX;
	host->domains = calloc(n ? n : 1, sizeof *host->domains);
	if (!host->domains)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct batv_fleet_domain *d = &host->domains[host->n_domains];

		o = json_array_get(list, i);
		if (!*text_of(o, "name"))
			continue;
		*d = (struct batv_fleet_domain){
			.name = text_of(o, "name"),
			.policy = text_of(o, "policy"),
			.first_signed = time_of(o, "first_signed", now),
			.last_signed = time_of(o, "last_signed", now),
			.first_valid = time_of(o, "first_valid", now),
			.last_valid = time_of(o, "last_valid", now),
			.broken = time_of(o, "broken", now),
			.bare = time_of(o, "bare", now),
			.armed = flag_of(o, "armed"),
			.complete = flag_of(o, "complete"),
		};
		host->n_domains++;
	}
	qsort(host->domains, host->n_domains, sizeof *host->domains, by_name);
	return true;
}

/* `until` may be in the future: that is what it is for.  But not further than a tag can live. */
static int64_t until_of(const json_t *o, int64_t now)
{
	const json_int_t until = json_integer_value(json_object_get(o, "until"));
	const int64_t most = now + BATV_FLEET_UNTIL_DAYS * (int64_t)BATV_DAY;

	return until < 0 ? 0 : until > most ? most : (int64_t)until;
}

static bool read_breaks(struct batv_fleet_host *host, int64_t now)
{
	const json_t *list = json_object_get(host->row, "breaks"), *o;
	size_t n = json_array_size(list);

	if (n > ROW_BREAKS_MAX)
		n = ROW_BREAKS_MAX;
	host->breaks = calloc(n ? n : 1, sizeof *host->breaks);
	if (!host->breaks)
		return false;
	for (size_t i = 0; i < n; i++) {
		o = json_array_get(list, i);
		if (!*text_of(o, "policy"))
			continue;
		host->breaks[host->n_breaks++] = (struct batv_fleet_break){
			.policy = text_of(o, "policy"),
			.when = time_of(o, "when", now),
			.until = until_of(o, now),
			.why = text_of(o, "why"),
		};
	}
	return true;
}

/* Texts of a list: the items themselves, or the member `key` of each.  NULL: no memory. */
static const char **read_texts(const json_t *list, const char *key, size_t max, size_t *n)
{
	size_t all = json_array_size(list);
	const char **out;

	if (all > max)
		all = max;
	out = calloc(all ? all : 1, sizeof *out);
	for (size_t i = 0; out && i < all; i++) {
		const json_t *item = json_array_get(list, i);
		const char *text = json_string_value(key ? json_object_get(item, key) : item);

		if (text)
			out[(*n)++] = text;
	}
	return out;
}

static bool read_lists(struct batv_fleet_host *host)
{
	host->not_signed = read_texts(json_object_get(host->row, "unsigned"), NULL,
				      ROW_POLICIES_MAX, &host->n_unsigned);
	host->secrets = read_texts(json_object_get(host->row, "secrets"), "check", ROW_SECRETS_MAX,
				   &host->n_secrets);
	return host->not_signed && host->secrets;
}

static bool read_row(struct batv_fleet_host *host, const json_t *row, int64_t now)
{
	const json_t *signing = json_object_get(row, "signing");
	const json_t *observe = json_object_get(row, "observe");

	if (!json_is_object(row))
		return true;
	host->has_row = true;
	host->row = row;
	host->version = text_of(row, "version");
	host->fingerprint = text_of(row, "fingerprint");
	host->cut = flag_of(row, "cut");
	host->fresh = flag_of(row, "fresh");
	host->joined = time_of(row, "joined", now);
	host->signing = text_of(signing, "check");
	host->signing_number = (uint32_t)number_of(signing, "number");
	host->observe = flag_of(observe, "on");
	host->observe_counter = number_of(observe, "counter");
	host->observe_at = time_of(observe, "at", now);
	return read_domains(host, now) && read_breaks(host, now) && read_lists(host);
}

static bool read_host(struct batv_fleet_host *host, const json_t *o, int64_t now)
{
	*host = (struct batv_fleet_host){
		.id = text_of(o, "id"),
		.name = text_of(o, "name"),
		.own = flag_of(o, "own"),
		.left = flag_of(o, "left"),
		.heard = time_of(o, "heard", now),
		.until = (int64_t)number_of(o, "until"),
		.offset = json_integer_value(json_object_get(o, "offset")),
		.gaps = number_of(o, "gaps"),
		.holes = number_of(o, "holes"),
		.gap = time_of(o, "gap", now * 1000),
		.row_at = time_of(o, "row_at", now),
		.version = "",
		.fingerprint = "",
		.signing = "",
	};
	return read_row(host, json_object_get(o, "row"), now);
}

enum batv_err batv_fleet_view_row(const json_t *row, int64_t now, struct batv_fleet_host *out)
{
	*out = (struct batv_fleet_host){
		.id = "", .name = "", .own = true, .version = "", .fingerprint = "", .signing = ""};
	if (read_row(out, row, now))
		return BATV_OK;
	batv_fleet_view_free_row(out);
	return BATV_E_IO;
}

void batv_fleet_view_free_row(struct batv_fleet_host *host)
{
	free(host->domains);
	free(host->breaks);
	free(host->not_signed);
	free(host->secrets);
	host->secrets = NULL;
	host->domains = NULL;
	host->breaks = NULL;
	host->not_signed = NULL;
	host->n_domains = host->n_breaks = host->n_unsigned = host->n_secrets = 0;
}

/* ---- the file ---- */

static enum batv_err fail(struct batv_fleet_view *out, enum batv_err err, char *why, size_t size,
			  const char *text)
{
	batv_fleet_view_free(out);
	(void)snprintf(why, size, "%s", text);
	return err;
}

static enum batv_err read_hosts(struct batv_fleet_view *out, const json_t *list, int64_t now,
				char *why, size_t size)
{
	const size_t n = json_array_size(list);

	if (n > BATV_FLEET_HOSTS_MAX)
		return fail(out, BATV_E_FULL, why, size, "it has more than 1024 hosts");
	out->hosts = calloc(n ? n : 1, sizeof *out->hosts);
	if (!out->hosts)
		return fail(out, BATV_E_IO, why, size, "out of memory");
	for (size_t i = 0; i < n; i++) {
		out->n_hosts = i + 1;
		if (!read_host(&out->hosts[i], json_array_get(list, i), now))
			return fail(out, BATV_E_IO, why, size, "out of memory");
	}
	return BATV_OK;
}

enum batv_err batv_fleet_view_parse(const char *text, size_t len, int64_t now,
				    struct batv_fleet_view *out, char *why, size_t size)
{
	json_error_t error;
	const json_t *hosts;

	*out = (struct batv_fleet_view){.json = json_loadb(text, len, 0, &error)};
	if (!out->json) {
		(void)snprintf(why, size, "line %d: expected JSON: %s", error.line, error.text);
		return BATV_E_SYNTAX;
	}
	if (!json_is_object(out->json))
		return fail(out, BATV_E_SYNTAX, why, size, "expected a JSON object");
	if (json_integer_value(json_object_get(out->json, "schema")) != SCHEMA)
		return fail(out, BATV_E_VERSION, why, size,
			    "expected \"schema\": 1; batv-fleet and batvd are of different "
			    "versions: install the same");
	hosts = json_object_get(out->json, "hosts");
	if (!json_is_array(hosts))
		return fail(out, BATV_E_SYNTAX, why, size, "expected an array \"hosts\"");
	out->fleet = text_of(out->json, "fleet");
	out->written = time_of(out->json, "written", now);
	out->until = (int64_t)number_of(out->json, "until");
	out->since = time_of(out->json, "since", now);
	out->complete = flag_of(out->json, "complete");
	out->lacks = json_object_get(out->json, "lacks");
	out->engines = json_object_get(out->json, "engines");
	return read_hosts(out, hosts, now, why, size);
}

enum batv_err batv_fleet_view_read(const char *directory, int64_t now, struct batv_fleet_view *out,
				   char *message, size_t size)
{
	char *text = NULL, why[200];
	enum batv_err err;
	size_t len;
	int dirfd;

	*out = (struct batv_fleet_view){.json = NULL};
	err = batv_dir_open(directory, &dirfd, NULL);
	if (err) {
		(void)snprintf(message, size, "%s: %s", directory, batv_strerror(err));
		return err;
	}
	err = batv_slurp(dirfd, BATV_FLEET_VIEW_NAME, BATV_FLEET_VIEW_MAX, &text, &len);
	(void)snprintf(why, sizeof why, "%s",
		       err == BATV_E_IO ? strerror(errno) : batv_strerror(err));
	close(dirfd);
	if (!err)
		err = batv_fleet_view_parse(text, len, now, out, why, sizeof why);
	free(text);
	if (err)
		(void)snprintf(message, size, "%s/%s: %s", directory, BATV_FLEET_VIEW_NAME, why);
	return err;
}

void batv_fleet_view_free(struct batv_fleet_view *view)
{
	for (size_t i = 0; i < view->n_hosts; i++)
		batv_fleet_view_free_row(&view->hosts[i]);
	free(view->hosts);
	json_decref(view->json);
	*view = (struct batv_fleet_view){.json = NULL};
}

/* ---- questions ---- */

static int to_name(const void *name, const void *domain)
{
	return strcmp(name, ((const struct batv_fleet_domain *)domain)->name);
}

const struct batv_fleet_domain *batv_fleet_view_domain(const struct batv_fleet_host *host,
						       const char *name)
{
	return host->n_domains ? bsearch(name, host->domains, host->n_domains,
					 sizeof *host->domains, to_name)
			       : NULL;
}

const struct batv_fleet_host *batv_fleet_view_host(const struct batv_fleet_view *view,
						   const char *name)
{
	for (size_t i = 0; i < view->n_hosts; i++)
		if (strcmp(view->hosts[i].name, name) == 0 || strcmp(view->hosts[i].id, name) == 0)
			return &view->hosts[i];
	return NULL;
}

const struct batv_fleet_host *batv_fleet_view_observe(const struct batv_fleet_view *view)
{
	const struct batv_fleet_host *last = NULL;

	for (size_t i = 0; i < view->n_hosts; i++) {
		const struct batv_fleet_host *h = &view->hosts[i];

		if (h->observe_counter && (!last || h->observe_counter > last->observe_counter))
			last = h;
	}
	return last;
}
