//! What a packet costs, for a program that counts instructions: `tests/all/instructions.rs` runs this under valgrind.
//!
//! `instructions SHAPE PACKETS` dispatches and handles so many packets of 64 bytes in one of the shapes below. What is
//! counted of two runs, divided by how many packets more the second one has, is the price of one; it includes making the
//! payload and summing it up.

use std::hint::black_box;

use siding_netisr::Entered;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Nameless;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Root;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

const BATCH: usize = 32;

/// A minimal Ethernet frame. Its interface is in the metadata.
struct Frame([u64; 8]);

impl Packet for Frame {
    #[inline(always)]
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Nameless for Frame {}

#[derive(Default)]
struct Sum {
    packets: u64,
    words: u64,
}

impl Local for Sum {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

struct Rig {
    output: PacketType<Frame, IfId, Sum>,
    out: IfId,
    other: IfId,
    worker: Worker<Frame, Sum>,
    sum: Sum,
    made: u64,
}

type Batch = [Option<(Frame, IfId)>; BATCH];

impl Rig {
    fn frame(&mut self) -> Frame {
        frame(&mut self.made)
    }

    fn batch(&mut self) -> Batch {
        let out = self.out;
        std::array::from_fn(|_| Some((self.frame(), out)))
    }

    fn poll(&mut self, packets: usize) {
        let handled = self.worker.poll(&mut self.sum, packets).handled;
        assert_eq!(handled, packets);
    }

    /// One at a time: dispatched by the worker, and handled, in turns of so many.
    fn single(&mut self) {
        let Rig { output, out, worker, sum, made, .. } = self;
        let mut here = worker.on_thread();
        for _ in 0..BATCH {
            assert!(output.dispatch(&here.ctx(), frame(made), *out).is_ok());
            assert_eq!(here.poll(sum, 1).handled, 1);
        }
    }

    /// The same of two interfaces by turns.
    fn alternating(&mut self) {
        let Rig { output, out, other, worker, sum, made } = self;
        let mut here = worker.on_thread();
        for _ in 0..BATCH / 2 {
            for out in [*out, *other] {
                assert!(output.dispatch(&here.ctx(), frame(made), out).is_ok());
                assert_eq!(here.poll(sum, 1).handled, 1);
            }
        }
    }

    /// As [`single`](Self::single), by who takes the token anew for each dispatch and each poll.
    fn single_entering(&mut self) {
        for _ in 0..BATCH {
            let (frame, out, output) = (self.frame(), self.out, &self.output);
            let sent = self.worker.with_ctx(|ctx| output.dispatch(ctx, frame, out));
            assert!(sent.is_ok());
            self.poll(1);
        }
    }

    /// As many singly by the worker, as a turn of it may, and then a poll.
    fn turn(&mut self) {
        let Rig { output, out, worker, sum, made, .. } = self;
        let mut here = worker.on_thread();
        for _ in 0..BATCH {
            assert!(output.dispatch(&here.ctx(), frame(made), *out).is_ok());
        }
        assert_eq!(here.poll(sum, BATCH).handled, BATCH);
    }

    /// In one call by the worker.
    fn batch_of_own(&mut self) {
        let (mut batch, output) = (self.batch(), &self.output);
        let sent = self.worker.with_ctx(|ctx| output.dispatch_batch(ctx, &mut batch));
        assert_eq!(sent, BATCH);
        self.poll(BATCH);
    }

    /// The same, made in their places.
    fn own_from(&mut self) {
        let Rig { output, out, worker, made, .. } = self;
        let sent = worker.with_ctx(|ctx| output.dispatch_from(ctx, out, &mut frames(made)));
        assert_eq!(sent, Ok(BATCH));
        self.poll(BATCH);
    }

    /// Singly, by a thread that is no worker.
    fn foreign(&mut self, token: &mut Entered<'_>) {
        for _ in 0..BATCH {
            let (frame, out) = (self.frame(), self.out);
            assert!(self.output.dispatch(&token.ctx(), frame, out).is_ok());
        }
    }

    /// In one call, by such a thread.
    fn foreign_batch(&mut self, token: &mut Entered<'_>) {
        let mut batch = self.batch();
        assert_eq!(self.output.dispatch_batch(&token.ctx(), &mut batch), BATCH);
    }

    /// The same, made in their places.
    fn foreign_from(&mut self, token: &mut Entered<'_>) {
        let Rig { output, out, made, .. } = self;
        assert_eq!(output.dispatch_from(&token.ctx(), out, &mut frames(made)), Ok(BATCH));
    }

    /// What a thread that is no worker does, and then a poll.
    fn outside(&mut self, work: impl FnOnce(&mut Rig, &mut Entered<'_>)) {
        let mut root = Root::new();
        work(self, &mut root.enter().expect("one token on this thread"));
        self.poll(BATCH);
    }
}

#[inline(always)]
fn frame(made: &mut u64) -> Frame {
    *made += 1;
    Frame(black_box([*made; 8]))
}

fn frames(made: &mut u64) -> impl ExactSizeIterator<Item = Frame> {
    (0..BATCH).map(|_| frame(made))
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(shape), Some(Ok(packets))) = (args.next(), args.next().map(|packets| packets.parse::<u64>()))
    else {
        eprintln!("usage: instructions SHAPE PACKETS");
        std::process::exit(2);
    };
    let netisr = Netisr::<Frame, Sum>::builder().build().expect("the sizes are in range");
    let register = netisr.register(
        TypeSpec::new("output").limit(1024),
        |_ctx, sum: &mut Sum, frame: Frame, _out: IfId| {
            sum.packets += 1;
            sum.words = frame.0.iter().fold(sum.words, |sum, word| sum.wrapping_add(*word));
        },
    );
    let output = register.expect("the first type");
    let [out, other] = [(); 2].map(|()| netisr.attach().expect("a free slot"));
    let worker = netisr.worker(0).expect("nobody else has it");
    let mut rig = Rig { output, out, other, worker, sum: Sum::default(), made: 0 };
    for _ in 0..packets / BATCH as u64 {
        match shape.as_str() {
            "single" => rig.single(),
            "alternating" => rig.alternating(),
            "single-entering" => rig.single_entering(),
            "turn" => rig.turn(),
            "batch" => rig.batch_of_own(),
            "from" => rig.own_from(),
            "foreign-from" => rig.outside(Rig::foreign_from),
            "foreign" => rig.outside(Rig::foreign),
            "foreign-batch" => rig.outside(Rig::foreign_batch),
            _ => panic!("no such shape: {shape}"),
        }
    }
    assert_eq!(rig.sum.packets, packets / BATCH as u64 * BATCH as u64);
    black_box(rig.sum.words);
}
