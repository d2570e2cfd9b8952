/* links: batvctl/ctl_message core/base/span */
/*
 * fuzz_message.c - any bytes as a message in a file, for batvctl: header and body are pieces of
 * the file in their order, and the fields are the header.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/batvctl/ctl_message.h"
#include "reach.h"

#define BODY_MAX 512

enum { FIELD, FOLDED, CUT_BODY, NO_HEADER, MBOX, MORE, FOUND, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {"field", "folded", "cut_body", "no_header",
					       "mbox",  "more",   "found"};

static int file = -1;
static char path[40];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	file = memfd_create("message", MFD_CLOEXEC);
	must(file >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	return 0;
}

/* Instead of ctl.c's, which prints. */
int batv_ctl_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

static void check_fields(const struct batv_ctl_message *m)
{
	struct batv_header h;
	size_t at = 0, before = 0;

	while (batv_ctl_message_field(m, &at, &h)) {
		const char *begin = m->header.p + before;

		must(at > before && at <= m->header.len && h.name.len > 0);
		must(h.name.p == begin && !memchr(h.name.p, ':', h.name.len));
		must(h.value.p > h.name.p && h.value.p + h.value.len == m->header.p + at);
		must(memchr(h.name.p, ':', (size_t)(h.value.p - h.name.p)) == h.value.p - 1);
		must(batv_ctl_message_find(m, "Subject").p != NULL);
		reached(h.value.len > 1 && memchr(h.value.p, '\n', h.value.len - 1) ? FOLDED
										    : FIELD);
		before = at;
	}
	must(at == m->header.len);
	if (batv_ctl_message_find(m, "Subject").len > 0)
		reached(FOUND);
	if (m->header.len == 0)
		reached(NO_HEADER);
}

static void check_message(const struct batv_ctl_message *m, const uint8_t *data, size_t size)
{
	const size_t used = (size_t)(m->body.p + m->body.len - m->text);
	const size_t head = (size_t)(m->header.p - m->text);

	must(m->header.p >= m->text && m->header.p + m->header.len <= m->body.p);
	must(m->at + used <= size && m->body.len <= BODY_MAX);
	must(used == 0 || memcmp(m->text, data + m->at, used) == 0);
	if (head > 5 && memmem(m->text, head, "From ", 5))
		reached(MBOX);
	if (m->body.len == BODY_MAX)
		reached(CUT_BODY);
	check_fields(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batv_ctl_messages all;
	struct batv_ctl_message m;
	uint64_t end = 0;

	must(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	must(batv_ctl_message_open(path, BODY_MAX, &all) == BATV_CTL_YES);
	do {
		must(batv_ctl_message_read(&all, &m) == BATV_CTL_YES);
		must(m.at == end && all.pos >= end && (!all.more || all.mbox));
		end = all.pos;
		check_message(&m, data, size);
		free(m.text);
		if (all.more)
			reached(MORE);
	} while (all.more);
	must(end == size);
	batv_ctl_message_close(&all);
	return 0;
}
