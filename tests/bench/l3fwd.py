#!/usr/bin/env python3
"""Forwarding in memory beside DPDK's l3fwd, one core each, in turns: IPv6, 64 bytes, destinations spread over all routes."""
import argparse, ipaddress, json, os, random, re, shutil, socket, statistics, struct, subprocess, sys, tempfile, time

SOURCES = '/usr/share/dpdk/examples'  # Debian: dpdk-dev

def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('forwarding', help='the bench: target/release/deps/forwarding-..., or what `cargo bench -p siding-benches --bench forwarding --no-run` names')
    p.add_argument('--routes', default='1000', help='of /48; l3fwd has room for 1,024 by LPM')
    p.add_argument('--flows', type=int, default=65536, help='of l3fwd, each a packet of the file that lies in memory of its own; 512 stay in the cache. Ours has 65,536')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=2.0, help='of l3fwd each time')
    return p.parse_args()

def build(into):
    """l3fwd as it comes, but that it asks its device for no checksums, which packets from a file do not have, and has buffers for 65,536 packets."""
    for part in ('l3fwd', 'common'): shutil.copytree(f'{SOURCES}/{part}', f'{into}/{part}')
    with open(f'{into}/l3fwd/main.c') as f: text = f.read()
    for a, b in (('.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM', '.offloads = 0'), ('(unsigned)8192)', '(unsigned)160000)')):
        if text.count(a) != 1: sys.exit(f'l3fwd: {a!r} is not once in main.c: another version of DPDK (22.11 is known)')
        text = text.replace(a, b)
    with open(f'{into}/l3fwd/main.c', 'w') as f: f.write(text)
    subprocess.run(['make', '-s', '-C', f'{into}/l3fwd', 'shared'], env=os.environ | {'CFLAGS': '-w'}, check=True)

def packets(path, routes, flows):
    """The same as the bench makes: a header of IPv6 with nothing that follows, and 10 bytes."""
    chance, address = random.Random(1), ipaddress.IPv6Address
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for flow in range(flows):
            dst = address(0x20010db8 << 96 | chance.randrange(routes) << 80 | chance.getrandbits(40) << 16 | flow)
            frame = bytes.fromhex('020000000101 020000000102 86dd') + struct.pack('>IHBB', 6 << 28, 10, 59, 64) + address('fd00:1::2').packed + dst.packed + bytes(10)
            f.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)

def l3fwd(at, lookup, seconds):
    """Mpps by the device's own counts, from telemetry."""
    command = [f'{at}/l3fwd/build/l3fwd', '-l', '0', '--no-huge', '-m', '1024', '--no-pci', '--file-prefix=siding-bench', f'--vdev=net_pcap0,rx_pcap={at}/in.pcap,infinite_rx=1',
               '--', '-p', '0x1', '-P', '--config', '(0,0,0)', f'--lookup={lookup}', f'--rule_ipv6={at}/v6.cfg', f'--rule_ipv4={at}/v4.cfg', '--parse-ptype']
    log = open(f'{at}/{lookup}.log', 'w')
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        def sent():
            asked.send(b'/ethdev/stats,0')
            return (json.loads(asked.recv(65536)).get('/ethdev/stats') or {}).get('opackets', 0)
        until = time.monotonic() + 60
        while True:
            try: asked.connect('/var/run/dpdk/siding-bench/dpdk_telemetry.v2'); asked.recv(65536); break
            except OSError:
                if process.poll() is not None or time.monotonic() > until: sys.exit(f'l3fwd does not run: {open(log.name).read()[-400:]}')
                time.sleep(0.1)
        try:
            while sent() == 0 and time.monotonic() < until: time.sleep(0.1)
        except OSError: sys.exit(f'l3fwd ended by itself: {open(log.name).read()[-400:]}')
        time.sleep(0.5)
        before, since = sent(), time.monotonic()
        time.sleep(seconds)
        return (sent() - before) / (time.monotonic() - since) / 1e6
    finally: process.kill(); process.wait()

def siding(bench, routes):
    """Mpps of one worker, 64 in a turn: by its thread's processor time, as the bench prints it."""
    text = subprocess.run([bench, '--rounds', '1', '--routes', str(routes)], capture_output=True, text=True, check=True).stdout
    return 1000 / float(re.search(r'^ +64 +([\d.]+) ns', text, re.M)[1])

def main():
    o = options()
    cpu = re.search(r'model name\s*: (.*)', open('/proc/cpuinfo').read())[1]
    print(f'{cpu}, load before {open("/proc/loadavg").read().split()[0]}; {o.flows} flows and no huge pages for l3fwd; Mpps, one core')
    with tempfile.TemporaryDirectory() as at:
        build(at)
        for routes in map(int, o.routes.split(',')):
            packets(f'{at}/in.pcap', routes, o.flows)
            with open(f'{at}/v6.cfg', 'w') as f: f.writelines(f'R2001:db8:{n:x}::/48 0\n' for n in range(routes))
            with open(f'{at}/v4.cfg', 'w') as f: f.write('R198.18.0.0/24 0\n')
            lookups = ['fib', 'lpm'] if routes <= 1024 else ['fib']
            got = {name: [] for name in lookups + ['siding']}
            for _ in range(o.rounds):
                for name in lookups: got[name].append(l3fwd(at, name, o.seconds))
                got['siding'].append(siding(o.forwarding, routes))
            for name, of in got.items(): print(f'{routes:>6} routes  {name:<7} {statistics.median(of):6.2f} ({min(of):.2f}, {max(of):.2f})')
            ratio, goal = statistics.median(s / f for s, f in zip(got['siding'], got['fib'])), 1.2 if routes <= 1024 else 1.0
            print(f'  {"PASS" if ratio >= goal else "MISS"} {ratio:.2f} x l3fwd, FIB: at least {goal}')

main()
