/*
 * installation.h - which Exim is this, how is it configured, and what of exim-batv does the
 * configuration have that it reads?  enable, test, status and doctor all ask here.
 *
 * Exim itself is asked (-bV, -bP, -be), never its files: what counts is what Exim reads.
 */
#ifndef BATV_INSTALLATION_H
#define BATV_INSTALLATION_H

#include "decide/judge.h"
#include "exim_user.h"

#define BATV_ETC_EXIM "/etc/exim4" /* Debian's; the paths below it are in pieces.h */

/* What this Exim can do with a module. */
enum batv_exim_kind {
	BATV_EXIM_NEITHER,     /* no module, no functions of ours */
	BATV_EXIM_COMPILED_IN, /* exim-batv is in it */
	BATV_EXIM_HEAVY,       /* ${dlfunc} and local_scan_path, as Debian's exim4-daemon-heavy */
	BATV_EXIM_LIGHT,       /* local_scan_path alone, as Debian's exim4-daemon-light */
	BATV_EXIM_FUNCTIONS,   /* ${dlfunc} alone */
};

enum batv_exim_layout {
	BATV_LAYOUT_PLAIN,   /* a file that the administrator writes */
	BATV_LAYOUT_SPLIT,   /* Debian's update-exim4.conf, from conf.d */
	BATV_LAYOUT_UNSPLIT, /* Debian's update-exim4.conf, from exim4.conf.template */
};

/* Exim's configuration as it is now; all "" and false where Exim cannot read it. */
struct batv_installed {
	char unsign[1024];        /* domainlist batv_unsign: tags are taken off in these */
	char sign[1024];          /* domainlist batv_sign: local_scan() signs */
	char local_scan[1024];    /* local_scan_path */
	char directory[1024];     /* domainlist batv_dir */
	char first_router[128];   /* the first of router_list */
	bool unsign_router;       /* there is a router batv_unsign */
	char system_filter[1024]; /* the option system_filter */
	bool own_filter;       /* the macro BATV_OWN_SYSTEM_FILTER: our rules are in that filter */
	char transports[1024]; /* those that sign, each followed by a space */
	char signing_routers[1024]; /* the same */
	char foreign[256];   /* what signs or checks tags and is not ours: "router x: errors_to" */
	char module[1024];   /* the macro BATV_SO */
	char snippets[1024]; /* the macro BATV_SNIPPETS */
	/* Macros that are not set by us; "" if they are, or are not set. */
	char own_return_path[1024]; /* REMOTE_SMTP_RETURN_PATH */
	char own_acl_rcpt[1024];    /* MAIN_ACL_CHECK_RCPT */
	char own_rcpt_file[1024];   /* CHECK_RCPT_LOCAL_ACL_FILE */
	char own_data_file[1024];   /* CHECK_DATA_LOCAL_ACL_FILE */
};

struct batv_installation {
	char exim[1024];    /* the program, without arguments; "": there is none */
	char command[4096]; /* with the arguments of exim-batv.conf */
	char version[64];   /* "4.96" */
	char package[200];  /* "exim4-daemon-heavy"; "" if dpkg does not know it */
	char package_version[100];
	enum batv_exim_kind kind;
	enum batv_exim_layout layout;
	char configuration[1024]; /* the file that Exim reads */
	char broken[300];         /* why Exim cannot read it; "" if it can */
	struct batv_exim_user user;
	char hostname[256]; /* primary_hostname */

	/* of Debian's update-exim4.conf.conf; "" elsewhere */
	char configtype[64], smarthost[1024], readhost[256], local_delivery[100];
	bool hide_mailname;

	struct batv_installed has;

	char module[1024];            /* the module that is or would be used; "": none was found */
	enum batv_match module_loads; /* MAYBE: this could not be tried */
	char module_why[300];         /* if it is not YES */
	char snippets[1024];          /* the directory of the snippets; "": none was found */
};

/*
 * Fills *inst.  `exim` is the option of exim-batv.conf, and config_path is the file that sets it,
 * as for batv_ask_exim_init().  Returns false if there is no Exim that may be run; `why` says so.
 */
bool batv_installation_find(const char *exim, const char *config_path,
			    struct batv_installation *inst, char *why, size_t size);

/* Fills only exim and command: for a caller that runs Exim, and asks it nothing. */
bool batv_installation_program(const char *exim, const char *config_path,
			       struct batv_installation *inst, char *why, size_t size);

/* Reads inst->has and inst->broken again, after the configuration changed. */
void batv_installation_look(struct batv_installation *inst);

/* "exim4-daemon-heavy", or what the kind is called if there is no package. */
const char *batv_installation_kind_name(const struct batv_installation *inst);
const char *batv_installation_layout_name(const struct batv_installation *inst);

/* Is un-signing in place, by the router or by local_scan()?  Is signing? */
bool batv_installation_unsigns(const struct batv_installation *inst);
bool batv_installation_signs(const struct batv_installation *inst);

/*
 * The domains of a domain list that can be listed: names, "@", and named lists of such.  `more`
 * says that the list has items that cannot (patterns, look-ups).
 */
struct batv_listed_domains {
	size_t n;
	bool more;
	char names[64][256];
};
void batv_installation_domains(const struct batv_installation *inst, const char *list,
			       struct batv_listed_domains *out);

/*
 * Runs Exim with these arguments (at most 20) after those of its command, as batv_run() does. `as`:
 * see there; a batv_ran in run.h.
 */
struct batv_ran;
bool batv_installation_run(const struct batv_installation *inst, const char *const *args,
			   const char *input, const struct batv_exim_user *as,
			   struct batv_ran *ran);

/* Finds NAME='value' in a file of shell variables.  (Public for the tests.) */
bool batv_installation_setting(const char *text, const char *name, char *out, size_t size);

#endif
