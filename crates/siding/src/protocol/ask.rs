//! Sections of protocols, changed as somebody asks.

use std::collections::HashMap;

use anyhow::Context;
use siding_stack::SectionSpec;

use super::check::Said;
use super::check::most_groups;
use super::setting::Configured;
use super::setting::slot;
use crate::control::Answer;
use crate::control::Code;
use crate::control::Failure;
use crate::control::SectionRow;
use crate::control::SetSectionRequest;
use crate::group::setting::Joined;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::setting::Setting;

impl Daemon {
    /// Changes values of a section, all of them or none; what is not given stays.
    pub(crate) fn ask_section(
        &self,
        ctx: &mut Free<'_>,
        request: SetSectionRequest,
    ) -> anyhow::Result<Answer> {
        let SetSectionRequest { section, values } = request;
        let of = siding_stack::sections().find(|of| of.name == section).with_context(|| {
            let names: Vec<&str> = siding_stack::sections().map(|of| of.name).collect();
            Failure::new(Code::NotFound, format!("no section [{section}]: there is {}", names.join(", ")))
        })?;
        // Who changes another value of it at this moment is waited for: each says all of it.
        let _alone = lock(&self.configuring);
        let mut said = self.said_to(of);
        for (key, value) in values {
            let known = of.key(&key)?;
            match value {
                Some(value) => {
                    let invalid = |why| Failure::new(Code::Invalid, format!("[{section}] {key}: {why}"));
                    known.check(&value).map_err(invalid)?;
                    said.values.insert(key, value);
                }
                None => drop(said.values.remove(&key)),
            }
        }
        self.may_allow(&said)?;
        match said.values.is_empty() {
            true => {
                Configured(said).withdraw(self, ctx)?;
                self.unnote_at(&slot(of.name));
            }
            false => self.put(ctx, Configured(said))?,
        }
        Ok(Answer::Done)
    }

    /// Whether what is joined is no more than a section would allow: else what runs could not be said as a file.
    fn may_allow(&self, section: &Said) -> anyhow::Result<()> {
        let most = match section.of.name {
            "mld" => most_groups(std::slice::from_ref(section)),
            _ => return Ok(()),
        };
        let mut joined: HashMap<String, usize> = HashMap::new();
        for Joined(group) in lock(&self.running).iter().filter_map(|there| there.get::<Joined>()) {
            *joined.entry(group.interface.clone()).or_default() += 1;
        }
        match joined.into_iter().find(|(_, many)| *many > most) {
            None => Ok(()),
            Some((on, many)) => Err(Failure::new(
                Code::Invalid,
                format!("[mld] groups: {many} are joined on {on}: leave some first, or allow as many"),
            )
            .into()),
        }
    }

    pub(crate) fn show_sections(&self) -> Vec<SectionRow> {
        let rows = siding_stack::sections().flat_map(|of| {
            let said = self.said_to(of);
            of.keys.iter().map(move |key| SectionRow {
                section: of.name.to_owned(),
                key: key.name.to_owned(),
                value: said.values.get(key.name).map_or(key.usual, String::as_str).to_owned(),
                said: said.values.contains_key(key.name),
                about: key.said(),
            })
        });
        rows.collect()
    }

    /// What is in effect of a section, as far as somebody has said it.
    fn said_to(&self, of: &'static SectionSpec) -> Said {
        let noted = self.noted(&slot(of.name));
        let said = noted.as_ref().and_then(|noted| noted.get::<Configured>());
        said.map_or_else(|| Said::nothing(of), |configured| configured.0.clone())
    }
}
