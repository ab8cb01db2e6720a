//! The pieces of one datagram, in order.

use super::Data;

/// A piece: what one fragment carried.
#[derive(Debug)]
pub struct Piece<P> {
    /// Where its data belongs in the datagram, in octets.
    pub at: u32,
    /// Whether another piece follows.
    pub more: bool,
    /// The fragment, which knows its data.
    pub packet: P,
}

/// What became of a piece that was offered.
#[derive(Debug)]
pub enum Added<P> {
    /// It is held.
    Held,
    /// It was there, bit for bit.
    Duplicate(P),
    /// It contradicts what is there: it overlaps, or lies beyond the end.
    Overlap(P),
    /// It was the last that was missing.
    Whole,
}

/// Some pieces of a datagram: no two overlap, and none lies beyond the end, if that is known.
#[derive(Debug)]
pub struct Datagram<P> {
    /// By their place.
    pieces: Vec<Piece<P>>,
    /// Where the last piece ends.
    total: Option<u32>,
    received: u32,
}

impl<P: Data> Datagram<P> {
    /// One of which nothing has come.
    pub fn new() -> Datagram<P> {
        Datagram { pieces: Vec::new(), total: None, received: 0 }
    }

    /// Adds a piece where it belongs.
    //= RFC 8200 s4.5 [8200-4]: a piece that overlaps another is told from one that came twice.
    pub fn add(&mut self, piece: Piece<P>) -> Added<P> {
        let end = piece.end();
        let place = self.pieces.partition_point(|other| other.at < piece.at);
        if let Some(other) = self.pieces.get(place)
            && (other.at, other.more) == (piece.at, piece.more)
            && other.packet.data() == piece.packet.data()
        {
            return Added::Duplicate(piece.packet);
        }
        let beyond = self.total.is_some_and(|total| end > total || (!piece.more && end != total));
        let behind = !piece.more && self.pieces.last().is_some_and(|last| last.end() > end);
        let before = place.checked_sub(1).and_then(|at| self.pieces.get(at));
        let overlap = before.is_some_and(|before| before.end() > piece.at)
            || self.pieces.get(place).is_some_and(|after| after.at < end);
        if beyond || behind || overlap {
            return Added::Overlap(piece.packet);
        }
        if !piece.more {
            self.total = Some(end);
        }
        self.received += end - piece.at;
        self.pieces.insert(place, piece);
        if self.total == Some(self.received) { Added::Whole } else { Added::Held }
    }

    /// The pieces, in their order.
    pub fn into_pieces(self) -> Vec<Piece<P>> {
        self.pieces
    }

    /// How many pieces there are.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The pieces' packets, in their order.
    pub fn packets(&self) -> impl Iterator<Item = &P> {
        self.pieces.iter().map(|piece| &piece.packet)
    }
}

impl<P: Data> Default for Datagram<P> {
    fn default() -> Datagram<P> {
        Datagram::new()
    }
}

impl<P: Data> Piece<P> {
    /// Where its data ends in the datagram, in octets.
    pub fn end(&self) -> u32 {
        self.at + self.packet.data().len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: u32, data: &[u8], more: bool) -> Piece<Vec<u8>> {
        Piece { at, more, packet: data.to_vec() }
    }

    fn outcome(datagram: &mut Datagram<Vec<u8>>, at: u32, data: &[u8], more: bool) -> &'static str {
        match datagram.add(piece(at, data, more)) {
            Added::Held => "held",
            Added::Duplicate(_) => "duplicate",
            Added::Overlap(_) => "overlap",
            Added::Whole => "whole",
        }
    }

    #[test]
    fn pieces_in_any_order_make_the_whole_8200_4() {
        let parts = [(0, &b"01234567"[..], true), (8, b"89abcdef", true), (16, b"xyz", false)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut datagram = Datagram::new();
            let outcomes = order.map(|n| {
                let (at, data, more): (u32, &[u8], bool) = parts[n];
                outcome(&mut datagram, at, data, more)
            });
            assert_eq!(outcomes, ["held", "held", "whole"], "{order:?}");
            let bytes: Vec<u8> = datagram.into_pieces().into_iter().flat_map(|piece| piece.packet).collect();
            assert_eq!(bytes, b"0123456789abcdefxyz");
        }
    }

    #[test]
    fn what_overlaps_and_what_came_twice_8200_4() {
        // One piece of 16 octets at 16; then every other that touches it, on either side or within.
        let there = || {
            let mut datagram = Datagram::new();
            assert_eq!(outcome(&mut datagram, 16, &[7; 16], true), "held");
            datagram
        };
        let cases: [(u32, usize, u8, bool, &str); 13] = [
            (16, 16, 7, true, "duplicate"),
            (16, 16, 8, true, "overlap"),
            (16, 16, 7, false, "overlap"),
            (16, 8, 7, true, "overlap"),
            (24, 8, 7, true, "overlap"),
            (8, 16, 7, true, "overlap"),
            (24, 16, 7, true, "overlap"),
            (8, 32, 7, true, "overlap"),
            (0, 100, 7, false, "overlap"),
            (0, 8, 7, false, "overlap"),
            (8, 8, 7, true, "held"),
            (32, 8, 7, true, "held"),
            (32, 0, 7, false, "held"),
        ];
        for (at, len, byte, more, expected) in cases {
            assert_eq!(outcome(&mut there(), at, &vec![byte; len], more), expected, "{at} {len} {more}");
        }
    }

    #[test]
    fn there_is_one_end_8200_4() {
        let ended = || {
            let mut datagram = Datagram::new();
            assert_eq!(outcome(&mut datagram, 32, &[1; 4], false), "held");
            datagram
        };
        for (at, len, more, expected) in [
            (32, 4, false, "duplicate"),
            (40, 8, true, "overlap"),
            (40, 8, false, "overlap"),
            (24, 8, false, "overlap"),
            (24, 16, true, "overlap"),
            (24, 8, true, "held"),
        ] {
            assert_eq!(outcome(&mut ended(), at, &vec![1; len], more), expected, "{at} {len} {more}");
        }
        // An empty last piece says where the end is, too.
        let mut datagram = Datagram::new();
        assert_eq!(outcome(&mut datagram, 0, &[1; 8], true), "held");
        assert_eq!(outcome(&mut datagram, 8, &[], false), "whole");
    }
}
