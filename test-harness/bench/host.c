/*
 * host.c - as much of an Exim as batv.so needs around it, in a process that lives for one call.
 *
 * usage: host WHAT SO DIRECTORY [MESSAGE]
 *
 *   empty, load   dlopen() SO and look up its functions; call nothing
 *   route         batv_sign as at a router: nothing is counted
 *   sign          batv_sign as at a transport
 *   scan          local_scan() for MESSAGE (envelope sender and recipient on its first two lines)
 *
 * DIRECTORY is the state directory.  If descriptor 3 is open, three numbers are written to it: the
 * nanoseconds that dlopen and dlsym took, those of the call, and its result.  Exit status 1:
 * something did not work as it should, and the time means nothing.
 *
 * The functions of Exim's are the least that does: a list matches when it names a text, and nothing
 * is really expanded.  What Exim's own take is the subject of the measurements through a real Exim.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char uschar;

/* As in Exim's local_scan.h, ABI 6. */
typedef struct header_line {
	struct header_line *next;
	int type, slen;
	uschar *text;
} header_line;

typedef struct recipient_item {
	uschar *address;
	int pno;
	uschar *errors_to, *orcpt;
	int dsn_flags;
} recipient_item;

#define EXIM __attribute__((visibility("default")))
#define OK 0
#define FAIL 2

extern unsigned int debug_selector, host_checking;
extern header_line *header_list;
extern uschar *message_id, *sender_address, *sender_host_address, *sender_host_authenticated,
	*sender_host_name;
extern int recipients_count;
extern recipient_item *recipients_list;

EXIM unsigned int debug_selector, host_checking;
EXIM header_line *header_list;
EXIM uschar *message_id, *sender_address, *sender_host_address, *sender_host_authenticated,
	*sender_host_name;
EXIM int recipients_count;
EXIM recipient_item *recipients_list;

uschar *expand_string(uschar *);
void header_add(int, const char *, ...);
void header_remove(int, const uschar *);
void log_write(unsigned int, int, const char *, ...);
int lss_match_domain(uschar *, uschar *);
int lss_match_address(uschar *, uschar *, unsigned);
int lss_match_host(uschar *, uschar *, uschar *);
void *store_get_3(int, const void *, const char *, int);

static uschar directory[4096];
static uschar nothing[1];

EXIM uschar *expand_string(uschar *text)
{
	if (strcmp((char *)text, "${listnamed_d:batv_dir}") == 0)
		return directory;
	return text[0] == '$' ? nothing : text;
}

EXIM void header_add(int type, const char *format, ...)
{
	(void)type, (void)format;
}

EXIM void header_remove(int occurrence, const uschar *name)
{
	(void)occurrence, (void)name;
}

EXIM void log_write(unsigned int selector, int flags, const char *format, ...)
{
	va_list ap;

	(void)selector, (void)flags;
	if (!getenv("HOST_LOG"))
		return;
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

EXIM int lss_match_domain(uschar *domain, uschar *list)
{
	const int named = strstr((char *)list, "local_domains") || strstr((char *)list, "+batv_");

	return named && strcmp((char *)domain, "test") == 0 ? OK : FAIL;
}

EXIM int lss_match_address(uschar *address, uschar *list, unsigned caseless)
{
	(void)caseless;
	return strstr((char *)list, (char *)address) ? OK : FAIL;
}

EXIM int lss_match_host(uschar *name, uschar *address, uschar *list)
{
	(void)name;
	return strstr((char *)list, (char *)address) ? OK : FAIL;
}

EXIM void *store_get_3(int size, const void *like, const char *function, int line)
{
	static _Alignas(16) char room[16384]; /* a block that Exim has at hand */
	static size_t used;
	size_t need = ((size_t)size + 15) & ~(size_t)15;
	void *p = need <= sizeof room - used ? room + used : malloc(need);

	(void)like, (void)function, (void)line;
	if (!p)
		_exit(1);
	if (p == room + used)
		used += need;
	return p;
}

/* ---- The message of "scan" ---- */

static uschar *line_of(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!end)
		_exit(1);
	*end = '\0';
	*text = end + 1;
	return (uschar *)line;
}

