//! Tables and what is in them.

use super::Words;
use super::known;
use super::need;
use super::tree::Json;
use super::tree::Node;
use crate::place::Wrong;

const KINDS: [&str; 12] = [
    "table",
    "chain",
    "rule",
    "set",
    "map",
    "element",
    "counter",
    "quota",
    "limit",
    "synproxy",
    "ct timeout",
    "flowtable",
];

impl Words {
    pub(super) fn command(&mut self, node: &Node) -> Result<(), Wrong> {
        let Some((kind, inner)) = node.only() else {
            return Err(Wrong::at(
                node.spot,
                format!("this must be an object with one of {}", KINDS.join(", ")),
            ));
        };
        match kind {
            // Who printed it.
            "metainfo" => return Ok(()),
            "add" | "create" => return self.command(inner),
            "flush" if inner.get("ruleset").is_some() => return Ok(()),
            _ if !KINDS.contains(&kind) => {
                return Err(Wrong::at(
                    inner.spot,
                    format!("`{kind}` is not in: write the rules as they shall be, of {}", KINDS.join(", ")),
                ));
            }
            _ => {}
        }
        self.word("add", node.spot);
        kind.split(' ').for_each(|word| self.word(word, node.spot));
        let family = need(inner, "family")?;
        self.word(family.text().unwrap_or_default(), family.spot);
        if kind == "table" {
            known(inner, &["family", "name", "handle", "comment"])?;
            self.name(inner, "name")?;
            if let Some(comment) = inner.get("comment") {
                self.braced_comment(comment)?;
            }
        } else {
            self.name(inner, "table")?;
            self.member(kind, inner)?;
        }
        self.line(node.spot);
        Ok(())
    }

    fn braced_comment(&mut self, comment: &Node) -> Result<(), Wrong> {
        self.mark("{", comment.spot);
        self.word("comment", comment.spot);
        self.text(comment.text().unwrap_or_default(), comment.spot)?;
        self.line(comment.spot);
        self.mark("}", comment.spot);
        Ok(())
    }

    fn member(&mut self, kind: &str, node: &Node) -> Result<(), Wrong> {
        match kind {
            "rule" => {
                known(node, &["family", "table", "chain", "handle", "expr", "comment", "index"])?;
                self.name(node, "chain")?;
                let expr = need(node, "expr")?;
                let Some(list) = expr.list() else {
                    return Err(Wrong::at(expr.spot, "`expr` must be a list of statements"));
                };
                list.iter().try_for_each(|statement| self.statement(statement))?;
                self.comment(node)
            }
            "chain" => self.chain(node),
            "element" => {
                known(node, &["family", "table", "name", "elem"])?;
                self.name(node, "name")?;
                self.elements(need(node, "elem")?)
            }
            "set" | "map" => self.set(node),
            "flowtable" => {
                known(node, &["family", "table", "name", "handle", "hook", "prio", "dev"])?;
                self.name(node, "name")?;
                self.mark("{", node.spot);
                for word in ["hook", "ingress", "priority"] {
                    self.word(word, node.spot);
                }
                match node.get("prio") {
                    Some(prio) => self.number(prio)?,
                    None => self.word("0", node.spot),
                }
                self.line(node.spot);
                if let Some(devices) = node.get("dev") {
                    self.word("devices", devices.spot);
                    self.mark("=", devices.spot);
                    self.braces(devices.list().unwrap_or(std::slice::from_ref(devices)), devices.spot)?;
                    self.line(node.spot);
                }
                self.mark("}", node.spot);
                Ok(())
            }
            _ => self.object(kind, node),
        }
    }

    fn comment(&mut self, node: &Node) -> Result<(), Wrong> {
        if let Some(comment) = node.get("comment") {
            self.word("comment", comment.spot);
            self.text(comment.text().unwrap_or_default(), comment.spot)?;
        }
        Ok(())
    }

    fn object(&mut self, kind: &str, node: &Node) -> Result<(), Wrong> {
        self.name(node, "name")?;
        self.mark("{", node.spot);
        if node.get("comment").is_some() {
            self.comment(node)?;
            self.line(node.spot);
        }
        let shared = ["family", "table", "name", "handle", "comment"];
        match kind {
            "counter" => self.counter(node, &shared)?,
            "quota" => self.quota(node, &shared)?,
            "limit" => self.limit(node, &shared)?,
            "ct timeout" => self.ct_timeout(node, &shared)?,
            _ => self.synproxy(node, &shared)?,
        }
        self.line(node.spot);
        self.mark("}", node.spot);
        Ok(())
    }

