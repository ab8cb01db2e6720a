//! The whole input path, of a host and of a router.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| siding_sim::fuzz_input::input_path(data));
