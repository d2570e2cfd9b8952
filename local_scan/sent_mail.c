/*
 * sent_mail.c - writes the Message-IDs and pairs of trusted mail into the sent-mail memory.
 *
 * Mail is trusted as for signing (decide/lists.h).  Otherwise a stranger could plant an id and then
 * cite it.  The cost is bounded: a few addresses, one id, at most PAIRS_MAX pairs.
 *
 * The envelope sender is a proof.  An address of the header is one only if its domain is the
 * envelope sender's and the message came in a session, because one customer could write another's
 * address there, and so could any local user.  Otherwise it is a hint.  Of list mail, which
 * strangers wrote, only the envelope sender is remembered.
 */
#include <string.h>

#include "evidence/mailbox.h"
#include "exim_glue.h"
#include "origin.h"
#include "recipients.h"
#include "sent_mail.h"

#define OURS_MAX 4 /* envelope sender, From, Reply-To, Disposition-Notification-To */

/* Our addresses on a message: untagged, and all different. */
struct ours {
	const struct batv_session *session;
	char domain[BATV_ADDR_SIZE]; /* of the addresses that are proofs; "": of no other */
	size_t n;
	const struct batv_policy *policy; /* of the first address; NULL: could not be looked up */
	bool is_proof[OURS_MAX];
	struct batv_addr addr[OURS_MAX];
	char text[OURS_MAX][BATV_ADDR_SIZE];
};

static struct ours
	ours; /* one message at a time; too large for a stack with many frames below it */

/* Items are written together, with one guard for all of them. */
#define AUTHORS_MAX 2 /* with pairs: the envelope sender, and an address of From */
#define PAIRS_MAX (AUTHORS_MAX * BATV_RECIPIENTS_MAX)
#define BATCH_MAX (PAIRS_MAX + OURS_MAX + 1) /* and a permission */

struct batch {
	size_t n;
	struct batv_item items[BATCH_MAX];
};

struct header { /* the fields that are read */
	struct batv_span id, from, reply_to, notify;
	bool list; /* passed on by a mailing list */
	bool bulk; /* says that it is bulk mail */
};

static bool has_domain(const struct batv_addr *addr, const char *domain)
{
	char own[BATV_ADDR_SIZE];

	return *domain && batv_addr_domain(addr, own) == BATV_OK && strcmp(own, domain) == 0;
}

/*
 * Adds an address if it is ours, or could be: while its policy cannot be looked up, its mail leaves
 * untagged, and only the id proves a bounce.  The tag is removed, because replies go to the
 * untagged address.
 */
static void add_ours(struct ours *o, struct batv_span address)
{
	const struct batv_policy *policy;
	struct batv_addr addr;

	if (o->n == OURS_MAX ||
	    batv_tag_bare(address.p, address.len, o->text[o->n], BATV_ADDR_SIZE) != BATV_OK ||
	    batv_addr_parse(o->text[o->n], strlen(o->text[o->n]), &addr) != BATV_OK)
		return;
	for (size_t i = 0; i < o->n; i++)
		if (batv_addr_same(&o->addr[i], &addr))
			return;
	if (batv_session_policy(o->session, &addr, &policy) == BATV_NO)
		return;
	if (o->n == 0)
		o->policy = policy;
	o->is_proof[o->n] = has_domain(&addr, o->domain);
	o->addr[o->n++] = addr;
}

static void add_found(void *ctx, const struct batv_addr *addr)
{
	add_ours(ctx, addr->text);
}

static bool contains_fold(struct batv_span text, const char *word)
{
	const size_t len = strlen(word);

	for (size_t i = 0; i + len <= text.len; i++)
		if (batv_span_equal_fold((struct batv_span){text.p + i, len},
					 (struct batv_span){word, len}))
			return true;
	return false;
}

/* List-Unsubscribe alone makes no list: shops and newsletters have it, too. */
static bool is_list(struct batv_header field)
{
	return batv_span_equal_fold(field.name, batv_span_of("List-Id")) ||
	       batv_span_equal_fold(field.name, batv_span_of("List-Post"));
}

static bool is_bulk(struct batv_header field)
{
	return batv_span_equal_fold(field.name, batv_span_of("Precedence")) &&
	       (contains_fold(field.value, "bulk") || contains_fold(field.value, "list") ||
		contains_fold(field.value, "junk"));
}

