/*
 * judge.h - gathers the facts of an address from state, memory and lists, and asks
 * verdict.c.  The same code for local_scan(), the dlfunc functions and batvctl: they differ
 * only in the matcher, which knows how to look into an Exim list.
 */
#ifndef BATV_DECIDE_JUDGE_H
#define BATV_DECIDE_JUDGE_H

#include "decide/state.h"
#include "decide/verdict.h"
#include "evidence/proof.h"
#include "memory/counters.h"

/* Who asks an Exim list.  `list` is never "" or NULL.  Doubt is BATV_MAYBE, never a guess. */
struct batv_matcher {
	void *ctx;
	enum batv_match (*domain)(void *ctx, const char *domain, const char *list);
	enum batv_match (*address)(void *ctx, const char *address, const char *list);
	/* name may be NULL (not known, or not looked up yet) */
	enum batv_match (*host)(void *ctx, const char *name, const char *address, const char *list);
};

/* Where a message comes from. */
struct batv_origin {
	const char *host_name;		/* NULL or "": not known */
	const char *host_address;	/* NULL or "": no sending host, a local submission */
	bool authenticated;		/* by SMTP AUTH ($sender_host_authenticated), nothing else */
	bool has_id;			/* it is a real message, not a verification or a test */
	bool own_address;		/* the address to sign is not the message's own sender: our own
					 * configuration put it there (the owner of a mailing list) */
	/* envelope recipients, to see whether one needed the permission to relay; may be NULL */
	const char *(*recipient)(void *ctx, size_t i);
	void *recipient_ctx;
	size_t n_recipients;
};

struct batv_judge {
	const struct batv_state *state;
	struct batv_memory *memory;	/* NULL: none */
	const struct batv_matcher *matcher;
	const struct batv_origin *origin;
	int64_t now;			/* one reading per decision */
	bool observe_file;
	bool acl_exempt;		/* acl_m_batv = exempt */
	enum batv_class class;
	/*
	 * Asked about a recipient that would fail, and of no other: true when the message proves
	 * itself, *answer then says how.  NULL: there is nothing to ask.
	 */
	bool (*prove)(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer);
	void *prove_ctx;
	bool memory_complete;		/* what is not remembered was not sent: batv_memory_complete() */
};

/* Everything about one recipient, for the log line, batvctl, and the header. */
struct batv_judgement {
	struct batv_finding finding;
	const struct batv_policy *policy;	/* NULL: not ours, or not known */
	const struct batv_key *key;		/* of a valid tag; NULL: none, or a legacy key */
	struct batv_proof_answer proof;		/* of a remembered one */
	bool tagged;
	char bare[BATV_ADDR_SIZE];		/* "" when it is no address */
	char domain[BATV_ADDR_SIZE];		/* lower case */
};

/*
 * The policy of a domain: the first named one whose domains match, then the default one.
 * *policy is NULL for BATV_NO and BATV_MAYBE.
 */
enum batv_match batv_policy_of(const struct batv_state *state, const struct batv_matcher *m,
			       const char *domain, const struct batv_policy **policy);

/*
 * Verdict and own action of one recipient; follow it by batv_decide over all of them.  What is no
 * address is unsignable, without a policy, and accepted.  Lists are asked only as far as needed.
 */
void batv_judge_recipient(const struct batv_judge *judge, const char *rcpt,
			  struct batv_judgement *out);

/*
 * What may be told of a bounce's recipient before DATA.  No key is asked and no MAC computed, so neither the answer
 * nor its time says what a tag is worth.
 */
enum batv_kind {
	BATV_KIND_SPARED,	/* no bounce to it is refused now, whatever it holds */
	BATV_KIND_TAGGED,	/* has the shape of a tag of ours: refused unless the tag is right */
	BATV_KIND_BARE,		/* refused unless the message proves itself */
	BATV_KIND_DOUBT,	/* a list could not be looked up: not refused, but who knows for how long */
};

/* Follows batv_judge_recipient() for every class; judge->class and judge->prove are not looked at. */
enum batv_kind batv_recipient_kind(const struct batv_judge *judge, const char *rcpt);
const char *batv_kind_name(enum batv_kind kind);	/* "spared" */

/*
 * May this bare address be signed at all?  One predicate for signer and verifier: what is NO here
 * is never "missing".  *why says which of the rules answers (WHY_SRS, WHY_UNSIGNED_SENDER, or NONE for
 * "does not fit").
 */
enum batv_match batv_may_be_signed(const struct batv_policy *policy, const struct batv_matcher *m,
				   const struct batv_addr *bare, const char *bare_text,
				   enum batv_reason *why);

/*
 * Trusted: authenticated; or no host and an id; or a host in trusted_hosts; or an envelope
 * recipient (of the first 100) in none of inbound_domains, which only a permission to relay lets in
 * (inbound_domains "": nothing can be told from a recipient).  MAYBE is treated as not trusted, and logged.
 */
enum batv_match batv_is_trusted(const struct batv_policy *policy, const struct batv_matcher *m,
				const struct batv_origin *origin);

/* Why an address was left bare, or that it was signed. */
enum batv_sign_answer {
	BATV_SIGNED,
	BATV_LEFT_NULL_SENDER, BATV_LEFT_NO_ADDRESS, BATV_LEFT_NOT_OURS, BATV_LEFT_OFF,
	BATV_LEFT_TAGGED,	/* carries the shape of a tag of ours already */
	BATV_LEFT_SRS, BATV_LEFT_UNSIGNED_SENDER, BATV_LEFT_DESTINATION, BATV_LEFT_UNSIGNABLE,
	BATV_LEFT_UNTRUSTED,
	BATV_LEFT_DOUBT,	/* a list deferred: log it */
	BATV_LEFT_NO_KEY,	/* no key is current: the state ran out; log it */
	BATV_SIGN_COUNT
};

struct batv_signing {
	enum batv_sign_answer answer;
	const struct batv_policy *policy;
	const struct batv_key *key;		/* of a new tag, or of the valid one it carries */
	bool carries_valid_tag;			/* LEFT_TAGGED, and right and alive; false before DATA */
	char domain[BATV_ADDR_SIZE];		/* lower case; "" unless it is an address */
	char address[BATV_ADDR_SIZE];		/* SIGNED: the tagged address; else "" */
};

/*
 * Sign a reverse-path.  recipient: "" when not known; arrival: 0 when not known (then, and
 * when origin->has_id is false, nothing is taken for granted of the message, and no MAC is compared).
 * Leaves no trace: what was seen at a transport is counted by the caller (memory/counters.h).
 */
void batv_sign_address(const struct batv_judge *judge, const char *address, const char *recipient,
		       int64_t arrival, struct batv_signing *out);

const char *batv_sign_answer_name(enum batv_sign_answer a);	/* "left:destination" and so on */

#endif
