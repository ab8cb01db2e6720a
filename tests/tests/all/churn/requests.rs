//! Requests of every kind to the control socket, right and wrong.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use super::chance::Chance;
use super::kernel::DEVICES;

/// Names that are made here, and some that never are.
const NAMES: [&str; 12] = ["w0", "w1", "w2", "w3", "w4", "m0", "m1", "v0", "v1", "l0", "b0", "nobody"];

/// The daemon's own bounds are below this: a detach is waited for 60 s, a batch takes 60 s, half a request 10 s.
const ANSWER: Duration = Duration::from_secs(90);

/// One request to a daemon, and its answer; or why there is none, which is never right of a daemon that is at work.
pub(super) fn ask(socket: &Path, request: &str) -> Result<String, String> {
    let begun = Instant::now();
    let asked = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    let why = match asked() {
        Ok(line) if line.ends_with('\n') => return Ok(line),
        Ok(half) => format!("hung up after {half:?}"),
        Err(error) => error.to_string(),
    };
    Err(format!("no answer to {request} in {:?}: {why}", begun.elapsed()))
}

/// What an answer carries.
pub(super) fn value(answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    answer["value"].take()
}

/// A request at random; now and then it is spoilt.
pub(super) fn any(chance: &mut Chance) -> String {
    let mut request = right(chance);
    if chance.once_in(6) {
        spoil(chance, &mut request);
    }
    let mut text = request.to_string();
    if chance.once_in(40) {
        text.truncate(chance.below(text.len() as u64) as usize);
    }
    text
}

/// Begins a request and goes away, or asks for much and reads nothing.
pub(super) fn vanish(chance: &mut Chance, socket: &Path) {
    let Ok(mut stream) = UnixStream::connect(socket) else { return };
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let text = any(chance);
    let half = &text[..text.len() / 2];
    let _ = match chance.below(3) {
        0 => stream.write_all(half.as_bytes()),
        1 => stream.write_all(format!("{text}\n").as_bytes()),
        _ => (0..500).try_for_each(|_| stream.write_all(b"{\"request\":\"show-netisr\"}\n")),
    };
}

fn spoil(chance: &mut Chance, request: &mut Value) {
    let Some(fields) = request.as_object_mut() else { return };
    let keys: Vec<String> = fields.keys().cloned().collect();
    let key = keys[chance.below(keys.len() as u64) as usize].clone();
    let wrong = match chance.below(8) {
        0 => return drop(fields.remove(&key)),
        1 => return drop(fields.insert("unheard-of".into(), json!(1))),
        2 => json!(null),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!("x".repeat(5000)),
        6 => json!([[[[]]]]),
        _ => json!("::"),
    };
    fields.insert(key, wrong);
}

