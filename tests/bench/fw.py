#!/usr/bin/env python3
"""The firewall: established: flows that are known, frames of 64 B, through 100 rules. first: first packets of new flows into an empty table. syn: a SYN flood beside an established flow, and beside TCP."""
from lib import *
p = options(__doc__, 'nft-rps,nft,linux-rps,siding1,siding1-plain')
p.add_argument('what', choices=['established', 'first', 'syn'])
p.add_argument('--flows', type=int, default=65536, help='established: how many (B has answered each)')
p.add_argument('--new', type=int, default=50000, help='first: how many')
p.add_argument('--rules', type=int, default=100)
p.add_argument('--family', default='6,4')
p.add_argument('--offer', default='0.4,0.7,1.0', help='established: Mpps')
p.add_argument('--seconds', type=float, default=1.0, help='established: of each rate')
p.add_argument('--syns', type=int, default=100000, help='syn: a second')
p.add_argument('--bitrate', default='1G', help='syn: what TCP is to carry')
o = p.parse_args()
linux = lambda name: not name.startswith('siding') and name != 'ceiling'

def rules(n):
    """The same text for both: the first lets known flows pass, the last what A begins; those between are about others."""
    between = [(f'ip6 saddr 2001:dba:{i:x}::/48' if i % 2 else f'ip saddr 198.18.{i}.0/24') + f' udp dport {1000 + i} drop' for i in range(n - 2)]
    return '\n'.join(['table inet fw {', 'chain forward {', 'type filter hook forward priority 0; policy drop;', 'ct state established,related accept'] + between + ['iifname "rA" accept', '}', '}']) + '\n'

class Firewall(Lab):
    def set_up(self, name):
        """The router: Linux with nftables and conntrack (nft), without (linux), on one core or two (-rps); Siding with the rules, or -plain; ceiling: no stack."""
        self.make(linux(name))
        for n, v, net in (self.a, 'vA', '10.9.1'), (self.b, 'vB', '10.9.2'):
            sh(f'ip -n {n} addr add {net}.2/24 dev {v}; ip -n {n} route add default via {net}.1; ip -n {n} neigh replace {net}.1 lladdr 02:00:00:00:00:0{2 if v == "vA" else 3} dev {v} nud permanent')
        if name == 'ceiling': return self.forward('v2mm', -1)
        if linux(name):
            for r, v, net, last in ('rA', 'vA', '10.9.1', 1), ('rB', 'vB', '10.9.2', 4):
                sh(f'ip -n {self.r} addr add {net}.1/24 dev {r}; ip -n {self.r} neigh replace {net}.2 lladdr 02:00:00:00:00:0{last} dev {r} nud permanent')
            self.ns(self.r, 'sysctl -qw net.ipv4.ip_forward=1')
            if name.startswith('nft'): sh(['ip', 'netns', 'exec', self.r, 'nft', '-f', '-'], stdin=rules(o.rules))
            if name.endswith('-rps'):
                for r in 'rA', 'rB': self.ns(self.r, f'sh -c "echo 2 > /sys/class/net/{r}/queues/rx-0/rps_cpus"')
            return
        write(self.dir + '/rules.nft', rules(o.rules))
        lines = ['[stack]', f'workers = {int(re.sub("[^0-9]", "", name))}', 'forwarding = true', f'control = "{self.control}"', 'log = "warn"'] + o.stack
        for x, net, m in ('a', '10.9.1', 1), ('b', '10.9.2', 4):
            lines += ['[[interface]]', f'name = "r{x.upper()}"', f'driver = "{o.driver}"', f'addresses = ["fd00:{x}::1/64", "{net}.1/24"]', 'dad = false']
            for a in f'fd00:{x}::2', f'{net}.2': lines += ['[[neighbor]]', f'interface = "r{x.upper()}"', f'address = "{a}"', f'mac = "02:00:00:00:00:0{m}"']
        if not name.endswith('plain'): lines += ['[filter]', f'rules = "{self.dir}/rules.nft"']
        write(self.dir + '/router.toml', '\n'.join(lines) + '\n'); self.route(f'{SIDING} run {self.dir}/router.toml')
    def first(self, family, n, window, answer):
        text = self.start(self.a, f'{OUT}/fw first {self.a} vA {self.b} vB {family} {n} {window} 20 {answer}', own=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).communicate()[0].strip()
        m = re.search(r'sent (\d+) in ([\d.]+) ms, arrived (\d+), answered (\d+), rate (\d+)', text)
        if not m: raise RuntimeError('fw: ' + text)
        return int(m[5]) / 1e3, int(m[1]) - int(m[3]), text
    def states(self, name):
        """How many states there are: a run without them measures something else."""
        if name.startswith('nft'): return int(self.ns(self.r, 'cat /proc/sys/net/netfilter/nf_conntrack_count'))
        if not name.startswith('siding') or 'plain' in name: return None
        rows = json.loads(self.ask('show limits --json')); rows = rows if isinstance(rows, list) else rows['limits']
        return sum(row['used'] for row in rows if row['limit'] == 'filter-states')

