/*
 * habits.c - recognises senders, subjects and phrases of bounces and automatic replies.
 *
 * Pure, no allocation, and bounded.  Lists are texts in lower case; each ends in \0, and an empty
 * text ends the list.  There are no pointers (architecture.md, "In a fresh process").
 */
#include "evidence/habits.h"

#include <string.h>

#include "evidence/codes.h"
#include "evidence/field.h"
#include "evidence/words.h"

#define SUBJECT_MAX 512 /* bytes of a decoded subject, or of a display name */

static bool contains(struct batv_span s, const char *text)
{
	char first = batv_fold(text[0]);

	for (; s.len > 0; s = batv_span_after(s, 1))
		if (batv_fold(s.p[0]) == first && batv_span_begins_fold(s, text))
			return true;
	return false;
}

/* The characters that the texts of a list begin with: a bit for each. */
struct firsts {
	uint64_t bits[4];
};

static struct firsts firsts_of(const char *list)
{
	struct firsts f = {{0}};

	for (; *list; list += strlen(list) + 1)
		f.bits[(unsigned char)*list / 64] |= UINT64_C(1) << (unsigned char)*list % 64;
	return f;
}

/* The same at the beginning of a word only.  Few words begin as a text of the list does. */
static bool has_word_of(struct batv_span s, const char *list)
{
	const struct firsts firsts = firsts_of(list);
	bool in_word = false;

	for (; s.len > 0; s = batv_span_after(s, 1)) {
		const unsigned char c = (unsigned char)batv_fold(s.p[0]);

		if (!in_word && (firsts.bits[c / 64] >> c % 64 & 1) &&
		    batv_span_begins_any(s, list))
			return true;
		in_word = batv_is_alnum(s.p[0]);
	}
	return false;
}

/* ---- senders ---- */

/* Finds the address of a From field: the text in the last angle brackets, or the first word. */
static struct batv_span find_address(struct batv_span value, struct batv_word *word)
{
	const char *open = memrchr(value.p, '<', value.len);
	struct batv_span address;

	if (!open) {
		batv_field_word(&value, "", word);
		return batv_field_span(word);
	}
	address = batv_span_between(open + 1, value.p + value.len);
	open = memchr(address.p, '>', address.len);
	if (open)
		address.len = (size_t)(open - address.p);
	return batv_span_trim(address);
}

/* Exchange writes bounces, journal reports and warnings from this address. */
static bool is_exchange(struct batv_span local)
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
	s = batv_span_after(s, len);
	if (s.len > 0 && strchr("-_.", s.p[0]) && s.p[0] != '\0')
		s = batv_span_after(s, 1);
	return batv_span_equal_fold(s, batv_span_of(second));
}

unsigned batv_habits_from(struct batv_span value)
{
	static const char daemons[] = "mdaemon\0double-bounce\0mail.delivery.system\0";
	static const char names[] = "mail delivery system\0mail delivery subsystem\0"
				    "\"mail delivery s\0";
	struct batv_span address, local, name;
	char text[SUBJECT_MAX];
	struct batv_word word;
	const char *at;

	value = batv_span_trim(value);
	if (value.len == 0)
		return BATV_HABIT_DAEMON;
	address = local = find_address(value, &word);
	at = memchr(address.p, '@', address.len);
	if (at)
		local.len = (size_t)(at - address.p);
	name = batv_words_decode(value, text, sizeof text);
	if (address.len == 0 || is_joined(local, "mailer", "daemon") ||
	    is_joined(local, "mail", "daemon") || batv_span_is_any(local, daemons) ||
	    batv_span_begins_any(name, names))
		return BATV_HABIT_DAEMON;
	if (is_joined(local, "post", "master") || is_joined(local, "mail", "router") ||
	    is_exchange(local))
		return BATV_HABIT_POSTMASTER;
	return 0;
}

/* ---- subjects ---- */

