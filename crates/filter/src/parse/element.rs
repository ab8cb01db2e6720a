//! Elements of sets and maps, and the verdicts in maps.

use super::Cursor;
use crate::lex::Tok;
use crate::model::Action;
use crate::model::Data;
use crate::model::DataType;
use crate::model::Element;
use crate::model::Part;
use crate::model::Set;
use crate::place::Wrong;
use crate::types::Type;
use crate::types::Value;

/// So deep may braces stand in braces, as variables make them.
const DEEPEST: usize = 8;

/// What an element must be like.
pub(crate) struct Shape {
    key: Vec<Type>,
    data: Option<DataType>,
}

impl Shape {
    pub(crate) fn of(set: &Set) -> Shape {
        Shape { key: set.key.clone(), data: set.data }
    }

    pub(crate) fn key_of(set: &Set) -> Shape {
        Shape { key: set.key.clone(), data: None }
    }

    pub(crate) fn keyed(key: &[Part], data: Option<DataType>) -> Shape {
        Shape { key: key.iter().map(Part::ty).collect(), data }
    }
}

impl Cursor<'_> {
    /// `{ … }`.
    pub(crate) fn braces(&mut self, shape: &Shape) -> Result<Vec<Element>, Wrong> {
        let mut elements = Vec::new();
        self.braces_into(shape, &mut elements, 0)?;
        Ok(elements)
    }

    fn braces_into(&mut self, shape: &Shape, out: &mut Vec<Element>, depth: usize) -> Result<(), Wrong> {
        if depth > DEEPEST {
            return self.wrong(format!("braces more than {DEEPEST} deep: write the elements in one pair"));
        }
        self.need_mark("{")?;
        self.lines();
        while !self.is_mark("}") {
            self.element_into(shape, out, depth)?;
            self.lines();
            if !self.eat_mark(",") {
                break;
            }
            self.lines();
        }
        if self.eat_mark("}") { Ok(()) } else { self.expected("`,` and the next element, or `}`") }
    }

    /// Elements with `,` between them, without braces or with.
    pub(crate) fn elements(&mut self, shape: &Shape) -> Result<Vec<Element>, Wrong> {
        let mut elements = Vec::new();
        self.lines();
        loop {
            self.element_into(shape, &mut elements, 0)?;
            self.lines();
            if !self.eat_mark(",") {
                return Ok(elements);
            }
            self.lines();
        }
    }

    // A variable in braces may bring braces of its own.
    fn element_into(&mut self, shape: &Shape, out: &mut Vec<Element>, depth: usize) -> Result<(), Wrong> {
        if self.is_mark("{") {
            return self.braces_into(shape, out, depth + 1);
        }
        let element = self.element(shape)?;
        out.push(element);
        Ok(())
    }

    fn element(&mut self, shape: &Shape) -> Result<Element, Wrong> {
        let spot = self.spot();
        if self.peek_word() == "*" {
            return self.wrong("`*` for all other keys is not in: write the rule for them after the map");
        }
        let key = self.values(&shape.key)?;
        let mut element = Element { key, data: None, timeout: None, expires: None, comment: None, spot };
        loop {
            match self.peek_word() {
                "timeout" => {
                    self.skip();
                    element.timeout = Some(self.time("a timeout")?);
                }
                "expires" => {
                    self.skip();
                    element.expires = Some(self.time("what is left")?);
                }
                "comment" => {
                    self.skip();
                    element.comment = Some(self.text("a comment")?);
                }
                "counter" | "limit" | "quota" | "ct" => {
                    return self.wrong(
                        "what an element has for itself stands after the set's `type`, or in the rule that adds it: \
                         remove it here",
                    );
                }
                _ => break,
            }
        }
        match shape.data {
            Some(data) => {
                self.need_mark(":")?;
                element.data = Some(self.data(data)?);
            }
            None if self.is_mark(":") => {
                return self
                    .wrong("a set maps to nothing: remove this, or write `map` and `type KEY : DATA`");
            }
            None => {}
        }
        Ok(element)
    }

    /// A value for each type, with ` . ` between them.
    pub(crate) fn values(&mut self, types: &[Type]) -> Result<Vec<Value>, Wrong> {
        let mut values = Vec::with_capacity(types.len());
        for (n, ty) in types.iter().enumerate() {
            if n > 0 && !self.eat(".") {
                return self.expected(&format!("` . ` and {} more of the key's parts", types.len() - n));
            }
            values.push(self.value(*ty)?);
        }
        if self.peek_word() == "." {
            return self.wrong(format!("the key has {} parts: remove what is too much", types.len()));
        }
        Ok(values)
    }

    fn data(&mut self, data: DataType) -> Result<Data, Wrong> {
        match data {
            DataType::Verdict => match self.action()? {
                Some(action) => Ok(Data::Verdict(action)),
                None => self.expected("accept, drop, continue, return, jump or goto"),
            },
            DataType::Value(ty) => Ok(Data::Value(self.exact(ty)?)),
        }
    }

    /// A verdict, if one stands here.
    pub(crate) fn action(&mut self) -> Result<Option<Action>, Wrong> {
        let Some(Tok::Word(word)) = self.peek_tok() else { return Ok(None) };
        let action = match word.as_str() {
            "accept" => Action::Accept,
            "drop" => Action::Drop,
            "continue" => Action::Continue,
            "return" => Action::Return,
            "jump" | "goto" => {
                self.skip();
                if self.is_mark("{") {
                    return self.wrong(
                        "a chain without a name is not in: write `chain NAME { … }` and its name here",
                    );
                }
                let name = self.name("a chain")?;
                return Ok(Some(if word == "jump" { Action::Jump(name) } else { Action::Goto(name) }));
            }
            _ => return Ok(None),
        };
        self.skip();
        Ok(Some(action))
    }
}
