//! The payload and the proof that all of them arrived.

use std::array;

/// Bytes in a payload: a minimal Ethernet frame, and one cache line.
pub const PAYLOAD_BYTES: usize = 64;

/// The most payloads that are handed over in one call.
pub const MAX_BATCH: usize = 32;

/// The most producers of one scenario.
pub const MAX_PRODUCERS: usize = 2;

/// What is passed, by value.
pub type Payload = [u8; PAYLOAD_BYTES];

/// An empty payload, to fill arrays with.
pub const EMPTY: Payload = [0; PAYLOAD_BYTES];

/// A value that begins a cache line, which vector copies and C's `rte_ring` want of their operands.
#[derive(Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

const WORDS: usize = PAYLOAD_BYTES / 8;
const PRODUCER_SHIFT: u32 = 56;
const SEQUENCE_MASK: u64 = (1 << PRODUCER_SHIFT) - 1;

/// One producer's endless series of payloads, each different from all others in all of its words.
///
/// All words count on side by side, so that they are computed and stored as vectors. Stored one by one and then
/// copied as vectors, as every queue does, they would miss the processor's store forwarding, and the same-thread rows
/// would all show that stall (10 ns and more) rather than the queue.
#[derive(Debug)]
pub struct Source {
    next: Aligned<[u64; WORDS]>,
}

impl Source {
    /// The series of producer number `producer`, below [`MAX_PRODUCERS`].
    pub fn new(producer: usize) -> Self {
        debug_assert!(producer < MAX_PRODUCERS);
        let tag = (producer as u64) << PRODUCER_SHIFT;
        Self { next: Aligned(array::from_fn(|index| tag + index as u64)) }
    }

    /// The next payload of the series.
    #[inline(always)]
    pub fn make(&mut self) -> Payload {
        let words = self.next.0;
        self.next.0 = words.map(|word| word + 1);
        let mut payload = EMPTY;
        for (bytes, word) in payload.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        payload
    }
}

/// What the consumer saw. Every contestant's handler ends here, so it costs all of them the same.
///
/// Every byte counts: the words are summed up, so that no compiler may leave out part of the copy.
#[derive(Debug, Default)]
pub struct Tally {
    received: [u64; MAX_PRODUCERS],
    sum: u64,
    out_of_order: bool,
}

impl Tally {
    /// Handles one payload.
    #[inline(always)]
    pub fn take(&mut self, payload: &Payload) {
        let mut sum = 0u64;
        let mut first_word = 0;
        for (index, bytes) in payload.chunks_exact(8).enumerate() {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            let word = u64::from_ne_bytes(word);
            if index == 0 {
                first_word = word;
            }
            sum = sum.wrapping_add(word);
        }
        self.sum = self.sum.wrapping_add(sum);
        // The mask keeps the index in range whatever a broken queue delivers.
        let producer = (first_word >> PRODUCER_SHIFT) as usize % MAX_PRODUCERS;
        self.out_of_order |= first_word & SEQUENCE_MASK != self.received[producer];
        self.received[producer] += 1;
    }

    /// How many payloads arrived, from all producers.
    #[inline(always)]
    pub fn total(&self) -> u64 {
        self.received.iter().sum()
    }

    /// Whether exactly the first `made[p]` payloads of each producer `p` arrived, each once, whole, and in its
    /// producer's order.
    pub fn is_complete(&self, made: [u64; MAX_PRODUCERS]) -> bool {
        !self.out_of_order && self.received == made && self.sum == expected_sum(made)
    }
}

/// The sum of all words of the first `made[p]` payloads of each producer `p`, modulo 2^64.
fn expected_sum(made: [u64; MAX_PRODUCERS]) -> u64 {
    let words = WORDS as u64;
    let mut sum = 0u64;
    for (producer, &count) in made.iter().enumerate() {
        let tag = (producer as u64) << PRODUCER_SHIFT;
        let sequences = count.wrapping_mul(count.saturating_sub(1)) / 2;
        let first_words = tag.wrapping_mul(count).wrapping_add(sequences);
        let offsets = count.wrapping_mul(words * (words - 1) / 2);
        sum = sum.wrapping_add(first_words.wrapping_mul(words)).wrapping_add(offsets);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(producer: usize, count: usize) -> Vec<Payload> {
        let mut source = Source::new(producer);
        (0..count).map(|_| source.make()).collect()
    }

    fn tally(payloads: &[Payload]) -> Tally {
        let mut tally = Tally::default();
        payloads.iter().for_each(|payload| tally.take(payload));
        tally
    }

    #[test]
    fn interleaved_producers_are_complete() {
        let (a, b) = (series(0, 100), series(1, 70));
        let mut both = Vec::new();
        for (index, payload) in a.iter().enumerate() {
            both.push(*payload);
            both.extend(b.get(index));
        }
        let seen = tally(&both);
        assert_eq!(seen.total(), 170);
        assert!(seen.is_complete([100, 70]));
        assert!(!seen.is_complete([100, 71]));
    }

    #[test]
    fn lost_repeated_swapped_and_altered_payloads_are_noticed() {
        let whole = series(0, 10);
        let mut lost = whole.clone();
        lost.remove(4);
        let mut repeated = whole.clone();
        repeated[5] = repeated[4];
        let mut swapped = whole.clone();
        swapped.swap(2, 3);
        let mut altered = whole.clone();
        altered[9][63] ^= 1;
        for broken in [lost, repeated, swapped, altered] {
            assert!(!tally(&broken).is_complete([10, 0]));
        }
        assert!(tally(&whole).is_complete([10, 0]));
    }
}
