//! What a figure was measured on.

use std::fs;
use std::thread;

/// The processor by its name and number, how many of its cores there are here, and how busy they were for the last minute.
/// What the kernel does not tell is said to be unknown.
pub fn describe() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        let mut lines = processor.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(name, _)| name.trim() == key);
        found.map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    let (name, family, model) = (of("model name"), of("cpu family"), of("model"));
    format!("{name}, family {family}, model {model}; {cores} cores, load {load}")
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_processor_has_a_name() {
        let machine = super::describe();
        assert!(!machine.contains("unknown") && machine.contains("; "), "{machine}");
    }
}
