/*
 * main.c - batv-fleet's command line.
 */
#include <getopt.h>
#include <stdio.h>

#include "fleet_daemon.h"
#include "server_check.h"
#include "store.h"

enum { FLEET_DONE = 0, FLEET_TROUBLE = 1, FLEET_CONFIG = 2 };

static const char help[] =
	"batv-fleet - shares what this server sends with the other servers of its fleet.\n"
	"\n"
	"usage: batv-fleet [-c FILE] [-f] [-d] [--check | --acl]\n"
	"  -c FILE     configuration (default " BATV_CONF ")\n"
	"  -f          stay in the foreground (it always does)\n"
	"  -d, --debug log to stderr, with more detail\n"
	"  --check     ask each server of fleet_servers whether it can be used, and end\n"
	"  --acl       print the user that the fleet needs at its servers, as a line of an\n"
	"              ACL file, and end\n"
	"  --version   print the version\n"
	"  -h, --help  print this\n"
	"\n"
	"Signals: SIGHUP reads the configuration again, SIGTERM ends.\n"
	"Exit status: 0 ended by a signal, or all is in order; 1 a server cannot be used;\n"
	"2 wrong usage or configuration, 3 trouble.\n";

static int load(const char *path, struct batv_setup *setup)
{
	char message[BATV_MESSAGE_SIZE];

	if (batv_setup_load(path, setup, message, sizeof message) == BATV_OK)
		return FLEET_DONE;
	if (*message)
		fprintf(stderr, "batv-fleet: %s\n", message);
	else
		fprintf(stderr,
			"batv-fleet: %s has no fleet, so there is nothing to do; see \"fleet\" in "
			"exim-batv.conf(5)\n",
			path);
	return FLEET_CONFIG;
}

static int check(const char *path)
{
	static struct batv_setup setup;
	int code = load(path, &setup);

	if (code != FLEET_DONE)
		return code;
	code = batv_server_check(&setup) ? FLEET_DONE : FLEET_TROUBLE;
	batv_setup_free(&setup);
	return code;
}

static int print_acl(const char *path)
{
	static struct batv_setup setup;
	char acl[500];
	int code = load(path, &setup);

	if (code != FLEET_DONE)
		return code;
	batv_engine_text_acl(setup.engine.fleet, "PASSWORD", acl, sizeof acl);
	printf("user %s %s\n", *setup.engine.user ? setup.engine.user : "default", acl);
	batv_setup_free(&setup);
	return FLEET_DONE;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"debug", no_argument, NULL, 'd'},   {"check", no_argument, NULL, 'C'},
		{"acl", no_argument, NULL, 'A'},     {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
	const char *config = BATV_CONF;
	int (*job)(const char *) = NULL;
	bool debug = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:fdh", longs, NULL)) != -1) {
		switch (c) {
		case 'c': config = optarg; break;
		case 'f': break;
		case 'd': debug = true; break;
		case 'C': job = check; break;
		case 'A': job = print_acl; break;
		case 'h': fputs(help, stdout); return FLEET_DONE;
		case 'V': puts("batv-fleet " BATV_VERSION); return FLEET_DONE;
		default:
			fprintf(stderr,
				c == ':' ? "batv-fleet: option %s requires an argument; see "
					   "batv-fleet --help\n"
					 : "batv-fleet: unknown option %s; see batv-fleet --help\n",
				argv[optind - 1]);
			return FLEET_CONFIG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "batv-fleet: unexpected argument %s; see batv-fleet --help\n",
			argv[optind]);
		return FLEET_CONFIG;
	}
	return job ? job(config) : batv_fleet_daemon_run(config, debug);
}
