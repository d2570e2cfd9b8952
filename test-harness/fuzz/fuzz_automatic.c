/* links: core/decide/automatic core/base/span */
/*
 * fuzz_automatic.c - any pattern of an administrator and any sender: the answer comes within the
 * limits, and what cannot be answered is "no", with doubt.
 *
 * Input: a sender, a newline, and a pattern; each up to its first NUL.
 */
#include "decide/automatic.h"
#include "reach.h"

enum { YES, NO, DOUBT, DAEMON, QUOTED_DAEMON, GOOD_PATTERN, BAD_PATTERN, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"yes", "no", "doubt", "daemon", "quoted_daemon", "good_pattern", "bad_pattern",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *sender = reach_text(data, size), *pattern = strchr(sender, '\n'), why[200] = "";
	bool doubt = true, yes, good;
	size_t offset = 0;

	if (pattern)
		*pattern++ = '\0';
	yes = batv_automatic_sender(sender, NULL, &doubt);
	must(!doubt && yes == batv_automatic_sender(sender, "", &doubt) && !doubt);
	if (yes && *sender)
		reached(*sender == '"' || strchr(sender, '\\') ? QUOTED_DAEMON : DAEMON);
	good = batv_automatic_check(pattern, &offset, why, sizeof why);
	must(good == (*why == '\0') && (good || offset <= strlen(pattern)));
	if (pattern && *pattern)
		reached(good ? GOOD_PATTERN : BAD_PATTERN);
	yes = batv_automatic_sender(sender, pattern, &doubt);
	must(*sender || (yes && !doubt)); /* the null sender is automatic, whatever the pattern */
	must(!(yes && doubt) && (good || !*sender || doubt));
	reached(doubt ? DOUBT : yes ? YES : NO);
	free(sender);
	return 0;
}
