//! The ruleset that runs.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::TryLockError;

use siding_filter::Program;
use siding_filter::Setup;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_stack::Stack;
use siding_stack::filter::FilterSetup;

use super::FilterConfig;
use super::judge::Rules;

/// What filters a stack's packets, if anything does.
#[derive(Debug)]
pub(crate) struct Filter {
    workers: usize,
    /// Keys the hash of the sets that peers fill.
    seed: [u64; 2],
    running: Mutex<Option<Running>>,
}

/// So many elements that have no place any more are told of one by one.
const MOST_TOLD: usize = 20;

#[derive(Debug)]
struct Running {
    program: Arc<Program>,
    config: FilterConfig,
}

impl Filter {
    /// For a stack of so many workers.
    pub(crate) fn new(workers: usize, seed: [u64; 2]) -> Filter {
        Filter { workers, seed, running: Mutex::default() }
    }

    /// Filters as `config` says, from one packet to the next. What earlier rules have counted stays with those that are
    /// the same, states and sets that rules have filled stay.
    ///
    /// # Errors
    ///
    /// What is wrong with the rules; nothing has changed then.
    pub(crate) fn set(
        &self,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        config: &FilterConfig,
    ) -> anyhow::Result<()> {
        let mut running = self.lock();
        let setup = Setup {
            workers: self.workers,
            now: stack.now().as_nanos(),
            seed: self.seed,
            built_in: config.built_in,
        };
        let before = running.as_ref().map(|running| &*running.program);
        let program = follow(config.texts.compile(&setup, before)?, stack);
        for lost in program.lost().iter().take(MOST_TOLD) {
            tracing::warn!("filter: not in the new rules: {lost}");
        }
        *running = Some(Running::publish(Arc::new(program), config.clone(), stack, ctx));
        Ok(())
    }

    /// Lets everything pass. States are forgotten.
    pub(crate) fn stop(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) {
        let mut running = self.lock();
        stack.set_filter(ctx, None);
        *running = None;
    }

    /// What is to be done now and then: sets follow the prefixes of interfaces, and lose elements whose time is over.
    pub(crate) fn tend(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) {
        // Rules that are being compiled may take long, and the caller has others to look after: another time, then.
        let mut running = match self.running.try_lock() {
            Ok(running) => running,
            Err(TryLockError::Poisoned(running)) => running.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(Running { program, config }) = running.as_ref() else { return };
        program.sweep(stack.now().as_nanos());
        if let Some(program) = followed(program, stack) {
            *running = Some(Running::publish(Arc::new(program), config.clone(), stack, ctx));
        }
    }

    /// Changes sets of what runs; `change` gives the next program, if it is not the same one. Flows are judged anew
    /// either way.
    ///
    /// # Errors
    ///
    /// Nothing is filtered, or what `change` says; nothing has changed then.
    pub(crate) fn change(
        &self,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        change: impl FnOnce(&Program, u64) -> Result<Option<Program>, String>,
    ) -> anyhow::Result<()> {
        let mut running = self.lock();
        let Some(Running { program, config }) = running.as_ref() else {
            anyhow::bail!("nothing is filtered: `siding filter load FILE` loads rules")
        };
        let next = change(program, stack.now().as_nanos()).map_err(anyhow::Error::msg)?;
        let program = next.map_or_else(|| program.clone(), Arc::new);
        *running = Some(Running::publish(program, config.clone(), stack, ctx));
        Ok(())
    }

    /// The ruleset that runs.
    pub(crate) fn program(&self) -> Option<Arc<Program>> {
        self.lock().as_ref().map(|running| running.program.clone())
    }

    /// How packets are filtered.
    pub(crate) fn config(&self) -> Option<FilterConfig> {
        self.lock().as_ref().map(|running| running.config.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn publish(
        program: Arc<Program>,
        config: FilterConfig,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
    ) -> Running {
        let judge = Arc::new(Rules(program.clone()));
        let setup = FilterSetup { judge, limits: config.limits, timeouts: config.timeouts };
        stack.set_filter(ctx, Some(setup));
        Running { program, config }
    }
}

fn follow(program: Program, stack: &Stack) -> Program {
    followed(&program, stack).unwrap_or(program)
}

/// The program with the prefixes that interfaces have now, if it looks at any that are otherwise.
fn followed(program: &Program, stack: &Stack) -> Option<Program> {
    let config = stack.config();
    let mut changed: Option<Program> = None;
    for interface in config.interfaces() {
        let own6 = interface.addrs6.iter().map(|own| (IpAddr::V6(own.addr), own.prefix_len));
        let own4 = interface.addrs4.iter().map(|own| (IpAddr::V4(own.addr), own.prefix_len));
        let prefixes: Vec<(IpAddr, u8)> = own6.chain(own4).collect();
        let program = changed.as_ref().unwrap_or(program);
        changed = program.set_prefixes(&interface.ifnet.name, &prefixes).or(changed);
    }
    changed
}