fn right(chance: &mut Chance) -> Value {
    let name = chance.of(&NAMES);
    let second = chance.of(&NAMES);
    let device = chance.of(&DEVICES);
    let n = chance.below(4);
    let addr = match chance.below(6) {
        0 => format!("2001:db8:c{n}::1"),
        1 => format!("10.9.{n}.1"),
        2 => format!("fe80::{n}"),
        3 => "ff02::1".to_owned(),
        4 => "::1".to_owned(),
        _ => format!("2001:db8:c{n}::{}", chance.below(200)),
    };
    let length = [64, 24, 128, 0, 129][chance.below(5) as usize];
    let cidr = format!("{addr}/{length}");
    let prefix = [format!("2001:db8:c{n}::/64"), format!("10.{n}.0.0/16"), "2001:db8:ffff::/48".into()];
    let prefix = &prefix[chance.below(3) as usize];
    let group = format!("ff05::{n}");
    let mac = format!("02:cc:00:00:00:{:02x}", chance.below(256));
    let yes = chance.once_in(2);
    let timeout = [0, 10, 5000][chance.below(3) as usize];
    let mtu = [1280, 1500, 1400, 60, 65535][chance.below(5) as usize];
    let addressing = json!({ "addresses": [], "link_local": yes, "dad": chance.once_in(2) });
    let mode = chance.of(&["failover", "load-balance", "loadbalance", "roundrobin", "broadcast", "lacp"]);
    let request = |kind: &str| json!({ "request": kind });
    match chance.below(50) {
        0 => request("show-interfaces"),
        1 => request("show-addresses"),
        2 => request("show-neighbors"),
        3 => request("show-routes"),
        4 => request("show-netisr"),
        5 => request("show-drops"),
        6 => request("show-workers"),
        7 => request("show-limits"),
        8 => request("show-advertisers"),
        9 => match chance.below(4) {
            0 => request("show-path-mtus"),
            1 => {
                json!({ "request": "show-table", "table": chance.of(&["neighbors", "groups", "lagg-ports", "none"]) })
            }
            2 => request("show-sections"),
            _ => json!({ "request": "set-section", "section": "mld", "values": {
                "robustness": chance.of(&["2", "3", "8"]), "enabled": yes.then_some("true") } }),
        },
        10..=13 => {
            json!({ "request": "interface-attach", "name": device, "driver": "packet", "device": device,
            "addresses": [format!("2001:db8:c{n}::{}/64", 1 + chance.below(9))], "link_local": true, "dad": yes })
        }
        14 => json!({ "request": "interface-attach", "name": chance.of(&["m0", "m1"]), "driver": "memory",
            "device": "wire", "mtu": mtu, "link_local": true, "dad": yes }),
        15 | 16 => json!({ "request": "interface-detach", "name": name, "timeout_ms": timeout }),
        17 => json!({ "request": "interface-set", "name": name, "up": yes }),
        18 => json!({ "request": "interface-set", "name": name, "up": true }),
        19 => {
            json!({ "request": "interface-tune", "name": name, "mtu": mtu, "hop_limit": chance.below(256) })
        }
        20 | 21 => json!({ "request": "address-add", "interface": name, "address": cidr, "dad": yes,
            "preferred_s": chance.below(5), "valid_s": chance.below(8) }),
        22 => json!({ "request": "address-add", "interface": name, "address": cidr, "dad": yes }),
        23 => json!({ "request": "address-del", "interface": name, "address": addr }),
        24 | 25 => json!({ "request": "route-add", "to": prefix, "via": addr, "interface": name }),
        26 => json!({ "request": "route-add", "to": prefix, "interface": name, "metric": n }),
        27 => json!({ "request": "route-del", "to": prefix }),
        28 => {
            json!({ "request": "route-refuse", "to": prefix, "how": chance.of(&["reject", "prohibit", "unreachable", "blackhole"]) })
        }
        29 => json!({ "request": "vlan", "action": "show" }),
        30 | 31 => {
            json!({ "request": "vlan", "action": "add", "name": chance.of(&["v0", "v1"]), "parent": name,
            "vid": chance.below(5), "addressing": addressing })
        }
        32 => {
            json!({ "request": "vlan", "action": "delete", "name": chance.of(&["v0", "v1"]), "timeout_ms": timeout })
        }
        33 => json!({ "request": "lagg", "action": "show" }),
        34 => {
            json!({ "request": "lagg", "action": "add", "name": "l0", "mode": mode, "ports": [name, second],
            "addressing": addressing })
        }
        35 => json!({ "request": "lagg", "action": "delete", "name": "l0", "timeout_ms": timeout }),
        36 => json!({ "request": "lagg", "action": "add-port", "lagg": "l0", "port": name }),
        37 => json!({ "request": "lagg", "action": "remove-port", "lagg": "l0", "port": name }),
        38 => match yes {
            true => json!({ "request": "lagg", "action": "set-primary", "lagg": "l0", "port": name }),
            false => json!({ "request": "lagg", "action": "set-mac", "lagg": "l0", "mac": mac }),
        },
        39 => json!({ "request": "bridge", "action": "add", "name": "b0", "ports": [name, second],
            "addressing": addressing }),
        40 => json!({ "request": "bridge", "action": "delete", "name": "b0", "timeout_ms": timeout }),
        41 => json!({ "request": "bridge", "action": chance.of(&["add-port", "remove-port"]), "bridge": "b0",
            "port": name }),
        42 => match yes {
            true => json!({ "request": "bridge", "action": "show" }),
            false => json!({ "request": "bridge", "action": "flush", "bridge": "b0" }),
        },
        43 => {
            json!({ "request": "group", "action": chance.of(&["join", "leave"]), "interface": name, "group": group })
        }
        44 => json!({ "request": "host", "action": chance.of(&["show-routers", "show-prefixes"]) }),
        45 => json!({ "request": "host", "action": "start", "interface": name, "autoconf": {} }),
        46 => json!({ "request": "host", "action": chance.of(&["stop", "restart", "ready", "flush-routers",
            "flush-prefixes"]), "interface": name }),
        47 => match yes {
            true => json!({ "request": "neighbor-add", "interface": name, "address": addr, "mac": mac }),
            false => json!({ "request": "neighbor-flush", "interface": name }),
        },
        48 => match chance.once_in(3) {
            true => json!({ "request": "advertise-stop", "interface": name }),
            false => json!({ "request": "advertise-start", "interface": name, "advertise": {} }),
        },
        _ => match yes {
            true => {
                json!({ "request": "ping-send", "address": addr, "interface": name, "seq": n, "size": mtu })
            }
            false => json!({ "request": "ping-wait", "timeout_ms": 10 }),
        },
    }
}
