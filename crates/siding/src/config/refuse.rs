//! `[[refuse]]`: destinations that are refused.

use serde::Deserialize;
pub(crate) use siding_client::refuse::How;
use siding_drivers::kernel::Cidr;
use siding_stack::route::Refusal;
use toml::Spanned;

use super::value;
use super::wrong::Wrong;

/// The table's text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refuse {
    /// The destinations: a prefix without host bits, or `default`, which is all of IPv6.
    pub(super) to: Spanned<String>,
    /// What senders are told [default: reject].
    #[serde(default)]
    how: How,
    /// Less is better; of a route and a refusal of one prefix and metric the refusal counts [default: 1,024].
    metric: Option<u32>,
}

/// A refused destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefuseConfig {
    /// Address and length, without host bits.
    pub(crate) to: Cidr,
    pub(crate) how: How,
    pub(crate) metric: u32,
}

/// What a refusal costs unless told: the same as a route.
pub(crate) const METRIC: u32 = 1024;

impl Refuse {
    pub(super) fn check(self) -> Result<RefuseConfig, Wrong> {
        let Refuse { to, how, metric } = self;
        let text = if to.get_ref() == "default" { "::/0" } else { to.get_ref() };
        let cidr = siding_client::value::cidr(text);
        let cidr = cidr.and_then(|cidr| destination(cidr).map(|()| cidr));
        let to = cidr.map_err(|message| Wrong::new(to.span(), message))?;
        Ok(RefuseConfig { to, how, metric: metric.unwrap_or(METRIC) })
    }
}

/// Whether this can be refused: a prefix without host bits.
pub(crate) fn destination(to: Cidr) -> Result<(), String> {
    value::without_host_bits(to)
}

/// What the stack is to do.
pub(crate) fn refusal(how: How) -> Refusal {
    match how {
        How::Unreachable => Refusal::Unreachable,
        How::Prohibit => Refusal::Prohibit,
        How::Reject => Refusal::Reject,
        How::Blackhole => Refusal::Blackhole,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_refused_and_how() {
        let text = "[[refuse]]\nto = \"2001:db8::/32\"\n\
                    [[refuse]]\nto = \"192.0.2.0/24\"\nhow = \"prohibit\"\n\
                    [[refuse]]\nto = \"default\"\nhow = \"blackhole\"\nmetric = 5\n";
        let refusals = Config::parse(Path::new("host.toml"), text).unwrap().0.refusals;
        let told: Vec<_> = refusals.iter().map(|one| (one.to.to_string(), one.how, one.metric)).collect();
        let expected = [
            ("2001:db8::/32", How::Reject, 1024),
            ("192.0.2.0/24", How::Prohibit, 1024),
            ("::/0", How::Blackhole, 5),
        ];
        assert_eq!(told, expected.map(|(to, how, metric)| (to.to_owned(), how, metric)));
        for (to, expected) in [
            ("2001:db8::1/32", "host.toml:2:6: 2001:db8::1/32 has bits set behind its prefix"),
            ("192.0.2.1/24", "host.toml:2:6: 192.0.2.1/24 has bits set behind its prefix"),
        ] {
            let text = format!("[[refuse]]\nto = \"{to}\"\n");
            let error = Config::parse(Path::new("host.toml"), &text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
