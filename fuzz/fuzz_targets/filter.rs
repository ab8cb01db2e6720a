//! The firewall's rules, by both doors: nothing panics, and what loads is printed as text that loads as the same.
#![no_main]

use siding_filter::Ruleset;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut include = |_: &str| Err("no file".to_owned());
    let Ok(ruleset) = Ruleset::load(&[("rules", text)], &mut include) else { return };
    let printed = ruleset.to_string();
    let Ok(again) = Ruleset::load(&[("printed", &printed)], &mut include) else {
        panic!("what was printed does not load:\n{printed}");
    };
    assert_eq!(again.to_string(), printed);
});
