# exim-batv: GNU make.  `make help` lists the targets.

BUILD        ?= build
PREFIX       ?= /usr/local
SYSCONFDIR   ?= /etc
STATEDIR     ?= /var/lib/exim-batv
EXIM_VERSION ?= 4.96
EXIM_HEADERS ?=
CRYPTO       ?= static
# make presets CC to cc.  Replace that, but keep a CC that somebody set.
ifeq ($(origin CC),default)
CC           := gcc
endif
CFLAGS       ?= -O2 -g
AR           ?= ar
# SYSTEMD=no: batvd without libsystemd; it does not report when it is ready.
SYSTEMD      ?= yes
# DEPS=no: install nothing; for packagers, and for libraries that are not Debian's.
DEPS         ?= yes
export DEPS
# FLEET=no: without batv-fleet, and so without hiredis and libssl.  With DEPS=no, that is so if hiredis is not there.
ifndef FLEET
HASH  := \#
FLEET := $(if $(filter no,$(DEPS)),$(or $(shell echo '$(HASH)include <hiredis/hiredis.h>' | $(CC) $(CPPFLAGS) $(CFLAGS) -E -x c - \
	 >/dev/null 2>&1 && echo yes),no),yes)
endif

# V=1 shows the whole commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))

# WERROR=1: for developers, `make check` and CI, not for packagers.
WERROR       ?=
# SAN=address,undefined: build everything with these sanitizers, in a separate directory.
SAN          ?=

WARN  := -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Wformat=2 -Wwrite-strings \
	 -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes $(if $(WERROR),-Werror)
