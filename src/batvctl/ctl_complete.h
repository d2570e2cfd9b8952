/*
 * ctl_complete.h - says in words whether the sent-mail memory is complete for a domain, and if not,
 * why and what to do.
 */
#ifndef BATV_CTL_COMPLETE_H
#define BATV_CTL_COMPLETE_H

#include "ctl.h"
#include "decide/complete.h"

/* Writes a sentence without its full stop. */
void batv_ctl_complete_text(const struct batv_complete_facts *facts, char *out, size_t size);

/*
 * Can the memory never be complete, because it forgets before the last tag is dead?  Then writes
 * the sentence for people.
 */
bool batv_ctl_complete_never(const struct batv_global *global, char *out, size_t size);

/* For people: what was measured for a domain, and whether the memory is complete for it. */
void batv_ctl_complete_print(const char *domain, const struct batv_complete_facts *facts);
/* The same as an object. */
json_t *batv_ctl_complete_json(const struct batv_complete_facts *facts);

#endif
