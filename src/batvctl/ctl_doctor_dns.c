/*
 * ctl_doctor_dns.c - batvctl doctor --dns: what the DNS says about the protected domains.
 */
#include <ifaddrs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_doctor.h"
#include "ctl_spf.h"
#include "exim_text.h"
#include "memory/domains.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define QUIET                                                                                      \
 (30 * (int64_t)BATV_DAY) /* a domain that has sent nothing for so long may never send */

/* ---- our addresses ---- */

/* Not an address that another server would see. */
static bool is_private(const struct in6_addr *a)
{
	static const struct {
		const char *network;
		unsigned bits;
	} nets[] = {{"10.0.0.0", 8},  {"172.16.0.0", 12},  {"192.168.0.0", 16},
		    {"127.0.0.0", 8}, {"169.254.0.0", 16}, {"100.64.0.0", 10},
		    {"fe80::", 10},   {"fc00::", 7},       {"::1", 128}};
	struct in6_addr network;

	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (batv_ctl_dns_parse(nets[i].network, &network) &&
		    batv_ctl_spf_in(a, &network,
				    nets[i].bits + (strchr(nets[i].network, '.') ? 96 : 0)))
			return true;
	return false;
}

static void add_interfaces(struct batv_ctl_dns_addresses *ours)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			memcpy(address.s6_addr + 12,
			       &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
		else if (i->ifa_addr->sa_family == AF_INET6)
			address = ((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr;
		else
			continue;
		if (!is_private(&address))
			batv_ctl_dns_add(ours, &address);
	}
	freeifaddrs(all);
}

/* ---- SPF of a domain ---- */

static void blind(struct batv_ctl_doctor *d, enum batv_ctl_doctor_check check, const char *what,
		  const char *name)
{
	struct batv_ctl_doctor_finding *f = batv_ctl_doctor_finding(
		d, check, BATV_DOCTOR_BLIND, "the DNS did not say whether %s has %s", name, what);

	batv_ctl_doctor_finding_why(f, "no answer, or a broken zone");
	batv_ctl_doctor_finding_fix(f, "try again; see /etc/resolv.conf");
}

static bool has_unsigned_senders(const struct batv_ctl_doctor *d)
{
	for (size_t i = 0; d->config_ok && i < d->ctl->config.n_policies; i++)
		if (*d->ctl->config.policies[i].unsigned_senders)
			return true;
	return false;
}

/* Others that may send, while this server believes that it sends all of the domain's mail. */
static void check_others(struct batv_ctl_doctor *d, const char *domain,
			 const struct batv_ctl_spf *spf)
{
	struct batv_ctl_doctor_finding *f;

	if (!*spf->other || *d->inst.smarthost || has_unsigned_senders(d) ||
	    (d->state_read && d->state.state.shared)) {
		ADD(SPF_OTHERS, OK, "nobody unknown to this server sends for %s", domain);
		return;
	}
	f = ADD(SPF_OTHERS, WARN, "mail of %s leaves through another server, too", domain);
	batv_ctl_doctor_finding_why(
		f, "its SPF record has %s, which is none of ours; bounces of such mail look forged",
		spf->other);
	batv_ctl_doctor_finding_fix(
		f, "unsigned_senders = *@news.%s   in %s, or give that server the secret", domain,
		d->ctl->config_path);
}

static void check_spf(struct batv_ctl_doctor *d, const char *domain,
		      const struct batv_ctl_dns_addresses *ours, struct batv_ctl_spf *spf)
{
	struct batv_ctl_doctor_finding *f;

	batv_ctl_spf_read(domain, ours, spf);
	if (spf->answer == BATV_DNS_FAILED) {
		blind(d, BATV_DOCTOR_SPF, "an SPF record", domain);
	} else if (spf->answer == BATV_DNS_NONE) {
		f = ADD(SPF, WARN, "%s has no SPF record", domain);
		batv_ctl_doctor_finding_why(
			f, "so nobody can tell forged mail from yours, and it bounces to you");
		batv_ctl_doctor_finding_fix(
			f, "%s TXT \"v=spf1 mx -all\"   with all that sends for it", domain);
	} else if (spf->count > 1) {
		f = ADD(SPF, FAIL, "%s has %zu SPF records", domain, spf->count);
		batv_ctl_doctor_finding_why(f, "more than one counts as none (RFC 7208)");
		batv_ctl_doctor_finding_fix(f, "make one of them");
	} else if (ours->n && !spf->names_us && !spf->unknown && !*d->inst.smarthost &&
		   !spf->sends_nothing) {
		f = ADD(SPF, FAIL, "the SPF record of %s does not name this host", domain);
		batv_ctl_doctor_finding_why(f, "it is: %.300s", spf->record);
		batv_ctl_doctor_finding_fix(f, "add a:%.200s to it", d->inst.hostname);
	} else {
		ADD(SPF, OK, "%s has an SPF record%s", domain,
		    spf->names_us ? ", and it names this host" : "");
		check_others(d, domain, spf);
	}
}

/* ---- DMARC ---- */

/* The value of a tag in "v=DMARC1; p=none; ...", without blanks; false if it is not there, or
 * empty.
 */
static bool record_value(const char *record, const char *tag, char *out, size_t size)
{
	for (const char *part = record; part; part = strchr(part, ';')) {
		size_t len = 0;

		part += strspn(part, "; \t");
		if (strncasecmp(part, tag, strlen(tag)) != 0)
			continue;
		part += strlen(tag);
		part += strspn(part, " \t");
		if (*part != '=')
			continue;
		part++;
		part += strspn(part, " \t");
		len = strcspn(part, "; \t");
		snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), part);
		return len > 0;
	}
	return false;
}

