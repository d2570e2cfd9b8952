"""What a message costs in a real Exim: CPU seconds of all its processes.

A variant is one configuration with one kind of message.  A round starts the variant's daemon, sends
some messages one after the other, waits for the end of all deliveries, and stops the daemon.  It counts
the daemon with all the children that it waited for, and the deliveries, which the daemon leaves to us.
The cost of the start is subtracted.  Variants take turns, in a random order in every block.
"""

import os
import random
import signal
import subprocess
import time

import figures
from batv import *

KEY = "00112233445566778899aabbccddeeff" * 2
STRANGER = "127.0.0.9"
BODY = "The quick brown fox jumps over the lazy dog, and nobody knows why it always does.\n" * 48    # 4 KB

# The recipe of Exim's specification, 44.53 (the wiki has the same), with one key for all.
PRVS_MAIN = f"PRVS_KEY = {KEY}\naddresslist batv_senders = *@test\n"
PRVS_ACL = """
  deny senders = :
       recipients = +batv_senders
       message = This address does not send an unsigned reverse path
  deny senders = :
       condition  = ${prvscheck {$local_part@$domain}{PRVS_KEY}{1}}
       !condition = $prvscheck_result
       message = Invalid reverse path signature.
"""
PRVS_ROUTER = """
batv_redirect:
  driver = redirect
  data = ${prvscheck {$local_part@$domain}{PRVS_KEY}}
"""
PRVS_TRANSPORT = "  return_path = ${prvs {$return_path}{PRVS_KEY}{0}}\n"

# The same, asked after DATA, as we do, so that callouts are not refused.
PRVS_DATA_ACL = """
prvs_data:
  deny senders = :
       condition = ${if match_address{$recipients}{+batv_senders}}
       message = This address does not send an unsigned reverse path
  deny senders = :
       condition  = ${prvscheck {$recipients}{PRVS_KEY}{1}}
       !condition = $prvscheck_result
       message = Invalid reverse path signature.
  accept
"""


class Traffic:
    """One kind of message: sender, recipient, text, and the expected result."""

    def __init__(self, sender, rcpt, source, delivered, message):
        self.sender, self.rcpt, self.source, self.delivered, self.message = sender, rcpt, source, delivered, message


SEND = Traffic("alice@test", "bob@theirs.test", "127.0.0.1", True,
               make_message("alice@test", "bob@theirs.test", body=BODY))
RECEIVE = Traffic("bob@theirs.test", "alice@test", STRANGER, True,
                  make_message("bob@theirs.test", "alice@test", body=BODY))
BOUNCE = Traffic("", "alice@test", STRANGER, False, bounce("alice@test").replace("\n\nhello\n", f"\n\n{BODY}"))


class Variant:
    """One way to handle one kind of message.  `per_message` has the CPU seconds, a number for each block."""

    def __init__(self, exim, traffic, check=lambda: None):
        self.exim, self.traffic, self.check = exim, traffic, check
        self.per_message = []


def cpu(usage):
    return usage.ru_utime + usage.ru_stime


def start_daemon(exim):
    """Start it as the sandbox's user; (process, CPU seconds that the start took)."""
    seen = len(exim.mainlog())
    argv = exim.lab._as_user([exim.binary, "-C", exim.config_path, "-bdf"], None, None)
    daemon = subprocess.Popen(argv, env=exim.lab.environment(), cwd=exim.dir, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: any("daemon started" in line for line in exim.mainlog()[seen:]), 30, "Exim to listen", 0.005)
    with open(f"/proc/{daemon.pid}/schedstat") as file:
        return daemon, int(file.read().split()[0]) / 1e9


class Lost(Exception):
    """A delivery ended before the process that received the message: nobody inherits its CPU seconds."""


def collect(count, timeout=8):
    """Wait for so many deliveries, which have become our children; their CPU seconds."""
    spent, deadline = 0.0, time.monotonic() + timeout
    while count:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid:
            spent += cpu(usage)
            count -= 1
        elif time.monotonic() > deadline:
            raise Lost
        else:
            time.sleep(0.002)
    return spent


def end_daemon(daemon):
    """Stop it; CPU seconds of it, its children, and children that it had not waited for yet."""
    os.kill(daemon.pid, signal.SIGTERM)
    _, _, usage = os.wait4(daemon.pid, 0)
    daemon.returncode = 0
    spent = cpu(usage)
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return spent
        spent += cpu(usage)


def run_round(variant, messages):
    """CPU seconds of a message."""
    for _ in range(10):
        try:
            return try_round(variant, messages)
        except Lost:
            pass
    raise LabError(f"{variant.exim.name}: deliveries are lost again and again")


def try_round(variant, messages):
    exim, traffic = variant.exim, variant.traffic
    for log in ("mainlog", "rejectlog"):
        (exim.dir / "log" / log).unlink(missing_ok=True)
    daemon, start = start_daemon(exim)
    spent = -start
    try:
        for _ in range(messages):
            with exim.smtp(traffic.source) as session:
                result = session.send(traffic.sender, traffic.rcpt, traffic.message)
            refused = (result.data or result.rcpts[0]).code == 550
            if refused == traffic.delivered:
                raise LabError(f"{exim.name}: {result}")
        if traffic.delivered:
            spent += collect(messages)
        variant.check()
    finally:
        spent += end_daemon(daemon)
    return spent / messages


def compare(variants, seconds, wanted, messages=20):
    """Run all in turn until the interval of each WANTED ratio is narrower than 0.02, or time is over.

    Gives the number of blocks.
    """
    deadline, blocks = time.monotonic() + seconds, 0
    while True:
        order = random.sample(variants, len(variants))
        costs = [(variant, run_round(variant, messages)) for variant in order]
        for variant, cost in costs:
            variant.per_message.append(cost)
        blocks += 1
        if blocks >= 2 and time.monotonic() >= deadline:
            return blocks
        if blocks >= 10 and blocks % 10 == 0:
            intervals = [figures.ratio_interval(a.per_message, b.per_message) for a, b in wanted]
            if all(high - low < 0.02 for _, low, high in intervals):
                return blocks
