//! What holds from the start of a run to its end, as it is written: for who asks what of it a changed file has otherwise.

use serde::Deserialize;
use toml::Table;
use toml::Value;

/// Its sections.
#[derive(Deserialize)]
pub(super) struct Begun {
    stack: Option<Value>,
    metrics: Option<Value>,
    security: Option<Value>,
    limits: Option<Value>,
}

impl Begun {
    pub(super) fn table(self) -> Table {
        let Begun { stack, metrics, security, limits } = self;
        let all = [("stack", stack), ("metrics", metrics), ("security", security), ("limits", limits)];
        all.into_iter().filter_map(|(key, section)| Some((key.to_owned(), section?))).collect()
    }
}
