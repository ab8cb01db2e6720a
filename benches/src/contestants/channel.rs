//! crossbeam's bounded channel, by its calls that do not wait.

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// `crossbeam_channel::bounded`. Its batch of received payloads is `try_iter`; it has none for sending.
#[derive(Debug)]
pub struct ChannelPeer {
    sender: Sender<Payload>,
    receiver: Receiver<Payload>,
}

impl Contestant for ChannelPeer {
    const NAME: &'static str = "crossbeam-channel bounded";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = &'a Sender<Payload>;
    type Consumer<'a> = &'a Receiver<Payload>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        let (sender, receiver) = crossbeam_channel::bounded(capacity);
        Ok(Self { sender, receiver })
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        Ok(&self.sender)
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        Ok(&self.receiver)
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

impl Producer for &Sender<Payload> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        self.try_send(payload).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        payloads.iter().take_while(|payload| self.try_send(**payload).is_ok()).count()
    }
}

impl Consumer for &Receiver<Payload> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        self.try_iter().take(limit).map(|payload| tally.take(&payload)).count()
    }
}
