/*
 * lists.h - the parts that signing and judging share: the context of a decision, and questions to
 * Exim's lists.
 *
 * A list may be a file, a database or the DNS.  So it is asked only if nothing cheaper has
 * answered, and never if it is empty.
 */
#ifndef BATV_DECIDE_LISTS_H
#define BATV_DECIDE_LISTS_H

#include "decide/complete.h"
#include "decide/state.h"
#include "decide/verdict.h"
#include "evidence/proof.h"

/* Functions that ask an Exim list.  `list` is never "" or NULL.  In doubt they say BATV_MAYBE; they
 * never guess. */
struct batv_matcher {
	void *ctx;
	enum batv_match (*domain)(void *ctx, const char *domain, const char *list);
	enum batv_match (*address)(void *ctx, const char *address, const char *list);
	/* name is NULL if it is not known or not looked up yet */
	enum batv_match (*host)(void *ctx, const char *name, const char *address, const char *list);
};

/* Where a message comes from. */
struct batv_origin {
	const char *host_name;    /* NULL or "": not known */
	const char *host_address; /* NULL or "": no sending host, a local submission */
	bool authenticated;       /* by SMTP AUTH ($sender_host_authenticated), nothing else */
	bool has_id;              /* this is a real message, not a verification or a test */
	bool own_address;         /* the address to sign is not the message's own sender; our
				   * configuration set it (such as a mailing list's owner) */
	/* at a transport: the host that the message goes to; NULL or "": not known */
	const char *next_name, *next_address;
	bool batch; /* at a transport: one delivery for several recipients */
	/* the envelope recipients, to see whether one needed permission to relay; may be NULL */
	const char *(*recipient)(void *ctx, size_t i);
	void *recipient_ctx;
	size_t n_recipients;
	const char *address; /* the one that is asked about; NULL: the message as a whole */
	/*
	 * Is the address, or the message, a stranger's all the same?  By what an ACL says, and if
	 * `traced`, by the message's trace (evidence/trace.h).  Called only if all the rest is
	 * trusted.  NULL: no.
	 */
	enum batv_match (*strangers)(const struct batv_origin *origin,
				     const struct batv_policy *policy, bool traced);
	const void *strangers_ctx;
};

/* What a decision is made in.  Signing uses state, matcher, origin and now; judging uses all. */
struct batv_context {
	const struct batv_state *state;
	struct batv_memory *memory; /* NULL: none */
	const struct batv_matcher *matcher;
	const struct batv_origin *origin;
	int64_t now; /* seconds since the epoch; the clock is read once per decision */
	bool observe_file;
	bool acl_exempt; /* acl_m_batv = exempt */
	/* By its trace the message was fetched from a mailbox elsewhere, and this is its first
	 * pass; or it has passed here before. */
	bool fetched, passed_before;
	/* Did a relay of ours send untagged mail of this domain lately?  Asked only if a refusal
	 * depends on it.  NULL: no. */
	bool (*relay_sends)(void *ctx, const char *domain);
	void *relay_sends_ctx;
	enum batv_class class;
	/*
	 * Called only for a recipient that would fail.  Returns true if the message proves itself;
	 * then *answer says how.  It may have a hint if the result is false.  NULL: there is
	 * nothing to ask.
	 */
	bool (*prove)(void *ctx, const struct batv_addr *bare, struct batv_proof_answer *answer);
	void *prove_ctx;
	/*
	 * Asked only if a refusal depends on it: what does the memory lack to be complete for this
	 * domain?  for_dsn: see complete.h.  NULL: it is not complete.
	 */
	enum batv_lack (*lacks)(void *ctx, const char *domain, bool for_dsn);
	void *lacks_ctx;
	/* Of a fleet (barrier.h): the memory has what the others had sent when the message came; or
	 * it has not, so it disproves nothing.  Neither: nobody has looked yet. */
	bool fleet_there, fleet_behind;
};

/*
 * Finds the policy of a domain: the first named policy whose domains match, then the default one.
 * *policy points into state; it is NULL for BATV_NO and BATV_MAYBE.  A domain with bytes above 127
 * is BATV_MAYBE if nothing here can convert it (BATV_E_NO_IDN).
 */
