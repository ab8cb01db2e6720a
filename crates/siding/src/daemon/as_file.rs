//! What runs, said as a file.

use std::collections::HashSet;

use crate::group::setting::Joined;
use crate::setting::page;
use crate::state::daemon::Daemon;
use crate::state::lock::lock;
use crate::state::setting::Any;

impl Daemon {
    /// What runs, as a file that would make it again, and what is left out as no file can say it: what lies on an interface
    /// that is not there, and groups that wait on a port.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn as_file(&self) -> anyhow::Result<(String, Vec<String>)> {
        let running = lock(&self.running).list();
        let ports: HashSet<&str> = running.iter().filter_map(|one| one.joins()).collect();
        let mut left_out: Vec<String> = Vec::new();
        let made = |name: &str, without: &[String]| {
            running.iter().any(|one| one.makes() == Some(name)) && !without.iter().any(|out| out == name)
        };
        loop {
            let lost = |one: &&Any| {
                one.makes().is_some_and(|name| made(name, &left_out))
                    && one.lies_on().is_some_and(|below| !made(below, &left_out))
            };
            let Some(name) = running.iter().find(lost).and_then(|one| one.makes()) else { break };
            left_out.push(name.to_owned());
        }
        let waits =
            |one: &&Any| one.get::<Joined>().is_some() && one.on().iter().any(|on| ports.contains(on));
        let is_said =
            |one: &&Any| !waits(one) && !one.on().iter().any(|on| left_out.iter().any(|out| out == on));
        let page = page(&self.begun_table, running.iter().filter(is_said));
        let lost = left_out.iter().map(|name| format!("{name}, as what it lies on is not there"));
        let waiting = running.iter().filter(waits).map(|one| format!("{one}, as that is a port"));
        Ok((page.text()?, lost.chain(waiting).collect()))
    }
}
