//! What advertisements say of the link: hop limit, times and MTU (RFC 4861 s6.3.2, s6.3.4).

use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::RouterAdvert;

use crate::chance::Chance;

/// How often ReachableTime is drawn anew: "every few hours".
const REDRAW: Duration = Duration::from_secs(2 * 3600);
/// The longest ReachableTime that a router may advertise (RFC 4861 s6.2.1); we ask it of RetransTimer as well.
const LONGEST: Duration = Duration::from_secs(3600);
/// The shortest RetransTimer that is obeyed. Ours: a forged one of a millisecond would make us flood the link.
const SHORTEST_RETRANS: Duration = Duration::from_millis(100);
/// The least MTU of IPv6 (RFC 8200 s5).
const LEAST_MTU: u32 = 1280;

/// What was learnt of the link. `None`: no router has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Params {
    /// The hop limit of what starts here.
    pub(crate) hop_limit: Option<u8>,
    /// The largest packet, in bytes.
    pub(crate) mtu: Option<u16>,
    /// RetransTimer.
    pub(crate) retrans_timer: Option<Duration>,
    /// ReachableTime, drawn.
    pub(crate) reachable_time: Option<Duration>,
    /// What it is drawn from: BaseReachableTime.
    base: Option<Duration>,
    redraw: Option<Instant>,
}

impl Params {
    /// The interface begins, with this BaseReachableTime.
    pub(super) fn begin(&mut self, now: Instant, base: Duration, chance: &mut Chance) {
        *self = Params { base: Some(base), ..Params::default() };
        self.draw(now, chance);
    }

    /// A router's word. `link_mtu` is the most that the link takes.
    //= RFC 4861 s6.3.4 [4861-17, 4861-18]: a field of 0 leaves what is; the others are taken over.
    pub(super) fn heard(&mut self, now: Instant, advert: &RouterAdvert, link_mtu: u16, chance: &mut Chance) {
        if advert.cur_hop_limit != 0 {
            self.hop_limit = Some(advert.cur_hop_limit);
        }
        let base = Duration::from_millis(advert.reachable_time.into());
        //= RFC 4861 s6.3.4 [4861-18]: only a new base is drawn from at once.
        if !base.is_zero() && base <= LONGEST && self.base != Some(base) {
            self.base = Some(base);
            self.draw(now, chance);
        }
        let retrans = Duration::from_millis(advert.retrans_timer.into());
        if !retrans.is_zero() && retrans <= LONGEST {
            self.retrans_timer = Some(retrans.max(SHORTEST_RETRANS));
        }
        //= RFC 4861 s6.3.4 [4861-18]: an MTU that IPv6 can use and the link takes.
        if let Some(mtu) = advert.mtu.filter(|mtu| (LEAST_MTU..=link_mtu.into()).contains(mtu)) {
            self.mtu = u16::try_from(mtu).ok();
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
        params.heard(T0, &advert(), 1500, &mut chance);
        let taken = params;
        assert_eq!((taken.hop_limit, taken.mtu, taken.retrans_timer), (Some(9), Some(1400), Some(S * 2)));
        assert!((S * 5..=S * 15).contains(&taken.reachable_time.unwrap()));
        params.heard(T0 + S, &RouterAdvert::default(), 1500, &mut chance);
        assert_eq!(params, taken);
        params.heard(T0 + S, &advert(), 1500, &mut chance);
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
            params.heard(T0, &RouterAdvert { mtu: Some(mtu), ..advert() }, 1500, &mut chance);
            assert_eq!(params.mtu, taken, "{mtu}");
        }
    }

    #[test]
    fn times_within_reason_4861_18() {
        let (mut params, mut chance) = begun();
        let mad =
            RouterAdvert { reachable_time: 3_600_001, retrans_timer: u32::MAX, ..RouterAdvert::default() };
        let before = params;
        params.heard(T0, &mad, 1500, &mut chance);
        assert_eq!(params, before);
        params.heard(T0, &RouterAdvert { retrans_timer: 1, ..RouterAdvert::default() }, 1500, &mut chance);
        assert_eq!(params.retrans_timer, Some(SHORTEST_RETRANS));
    }
}
