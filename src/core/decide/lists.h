/*
 * lists.h - what signing and judging share: the context of a decision, and questions to Exim's
 * lists.
 *
 * A list may be a file, a database or the DNS: it is asked only when nothing cheaper has answered,
 * and never when it is empty.
 */
#ifndef BATV_DECIDE_LISTS_H
#define BATV_DECIDE_LISTS_H

#include "decide/state.h"
#include "decide/verdict.h"
#include "evidence/proof.h"

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
	const char *host_name;    /* NULL or "": not known */
	const char *host_address; /* NULL or "": no sending host, a local submission */
	bool authenticated;       /* by SMTP AUTH ($sender_host_authenticated), nothing else */
	bool has_id;              /* it is a real message, not a verification or a test */
	bool own_address;         /* the address to sign is not the message's own sender: our own
				   * configuration put it there (the owner of a mailing list) */
	/* envelope recipients, to see whether one needed the permission to relay; may be NULL */
	const char *(*recipient)(void *ctx, size_t i);
	void *recipient_ctx;
	size_t n_recipients;
};

/* What a decision is made in.  Signing uses state, matcher, origin and now; judging uses all. */
struct batv_context {
	const struct batv_state *state;
	struct batv_memory *memory; /* NULL: none */
	const struct batv_matcher *matcher;
	const struct batv_origin *origin;
	int64_t now; /* one reading per decision */
	bool observe_file;
	bool acl_exempt; /* acl_m_batv = exempt */
	enum batv_class class;
	/*
	 * Asked about a recipient that would fail, and of no other: true when the message proves
	 * itself, *answer then says how.  NULL: there is nothing to ask.
	 */
	bool (*prove)(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer);
	void *prove_ctx;
	/* what is not remembered was not sent: batv_sent_complete_with() */
	bool memory_complete;
};

/*
 * The policy of a domain: the first named one whose domains match, then the default one.
 * *policy is NULL for BATV_NO and BATV_MAYBE.
 */
enum batv_match batv_lists_policy(const struct batv_state *state, const struct batv_matcher *m,
				  const char *domain, const struct batv_policy **policy);

/*
 * May this bare address be signed at all?  One predicate for signer and verifier: what is NO here
 * is never "missing".  *why says which of the rules answers (WHY_SRS, WHY_UNSIGNED_SENDER, or NONE
 * for "does not fit").
 */
enum batv_match batv_lists_may_sign(const struct batv_policy *policy, const struct batv_matcher *m,
				    const struct batv_addr *bare, const char *bare_text,
				    enum batv_reason *why);

/*
 * Trusted: authenticated; or no host and an id; or a host in trusted_hosts; or an envelope
 * recipient (of the first 100) in none of inbound_domains, which only a permission to relay lets
 * in (inbound_domains "": nothing can be told from a recipient).  MAYBE is treated as not trusted,
 * and logged.
 */
enum batv_match batv_lists_trust(const struct batv_policy *policy, const struct batv_matcher *m,
				 const struct batv_origin *origin);

/* The three kinds of look-up.  An empty list never matches, an empty name is in none. */
enum batv_match batv_lists_domain(const struct batv_matcher *m, const char *domain,
				  const char *list);
enum batv_match batv_lists_address(const struct batv_matcher *m, const char *address,
				   const char *list);
enum batv_match batv_lists_host(const struct batv_matcher *m, const struct batv_origin *origin,
				const char *list);

/* NUL-terminated copies; "" and false when it does not fit. */
bool batv_lists_copy(struct batv_span text, char out[static BATV_ADDR_SIZE]);
bool batv_lists_copy_domain(const struct batv_addr *addr,
			    char out[static BATV_ADDR_SIZE]); /* lower case */
/* The form that address lists are asked for: as written, the domain in lower case. */
bool batv_lists_copy_address(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE]);

/* Neither NULL nor "". */
static inline bool batv_lists_is_set(const char *s)
{
	return s && *s;
}

#endif
