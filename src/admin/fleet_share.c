/*
 * fleet_share.c - writes and reads fleet.key, and gives batv-fleet access.
 *
 * Invariant: the text holds a key that was made from the memory's key, and no other.  It is wiped
 * before it is freed.
 */
#include "fleet_share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "acl.h"
#include "base/fault.h"
#include "base/hmac.h"
#include "fleet_row.h"

#define FIRST_LINE "exim-batv fleet "
#define TEXT_MAX 1024
#define READS 4
#define WRITES 2
#define SEARCHES 1

/* ---- reading ---- */

/* Takes the line "KEYWORD VALUE" off *text.  The value is NUL-terminated in place. */
static bool take(char **text, const char *keyword, struct batv_span *value)
{
	const size_t len = strlen(keyword);
	char *end = strchr(*text, '\n');

	if (!end || strncmp(*text, keyword, len) != 0 || (*text)[len] != ' ')
		return false;
	*end = '\0';
	*value = batv_span_of(*text + len + 1);
	*text = end + 1;
	return true;
}

static bool take_name(char **text, const char *keyword, char *out, size_t size)
{
	struct batv_span value;

	if (!take(text, keyword, &value) || value.len == 0 || value.len >= size ||
	    value.p[0] == '.')
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (!batv_is_name_char(value.p[i]) && value.p[i] != '.')
			return false;
	memcpy(out, value.p, value.len + 1);
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	return true;
}

static bool take_lines(char *text, struct batv_fleet_share *out)
{
	struct batv_span key, capacity, retention;

	return take_name(&text, "fleet", out->fleet, sizeof out->fleet) && out->fleet[0] &&
	       take(&text, "key", &key) && key.len == 2 * sizeof out->key &&
	       batv_span_to_bytes(key, out->key, sizeof out->key) &&
	       take_name(&text, "memory", out->memory, sizeof out->memory) &&
	       take_name(&text, "before", out->before, sizeof out->before) &&
	       take(&text, "capacity", &capacity) && batv_span_to_u64(capacity, &out->capacity) &&
	       take(&text, "retention", &retention) &&
	       batv_span_to_i64(retention, &out->retention) && out->retention > 0 &&
	       strcmp(text, "end\n") == 0;
}

enum batv_err batv_fleet_share_parse(char *text, size_t len, struct batv_fleet_share *out)
{
	const size_t head = sizeof FIRST_LINE - 1;

	*out = (struct batv_fleet_share){.capacity = 0};
	if (len < head || memchr(text, '\0', len) || memcmp(text, FIRST_LINE, head) != 0)
		return BATV_E_SYNTAX;
	if (strncmp(text + head, "1\n", 2) != 0)
		return BATV_E_VERSION;
	if (take_lines(text + head + 2, out))
		return BATV_OK;
	batv_wipe(out, sizeof *out);
	return BATV_E_SYNTAX;
}

enum batv_err batv_fleet_share_read(int dirfd, struct batv_fleet_share *out)
{
	char *text;
	size_t len;
	enum batv_err err = batv_slurp(dirfd, BATV_FLEET_KEY_NAME, TEXT_MAX, &text, &len);

	if (err != BATV_OK)
		return err;
	err = batv_fleet_share_parse(text, len, out);
	batv_wipe(text, len);
	free(text);
	return err;
}

/* ---- writing ---- */

/* Returns the length of the text; 0: libcrypto refuses. */
static size_t format(const struct batv_state *state, uint64_t capacity, char out[static TEXT_MAX])
{
	uint8_t key[BATV_HKDF_LEN];
	char hex[2 * sizeof key + 1];
	bool ok = batv_hkdf_fleet(state->memory_key, key);
	int n;

	batv_bytes_to_hex(key, sizeof key, hex);
	n = snprintf(out, TEXT_MAX,
		     FIRST_LINE "1\nfleet %s\nkey %s\nmemory %s\nbefore %s\ncapacity %" PRIu64
				"\nretention %" PRId64 "\nend\n",
		     state->global.fleet, hex, *state->memory ? state->memory : "-",
		     *state->memory_before ? state->memory_before : "-", capacity,
		     state->global.memory_retention);
	batv_wipe(key, sizeof key);
	batv_wipe(hex, sizeof hex);
	return ok && n > 0 && n < TEXT_MAX ? (size_t)n : 0;
}

static bool is_there(int dirfd, const char *text, size_t len)
{
	char *old;
	size_t old_len;
	bool same;

	if (batv_slurp(dirfd, BATV_FLEET_KEY_NAME, TEXT_MAX, &old, &old_len) != BATV_OK)
		return false;
	same = old_len == len && memcmp(old, text, len) == 0;
	batv_wipe(old, old_len);
	free(old);
	return same;
}