static void read_header_fields(struct header *h)
{
	static const struct {
		const char *name;
		size_t offset;
	} wanted[] = {
		{"Message-ID", offsetof(struct header, id)},
		{"From", offsetof(struct header, from)},
		{"Reply-To", offsetof(struct header, reply_to)},
		{"Disposition-Notification-To", offsetof(struct header, notify)},
	};
	struct batv_header field;
	const void *at = NULL;

	memset(h, 0, sizeof *h);
	while (batv_glue_header_next(&at, &field)) {
		for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
			if (batv_span_equal_fold(field.name, batv_span_of(wanted[i].name)))
				*(struct batv_span *)((char *)h + wanted[i].offset) = field.value;
		h->list = h->list || is_list(field);
		h->bulk = h->bulk || is_bulk(field);
	}
}

static void take_id(const struct ours *o, struct batv_span value, struct batch *batch)
{
	const struct batv_span key = batv_state_memory_key(o->session->state);
	char id[BATV_ID_MAX];
	size_t len;

	if (!batv_search_message_id(value, id, &len))
		return;
	for (size_t i = 0; i < o->n && batch->n < BATCH_MAX; i++)
		batch->n += (o->is_proof[i] ? batv_sent_id : batv_sent_hint)(
			key, (struct batv_span){id, len}, &o->addr[i], &batch->items[batch->n]);
}

static void take_pair(const struct ours *o, size_t i, const char *recipient, struct batch *batch)
{
	char text[BATV_ADDR_SIZE];
	struct batv_addr theirs;

	if (batch->n < BATCH_MAX - OURS_MAX &&
	    batv_tag_bare(recipient, strlen(recipient), text, sizeof text) == BATV_OK &&
	    batv_addr_parse(text, strlen(text), &theirs) == BATV_OK)
		batch->n += batv_sent_pair(batv_state_memory_key(o->session->state), &o->addr[i],
					   &theirs, &batch->items[batch->n]);
}

static void write_batch(const struct ours *o, const struct batch *batch)
{
	enum batv_sent_answer answers[BATCH_MAX];

	if (batch->n > 0)
		batv_sent_note_all(o->session->memory, batch->items, batch->n, o->session->now,
				   answers);
}

static bool can_remember(const struct batv_session *session)
{
	return session->state && batv_memory_there(session->memory) &&
	       batv_state_memory_key(session->state).len > 0;
}

/* *relaying: it is trusted only because a recipient needs permission to relay. */
static bool is_trusted(const struct ours *o, const struct batv_origin *origin, bool *relaying)
{
	enum batv_trust why = BATV_TRUST_OTHER;
	const struct batv_matcher *m = &batv_glue_matcher;
	bool yes = false;

	if (o->n > 0 && o->policy)
		yes = batv_lists_trust_why(o->policy, m, origin, &why) == BATV_YES;
	else if (o->n > 0)
		yes = batv_lists_trust_any_policy(o->session->state, m, origin) == BATV_YES;
	*relaying = yes && why == BATV_TRUST_RELAYING;
	return yes;
}

/* Nobody but this pass can know of the permission, so it is remembered for the next ones. */
static void take_permission(const struct ours *o, struct batch *batch)
{
	if (batch->n < BATCH_MAX)
		batch->n += batv_sent_relayed(batv_state_memory_key(o->session->state),
					      batv_span_of(batv_glue_message_id()),
					      &batch->items[batch->n]);
}

/*
 * Takes a pair of each author with each recipient, up to the limit.  Replies to a list go to the
 * list, and a pair for each subscriber would fill the memory.
 */
static void take_pairs(const struct ours *o, const struct header *h, struct batch *batch)
{
	size_t n = batv_glue_recipients();

	if (h->list || h->bulk)
		return;
	if (n > BATV_RECIPIENTS_MAX)
		n = BATV_RECIPIENTS_MAX;
	for (size_t author = 0; author < o->n; author++)
		for (size_t i = 0; i < n && o->is_proof[author]; i++)
			take_pair(o, author, batv_glue_recipient(i), batch);
}

/* Adds the envelope sender.  In a session, it vouches for the addresses of its domain. */
static void add_sender(struct ours *o, const char *sender, const struct batv_origin *origin)
{
	add_ours(o, batv_span_of(sender));
	o->is_proof[0] = true;
	if (o->n > 0 && *origin->host_address &&
	    batv_addr_domain(&o->addr[0], o->domain) != BATV_OK)
		o->domain[0] = '\0';
}

