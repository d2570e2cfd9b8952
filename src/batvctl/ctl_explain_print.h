/*
 * ctl_explain_print.h - prints an explanation: for people, as JSON, as one line.
 */
#ifndef BATV_CTL_EXPLAIN_PRINT_H
#define BATV_CTL_EXPLAIN_PRINT_H

#include "ctl_explanation.h"

void batv_ctl_explain_print_text(const struct batv_ctl *ctl, const struct batv_explanation *e);
/* "reject  missing     dsn        alice@example.com  FILE" */
void batv_ctl_explain_print_line(const struct batv_explanation *e);
json_t *batv_ctl_explain_print_json(const struct batv_explanation *e);

#endif
