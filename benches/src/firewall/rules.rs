//! Rulesets.

use std::fmt::Write;

use super::ends::NETWORKS;

/// So many rules: flows that are known pass by the first of them, what begins inside by the last.
pub fn many(count: usize) -> String {
    table("", "", count)
}

/// The same, a set of so many prefixes from which nothing comes, and sixteen rules that count flows, which none of these packets meets.
pub fn many_beside(count: usize, elements: usize) -> String {
    let element = |element: usize| format!("2001:dbb:{:x}:{:x}::/64", element >> 16, element & 0xffff);
    let elements: Vec<String> = (0..elements).map(element).collect();
    let set = format!(
        "set blocked {{ type ipv6_addr; flags interval; elements = {{ {} }}\n}}\n",
        elements.join(", ")
    );
    let mut counted = String::new();
    for port in 0..16 {
        let _ = writeln!(counted, "udp dport {} ct count over 10 drop", 60_000 + port);
    }
    table(&set, &counted, count)
}

fn table(set: &str, counted: &str, count: usize) -> String {
    let mut rules = String::new();
    if !set.is_empty() {
        rules.push_str("ip6 saddr @blocked drop\n");
    }
    rules.push_str(counted);
    for number in 0..count.saturating_sub(2) {
        let (network, port) = (number, 1000 + number % 60_000);
        let _ = writeln!(rules, "iifname \"wan\" ip6 saddr 2001:dba:{network:x}::/48 udp dport {port} drop");
    }
    format!(
        "table inet t {{\n{set}chain c {{\ntype filter hook forward priority 0; policy drop;\n\
         ct state established,related accept\n{rules}iifname \"lan\" accept\n}}\n}}\n"
    )
}

/// A verdict for each of so many elements, which have all that are inside among them: as many rules, in one map. No states.
pub fn in_sets(elements: u64) -> String {
    let share = NETWORKS / elements;
    let element = |element: u64| {
        let (first, last) = (element * share, (element + 1) * share - 1);
        // Neighbours with one verdict might become one element.
        let verdict = ["accept", "goto passes"][element as usize % 2];
        format!("2001:db8:{first:x}::-2001:db8:{last:x}:ffff:ffff:ffff:ffff:ffff : {verdict}")
    };
    let elements: Vec<String> = (0..elements).map(element).collect();
    format!(
        "table inet t {{\nmap m {{ type ipv6_addr : verdict; flags interval; elements = {{ {} }} }}\n\
         chain passes {{ accept; }}\nchain c {{\ntype filter hook forward priority 0; policy drop;\n\
         ip6 saddr vmap @m\n}}\n}}\n",
        elements.join(", ")
    )
}
