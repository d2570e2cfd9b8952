/* links: admin/installation admin/exim_text admin/run admin/find_exim admin/exim_user admin/root_path core/decide/exim_list core/base/span */
/*
 * test_installation_asked.c - what is asked of an Exim, played by a shell script, and what is made
 * of its answers.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "installation.h"
#include "run.h"
#include "sandbox.h"
#include "unit.h"

static struct batv_installation inst;
static char why[500], command[400];

/* It answers with the file named as its arguments, without slashes; a file !NAME fails. */
static const char script[] = "#!/bin/sh\n"
			     "cd \"${0%/*}\"\n"
			     "f=$(printf %s \"$*\" | tr -d /)\n"
			     "[ -f \"!$f\" ] && { cat \"./!$f\"; exit 1; }\n"
			     "[ -f \"$f\" ] && cat \"./$f\"\n"
			     "exit 0\n";

static void answer(const char *to, const char *text)
{
	sandbox_file(to, 0644, text, strlen(text));
}

static void setup(void)
{
	sandbox_make();
	sandbox_file("exim", 0755, script, strlen(script));
	(void)snprintf(command, sizeof command, "%s/exim", sandbox);
	answer("-bV", "Exim version 4.98 #2 built 27-May-2026\n"
		      "Support for: crypteq IPv6 Expand_dlfunc GnuTLS\n"
		      "Configuration file is /etc/exim.conf\n");
	answer("-bP local_scan_path", "local_scan_path = /bin/true\n");
}

static void find(void)
{
	ck_assert(batv_installation_find(command, NULL, &inst, why, sizeof why));
}

START_TEST(programs)
{
	char path[300];

	ck_assert(batv_installation_program(command, NULL, &inst, why, sizeof why));
	ck_assert_str_eq(inst.exim, command);
	strcat(command, " -C /x");
	ck_assert(batv_installation_program(command, NULL, &inst, why, sizeof why));
	ck_assert_str_eq(inst.command, command);
	ck_assert_uint_eq(strlen(inst.exim), strlen(command) - 6);
	ck_assert_uint_eq(inst.user.uid, (uid_t)-1);
	ck_assert_uint_eq(inst.user.gid, (gid_t)-1);
	ck_assert(!batv_installation_program("none", NULL, &inst, why, sizeof why));
	ck_assert_str_eq(why, "exim = none in exim-batv.conf");
	(void)snprintf(path, sizeof path, "%s/none", sandbox);
	ck_assert(!batv_installation_program(path, NULL, &inst, why, sizeof why));
	ck_assert_msg(strstr(why, "/none cannot be run"), "%s", why);
	if (geteuid() == 0) { /* the sandbox is not root's alone */
		ck_assert(!batv_installation_program(command, "/bin/sh", &inst, why, sizeof why));
		ck_assert_ptr_eq(strstr(why, "not run as root: "), why);
	}
	ck_assert(!batv_installation_find("none", NULL, &inst, why, sizeof why));
}
END_TEST

#define OPTIONS                                                                                    \
 "-bP +batv_unsign +batv_sign +batv_dir local_scan_path router_list system_filter "                \
 "primary_hostname exim_user exim_group"

