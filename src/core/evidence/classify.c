/*
 * classify.c - finds the class of an automatic message.
 *
 * Every header field sets some bits, and the start of the body sets some more.  The order of the
 * questions at the end decides.  There are two kinds of signs.  Structure says what a message is: a
 * report type, a named header, the type of a part.  Habits (sender, subject, phrases) identify old
 * bounces that have no structure.  Structure overrules habits, because the sender of the message
 * that is answered chose its subject, and may have chosen a phrase.
 *
 * Invariant: returned content does not count.  The walk over the parts ends at the first part that
 * is itself a message.  It opens no boundary of that message, and phrases are searched for only
 * before it.
 *
 * This is pure, without allocation, and its work is bounded.  The text is the sender's: it may have
 * any bytes, be folded, be cut off, or lie.  A lie only buys a class, and with it no more than the
 * administrator grants to everybody who sends that class.
 */
#include "evidence/classify.h"

#include <string.h>

#include "evidence/parts.h"

#define VALUE_MAX 4096 /* bytes of a header field that are read */
#define BODY_MAX 16384 /* bytes of the body that are read */

enum {
	SEEN_REPORT = 1u << 0, /* feedback-report, tlsrpt, DMARC */
	SEEN_DSN = 1u << 1,
	SEEN_MDN = 1u << 2,
	SEEN_CALENDAR = 1u << 3,
	SEEN_AUTOREPLY = 1u << 4,
	SEEN_UNTYPED_REPORT = 1u << 5, /* multipart/report without a report type */
	SEEN_FROM_DAEMON = 1u << 6,    /* From is mailer-daemon or the like, or empty */
	SEEN_FROM_POSTMASTER = 1u << 7,
	SEEN_SUBJECT_BOUNCE = 1u << 8,
	SEEN_SUBJECT_DMARC = 1u << 9,   /* the whole subject of a DMARC report */
	SEEN_SUBJECT_DOMAIN = 1u << 10, /* the beginning of such a subject */
	SEEN_ARCHIVE = 1u << 11,        /* zip or gzip, which DMARC reports come in */
	SEEN_MESSAGE = 1u << 12,        /* contains a message, or the header of one */
	SEEN_SUBJECT_REPLY = 1u << 13,
	SEEN_STRANGE_REPORT = 1u << 14, /* multipart/report of an unknown type */
	SEEN_PART = 1u << 15,           /* a part that states its type */
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

/*
 * A list of texts in lower case: each text ends in \0, and an empty text ends the list.  There are
 * no pointers (architecture.md, "In a fresh process").
 */
static bool starts_with_any(struct batv_span s, const char *list)
{
	for (; *list; list += strlen(list) + 1)
		if (batv_span_begins_fold(s, list))
			return true;
	return false;
}

static bool contains_any(struct batv_span s, const char *list)
{
	for (; *list; list += strlen(list) + 1)
		if (contains(s, list))
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
		c->holds_reports = is_multipart(&ct, "mixed") || is_multipart(&ct, "signed");
	}
	return of_content_type(&ct);
}

static unsigned see_auto_submitted(struct batv_span value)
{
	struct batv_word word;

	batv_field_word(&value, ";", &word);
	return is_text(batv_field_span(&word), "auto-replied") ? SEEN_AUTOREPLY : 0;
}

static unsigned see_precedence(struct batv_span value)
{
	static const char replies[] = "auto_reply\0"
				      "auto-reply\0"
				      "autoreply\0";

	return starts_with_any(batv_span_trim(value), replies) ? SEEN_AUTOREPLY : 0;
}

/* Finds the address of a From field: the text in the last angle brackets, or the first word. */
static struct batv_span find_address(struct batv_span value, struct batv_word *word)
{
	const char *open = memrchr(value.p, '<', value.len);
	struct batv_span address;

	if (!open) {
		batv_field_word(&value, "", word);
		return batv_field_span(word);
	}
	address.p = open + 1;
	address.len = (size_t)(value.p + value.len - address.p);
	open = memchr(address.p, '>', address.len);
	if (open)
		address.len = (size_t)(open - address.p);
	return batv_span_trim(address);
}

