//! Packets that wait for a neighbour's address.

use std::collections::VecDeque;

/// A bounded queue of packets in the order in which they came.
///
/// Nothing is allocated before the first packet waits: most entries never hold one.
#[derive(Debug)]
pub struct HoldQueue<T> {
    packets: VecDeque<T>,
    limit: usize,
}

impl<T> HoldQueue<T> {
    /// An empty queue for `limit` packets; 0 counts as 1.
    //= RFC 4861 s7.2.2 [4861-26]: room for at least one.
    pub fn new(limit: usize) -> HoldQueue<T> {
        HoldQueue { packets: VecDeque::new(), limit: limit.max(1) }
    }

    /// Holds `packet`. A full queue gives its oldest back, for the caller to count and free.
    //= RFC 4861 s7.2.2 [4861-26]: on overflow the newest takes the place of the oldest.
    #[must_use = "the packet that had to go is to be counted"]
    pub fn push(&mut self, packet: T) -> Option<T> {
        let evicted = if self.packets.len() >= self.limit { self.packets.pop_front() } else { None };
        self.packets.push_back(packet);
        evicted
    }

    /// Takes the oldest packet: the flush goes one by one, so that a packet that its queue refuses can stay.
    pub fn pop(&mut self) -> Option<T> {
        self.packets.pop_front()
    }

    /// Puts back at the front what [`pop`](Self::pop) took and nobody wanted. It is refused, and returned,
    /// when newer packets have filled the queue meanwhile.
    pub fn unpop(&mut self, packet: T) -> Result<(), T> {
        if self.packets.len() >= self.limit {
            return Err(packet);
        }
        self.packets.push_front(packet);
        Ok(())
    }

    /// Takes all packets, oldest first; the queue is empty afterwards even if the iterator is not run out.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + '_ {
        self.packets.drain(..)
    }

    /// Takes out, oldest first, the packets that `goes` picks; the others keep their order.
    pub fn extract(&mut self, mut goes: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut out = Vec::new();
        for _ in 0..self.packets.len() {
            let Some(packet) = self.packets.pop_front() else { break };
            if goes(&packet) { out.push(packet) } else { self.packets.push_back(packet) }
        }
        out
    }

    /// The oldest packet, which stays.
    pub fn oldest(&self) -> Option<&T> {
        self.packets.front()
    }

    /// Packets waiting.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The most that can wait.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_replaces_oldest_4861_26() {
        let mut queue = HoldQueue::new(3);
        let evicted: Vec<_> = (1..=5).filter_map(|n| queue.push(n)).collect();
        assert_eq!(evicted, [1, 2]);
        assert_eq!(queue.drain().collect::<Vec<_>>(), [3, 4, 5]);
        assert!(queue.is_empty());
    }

    #[test]
    fn at_least_one_is_held_4861_26() {
        let mut queue = HoldQueue::new(0);
        assert_eq!(queue.limit(), 1);
        assert_eq!(queue.push('a'), None);
        assert_eq!(queue.push('b'), Some('a'));
        assert_eq!((queue.pop(), queue.pop()), (Some('b'), None));
    }

    #[test]
    fn a_refused_flush_keeps_the_order() {
        let mut queue = HoldQueue::new(2);
        assert_eq!((queue.push(1), queue.push(2)), (None, None));
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.unpop(1), Ok(()));
        assert_eq!(queue.unpop(0), Err(0));
        assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn extract_leaves_the_others_in_order() {
        let mut queue = HoldQueue::new(8);
        assert!((1..=6).all(|n| queue.push(n).is_none()));
        assert_eq!(queue.extract(|n| n % 2 == 0), [2, 4, 6]);
        assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 3, 5]);
    }
}
