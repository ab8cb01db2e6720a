//! From text to words.
//!
//! nftables' words are odd ones: `2001:db8::/32`, `10.0.0.1-10.0.0.9`, `1000/second` and `eth*` are one word each, and
//! a colon is part of an address but stands alone in a map. So a word is a run of what may be in one, and only its
//! colons are looked at again; what is in a word is for the field to say that it is given to.

use std::net::Ipv6Addr;

use winnow::LocatingSlice;
use winnow::ModalResult;
use winnow::Parser;
use winnow::ascii::till_line_ending;
use winnow::combinator::alt;
use winnow::combinator::delimited;
use winnow::combinator::preceded;
use winnow::stream::Location;
use winnow::stream::Stream;
use winnow::token::any;
use winnow::token::one_of;
use winnow::token::take_till;
use winnow::token::take_while;

use crate::place::Spot;
use crate::place::Wrong;

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) spot: Spot,
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tok {
    Word(String),
    /// In quotes.
    Text(String),
    /// `@name`.
    Set(String),
    /// `$name`.
    Variable(String),
    Mark(&'static str),
    /// The end of a line.
    Line,
}

impl std::fmt::Display for Tok {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tok::Word(word) => write!(f, "`{word}`"),
            Tok::Text(text) => write!(f, "\"{text}\""),
            Tok::Set(name) => write!(f, "`@{name}`"),
            Tok::Variable(name) => write!(f, "`${name}`"),
            Tok::Mark(mark) => write!(f, "`{mark}`"),
            Tok::Line => f.write_str("the end of the line"),
        }
    }
}

type Input<'a> = LocatingSlice<&'a str>;

const MARKS: [&str; 20] = [
    "==", "!=", "<=", ">=", "<<", ">>", "<", ">", "=", "{", "}", "(", ")", ";", ",", "&", "|", "^", "!", ":",
];

/// Every word of a file.
///
/// # Errors
/// A character that begins no word, or quotes that do not end.
pub(crate) fn lex(file: u16, text: &str) -> (Vec<Token>, Vec<Wrong>) {
    let mut places = Places::new(file, text);
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    let mut wrongs = Vec::new();
    loop {
        let _ = blank.parse_next(&mut input);
        if input.is_empty() {
            break;
        }
        let at = input.current_token_start();
        let spot = places.spot(at);
        match token.parse_next(&mut input) {
            Ok(Tok::Word(word)) => split_colons(&mut tokens, &word, spot),
            Ok(tok) => tokens.push(Token { tok, spot }),
            Err(_) => {
                let strange = input.next_token().unwrap_or(' ');
                wrongs.push(Wrong::at(
                    spot,
                    match strange {
                        '"' => "quotes that are not closed on their line: write \"…\"".to_owned(),
                        _ => format!("`{}` begins no word here: remove it", strange.escape_debug()),
                    },
                ));
            }
        }
    }
    tokens.push(Token { tok: Tok::Line, spot: places.spot(text.len()) });
    (tokens, wrongs)
}

/// Blanks, comments, and line ends that a backslash takes back.
fn blank(input: &mut Input<'_>) -> ModalResult<()> {
    winnow::combinator::repeat::<_, _, (), _, _>(
        0..,
        alt((
            take_while(1.., [' ', '\t', '\r', '\u{feff}']).void(),
            preceded('#', till_line_ending).void(),
            ("\\\n").void(),
            ("\\\r\n").void(),
        )),
    )
    .parse_next(input)
}

fn token(input: &mut Input<'_>) -> ModalResult<Tok> {
    alt((
        '\n'.value(Tok::Line),
        delimited('"', take_till(0.., ['"', '\n']), '"').map(|text: &str| Tok::Text(text.to_owned())),
        preceded('@', name).map(|word: &str| Tok::Set(word.to_owned())),
        preceded('$', name).map(|word: &str| Tok::Variable(word.to_owned())),
        mark.map(Tok::Mark),
        take_while(1.., in_word).map(|word: &str| Tok::Word(word.to_owned())),
    ))
    .parse_next(input)
}

fn name<'a>(input: &mut Input<'a>) -> ModalResult<&'a str> {
    take_while(1.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).parse_next(input)
}

fn mark(input: &mut Input<'_>) -> ModalResult<&'static str> {
    // A colon that an address begins with is none.
    if input.starts_with("::") {
        return one_of('\0').value("").parse_next(input);
    }
    let found = MARKS.iter().find(|mark| input.starts_with(**mark));
    match found {
        Some(mark) => winnow::token::take(mark.len()).value(*mark).parse_next(input),
        None => any.verify(|_| false).value("").parse_next(input),
    }
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '*' | '+')
}

/// `80:accept` is three words, `2001:db8::1` is one.
fn split_colons(tokens: &mut Vec<Token>, word: &str, spot: Spot) {
    let mut rest = word;
    let mut at = spot;
    while !rest.is_empty() {
        let end = longest_piece(rest);
        let (piece, after) = rest.split_at(end);
        if !piece.is_empty() {
            tokens.push(Token { tok: Tok::Word(piece.to_owned()), spot: at });
        }
        at.column = at.column.saturating_add(end as u32);
        if after.starts_with(':') {
            tokens.push(Token { tok: Tok::Mark(":"), spot: at });
            at.column = at.column.saturating_add(1);
        }
        rest = after.strip_prefix(':').unwrap_or(after);
    }
}

/// How much of a word is one piece: all of it if it has no colon or is an address, else what stands before the colon
/// that ends the longest address, or before the first colon.
fn longest_piece(word: &str) -> usize {
    if !word.contains(':') || address(word) {
        return word.len();
    }
    let colons = word.char_indices().filter(|(_, c)| *c == ':').map(|(at, _)| at);
    let colons: Vec<usize> = colons.collect();
    // A prefix of an address is tried from the right, but no more of them than an address has.
    let tried = colons.iter().rev().take(9).find(|at| address(&word[..**at]));
    tried.or(colons.first()).copied().unwrap_or(word.len())
}

/// An address with a colon in it, a prefix or a range of such, or a MAC address.
fn address(word: &str) -> bool {
    let one = |part: &str| {
        let (addr, _) = part.split_once('/').unwrap_or((part, ""));
        addr.contains(':') && (addr.parse::<Ipv6Addr>().is_ok() || addr.parse::<siding_wire::Mac>().is_ok())
    };
    match word.split_once('-') {
        Some((low, high)) => one(low) && one(high),
        None => one(word),
    }
}

/// From an octet of the text to line and column; asked for in the order of the text, so that a file in one long line
/// costs no more than another.
pub(crate) struct Places<'a> {
    text: &'a str,
    at: usize,
    spot: Spot,
}

impl<'a> Places<'a> {
    pub(crate) fn new(file: u16, text: &'a str) -> Places<'a> {
        Places { text, at: 0, spot: Spot { file, line: 1, column: 1 } }
    }

    pub(crate) fn spot(&mut self, at: usize) -> Spot {
        for c in self.text.get(self.at..at).unwrap_or_default().chars() {
            if c == '\n' {
                self.spot = Spot { line: self.spot.line.saturating_add(1), column: 1, ..self.spot };
            } else {
                self.spot.column = self.spot.column.saturating_add(1);
            }
        }
        self.at = self.at.max(at);
        self.spot
    }
}
