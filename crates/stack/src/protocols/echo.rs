//! An example of a protocol, whole and small: who is there on the link? Every so often each interface asks all stations, and
//! whoever hears it answers. It lives on an ethertype for local experiments (IEEE 802 s9.2.3), and is there in tests alone.
//!
//! # Locks
//!
//! How often is asked, and what was asked, lies under [`ranks::Control`]. What comes from others takes no lock: it can be a
//! flood. # Teardown: an interface that departs is forgotten, and the queue is purged of its timer.

use std::collections::BTreeMap;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;

use crate::Stack;
use crate::alarm::Alarm;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::ifnet::Ifnet;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::named::named;
use crate::next::Frame;
use crate::next::Next;
use crate::ranks;
use crate::section::KeySpec;
use crate::section::Section;
use crate::section::SectionError;
use crate::section::SectionSpec;
use crate::section::Takes;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::worker::Local;
use crate::table::TableSpec;
use crate::timer::Due;

const ECHO: EtherType = EtherType(0x88b5);

/// A message is its kind, and a number that the answer repeats.
const LEN: usize = 5;
const QUESTION: u8 = 1;
const ANSWER: u8 = 2;

named! {
    /// Why it drops packets.
    CAUSES: [DropReason];
    /// A message that is too short, or of another kind.
    EchoMalformed = "echo-malformed",
}

named! {
    /// What it counts.
    COUNTERS: [IfCounter];
    /// Questions that were asked.
    EchoAsked = "echo-asked",
    /// Answers that came in.
    EchoAnswered = "echo-answered",
}

/// What is known under the control lock.
#[derive(Debug, Default)]
struct State {
    every: Option<Duration>,
    asking: BTreeMap<IfId, Asking>,
}

/// What one interface asks.
#[derive(Debug, Default)]
struct Asking {
    number: u32,
    alarm: Alarm,
}

/// An interface's time to ask has come.
#[derive(Debug)]
struct Ask(IfId);

impl Due<Local> for Ask {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        let (shared, config, id) = (local.shared.clone(), local.config().clone(), self.0);
        let (mut control, mut locked) = ctx.lock(&shared.control);
        let State { every, asking } = control.rooms.of::<State>();
        let (Some(every), Some(asking)) = (*every, asking.get_mut(&id)) else { return };
        if !asking.alarm.rings(local.heard) {
            return;
        }
        asking.number = asking.number.wrapping_add(1);
        let number = asking.number;
        local.timers().set(&mut locked, &mut asking.alarm, Some(local.now + every), || Ask(id));
        drop((control, locked));
        let Some(out) = config.interface(id).filter(|out| out.is_fit(Use::Frames)) else { return };
        if let Some(frame) = message(local, out, Mac::BROADCAST, QUESTION, number) {
            out.ifnet.counters.add(local.index, IfCounter::EchoAsked, 1);
            local.transmit(ctx, id, frame);
        }
    }
}

fn message(local: &mut Local, out: &Interface, dst: Mac, kind: u8, number: u32) -> Option<Mbuf> {
    let mut frame = local.alloc(HEADER_LEN + LEN)?;
    let header = Ether { dst, src: out.mac, ethertype: ECHO };
    frame.append(HEADER_LEN)?.copy_from_slice(&header.to_bytes());
    let (first, rest) = frame.append(LEN)?.split_first_mut()?;
    *first = kind;
    rest.copy_from_slice(&number.to_be_bytes());
    Some(frame)
}

/// Echoes.
pub(crate) struct Echo;

impl Protocol for Echo {
    fn causes(&self) -> &'static [DropReason] {
        CAUSES
    }

    fn counters(&self) -> &'static [IfCounter] {
        COUNTERS
    }

    fn ethertypes(&self) -> &'static [EtherType] {
        &[ECHO]
    }

    fn input<'c>(
        &self,
        _ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        _config: &'c Config,
        frame: Frame<'c>,
    ) -> Next<'c> {
        let Frame { on, from, packet, .. } = frame;
        match packet.data().first_chunk::<LEN>() {
            Some([QUESTION, number @ ..]) => {
                let Some(answer) = message(local, on, from, ANSWER, u32::from_be_bytes(*number)) else {
                    return Next::Drop(packet, DropReason::NoBuffer);
                };
                local.done(packet);
                Next::Transmit(on.ifnet.id, answer)
            }
            Some([ANSWER, ..]) => {
                on.ifnet.counters.add(local.index, IfCounter::EchoAnswered, 1);
                Next::Done(packet)
            }
            _ => Next::Drop(packet, DropReason::EchoMalformed),
        }
    }

    fn attached(&self, stack: &Stack, control: &mut Control, ctx: &mut Ctx<'_, ranks::Control>, on: &Ifnet) {
        let State { every, asking } = control.rooms.of::<State>();
        let first = every.map(|_| stack.now());
        let (id, asking) = (on.id, asking.entry(on.id).or_default());
        stack.shared.timers.set(ctx, &mut asking.alarm, first, || Ask(id));
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.rooms.of::<State>().asking.remove(&moment.interface.ifnet.id);
    }

    fn section(&self) -> Option<&'static SectionSpec> {
        Some(&SectionSpec {
            name: "echo",
            about: "Asking who is on the link",
            keys: &[KeySpec {
                name: "every_ms",
                about: "Milliseconds between two questions; 0 asks none",
                takes: Takes::Number { of: "milliseconds", range: 0..=3_600_000 },
                usual: "0",
            }],
        })
    }

    fn configure(
        &self,
        change: &mut Change<'_, '_>,
        _told: &mut Vec<Event>,
        section: &Section,
    ) -> Result<(), SectionError> {
        let Change { shared, control, ctx, now } = change;
        let State { every, asking } = control.rooms.of::<State>();
        let millis: u64 = section.read("every_ms")?;
        // Not so often that nothing else is done.
        *every = (millis > 0).then(|| Duration::from_millis(millis.max(10)));
        for (id, asking) in asking {
            shared.timers.set(ctx, &mut asking.alarm, every.map(|_| *now), || Ask(*id));
        }
        Ok(())
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "echo",
                about: "Questions that each interface has asked, and answers",
                columns: &["interface", "asked", "answered"],
            },
            fill: |stack, _ctx, table| {
                let of = |on: &Interface, counter: usize| on.ifnet.counters.of(COUNTERS[counter]).to_string();
                let cells = |on: &Interface| [on.ifnet.name.clone(), of(on, 0), of(on, 1)];
                table.add(stack.config().interfaces(), cells);
            },
        }]
    }
}

#[cfg(not(any(siding_loom, siding_shuttle)))]
mod tests;
