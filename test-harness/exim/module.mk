# module.mk - test-harness/exim/module runs this once Exim's headers are ready.
#
# Given: OUT (where batv.so goes), TOP (the project), HEADERS (with local_scan.h), CRYPTO, STATEDIR;
# WERROR=1 for developers.

CC ?= gcc
NM ?= nm
CFLAGS ?= -O2 -g
comma := ,

WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wwrite-strings -Wpointer-arith \
	-Wstrict-prototypes -Wmissing-prototypes $(if $(WERROR),-Werror)
# Only what the compiler takes.  Shadow stacks cost nothing; marks for indirect jumps (IBT) would push code out of the
# 64 KB of batv.ld, and Linux checks them in no program.
compiler_takes = $(shell $(CC) -Werror $(1) -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(1))
HARDEN := -fstack-protector-strong $(call compiler_takes,-fcf-protection=return) $(call compiler_takes,-mbranch-protection=standard)
# As in the Makefile: not without optimisation, and not if a packager has chosen.
ifneq ($(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS)))),)
HARDEN += $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif
# Hidden: only the names exported on purpose are visible, in a process with 1200 names of Exim's.
OURS := -std=gnu11 -fPIC -fno-plt -ffunction-sections -fdata-sections -fvisibility=hidden $(HARDEN) \
	$(WARN) -D_GNU_SOURCE -DBATV_MODULE -DBATV_DIR='"$(STATEDIR)"' -I$(TOP)/src/core -I$(TOP)/local_scan -isystem $(HEADERS)

# -z now: if this Exim lacks a name, loading the module fails with a message, and the process does not end
# at the first call.
# -nostartfiles: neither C++ nor constructors of ours (that of libgcc, for the atomics of arm64, is called all the
# same); four names less to look up in all libraries of the process, and no .data: three page faults less.
LINK := -shared -nostartfiles -Wl,-Bsymbolic -Wl,-soname,batv.so -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack \
	-Wl,--as-needed -Wl,--gc-sections -Wl,--version-script=$(TOP)/local_scan/module/batv.map
# Only if the linker takes it: gold knows neither of the two that follow.
linker_takes = $(shell echo 'int f(void); int g(void) { return f() + 1; }' | $(CC) $(CFLAGS) -fPIC -shared -nostdlib -Wl,-z,now \
	$(LDFLAGS) $(1) -x c -o /dev/null - 2>/dev/null && echo $(1))
# One mapping for code and constants instead of three, and two page faults less in every process.
LINK += $(call linker_takes,-Wl$(comma)-z$(comma)noseparate-code)
# All of our objects are marked, and libcrypto's SHA-1 only calls and returns, but Debian 12's C part of it has no mark.
LINK += $(if $(findstring -fcf-protection,$(HARDEN)),$(call linker_takes,-Wl$(comma)-z$(comma)shstk))
# The layout saves two page faults.
LAYOUT := $(TOP)/local_scan/module/batv.ld
LINK += $(call linker_takes,-Wl$(comma)-T$(comma)$(LAYOUT))
LIBS_static := -l:libcrypto.a -Wl,--exclude-libs,libcrypto.a
LIBS_shared := -lcrypto

SOURCES := $(sort $(wildcard $(TOP)/src/core/*/*.c $(TOP)/local_scan/*.c $(TOP)/local_scan/module/*.c))
OBJECTS := $(patsubst $(TOP)/%.c,$(OUT)/module/%.o,$(SOURCES))
SETTINGS := $(OUT)/module/settings

.SUFFIXES:

# Exactly these names, no more: batv.map.
$(OUT)/batv.so: $(OBJECTS) $(TOP)/local_scan/module/batv.map $(LAYOUT) $(SETTINGS)
	@$(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@.new $(OBJECTS) $(LIBS_$(CRYPTO))
	@$(NM) -D --defined-only $@.new | sed 's/.* //; s/@.*//' | sort >$(OUT)/module/exports
	@sed -n 's/^\t\t*\([a-z_]*\);$$/\1/p' $(TOP)/local_scan/module/batv.map | sort | \
		cmp - $(OUT)/module/exports || { echo "exim/module: batv.so does not export what batv.map says" >&2; exit 1; }
	@mv $@.new $@
	@echo "built $@"

# Small code is fast code in a process that calls each function once: batv.ld has 64 KB for it.  The search
# of a large body is the exception.
OPTIMIZED = $(if $(findstring /evidence/,$@),$(CFLAGS),$(patsubst -O2,-Os,$(CFLAGS)))

$(OUT)/module/%.o: $(TOP)/%.c $(SETTINGS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OPTIMIZED) $(OURS) -MMD -MP -c -o $@ $<

# Other headers, flags or libcrypto: build everything again.  WERROR changes no code.
FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(filter-out -Werror,$(OURS)) $(LINK) $(LDFLAGS) $(CRYPTO)
$(SETTINGS): FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
.PHONY: FORCE
FORCE: ;

-include $(OBJECTS:.o=.d)
