/*
 * ctl_secret.c - batvctl rotate, and batvctl secret export|import|unshare.
 *
 * Invariant: the secret file is read, changed and replaced under the writers' lock, by its owner,
 * and only if its keys fit.  Then the change must be published: by batvd, or by us if it is not
 * running.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hmac.h"
#include "ctl_publish.h"
#include "timeline.h"

#define LOCK_SECONDS 10

/* All the sets of one change.  They are too large for the stack. */
struct sets {
	struct batv_secrets old, incoming, next;
	struct batv_secrets now; /* the file after the change; n is 0 if it was not read */
};

static struct sets *new_sets(void)
{
	struct sets *s = calloc(1, sizeof *s);

	if (!s)
		batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	return s;
}

static void free_sets(struct sets *s)
{
	batv_wipe(s, sizeof *s);
	free(s);
}

/* ---- waiting until a change is published ---- */

static const struct batv_secret *find_number(const struct batv_secrets *set, uint32_t number)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->list[i].number == number)
			return &set->list[i];
	return NULL;
}

/*
 * Is our change in this file?  Another batvctl may have changed the file since, and batvd may have
 * removed secrets that have no living tag.
 */
static bool holds(const struct batv_secrets *file, const struct batv_secrets *ours)
{
	for (size_t i = 0; i < ours->n; i++) {
		const struct batv_secret *mine = &ours->list[i],
					 *there = find_number(file, mine->number);

		if (!there && i + 1 == ours->n)
			return false;
		if (there && (memcmp(there->bytes, mine->bytes, sizeof mine->bytes) != 0 ||
			      (mine->revoked && !there->revoked)))
			return false;
	}
	return true;
}

/* The fingerprint omits retired secrets.  Their keys show whether they are published. */
static bool has_keys_of(const struct batv_state *st, const struct batv_secrets *file)
{
	struct batv_keyring ring = {0};
	bool same = batv_timeline_at(file, st->written, &ring) == BATV_OK &&
		    ring.n_keys == st->ring.n_keys;

	for (size_t i = 0; same && i < ring.n_keys; i++)
		same = ring.keys[i].secret == st->ring.keys[i].secret &&
		       ring.keys[i].epoch == st->ring.keys[i].epoch;
	OPENSSL_cleanse(&ring, sizeof ring);
	return same;
}

static bool is_published(struct batv_ctl *ctl, const struct batv_secrets *file)
{
	struct batv_stored_state *st = calloc(1, sizeof *st);
	char fingerprint[BATV_FINGERPRINT_SIZE];
	bool same;

	if (!st)
		return false;
	batv_secrets_fingerprint(file, fingerprint);
	same = batv_store_read_state(&ctl->store, st, ctl->message, sizeof ctl->message) ==
		       BATV_OK &&
	       strcmp(st->state.fingerprint, fingerprint) == 0 &&
	       st->state.shared == batv_secrets_shared(file) && has_keys_of(&st->state, file);
	batv_store_free_state(st);
	free(st);
	return same;
}

enum seen { NOT_YET, PUBLISHED, REPLACED };

/* batvd publishes the file as it is now, with the changes that others made after ours. */
static enum seen look_at_published(struct batv_ctl *ctl, struct sets *s)
{
	if (batv_store_read_secret(&ctl->store, &s->now, ctl->message, sizeof ctl->message))
		return NOT_YET;
	if (!holds(&s->now, &s->next))
		return REPLACED;
	return is_published(ctl, &s->now) ? PUBLISHED : NOT_YET;
}

struct watched {
	struct batv_ctl *ctl;
	struct sets *sets;
	enum seen seen;
};

static bool look(void *ctx)
{
	struct watched *w = ctx;

	w->seen = look_at_published(w->ctl, w->sets);
	return w->seen != NOT_YET;
}

/* Waits until the change is in force (*ok), or time is up.  Returns what to print about it. */
static const char *see_through(struct batv_ctl *ctl, struct sets *s, bool *ok)
{
	struct watched w = {.ctl = ctl, .sets = s};
	const char *text = batv_ctl_publish(ctl, look, &w, ok);

	*ok = w.seen == PUBLISHED;
	return w.seen == REPLACED
		       ? "not in force: another change of the secrets has replaced it; see batvctl "
			 "keys"
		       : text;
}

