//! Types of deferred packets, by name.
//!
//! Each protocol names its own in its folder ([`Queue`]), and registers them with what handles them when a stack is built.
//! Whoever keeps them all need not know whose they are.
//!
//! # Locks
//!
//! None: they are registered before there is a stack, and only read from then on. # Teardown: they go with the stack.

use std::any::Any;
use std::any::TypeId;
use std::any::type_name;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::PacketType;
use siding_netisr::RegisterError;
use siding_netisr::TypeSpec;

/// One type of deferred packets: the metadata itself, or a name of its own where several types have the same.
pub(crate) trait Queue: 'static {
    /// What is kept with each packet.
    type Meta: Metadata;

    /// As it is told to operators.
    const NAME: &'static str;
}

/// All types of a stack whose workers' state is `W`.
pub(crate) struct Queues<W>(Vec<(TypeId, Box<dyn Any + Send + Sync>)>, std::marker::PhantomData<fn(W)>);

impl<W: 'static> Queues<W> {
    /// The type of this name.
    ///
    /// # Panics
    ///
    /// No protocol of the list has registered it; whoever forgets that learns of it with the first packet.
    #[inline]
    pub(crate) fn of<Q: Queue>(&self) -> &PacketType<Mbuf, Q::Meta, W> {
        let found = self.0.iter().find(|(name, _)| *name == TypeId::of::<Q>());
        match found.and_then(|(_, kind)| kind.downcast_ref()) {
            Some(kind) => kind,
            None => panic!("no protocol has registered {}", type_name::<Q>()),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Registers types while a stack is built.
pub(crate) struct Registrar<'a, W: Local> {
    netisr: &'a Netisr<Mbuf, W>,
    /// Packets of each type that may wait for each worker.
    pub(crate) limit: u32,
    done: Queues<W>,
}

impl<'a, W: Local + 'static> Registrar<'a, W> {
    pub(crate) fn new(netisr: &'a Netisr<Mbuf, W>, limit: u32) -> Registrar<'a, W> {
        Registrar { netisr, limit, done: Queues(Vec::new(), std::marker::PhantomData) }
    }

    /// Registers one: `shape` says what is different from the others.
    ///
    /// # Errors
    ///
    /// The limit is out of its range, or the name is taken.
    pub(crate) fn add<Q: Queue>(
        &mut self,
        shape: impl FnOnce(TypeSpec<Mbuf, Q::Meta>) -> TypeSpec<Mbuf, Q::Meta>,
        handler: impl Fn(&mut Ctx<'_, Unlocked>, &mut W, Mbuf, Q::Meta) + Send + Sync + 'static,
    ) -> Result<(), RegisterError> {
        // All are timed: they are few, and their waits are what an operator asks about.
        let spec = TypeSpec::new(Q::NAME).limit(self.limit).time_every(1);
        let kind = self.netisr.register(shape(spec), handler)?;
        self.done.0.push((TypeId::of::<Q>(), Box::new(kind)));
        Ok(())
    }

    /// All that have been registered.
    pub(crate) fn done(self) -> Queues<W> {
        self.done
    }
}
