/* links: batvctl/ctl_diff */
/*
 * fuzz_diff.c - any bytes as Exim's configuration: the diff that puts exim-batv into it changes no
 * line, and fits.
 *
 * Input: a byte of bits (what is missing), a line of names of transports, and the configuration up
 * to its first NUL.
 */
#include "../../src/batvctl/ctl_enable.h"
#include "reach.h"

enum { REFUSED, NOTHING, DIFF, HUNKS, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {"refused", "nothing", "diff", "hunks"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* The line at *at, without its newline; *at is moved on. */
static size_t line_len(const char *at)
{
	return strcspn(at, "\n");
}

static const char *next_line(const char *at)
{
	at += line_len(at);
	return at + (*at == '\n');
}

static const char *line_number(const char *text, size_t n)
{
	while (--n > 0)
		text = next_line(text);
	return text;
}

/* One hunk: its context is the file's, where it says, and its numbers are right. */
static const char *check_hunk(const char *diff, const char *text, size_t *shift)
{
	size_t from, n_from, to, n_to, kept = 0, added = 0;
	const char *line;

	must(sscanf(diff, "@@ -%zu,%zu +%zu,%zu @@", &from, &n_from, &to, &n_to) == 4);
	must(from > 0 && to == from + *shift);
	line = line_number(text, from);
	for (diff = next_line(diff); *diff == ' ' || *diff == '+'; diff = next_line(diff)) {
		if (*diff == '+') {
			added++;
			continue;
		}
		must(line_len(diff + 1) == line_len(line));
		must(memcmp(diff + 1, line, line_len(line)) == 0);
		line = next_line(line);
		kept++;
	}
	must(kept == n_from && kept + added == n_to && added > 0);
	*shift += added;
	return diff;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* How many names, each followed by a space. */
static size_t names_in(const char *list)
{
	size_t n = 0;

	for (; *(list += strspn(list, " ")); list += strcspn(list, " "))
		n++;
	return n;
}

static void check_diff(const char *diff, const char *text, const struct batv_diff_wanted *w)
{
	size_t shift = 0, hunks = 0;

	must(count(diff, "/s/transport-sign.conf\n") >= names_in(w->transports));

	if (!*diff) {
		reached(NOTHING);
		return;
	}
	must(strncmp(diff, "--- /f\n+++ /f\n", 14) == 0);
	for (diff += 14; *diff; hunks++)
		diff = check_hunk(diff, text, &shift);
	must(hunks > 0);
	reached(hunks > 1 ? HUNKS : DIFF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size), *names, *conf, why[500] = "", *diff;
	struct batv_diff_wanted wanted = {.snippets = "/s", .module = "/m.so"};

	if (size > 0) {
		wanted.local_scan = *text & 1;
		wanted.main = *text & 2;
		wanted.unsign = *text & 4;
		if (*text & 8)
			wanted.module = "";
		names = text + 1;
		conf = next_line(names) == names ? names : (char *)(uintptr_t)next_line(names);
		if (conf > names && conf[-1] == '\n')
			conf[-1] = '\0';
		wanted.transports = names;
		diff = batv_ctl_diff("/f", conf, &wanted, why, sizeof why);
		if (diff)
			check_diff(diff, conf, &wanted);
		else {
			must(*why && strcmp(why, "out of memory") != 0);
			reached(REFUSED);
		}
		free(diff);
	}
	free(text);
	return 0;
}
