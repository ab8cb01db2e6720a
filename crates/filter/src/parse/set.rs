//! Named sets, maps and flowtables.

use super::Cursor;
use super::element::Shape;
use crate::lex::Tok;
use crate::model::DataType;
use crate::model::Element;
use crate::model::Flowtable;
use crate::model::Part;
use crate::model::Set;
use crate::model::Statement;
use crate::place::Spot;
use crate::place::Wrong;
use crate::set_types::TYPES;
use crate::types::Type;

impl Cursor<'_> {
    /// What follows `set NAME` or `map NAME`.
    pub(crate) fn set(&mut self, name: String, map: bool, spot: Spot) -> Result<Set, Wrong> {
        let mut set = Set {
            name,
            handle: 0,
            key: Vec::new(),
            typeof_: None,
            data: None,
            interval: false,
            timeouts: false,
            dynamic: false,
            constant: false,
            timeout: None,
            gc_interval: None,
            size: None,
            auto_merge: false,
            elements: Vec::new(),
            each: Vec::new(),
            prefix_of: Vec::new(),
            comment: None,
            spot,
        };
        self.need_mark("{")?;
        self.separators();
        while !self.eat_mark("}") {
            self.set_line(&mut set, map)?;
            if !self.is_mark("}") {
                self.end()?;
            }
        }
        if set.key.is_empty() {
            return Err(Wrong::at(spot, "no type: write `type ipv6_addr`, or another, as the first line"));
        }
        Ok(set)
    }

    fn set_line(&mut self, set: &mut Set, map: bool) -> Result<(), Wrong> {
        let word = self.peek_word();
        match word {
            "type" | "typeof" => {
                self.skip();
                if word == "type" {
                    set.key = self.types()?;
                } else {
                    let key = self.key()?;
                    set.key = key.iter().map(Part::ty).collect();
                    set.typeof_ = Some(key);
                }
                if map {
                    self.need_mark(":")?;
                    set.data = Some(self.data_type(word)?);
                } else if self.is_mark(":") {
                    return self.wrong("a set maps to nothing: write `map` instead of `set`");
                }
            }
            "flags" => {
                self.skip();
                loop {
                    match self.peek_word() {
                        "interval" => set.interval = true,
                        "timeout" => set.timeouts = true,
                        "dynamic" => set.dynamic = true,
                        "constant" => set.constant = true,
                        _ => return self.expected("interval, timeout, dynamic or constant"),
                    }
                    self.skip();
                    if !self.eat_mark(",") {
                        break;
                    }
                }
            }
            "timeout" => {
                self.skip();
                set.timeout = Some(self.time("a timeout")?);
            }
            "gc-interval" => {
                self.skip();
                set.gc_interval = Some(self.time("an interval")?);
            }
            "size" => {
                self.skip();
                set.size = Some(self.number("a size", u64::from(u32::MAX))? as u32);
            }
            "auto-merge" => {
                self.skip();
                set.auto_merge = true;
            }
            "policy" => {
                self.skip();
                // Sets are as quick and as small as they can be either way.
                if !self.eat("performance") {
                    self.need("memory")?;
                }
            }
            "comment" => {
                self.skip();
                set.comment = Some(self.text("a comment")?);
            }
            "prefix" => {
                self.skip();
                self.need("of")?;
                self.need("interface")?;
                loop {
                    set.prefix_of.push(self.text("the name of an interface")?);
                    if !self.eat_mark(",") {
                        break;
                    }
                }
            }
            "elements" => {
                self.skip();
                if set.key.is_empty() {
                    return self.wrong("elements before their type: write `type …` as the first line");
                }
                self.need_mark("=")?;
                let more: Vec<Element> = self.braces(&Shape::of(set))?;
                set.elements.extend(more);
            }
            "counter" | "limit" | "quota" | "ct" => {
                let each: Statement = self.stateful()?;
                set.each.push(each);
            }
            _ => {
                return self.expected(
                    "type, typeof, flags, timeout, gc-interval, size, auto-merge, counter, prefix of interface, \
                     comment or elements",
                );
            }
        }
        Ok(())
    }

    fn types(&mut self) -> Result<Vec<Type>, Wrong> {
        let mut types = vec![self.type_name()?];
        while self.eat(".") {
            types.push(self.type_name()?);
        }
        if types.len() > super::key::MOST_PARTS {
            return self
                .wrong(format!("more than {} fields side by side: write fewer", super::key::MOST_PARTS));
        }
        Ok(types)
    }

    fn type_name(&mut self) -> Result<Type, Wrong> {
        match TYPES.iter().find(|(name, _)| *name == self.peek_word()) {
            Some((_, ty)) => {
                self.skip();
                Ok(*ty)
            }
            None => {
                let right: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
                self.expected(&format!("one of {}", right.join(", ")))
            }
        }
    }

    fn data_type(&mut self, word: &str) -> Result<DataType, Wrong> {
        if self.eat("verdict") {
            return Ok(DataType::Verdict);
        }
        if word == "type" {
            return self.type_name().map(DataType::Value);
        }
        let key = self.key()?;
        match key.as_slice() {
            [part] => Ok(DataType::Value(part.ty())),
            _ => self.wrong("a map's data is one field: write one"),
        }
    }

    /// What follows `flowtable NAME`.
    pub(crate) fn flowtable(&mut self, name: String) -> Result<Flowtable, Wrong> {
        let mut table = Flowtable { name, handle: 0, priority: 0, devices: Vec::new() };
        self.need_mark("{")?;
        self.separators();
        while !self.eat_mark("}") {
            match self.peek_word() {
                "hook" => {
                    self.skip();
                    self.need("ingress")?;
                    self.need("priority")?;
                    table.priority = self.priority()?;
                }
                "devices" => {
                    self.skip();
                    self.need_mark("=")?;
                    self.need_mark("{")?;
                    self.lines();
                    while !self.eat_mark("}") {
                        match self.peek_tok() {
                            Some(Tok::Word(name) | Tok::Text(name)) => table.devices.push(name.clone()),
                            _ => return self.expected("the name of an interface"),
                        }
                        self.skip();
                        self.lines();
                        if !self.eat_mark(",") {
                            self.need_mark("}")?;
                            break;
                        }
                        self.lines();
                    }
                }
                _ => return self.expected("`hook ingress priority N` or `devices = { … }`"),
            }
            if !self.is_mark("}") {
                self.end()?;
            }
        }
        Ok(table)
    }

    /// A priority: a number, a name, or a name and a number.
    pub(crate) fn priority(&mut self) -> Result<i32, Wrong> {
        const NAMES: [(&str, i32); 6] = [
            ("raw", -300),
            ("mangle", -150),
            ("dstnat", -100),
            ("filter", 0),
            ("security", 50),
            ("srcnat", 100),
        ];
        let right =
            "a priority: a number, raw, mangle, filter or security, or one of them with + or - a number";
        let word = self.peek_word();
        if let Ok(number) = word.parse::<i32>() {
            self.skip();
            return Ok(number);
        }
        let end = word.find(['+', '-']).unwrap_or(word.len());
        let Some((_, base)) = NAMES.iter().find(|(name, _)| *name == &word[..end]) else {
            return self.expected(right);
        };
        self.skip();
        let mut offset = word[end..].to_owned();
        if offset.is_empty() && matches!(self.peek_word(), "+" | "-") {
            offset = self.peek_word().to_owned();
            self.skip();
            offset.push_str(self.peek_word());
            self.skip();
        }
        if offset.is_empty() {
            return Ok(*base);
        }
        match offset.parse::<i32>().ok().and_then(|offset| base.checked_add(offset)) {
            Some(priority) => Ok(priority),
            None => self.expected(right),
        }
    }
}
