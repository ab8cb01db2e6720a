//! What the configuration says, put into effect: of everything at the start, and again of what somebody makes anew by hand.
//!
//! An interface that is detached takes with it what named it: routes, what was advertised, its neighbours, being a port.
//! When one of its name is attached, or a lagg, bridge or VLAN of its name made, this puts into effect again what the file
//! says of it and of the VLANs on it, in the order of the start. What commands have set since is theirs to set again.

use std::collections::BTreeSet;

use anyhow::Context;
use anyhow::bail;
use siding_stack::ifnet::Kind;

use super::state::Daemon;
use super::state::Free;
use crate::config::Config;
use crate::config::InterfaceConfig;
use crate::config::Nested;
use crate::control::AttachRequest;

impl Daemon {
    /// Puts the whole configuration into effect.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be.
    pub(super) fn configure(&self, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let said = &self.said;
        self.stack.set_forwarding(ctx, said.stack.forwarding);
        self.stack.set_learn_announced(ctx, said.stack.learn_announced);
        self.stack.set_examine_options(ctx, said.stack.examine_options);
        let mut new = BTreeSet::new();
        for interface in &said.interfaces {
            self.attach(ctx, interface).with_context(|| format!("interface '{}'", interface.name))?;
            new.insert(interface.name.clone());
        }
        for nested in &said.nested {
            self.add_nested(ctx, nested).with_context(|| format!("interface '{}'", nested.name()))?;
            new.insert(nested.name().to_owned());
        }
        for refusal in &said.refusals {
            self.add_refusal(ctx, refusal).with_context(|| format!("the refusal of {}", refusal.to))?;
        }
        self.name_again(ctx, said, &new).into_iter().next().map_or(Ok(()), Err)
    }

    /// Attaches an interface that somebody asks for, with what the configuration says of it besides.
    ///
    /// # Errors
    ///
    /// It cannot be attached; or it is, and something of the configuration could not be put into effect.
    pub(super) fn attach_by_hand(&self, ctx: &mut Free<'_>, request: AttachRequest) -> anyhow::Result<()> {
        let interface = overlaid(&self.said, request)?;
        self.attach(ctx, &interface)?;
        self.said_again(ctx, &interface.name)
    }

    /// Makes an interface on others that somebody asks for, with what the configuration says of it besides.
    ///
    /// # Errors
    ///
    /// As [`attach_by_hand`](Self::attach_by_hand).
    pub(super) fn add_nested_by_hand(&self, ctx: &mut Free<'_>, mut nested: Nested) -> anyhow::Result<()> {
        let name = nested.name().to_owned();
        if let Some(said) = self.said.nested.iter().find(|said| said.name() == name) {
            nested.addressing_mut().add(said.addressing());
        }
        self.add_nested(ctx, &nested)?;
        self.said_again(ctx, &name)
    }

    /// Puts into effect again what the configuration says of an interface that has been made anew.
    ///
    /// # Errors
    ///
    /// What could not be; the rest is in effect.
    pub(super) fn said_again(&self, ctx: &mut Free<'_>, name: &str) -> anyhow::Result<()> {
        let said = &self.said;
        let mut new = BTreeSet::from([name.to_owned()]);
        let mut failed = Vec::new();
        // Lowest first.
        for nested in &said.nested {
            let what = || format!("interface '{}'", nested.name());
            match (nested, self.stack.config().by_name(nested.name()).is_some()) {
                // One that is there has waited for what it lies on.
                (Nested::Vlan(vlan), false) if new.contains(&vlan.parent) => {
                    match self.add_nested(ctx, nested).with_context(what) {
                        Ok(()) => drop(new.insert(vlan.name.clone())),
                        Err(error) => failed.push(error),
                    }
                }
                (Nested::Lagg(_) | Nested::Bridge(_), true) => {
                    failed
                        .extend(self.ports_again(ctx, nested, &new).err().map(|error| error.context(what())));
                }
                _ => {}
            }
        }
        failed.extend(self.name_again(ctx, said, &new));
        if failed.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
        bail!("{name} is there, but not all that the configuration says of it: {}", all.join("; "))
    }

    /// Everything that names interfaces of which some are `new`. What could not be put into effect.
    fn name_again(&self, ctx: &mut Free<'_>, said: &Config, new: &BTreeSet<String>) -> Vec<anyhow::Error> {
        let mut failed = Vec::new();
        let mut note = |result: anyhow::Result<()>| failed.extend(result.err());
        for interface in said.interfaces.iter().filter(|one| new.contains(&one.name)) {
            if let Some(advertise) = &interface.advertise {
                note(self.start_advertising(ctx, &interface.name, advertise.clone()));
            }
        }
        for route in said.routes.iter().filter(|route| new.contains(&route.interface)) {
            note(self.add_route(ctx, route).with_context(|| format!("the route to {}", route.to)));
        }
        for group in said.groups.iter().filter(|group| new.contains(&group.interface)) {
            note(self.join(ctx, &group.interface, group.group));
        }
        for neighbor in said.neighbors.iter().filter(|neighbor| new.contains(&neighbor.interface)) {
            let what = || format!("the neighbor {}", neighbor.address);
            note(self.interface(&neighbor.interface).and_then(|on| {
                self.stack.add_neighbor(ctx, on, neighbor.address, neighbor.mac).with_context(what)
            }));
        }
        failed
    }

