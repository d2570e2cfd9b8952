/* links: local_scan/body local_scan/cutthrough local_scan/dlfunc local_scan/elsewhere local_scan/exim_glue local_scan/fleet local_scan/flood local_scan/leaving local_scan/list_probe local_scan/local_scan local_scan/message_proof local_scan/origin local_scan/outcome local_scan/rcpt_flood local_scan/recipients local_scan/samples local_scan/sent_mail local_scan/session core/base/err core/base/fault core/base/hmac core/base/network core/base/safefile core/base/span core/tag/addr core/tag/key core/tag/tag core/memory/access core/memory/counters core/memory/domains core/memory/doors core/memory/fleet core/memory/forged core/memory/header core/memory/hosts core/memory/names core/memory/recall core/memory/refused core/memory/sending core/memory/sent core/memory/journal core/memory/slots core/memory/tag_use core/memory/tallies core/evidence/citation core/evidence/class core/evidence/classify core/evidence/clues core/evidence/codes core/evidence/decode core/evidence/field core/evidence/forwarded core/evidence/habits core/evidence/mailbox core/evidence/original core/evidence/parts core/evidence/proof core/evidence/recorded core/evidence/returned core/evidence/search core/evidence/trace core/evidence/words core/decide/automatic core/decide/barrier core/decide/complete core/decide/exim_list core/decide/flood core/decide/holder core/decide/judge core/decide/list_file core/decide/lists core/decide/override core/decide/policy core/decide/servers core/decide/sign core/decide/state core/decide/verdict */
/*
 * fuzz_glue.c - any message and any arguments, through local_scan() and each ${dlfunc} function as
 * Exim calls them: in doubt mail is accepted and addresses are left alone, and what Exim is given
 * to expand, to log and to add is ours (exim_stand_in.h).
 *
 * Input: lines "KEY VALUE" of the envelope, an empty line, and a message.  The keys are from, to,
 * ip, name, acl, port, arg, state, and the words auth, noid, checking, defers and noscan.  "port
 * open" is that of a connection.  A header field that begins with "*" is deleted.
 */
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "exim_stand_in.h"
#include "exim_world.h"
#include "list_file_stand_in.h"
#include "tag/tag.h"

#define ARGS_MAX 6
#define FIELDS_MAX 300

exim_dlfunc_t batv_sign, batv_unsign, batv_verdict, batv_kind, batv_flood, batv_refuse, batv_bare;
int local_scan_version_major(void);
int local_scan_version_minor(void);

enum {
	SCAN_ACCEPTS = BATV_VERDICT_COUNT,
	SCAN_REJECTS,
	SCAN_DEFERS,
	REMOVED,
	UNSIGNED,
	SENDER_SIGNED,
	MARKED,
	SIGNED,
	LEFT_ALONE,
	OTHERWISE,
	BARE,
	REFUSES,
	TAGGED_KIND,
	BARE_KIND,
	DOUBT_KIND,
	DELETED_FIELD,
	PLAYED,
	OUTCOMES
};
static const char *outcomes[OUTCOMES] = {
	[SCAN_ACCEPTS] = "accepts",
	[SCAN_REJECTS] = "rejects",
	[SCAN_DEFERS] = "defers",
	[REMOVED] = "removed",
	[UNSIGNED] = "unsigned",
	[SENDER_SIGNED] = "sender_signed",
	[MARKED] = "marked",
	[SIGNED] = "signed",
	[LEFT_ALONE] = "left_alone",
	[OTHERWISE] = "otherwise",
	[BARE] = "bare",
	[REFUSES] = "refuses",
	[TAGGED_KIND] = "tagged_kind",
	[BARE_KIND] = "bare_kind",
	[DOUBT_KIND] = "doubt_kind",
	[DELETED_FIELD] = "deleted_field",
	[PLAYED] = "played",
};

static int data_file = -1;
static char open_port[8]; /* the local port of a connection, as of cutthrough delivery */

static void make_connection(char port[static 8])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(server >= 0 && client >= 0);
	must(bind(server, (void *)&at, sizeof at) == 0 && listen(server, 1) == 0);
	must(getsockname(server, (void *)&at, &size) == 0 &&
	     connect(client, (void *)&at, size) == 0);
	size = sizeof at;
	must(getsockname(client, (void *)&at, &size) == 0);
	snprintf(port, 8, "%u", ntohs(at.sin_port));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	for (unsigned i = 0; i < BATV_VERDICT_COUNT; i++)
		outcomes[i] = batv_verdict_name((enum batv_verdict)i);
	reach_start(outcomes, OUTCOMES);
	world_make();
	data_file = memfd_create("message", MFD_CLOEXEC);
	must(data_file >= 0);
	make_connection(open_port);
	must(local_scan_version_major() == LOCAL_SCAN_ABI_VERSION_MAJOR);
	must(local_scan_version_minor() == LOCAL_SCAN_ABI_VERSION_MINOR);
	return 0;
}

