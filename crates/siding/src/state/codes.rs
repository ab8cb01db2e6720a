//! Which code an error has, by what it is: the stack's own errors say what they are about.

use std::any::Any;
use std::error::Error;

use siding_stack::AddRouteError;
use siding_stack::AddressError;
use siding_stack::AttachError;
use siding_stack::BridgeError;
use siding_stack::GroupError;
use siding_stack::LaggError;
use siding_stack::NeighborError;
use siding_stack::NoInterface;
use siding_stack::SectionError;
use siding_stack::SendError;
use siding_stack::SettingError;
use siding_stack::VlanError;
use siding_stack::route::Address;
use siding_stack::route::RouteError;

use crate::config::ConfigError;
use crate::control::Code;
use crate::control::Failure;
use crate::words::wrong::Wrong;

/// An error of the stack's that is one of these, looked at through what hides it.
macro_rules! of_stack {
    ($error:expr, $($name:ident)*) => { None$(.or_else(|| $error.downcast_ref::<$name>().map(Coded::code)))* };
}

/// An error that says what it is about.
trait Coded {
    fn code(&self) -> Code;
}

/// Of an error with all its causes.
pub(crate) fn of(error: &anyhow::Error) -> Code {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.code;
    }
    error.chain().find_map(of_cause).unwrap_or(Code::Refused)
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<Code> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if cause.is::<ConfigError>() || cause.is::<Wrong>() {
        return Some(Code::Invalid);
    }
    let system = cause.is::<std::io::Error>() || cause.is::<siding_drivers::kernel::Error>();
    of_stack!(
        cause,
        AddressError AddRouteError AttachError BridgeError GroupError LaggError NeighborError NoInterface SectionError
        SendError SettingError VlanError
    )
    .or(system.then_some(Code::System))
}

/// Of an error that is about to become a text.
pub(crate) fn of_any(error: &dyn Any) -> Code {
    of_stack!(
        error,
        AddressError AddRouteError AttachError BridgeError GroupError LaggError NeighborError NoInterface SettingError
        VlanError
    )
    .unwrap_or(Code::Refused)
}

impl Coded for SectionError {
    fn code(&self) -> Code {
        match self {
            SectionError::NoSection(_) | SectionError::NoKey { .. } => Code::NotFound,
            SectionError::Value { .. } => Code::Invalid,
        }
    }
}

impl Coded for AddressError {
    fn code(&self) -> Code {
        match self {
            AddressError::NoInterface(_) | AddressError::NotAssigned(_) => Code::NotFound,
            AddressError::Assigned(_) => Code::Exists,
            AddressError::OnPort(_) => Code::Refused,
            _ => Code::Invalid,
        }
    }
}

impl Coded for AddRouteError {
    fn code(&self) -> Code {
        match self {
            AddRouteError::NoInterface(_) => Code::NotFound,
            AddRouteError::OnPort(_) | AddRouteError::OtherVrf(_) => Code::Refused,
            AddRouteError::Route6(error) => error.code(),
            AddRouteError::Route4(error) => error.code(),
        }
    }
}

impl Coded for AttachError {
    fn code(&self) -> Code {
        match self {
            AttachError::NameTaken(_) => Code::Exists,
            AttachError::NoSlot(_) => Code::NoRoom,
            AttachError::Gone(_) => Code::NotFound,
            _ => Code::Invalid,
        }
    }
}

impl Coded for BridgeError {
    fn code(&self) -> Code {
        match self {
            BridgeError::NoInterface(_) | BridgeError::NotABridge(_) | BridgeError::NotAPort(_) => {
                Code::NotFound
            }
            BridgeError::Attach(error) => error.code(),
            BridgeError::IsPort(..) => Code::Exists,
            BridgeError::TooManyPorts => Code::NoRoom,
            BridgeError::Has(..) => Code::Refused,
            _ => Code::Invalid,
        }
    }
}