/* clang-format off */
/* How the subjects of bounces begin. */
static const char bounce_subjects[] =
	"undelivered\0" "undeliverable\0" "nondeliverable\0" "non-deliverable\0" "non-delivery\0"
	"nondelivery\0" "non delivery\0" "ndn:\0" "failure notice\0" "failed mail\0"
	"returned mail\0" "mail delivery fail\0" "mail delivery problem\0" "mail delivery error\0"
	"mail delivery system\0" "mail delivery status\0" "mail delivery warning\0"
	"mail delivery delay\0" "mail could not be delivered\0" "mail failure\0"
	"mail status report\0" "mail system error\0" "mail returned\0" "mail undeliverable\0"
	"message undeliverable\0" "message not delivered\0" "message delivery fail\0"
	"message delivery delay\0" "message could not be delivered\0"
	"message status - undeliver\0" "your message could not be delivered\0"
	"your mail could not be delivered\0" "email delivery fail\0" "e-mail delivery fail\0"
	"successful mail delivery\0" "warning: could not send\0" "delayed mail\0"
	"undelivered mail\0" "delivery status notification\0"
	/* the same in other languages: what Exchange and large providers write */
	"unzustellbar\0" "nicht zustellbar\0" "non remis\0" "\xc3\x89" "chec de la remise\0"
	"\xc3\x89" "chec de remise\0" "onbestelbaar\0" "no se puede entregar\0"
	"no se ha podido entregar\0" "non recapitabile\0" "impossibile recapitare\0"
	"recapito non riuscito\0" "n\xc3\xa3o \xc3\xa9 poss\xc3\xadvel entregar\0"
	"n\xc3\xa3o entregue\0" "nie mo\xc5\xbcna dostarczy\xc4\x87\0" "niedostarczon\0"
	"nedoru\xc4\x8ditel\0" "k\xc3\xa9zbes\xc3\xadthetetlen\0" "teslim edilemedi\0"
	"kan inte levereras\0" "gick inte att leverera\0" "kan ikke leveres\0"
	"kunne ikke leveres\0" "ei voitu toimittaa\0"
	"\xd0\x9d\xd0\xb5\xd0\xb4\xd0\xbe\xd1\x81\xd1\x82\xd0\xb0\xd0\xb2\xd0\xbb\0"
	"\xd0\x9d\xd0\xb5 \xd1\x83\xd0\xb4\xd0\xb0\xd0\xb5\xd1\x82\xd1\x81\xd1\x8f "
	"\xd0\xb4\xd0\xbe\xd1\x81\xd1\x82\xd0\xb0\xd0\xb2\0"
	"\xe6\x97\xa0\xe6\xb3\x95\xe6\x8a\x95\xe9\x80\x92\0"
	"\xe7\x84\xa1\xe6\xb3\x95\xe5\x82\xb3\xe9\x81\x9e\0"
	"\xe7\xb3\xbb\xe7\xbb\x9f\xe9\x80\x80\xe4\xbf\xa1\0"
	"\xe9\x85\x8d\xe4\xbf\xa1\xe4\xb8\x8d\xe8\x83\xbd\0"
	"\xe9\x85\x8d\xe4\xbf\xa1\xe4\xb8\x8d\xe5\x8f\xaf\0";

/* These introduce other mail as often.  A notice word after them makes them such a mail. */
static const char delivery_subjects[] =
	"delivery fail\0" "delivery notification: \0" "delivery report\0" "delivery delayed\0"
	"delivery has failed\0" "delivery problem\0" "delivery error\0" "delivery status\0"
	"delivery unsuccessful\0" "failure delivery\0" "failed delivery\0" "failed to deliver\0"
	"message delayed\0" "returned to sender\0" "return to sender\0"
	"could not be delivered\0" "could not deliver\0" "unable to deliver\0";