    /// Makes ports of what is new and is to be one of `nested`, which is there.
    fn ports_again(&self, ctx: &mut Free<'_>, nested: &Nested, new: &BTreeSet<String>) -> anyhow::Result<()> {
        let owner = self.interface(nested.name())?;
        let config = self.stack.config();
        // By hand it may have been made something else.
        let is_same = config.interface(owner).is_some_and(|there| {
            matches!(
                (nested, &there.kind),
                (Nested::Lagg(_), Kind::Lagg(_)) | (Nested::Bridge(_), Kind::Bridge(_))
            )
        });
        // One that is not there is made a port when it is.
        let is_free = |name: &str| config.by_name(name).is_some_and(|there| there.member_of.is_none());
        match nested {
            _ if !is_same => Ok(()),
            Nested::Lagg(lagg) => {
                let name = nested.name();
                for (port, priority) in
                    lagg.ports.iter().filter(|(port, _)| new.contains(port) || new.contains(name))
                {
                    if is_free(port) {
                        self.lagg_add_port(ctx, name, port, Some(*priority))?;
                    }
                    if lagg.primary.as_ref() == Some(port) && config.by_name(port).is_some() {
                        self.lagg_set_primary(ctx, name, Some(port))?;
                    }
                }
                Ok(())
            }
            Nested::Bridge(bridge) => {
                let name = nested.name();
                for port in bridge.ports.iter().filter(|port| new.contains(*port) || new.contains(name)) {
                    if is_free(port) {
                        self.bridge_add_port(ctx, name, port)?;
                    }
                }
                Ok(())
            }
            Nested::Vlan(_) => Ok(()),
        }
    }
}

/// An interface as asked for, over what the configuration says of one of that name; checked as one of a file is.
fn overlaid(said: &Config, request: AttachRequest) -> anyhow::Result<InterfaceConfig> {
    let AttachRequest { name, driver, device, mac, mtu, addresses, link_local, dad, point_to_point } =
        request;
    let base = said.interfaces.iter().find(|interface| interface.name == name).cloned();
    let driver = driver.or(base.as_ref().map(|base| base.driver)).with_context(|| {
        format!("no driver for '{name}', which the configuration does not have: give `--driver`")
    })?;
    let base = base.unwrap_or_else(|| InterfaceConfig {
        device: name.clone(),
        name,
        driver,
        mac: None,
        mtu: None,
        addresses: Vec::new(),
        link_local: true,
        dad: true,
        point_to_point: false,
        anycast: Vec::new(),
        times: (None, None),
        wait: false,
        pcap: None,
        neighbors: None,
        advertise: None,
        autoconf: None,
    });
    let given = addresses.into_iter().map(|cidr| cidr.0).filter(|own| !base.addresses.contains(own));
    let config = InterfaceConfig {
        driver,
        device: device.unwrap_or(base.device),
        mac: mac.map(|mac| mac.0).or(base.mac),
        mtu: mtu.or(base.mtu),
        addresses: base.addresses.iter().copied().chain(given).collect(),
        link_local: link_local && base.link_local,
        dad: dad && base.dad,
        point_to_point: point_to_point || base.point_to_point,
        ..base
    };
    config.check().map_err(anyhow::Error::msg)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Driver;

    fn request(name: &str) -> AttachRequest {
        AttachRequest {
            name: name.into(),
            driver: None,
            device: None,
            mac: None,
            mtu: None,
            addresses: Vec::new(),
            link_local: true,
            dad: true,
            point_to_point: false,
        }
    }

    #[test]
    fn what_is_asked_for_goes_over_what_the_file_says() {
        let text = "[[interface]]\nname = \"lan\"\ndriver = \"packet\"\ndevice = \"eth7\"\nmtu = 1400\nwait = true\n\
                    link_local = false\naddresses = [\"192.0.2.1/24\"]\nanycast = [\"2001:db8::a\"]\n";
        let said = Config::parse(Path::new("host.toml"), text).unwrap();
        assert_eq!(overlaid(&said, request("lan")).unwrap(), said.interfaces[0]);
        let more = ["192.0.2.1/24", "2001:db8::1/64"].map(|text| text.to_owned().try_into().unwrap());
        let asked = AttachRequest {
            device: Some("eth8".into()),
            mtu: Some(1300),
            dad: false,
            addresses: more.into(),
            ..request("lan")
        };
        let got = overlaid(&said, asked).unwrap();
        assert_eq!(
            (got.device.as_str(), got.mtu, got.dad, got.link_local),
            ("eth8", Some(1300), false, false)
        );
        assert_eq!((got.addresses.len(), got.anycast.len(), got.wait), (2, 1, true));
        assert!(overlaid(&said, request("eth9")).unwrap_err().to_string().contains("give `--driver`"));
        let other = AttachRequest { driver: Some(Driver::Memory), ..request("eth9") };
        assert!(overlaid(&said, other).unwrap().link_local);
    }
}
