//! Tables, chains and rules, as blocks or as commands.

use super::Cursor;
use super::element::Shape;
use crate::model::Chain;
use crate::model::Object;
use crate::model::Rule;
use crate::model::Ruleset;
use crate::model::Table;
use crate::model::TableFamily;
use crate::place::Wrong;

pub(crate) struct Parser<'a> {
    pub(crate) words: Cursor<'a>,
    pub(crate) ruleset: &'a mut Ruleset,
    pub(crate) wrongs: &'a mut Vec<Wrong>,
}

/// Which table, by its place in the ruleset.
type TableId = usize;

impl Parser<'_> {
    pub(crate) fn file(&mut self) {
        loop {
            self.words.separators();
            if self.words.peek().is_none() {
                return;
            }
            let before = self.words.position();
            if let Err(wrong) = self.command() {
                self.wrongs.push(wrong);
                self.words.recover(before);
                self.words.eat_mark("}");
            }
            // Whatever it was, it is not met twice.
            if self.words.position() == before {
                self.words.skip();
            }
        }
    }

    fn command(&mut self) -> Result<(), Wrong> {
        match self.words.peek_word() {
            "table" => self.table(),
            "add" | "create" => {
                self.words.skip();
                self.add()
            }
            "flush" => {
                self.words.skip();
                // Loading begins with nothing in any case.
                self.words.need("ruleset")?;
                self.words.end()
            }
            "delete" | "insert" | "replace" | "destroy" | "reset" | "rename" | "list" => self
                .words
                .expected("the rules as they shall be, in `table FAMILY NAME { … }`: a file is loaded whole"),
            _ => {
                self.words.expected("`table FAMILY NAME { … }`, `define NAME = VALUE` or `include \"FILE\"`")
            }
        }
    }

    fn add(&mut self) -> Result<(), Wrong> {
        let mut kind = self.words.peek_word();
        match kind {
            "table" => return self.table(),
            "ct" => {
                self.words.skip();
                kind = self.words.ct_object()?;
            }
            "rule" | "chain" | "set" | "map" | "element" | "counter" | "quota" | "limit" | "synproxy"
            | "flowtable" => self.words.skip(),
            _ => {
                return self.words.expected(
                    "table, chain, rule, set, map, element, counter, quota, limit, synproxy, ct timeout or flowtable",
                );
            }
        }
        let table = self.table_name()?;
        match kind {
            "rule" => {
                let spot = self.words.spot();
                let name = self.words.name("a chain")?;
                let rule = self.rule()?;
                let chain = self.ruleset.tables[table].chains.iter_mut().find(|chain| chain.name == name);
                match chain {
                    Some(chain) => chain.rules.push(rule),
                    None => {
                        return Err(Wrong::at(
                            spot,
                            format!("no chain `{name}` yet: add it before its rules"),
                        ));
                    }
                }
            }
            "element" => self.element(table)?,
            _ => self.member(table, kind)?,
        }
        self.words.end()
    }

    fn table(&mut self) -> Result<(), Wrong> {
        self.words.need("table")?;
        let table = self.table_name()?;
        if self.words.at_separator() {
            return self.words.end();
        }
        self.words.need_mark("{")?;
        loop {
            self.words.separators();
            if self.words.eat_mark("}") {
                return Ok(());
            }
            if self.words.peek().is_none() {
                return self.words.expected("`}` for the table's end");
            }
            let kind = self.words.peek_word();
            let before = self.words.position();
            self.words.skip();
            let read = match kind {
                "chain" | "set" | "map" | "counter" | "quota" | "limit" | "synproxy" | "flowtable" => {
                    self.member(table, kind)
                }
                "comment" => {
                    self.words.text("a comment").map(|text| self.ruleset.tables[table].comment = Some(text))
                }
                "ct" => self.words.ct_object().and_then(|kind| self.member(table, kind)),
                _ => {
                    self.words.unskip(before);
                    self.words.expected(
                        "chain, set, map, counter, quota, limit, synproxy, ct timeout, flowtable or comment",
                    )
                }
            };
            if let Err(wrong) = read.and_then(|()| self.words.end()) {
                self.wrongs.push(wrong);
                self.words.recover(before);
            }
        }
    }

    /// Family and name, and the table's place; a new one if there is none yet.
    fn table_name(&mut self) -> Result<TableId, Wrong> {
        let family = match self.words.peek_word() {
            "ip" => TableFamily::Ip,
            "ip6" => TableFamily::Ip6,
            "inet" => TableFamily::Inet,
            "bridge" | "arp" | "netdev" => {
                return self.words.expected(
                    "ip, ip6 or inet: frames that are bridged are not filtered, nor those that have no IP header",
                );
            }
            _ => TableFamily::Ip,
        };
        // A table may itself be called `ip`.
        if matches!(self.words.peek_word(), "ip" | "ip6" | "inet") {
            self.words.skip();
        }
        let name = self.words.name("a table")?;
        let tables = &mut self.ruleset.tables;
        let found = tables.iter().position(|table| (table.family, &table.name) == (family, &name));
        Ok(found.unwrap_or_else(|| {
            tables.push(Table {
                family,
                name,
                chains: Vec::new(),
                sets: Vec::new(),
                objects: Vec::new(),
                flowtables: Vec::new(),
                comment: None,
            });
            tables.len() - 1
        }))
    }

    fn member(&mut self, table: TableId, kind: &str) -> Result<(), Wrong> {
        let spot = self.words.spot();
        let name = self.words.name(&format!("the {kind}"))?;
        let twice = |what: &str| Wrong::at(spot, format!("{what} `{name}` is there twice: write it once"));
        let into = &self.ruleset.tables[table];
        match kind {
            "chain" => return self.chain(table, name),
            "set" | "map" => {
                if into.sets.iter().any(|set| set.name == name) {
                    return Err(twice(kind));
                }
                let set = self.words.set(name, kind == "map", spot)?;
                self.ruleset.tables[table].sets.push(set);
            }
            "flowtable" => {
                if into.flowtables.iter().any(|table| table.name == name) {
                    return Err(twice(kind));
                }
                let read = self.words.flowtable(name)?;
                self.ruleset.tables[table].flowtables.push(read);
            }
            _ => {
                if into.objects.iter().any(|object| object.name == name && object.kind.text() == kind) {
                    return Err(twice(kind));
                }
                let (read, comment) = match kind {
                    "ct timeout" => self.words.ct_timeout()?,
                    _ => self.words.object(kind)?,
                };
                let object = Object { name, handle: 0, kind: read, comment };
                self.ruleset.tables[table].objects.push(object);
            }
        }
        Ok(())
    }

    fn element(&mut self, table: TableId) -> Result<(), Wrong> {
        let spot = self.words.spot();
        let name = self.words.name("a set or map")?;
        let sets = &mut self.ruleset.tables[table].sets;
        let Some(set) = sets.iter_mut().find(|set| set.name == name) else {
            return Err(Wrong::at(spot, format!("no set `{name}` yet: add it before its elements")));
        };
        let more = self.words.braces(&Shape::of(set))?;
        set.elements.extend(more);
        Ok(())
    }

    fn chain(&mut self, table: TableId, name: String) -> Result<(), Wrong> {
        let spot = self.words.spot();
        let chains = &mut self.ruleset.tables[table].chains;
        let at = chains.iter().position(|chain| chain.name == name).unwrap_or_else(|| {
            chains.push(Chain { name, handle: 0, base: None, rules: Vec::new(), comment: None, spot });
            chains.len() - 1
        });
        if self.words.at_separator() {
            return Ok(());
        }
        self.words.need_mark("{")?;
        loop {
            self.words.separators();
            if self.words.eat_mark("}") {
                return Ok(());
            }
            if self.words.peek().is_none() {
                return self.words.expected("`}` for the chain's end");
            }
            let before = self.words.position();
            if let Err(wrong) = self.chain_line(table, at) {
                self.wrongs.push(wrong);
                self.words.recover(before);
            }
        }
    }

    fn chain_line(&mut self, table: TableId, chain: usize) -> Result<(), Wrong> {
        match self.words.peek_word() {
            "type" => {
                let spot = self.words.spot();
                let base = self.words.base()?;
                let before = &mut self.ruleset.tables[table].chains[chain].base;
                match before {
                    // As in Linux: a policy stays until another one is named.
                    Some(before) if (before.hook, before.priority) == (base.hook, base.priority) => {}
                    Some(_) => {
                        return Err(Wrong::at(
                            spot,
                            "the chain has another hook or priority already: write the same, or give it another name",
                        ));
                    }
                    None => *before = Some(base),
                }
            }
            "policy" => {
                let spot = self.words.spot();
                let drop = self.words.policy()?;
                match &mut self.ruleset.tables[table].chains[chain].base {
                    Some(base) => base.drop = drop,
                    None => {
                        return Err(Wrong::at(
                            spot,
                            "only a base chain has a policy: write `type …` before it",
                        ));
                    }
                }
            }
            "comment" => {
                self.words.skip();
                let text = self.words.text("a comment")?;
                self.ruleset.tables[table].chains[chain].comment = Some(text);
            }
            _ => {
                let rule = self.rule()?;
                self.ruleset.tables[table].chains[chain].rules.push(rule);
            }
        }
        self.words.end()
    }

    fn rule(&mut self) -> Result<Rule, Wrong> {
        let spot = self.words.spot();
        let mut rule = Rule { handle: 0, statements: Vec::new(), comment: None, spot };
        while !self.words.at_separator() {
            if self.words.eat("comment") {
                rule.comment = Some(self.words.text("a comment")?);
                break;
            }
            rule.statements.push(self.words.statement()?);
        }
        if rule.statements.is_empty() {
            return self.words.expected("what the rule looks at or does");
        }
        Ok(rule)
    }
}
