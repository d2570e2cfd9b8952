/*
 * installation.c - asks Exim what it is and what it reads.
 *
 * Invariant: nothing here changes anything, and no text from outside is given to Exim to expand.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exim_text.h"
#include "find_exim.h"
#include "installation.h"
#include "root_path.h"
#include "run.h"

#define EXIM_SECONDS 20
#define ARGS_MAX 38
#define UPDATE_CONF BATV_ETC_EXIM "/update-exim4.conf.conf"

/* Where the packages and `make install` put them. */
static const char *const modules[] = {"/usr/lib/exim4/local_scan/batv.so",
				      "/usr/local/lib/exim-batv/batv.so",
				      "/usr/lib/exim-batv/batv.so"};
static const char *const snippet_places[] = {"/usr/share/exim-batv/snippets",
					     "/usr/local/share/exim-batv/snippets"};

#define COPY(to, from) copy(to, sizeof(to), from)

/* A text that is too long is cut: it is shown, or does not lead anywhere. */
static void copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* ---- asking ---- */

bool batv_installation_run(const struct batv_installation *inst, const char *const *args,
			   const char *input, const struct batv_exim_user *as, struct batv_ran *ran)
{
	char command[sizeof inst->command], *save = NULL;
	const char *words[ARGS_MAX + 1] = {NULL};
	size_t n = 0;

	COPY(command, inst->command);
	for (char *w = strtok_r(command, " ", &save); w && n < ARGS_MAX / 2;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	for (; *args && n < ARGS_MAX; args++)
		words[n++] = *args;
	return batv_run(words, input, EXIM_SECONDS, as, ran);
}

/* What Exim prints; the caller frees it.  Whatever the status: -bP has one for an unknown name. */
static char *ask(const struct batv_installation *inst, const char *a, const char *b)
{
	const char *args[] = {a, b, NULL};
	struct batv_ran ran;

	(void)batv_installation_run(inst, args, NULL, NULL, &ran);
	return ran.text;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- the program ---- */

static void look_at_version(struct batv_installation *inst, const char *answer)
{
	char line[200];

	if (batv_exim_text_after(answer, "Exim version ", line, sizeof line)) {
		line[strcspn(line, " ")] = '\0';
		COPY(inst->version, line);
	}
	(void)batv_exim_text_after(answer, "Configuration file is ", inst->configuration,
				   sizeof inst->configuration);
}

/* "exim4-daemon-heavy: /usr/sbin/exim4", then its version. */
static void look_at_package(struct batv_installation *inst)
{
	static const char dpkg[] = "/usr/bin/dpkg-query";
	const char *owner[] = {dpkg, "-S", inst->exim, NULL};
	const char *version[] = {dpkg, "-W", "-f", "${Version}", inst->package, NULL};
	struct batv_ran ran;

	if (!exists(dpkg))
		return;
	if (batv_run(owner, NULL, EXIM_SECONDS, NULL, &ran)) {
		ran.text[strcspn(ran.text, ":,\n")] = '\0';
		COPY(inst->package, ran.text);
	}
	batv_run_free(&ran);
	if (!*inst->package)
		return;
	if (batv_run(version, NULL, EXIM_SECONDS, NULL, &ran))
		COPY(inst->package_version, ran.text);
	batv_run_free(&ran);
}

/* Does this Exim load the module, and answer with our function? */
static bool calls(const struct batv_installation *inst, const char *so, char *why, size_t size)
{
	char question[1200];
	const char *args[] = {"-be", question, NULL};
	struct batv_ran ran;
	bool yes;

	snprintf(question, sizeof question, "${dlfunc{%s}{batv_bare}{a@b}}", so);
	yes = batv_installation_run(inst, args, NULL, NULL, &ran) && strcmp(ran.text, "a@b\n") == 0;
	if (!yes) { /* the log line comes first, with a date, and then the same for people */
		const char *failed = strstr(ran.text, "Failed: ");

		snprintf(why, size, "%.*s", (int)strcspn(failed ? failed + 8 : ran.why, "\n"),
			 failed ? failed + 8 : ran.why);
	}
	batv_run_free(&ran);
	return yes;
}

/*
 * Does the program itself have our functions?  Calling one would tell too, but Exim writes to its
 * panic log when there is none.
 */
static bool is_compiled_in(const struct batv_installation *inst)
{
	static const char name[] = "batv_bare";
	int fd = open(inst->exim, O_RDONLY | O_CLOEXEC);
	bool found = false;
	struct stat st;
	void *map;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			found = memmem(map, (size_t)st.st_size, name, sizeof name) != NULL;
			munmap(map, (size_t)st.st_size);
		}
	}
	close(fd);
	return found;
}