# -fno-plt: otherwise each of Exim's short-lived processes would look up each libc function that we call.
HARDEN := -fstack-protector-strong -fPIC -fno-plt
# Calls and returns that the processor checks: for x86 and for 64 bits of ARM; other compilers refuse the flag.
compiler_takes = $(shell $(CC) -Werror $(1) -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(1))
HARDEN += $(call compiler_takes,-fcf-protection) $(call compiler_takes,-mbranch-protection=standard)
# _FORTIFY_SOURCE needs optimisation, cannot be combined with the sanitizers, and may have been chosen by a packager.
OPTIMIZED := $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
FORTIFY := $(if $(and $(OPTIMIZED),$(if $(SAN)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,yes)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# How batvd and batvctl are linked; LDFLAGS comes after it.  tools/hardening looks at the result.
PROGRAM := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(if $(filter -static -static-pie -no-pie,$(LDFLAGS) $(CFLAGS)),,-pie)
CPPDEFS := -D_GNU_SOURCE -Isrc/core -Isrc/admin -Isrc/log -Isrc/fleet $(FORTIFY) -DBATV_DIR='"$(STATEDIR)"' \
	 -DBATV_CONF='"$(SYSCONFDIR)/exim-batv/exim-batv.conf"' \
	 -DBATV_VERSION='"$(shell sed -n 's/^## \[\{0,1\}\([0-9][^] ]*\).*/\1/p' CHANGELOG.md 2>/dev/null | head -1)"'
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALLCFLAGS = -std=c11 $(CPPFLAGS) $(CPPDEFS) $(CFLAGS) $(WARN) $(HARDEN) $(SANFLAGS)
OUT := $(BUILD)$(if $(SAN),/san)

CORE_SRC  := $(sort $(wildcard src/core/*/*.c))
ADMIN_SRC := $(sort $(wildcard src/admin/*.c))
DAEMON_SRC := $(sort $(wildcard src/batvd/*.c))
# Whatever reads Exim's log; only batvctl does.
LOG_SRC   := $(sort $(wildcard src/log/*.c))
FLEET_SRC := $(sort $(wildcard src/fleet/*.c))
CTL_SRC   := $(sort $(wildcard src/batvctl/*.c)) $(LOG_SRC)
obj = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

CORE_LIBS  := -lcrypto -lpcre2-8
ADMIN_LIBS := -ljansson $(CORE_LIBS)
CTL_LIBS := -lidn2 -lresolv $(ADMIN_LIBS)
DAEMON_LIBS := $(if $(filter no,$(SYSTEMD)),,-lsystemd) -lidn2 $(ADMIN_LIBS)
FLEET_LIBS := $(if $(filter no,$(SYSTEMD)),,-lsystemd) -lhiredis -lssl -lpthread -lidn2 $(ADMIN_LIBS)
# By its name: if it came from the archive, the core's weak definitions would win.
IDN := $(OUT)/obj/src/admin/idn.o

# Each target installs the Debian packages that it lacks, and no more; tools/packages has the list.
need = $(if $(filter no,$(DEPS)),: ,$(if $(shell command -v dpkg-query),test-harness/tools/need --for,: ))

.PHONY: all help clean deps deps-test exim so unit fuzz fuzz-coverage faults e2e company matrix demo check bench-memory lint analyze prove valgrind install uninstall FORCE
all: $(OUT)/libbatv.a $(OUT)/batvd $(OUT)/batvctl $(if $(filter no,$(FLEET)),,$(OUT)/batv-fleet)

help:
	@echo 'make          build/libbatv.a, build/batvd, build/batvctl, build/batv-fleet (FLEET=no: without)'
	@echo 'make demo     one minute: two mail servers, a bounce, a forged bounce, self-arming'
	@echo 'make check    all tests; installs the libraries and tools it lacks'
	@echo 'make exim     rebuild Exim with exim-batv: build/exim-$$EXIM_VERSION/bin/exim'
	@echo '              EXIM_VERSION=4.96|4.98|sid, or EXIM_SOURCE=DIRECTORY|TARBALL'
	@echo 'make so       build/batv.so, which your Debian'\''s Exim loads; EXIM_VERSION as above, or'
	@echo '              EXIM_HEADERS=DIRECTORY; CRYPTO=static|shared'
	@echo 'make unit     unit tests (SAN=address,undefined: with sanitizers)'
	@echo 'make fuzz     each fuzz target searches for a minute (FUZZ_SECONDS=600); make fuzz-coverage: what their inputs reach'
	@echo 'make faults   each system call of batvd and batvctl fails once, or is the last one (an hour; make check has a sample)'
	@echo 'make simulation  a fleet of 1,000 hosts, a million messages and all trouble, in virtual time (HOSTS=, MESSAGES=, SEED=)'
	@echo 'make e2e      end-to-end tests in real mail servers (TESTS=test_sign.py for one file)'
	@echo 'make mail-path  what becomes of mail in every kind of trouble, in every kind of installation: test_mail_path.py'
	@echo 'make replacements  10,000 cuts of a memory file in use, a million generations and replacements under readers (N=, CUTS=)'
	@echo 'make company  a small company plays four weeks of mail, with more of it than in make check (N=4); prints a table'
	@echo 'make soak     an hour of mixed traffic and trouble; every message is accounted for (SOAK_MINUTES=20, SEED=1)'
	@echo 'make matrix   the end-to-end tests on every kind of installation, Exim 4.96, 4.98 and newest, as a table'
	@echo '              and builds with clang, against musl, as rpm packages and from the tar: test-harness/builds'
	@echo 'make mutate   break the code in one place at a time: does a unit test notice? (SAMPLE=20 SEED=x: only some)'
	@echo 'make bench    measure the costs: docs/performance.md (BENCH_SECONDS=600, PARTS="fresh steady exim memory report")'
	@echo 'make bench-memory  measure remembering and looking up'
	@echo 'make lint     source checks'
	@echo 'make differential  against Python'\''s email package, Exim'\''s prvs, a second reader of our files (N=50, SEED=commit)'
	@echo 'make analyze  gcc -fanalyzer, clang --analyze and cppcheck at their full depth; make prove: Frama-C on span and verdict'
	@echo 'make valgrind  unit tests, and an Exim that receives and delivers, under valgrind (half an hour)'
	@echo 'make deps     install the nine Debian packages for building (each target does so by itself; DEPS=no: none does)'
	@echo 'make install  DESTDIR= PREFIX=/usr/local ...: see packaging/install.mk; make uninstall'
	@echo 'make dist     build/exim-batv-VERSION.tar.xz; make deb: Debian packages of it'
	@echo 'make distcheck  is that tar complete, and the same each time?'
	@echo 'make clean    remove build/'

# Compiled again when the compiler or its flags change.  WERROR changes no code.
FLAGS := $(strip $(CC) $(CPPFLAGS) $(CFLAGS) $(FORTIFY) $(HARDEN) $(PROGRAM) $(LDFLAGS))
ifneq ($(FLAGS),$(strip $(shell cat $(OUT)/obj/.flags 2>/dev/null)))
$(OUT)/obj/.flags: FORCE
endif
$(OUT)/obj/.flags:
	@mkdir -p $(@D) && echo '$(subst ','\'',$(FLAGS))' >$@

$(OUT)/obj/%.o: %.c $(OUT)/obj/.flags | deps
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

# Compiled again when SYSTEMD changes.
$(OUT)/obj/src/admin/notify.o: $(OUT)/obj/.systemd-$(SYSTEMD)
$(OUT)/obj/src/admin/notify.o: CPPDEFS += $(if $(filter no,$(SYSTEMD)),,-DBATV_SYSTEMD)
$(OUT)/obj/.systemd-$(SYSTEMD):
	@mkdir -p $(@D) && rm -f $(@D)/.systemd-* && touch $@

$(OUT)/libbatv.a: $(call obj,$(CORE_SRC))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

$(OUT)/libbatvadm.a: $(call obj,$(ADMIN_SRC))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

$(OUT)/batvd: $(call obj,$(DAEMON_SRC)) $(IDN) $(OUT)/libbatvadm.a $(OUT)/libbatv.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALLCFLAGS) $(PROGRAM) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(OUT)/batvctl: $(call obj,$(CTL_SRC)) $(IDN) $(OUT)/libbatvadm.a $(OUT)/libbatv.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALLCFLAGS) $(PROGRAM) $(LDFLAGS) -o $@ $^ $(CTL_LIBS) -lresolv

$(OUT)/batv-fleet: $(call obj,$(FLEET_SRC)) $(IDN) $(OUT)/libbatvadm.a $(OUT)/libbatv.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALLCFLAGS) $(PROGRAM) $(LDFLAGS) -o $@ $^ $(FLEET_LIBS)

# Unit tests: one program per module, all with the main() of unit_main.c.  The first lines of each test say what it links:
#	/* links: core/tag/tag core/tag/addr core/base/span */
UNIT_SRC := $(sort $(wildcard test-harness/unit/test_*.c))
ifeq ($(FLEET),no)
UNIT_SRC := $(filter-out test-harness/unit/test_engine%.c,$(UNIT_SRC))
endif
UNIT_BIN := $(patsubst test-harness/unit/%.c,$(OUT)/unit/%,$(UNIT_SRC))
unit_links = $(patsubst $(OUT)/obj/src/local_scan/%,$(OUT)/obj/local_scan/%,$(foreach m,$(shell \
	sed -n 's,^/\* links: \(.*\) \*/$$,\1,p' $(1)),$(OUT)/obj/src/$(m).o))

define unit_rule
$(OUT)/unit/$(1): $(OUT)/obj/test-harness/unit/$(1).o $(OUT)/obj/test-harness/unit/unit_main.o $(call unit_links,test-harness/unit/$(1).c)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALLCFLAGS) $$(LDFLAGS) -o $$@ $$^ -lcheck -lsubunit -lm -lrt -lpthread $$(CTL_LIBS) $(if $(findstring /fleet/,$(call unit_links,test-harness/unit/$(1).c)),$(if $(filter no,$(FLEET)),,-lhiredis -lssl))
endef
$(foreach t,$(patsubst $(OUT)/unit/%,%,$(UNIT_BIN)),$(eval $(call unit_rule,$(t))))

$(patsubst %.c,$(OUT)/obj/%.o,$(UNIT_SRC) test-harness/unit/unit_main.c): | deps-test

unit: $(UNIT_BIN)
	@SEED=$${SEED:-$$(git rev-parse --short=12 HEAD 2>/dev/null || echo 1)} test-harness/tools/run-units $(UNIT_BIN)

fuzz fuzz-coverage: deps-test
	@BUILD='$(BUILD)' test-harness/fuzz/run $(if $(filter fuzz-coverage,$@),--coverage)

# Each system call of batvd and batvctl fails once, or is the last one.  PROGRAMS="rotate" for some of them.
faults: all deps-test
	@BUILD='$(BUILD)' test-harness/faults/run $(PROGRAMS)

# Fleets in virtual time, with everything that goes wrong.  `make check` has some small ones.  Days are short there, so windows are.
SIMULATION := $(sort $(wildcard test-harness/fleet/*.c)) $(patsubst %,src/%.c,$(addprefix fleet/,parcel payload roster roster_text saved member) \
	      admin/hkdf core/base/span)
$(OUT)/fleet/simulate: $(SIMULATION) $(wildcard test-harness/fleet/*.h src/fleet/*.h) $(OUT)/obj/.flags | deps
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALLCFLAGS) -DBATV_ROSTER_WINDOW=20000 $(LDFLAGS) -o $@ $(SIMULATION) -lcrypto

.PHONY: simulation
simulation: $(OUT)/fleet/simulate
	@test-harness/fleet/run $< $${FLEETS:-$${HOSTS:-1000}:$${MESSAGES:-1000000}:$${SEED:-1}}

# Every trouble of test_mail_path.py in every kind of installation; `make check` plays a sample with the rebuilt Exim.
.PHONY: mail-path
mail-path: all exim so
	@for kind in rebuilt heavy acl light; do MAIL_PATH=all BATV_KIND=$$kind test-harness/e2e/run test_mail_path.py || exit 1; done

# Files that are cut and replaced while others read them, so often; `make unit` does it for a second each.
.PHONY: replacements
replacements: $(OUT)/unit/test_memory_cut $(OUT)/unit/test_replaced
	@for test in $^; do UNIT_CPU_SECONDS=86400 CK_DEFAULT_TIMEOUT=86400 BATV_CUTS=$${CUTS:-10000} BATV_GENERATIONS=$${N:-1000000} \
		BATV_REPLACEMENTS=$${N:-1000000} $$test || exit 1; done

# Measure the sent-mail memory.  This needs 35 GB for a moment (a file for 10^8 messages a day).
$(OUT)/bench/bench_memory: $(OUT)/obj/test-harness/bench/bench_memory.o $(OUT)/libbatvadm.a $(OUT)/libbatv.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALLCFLAGS) $(LDFLAGS) -o $@ $^ $(ADMIN_LIBS)

bench-memory: $(OUT)/bench/bench_memory
	@$<

# Exim.  The script rebuilds only what changed.
exim: $(BUILD)/libbatv.a
	BUILD=$(BUILD) EXIM_VERSION=$(EXIM_VERSION) test-harness/exim/build

# The module.  The script cares for exports, libcrypto and headers.
so:
	@BUILD='$(BUILD)' EXIM_VERSION='$(EXIM_VERSION)' EXIM_HEADERS='$(EXIM_HEADERS)' CRYPTO='$(CRYPTO)' \
		STATEDIR='$(STATEDIR)' WERROR='$(WERROR)' CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' test-harness/exim/module

e2e: all exim so
	@test-harness/e2e/run $(TESTS)

# A small company plays four weeks of mail.  N=1 is what `make check` plays; the table goes to build/company.md.
company: all exim so
	@N=$${N:-4} test-harness/e2e/run test_company.py

# Mixed traffic and trouble: docs/reliability.md.  `make check` plays a minute of it.
.PHONY: soak
soak: all exim so
	@SOAK_MINUTES=$${SOAK_MINUTES:-60} test-harness/e2e/run test_soak.py

matrix: deps-test
	@BUILD='$(BUILD)' test-harness/e2e/matrix

include packaging/install.mk
include test-harness/bench/bench.mk
include test-harness/mutate/mutate.mk

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)

# If you ask for deps by name, it says what is missing on other systems as well.
deps:
	@$(if $(filter deps,$(MAKECMDGOALS)),test-harness/tools/need --for,$(need)) build $(if $(filter no,$(FLEET)),,fleet)

deps-test:
	@$(need) build fleet exim demo test

check:
	@test-harness/check

# Against second opinions: Python's email package, Exim's own prvs, another reader and writer of our files.  `make check` has N=1.
.PHONY: differential
differential: all exim so
	@N=$${N:-50} test-harness/e2e/run test_differential.py

lint: deps-test
	@test-harness/lint

analyze: so
	@BUILD='$(BUILD)' test-harness/analyze

prove:
	@test-harness/prove/run

valgrind: all exim so $(UNIT_BIN)
	@BUILD='$(BUILD)' test-harness/valgrind $(WHAT)

demo:
	@$(need) build exim demo
	@$(MAKE) --no-print-directory -s all exim
	@test-harness/e2e/demo
