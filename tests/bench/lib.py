"""What the three measurements share: namespaces, contestants, the generator, results. Everything made here is removed by Lab.close()."""
import argparse, contextlib, ctypes, json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time
HERE = os.path.dirname(os.path.abspath(__file__))
SIDING = os.path.abspath(os.environ.get('SIDING_BIN', os.path.join(HERE, '../../target/release/siding')))
OUT = os.environ.get('BENCH_OUT', os.path.join(HERE, 'out'))
TICK = os.sysconf('SC_CLK_TCK')
# Room for as many neighbours and solicitations as a run makes.
LIMITS = '[limits.neighbors]\nentries = 200000\nresolving = 65536\nsolicit_rate = 1000000000\nsolicit_burst = 1000000000\n[limits.all_neighbors]\nentries = 400000'

def options(text, contestants):
    p = argparse.ArgumentParser(description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument('--contestants', default=contestants, help='comma-separated; ratios are to the first')
    p.add_argument('--rounds', type=int, default=5, help='every contestant once in each round')
    p.add_argument('--prefix', default='bench', help='of the names of namespaces')
    p.add_argument('--nice', type=int, default=0, help='of all contestants, generators and hosts alike')
    p.add_argument('--driver', default='packet', help='driver of Siding\'s interfaces')
    p.add_argument('--stack', action='append', default=[], metavar='LINE', help='a line for [stack] of Siding\'s configuration (spin_us = 0)')
    p.add_argument('--clear', action='store_true', help='first remove namespaces of this prefix that a killed run left')
    return p

def sh(command, check=True, stdin=None):
    r = subprocess.run(command, input=stdin, shell=isinstance(command, str), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and r.returncode: raise RuntimeError(f'{command}: {r.stdout.strip()[-400:]}')
    return r.stdout

def read(path):
    with open(path) as f: return f.read().strip()
def write(path, value):
    with open(path, 'w') as f: f.write(str(value))
def autogroup(nice):
    """With autogroups `nice` weighs only within a session: a session's own weight is set here."""
    try: write('/proc/self/autogroup', nice)
    except OSError: pass

def ticks():
    """CPU times of each CPU so far."""
    return {l.split()[0]: [int(x) for x in l.split()[1:9]] for l in read('/proc/stat').split('\n') if re.match(r'cpu\d', l)}

def busy(a, b):
    """Share of each CPU that was not idle between two ticks()."""
    d = {c: [y - x for x, y in zip(a[c], b[c])] for c in a}
    return {c: 1 - (v[3] + v[4]) / (sum(v) or 1) for c, v in d.items()}
def load(wait=10):
    """Waits until the machine is idle (below 5 % of a core), `wait` seconds at most; returns cores in use."""
    until = time.time() + wait
    while True:
        a = ticks(); time.sleep(0.5); used = sum(busy(a, ticks()).values())
        if used < 0.05 or time.time() > until: return used
def cpu_time(pid):
    f = read(f'/proc/{pid}/stat').rsplit(')', 1)[1].split()
    return (int(f[11]) + int(f[12])) / TICK

class Results:
    def __init__(self, o, title):
        self.rows, self.base, self.loads = {}, o.contestants.split(',')[0], []
        cpu = re.search(r'model name\s*: (.*)', read('/proc/cpuinfo'))
        auto = read('/proc/sys/kernel/sched_autogroup_enabled') if os.path.exists('/proc/sys/kernel/sched_autogroup_enabled') else 'none'
        self.machine = (f'{title}; {cpu[1] if cpu else "CPU unknown"}, {os.cpu_count()} cores, Linux {os.uname().release}; load average before {os.getloadavg()[0]:.2f}; '
                        f'nice {o.nice}, autogroups {"on, weight as nice" if auto == "1" else "off"}; driver {o.driver}; [stack] {"; ".join(o.stack) or "default"}; {sh([SIDING, "--version"], check=False).strip()[:40] if "siding" in o.contestants else "no siding"}')
        print('#', self.machine, flush=True)
    def idle(self): self.loads.append(load())
    def add(self, who, what, unit, value, text=''):
        self.rows.setdefault((what, unit), {}).setdefault(who, []).append(value)
        note = f' (machine not idle before: {self.loads[-1]:.2f} cores)' if self.loads and self.loads[-1] >= 0.05 else ''
        print(f'{what} | {who}: {value:.3f} {unit}{" | " + text if text else ""}{note}', flush=True)
    def table(self):
        print(f'\n# {self.machine}\n# cores in use by others before a measurement: at most {max(self.loads, default=0):.2f}')
        w = max([len(what + unit) + 2 for what, unit in self.rows], default=4)
        print(f'{"what":{w}} {"contestant":16} {"median":>9} {"min":>9} {"max":>9} {"n":>3}  ratio to {self.base}')
        for (what, unit), by in self.rows.items():
            base = statistics.median(by.get(self.base, [0]))
            for who, v in by.items():
                m = statistics.median(v)
                print(f'{what + ", " + unit:{w}} {who:16} {m:9.3f} {min(v):9.3f} {max(v):9.3f} {len(v):3}  {f"{m / base:.2f}" if base > 0 else "-"}')

def main(title, o, body, tools='', sysctls={}):
    """Runs body(lab, results); whatever happens, ends and removes what was started, puts sysctls back, and prints the table."""
    if os.geteuid(): sys.exit('needs root: it makes network namespaces')
    missing = [t for t in ('ip nft ethtool sysctl taskset ' + tools).split() if not shutil.which(t)]
    if missing: sys.exit(f'not installed: {" ".join(missing)} (README.md names the packages)')
    if not os.path.exists(os.path.join(OUT, 'gen')): sys.exit(f'{OUT}/gen is not there: run build.sh (BENCH_OUT names another folder)')
    if 'siding' in o.contestants and not os.access(SIDING, os.X_OK): sys.exit(f'{SIDING} is not there: build it, or set SIDING_BIN')
    def leave(*_): raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, leave); signal.signal(signal.SIGHUP, leave)
    autogroup(o.nice); os.nice(o.nice)
    results = Results(o, title); lab = Lab(o); old, failed = {}, None
    try:
        for name in sysctls: old[name] = read(f'/proc/sys/{name}')
        for name, value in sysctls.items(): write(f'/proc/sys/{name}', value)
        body(lab, results)
    except KeyboardInterrupt: failed = 'stopped'
    except (RuntimeError, OSError) as e: failed = f'error: {e}'
    finally:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
        lab.close(); shutil.rmtree(lab.dir, ignore_errors=True)
        for name, value in old.items(): write(f'/proc/sys/{name}', value)
        results.table()
    if failed: sys.exit(failed)

class Lab:
    """Host A - router R - host B (and host C): fd00:a::/64, fd00:b::/64, fd00:c::/64; MACs 02::1 (A) 02::2 02::3 (R) 02::4 (B) 02::5 (R) 02::6 (C)."""
    def __init__(self, o):
        self.o, self.procs, self.router, self.dir = o, [], None, tempfile.mkdtemp(prefix='bench-')
        self.a, self.r, self.b, self.c = (o.prefix + x for x in 'ARBC'); self.mine = []
        self.control = self.dir + '/control'
        there = [n for n in (self.a, self.r, self.b, self.c) if os.path.exists('/run/netns/' + n)]
        if there and not o.clear: os.rmdir(self.dir); sys.exit(f'{" ".join(there)}: another run, or left by one that was killed (--clear removes, --prefix takes another name)')
        for n in there: sh(['ip', 'netns', 'del', n])
    def ns(self, name, command): return sh(f'ip netns exec {name} {command}')
    def make(self, kernel, third=False, learn=False):
        """kernel: Linux routes in R; else R's interfaces are bare. learn: the router resolves A itself."""
        self.close()
        links = [(self.a, 'vA', 1, 'rA', 2), (self.b, 'vB', 4, 'rB', 3)] + ([(self.c, 'vC', 6, 'rC', 5)] if third else [])
        for n in [self.r] + [l[0] for l in links]: self.mine.append(n); sh(f'ip netns add {n}'); sh(f'ip -n {n} link set lo up')
        self.ns(self.r, 'sysctl -qw ' + ' '.join(f'net.ipv6.conf.{i}.disable_ipv6={int(not kernel)} net.ipv6.conf.{i}.dad_transmits=0' for i in ('all', 'default')))
        for n, v, vmac, r, rmac in links:
            net = f'fd00:{v[1].lower()}::'
            sh(f'ip link add {v} netns {n} address 02:00:00:00:00:0{vmac} type veth peer name {r} netns {self.r} address 02:00:00:00:00:0{rmac}; ip -n {n} link set {v} up; ip -n {self.r} link set {r} up; '
               f'ip -n {n} addr add {net}2/64 dev {v} nodad; ip -n {n} route add default via {net}1; ip -n {n} neigh replace {net}1 lladdr 02:00:00:00:00:0{rmac} dev {v} nud permanent')
            if kernel: sh(f'ip -n {self.r} addr add {net}1/64 dev {r} nodad')
            if kernel and v != 'vC' and not (learn and v == 'vA'): sh(f'ip -n {self.r} neigh replace {net}2 lladdr 02:00:00:00:00:0{vmac} dev {r} nud permanent')
        if kernel: self.ns(self.r, 'sysctl -qw net.ipv6.conf.all.forwarding=1')
        time.sleep(1)  # until the kernel has noticed the carrier, it drops what it sends
    def sink(self):
        """B counts and drops what arrives as early as it can."""
        sh(['ip', 'netns', 'exec', self.b, 'nft', '-f', '-'], stdin='table netdev s { chain i { type filter hook ingress device "vB" priority 0; policy drop; }\n}\n')
    def start(self, name, command, own=True, **k):
        """A process in a namespace; own: in a session of its own. nice, ip and taskset replace themselves, so its id is the program's."""
        def child():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.setsid(); autogroup(self.o.nice)
        p = subprocess.Popen(['ip', 'netns', 'exec', name] + command.split(), text=True, stdin=subprocess.DEVNULL, preexec_fn=child if own else None, **k)
        self.procs.append(p); return p
    def route(self, command, ready=0.6):
        self.log = open(self.dir + '/router.log', 'w+')
        self.router = self.start(self.r, command, stdout=self.log, stderr=subprocess.STDOUT)
        until = time.time() + 8
        while command.startswith(SIDING) and not os.path.exists(self.control) and time.time() < until and self.router.poll() is None: time.sleep(0.05)
        time.sleep(ready)
        if self.router.poll() is not None: raise RuntimeError(f'{command}: ended by itself: {read(self.log.name)[-400:]}')
    def siding(self, workers, limits='', third=False, learn=False):
        lines = ['[stack]', f'workers = {workers}', 'forwarding = true', f'control = "{self.control}"', 'log = "warn"'] + self.o.stack + [limits]
        for x in 'ABC' if third else 'AB': lines += ['[[interface]]', f'name = "r{x}"', f'driver = "{self.o.driver}"', f'addresses = ["fd00:{x.lower()}::1/64"]', 'dad = false']
        for x, m in (('B', 4),) if learn else (('A', 1), ('B', 4)): lines += ['[[neighbor]]', f'interface = "r{x}"', f'address = "fd00:{x.lower()}::2"', f'mac = "02:00:00:00:00:0{m}"']
        write(self.dir + '/router.toml', '\n'.join(lines) + '\n'); self.route(f'{SIDING} run {self.dir}/router.toml')
    def ask(self, command): return sh(f'{SIDING} --control {self.control} {command}', check=False)
    def forward(self, mode, cpu):
        for i in 'rA', 'rB': sh(f'ip -n {self.r} link set {i} promisc on')
        self.route(f'{OUT}/forward {mode} rA rB {cpu}')
    def drops(self):
        """What Siding dropped: by cause, and before its stack saw it."""
        try:
            d = {e['cause']: e['count'] for e in json.loads(self.ask('show drops --json')) if e['count']}
            device = [c for i in json.loads(self.ask('show interfaces --json')) for c in [i.get('device_counters')] if isinstance(c, dict)]
            return f'dropped {d or "none"}; by the device {sum(c.get("rx-dropped", 0) for c in device)}, of these {sum(c.get("rx-overrun", 0) for c in device)} for a full ring'
        except (ValueError, KeyError, TypeError): return 'drops unknown'
    def count(self, name, device): return int(self.ns(name, f'cat /sys/class/net/{device}/statistics/rx_packets'))
    def gen(self, mode, cpu, seconds, rate, length=64):
        return self.start(self.a, f'{OUT}/gen {mode} vA {cpu} {seconds} {rate:.0f} {length}', own=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    def measure(self, mode, cpu, seconds, rate, length):
        """Offered (arrived at the router's interface) and delivered (arrived at B), in millions a second, and loss."""
        pid = self.router.pid if self.router else None
        a0, b0, t0, c0 = self.count(self.r, 'rA'), self.count(self.b, 'vB'), ticks(), cpu_time(pid) if pid else 0
        text = self.gen(mode, cpu, seconds, rate, length).communicate()[0]; m = re.search(r'sent \d+ in ([\d.]+) s', text)
        if not m: raise RuntimeError('generator: ' + text)
        used = busy(t0, ticks()); c1 = cpu_time(pid) if pid else 0; time.sleep(0.15); took = float(m[1])
        offered, got = self.count(self.r, 'rA') - a0, self.count(self.b, 'vB') - b0
        return offered / took / 1e6, got / took / 1e6, 1 - got / max(1, offered), f'router {(c1 - c0) / took:.2f} cores; ' + ' '.join(f'{c} {100 * u:.0f}%' for c, u in used.items())
    def close(self):
        for p in reversed(self.procs):
            if p.poll() is None: p.send_signal(signal.SIGINT if p is self.router else signal.SIGTERM)
            try: p.wait(8)
            except subprocess.TimeoutExpired: p.kill(); p.wait()
        self.procs, self.router = [], None
        for n in self.mine: sh(['ip', 'netns', 'del', n], check=False)
        self.mine = []

@contextlib.contextmanager
def inside(name):
    """This thread in a network namespace, and back."""
    libc, home, there = ctypes.CDLL(None, use_errno=True), os.open('/proc/self/ns/net', os.O_RDONLY), os.open('/run/netns/' + name, os.O_RDONLY)
    try:
        if libc.setns(there, 0x40000000): raise OSError(ctypes.get_errno(), name)
        yield
    finally: libc.setns(home, 0x40000000); os.close(home); os.close(there)
