/* links: batvctl/ctl_spf core/base/span */
/*
 * fuzz_spf.c - any bytes as SPF records: reading ends, asks for few names, and reads nothing
 * beyond the end.
 *
 * Input: records, separated by a NUL.  The first one is the domain's own, each further one answers
 * the next question for an SPF record.
 */
#include <arpa/inet.h>

#include "../../src/batvctl/ctl_spf.h"
#include "reach.h"

enum { NO_RECORD, NAMES_US, NAMES_OTHERS, UNKNOWN, SENDS_NOTHING, INCLUDES, HOSTS, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"no_record", "names_us", "names_others", "unknown", "sends_nothing", "includes", "hosts"};

static const char *rest;
static size_t rest_len;
static unsigned asked;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* ---- instead of the DNS ---- */

enum batv_ctl_dns_answer batv_ctl_dns_text(const char *name, const char *start, char *out,
					   size_t size, size_t *count)
{
	size_t len = rest_len ? strnlen(rest, rest_len) : 0, begin = strlen(start);

	must(strlen(name) < BATV_DNS_TEXT_SIZE);
	if (asked++)
		reached(INCLUDES);
	*count = rest_len > 0;
	*out = '\0';
	if (!rest_len)
		return BATV_DNS_NONE;
	snprintf(out, size, "%s%.*s", start, (int)len, rest);
	must(strlen(out) < size && strlen(out) >= begin);
	rest += len;
	rest_len -= len;
	if (rest_len) {
		rest++;
		rest_len--;
	}
	return BATV_DNS_FOUND;
}

enum batv_ctl_dns_answer batv_ctl_dns_host(const char *name, struct batv_ctl_dns_addresses *out)
{
	struct in6_addr address;

	must(strlen(name) < BATV_DNS_NAME_SIZE);
	asked++;
	reached(HOSTS);
	must(batv_ctl_dns_parse(strchr(name, 'x') ? "198.51.100.7" : "2001:db8::9", &address));
	batv_ctl_dns_add(out, &address);
	return strchr(name, 'y') ? BATV_DNS_FAILED : BATV_DNS_FOUND;
}

enum batv_ctl_dns_answer batv_ctl_dns_mx(const char *name, struct batv_ctl_dns_addresses *out)
{
	return batv_ctl_dns_host(name, out);
}

void batv_ctl_dns_add(struct batv_ctl_dns_addresses *list, const struct in6_addr *address)
{
	if (list->n < BATV_DNS_MAX)
		list->address[list->n++] = *address;
}

bool batv_ctl_dns_parse(const char *text, struct in6_addr *out)
{
	char mapped[80];

	snprintf(mapped, sizeof mapped, "%s%.50s", strchr(text, ':') ? "" : "::ffff:", text);
	return inet_pton(AF_INET6, mapped, out) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batv_ctl_dns_addresses ours = {0};
	struct batv_ctl_spf spf;
	struct in6_addr address;
	char *copy = malloc(size + 1);

	must(copy);
	if (size > 0)
		memcpy(copy, data, size);
	rest = copy;
	rest_len = size;
	asked = 0;
	must(batv_ctl_dns_parse("198.51.100.7", &address));
	batv_ctl_dns_add(&ours, &address);
	batv_ctl_spf_read("example.test", &ours, &spf);
	must(asked <= 11);
	must(strlen(spf.other) < sizeof spf.other && strlen(spf.record) < sizeof spf.record);
	if (spf.answer == BATV_DNS_NONE)
		reached(NO_RECORD);
	if (spf.names_us)
		reached(NAMES_US);
	if (*spf.other)
		reached(NAMES_OTHERS);
	if (spf.unknown)
		reached(UNKNOWN);
	if (spf.sends_nothing)
		reached(SENDS_NOTHING);
	must(!spf.sends_nothing || (!spf.names_us && !*spf.other));
	free(copy);
	return 0;
}
