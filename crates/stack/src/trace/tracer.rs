//! A worker's part: whether anybody watches, and what they are told.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

use super::Record;
use super::Shared;
use super::Step;
use super::Subject;
use super::watch;
use super::watch::Places;
use super::watch::Watcher;
use crate::drops::DropReason;
use crate::offload;

/// Whether any of this is built: not where it is counted what it costs those whom nobody watches (tests/all/costs.rs).
const THERE: bool = !cfg!(siding_untraced);

/// What one worker knows of those who watch.
pub(crate) struct Tracer {
    /// Somebody does.
    on: bool,
    worker: u16,
    /// How often they had changed when they were looked at.
    generation: u64,
    places: Arc<Places>,
    shared: Arc<Shared>,
}

impl Tracer {
    pub(crate) fn new(shared: &Arc<Shared>, worker: usize) -> Tracer {
        let places = Arc::default();
        let mut tracer =
            Tracer { on: false, worker: worker as u16, generation: 0, places, shared: shared.clone() };
        tracer.refresh();
        tracer
    }

    /// Sees who watches now. One load if that has not changed.
    #[inline]
    pub(crate) fn refresh(&mut self) {
        if !THERE {
            return;
        }
        let generation = self.shared.generation.load(Ordering::Acquire);
        if generation != self.generation {
            self.look(generation);
        }
    }

    #[cold]
    fn look(&mut self, generation: u64) {
        self.generation = generation;
        self.places = self.shared.places();
        self.on = self.places.iter().any(Option::is_some);
    }

    /// Whether anybody watches anything.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        THERE && self.on
    }

    /// Frames have come off the wire of `on`.
    #[cold]
    #[inline(never)]
    pub(crate) fn batch(&self, on: IfId, frames: &mut [Mbuf]) {
        frames.iter_mut().for_each(|frame| self.received(on, frame));
    }

    /// `on` has received a frame, the first to do so or not.
    #[cold]
    pub(crate) fn received(&self, on: IfId, frame: &mut Mbuf) {
        let whole = offload::finished(frame);
        self.pass(on, &whole, Step::Received { on });
        let begun = match frame.mark() {
            0 => self.begin(on, Step::Received { on }, &whole),
            mark => {
                self.record(mark, Step::Received { on }, None, whole.len());
                None
            }
        };
        if let Some(mark) = begun {
            frame.set_mark(mark);
        }
    }

    /// A packet of our own sets out.
    #[cold]
    pub(crate) fn made(&self, packet: &mut Mbuf) {
        if packet.mark() == 0 {
            let begun = self.begin(IfId::NONE, Step::Made, &frame(packet));
            if let Some(mark) = begun {
                packet.set_mark(mark);
            }
        }
    }

    /// A frame leaves by `out`.
    #[cold]
    pub(crate) fn leaves(&self, out: IfId, frame: &Mbuf, step: Step) {
        let whole = offload::finished(frame);
        self.pass(out, &whole, step.clone());
        if frame.mark() != 0 {
            let shown = matches!(step, Step::Leaves { .. }).then_some(&*whole);
            self.record(frame.mark(), step, shown, whole.len());
        }
    }

    /// A packet is dropped, on the account of `on`.
    #[cold]
    pub(crate) fn dropped(&self, on: IfId, packet: &Mbuf, cause: DropReason) {
        let step = Step::Dropped { on, cause };
        if packet.mark() != 0 {
            self.record(packet.mark(), step.clone(), None, packet.len());
        }
        for watcher in self.places.iter().flatten() {
            let Subject::Drops(from, causes) = &watcher.spec.subject else { continue };
            if from.is_none_or(|from| from == on) && (causes.is_empty() || causes.contains(&cause)) {
                let frame = frame(packet);
                if watcher.spec.wants.wants(on, &frame) {
                    watcher.keep(self.new_record(0, step.clone(), frame.len()), Some(&frame));
                }
            }
        }
    }

    /// Something has become of a packet whose life may be followed.
    #[inline]
    pub(crate) fn note(&self, packet: &Mbuf, step: impl FnOnce() -> Step) {
        if THERE && packet.mark() != 0 {
            self.record(packet.mark(), step(), None, packet.len());
        }
    }

    /// Whether somebody wants to know if a device takes this frame.
    pub(crate) fn watches_fate_of(&self, frame: &Mbuf) -> bool {
        let drops = |watcher: &Arc<Watcher>| matches!(watcher.spec.subject, Subject::Drops(..));
        frame.mark() != 0 || self.places.iter().flatten().any(drops)
    }

    /// The device of `out` has taken frames, by their marks.
    #[cold]
    pub(crate) fn taken(&self, out: IfId, frames: &[u16]) {
        frames.iter().for_each(|mark| self.record(*mark, Step::Sent { out }, None, 0));
    }

    /// Begins to follow a packet, if somebody wants to: its mark. It has room for one: of several who want it the first
    /// that may gets it, and the others count it as missed.
    fn begin(&self, on: IfId, step: Step, frame: &[u8]) -> Option<u16> {
        let mut begun = None;
        for (place, watcher) in self.places.iter().enumerate() {
            let watcher = watcher.as_ref().filter(|watcher| watcher.spec.subject == Subject::Lives);
            let Some(watcher) = watcher.filter(|watcher| watcher.spec.wants.wants(on, frame)) else {
                continue;
            };
            if begun.is_some() {
                watcher.miss();
            } else if watcher.may_begin((self.shared.clock)()) {
                let mark = self.shared.mark(place);
                self.record(mark, step.clone(), Some(frame), frame.len());
                begun = Some(mark);
            }
        }
        begun
    }

    /// Shows a frame to those who capture.
    fn pass(&self, interface: IfId, frame: &[u8], step: Step) {
        for watcher in self.places.iter().flatten() {
            let Subject::Frames(of) = watcher.spec.subject else { continue };
            if of.is_none_or(|of| of == interface) && watcher.spec.wants.wants(interface, frame) {
                watcher.keep(self.new_record(0, step.clone(), frame.len()), Some(frame));
            }
        }
    }

    #[cold]
    fn record(&self, mark: u16, step: Step, frame: Option<&[u8]>, len: usize) {
        let (place, number) = watch::place(mark);
        let Some(watcher) = self.places.get(place).and_then(Option::as_ref) else { return };
        if watcher.spec.subject == Subject::Lives {
            watcher.keep(self.new_record(number, step, len), frame);
        }
    }

    fn new_record(&self, packet: u16, step: Step, len: usize) -> Record {
        Record { packet, at: (self.shared.clock)(), worker: self.worker, step, frame: Vec::new(), len }
    }
}

/// A packet as the frame that it was, or would be. The link's header that was trimmed still stands before it, mostly; one
/// that was never there, or that something else has taken the place of, is made up.
fn frame(packet: &Mbuf) -> Cow<'_, [u8]> {
    let bytes = offload::finished(packet);
    let ethertype = if Ip6Repr::parse(&bytes).is_ok() {
        EtherType::IPV6
    } else if Ip4Repr::parse(&bytes).is_ok() {
        EtherType::IPV4
    } else {
        return bytes;
    };
    let made_up = Ether { dst: Mac::ZERO, src: Mac::ZERO, ethertype }.to_bytes();
    let before = packet.before(HEADER_LEN).filter(|header| header[12..] == made_up[12..]);
    Cow::Owned([before.unwrap_or(&made_up), &bytes].concat())
}
