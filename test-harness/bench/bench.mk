# bench.mk - `make bench`: measure what exim-batv costs; docs/performance.md explains the table.
#
# Not part of `make check`, because its numbers are useful only on a quiet machine.

BENCH := test-harness/bench
BENCH_CC = $(CC) -std=gnu11 -O2 -g $(WARN) -D_GNU_SOURCE -Isrc/core -Isrc/admin

$(OUT)/bench/%: $(BENCH)/%.c $(OUT)/libbatvadm.a $(OUT)/libbatv.a
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BENCH_CC) -o $@ $< $(OUT)/libbatvadm.a $(OUT)/libbatv.a $(ADMIN_LIBS)

# A minimal process that loads batv.so, and one that has already loaded libcrypto.
$(OUT)/bench/host $(OUT)/bench/host-crypto: $(BENCH)/host.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BENCH_CC) -rdynamic -Wl,--no-as-needed -o $@ $< $(if $(findstring crypto,$(@F)),-lcrypto)

$(OUT)/bench/empty.so: $(BENCH)/empty.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(BENCH_CC) -shared -fPIC -o $@ $<

.PHONY: bench
bench: all so exim $(addprefix $(OUT)/bench/,host host-crypto spawn calibrate steady empty.so bench_memory)
	@$(BENCH)/plain $(BUILD)/exim-4.96 $(BUILD)/exim-4.96/plain
	@BUILD='$(BUILD)' $(BENCH)/bench $(PARTS)
