/*
 * policy.h - the administrator's settings as typed values, and the two tables of options.  The
 * configuration, the state and the manual are made from these tables.  An option is one row and one
 * field.
 */
#ifndef BATV_DECIDE_POLICY_H
#define BATV_DECIDE_POLICY_H

#include "decide/exim_list.h"
#include "evidence/class.h"
#include "tag/tag.h"

#define BATV_POLICIES_MAX 16
#define BATV_POLICY_NAME_MAX 31 /* letters, digits, "-", "_" */

enum batv_enforcement { BATV_ENFORCE_AUTO, BATV_ENFORCE_OBSERVE, BATV_ENFORCE_REJECT };

/* What happens to one recipient's copy. */
enum batv_action {
	BATV_ACTION_ACCEPT, /* delivered as it is */
	BATV_ACTION_MARK,   /* delivered, with the verdict in its header */
	BATV_ACTION_REMOVE, /* this recipient is removed, others get the message */
	BATV_ACTION_REJECT, /* the whole message is rejected after DATA */
	BATV_ACTION_COUNT
};

/* unproven_autoreply = reject-all: REJECT, also of a message that cites nothing. */
#define BATV_UNPROVEN_REJECT_ALL BATV_ACTION_COUNT

/*
 * One policy.  All text is borrowed from the state or configuration that it was read from.  Lists
 * are Exim lists without a "$", and have only items that exim_list.h allows; "" is the empty list.
 */
struct batv_policy {
	const char *name;
	const char *domains;               /* domain list: protected domains */
	int enforcement;                   /* enum batv_enforcement */
	int tag_style;                     /* enum batv_tag_style */
	int64_t grace;                     /* seconds */
	const char *unsigned_senders;      /* address list */
	const char *unsigned_destinations; /* address list, matched with the recipient */
	const char *unsigned_hosts;        /* host list, matched with the client and the next hop */
	const char *trusted_hosts;         /* host list: their mail is signed */
	const char *inbound_domains;       /* domain list: recipients that anybody may write to */
	bool signing, exempt_authenticated;
	bool exempt_acl;               /* acl_m_batv = exempt is honoured */
	const char *exempt_hosts;      /* host list */
	const char *own_hosts;         /* host list */
	const char *exempt_recipients; /* address list, or local parts with "@*" */
	const char *relay_in_hosts;    /* host list: mark, never reject */
	bool mark_trusted_hosts;       /* the same for trusted_hosts */
	/* enum batv_action: ACCEPT, MARK or REJECT; or BATV_UNPROVEN_REJECT_ALL */
	int unproven[BATV_CLASS_COUNT];
	uint64_t flood_base;       /* proofs from one network, whatever was sent: flood.h */
	uint64_t flood_share;      /* and more for each recipient, in thousandths */
	const char *refusal_text;  /* after "550 5.7.1 " */
	bool result_header;        /* X-BATV-Status on judged messages */
	bool flood_refuse_at_rcpt; /* a flooded untagged recipient, before DATA */
	/* Not options: overrides of the state add to the unsigned senders, or to the unsigned
	 * destinations or hosts. */
	bool more_senders, more_destinations;
};

/* Does some mail of the policy leave untagged because of where it goes, or comes from?  Its bounces
 * come back to the untagged address. */
static inline bool batv_policy_spares_some(const struct batv_policy *p)
{
	return (p->unsigned_destinations && *p->unsigned_destinations) ||
	       (p->unsigned_hosts && *p->unsigned_hosts) || p->more_destinations;
}

/* The same, or because of who sends it. */
static inline bool batv_policy_leaves_untagged(const struct batv_policy *p)
{
	return *p->unsigned_senders || p->more_senders || batv_policy_spares_some(p);
}

/*
 * The options that apply to all policies.  Text is borrowed, as in a policy.  A state has the
 * values that are published, and 0 for the others.
 */
struct batv_global {
	const char *directory;
	const char *exim;         /* command and arguments, split at spaces: find_exim.h */
	const char *legacy_keys;  /* file; "" none */
	const char *notify;       /* address; "" none */
	uint64_t memory_capacity; /* items a day; 0: not known, the memory keeps its capacity */
	int64_t memory_retention; /* seconds */
	uint64_t evidence_bytes;  /* bytes of a body that are searched */
	int64_t key_rotation, key_retention; /* seconds */
	const char *automatic_senders;       /* PCRE2 pattern; "": the built-in comparison */
	const char *fleet;                   /* name; "": this server is alone */
	const char *fleet_servers;           /* servers.h; "" none */
	const char *fleet_user;              /* at these servers; "" none */
	const char *fleet_password_file;     /* "" none */
	const char *fleet_host;              /* this host's name in the fleet; "": its own */
	const char *fleet_directory;
	int64_t fleet_patience; /* seconds */
};