static void look_at_kind(struct batv_installation *inst, const char *version_answer)
{
	bool functions = batv_exim_text_supports(version_answer, "Expand_dlfunc");
	char *option = ask(inst, "-bP", "local_scan_path");
	bool path = strncmp(option, "local_scan_path =", 17) == 0;

	free(option);
	if (*inst->broken) /* Exim answers nothing then */
		path = strncmp(inst->package, "exim4-daemon-", 13) == 0;
	if (functions && is_compiled_in(inst))
		inst->kind = BATV_EXIM_COMPILED_IN;
	else if (functions)
		inst->kind = path ? BATV_EXIM_HEAVY : BATV_EXIM_FUNCTIONS;
	else
		inst->kind = path ? BATV_EXIM_LIGHT : BATV_EXIM_NEITHER;
}

/* ---- Debian ---- */

bool batv_installation_setting(const char *text, const char *name, char *out, size_t size)
{
	const size_t len = strlen(name);

	*out = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *end;

		line += strspn(line, "\n \t");
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		line += len + 1;
		end = *line == '\'' || *line == '"' ? strchr(line + 1, *line) : NULL;
		if (end)
			line++;
		else
			end = line + strcspn(line, " \t\n;#");
		if ((size_t)(end - line) >= size)
			return false;
		memcpy(out, line, (size_t)(end - line));
		out[end - line] = '\0';
		return true;
	}
	return false;
}

static char *slurp(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "re");

	if (text && f)
		text[fread(text, 1, 65535, f)] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void look_at_debian(struct batv_installation *inst)
{
	const char *name = strrchr(inst->configuration, '/');
	char split[16], hide[16], *text;

	if (!name || strcmp(name, "/config.autogenerated") != 0 || !exists(UPDATE_CONF))
		return;
	text = slurp(UPDATE_CONF);
	if (!text)
		return;
	(void)batv_installation_setting(text, "dc_use_split_config", split, sizeof split);
	(void)batv_installation_setting(text, "dc_hide_mailname", hide, sizeof hide);
	(void)batv_installation_setting(text, "dc_eximconfig_configtype", inst->configtype,
					sizeof inst->configtype);
	(void)batv_installation_setting(text, "dc_smarthost", inst->smarthost,
					sizeof inst->smarthost);
	(void)batv_installation_setting(text, "dc_readhost", inst->readhost, sizeof inst->readhost);
	(void)batv_installation_setting(text, "dc_localdelivery", inst->local_delivery,
					sizeof inst->local_delivery);
	inst->layout = strcmp(split, "true") == 0 ? BATV_LAYOUT_SPLIT : BATV_LAYOUT_UNSPLIT;
	inst->hide_mailname = strcmp(hide, "true") == 0;
	/* A smarthost that the type does not use is left over from another one. */
	if (strcmp(inst->configtype, "smarthost") != 0 &&
	    strcmp(inst->configtype, "satellite") != 0)
		inst->smarthost[0] = '\0';
	free(text);
}

/* ---- what the configuration has ---- */

static void add_name(char *list, size_t size, struct batv_span name)
{
	size_t len = strlen(list);

	if (len + name.len + 2 > size)
		return;
	if (len > name.len && memcmp(list + len - name.len - 1, name.p, name.len) == 0)
		return; /* the same driver's next option */
	memcpy(list + len, name.p, name.len);
	list[len + name.len] = ' ';
	list[len + name.len + 1] = '\0';
}

static bool has(struct batv_span s, const char *text)
{
	return memmem(s.p, s.len, text, strlen(text)) != NULL;
}

static bool is(struct batv_span s, const char *text)
{
	return batv_span_equal(s, batv_span_of(text));
}

/* One look over all routers or transports. */
static void look_at_drivers(struct batv_installed *h, const char *what, const char *text)
{
	struct batv_exim_options options;
	struct batv_exim_option o;

	batv_exim_text_start(&options, text);
	while (batv_exim_text_next(&options, &o)) {
		bool ours = has(o.value, "{batv_sign}");

		if (is(o.driver, "batv_unsign"))
			h->unsign_router = true;
		if (ours && is(o.name, "return_path"))
			add_name(h->transports, sizeof h->transports, o.driver);
		if (ours && is(o.name, "errors_to"))
			add_name(h->signing_routers, sizeof h->signing_routers, o.driver);
		if (!*h->foreign && (has(o.value, "${prvs{") || has(o.value, "${prvscheck{")))
			snprintf(h->foreign, sizeof h->foreign, "%s %.*s: %.*s", what,
				 (int)o.driver.len, o.driver.p, (int)o.name.len, o.name.p);
	}
}

