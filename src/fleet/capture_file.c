/*
 * capture_file.c - the file `capture` of fleet_directory.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safefile.h"
#include "capture_file.h"
#include "saved.h"

#define NAME "capture"
#define HEAD "exim-batv capture 1"

/* A number for this start of the machine; 0: not known. */
static uint64_t this_boot(void)
{
	char id[64];
	size_t len = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (!batv_file_read(fd, id, sizeof id, &len))
		len = 0;
	close(fd);
	return len ? batv_fnv64(BATV_FNV_START, id, len) : 0;
}

bool batv_capture_file_save(const struct batv_own_files *own, const struct batv_capture *capture)
{
	struct batv_capture_place place[2];
	char text[500];
	int len;
	enum batv_err err;

	batv_capture_save(capture, place);
	len = snprintf(text, sizeof text,
		       HEAD "\nboot %" PRIu64 "\nplace %" PRIu64 " %" PRIu64 " %" PRIu64
			    "\nplace %" PRIu64 " %" PRIu64 " %" PRIu64 "\ngap %" PRId64 " %" PRId64
			    "\nend 4\n",
		       this_boot(), place[0].file, place[0].next, place[0].failed, place[1].file,
		       place[1].next, place[1].failed, capture->gap, capture->began);
	err = batv_own_files_write(own, NAME, text, (size_t)len);
	return err == BATV_OK || err == BATV_E_SYNC;
}

static bool parse(const char *text, size_t len, struct batv_capture *capture)
{
	struct batv_capture_place place[2];
	struct batv_saved saved;
	uint64_t boot = 0;
	int64_t gap = 0, began = 0;
	unsigned n = 0;
	bool more = batv_saved_begin(&saved, text, len, HEAD);

	while (more && batv_saved_next(&saved)) {
		if (batv_saved_is(&saved, "boot", 1))
			boot = saved.number[0];
		else if (batv_saved_is(&saved, "place", 3) && n < 2)
			place[n++] = (struct batv_capture_place){saved.number[0], saved.number[1],
								 saved.number[2]};
		else if (batv_saved_is(&saved, "gap", 2)) {
			gap = batv_saved_signed(&saved, 0);
			began = batv_saved_signed(&saved, 1);
		}
	}
	if (batv_saved_end(&saved, NULL, NULL) != BATV_OK || n != 2)
		return false;
	batv_capture_resume(capture, place, boot == 0 || boot != this_boot());
	capture->gap = gap > 0 ? gap : 0;
	capture->began = began > 0 ? began : 0;
	return true;
}

void batv_capture_file_load(const struct batv_own_files *own, struct batv_capture *capture)
{
	char *text;
	size_t len;

	memset(capture, 0, sizeof *capture);
	if (batv_own_files_read(own, NAME, &text, &len) != BATV_OK)
		return;
	(void)parse(text, len, capture);
	free(text);
}
