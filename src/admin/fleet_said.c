/*
 * fleet_said.c - reads and writes what batvctl said that concerns the whole fleet.
 *
 * Invariant: the file is taken whole or not at all.
 */
#include "fleet_said.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/days.h"
#include "base/fault.h"

#define ID_DIGITS 16

bool batv_fleet_said_is_id(struct batv_span text)
{
	return text.len == ID_DIGITS && strspn(text.p, "0123456789abcdef") >= ID_DIGITS;
}

/* A number that is there must be one; false if it is not. */
static bool read_number(const json_t *o, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(o, key);

	if (!value)
		return true;
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= 0 && *out <= BATV_TIME_MAX;
}

static bool read_flag(const json_t *o, const char *key, bool *out)
{
	const json_t *value = json_object_get(o, key);

	*out = json_is_true(value);
	return !value || json_is_boolean(value);
}

static const char *read_forget(const json_t *list, struct batv_fleet_said *out)
{
	if (list && !json_is_array(list))
		return "expected \"forget\" to be an array";
	if (json_array_size(list) > BATV_FLEET_FORGET_MAX)
		return "expected at most 64 hosts in \"forget\"";
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = json_string_value(json_array_get(list, i));

		if (!id || !batv_fleet_said_is_id(batv_span_of(id)))
			return "expected each of \"forget\" to be 16 hex digits";
		memcpy(out->forget[out->n_forget++], id, ID_DIGITS + 1);
	}
	return NULL;
}

/* Returns what was expected, or NULL. */
static const char *read_object(const json_t *o, struct batv_fleet_said *out)
{
	const json_t *observe = json_object_get(o, "observe");
	int64_t counter = 0;

	*out = (struct batv_fleet_said){.n_forget = 0};
	if (!json_is_object(o))
		return "expected a JSON object";
	if (json_integer_value(json_object_get(o, "schema")) != 1)
		return "expected \"schema\": 1";
	if (!read_flag(o, "fresh", &out->fresh) || !read_flag(o, "leave", &out->leave) ||
	    !read_flag(observe, "on", &out->observe))
		return "expected fresh, leave and on to be true or false";
	if (!read_number(o, "joined", &out->joined) || !read_number(observe, "counter", &counter) ||
	    !read_number(observe, "at", &out->observe_at))
		return "expected joined, counter and at to be numbers";
	out->observe_counter = (uint64_t)counter;
	return read_forget(json_object_get(o, "forget"), out);
}

enum batv_err batv_fleet_said_read(const struct batv_store *store, struct batv_fleet_said *out,
				   char *message, size_t size)
{
	char fault[200], *text = NULL;
	json_error_t error;
	const char *why;
	size_t len = 0;
	enum batv_err err =
		batv_slurp(store->dirfd, BATV_FLEET_SAID_NAME, BATV_FLEET_SAID_MAX, &text, &len);
	json_t *o;

	*out = (struct batv_fleet_said){.n_forget = 0};
	if (err == BATV_E_NO_FILE)
		return BATV_OK;
	if (err != BATV_OK) {
		(void)snprintf(message, size, "%s/%s: %s", store->path, BATV_FLEET_SAID_NAME,
			       batv_fault(store->dirfd, BATV_FLEET_SAID_NAME, false, err, fault,
					  sizeof fault));
		return err;
	}
	o = json_loadb(text, len, 0, &error);
	free(text);
	why = o ? read_object(o, out) : error.text;
	if (why) {
		*out = (struct batv_fleet_said){.n_forget = 0};
		(void)snprintf(message, size, "%s/%s:%d: %s", store->path, BATV_FLEET_SAID_NAME,
			       o ? 1 : error.line, why);
	}
	json_decref(o);
	return why ? BATV_E_SYNTAX : BATV_OK;
}

static json_t *object_of(const struct batv_fleet_said *said)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < said->n_forget; i++)
		json_array_append_new(list, json_string(said->forget[i]));
	o = json_pack("{s:i, s:I, s:b, s:b, s:o}", "schema", 1, "joined", (json_int_t)said->joined,
		      "fresh", said->fresh, "leave", said->leave, "forget", list);
	if (o && said->observe_counter)
		json_object_set_new(o, "observe",
				    json_pack("{s:b, s:I, s:I}", "on", said->observe, "counter",
					      (json_int_t)said->observe_counter, "at",
					      (json_int_t)said->observe_at));
	return o;
}

enum batv_err batv_fleet_said_write(const struct batv_store *store,
				    const struct batv_fleet_said *said, char *message, size_t size)
{
	json_t *o = object_of(said);
	char *text = o ? json_dumps(o, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	enum batv_err err = text ? batv_replace(store->dirfd, BATV_FLEET_SAID_NAME,
						BATV_FLEET_SAID_MODE, text, strlen(text))
				 : BATV_E_IO;

	free(text);
	json_decref(o);
	if (err != BATV_OK)
		(void)snprintf(message, size, "%s/%s: %s: %s", store->path, BATV_FLEET_SAID_NAME,
			       batv_fault_unwritten(err, "cannot write it"),
			       batv_fault_phrase(err));
	return err;
}
