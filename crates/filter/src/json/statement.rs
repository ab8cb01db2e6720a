//! What a rule looks at and does.

use super::Words;
use super::known;
use super::need;
use super::tree::Json;
use super::tree::Node;
use crate::place::Wrong;

impl Words {
    pub(super) fn statement(&mut self, node: &Node) -> Result<(), Wrong> {
        match node.only() {
            Some((kind, inner)) => self.named_statement(kind, inner),
            None => Err(Wrong::at(node.spot, "a statement is an object with one member")),
        }
    }

    pub(super) fn named_statement(&mut self, kind: &str, node: &Node) -> Result<(), Wrong> {
        let spot = node.spot;
        match kind {
            "match" => {
                known(node, &["op", "left", "right"])?;
                self.expr(need(node, "left")?)?;
                let op = need(node, "op")?;
                match op.text() {
                    Some("in") => {}
                    Some("==") => self.mark("==", op.spot),
                    Some("!=") => self.mark("!=", op.spot),
                    Some("<") => self.mark("<", op.spot),
                    Some(">") => self.mark(">", op.spot),
                    Some("<=") => self.mark("<=", op.spot),
                    Some(">=") => self.mark(">=", op.spot),
                    _ => return Err(Wrong::at(op.spot, "`op` must be one of == != < > <= >= in")),
                }
                self.expr(need(node, "right")?)
            }
            "accept" | "drop" | "continue" | "return" | "jump" | "goto" => self.verdict(kind, node),
            "counter" | "quota" | "limit" | "synproxy" => {
                self.word(kind, spot);
                if node.text().is_some() {
                    self.word("name", spot);
                    return self.expr(node);
                }
                match kind {
                    "counter" => self.counter(node, &[]),
                    "quota" => self.quota(node, &[]),
                    "limit" => self.limit(node, &[]),
                    _ => self.synproxy(node, &[]),
                }
            }
            "log" => self.log(node),
            "reject" => self.reject(node),
            "notrack" => {
                self.word("notrack", spot);
                Ok(())
            }
            "mangle" => {
                known(node, &["key", "value"])?;
                self.expr(need(node, "key")?)?;
                self.word("set", spot);
                self.expr(need(node, "value")?)
            }
            "vmap" => {
                known(node, &["key", "data"])?;
                self.expr(need(node, "key")?)?;
                self.word("vmap", spot);
                self.expr(need(node, "data")?)
            }
            "set" => self.update(node),
            "ct count" => {
                known(node, &["val", "inv"])?;
                self.word("ct", spot);
                self.word("count", spot);
                self.over(node);
                self.number(need(node, "val")?)
            }
            "ct timeout" => {
                for word in ["ct", "timeout", "set"] {
                    self.word(word, spot);
                }
                self.bare(node)
            }
            "flow" => {
                known(node, &["op", "flowtable"])?;
                self.word("flow", spot);
                self.bare(need(node, "op")?)?;
                self.expr(need(node, "flowtable")?)
            }
            // The reader of text knows what to write instead.
            _ => {
                self.word(kind, spot);
                Ok(())
            }
        }
    }

    fn update(&mut self, node: &Node) -> Result<(), Wrong> {
        known(node, &["op", "elem", "set", "stmt"])?;
        self.bare(need(node, "op")?)?;
        self.expr(need(node, "set")?)?;
        self.mark("{", node.spot);
        self.expr(need(node, "elem")?)?;
        if let Some(each) = node.get("stmt") {
            let each = each.list().unwrap_or(std::slice::from_ref(each));
            each.iter().try_for_each(|statement| self.statement(statement))?;
        }
        self.mark("}", node.spot);
        Ok(())
    }

    fn over(&mut self, node: &Node) {
        if let Some(Node { value: Json::Bool(true), spot }) = node.get("inv") {
            self.word("over", *spot);
        }
    }