/* Takes the lock and reads the set.  The caller closes *lock if it is not -1. */
static int lock_and_read(struct batv_ctl *ctl, struct batv_secrets *set, bool may_lack, int *lock)
{
	enum batv_err err;
	int code = batv_ctl_open_as_owner(ctl);

	*lock = -1;
	if (code)
		return code;
	if (batv_store_lock(&ctl->store, BATV_WRITER_LOCK, LOCK_SECONDS, lock, ctl->message,
			    sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	err = batv_store_read_secret(&ctl->store, set, ctl->message, sizeof ctl->message);
	if (err == BATV_E_NO_FILE) {
		memset(set, 0, sizeof *set);
		if (may_lack)
			return BATV_CTL_YES;
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s; batvd creates it when it starts",
				     ctl->message);
	}
	return err ? batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message) : BATV_CTL_YES;
}

static int write_set(struct batv_ctl *ctl, const struct batv_secrets *set)
{
	if (!batv_timeline_fits(set, ctl->clock))
		return batv_ctl_fail(BATV_CTL_NO,
				     "refused, nothing was changed: there would be more "
				     "than %d live keys; wait until older ones are destroyed, or "
				     "choose a shorter key_retention",
				     BATV_KEYS_MAX);
	if (batv_store_write_secret(&ctl->store, set, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return BATV_CTL_YES;
}

/* ---- rotate ---- */

static void revoke_all(struct batv_secrets *set, int64_t now)
{
	for (size_t i = 0; i < set->n; i++)
		if (!set->list[i].revoked)
			set->list[i].revoked = now;
}

static int plan_rotation(struct batv_ctl *ctl, struct sets *s)
{
	enum batv_err err;

	s->next = s->old;
	if (ctl->revoke)
		revoke_all(&s->next, ctl->clock);
	err = batv_secrets_add(&s->next, ctl->config.global.key_rotation,
			       ctl->config.global.key_retention, ctl->now);
	if (err)
		return batv_ctl_fail(err == BATV_E_FULL ? BATV_CTL_NO : BATV_CTL_TROUBLE,
				     "%s/%s: cannot add a secret: %s", ctl->store.path,
				     BATV_SECRET_NAME, batv_strerror(err));
	return BATV_CTL_YES;
}

/* Which secret signs from the start of ours on?  Another one may have been added since. */
static uint32_t signs_then(const struct sets *s, const struct batv_secret *added)
{
	const struct batv_secret *then =
		s->now.n ? batv_secret_signing(&s->now, added->start) : NULL;

	return then ? then->number : added->number;
}

static json_t *json_rotation(const struct batv_secret *added, uint32_t signs, bool revoked, bool ok)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "signs", signs);
	batv_ctl_put_number(o, "secret", added->number);
	batv_ctl_put(o, "start", json_integer((json_int_t)added->start));
	batv_ctl_put_flag(o, "revoked", revoked);
	batv_ctl_put_flag(o, "published", ok);
	return o;
}

static void print_rotation(const struct batv_ctl *ctl, const struct sets *s, const char *seen,
			   bool ok)
{
	const struct batv_secret *added = &s->next.list[s->next.n - 1];
	const uint32_t signs = signs_then(s, added);
	char start[BATV_TIME_SIZE];

	if (ctl->json) {
		batv_ctl_print_json(json_rotation(added, signs, ctl->revoke, ok));
		return;
	}
	batv_ctl_time_format(added->start, start, sizeof start);
	if (s->now.n && !find_number(&s->now, added->number)) {
		printf("added secret %" PRIu32 ", but it has been removed since\n%s\n",
		       added->number, seen);
		return;
	}
	if (signs == added->number)
		printf("added secret %" PRIu32 ", which signs from %s\n", added->number, start);
	else
		printf("added secret %" PRIu32 ", but from %s secret %" PRIu32
		       " signs, which another batvctl added\n",
		       added->number, start, signs);
	if (ctl->revoke)
		puts("revoked all earlier secrets: domains with enforcement = auto refuse nothing "
		     "until bounces of mail sent with them can no longer come; domains with "
		     "enforcement = reject refuse those bounces");
	puts(seen);
	puts("if other servers share the secrets, send them to each: batvctl secret export | ssh "
	     "OTHER batvctl secret import");
}

int batv_ctl_rotate(struct batv_ctl *ctl, char **args, int n)
{
	struct sets *s;
	const char *seen;
	int lock, code;
	bool ok = false;

	(void)args, (void)n;
	if (ctl->at_given && ctl->revoke)
		return batv_ctl_fail(BATV_CTL_USAGE, "rotate: --revoke takes effect now; it cannot "
						     "be combined with --at");
	if (ctl->now < ctl->clock)
		return batv_ctl_fail(BATV_CTL_USAGE, "rotate: --at is in the past");
	s = new_sets();
	if (!s)
		return BATV_CTL_TROUBLE;
	code = lock_and_read(ctl, &s->old, false, &lock);
	if (code == BATV_CTL_YES)
		code = plan_rotation(ctl, s);
	if (code == BATV_CTL_YES)
		code = write_set(ctl, &s->next);
	if (lock >= 0)
		close(lock);
	if (code == BATV_CTL_YES) {
		seen = see_through(ctl, s, &ok);
		print_rotation(ctl, s, seen, ok);
		code = ok ? BATV_CTL_YES : BATV_CTL_TROUBLE;
	}
	free_sets(s);
	return code;
}

