/* links: batvctl/ctl_doctor_log log/log_files log/log_input log/log_line core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * fuzz_doctor_log.c - any bytes as Exim's log and as a file of logrotate, for batvctl doctor: only
 * a line that says so is counted as a refusal, and what is shown of it fits.
 *
 * Input: what Exim prints of an option, a newline, a file of logrotate up to a NUL, and a log.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/batvctl/ctl_doctor.h"
#include "reach.h"
#include "run.h"

enum {
	SELECTOR,
	NO_SELECTOR,
	NO_FILE,
	RETENTION_OK,
	RETENTION_SHORT,
	REFUSALS,
	NO_REFUSALS,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"selector",        "no_selector", "no_file",     "retention_ok",
	"retention_short", "refusals",    "no_refusals",
};

static char path[64];
static int dir = -1;
static const char *option;
static struct batv_ctl_doctor doctor;
static struct batv_ctl ctl;

static void leave(void)
{
	static const char *const names[] = {"log/mainlog", "rotate/exim", "log", "rotate"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlinkat(dir, names[i], i < 2 ? 0 : AT_REMOVEDIR);
	(void)rmdir(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	(void)snprintf(path, sizeof path, "%s/batv-fuzz.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0 && mkdirat(dir, "log", 0700) == 0 && mkdirat(dir, "rotate", 0700) == 0);
	atexit(leave);
	doctor.ctl = &ctl;
	doctor.has_exim = doctor.config_ok = true;
	ctl.config.global.memory_retention = 15 * 86400;
	return 0;
}

/* ---- instead of the system ---- */

DIR *stand_in_opendir(const char *name);
DIR *stand_in_opendir(const char *name)
{
	int fd = openat(dir, "rotate", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(strcmp(name, "/etc/logrotate.d") == 0 && fd >= 0);
	return fdopendir(fd);
}

FILE *stand_in_fopen(const char *name, const char *mode);
FILE *stand_in_fopen(const char *name, const char *mode)
{
	static const char rotate[] = "/etc/logrotate.d/";
	char there[400];

	must(strcmp(mode, "re") == 0 && *name == '/');
	if (strncmp(name, rotate, sizeof rotate - 1) == 0)
		snprintf(there, sizeof there, "%s/rotate/%s", path, name + sizeof rotate - 1);
	else if (strcmp(name, "/spool/log/mainlog") == 0 || strcmp(name, "/x/mainlog") == 0)
		snprintf(there, sizeof there, "%s/log/mainlog", path);
	else
		return errno = ENOENT, NULL;
	return fopen(there, mode);
}

bool batv_installation_run(const struct batv_installation *inst, const char *const *args,
			   const char *input, const struct batv_exim_user *as, struct batv_ran *ran)
{
	must(inst && strcmp(args[0], "-bP") == 0 && !input && !as);
	*ran = (struct batv_ran){.text = strdup(strcmp(args[1], "spool_directory") == 0
							? "spool_directory = /spool\n"
							: option)};
	must(ran->text);
	ran->len = strlen(ran->text);
	return true;
}

void batv_run_free(struct batv_ran *ran)
{
	free(ran->text);
}

static void check_text(const char *text, size_t size)
{
	must(strlen(text) < size);
	must(!strchr(text, '\n')); /* a line of a finding is one line */
}

struct batv_ctl_doctor_finding *batv_ctl_doctor_finding(struct batv_ctl_doctor *d,
							enum batv_ctl_doctor_check check,
							enum batv_ctl_doctor_answer answer,
							const char *format, ...)
{
	struct batv_ctl_doctor_finding *f = &d->finding[d->n++];
	va_list ap;

	must(d->n < 8 && check < BATV_DOCTOR_CHECKS);
	*f = (struct batv_ctl_doctor_finding){.check = check, .answer = answer};
	va_start(ap, format);
	(void)vsnprintf(f->what, sizeof f->what, format, ap);
	va_end(ap);
	check_text(f->what, sizeof f->what);
	return f;
}

void batv_ctl_doctor_finding_why(struct batv_ctl_doctor_finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(f->why, sizeof f->why, format, ap);
	va_end(ap);
	check_text(f->why, sizeof f->why);
}

void batv_ctl_doctor_finding_fix(struct batv_ctl_doctor_finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(f->fix, sizeof f->fix, format, ap);
	va_end(ap);
	check_text(f->fix, sizeof f->fix);
}

/* ---- one look ---- */

static void put(const char *name, const void *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

static void check_findings(const char *log, size_t len)
{
	for (size_t i = 0; i < doctor.n; i++) {
		const struct batv_ctl_doctor_finding *f = &doctor.finding[i];

		if (f->check == BATV_DOCTOR_LOG_SELECTOR)
			reached(f->answer == BATV_DOCTOR_OK ? SELECTOR : NO_SELECTOR);
		if (f->check == BATV_DOCTOR_LOG_RETENTION)
			reached(f->answer == BATV_DOCTOR_OK ? RETENTION_OK : RETENTION_SHORT);
		if (f->check != BATV_DOCTOR_SMARTHOST)
			continue;
		if (f->answer == BATV_DOCTOR_WARN)
			reached(NO_FILE);
		else if (f->answer == BATV_DOCTOR_OK)
			reached(NO_REFUSALS);
		if (f->answer != BATV_DOCTOR_FAIL)
			continue;
		must(memmem(log, len, " ** ", 4) && memmem(log, len, " MAIL FROM:<", 12));
		must(memmem(log, len, " H=", 3));
		reached(REFUSALS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size), *rest = text + strcspn(text, "\n"), *nul;
	const char *rotate;

	option = text;
	if (*rest)
		*rest++ = '\0';
	rotate = rest;
	nul = rest + strlen(rest);
	put("rotate/exim", rotate, (size_t)(nul - rotate));
	rest = nul < text + size ? nul + 1 : nul;
	put("log/mainlog", rest, (size_t)(text + size - rest));
	doctor.n = 0;
	batv_ctl_doctor_log(&doctor);
	check_findings(rest, (size_t)(text + size - rest));
	free(text);
	return 0;
}