    fn ct_timeout(&mut self, node: &Node, besides: &[&str]) -> Result<(), Wrong> {
        known(node, &[&["protocol", "l3proto", "policy"], besides].concat())?;
        for word in ["protocol", "l3proto"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.bare(value)?;
                self.line(value.spot);
            }
        }
        let policy = need(node, "policy")?;
        self.word("policy", policy.spot);
        self.mark("=", policy.spot);
        self.mark("{", policy.spot);
        for (step, seconds) in policy.members() {
            self.word(step, seconds.spot);
            self.mark(":", seconds.spot);
            self.number(seconds)?;
            self.mark(",", seconds.spot);
        }
        self.mark("}", policy.spot);
        Ok(())
    }

    fn chain(&mut self, node: &Node) -> Result<(), Wrong> {
        known(
            node,
            &["family", "table", "name", "handle", "type", "hook", "prio", "policy", "comment", "newname"],
        )?;
        self.name(node, "name")?;
        self.mark("{", node.spot);
        if node.get("comment").is_some() {
            self.comment(node)?;
            self.line(node.spot);
        }
        if let Some(ty) = node.get("type") {
            self.word("type", ty.spot);
            self.word(ty.text().unwrap_or_default(), ty.spot);
            let hook = need(node, "hook")?;
            self.word("hook", hook.spot);
            self.word(hook.text().unwrap_or_default(), hook.spot);
            let prio = need(node, "prio")?;
            self.word("priority", prio.spot);
            self.number(prio)?;
            self.line(node.spot);
        }
        if let Some(policy) = node.get("policy") {
            self.word("policy", policy.spot);
            self.word(policy.text().unwrap_or_default(), policy.spot);
            self.line(node.spot);
        }
        self.mark("}", node.spot);
        Ok(())
    }

    fn set(&mut self, node: &Node) -> Result<(), Wrong> {
        known(
            node,
            &[
                "family",
                "table",
                "name",
                "handle",
                "type",
                "map",
                "flags",
                "elem",
                "size",
                "timeout",
                "gc-interval",
                "policy",
                "comment",
                "auto-merge",
                "stmt",
            ],
        )?;
        self.name(node, "name")?;
        self.mark("{", node.spot);
        let ty = need(node, "type")?;
        let spot = ty.spot;
        if let Some(of) = ty.get("typeof") {
            self.word("typeof", spot);
            self.expr(of)?;
        } else {
            self.word("type", spot);
            self.joined(ty.list().unwrap_or(std::slice::from_ref(ty)), ".", spot, |words, ty| {
                words.word(ty.text().unwrap_or_default(), ty.spot);
                Ok(())
            })?;
        }
        if let Some(map) = node.get("map") {
            self.mark(":", map.spot);
            match map.text() {
                Some(text) => self.word(text, map.spot),
                None => self.expr(map.get("typeof").unwrap_or(map))?,
            }
        }
        self.line(spot);
        if let Some(flags) = node.get("flags") {
            self.word("flags", flags.spot);
            for (n, flag) in flags.list().unwrap_or(std::slice::from_ref(flags)).iter().enumerate() {
                if n > 0 {
                    self.mark(",", flag.spot);
                }
                self.word(flag.text().unwrap_or_default(), flag.spot);
            }
            self.line(spot);
        }
        for word in ["size", "timeout", "gc-interval"] {
            if let Some(value) = node.get(word) {
                self.word(word, value.spot);
                self.number(value)?;
                self.line(spot);
            }
        }
        if let Some(policy) = node.get("policy") {
            self.word("policy", policy.spot);
            self.word(policy.text().unwrap_or_default(), policy.spot);
            self.line(spot);
        }
        if let Some(Node { value: Json::Bool(true), spot }) = node.get("auto-merge") {
            self.word("auto-merge", *spot);
            self.line(*spot);
        }
        if let Some(each) = node.get("stmt") {
            for statement in each.list().unwrap_or(std::slice::from_ref(each)) {
                self.statement(statement)?;
                self.line(spot);
            }
        }
        if node.get("comment").is_some() {
            self.comment(node)?;
            self.line(spot);
        }
        if let Some(elements) = node.get("elem") {
            self.word("elements", elements.spot);
            self.mark("=", elements.spot);
            self.elements(elements)?;
            self.line(spot);
        }
        self.mark("}", node.spot);
        Ok(())
    }

    fn elements(&mut self, node: &Node) -> Result<(), Wrong> {
        self.braces(node.list().unwrap_or(std::slice::from_ref(node)), node.spot)
    }
}
