use std::path::Path;

use super::*;
use crate::config::Config;
use crate::setting::plan::Plan;
use crate::state::running::Loaded;

fn load(path: &Path, text: &str) -> Loaded {
    Loaded::new(Config::parse(path, text).unwrap_or_else(|error| panic!("{text}\n{error}")))
}

/// What each example says, and the same as it is said here.
#[test]
fn what_is_said_of_every_example_means_the_same() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut seen = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")) {
        let first = load(&path, &std::fs::read_to_string(&path).unwrap());
        let text = page(&first.begun, first.settings.iter()).text().unwrap();
        let second = load(&path, &text);
        let plan = Plan::new(&first.settings, &second.settings);
        assert!(plan.is_empty() && first.config == second.config, "{}: {plan:?}\n{text}", path.display());
        seen += first.settings.len();
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn what_is_made_anew_takes_all_that_is_on_it_along_and_nothing_else() {
    let text = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\n[[interface]]\nname = \"b\"\ndriver = \"memory\"\n\
                addresses = [\"192.0.2.1/24\"]\n[[vlan]]\nname = \"v\"\nparent = \"b\"\nvid = 5\n\
                [[route]]\nto = \"::/0\"\ninterface = \"b\"\n";
    let first = load(Path::new("a.toml"), text);
    let other = text.replace(
        "name = \"b\"\ndriver = \"memory\"",
        "name = \"b\"\ndevice = \"w\"\ndriver = \"memory\"\nmtu = 1400",
    );
    let second = load(Path::new("b.toml"), &other);
    let told = Plan::told;
    let plan = told(&Plan::new(&first.settings, &second.settings));
    let expected = [
        "- route to ::/0 on b, metric 1024",
        "- b: address 192.0.2.1/24",
        "- b: link-local address",
        "- interface b, memory b",
        "+ interface b, memory w, mtu 1400 bytes",
        "+ b: link-local address",
        "+ b: address 192.0.2.1/24",
        "+ route to ::/0 on b, metric 1024",
    ];
    assert_eq!(plan, expected);
    // The MTU alone does not need that.
    let other = text.replace("addresses", "mtu = 1400\naddresses");
    let second = load(Path::new("b.toml"), &other);
    let plan = told(&Plan::new(&first.settings, &second.settings));
    assert_eq!(plan, ["~ interface b, memory b, mtu 1400 bytes (was: interface b, memory b)"]);
}
