//! cordyceps: Vyukov's intrusive linked list, many producers to one consumer.

use std::pin::Pin;
use std::ptr;
use std::ptr::NonNull;

use cordyceps::Linked;
use cordyceps::MpscQueue;
use cordyceps::mpsc_queue;
use cordyceps::mpsc_queue::Links;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::EMPTY;
use crate::payload::Payload;
use crate::payload::Tally;

/// `cordyceps::MpscQueue`. The links live in the payload's own box, so its time holds one allocation and one
/// release per payload; it never refuses and has no batch calls.
#[derive(Debug)]
pub struct CordycepsPeer(MpscQueue<Node>);

impl Contestant for CordycepsPeer {
    const NAME: &'static str = "cordyceps MpscQueue (boxes, unbounded)";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = &'a MpscQueue<Node>;
    type Consumer<'a> = mpsc_queue::Consumer<'a, Node>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(_capacity: usize) -> Result<Self, BenchError> {
        Ok(Self(MpscQueue::new_with_stub(Box::pin(Node { links: Links::new_stub(), payload: EMPTY }))))
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        Ok(&self.0)
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        self.0.try_consume().ok_or(BenchError::SetUp { name: Self::NAME, reason: "this half is taken" })
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

/// A payload and its place in the list.
#[derive(Debug)]
pub struct Node {
    links: Links<Node>,
    payload: Payload,
}

// JUSTIFICATION: an intrusive list cannot be had without this trait, and this list is one of the peers.
// SAFETY: the three functions below name the same box: `into_ptr` gives up its ownership, `from_ptr` takes it back,
// and in between the node does not move, since it is pinned and reached by this pointer alone; `links` points to a
// field of that node and makes no reference.
#[allow(unsafe_code, reason = "the peer's trait is unsafe to implement")]
unsafe impl Linked<Links<Node>> for Node {
    type Handle = Pin<Box<Node>>;

    fn into_ptr(handle: Self::Handle) -> NonNull<Self> {
        // JUSTIFICATION: the trait asks for a raw pointer out of a pinned box.
        // SAFETY: nothing moves the node out of the pointer; it is only turned back into a pinned box.
        unsafe { NonNull::from(Box::leak(Pin::into_inner_unchecked(handle))) }
    }

    unsafe fn from_ptr(ptr: NonNull<Self>) -> Self::Handle {
        // JUSTIFICATION: the counterpart of `into_ptr`.
        // SAFETY: the caller passes what `into_ptr` gave it, once: a leaked box, pinned ever since.
        unsafe { Pin::new_unchecked(Box::from_raw(ptr.as_ptr())) }
    }

    unsafe fn links(ptr: NonNull<Self>) -> NonNull<Links<Node>> {
        // JUSTIFICATION: the trait asks for a field's address without a reference to the whole.
        // SAFETY: the caller passes a live node, so the field is inside its allocation and not null.
        unsafe { NonNull::new_unchecked(ptr::addr_of_mut!((*ptr.as_ptr()).links)) }
    }
}

impl Producer for &MpscQueue<Node> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        self.enqueue(Box::pin(Node { links: Links::new(), payload }));
        true
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        for payload in payloads {
            self.push(*payload);
        }
        payloads.len()
    }
}

impl Consumer for mpsc_queue::Consumer<'_, Node> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        for taken in 0..limit {
            let Some(node) = self.dequeue() else { return taken };
            tally.take(&node.payload);
        }
        limit
    }
}