/* Words of mail about other things that are delivered, or that are full. */
static const char notice_words[] =
	"parcel\0" "package\0" "shipment\0" "shipping\0" "order\0" "container\0" "pallet\0"
	"freight\0" "invoice\0" "paket\0" "sendung\0" "lieferung\0" "bestellung\0" "colis\0"
	"pedido\0" "pacco\0" "quota\0" "quarantine\0" "ticket\0" "case #\0" "journal\0"
	"almost full\0" "nearly full\0" "mailbox is\0" "mailbox size\0" "mailbox usage\0"
	"storage\0" "postfach\0" "speicherplatz\0";

static const char reply_subjects[] =
	"automatic reply\0" "automated reply\0" "auto reply\0" "auto-reply\0" "autoreply\0"
	"autoresponse\0" "auto response\0" "automated response\0" "out of office\0"
	"out of the office\0" "out-of-office\0" "abwesen\0" "automatische antwort\0"
	"automatisch antwoord\0" "autosvar\0" "automaattinen\0" "r\xc3\xa9ponse automatique\0"
	"respuesta autom\0" "risposta autom\0" "resposta autom\0" "automatick\0"
	"\xd0\x90\xd0\xb2\xd1\x82\xd0\xbe\xd0\xbc\xd0\xb0\xd1\x82\xd0\xb8\xd1\x87\xd0\xb5\xd1\x81"
	"\xd0\xba\xd0\xb8\xd0\xb9 \xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82\0"
	"\xe8\x87\xaa\xe5\x8a\xa8\xe7\xad\x94\xe5\xa4\x8d\0"
	"\xe8\x87\xaa\xe5\x8b\x95\xe5\xbf\x9c\xe7\xad\x94\0";

static const char answer_subjects[] =
	"re:\0" "aw:\0" "fw:\0" "fwd:\0" "wg:\0" "tr:\0" "sv:\0" "vs:\0" "antw:\0" "rv:\0" "[\0";
/* clang-format on */

/* The part of a subject before what the program did not write. */
static struct batv_span fixed_part_of(struct batv_span subject)
{
	const char *colon = memchr(subject.p, ':', subject.len);

	return colon ? batv_span_between(subject.p, colon) : subject;
}

static bool is_bounce_subject(struct batv_span s)
{
	if (batv_span_begins_any(s, bounce_subjects))
		return !has_word_of(fixed_part_of(s), notice_words);
	if (batv_span_begins_any(s, delivery_subjects) ||
	    (batv_span_begins_fold(s, "warning: message ") && contains(s, " delayed ")))
		return !has_word_of(s, notice_words);
	return false;
}

static unsigned dmarc_subject(struct batv_span s)
{
	static const char name[] = "report domain:";
	unsigned habits = 0;

	if (!contains(s, name))
		return 0;
	if (batv_span_begins_fold(s, name) || batv_span_begins_fold(s, "[preview] report domain:"))
		habits = BATV_HABIT_DMARC_FIRST;
	if (contains(s, "submitter:") || contains(s, "report-id:"))
		return habits | BATV_HABIT_DMARC;
	return habits | BATV_HABIT_DMARC_PART;
}

unsigned batv_habits_subject(struct batv_span value)
{
	char text[SUBJECT_MAX];
	struct batv_span s = batv_words_decode(value, text, sizeof text);
	unsigned habits;

	if (is_bounce_subject(s))
		return BATV_HABIT_BOUNCE;
	habits = dmarc_subject(s);
	if (habits)
		return habits;
	if (batv_span_begins_any(s, reply_subjects))
		habits |= BATV_HABIT_REPLY;
	if (batv_span_begins_any(s, answer_subjects))
		habits |= BATV_HABIT_ANSWER;
	if (has_word_of(s, notice_words))
		habits |= BATV_HABIT_NOTICE;
	return habits;
}

/* ---- texts ---- */

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
	"could not be delivered to one or more recipients\0" "below this line is a copy of\0"
	"the following addresses had delivery problems\0" "this is a warning message only\0"
	"your message cannot be delivered to the following recipients\0"
	"we tried to deliver your mail\0" "we tried to deliver your message\0"
	"your mail could not be delivered\0" "your message could not be delivered\0";