/* ---- the input ---- */

struct envelope {
	char *args[ARGS_MAX], *to[EXIM_RECIPIENTS];
	int n_args, n_to;
	bool scans;
};

/* Takes a line, and ends it with a NUL; NULL at the end. */
static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* What Exim itself has read from a socket, or looked up in the DNS and checked. */
static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &address) == 1;
}

static bool is_name(const char *text)
{
	while (batv_is_name_char(*text) || *text == '.')
		text++;
	return !*text;
}

static void take_text(struct envelope *e, const char *key, char *value)
{
	if (strcmp(key, "from") == 0)
		sender_address = (uschar *)value;
	else if (strcmp(key, "to") == 0 && e->n_to < EXIM_RECIPIENTS)
		e->to[e->n_to++] = value;
	else if (strcmp(key, "ip") == 0 && is_address(value))
		sender_host_address = (uschar *)value;
	else if (strcmp(key, "name") == 0 && is_name(value))
		sender_host_name = (uschar *)value;
	else if (strcmp(key, "acl") == 0)
		exim.acl_m_batv = value;
	else if (strcmp(key, "port") == 0)
		exim.port = strcmp(value, "open") == 0 ? open_port : value;
	else if (strcmp(key, "arg") == 0 && e->n_args < ARGS_MAX)
		e->args[e->n_args++] = value;
	else if (strcmp(key, "state") == 0)
		world_set_state((unsigned)(unsigned char)*value - '0');
}

static void take_word(struct envelope *e, const char *word)
{
	if (strcmp(word, "auth") == 0)
		sender_host_authenticated = exim_text("plain");
	else if (strcmp(word, "noid") == 0)
		message_id = exim_text(""), e->scans = false;
	else if (strcmp(word, "checking") == 0)
		host_checking = TRUE;
	else if (strcmp(word, "defers") == 0)
		exim.defers = true;
	else if (strcmp(word, "noscan") == 0)
		local_scan_path = NULL, e->scans = false;
}

static void take_envelope(struct envelope *e, char **rest)
{
	char *line;

	*e = (struct envelope){.scans = true};
	exim = (struct exim_stand_in){.directory = world_path};
	sender_address = sender_host_name = NULL;
	sender_host_address = sender_host_authenticated = NULL;
	host_checking = FALSE;
	local_scan_path = exim_text("/usr/lib/batv.so");
	message_id = exim_text(EXIM_ID);
	debug_selector = 0;
	world_set_state(1);
	while ((line = take_line(rest)) && *line) {
		char *blank = strchr(line, ' ');

		if (blank)
			*blank = '\0', take_text(e, line, blank + 1);
		else
			take_word(e, line);
	}
	if (!sender_address)
		sender_address = exim_text("");
	recipients_list = exim.recipients;
	recipients_count = e->n_to;
	for (int i = 0; i < e->n_to; i++)
		exim.recipients[i] = (recipient_item){.address = (uschar *)e->to[i], .pno = -1};
}

/* A field is a line and the folded lines after it; an empty line ends the header. */
static void take_header(char **rest)
{
	header_list = NULL;
	for (unsigned i = 0; i < FIELDS_MAX && **rest && **rest != '\n'; i++) {
		char *field = *rest, *end = field;
		const bool deleted = *field == '*';

		do {
			end += strcspn(end, "\n");
			end += *end == '\n';
		} while (*end == ' ' || *end == '\t');
		*rest = end;
		field += deleted;
		if (deleted)
			reached(DELETED_FIELD);
		if (end > field)
			exim_add_header(
				deleted || strncasecmp(field, "Envelope-To:", 12) == 0 ? '*' : ' ',
				field, (size_t)(end - field));
	}
	*rest += **rest == '\n';
}

/* Exim's data file begins with its own name, and its descriptor is at the body. */
static void take_body(const char *body, size_t len)
{
	static const char name[] = EXIM_ID "-D\n";
	const off_t at = sizeof name - 1;

	exim.body = body;
	must(ftruncate(data_file, 0) == 0 && pwrite(data_file, name, (size_t)at, 0) == at);
	must(pwrite(data_file, body, len, at) == (ssize_t)len);
	must(lseek(data_file, at, SEEK_SET) == at);
}

/* ---- what must hold of local_scan() ---- */

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text >= 0x7f)
			return false;
	return true;
}

