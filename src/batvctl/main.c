/*
 * main.c - batvctl's command line: options in any place, one subcommand, its arguments.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "decide/servers.h"
#include "ctl_pasted.h"
#include "nearest.h"

const struct batv_ctl_command batv_ctl_commands[] = {
	{"status", "at domains watch nagios", 0, 0,
	 "[--at TIME] [--domains all|LIST] [--watch] [--nagios]",
	 "problems first, then signing, refusing, memory, counters",
	 "--domains adds all that is known, for all domains or for those of the list (a,b).\n"
	 "--watch draws the page again every 2 seconds.  --nagios prints one line; exit status 0 "
	 "OK,\n"
	 "1 WARNING, 2 CRITICAL (no usable state, or keys end within 3 days), 3 UNKNOWN.\n"
	 "Otherwise exit status 1 when there are problems.",
	 batv_ctl_status},
	{"doctor", "dns quiet against", 0, 0, "[--dns] [--quiet] [--against FILE]",
	 "is all of the installation right, and if not, what to do?",
	 "It changes nothing.  --dns also looks at SPF and DMARC; --against compares with FILE, "
	 "which\n"
	 "is what batvctl status --json printed on another server.  Exit status 1 when there is\n"
	 "something to do, 3 when something could not be looked at; advice alone is status 0.\n"
	 "--quiet prints nothing when all is well, for cron.",
	 batv_ctl_doctor},
	{"notify", "dry-run", 0, 0, "[--dry-run]",
	 "mail to the address notify when a domain begins or stops to refuse",
	 "A timer runs it.  It tells what has changed since it told last, in one message, at most "
	 "one a\n"
	 "day for each domain.  --dry-run prints the message, and sends and keeps nothing.",
	 batv_ctl_notify},
	{"metrics", "output", 0, 0, "[-o FILE | --output FILE]",
	 "what status knows, as text for Prometheus",
	 "With -o it replaces FILE as a whole, for the textfile collector of node_exporter: "
	 "mode\n"
	 "0644, by a temporary file beside it.  batv-metrics.timer does that every minute.  Exim "
	 "is\n"
	 "not asked.",
	 batv_ctl_metrics},
	{"check", "", 0, 0, "", "is the configuration right?",
	 "Exim is asked about each named list, too.", batv_ctl_check},
	{"enable", "dry-run yes diff probe mx-unsigns", 0, 0,
	 "[--dry-run] [--yes] [--diff] [--probe ADDRESS] [--mx-unsigns]",
	 "place exim-batv in this machine's Exim, and sign mail",
	 "It tries the new configuration first, places what removes tags before what signs, and\n"
	 "puts back everything if something fails.  --probe sends one signed mail.  Where another\n"
	 "host takes the mail of a domain, nothing is signed: --mx-unsigns says that it removes\n"
	 "tags, too.  A configuration that is not Debian's is not changed: --diff prints what to\n"
	 "add.",
	 batv_ctl_enable},
	{"disable", "remove yes", 0, 0, "[--remove] [--yes]",
	 "stop signing; later, take exim-batv out of Exim",
	 "Bounces to tags that live arrive as before.  --remove, after the last one has died, "
	 "takes\n"
	 "away what enable placed; --yes does so earlier.",
	 batv_ctl_disable},
	{"keys", "at show-secret", 0, 0, "[--at TIME] [--show-secret]",
	 "the keys that live at a time, from the secret file",
	 "Two servers with the same secret file print the same.", batv_ctl_keys},
	{"sign", "at rcpt", 1, 1, "ADDRESS [--rcpt ADDRESS] [--at TIME]",
	 "the address as it would leave in mail of ours",
	 "The first line is the signed address.  Exit status 1 when it would leave bare.",
	 batv_ctl_sign},
	{"verify", "at host", 1, 1, "ADDRESS [--host IP-ADDRESS] [--at TIME]",
	 "the verdict on a bounce to this address from outside", "Exit status 0 for `valid` only.",
	 batv_ctl_verify},
	{"explain", "at rcpt from host brief", 1, 1000,
	 "FILE|DIRECTORY|ID... [--brief] [--rcpt ADDRESS] [--from ADDRESS] [--host IP-ADDRESS] "
	 "[--at TIME]",
	 "what Exim would make of messages, and why",
	 "Class, evidence, look-ups, verdict, action; byte offsets are those of the file (- is\n"
	 "stdin).  ID is a message in Exim's queue, frozen or not, with its envelope.  Of a\n"
	 "DIRECTORY each plain file is one message, and of a Maildir those in new and cur; a sum "
	 "is\n"
	 "at the end.  --brief prints a line for each.  Without a state it shows class and\n"
	 "evidence.  For files without options the envelope is taken from Return-Path, and from\n"
	 "Envelope-To, X-Original-To, Delivered-To or To.  Exit status 1 when a message would be\n"
	 "refused.",
	 batv_ctl_explain},
	{"report", "since until top html csv anonymous", 0, 1000,
	 "[--since 7d] [--until TIME] [--top NUMBER] [--html PAGE] [--csv] [--anonymous] "
	 "[FILE...]",
	 "what was refused and what came back, from Exim's log",
	 "Without FILE it is the last 7 days of this Exim's main log, with what was rotated.  "
	 "Files\n"
	 "may be compressed (.gz, .xz, .zst, .bz2); - is stdin.  Times are those of the log.  "
	 "Logs\n"
	 "from before exim-batv was there are read, too: they show what it would meet.  --html\n"
	 "writes a PAGE with charts, and prints nothing; --csv prints a line for each "
	 "day;\n"
	 "--anonymous shows domains and networks only.",
	 batv_ctl_report},
	{"why", "since until top anonymous", 1, 1001,
	 "ID|ADDRESS|HOST [--since 7d] [--until TIME] [--top NUMBER] [--anonymous] [FILE...]",
	 "why was this refused, or let in?  And what to tell the other side",
	 "ID is Exim's id of a message; ADDRESS a recipient, with a tag (then only this one) or\n"
	 "without (then with any); HOST the sending host, by IP address or name.  Shows each\n"
	 "decision in words, Exim's own lines of that message, and a text for the people at the\n"
	 "other side.  Without FILE it is this Exim's main log, with what was rotated; files may "
	 "be\n"
	 "compressed.  --anonymous shows domains and networks only, and none of Exim's lines.\n"
	 "Exit status 1 when nothing was found.",
	 batv_ctl_why},
	{"remember", "at from-exim-log", 0, 1, "FILE [--at TIME] | --from-exim-log FILE",
	 "add what was sent to the memory",
	 "FILE (- is stdin) has lines MESSAGE-ID ADDRESS.  Of Exim's main log arrivals are taken\n"
	 "(`<=`, with id= and, if log_selector has +received_recipients, `for`) that Exim would\n"
	 "remember: mail of protected domains from those who are trusted; each for its own day.\n"
	 "zcat -f mainlog* | batvctl remember --from-exim-log -\n"
	 "Exit status 1 when something was not remembered, or could not be judged.",
	 batv_ctl_remember},
	{"test", "host", 0, 1, "[ADDRESS] [--host IP-ADDRESS]",
	 "does it work?  Play a true and a forged bounce to Exim",
	 "ADDRESS is signed, and exim -bh plays both bounces from a host outside; nothing is sent\n"
	 "or kept.  Without ADDRESS it is the postmaster of the first domain that can be listed.\n"
	 "Exit status 1 when there is something to do, 3 when it could not be tried.",
	 batv_ctl_test},
	{"enforce", "for anyway", 1, 1 + BATV_OVERRIDES_MAX,
	 "auto|observe|reject [DOMAIN...] [--for TIME] [--anyway]",
	 "refuse, or only observe, from now on or for a while",
	 "observe without a domain stops all refusals.  auto and reject without a domain are for\n"
	 "the policy default.  With --for (3d, 12h) the mode ends by itself.  It goes before\n"
	 "`enforcement` in the configuration, and status shows it; the mode of the configuration\n"
	 "ends it.  auto --anyway DOMAIN lets a domain arm although another server sends for it.\n"
	 "Exit status 1 when a domain is not protected: then nothing was changed.",
	 batv_ctl_enforce},
	{"observe", "fleet end", 0, 0, "[--fleet] [--end]", "refuse nothing, from now on",
	 "By the file `observe` in the state directory; --end removes it.  With --fleet on all "
	 "hosts\n"
	 "of the fleet; hosts that could not be told are named.",
	 batv_ctl_observe},
	{"fleet", "fresh", 1, 1 + BATV_SERVERS_MAX,
	 "status|join ADDRESS...|invite|leave|forget HOST [--fresh]",
	 "one memory for several servers",
	 "First host: batvctl fleet join redis://USER@SERVER:6379/NAME-OF-THE-FLEET (up to four\n"
	 "servers; the password is asked for).  Each other host, on one that is in it:\n"
	 "batvctl fleet invite | ssh root@OTHER batvctl fleet join -\n"
	 "That brings address, password and secrets.  --fresh: the host has never sent mail, so "
	 "that\n"
	 "nobody waits for its past.  leave tells the others; forget is for a host that is gone "
	 "for\n"
	 "good.  status exits with 1 when something is to do.",
	 batv_ctl_fleet_command},
	{"memory", "", 1, 1, "export|import", "what was sent, for another host of the fleet",
	 "batvctl memory export | ssh -C root@OTHER batvctl memory import\n"
	 "For a host that joins, so that it need not wait.  import adds to what is there;\n"
	 "both hosts have the same secrets, memory_capacity and memory_retention.",
	 batv_ctl_memory},
	{"unsigned", "for note", 1, 2, "add|remove|list [ITEM] [--for TIME] [--note TEXT]",
	 "keep a list of whom mail leaves untagged for",
	 "ITEM is a destination (example.org, *.example.org, user@example.org), a sender of ours, "
	 "a\n"
	 "host (192.0.2.1, 192.0.2.0/24), or sender:ADDRESS, destination:ADDRESS, host:NAME.  The\n"
	 "list adds to unsigned_destinations, unsigned_senders and unsigned_hosts of all "
	 "policies.\n"
	 "Bounces of such mail are judged as with those options.  With --for (3d, 12h) the item\n"
	 "ends by itself.  Exit status 1 when nothing was changed.",
	 batv_ctl_unsigned},
	{"exempt", "for note", 1, 2, "add|remove|list [ITEM] [--for TIME] [--note TEXT]",
	 "keep a list of hosts and recipients whose bounces are not refused",
	 "ITEM is a host (192.0.2.1, 192.0.2.0/24, mx.example.org, *.example.org) or a recipient "
	 "of\n"
	 "ours (user@example.com, *@example.com).  The list adds to exempt_hosts and\n"
	 "exempt_recipients of all policies.  With --for (3d, 12h) the item ends by itself.\n"
	 "Exit status 1 when nothing was changed.",
	 batv_ctl_exempt},
	{"rotate", "at revoke", 0, 0, "[--at TIME] [--revoke]",
	 "add a secret, which signs from then on",
	 "Earlier keys stay valid until their day.  --revoke, for stolen secrets, makes all\n"
	 "earlier ones invalid at once; enforcement = auto refuses nothing until bounces of mail\n"
	 "sent before have died out, enforcement = reject refuses those bounces.",
	 batv_ctl_rotate},
	{"secret", "force backup", 1, 1, "export|import|unshare [--force] [--backup]",
	 "hand the secrets to another server, or take them",
	 "batvctl secret export | ssh OTHER batvctl secret import\n"
	 "export --force prints to a terminal; import --force takes secrets that contradict ours.\n"
	 "Both mark the secrets as shared, unless they are this server's own --backup: then "
	 "replies\n"
	 "that cite unknown mail are not refused, because the other server may have sent it.  Use\n"
	 "unshare when no other server has them any longer.",
	 batv_ctl_secret},
};
const size_t batv_ctl_commands_count = sizeof batv_ctl_commands / sizeof batv_ctl_commands[0];

static const struct option longs[] = {
	{"at", required_argument, NULL, BATV_OPTION_AT},
	{"rcpt", required_argument, NULL, BATV_OPTION_RCPT},
	{"host", required_argument, NULL, BATV_OPTION_HOST},
	{"from", required_argument, NULL, BATV_OPTION_FROM},
	{"from-exim-log", required_argument, NULL, BATV_OPTION_EXIM_LOG},
	{"revoke", no_argument, NULL, BATV_OPTION_REVOKE},
	{"force", no_argument, NULL, BATV_OPTION_FORCE},
	{"backup", no_argument, NULL, BATV_OPTION_BACKUP},
	{"for", required_argument, NULL, BATV_OPTION_FOR},
	{"anyway", no_argument, NULL, BATV_OPTION_ANYWAY},
	{"note", required_argument, NULL, BATV_OPTION_NOTE},
	{"fleet", no_argument, NULL, BATV_OPTION_FLEET},
	{"fresh", no_argument, NULL, BATV_OPTION_FRESH},
	{"end", no_argument, NULL, BATV_OPTION_ENDING},
	{"dry-run", no_argument, NULL, BATV_OPTION_DRY_RUN},
	{"yes", no_argument, NULL, BATV_OPTION_YES},
	{"diff", no_argument, NULL, BATV_OPTION_DIFF},
	{"probe", required_argument, NULL, BATV_OPTION_PROBE},
	{"mx-unsigns", no_argument, NULL, BATV_OPTION_MX_UNSIGNS},
	{"remove", no_argument, NULL, BATV_OPTION_REMOVE},
	{"show-secret", no_argument, NULL, BATV_OPTION_SHOW_SECRET},
	{"quiet", no_argument, NULL, BATV_OPTION_QUIET},
	{"dns", no_argument, NULL, BATV_OPTION_DNS},
	{"against", required_argument, NULL, BATV_OPTION_AGAINST},
	{"domains", required_argument, NULL, BATV_OPTION_DOMAINS},
	{"watch", no_argument, NULL, BATV_OPTION_WATCH},
	{"nagios", no_argument, NULL, BATV_OPTION_NAGIOS},
	{"since", required_argument, NULL, BATV_OPTION_SINCE},
	{"until", required_argument, NULL, BATV_OPTION_UNTIL},
	{"top", required_argument, NULL, BATV_OPTION_TOP},
	{"html", required_argument, NULL, BATV_OPTION_HTML},
	{"csv", no_argument, NULL, BATV_OPTION_CSV},
	{"anonymous", no_argument, NULL, BATV_OPTION_ANONYMOUS},
	{"brief", no_argument, NULL, BATV_OPTION_BRIEF},
	{"output", required_argument, NULL, BATV_OPTION_OUTPUT},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"config", required_argument, NULL, 'c'},
	{"color", required_argument, NULL, 'C'},
	{NULL, 0, NULL, 0}};

struct given {
	bool options[BATV_OPTION_END - BATV_OPTION_AT];
	const char *at, *color;
	bool help, version;
};

static void print_help(FILE *out)
{
	fputs("batvctl - shows and changes what exim-batv does\n"
	      "\n"
	      "usage: batvctl [-c FILE] [--json] COMMAND ...\n",
	      out);
	for (size_t i = 0; i < batv_ctl_commands_count; i++)
		fprintf(out, "  %-8s %s\n", batv_ctl_commands[i].name, batv_ctl_commands[i].help);
	fputs("\n"
	      "  -c FILE    configuration (default " BATV_CONF ")\n"
	      "  --json     print JSON; times are seconds since 1970\n"
	      "  --at TIME  now, 2026-12-01, \"2026-12-01 12:00\" (UTC), +3d, -1d, @EPOCH\n"
	      "  --color=auto|always|never  NO_COLOR in the environment means never\n"
	      "  --version  print the version\n"
	      "  -h         print this; batvctl COMMAND -h says more\n"
	      "\n"
	      "Exit status: 0 yes, 1 no, 2 wrong usage or configuration, 3 trouble.\n",
	      out);
}

static int take_option(int c, struct batv_ctl *ctl, struct given *given)
{
	switch (c) {
	case 'c': ctl->config_path = optarg; break;
	case 'j': ctl->json = true; break;
	case 'h': given->help = true; break;
	case 'V': given->version = true; break;
	case 'C': given->color = optarg; break;
	case BATV_OPTION_AT: given->at = optarg; break;
	case BATV_OPTION_RCPT: ctl->rcpt = optarg; break;
	case BATV_OPTION_HOST: ctl->host = optarg; break;
	case BATV_OPTION_FROM: ctl->from = optarg; break;
	case BATV_OPTION_EXIM_LOG: ctl->exim_log = optarg; break;
	case BATV_OPTION_REVOKE: ctl->revoke = true; break;
	case BATV_OPTION_FORCE: ctl->force = true; break;
	case BATV_OPTION_BACKUP: ctl->backup = true; break;
	case BATV_OPTION_FOR: ctl->lasting = optarg; break;
	case BATV_OPTION_NOTE: ctl->note = optarg; break;
	case BATV_OPTION_FLEET: ctl->fleet_wide = true; break;
	case BATV_OPTION_FRESH: ctl->fresh = true; break;
	case BATV_OPTION_ENDING: ctl->end = true; break;
	case BATV_OPTION_ANYWAY: ctl->anyway = true; break;
	case BATV_OPTION_DRY_RUN: ctl->dry_run = true; break;
	case BATV_OPTION_YES: ctl->yes = true; break;
	case BATV_OPTION_DIFF: ctl->diff = true; break;
	case BATV_OPTION_PROBE: ctl->probe = optarg; break;
	case BATV_OPTION_MX_UNSIGNS: ctl->mx_unsigns = true; break;
	case BATV_OPTION_REMOVE: ctl->remove = true; break;
	case BATV_OPTION_SHOW_SECRET: ctl->show_secret = true; break;
	case BATV_OPTION_QUIET: ctl->quiet = true; break;
	case BATV_OPTION_DNS: ctl->dns = true; break;
	case BATV_OPTION_AGAINST: ctl->against = optarg; break;
	case BATV_OPTION_DOMAINS: ctl->domains = optarg; break;
	case BATV_OPTION_WATCH: ctl->watch = true; break;
	case BATV_OPTION_NAGIOS: ctl->nagios = true; break;
	case BATV_OPTION_SINCE: ctl->since = optarg; break;
	case BATV_OPTION_UNTIL: ctl->until = optarg; break;
	case BATV_OPTION_TOP: ctl->top = optarg; break;
	case BATV_OPTION_HTML: ctl->html = optarg; break;
	case BATV_OPTION_CSV: ctl->csv = true; break;
	case BATV_OPTION_ANONYMOUS: ctl->anonymous = true; break;
	case BATV_OPTION_BRIEF: ctl->brief = true; break;
	case BATV_OPTION_OUTPUT: ctl->output = optarg; break;
	default: return BATV_CTL_USAGE;
	}
	if (c >= BATV_OPTION_AT)
		given->options[c - BATV_OPTION_AT] = true;
	return BATV_CTL_YES;
}

static const struct batv_ctl_command *find_command(const char *name)
{
	for (size_t i = 0; i < batv_ctl_commands_count; i++)
		if (strcmp(batv_ctl_commands[i].name, name) == 0)
			return &batv_ctl_commands[i];
	return NULL;
}

static bool is_among(struct batv_span words, const char *word)
{
	struct batv_span w;

	while ((w = batv_span_next_word(&words)).len > 0)
		if (batv_span_equal(w, batv_span_of(word)))
			return true;
	return false;
}

/* The first option that is not valid with the command; NULL: all are. */
static const char *misplaced(const struct given *given, const struct batv_ctl_command *cmd)
{
	for (size_t i = 0; longs[i].name; i++)
		if (longs[i].val >= BATV_OPTION_AT &&
		    given->options[longs[i].val - BATV_OPTION_AT] &&
		    !is_among(batv_span_of(cmd->options), longs[i].name))
			return longs[i].name;
	return NULL;
}