/* One header field, with the lines that continue it. */
static char *field_end(char *p)
{
	do {
		p = strchr(p, '\n');
		if (!p)
			_exit(1);
		p++;
	} while (*p == ' ' || *p == '\t');
	return p;
}

/* The descriptor, positioned at the body as Exim's is. */
static int take_message(const char *path)
{
	static char text[262144];
	static header_line lines[200];
	static recipient_item recipient;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	char *p = text;
	size_t i = 0;

	if (n <= 0)
		_exit(1);
	sender_address = line_of(&p);
	recipient.address = line_of(&p);
	recipient.pno = -1;
	recipients_list = &recipient;
	recipients_count = 1;
	sender_host_address = (uschar *)strcpy((char *)store_get_3(16, NULL, "", 0), "127.0.0.9");
	for (header_line **at = &header_list; *p != '\n'; at = &(*at)->next) {
		char *end = field_end(p);

		if (i == sizeof lines / sizeof lines[0])
			_exit(1);
		*at = &lines[i++];
		**at = (header_line){NULL, ' ', (int)(end - p), (uschar *)p};
		p = end;
	}
	if (lseek(fd, p + 1 - text, SEEK_SET) < 0)
		_exit(1);
	return fd;
}

/* ---- The calls ---- */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

typedef int dlfunc_type(uschar **, int, uschar **);
typedef int scan_type(int, uschar **);

static void must_find(void *so, const char *name, void *function)
{
	void *address = dlsym(so, name);

	if (!address)
		_exit(1);
	memcpy(function, &address, sizeof address);
}

static int call_sign(void *so, int argc)
{
	static char address[] = "alice@test", rcpt[] = "bob@theirs.test", received[] = "1700000000",
		    id[] = "1abcde-000000-AB", host[] = "mx.theirs.test";
	uschar *argv[] = {(uschar *)address, (uschar *)rcpt, (uschar *)received,
			  (uschar *)id,      (uschar *)host, NULL};
	uschar *yield = NULL;
	dlfunc_type *sign;

	must_find(so, "batv_sign", &sign);
	sender_address = (uschar *)address;
	message_id = (uschar *)id;
	if (sign(&yield, argc, argv) != OK || strncmp((char *)yield, "prvs=", 5) != 0)
		_exit(1);
	return OK;
}

static int call_scan(void *so, int fd)
{
	static char id[] = "1abcde-000000-AB";
	uschar *text = NULL;
	scan_type *scan;

	must_find(so, "local_scan", &scan);
	message_id = (uschar *)id;
	return scan(fd, &text);
}

int main(int argc, char *argv[])
{
	int64_t stamps[3];
	int result = 0, fd = -1;
	const char *what = argc > 3 ? argv[1] : "";
	void *so;

	if (argc < 4 || strlen(argv[3]) >= sizeof directory)
		return 2;
	strcpy((char *)directory, argv[3]);
	message_id = sender_address = nothing;
	if (argc > 4)
		fd = take_message(argv[4]);
	stamps[0] = now_ns();
	so = dlopen(argv[2], RTLD_NOW);
	if (!so) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	if (strcmp(what, "load") == 0) {
		dlfunc_type *function;

		must_find(so, "batv_sign", &function);
	}
	stamps[1] = now_ns();
	if (strcmp(what, "route") == 0)
		result = call_sign(so, 4);
	else if (strcmp(what, "sign") == 0)
		result = call_sign(so, 5);
	else if (strcmp(what, "scan") == 0)
		result = call_scan(so, fd);
	stamps[2] = now_ns();

	const int64_t out[3] = {stamps[1] - stamps[0], stamps[2] - stamps[1], result};

	if (write(3, out, sizeof out) != (ssize_t)sizeof out && getenv("HOST_LOG"))
		fprintf(stderr, "load %.1f us, call %.1f us, result %d\n", (double)out[0] / 1000,
			(double)out[1] / 1000, result);
	return 0;
}
