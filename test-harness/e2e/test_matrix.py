"""matrix itself: an archive that lacks a series is told from a series that does not build."""

import http.server
import os
import re
import shutil
import subprocess
import threading

from lab import *

# Everything of a series is there, but for what is not ours: or so says this make.
MAKE = """#!/bin/sh
case "$*" in
*"exim so EXIM_VERSION=4.96 "*) exit 0 ;;
*) exec {make} "$@" ;;
esac
"""


class Gone(http.server.BaseHTTPRequestHandler):
    """A mirror that has lost everything."""

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class TestMatrix:
    """A build directory with our own objects and nothing of Exim's; and nothing can be downloaded."""

    def setup(self):
        self.build = self.lab.dir / "build"
        self.build.mkdir()
        for name in "obj", "libbatv.a", "libbatvadm.a", "batvd", "batvctl":
            subprocess.run(["cp", "-a", BUILD / name, self.build], check=True)
        path = self.lab.write(self.lab.mkdir("bin") / "make", MAKE.format(make=shutil.which("make")), mode=0o755)
        self.path = f"{path.parent}:{os.environ['PATH']}"
        self.mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gone)
        threading.Thread(target=self.mirror.serve_forever, daemon=True).start()

    def teardown(self):
        self.mirror.shutdown()
        self.mirror.server_close()

    def matrix(self, versions):
        """Status, output, and the table: {kind: [cell of each version]}."""
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        done = subprocess.run([TOP / "test-harness/e2e/matrix", "-v", versions, "-k", "foreign"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110,
                              env={**environment, "BUILD": str(self.build), "PATH": self.path,
                                   "DEBIAN_MIRROR": f"http://127.0.0.1:{self.mirror.server_port}/debian"})
        cells = re.search(r"(?m)^foreign +(.*)$", done.stdout)
        assert cells, done
        return done.returncode, done.stdout, re.split(r"  +", cells[1])

    def test_a_series_that_the_archive_lacks(self):
        """It is reported; the others count.  Here they lack the modules of the others, which is reported, too."""
        status, output, cells = self.matrix("4.98 4.96")
        assert cells == ["-", "0/0/4"], output
        assert re.search(r"(?m)^4\.98 can't be had: apt-get update: .* trixie Release", output), output
        assert re.search(r"(?m)^4\.96 foreign: a batv\.so for Exim sid can't be had: apt-get update: ", output), output
        assert output.endswith("\nnothing was tested\n") and status == 1, (status, output)

    def test_a_series_that_does_not_build(self):
        """That is a failure, although the archive lacks others."""
        source = self.build / "exim-sid" / "src"
        source.mkdir(parents=True)
        (source / ".fetched").touch()
        status, output, cells = self.matrix("sid 4.96")
        assert cells == ["no build", "0/0/4"] and status == 1, output
        assert "\nsid can't be had" not in output, output
