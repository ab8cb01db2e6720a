//! Our own packets among the stack's protocols.

use siding_netisr::RegisterError;

use super::IpOut;
use super::LocalIn;
use super::handle;
use crate::queues::Registrar;
use crate::stack::Protocol;
use crate::worker::Local;

/// Our own packets.
pub(crate) struct Own;

impl Protocol for Own {
    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        make.add::<LocalIn>(|spec| spec, handle::local_in)?;
        make.add::<IpOut>(|spec| spec, handle::ip_out)
    }
}
