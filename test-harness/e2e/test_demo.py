"""What no other test runs: `make demo`, and a sample of `make bench`."""

from lab import *
from lab_base import BUILD, TOP, needs_root

PROGRAMS = [f"{BUILD}/bench/{name}" for name in ("host", "host-crypto", "spawn", "calibrate", "steady", "empty.so", "bench_memory")]


def told(lab, *argv, **env):
    return lab.run(argv, user="root", cwd=TOP, env={"MAKEFLAGS": "", "BUILD": str(BUILD), **env}, timeout=280).stdout


@timeout(300)
def test_the_demo(lab):
    needs_root("Postfix")
    said = told(lab, "make", "demo")
    assert "All steps did what they say." in said, said


@timeout(300)
def test_a_sample_of_the_benchmarks(lab):
    needs_root("to write below build/")
    told(lab, "make", "-s", *PROGRAMS)
    said = told(lab, "test-harness/bench/bench", "fresh", BENCH_SECONDS="1")
    for line in "first signature, over an empty .so", "ordinary incoming mail", "judging an 8 KB DSN":
        assert line in said, said
