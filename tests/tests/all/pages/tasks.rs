//! A test for each page: they take their time, and need not wait for each other.

use siding_tests::Lab;
use siding_tests::need;

use super::run::work_through;

macro_rules! pages {
    ($($test:ident $name:literal)*) => {
        $(#[test]
        fn $test() {
            if !need(&["ip", "ping"]) {
                return;
            }
            let Some(lab) = Lab::open() else { return };
            work_through(&lab, $name);
        })*

        #[test]
        fn every_page_is_worked_through() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tasks");
            let mut there: Vec<String> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            there.sort_unstable();
            // `embedding.md` is a program, and a documentation test of the crate of examples.
            let mut tested = vec!["embedding.md".to_owned(), $(concat!($name, ".md").to_owned()),*];
            tested.sort_unstable();
            assert_eq!(there, tested);
        }
    };
}

pages! {
    edge_router "edge-router"
    lagg_with_vlans "lagg-with-vlans"
    firewall "firewall"
    lan_that_configures_itself "lan-that-configures-itself"
}
