//! What advertisements say of the link: hop limit, times and MTU (RFC 4861 s6.3.2, s6.3.4).

use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::RouterAdvert;

use crate::chance::Chance;

/// How often ReachableTime is drawn anew: "every few hours".
const REDRAW: Duration = Duration::from_secs(2 * 3600);
/// The longest ReachableTime that a router may advertise (RFC 4861 s6.2.1).
const LONGEST: Duration = Duration::from_secs(3600);
/// The shortest that is obeyed. Ours: a forged one of a millisecond would have every neighbour asked for again and again.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest RetransTimer that is obeyed. Ours: with a longer one no neighbour would ever be found out to be silent, nor
/// any address to be ours.
const LONGEST_RETRANS: Duration = Duration::from_secs(10);
/// The shortest RetransTimer that is obeyed. Ours: a forged one of a millisecond would make us flood the link.
const SHORTEST_RETRANS: Duration = Duration::from_millis(100);
/// The least MTU of IPv6 (RFC 8200 s5).
const LEAST_MTU: u32 = 1280;

/// What was learnt of the link. `None`: no router has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Params {
    /// The hop limit of what starts here.
    pub hop_limit: Option<u8>,
    /// The largest packet, in bytes.
    pub mtu: Option<u16>,
    /// RetransTimer.
    pub retrans_timer: Option<Duration>,
    /// ReachableTime, drawn.
    pub reachable_time: Option<Duration>,
    /// What it is drawn from: BaseReachableTime.
    base: Option<Duration>,
    /// A hop limit that was not obeyed.
    too_low: Option<u8>,
    redraw: Option<Instant>,
}

impl Params {
    /// The interface begins, with this BaseReachableTime.
    pub(super) fn begin(&mut self, now: Instant, base: Duration, chance: &mut Chance) {
        *self = Params { base: Some(base), ..Params::default() };
        self.draw(now, chance);
    }

