//! The text formats: OpenMetrics 1.0, and the one of before (Prometheus 0.0.4) for who asks for that.

use std::fmt;
use std::fmt::Write;

/// What a number does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows, from the start of the run.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Times, counted by how long they are.
    Histogram,
}

/// How they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    OpenMetrics,
    /// Which names a counter as its samples are, and knows neither units nor an end.
    Plain,
}

/// Numbers of one meaning, told apart by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// Without the program's own name before it, and without what counters end in.
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: Vec<Sample>,
}

/// A number, as exact as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Count(u64),
    /// Told in seconds.
    Nanos(u64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Count(count) => count.fmt(f),
            Number::Nanos(nanos) => write!(f, "{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    /// How many are at most so much; of a histogram.
    buckets: Vec<(String, u64)>,
    /// Of a histogram: how many there are.
    value: Number,
}

impl Family {
    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind, samples: Vec::new() }
    }

    /// One more number.
    pub(crate) fn add<const N: usize>(&mut self, labels: [(&'static str, &str); N], value: u64) {
        self.put(labels, Vec::new(), Number::Count(value));
    }

    /// One more time.
    pub(crate) fn add_nanos<const N: usize>(&mut self, labels: [(&'static str, &str); N], nanos: u64) {
        self.put(labels, Vec::new(), Number::Nanos(nanos));
    }

    /// One more histogram: how many are at most so many nanoseconds, and how many there are. Their sum nobody has counted, so it
    /// is not told.
    pub(crate) fn add_times<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        buckets: Vec<(u64, u64)>,
        value: u64,
    ) {
        let seconds = |(nanos, count)| ((nanos as f64 / 1e9).to_string(), count);
        self.add_buckets(labels, buckets.into_iter().map(seconds).collect(), value);
    }

    /// The same of what is no time: how many are at most that.
    pub(crate) fn add_buckets<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        buckets: Vec<(String, u64)>,
        value: u64,
    ) {
        self.put(labels, buckets, Number::Count(value));
    }

    fn put<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        buckets: Vec<(String, u64)>,
        value: Number,
    ) {
        let labels = labels.map(|(name, value)| (name, value.to_owned())).into();
        self.samples.push(Sample { labels, buckets, value });
    }

    fn write(&self, out: &mut String, format: Format) -> fmt::Result {
        let Family { name, help, kind, samples } = self;
        let (word, end) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", "_bucket"),
        };
        let named = if format == Format::Plain && *kind == Kind::Counter { end } else { "" };
        writeln!(out, "# TYPE siding_{name}{named} {word}")?;
        // A unit is the end of the name, or none.
        for unit in ["bytes", "seconds"] {
            if name.ends_with(unit) && format == Format::OpenMetrics {
                writeln!(out, "# UNIT siding_{name} {unit}")?;
            }
        }
        writeln!(out, "# HELP siding_{name}{named} {help}")?;
        for Sample { labels, buckets, value } in samples {
            if *kind == Kind::Histogram {
                for (bound, count) in buckets {
                    line(out, (name, end), labels, Some(bound), Number::Count(*count))?;
                }
                line(out, (name, end), labels, Some("+Inf"), *value)?;
            } else {
                line(out, (name, end), labels, None, *value)?;
            }
        }
        Ok(())
    }
}

/// One sample.
fn line(
    out: &mut String,
    (name, end): (&str, &str),
    labels: &[(&'static str, String)],
    bound: Option<&str>,
    value: Number,
) -> fmt::Result {
    write!(out, "siding_{name}{end}")?;
    let labels = labels.iter().map(|(label, value)| (*label, value.as_str()));
    let mut begun = false;
    for (label, value) in labels.chain(bound.map(|bound| ("le", bound))) {
        write!(out, "{}{label}=\"", if begun { ',' } else { '{' })?;
        value.chars().try_for_each(|c| escaped(out, c))?;
        out.write_char('"')?;
        begun = true;
    }
    writeln!(out, "{} {value}", if begun { "}" } else { "" })
}

/// Everything, with the end that tells a reader that it is whole.
pub(super) fn page(families: &[Family], format: Format) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = families.iter().try_for_each(|family| family.write(&mut text, format));
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// Names of interfaces may have quotes in them.
fn escaped(out: &mut String, c: char) -> fmt::Result {
    match c {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        c => out.write_char(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> [Family; 4] {
        let mut bytes = Family::new(Kind::Counter, "interface_receive_bytes", "Bytes of frames.");
        bytes.add([("interface", "a\"b\\")], 7);
        let mut workers = Family::new(Kind::Gauge, "workers", "Workers.");
        workers.add([], 2);
        let mut waits = Family::new(Kind::Histogram, "queue_wait_seconds", "Waits.");
        waits.add_times([("type", "link_out")], vec![(1023, 4), (4_194_303, 9)], 10);
        let mut busy = Family::new(Kind::Counter, "worker_busy_seconds", "Busy.");
        busy.add_nanos([], 1_000_000_001);
        [bytes, workers, waits, busy]
    }

    #[test]
    fn families_as_the_format_has_them() {
        let expected = r#"# TYPE siding_interface_receive_bytes counter
# UNIT siding_interface_receive_bytes bytes
# HELP siding_interface_receive_bytes Bytes of frames.
siding_interface_receive_bytes_total{interface="a\"b\\"} 7
# TYPE siding_workers gauge
# HELP siding_workers Workers.
siding_workers 2
# TYPE siding_queue_wait_seconds histogram
# UNIT siding_queue_wait_seconds seconds
# HELP siding_queue_wait_seconds Waits.
siding_queue_wait_seconds_bucket{type="link_out",le="0.000001023"} 4
siding_queue_wait_seconds_bucket{type="link_out",le="0.004194303"} 9
siding_queue_wait_seconds_bucket{type="link_out",le="+Inf"} 10
# TYPE siding_worker_busy_seconds counter
# UNIT siding_worker_busy_seconds seconds
# HELP siding_worker_busy_seconds Busy.
siding_worker_busy_seconds_total 1.000000001
# EOF
"#;
        assert_eq!(page(&families(), Format::OpenMetrics), expected);
    }

    #[test]
    fn the_format_of_before_names_counters_as_their_samples() {
        let text = page(&families(), Format::Plain);
        assert!(text.starts_with("# TYPE siding_interface_receive_bytes_total counter\n# HELP siding_inter"));
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
    }
}
