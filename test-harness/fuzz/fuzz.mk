# fuzz.mk - builds the fuzz targets; `run` beside it calls this.
#
# Each source is compiled once for all targets, with libFuzzer's instrumentation, sanitizers and counters of reached
# lines.  (fuzz_cost measures, so it has objects of its own.)  The first line of a target says what it links:
#	/* links: core/tag/addr core/base/span */

OUT     ?= build/fuzz
HEADERS ?= /nonexistent
HERE    := test-harness/fuzz
CC      := clang
SANITIZE := address,undefined
FLAGS   := -O1 -gline-tables-only -D_GNU_SOURCE -Isrc/core -Isrc/admin -Isrc/log -Isrc/fleet -I$(HERE) -DBATV_DIR='"/nonexistent/exim-batv"' \
	   -DBATV_CONF='"/nonexistent/exim-batv.conf"' -DBATV_VERSION='"0"' -Wall -Wextra -Wshadow -Wconversion \
	   -Wmissing-prototypes -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=fuzzer-no-link,$(SANITIZE) \
	   -fprofile-instr-generate -fcoverage-mapping
# Without sanitizers, and the calls of these functions go through the target.
COST    := -O2 -fno-sanitize=$(SANITIZE) -fno-builtin
COUNTED := memchr memrchr memmem memcmp memcpy memmove memset strlen strchr strcmp
LIBS    := -Wl,--as-needed -lcrypto -lpcre2-8 -ljansson -lidn2 -lresolv -lhiredis

ALL     := $(patsubst $(HERE)/%.c,%,$(wildcard $(HERE)/fuzz_*.c))
TARGETS ?= $(ALL)
links   = $(shell sed -n '1s,^/\* links: \(.*\) \*/$$,\1,p' $(HERE)/$(1).c)
objects = $(patsubst $(OUT)/obj/src/local_scan/%,$(OUT)/obj/local_scan/%,\
	$(foreach m,$(call links,$(1)),$(OUT)/obj/src/$(m).o))

COMMA := ,

all: $(addprefix $(OUT)/,$(TARGETS))

define rule
$(OUT)/$(1): $(OUT)/obj/$(HERE)/$(1).o $(call objects,$(1))
	$$(CC) -fsanitize=fuzzer,$$(SANITIZE) -fprofile-instr-generate -o $$@ $$^ $$(LIBS)
endef
$(foreach t,$(filter-out fuzz_cost,$(TARGETS)),$(eval $(call rule,$(t))))

$(OUT)/fuzz_cost: $(patsubst $(OUT)/obj/%,$(OUT)/cost/%,$(OUT)/obj/$(HERE)/fuzz_cost.o $(call objects,fuzz_cost))
	$(CC) -fsanitize=fuzzer -fprofile-instr-generate $(addprefix -Wl$(COMMA)--wrap=,$(COUNTED)) -o $@ $^ $(LIBS)

$(OUT)/cost/%.o: %.c $(HERE)/fuzz.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(FLAGS) $(COST) -MMD -MP -c -o $@ $<

# What these files ask of the system, their targets answer.
$(OUT)/obj/local_scan/session.o: ASKED := clock_gettime
$(OUT)/obj/src/core/decide/list_file.o: ASKED := lstat open
$(OUT)/obj/src/admin/mx.o: ASKED := res_query getaddrinfo getifaddrs freeifaddrs
$(OUT)/obj/src/batvctl/ctl_dns.o: ASKED := res_query
$(OUT)/obj/src/batvctl/ctl_doctor_log.o: ASKED := opendir fopen
$(OUT)/obj/src/admin/root_path.o: ASKED := lstat readlink getcwd

$(OUT)/obj/%.o: %.c $(HERE)/fuzz.mk
	@mkdir -p $(@D)
	$(CC) $(if $(filter src/%,$<),-std=c11,-std=gnu11 -DLOCAL_SCAN= -isystem $(HEADERS)) \
		$(if $(filter local_scan/%,$<),-DBATV_MODULE) $(FLAGS) $(foreach f,$(ASKED),-D$(f)=stand_in_$(f)) -MMD -MP -c -o $@ $<

-include $(shell find $(OUT)/obj $(OUT)/cost -name '*.d' 2>/dev/null)
