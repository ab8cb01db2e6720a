//! All that is wrong with a file, at once.
//!
//! Reading and checking stop at the first thing that makes no sense. That is noted and taken out of the text's tree, or
//! replaced if nothing else could be read without it, and the rest is looked at again, until nothing is wrong. What is wrong
//! only because of what was taken out is not told: a route by an interface whose table could not be read, say.

use std::net::IpAddr;

use serde::Deserialize;
use siding_drivers::kernel::Cidr;
use siding_stack::SectionSpec;
use toml::Spanned;
use toml::de::DeArray;
use toml::de::DeTable;
use toml::de::DeValue;
use toml::de::Deserializer;

use super::Config;
use super::apart;
use super::begun::Begun;
use super::check;
use super::file::File;
use crate::protocol;
use crate::words::value;
use crate::words::wrong::Lacks;
use crate::words::wrong::STAND_IN;
use crate::words::wrong::Wrong;
use crate::words::wrong::unknown;

/// So many are told.
const MOST: usize = 50;

/// Lists that may have a hundred thousand tables, each of them all that there is of it.
const LONG: [&str; 4] = ["route", "refuse", "neighbor", "group"];

/// What protocols have of a file.
pub(super) type Sections<'s> = &'s [&'static SectionSpec];

/// What has been taken out of a tree.
#[derive(Default)]
struct Taken {
    /// Every text in it, with its key.
    texts: Vec<(String, String)>,
    /// Keys, and where their tables begin.
    keys: Vec<(usize, String)>,
    /// What was replaced, by its place.
    replaced: Vec<usize>,
}

/// Reads and checks a text; what is of the start in it, as it is written there, too.
///
/// # Errors
///
/// Everything that makes no sense, in the order of the text.
pub(super) fn read(text: &str, sections: Sections<'_>) -> Result<(Config, toml::Table), Vec<Wrong>> {
    // A tree is many times as large as its text: as long as nothing is wrong there is one of it, and it is used up.
    if let Some(right) = DeTable::parse(text).ok().and_then(|tree| look(tree, sections).ok()) {
        return Ok(right);
    }
    let (mut tree, errors) = DeTable::parse_recoverable(text);
    let mut wrongs: Vec<Wrong> = errors.into_iter().map(Wrong::from).collect();
    let mut taken = Taken::default();
    // What is no TOML is not understood any further.
    while wrongs.is_empty() || !taken.is_nothing() {
        let wrong = match look(tree.clone(), sections) {
            Ok(right) if wrongs.is_empty() => return Ok(right),
            Ok(_) => break,
            Err(wrong) => wrong.located(tree.get_ref()),
        };
        let place = wrong.span.start;
        let whole = taken.replaced.contains(&place);
        // Of a list that is not known, its tables go first, and it is not known still.
        let told = wrongs.iter().any(|told| told.span == wrong.span && told.message == wrong.message);
        if !whole && !told && !taken.explains(&wrong, table_at(tree.get_ref(), start_of(&tree), place)) {
            // Of what there is no room for, however much it is, nothing is looked at: the whole file is, for each that is taken out.
            let is_too_much = matches!(wrong.lacks, Lacks::Room);
            wrongs.push(wrong);
            if is_too_much {
                break;
            }
        }
        let start = start_of(&tree);
        if wrongs.len() == MOST || !taken.take(tree.get_mut(), start, place, whole) {
            break;
        }
    }
    wrongs.sort_by_key(|wrong| wrong.span.start);
    Err(wrongs)
}

fn look(mut tree: Spanned<DeTable<'_>>, sections: Sections<'_>) -> Result<(Config, toml::Table), Wrong> {
    let few = without_long_lists(&tree);
    let begun = Begun::deserialize(Deserializer::from(few.clone()))?;
    known(tree.get_ref(), sections)?;
    let said = protocol::check::take(tree.get_mut(), sections)?;
    apart::apart(tree.get_mut())?;
    let file = File::deserialize(Deserializer::from(tree))?;
    Ok((check::check(file, said)?, begun.table()))
}

/// That each section is one of ours, or a protocol's.
fn known(tree: &DeTable<'_>, sections: Sections<'_>) -> Result<(), Wrong> {
    let all = || apart::keys::<File>().iter().copied().chain(sections.iter().map(|section| section.name));
    match tree.keys().find(|key| !all().any(|known| known == key.get_ref())) {
        Some(key) => Err(Wrong::new(key.span(), unknown(key.get_ref(), all()))),
        None => Ok(()),
    }
}

/// What there is one of, and what may have much on it: it is looked at again when the tree is used up.
fn without_long_lists<'t>(tree: &Spanned<DeTable<'t>>) -> Spanned<DeTable<'t>> {
    let stays = |key: &str| !LONG.contains(&key);
    let few = tree.get_ref().iter().filter(|(key, _)| stays(key.get_ref()));
    Spanned::new(tree.span(), few.map(|(key, value)| (key.clone(), value.clone())).collect())
}

