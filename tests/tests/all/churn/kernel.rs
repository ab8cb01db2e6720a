//! What the kernel's interfaces go through: wires from us to a peer, each with a name that it may lose.

use std::os::fd::AsFd;

use siding_tests::Host;
use siding_tests::Lab;

use super::chance::Chance;

/// Our ends of the wires, which come and go.
pub(super) const DEVICES: [&str; 5] = ["w0", "w1", "w2", "w3", "w4"];

/// Does one thing to one of them, and says what. What cannot be done (it is not there) is part of it.
pub(super) fn disturb(chance: &mut Chance, lab: &Lab, hosts: &[Host; 3]) -> String {
    let [ours, peer, other] = hosts;
    let device = chance.of(&DEVICES);
    let far = format!("{device}p");
    let mut netlink = ours.netlink();
    let run = |host: &Host, words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        // It may well fail.
        let _ = host.run("ip", &words);
    };
    let mac = [2, 0xc4, 0, 0, chance.below(4) as u8, chance.below(250) as u8];
    match chance.below(12) {
        0 | 1 => {
            if netlink.link(device).is_err() && peer.netlink().link(&far).is_err() {
                lab.wire(ours, device, peer, &far);
            }
            format!("{device} is made")
        }
        2 => format!("{device} is deleted: {:?}", netlink.delete_link(device).is_ok()),
        3 => {
            let mtu = [1280, 1400, 1500, 9000, 576][chance.below(5) as usize];
            format!("{device} has MTU {mtu}: {:?}", netlink.set_mtu(device, mtu).is_ok())
        }
        4 => format!("{device} has another address: {:?}", netlink.set_mac(device, mac).is_ok()),
        5 => format!("{device} loses its carrier: {:?}", peer.netlink().set_down(&far).is_ok()),
        6 | 7 => format!("{device} gets its carrier: {:?}", peer.netlink().set_up(&far).is_ok()),
        8 => format!("{device} is taken down: {:?}", netlink.set_down(device).is_ok()),
        9 => format!("{device} is taken up: {:?}", netlink.set_up(device).is_ok()),
        10 => {
            run(ours, &format!("link set {device} name lost"));
            run(ours, &format!("link set lost name {device}"));
            format!("{device} is renamed and back")
        }
        _ => {
            let moved = netlink.move_to_netns(device, other.netns().as_fd()).is_ok();
            let back = other.netlink().move_to_netns(device, ours.netns().as_fd()).is_ok();
            let _ = netlink.set_up(device);
            format!("{device} is moved away ({moved}) and back ({back})")
        }
    }
}

/// The neighbours on those wires speak.
pub(super) fn speak(chance: &mut Chance, peer: &Host) -> String {
    let device = chance.of(&DEVICES);
    let to = format!("ff02::1%{device}p");
    let _ = peer
        .start("ping", &["-q", "-c", "5", "-i", "0.01", "-w", "1", &to])
        .finish(std::time::Duration::from_secs(30));
    format!("pings on {device}")
}
