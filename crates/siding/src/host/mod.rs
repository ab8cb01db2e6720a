//! What an interface learns from routers as a host, and what it tells as a router. # Teardown: it says farewell before it goes.

pub(crate) mod advertise;
pub(crate) mod learn;
pub(crate) mod setting;