static bool is_exchange_daemon(struct batv_span local)
{
	static const char prefix[] = "microsoftexchange";
	const size_t len = sizeof prefix - 1;

	if (local.len != len + 32 || !batv_span_begins_fold(local, prefix))
		return false;
	for (size_t i = len; i < local.len; i++)
		if (batv_hex_value(local.p[i]) < 0)
			return false;
	return true;
}

/* Is s these two words, side by side or joined by "-", "_" or "."? */
static bool is_joined(struct batv_span s, const char *first, const char *second)
{
	size_t len = strlen(first);

	if (!batv_span_begins_fold(s, first))
		return false;
	s.p += len;
	s.len -= len;
	if (s.len > 0 && strchr("-_.", s.p[0]) && s.p[0] != '\0')
		s.p++, s.len--;
	return is_text(s, second);
}

static unsigned see_from(struct batv_span value)
{
	static const char names[] = "mail delivery system\0"
				    "mail delivery subsystem\0"
				    "\"mail delivery s\0";
	struct batv_word word;
	struct batv_span address, local;
	const char *at;

	value = batv_span_trim(value);
	if (value.len == 0)
		return SEEN_FROM_DAEMON;
	address = local = find_address(value, &word);
	at = memchr(address.p, '@', address.len);
	if (at)
		local.len = (size_t)(at - address.p);
	if (address.len == 0 || is_joined(local, "mailer", "daemon") ||
	    is_joined(local, "mail", "daemon") || is_text(local, "mdaemon") ||
	    is_text(local, "double-bounce") || is_text(local, "mail.delivery.system") ||
	    is_exchange_daemon(local) || starts_with_any(value, names))
		return SEEN_FROM_DAEMON;
	return is_joined(local, "post", "master") ? SEEN_FROM_POSTMASTER : 0;
}

static bool is_dmarc_subject(struct batv_span value)
{
	return contains(value, "report domain:") &&
	       (contains(value, "submitter:") || contains(value, "report-id:"));
}

/* How the subjects of bounces begin, in lower case. */
/* clang-format off */
static const char bounce_subjects[] =
	"undelivered mail\0" "undeliverable\0" "undelivered:\0" "nondeliverable\0"
	"non-deliverable\0" "delivery status notification\0" "mail delivery fail\0"
	"mail delivery problem\0" "mail delivery error\0" "mail delivery system\0"
	"mail delivery status\0" "message delivery fail\0" "message delivery delay\0"
	"delivery fail\0" "delivery notification: \0" "delivery report\0" "delivery delayed\0"
	"delivery has failed\0" "delivery problem\0" "failure notice\0" "failure delivery\0"
	"failed mail\0" "failed delivery\0" "returned mail\0" "returned to sender\0"
	"warning: could not send\0" "delayed mail\0" "message delayed\0" "mail system error\0"
	"mail could not be delivered\0" "message could not be delivered\0"
	"successful mail delivery\0" "mail failure\0" "mail status report\0" "ndn:\0"
	"non delivery\0" "non remis\0" "unzustellbar\0" "could not be delivered\0"
	"unable to deliver\0" "message status - undeliver\0";

static const char reply_subjects[] =
	"automatic reply\0" "auto reply\0" "auto-reply\0" "autoreply\0" "autoresponse\0"
	"auto response\0" "out of office\0" "out of the office\0" "out-of-office\0" "abwesen\0"
	"automatische antwort\0" "automatisch antwoord\0" "autosvar\0" "automaattinen\0"
	"vacation\0" "auto:\0";
/* clang-format on */

