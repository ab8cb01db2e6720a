//! What may be said of an interface with a device of its own, and what it means: the same for files and requests.

use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;
use siding_client as asked;
use siding_client::Interface;
use siding_client::value::Driver;

use crate::control::AttachRequest;
use crate::means::Whole;
use crate::means::addressing::Addressing;
use crate::means::interface::InterfaceConfig;
use crate::means::said::Said;
use crate::words::value;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// What only a file says of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Start without the device, if it is not there, and wait for it [default: false].
    #[serde(default)]
    wait: bool,
    /// Capture it into this file.
    pcap: Option<PathBuf>,
}

/// What an interface means whose frames this driver carries, with nothing on it.
///
/// # Errors
///
/// A value cannot be.
fn interface(said: Interface, driver: Driver) -> Result<InterfaceConfig, Wrong> {
    let Interface { name, device, mac, mtu, .. } = said;
    of("name", value::interface_name(&name))?;
    if let Some(device) = device.as_ref().filter(|_| driver != Driver::Memory) {
        of("device", value::device_name(device))?;
    }
    of("mac", mac.map_or(Ok(()), |mac| value::station(mac.0)))?;
    of("mtu", mtu.map_or(Ok(()), value::mtu))?;
    Ok(InterfaceConfig {
        device: device.unwrap_or_else(|| name.clone()),
        name,
        driver,
        mac: mac.map(|mac| mac.0),
        mtu,
        wait: false,
        pcap: None,
        addressing: Addressing::default(),
    })
}

/// What a file says.
///
/// # Errors
///
/// A value cannot be, or nothing carries its frames.
pub(crate) fn said(said: Said<Interface, Kept>, whole: &Whole) -> Result<InterfaceConfig, Wrong> {
    let Some(driver) = said.own.driver else {
        return Err(Wrong::of(Vec::new(), "missing field `driver`".into()));
    };
    let Kept { wait, pcap } = said.file;
    let interface = interface(said.own, driver)?;
    let addressing = Addressing::said(&said.addressing, said.on, interface.mtu, whole)?;
    Ok(InterfaceConfig { wait, pcap, addressing, ..interface })
}

/// What is asked for, over what the configuration says of one of that name.
///
/// # Errors
///
/// A value cannot be, or nobody says what carries its frames.
pub(crate) fn asked(
    request: AttachRequest,
    base: Option<&InterfaceConfig>,
) -> anyhow::Result<InterfaceConfig> {
    let AttachRequest { interface: own, addressing } = request;
    let name = &own.name;
    let driver = own.driver.or(base.map(|base| base.driver)).with_context(|| {
        format!("no driver for '{name}', which the configuration does not have: give `--driver`")
    })?;
    let Some(base) = base else {
        let addressing = Addressing::asked(&addressing)?;
        return Ok(InterfaceConfig { addressing, ..interface(own, driver)? });
    };
    let own = Interface {
        device: own.device.or_else(|| Some(base.device.clone())),
        mac: own.mac.or(base.mac.map(asked::value::ParsedMac)),
        mtu: own.mtu.or(base.mtu),
        ..own
    };
    let interface = interface(own, driver)?;
    let addressing = over(Addressing::asked(&addressing)?, &base.addressing);
    Ok(InterfaceConfig { wait: base.wait, pcap: base.pcap.clone(), addressing, ..interface })
}

/// What is asked for, over what the configuration says.
fn over(asked: Addressing, is: &Addressing) -> Addressing {
    let dad = asked.dad && is.dad;
    let more = asked.addresses.iter().filter(|own| !is.addresses.contains(own));
    let addresses: Vec<_> = is.addresses.iter().chain(more).copied().collect();
    // What is asked for is said of all that the file has not.
    let detects = |address| match is.addresses.iter().any(|own| own.address() == address) {
        true => is.detects(address) && asked.dad,
        false if asked.otherwise.contains(&address) => asked.detects(address),
        false => dad,
    };
    let all = addresses.iter().map(|own| own.address());
    Addressing {
        otherwise: all.filter(|address| detects(*address) != dad).collect(),
        addresses,
        link_local: asked.link_local && is.link_local,
        dad,
        point_to_point: asked.point_to_point || is.point_to_point,
        ..is.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn request(name: &str) -> AttachRequest {
        let addressing =
            asked::Addressing { addresses: Vec::new(), link_local: true, dad: true, point_to_point: false };
        let interface = Interface { name: name.into(), driver: None, device: None, mac: None, mtu: None };
        AttachRequest { interface, addressing }
    }

    #[test]
    fn what_is_asked_for_goes_over_what_the_file_says() {
        let text = "[[interface]]\nname = \"lan\"\ndriver = \"packet\"\ndevice = \"eth7\"\nmtu = 1400\nwait = true\n\
                    link_local = false\naddresses = [\"192.0.2.1/24\"]\nanycast = [\"2001:db8::a\"]\n";
        let said = Config::parse(Path::new("host.toml"), text).unwrap().0.interfaces.remove(0);
        assert_eq!(asked(request("lan"), Some(&said)).unwrap(), said);
        let more = ["192.0.2.1/24", "2001:db8::1/64", "2001:db8::2/64 dad"].map(|text| text.parse().unwrap());
        let mut request = request("lan");
        request.interface = Interface { device: Some("eth8".into()), mtu: Some(1300), ..request.interface };
        request.addressing.dad = false;
        request.addressing.addresses = more.into();
        let got = asked(request, Some(&said)).unwrap();
        assert_eq!(
            (got.device.as_str(), got.mtu, got.addressing.dad, got.addressing.link_local),
            ("eth8", Some(1300), false, false)
        );
        assert_eq!((got.addressing.addresses.len(), got.addressing.anycast.len(), got.wait), (3, 1, true));
        let tested = got.addressing.addresses.iter().map(|own| got.addressing.detects(own.address()));
        assert_eq!(tested.collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn one_that_the_file_does_not_have_needs_a_driver() {
        assert!(asked(request("eth9"), None).unwrap_err().to_string().contains("give `--driver`"));
        let mut other = request("eth9");
        other.interface.driver = Some(Driver::Memory);
        assert!(asked(other, None).unwrap().addressing.link_local);
    }
}
