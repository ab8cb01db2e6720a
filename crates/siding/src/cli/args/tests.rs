use clap::CommandFactory;

use super::*;
use crate::control::Addressing;
use crate::control::LaggAdd;
use siding_client::lagg::Lacp;
use siding_client::lagg::Layer;
use siding_client::lagg::Reselect;

fn parse(line: &str) -> Result<Args, clap::Error> {
    let words = std::iter::once("siding").chain(line.split_whitespace()).map(OsString::from);
    Args::try_parse_from(with_keywords(words))
}

#[test]
fn the_grammar_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn every_command_has_an_example_that_parses() {
    fn examples(command: &clap::Command, found: &mut Vec<String>, without: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            match about.split_once("Example: siding ") {
                Some((_, example)) => found.push(example.to_owned()),
                None => without.push(sub.get_name().to_owned()),
            }
            examples(sub, found, without);
        }
    }
    let (mut found, mut without) = (Vec::new(), Vec::new());
    examples(&Args::command(), &mut found, &mut without);
    assert!(without.is_empty(), "no example: {without:?}");
    assert!(found.len() > 15);
    for example in found {
        parse(&example).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

#[test]
fn keywords_with_and_without_dashes() {
    for line in ["route add default via fe80::1 dev via", "route add default --via fe80::1 --dev via"] {
        let Some(Command::Route(RouteCommand::Add(route))) = parse(line).unwrap().command else { panic!() };
        let route = route.one;
        assert_eq!((route.via, route.interface.as_deref()), ("fe80::1".parse().ok(), Some("via")));
    }
}

#[test]
fn words_may_be_short_and_stand_both_ways() {
    let what = |line: &str| match parse(line).unwrap().command {
        Some(Command::Show { what, args, .. }) => (what, args.dev),
        Some(Command::Route(RouteCommand::Show(args))) => (What::Routes, args.dev),
        Some(Command::Neighbor(NeighborCommand::Show(args))) => (What::Neighbors, args.dev),
        other => panic!("{line}: {other:?}"),
    };
    let on = |dev: &str| Some(dev.to_owned());
    assert_eq!(what("show routes"), (What::Routes, None));
    assert_eq!(what("sho route dev eth0"), (What::Routes, on("eth0")));
    assert_eq!(what("show router"), (What::Routers, None));
    assert_eq!(what("show neighbours"), (What::Neighbors, None));
    assert_eq!(what("show addr"), (What::Addresses, None));
    assert_eq!(what("route sh dev dev"), (What::Routes, on("dev")));
    assert_eq!(what("--control /tmp/route nei list --json"), (What::Neighbors, None));
    // As who types `ip` would.
    for short in ["ro", "rou", "rout", "route"] {
        assert_eq!(what(&format!("{short} show dev eth0")), (What::Routes, on("eth0")), "{short}");
    }
    assert_eq!((what("r"), what("n --json")), ((What::Routes, None), (What::Neighbors, None)));
    // What `show` knows and is a command as well is shown by it, whichever comes first, and if nothing else does.
    for noun in SHOWN {
        for line in
            [format!("{noun} show"), format!("{noun} sh --json"), format!("{noun} list"), noun.to_owned()]
        {
            let command =
                format!("{:?}", parse(&line).unwrap_or_else(|error| panic!("{line}: {error}")).command);
            assert!(command.contains("(Show"), "{line}: {command}");
        }
        assert!(parse(&format!("show {noun}")).is_ok() || noun == "link", "{noun}");
    }
    assert!(matches!(parse("a").unwrap().command, Some(Command::Address(AddressCommand::Show(_)))));
    assert!(parse("p").is_err() && parse("forwarding").is_err());
    assert!(matches!(parse("link set eth0 --mtu 1400").unwrap().command, Some(Command::Interface(_))));
    assert!(matches!(parse("link show dev eth0").unwrap().command, Some(Command::Interface(_))));
    let shown = |line: &str| match parse(line).unwrap().command {
        Some(
            Command::Lagg(LaggCommand::Show { name, .. })
            | Command::Vlan(VlanCommand::Show { name, .. })
            | Command::Bridge(BridgeCommand::Show { name, .. })
            | Command::Advertise(AdvertiseCommand::Show { name, .. }),
        ) => name,
        other => panic!("{line}: {other:?}"),
    };
    for noun in ["lagg", "vlan", "bridge", "br", "advertise"] {
        for show in ["show", "sh", "list"] {
            assert_eq!(shown(&format!("{noun} {show} dev x0")), on("x0"), "{noun} {show}");
            assert_eq!(shown(&format!("{noun} {show} x0 --json")), on("x0"), "{noun} {show}");
            assert_eq!(shown(&format!("{noun} {show}")), None, "{noun} {show}");
        }
    }
    let table = |line: &str| match parse(line).unwrap().command {
        Some(Command::Show { what: What::Tables, table, .. }) => table,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!((table("show tables"), table("show table echo --json")), (None, on("echo")));
    assert!(
        parse("set mld").is_err() && parse("set mld groups").is_err() && parse("set mld groups=").is_ok()
    );
    let error = parse("show").unwrap_err().to_string();
    assert!(error.contains("interfaces") && error.contains("path-mtus"), "{error}");
    let error = parse("show n").unwrap_err().to_string();
    assert!(error.contains("which of neighbors, netisr?"), "{error}");
    assert!(parse("show nothing").unwrap_err().to_string().contains("there is interfaces, addresses"));
}

#[test]
fn what_is_said_is_what_is_asked() {
    let lagg = |line: &str| match parse(&format!("lagg add l0 --mode lacp --port a --port b {line}")) {
        Ok(Args { command: Some(Command::Lagg(LaggCommand::Add(LaggAdd { lagg, addressing }))), .. }) => {
            (lagg, addressing)
        }
        other => panic!("{line}: {other:?}"),
    };
    // Other modes take no LACP: nothing of it where nothing was said.
    let (plain, addressing) = lagg("");
    assert_eq!((&plain.lacp, &plain.hash, plain.reselect), (&None, &None, Reselect::Always));
    assert_eq!(
        (plain.ports, addressing.dad, addressing.link_local),
        (vec!["a".into(), "b".into()], true, true)
    );
    for line in ["--lacp-rate slow", "--lacp-activity active"] {
        assert_eq!(lagg(line).0.lacp, Some(Lacp::default()), "{line}");
    }
    let least = Lacp { min_links: Some(2), ..Lacp::default() };
    assert_eq!(lagg("--min-links 2").0.lacp, Some(least));
    let line = "--hash l3,l4 --no-dad --no-link-local --address 2001:db8::1/64 --announce-interval 5";
    let (said, addressing) = lagg(line);
    assert_eq!((said.hash, said.announce_interval_ms), (Some(vec![Layer::L3, Layer::L4]), Some(5)));
    let Addressing { addresses, link_local, dad, .. } = addressing;
    assert_eq!((addresses.len(), link_local, dad), (1, false, false));
    let tune = parse("interface set a --retrans-timer 5").unwrap().command;
    let Some(Command::Interface(InterfaceCommand::Set(tune))) = tune else { panic!("{tune:?}") };
    assert_eq!((tune.name.as_str(), tune.retrans_timer_ms, tune.reachable_time_ms), ("a", Some(5), None));
    assert!(parse("interface set a").is_err(), "nothing to set");
}

#[test]
fn no_command_is_the_demonstration() {
    assert!(parse("").unwrap().command.is_none());
    assert!(parse("frobnicate").is_err());
}