impl From<toml::de::Error> for Wrong {
    fn from(error: toml::de::Error) -> Wrong {
        Wrong::new(error.span().unwrap_or(0..0), error.message().to_owned())
    }
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.texts.is_empty() && self.keys.is_empty() && self.replaced.is_empty()
    }

    /// Whether this, in the table that begins at `table`, is wrong only because of what was taken out, or told already.
    fn explains(&self, wrong: &Wrong, table: Option<usize>) -> bool {
        let took = |wanted: &str| self.keys.iter().any(|(at, key)| Some(*at) == table && key == wanted);
        let field = wrong.message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match &wrong.lacks {
            Lacks::Nothing => field.is_some_and(took),
            Lacks::Key(keys) => keys.iter().any(|key| took(key)),
            Lacks::Name(name) => self.texts.iter().any(|(key, text)| key == "name" && text == name),
            Lacks::Port(name) => self.texts.iter().any(|(key, text)| key == "ports" && text == name),
            Lacks::Prefix(address) => {
                took("interface") || self.texts.iter().any(|(_, text)| may_cover(text, *address))
            }
            Lacks::Room => false,
        }
    }

    /// Takes out what stands at `place`: with `whole`, all of the table that it is in.
    fn take(&mut self, table: &mut DeTable<'_>, start: usize, place: usize, whole: bool) -> bool {
        let mut gone = None;
        for (key, value) in table.iter_mut() {
            let below = value.span().start;
            let inside = match value.get_mut() {
                DeValue::Table(table) => self.take(table, below, place, whole),
                DeValue::Array(list) => self.take_from(key.get_ref(), list, place, whole),
                _ => false,
            };
            if inside {
                return true;
            }
            let in_value = covers(value, place);
            if in_value && !whole && self.replace(key.get_ref(), value, place) {
                return true;
            }
            if in_value || covers(key, place) {
                gone = Some(key.get_ref().to_string());
                break;
            }
        }
        let Some((key, value)) = gone.and_then(|key| Some((key.clone(), table.remove(key.as_str())?))) else {
            return false;
        };
        self.note(&key, value.get_ref());
        self.keys.push((start, key));
        true
    }

    fn take_from(&mut self, key: &str, list: &mut DeArray<'_>, place: usize, whole: bool) -> bool {
        let mut gone = None;
        for (at, value) in list.iter_mut().enumerate() {
            let below = value.span().start;
            let inside = match value.get_mut() {
                // What cannot be replaced goes with its table.
                DeValue::Table(table) => {
                    whole && table.values().any(|value| covers(value, place)) && {
                        gone = Some(at);
                        break;
                    } || self.take(table, below, place, whole)
                }
                DeValue::Array(list) => self.take_from(key, list, place, whole),
                _ => false,
            };
            if inside {
                return true;
            }
            if covers(value, place) {
                gone = Some(at);
                break;
            }
        }
        let Some(gone) = gone else { return false };
        let all = std::mem::replace(list, DeArray::new()).into_iter().enumerate();
        *list = all
            .filter_map(|(at, value)| match at == gone {
                true => {
                    self.note(key, value.get_ref());
                    None
                }
                false => Some(value),
            })
            .collect();
        self.keys.push((usize::MAX, String::new()));
        true
    }

    /// Puts something in the place of what a table cannot be read without, so that the rest of it can be.
    fn replace(&mut self, key: &str, value: &mut Spanned<DeValue<'_>>, place: usize) -> bool {
        let number = self.replaced.len() + 1;
        let instead = match key {
            "name" => format!("{STAND_IN}{number}"),
            "driver" => "memory".to_owned(),
            "mode" => "failover".to_owned(),
            "address" => "2001:db8::1".to_owned(),
            "mac" => "02:00:00:00:00:01".to_owned(),
            "group" => "ff05::1".to_owned(),
            "to" => "default".to_owned(),
            "vid" => String::new(),
            _ => return false,
        };
        self.note(key, value.get_ref());
        self.replaced.push(place);
        *value.get_mut() = match instead.is_empty() {
            true => DeValue::parse("4094").map_or(DeValue::Boolean(false), Spanned::into_inner),
            false => DeValue::String(instead.into()),
        };
        true
    }

    fn note(&mut self, key: &str, value: &DeValue<'_>) {
        match value {
            DeValue::String(text) => self.texts.push((key.to_owned(), text.to_string())),
            DeValue::Array(list) => list.iter().for_each(|value| self.note(key, value.get_ref())),
            DeValue::Table(table) => {
                table.iter().for_each(|(key, value)| self.note(key.get_ref(), value.get_ref()))
            }
            _ => {}
        }
    }
}

