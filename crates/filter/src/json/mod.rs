//! libnftables' JSON, as `nft -j list ruleset` prints it.
//!
//! It is turned into the words of the text that mean the same, each with the place of the value that it came from.
//! So there is one reader of rules, and what it refuses it refuses by both doors.

mod expr;
mod member;
mod statement;
mod tree;

use crate::lex::Tok;
use crate::lex::Token;
use crate::place::Spot;
use crate::place::Wrong;
use tree::Json;
use tree::Node;

/// The words that a file of JSON means.
pub(crate) fn tokens(file: u16, text: &str, wrongs: &mut Vec<Wrong>) -> Vec<Token> {
    let mut words = Words { tokens: Vec::new() };
    let root = match tree::read(file, text) {
        Ok(root) => root,
        Err(wrong) => {
            wrongs.push(wrong);
            return Vec::new();
        }
    };
    let list = match (root.get("nftables"), &root.value) {
        (Some(Node { value: Json::List(list), .. }), _) | (None, Json::List(list)) => list,
        _ => {
            wrongs.push(Wrong::at(
                root.spot,
                "no ruleset: write {\"nftables\": [ … ]}, as `nft -j list ruleset` prints",
            ));
            return Vec::new();
        }
    };
    for node in list {
        let before = words.tokens.len();
        if let Err(wrong) = words.command(node) {
            wrongs.push(wrong);
            words.tokens.truncate(before);
        }
    }
    words.tokens
}

struct Words {
    tokens: Vec<Token>,
}

impl Words {
    fn word(&mut self, word: impl Into<String>, spot: Spot) {
        self.tokens.push(Token { tok: Tok::Word(word.into()), spot });
    }

    fn text(&mut self, text: &str, spot: Spot) -> Result<(), Wrong> {
        // The text could not say it, and so it could not be shown.
        if text.contains(['"', '\n']) {
            return Err(Wrong::at(
                spot,
                "quotes and line ends are not in: write the name or comment without them",
            ));
        }
        self.tokens.push(Token { tok: Tok::Text(text.to_owned()), spot });
        Ok(())
    }

    fn mark(&mut self, mark: &'static str, spot: Spot) {
        self.tokens.push(Token { tok: Tok::Mark(mark), spot });
    }

    fn line(&mut self, spot: Spot) {
        self.tokens.push(Token { tok: Tok::Line, spot });
    }

    /// A name, which is no word that means something: in quotes.
    fn name(&mut self, node: &Node, member: &str) -> Result<(), Wrong> {
        let name = need(node, member)?;
        match name.text() {
            Some(text) => self.text(text, name.spot),
            None => Err(Wrong::at(name.spot, format!("`{member}` must be a string"))),
        }
    }

    fn number(&mut self, node: &Node) -> Result<(), Wrong> {
        match node.value {
            Json::Number(number) => {
                self.word(number.to_string(), node.spot);
                Ok(())
            }
            _ => Err(Wrong::at(node.spot, "this must be a number")),
        }
    }
}

/// A member that must be there.
fn need<'a>(node: &'a Node, member: &str) -> Result<&'a Node, Wrong> {
    node.get(member).ok_or_else(|| Wrong::at(node.spot, format!("`{member}` is missing")))
}

/// Refuses members that nobody reads.
fn known(node: &Node, right: &[&str]) -> Result<(), Wrong> {
    let Json::Object(members) = &node.value else {
        return Err(Wrong::at(node.spot, format!("this must be an object with {}", right.join(", "))));
    };
    match members.iter().find(|(name, _)| !right.contains(&name.as_str())) {
        Some((name, node)) => {
            Err(Wrong::at(node.spot, format!("`{name}` is not in here: only {} are", right.join(", "))))
        }
        None => Ok(()),
    }
}
