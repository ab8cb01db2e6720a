//! What other routers on the link say otherwise (RFC 4861 s6.2.7).

use core::fmt;
use core::net::Ipv6Addr;

use siding_wire::nd::NdOption;
use siding_wire::nd::NdOptions;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouterAdvert;

use super::contents::Contents;

/// Lifetimes that differ by no more than this are the same, in seconds: those that count down do so while they are
/// on their way.
const TOLERANCE: u32 = 10;

/// Something that another router says otherwise than we do. In each pair, ours comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Difference {
    /// The hop limit.
    HopLimit(u8, u8),
    /// M.
    Managed(bool, bool),
    /// O.
    OtherConfig(bool, bool),
    /// ReachableTime, in milliseconds.
    ReachableTime(u32, u32),
    /// RetransTimer, in milliseconds.
    RetransTimer(u32, u32),
    /// The MTU in bytes.
    Mtu(u32, u32),
    /// The valid lifetime of this prefix, in seconds.
    Valid(Ipv6Addr, u32, u32),
    /// The preferred lifetime of this prefix, in seconds.
    Preferred(Ipv6Addr, u32, u32),
}

/// The first thing that `theirs` says otherwise than `ours`. What either leaves unspecified does not differ.
//= RFC 4861 s6.2.7 [4861-14]: these fields and no others; another's default lifetime, say, is its own affair.
pub fn difference(ours: &Contents, theirs: &RouterAdvert, options: NdOptions<'_>) -> Option<Difference> {
    let own = &ours.advert;
    let said = |a: u32, b: u32| a != 0 && b != 0 && a != b;
    if said(own.cur_hop_limit.into(), theirs.cur_hop_limit.into()) {
        return Some(Difference::HopLimit(own.cur_hop_limit, theirs.cur_hop_limit));
    }
    if own.managed != theirs.managed {
        return Some(Difference::Managed(own.managed, theirs.managed));
    }
    if own.other_config != theirs.other_config {
        return Some(Difference::OtherConfig(own.other_config, theirs.other_config));
    }
    if said(own.reachable_time, theirs.reachable_time) {
        return Some(Difference::ReachableTime(own.reachable_time, theirs.reachable_time));
    }
    if said(own.retrans_timer, theirs.retrans_timer) {
        return Some(Difference::RetransTimer(own.retrans_timer, theirs.retrans_timer));
    }
    if let (Some(own), Some(theirs)) = (own.mtu, theirs.mtu)
        && own != theirs
    {
        return Some(Difference::Mtu(own, theirs));
    }
    let prefixes = options.filter_map(|option| match option {
        NdOption::Prefix(prefix) => Some(prefix),
        _ => None,
    });
    prefixes.into_iter().find_map(|theirs| lifetimes(ours, &theirs))
}

