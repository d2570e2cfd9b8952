/*
 * state_text.h - states for tests: a good one, and any text with the right end line under it.
 */
#ifndef STATE_TEXT_H
#define STATE_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"

#define STATE_HEAD                                                                                 \
 "exim-batv state 1\n"                                                                             \
 "written 1795910400\n"                                                                            \
 "serial 12\n"                                                                                     \
 "config 0123456789abcdef\n"                                                                       \
 "fingerprint fedcba9876543210\n"                                                                  \
 "memory memory.3\n"                                                                               \
 "key_rotation 7d\n"                                                                               \
 "key_retention 1d12h\n"                                                                           \
 "automatic_senders ^(mailer-daemon|daemon)@.*$\n"
#define STATE_KEYS                                                                                 \
 "break * 1795000000 0 signing was switched off\n"                                                 \
 "break shop 1795000001 1795900000 a secret was revoked\n"                                         \
 "key 4711 2969 3 809 1795651200 1796256000 1796947200 " KEY_A "\n"                                \
 "key 4711 2970 1 816 1796256000 1796860800 1797552000 " KEY_B "\n"                                \
 "legacy 1798675200 733363726574\n"
#define STATE_POLICIES                                                                             \
 "domains +local_domains\n"                                                                        \
 "signing on\n"                                                                                    \
 "grace 7d\n"                                                                                      \
 "unsigned_senders\n"                                                                              \
 "own_hosts <; 127.0.0.0/8 ; ::1 ; @[]\n"                                                          \
 "policy shop\n"                                                                                   \
 "domains cdb;/etc/shop.cdb\n"                                                                     \
 "enforcement reject\n"                                                                            \
 "unproven_mdn accept\n"                                                                           \
 "policy quiet\n"                                                                                  \
 "domains quiet.example\n"                                                                         \
 "signing off\n"
#define STATE_BODY STATE_HEAD STATE_KEYS STATE_POLICIES

/* body and its end line to out, which has the room; the length. */
static inline size_t state_seal(const char *body, size_t len, char *out)
{
	memcpy(out, body, len);
	return len + (size_t)sprintf(out + len, "end %016" PRIx64 "\n",
				     batv_fnv64(BATV_FNV_START, body, len));
}

#endif