    pub(super) fn counter(&mut self, node: &Node, besides: &[&str]) -> Result<(), Wrong> {
        if matches!(node.value, Json::Null) {
            return Ok(());
        }
        known(node, &[&["packets", "bytes"], besides].concat())?;
        for word in ["packets", "bytes"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.number(value)?;
            }
        }
        Ok(())
    }

    pub(super) fn quota(&mut self, node: &Node, besides: &[&str]) -> Result<(), Wrong> {
        known(node, &[&["val", "val_unit", "bytes", "used", "used_unit", "inv"], besides].concat())?;
        self.over(node);
        let value = node.get("val").or(node.get("bytes"));
        self.amount(value.ok_or_else(|| Wrong::at(node.spot, "`val` is missing"))?, node.get("val_unit"))?;
        match node.get("used") {
            Some(Node { value: Json::Number(0), .. }) | None => Ok(()),
            Some(used) => {
                self.word("used", used.spot);
                self.amount(used, node.get("used_unit"))
            }
        }
    }

    fn amount(&mut self, number: &Node, unit: Option<&Node>) -> Result<(), Wrong> {
        self.number(number)?;
        match unit {
            Some(unit) => self.bare(unit),
            None => {
                self.word("bytes", number.spot);
                Ok(())
            }
        }
    }

    pub(super) fn limit(&mut self, node: &Node, besides: &[&str]) -> Result<(), Wrong> {
        known(node, &[&["rate", "per", "burst", "rate_unit", "burst_unit", "inv"], besides].concat())?;
        self.word("rate", node.spot);
        self.over(node);
        let unit = node.get("rate_unit").filter(|unit| unit.text() != Some("packets"));
        self.number(need(node, "rate")?)?;
        if let Some(unit) = unit {
            self.bare(unit)?;
        }
        self.word("/", node.spot);
        match node.get("per") {
            Some(per) => self.bare(per)?,
            None => self.word("second", node.spot),
        }
        let burst = node.get("burst").filter(|burst| !matches!(burst.value, Json::Number(0)));
        if let Some(burst) = burst {
            self.word("burst", burst.spot);
            match unit {
                Some(_) => self.amount(burst, node.get("burst_unit"))?,
                None => {
                    self.number(burst)?;
                    self.word("packets", burst.spot);
                }
            }
        }
        Ok(())
    }

    fn log(&mut self, node: &Node) -> Result<(), Wrong> {
        self.word("log", node.spot);
        if matches!(node.value, Json::Null) {
            return Ok(());
        }
        known(node, &["prefix", "level", "group", "snaplen"])?;
        if let Some(prefix) = node.get("prefix") {
            self.word("prefix", prefix.spot);
            self.expr(prefix)?;
        }
        if let Some(level) = node.get("level") {
            self.word("level", level.spot);
            self.bare(level)?;
        }
        for word in ["group", "snaplen"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.number(value)?;
            }
        }
        Ok(())
    }

    fn reject(&mut self, node: &Node) -> Result<(), Wrong> {
        self.word("reject", node.spot);
        if matches!(node.value, Json::Null) {
            return Ok(());
        }
        known(node, &["type", "expr"])?;
        let Some(ty) = node.get("type") else { return Ok(()) };
        self.word("with", ty.spot);
        if ty.text() == Some("tcp reset") {
            self.word("tcp", ty.spot);
            self.word("reset", ty.spot);
            return Ok(());
        }
        self.bare(ty)?;
        let code = need(node, "expr")?;
        match code.value {
            Json::Number(_) => self.number(code),
            _ => self.bare(code),
        }
    }

    pub(super) fn synproxy(&mut self, node: &Node, besides: &[&str]) -> Result<(), Wrong> {
        if matches!(node.value, Json::Null) {
            return Ok(());
        }
        known(node, &[&["mss", "wscale", "flags"], besides].concat())?;
        for word in ["mss", "wscale"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.number(value)?;
            }
        }
        let flags = node.get("flags").map(|flags| flags.list().unwrap_or(std::slice::from_ref(flags)));
        flags.unwrap_or_default().iter().try_for_each(|flag| self.bare(flag))
    }
}