/* Fields of a delivery status that stand in the text, and of a returned header. */
static const char status_fields[] = "final-recipient:\0" "diagnostic-code:\0";

/* The lines before a message that a mail program forwards or answers, without dashes. */
static const char forwards[] =
	"original message\0" "forwarded message\0" "begin forwarded message\0"
	"original appointment\0" "urspr\xc3\xbcngliche nachricht\0" "weitergeleitete nachricht\0"
	"message d'origine\0" "message transf\xc3\xa9r\xc3\xa9\0" "mensaje original\0"
	"messaggio originale\0" "oorspronkelijk bericht\0";
/* clang-format on */

struct reading {
	unsigned habits;
	bool forwarded;  /* what follows is a message that somebody forwards */
	bool journal;    /* this block of lines began as an Exchange journal report does */
	unsigned quotes; /* open HTML quotations */
};

static struct batv_span skip_blanks(struct batv_span s)
{
	while (s.len > 0 && batv_is_blank(s.p[0]))
		s = batv_span_after(s, 1);
	return s;
}

static bool begins_forward(struct batv_span line)
{
	bool dashes = batv_span_begins(line, "--");

	while (line.len > 0 && (line.p[0] == '-' || batv_is_blank(line.p[0])))
		line = batv_span_after(line, 1);
	return (dashes || batv_span_begins_fold(line, "begin forwarded")) &&
	       batv_span_begins_any(line, forwards);
}

/* "Received: from", "Received: by"; but a list of mail says "Received: Monday". */
static bool is_trace(struct batv_span line, bool journal)
{
	static const char by[] = "from \0by \0(\0";

	if (batv_span_begins_fold(line, "received:"))
		return batv_span_begins_any(skip_blanks(batv_span_after(line, strlen("received:"))),
					    by);
	if (batv_span_begins_fold(line, "return-path:"))
		return true;
	if (journal || !batv_span_begins_fold(line, "message-id:"))
		return false;
	line = skip_blanks(batv_span_after(line, strlen("message-id:")));
	return line.len == 0 || line.p[0] == '<' || memchr(line.p, '@', line.len);
}

/* Is the line quoted?  HTML quotations may be open over many lines. */
static bool is_quoted(struct reading *r, struct batv_span line)
{
	bool quoted = r->quotes > 0;

	if (line.p[0] == '>' || line.p[0] == '|')
		return true;
	for (; line.len > 0; line = batv_span_after(line, 1)) {
		if (line.p[0] != '<')
			continue;
		if (batv_span_begins_fold(line, "<blockquote"))
			quoted = ++r->quotes > 0;
		else if (batv_span_begins_fold(line, "</blockquote") && r->quotes > 0)
			r->quotes--;
	}
	return quoted;
}

static void read_line(struct reading *r, struct batv_span line)
{
	line = skip_blanks(line);
	if (line.len == 0)
		r->journal = false;
	if (line.len == 0 || is_quoted(r, line))
		return;
	r->journal = r->journal || batv_span_begins_fold(line, "sender:");
	r->forwarded = r->forwarded || begins_forward(line);
	if (is_trace(line, r->journal))
		r->habits |= BATV_HABIT_TRACE;
	if (r->forwarded)
		return;
	if (!(r->habits & BATV_HABIT_PHRASE) &&
	    (batv_span_begins_any(line, status_fields) || has_word_of(line, bounce_phrases)))
		r->habits |= BATV_HABIT_PHRASE;
	/* lists of messages have these lines, with subjects of all kinds */
	if (!(r->habits & BATV_HABIT_CODE) && !batv_span_begins_any(line, "from:\0subject:\0") &&
	    batv_codes_in(line))
		r->habits |= BATV_HABIT_CODE;
}

unsigned batv_habits_text(struct batv_span text)
{
	struct reading r = {.habits = 0};
	struct batv_span line;

	while (batv_span_next_line(&text, &line))
		read_line(&r, line);
	return r.habits;
}
