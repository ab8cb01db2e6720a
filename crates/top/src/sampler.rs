//! Who asks the daemon, on a thread of its own: one that does not answer does not keep keys from being heard.

use std::io;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_client::Client;
use siding_client::ClientError;

use crate::sample::Sample;

/// How long an answer may take: a daemon that is busy with a large table is not one that is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// After one that has gone is looked at most so long.
const AGAIN: Duration = Duration::from_secs(1);

/// How a daemon is found.
pub type Connect = Box<dyn Fn() -> Result<Client, ClientError> + Send>;

/// What is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) interval: Duration,
    pub(crate) neighbors: bool,
    pub(crate) paused: bool,
}

/// What has come of it.
#[derive(Debug)]
pub(crate) enum Told {
    Sample(Box<Sample>),
    Lost(String),
}

/// The thread's other end; the thread ends with it, as soon as the daemon has answered.
#[derive(Debug)]
pub(crate) struct Sampler {
    ask: Sender<Ask>,
    told: Receiver<Told>,
    last: Ask,
}

impl Sampler {
    /// Begins to ask. Times are since `begun`.
    pub(crate) fn start(connect: Connect, first: Ask, begun: Instant) -> io::Result<Sampler> {
        let (ask, asked) = channel();
        let (tell, told) = channel();
        thread::Builder::new()
            .name("sampler".into())
            .spawn(move || sample(&connect, first, &asked, &tell, begun))?;
        Ok(Sampler { ask, told, last: first })
    }

    /// Asks otherwise from now on.
    pub(crate) fn ask(&mut self, ask: Ask) {
        if std::mem::replace(&mut self.last, ask) != ask {
            // One that has ended is found out by its silence.
            let _ = self.ask.send(ask);
        }
    }

    /// What has come since the last time; `Err` if nothing can come any more.
    pub(crate) fn told(&self) -> Result<Option<Told>, ()> {
        match self.told.try_recv() {
            Ok(told) => Ok(Some(told)),
            Err(std::sync::mpsc::TryRecvError::Empty) => Ok(None),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => Err(()),
        }
    }
}

fn sample(connect: &Connect, mut ask: Ask, asked: &Receiver<Ask>, tell: &Sender<Told>, begun: Instant) {
    let mut client = None;
    loop {
        let looked = Instant::now();
        let mut pause = ask.interval;
        if !ask.paused {
            let told = match look(&mut client, connect, ask.neighbors, begun) {
                Ok(sample) => Told::Sample(Box::new(sample)),
                Err(error) => {
                    client = None;
                    pause = pause.min(AGAIN);
                    Told::Lost(error.to_string())
                }
            };
            if tell.send(told).is_err() {
                return;
            }
        }
        match asked.recv_timeout(pause.saturating_sub(looked.elapsed())) {
            // What was changed is seen at once.
            Ok(other) => ask = other,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Ok(other) = asked.try_recv() {
            ask = other;
        }
    }
}

fn look(
    client: &mut Option<Client>,
    connect: &Connect,
    neighbors: bool,
    begun: Instant,
) -> Result<Sample, ClientError> {
    let client = match client {
        Some(client) => client,
        None => client.insert(connect()?),
    };
    client.set_patience(Some(PATIENCE));
    Sample::take(client, neighbors, begun.elapsed())
}
