//! What a lagg makes of what happens to itself and to its ports.

use siding_lockorder::Ctx;
use siding_netisr::IfId;

use super::step::step_lagg;
use crate::Stack;
use crate::config::Config;
use crate::config::DEEPEST;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::ranks;
use crate::stack::Altered;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Moment;

/// An interface is taken up or down, or its link comes or goes: in one step, its lagg looks at its ports anew, and LACP at
/// both. False if it has to do with no lagg, and nothing is done.
pub(super) fn alters(
    moment: &mut Moment<'_, '_>,
    what: Altered,
    change: &mut dyn FnMut(&mut Config),
) -> bool {
    let id = moment.interface.ifnet.id;
    let lagg = match (&moment.interface.kind, what) {
        (Kind::Lagg(_), Altered::Up(_)) => id,
        _ => moment.stack.shared.config.load().lagg_of(id),
    };
    if lagg.is_none() {
        return false;
    }
    let cause = match what {
        Altered::Up(true) => "taken up",
        Altered::Up(false) => "taken down",
        Altered::Link(true) => "link came up",
        Altered::Link(false) => "link went down",
    };
    let port = if lagg == id { IfId::NONE } else { id };
    let now = moment.stack.now();
    let step = step_lagg(&mut moment.change(now), lagg, (port, cause), |config, state| {
        change(config);
        let is_meant = |port: IfId| id == lagg || id == port;
        let speaks = what == Altered::Up(true);
        for member in state.ports.iter_mut().filter(|member| speaks && is_meant(member.id)) {
            member.silent = false;
        }
        Ok(false)
    });
    // It is there: nobody else can have changed anything. Were it not, the change would be made alone.
    match step {
        Ok(events) => {
            moment.told.extend(events);
            true
        }
        Err(_) => false,
    }
}

impl Stack {
    /// Has laggs follow what has become of their ports since `before`.
    pub(super) fn follow_ports(
        &self,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        before: &Config,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        // A lagg may lie on VLANs of another.
        for _ in 0..DEEPEST {
            let config = self.shared.config.load();
            let mut concerned: Vec<&Interface> =
                config.concerned(before).into_iter().filter_map(|id| config.interface(id)).collect();
            concerned.sort_by_key(|lagg| lagg.ifnet.id.slot());
            let Some((lagg, port, cause)) = concerned.into_iter().find_map(|lagg| outdated(&config, lagg))
            else {
                break;
            };
            let change = &mut Change { shared: &self.shared, control, ctx, now: self.now() };
            // It is there: nobody else can have changed anything.
            let step = step_lagg(change, lagg, (port, cause), |_config, _state| Ok(false));
            events.extend(step.into_iter().flatten());
        }
        events
    }
}

/// A lagg that takes a port for usable that is not, or the other way round: the lagg, that port, and what has happened.
fn outdated(config: &Config, lagg: &Interface) -> Option<(IfId, IfId, &'static str)> {
    let Kind::Lagg(view) = &lagg.kind else { return None };
    let is_fit = |port: &IfId| config.interface(*port).is_some_and(|port| port.is_fit(Use::Frames));
    let port = view.ports.iter().find(|port| is_fit(port) != view.usable.contains(port))?;
    Some((lagg.ifnet.id, *port, if is_fit(port) { "link came up" } else { "link went down" }))
}
