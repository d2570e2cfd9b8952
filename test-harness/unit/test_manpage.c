/* links: admin/config admin/nearest admin/conffile admin/legacy core/decide/automatic core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_manpage.c - docs/man/exim-batv.conf.5 has every option with its default, and nothing else.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "unit.h"

static struct batv_config config;
static char message[8192];

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	static char text[200000];
	size_t len;

	ck_assert_msg(f != NULL, "%s cannot be opened; run from the top directory", path);
	len = fread(text, 1, sizeof text - 1, f);
	ck_assert_uint_lt(len, sizeof text - 1);
	text[len] = '\0';
	fclose(f);
	return text;
}

static void good(const char *line)
{
	ck_assert_msg(batv_config_parse("man", line, strlen(line), &config, message,
					sizeof message) == BATV_OK,
		      "%s", message);
	batv_config_free(&config);
}

/* The paragraph of the man page that describes an option, up to the next one. */
static char *paragraph(char *page, const char *name)
{
	char item[80];
	char *at;

	snprintf(item, sizeof item, "\n.It Ic %s\n", name);
	at = strstr(page, item);
	ck_assert_msg(at != NULL, "exim-batv.conf(5) has no item for %s", name);
	at += strlen(item) - 1;
	ck_assert_msg(strstr(at, item) == NULL, "%s is described twice", name);
	for (char *end = at + 1;; end = strchr(end, '\n') + 1)
		if (strncmp(end, ".It ", 4) == 0 || strncmp(end, ".El\n", 4) == 0)
			return strndup(at, (size_t)(end - at));
}

static void check_paragraph(char *page, const char *name, const char *fallback)
{
	char *text = paragraph(page, name);
	char line[512];
	const char *example;

	if (fallback) {
		snprintf(line, sizeof line,
			 *fallback ? "\nDefault:\n.Dl %s\n" : "\nDefault: empty.\n", fallback);
		ck_assert_msg(strstr(text, line) != NULL, "exim-batv.conf(5), %s: expected %s",
			      name, line);
	}
	ck_assert_msg(strstr(text, "\nDefault:") != NULL, "%s has no default", name);
	snprintf(line, sizeof line, "\nExample:\n.Dl %s = ", name);
	example = strstr(text, line);
	ck_assert_msg(example != NULL, "%s has no example", name);
	example += strlen("\nExample:\n.Dl ");
	snprintf(line, sizeof line, "%.*s\n", (int)strcspn(example, "\n"), example);
	/* a fleet has a name and servers */
	if (strcmp(name, "fleet") == 0)
		strcat(line, "fleet_servers = redis.example\n");
	if (strcmp(name, "fleet_servers") == 0)
		strcat(line, "fleet = a\n");
	good(line);
	free(text);
}

START_TEST(every_option_is_in_the_man_page)
{
	size_t items = 0;
	char *page = slurp("docs/man/exim-batv.conf.5");

	for (size_t i = 0; i < batv_options_count; i++)
		check_paragraph(page, batv_options[i].name, batv_options[i].fallback);
	for (size_t i = 0; i < batv_globals_count; i++)
		check_paragraph(page, batv_globals[i].name, batv_globals[i].fallback);
	for (char *at = page; (at = strstr(at, "\n.It Ic ")) != NULL; at++)
		items++;
	ck_assert_uint_eq(items, batv_options_count + batv_globals_count); /* and no others */
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("manpage");
	TCase *tc = tcase_create("options");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_option_is_in_the_man_page);
	return s;
}
