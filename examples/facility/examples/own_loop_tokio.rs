//! A worker as a task of tokio's, on one thread: it waits for its eventfd by `AsyncFd`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Root;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;
use siding_netisr::eventfd::EventFdWake;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

/// How many packets are sent.
const PACKETS: u32 = 100;

struct Frame(u32);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What the worker owns: a way to other tasks.
struct Wire(mpsc::UnboundedSender<u32>);

impl Local for Wire {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

async fn serve(
    mut worker: Worker<Frame, Wire>,
    wake: Arc<EventFdWake>,
    mut wire: Wire,
) -> Result<(), Box<dyn Error>> {
    let fd = wake.fd(worker.index()).ok_or("no such worker")?.try_clone_to_owned()?;
    // JUSTIFICATION: tokio takes a descriptor on trust.
    // SAFETY: an `OwnedFd` has one descriptor, open for as long as it lives.
    let bell = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
    loop {
        while worker.poll(&mut wire, 64).more {
            tokio::task::yield_now().await;
        }
        if worker.prepare_sleep() {
            let mut rung = bell.readable().await?;
            worker.awake();
            wake.clear(worker.index());
            rung.clear_ready();
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let wake = EventFdWake::new(1)?;
    let netisr = Netisr::<Frame, Wire>::builder().wake(wake.clone()).build()?;
    let output =
        netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, _out: IfId| {
            let _gone = wire.0.send(frame.0);
        })?;
    let em0 = netisr.attach().ok_or("no slot")?;
    let worker = netisr.worker(0).ok_or("somebody polls it")?;
    let (sends, mut receives) = mpsc::unbounded_channel();

    let sender = std::thread::spawn(move || {
        let mut root = Root::new();
        for number in 0..PACKETS {
            let Ok(mut entered) = root.enter() else { return };
            let _refused = output.dispatch(&entered.ctx(), Frame(number), em0);
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    let receive = async {
        for number in 0..PACKETS {
            assert_eq!(receives.recv().await, Some(number));
        }
    };
    tokio::select! {
        ended = serve(worker, wake, Wire(sends)) => ended?,
        () = receive => println!("{PACKETS} packets have come"),
    }
    sender.join().map_err(|_| "the sender has panicked")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

#[test]
fn ends_well() {
    main().expect("the example");
}
