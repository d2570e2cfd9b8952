/*
 * view.h - writes the file `view` for batvd and batvctl: docs/formats.md, "Fleet view".
 */
#ifndef BATV_VIEW_H
#define BATV_VIEW_H

#include "news.h"

/* Replaces the file.  False: it could not be written; errno says why. */
bool batv_view_write(const struct batv_station *st, const struct batv_news *news);

#endif