START_TEST(a_configuration)
{
	answer(OPTIONS, "domainlist batv_unsign = +local_domains\ndomainlist batv_sign = *\n"
			"domainlist batv_dir = /var/x\nlocal_scan_path = /bin/true\n"
			"system_filter = /etc/filter\nprimary_hostname = mx.test\n"
			"exim_user = 5\nexim_group = 60\n");
	answer("-bP macros", "BATV_SO = /bin/false\nBATV_SNIPPETS = /opt/snippets\n"
			     "BATV_OWN_SYSTEM_FILTER = yes\n"
			     "REMOTE_SMTP_RETURN_PATH = ${own}\n"
			     "MAIN_ACL_CHECK_RCPT = acl_check_rcpt\n"
			     "CHECK_RCPT_LOCAL_ACL_FILE = /etc/exim4/exim-batv.acl-rcpt\n"
			     "CHECK_DATA_LOCAL_ACL_FILE = BATV_ETC/x\n");
	answer("-bP router_list", "first\nsecond\n");
	answer("-bP routers", "first router:\ndomains = +x\nbatv_unsign router:\nredirect\n"
			      "ours router:\nerrors_to = ${dlfunc{x}{batv_sign}{y}}\n"
			      "set = {batv_sign}\n"
			      "theirs router:\ndata = ${prvscheck{a}}\nx = ${prvs{b}}\n");
	answer("-bP transports", "smtp transport:\nreturn_path = {batv_sign}1\n"
				 "headers = {batv_sign}\n"
				 "xsmtp transport:\nreturn_path = {batv_sign}\n"
				 "plain transport:\nreturn_path = x\n");
	find();
	ck_assert_str_eq(inst.version, "4.98");
	ck_assert_str_eq(inst.configuration, "/etc/exim.conf");
	ck_assert_str_eq(inst.broken, "");
	ck_assert_str_eq(inst.has.unsign, "+local_domains");
	ck_assert_str_eq(inst.has.sign, "*");
	ck_assert_str_eq(inst.has.directory, "/var/x");
	ck_assert_str_eq(inst.has.local_scan, "/bin/true");
	ck_assert_str_eq(inst.has.system_filter, "/etc/filter");
	ck_assert_str_eq(inst.hostname, "mx.test");
	ck_assert(inst.user.uid == 5 && inst.user.gid == 60);
	ck_assert_str_eq(inst.has.module, "/bin/false");
	ck_assert_str_eq(inst.has.snippets, "/opt/snippets");
	ck_assert_str_eq(inst.snippets, "/opt/snippets");
	ck_assert(inst.has.own_filter);
	ck_assert_str_eq(inst.has.own_return_path, "${own}");
	ck_assert_str_eq(inst.has.own_acl_rcpt, "");  /* Debian's default */
	ck_assert_str_eq(inst.has.own_rcpt_file, ""); /* ours */
	ck_assert_str_eq(inst.has.own_data_file, "");
	ck_assert_str_eq(inst.has.first_router, "first");
	ck_assert(inst.has.unsign_router);
	ck_assert_str_eq(inst.has.signing_routers, "ours ");
	ck_assert_str_eq(inst.has.transports, "smtp xsmtp ");
	ck_assert_str_eq(inst.has.foreign, "router theirs: data");
	ck_assert_int_eq(inst.kind, BATV_EXIM_HEAVY);
	ck_assert_int_eq(inst.layout, BATV_LAYOUT_PLAIN);
	ck_assert(!inst.hide_mailname);
	ck_assert_str_eq(inst.package, "");
	ck_assert_str_eq(batv_installation_kind_name(&inst), "with ${dlfunc} and local_scan_path");
	ck_assert_str_eq(batv_installation_layout_name(&inst), "its own configuration");
	strcpy(inst.package, "exim4");
	ck_assert_str_eq(batv_installation_kind_name(&inst), "exim4");
	inst.kind = BATV_EXIM_COMPILED_IN;
	ck_assert_str_eq(batv_installation_kind_name(&inst), "exim-batv compiled in");
	/* macros of the administrator's, and no filter */
	answer("-bP macros", "MAIN_ACL_CHECK_RCPT = own_acl\nCHECK_RCPT_LOCAL_ACL_FILE = /x\n");
	answer("-bP routers", "a router:\ntwo = x\n");
	answer("-bP transports", "b transport:\nreturn_path = ${prvs{b}}\n");
	batv_installation_look(&inst);
	ck_assert_str_eq(inst.has.own_acl_rcpt, "own_acl");
	ck_assert_str_eq(inst.has.own_rcpt_file, "/x");
	ck_assert_str_eq(inst.has.foreign, "transport b: return_path");
	ck_assert(!inst.has.own_filter && !inst.has.unsign_router);
	ck_assert_str_eq(inst.has.transports, "");
	ck_assert_str_eq(inst.has.signing_routers, "");
}
END_TEST