impl Coded for GroupError {
    fn code(&self) -> Code {
        match self {
            GroupError::NoInterface(_) | GroupError::NotJoined(_) => Code::NotFound,
            GroupError::Joined(_) => Code::Exists,
            GroupError::Full(_) => Code::NoRoom,
            GroupError::OnPort(_) => Code::Refused,
            GroupError::NotAGroup(_) => Code::Invalid,
        }
    }
}

impl Coded for LaggError {
    fn code(&self) -> Code {
        match self {
            LaggError::NoInterface(_) | LaggError::NotALagg(_) | LaggError::NotAPort(_) => Code::NotFound,
            LaggError::Attach(error) => error.code(),
            LaggError::IsPort(_) => Code::Exists,
            LaggError::Has(..) => Code::Refused,
            _ => Code::Invalid,
        }
    }
}

impl Coded for NeighborError {
    fn code(&self) -> Code {
        match self {
            NeighborError::NoInterface(_) => Code::NotFound,
            NeighborError::Exists(_) => Code::Exists,
            NeighborError::OnPort(_) => Code::Refused,
            _ => Code::Invalid,
        }
    }
}

impl Coded for NoInterface {
    fn code(&self) -> Code {
        Code::NotFound
    }
}

impl<A: Address> Coded for RouteError<A> {
    fn code(&self) -> Code {
        match self {
            RouteError::Ways | RouteError::Groups | RouteError::Full => Code::NoRoom,
            _ => Code::Invalid,
        }
    }
}

impl Coded for SendError {
    fn code(&self) -> Code {
        match self {
            SendError::NoRoute(_) => Code::NotFound,
            SendError::NoBuffer => Code::NoRoom,
            _ => Code::Refused,
        }
    }
}

impl Coded for SettingError {
    fn code(&self) -> Code {
        match self {
            SettingError::NoInterface(_) => Code::NotFound,
            _ => Code::Invalid,
        }
    }
}

impl Coded for VlanError {
    fn code(&self) -> Code {
        match self {
            VlanError::NoInterface(_) => Code::NotFound,
            VlanError::Attach(error) => error.code(),
            VlanError::Exists(_) => Code::Exists,
            VlanError::OnPort(_) => Code::Refused,
            _ => Code::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;

    use anyhow::Context;
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_has_its_code_however_deep_it_lies_and_others_have_the_general_one() {
        let taken = || anyhow::Error::from(AttachError::NameTaken("a".into()));
        assert_eq!(of(&taken()), Code::Exists);
        assert_eq!(of(&taken().context("around it").context("and around that")), Code::Exists);
        assert_eq!(of(&VlanError::Attach(AttachError::NoSlot(256)).into()), Code::NoRoom);
        let failure = || anyhow::Error::from(Failure::new(Code::NotFound, "no interface 'a'"));
        assert_eq!(of(&Err::<(), _>(failure()).context("around it").unwrap_err()), Code::NotFound);
        assert_eq!(of(&std::io::Error::other("x").into()), Code::System);
        assert_eq!(of(&anyhow!("anything")), Code::Refused);
        assert_eq!(of_any(&GroupError::Full(3)), Code::NoRoom);
        // A table that is full, of either family, as it is told of a route and of a refusal.
        for full in [RouteError::<Ipv6Addr>::Full, RouteError::Ways] {
            assert_eq!(of(&AddRouteError::Route6(full).into()), Code::NoRoom);
            assert_eq!(of_any(&AddRouteError::Route6(full)), Code::NoRoom);
        }
        assert_eq!(of_any(&AddRouteError::Route4(RouteError::Full)), Code::NoRoom);
        let itself = RouteError::Itself(Ipv4Addr::LOCALHOST);
        assert_eq!(of_any(&AddRouteError::Route4(itself)), Code::Invalid);
        assert_eq!(of_any(&String::from("x")), Code::Refused);
    }
}
