//! `siding trace` and `siding capture`: what the running stack does with single packets, and frames as they pass.
//!
//! Both ask for what has been seen, again and again, on a connection of their own. Whoever reads slowly asks seldom, and
//! loses what finds no room meanwhile; the stack waits for nobody.

mod capture;
mod file;
mod life;
mod lives;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use siding_output as output;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;

pub(super) use capture::CaptureArgs;
pub(super) use capture::capture;
pub(super) use lives::TraceArgs;
pub(super) use lives::trace;

use crate::control::Answer;
use crate::control::Client;
use crate::control::Request;
use crate::control::WatchRequest;
use crate::control::WatchRow;

/// What is asked for at a time: no longer, so that Ctrl-C is heard.
const WAIT_MS: u64 = 200;

/// Takes what is seen until `each` says that it is enough, or somebody presses Ctrl-C. Says what is missing in the end.
/// `begin` makes what it is written into, once the daemon has said yes: nothing that is there is emptied for a no. `tells` is
/// whether it goes to standard output: then it ends with who reads that.
fn watch<Into>(
    client: &mut Client,
    request: WatchRequest,
    tells: bool,
    begin: impl FnOnce() -> anyhow::Result<Into>,
    mut each: impl FnMut(&mut Into, WatchRow) -> anyhow::Result<bool>,
) -> anyhow::Result<(ExitCode, Into)> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, stop.clone())?;
    signal_hook::flag::register(SIGTERM, stop.clone())?;
    client.ask(&Request::Watch(request))?;
    let mut into = begin()?;
    let (mut left_out, mut lost) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let asked = Request::Watch(WatchRequest::Take { timeout_ms: WAIT_MS });
        let Answer::Watched(row) = client.ask(&asked)? else { break };
        (left_out, lost) = (row.packets_left_out, row.records_lost);
        if each(&mut into, row)? {
            break;
        }
        if tells {
            output::is_read()?;
        }
    }
    if left_out > 0 {
        output::complain(format_args!(
            "{left_out} packets were not followed: more came in a second than may be (--rate), or another trace follows them\n"
        ));
    }
    if lost > 0 {
        output::complain(format_args!("{lost} records were lost: they came faster than they were read\n"));
    }
    Ok((ExitCode::SUCCESS, into))
}

/// Whether what is written there goes to standard output.
fn is_told(write: Option<&Path>) -> bool {
    write.is_none_or(|path| path == Path::new("-"))
}

/// Several words are one match.
fn joined(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
}

/// The bytes that hexadecimal digits mean; those up to the first that is none.
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A time of day, in UTC, with microseconds.
fn clock(at_ns: u64) -> String {
    let (seconds, micros) = (at_ns / 1_000_000_000 % 86_400, at_ns / 1000 % 1_000_000);
    format!("{:02}:{:02}:{:02}.{micros:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// What a frame is, in a line.
fn summary(frame: &[u8], len: usize) -> String {
    let bytes = format!("{len} bytes");
    let Some((ethertype, at)) = siding_wire::ether::network(frame) else { return bytes };
    let mut whole = frame[at..].to_vec();
    // What is not shown counts as zeros: the headers are there, mostly.
    whole.resize(len.saturating_sub(at), 0);
    let Ok(packet) = siding_filter::Packet::parse(&whole, None) else {
        return format!("ethertype {ethertype:?}, {bytes}");
    };
    let (src, dst) = (packet.src(), packet.dst());
    let ends = match packet.ports() {
        Some((from, to)) => format!("{src}#{from} > {dst}#{to}"),
        None => format!("{src} > {dst}"),
    };
    let what = match (packet.protocol(), packet.icmp()) {
        (Some(6), _) => "TCP".to_owned(),
        (Some(17), _) => "UDP".to_owned(),
        (Some(1), Some((kind, code))) => format!("ICMP type {kind} code {code}"),
        (Some(58), Some((kind, code))) => format!("ICMPv6 type {kind} code {code}"),
        (Some(other), _) => format!("protocol {other}"),
        (None, _) => "a later fragment".to_owned(),
    };
    format!("{ends} {what}, {bytes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_times_as_they_are_written() {
        assert_eq!(unhex("00ff7"), [0, 255]);
        assert_eq!(clock(1_000_000_000 * (86_400 * 3 + 3_661) + 123_456_789), "01:01:01.123456");
        assert_eq!(joined(&["udp".into(), "dport 53".into()]).unwrap(), "udp dport 53");
    }

    #[test]
    fn a_frame_in_a_line() {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64]);
        frame.extend([[0; 15], [1; 15]].concat());
        frame.extend([1, 2]);
        frame.extend([0, 53, 4, 0, 0, 8, 0, 0]);
        let text = summary(&frame, 62);
        assert!(text.contains("#53 > ") && text.ends_with("#1024 UDP, 62 bytes"), "{text}");
        assert_eq!(summary(&[1, 2, 3], 3), "3 bytes");
        assert_eq!(summary(&[0; 14], 60), "ethertype 0x0000, 60 bytes");
    }
}
