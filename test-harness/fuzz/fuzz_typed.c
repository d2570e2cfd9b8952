/* links: batvctl/ctl_pasted batvctl/ctl_time core/decide/policy core/decide/servers core/decide/exim_list core/base/network core/memory/names core/tag/addr core/base/span */
/*
 * fuzz_typed.c - what people type and paste: addresses, times, durations, shares; and names of
 * files and hosts.  What is taken means one thing: written again, it is read as the same.
 *
 * Input: a text, up to its first NUL.
 */
#include <arpa/inet.h>
#include <stdarg.h>

#include "../../src/batvctl/ctl_pasted.h"
#include "base/network.h"
#include "decide/policy.h"
#include "memory/names.h"
#include "reach.h"

#define NOW INT64_C(1795348800)

enum {
	ADDRESS,
	PLAIN,
	UNWRAPPED,
	TIME,
	RELATIVE,
	DURATION,
	SHARE,
	NAME,
	IPV4,
	IPV6,
	REFUSED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"address", "plain", "unwrapped", "time", "relative", "duration",
	"share",   "name",  "ipv4",      "ipv6", "refused",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* Instead of ctl.c's, which prints. */
int batv_ctl_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

/* An address that can be pasted bare is taken as it is; what is taken is taken again. */
static void paste(const char *text)
{
	char out[BATV_PASTED_SIZE], again[BATV_PASTED_SIZE];
	const char *argument = text;
	struct batv_addr addr;
	bool ok = batv_ctl_pasted(text, out);
	int code = batv_ctl_pasted_argument("test", &argument, again);

	if (!*text || strcmp(text, "<>") == 0)
		must(code == BATV_CTL_YES && argument == text);
	else
		must((code == BATV_CTL_YES) == ok);
	if (!ok) {
		reached(REFUSED);
		return;
	}
	must(strlen(out) < BATV_PASTED_SIZE);
	must(batv_addr_parse(out, strlen(out), &addr) == BATV_OK);
	reached(ADDRESS);
	reached(strcmp(text, out) == 0 ? PLAIN : UNWRAPPED);
	if (strpbrk(text, "%"))
		return; /* a link may decode to anything */
	must(memmem(text, strlen(text), out, strlen(out)));
}

static void read_time(const char *text)
{
	char shown[64];
	int64_t when, again;

	if (!batv_ctl_time_parse(text, NOW, &when))
		return;
	must(when >= 0);
	reached(TIME);
	if (*text == '+' || *text == '-') {
		must(*text == '+' ? when >= NOW : when <= NOW);
		reached(RELATIVE);
	}
	batv_ctl_time_format(when, shown, sizeof shown);
	if (when == 0) {
		must(strcmp(shown, "never") == 0);
		return;
	}
	must(strlen(shown) == strlen("2026-11-22 12:00:00 UTC"));
	shown[strlen("2026-11-22 12:00:00")] = '\0';
	must(batv_ctl_time_parse(shown, NOW, &again) && again == when);
}

static void read_numbers(const char *text)
{
	char shown[64];
	int64_t seconds, again;
	uint64_t share;

	if (batv_duration_parse(batv_span_of(text), &seconds)) {
		must(seconds >= 0);
		batv_duration_format(seconds, shown, sizeof shown);
		must(strlen(shown) < 48 && batv_duration_parse(batv_span_of(shown), &again));
		must(again == seconds);
		reached(DURATION);
	}
	if (batv_span_to_u64(batv_span_of(text), &share) && share < 1000000) {
		struct batv_policy policy, copy;
		const struct batv_option *opt = batv_option_find(batv_span_of("flood_share"));

		batv_policy_init(&policy, "x");
		batv_share_format(share, shown, sizeof shown);
		must(batv_option_set(&policy, opt, shown, NULL) == BATV_OK || share > 100000);
		copy = policy;
		must(batv_option_get(&policy, opt, shown, sizeof shown) == BATV_OK);
		must(batv_option_set(&copy, opt, shown, NULL) == BATV_OK);
		must(copy.flood_share == policy.flood_share);
		reached(SHARE);
	}
}

/* A name counts only in the one form in which batvd writes it. */
static void read_names(const char *text)
{
	uint64_t number = batv_names_number(text), network;
	char name[BATV_MEMORY_NAME_SIZE], shown[BATV_NETWORK_TEXT_SIZE];
	struct in_addr v4;
	struct in6_addr v6;

	if (number > 0) {
		batv_names_write(number, name);
		must(strcmp(name, text) == 0);
		reached(NAME);
	}
	if (inet_pton(AF_INET, text, &v4) == 1) {
		must(batv_network_of(text, &network) && !(network & BATV_NETWORK_IPV6));
		must(network >> 16 == ntohl(v4.s_addr) >> 8);
		reached(IPV4);
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		must(batv_network_of(text, &network) && (network & BATV_NETWORK_IPV6));
		for (unsigned i = 0; i < 6; i++)
			must((network >> (56 - 8 * i) & 0xff) == v6.s6_addr[i]);
		reached(IPV6);
	}
	if (batv_network_of(text, &network)) {
		must((network & 0x7fff) == 0);
		batv_network_text(network, shown);
		must(strstr(shown, network & BATV_NETWORK_IPV6 ? "::/48" : ".0/24"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size);

	paste(text);
	read_time(text);
	read_numbers(text);
	read_names(text);
	free(text);
	return 0;
}
