/*
 * classify.c - finds the class of an automatic message.
 *
 * Every header field sets some bits, and the start of the body sets some more.  The order of the
 * questions at the end decides.  There are two kinds of signs.  Structure says what a message is: a
 * report type, a named header, the type of a part.  Habits (habits.h) identify bounces and replies
 * that have no structure; only two of them that are independent do, because the sender of the
 * message that is answered chose its subject, and people write about bounces.
 *
 * Invariant: returned content does not count.  The walk over the parts ends at the first part that
 * is itself a message.  It opens no boundary of that message, and habits are searched for only
 * before it.  Of that message itself one thing is asked: whose it is (returned.h).
 *
 * This is pure, without allocation, and its work is bounded.  The text is the sender's: it may have
 * any bytes, be folded, be cut off, or lie.  A lie only buys a class, and with it no more than the
 * administrator grants to everybody who sends that class.
 */
#include "evidence/classify.h"

#include <string.h>

#include "evidence/habits.h"
#include "evidence/parts.h"

#define VALUE_MAX 4096 /* bytes of a header field that are read */
#define TEXTS_MAX 16   /* From and Subject fields that are read; a message has one of each */

enum {
	SEEN_REPORT = 1u << 0, /* feedback-report, tlsrpt, DMARC */
	SEEN_DSN = 1u << 1,
	SEEN_MDN = 1u << 2,
	SEEN_CALENDAR = 1u << 3,
	SEEN_AUTOREPLY = 1u << 4,
	SEEN_UNTYPED_REPORT = 1u << 5, /* multipart/report without a report type */
	SEEN_ARCHIVE = 1u << 6,        /* zip or gzip, which DMARC reports come in */
	SEEN_MESSAGE = 1u << 7,        /* contains a message, or the header of one */
	SEEN_STRANGE_REPORT = 1u << 8, /* multipart/report of an unknown type */
	SEEN_JOURNAL = 1u << 9,        /* an Exchange journal report */
	SEEN_MACHINE = 1u << 10,       /* written or sent by a program, or an answer */
	SEEN_LIST = 1u << 11,          /* distributed by a mailing list */
	SEEN_OWN_MESSAGE = 1u << 12,   /* that message is one of the recipient's */
	SEEN_MIXED_MESSAGE = 1u << 13, /* it is a direct part of a multipart/mixed */
	SEEN_CITES = 1u << 14,         /* a field ...-Original-Message-ID of its own */
};

/* ---- text ---- */

static bool is_text(struct batv_span s, const char *text)
{
	return batv_span_equal_fold(s, batv_span_of(text));
}

static bool contains(struct batv_span s, const char *text)
{
	char first = batv_fold(text[0]);

	for (; s.len > 0; s.p++, s.len--)
		if (batv_fold(s.p[0]) == first && batv_span_begins_fold(s, text))
			return true;
	return false;
}

/* ---- header fields ---- */

static unsigned of_report_type(struct batv_span type)
{
	if (type.len == 0)
		return SEEN_UNTYPED_REPORT;
	if (is_text(type, "delivery-status"))
		return SEEN_DSN;
	if (is_text(type, "disposition-notification"))
		return SEEN_MDN;
	if (is_text(type, "feedback-report") || is_text(type, "tlsrpt"))
		return SEEN_REPORT;
	return SEEN_STRANGE_REPORT;
}

/* The bits of type/subtype, of a message or of one of its parts. */
static unsigned of_media_type(struct batv_span type, struct batv_span subtype)
{
	if (is_text(type, "text") && batv_span_begins_fold(subtype, "rfc822-header"))
		return SEEN_MESSAGE;
	if (is_text(type, "text"))
		return is_text(subtype, "calendar") ? SEEN_CALENDAR : 0;
	if (is_text(type, "message")) {
		if (is_text(subtype, "delivery-status") ||
		    is_text(subtype, "global-delivery-status"))
			return SEEN_DSN;
		if (is_text(subtype, "disposition-notification") ||
		    is_text(subtype, "global-disposition-notification"))
			return SEEN_MDN;
		return is_text(subtype, "feedback-report") ? SEEN_REPORT : SEEN_MESSAGE;
	}
	if (!is_text(type, "application"))
		return 0;
	if (batv_span_begins_fold(subtype, "tlsrpt"))
		return SEEN_REPORT;
	return contains(subtype, "zip") ? SEEN_ARCHIVE : 0; /* zip, gzip, x-gzip, x-zip-... */
}

