//! What the language knows and the stack cannot do.

use siding_filter::Error;
use siding_filter::Errors;
use siding_filter::Hook;
use siding_filter::Place;
use siding_filter::Ruleset;
use siding_filter::model::Rule;
use siding_filter::model::Statement;

/// A ruleset that the stack can run.
///
/// # Errors
///
/// Each rule and chain that it cannot, with its place and what to write instead.
pub(super) fn within(ruleset: Ruleset) -> Result<Ruleset, Errors> {
    let mut errors = Vec::new();
    let error = |place: Place, what: &str| Error { place, what: what.to_owned() };
    for chain in ruleset.tables.iter().flat_map(|table| &table.chains) {
        if chain.base.is_some_and(|base| base.hook == Hook::Postrouting) {
            errors.push(error(
                ruleset.place_of_chain(chain),
                "no hook postrouting is here: write `hook forward` for what is routed, `hook output` for our own",
            ));
        }
        for rule in &chain.rules {
            let wrong = words(rule).map(|what| error(ruleset.place_of_rule(rule), what));
            errors.extend(wrong);
        }
    }
    match errors.is_empty() {
        true => Ok(ruleset),
        false => Err(Errors(errors)),
    }
}

fn words(rule: &Rule) -> Option<&'static str> {
    rule.statements.iter().find_map(statement)
}

/// What is wrong with a statement, and what to write instead.
fn statement(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::SynProxy(_) | Statement::NamedSynProxy(_) => {
            Some("synproxy is not here: bound new connections by `limit` or `ct count`")
        }
        Statement::Log(log) if log.group.is_some() => Some(
            "nobody listens to groups of the log here: leave `group` out, and it goes to the program's log",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(rules: &str) -> Vec<String> {
        let text = format!("table inet fw {{ chain c {{ type filter hook forward priority 0;\n{rules} }} }}");
        let ruleset = Ruleset::load(&[("a.nft", &text)], &mut |_| Err("none".into()));
        let ruleset = ruleset.unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        within(ruleset).err().map(|all| all.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn what_the_stack_cannot_do_is_named_with_its_place() {
        for (rules, place, what) in [
            ("tcp dport 80 synproxy mss 1460 wscale 7", "a.nft:2:", "synproxy is not here"),
            ("log group 3", "a.nft:2:", "nobody listens"),
            (
                "}\nchain p { type filter hook postrouting priority 0; accept",
                "a.nft:3:",
                "no hook postrouting",
            ),
        ] {
            let errors = errors(rules);
            assert_eq!(errors.len(), 1, "{rules}: {errors:?}");
            assert!(errors[0].starts_with(place) && errors[0].contains(what), "{rules}: {errors:?}");
        }
        assert_eq!(
            errors(
                "ether saddr 02:00:00:00:00:01 vlan id 7 drop\nct state established accept\nlog prefix \"a\" level info\ntcp dport 22 drop"
            ),
            [""; 0]
        );
    }
}
