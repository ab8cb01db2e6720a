//! What is refused: at its place, with the words that would be right; every error of a file, not the first alone.

use siding_filter::Ruleset;

use crate::util::load;

/// Loading the rule in a chain fails at that column of its line, and says all of the words.
#[track_caller]
fn refused(rule: &str, column: u32, words: &[&str]) {
    let text = format!("table inet t {{\nchain c {{\n{rule}\n}}\n}}\n");
    let Err(errors) = load(&text) else { panic!("`{rule}` loads") };
    let place = format!("t.nft:3:{column}: ");
    assert!(errors.contains(&place), "{rule}: {place}: {errors}");
    for word in words {
        assert!(errors.contains(word), "{rule}: {word}: {errors}");
    }
}

#[test]
fn rules() {
    refused("tcp dport 80 dnat to 10.0.0.1", 14, &["NAT is out", "route instead"]);
    refused("masquerade", 1, &["NAT is out"]);
    refused("queue num 1", 1, &["queues"]);
    refused("tcp dport 80 acept", 14, &["`acept`", "accept"]);
    refused("tcp port 80", 5, &["`port`", "sport, dport"]);
    refused("ip6 saddr 10.0.0.1", 11, &["10.0.0.1", "IPv6 address", "2001:db8::1"]);
    refused("tcp dport 65536", 11, &["0 to 65535"]);
    refused("tcp dport 90-80", 11, &["80-90"]);
    refused("tcp dport 1, 2", 12, &["{ A, B }"]);
    refused("iifname \"a-name-that-is-too-long\"", 9, &["15 characters"]);
    refused("ct status assured", 4, &["state, direction, mark"]);
    refused("ip6 saddr set 2001:db8::1", 11, &["no headers are changed"]);
    refused("jump elsewhere", 1, &["no chain `elsewhere`", "chain elsewhere {"]);
    refused("ip6 saddr @nets", 11, &["no set `nets`", "set nets {"]);
    refused("limit rate 0/second", 12, &["at least 1"]);
    refused("limit rate 5/fortnight", 12, &["second, minute, hour"]);
    refused("log flags all", 5, &["prefix, level, snaplen or group"]);
    refused("counter name \"none\"", 1, &["no counter `none`"]);
    refused("flow add @ft", 1, &["no flowtable `ft`"]);
    refused("udp dport $port", 11, &["no variable `port`", "define port = "]);
    refused("udp dport map { 1 : 2 }", 11, &["`map`"]);
    refused("fib saddr . iif . oif oif exists", 27, &["`iif` or `oif`"]);
    refused("tcp dport vmap { 1 : 2 }", 22, &["accept, drop"]);
    refused("tcp dport { * }", 13, &["`*`"]);
    refused("counter comment 5", 17, &["in quotes"]);
    refused("icmpv6 type \"echo-rquest\"", 13, &["echo-rquest", "echo-request"]);
    refused("reject with icmpx nothing", 19, &["admin-prohibited"]);
    refused("tcp option mss", 5, &["`option`"]);
    refused("add @x { tcp dport : 5 }", 20, &["remove the data"]);
}

#[track_caller]
fn refused_file(text: &str, words: &[&str]) {
    let Err(errors) = load(text) else { panic!("it loads: {text}") };
    for word in words {
        assert!(errors.contains(word), "{text}: {word}: {errors}");
    }
}

#[test]
fn tables_chains_and_sets() {
    refused_file("table bridge b { }", &["t.nft:1:7: ", "bridged are not filtered", "inet"]);
    refused_file("table netdev b { }", &["t.nft:1:7: ", "inet"]);
    refused_file("table ip t { chain c { type nat hook prerouting priority 0; } }", &["1:29", "NAT is out"]);
    refused_file("table ip t { chain c { type filter hook ingress priority 0; } }", &["1:41", "prerouting"]);
    refused_file("table ip t { chain c { ip6 saddr ::1; } }", &["1:24", "ip6 or inet"]);
    refused_file("table ip t { chain c { policy drop; } }", &["1:24", "base chain"]);
    refused_file("table ip t { chain a { jump b; }; chain b { jump a; }; }", &["go round"]);
    refused_file("table ip t { set s { flags interval; } }", &["no type"]);
    refused_file(
        "table ip t { set s { type ipv4_addr; elements = { 10.0.0.0/8 }; } }",
        &["1:51", "flags interval"],
    );
    refused_file(
        "table ip t { set s { type ipv4_addr; elements = { 10.0.0.1 timeout 1s }; } }",
        &["flags timeout"],
    );
    refused_file(
        "table ip t { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 10.1.0.0/16 }; } }",
        &["1:79", "auto-merge"],
    );
    refused_file("table ip t { set s { type ipv4; } }", &["1:27", "ipv4_addr"]);
    refused_file("table ip t { set s { type ipv4_addr; }; set s { type ipv4_addr; }; }", &["1:45", "twice"]);
    refused_file("table ip t { ct helper h { }; }", &["out for now"]);
    refused_file(
        "table ip t { set s { type inet_service; }; chain c { ip saddr @s drop; }; }",
        &["1:63", "holds port", "IPv4 address"],
    );
    refused_file("delete table ip t", &["1:1", "loaded whole"]);
    refused_file("table ip t {", &["`}`"]);
    refused_file("include \"no.nft\"", &["1:9", "no file no.nft"]);
    refused_file("include \"*.nft\"", &["1:9", "pattern"]);
}

