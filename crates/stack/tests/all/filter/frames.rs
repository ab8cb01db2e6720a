//! The frames that packets came in, as rules may ask for them.

use siding_stack::filter::FrameEnds;
use siding_stack::ifnet::Vlan;

use super::*;

/// What is known of a packet's frame, and its VLAN.
type Seen = (Hook, Option<FrameEnds>, Option<u16>);

#[derive(Debug, Default, Clone)]
struct Asked {
    asks: bool,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Judge for Asked {
    fn has_rules(&self, _: Hook, part: Part) -> bool {
        part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn sees_frames(&self) -> bool {
        self.asks
    }

    fn judge(&self, _: usize, hook: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.seen.lock().unwrap().push((hook, asks.frame(), asks.vlan()));
        Verdict::Accept
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.judge(0, hook, part, packet, asks)
    }
}

const FRAME: FrameEnds = FrameEnds { src: Mac([2, 0, 0, 0, 0, 2]), dst: Mac([2, 0, 0, 0, 0, 1]) };

fn ends() -> [(Ipv6Addr, u16); 2] {
    [(addr(INNER, 2), 7), (addr(OUTER, 2), 8)]
}

#[test]
fn a_packets_frame_is_known_where_it_is_judged_if_rules_ask_for_it() {
    for asks in [false, true] {
        let mut router = Router::new();
        let judge = Asked { asks, ..Asked::default() };
        router.load(judge.clone());
        let [from, to] = ends();
        assert!(router.passes(INNER, 0, &udp(from, to, b"1")));
        // The flow is the other worker's: this one is carried there.
        assert!(router.passes(INNER, 1, &udp(from, to, b"2")));
        assert_eq!(router.carried(), 1);
        let frame = Some(FRAME).filter(|_| asks);
        let each = [(Hook::Prerouting, frame, None), (Hook::Forward, frame, None)];
        assert_eq!(*judge.seen.lock().unwrap(), [each, each].concat());
        // Of a flow that is judged anew nobody remembers the frame.
        judge.seen.lock().unwrap().clear();
        router.load(judge.clone());
        router.turns();
        let each = [(Hook::Prerouting, None, None), (Hook::Forward, None, None)];
        assert_eq!(*judge.seen.lock().unwrap(), each);
        router.end();
    }
}

#[test]
fn a_tagged_frame_is_known_without_its_tag_and_its_vlan_by_the_interface() {
    let mut router = Router::new();
    let judge = Asked { asks: true, ..Asked::default() };
    router.load(judge.clone());
    let vlan = control(|ctx| {
        let vlan = Vlan { parent: router.ids[INNER], vid: 5, ethertype: EtherType::VLAN };
        let id = router.stack.add_vlan(ctx, "inner.5", vlan).unwrap();
        router.stack.add_address(ctx, id, addr(5, 1).into(), 64, false).unwrap();
        id
    });
    router.turns();
    judge.seen.lock().unwrap().clear();
    let packet = udp((addr(5, 2), 7), (addr(OUTER, 2), 8), b"1");
    let ends = Ether { dst: mac(INNER, 1), src: mac(INNER, 2), ethertype: EtherType::VLAN };
    let frame = [&ends.to_bytes()[..], &[0, 5, 0x86, 0xdd], &packet].concat();
    router.wires[INNER][0].inbound.lock().unwrap().push_back(frame);
    router.turns();
    assert_eq!(router.take(OUTER).len(), 1);
    let each = [(Hook::Prerouting, Some(FRAME), Some(5)), (Hook::Forward, Some(FRAME), Some(5))];
    assert_eq!(*judge.seen.lock().unwrap(), each);
    let mut detached = control(|ctx| router.stack.detach(ctx, vlan)).unwrap();
    router.turns();
    assert!(detached.is_complete());
    router.end();
}

#[test]
fn what_we_send_has_come_in_no_frame() {
    let mut router = Router::new();
    let judge = Asked { asks: true, ..Asked::default() };
    router.load(judge.clone());
    // An echo to us: its answer is our own.
    let mut body = vec![0; 8];
    Icmp6Repr::EchoRequest { ident: 1, seq: 1 }.emit(addr(INNER, 2), addr(INNER, 1), &mut body).unwrap();
    router.hear(INNER, 0, &packet(addr(INNER, 2), addr(INNER, 1), IpProto::ICMP6, &body));
    assert_eq!(router.take(INNER).len(), 1);
    let frame = Some(FRAME);
    let each = [(Hook::Prerouting, frame, None), (Hook::Input, frame, None), (Hook::Output, None, None)];
    assert_eq!(*judge.seen.lock().unwrap(), each);
    router.end();
}