/* Only what is not ours: all of ours names exim-batv or one of its functions. */
static void own_macro(const char *macros, const char *name, char *out, size_t size)
{
	if (!batv_exim_text_value(macros, name, out, size) || strstr(out, "batv") ||
	    strstr(out, "BATV"))
		*out = '\0';
}

static void look_at_options(struct batv_installation *inst, struct batv_installed *h)
{
	static const char *const args[] = {
		"-bP",         "+batv_unsign",  "+batv_sign",       "+batv_dir", "local_scan_path",
		"router_list", "system_filter", "primary_hostname", "exim_user", "exim_group",
		NULL};
	struct batv_ran ran;

	(void)batv_installation_run(inst, args, NULL, NULL, &ran);
	(void)batv_exim_text_value(ran.text, "batv_unsign", h->unsign, sizeof h->unsign);
	(void)batv_exim_text_value(ran.text, "batv_sign", h->sign, sizeof h->sign);
	(void)batv_exim_text_value(ran.text, "batv_dir", h->directory, sizeof h->directory);
	(void)batv_exim_text_value(ran.text, "local_scan_path", h->local_scan,
				   sizeof h->local_scan);
	(void)batv_exim_text_value(ran.text, "system_filter", h->system_filter,
				   sizeof h->system_filter);
	(void)batv_exim_text_value(ran.text, "primary_hostname", inst->hostname,
				   sizeof inst->hostname);
	(void)batv_exim_user_parse(ran.text, &inst->user);
	batv_run_free(&ran);
}

static void look_at_macros(const struct batv_installation *inst, struct batv_installed *h)
{
	char *macros = ask(inst, "-bP", "macros"), unused[1024];

	(void)batv_exim_text_value(macros, "BATV_SO", h->module, sizeof h->module);
	(void)batv_exim_text_value(macros, "BATV_SNIPPETS", h->snippets, sizeof h->snippets);
	h->own_filter =
		batv_exim_text_value(macros, "BATV_OWN_SYSTEM_FILTER", unused, sizeof unused);
	own_macro(macros, "REMOTE_SMTP_RETURN_PATH", h->own_return_path, sizeof h->own_return_path);
	own_macro(macros, "MAIN_ACL_CHECK_RCPT", h->own_acl_rcpt, sizeof h->own_acl_rcpt);
	if (strcmp(h->own_acl_rcpt, "acl_check_rcpt") == 0) /* Debian's default */
		h->own_acl_rcpt[0] = '\0';
	own_macro(macros, "CHECK_RCPT_LOCAL_ACL_FILE", h->own_rcpt_file, sizeof h->own_rcpt_file);
	own_macro(macros, "CHECK_DATA_LOCAL_ACL_FILE", h->own_data_file, sizeof h->own_data_file);
	free(macros);
}

/* Exim prints the error first, and then goes on with what it is. */
static void say_broken(struct batv_installation *inst, const struct batv_ran *ran)
{
	static const char who[] = "Exim ";
	const size_t len = sizeof who - 1;

	if (batv_exim_text_error(ran->text, inst->broken + len, sizeof inst->broken - len))
		memcpy(inst->broken, who, len);
	else
		COPY(inst->broken, ran->why);
}