static int __attribute__((format(printf, 2, 3)))
usage(const struct batv_ctl_command *cmd, const char *format, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	return batv_ctl_fail(BATV_CTL_USAGE, "%s: %s; usage: batvctl %s %s", cmd->name, what,
			     cmd->name, cmd->usage);
}

/* --host, --rcpt and --from */
static int check_envelope(struct batv_ctl *ctl, const struct batv_ctl_command *cmd)
{
	static char rcpt[BATV_PASTED_SIZE], from[BATV_PASTED_SIZE];
	struct in6_addr address;
	int code;

	if (ctl->host && inet_pton(AF_INET, ctl->host, &address) != 1 &&
	    inet_pton(AF_INET6, ctl->host, &address) != 1)
		return usage(cmd, "--host: expected an IP address, not %s", ctl->host);
	code = batv_ctl_pasted_argument(cmd->name, &ctl->rcpt, rcpt);
	return code ? code : batv_ctl_pasted_argument(cmd->name, &ctl->from, from);
}

static int run(struct batv_ctl *ctl, const struct given *given, const struct batv_ctl_command *cmd,
	       char **args, int n)
{
	const char *wrong = misplaced(given, cmd);

	int code;

	if (given->help) {
		printf("usage: batvctl %s %s\n%s\n%s\n", cmd->name, cmd->usage, cmd->help,
		       cmd->more);
		return BATV_CTL_YES;
	}
	if (wrong)
		return usage(cmd, "option --%s is not valid here", wrong);
	if (n < cmd->min)
		return usage(cmd, "an argument is missing");
	if (n > cmd->max)
		return usage(cmd, "unexpected argument %s", args[cmd->max]);
	ctl->clock = (int64_t)time(NULL);
	ctl->now = ctl->clock;
	ctl->at_given = given->at != NULL;
	if (given->at && !batv_ctl_time_parse(given->at, ctl->clock, &ctl->now))
		return usage(cmd,
			     "--at: expected now, 2026-12-01, \"2026-12-01 12:00\" (UTC), +3d, "
			     "-1d or @EPOCH, not %s",
			     given->at);
	code = check_envelope(ctl, cmd);
	return code ? code : cmd->run(ctl, args, n);
}

