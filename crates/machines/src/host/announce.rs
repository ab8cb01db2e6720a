//! Telling the routers of new addresses, so that answers find them at once (RFC 9131).

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;

use crate::nud::REFUSED_RETRY;
use crate::nud::Refused;

/// Addresses that are being announced. There are never more than the interface has.
#[derive(Debug, Default)]
pub(super) struct Announcer(Vec<Pending>);

#[derive(Debug)]
struct Pending {
    addr: Ipv6Addr,
    left: u32,
    next: Instant,
}

impl Announcer {
    /// A new address that may be used: it is announced `times` times.
    pub(super) fn begin(&mut self, addr: Ipv6Addr, now: Instant, times: u32) {
        self.forget(addr);
        if times > 0 {
            self.0.push(Pending { addr, left: times, next: now });
        }
    }

    /// The address is ours no more.
    pub(super) fn forget(&mut self, addr: Ipv6Addr) {
        self.0.retain(|pending| pending.addr != addr);
    }

    pub(super) fn stop(&mut self) {
        self.0.clear();
    }

    /// The timer fired: sends what is due.
    //= RFC 9131 s6.1.2 [9131-2]: up to three, RetransTimer apart at the least.
    pub(super) fn on_timer(
        &mut self,
        now: Instant,
        retrans_timer: Duration,
        mut send: impl FnMut(Ipv6Addr) -> Result<(), Refused>,
    ) {
        for pending in self.0.iter_mut().filter(|pending| pending.next <= now) {
            match send(pending.addr) {
                Ok(()) => {
                    pending.left -= 1;
                    pending.next = now + retrans_timer;
                }
                Err(Refused) => pending.next = now + REFUSED_RETRY,
            }
        }
        self.0.retain(|pending| pending.left > 0);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|pending| pending.next).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);
    const S: Duration = Duration::from_secs(1);
    const ADDR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

    #[test]
    fn three_times_retrans_timer_apart_9131_2() {
        let mut announcer = Announcer::default();
        announcer.begin(ADDR, T0, 3);
        let mut sent = Vec::new();
        let mut refuse = true;
        while let Some(now) = announcer.deadline() {
            announcer.on_timer(now, S, |_| {
                if std::mem::replace(&mut refuse, false) {
                    return Err(Refused);
                }
                sent.push(now.since(T0));
                Ok(())
            });
        }
        assert_eq!(sent, [REFUSED_RETRY, REFUSED_RETRY + S, REFUSED_RETRY + S * 2], "a refused one is none");
    }

    #[test]
    fn none_when_switched_off_or_the_address_has_gone_9131_2() {
        let mut announcer = Announcer::default();
        announcer.begin(ADDR, T0, 0);
        assert_eq!(announcer.deadline(), None);
        announcer.begin(ADDR, T0, 3);
        announcer.forget(ADDR);
        assert_eq!(announcer.deadline(), None);
    }
}
