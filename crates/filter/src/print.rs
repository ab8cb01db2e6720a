//! A ruleset as text: what is shown, and what loads again as the same ruleset.

use std::fmt;
use std::fmt::Display;
use std::fmt::Formatter;

use crate::Family;
use crate::model::*;
use crate::names;
use crate::parse::PERIODS;
use crate::parse::print_amount;
use crate::parse::print_time;
use crate::types::Type;

impl Display for Ruleset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, table) in self.tables.iter().enumerate() {
            write!(f, "{}{table}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {} {} {{", self.family.text(), self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\tcomment \"{comment}\"")?;
        }
        for object in &self.objects {
            write!(f, "{object}")?;
        }
        for set in &self.sets {
            write!(f, "{set}")?;
        }
        for flowtable in &self.flowtables {
            writeln!(f, "\tflowtable {} {{", flowtable.name)?;
            writeln!(f, "\t\thook ingress priority {}", flowtable.priority)?;
            if !flowtable.devices.is_empty() {
                let devices: Vec<String> = flowtable.devices.iter().map(|d| format!("\"{d}\"")).collect();
                writeln!(f, "\t\tdevices = {{ {} }}", devices.join(", "))?;
            }
            writeln!(f, "\t}}")?;
        }
        // All of them before any rule: a jump may go to a chain further down.
        for chain in &self.chains {
            write!(f, "{chain}")?;
        }
        writeln!(f, "}}")
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\t{} {} {{", self.kind.text(), self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\t\tcomment \"{comment}\"")?;
        }
        match &self.kind {
            ObjectKind::Counter(count) => {
                writeln!(f, "\t\tpackets {} bytes {}", count.packets, count.bytes)?;
            }
            ObjectKind::Quota(quota) => writeln!(f, "\t\t{}", QuotaText(quota))?,
            ObjectKind::Limit(limit) => writeln!(f, "\t\t{limit}")?,
            ObjectKind::CtTimeout(timeout) => write!(f, "{timeout}")?,
            ObjectKind::SynProxy(proxy) => writeln!(f, "\t\t{}", proxy.to_string().trim_start())?,
        }
        writeln!(f, "\t}}")
    }
}