enum batv_match batv_lists_policy(const struct batv_state *state, const struct batv_matcher *m,
				  const char *domain, const struct batv_policy **policy);

/*
 * Says whether this untagged address may be signed at all.  The signer and the verifier both ask
 * this: an address that is BATV_NO here never has the verdict "missing".  *why names the rule that
 * says no: BATV_WHY_SRS, BATV_WHY_UNSIGNED_SENDER, or BATV_WHY_NONE if a tag does not fit.
 */
enum batv_match batv_lists_may_sign(const struct batv_context *context,
				    const struct batv_policy *policy, const struct batv_addr *bare,
				    const char *bare_text, enum batv_reason *why);

/* What decided about trust, if a caller must know it. */
enum batv_trust {
	BATV_TRUST_OTHER,
	BATV_TRUST_RELAYING, /* yes: a recipient needs permission to relay, and nothing else */
	BATV_TRUST_RELAY_IN, /* no: the host brings mail of strangers */
};

/*
 * Says whether the origin is trusted to send mail in our name.  The first of these decides:
 *  - Our own configuration set the address (own_address): yes.
 *  - An ACL says "untrusted": no.
 *  - It is authenticated: yes.
 *  - Its host is in relay_in_hosts: no.
 *  - By its trace it was fetched or is a stranger's: no.  The trace is asked if there is no host,
 *    or if the host is in trusted_hosts or own_hosts.
 *  - It has no host, and an id: a local submission: yes.
 *  - Its host is in trusted_hosts: yes.
 *  - One of the first 100 envelope recipients is not in inbound_domains.  Such a recipient needs
 *    permission to relay: yes.  If inbound_domains is "", this says nothing.
 * Callers treat BATV_MAYBE as not trusted, and log it.  *why is always written.
 */
enum batv_match batv_lists_trust_why(const struct batv_policy *policy, const struct batv_matcher *m,
				     const struct batv_origin *origin, enum batv_trust *why);
enum batv_match batv_lists_trust(const struct batv_policy *policy, const struct batv_matcher *m,
				 const struct batv_origin *origin);

/*
 * The same for an address whose policy could not be looked up: BATV_YES if every policy that this
 * address may have trusts the origin, BATV_NO if none does, otherwise BATV_MAYBE.
 */
enum batv_match batv_lists_trust_any_policy(const struct batv_state *state,
					    const struct batv_matcher *m,
					    const struct batv_origin *origin);

/*
 * Ask one list.  An empty list never matches, and an empty name is in no list.  A domain with an
 * A-label is also asked for in its other form, if the first answer is BATV_NO.
 */
enum batv_match batv_lists_domain(const struct batv_matcher *m, const char *domain,
				  const char *list);
enum batv_match batv_lists_address(const struct batv_matcher *m, const char *address,
				   const char *list);
enum batv_match batv_lists_host(const struct batv_matcher *m, const struct batv_origin *origin,
				const char *list);

/* The same, of the list of a policy and of the items that overrides add to it, until they end. */
enum batv_match batv_lists_more_addresses(const struct batv_context *context, const char *address,
					  const char *list, enum batv_override_key key);
enum batv_match batv_lists_more_hosts(const struct batv_context *context,
				      const struct batv_origin *origin, const char *list,
				      enum batv_override_key key);

/* Write NUL-terminated copies.  Return false, and write "", if the text does not fit. */
bool batv_lists_copy(struct batv_span text, char out[static BATV_ADDR_SIZE]);
bool batv_lists_copy_domain(const struct batv_addr *addr,
			    char out[static BATV_ADDR_SIZE]); /* batv_addr_domain() */
/* This is the form in which address lists are asked: as written, but with that domain. */
bool batv_lists_copy_address(const struct batv_addr *addr, char out[static BATV_ADDR_SIZE]);

/* Neither NULL nor "". */
static inline bool batv_lists_is_set(const char *s)
{
	return s && *s;
}

#endif