void batv_installation_look(struct batv_installation *inst)
{
	static const char *const version[] = {"-bV", NULL};
	struct batv_installed *h = &inst->has;
	struct batv_ran ran;
	char *text;

	*h = (struct batv_installed){0};
	inst->broken[0] = '\0';
	if (!batv_installation_run(inst, version, NULL, NULL, &ran))
		say_broken(inst, &ran);
	batv_run_free(&ran);
	if (*inst->broken)
		return;
	look_at_options(inst, h);
	look_at_macros(inst, h);
	text = ask(inst, "-bP", "router_list");
	snprintf(h->first_router, sizeof h->first_router, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	text = ask(inst, "-bP", "routers");
	look_at_drivers(h, "router", text);
	free(text);
	text = ask(inst, "-bP", "transports");
	look_at_drivers(h, "transport", text);
	free(text);
}

/* ---- the module ---- */

/* exim4-daemon-light has no functions: so it receives a message, by way of a configuration of ours.
 */
static bool scans(const struct batv_installation *inst, char *why, size_t size)
{
	static const char talk[] = "HELO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n"
				   "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n";
	char dir[] = "/tmp/batvctl-XXXXXX", conf[64], spool[64];
	const char *args[] = {inst->exim, "-C", conf, "-bh", "192.0.2.1", NULL};
	struct batv_ran ran = {0};
	bool yes = false;
	FILE *f;

	if (!mkdtemp(dir)) {
		snprintf(why, size, "cannot make a directory in /tmp");
		return false;
	}
	snprintf(conf, sizeof conf, "%s/conf", dir);
	snprintf(spool, sizeof spool, "%s/spool", dir);
	/* The configuration is in a directory of root's, and only the spool is Exim's. */
	f = chmod(dir, 0755) == 0 && mkdir(spool, 0700) == 0 &&
			    chown(spool, inst->user.uid, inst->user.gid) == 0
		    ? fopen(conf, "we")
		    : NULL;
	if (f && fchmod(fileno(f), 0644) != 0) {
		fclose(f);
		f = NULL;
	}
	if (f) {
		fprintf(f,
			"spool_directory = %s\nlog_file_path = %s/%%slog\nkeep_environment =\n"
			"host_lookup =\nhelo_lookup_domains =\nlocal_scan_path = %s\ndomainlist "
			"batv_dir = %s/none\n"
			"acl_smtp_rcpt = accept\nqualify_domain = a.test\nprimary_hostname = "
			"a.test\n"
			"deliver_drop_privilege = true\n",
			spool, spool, inst->module, dir);
		if (fclose(f) == 0) {
			(void)batv_run(args, talk, EXIM_SECONDS, NULL, &ran);
			yes = strstr(ran.text, "250 OK id=") != NULL;
			snprintf(why, size, "%s", ran.why);
			if (!yes)
				(void)batv_exim_text_after(ran.text, "451 ", why, size);
			batv_run_free(&ran);
		}
	}
	{
		const char *away[] = {"/bin/rm", "-rf", dir, NULL};

		(void)batv_run(away, NULL, EXIM_SECONDS, NULL, &ran);
		batv_run_free(&ran);
	}
	return yes;
}

static void look_at_module(struct batv_installation *inst)
{
	const char *named = *inst->has.local_scan ? inst->has.local_scan : inst->has.module;

	inst->module_loads = BATV_MAYBE;
	if (inst->kind == BATV_EXIM_COMPILED_IN) {
		inst->module_loads = BATV_YES;
		return;
	}
	for (size_t i = 0; i < sizeof modules / sizeof modules[0] && !*inst->module; i++)
		if (exists(modules[i]))
			COPY(inst->module, modules[i]);
	if (*named)
		COPY(inst->module, named);
	if (!*inst->module || !exists(inst->module)) {
		inst->module_loads = BATV_NO;
		snprintf(inst->module_why, sizeof inst->module_why, "%.250s is missing",
			 *inst->module ? inst->module : modules[0]);
		return;
	}
	if (inst->kind == BATV_EXIM_NEITHER) {
		inst->module_loads = BATV_NO;
		COPY(inst->module_why,
		     "this Exim loads no modules: it has neither local_scan_path nor ${dlfunc");
		return;
	}
	if (geteuid() == 0 &&
	    !batv_root_path(inst->module, inst->module_why, sizeof inst->module_why))
		return;
	if (inst->kind == BATV_EXIM_LIGHT && geteuid() != 0)
		COPY(inst->module_why, "only root can try it in this Exim");
	else if (inst->kind == BATV_EXIM_LIGHT
			 ? scans(inst, inst->module_why, sizeof inst->module_why)
			 : calls(inst, inst->module, inst->module_why, sizeof inst->module_why))
		inst->module_loads = BATV_YES;
	else
		inst->module_loads = *inst->broken ? BATV_MAYBE : BATV_NO;
}

static void look_at_snippets(struct batv_installation *inst)
{
	char path[1100];

	if (*inst->has.snippets)
		COPY(inst->snippets, inst->has.snippets);
	for (size_t i = 0; i < sizeof snippet_places / sizeof snippet_places[0]; i++) {
		snprintf(path, sizeof path, "%s/main.conf", snippet_places[i]);
		if (!*inst->snippets && exists(path))
			COPY(inst->snippets, snippet_places[i]);
	}
}

bool batv_installation_program(const char *exim, const char *config_path,
			       struct batv_installation *inst, char *why, size_t size)
{
	const char *command = batv_find_exim(exim);

	*inst = (struct batv_installation){.user = {(uid_t)-1, (gid_t)-1}};
	if (!*command) {
		snprintf(why, size, "%s",
			 *exim ? "exim = none in exim-batv.conf"
			       : "no Exim was found; set exim in exim-batv.conf");
		return false;
	}
	COPY(inst->command, command);
	snprintf(inst->exim, sizeof inst->exim, "%.*s", (int)strcspn(command, " "), command);
	if (command == exim && config_path && geteuid() == 0 &&
	    !batv_root_path_may_run(config_path, command, why, size))
		return false;
	if (access(inst->exim, X_OK) != 0) {
		snprintf(why, size, "%s cannot be run", inst->exim);
		return false;
	}
	return true;
}

bool batv_installation_find(const char *exim, const char *config_path,
			    struct batv_installation *inst, char *why, size_t size)
{
	char *answer;

	if (!batv_installation_program(exim, config_path, inst, why, size))
		return false;
	batv_installation_look(inst);
	answer = ask(inst, "-bV", NULL);
	look_at_version(inst, answer);
	look_at_package(inst);
	look_at_kind(inst, answer);
	free(answer);
	look_at_debian(inst);
	look_at_module(inst);
	look_at_snippets(inst);
	return true;
}

/* ---- words ---- */

const char *batv_installation_kind_name(const struct batv_installation *inst)
{
	static const char *const names[] = {
		[BATV_EXIM_NEITHER] = "loads no modules",
		[BATV_EXIM_COMPILED_IN] = "exim-batv compiled in",
		[BATV_EXIM_HEAVY] = "with ${dlfunc} and local_scan_path",
		[BATV_EXIM_LIGHT] = "with local_scan_path",
		[BATV_EXIM_FUNCTIONS] = "with ${dlfunc}",
	};

	return inst->kind != BATV_EXIM_COMPILED_IN && *inst->package ? inst->package
								     : names[inst->kind];
}

const char *batv_installation_layout_name(const struct batv_installation *inst)
{
	static const char *const names[] = {[BATV_LAYOUT_PLAIN] = "its own configuration",
					    [BATV_LAYOUT_SPLIT] = "split configuration",
					    [BATV_LAYOUT_UNSPLIT] = "unsplit configuration"};

	return names[inst->layout];
}

bool batv_installation_unsigns(const struct batv_installation *inst)
{
	const struct batv_installed *h = &inst->has;
	bool scans_mail = *h->local_scan || inst->kind == BATV_EXIM_COMPILED_IN;

	return h->unsign_router || (*h->unsign && scans_mail) ||
	       strstr(h->system_filter, "exim-batv") != NULL;
}

bool batv_installation_signs(const struct batv_installation *inst)
{
	const struct batv_installed *h = &inst->has;
	bool scans_mail = *h->local_scan || inst->kind == BATV_EXIM_COMPILED_IN;

	return *h->transports || *h->signing_routers || (*h->sign && scans_mail);
}

/* ---- domains ---- */

static void list_domain(struct batv_listed_domains *out, const char *name)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcasecmp(out->names[i], name) == 0)
			return;
	if (out->n == sizeof out->names / sizeof out->names[0])
		out->more = true;
	else if (strcasecmp(name, "localhost") != 0) /* nobody outside can write to it */
		snprintf(out->names[out->n++], sizeof out->names[0], "%s", name);
}

