//! The ruleset that runs.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::TryLockError;

use siding_filter::Commands;
use siding_filter::Program;
use siding_filter::Setup;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_stack::Stack;
use siding_stack::filter::FilterSetup;

use crate::judge::Rules;
use crate::read::FilterConfig;

/// What filters a stack's packets, if anything does.
#[derive(Debug)]
pub struct Filter {
    workers: usize,
    /// Keys the hash of the sets that peers fill.
    seed: [u64; 2],
    rulesets: Mutex<Rulesets>,
}

#[derive(Debug, Default)]
struct Rulesets {
    running: Option<Running>,
    /// What somebody may go back to, as it ran last.
    kept: Option<Kept>,
}

/// So many elements that have no place any more are told of one by one.
const MOST_TOLD: usize = 20;

#[derive(Debug, Clone)]
struct Running {
    program: Arc<Program>,
    config: FilterConfig,
    /// What commands had done to its sets when the configuration came.
    begun: Commands,
}

#[derive(Debug, Clone)]
struct Kept {
    was: Running,
    /// What commands have done to its sets, and to those of what has run since, up to what runs now.
    commands: Commands,
}

impl Filter {
    /// For a stack of so many workers.
    pub fn new(workers: usize, seed: [u64; 2]) -> Filter {
        Filter { workers, seed, rulesets: Mutex::default() }
    }

    /// Filters as `config` says, from one packet to the next. What earlier rules have counted stays with those that are
    /// the same, states and sets that rules have filled stay.
    ///
    /// # Errors
    ///
    /// What is wrong with the rules; nothing has changed then.
    pub fn set(
        &self,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        config: &FilterConfig,
    ) -> anyhow::Result<()> {
        let mut rulesets = self.lock();
        let setup = Setup {
            workers: self.workers,
            now: stack.now().as_nanos(),
            seed: self.seed,
            built_in: config.built_in,
        };
        let before = rulesets.running.as_ref();
        let kept = rulesets.kept.as_ref().filter(|kept| kept.was.config == *config);
        let program = match kept {
            Some(kept) => {
                let other = before.filter(|before| before.config != *config);
                let last = other.map(|other| &*other.program);
                kept.was.program.again(&setup, kept.with_commands_of(other), last)?
            }
            None => config.texts.compile(&setup, before.map(|before| &*before.program))?,
        };
        let program = follow(program, stack);
        for lost in program.lost().iter().take(MOST_TOLD) {
            tracing::warn!("filter: not in the new rules: {lost}");
        }
        // The same files again are no other configuration: what was done since it came is to be known yet.
        let begun = match before.filter(|before| before.config == *config) {
            Some(same) => same.begun.clone(),
            None => program.commands(),
        };
        rulesets.publish(Running { program: Arc::new(program), config: config.clone(), begun }, stack, ctx);
        Ok(())
    }

    /// Lets everything pass. States are forgotten.
    pub fn stop(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) {
        let mut rulesets = self.lock();
        stack.set_filter(ctx, None);
        rulesets.remember(None);
        rulesets.running = None;
    }

    /// Somebody may go back to what runs now: whenever it is [`set`](Self::set) again, it has what commands have put into
    /// sets meanwhile, and what they and rules had before, whether what runs in between has those sets or not.
    pub fn keep(&self) {
        let mut rulesets = self.lock();
        rulesets.kept = rulesets.running.clone().map(Kept::new);
    }

    /// Nobody goes back.
    pub fn let_go(&self) {
        self.lock().kept = None;
    }

    /// Whoever goes back to what was kept has done so, unless something else runs yet.
    pub fn let_go_of_running(&self) {
        let mut rulesets = self.lock();
        let Rulesets { running, kept } = &mut *rulesets;
        let config = running.as_ref().map(|running| &running.config);
        if kept.as_ref().map(|kept| &kept.was.config) == config {
            *kept = None;
        }
    }

