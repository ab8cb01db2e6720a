//! A worker in a loop of one's own, over mio: it waits for sockets and for dispatches in one place.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::net::UdpSocket;
use mio::unix::SourceFd;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Mutex;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Root;
use siding_netisr::TypeSpec;
use siding_netisr::eventfd::EventFdWake;
use siding_netisr::rank;

const WAKE: Token = Token(0);
const SOCKET: Token = Token(1);

/// How many packets the other thread sends.
const PACKETS: u8 = 100;

struct Frame(Vec<u8>);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What the worker owns: a socket in place of a wire, connected to itself.
struct Wire {
    socket: UdpSocket,
}

impl Local for Wire {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

rank!(Table after Unlocked);

fn main() -> Result<(), Box<dyn Error>> {
    let wake = EventFdWake::new(1)?;
    let netisr = Netisr::<Frame, Wire>::builder().wake(wake.clone()).build()?;
    let output =
        netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, _out: IfId| {
            // Lost, as on a wire, if the kernel has no room.
            let _sent = wire.socket.send(&frame.0);
        })?;
    let em0 = netisr.attach().ok_or("no slot")?;

    let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.connect(socket.local_addr()?)?;
    let mut poll = Poll::new()?;
    let fd = wake.fd(0).ok_or("no such worker")?.as_raw_fd();
    poll.registry().register(&mut SourceFd(&fd), WAKE, Interest::READABLE)?;
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
    let mut wire = Wire { socket };
    let mut worker = netisr.worker(0).ok_or("somebody polls it")?;

    let sender = std::thread::spawn(move || {
        let table = Mutex::<Table, _>::new(());
        let mut root = Root::new();
        for number in 0..PACKETS {
            let Ok(mut entered) = root.enter() else { return };
            let mut ctx = entered.ctx();
            let (_held, ctx) = ctx.lock(&table);
            let _refused = output.dispatch(&ctx, Frame(vec![number]), em0);
        }
    });

    let mut events = Events::with_capacity(8);
    let mut next = 0;
    while next < PACKETS {
        while worker.poll(&mut wire, 64).more {}
        let asleep = worker.prepare_sleep();
        // Not asleep, it looks at the sockets and goes on.
        let timeout = if asleep { None } else { Some(std::time::Duration::ZERO) };
        match poll.poll(&mut events, timeout) {
            Err(why) if why.kind() != io::ErrorKind::Interrupted => return Err(why.into()),
            _ => {}
        }
        if asleep {
            worker.awake();
        }
        wake.clear(0);
        let mut byte = [0];
        while wire.socket.recv(&mut byte).is_ok() {
            assert_eq!(byte[0], next, "in the order of their dispatch");
            next += 1;
        }
    }
    sender.join().map_err(|_| "the sender has panicked")?;
    println!("{next} packets went out and came back");
    Ok(())
}

#[test]
fn ends_well() {
    main().expect("the example");
}