fn start_of(tree: &Spanned<DeTable<'_>>) -> usize {
    tree.span().start
}

/// Where the table begins that `place` is in, or begins.
fn table_at(table: &DeTable<'_>, start: usize, place: usize) -> Option<usize> {
    let inside = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Table(table) => table_at(table, value.span().start, place),
        DeValue::Array(list) => list.iter().find_map(|value| match value.get_ref() {
            DeValue::Table(table) => table_at(table, value.span().start, place),
            _ => None,
        }),
        _ => None,
    };
    let own = || table.iter().any(|(key, value)| covers(key, place) || covers(value, place));
    table.values().find_map(inside).or_else(|| (start == place || own()).then_some(start))
}

fn covers<T>(what: &Spanned<T>, place: usize) -> bool {
    let span = what.span();
    (span.start..span.end.max(span.start + 1)).contains(&place)
}

/// Whether a text was meant for a prefix that may have had this address.
fn may_cover(text: &str, address: IpAddr) -> bool {
    match text.parse::<Cidr>() {
        Ok(cidr) => value::covers(cidr, address),
        Err(_) => text.contains('/') || text.parse::<IpAddr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use siding_stack::KeySpec;
    use siding_stack::Takes;

    use super::*;
    use crate::protocol::setting::Configured;
    use crate::setting::page;
    use crate::setting::plan::Plan;
    use crate::state::running::Loaded;

    /// As a protocol's is that nobody here has heard of.
    const ECHO: SectionSpec = SectionSpec {
        name: "echo",
        about: "Asking who is there",
        keys: &[
            KeySpec {
                name: "every_ms",
                about: "Milliseconds between two questions",
                takes: Takes::Number { of: "milliseconds", range: 10..=60_000 },
                usual: "1000",
            },
            KeySpec { name: "aloud", about: "Ask everybody", takes: Takes::Switch, usual: "true" },
            KeySpec { name: "tone", about: "How", takes: Takes::Word(&["low", "high"]), usual: "low" },
        ],
    };

    const SECTIONS: Sections<'static> = &[&ECHO];

    /// Lines, and how what is said of each begins.
    fn lines(text: &str) -> Vec<(usize, String)> {
        let wrongs = read(text, SECTIONS).unwrap_err();
        let line = |wrong: &Wrong| text[..wrong.span.start].matches('\n').count() + 1;
        wrongs.iter().map(|wrong| (line(wrong), wrong.message.clone())).collect()
    }

    fn expect(text: &str, expected: &[(usize, &str)]) {
        let lines = lines(text);
        let right = |((line, said), (number, part)): (&(usize, String), &(usize, &str))| {
            line == number && said.contains(part)
        };
        assert!(lines.len() == expected.len() && lines.iter().zip(expected).all(right), "{lines:#?}");
    }

    #[test]
    fn everything_is_told_at_once_in_the_texts_order() {
        expect(
            "[stack]\nworkers = 0\nworker = 1\nspin_us = \"long\"\n\
             [[interface]]\nname = \"sixteen-bytes-xx\"\ndriver = \"dpdk\"\nmtu = 1000\nmac = \"zebra\"\n\
             addresses = [\"2001:db8::1/129\", \"192.0.2.1/24\", \"ff02::1/64\"]\n\
             [interface.neighbors]\nentries = 0\n\
             [[vlan]]\nname = \"v5\"\nparent = \"eth9\"\nvid = 5000\n\
             [[route]]\nto = \"::/0\"\n\
             [[route]]\nto = \"2001:db8::1/32\"\ninterface = \"v5\"\n",
            &[
                (2, "0 workers: give 1 to 256"),
                (3, "unknown field `worker`"),
                (4, "invalid type: string"),
                (6, "is no interface name"),
                (7, "unknown variant `dpdk`"),
                (8, "an MTU of 1000 bytes"),
                (9, "is no link-layer address"),
                (10, "a prefix of 129 bits"),
                (10, "give a unicast address"),
                (12, "0 neighbors"),
                (15, "unknown interface \"eth9\""),
                (16, "5000"),
                (17, "leads nowhere"),
                (20, "has bits set behind its prefix"),
            ],
        );
    }

    /// Its mistakes are told with all others, and what it may say with what all may.
    #[test]
    fn a_protocols_section_is_known_by_the_list_alone() {
        expect(
            "[stack]\nworkers = 0\n[echo]\nevery_ms = 5\naloud = \"true\"\ntone = true\nevery = 7\n\
             [ohce]\n[[vlan]]\nname = \"v5\"\nparent = \"eth9\"\nvid = 5\n",
            &[
                (2, "0 workers: give 1 to 256"),
                (4, "5 milliseconds: give 10 to 60000"),
                (5, "\"true\": give one of true, false"),
                (6, "true: give one of low, high"),
                (7, "unknown field `every`, expected one of `every_ms`, `aloud`, `tone`"),
                (8, "unknown field `ohce`, expected one of `stack`, "),
                (11, "unknown interface \"eth9\""),
            ],
        );
        assert!(lines("[ohce]\n")[0].1.ends_with("`filter`, `echo`"), "{:?}", lines("[ohce]\n"));
        expect("echo = 7\n", &[(1, "echo is a section: give [echo]")]);
        expect("[[echo]]\n", &[(1, "echo is a section: give [echo]")]);
        expect("[echo]\nevery_ms = -10\n", &[(2, "-10 milliseconds: give 10 to 60000")]);
        expect("[echo]\nevery_ms = 10.5\n", &[(2, "10.5 milliseconds: give 10 to 60000")]);
    }

    #[test]
    fn a_protocols_section_is_a_setting_and_is_said_as_it_was_read() {
        let load = |text: &str| Loaded::new(read(text, SECTIONS).unwrap());
        let text = "[echo]\nevery_ms = 0x1F4\naloud = false\ntone = \"high\"\n[[interface]]\nname = \"a\"\n\
                    driver = \"memory\"\n";
        let loaded = load(text);
        let page = page(&loaded.begun, loaded.settings.iter()).text().unwrap();
        assert!(page.contains("[echo]\nevery_ms = 500\naloud = false\ntone = \"high\"\n"), "{page}");
        assert_eq!(load(&page).settings, loaded.settings);
        let told =
            |before: &str, after: &str| Plan::new(&load(before).settings, &load(after).settings).told();
        let interface = text.split_once("[[").unwrap().1;
        let without = format!("[echo]\n[[{interface}");
        assert_eq!(told(&without, text), ["+ [echo] aloud = false, every_ms = 500, tone = high"]);
        assert_eq!(told(text, &without), ["- [echo] aloud = false, every_ms = 500, tone = high"]);
        assert_eq!(
            told(text, &text.replace("0x1F4", "7_000")),
            [
                "~ [echo] aloud = false, every_ms = 7000, tone = high (was: [echo] aloud = false, every_ms = 500, tone = high)"
            ]
        );
        // It is in effect before there is an interface.
        assert!(
            loaded.settings.iter().position(|one| one.get::<Configured>().is_some())
                < loaded.settings.iter().position(|one| one.makes().is_some())
        );
    }

    #[test]
    fn no_protocol_has_a_section_that_is_ours() {
        let ours = apart::keys::<File>();
        assert!(ours.len() > 10, "{ours:?}");
        for section in siding_stack::sections() {
            assert!(!ours.contains(&section.name), "{}", section.name);
        }
    }

    #[test]
    fn a_list_that_is_not_known_is_told_once() {
        expect(
            "[[interfac]]\nname = \"a\"\n[[interfac]]\nname = \"b\"\n",
            &[(1, "unknown field `interfac`")],
        );
    }

    #[test]
    fn what_follows_from_another_mistake_is_not_told() {
        // The interface's table cannot be read for want of a driver: nothing that names it is wrong for that.
        expect(
            "[[interface]]\nname = \"eth0\"\naddresses = [\"2001:db8::1/64\"]\n\
             [[vlan]]\nname = \"v5\"\nparent = \"eth0\"\nvid = 5\n\
             [[route]]\nto = \"::/0\"\nvia = \"2001:db8::9\"\n\
             [[route]]\nto = \"2001:db8:5::/48\"\ninterface = \"eth7\"\n",
            &[(1, "missing field `driver`"), (13, "unknown interface \"eth7\"")],
        );
        // A prefix that was wrong may have been the next hop's; another may not.
        let eth0 = |address: &str| {
            format!("[[interface]]\nname = \"a\"\ndriver = \"memory\"\naddresses = [\"{address}\"]\n")
        };
        let route = "[[route]]\nto = \"::/0\"\nvia = \"2001:db8::9\"\n";
        expect(&(eth0("2001:db8::1/129") + route), &[(4, "a prefix of 129 bits")]);
        expect(&(eth0("ff02::1/64") + route), &[(4, "give a unicast"), (7, "no interface has a prefix")]);
    }

    #[test]
    fn what_a_table_cannot_do_without_hides_nothing_else_in_it() {
        let eth0 = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\n";
        expect(
            &(eth0.to_owned()
                + "[[neighbor]]\ninterface = \"b\"\naddress = \"::1\"\nmac = \"01:00:00:00:00:00\"\n\
                   [[group]]\ninterface = \"b\"\ngroup = \"::1\"\n\
                   [[vlan]]\nname = \"/\"\nparent = \"b\"\nvid = 0\n\
                   [[lagg]]\nname = \"l\"\nmode = \"none\"\nports = [\"a\", \"b\"]\nmtu = 1\n\
                   [[route]]\nto = \"2001:db8::1/32\"\nvia = \"ff02::1\"\ninterface = \"b\"\n"),
            &[
                (5, "unknown interface \"b\""),
                (6, "give a unicast address"),
                (7, "cannot be a station's address"),
                (9, "unknown interface \"b\""),
                (10, "is no group"),
                (12, "no interface name"),
                (13, "unknown interface \"b\""),
                (14, "0 is no VLAN identifier"),
                (17, "unknown variant `none`"),
                (18, "unknown interface \"b\""),
                (19, "an MTU of 1 bytes"),
                (21, "bits set behind its prefix"),
                (22, "cannot be a next hop"),
                (23, "unknown interface \"b\""),
            ],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_by_itself() {
        expect("[stack]\nworkers = \nspin_us = -1\n", &[(2, "")]);
    }

    #[test]
    fn many_mistakes_end() {
        let text: String =
            (0..300).map(|n| format!("[[group]]\ninterface = \"x{n}\"\ngroup = \"::1\"\n")).collect();
        assert_eq!(lines(&text).len(), MOST);
    }
}
