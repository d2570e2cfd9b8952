/* links: admin/config admin/nearest admin/conffile admin/legacy core/decide/automatic core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_config_docs.c - the shipped example and the manual against the tables of options.
 */
#include "base/days.h"
#include "config_lab.h"
#include "unit.h"

static char *slurp(const char *name, size_t *len)
{
	FILE *f = fopen(name, "r");
	char *text = calloc(1, 1 << 18);

	ck_assert_msg(f && text, "%s: run this in the top directory", name);
	*len = fread(text, 1, (1 << 18) - 1, f);
	fclose(f);
	return text;
}

/* "#option = ..." to "option = ..."; comments have a blank after their "#". */
static void take_off_comments(char *text, size_t *len)
{
	char *to = text;

	for (char *p = text; *p; p++) {
		if (*p == '#' && (p == text || p[-1] == '\n') && p[1] != ' ' && p[1] != '\n')
			continue;
		*to++ = *p;
	}
	*to = '\0';
	*len = (size_t)(to - text);
}

static void same_options(const struct batv_option *table, size_t n, const void *a, const void *b)
{
	char mine[512], other[512];

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(batv_option_get(a, &table[i], mine, sizeof mine), BATV_OK);
		ck_assert_int_eq(batv_option_get(b, &table[i], other, sizeof other), BATV_OK);
		ck_assert_msg(strcmp(mine, other) == 0, "%s: %s, not %s", table[i].name, other,
			      mine);
	}
}

static void same_as_defaults(void)
{
	struct batv_global g;
	struct batv_policy p;

	batv_policy_init_global(&g);
	batv_policy_init(&p, "default");
	same_options(batv_globals, batv_globals_count, &g, &config.global);
	same_options(batv_options, batv_options_count, &p, &config.policies[0]);
}

START_TEST(the_example_loads)
{
	size_t len;
	char *text = slurp("packaging/exim-batv.conf", &len);
	char name[64];

	ck_assert_msg(parse(text, len) == BATV_OK, "%s", message);
	same_as_defaults();
	batv_config_free(&config);
	for (size_t i = 0; i < batv_options_count; i++) {
		snprintf(name, sizeof name, "\n#%s =", batv_options[i].name);
		ck_assert_msg(strstr(text, name) != NULL, "%s is not in the example", name + 2);
	}
	for (size_t i = 0; i < batv_globals_count; i++) {
		snprintf(name, sizeof name, "\n#%s =", batv_globals[i].name);
		ck_assert_msg(strstr(text, name) != NULL, "%s is not in the example", name + 2);
	}
	take_off_comments(text, &len);
	ck_assert_msg(parse(text, len) == BATV_OK, "%s", message);
	same_as_defaults(); /* the values that it shows are the defaults */
	ck_assert_uint_ge(config.n_policies, 2);
	batv_config_free(&config);
	free(text);
}
END_TEST

/* The section that describes an option, up to the next heading. */
static const char *described(char *manual, const char *name)
{
	char heading[80];
	char *at, *end;

	snprintf(heading, sizeof heading, "\n#### `%s`\n", name);
	at = strstr(manual, heading);
	ck_assert_msg(at != NULL, "docs/formats.md has no heading for %s", name);
	at += strlen(heading);
	ck_assert_msg(strstr(at, heading) == NULL, "%s is described twice", name);
	end = strstr(at, "\n##");
	ck_assert_ptr_nonnull(end);
	return strndup(at, (size_t)(end - at));
}

/* A fleet has a name and servers. */
static void with_the_rest(char *line, size_t size, const char *name)
{
	const char *rest = strcmp(name, "fleet") == 0           ? "fleet_servers = redis.example\n"
			   : strcmp(name, "fleet_servers") == 0 ? "fleet = a\n"
								: "";

	snprintf(line + strlen(line), size - strlen(line), "%s", rest);
}

/* It is one of this option, and it loads. */
static void check_example(const char *text, const char *name)
{
	const char *example = strstr(text, "Example: `");
	char line[512], own[80];

	ck_assert_msg(example != NULL, "%s has no example", name);
	snprintf(line, sizeof line, "%.*s\n", (int)strcspn(example + 10, "`"), example + 10);
	snprintf(own, sizeof own, "%s = ", name);
	ck_assert_msg(strncmp(line, own, strlen(own)) == 0, "%s", line);
	with_the_rest(line, sizeof line, name);
	good(line);
	batv_config_free(&config);
}

static void check_described(char *manual, const struct batv_option *opt)
{
	const char *text = described(manual, opt->name);
	char line[512];

	if (!opt->fallback)
		snprintf(line, sizeof line, "Default: that of `key_retention` (`%s`)\n",
			 batv_option_find_global(batv_span_of("key_retention"))->fallback);
	else
		snprintf(line, sizeof line, "Default: %s%s%s\n", *opt->fallback ? "`" : "empty",
			 opt->fallback, *opt->fallback ? "`" : "");
	ck_assert_msg(strstr(text, line) != NULL, "docs/formats.md, %s: expected %s", opt->name,
		      line);
	check_example(text, opt->name);
	free((char *)(uintptr_t)text);
}

/* What is published has its line in the section on the state, and nothing else has. */
static void check_state_section(char *manual)
{
	const char *from = strstr(manual, "\n## State\n"), *end = strstr(from, "\n## Secret\n");
	char *section = strndup(from, (size_t)(end - from)), name[64];

	for (size_t i = 0; i < batv_globals_count; i++) {
		snprintf(name, sizeof name, "`%s`", batv_globals[i].name);
		ck_assert_msg(!strstr(section, name) == !batv_globals[i].published, "%s", name);
	}
	free(section);
}

START_TEST(every_option_is_in_the_manual)
{
	size_t len;
	char *manual = slurp("docs/formats.md", &len);

	for (size_t i = 0; i < batv_options_count; i++)
		check_described(manual, &batv_options[i]);
	for (size_t i = 0; i < batv_globals_count; i++)
		check_described(manual, &batv_globals[i]);
	check_state_section(manual);
	free(manual);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("config_docs");
	TCase *tc = tcase_create("docs");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, the_example_loads);
	tcase_add_test(tc, every_option_is_in_the_manual);
	return s;
}