    /// What is to be done now and then: sets follow the prefixes of interfaces, and lose elements whose time is over.
    pub fn tend(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) {
        // Rules that are being compiled may take long, and the caller has others to look after: another time, then.
        let mut rulesets = match self.rulesets.try_lock() {
            Ok(rulesets) => rulesets,
            Err(TryLockError::Poisoned(rulesets)) => rulesets.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(running) = rulesets.running.as_ref() else { return };
        running.program.sweep(stack.now().as_nanos());
        if let Some(program) = followed(&running.program, stack) {
            let next = Running { program: Arc::new(program), ..running.clone() };
            rulesets.publish(next, stack, ctx);
        }
    }

    /// Changes sets of what runs; `change` gives the next program, if it is not the same one. Flows are judged anew
    /// either way.
    ///
    /// # Errors
    ///
    /// Nothing is filtered, or what `change` says; nothing has changed then.
    pub fn change(
        &self,
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        change: impl FnOnce(&Program, u64) -> Result<Option<Program>, String>,
    ) -> anyhow::Result<()> {
        let mut rulesets = self.lock();
        let Some(running) = rulesets.running.as_ref() else {
            anyhow::bail!("nothing is filtered: `siding filter load FILE` loads rules")
        };
        let next = change(&running.program, stack.now().as_nanos()).map_err(anyhow::Error::msg)?;
        let program = next.map_or_else(|| running.program.clone(), Arc::new);
        let next = Running { program, ..running.clone() };
        rulesets.publish(next, stack, ctx);
        Ok(())
    }

    /// The ruleset that runs.
    pub fn program(&self) -> Option<Arc<Program>> {
        self.lock().running.as_ref().map(|running| running.program.clone())
    }

    /// How packets are filtered.
    pub fn config(&self) -> Option<FilterConfig> {
        self.lock().running.as_ref().map(|running| running.config.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Rulesets> {
        self.rulesets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rulesets {
    fn publish(&mut self, next: Running, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) {
        let judge = Arc::new(Rules(next.program.clone()));
        let setup = FilterSetup { judge, limits: next.config.limits, timeouts: next.config.timeouts };
        stack.set_filter(ctx, Some(setup));
        self.remember(Some(&next.config));
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.was.config == next.config) {
            *kept = Kept::new(next.clone());
        }
        self.running = Some(next);
    }

    /// What runs gives way to another one, or to none: what commands have done to its sets is for what is kept, too.
    fn remember(&mut self, next: Option<&FilterConfig>) {
        let goes = self.running.as_ref().filter(|running| Some(&running.config) != next);
        if let Some(kept) = &mut self.kept {
            kept.commands = kept.with_commands_of(goes);
        }
    }
}

impl Kept {
    fn new(was: Running) -> Kept {
        let commands = was.program.commands();
        Kept { was, commands }
    }

    /// With what commands have done to another one, since that came.
    fn with_commands_of(&self, other: Option<&Running>) -> Commands {
        match other.filter(|other| other.config != self.was.config) {
            Some(other) => self.was.program.with_commands(&self.commands, (&other.begun, &*other.program)),
            None => self.commands.clone(),
        }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use siding_filter::Name;
    use siding_filter::TableFamily;
    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_stack::StackConfig;
    use siding_stack::filter::StateLimits;
    use siding_stack::filter::Timeouts;

    use super::*;
    use crate::read::Texts;

    struct Desk {
        stack: Stack,
        root: Root,
        filter: Filter,
    }

    impl Desk {
        fn new() -> Desk {
            let pool = Pool::new(PoolConfig { buffers: 64, size: 2048, headroom: 128 }).unwrap();
            let stack = Stack::new(StackConfig::new(pool, siding_runtime::clock())).unwrap();
            Desk { stack, root: Root::new(), filter: Filter::new(1, [0; 2]) }
        }

        /// Rules that are nothing but sets.
        fn set(&mut self, sets: &str) {
            let rules = vec![PathBuf::from("a.nft")];
            let texts = Texts::read(&rules, |_| Ok(format!("table inet t {{ {sets} }}"))).unwrap();
            let (limits, timeouts) = (StateLimits::default(), Timeouts::default());
            let config = FilterConfig { rules, texts, built_in: true, limits, timeouts };
            self.filter.set(&self.stack, &mut self.root.enter().unwrap().ctx(), &config).unwrap();
        }

        fn change(&mut self, change: impl FnOnce(&Program, u64) -> Result<Option<Program>, String>) {
            let mut entered = self.root.enter().unwrap();
            self.filter.change(&self.stack, &mut entered.ctx(), change).unwrap();
        }

        fn add(&mut self, ports: &str) {
            self.change(|program, now| program.set_add(&name(), ports, now).map_err(|e| e.to_string()));
        }

        fn delete(&mut self, ports: &str) {
            self.change(|program, now| program.set_delete(&name(), ports, now).map_err(|e| e.to_string()));
        }

        fn stop(&mut self) {
            self.filter.stop(&self.stack, &mut self.root.enter().unwrap().ctx());
        }

        fn holds(&self) -> String {
            let program = self.filter.program().unwrap();
            let listed = program.set_list(&name(), self.stack.now().as_nanos()).unwrap();
            listed.elements.into_iter().map(|element| element.text).collect::<Vec<_>>().join(" ")
        }
    }

    fn name() -> Name {
        Name { family: TableFamily::Inet, table: "t".into(), name: "s".into() }
    }

    const FIRST: &str = "set s { type inet_service; elements = { 1, 2 }; }";
    const SECOND: &str = "set s { type inet_service; elements = { 2, 3 }; }";
    const WITHOUT: &str = "set other { type inet_service; }";

    #[test]
    fn what_commands_did_two_loads_ago_is_there_when_somebody_goes_back() {
        for third in [WITHOUT, "set s { type inet_service; size 2; elements = { 7, 8 }; }"] {
            let mut desk = Desk::new();
            desk.set(FIRST);
            desk.add("4, 5");
            desk.filter.keep();
            desk.set(SECOND);
            assert_eq!(desk.holds(), "2 3 4 5");
            desk.add("6, 9");
            desk.delete("2, 5, 9");
            // The same files again are no load of others.
            desk.set(SECOND);
            assert_eq!(desk.holds(), "3 4 6");
            desk.set(third);
            desk.set(FIRST);
            assert_eq!(desk.holds(), "1 4 6", "{third}");
            desk.filter.let_go_of_running();
            desk.set(SECOND);
            assert_eq!(desk.holds(), "3 4 6", "{third}");
        }
    }

    #[test]
    fn every_step_of_a_policy_has_its_time_among_the_states() {
        let mut times = Timeouts::default();
        for protocol in siding_filter::model::TimedProtocol::ALL {
            for (word, own) in protocol.steps() {
                let known = times.set(own, std::time::Duration::from_secs(7));
                assert!(known && own.starts_with(protocol.text()), "{word} {own}");
            }
        }
        let mut desk = Desk::new();
        desk.set(
            "ct timeout x { protocol tcp; policy = { established : 77, close_wait : 5 }; }
             ct timeout y { protocol udp; policy = { replied : 9 }; }",
        );
        let rules = Rules(desk.filter.program().unwrap());
        let policies = siding_stack::filter::Judge::policies(&rules, &times);
        let seconds = |policy: usize, name: &str| {
            policies[policy].times.all().find(|(known, _)| *known == name).map(|(_, time)| time.as_secs())
        };
        assert_eq!((seconds(0, "tcp-established"), seconds(0, "tcp-close-wait")), (Some(77), Some(5)));
        assert_eq!((seconds(0, "tcp-fin-wait"), seconds(0, "udp-stream")), (Some(7), Some(7)));
        assert_eq!((seconds(1, "udp-stream"), seconds(1, "tcp-established")), (Some(9), Some(7)));
        assert_eq!(policies.len(), 2);
    }

    #[test]
    fn what_commands_did_before_nothing_was_filtered_is_there_when_somebody_goes_back() {
        let mut desk = Desk::new();
        desk.set(FIRST);
        desk.filter.keep();
        desk.set(SECOND);
        desk.add("4");
        desk.delete("2");
        desk.stop();
        desk.set(FIRST);
        assert_eq!(desk.holds(), "1 4");
    }
}