/// A line for each thing that it says.
impl Display for CtTimeout {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\t\tprotocol {}", self.protocol.text())?;
        if let Some(family) = self.family {
            writeln!(f, "\t\tl3proto {}", if family == Family::V4 { "ip" } else { "ip6" })?;
        }
        let times: Vec<String> =
            self.said().map(|(step, _, seconds)| format!("{step} : {seconds}")).collect();
        writeln!(f, "\t\tpolicy = {{ {} }}", times.join(", "))
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\t{} {} {{", if self.data.is_some() { "map" } else { "set" }, self.name)?;
        write!(f, "\t\t")?;
        let data_nameless = matches!(self.data, Some(DataType::Value(ty)) if ty.name().is_none());
        match &self.typeof_ {
            Some(parts) if data_nameless || self.key.iter().any(|ty| ty.name().is_none()) => {
                write!(f, "typeof {}", key(parts))?;
            }
            _ => {
                let names: Vec<&str> = self.key.iter().map(|ty| ty.name().unwrap_or("?")).collect();
                write!(f, "type {}", names.join(" . "))?;
            }
        }
        match self.data {
            Some(DataType::Verdict) => writeln!(f, " : verdict")?,
            Some(DataType::Value(ty)) => writeln!(f, " : {}", ty.name().unwrap_or("meta length"))?,
            None => writeln!(f)?,
        }
        let flags = [
            (self.interval, "interval"),
            (self.timeouts, "timeout"),
            (self.dynamic, "dynamic"),
            (self.constant, "constant"),
        ];
        let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        if !flags.is_empty() {
            writeln!(f, "\t\tflags {}", flags.join(","))?;
        }
        if let Some(size) = self.size {
            writeln!(f, "\t\tsize {size}")?;
        }
        for (time, word) in [(self.timeout, "timeout"), (self.gc_interval, "gc-interval")] {
            if let Some(time) = time {
                writeln!(f, "\t\t{word} {}", print_time(time))?;
            }
        }
        if self.auto_merge {
            writeln!(f, "\t\tauto-merge")?;
        }
        for each in &self.each {
            writeln!(f, "\t\t{each}")?;
        }
        if !self.prefix_of.is_empty() {
            let names: Vec<String> = self.prefix_of.iter().map(|name| format!("\"{name}\"")).collect();
            writeln!(f, "\t\tprefix of interface {}", names.join(", "))?;
        }
        if let Some(comment) = &self.comment {
            writeln!(f, "\t\tcomment \"{comment}\"")?;
        }
        if !self.elements.is_empty() {
            let elements: Vec<String> =
                self.elements.iter().map(|e| element(e, &self.key, self.data)).collect();
            writeln!(f, "\t\telements = {{ {} }}", elements.join(",\n\t\t\t     "))?;
        }
        writeln!(f, "\t}}")
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\t\tcomment \"{comment}\"")?;
        }
        if let Some(base) = &self.base {
            let policy = if base.drop { "drop" } else { "accept" };
            let hook = base.hook.text();
            writeln!(f, "\t\ttype filter hook {hook} priority {}; policy {policy};", base.priority)?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        writeln!(f, "\t}}")
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, statement) in self.statements.iter().enumerate() {
            write!(f, "{}{statement}", if n == 0 { "" } else { " " })?;
        }
        if let Some(comment) = &self.comment {
            write!(f, " comment \"{comment}\"")?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Match(relation) => write!(f, "{relation}"),
            Statement::Counter(count) if count.packets == 0 && count.bytes == 0 => f.write_str("counter"),
            Statement::Counter(count) => write!(f, "counter packets {} bytes {}", count.packets, count.bytes),
            Statement::NamedCounter(name) => write!(f, "counter name \"{name}\""),
            Statement::Quota(quota) => write!(f, "quota {}", QuotaText(quota)),
            Statement::NamedQuota(name) => write!(f, "quota name \"{name}\""),
            Statement::Limit(limit) => write!(f, "limit {limit}"),
            Statement::NamedLimit(name) => write!(f, "limit name \"{name}\""),
            Statement::Log(log) => write!(f, "{log}"),
            Statement::Reject(how) => write!(f, "{how}"),
            Statement::NoTrack => f.write_str("notrack"),
            Statement::Verdict(action) => write!(f, "{action}"),
            Statement::Vmap(parts, map) => write!(f, "{} vmap {}", key(parts), map_ref(map, parts, None)),
            Statement::SetMark(expr) => write!(f, "meta mark set {expr}"),
            Statement::SetCtMark(expr) => write!(f, "ct mark set {expr}"),
            Statement::Update(update) => write!(f, "{update}"),
            Statement::CtCount { over, count } => {
                write!(f, "ct count {}{count}", if *over { "over " } else { "" })
            }
            Statement::SetCtTimeout(name) => write!(f, "ct timeout set \"{name}\""),
            Statement::SynProxy(proxy) => write!(f, "synproxy{proxy}"),
            Statement::NamedSynProxy(name) => write!(f, "synproxy name \"{name}\""),
            Statement::FlowAdd(name) => write!(f, "flow add @{name}"),
        }
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let types: Vec<Type> = self.left.iter().map(Part::ty).collect();
        let flags = matches!(types.as_slice(), [ty] if ty.is_flags());
        f.write_str(&key(&self.left))?;
        match (&self.right, self.op) {
            // Without a word, a flag alone would mean any of them.
            (Right::Values(_), Op::Eq) if !flags => {}
            (Right::Set(_) | Right::Named(..), Op::Eq) | (_, Op::Any) => {}
            (_, op) => write!(f, " {}", op.text())?,
        }
        match &self.right {
            Right::Values(values) => {
                let text: Vec<String> = values.iter().zip(&types).map(|(v, ty)| ty.print(*v)).collect();
                let text = text.join(" . ");
                let text = if self.op == Op::Any { text.replace('|', ",") } else { text };
                write!(f, " {text}")
            }
            Right::Set(elements) => write!(f, " {}", braces(elements, &types, None)),
            Right::Named(name, _) => write!(f, " @{name}"),
        }
    }
}

impl Display for Update {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} @{} {{ {}", self.op.text(), self.set, key(&self.key))?;
        if let Some(timeout) = self.timeout {
            write!(f, " timeout {}", print_time(timeout))?;
        }
        for each in &self.each {
            write!(f, " {each}")?;
        }
        f.write_str(" }")
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Action::Accept => f.write_str("accept"),
            Action::Drop => f.write_str("drop"),
            Action::Continue => f.write_str("continue"),
            Action::Return => f.write_str("return"),
            Action::Jump(name) => write!(f, "jump {name}"),
            Action::Goto(name) => write!(f, "goto {name}"),
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.base {
            ExprBase::Value(value) => write!(f, "{value:#010x}")?,
            ExprBase::Part(part) => f.write_str(&key(std::slice::from_ref(part)))?,
            ExprBase::Map(parts, map) => {
                write!(f, "{} map {}", key(parts), map_ref(map, parts, Some(Type::Mark)))?;
            }
        }
        for (op, value) in &self.ops {
            let op = match op {
                BitOp::And => "&",
                BitOp::Or => "|",
                BitOp::Xor => "^",
            };
            write!(f, " {op} {value:#010x}")?;
        }
        Ok(())
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let over = if self.over { "over " } else { "" };
        let per = PERIODS.iter().find(|(_, secs)| *secs == self.per).map_or("second", |(name, _)| name);
        if self.bytes {
            write!(f, "rate {over}{}/{per}", print_amount(self.rate))?;
            if self.burst > 0 {
                write!(f, " burst {}", print_amount(self.burst))?;
            }
            return Ok(());
        }
        write!(f, "rate {over}{}/{per} burst {} packets", self.rate, self.burst)
    }
}

