/*
 * ctl_words.c - a decision in words.
 */
#include "ctl_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- parts ---- */

/* What it is, with its article; after "the" the article is left out. */
static const char *kind_of(const char *class, bool definite)
{
	static const struct {
		const char *class, *kind;
	} kinds[] = {
		{"dsn", "a bounce"},
		{"mdn", "a read receipt"},
		{"autoreply", "an automatic reply"},
		{"calendar", "a meeting reply"},
		{"report", "a report"},
	};
	const char *kind = "an automatic message";

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].class, class) == 0)
			kind = kinds[i].kind;
	return definite ? strchr(kind, ' ') + 1 : kind;
}

static const char *outcome_of(enum batv_action action)
{
	switch (action) {
	case BATV_ACTION_ACCEPT: return "accepted";
	case BATV_ACTION_MARK: return "accepted and marked";
	case BATV_ACTION_REMOVE: return "not delivered to this recipient";
	case BATV_ACTION_REJECT: return "refused";
	case BATV_ACTION_COUNT: break;
	}
	return "put off (451), because too many like it had come";
}

/* Why it counts as an answer to mail of ours. */
static const char *proof_of(const char *proof)
{
	if (strcmp(proof, "id") == 0)
		return "cites a message that left here with this address";
	if (strcmp(proof, "tag") == 0)
		return "names a valid tag of this address";
	if (strcmp(proof, "pair") == 0)
		return "comes from somebody to whom this address had written";
	return "answers mail that was sent from here";
}

const char *batv_ctl_words_reason(enum batv_reason reason)
{
	switch (reason) {
	case BATV_WHY_NONE: return NULL;
	case BATV_WHY_AUTHENTICATED: return "its sender had logged in";
	case BATV_WHY_OWN_HOST: return "it came from a host in own_hosts";
	case BATV_WHY_EXEMPT_HOST: return "it came from a host in exempt_hosts";
	case BATV_WHY_ACL: return "an ACL exempts it";
	case BATV_WHY_EXEMPT_RECIPIENT: return "the address is in exempt_recipients";
	case BATV_WHY_UNSIGNED_SENDER:
		return "mail of this address leaves untagged (unsigned_senders)";
	case BATV_WHY_SRS: return "the address is one of SRS, which has a signature of its own";
	case BATV_WHY_LOCAL: return "a program on this machine sent it";
	case BATV_WHY_OBSERVE: return "the domain only observes (enforcement = observe)";
	case BATV_WHY_NOT_ARMED: return "the domain does not refuse yet (enforcement = auto)";
	case BATV_WHY_OBSERVE_FILE: return "the file \"observe\" stops all refusals";
	case BATV_WHY_CLASS: return "the policy does not refuse messages of this class";
	case BATV_WHY_RELAY_HOST: return "it came through a host in relay_in_hosts";
	case BATV_WHY_MIXED: return "the same message was for another recipient, too";
	case BATV_WHY_DOUBT: return "a list could not be looked up, or the keys had run out";
	case BATV_WHY_NO_MEMORY:
		return "the sent-mail memory is not complete, so it cannot tell that this was not "
		       "sent from here";
	case BATV_WHY_LOST_SECRET: return "its tag may be of a secret that was lost";
	case BATV_WHY_CITES_NOTHING:
		return "it cites no Message-ID, so the sent-mail memory cannot disprove it";
	case BATV_WHY_HINT_ID:
		return "the message cites one that left from here with this address in its header "
		       "only; it is delivered and marked, up to 20 times a day";
	case BATV_WHY_TRUSTED_HOST:
		return "a host in trusted_hosts sent it, which would drop what is refused";
	case BATV_WHY_FETCHED: return "it was fetched from a mailbox elsewhere";
	case BATV_WHY_RELAY_SENDS:
		return "a host in relay_in_hosts sent untagged mail of this domain, and this may "
		       "be a bounce of it";
	case BATV_WHY_HINT_FORWARDED:
		return "it is a bounce of another account, which was forwarded here; it is "
		       "delivered and marked, up to 5 times a day for a network and for a "
		       "recipient";
	case BATV_WHY_FLEET_BEHIND:
		return "another server of the fleet may just have sent what it cites, and this "
		       "server did not learn of it in time";
	case BATV_WHY_COUNT: break;
	}
	return "of a reason that this version does not know";
}

static void __attribute__((format(printf, 2, 3)))
append(char out[static BATV_WORDS_SIZE], const char *format, ...)
{
	size_t len = strlen(out);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out + len, BATV_WORDS_SIZE - len, format, ap);
	va_end(ap);
}