/* Is `now` the address without one or more of its tags? */
static bool is_unsigned(const char *was, const char *now)
{
	char text[2][BATV_ADDR_INPUT_MAX + 1];
	struct batv_addr addr;
	struct batv_tag tag;

	for (unsigned i = 0;
	     batv_addr_parse(was, strlen(was), &addr) == BATV_OK && batv_tag_parse(&addr, &tag);
	     i++) {
		must(batv_tag_strip(&addr, &tag, text[i % 2], sizeof text[0]) == BATV_OK);
		was = text[i % 2];
		if (strcmp(was, now) == 0)
			return true;
	}
	return false;
}

/* A sender that was set for one recipient is the sender itself, tagged. */
static void check_sender(const recipient_item *r)
{
	if (!r->errors_to)
		return;
	must(is_unsigned((char *)r->errors_to, (char *)sender_address));
	reached(SENDER_SIGNED);
}

/* Who is left was there, in the same order, and has lost nothing but tags. */
static void check_recipients(const struct envelope *e)
{
	int next = 0;

	must(recipients_count <= e->n_to);
	if (recipients_count < e->n_to)
		reached(REMOVED);
	for (int i = 0; i < recipients_count; i++) {
		const char *now = (char *)recipients_list[i].address;

		for (; next < e->n_to && strcmp(e->to[next], now) != 0; next++)
			if (is_unsigned(e->to[next], now)) {
				reached(UNSIGNED);
				break;
			}
		must(next++ < e->n_to);
		check_sender(&recipients_list[i]);
	}
}

/* May it be judged at all?  Not without a state, and not what a person has sent. */
static bool may_be_judged(void)
{
	const bool has_pattern = world_state == 2 || world_state == 5;

	return world_state != 0 &&
	       (has_pattern || !*sender_address || strpbrk((char *)sender_address, "mM\"\\"));
}

static void check_answer(const struct envelope *e, int code, const char *text)
{
	if (code == LOCAL_SCAN_ACCEPT) {
		reached(SCAN_ACCEPTS);
		check_recipients(e);
		if (recipients_count < e->n_to)
			must(may_be_judged());
		return;
	}
	must(may_be_judged() && text && is_printable(text) && strlen(text) < 512);
	must(recipients_count == e->n_to);
	if (code == LOCAL_SCAN_REJECT) {
		reached(SCAN_REJECTS);
		must(strncmp(text, "5.7.1 ", 6) == 0);
	} else {
		must(code == LOCAL_SCAN_TEMPREJECT_NOLOGHDR && !host_checking);
		must(strncmp(text, "4.7.1 ", 6) == 0);
		reached(SCAN_DEFERS);
	}
}

static int scan(const struct envelope *e)
{
	const off_t at = lseek(data_file, 0, SEEK_CUR);
	uschar *sender = sender_address, *text = NULL;
	int code = local_scan(data_file, &text);

	must(lseek(data_file, 0, SEEK_CUR) == at && sender == sender_address);
	check_answer(e, code, (char *)text);
	if (exim.added > 0)
		reached(MARKED);
	must(exim.added <= 1);
	for (unsigned i = 0; i < BATV_VERDICT_COUNT; i++)
		if (exim.verdicts & 1u << i)
			reached(i);
	return code;
}

/* ---- what must hold of the functions ---- */

/* A function that leaves an address alone, or answers with one.  NULL: it leaves it alone. */
static const char *ask(exim_dlfunc_t *function, const struct envelope *e)
{
	char **copy = malloc(sizeof *copy * ((size_t)e->n_args + 1)); /* not a byte more */
	uschar *yield = NULL;
	int code;

	must(copy);
	for (int i = 0; i < e->n_args; i++)
		copy[i] = e->args[i];
	code = function(&yield, e->n_args, (uschar **)copy);
	free(copy);
	must(code == OK || code == FAIL_FORCED);
	must((code == OK) == (yield != NULL));
	if (code == FAIL_FORCED)
		reached(LEFT_ALONE);
	return (char *)yield;
}

/* The same address with a tag; or with another one, if it was tagged by a key that is gone. */
static bool is_signed(const char *was, const char *now)
{
	char bare[BATV_ADDR_INPUT_MAX + 1];
	struct batv_addr addr;
	struct batv_tag tag;

	if (is_unsigned(now, was))
		return true;
	return batv_addr_parse(was, strlen(was), &addr) == BATV_OK && batv_tag_parse(&addr, &tag) &&
	       batv_tag_strip(&addr, &tag, bare, sizeof bare) == BATV_OK && is_unsigned(now, bare);
}

static void check_sign(const struct envelope *e)
{
	const char *address = e->n_args > 0 ? e->args[0] : "";
	const char *otherwise = e->n_args > 5 ? e->args[5] : "", *answer = ask(batv_sign, e);

	must(!answer || *answer);
	if (!answer)
		must(!*otherwise || e->n_args == 0);
	else if (is_signed(address, answer) || is_unsigned(address, answer)) /* unsigned_hosts */
		reached(SIGNED);
	else {
		must(strcmp(answer, otherwise) == 0);
		reached(OTHERWISE);
	}
}