START_TEST(a_configuration_that_cannot_be_read)
{
	answer("-bP routers", "batv_unsign router:\n");
	ck_assert_int_eq(unlinkat(dir, "-bV", 0), 0);
	answer("!-bV",
	       "Exim version 4.98\n2026-11-28 10:00:00 Exim configuration error in line 7:\n"
	       "  bad\nmore\n");
	find();
	ck_assert_str_eq(inst.broken, "Exim configuration error in line 7: bad");
	ck_assert_str_eq(inst.version, "4.98");
	ck_assert(!inst.has.unsign_router);
	answer("!-bV", "cannot start\n");
	find();
	ck_assert_str_eq(inst.broken, "cannot start");
	ck_assert_int_eq(unlinkat(dir, "!-bV", 0), 0);
	answer("-bV", "Exim version 4.98\n");
	answer("-bP routers", "batv_unsign router:\nx\n");
	batv_installation_look(&inst);
	ck_assert_str_eq(inst.broken, "");
	ck_assert(inst.has.unsign_router);
}
END_TEST

static const struct {
	bool functions, path;
	enum batv_exim_kind kind;
	const char *name;
} kinds[] = {
	{true, true, BATV_EXIM_HEAVY, "with ${dlfunc} and local_scan_path"},
	{true, false, BATV_EXIM_FUNCTIONS, "with ${dlfunc}"},
	{false, true, BATV_EXIM_LIGHT, "with local_scan_path"},
	{false, false, BATV_EXIM_NEITHER, "loads no modules"},
};

START_TEST(kinds_of_exim)
{
	answer("-bV", kinds[_i].functions ? "Support for: A Expand_dlfunc\n" : "Support for: A\n");
	answer("-bP local_scan_path",
	       kinds[_i].path ? "local_scan_path = \n" : "local_scan_path is not known\n");
	find();
	ck_assert_int_eq(inst.kind, kinds[_i].kind);
	ck_assert_str_eq(batv_installation_kind_name(&inst), kinds[_i].name);
}
END_TEST

#define CALL "-be ${dlfunc{bintrue}{batv_bare}{a@b}}"

START_TEST(the_module)
{
	answer("-bP macros", "BATV_SO = /bin/true\n");
	answer(CALL, "a@b\n");
	find();
	ck_assert_str_eq(inst.module, "/bin/true");
	ck_assert_int_eq(inst.module_loads, BATV_YES);
	answer(CALL, "a@c\n");
	find();
	ck_assert_int_eq(inst.module_loads, BATV_NO);
	ck_assert_int_eq(unlinkat(dir, CALL, 0), 0);
	answer("!" CALL, "a@b\n");
	find();
	ck_assert_int_eq(inst.module_loads, BATV_NO);
	answer("!" CALL, "2026-11-28 x Failed: no such symbol\nFailed: more\n");
	find();
	ck_assert_str_eq(inst.module_why, "no such symbol");
	/* the option comes before the macro */
	answer(OPTIONS, "local_scan_path = /nowhere/batv.so\n");
	find();
	ck_assert_str_eq(inst.module, "/nowhere/batv.so");
	ck_assert_int_eq(inst.module_loads, BATV_NO);
	ck_assert_str_eq(inst.module_why, "/nowhere/batv.so is missing");
	answer(OPTIONS, "");
	answer("-bV", "Support for: A\n");
	answer("-bP local_scan_path", "x\n");
	find();
	ck_assert_int_eq(inst.module_loads, BATV_NO);
	ck_assert_ptr_eq(strstr(inst.module_why, "this Exim loads no modules"), inst.module_why);
	if (geteuid() == 0) { /* a module that is not root's is not tried */
		char macros[500];

		answer("-bV", "Support for: Expand_dlfunc\n");
		(void)snprintf(macros, sizeof macros, "BATV_SO = %s/exim\n", sandbox);
		answer("-bP macros", macros);
		find();
		ck_assert_int_eq(inst.module_loads, BATV_MAYBE);
		ck_assert_str_ne(inst.module_why, "");
	}
}
END_TEST

