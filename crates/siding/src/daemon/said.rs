//! What the configuration says, put into effect: of everything at the start, and again of what somebody makes anew by hand.
//!
//! An interface that is detached takes with it what named it: routes, what was advertised, its neighbours, being a port.
//! When one of its name is attached, or a lagg, bridge or VLAN of its name made, this puts into effect again what the file
//! says of it and of the VLANs on it, in the order of the start. What commands have set since is theirs to set again.

use std::collections::BTreeSet;

use anyhow::Context;
use anyhow::bail;

use crate::control::Answer;
use crate::control::AttachRequest;
use crate::interface::check;
use crate::interface::detach::PATIENCE;
use crate::interface::setting::Attached;
use crate::means::addressing::Addressing;
use crate::nested::means::Nested;
use crate::nested::port::Port;
use crate::nested::port::Primary;
use crate::setting;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::setting::Any;

impl Daemon {
    /// Puts the whole configuration into effect, unless somebody asks meanwhile to stop.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be.
    pub(super) fn configure(&self, ctx: &mut Free<'_>, asked: impl Fn() -> bool) -> anyhow::Result<()> {
        let said = lock(&self.said).settings.clone();
        for setting in said {
            if asked() {
                // What is left would be undone at once: the main thread hears it first of all.
                break;
            }
            setting.apply(self, ctx).with_context(|| setting.place())?;
            self.note(setting);
        }
        Ok(())
    }

    /// Attaches an interface that somebody asks for, with what the configuration says of it besides.
    ///
    /// # Errors
    ///
    /// It cannot be attached; or it is, and something of the configuration could not be put into effect.
    pub(super) fn attach_by_hand(
        &self,
        ctx: &mut Free<'_>,
        request: AttachRequest,
    ) -> anyhow::Result<Answer> {
        let name = &request.interface.name;
        let said = lock(&self.said).config.interfaces.iter().find(|said| said.name == *name).cloned();
        let interface = check::asked(request, said.as_ref())?;
        self.attach(ctx, &interface)?;
        self.put_on(ctx, &interface.name, &interface.addressing)?;
        self.note(Attached::new(&interface));
        let on = setting::on(&interface.name, &interface.addressing);
        on.into_iter().for_each(|setting| self.note(setting));
        self.said_again(ctx, &interface.name).map(|()| Answer::Done)
    }

    /// Makes an interface on others that somebody asks for, with what the configuration says of it besides.
    ///
    /// # Errors
    ///
    /// As [`attach_by_hand`](Self::attach_by_hand).
    pub(crate) fn add_nested_by_hand(
        &self,
        ctx: &mut Free<'_>,
        mut nested: Nested,
    ) -> anyhow::Result<Answer> {
        let name = nested.name().to_owned();
        let said = lock(&self.said).config.nested.iter().find(|said| said.name() == name).cloned();
        if let Some(said) = said {
            nested.addressing_mut().add(said.addressing());
        }
        self.make(ctx, &nested)?;
        self.put_on(ctx, &name, nested.addressing())?;
        setting::of_nested(&nested).into_iter().for_each(|setting| self.note(setting));
        self.said_again(ctx, &name).map(|()| Answer::Done)
    }

    /// Puts on an interface that has just been made what is said of it. If that cannot be, it goes again.
    fn put_on(&self, ctx: &mut Free<'_>, name: &str, said: &Addressing) -> anyhow::Result<()> {
        let put = setting::on(name, said).iter().try_for_each(|setting| setting.apply(self, ctx));
        put.or_else(|error| {
            // Half an interface is worse than none.
            self.detach(ctx, name, PATIENCE)?;
            Err(error)
        })
    }

    /// Puts into effect again what the configuration says of an interface that has been made anew.
    ///
    /// # Errors
    ///
    /// What could not be; the rest is in effect.
    pub(super) fn said_again(&self, ctx: &mut Free<'_>, name: &str) -> anyhow::Result<()> {
        let said = lock(&self.said).settings.clone();
        // Interfaces that are made here, with all that is said of them; of `name` somebody has said something himself.
        let mut made: BTreeSet<String> = BTreeSet::new();
        let mut failed = Vec::new();
        for setting in &said {
            let on = setting.on();
            let is_new = |on: &str| on == name || made.contains(on);
            let named = on.iter().copied().chain(setting.lies_on()).any(is_new);
            let own = setting.is_of_one() && !on.iter().any(|on| made.contains(*on));
            if !named || own || self.noted(&setting.slot()).is_some() || !self.can_be(&said, setting) {
                continue;
            }
            match setting.apply(self, ctx).with_context(|| setting.place()) {
                Ok(()) => {
                    made.extend(setting.makes().map(str::to_owned));
                    self.note(setting.clone());
                }
                Err(error) => failed.push(error),
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
        bail!("{name} is there, but not all that the configuration says of it: {}", all.join("; "))
    }

    /// Whether all is there that a setting names, and is what the configuration says.
    fn can_be(&self, said: &[Any], setting: &Any) -> bool {
        let config = self.stack.config();
        let is_there = |name: &str| config.by_name(name).is_some();
        if let Some(own) = setting.makes() {
            return !is_there(own) && setting.lies_on().is_some_and(is_there);
        }
        let is_free = |name: &str| config.by_name(name).is_some_and(|there| there.member_of.is_none());
        let port_fits = |port: &Port| {
            // By hand its owner may have been made something else.
            let meant = said.iter().find(|one| one.makes() == Some(&port.owner));
            let is = self.maker(&port.owner);
            is_free(&port.port) && meant.zip(is).is_some_and(|(meant, is)| meant.kind() == is.kind())
        };
        let primary_fits = |primary: &Primary| {
            let is_it = |port: &Port| port.owner == primary.lagg && port.port == primary.port;
            self.first(|there| there.is(is_it)).is_some()
        };
        let fits = setting.get().is_none_or(port_fits) && setting.get().is_none_or(primary_fits);
        fits && setting.on().into_iter().all(is_there)
    }
}