static bool is_multipart(const struct batv_content_type *ct, const char *subtype)
{
	return is_text(batv_field_span(&ct->type), "multipart") &&
	       (!subtype || is_text(batv_field_span(&ct->subtype), subtype));
}

/* In a digest, every part is a message. */
static unsigned of_content_type(const struct batv_content_type *ct)
{
	if (is_multipart(ct, "report"))
		return of_report_type(batv_field_span(&ct->report_type));
	if (is_multipart(ct, "digest"))
		return SEEN_MESSAGE;
	return of_media_type(batv_field_span(&ct->type), batv_field_span(&ct->subtype));
}

/* Reads the message's own Content-Type.  Its parts are examined later. */
static unsigned see_content_type(struct batv_classifier *c, struct batv_span value)
{
	struct batv_content_type ct;

	batv_field_content_type(value, &ct);
	if (is_multipart(&ct, NULL) && c->boundary.len == 0) {
		c->boundary = ct.boundary;
		c->is_report = is_multipart(&ct, "report");
		c->is_mixed = is_multipart(&ct, "mixed");
		c->holds_reports = c->is_mixed || is_multipart(&ct, "signed");
	}
	return of_content_type(&ct);
}

static unsigned see_auto_submitted(struct batv_span value)
{
	struct batv_word word;

	batv_field_word(&value, ";", &word);
	if (is_text(batv_field_span(&word), "auto-replied"))
		return SEEN_AUTOREPLY;
	return is_text(batv_field_span(&word), "auto-generated") ? SEEN_MACHINE : 0;
}

static unsigned see_precedence(struct batv_span value)
{
	static const char replies[] = "auto_reply\0"
				      "auto-reply\0"
				      "autoreply\0";
	static const char others[] = "bulk\0"
				     "junk\0";

	value = batv_span_trim(value);
	if (batv_span_begins_any(value, replies))
		return SEEN_AUTOREPLY;
	if (is_text(value, "list"))
		return SEEN_LIST;
	return batv_span_begins_any(value, others) ? SEEN_MACHINE : 0;
}

static unsigned see_content_class(struct batv_span value)
{
	value = batv_span_trim(value);
	if (batv_span_begins_fold(value, "urn:content-classes:calendarmessage"))
		return SEEN_CALENDAR;
	if (batv_span_begins_fold(value, "urn:content-classes:dsn"))
		return SEEN_DSN;
	return batv_span_begins_fold(value, "urn:content-classes:mdn") ? SEEN_MDN : 0;
}

/* Exchange names the agent that wrote a message. */
static unsigned see_exchange_source(struct batv_span value)
{
	if (contains(value, "rules agent") || contains(value, "out of office") ||
	    contains(value, "oof"))
		return SEEN_AUTOREPLY;
	if (contains(value, "journal"))
		return SEEN_JOURNAL;
	return contains(value, "meeting") || contains(value, "calendar") ? SEEN_CALENDAR : 0;
}

static unsigned see_autoresponder(struct batv_span value)
{
	return is_text(batv_span_trim(value), "no") ? 0 : SEEN_AUTOREPLY;
}

static unsigned see_dsn(struct batv_span value)
{
	(void)value;
	return SEEN_DSN;
}

static unsigned see_report(struct batv_span value)
{
	(void)value;
	return SEEN_REPORT;
}

static unsigned see_journal(struct batv_span value)
{
	(void)value;
	return SEEN_JOURNAL;
}

static unsigned see_content_identifier(struct batv_span value)
{
	return contains(value, "journalreport") ? SEEN_JOURNAL : 0;
}

static unsigned see_machine(struct batv_span value)
{
	return batv_span_trim(value).len > 0 ? SEEN_MACHINE : 0;
}

static unsigned see_list(struct batv_span value)
{
	(void)value;
	return SEEN_LIST;
}