START_TEST(words_of_a_command)
{
	static const char *const args[] = {"a", "b", NULL};
	const char *many[30];
	struct batv_ran ran;

	strcat(command, " -C  /x");
	ck_assert(batv_installation_program(command, NULL, &inst, why, sizeof why));
	answer("-C x a b", "answered\n");
	ck_assert(batv_installation_run(&inst, args, NULL, NULL, &ran));
	ck_assert_str_eq(ran.text, "answered\n");
	batv_run_free(&ran);
	/* at most 19 words of the command, and 38 in all */
	sandbox_file("exim", 0755, "#!/bin/sh\necho $#\n", 18);
	for (int i = 0; i < 25; i++)
		strcat(command, " w");
	for (int i = 0; i < 29; i++)
		many[i] = "x";
	many[29] = NULL;
	ck_assert(batv_installation_program(command, NULL, &inst, why, sizeof why));
	ck_assert(batv_installation_run(&inst, args, NULL, NULL, &ran));
	ck_assert_str_eq(ran.text, "20\n");
	batv_run_free(&ran);
	ck_assert(batv_installation_run(&inst, many, NULL, NULL, &ran));
	ck_assert_str_eq(ran.text, "37\n");
	batv_run_free(&ran);
}
END_TEST

START_TEST(named_lists)
{
	struct batv_listed_domains found;
	char list[2000] = "x.test", name[300];

	ck_assert(batv_installation_program(command, NULL, &inst, why, sizeof why));
	strcpy(inst.hostname, "mx.test");
	answer("-bP +a", "domainlist a = a.test : +b\n");
	answer("-bP +b", "domainlist b = @ : +c\n");
	answer("-bP +c", "domainlist c = c.test : +d\n");
	answer("-bP +d", "domainlist d = d.test : +e\n");
	answer("-bP +e", "domainlist e = e.test\n");
	batv_installation_domains(&inst, "+a : A.TEST", &found);
	ck_assert_uint_eq(found.n, 4);
	ck_assert(found.more); /* the fifth one is not asked for */
	ck_assert_str_eq(found.names[0], "a.test");
	ck_assert_str_eq(found.names[3], "d.test");
	batv_installation_domains(
		&inst, "+b : [192.0.2.1] : a/b : !x.test : : localhost : LOCALHOST", &found);
	ck_assert(found.n == 4 && found.more);
	batv_installation_domains(&inst, "+e : y.test", &found);
	ck_assert(found.n == 2 && !found.more);
	/* 64 names, and none of 256 bytes */
	for (int i = 0; i < 63; i++)
		(void)sprintf(list + strlen(list), " : d%d.test", i);
	batv_installation_domains(&inst, list, &found);
	ck_assert(found.n == 64 && !found.more);
	strcat(list, " : d1.test : x.test");
	batv_installation_domains(&inst, list, &found);
	ck_assert(found.n == 64 && !found.more);
	strcat(list, " : z.test");
	batv_installation_domains(&inst, list, &found);
	ck_assert(found.n == 64 && found.more);
	for (size_t n = 254; n <= 257; n++) {
		memset(name, 'n', n);
		name[n] = '\0';
		batv_installation_domains(&inst, name, &found);
		ck_assert_uint_eq(found.n, n < 256);
	}
}
END_TEST

/* Each in a case of its own: `make mutate` runs a case at a time. */
static void add(Suite *s, const char *name, const TTest *test, int n)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, sandbox_remove);
	tcase_add_loop_test(tc, test, 0, n);
}

Suite *unit_suite(void)
{
	Suite *s = suite_create("installation_asked");

	add(s, "programs", programs, 1);
	add(s, "words", words_of_a_command, 1);
	add(s, "lists", named_lists, 1);
	add(s, "kinds", kinds_of_exim, (int)(sizeof kinds / sizeof kinds[0]));
	add(s, "configuration", a_configuration, 1);
	add(s, "broken", a_configuration_that_cannot_be_read, 1);
	add(s, "module", the_module, 1);
	return s;
}
