//! One facility, several kinds of packet: an enum where they are queued, and an exact type in each handler.
//!
//! All types of one facility share the packet type. Where a stack has buffers of two kinds, that is an enum; what is
//! particular to a use is metadata, a type of its own for each.

use std::error::Error;

use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::TypeSpec;

/// A buffer of the pool, with the interface that it came in on; or bytes that were made here.
enum Buffer {
    Received { on: IfId, bytes: [u8; 4] },
    Made(Vec<u8>),
}

impl Packet for Buffer {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        if let Buffer::Received { on, .. } = self {
            visit(*on);
        }
    }
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        match self {
            Buffer::Received { bytes, .. } => bytes,
            Buffer::Made(bytes) => bytes,
        }
    }
}

/// An error about a packet, which goes out where that came in.
struct Error6 {
    code: u8,
    out: IfId,
}

impl Metadata for Error6 {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.out);
    }
}

#[derive(Default)]
struct Sent(Vec<(IfId, Vec<u8>)>);

impl Local for Sent {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let netisr = Netisr::<Buffer, Sent>::builder().build()?;
    let forward =
        netisr.register(TypeSpec::new("forward"), |_ctx, sent: &mut Sent, buffer: Buffer, out: IfId| {
            sent.0.push((out, buffer.bytes().to_vec()));
        })?;
    let errors = netisr.register(
        TypeSpec::new("errors").limit(16),
        |_ctx, sent: &mut Sent, about: Buffer, error: Error6| {
            sent.0.push((error.out, [&[error.code], about.bytes()].concat()));
        },
    )?;
    let (em0, em1) = (netisr.attach().ok_or("no slot")?, netisr.attach().ok_or("no slot")?);
    let mut worker = netisr.worker(0).ok_or("somebody polls it")?;
    let mut sent = Sent::default();
    worker.with_ctx(|ctx| {
        forward.dispatch(ctx, Buffer::Received { on: em0, bytes: [1; 4] }, em1)?;
        forward.dispatch(ctx, Buffer::Made(vec![2]), em1)
    })?;
    let about = Buffer::Received { on: em0, bytes: [3; 4] };
    worker.with_ctx(|ctx| errors.dispatch(ctx, about, Error6 { code: 9, out: em0 }))?;
    worker.poll(&mut sent, 64);
    sent.0.sort();
    assert_eq!(sent.0, [(em0, vec![9, 3, 3, 3, 3]), (em1, vec![1; 4]), (em1, vec![2])]);
    println!("{} packets of two kinds were sent", sent.0.len());
    Ok(())
}

#[test]
fn ends_well() {
    main().expect("the example");
}