/* Most names differ in length already. */
#define NAME(text) text, sizeof(text) - 1
static const struct {
	const char *name;
	size_t len;
	unsigned (*see)(struct batv_span value);
} fields[] = {
	{NAME("Auto-Submitted"), see_auto_submitted},
	{NAME("Precedence"), see_precedence},
	{NAME("X-Failed-Recipients"), see_dsn},
	{NAME("X-MS-Exchange-Message-Is-Ndr"), see_dsn},
	{NAME("Content-Class"), see_content_class},
	{NAME("TLS-Report-Domain"), see_report},
	{NAME("TLS-Report-Submitter"), see_report},
	{NAME("X-MS-Exchange-Generated-Message-Source"), see_exchange_source},
	{NAME("X-MS-Exchange-Inbox-Rules-Loop"), see_autoresponder},
	{NAME("X-Autoreply"), see_autoresponder},
	{NAME("X-Autoreply-From"), see_autoresponder},
	{NAME("X-Autorespond"), see_autoresponder},
	{NAME("X-Autoresponder"), see_autoresponder},
	{NAME("X-Auto-Reply"), see_autoresponder},
	{NAME("X-Auto-Response"), see_autoresponder},
	{NAME("X-Auto-Responder"), see_autoresponder},
	{NAME("X-Auto-Response-From"), see_autoresponder},
	{NAME("X-Mail-Autoreply"), see_autoresponder},
	{NAME("X-Auto-Response-Suppress"), see_machine},
	{NAME("In-Reply-To"), see_machine},
	{NAME("References"), see_machine},
	{NAME("X-MS-Journal-Report"), see_journal},
	{NAME("X-MS-Exchange-Organization-Journal-Report"), see_journal},
	{NAME("X-MS-Exchange-Organization-Journal-Reprocessed"), see_journal},
	{NAME("Content-Identifier"), see_content_identifier},
	{NAME("Content-Identifer"), see_content_identifier}, /* as Exchange writes it */
	{NAME("List-Id"), see_list},
	{NAME("List-Post"), see_list},
};

/* ---- the body ---- */

/* An open multipart. */
struct multipart {
	bool report, outer; /* a multipart/report; it says what the message is */
	bool mixed;         /* the message's own multipart/mixed, which may be signed */
};

struct walk {
	struct batv_parts parts;
	struct multipart multiparts[BATV_PARTS_LEVELS];
	unsigned in_reports; /* bits of the parts of reports */
	unsigned elsewhere;  /* bits of the other parts */
};

/* Notes the bits of a part.  Returns false if it is itself a message: nothing after it counts. */
static bool see_part(struct walk *w, const struct batv_part *part, bool holds_reports)
{
	const struct multipart in = w->multiparts[part->level];
	const bool report = is_multipart(&part->type, "report");
	const bool signed_mixed = holds_reports && part->level == 0 && !in.mixed &&
				  is_multipart(&part->type, "mixed");
	const unsigned kinds =
		SEEN_DSN | SEEN_MDN | SEEN_REPORT | SEEN_UNTYPED_REPORT | SEEN_STRANGE_REPORT;
	unsigned seen = of_content_type(&part->type);
	bool counts;

	if (seen & SEEN_MESSAGE)
		return false;
	/* a report within a multipart says what the message is only if it is a direct part */
	counts = in.outer && (!report || (holds_reports && part->level == 0));
	if (!counts)
		seen &= ~kinds;
	*(in.report || report ? &w->in_reports : &w->elsewhere) |= seen;
	if (is_multipart(&part->type, NULL) && batv_parts_enter(&w->parts, part))
		w->multiparts[w->parts.open - 1] = (struct multipart){
			report, (report && counts) || signed_mixed, signed_mixed};
	return true;
}

/* Says whose the message is that this part is, or has the header of. */
static unsigned of_message(const struct walk *w, const struct batv_part *part,
			   struct batv_span body, const struct batv_recipients *recipients)
{
	struct batv_span message = batv_span_between(part->body, body.p + body.len);
	unsigned seen = SEEN_MESSAGE;