    /// A router's word. `link_mtu` is the most that the link takes, `least_hops` the lowest hop limit that is obeyed. A
    /// lower one comes back, unless the router said so before.
    //= RFC 4861 s6.3.4 [4861-17, 4861-18]: a field of 0 leaves what is; the others are taken over.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        advert: &RouterAdvert,
        (link_mtu, least_hops): (u16, u8),
        chance: &mut Chance,
    ) -> Option<u8> {
        let mut too_low = None;
        match advert.cur_hop_limit {
            0 => {}
            // By mistake or by malice, nothing of ours would get any further than that.
            low if low < least_hops => too_low = (self.too_low.replace(low) != Some(low)).then_some(low),
            hops => (self.hop_limit, self.too_low) = (Some(hops), None),
        }
        let said = Duration::from_millis(advert.reachable_time.into());
        let base = if said.is_zero() { said } else { said.max(SHORTEST) };
        //= RFC 4861 s6.3.4 [4861-18]: only a new base is drawn from at once.
        if !base.is_zero() && base <= LONGEST && self.base != Some(base) {
            self.base = Some(base);
            self.draw(now, chance);
        }
        let retrans = Duration::from_millis(advert.retrans_timer.into());
        if !retrans.is_zero() && retrans <= LONGEST {
            self.retrans_timer = Some(retrans.clamp(SHORTEST_RETRANS, LONGEST_RETRANS));
        }
        //= RFC 4861 s6.3.4 [4861-18]: an MTU that IPv6 can use and the link takes.
        if let Some(mtu) = advert.mtu.filter(|mtu| (LEAST_MTU..=link_mtu.into()).contains(mtu)) {
            self.mtu = u16::try_from(mtu).ok();
        }
        too_low
    }

    /// The interface's own BaseReachableTime changes, from which we draw unless a router gave another.
    pub(super) fn rebase(&mut self, now: Instant, before: Duration, base: Duration, chance: &mut Chance) {
        if self.base == Some(before) {
            self.base = Some(base);
            self.draw(now, chance);
        }
    }

    /// The timer fired.
    pub(super) fn on_timer(&mut self, now: Instant, chance: &mut Chance) {
        if self.redraw.is_some_and(|redraw| redraw <= now) {
            self.draw(now, chance);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.redraw
    }

    //= RFC 4861 s6.3.2, s6.3.4 [4861-18]: a random time of 0.5 to 1.5 of the base, and a new one every few hours.
    fn draw(&mut self, now: Instant, chance: &mut Chance) {
        self.reachable_time = self.base.map(|base| chance.between(base / 2, base * 3 / 2));
        self.redraw = Some(now + REDRAW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);
    const S: Duration = Duration::from_secs(1);

    fn begun() -> (Params, Chance) {
        let (mut params, mut chance) = (Params::default(), Chance::new(5));
        params.begin(T0, S * 30, &mut chance);
        (params, chance)
    }

    fn advert() -> RouterAdvert {
        RouterAdvert {
            cur_hop_limit: 9,
            reachable_time: 10_000,
            retrans_timer: 2000,
            mtu: Some(1400),
            ..RouterAdvert::default()
        }
    }

    #[test]
    fn what_is_said_is_taken_and_zero_says_nothing_4861_17_4861_18() {
        let (mut params, mut chance) = begun();
        assert_eq!((params.hop_limit, params.mtu, params.retrans_timer), (None, None, None));
        params.heard(T0, &advert(), (1500, 1), &mut chance);
        let taken = params;
        assert_eq!((taken.hop_limit, taken.mtu, taken.retrans_timer), (Some(9), Some(1400), Some(S * 2)));
        assert!((S * 5..=S * 15).contains(&taken.reachable_time.unwrap()));
        params.heard(T0 + S, &RouterAdvert::default(), (1500, 1), &mut chance);
        assert_eq!(params, taken);
        params.heard(T0 + S, &advert(), (1500, 1), &mut chance);
        assert_eq!(params, taken, "the same base again is not drawn from again");
    }

    #[test]
    fn reachable_time_is_spread_and_drawn_anew_4861_18() {
        let mut chance = Chance::new(5);
        let mut drawn = Vec::new();
        let mut params = Params::default();
        params.begin(T0, S * 30, &mut chance);
        for _ in 0..200 {
            let now = params.deadline().unwrap();
            params.on_timer(now, &mut chance);
            assert_eq!(params.deadline(), Some(now + REDRAW));
            drawn.push(params.reachable_time.unwrap());
        }
        let (least, most) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
        assert!(least >= S * 15 && least < S * 16 && most <= S * 45 && most > S * 44, "{least:?} {most:?}");
    }

    #[test]
    fn mtu_within_its_bounds_4861_18() {
        for (mtu, taken) in
            [(1279, None), (1280, Some(1280)), (1500, Some(1500)), (1501, None), (u32::MAX, None)]
        {
            let (mut params, mut chance) = begun();
            params.heard(T0, &RouterAdvert { mtu: Some(mtu), ..advert() }, (1500, 1), &mut chance);
            assert_eq!(params.mtu, taken, "{mtu}");
        }
    }

    #[test]
    fn times_within_reason_4861_18() {
        let (mut params, mut chance) = begun();
        let mad =
            RouterAdvert { reachable_time: 3_600_001, retrans_timer: u32::MAX, ..RouterAdvert::default() };
        let before = params;
        params.heard(T0, &mad, (1500, 1), &mut chance);
        assert_eq!(params, before);
        params.heard(
            T0,
            &RouterAdvert { retrans_timer: 1, ..RouterAdvert::default() },
            (1500, 1),
            &mut chance,
        );
        assert_eq!(params.retrans_timer, Some(SHORTEST_RETRANS));
        let slow = RouterAdvert { retrans_timer: 3_600_000, reachable_time: 1, ..RouterAdvert::default() };
        params.heard(T0, &slow, (1500, 1), &mut chance);
        assert_eq!(params.retrans_timer, Some(LONGEST_RETRANS));
        assert!((SHORTEST / 2..=SHORTEST * 3 / 2).contains(&params.reachable_time.unwrap()));
    }

    #[test]
    fn a_hop_limit_that_leads_nowhere_is_not_obeyed_and_told_once_4861_17() {
        let (mut params, mut chance) = begun();
        let mut heard = |hops, least| {
            let advert = RouterAdvert { cur_hop_limit: hops, ..RouterAdvert::default() };
            let told = params.heard(T0, &advert, (1500, least), &mut chance);
            (told, params.hop_limit)
        };
        assert_eq!(heard(1, 32), (Some(1), None));
        assert_eq!(heard(1, 32), (None, None), "told once");
        assert_eq!(heard(31, 32), (Some(31), None));
        assert_eq!(heard(32, 32), (None, Some(32)));
        assert_eq!(heard(0, 32), (None, Some(32)));
        assert_eq!(heard(1, 32), (Some(1), Some(32)), "it had been right meanwhile");
        assert_eq!(heard(1, 1), (None, Some(1)), "as configured");
    }
}
