/*
 * flood.c - counts uses of tags and ids in the memory's tallies.  The limit is one for a day; the
 * count over the life of a tag or an id is kept beside it.
 *
 * A tag is named by a keyed hash, like an item, so that nobody can choose whose counter to fill.
 */
#include <string.h>

#include "base/days.h"
#include "base/hmac.h"
#include "exim_glue.h"
#include "memory/tallies.h"
#include "flood.h"

static bool tag_name(const struct batv_session *session, const char *rcpt,
		     uint8_t name[static BATV_ITEM_LEN])
{
	const struct batv_span key = batv_state_memory_key(session->state);
	char canon[BATV_ADDR_SIZE];
	struct batv_addr addr;
	size_t len;

	return key.len > 0 && batv_addr_parse(rcpt, strlen(rcpt), &addr) == BATV_OK &&
	       batv_addr_canon(&addr, canon, sizeof canon, &len) == BATV_OK &&
	       batv_hmac_sha1(key, batv_span_of("tag "), (struct batv_span){canon, len}, name);
}

static void log_flood(const char *what, const char *rcpt, uint32_t count)
{
	char shown[280];

	batv_printable(batv_span_of(rcpt), shown, sizeof shown);
	batv_glue_log("batv: flood=%s count=%u limit=%u a day action=deferred rcpt=<%s>", what,
		      (unsigned)count, (unsigned)BATV_FLOOD_A_DAY, shown);
}

bool batv_flood(const struct batv_session *session, const char *rcpt,
		const struct batv_judgement *j)
{
	uint8_t name[BATV_ITEM_LEN];
	const char *what = NULL;
	uint32_t count = 0;

	if (j->finding.verdict == BATV_VALID && j->key && tag_name(session, rcpt, name)) {
		what = "tag";
		count = batv_tally(session->memory, BATV_TALLY_TAG_BOUNCES, name,
				   batv_day_of(j->key->destroy), session->now)
				.day;
	} else if (j->finding.verdict == BATV_REMEMBERED && j->proof.kind == BATV_PROOF_ID) {
		what = "id";
		count = batv_tally(
				session->memory, BATV_TALLY_ID_HITS, j->proof.item.name,
				batv_day_of(session->now + session->state->global.memory_retention),
				session->now)
				.day;
	}
	if (count <= BATV_FLOOD_A_DAY || !j->finding.rejecting)
		return false;
	log_flood(what, rcpt, count);
	return true;
}
