//! Settings of the stack as a whole, and of its interfaces.

use std::time::Duration;

use siding_stack::ifnet::DEFAULT_HOP_LIMIT;

use crate::control::Answer;
use crate::control::StackRequest;
use crate::control::TuneRequest;
use crate::interface::setting::Attached;
use crate::interface::setting::HopLimit;
use crate::interface::setting::Times;
use crate::nested::setting::Bridged;
use crate::nested::setting::Lagged;
use crate::nested::setting::Tagged;
use crate::nested::setting::VlanMtu;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::setting::Any;
use crate::state::setting::Setting;

impl Daemon {
    pub(super) fn ask_stack(&self, ctx: &mut Free<'_>, request: StackRequest) -> anyhow::Result<Answer> {
        match request {
            StackRequest::Forwarding { on } => self.stack.set_forwarding(ctx, on),
            StackRequest::LearnAnnounced { on } => self.stack.set_learn_announced(ctx, on),
            StackRequest::ExamineOptions { on } => self.stack.set_examine_options(ctx, on),
            StackRequest::AnycastAdd { interface, address } => {
                let id = self.interface(&interface)?;
                self.stack.add_anycast(ctx, id, address).map_err(|error| self.named(id, error))?;
            }
            StackRequest::AnycastDel { interface, address } => {
                let id = self.interface(&interface)?;
                self.stack.remove_anycast(ctx, id, address).map_err(|error| self.named(id, error))?;
            }
            StackRequest::FlushPathMtus { interface } => {
                return Ok(Answer::Flushed(match interface {
                    Some(name) => self.stack.flush_path_mtus_on(ctx, self.interface(&name)?),
                    None => self.stack.flush_path_mtus(ctx),
                }));
            }
        }
        Ok(Answer::Done)
    }

    /// Changes settings of an interface, and notes each as it is changed: one that cannot be takes no other back.
    pub(super) fn tune(&self, ctx: &mut Free<'_>, request: TuneRequest) -> anyhow::Result<()> {
        let TuneRequest { name, mtu, hop_limit, reachable_time_ms, retrans_timer_ms } = request;
        let id = self.interface(&name)?;
        // 0 sets back what is; what is not given stays.
        if let Some(mtu) = mtu {
            self.tune_mtu(ctx, &name, Some(mtu).filter(|mtu| *mtu > 0))?;
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
        Ok(())
    }

    /// Gives an interface another MTU, `None` for what it has by itself.
    fn tune_mtu(&self, ctx: &mut Free<'_>, name: &str, mtu: Option<u16>) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        let maker = self.maker(name);
        // These have no link that says how much it takes: what they are made with does.
        if let Some(before) = maker.as_ref().and_then(Any::get::<Lagged>) {
            let after = before.with_mtu(mtu);
            after.replace(self, ctx, before)?;
            if let Some(Err(error)) = mtu.map(|mtu| self.stack.set_mtu(ctx, id, mtu)) {
                before.replace(self, ctx, &after)?;
                return Err(self.named(id, error));
            }
            self.stack.ask_mtu(ctx, id, None).map_err(|error| self.named(id, error))?;
            self.note(after);
            return Ok(());
        }
        if let Some(before) = maker.as_ref().and_then(Any::get::<Bridged>) {
            let after = before.with_mtu(mtu);
            after.replace(self, ctx, before)?;
            self.note(after);
            return Ok(());
        }
        let set = match mtu {
            None => self.stack.ask_mtu(ctx, id, None),
            Some(mtu) => self.stack.set_mtu(ctx, id, mtu),
        };
        set.map_err(|error| self.named(id, error))?;
        let Some(maker) = maker else { return Ok(()) };
        if let Some(device) = maker.get::<Attached>() {
            self.note(device.with_mtu(mtu));
        } else if maker.get::<Tagged>().is_some() {
            match mtu {
                Some(mtu) => self.note(VlanMtu { on: name.to_owned(), mtu }),
                None => self.unnote(|there| there.is(|mtu: &VlanMtu| mtu.on == name)),
            }
        }
        Ok(())
    }
}
