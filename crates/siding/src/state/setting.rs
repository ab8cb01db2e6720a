//! Settings: everything that can be configured, each as a value of its own.
//!
//! Each kind is a struct that knows how it is applied, how it is withdrawn, and how a file says it: there is no other place
//! for that. Here nobody knows which kinds there are: `setting` has the list.
//!
//! # Teardown
//!
//! A setting that is on an interface goes with it, in the stack by itself, here by [`Setting::on`].

use std::any;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use siding_drivers::kernel::Cidr;
use siding_netisr::IfId;

use super::daemon::Daemon;
use super::daemon::Free;
use super::page::Page;

/// What tells settings apart: of two with the same, one is the other with another value.
/// It is made of what it is for as it is, not of words: of a hundred thousand routes each is looked up several times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    kind: &'static str,
    /// What it is on, or whose it is; nothing for the stack's.
    on: String,
    among: Among,
}

/// What tells those of one kind apart that are on one interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Among {
    /// There is but one.
    One,
    Name(String),
    Address(IpAddr),
    Way(Cidr, Option<IpAddr>),
}

impl Slot {
    /// That of the one setting of its kind that there is on something.
    pub(crate) fn of_one(kind: &'static str, on: &str) -> Slot {
        Slot::among(kind, on, Among::One)
    }

    pub(crate) fn among(kind: &'static str, on: &str, among: Among) -> Slot {
        Slot { kind, on: on.to_owned(), among }
    }
}

/// What every kind of setting knows of itself.
pub(crate) trait Setting: any::Any + fmt::Debug + fmt::Display + Send + Sync {
    fn slot(&self) -> Slot;

    /// The interfaces that it is on, and goes with.
    fn on(&self) -> Vec<&str>;

    /// The interface that it makes, if it makes one.
    fn makes(&self) -> Option<&str> {
        None
    }

    /// Whether it is something of one interface alone, that whoever makes the interface says with it.
    fn is_of_one(&self) -> bool {
        false
    }

    /// Where packets go or end by it.
    fn leads_to(&self) -> Option<&Cidr> {
        None
    }

    /// The interface that it makes a port.
    fn joins(&self) -> Option<&str> {
        None
    }

    /// What must be there before it can be applied, besides what it is on.
    fn lies_on(&self) -> Option<&str> {
        None
    }

    /// Where it is in an error.
    fn place(&self) -> String {
        let on = self.on();
        on.first().map_or_else(|| "the stack".to_owned(), |name| format!("interface '{name}'"))
    }

    /// Gives the interface that it makes another MTU, `None` for what that has by itself, and notes it.
    ///
    /// # Errors
    ///
    /// It cannot have it.
    fn set_mtu(&self, daemon: &Daemon, ctx: &mut Free<'_>, on: IfId, mtu: Option<u16>) -> anyhow::Result<()> {
        daemon.set_mtu(ctx, on, mtu)
    }

    /// Says it as a file does.
    fn say(&self, page: &mut Page);

    /// Puts it into effect.
    ///
    /// # Errors
    ///
    /// It cannot be; nothing has changed then.
    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()>;

    /// Puts it into effect in place of another value of it, for which [`replaces`](Self::replaces) holds.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, _before: &Self) -> anyhow::Result<()>
    where
        Self: Sized,
    {
        self.apply(daemon, ctx)
    }

    /// Whether it can take the place of another value without that being withdrawn first.
    fn replaces(&self, before: &Self) -> bool
    where
        Self: Sized;

    /// Sets back what it has set.
    ///
    /// # Errors
    ///
    /// It cannot be.
    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()>;
}

/// What a kind can do with another setting only if that is of its kind, too.
trait Beside: Setting {
    fn is(&self, other: &dyn Setting) -> bool;
    fn takes_place_of(&self, before: &dyn Setting) -> bool;
    fn put_in_place_of(
        &self,
        daemon: &Daemon,
        ctx: &mut Free<'_>,
        before: &dyn Setting,
    ) -> anyhow::Result<()>;
}

impl<S: Setting + PartialEq> Beside for S {
    fn is(&self, other: &dyn Setting) -> bool {
        of_kind::<S>(other).is_some_and(|other| self == other)
    }

    fn takes_place_of(&self, before: &dyn Setting) -> bool {
        of_kind::<S>(before).is_some_and(|before| self.replaces(before))
    }

    fn put_in_place_of(
        &self,
        daemon: &Daemon,
        ctx: &mut Free<'_>,
        before: &dyn Setting,
    ) -> anyhow::Result<()> {
        match of_kind::<S>(before) {
            Some(before) => self.replace(daemon, ctx, before),
            None => self.apply(daemon, ctx),
        }
    }
}

fn of_kind<S: Setting>(setting: &dyn Setting) -> Option<&S> {
    let setting: &dyn any::Any = setting;
    setting.downcast_ref()
}

/// A setting of any kind. Copies share it: of a hundred thousand there are several lists at a time, when a file is compared with
/// what runs.
#[derive(Debug, Clone)]
pub(crate) struct Any(Arc<dyn Beside>);

impl Any {
    /// As what it is, if it is of that kind.
    pub(crate) fn get<S: Setting>(&self) -> Option<&S> {
        of_kind(&**self)
    }

    /// Whether it is of that kind, and such.
    pub(crate) fn is<S: Setting>(&self, such: impl FnOnce(&S) -> bool) -> bool {
        self.get().is_some_and(such)
    }

    /// What is the same for all of its kind, and no other.
    pub(crate) fn kind(&self) -> any::TypeId {
        let setting: &dyn any::Any = &*self.0;
        setting.type_id()
    }

    /// As [`Setting::replaces`]; those of other kinds it does not.
    pub(crate) fn replaces(&self, before: &Any) -> bool {
        self.0.takes_place_of(&**before)
    }

    /// As [`Setting::replace`].
    pub(crate) fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, before: &Any) -> anyhow::Result<()> {
        self.0.put_in_place_of(daemon, ctx, &**before)
    }
}

impl Deref for Any {
    type Target = dyn Setting;

    fn deref(&self) -> &dyn Setting {
        &*self.0
    }
}

impl PartialEq for Any {
    fn eq(&self, other: &Any) -> bool {
        self.0.is(&**other)
    }
}

impl<S: Setting + PartialEq> From<S> for Any {
    fn from(setting: S) -> Any {
        Any(Arc::new(setting))
    }
}

impl fmt::Display for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