static unsigned see_subject(struct batv_span value)
{
	value = batv_span_trim(value);
	if (starts_with_any(value, bounce_subjects) ||
	    (batv_span_begins_fold(value, "warning: message ") && contains(value, " delayed ")))
		return SEEN_SUBJECT_BOUNCE;
	if (is_dmarc_subject(value))
		return SEEN_SUBJECT_DMARC;
	if (contains(value, "report domain:"))
		return SEEN_SUBJECT_DOMAIN;
	return starts_with_any(value, reply_subjects) ? SEEN_SUBJECT_REPLY : 0;
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

static const struct {
	const char *name;
	unsigned (*see)(struct batv_span value);
} fields[] = {
	{"From", see_from},
	{"Subject", see_subject},
	{"Auto-Submitted", see_auto_submitted},
	{"Precedence", see_precedence},
	{"X-Failed-Recipients", see_dsn},
	{"X-MS-Exchange-Message-Is-Ndr", see_dsn},
	{"Content-Class", see_content_class},
	{"TLS-Report-Domain", see_report},
	{"TLS-Report-Submitter", see_report},
	{"X-MS-Exchange-Generated-Message-Source", see_exchange_source},
	{"X-MS-Exchange-Inbox-Rules-Loop", see_autoresponder},
	{"X-Autoreply", see_autoresponder},
	{"X-Autoreply-From", see_autoresponder},
	{"X-Autorespond", see_autoresponder},
	{"X-Autoresponder", see_autoresponder},
	{"X-Auto-Reply", see_autoresponder},
	{"X-Auto-Response", see_autoresponder},
	{"X-Auto-Responder", see_autoresponder},
	{"X-Auto-Response-From", see_autoresponder},
	{"X-Mail-Autoreply", see_autoresponder},
};

/* ---- the body ---- */

/* Phrases of bounces without structure. */
/* clang-format off */
static const char bounce_phrases[] =
	"this is the qmail-send program\0"
	"this message was created automatically by mail delivery\0"
	"the original message was received at\0" "this is the mail system at host\0"
	"this is the postfix program at host\0" "this is the mail delivery agent at\0"
	"had permanent fatal errors -----\0" "had transient non-fatal errors -----\0"
	"a message that you sent could not be delivered\0"
	"a message that you sent has not yet been\0"
	"i'm afraid i wasn't able to deliver your message\0"
	"i'm sorry to have to inform you that your message could not\0"
	"your message did not reach some or all of the intended recipients\0"
	"the following recipient(s) could not be reached\0"
	"did not reach the following recipient\0" "delivery to the following recipient\0"
	"delivery has failed to these recipients\0"
	"this is an automatically generated delivery status notification\0"
	"could not be delivered to one or more recipients\0" "--- below this line is a copy of\0"
	"the following addresses had delivery problems\0" "this is a warning message only\0"
	"your message cannot be delivered to the following recipients\0" "\nfinal-recipient:\0"
	"\ndiagnostic-code:\0";
/* clang-format on */

/* An open multipart. */
struct multipart {
	bool report, outer; /* a multipart/report; it says what the message is */
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
	const unsigned kinds =
		SEEN_DSN | SEEN_MDN | SEEN_REPORT | SEEN_UNTYPED_REPORT | SEEN_STRANGE_REPORT;
	unsigned seen = of_content_type(&part->type);
	bool counts;

	if (seen & SEEN_MESSAGE)
		return false;
	if (part->type.type.len > 0)
		seen |= SEEN_PART;
	/* a report within a multipart says what the message is only if it is a direct part */
	counts = in.outer && (!report || (holds_reports && part->level == 0));
	if (!counts)
		seen &= ~kinds;
	*(in.report || report ? &w->in_reports : &w->elsewhere) |= seen;
	if (is_multipart(&part->type, NULL) && batv_parts_enter(&w->parts, part))
		w->multiparts[w->parts.open - 1] = (struct multipart){report, report && counts};
	return true;
}

/*
 * Returns SEEN_MESSAGE if a part is itself a message.  body is then cut off where that part begins.
 */
static unsigned walk_parts(const struct batv_classifier *c, struct walk *w, struct batv_span *body)
{
	struct batv_part part;

	w->in_reports = w->elsewhere = 0;
	w->multiparts[0] = (struct multipart){c->is_report, true};
	batv_parts_start(&w->parts, *body, batv_field_span(&c->boundary));
	while (batv_parts_next(&w->parts, &part))
		if (!see_part(w, &part, c->holds_reports)) {
			body->len = (size_t)(part.begin - body->p);
			return SEEN_MESSAGE;
		}
	return 0;
}

/* ---- the classifier ---- */

void batv_classify_start(struct batv_classifier *c)
{
	c->seen = 0;
	c->boundary.len = 0;
	c->is_report = c->holds_reports = false;
}

void batv_classify_header(struct batv_classifier *c, struct batv_header h)
{
	struct batv_span name = batv_span_trim(h.name);

	if (is_text(name, "Content-Type"))
		c->seen |= see_content_type(c, batv_span_cut(h.value, VALUE_MAX));
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (is_text(name, fields[i].name)) {
			c->seen |= fields[i].see(batv_span_cut(h.value, VALUE_MAX));
			return;
		}
}

/* Adds the bits of the parts.  If the header says what the message is, it is believed first. */
static unsigned with_parts(const struct batv_classifier *c, struct batv_span *body)
{
	const unsigned told = SEEN_REPORT | SEEN_DSN | SEEN_MDN;
	unsigned seen = c->seen;
	struct walk w;

	if (seen & SEEN_MESSAGE)
		body->len = 0;
	if (c->boundary.len > 0) {
		seen |= walk_parts(c, &w, body);
		/* some bounces return the parts of a message as their own parts */
		if (seen & SEEN_FROM_DAEMON)
			w.elsewhere &= SEEN_DSN | SEEN_ARCHIVE | SEEN_PART;
		if (!(seen & told))
			seen |= w.in_reports | w.elsewhere;
	}
	if ((seen & SEEN_SUBJECT_DOMAIN) && (seen & SEEN_ARCHIVE))
		seen |= SEEN_SUBJECT_DMARC;
	if ((seen & SEEN_UNTYPED_REPORT) && !(seen & told))
		seen |= SEEN_DSN;
	return seen;
}

/*
 * The subject may come from the message that is answered, but then there are other signs of an
 * answer.  Some daemons send reports under their own name.  Such a message must contain an archive,
 * or be a multipart in which no part states its type.
 */
static bool is_dmarc_report(unsigned seen, bool phrase, bool multipart)
{
	if (!(seen & SEEN_SUBJECT_DMARC) || (seen & SEEN_MESSAGE) || phrase)
		return false;
	if (seen & SEEN_ARCHIVE)
		return true;
	if (seen & SEEN_FROM_DAEMON)
		return multipart && !(seen & SEEN_PART);
	return !(seen & (SEEN_AUTOREPLY | SEEN_SUBJECT_REPLY));
}

/* Classifies by habits, if the structure does not tell. */
static enum batv_class by_habit(unsigned seen, struct batv_span body, bool multipart)
{
	const unsigned bounce = SEEN_FROM_DAEMON | SEEN_SUBJECT_BOUNCE;
	const unsigned reply = SEEN_AUTOREPLY | SEEN_SUBJECT_REPLY;
	bool phrase = false;

	if ((seen & SEEN_SUBJECT_DMARC) || !(seen & (bounce | reply)))
		phrase = contains_any(body, bounce_phrases);
	if (is_dmarc_report(seen, phrase, multipart))
		return BATV_CLASS_REPORT;
	/* Exim and Postfix mark their bounces as auto-replied too. */
	if (seen & bounce)
		return BATV_CLASS_DSN;
	if (seen & reply)
		return BATV_CLASS_AUTOREPLY;
	return phrase || (seen & SEEN_FROM_POSTMASTER) ? BATV_CLASS_DSN : BATV_CLASS_OTHER;
}

enum batv_class batv_classify_end(const struct batv_classifier *c, struct batv_span body)
{
	unsigned seen;

	body = batv_span_cut(body, BODY_MAX);
	seen = with_parts(c, &body);
	if (seen & SEEN_DSN)
		return BATV_CLASS_DSN;
	if (seen & SEEN_REPORT)
		return BATV_CLASS_REPORT;
	if (seen & SEEN_MDN)
		return BATV_CLASS_MDN;
	if (seen & SEEN_CALENDAR)
		return BATV_CLASS_CALENDAR;
	if ((seen & SEEN_STRANGE_REPORT) && !(seen & SEEN_FROM_DAEMON))
		return seen & SEEN_AUTOREPLY ? BATV_CLASS_AUTOREPLY : BATV_CLASS_OTHER;
	return by_habit(seen, body, c->boundary.len > 0);
}

const char *batv_class_name(enum batv_class c)
{
	switch (c) {
	case BATV_CLASS_DSN: return "dsn";
	case BATV_CLASS_MDN: return "mdn";
	case BATV_CLASS_AUTOREPLY: return "autoreply";
	case BATV_CLASS_CALENDAR: return "calendar";
	case BATV_CLASS_REPORT: return "report";
	case BATV_CLASS_OTHER: return "other";
	case BATV_CLASS_COUNT: break;
	}
	return "unknown";
}
