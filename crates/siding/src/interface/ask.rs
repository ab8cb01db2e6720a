//! Interfaces: detached, taken up and down, and told things, as somebody asks.

use std::time::Duration;

use siding_stack::ifnet::DEFAULT_HOP_LIMIT;

use crate::control::Answer;
use crate::control::TuneRequest;
use crate::interface::setting::Down;
use crate::interface::setting::HopLimit;
use crate::interface::setting::Times;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// Detaches an interface.
    pub(crate) fn ask_detach(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        timeout_ms: u64,
    ) -> anyhow::Result<Answer> {
        let timeout = Duration::from_millis(timeout_ms);
        let detached = self
            .detach(ctx, name, timeout)
            .map(|took| Answer::Detached { took_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) });
        detached.inspect_err(|_| self.waive(|owed| owed.on().contains(&name)))
    }

    /// Takes an interface up or down.
    pub(crate) fn ask_up(&self, ctx: &mut Free<'_>, name: String, up: bool) -> anyhow::Result<Answer> {
        self.set_up(ctx, &name, up)?;
        match up {
            true => self.unnote(|there| there.is(|down: &Down| down.on == name)),
            false => self.note(Down { on: name }),
        }
        Ok(Answer::Done)
    }

    /// Changes settings of an interface, and notes each as it is changed: one that cannot be takes no other back.
    pub(crate) fn tune(&self, ctx: &mut Free<'_>, request: TuneRequest) -> anyhow::Result<Answer> {
        let TuneRequest { name, mtu, hop_limit, reachable_time_ms, retrans_timer_ms } = request;
        let id = self.interface(&name)?;
        // 0 sets back what is; what is not given stays.
        if let Some(mtu) = mtu {
            let mtu = Some(mtu).filter(|mtu| *mtu > 0);
            match self.maker(&name) {
                Some(maker) => maker.set_mtu(self, ctx, id, mtu)?,
                None => self.set_mtu(ctx, id, mtu)?,
            }
        }
        if let Some(hop_limit) = hop_limit {
            let hop_limit = if hop_limit == 0 { DEFAULT_HOP_LIMIT } else { hop_limit };
            self.stack.set_hop_limit(ctx, id, hop_limit).map_err(|error| self.named(id, error))?;
            match hop_limit {
                DEFAULT_HOP_LIMIT => {
                    self.unnote(|there| there.is(|limit: &HopLimit| limit.on == name));
                }
                hop_limit => self.note(HopLimit { on: name.clone(), hop_limit }),
            }
        }
        if reachable_time_ms.is_some() || retrans_timer_ms.is_some() {
            let (reachable, retrans) = self.stack.neighbor_times(ctx, id);
            let time = |given: Option<u64>, is: Option<Duration>| match given {
                None => is,
                Some(0) => None,
                Some(ms) => Some(Duration::from_millis(ms)),
            };
            let (reachable, retrans) = (time(reachable_time_ms, reachable), time(retrans_timer_ms, retrans));
            let set = self.stack.set_neighbor_times(ctx, id, reachable, retrans);
            set.map_err(|error| self.named(id, error))?;
            match (reachable, retrans) {
                (None, None) => self.unnote(|there| there.is(|times: &Times| times.on == name)),
                (reachable, retrans) => self.note(Times { on: name, reachable, retrans }),
            }
        }
        Ok(Answer::Done)
    }
}