/* What servers that check it are asked to do, and whether anybody hears of it. */
static void check_dmarc_policy(struct batv_ctl_doctor *d, const char *domain, const char *record)
{
	char policy[40] = "", reports[300];
	struct batv_ctl_doctor_finding *f;

	(void)record_value(record, "p", policy, sizeof policy);
	if (strcasecmp(policy, "reject") != 0 && strcasecmp(policy, "quarantine") != 0 &&
	    strcasecmp(policy, "none") != 0) {
		f = ADD(DMARC_POLICY, FAIL, "the DMARC record of %s has no valid policy", domain);
		batv_ctl_doctor_finding_why(f, "it is ignored; it says: %.300s", record);
		batv_ctl_doctor_finding_fix(f, "p=none, p=quarantine or p=reject, after v=DMARC1");
	} else if (!record_value(record, "rua", reports, sizeof reports)) {
		f = ADD(DMARC_POLICY, WARN, "nobody gets the DMARC reports about %s", domain);
		batv_ctl_doctor_finding_why(f, "they name all servers that send in its name");
		batv_ctl_doctor_finding_fix(f, "add rua=mailto:postmaster@%s", domain);
	} else if (strcasecmp(policy, "none") == 0) {
		f = ADD(DMARC_POLICY, WARN, "DMARC of %s asks for nothing yet: p=none", domain);
		batv_ctl_doctor_finding_why(
			f, "forged mail of it is delivered, or bounces to you, as without DMARC");
		batv_ctl_doctor_finding_fix(
			f, "read two weeks of reports; then p=quarantine, and later p=reject");
	} else {
		ADD(DMARC_POLICY, OK, "DMARC of %s asks for p=%s", domain, policy);
	}
}

