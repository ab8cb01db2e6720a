//! Fields and values.

use super::Words;
use super::known;
use super::need;
use super::tree::Json;
use super::tree::Node;
use crate::lex::Tok;
use crate::lex::Token;
use crate::place::Spot;
use crate::place::Wrong;

impl Words {
    /// A field, a value, or whatever stands where one may.
    pub(super) fn expr(&mut self, node: &Node) -> Result<(), Wrong> {
        let spot = node.spot;
        match &node.value {
            Json::Text(text) => match text.strip_prefix('@') {
                Some(name) => {
                    self.tokens.push(Token { tok: Tok::Set(name.to_owned()), spot });
                    Ok(())
                }
                None if text == "*" => {
                    self.word("*", spot);
                    Ok(())
                }
                None => self.text(text, spot),
            },
            Json::Number(_) => self.number(node),
            Json::Bool(there) => {
                self.word(if *there { "exists" } else { "missing" }, spot);
                Ok(())
            }
            // Flags, any of which will do.
            Json::List(list) => self.marked(list, ",", spot),
            Json::Null => Err(Wrong::at(spot, "a value is missing here")),
            Json::Object(_) => match node.only() {
                Some((kind, inner)) => self.object_expr(kind, inner),
                None => Err(Wrong::at(spot, "an expression is an object with one member")),
            },
        }
    }

    fn object_expr(&mut self, kind: &str, node: &Node) -> Result<(), Wrong> {
        let spot = node.spot;
        match kind {
            "payload" => {
                known(node, &["protocol", "field"])?;
                self.bare(need(node, "protocol")?)?;
                self.bare(need(node, "field")?)
            }
            "exthdr" => {
                known(node, &["name", "field"])?;
                let name = need(node, "name")?;
                if node.get("field").is_none() {
                    self.word("exthdr", spot);
                }
                self.bare(name)?;
                node.get("field").map_or(Ok(()), |field| self.bare(field))
            }
            "meta" | "ct" => {
                known(node, &["key"])?;
                self.word(kind, spot);
                self.bare(need(node, "key")?)
            }
            "fib" => {
                known(node, &["result", "flags"])?;
                self.word("fib", spot);
                let flags = need(node, "flags")?;
                let flags = flags.list().unwrap_or(std::slice::from_ref(flags));
                self.joined(flags, ".", spot, Words::bare)?;
                self.bare(need(node, "result")?)
            }
            "prefix" => {
                known(node, &["addr", "len"])?;
                let (addr, len) = (need(node, "addr")?, need(node, "len")?);
                match (addr.text(), &len.value) {
                    (Some(addr), Json::Number(len)) => self.text(&format!("{addr}/{len}"), spot),
                    _ => Err(Wrong::at(spot, "a prefix has an address `addr` and a number `len`")),
                }
            }
            "range" => match node.list() {
                Some([low, high]) => {
                    self.expr(low)?;
                    self.word("-", spot);
                    self.expr(high)
                }
                _ => Err(Wrong::at(spot, "a range is a list of two values")),
            },
            "concat" => {
                let list = node.list().unwrap_or_default();
                self.joined(list, ".", spot, Words::expr)
            }
            "set" => self.braces(node.list().unwrap_or(std::slice::from_ref(node)), spot),
            "elem" => self.element(node),
            "&" | "|" | "^" => {
                let mark = match kind {
                    "&" => "&",
                    "|" => "|",
                    _ => "^",
                };
                let Some([first, rest @ ..]) = node.list() else {
                    return Err(Wrong::at(spot, "an operation is a list of what it joins"));
                };
                self.expr(first)?;
                for node in rest {
                    self.mark(mark, node.spot);
                    match &node.value {
                        Json::List(flags) => {
                            self.mark("(", node.spot);
                            self.marked(flags, "|", node.spot)?;
                            self.mark(")", node.spot);
                        }
                        _ => self.expr(node)?,
                    }
                }
                Ok(())
            }
            "map" => {
                known(node, &["key", "data"])?;
                self.expr(need(node, "key")?)?;
                self.word("map", spot);
                self.expr(need(node, "data")?)
            }
            "accept" | "drop" | "continue" | "return" | "jump" | "goto" => self.verdict(kind, node),
            _ => Err(Wrong::at(
                spot,
                format!(
                    "`{kind}` is not in: write payload, exthdr, meta, ct, fib, prefix, range, concat, set or map"
                ),
            )),
        }
    }

    pub(super) fn verdict(&mut self, kind: &str, node: &Node) -> Result<(), Wrong> {
        self.word(kind, node.spot);
        if matches!(kind, "jump" | "goto") {
            known(node, &["target"])?;
            self.name(node, "target")?;
        }
        Ok(())
    }

    fn element(&mut self, node: &Node) -> Result<(), Wrong> {
        self.expr(need(node, "val")?)?;
        self.element_options(node)
    }

    /// What an element has besides its value.
    pub(super) fn element_options(&mut self, node: &Node) -> Result<(), Wrong> {
        known(node, &["val", "timeout", "expires", "comment", "counter", "limit", "quota", "ct count"])?;
        for word in ["timeout", "expires"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.number(value)?;
            }
        }
        if let Some(comment) = node.get("comment") {
            self.word("comment", comment.spot);
            self.text(comment.text().unwrap_or_default(), comment.spot)?;
        }
        for word in ["counter", "limit", "quota", "ct count"] {
            if let Some(inner) = node.get(word) {
                self.named_statement(word, inner)?;
            }
        }
        Ok(())
    }

    /// `{ a, b }`; an element that is a pair is a key and what a map has for it.
    pub(super) fn braces(&mut self, list: &[Node], spot: Spot) -> Result<(), Wrong> {
        self.mark("{", spot);
        for (n, node) in list.iter().enumerate() {
            if n > 0 {
                self.mark(",", node.spot);
            }
            match node.list() {
                Some([key, data]) => {
                    self.expr(key)?;
                    self.mark(":", data.spot);
                    self.expr(data)?;
                }
                _ => self.expr(node)?,
            }
        }
        self.mark("}", spot);
        Ok(())
    }

    pub(super) fn joined(
        &mut self,
        list: &[Node],
        word: &str,
        spot: Spot,
        each: impl Fn(&mut Words, &Node) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        for (n, node) in list.iter().enumerate() {
            if n > 0 {
                self.word(word, spot);
            }
            each(self, node)?;
        }
        Ok(())
    }

    fn marked(&mut self, list: &[Node], mark: &'static str, spot: Spot) -> Result<(), Wrong> {
        for (n, node) in list.iter().enumerate() {
            if n > 0 {
                self.mark(mark, spot);
            }
            self.expr(node)?;
        }
        Ok(())
    }

    /// A word that means something by itself.
    pub(super) fn bare(&mut self, node: &Node) -> Result<(), Wrong> {
        match node.text() {
            Some(text) => {
                self.word(text, node.spot);
                Ok(())
            }
            None => Err(Wrong::at(node.spot, "this must be a string")),
        }
    }
}
