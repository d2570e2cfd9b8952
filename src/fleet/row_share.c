/*
 * row_share.c - a row is at most one parcel.  Domains that do not fit are left out, the last ones
 * first, and the row says so ("cut"): then none of them arms elsewhere by evidence.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "parcel.h"
#include "row_share.h"

static char *dump(json_t *row, const struct batv_row_share_facts *facts, size_t *len)
{
	const bool past =
		facts->began > facts->lost && !json_is_true(json_object_get(row, "fresh"));
	/* The name first: news.c finds it there. */
	json_t *whole = json_pack("{s:s, s:s, s:I, s:I, s:O}", "name", facts->name, "version",
				  BATV_VERSION, "holes", (json_int_t)facts->holes, "lost",
				  (json_int_t)(past ? facts->began : facts->lost), "row", row);
	char *text = whole ? json_dumps(whole, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(whole);
	*len = text ? strlen(text) : 0;
	return text;
}

/* Leaves out a quarter of the domains.  False: there are none. */
static bool cut(json_t *row)
{
	json_t *domains = json_object_get(row, "domains");
	size_t n = json_array_size(domains), left = n - (n + 3) / 4;

	if (!n)
		return false;
	while (json_array_size(domains) > left)
		(void)json_array_remove(domains, json_array_size(domains) - 1);
	(void)json_object_set_new(row, "cut", json_true());
	return true;
}

static void take_forget(const json_t *row, struct batv_row_share *out)
{
	const json_t *list = json_object_get(row, "forget");

	for (size_t i = 0; i < json_array_size(list) && out->n_forget < BATV_ROW_SHARE_FORGET_MAX;
	     i++) {
		const char *id = json_string_value(json_array_get(list, i));
		uint8_t bytes[8];
		uint64_t host = 0;

		if (!id || !batv_span_to_bytes(batv_span_of(id), bytes, sizeof bytes))
			continue;
		for (size_t k = 0; k < sizeof bytes; k++)
			host = host << 8 | bytes[k];
		out->forget[out->n_forget++] = host;
	}
}

enum batv_err batv_row_share_make(const char *json, size_t len,
				  const struct batv_row_share_facts *facts,
				  struct batv_row_share *out)
{
	json_t *row = json_loadb(json, len, 0, NULL);

	memset(out, 0, sizeof *out);
	if (!json_is_object(row)) {
		json_decref(row);
		return BATV_E_SYNTAX;
	}
	out->leave = json_is_true(json_object_get(row, "leave"));
	take_forget(row, out);
	out->text = dump(row, facts, &out->len);
	while (out->text && out->len > BATV_PARCEL_PAYLOAD_MAX) {
		free(out->text);
		out->text = NULL;
		if (!cut(row))
			break;
		out->cut = true;
		out->text = dump(row, facts, &out->len);
	}
	json_decref(row);
	return out->text ? BATV_OK : BATV_E_IO;
}

int64_t batv_row_share_lost(struct batv_span text)
{
	json_t *said = json_loadb(text.p, text.len, 0, NULL);
	int64_t lost = json_integer_value(json_object_get(said, "lost"));

	json_decref(said);
	return lost > 0 ? lost : 0;
}

void batv_row_share_free(struct batv_row_share *share)
{
	free(share->text);
	memset(share, 0, sizeof *share);
}
