/*
 * tag_use.c - counts mail by its tag, in the tallies.
 *
 * A name is a keyed hash, like that of an item, so that nobody outside can choose whose count to
 * raise.
 */
#include "memory/tag_use.h"

#include <string.h>

#include "base/days.h"
#include "base/hmac.h"

#define DAYS_OF_TAGS 1000 /* a tag has the last three digits of its day */

bool batv_tag_use_name(const struct batv_tag_use *use, uint8_t name[static BATV_ITEM_LEN])
{
	char which[] = "tag 0000 ", canon[BATV_ADDR_SIZE];
	size_t len;

	if (use->key.len == 0 || use->bare->domain.len == 0 ||
	    batv_addr_canon(use->bare, canon, sizeof canon, &len) != BATV_OK)
		return false;
	which[4] = (char)('0' + use->number % 10);
	which[5] = (char)('0' + use->day / 100 % 10);
	which[6] = (char)('0' + use->day / 10 % 10);
	which[7] = (char)('0' + use->day % 10);
	return batv_hmac_sha1(use->key, batv_span_of(which), (struct batv_span){canon, len}, name);
}

uint64_t batv_tag_use_until(unsigned day, int64_t now)
{
	uint64_t today = batv_day_of(now);

	return today + (DAYS_OF_TAGS + day % DAYS_OF_TAGS - today % DAYS_OF_TAGS) % DAYS_OF_TAGS;
}

void batv_tag_use_sent(struct batv_memory *memory, const struct batv_tag_use *use,
		       uint32_t recipients, int64_t now)
{
	uint8_t name[BATV_ITEM_LEN];

	if (recipients > 0 && batv_tag_use_name(use, name))
		(void)batv_tally_add(memory, BATV_TALLY_TAG_MAILS, name,
				     batv_tag_use_until(use->day, now), now, recipients);
}

uint32_t batv_tag_use_recipients(struct batv_memory *memory, const struct batv_tag_use *use,
				 int64_t now)
{
	struct batv_tallied sent = {0, 0};
	uint8_t name[BATV_ITEM_LEN];

	if (batv_tag_use_name(use, name))
		sent = batv_tally_read(memory, BATV_TALLY_TAG_MAILS, name, now);
	return sent.life ? sent.life : sent.day;
}