fn lifetimes(ours: &Contents, theirs: &PrefixInfo) -> Option<Difference> {
    let same = |own: &&PrefixInfo| (own.prefix, own.prefix_len) == (theirs.prefix, theirs.prefix_len);
    let own = ours.prefixes.iter().find(same)?;
    let differs = |a: u32, b: u32| a.abs_diff(b) > TOLERANCE;
    if differs(own.valid, theirs.valid) {
        return Some(Difference::Valid(own.prefix, own.valid, theirs.valid));
    }
    differs(own.preferred, theirs.preferred).then_some(Difference::Preferred(
        own.prefix,
        own.preferred,
        theirs.preferred,
    ))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |set: bool| if set { "on" } else { "off" };
        match *self {
            Difference::HopLimit(own, theirs) => write!(f, "a hop limit of {theirs}, we {own}"),
            Difference::Managed(own, theirs) => write!(f, "managed {}, we {}", on(theirs), on(own)),
            Difference::OtherConfig(own, theirs) => write!(f, "other-config {}, we {}", on(theirs), on(own)),
            Difference::ReachableTime(own, theirs) => {
                write!(f, "a reachable time of {theirs} ms, we {own} ms")
            }
            Difference::RetransTimer(own, theirs) => {
                write!(f, "a retransmission timer of {theirs} ms, we {own} ms")
            }
            Difference::Mtu(own, theirs) => write!(f, "an MTU of {theirs} bytes, we {own} bytes"),
            Difference::Valid(prefix, own, theirs) => {
                write!(f, "{prefix} valid for {theirs} s, we {own} s")
            }
            Difference::Preferred(prefix, own, theirs) => {
                write!(f, "{prefix} preferred for {theirs} s, we {own} s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use siding_wire::Mac;
    use siding_wire::ip6;
    use siding_wire::nd;
    use siding_wire::nd::NdMessage;

    use super::*;
    use crate::router::AdvertConfig;
    use crate::router::contents::Kind;
    use crate::router::contents::Own;
    use crate::router::contents::Scene;

    const THEM: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);

    /// What we say of the advertisement that `config` makes, when we say the defaults.
    fn heard(config: &AdvertConfig) -> Option<Difference> {
        let own = [Own { addr: PREFIX, len: 64, usable: true, valid: None, preferred: None }];
        let scene = Scene { lladdr: Mac([2, 0, 0, 0, 0, 1]), own: &own, age: Duration::ZERO };
        let ours = AdvertConfig {
            mtu: Some(1500),
            reachable_time: Duration::from_secs(30),
            retrans_timer: Duration::from_secs(1),
            ..AdvertConfig::default()
        };
        let ours = Contents::new(&ours, &scene, Kind::Regular);
        let mut out = [0; 1280];
        let len = Contents::new(config, &scene, Kind::Regular).emit(THEM, ip6::ALL_NODES, &mut out).unwrap();
        let message = nd::validate(255, THEM, ip6::ALL_NODES, &out[..len], false).unwrap();
        let NdMessage::RouterAdvert(advert, options) = message else { panic!("{message:?}") };
        difference(&ours, &advert, options)
    }

    #[test]
    fn what_differs_is_named_and_what_is_unspecified_does_not_4861_14() {
        let with = |change: &dyn Fn(&mut AdvertConfig)| {
            let mut config = AdvertConfig::default();
            change(&mut config);
            heard(&config)
        };
        let terms = |config: &mut AdvertConfig, valid, preferred| {
            if let Some(terms) = &mut config.own_prefixes {
                (terms.valid, terms.preferred) = (valid, preferred);
            }
        };
        assert_eq!(with(&|_| {}), None);
        assert_eq!(with(&|config| config.hop_limit = 0), None);
        assert_eq!(with(&|config| config.hop_limit = 32), Some(Difference::HopLimit(64, 32)));
        assert_eq!(with(&|config| config.managed = true), Some(Difference::Managed(false, true)));
        assert_eq!(with(&|config| config.other_config = true), Some(Difference::OtherConfig(false, true)));
        let second = Duration::from_secs(1);
        assert_eq!(
            with(&|config| config.reachable_time = second),
            Some(Difference::ReachableTime(30_000, 1000))
        );
        assert_eq!(
            with(&|config| config.retrans_timer = 2 * second),
            Some(Difference::RetransTimer(1000, 2000))
        );
        assert_eq!(with(&|config| config.mtu = Some(1400)), Some(Difference::Mtu(1500, 1400)));
        assert_eq!(
            with(&|config| terms(config, 7200, 604)),
            Some(Difference::Valid(PREFIX, 2_592_000, 7200))
        );
        assert_eq!(
            with(&|config| terms(config, 2_592_000, 604)),
            Some(Difference::Preferred(PREFIX, 604_800, 604))
        );
        // A few seconds of a countdown, another lifetime as default router, another prefix.
        assert_eq!(with(&|config| terms(config, 2_591_991, 604_795)), None);
        assert_eq!(with(&|config| config.default_lifetime = Some(Duration::ZERO)), None);
        assert_eq!(with(&|config| config.own_prefixes = None), None);
    }

    #[test]
    fn a_difference_says_both_sides() {
        assert_eq!(Difference::Managed(false, true).to_string(), "managed on, we off");
        assert_eq!(
            Difference::Valid(PREFIX, 2_592_000, 7200).to_string(),
            "2001:db8:: valid for 7200 s, we 2592000 s"
        );
    }
}
