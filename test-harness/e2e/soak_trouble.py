"""What the administrator and fate do to a Site while mail flows, one thing after the other.

All of it runs in the main thread: what a thread starts would end with it.
"""

import signal
import time

from soak_traffic import *

FULL = "than 64 live keys"
ROTATIONS = 70          # more than there may be keys


class Errands:
    """Local submissions, queue runs, and with us publications, rotations, crashes of batvd; reloads of Exim.

    CRASHES: batvd is killed; otherwise it lives, so that its growth shows.
    """

    def __init__(self, site, traffic, random, seconds, rotations, crashes, counts):
        self.site, self.traffic, self.random, self.counts = site, traffic, random, counts
        self.every = {"queue_run": 2, "submit": 0.3, "reload_exim": 3}
        if site.ours:
            self.every.update(publish=1, **({"rotate": seconds / rotations} if rotations else {}),
                              **({"crash": 2.5} if crashes else {}))
        self.due = {name: time.monotonic() + random.random() * every for name, every in self.every.items()}

    def run(self):
        """Do what is due.  When no more is sent, only the queue is run."""
        for name, every in self.every.items():
            if time.monotonic() >= self.due[name] and (name == "queue_run" or not self.traffic.over.is_set()):
                getattr(self, name)()
                self.counts[name] += 1
                self.due[name] = time.monotonic() + every

    def queue_run(self):
        self.site.exim.queue_run(force=True)

    def submit(self):
        book = self.site.book
        if len(book.open) < UNDER_WAY:
            mail = self.traffic.compose("one")
            mail.kind = "local"
            self.site.exim.exim("-odb", "-oi", "-f", mail.sender, *mail.rcpts, input=text_of(mail, mail.sender, mail.rcpts))

    def reload_exim(self):
        self.site.new_lines("")
        self.site.exim.daemon.hup()
        wait_until(lambda: self.site.new_lines("daemon started"), 60, f"{self.site.name} to start again after SIGHUP")

    def publish(self):
        self.site.batv.reload()

    def rotate(self):
        done = self.site.batv.ctl("rotate", check=False)
        if done.returncode == 0:
            self.counts["rotations done"] += 1
        elif FULL in done.stderr:
            self.counts["rotations refused: 64 keys"] += 1
        else:
            self.site.book.complain(f"rotate: {done}")

    def crash(self):
        batv = self.site.batv
        self.traffic.all_over.wait(self.random.random() * 0.05)
        if self.random.random() < 0.5:
            batv.daemon.signal(signal.SIGHUP)       # while it publishes
        batv.daemon.kill()
        batv.start()


def new_memory(site):
    """Another memory_capacity: the next generation, while mail flows and batvd crashes.  The one before is still asked."""
    site.batv.conf(site.conf(1))
    site.batv.daemon.kill()
    site.batv.start()
    wait_until(lambda: "\nmemory memory.2\n" in (site.batv.state_dir / "state").read_text(), 30, "a state with memory.2")


__all__ = [name for name in dir() if not name.startswith("_")]
