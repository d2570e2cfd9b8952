/*
 * ctl_status_idn.c - does Exim know the internationalised domains that are protected?
 *
 * Invariant: Exim is asked only if there is such a domain.
 */
#include <string.h>

#include "ask_exim.h"
#include "ctl_status.h"
#include "memory/domains.h"

/* Does the text have an A-label, or bytes above 127? */
static bool is_idn(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p > 0x7f)
			return true;
	return strstr(text, "xn--") != NULL;
}

static bool has_idn(struct batv_status *s)
{
	const struct batv_config *config = &s->ctl->config;
	struct batv_domain domain;

	for (size_t i = 0; i < config->n_policies; i++)
		if (is_idn(config->policies[i].domains))
			return true;
	for (size_t i = 0; s->memory_ok && batv_domain_next(&s->memory, &i, &domain); i++)
		if (is_idn(domain.name))
			return true;
	return false;
}

void batv_ctl_status_check_idn(struct batv_status *s)
{
	struct batv_matcher unused;
	struct batv_asker asker;
	bool supported;

	if (!s->config_ok || !has_idn(s))
		return;
	batv_ask_exim_init(&asker, s->ctl->config.global.exim, s->ctl->config_path, &unused);
	if (batv_ask_exim_supports(&asker, "I18N", &supported) && !supported)
		batv_ctl_status_problem(
			s, "Exim was built without SUPPORT_I18N, so it cannot tell that bytes "
			   "above 127 in a domain are one of your domains: such mail leaves "
			   "untagged, and such bounces are not refused");
}
