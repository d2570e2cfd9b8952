/*
 * late_pcre2.c - when is PCRE2 loaded?  test_module.py links this with automatic.c and batv.so's
 * late_pcre2.c, and without libpcre2.  Prints what each question was answered, and whether the
 * library was there after it.
 */
#include <stdio.h>
#include <string.h>

#include "decide/automatic.h"

static int loaded(void)
{
	char line[1024];
	FILE *maps = fopen("/proc/self/maps", "r");
	int yes = 0;

	while (maps && fgets(line, sizeof line, maps))
		yes |= strstr(line, "pcre2") != NULL;
	return yes;
}

static void ask(const char *sender, const char *pattern)
{
	bool doubt, yes = batv_automatic_sender(sender, pattern, &doubt);

	printf("%d %d %d\n", yes, doubt, loaded());
}

int main(void)
{
	ask("", "^xy.@");
	ask("mailer-daemon@b", "");
	ask("xyz@b", "^xy.@");
	ask("a@b", "^xy.@");
	return 0;
}