	if (recipients && batv_returned_to(message, recipients))
		seen |= SEEN_OWN_MESSAGE;
	return w->multiparts[part->level].mixed ? seen | SEEN_MIXED_MESSAGE : seen;
}

/*
 * Returns the bits of the first part that is itself a message.  body is then cut off where that
 * part begins.
 */
static unsigned walk_parts(const struct batv_classifier *c, struct walk *w, struct batv_span *body,
			   const struct batv_recipients *recipients)
{
	struct batv_part part;
	unsigned seen;

	w->in_reports = w->elsewhere = 0;
	w->multiparts[0] = (struct multipart){c->is_report, true, c->is_mixed};
	batv_parts_start(&w->parts, *body, batv_field_span(&c->boundary));
	while (batv_parts_next(&w->parts, &part))
		if (!see_part(w, &part, c->holds_reports)) {
			seen = of_message(w, &part, *body, recipients);
			body->len = (size_t)(part.begin - body->p);
			return seen;
		}
	return 0;
}

/* ---- the classifier ---- */

void batv_classify_start(struct batv_classifier *c)
{
	c->seen = c->habits = c->texts = 0;
	c->boundary.len = 0;
	c->is_report = c->is_mixed = c->holds_reports = false;
}

static bool ends_with_original_id(struct batv_span name)
{
	static const char end[] = "original-message-id";
	const size_t len = sizeof end - 1;

	return name.len >= len &&
	       batv_span_begins_fold(batv_span_between(name.p + name.len - len, name.p + name.len),
				     end);
}

void batv_classify_header(struct batv_classifier *c, struct batv_header h)
{
	struct batv_span name = batv_span_trim(h.name);

	h.value = batv_span_cut(h.value, VALUE_MAX);
	if (is_text(name, "From"))
		c->habits |= ++c->texts <= TEXTS_MAX ? batv_habits_from(h.value) : 0;
	else if (is_text(name, "Subject"))
		c->habits |= ++c->texts <= TEXTS_MAX ? batv_habits_subject(h.value) : 0;
	else if (is_text(name, "Content-Type"))
		c->seen |= see_content_type(c, h.value);
	else if (name.len >= sizeof "List-Id" - 1) /* the shortest of them */
		for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
			if (name.len == fields[i].len && is_text(name, fields[i].name)) {
				c->seen |= fields[i].see(h.value);
				return;
			}
	if (ends_with_original_id(name))
		c->seen |= SEEN_CITES;
}

size_t batv_classify_body_bytes(const struct batv_classifier *c)
{
	const unsigned unclear = BATV_HABIT_NOTICE | BATV_HABIT_DMARC | BATV_HABIT_DMARC_PART;

	if ((c->seen & (SEEN_DSN | SEEN_REPORT | SEEN_MDN)) ||
	    ((c->habits & BATV_HABIT_DAEMON) && !(c->habits & unclear)))
		return BATV_CLASSIFY_START;
	return BATV_CLASSIFY_ALL;
}

/* Adds the bits of the parts.  If the header says what the message is, it is believed first. */
static unsigned with_parts(const struct batv_classifier *c, struct batv_span *body,
			   const struct batv_recipients *recipients)
{
	const unsigned told = SEEN_REPORT | SEEN_DSN | SEEN_MDN;
	unsigned seen = c->seen;
	struct walk w;

	if (seen & SEEN_MESSAGE)
		body->len = 0;
	if (c->boundary.len > 0) {
		seen |= walk_parts(c, &w, body, recipients);
		/* some bounces return the parts of a message as their own parts */
		if (c->habits & BATV_HABIT_DAEMON)
			w.elsewhere &= SEEN_DSN | SEEN_ARCHIVE;
		if (!(seen & told))
			seen |= w.in_reports | w.elsewhere;
	}
	if (c->habits & BATV_HABIT_DAEMON)
		seen &= ~(unsigned)SEEN_CALENDAR;
	if ((seen & SEEN_UNTYPED_REPORT) && !(seen & told))
		seen |= SEEN_DSN;
	return seen;
}

/* ---- habits ---- */

/*
 * The subject may come from the message that is answered, but then there are other signs of an
 * answer.  Some daemons send reports under their own name: an archive, and a subject that begins as
 * that of a report does, so that it is none of a bounce.
 */
