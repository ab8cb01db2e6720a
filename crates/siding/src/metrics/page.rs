//! The text format (OpenMetrics 1.0).

use std::fmt;
use std::fmt::Write;

/// What a number does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows, from the start of the run.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// Numbers of one meaning, told apart by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// Without the program's own name before it, and without what counters end in.
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: Vec<(Vec<(&'static str, String)>, u64)>,
}

impl Family {
    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind, samples: Vec::new() }
    }

    /// One more number.
    pub(crate) fn add<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: u64) {
        self.samples.push((labels.map(|(name, value)| (name, value.to_owned())).into(), value));
    }
}

/// Everything, with the end that tells a reader that it is whole.
pub(super) fn page(families: &[Family]) -> String {
    let mut text: String = families.iter().map(ToString::to_string).collect();
    text.push_str("# EOF\n");
    text
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Family { name, help, kind, samples } = self;
        let (word, end) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
        };
        writeln!(f, "# TYPE siding_{name} {word}")?;
        // A unit is the end of the name, or none.
        for unit in ["bytes", "seconds"] {
            if name.ends_with(unit) {
                writeln!(f, "# UNIT siding_{name} {unit}")?;
            }
        }
        writeln!(f, "# HELP siding_{name} {help}")?;
        for (labels, value) in samples {
            write!(f, "siding_{name}{end}")?;
            for (at, (label, value)) in labels.iter().enumerate() {
                write!(f, "{}{label}=\"", if at == 0 { '{' } else { ',' })?;
                value.chars().try_for_each(|c| escaped(f, c))?;
                f.write_char('"')?;
            }
            writeln!(f, "{} {value}", if labels.is_empty() { "" } else { "}" })?;
        }
        Ok(())
    }
}

/// Names of interfaces may have quotes in them.
fn escaped(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        c => f.write_char(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_as_the_format_has_them() {
        let mut bytes = Family::new(Kind::Counter, "interface_receive_bytes", "Bytes of frames.");
        bytes.add([("interface", "a\"b\\")], 7);
        let mut workers = Family::new(Kind::Gauge, "workers", "Workers.");
        workers.add([], 2);
        let expected = r#"# TYPE siding_interface_receive_bytes counter
# UNIT siding_interface_receive_bytes bytes
# HELP siding_interface_receive_bytes Bytes of frames.
siding_interface_receive_bytes_total{interface="a\"b\\"} 7
# TYPE siding_workers gauge
# HELP siding_workers Workers.
siding_workers 2
# EOF
"#;
        assert_eq!(page(&[bytes, workers]), expected);
    }
}