/* A policy of the domain, or of the one above it. */
static void check_dmarc(struct batv_ctl_doctor *d, const char *domain)
{
	enum batv_ctl_dns_answer answer = BATV_DNS_NONE;
	struct batv_ctl_doctor_finding *f;
	char name[BATV_DNS_NAME_SIZE + 8], text[BATV_DNS_TEXT_SIZE];
	size_t count;

	for (const char *part = domain; part && strchr(part, '.') && answer == BATV_DNS_NONE;
	     part = strchr(part, '.') + 1) {
		snprintf(name, sizeof name, "_dmarc.%s", part);
		answer = batv_ctl_dns_text(name, "v=DMARC1", text, sizeof text, &count);
	}
	if (answer == BATV_DNS_FAILED) {
		blind(d, BATV_DOCTOR_DMARC, "a DMARC record", domain);
	} else if (answer == BATV_DNS_FOUND && count > 1) {
		f = ADD(DMARC, FAIL, "%s has %zu DMARC records", domain, count);
		batv_ctl_doctor_finding_why(f, "more than one counts as none (RFC 7489)");
		batv_ctl_doctor_finding_fix(f, "make one of them");
	} else if (answer == BATV_DNS_FOUND) {
		ADD(DMARC, OK, "%s has a DMARC record", domain);
		check_dmarc_policy(d, domain, text);
	} else {
		f = ADD(DMARC, WARN, "%s has no DMARC record", domain);
		batv_ctl_doctor_finding_why(
			f, "servers that check it refuse forged mail at once, and bounce nothing");
		batv_ctl_doctor_finding_fix(
			f, "_dmarc.%s TXT \"v=DMARC1; p=none; rua=mailto:postmaster@%s\"", domain,
			domain);
	}
}

/* ---- a domain that never sends ---- */

static bool sends(struct batv_ctl_doctor *d, const char *domain)
{
	struct batv_domain known;

	return batv_memory_there(&d->memory) && batv_domain_find(&d->memory, domain, &known) &&
	       known.last_signed + QUIET > d->ctl->clock;
}

/* A null MX (RFC 7505) says that the domain takes no mail: no bounce can come back. */
static void check_null_mx(struct batv_ctl_doctor *d, const char *domain,
			  const struct batv_ctl_spf *spf)
{
	enum batv_ctl_dns_answer answer = batv_ctl_dns_null_mx(domain);
	struct batv_ctl_doctor_finding *f;

	if (answer == BATV_DNS_FAILED) {
		blind(d, BATV_DOCTOR_NULL_MX, "a null MX", domain);
	} else if (answer == BATV_DNS_NONE) {
		ADD(NULL_MX, OK, "%s takes mail", domain);
	} else if (sends(d, domain)) {
		f = ADD(NULL_MX, FAIL, "%s sends mail, and its DNS says that it takes none",
			domain);
		batv_ctl_doctor_finding_why(
			f, "no bounce comes back, and many servers refuse such senders");
		batv_ctl_doctor_finding_fix(f, "%s MX 10 %.200s instead of MX 0 .", domain,
					    d->inst.hostname);
	} else if (!spf->sends_nothing) {
		f = ADD(NULL_MX, WARN, "%s takes no mail, but does not say that it sends none",
			domain);
		batv_ctl_doctor_finding_why(f,
					    "a null MX stops bounces; SPF stops what they answer");
		batv_ctl_doctor_finding_fix(f, "%s TXT \"v=spf1 -all\"", domain);
	} else {
		ADD(NULL_MX, OK, "%s says that it takes no mail, and sends none", domain);
	}
}

static void check_silent(struct batv_ctl_doctor *d, const char *domain,
			 const struct batv_ctl_spf *spf)
{
	const int64_t since = d->memory.sections.filters[0].since, now = d->ctl->clock;
	struct batv_ctl_doctor_finding *f;

	if (spf->answer == BATV_DNS_FAILED || !batv_memory_there(&d->memory) || !since ||
	    since > now - QUIET)
		return;
	if (sends(d, domain)) {
		ADD(MINUS_ALL, OK, "%s sends mail", domain);
	} else if (spf->sends_nothing) {
		ADD(MINUS_ALL, OK, "%s says that it never sends", domain);
	} else {
		f = ADD(MINUS_ALL, WARN, "%s has sent nothing for %" PRId64 " days", domain,
			QUIET / BATV_DAY);
		batv_ctl_doctor_finding_why(
			f,
			"if it never sends, say so, and forged mail of it is refused everywhere");
		batv_ctl_doctor_finding_fix(
			f, "%s TXT \"v=spf1 -all\"; if it takes no mail either, MX 0 .", domain);
	}
}

/* ---- HELO ---- */