/* ---- export ---- */

static void warn_of_readers(void)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0077))
		fprintf(stderr,
			"batvctl: warning: other users can read the file that the secrets go to "
			"(mode %04o); use umask 077\n",
			(unsigned)st.st_mode & 07777);
}

static int write_out(const struct batv_secrets *set)
{
	char *text = NULL;
	size_t len = 0;
	bool ok;

	if (batv_secrets_format(set, &text, &len) != BATV_OK)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	warn_of_readers();
	setvbuf(stdout, NULL, _IONBF, 0); /* leave no copy in a buffer */
	ok = fwrite(text, 1, len, stdout) == len;
	batv_wipe(text, len);
	free(text);
	return ok ? BATV_CTL_YES
		  : batv_ctl_fail(BATV_CTL_TROUBLE, "secret export: cannot write: %s",
				  strerror(errno));
}

/*
 * Marks the set as shared, in our own file too, because from now on another server has it.  Leaves
 * it in s->next.  It is written out only once that is in force, or if only batvd is missing.
 */
static int mark_shared(struct batv_ctl *ctl, struct sets *s, bool shared, bool *changed)
{
	int lock, code = lock_and_read(ctl, &s->old, false, &lock);

	*changed = false;
	if (code == BATV_CTL_YES) {
		s->next = s->old;
		*changed = batv_secrets_share(&s->next, shared);
		if (*changed)
			code = write_set(ctl, &s->next);
	}
	if (lock >= 0)
		close(lock);
	return code;
}

static int share_and_write(struct batv_ctl *ctl)
{
	struct sets *s = new_sets();
	bool changed, ok = true;
	const char *seen = "";
	int code;

	if (!s)
		return BATV_CTL_TROUBLE;
	code = mark_shared(ctl, s, true, &changed);
	if (code == BATV_CTL_YES && changed)
		seen = see_through(ctl, s, &ok);
	if (!ok)
		fprintf(stderr, "batvctl: warning: the secrets are marked as shared: %s\n", seen);
	if (code == BATV_CTL_YES)
		code = write_out(&s->next);
	free_sets(s);
	return code;
}

/* A backup stays with this server: it says nothing about others. */
static int back_up(struct batv_ctl *ctl)
{
	struct batv_secrets *set;
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	set = calloc(1, sizeof *set);
	if (!set)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	if (batv_store_read_secret(&ctl->store, set, ctl->message, sizeof ctl->message))
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	else
		code = write_out(set);
	batv_secrets_wipe(set);
	free(set);
	return code;
}

static int export_secrets(struct batv_ctl *ctl)
{
	if (isatty(STDOUT_FILENO) && !ctl->force)
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"secret export: this would show the secrets on the "
			"terminal; redirect them to a file or a program, or add --force");
	return ctl->backup ? back_up(ctl) : share_and_write(ctl);
}

/* ---- import ---- */

static int read_in(struct batv_secrets *set)
{
	char *text = malloc(BATV_SECRET_FILE_MAX + 1);
	const char *why = "";
	unsigned line = 0;
	size_t len;
	enum batv_err err;

	if (!text)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	setvbuf(stdin, NULL, _IONBF, 0);
	len = fread(text, 1, BATV_SECRET_FILE_MAX + 1, stdin);
	if (len > BATV_SECRET_FILE_MAX)
		err = BATV_E_TOO_LONG;
	else
		err = batv_secrets_parse(text, len, set, &line, &why);
	batv_wipe(text, len);
	free(text);
	if (err && line)
		return batv_ctl_fail(BATV_CTL_USAGE, "secret import: standard input:%u: %s", line,
				     why && *why ? why : batv_strerror(err));
	if (err)
		return batv_ctl_fail(BATV_CTL_USAGE, "secret import: standard input: %s",
				     why && *why ? why : batv_strerror(err));
	if (set->n == 0)
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "secret import: standard input: contains no secret");
	if (!set->ended)
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"secret import: standard input: has no end line, so it was cut off "
			"on the way; nothing was changed; export the secrets again");
	return BATV_CTL_YES;
}

