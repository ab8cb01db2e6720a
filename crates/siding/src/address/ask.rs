//! Addresses, as somebody asks for them.

use std::net::IpAddr;
use std::time::Duration;

use siding_stack::Lifetimes;
use siding_wire::ip6;

use super::change::Given;
use super::setting::Address;
use super::setting::LinkLocal;
use crate::control::AddressRequest;
use crate::control::Answer;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::setting::Any;

impl Daemon {
    /// Adds an address.
    pub(crate) fn ask_address(&self, ctx: &mut Free<'_>, request: AddressRequest) -> anyhow::Result<Answer> {
        let AddressRequest { interface: on, address, dad: detect, preferred_s, valid_s } = request;
        let seconds = |given: Option<u64>| given.map(Duration::from_secs);
        let lifetimes = Lifetimes { preferred: seconds(preferred_s), valid: seconds(valid_s) };
        self.add_address(ctx, &on, Given { cidr: address.0, detect, lifetimes })?;
        // What is there for a while is no configuration.
        if preferred_s.is_none() && valid_s.is_none() {
            self.note(Address { on, address: address.0, detect });
        }
        Ok(Answer::Done)
    }

    /// Takes an address away.
    pub(crate) fn ask_no_address(
        &self,
        ctx: &mut Free<'_>,
        on: &str,
        address: IpAddr,
    ) -> anyhow::Result<Answer> {
        let is_it = |there: &Any| there.is(|own: &Address| own.on == on && own.address.address() == address);
        let removed = self.remove_address(ctx, on, address);
        let is_made = matches!(address, IpAddr::V6(address) if ip6::is_link_local(address));
        if removed.is_ok() && is_made && self.first(is_it).is_none() {
            self.unnote(|there| there.is(|local: &LinkLocal| local.on == on));
        }
        self.removed(removed, is_it).map(|()| Answer::Done)
    }
}
