#!/usr/bin/env python3
"""Routes a second by requests: what a routing daemon would do at the control socket.

    routes.py SIDING [--routes 250000] [--rounds 5] [--one-by-one]

A daemon with an interface in memory is told routes of the lengths that BGP has, by 64 next hops, in random order, in
batches of 1,024 requests of which each says one route; the next batch is sent while one is carried out. Printed are routes
a second by the clock and by the daemon's own processor time, the median of the rounds and all of them, and how long a
worker's turn took at the most.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import tempfile
import threading
import time

CONFIG = """
[stack]
control = "%s"
log = "warn"
[[interface]]
name = "m0"
driver = "memory"
addresses = ["2001:db8::1/64"]
dad = false
"""
BATCH = 1024
TICK = os.sysconf("SC_CLK_TCK")


def prefixes(many):
    """IPv6 prefixes, half of them /48, the rest /29 to /47, as the tables of the Internet have them."""
    chance = random.Random(1)
    seen = set()
    while len(seen) < many:
        length = 48 if chance.random() < 0.5 else chance.choice([29, 32, 32, 32, 33, 36, 36, 40, 40, 44, 44, 46, 47])
        bits = (0x2000 << 112) | (chance.getrandbits(125))
        seen.add((bits >> (128 - length) << (128 - length), length))
    listed = sorted(seen)
    chance.shuffle(listed)
    return listed


def text(prefix):
    packed = prefix[0].to_bytes(16, "big")
    return "%s/%d" % (socket.inet_ntop(socket.AF_INET6, packed), prefix[1])


def lines(listed, one_by_one):
    requests = [
        {"request": "route-add", "to": text(prefix), "via": "2001:db8::%x" % (2 + at % 64), "interface": "m0"}
        for at, prefix in enumerate(listed)
    ]
    if one_by_one:
        return [(json.dumps(one) + "\n").encode() for one in requests]
    batches = (requests[at : at + BATCH] for at in range(0, len(requests), BATCH))
    return [(json.dumps({"request": "batch", "requests": batch}) + "\n").encode() for batch in batches]


def cpu(pid):
    """Seconds of processor time that a process has had."""
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def round_of(binary, sent, many):
    with tempfile.TemporaryDirectory() as there:
        control = os.path.join(there, "s")
        file = os.path.join(there, "siding.toml")
        with open(file, "w") as config:
            config.write(CONFIG % control)
        daemon = subprocess.Popen([binary, "run", file], stderr=subprocess.DEVNULL)
        try:
            stream = socket.socket(socket.AF_UNIX)
            while True:
                try:
                    stream.connect(control)
                    break
                except OSError:
                    time.sleep(0.01)
            before, begun = cpu(daemon.pid), time.monotonic()
            sender = threading.Thread(target=lambda: [stream.sendall(line) for line in sent])
            sender.start()
            answers, wrong, last = 0, 0, b""
            while answers < len(sent):
                got = stream.recv(1 << 20)
                assert got, "the daemon has gone"
                answers += got.count(b"\n")
                wrong += (last + got).count(b'"error"')
                last = got[-6:]
            took, spent = time.monotonic() - begun, cpu(daemon.pid) - before
            sender.join()
            assert wrong == 0, "%d routes were refused" % wrong
            stream.sendall(b'{"request":"show-routes"}\n')
            shown = b""
            while not shown.endswith(b"\n"):
                shown += stream.recv(1 << 20)
            there = sum(row["origin"] == "static" for row in json.loads(shown)["value"])
            assert there == many, "%d of %d are there" % (there, many)
            return many / took, many / spent
        finally:
            daemon.terminate()
            daemon.wait()


def main():
    words = argparse.ArgumentParser()
    words.add_argument("siding")
    words.add_argument("--routes", type=int, default=250_000)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--one-by-one", action="store_true")
    words = words.parse_args()
    sent = lines(prefixes(words.routes), words.one_by_one)
    print("load before:", open("/proc/loadavg").read().split()[0])
    rounds = [round_of(words.siding, sent, words.routes) for _ in range(words.rounds)]
    for name, rates in zip(["by the clock", "of the daemon's processor time"], zip(*rounds)):
        goal = "" if "clock" not in name else (" PASS" if statistics.median(rates) >= 500_000 else " MISS") + " (goal 500,000)"
        print("%d routes a second %s%s (%s)" % (statistics.median(rates), name, goal, ", ".join("%d" % rate for rate in sorted(rates))))


main()