void batv_sent_mail_received(const struct batv_session *session)
{
	const char *sender = batv_glue_sender();
	struct ours *const o = &ours;
	struct batch batch = {.n = 0};
	struct batv_origin origin;
	struct header h;
	bool own;
	bool relaying;

	if (!*sender || !can_remember(session))
		return;
	*o = (struct ours){.session = session};
	batv_origin_of(session, &origin);
	add_sender(o, sender, &origin);
	own = o->n > 0;
	/* mail from outside ends here, also on its way through a filter or a redirection: only who
	 * is known may speak for us with another sender */
	if (o->n == 0 && !origin.authenticated)
		return;
	read_header_fields(&h);
	if (!h.list)
		(void)batv_mailbox_each(h.from, OURS_MAX, add_found, o);
	if (!is_trusted(o, &origin, &relaying))
		return;
	if (own && o->policy)
		batv_recipients_received(session, &origin, o->policy, &o->addr[0]);
	if (relaying)
		take_permission(o, &batch);
	take_pairs(o, &h, &batch); /* the authors only; the addresses below are for ids */
	if (!h.list) {
		(void)batv_mailbox_each(h.reply_to, OURS_MAX, add_found, o);
		(void)batv_mailbox_each(h.notify, OURS_MAX, add_found, o);
	}
	take_id(o, h.id, &batch);
	write_batch(o, &batch);
}

void batv_sent_mail_permitted(const struct batv_session *session)
{
	const char *sender = batv_glue_sender();
	struct ours *const o = &ours;
	struct batch batch = {.n = 0};
	struct batv_origin origin;
	bool relaying;

	if (!*sender || !can_remember(session))
		return;
	*o = (struct ours){.session = session};
	batv_origin_of(session, &origin);
	if (origin.authenticated || !*origin.host_address)
		return;
	add_sender(o, sender, &origin);
	if (is_trusted(o, &origin, &relaying) && relaying) {
		take_permission(o, &batch);
		write_batch(o, &batch);
	}
}

/* Reads what a delivery may remember, for its sender alone.  False: nothing. */
static bool begin_delivery(struct ours *o, const struct batv_session *session,
			   const struct batv_origin *origin, const char *sender, struct header *h)
{
	if (!*sender || !can_remember(session))
		return false;
	*o = (struct ours){.session = session};
	add_sender(o, sender, origin);
	read_header_fields(h);
	return o->n > 0;
}

/*
 * Writes what is not known yet.  Reception has remembered most of it, so the memory is asked before
 * the lists are.  An item of an earlier day is written again, because it must live as long as a
 * bounce may come.
 *
 * A list's owner signs what strangers post, but did not write it.  They could plant an id, so trust
 * is asked about the message itself.
 */
static void write_delivery(const struct ours *o, const struct batv_origin *origin,
			   const struct batch *batch)
{
	struct batv_origin author = *origin;
	bool relaying;

	author.own_address = false;
	author.address = NULL; /* nothing of a stranger's message is remembered */
	for (size_t i = 0; i < batch->n; i++)
		if (!batv_sent_known(o->session->memory, &batch->items[i], 0, o->session->now)) {
			if (is_trusted(o, &author, &relaying))
				write_batch(o, batch);
			return;
		}
}

void batv_sent_mail_routed(const struct batv_session *session, const struct batv_origin *origin,
			   const char *sender, const char *recipient)
{
	struct ours *const o = &ours;
	struct batch batch = {.n = 0};
	struct header h;

	if (!*recipient || *recipient == '@' || !begin_delivery(o, session, origin, sender, &h) ||
	    h.list || h.bulk)
		return;
	take_pair(o, 0, recipient, &batch);
	write_delivery(o, origin, &batch);
}

void batv_sent_mail_leaving(const struct batv_session *session, const struct batv_origin *origin,
			    const char *sender)
{
	struct ours *const o = &ours;
	struct batch batch = {.n = 0};
	struct header h;

	if (!begin_delivery(o, session, origin, sender, &h))
		return;
	take_id(o, h.id, &batch);
	write_delivery(o, origin, &batch);
}
