# mutate.mk - `make mutate`: break the code in one place at a time; does a unit test notice?
#
# SAMPLE=20 SEED=x: only so many mutants, drawn with this seed.  MUTATE='FILE...': those of these files.

.PHONY: mutate
mutate: export CPPDEFS := $(CPPDEFS)
mutate: $(UNIT_BIN)
	@BUILD='$(BUILD)' CC='$(CC)' LIBS='$(CTL_LIBS)' test-harness/mutate/mutate $(if $(SAMPLE),-n $(SAMPLE) -s '$(SEED)') $(MUTATE)