static void check_addresses(const struct envelope *e)
{
	const char *address = e->n_args > 0 ? e->args[0] : "";
	const char *bare = ask(batv_bare, e), *unsigned_address = ask(batv_unsign, e);
	char text[BATV_ADDR_INPUT_MAX + 1];

	must(!unsigned_address || is_unsigned(address, unsigned_address));
	must((bare != NULL) == (e->n_args > 0));
	if (!bare)
		return;
	if (batv_tag_bare(address, strlen(address), text, sizeof text) == BATV_OK)
		address = text;
	must(strcmp(bare, address) == 0);
	reached(BARE);
}

/* Whatever the arguments are, and with right ones: an answer for a condition, or a text. */
static void check_flood(const struct envelope *e)
{
	char *address = e->n_args > 0 ? e->args[0] : (char[]){""};
	struct envelope right = {.n_args = 4};
	const char *answer = ask(batv_flood, e);
	bool turned_away = false;

	must(answer && (!*answer || strcmp(answer, "0") == 0 || strcmp(answer, "1") == 0 ||
			strncmp(answer, "batv: flood=", 12) == 0));
	for (unsigned i = 0; i < 4; i++) {
		right.args[0] = i & 1 ? (char[]){"host"} : (char[]){"rcpt"};
		right.args[1] = address;
		right.args[2] = (char[]){"1 / 10m"};
		right.args[3] = i & 2 ? (char[]){"log"} : (char[]){""};
		answer = ask(batv_flood, &right);
		must(answer && !strchr(answer, '\n'));
		if (i < 2)
			turned_away = strcmp(answer, "1") == 0;
		else /* there is a text for the last one that was turned away */
			must(i == 3 && turned_away ? strncmp(answer, "batv: flood=", 12) == 0
						   : !*answer);
	}
}

static void check_verdict(const struct envelope *e)
{
	const char *verdict = ask(batv_verdict, e), *kind = ask(batv_kind, e);
	unsigned i = 0;

	while (i < BATV_VERDICT_COUNT &&
	       strcmp(verdict, batv_verdict_name((enum batv_verdict)i)) != 0)
		i++;
	must(i < BATV_VERDICT_COUNT);
	if (strcmp(kind, "tagged") == 0)
		reached(TAGGED_KIND);
	else if (strcmp(kind, "bare") == 0)
		reached(BARE_KIND);
	else if (strcmp(kind, "doubt") == 0)
		reached(DOUBT_KIND);
	else
		must(strcmp(kind, "spared") == 0);
}

/* The text and the answer agree; with local_scan(), so does its code. */
static void check_refuse(const struct envelope *e, int code)
{
	static char word[] = "text";
	struct envelope none = {.n_args = 0}, text = {.args = {word}, .n_args = 1};
	const char *answer = ask(batv_refuse, &none), *why = ask(batv_refuse, &text);
	const bool refuses = strcmp(answer, "1") == 0;

	must(refuses || strcmp(answer, "0") == 0);
	must(refuses == (*why != '\0') && is_printable(why));
	must(!refuses || (may_be_judged() && *message_id));
	if (e->scans)
		must(refuses == (code == LOCAL_SCAN_REJECT));
	if (refuses)
		reached(REFUSES);
}

/* ---- one message ---- */

/* Nothing of the last message stays: another one, of a person, comes with a status of somebody. */
static void forget_message(void)
{
	static char nothing[1];
	char envelope[] = "from x@example.net\nip 192.0.2.9\n\n", *rest = envelope;
	struct envelope e;
	uschar *text = NULL;

	take_envelope(&e, &rest);
	header_list = NULL;
	exim_add_header(' ', "X-BATV-Status: none\n", strlen("X-BATV-Status: none\n"));
	message_id = exim_text(EXIM_OTHER_ID);
	take_body(nothing, 0);
	must(local_scan(data_file, &text) == LOCAL_SCAN_ACCEPT);
	header_list = NULL;
	exim_free_all();
	world_restore_memory();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *rest = copy;
	int code = LOCAL_SCAN_ACCEPT;
	struct envelope e;

	must(copy);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	take_envelope(&e, &rest);
	take_header(&rest);
	take_body(rest, (size_t)(copy + size - rest));
	if (e.scans)
		code = scan(&e);
	check_flood(&e);
	check_verdict(&e);
	check_refuse(&e, code);
	check_sign(&e);
	check_addresses(&e);
	if (host_checking) {
		must(world_is_unchanged());
		reached(PLAYED);
	}
	forget_message();
	free(copy);
	return 0;
}