/* What it was: "the bounce came to ...". */
static void add_what(const struct batv_ctl_decided *d, char out[static BATV_WORDS_SIZE])
{
	const char *kind = kind_of(d->class, true);

	switch (d->verdict) {
	case BATV_VALID: append(out, "the %s came to an address with a valid tag", kind); break;
	case BATV_REMEMBERED:
		append(out, "the %s came without a valid tag, but %s", kind, proof_of(d->proof));
		break;
	case BATV_EXEMPT: append(out, "the %s was not checked", kind); break;
	case BATV_UNSIGNABLE: append(out, "this address can never carry a tag"); break;
	case BATV_NOT_OURS: append(out, "the domain of this address is not protected"); break;
	case BATV_MISSING:
		append(out,
		       "the %s came to the untagged address, and no Message-ID in it was sent from "
		       "here",
		       kind);
		break;
	case BATV_EXPIRED:
		append(out, "the %s came to an address with a tag that is no longer valid", kind);
		break;
	case BATV_FORGED:
		append(out, "the %s came to an address with a tag that was not made here", kind);
		break;
	case BATV_VERDICT_COUNT: break;
	}
}

static bool is_refused(const struct batv_ctl_decided *d)
{
	return d->action == BATV_ACTION_REJECT || d->action == BATV_ACTION_REMOVE;
}

void batv_ctl_words_decision(const struct batv_ctl_decided *d, char out[static BATV_WORDS_SIZE])
{
	const char *reason = batv_ctl_words_reason(d->reason);

	out[0] = '\0';
	append(out, "%s: ", outcome_of(d->action));
	if (is_refused(d) && d->reason == BATV_WHY_MIXED) {
		append(out, "the message tries several tags, which a bounce never does");
		return;
	}
	add_what(d, out);
	if (reason && d->verdict == BATV_EXEMPT)
		append(out, ", because %s", reason);
	else if (reason && !is_refused(d))
		append(out, "; it was not refused, because %s", reason);
	else
		return;
	if (d->item)
		append(out, " (%s)", d->item);
}

/* ---- to the other side ---- */

static const char refuse_early[] =
	"Please refuse such mail while it is being sent to you, at RCPT or after DATA, instead of "
	"accepting it and sending a bounce later.";

static void add_change(const struct batv_ctl_decided *d, char out[static BATV_WORDS_SIZE])
{
	bool bounce = strcmp(d->class, "dsn") == 0;

	if (is_refused(d) && d->reason == BATV_WHY_MIXED)
		append(out,
		       " It had many recipients with different signatures, as in guessing them. "
		       "A bounce has one recipient: the return path of the message, as it came.");
	else if (d->verdict == BATV_EXPIRED)
		append(out, " It went to a return path of ours whose signature has expired: the "
			    "message that it answers left here too long ago. Please answer within "
			    "five days, as RFC 5321 says (4.5.4.1).");
	else if (d->verdict == BATV_FORGED)
		append(out,
		       " It went to an address with the form of our signed return paths, but with "
		       "a "
		       "signature that we did not make: the sender of that message was forged, or "
		       "a "
		       "server on the way has changed the address. Please answer to the return "
		       "path "
		       "exactly as it came. %s",
		       refuse_early);
	else if (bounce)
		append(out,
		       " Our mail leaves with a signed return path, and bounces of it come back to "
		       "exactly that address. Yours went to the plain address, and returns no "
		       "message "
		       "that was sent from here: somebody had forged our address as its sender. %s "
		       "If "
		       "you think that we did send it, please let us have the returned message "
		       "with "
		       "its whole header.",
		       refuse_early);
	else
		append(out,
		       " An automatic answer goes to the return path of the message that it "
		       "answers, "
		       "and names its Message-ID, in In-Reply-To or References (RFC 3834) or, in a "
		       "receipt, in Original-Message-ID (RFC 8098). Yours went to the plain "
		       "address, "
		       "and names no message that was sent from here. Please make your server do "
		       "so, "
		       "and not answer mail that fails SPF or DMARC: its sender is forged.");
}

/* Of one that was not refused: why it was let in. */
static void add_let_in(const struct batv_ctl_decided *d, char out[static BATV_WORDS_SIZE])
{
	const char *reason = batv_ctl_words_reason(d->reason);

	append(out, " We let it in: ");
	add_what(d, out);
	if (reason)
		append(out, "%s because %s",
		       d->verdict == BATV_EXEMPT ? "," : "; it was not refused,", reason);
	append(out, ".");
	if (!batv_verdict_failed(d->verdict)) {
		append(out, " Nothing needs to be changed.");
		return;
	}
	append(out, " That may change.");
	add_change(d, out);
}

void batv_ctl_words_letter(const struct batv_ctl_decided *d, const struct batv_ctl_letter *letter,
			   char out[static BATV_WORDS_SIZE])
{
	bool put_off = d->action == BATV_ACTION_COUNT;

	out[0] = '\0';
	append(out, "On %s (our time) your server %s sent %s to %s", letter->when, letter->from,
	       kind_of(d->class, false), letter->rcpt);
	if (d->action == BATV_ACTION_REMOVE)
		append(out, ", and others. We did not deliver it to this address.");
	else if (is_refused(d))
		append(out, ". We refused it, after DATA.");
	else if (put_off)
		append(out,
		       ". We put it off, with 451, because too many like it had come within a day. "
		       "Nothing is lost: please let your server try again. Please look for what "
		       "sends "
		       "so many answers to one message, such as a mail loop or a list.");
	else
		append(out, ".");
	if (is_refused(d))
		add_change(d, out);
	else if (!put_off)
		add_let_in(d, out);
}
