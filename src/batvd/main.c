/*
 * main.c - batvd's command line.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/safefile.h"
#include "config.h"
#include "daemon.h"

static const char help[] =
	"batvd - makes, publishes and destroys the keys of exim-batv, and decides when a domain\n"
	"refuses backscatter.\n"
	"\n"
	"usage: batvd [-c FILE] [-s DIR] [-f] [-d]\n"
	"  -c FILE     configuration (default " BATV_CONF ")\n"
	"  -s DIR      state directory while the configuration cannot be read (default\n"
	"              " BATV_DIR ")\n"
	"  -f          stay in the foreground (it always does)\n"
	"  -d          log to stderr, with more detail\n"
	"  --version   print the version\n"
	"  -h, --help  print this\n"
	"\n"
	"Signals: SIGHUP reads everything again and publishes, SIGTERM ends.\n"
	"Exit status: 0 ended by a signal, 2 wrong usage or configuration, 3 trouble.\n";

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {NULL, 0, NULL, 0}};
	const char *config = BATV_CONF, *directory = BATV_DIR;
	bool debug = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:s:fdh", longs, NULL)) != -1) {
		switch (c) {
		case 'c': config = optarg; break;
		case 's': directory = optarg; break;
		case 'f': break;
		case 'd': debug = true; break;
		case 'h': fputs(help, stdout); return BATVD_DONE;
		case 'V': puts("batvd " BATV_VERSION); return BATVD_DONE;
		default:
			fprintf(stderr,
				c == ':' ? "batvd: option %s requires an argument; see batvd "
					   "--help\n"
					 : "batvd: unknown option %s; see batvd --help\n",
				argv[optind - 1]);
			return BATVD_CONFIG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "batvd: unexpected argument %s; see batvd --help\n", argv[optind]);
		return BATVD_CONFIG;
	}
	return batv_daemon_run(config, directory, debug);
}
