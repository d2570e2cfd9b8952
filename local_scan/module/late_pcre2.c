/*
 * late_pcre2.c - loads PCRE2 for batv.so when automatic.c has its first pattern to match.
 *
 * Nearly no process meets a pattern (architecture.md, "In a fresh process"), so batv.so is not
 * linked with libpcre2; these are its functions, and each finds the real one.  Every
 * Exim since 4.96 has the library loaded anyway; where it is missing all the same, no pattern
 * compiles, and automatic.c answers with doubt.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <dlfcn.h>
#include <pcre2.h>
#include <string.h>

#define SONAME "libpcre2-8.so.0"

/* Put the address of a function into *real, or leave it NULL. */
static void find_function(const char *name, void *real)
{
	static void *library;
	void *address;

	if (!library)
		library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	address = library ? dlsym(library, name) : NULL;
	memcpy(real, &address, sizeof address);
}

#define TEXT(name) #name
#define NAME(macro) TEXT(macro)

#define LATE(type, name, params, args, otherwise)                                                  \
 type name params                                                                                  \
 {                                                                                                 \
  static type(*real) params;                                                                       \
                                                                                                   \
  if (!real)                                                                                       \
   find_function(NAME(name), &real);                                                               \
  return real ? real args : (otherwise);                                                           \
 }

#define LATE_VOID(name, params, args)                                                              \
 void name params                                                                                  \
 {                                                                                                 \
  static void(*real) params;                                                                       \
                                                                                                   \
  if (!real)                                                                                       \
   find_function(NAME(name), &real);                                                               \
  if (real)                                                                                        \
   real args;                                                                                      \
 }

LATE(pcre2_code *, pcre2_compile,
     (PCRE2_SPTR pattern, PCRE2_SIZE length, uint32_t options, int *error, PCRE2_SIZE *offset,
      pcre2_compile_context *context),
     (pattern, length, options, error, offset, context), NULL)
LATE_VOID(pcre2_code_free, (pcre2_code * code), (code))

LATE(pcre2_compile_context *, pcre2_compile_context_create, (pcre2_general_context * general),
     (general), NULL)
LATE_VOID(pcre2_compile_context_free, (pcre2_compile_context * context), (context))
LATE(int, pcre2_set_max_pattern_length, (pcre2_compile_context * context, PCRE2_SIZE max),
     (context, max), PCRE2_ERROR_NOMEMORY)

LATE(int, pcre2_match,
     (const pcre2_code *code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start,
      uint32_t options, pcre2_match_data *data, pcre2_match_context *context),
     (code, subject, length, start, options, data, context), PCRE2_ERROR_NOMEMORY)
LATE(pcre2_match_context *, pcre2_match_context_create, (pcre2_general_context * general),
     (general), NULL)
LATE_VOID(pcre2_match_context_free, (pcre2_match_context * context), (context))
LATE(pcre2_match_data *, pcre2_match_data_create, (uint32_t size, pcre2_general_context *general),
     (size, general), NULL)
LATE_VOID(pcre2_match_data_free, (pcre2_match_data * data), (data))
LATE(int, pcre2_set_match_limit, (pcre2_match_context * context, uint32_t limit), (context, limit),
     PCRE2_ERROR_NOMEMORY)
LATE(int, pcre2_set_depth_limit, (pcre2_match_context * context, uint32_t limit), (context, limit),
     PCRE2_ERROR_NOMEMORY)
LATE(int, pcre2_set_heap_limit, (pcre2_match_context * context, uint32_t limit), (context, limit),
     PCRE2_ERROR_NOMEMORY)

LATE(int, pcre2_get_error_message, (int error, PCRE2_UCHAR *text, PCRE2_SIZE size),
     (error, text, size), PCRE2_ERROR_NOMEMORY)