#[test]
fn every_error_is_named_and_good_rules_between_them_are_none() {
    let text = "table inet t {\n chain c {\n  tcp dport 1000000\n  accept\n  udp sport { 1, x }\n  iifname wan drop\n  \
                jump nowhere\n }\n chain d {\n  frobnicate\n }\n}\n";
    let Err(errors) = load(text) else { panic!("it loads") };
    let lines: Vec<&str> = errors.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["t.nft:3:13", "t.nft:5:18", "t.nft:10:3", "t.nft:7:3"], "{errors}");
}

#[test]
fn errors_in_included_files_are_in_their_place_and_circles_end() {
    let mut include = |path: &str| match path {
        "inner.nft" => Ok("table ip t {\n  chain c {\n    bogus\n  }\n}".to_owned()),
        "round.nft" => Ok("include \"round.nft\"".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    let files = [("outer.nft", "include \"inner.nft\"\ninclude \"round.nft\"\ninclude \"gone.nft\"")];
    let Err(errors) = Ruleset::load(&files, &mut include) else { panic!("it loads") };
    let text = errors.to_string();
    assert!(text.contains("inner.nft:3:5: "), "{text}");
    assert!(text.contains("round.nft:1:1: files that include one another"), "{text}");
    assert!(text.contains("outer.nft:3:9: gone.nft: no such file"), "{text}");
}

#[test]
fn files_that_include_themselves_more_than_once_are_read_a_bounded_number_of_times() {
    let mut reads = 0;
    let mut include = |_: &str| {
        reads += 1;
        assert!(reads <= 1000, "no end is seen");
        Ok("include \"a.nft\"\n".repeat(3))
    };
    let Err(errors) = Ruleset::load(&[("a.nft", "include \"a.nft\"")], &mut include) else {
        panic!("it loads")
    };
    let text = errors.to_string();
    assert_eq!(text.matches("more than 256 files are included: write fewer").count(), 1, "{text}");
    let place = text.lines().find(|line| line.contains("more than 256")).unwrap_or_default();
    assert!(place.starts_with("a.nft:"), "{place}");
    assert_eq!(reads, 256);
}

#[test]
fn included_bytes_have_a_bound() {
    let comment = format!("#{}\n", "x".repeat(16 << 20));
    let mut include = |_: &str| Ok(comment.clone());
    let text = "include \"big.nft\"\n".repeat(6);
    let Err(errors) = Ruleset::load(&[("a.nft", &text)], &mut include) else { panic!("it loads") };
    assert_eq!(
        errors.to_string(),
        "a.nft:4:1: with big.nft, more than 67108864 bytes are included: write fewer"
    );
}

#[test]
fn json_is_refused_at_its_place() {
    for (text, words) in [
        (
            "{\"nftables\": [\n {\"table\": {\"family\": \"inet\", \"name\": 5}}]}",
            ["t.nft:2:", "must be a string"],
        ),
        ("{\"nftables\": [\n {\"bogus\": {}}]}", ["t.nft:2:", "`bogus`"]),
        ("{\"nftables\": [", ["t.nft:1:", "no JSON"]),
        ("{\"rules\": []}", ["t.nft:1:1", "nft -j list ruleset"]),
        (
            "[{\"add\": {\"table\": {\"family\": \"ip\", \"name\": \"t\"}}},\n{\"chain\": {\"family\": \"ip\", \
             \"table\": \"t\", \"name\": \"c\"}},\n{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", \
             \"expr\": [{\"masquerade\": null}]}}]",
            ["t.nft:3:", "NAT is out"],
        ),
        (
            "[{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\",\n\"dev\": \"eth0\"}}]",
            ["t.nft:2:", "`dev` is not in"],
        ),
    ] {
        let Err(errors) = load(text) else { panic!("it loads: {text}") };
        assert!(words.iter().all(|word| errors.contains(word)), "{text}: {errors}");
    }
}
