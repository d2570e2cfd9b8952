/* links: admin/exim_text admin/exim_user admin/exim_spool core/base/span */
/*
 * fuzz_exim_says.c - any bytes as what `exim -bP`, `exim -bV` and `exim -Mvh` print: what is found
 * is in the text, is unchanged, and fits.
 *
 * Input: what Exim prints, up to its first NUL.
 */
#include "exim_spool.h"
#include "exim_text.h"
#include "exim_user.h"
#include "reach.h"

enum {
	OPTION,
	SWITCH,
	DRIVER,
	VALUE,
	TOO_LONG,
	SUPPORTS,
	ERROR,
	AFTER,
	USER,
	SPOOL,
	HOST,
	FROZEN,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"option", "switch", "driver", "value", "too_long", "supports",
	"error",  "after",  "user",   "spool", "host",     "frozen",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void check_in(struct batv_span s, const char *text)
{
	must(s.len == 0 || (s.p >= text && s.p + s.len <= text + strlen(text)));
	must(s.len == 0 || !memchr(s.p, '\n', s.len));
	must(s.len == 0 || (s.p[0] != ' ' && s.p[s.len - 1] != ' '));
}

static void read_options(const char *text)
{
	struct batv_exim_options options;
	struct batv_exim_option o;
	size_t n = 0;

	batv_exim_text_start(&options, text);
	while (batv_exim_text_next(&options, &o)) {
		must(n++ <= strlen(text));
		check_in(o.name, text);
		check_in(o.value, text);
		must(!o.driver.len || !memchr(o.driver.p, ' ', o.driver.len));
		reached(o.value.len ? OPTION : SWITCH);
		if (o.driver.len)
			reached(DRIVER);
	}
}

static void read_values(const char *text)
{
	char out[16], longer[200], why[40];

	if (batv_exim_text_value(text, "batv_dir", out, sizeof out)) {
		must(strlen(out) < sizeof out && (!*out || strstr(text, out)));
		must(batv_exim_text_value(text, "batv_dir", longer, sizeof longer));
		must(strcmp(out, longer) == 0);
		reached(VALUE);
	} else if (batv_exim_text_value(text, "batv_dir", longer, sizeof longer)) {
		must(strlen(longer) >= sizeof out);
		reached(TOO_LONG);
	}
	if (batv_exim_text_after(text, "Exim version ", longer, sizeof longer)) {
		must(strlen(longer) < sizeof longer);
		reached(AFTER);
	}
	if (batv_exim_text_supports(text, "I18N")) {
		must(strstr(text, "Support for:") && strstr(text, "I18N"));
		reached(SUPPORTS);
	}
	if (batv_exim_text_error(text, why, sizeof why)) {
		must(strlen(why) < sizeof why && strncmp(why, "configuration error", 19) == 0);
		for (const char *c = why; *c; c++)
			must((unsigned char)*c >= 0x20);
		reached(ERROR);
	}
}

static void read_user(const char *text)
{
	struct batv_exim_user user = {77, 77};
	bool ok = batv_exim_user_parse(text, &user);

	must(ok || (user.uid == 77 && user.gid == 77));
	if (ok) {
		must(strstr(text, "exim_user") && strstr(text, "exim_group"));
		must(user.uid != (uid_t)-1 && user.gid != (gid_t)-1);
		reached(USER);
	}
}

static void check_address(const char *address, const char *text)
{
	must(strlen(address) < BATV_ADDR_SIZE && strstr(text, address));
	must(!batv_span_has_control(batv_span_of(address)));
}

static void read_spool(const char *text)
{
	static struct batv_exim_spool e;

	if (!batv_exim_spool_read(batv_span_of(text), &e))
		return;
	must(e.n_rcpts > 0 && e.n_rcpts <= BATV_EXIM_SPOOL_RCPTS && e.n_rcpts <= e.rcpts_all);
	must(strlen(e.host) < sizeof e.host && strstr(text, e.host));
	check_address(e.sender, text);
	for (size_t i = 0; i < e.n_rcpts; i++) {
		must(*e.rcpts[i]);
		check_address(e.rcpts[i], text);
	}
	reached(SPOOL);
	if (*e.host)
		reached(HOST);
	if (e.frozen)
		reached(FROZEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size);

	read_options(text);
	read_values(text);
	read_user(text);
	read_spool(text);
	free(text);
	return 0;
}