static int merge_incoming(struct batv_ctl *ctl, struct sets *s, bool *broken)
{
	uint32_t number = 0;
	enum batv_err err = batv_secrets_merge(&s->old, &s->incoming, ctl->force, ctl->clock,
					       &s->next, &number, broken);

	if (err == BATV_E_CONFLICT)
		return batv_ctl_fail(BATV_CTL_NO,
				     "secret import: refused, nothing was changed: secret "
				     "%" PRIu32 " is already here, with different bytes or times; "
				     "--force takes the incoming one",
				     number);
	if (err)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "secret import: %s", batv_strerror(err));
	/* an older version's export does not say it */
	if (!ctl->backup)
		(void)batv_secrets_share(&s->next, true);
	return BATV_CTL_YES;
}

static json_t *json_import(const struct sets *s, const char *fingerprint, bool broken, bool ok)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "secrets", s->next.n);
	batv_ctl_put_text(o, "fingerprint", fingerprint);
	batv_ctl_put_flag(o, "replaced_without_overlap", broken);
	batv_ctl_put_flag(o, "published", ok);
	return o;
}

static void print_import(const struct batv_ctl *ctl, const struct sets *s, bool broken,
			 const char *seen, bool ok)
{
	char fingerprint[BATV_FINGERPRINT_SIZE];

	batv_secrets_fingerprint(&s->next, fingerprint);
	if (ctl->json) {
		batv_ctl_print_json(json_import(s, fingerprint, broken, ok));
		return;
	}
	printf("imported %zu secrets; there are now %zu, fingerprint %s\n", s->incoming.n,
	       s->next.n, fingerprint);
	if (broken)
		puts("a secret was replaced by another with the same number: nothing is refused "
		     "until bounces of mail signed with the old one can no longer come");
	puts(seen);
}

static int import_secrets(struct batv_ctl *ctl)
{
	struct sets *s;
	const char *seen;
	bool broken = false, ok = false;
	int lock = -1, code;

	if (isatty(STDIN_FILENO))
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			"secret import: standard input is a terminal; redirect the output "
			"of batvctl secret export to it");
	s = new_sets();
	if (!s)
		return BATV_CTL_TROUBLE;
	code = read_in(&s->incoming); /* before the lock: ssh may ask for a password */
	if (code == BATV_CTL_YES)
		code = lock_and_read(ctl, &s->old, true, &lock);
	if (code == BATV_CTL_YES)
		code = merge_incoming(ctl, s, &broken);
	if (code == BATV_CTL_YES)
		code = write_set(ctl, &s->next);
	if (lock >= 0)
		close(lock);
	if (code == BATV_CTL_YES) {
		seen = see_through(ctl, s, &ok);
		print_import(ctl, s, broken, seen, ok);
		code = ok ? BATV_CTL_YES : BATV_CTL_TROUBLE;
	}
	free_sets(s);
	return code;
}

/* ---- unshare ---- */

static int unshare_secrets(struct batv_ctl *ctl)
{
	struct sets *s = new_sets();
	bool changed, ok = true;
	const char *seen = "no secret was marked as shared";
	json_t *o;
	int code;

	if (!s)
		return BATV_CTL_TROUBLE;
	code = mark_shared(ctl, s, false, &changed);
	if (code == BATV_CTL_YES && changed)
		seen = see_through(ctl, s, &ok);
	if (code == BATV_CTL_YES && ctl->json) {
		o = json_object();
		batv_ctl_put_flag(o, "shared", false);
		batv_ctl_put_flag(o, "changed", changed);
		batv_ctl_put_flag(o, "published", ok);
		batv_ctl_print_json(o);
	} else if (code == BATV_CTL_YES) {
		printf("the secrets are this server's alone\n%s\n", seen);
	}
	free_sets(s);
	return code != BATV_CTL_YES || ok ? code : BATV_CTL_TROUBLE;
}

int batv_ctl_secret(struct batv_ctl *ctl, char **args, int n)
{
	(void)n;
	if (ctl->backup && strcmp(args[0], "export") != 0 && strcmp(args[0], "import") != 0)
		return batv_ctl_fail(BATV_CTL_USAGE, "secret %s: option --backup is not valid here",
				     args[0]);
	if (strcmp(args[0], "export") == 0)
		return export_secrets(ctl);
	if (strcmp(args[0], "import") == 0)
		return import_secrets(ctl);
	if (strcmp(args[0], "unshare") == 0)
		return unshare_secrets(ctl);
	return batv_ctl_fail(BATV_CTL_USAGE, "secret: expected export, import or unshare, not %s",
			     args[0]);
}
