//! An answer on its way, given away in pieces as it is made.

use std::io;
use std::io::Write;

use super::Reply;

/// When there is so much of it, it is given away.
const PIECE: usize = 64 << 10;

/// A line that is being written.
pub(super) struct Pieces<'t> {
    /// Takes a piece.
    take: &'t mut dyn FnMut(&[u8]) -> io::Result<()>,
    piece: Vec<u8>,
    /// How many bytes there were before this piece.
    before: usize,
    /// Why nobody takes any more: the rest is for nobody.
    lost: Option<io::Error>,
}

impl<'t> Pieces<'t> {
    pub(super) fn new(take: &'t mut dyn FnMut(&[u8]) -> io::Result<()>) -> Pieces<'t> {
        Pieces { take, piece: Vec::new(), before: 0, lost: None }
    }

    /// A reply, or one of several.
    pub(super) fn put(&mut self, reply: &Reply) {
        if let Err(error) = serde_json::to_writer(&mut *self, reply) {
            // No answer of ours is such; half of one is none.
            self.lost.get_or_insert(error.into());
        }
    }

    /// What stands between replies.
    pub(super) fn word(&mut self, word: &str) {
        self.piece.extend_from_slice(word.as_bytes());
    }

    /// How many bytes it has so far.
    pub(super) fn bytes(&self) -> usize {
        self.before + self.piece.len()
    }

    /// Whether nobody takes any more.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// It is all there.
    ///
    /// # Errors
    ///
    /// Somebody has not taken it.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.piece.push(b'\n');
        self.give();
        self.lost.take().map_or(Ok(()), Err)
    }

    fn give(&mut self) {
        self.before += self.piece.len();
        if self.lost.is_none() {
            self.lost = (self.take)(&self.piece).err();
        }
        self.piece.clear();
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.give();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