struct QuotaText<'a>(&'a Quota);

impl Display for QuotaText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0.over { "over " } else { "" }, print_amount(self.0.bytes))?;
        if self.0.used > 0 {
            write!(f, " used {}", print_amount(self.0.used))?;
        }
        Ok(())
    }
}

impl Display for SynProxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (on, word, value) in [(self.mss > 0, "mss", self.mss), (true, "wscale", self.wscale.into())] {
            if on {
                write!(f, " {word} {value}")?;
            }
        }
        for (on, word) in [(self.timestamp, "timestamp"), (self.sack, "sack-perm")] {
            if on {
                write!(f, " {word}")?;
            }
        }
        Ok(())
    }
}

impl Display for Log {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("log")?;
        if !self.prefix.is_empty() {
            write!(f, " prefix \"{}\"", self.prefix)?;
        }
        if self.level != Level::Warn {
            let name =
                Level::ALL.iter().find(|(_, level)| *level == self.level).map_or("warn", |(name, _)| name);
            write!(f, " level {name}")?;
        }
        if let Some(group) = self.group {
            write!(f, " group {group}")?;
        }
        if let Some(snaplen) = self.snaplen {
            write!(f, " snaplen {snaplen}")?;
        }
        Ok(())
    }
}

impl Display for RejectWith {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = |code: &u8| crate::types::Value::Exact(u128::from(*code));
        match self {
            RejectWith::TcpReset => f.write_str("reject with tcp reset"),
            RejectWith::Icmp(code) => write!(f, "reject with icmp {}", Type::IcmpCode.print(value(code))),
            RejectWith::Icmp6(code) => write!(f, "reject with icmpv6 {}", Type::Icmp6Code.print(value(code))),
            RejectWith::Icmpx(1) => f.write_str("reject"),
            RejectWith::Icmpx(code) => {
                let name = names::ICMPX_CODES.iter().find(|(_, value)| *value == u128::from(*code));
                write!(f, "reject with icmpx {}", name.map_or("port-unreachable", |(name, _)| name))
            }
        }
    }
}

/// A key as it is written.
fn key(parts: &[Part]) -> String {
    let part = |part: &Part| {
        let text = part.selector.text();
        match part.and {
            Some(mask) if part.ty().is_flags() => {
                format!("{text} & ({})", part.ty().print(crate::types::Value::Exact(mask)))
            }
            Some(mask) => format!("{text} & {}", part.ty().print(crate::types::Value::Exact(mask))),
            None => text,
        }
    };
    parts.iter().map(part).collect::<Vec<String>>().join(" . ")
}

fn map_ref(map: &MapRef, parts: &[Part], data: Option<Type>) -> String {
    let types: Vec<Type> = parts.iter().map(Part::ty).collect();
    let data = data.map_or(DataType::Verdict, DataType::Value);
    match map {
        MapRef::Named(name, _) => format!("@{name}"),
        MapRef::Inline(elements) => braces(elements, &types, Some(data)),
    }
}

fn braces(elements: &[Element], types: &[Type], data: Option<DataType>) -> String {
    let elements: Vec<String> = elements.iter().map(|e| element(e, types, data)).collect();
    format!("{{ {} }}", elements.join(", "))
}

/// A key's values as they are written.
pub(crate) fn joined(types: &[Type], key: &[crate::types::Value]) -> String {
    key.iter().zip(types).map(|(value, ty)| ty.print(*value)).collect::<Vec<String>>().join(" . ")
}

/// An element as it is written.
pub(crate) fn element(element: &Element, types: &[Type], data: Option<DataType>) -> String {
    let mut text = joined(types, &element.key);
    for (time, word) in [(element.timeout, "timeout"), (element.expires, "expires")] {
        if let Some(time) = time {
            text.push_str(&format!(" {word} {}", print_time(time)));
        }
    }
    if let Some(comment) = &element.comment {
        text.push_str(&format!(" comment \"{comment}\""));
    }
    match (&element.data, data) {
        (Some(Data::Verdict(action)), _) => text.push_str(&format!(" : {action}")),
        (Some(Data::Value(value)), Some(DataType::Value(ty))) => {
            text.push_str(&format!(" : {}", ty.print(crate::types::Value::Exact(*value))));
        }
        _ => {}
    }
    text
}
