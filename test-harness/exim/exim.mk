# exim.mk - test-harness/exim/build runs this once Exim's source is ready.
#
# Given: OUT (build/exim-VERSION), SRC (Exim's source), TOP (the project), BATV_LIB, LOCAL_SCAN_DIR, STATEDIR, SAN.

CC ?= gcc
AR ?= ar
EXIM_BUILD := $(SRC)/build-batv
# MFLAGS: Exim's makefiles pass it on, and that would start further jobs.
EXIM_MAKE = $(MAKE) -C $(SRC) SHELL=/bin/sh MFLAGS= build=batv
EXIM_SOURCES := $(wildcard $(SRC)/src/*.[ch] $(SRC)/src/*/*.[ch])
LOG := $(OUT)/make.log
# The output of Exim's make goes to a file, and is shown only if it fails.
or_show_log = >$(LOG) 2>&1 || { tail -n 40 $(LOG) >&2; echo "exim/build: $(1), see $(LOG)" >&2; exit 1; }

# Our files: the warnings of the project, as errors.  Exim's headers are system headers, because
# they fail -Wstrict-prototypes; its uschar is cast to and fro, so there is no -Wcast-qual here.
WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wwrite-strings -Wpointer-arith \
	-Wstrict-prototypes -Wmissing-prototypes -Werror
compiler_takes = $(shell $(CC) -Werror $(1) -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(1))
HARDEN := -fstack-protector-strong $(call compiler_takes,-fcf-protection) $(call compiler_takes,-mbranch-protection=standard) \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
OURS := -std=gnu11 -O2 -g -fPIC -fno-plt $(HARDEN) $(WARN) $(SAN) -D_GNU_SOURCE -DLOCAL_SCAN= \
	-DBATV_DIR='"$(STATEDIR)"' -I$(TOP)/src/core -I$(TOP)/src -I$(LOCAL_SCAN_DIR) -isystem $(EXIM_BUILD)

SOURCES := $(sort $(wildcard $(LOCAL_SCAN_DIR)/*.c))
OBJECTS := $(patsubst $(LOCAL_SCAN_DIR)/%.c,$(OUT)/obj/%.o,$(SOURCES))

# A full build has no use for built-in rules; what Exim's make uses is its own affair.
.SUFFIXES:

$(OUT)/bin/exim: $(EXIM_BUILD)/exim
	@mkdir -p $(@D)
	@cp $< $@.new && mv $@.new $@
	@echo "built $@"

# Exim's make does not know our archives: without its old binary it links again.
$(EXIM_BUILD)/exim: $(OUT)/libbatv-exim.a $(BATV_LIB) $(OUT)/configured $(EXIM_SOURCES)
	@rm -f $@
	+@$(EXIM_MAKE) exim $(call or_show_log,building Exim failed)

# Exim's build directory and the header that its configuration makes, once for each source and
# Local/Makefile.
$(OUT)/configured: $(SRC)/Local/Makefile
	@echo "compiling Exim in $(SRC), once, half a minute"
	+@{ $(EXIM_MAKE) configure && $(MAKE) -C $(EXIM_BUILD) SHELL=/bin/sh config.h; } \
		$(call or_show_log,configuring Exim failed)
	@touch $@

$(OUT)/obj/%.o: $(LOCAL_SCAN_DIR)/%.c $(OUT)/configured
	@mkdir -p $(@D)
	$(CC) $(OURS) -MMD -MP -c -o $@ $<

# Also made again when a file was removed.  The folder has no rule of its own, not even a built-in one.
$(LOCAL_SCAN_DIR): ;
$(OUT)/libbatv-exim.a: $(OBJECTS) $(LOCAL_SCAN_DIR)
	@rm -f $@
	@$(AR) rcs $@ $(OBJECTS)

-include $(OBJECTS:.o=.d)
