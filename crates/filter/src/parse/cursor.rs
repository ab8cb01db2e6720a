//! The words that are still to be read.

use crate::lex::Tok;
use crate::lex::Token;
use crate::place::Spot;
use crate::place::Wrong;

pub(crate) struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(tokens: &'a [Token]) -> Cursor<'a> {
        Cursor { tokens, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(crate) fn peek_tok(&self) -> Option<&'a Tok> {
        self.peek().map(|token| &token.tok)
    }

    /// The next word if it is one without quotes, else nothing.
    pub(crate) fn peek_word(&self) -> &'a str {
        self.word_at(0)
    }

    pub(crate) fn word_at(&self, ahead: usize) -> &'a str {
        match self.tokens.get(self.at + ahead).map(|token| &token.tok) {
            Some(Tok::Word(word)) => word,
            _ => "",
        }
    }

    pub(crate) fn skip(&mut self) {
        self.at += 1;
    }

    /// Back to where a word was not understood.
    pub(crate) fn unskip(&mut self, position: usize) {
        self.at = position;
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Where the next word stands, or the last one did.
    pub(crate) fn spot(&self) -> Spot {
        let token = self.peek().or(self.tokens.last());
        token.map_or(Spot::default(), |token| token.spot)
    }

    pub(crate) fn wrong<T>(&self, what: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong::at(self.spot(), what))
    }

    /// What stands where `right` should.
    pub(crate) fn expected<T>(&self, right: &str) -> Result<T, Wrong> {
        match self.peek_tok() {
            Some(tok) => self.wrong(format!("{tok} is not understood here: write {right}")),
            None => self.wrong(format!("the file ends too early: write {right}")),
        }
    }

    pub(crate) fn eat(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word && !word.is_empty();
        self.at += usize::from(found);
        found
    }

    pub(crate) fn eat_mark(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek_tok(), Some(Tok::Mark(m)) if *m == mark);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek_tok(), Some(Tok::Mark(m)) if *m == mark)
    }

    pub(crate) fn need(&mut self, word: &str) -> Result<(), Wrong> {
        if self.eat(word) { Ok(()) } else { self.expected(&format!("`{word}`")) }
    }

    pub(crate) fn need_mark(&mut self, mark: &str) -> Result<(), Wrong> {
        if self.eat_mark(mark) { Ok(()) } else { self.expected(&format!("`{mark}`")) }
    }

    /// A name, in quotes or not.
    pub(crate) fn name(&mut self, what: &str) -> Result<String, Wrong> {
        let good = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'))
        };
        match self.peek_tok() {
            Some(Tok::Word(name) | Tok::Text(name)) if good(name) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => {
                self.expected(&format!("the name of {what}: a letter, then letters, digits, `_`, `-` or `.`"))
            }
        }
    }

    /// Words in quotes.
    pub(crate) fn text(&mut self, what: &str) -> Result<String, Wrong> {
        match self.peek_tok() {
            Some(Tok::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => self.expected(&format!("{what} in quotes")),
        }
    }

    /// A whole number up to `most`.
    pub(crate) fn number(&mut self, what: &str, most: u64) -> Result<u64, Wrong> {
        let read = crate::types::number(self.peek_word()).and_then(|n| u64::try_from(n).ok());
        match read.filter(|n| *n <= most) {
            Some(n) => {
                self.at += 1;
                Ok(n)
            }
            None => self.expected(&format!("{what}: a number from 0 to {most}")),
        }
    }

    pub(crate) fn at_separator(&self) -> bool {
        matches!(self.peek_tok(), None | Some(Tok::Line | Tok::Mark(";" | "}")))
    }

    /// Passes over ends of lines.
    pub(crate) fn lines(&mut self) {
        while matches!(self.peek_tok(), Some(Tok::Line)) {
            self.at += 1;
        }
    }

    /// Passes over ends of lines and semicolons.
    pub(crate) fn separators(&mut self) {
        while matches!(self.peek_tok(), Some(Tok::Line | Tok::Mark(";"))) {
            self.at += 1;
        }
    }

    /// An end of a statement.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        if self.at_separator() {
            self.separators();
            return Ok(());
        }
        self.expected("the end of the statement: a new line or `;`")
    }

    /// After an error in a statement that began at `start`: to its end, with whatever braces are in it.
    pub(crate) fn recover(&mut self, start: usize) {
        let met = self.tokens.get(start..self.at).unwrap_or_default();
        let mut depth = met.iter().fold(0_usize, |depth, token| deeper(depth, &token.tok));
        while let Some(tok) = self.peek_tok() {
            if depth == 0 && self.at_separator() {
                return;
            }
            depth = deeper(depth, tok);
            self.at += 1;
        }
    }
}

fn deeper(depth: usize, tok: &Tok) -> usize {
    match tok {
        Tok::Mark("{") => depth + 1,
        Tok::Mark("}") => depth.saturating_sub(1),
        _ => depth,
    }
}
