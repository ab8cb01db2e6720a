//! What to put back when a claim ends.

use super::Error;
use super::Netlink;
use super::Offloads;
use super::ethtool::TurnedOff;
use super::ingress::Ingress;
use super::sysctl::Setting;

/// What silences the kernel's stack, and the value that does. IPv4 first: while IPv6 is still on, nothing new can
/// come of it.
pub(super) const SILENT: [(Setting, &str); 3] = [
    (Setting { family: "ipv4", key: "arp_ignore" }, "8"),
    (Setting { family: "ipv4", key: "rp_filter" }, "1"),
    (Setting { family: "ipv6", key: "disable_ipv6" }, "1"),
];

/// An interface's own values, as far as we change them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Undo {
    /// Each with its value before, in the order of change.
    pub(super) settings: Vec<(Setting, String)>,
    pub(super) features: TurnedOff,
    pub(super) ingress: Option<Ingress>,
    /// It was down, and is up for us.
    pub(super) down: bool,
}

impl Undo {
    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.features.is_empty() && self.ingress.is_none() && !self.down
    }

    /// A setting's value before.
    pub(super) fn value(&self, of: Setting) -> Option<&str> {
        self.settings.iter().find(|(setting, _)| *setting == of).map(|(_, before)| before.as_str())
    }

    /// Puts all of it back, as far as it can be, and returns the first failure.
    pub(super) fn apply(self, index: u32, offloads: &Offloads) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let mut netlink = Netlink::open()?;
        let name = match netlink.link_by_index(index) {
            Ok(link) => link.name,
            Err(Error::NoInterface { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        // In the reverse order: an interface that was taken up goes down before the kernel speaks again.
        let mut result = if self.down { netlink.set_down(&name) } else { Ok(()) };
        if let Some(ingress) = self.ingress {
            result = result.and(ingress.take_away(&mut netlink, &name, index));
        }
        result = result.and(offloads.put_back(&name, &self.features));
        for (setting, before) in self.settings.into_iter().rev() {
            result = result.and(setting.write(&name, &before).map(|_| ()));
        }
        match result {
            Err(error) if error.is_gone() => Ok(()),
            result => result,
        }
    }

    /// What of it is still as a claim has left it. The rest has been changed since, by somebody who meant it.
    pub(super) fn untouched(mut self, name: &str) -> Result<Undo, Error> {
        let mut settings = Vec::new();
        for (setting, before) in std::mem::take(&mut self.settings) {
            let ours = SILENT.iter().find(|(silent, _)| *silent == setting).map(|(_, value)| *value);
            if setting.read(name)?.as_deref() == ours {
                settings.push((setting, before));
            }
        }
        Ok(Undo { settings, features: self.features.wanted_on(), ..self })
    }
}