/* What getopt_long() did not take: says which option was meant. */
static int unknown_option(const char *word)
{
	struct batv_nearest search;
	char name[BATV_NEAREST_MAX + 1];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
	batv_nearest_start(&search, name + strspn(name, "-"));
	for (size_t i = 0; longs[i].name && strncmp(word, "--", 2) == 0; i++)
		batv_nearest_try(&search, longs[i].name);
	if (search.best)
		return batv_ctl_fail(BATV_CTL_USAGE, "unknown option %s; did you mean --%s?", name,
				     search.best);
	return batv_ctl_fail(BATV_CTL_USAGE, "unknown option %s; see batvctl -h", word);
}

static int unknown_command(const char *word)
{
	struct batv_nearest search;

	batv_nearest_start(&search, word);
	for (size_t i = 0; i < batv_ctl_commands_count; i++)
		batv_nearest_try(&search, batv_ctl_commands[i].name);
	if (search.best)
		return batv_ctl_fail(BATV_CTL_USAGE, "unknown command %s; did you mean %s?", word,
				     search.best);
	return batv_ctl_fail(BATV_CTL_USAGE, "unknown command %s; see batvctl -h", word);
}

static int take_options(int argc, char **argv, struct batv_ctl *ctl, struct given *given)
{
	enum batv_ctl_color color = BATV_COLOR_AUTO;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:ho:", longs, NULL)) != -1)
		if (take_option(c == 'o' ? BATV_OPTION_OUTPUT : c, ctl, given))
			return c == ':' ? batv_ctl_fail(BATV_CTL_USAGE,
							"option %s requires an argument; see "
							"batvctl -h",
							argv[optind - 1])
					: unknown_option(argv[optind - 1]);
	if (given->color && !batv_ctl_terminal_color(given->color, &color))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "--color: expected auto, always or never, not %s",
				     given->color);
	batv_ctl_terminal_look(STDOUT_FILENO, color, &ctl->terminal);
	return BATV_CTL_YES;
}

