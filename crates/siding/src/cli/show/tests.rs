use super::*;

fn lane(accepted: u64, handled: u64, resident: u64) -> LaneRow {
    let refused = [("departed", 3), ("full", 0)].map(|(cause, count)| (cause.to_owned(), count));
    LaneRow {
        accepted,
        handled,
        resident,
        refused: refused.into(),
        oldest_age_ns: Some(1_500),
        residence_p50_ns: Some(800),
        conserved: true,
        ..LaneRow::default()
    }
}

#[test]
fn netisr_shows_every_worker_when_there_are_several() {
    let row = TypeRow {
        name: "link_out".into(),
        limit: 4096,
        total: lane(12, 10, 2),
        workers: vec![lane(12, 10, 2), lane(0, 0, 0)],
    };
    let expected = "\
Every dispatch is deferred; packets of one flow stay in order, and a full queue refuses the newest.

Queues (packets) and residence:
TYPE      WORKER  LIMIT  QUEUED  RESERVED  HIGH-WATER  OLDEST/us  P50/us  P99/us  MAX/us
link_out  all      4096       2         0           0        1.5     0.8       -       -
link_out  0        4096       2         0           0        1.5     0.8       -       -
link_out  1        4096       0         0           0        1.5     0.8       -       -

Fates (packets accepted = handled + departed + flushed + drop-oldest + queued):
TYPE      WORKER  ACCEPTED  HANDLED  DEPARTED  FLUSHED  DROP-OLDEST  QUEUED  PANICS  ADDS-UP
link_out  all           12       10         0        0            0       2       0  yes
link_out  0             12       10         0        0            0       2       0  yes
link_out  1              0        0         0        0            0       0       0  yes

Refused and handed back (packets, by cause):
TYPE      WORKER  DEPARTED  FULL
link_out  all            3     0
link_out  0              3     0
link_out  1              3     0
";
    assert_eq!(netisr(&[row]), expected);
}

#[test]
fn neighbors_say_what_they_are() {
    let row = |address: &str, mac: Option<&str>, fixed| NeighborRow {
        address: address.parse().unwrap(),
        interface: "eth0".into(),
        mac: mac.map(str::to_owned),
        state: "INCOMPLETE".into(),
        router: mac.is_some(),
        fixed,
        held: 1,
        age_ns: 90_000_000_000,
        in_state_ns: 2_900_000_000,
        confirmed_ns: None,
    };
    let expected = "\
ADDRESS  INTERFACE  MAC                STATE       SINCE/s  FLAGS          HELD-PKTS
fe80::1  eth0       02:00:00:00:00:01  PERMANENT         2  router,static          1
fe80::2  eth0       -                  INCOMPLETE        2                         1
";
    let rows = vec![row("fe80::1", Some("02:00:00:00:00:01"), true), row("fe80::2", None, false)];
    assert_eq!(neighbors(rows), expected);
}

#[test]
fn interfaces_name_what_is_not_zero() {
    let counters = [("rx-packets", 7), ("rx-bytes", 700), ("ns-in", 2), ("na-in", 0)];
    let row = InterfaceRow {
        ip: Vec::new(),
        name: "eth0".into(),
        id: "0.1".into(),
        driver: "packet".into(),
        device: "veth0".into(),
        up: true,
        link: true,
        state: "up".into(),
        mac: "02:00:00:00:00:01".into(),
        mtu: 1500,
        addresses: vec!["2001:db8::1/64".into()],
        tx_stalled_ms: None,
        put_right: 2,
        altered: None,
        neighbors: 1,
        counters: counters.map(|(name, count)| (name.to_owned(), count)).into(),
        device_counters: [("rx-overrun".to_owned(), 4), ("rx-dropped".to_owned(), 4)].into(),
        netisr: BTreeMap::new(),
    };
    let expected = "\
NAME  STATE  DRIVER  DEVICE  MAC                MTU/B  NEIGHBORS  RX-PKTS  RX-BYTES  RX-DROPS  TX-PKTS  TX-BYTES  TX-DROPS
eth0  up     packet  veth0   02:00:00:00:00:01   1500          1        7       700         4        0         0         0

eth0: 2001:db8::1/64
    put right 2 times: somebody changes the device's offloads or settings
    neighbor discovery: ns-in 2
    driver drops: rx-overrun 4
";
    assert_eq!(interfaces(&[row]), expected);
}

#[test]
fn limits_with_their_use() {
    let row = |interface: Option<&str>, highest| LimitRow {
        limit: "neighbors".into(),
        interface: interface.map(str::to_owned),
        most: 16_384,
        used: 3,
        highest,
        refused: 1,
    };
    let expected = "\
LIMIT      INTERFACE   MOST  USED  HIGHEST  REFUSED
neighbors  -          16384     3        -        1
neighbors  eth0       16384     3       70        1
";
    assert_eq!(limits(vec![row(None, None), row(Some("eth0"), Some(70))]), expected);
}
