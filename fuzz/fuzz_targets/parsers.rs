//! Every parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| siding_sim::fuzz_input::parsers(data));
