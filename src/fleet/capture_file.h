/*
 * capture_file.h - how far the journals were read, and what the others will never hear of, on the
 * disk for the next start.
 */
#ifndef BATV_CAPTURE_FILE_H
#define BATV_CAPTURE_FILE_H

#include "capture.h"
#include "own_files.h"

/* After what was handed out is safe.  False: it is not on the disk; errno says why. */
bool batv_capture_file_save(const struct batv_own_files *own, const struct batv_capture *capture);
/*
 * Goes on there.  If the machine was started since, and without the file, all that the journals
 * still have is read again: after a crash the memory may have gone back.
 */
void batv_capture_file_load(const struct batv_own_files *own, struct batv_capture *capture);

#endif
