"""Plays batv-fleet: sets the words of the memory file that it sets, and reads the journal; made from docs/formats.md alone."""

import mmap
import os
import re
import struct
import threading
from collections import namedtuple

from formats import fnv64

UNTIL, SINCE = 3096, 3544           # in the header page
COUNTERS, DOMAINS, JOURNAL = 1, 2, 8
SLOT, FLEET_SENDS = 1024, 2
IDS, PAIRS, ROW = 198, 199, 512     # rows of counters
RECORD = struct.Struct("=IHBBI20s")

Record = namedtuple("Record", "kind day name")


class FleetMemory:
    """The memory file that BATV's state names.  Stop batvd first, so that nobody else decides about flags."""

    def __init__(self, batv):
        text = (batv.state_dir / "state").read_text()
        self.file = open(batv.state_dir / re.search(r"(?m)^memory (.+)$", text)[1], "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.clock = batv.lab.clock
        self.running = None

    def close(self):
        self.stop()
        self.map.close()
        self.file.close()

    def now(self):
        return int(self.clock.now() * 1000)

    def set_until(self, ms):
        struct.pack_into("=q", self.map, UNTIL, ms)

    def set_since(self, seconds):
        struct.pack_into("=q", self.map, SINCE, seconds)

    def set_sends(self, domain):
        """All servers of the fleet that send mail of DOMAIN have done so for long enough."""
        offset, size, *_ = self.section(DOMAINS)
        for slot in range(offset, offset + size, SLOT):
            claim, _, flags = struct.unpack_from("=QII", self.map, slot)
            if claim & 0xffffffff == 2 and self.map[slot + 36:slot + 256].split(b"\0")[0] == domain.encode():
                struct.pack_into("=I", self.map, slot + 12, flags | FLEET_SENDS)
                return
        raise LookupError(domain)

    def section(self, wanted):
        """Offset, size, five parameters."""
        for n in range(struct.unpack_from("=I", self.map, 20)[0]):
            kind, _, *rest = struct.unpack_from("=II7Q", self.map, 64 + 64 * n)
            if kind == wanted:
                return rest
        raise LookupError(wanted)

    def journal_word(self, row):
        """In IDS the position that is taken next, in PAIRS how many records failed."""
        return struct.unpack_from("=Q", self.map, self.section(COUNTERS)[0] + row * ROW + 264)[0]

    def journal(self):
        """All records from position 0 on, None for one that is missing.  The ring must not have come round."""
        offset, _, records, size, *_ = self.section(JOURNAL)
        assert size == RECORD.size and self.journal_word(IDS) <= records, (size, records)
        return [self._record(offset, n) for n in range(self.journal_word(IDS))]

    def _record(self, offset, position):
        low, day, kind, topic, check, name = RECORD.unpack(os.pread(self.file.fileno(), RECORD.size, offset + position * RECORD.size))
        total = int(fnv64(struct.pack("=QHBB", position, day, kind, topic) + name), 16)
        if (low, topic, check) != (position, 0, (total ^ total >> 32) & 0xffffffff):
            return None
        return Record(kind, day, name)

    def run(self):
        """fleet_until follows the clock, as when all servers are heard."""
        self.running = threading.Event()
        self.set_until(self.now())

        def follow(running):
            while not running.wait(0.02):
                self.set_until(self.now())
        self.thread = threading.Thread(target=follow, args=(self.running,), daemon=True)
        self.thread.start()

    def stop(self):
        if self.running:
            self.running.set()
            self.thread.join()
            self.running = None
