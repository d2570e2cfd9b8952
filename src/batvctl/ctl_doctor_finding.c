/*
 * ctl_doctor_finding.c - collects what batvctl doctor finds.
 *
 * It prints nothing.  Text of unknown origin may be passed: control characters are replaced.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl_doctor_finding.h"
#include "notices.h"

const char *const batv_ctl_doctor_names[BATV_DOCTOR_CHECKS] = {
	[BATV_DOCTOR_EXIM_FOUND] = "exim-found",
	[BATV_DOCTOR_EXIM_CONFIG] = "exim-config",
	[BATV_DOCTOR_MODULE_MISSING] = "module-missing",
	[BATV_DOCTOR_MODULE_ABI] = "module-abi",
	[BATV_DOCTOR_LOCAL_SCAN] = "local-scan",
	[BATV_DOCTOR_TRANSPORT_SIGNS] = "transport-signs",
	[BATV_DOCTOR_SIGNS_TWICE] = "signs-twice",
	[BATV_DOCTOR_ERRORS_TO] = "errors-to",
	[BATV_DOCTOR_PIECES_ORDER] = "pieces-order",
	[BATV_DOCTOR_ACL_RCPT] = "acl-rcpt",
	[BATV_DOCTOR_ACL_COPY] = "acl-copy",
	[BATV_DOCTOR_CUTTHROUGH] = "cutthrough",
	[BATV_DOCTOR_PRDR] = "prdr",
	[BATV_DOCTOR_UNSIGNED_BATCH] = "unsigned-batch",
	[BATV_DOCTOR_UNSIGNED_HOSTS] = "unsigned-hosts",
	[BATV_DOCTOR_ROUTE_DOMAIN] = "route-domain",
	[BATV_DOCTOR_ROUTE] = "route",
	[BATV_DOCTOR_CONFIG] = "config",
	[BATV_DOCTOR_DAEMON] = "daemon",
	[BATV_DOCTOR_STATE_READABLE] = "state-readable",
	[BATV_DOCTOR_STATE_AGE] = "state-age",
	[BATV_DOCTOR_SECRET_MODE] = "secret-mode",
	[BATV_DOCTOR_CLOCK] = "clock",
	[BATV_DOCTOR_MEMORY_FULL] = "memory-full",
	[BATV_DOCTOR_FLEET_DAEMON] = "fleet-daemon",
	[BATV_DOCTOR_FLEET_ACCESS] = "fleet-access",
	[BATV_DOCTOR_FLEET_JOURNAL] = "fleet-journal",
	[BATV_DOCTOR_NOTIFY] = "notify",
	[BATV_DOCTOR_LOCAL_PARTS] = "local-parts",
	[BATV_DOCTOR_PACKAGE_LEFTOVERS] = "package-leftovers",
	[BATV_DOCTOR_LOG_SELECTOR] = "log-selector",
	[BATV_DOCTOR_LOG_RETENTION] = "log-retention",
	[BATV_DOCTOR_SMARTHOST] = "smarthost",
	[BATV_DOCTOR_PEERS] = "peers",
	[BATV_DOCTOR_SPF] = "spf",
	[BATV_DOCTOR_SPF_OTHERS] = "spf-others",
	[BATV_DOCTOR_DKIM] = "dkim",
	[BATV_DOCTOR_DMARC] = "dmarc",
	[BATV_DOCTOR_DMARC_POLICY] = "dmarc-policy",
	[BATV_DOCTOR_HELO_SPF] = "helo-spf",
	[BATV_DOCTOR_MINUS_ALL] = "minus-all",
	[BATV_DOCTOR_NULL_MX] = "null-mx",
};

static void __attribute__((format(printf, 3, 0)))
put(char *out, size_t size, const char *format, va_list ap)
{
	batv_notices_format(out, size, format, ap);
	for (char *p = out; *p; p++)
		if (batv_is_control(*p))
			*p = ' ';
	for (size_t len = strlen(out); len && out[len - 1] == ' '; len--)
		out[len - 1] = '\0';
}

struct batv_ctl_doctor_finding *batv_ctl_doctor_finding(struct batv_ctl_doctor *d,
							enum batv_ctl_doctor_check check,
							enum batv_ctl_doctor_answer answer,
							const char *format, ...)
{
	struct batv_ctl_doctor_finding *f;
	va_list ap;

	if (d->n == BATV_DOCTOR_FINDINGS_MAX) {
		d->left_out++;
		d->n--;
	}
	f = &d->finding[d->n++];
	*f = (struct batv_ctl_doctor_finding){.check = check, .answer = answer};
	va_start(ap, format);
	put(f->what, sizeof f->what, format, ap);
	va_end(ap);
	return f;
}

void batv_ctl_doctor_finding_why(struct batv_ctl_doctor_finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put(f->why, sizeof f->why, format, ap);
	va_end(ap);
}

void batv_ctl_doctor_finding_fix(struct batv_ctl_doctor_finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put(f->fix, sizeof f->fix, format, ap);
	va_end(ap);
}

size_t batv_ctl_doctor_finding_count(const struct batv_ctl_doctor *d,
				     enum batv_ctl_doctor_answer answer)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->finding[i].answer == answer;
	return n;
}
