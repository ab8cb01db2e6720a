//! JSON with the place of every value, which errors need.

use crate::lex::Places;
use crate::place::Spot;
use crate::place::Wrong;

/// So deep may values stand in one another.
const DEEPEST: usize = 64;

pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) value: Json,
}

pub(super) enum Json {
    Null,
    Bool(bool),
    /// A whole number; nft has no others.
    Number(i128),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// A member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Json::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Json::List(list) => Some(list),
            _ => None,
        }
    }

    /// Its members; none if it is no object.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Node)> {
        let members = match &self.value {
            Json::Object(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// The only member of an object.
    pub(super) fn only(&self) -> Option<(&str, &Node)> {
        match &self.value {
            Json::Object(members) => match members.as_slice() {
                [(name, node)] => Some((name, node)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Reads a whole file.
pub(super) fn read(file: u16, text: &str) -> Result<Node, Wrong> {
    let mut reader = Reader { text, at: 0, places: Places::new(file, text) };
    let node = reader.node(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return reader.wrong("nothing more may follow here: remove it");
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    places: Places<'a>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong<T>(&mut self, what: &str) -> Result<T, Wrong> {
        Err(Wrong::at(self.places.spot(self.at), what))
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn eat(&mut self, mark: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    fn node(&mut self, depth: usize) -> Result<Node, Wrong> {
        if depth > DEEPEST {
            return self.wrong("values more than 64 deep: no ruleset is so");
        }
        self.blanks();
        let spot = self.places.spot(self.at);
        let value = match self.rest().bytes().next() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Json::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.eat("null") => Json::Null,
            _ if self.eat("true") => Json::Bool(true),
            _ if self.eat("false") => Json::Bool(false),
            _ => {
                return self.wrong(
                    "this is no JSON: write an object, a list, a string, a number, true, false or null",
                );
            }
        };
        Ok(Node { spot, value })
    }

    fn object(&mut self, depth: usize) -> Result<Json, Wrong> {
        self.eat("{");
        let mut members: Vec<(String, Node)> = Vec::new();
        if self.eat("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            let name = self.string()?;
            if members.iter().any(|(known, _)| *known == name) {
                return self.wrong("the same name twice in one object: write it once");
            }
            if !self.eat(":") {
                return self.wrong("a `:` is missing after the name");
            }
            members.push((name, self.node(depth + 1)?));
            if !self.eat(",") {
                break;
            }
        }
        if self.eat("}") {
            Ok(Json::Object(members))
        } else {
            self.wrong("write `,` and the next name, or `}`")
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Wrong> {
        self.eat("[");
        let mut nodes = Vec::new();
        if self.eat("]") {
            return Ok(Json::List(nodes));
        }
        loop {
            nodes.push(self.node(depth + 1)?);
            if !self.eat(",") {
                break;
            }
        }
        if self.eat("]") { Ok(Json::List(nodes)) } else { self.wrong("write `,` and the next value, or `]`") }
    }

    fn number(&mut self) -> Result<Json, Wrong> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(rest.len());
        match rest[..end].parse::<i128>() {
            Ok(number) => {
                self.at += end;
                Ok(Json::Number(number))
            }
            Err(_) => self.wrong("this is no whole number: write one"),
        }
    }

    fn string(&mut self) -> Result<String, Wrong> {
        if !self.rest().starts_with('"') {
            return self.wrong("a name in quotes is missing");
        }
        let begin = self.at + 1;
        let mut out = String::new();
        let mut chars = self.text[begin..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = begin + at + 1;
                    return Ok(out);
                }
                '\\' => match escape(&mut chars) {
                    Some(c) => out.push(c),
                    None => {
                        self.at = begin + at;
                        return self.wrong(
                            "`\\` must be followed by one of \" \\ / b f n r t, or by u and four digits",
                        );
                    }
                },
                c if c < ' ' => {
                    self.at = begin + at;
                    return self.wrong("a string must end on its line: write \"…\"");
                }
                c => out.push(c),
            }
        }
        self.wrong("a string that does not end: write \"…\"")
    }
}

fn escape(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match chars.next()?.1 {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let high = four(chars)?;
            if (0xd800..0xdc00).contains(&high) {
                let marks = (chars.next()?.1, chars.next()?.1);
                let low = four(chars)?;
                if marks != ('\\', 'u') || !(0xdc00..0xe000).contains(&low) {
                    return None;
                }
                return char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            }
            return char::from_u32(high);
        }
        c @ ('"' | '\\' | '/') => c,
        _ => return None,
    })
}

fn four(chars: &mut std::str::CharIndices<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value << 4 | chars.next()?.1.to_digit(16)?))
}
