//! Interface identifiers: the last 64 bits of an address.

use core::hash::Hasher;
use core::net::Ipv6Addr;

use siding_wire::Mac;
use siding_wire::ip6;
use siphasher::sip::SipHasher24;

use super::config::Identifier;
use super::config::StableKey;
use crate::chance::Chance;
use crate::route::Prefix;

/// The address in a /64 that `how` makes, on the interface of this name and MAC. `counter` is how often an address
/// of the same origin turned out to be a duplicate; only stable-private identifiers can take it into account.
pub(super) fn address(
    how: &Identifier,
    prefix: Prefix<Ipv6Addr>,
    name: &str,
    mac: Mac,
    counter: u8,
) -> Ipv6Addr {
    match how {
        Identifier::Eui64 => ip6::eui64(prefix.addr(), mac),
        Identifier::Stable(key) => join(prefix, stable(key, prefix, name, counter)),
    }
}

/// An address in a /64 with an identifier that tells nothing: not even, to whoever saw others, what comes next. Chance
/// alone could not promise that, for its numbers are seen in nonces.
//= RFC 8981 s3.3.1: at random, but none of the reserved ones.
pub(super) fn temporary(secret: &[u8; 16], prefix: Prefix<Ipv6Addr>, chance: &mut Chance) -> Ipv6Addr {
    let identifier = first_unreserved(|_| {
        let mut hash = SipHasher24::new_with_key(secret);
        hash.write(&prefix.addr().octets());
        hash.write(&chance.next_u64().to_be_bytes());
        hash.finish()
    });
    join(prefix, identifier)
}

/// The stable-private identifier (RFC 7217 s5).
//= RFC 7217 s5: a keyed function of prefix, interface, network and the number of duplicates so far.
fn stable(key: &StableKey, prefix: Prefix<Ipv6Addr>, name: &str, counter: u8) -> u64 {
    first_unreserved(|attempt| {
        let mut hash = SipHasher24::new_with_key(&key.secret);
        hash.write(&prefix.addr().octets()[..8]);
        // Each text with its length, so that what one loses the other cannot gain.
        for text in [name, key.network.as_str()] {
            hash.write(&(text.len() as u64).to_be_bytes());
            hash.write(text.as_bytes());
        }
        hash.write(&[counter, attempt]);
        hash.finish()
    })
}

/// What the first attempt makes; a reserved identifier is passed over, and the next one taken (RFC 7217 s5, RFC 8981 s3.3.1).
fn first_unreserved(mut make: impl FnMut(u8) -> u64) -> u64 {
    let mut attempt = 0;
    loop {
        let identifier = make(attempt);
        if !is_reserved(identifier) || attempt == u8::MAX {
            return identifier;
        }
        attempt += 1;
    }
}

fn join(prefix: Prefix<Ipv6Addr>, identifier: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.addr().to_bits() | u128::from(identifier))
}

/// Whether the identifier has a meaning of its own (RFC 5453: the routers' anycast, reserved anycast, and the range
/// that is IANA's).
fn is_reserved(identifier: u64) -> bool {
    identifier == 0
        || (0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff).contains(&identifier)
        || (0x0200_5eff_fe00_0000..=0x0200_5eff_fe00_5212).contains(&identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([0x02, 0, 0, 0, 0, 1]);

    fn prefix(text: &str) -> Prefix<Ipv6Addr> {
        text.parse().unwrap()
    }

    fn key(secret: u8, network: &str) -> Identifier {
        Identifier::Stable(StableKey { secret: [secret; 16], network: network.into() })
    }

    #[test]
    fn eui64_is_of_the_mac() {
        let addr = address(&Identifier::Eui64, prefix("2001:db8::/64"), "em0", MAC, 3);
        assert_eq!(addr, "2001:db8::ff:fe00:1".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn stable_identifiers_depend_on_all_that_they_are_made_of_and_on_nothing_else_rfc7217() {
        let one = prefix("2001:db8::/64");
        let make = |how: &Identifier, prefix, name, counter| address(how, prefix, name, MAC, counter);
        let base = make(&key(1, ""), one, "em0", 0);
        assert_eq!(base, make(&key(1, ""), one, "em0", 0), "the same again");
        assert_eq!(base, address(&key(1, ""), one, "em0", Mac([2, 9, 9, 9, 9, 9]), 0), "whatever the MAC");
        let tail = |addr: Ipv6Addr| addr.to_bits() as u64;
        let others = [
            make(&key(2, ""), one, "em0", 0),
            make(&key(1, "x"), one, "em0", 0),
            make(&key(1, ""), prefix("2001:db8:0:1::/64"), "em0", 0),
            make(&key(1, ""), one, "em1", 0),
            make(&key(1, ""), one, "em0", 1),
            make(&key(1, "0"), one, "em", 0),
        ];
        let mut tails: Vec<_> = others.into_iter().chain([base]).map(tail).collect();
        tails.sort();
        tails.dedup();
        assert_eq!(tails.len(), 7);
        assert!(one.contains(base));
    }

    /// The value was worked out from SipHash's own description, not by this code.
    #[test]
    fn a_stable_identifier_outlives_a_new_version_of_this_rfc7217() {
        let addr = address(&key(1, "home"), prefix("2001:db8::/64"), "em0", MAC, 2);
        assert_eq!(addr, "2001:db8::c9ea:afa8:5190:ac64".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn reserved_identifiers_are_passed_over_rfc7217() {
        let mut tried = Vec::new();
        let found = first_unreserved(|attempt| {
            tried.push(attempt);
            [0, 0xfdff_ffff_ffff_ff80, 7, 8][usize::from(attempt)]
        });
        assert_eq!((found, tried), (7, vec![0, 1, 2]));
        // Whoever makes nothing else does not keep us for ever.
        assert_eq!(first_unreserved(|_| 0), 0);
    }

    #[test]
    fn reserved_identifiers_are_known_rfc5453() {
        for identifier in [0, 0xfdff_ffff_ffff_ff80, u64::MAX - (2 << 56), 0x0200_5eff_fe00_5212] {
            assert!(is_reserved(identifier), "{identifier:x}");
        }
        for identifier in [1, 0xfdff_ffff_ffff_ff7f, 0xfe00_0000_0000_0000, 0x0200_5eff_fe00_5213] {
            assert!(!is_reserved(identifier), "{identifier:x}");
        }
    }

    #[test]
    fn temporary_ones_differ() {
        let mut chance = Chance::new(1);
        let one = prefix("2001:db8::/64");
        let mut make = |secret| temporary(&[secret; 16], one, &mut chance);
        let (a, b) = (make(1), make(1));
        assert!(a != b && one.contains(a) && one.contains(b));
        let (mut same, mut again) = (Chance::new(1), Chance::new(1));
        let of = |secret, chance: &mut Chance| temporary(&[secret; 16], one, chance);
        assert_ne!(of(1, &mut same), of(2, &mut again), "who knows chance does not know the secret");
    }
}