enum batv_option_type {
	BATV_OPT_BOOL,     /* on | off (also yes/no, true/false in the configuration) */
	BATV_OPT_CHOICE,   /* one of `choices`; an int */
	BATV_OPT_DURATION, /* 90s 15m 12h 7d 2w, combined as 1d12h; an int64_t of seconds */
	BATV_OPT_COUNT,    /* 500 100k 2M, in thousands; a uint64_t */
	BATV_OPT_BYTES,    /* 4096 128K 1M, in units of 1024; a uint64_t */
	BATV_OPT_SHARE,    /* 10% 12.5% 0.1 2; a uint64_t of thousandths */
	BATV_OPT_DOMAINS,
	BATV_OPT_ADDRESSES,
	BATV_OPT_HOSTS,   /* Exim lists */
	BATV_OPT_TEXT,    /* one line, printable ASCII, no "$" */
	BATV_OPT_PATH,    /* absolute; "" too if that is the default */
	BATV_OPT_COMMAND, /* the same, with arguments; or "none" */
	BATV_OPT_PATTERN, /* PCRE2; nothing here checks that it compiles */
	BATV_OPT_ADDRESS, /* of a mailbox, in plain characters; "" too */
	BATV_OPT_NAME,    /* letters, digits, ".", "-", "_"; "" too */
	BATV_OPT_SERVERS, /* servers.h; "" too */
};

/* Does the state have a line for the option? */
enum batv_published {
	BATV_NOT_PUBLISHED,
	BATV_PUBLISHED,        /* every state has it */
	BATV_PUBLISHED_LATER,  /* an older state lacks it: the default applies */
	BATV_PUBLISHED_IF_SET, /* text: a state in which it is empty lacks it */
};

#define BATV_OPTION_NAME_SIZE 24
#define BATV_OPTION_PATH_SIZE 4096 /* with its NUL */

/*
 * One row.  It is small and has few pointers, because every Exim process relocates the table, in
 * one page.
 */
struct batv_option {
	char name[BATV_OPTION_NAME_SIZE];
	enum batv_option_type type : 8;
	enum batv_published published : 8; /* of a global option; a policy's are always published */
	bool own;                          /* a named policy must set it and inherits nothing */
	uint16_t offset;                   /* in struct batv_policy or struct batv_global */
	/* The default, as an administrator would write it.  NULL: the value of key_retention. */
	const char *fallback;
	union {
		/* CHOICE: names in the order of their values, "" for a value that nobody can
		 * choose; NULL ends. */
		const char *const *choices;
		struct {
			uint32_t min, max;
		}; /* DURATION, COUNT, BYTES, SHARE */
	};
};

extern const struct batv_option batv_options[]; /* of a policy */
extern const size_t batv_options_count;
extern const struct batv_option batv_globals[]; /* for all policies */
extern const size_t batv_globals_count;

const struct batv_option *batv_option_find(struct batv_span name);
const struct batv_option *batv_option_find_global(struct batv_span name);

/* The same as batv_option_find(), faster if the option is the row after `before` (NULL: the first).
 */
const struct batv_option *batv_option_find_next(struct batv_span name,
						const struct batv_option *before);

/* Returns true if the option is an Exim list; only then is *kind written. */
bool batv_option_is_list(const struct batv_option *opt, enum batv_list_kind *kind);

/*
 * Below, `base` is a struct batv_policy for a row of batv_options, and a struct batv_global for a
 * row of batv_globals.
 */

/*
 * Sets one option from text.  Text options borrow `value`, which must be NUL-terminated and live as
 * long as base.  On error base is unchanged, and *why is a constant text that says what was
 * expected ("expected a time such as 7d or 12h").
 */
enum batv_err batv_option_set(void *base, const struct batv_option *opt, const char *value,
			      const char **why);

/* Writes the value as text that batv_option_set() can read back.  Errors: BATV_E_TOO_LONG. */
enum batv_err batv_option_get(const void *base, const struct batv_option *opt, char *out,
			      size_t size);

/*
 * Returns the text of a list, text, path or pattern; "" if it was never set.  Returns NULL for
 * other types.
 */
const char *batv_option_text(const void *base, const struct batv_option *opt);

/* A valid name has 1 to BATV_POLICY_NAME_MAX letters, digits, "-" or "_". */
bool batv_policy_name_valid(struct batv_span name);

/* Sets all options to their defaults. */
void batv_policy_init(struct batv_policy *policy, const char *name);

/* Sets those to their defaults that are not in `set`, which has a bit for each row. */
void batv_policy_complete(struct batv_policy *policy, uint64_t set);

/* The same for the options of all policies.  If published_only, others are left alone. */
void batv_policy_init_global(struct batv_global *global);
void batv_policy_complete_global(struct batv_global *global, bool published_only, uint64_t set);

/*
 * Reads a time such as "7d", "1d12h" or "90s".  The units are w, d, h, m and s; each may appear
 * once, larger ones first.  A text is refused if it is empty, has no unit, or would overflow.
 * batv_duration_format() writes the same form, without weeks; 48 bytes are enough for any number.
 */
bool batv_duration_parse(struct batv_span s, int64_t *seconds);
void batv_duration_format(int64_t seconds, char *out, size_t size);

/* Writes a share, which is in thousandths, as a percentage: "100%", "12.5%". */
void batv_share_format(uint64_t share, char *out, size_t size);

const char *batv_action_name(enum batv_action a);

#endif