static bool is_dmarc_report(unsigned seen, unsigned habits, struct batv_span body)
{
	const bool archive = seen & SEEN_ARCHIVE;

	if ((seen & SEEN_MESSAGE) ||
	    !(habits & BATV_HABIT_DMARC || (archive && (habits & BATV_HABIT_DMARC_PART))))
		return false;
	if ((habits & BATV_HABIT_DAEMON) && !(archive && (habits & BATV_HABIT_DMARC_FIRST)))
		return false;
	return (archive || !(seen & SEEN_AUTOREPLY)) && !batv_habits_text(body);
}

/*
 * Is it a bounce without structure?  Two signs are needed.  A notice about a mailbox may give codes
 * too, and an answer may contain the text of a bounce.
 */
static bool is_bounce(unsigned seen, unsigned habits, struct batv_span body)
{
	const bool sender = habits & BATV_HABIT_POSTMASTER, subject = habits & BATV_HABIT_BOUNCE;
	const bool own = seen & SEEN_OWN_MESSAGE;
	unsigned text;

	if ((seen & (SEEN_AUTOREPLY | SEEN_LIST)) || (habits & BATV_HABIT_REPLY))
		return false;
	if (subject && (sender || own))
		return true;
	text = batv_habits_text(body);
	if ((habits & BATV_HABIT_NOTICE) || (sender && (habits & BATV_HABIT_ANSWER)))
		return sender && (text & BATV_HABIT_TRACE);
	if (sender || subject)
		return text || (seen & SEEN_CITES);
	if (own && (seen & SEEN_MIXED_MESSAGE))
		return text & (BATV_HABIT_CODE | BATV_HABIT_PHRASE);
	return (text & BATV_HABIT_PHRASE) && (text & (BATV_HABIT_CODE | BATV_HABIT_TRACE)) &&
	       !(habits & BATV_HABIT_ANSWER);
}

/* Classifies by habits, if the structure does not tell. */
static enum batv_class by_habit(unsigned seen, unsigned habits, struct batv_span body)
{
	if (is_dmarc_report(seen, habits, body))
		return BATV_CLASS_REPORT;
	/* Exim and Postfix mark their bounces as auto-replied too. */
	if (habits & BATV_HABIT_DAEMON)
		return (habits & BATV_HABIT_NOTICE) && !(seen & SEEN_MESSAGE) &&
				       !batv_habits_text(body)
			       ? BATV_CLASS_OTHER
			       : BATV_CLASS_DSN;
	if (seen & SEEN_AUTOREPLY)
		return BATV_CLASS_AUTOREPLY;
	if (is_bounce(seen, habits, body))
		return BATV_CLASS_DSN;
	return (habits & BATV_HABIT_REPLY) && (seen & SEEN_MACHINE) ? BATV_CLASS_AUTOREPLY
								    : BATV_CLASS_OTHER;
}

enum batv_class batv_classify_end(const struct batv_classifier *c, struct batv_span body,
				  const struct batv_recipients *recipients)
{
	unsigned seen;

	body = batv_span_cut(body, BATV_CLASSIFY_ALL);
	seen = with_parts(c, &body, recipients);
	if (seen & SEEN_DSN)
		return BATV_CLASS_DSN;
	if (seen & SEEN_JOURNAL)
		return BATV_CLASS_OTHER;
	if (seen & SEEN_REPORT)
		return BATV_CLASS_REPORT;
	if (seen & SEEN_MDN)
		return BATV_CLASS_MDN;
	if (seen & SEEN_CALENDAR)
		return is_bounce(seen & ~(unsigned)SEEN_OWN_MESSAGE, c->habits, body)
			       ? BATV_CLASS_DSN
			       : BATV_CLASS_CALENDAR;
	if ((seen & SEEN_STRANGE_REPORT) && !(c->habits & BATV_HABIT_DAEMON))
		return seen & SEEN_AUTOREPLY ? BATV_CLASS_AUTOREPLY : BATV_CLASS_OTHER;
	return by_habit(seen, c->habits, body);
}