static void list_domains(const struct batv_installation *inst, const char *list, unsigned depth,
			 struct batv_listed_domains *out);

static void list_named(const struct batv_installation *inst, const char *name, unsigned depth,
		       struct batv_listed_domains *out)
{
	char *answer = ask(inst, "-bP", name), value[4096];

	if (depth && batv_exim_text_value(answer, name + 1, value, sizeof value))
		list_domains(inst, value, depth - 1, out);
	else
		out->more = true;
	free(answer);
}

static void list_domains(const struct batv_installation *inst, const char *list, unsigned depth,
			 struct batv_listed_domains *out)
{
	struct batv_list_items items;
	struct batv_list_item item;

	batv_exim_list_start(&items, BATV_LIST_DOMAINS, list);
	while (batv_exim_list_next(&items, &item)) {
		if (item.sort == BATV_LIST_ITEM_NAMED && item.text[0] == '+')
			list_named(inst, item.text, depth, out);
		else if (item.sort != BATV_LIST_ITEM_PLAIN || item.text[0] == '!' ||
			 strpbrk(item.text, "*[/"))
			out->more = true;
		else if (strcmp(item.text, "@") == 0)
			list_domain(out, inst->hostname);
		else if (*item.text && strlen(item.text) < sizeof out->names[0])
			list_domain(out, item.text);
	}
}

void batv_installation_domains(const struct batv_installation *inst, const char *list,
			       struct batv_listed_domains *out)
{
	*out = (struct batv_listed_domains){0};
	list_domains(inst, list, 4, out);
}
