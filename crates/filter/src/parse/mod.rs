//! From words to a ruleset. Both doors end here: JSON is turned into the words that it means.
//!
//! A rule that is wrong does not hide the next one: its error is kept, and reading goes on behind it.

mod ct_timeout;
mod cursor;
mod element;
mod key;
mod object;
mod set;
mod statement;
mod table;
mod unit;
mod value;

use crate::lex::Token;
use crate::model::Ruleset;
use crate::model::Set;
use crate::place::Wrong;

pub(crate) use cursor::Cursor;
pub(crate) use key::MOST_PARTS;
pub(crate) use unit::PERIODS;
pub(crate) use unit::print_amount;
pub(crate) use unit::print_time;

/// Reads all tables; what is wrong is added to `wrongs`.
pub(crate) fn parse(tokens: &[Token], ruleset: &mut Ruleset, wrongs: &mut Vec<Wrong>) {
    let mut parser = table::Parser { words: Cursor::new(tokens), ruleset, wrongs };
    parser.file();
}

/// Elements for a set that stands already, as an operator writes them.
pub(crate) fn elements(tokens: &[Token], set: &Set) -> Result<Vec<crate::model::Element>, Wrong> {
    elements_of(tokens, &element::Shape::of(set))
}

/// The same, to be taken out: a map's need not say what they map to.
pub(crate) fn elements_to_take_out(tokens: &[Token], set: &Set) -> Result<Vec<crate::model::Element>, Wrong> {
    elements_of(tokens, &element::Shape::key_of(set)).or_else(|wrong| match set.data {
        Some(_) => elements(tokens, set),
        None => Err(wrong),
    })
}

fn elements_of(tokens: &[Token], shape: &element::Shape) -> Result<Vec<crate::model::Element>, Wrong> {
    let mut words = Cursor::new(tokens);
    let elements = words.elements(shape)?;
    words.lines();
    match words.peek() {
        None => Ok(elements),
        Some(token) => Err(Wrong::at(token.spot, format!("{} is no element: remove it", token.tok))),
    }
}