def established(lab, results):
    for name in o.contestants.split(','):
        for family in o.family.split(','):
            lab.close(); results.idle(); lab.set_up(name); cpu = 0 if linux(name) else 1
            for _ in range(2): filled = lab.first(family, o.flows, 256, 1)
            lab.sink(); best = []; kept = lab.states(name)
            for rate in map(float, o.offer.split(',')):
                pid = lab.router.pid if lab.router else None
                a0, b0, t0, c0 = lab.count(lab.r, 'rA'), lab.count(lab.b, 'vB'), ticks(), cpu_time(pid) if pid else 0
                text = lab.start(lab.a, f'{OUT}/fw flows vA {cpu} {o.seconds} {rate * 1e6:.0f} {family} {o.flows}', own=False, stdout=subprocess.PIPE).communicate()[0]
                took = float(re.search(r'in ([\d.]+) s', text)[1]); used = busy(t0, ticks()); c1 = cpu_time(pid) if pid else 0; time.sleep(0.15)
                offered, got = (lab.count(lab.r, 'rA') - a0) / took / 1e6, (lab.count(lab.b, 'vB') - b0) / took / 1e6; best.append(got)
                results.add(name, f'IPv{family}, {o.flows} flows, {rate:g} Mpps', 'Mpps', got, f'offered {offered:.3f}; states {kept}; router {(c1 - c0) / took:.2f} cores; ' + ' '.join(f'{c} {100 * u:.0f}%' for c, u in used.items()))
            results.add(name, f'IPv{family}, {o.flows} flows, best', 'Mpps', max(best), filled[2])
        if name.startswith('siding'): print(f'    {lab.drops()}')

def first(lab, results):
    for name in ['ceiling'] + o.contestants.split(','):
        for family in o.family.split(','):
            for window in 256, 0:
                lab.close(); results.idle(); lab.set_up(name)
                rate, lost, text = lab.first(family, o.new, window, 0); what = f'IPv{family}, {o.new} new flows, {f"window {window}" if window else "no window"}'
                results.add(name, what, 'k/s', rate, f'{text}; states {lab.states(name)}'); results.add(name, what + ', lost', 'packets', lost)
                if name.startswith('siding'): print(f'    {lab.drops()}')

def tcp(lab, rate):
    """What TCP carries while SYNs come, in Gbit/s."""
    lab.start(lab.b, 'taskset -c 1 timeout 20 iperf3 -s -1', own=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); time.sleep(0.3)
    client = lab.start(lab.a, f'taskset -c 0 timeout 20 iperf3 -6 -c fd00:b::2 -t 4 -b {o.bitrate} -J', own=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT); time.sleep(0.5)
    flood = lab.start(lab.a, f'{OUT}/fw syn vA 1 4 {rate}', own=False, stdout=subprocess.PIPE) if rate else None
    text = client.communicate()[0]; sent = flood.communicate()[0].strip() if flood else 'no flood'
    try: end = json.loads(text)['end']; return end['sum_received']['bits_per_second'] / 1e9, f'{sent}; retransmits {end["sum_sent"].get("retransmits")}'
    except (ValueError, KeyError): return 0.0, 'no connection; ' + sent

def syn(lab, results):
    for name in o.contestants.split(','):
        lab.close(); results.idle(); lab.set_up(name)
        sh(['ip', 'netns', 'exec', lab.b, 'nft', '-f', '-'], stdin='table netdev s { chain i { type filter hook ingress device "vB" priority 0; tcp dport 80 counter drop; udp dport 20000-20255 counter drop; }\n}\n')
        udp = lambda: int(re.search(r'udp dport 20000-20255 counter packets (\d+)', lab.ns(lab.b, 'nft list ruleset'))[1])
        for rate in 0, o.syns:
            before = udp(); flood = lab.start(lab.a, f'{OUT}/fw syn vA 1 2.5 {rate}', own=False, stdout=subprocess.PIPE) if rate else None
            time.sleep(0.2); flow = lab.start(lab.a, f'{OUT}/fw flows vA 1 2 50000 6 256', own=False, stdout=subprocess.PIPE).communicate()[0]
            text = flood.communicate()[0].strip() if flood else 'no flood'; sent = int(re.search(r'sent (\d+)', flow)[1]); time.sleep(0.2)
            results.add(name, f'{rate} SYNs/s, arrived of an established flow of 50,000/s', '%', 100 * (udp() - before) / sent, f'of {sent}; {text}; states {lab.states(name)}')
            goodput, text = tcp(lab, rate); results.add(name, f'{rate} SYNs/s, TCP of {o.bitrate}', 'Gbit/s', goodput, text)
        if name.startswith('siding'): print(f'    {lab.drops()}')

def main_lab(lab, results):
    """main() makes a Lab; ours has IPv4, too."""
    own = Firewall(o)
    try:
        for _ in range(o.rounds): globals()[o.what](own, results)
    finally: own.close(); shutil.rmtree(own.dir, ignore_errors=True)

# Linux gets as many buckets as it may have states, and more of these than come: its best.
main(f'Firewall, {o.what}, {o.rules} rules', o, main_lab, 'iperf3', {'net/netfilter/nf_conntrack_max': 1048576})