/* Finds the command among the n words.  `batvctl help COMMAND` is `batvctl COMMAND -h`. */
static int run_words(struct batv_ctl *ctl, struct given *given, char **words, int n)
{
	const struct batv_ctl_command *cmd;

	if (n > 0 && strcmp(words[0], "help") == 0) {
		given->help = true;
		words++, n--;
	}
	if (n == 0) {
		print_help(given->help ? stdout : stderr);
		return given->help ? BATV_CTL_YES
				   : batv_ctl_fail(BATV_CTL_USAGE, "a command is missing");
	}
	cmd = find_command(words[0]);
	return cmd ? run(ctl, given, cmd, words + 1, n - 1) : unknown_command(words[0]);
}

int main(int argc, char **argv)
{
	static struct batv_ctl ctl = {.config_path = BATV_CONF, .store.dirfd = -1};
	struct given given = {0};
	int code;

	/* It reads keys: no core file, and no look from another process of its user. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	code = take_options(argc, argv, &ctl, &given);
	if (code)
		return code;
	if (given.version)
		return puts("batvctl " BATV_VERSION) == EOF;
	code = run_words(&ctl, &given, argv + optind, argc - optind);
	if (ctl.json && code != BATV_CTL_YES)
		batv_ctl_fail_in_json();
	batv_fleet_known_free(&ctl.fleet);
	batv_config_free(&ctl.config);
	batv_store_close(&ctl.store);
	if (fflush(stdout) != 0 || ferror(stdout))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "cannot write the answer");
	return code;
}