/* Null-sender mail, such as our bounces, is checked by the name in HELO. */
static void check_helo(struct batv_ctl_doctor *d, const struct batv_ctl_dns_addresses *ours,
		       struct batv_ctl_spf *spf)
{
	const char *host = d->inst.hostname;
	struct batv_ctl_doctor_finding *f;

	batv_ctl_spf_read(host, ours, spf);
	if (spf->answer == BATV_DNS_FAILED) {
		blind(d, BATV_DOCTOR_HELO_SPF, "an SPF record", host);
	} else if (spf->answer == BATV_DNS_FOUND && ours->n && !spf->names_us && !spf->unknown) {
		f = ADD(HELO_SPF, FAIL,
			"the SPF record of the host name %s does not pass this host", host);
		batv_ctl_doctor_finding_why(f, "bounces from here fail SPF; it is: %.300s",
					    spf->record);
		batv_ctl_doctor_finding_fix(f, "%s TXT \"v=spf1 a -all\"", host);
	} else if (spf->answer == BATV_DNS_FOUND) {
		ADD(HELO_SPF, OK, "the host name %s has an SPF record", host);
	} else {
		f = ADD(HELO_SPF, WARN, "the host name %s has no SPF record", host);
		batv_ctl_doctor_finding_why(
			f, "mail with a null sender, such as bounces from here, is checked by it");
		batv_ctl_doctor_finding_fix(f, "%s TXT \"v=spf1 a -all\"", host);
	}
}

/* ---- DKIM ---- */

/* The public key of what Exim signs with.  Domain and selector may depend on the message. */
static void check_dkim(struct batv_ctl_doctor *d)
{
	char domain[BATV_DNS_NAME_SIZE], selector[100], key[40], text[BATV_DNS_TEXT_SIZE];
	char name[BATV_DNS_NAME_SIZE + 120];
	enum batv_ctl_dns_answer answer;
	struct batv_ctl_doctor_finding *f;
	size_t count;

	if (!d->config || !batv_exim_text_value(d->config, "dkim_domain", domain, sizeof domain) ||
	    !batv_exim_text_value(d->config, "dkim_selector", selector, sizeof selector) ||
	    strpbrk(domain, "${}:/*< \"") || strpbrk(selector, "${}:/*< \""))
		return;
	snprintf(name, sizeof name, "%s._domainkey.%s", selector, domain);
	answer = batv_ctl_dns_text(name, "", text, sizeof text, &count);
	if (answer == BATV_DNS_FAILED) {
		blind(d, BATV_DOCTOR_DKIM, "a DKIM key", name);
	} else if (answer == BATV_DNS_FOUND && record_value(text, "p", key, sizeof key)) {
		ADD(DKIM, OK, "the DKIM key %s is in the DNS", name);
	} else {
		f = ADD(DKIM, FAIL, "the DKIM key %s is not in the DNS%s", name,
			answer == BATV_DNS_FOUND ? ": its p= is empty" : "");
		batv_ctl_doctor_finding_why(f, "Exim signs with it, and no server can verify that");
		batv_ctl_doctor_finding_fix(f, "%s TXT \"v=DKIM1; k=rsa; p=...\"", name);
	}
}

void batv_ctl_doctor_dns(struct batv_ctl_doctor *d)
{
	struct batv_ctl_dns_addresses ours = {0};
	struct batv_ctl_spf *spf = calloc(1, sizeof *spf);
	char ascii[BATV_ADDR_SIZE];

	if (!spf || !d->has_exim) {
		free(spf);
		return;
	}
	add_interfaces(&ours);
	(void)batv_ctl_dns_host(d->inst.hostname, &ours);
	for (size_t i = 0; i < d->domains.n; i++) {
		const char *domain = d->domains.names[i];

		if (strpbrk(domain, "@[") || batv_addr_to_alabel(domain, ascii) != BATV_OK)
			continue;
		check_spf(d, ascii, &ours, spf);
		check_dmarc(d, ascii);
		check_silent(d, ascii, spf);
		check_null_mx(d, ascii, spf);
	}
	check_helo(d, &ours, spf);
	check_dkim(d);
	free(spf);
}
