"""Plays batv-fleet: sets the words of the memory file that it sets, made from docs/formats.md alone."""

import mmap
import re
import struct
import threading

UNTIL, SINCE = 3096, 3544           # in the header page
DOMAINS, SLOT, FLEET_SENDS = 2, 1024, 2


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
        for n in range(struct.unpack_from("=I", self.map, 20)[0]):
            kind, _, offset, size = struct.unpack_from("=IIQQ", self.map, 64 + 64 * n)
            for slot in range(offset, offset + size, SLOT) if kind == DOMAINS else ():
                claim, _, flags = struct.unpack_from("=QII", self.map, slot)
                if claim & 0xffffffff == 2 and self.map[slot + 36:slot + 256].split(b"\0")[0] == domain.encode():
                    struct.pack_into("=I", self.map, slot + 12, flags | FLEET_SENDS)
                    return
        raise LookupError(domain)

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