static void write_key(const struct batv_store *store, const struct batv_state *state,
		      uint64_t capacity, struct batv_notices *notices)
{
	char text[TEXT_MAX], why[200];
	size_t len = format(state, capacity, text);
	enum batv_err err = BATV_OK;

	if (len == 0)
		batv_notices_trouble(notices, BATV_TROUBLE_SHARE,
				     "cannot derive the key of the fleet: libcrypto refuses it");
	else if (!is_there(store->dirfd, text, len))
		err = batv_replace(store->dirfd, BATV_FLEET_KEY_NAME, BATV_FLEET_KEY_MODE, text,
				   len);
	if (err != BATV_OK && err != BATV_E_SYNC)
		batv_notices_trouble(
			notices, BATV_TROUBLE_SHARE, "%s/%s: cannot write it for batv-fleet: %s",
			store->path, BATV_FLEET_KEY_NAME,
			batv_fault(store->dirfd, BATV_FLEET_KEY_NAME, false, err, why, sizeof why));
	batv_wipe(text, sizeof text);
}

/* ---- access ---- */

/* A file that is not there needs no access. */
static void give(const struct batv_store *store, const char *name, uid_t user, unsigned permissions,
		 struct batv_notices *notices)
{
	int fd = openat(store->dirfd, name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum batv_err err;

	if (fd < 0)
		return;
	err = permissions ? batv_acl_allow(fd, user, permissions) : batv_acl_forbid(fd, user);
	if (err != BATV_OK && permissions)
		batv_notices_trouble(
			notices, BATV_TROUBLE_SHARE, "%s/%s: cannot give user %s access: %s",
			store->path, name, BATV_FLEET_USER,
			err == BATV_E_FULL ? "its access control list has more than 64 entries"
			: errno == ENOTSUP ? "its file system has no access control lists; move "
					     "the state directory to one that has them (ext4, xfs, "
					     "btrfs), or run batv-fleet as its owner"
					   : strerror(errno));
	(void)close(fd);
}

static void give_all(const struct batv_store *store, const struct batv_state *state, uid_t user,
		     bool allow, struct batv_notices *notices)
{
	const struct {
		const char *name;
		unsigned permissions;
	} files[] = {
		{BATV_FLEET_KEY_NAME, READS},
		{BATV_FLEET_ROW_NAME, READS},
		{state->memory, READS | WRITES},
		{state->memory_before, READS | WRITES},
	};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (*files[i].name)
			give(store, files[i].name, user, allow ? files[i].permissions : 0, notices);
}

/*
 * Only root can give access to the directory: changed by its owner, who is not in Exim's group, it
 * would lose its setgid bit.
 */
static void check_directory(const struct batv_store *store, uid_t user,
			    struct batv_notices *notices)
{
	struct stat st;

	if (batv_acl_allows(store->dirfd, user, READS | SEARCHES) ||
	    (fstat(store->dirfd, &st) == 0 && (st.st_mode & (S_IROTH | S_IXOTH)) == 5))
		return;
	batv_notices_trouble(notices, BATV_TROUBLE_SHARE,
			     "%s: user %s cannot look into it; run: setfacl -m u:%s:rx %s",
			     store->path, BATV_FLEET_USER, BATV_FLEET_USER, store->path);
}

static void take_back(const struct batv_store *store, const struct batv_state *state,
		      struct batv_notices *notices)
{
	const struct passwd *user;

	if (unlinkat(store->dirfd, BATV_FLEET_KEY_NAME, 0) < 0)
		return; /* nothing was given */
	(void)unlinkat(store->dirfd, BATV_FLEET_ROW_NAME, 0);
	user = getpwnam(BATV_FLEET_USER);
	if (user)
		give_all(store, state, user->pw_uid, false, notices);
	batv_notices_say(notices, LOG_NOTICE, "%s/%s: removed: there is no fleet any more",
			 store->path, BATV_FLEET_KEY_NAME);
}

void batv_fleet_share_look(const struct batv_store *store, const struct batv_state *state,
			   uint64_t capacity, struct batv_notices *notices, bool *told)
{
	const struct passwd *user;

	if (!batv_state_has_fleet(state)) {
		take_back(store, state, notices);
		return;
	}
	if (!state->has_memory_key)
		return; /* the secret file says why */
	write_key(store, state, capacity, notices);
	user = getpwnam(BATV_FLEET_USER);
	if (user && user->pw_uid != geteuid()) {
		check_directory(store, user->pw_uid, notices);
		give_all(store, state, user->pw_uid, true, notices);
	} else if (!user && !*told) {
		batv_notices_say(notices, LOG_NOTICE,
				 "there is no user %s, so only this one can run batv-fleet; the "
				 "package exim-batv-fleet makes it",
				 BATV_FLEET_USER);
	}
	*told = *told || !user;
}
