//! The witness of debug builds: a graph of what was taken under what, and where.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::vec::Vec;

use super::Class;
use crate::stays::StaysHere;

type Position = &'static Location<'static>;

/// Where the outer and the inner lock were taken, when the pair was first seen.
#[derive(Clone, Copy)]
struct Edge {
    outer: Position,
    inner: Position,
}

std::thread_local! {
    static HELD: RefCell<Vec<(Class, Position)>> = const { RefCell::new(Vec::new()) };
}

static SEEN: Mutex<Option<HashMap<Class, HashMap<Class, Edge>>>> = Mutex::new(None);

/// A lock that is held, as the witness sees it.
#[derive(Debug)]
pub struct Held {
    class: Class,
    stays: StaysHere,
}

/// Panics if a lock of some rank is held.
pub(super) fn expect_no_rank() {
    let found = on_held(|held| held.iter().find(|(class, _)| class.rank.is_some()).copied());
    if let Some((class, at)) = found.flatten() {
        panic!(
            "a token that says that no lock is held, and {:?} is held since {at}: its guard was forgotten",
            class.name
        );
    }
}

/// Nothing where the thread is past its end: what its last locals drop is not watched.
fn on_held<O>(work: impl FnOnce(&mut Vec<(Class, Position)>) -> O) -> Option<O> {
    HELD.try_with(|held| work(&mut held.borrow_mut())).ok()
}

#[track_caller]
pub(super) fn enter(class: Class) -> Held {
    let here = Location::caller();
    let held: Vec<_> = on_held(|held| held.clone()).unwrap_or_default();
    for &(outer, outer_at) in &held {
        if let Some(conflict) = record(outer, class, Edge { outer: outer_at, inner: here }) {
            panic!(
                "lock order reversal: {inner:?} taken at {here} while {outer:?} is held since {outer_at}; \
                 before, {first:?} was held since {first_at} when {second:?} was taken at {second_at}",
                inner = class.name,
                outer = outer.name,
                first = conflict.0.name,
                first_at = conflict.1.outer,
                second = conflict.2.name,
                second_at = conflict.1.inner,
            );
        }
    }
    tried(class)
}

#[track_caller]
pub(super) fn tried(class: Class) -> Held {
    let here = Location::caller();
    on_held(|held| held.push((class, here)));
    Held { class, stays: PhantomData }
}

impl Drop for Held {
    fn drop(&mut self) {
        on_held(|held| {
            if let Some(at) = held.iter().rposition(|(class, _)| *class == self.class) {
                held.remove(at);
            }
        });
    }
}

/// Adds the pair. The answer, if any, is the first step of a way back from `inner` to `outer`.
fn record(outer: Class, inner: Class, edge: Edge) -> Option<(Class, Edge, Class)> {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let graph = seen.get_or_insert_with(HashMap::new);
    if outer == inner {
        return Some((outer, edge, inner));
    }
    if graph.get(&outer).is_some_and(|next| next.contains_key(&inner)) {
        return None;
    }
    let conflict = graph.get(&inner).and_then(|next| {
        let mut seen = HashSet::new();
        next.iter()
            .find(|(step, _)| reaches(graph, &mut seen, **step, outer))
            .map(|(step, edge)| (inner, *edge, *step))
    });
    if conflict.is_none() {
        graph.entry(outer).or_default().insert(inner, edge);
    }
    conflict
}

/// Looks at each class once: those that are `seen` do not reach it.
fn reaches(
    graph: &HashMap<Class, HashMap<Class, Edge>>,
    seen: &mut HashSet<Class>,
    from: Class,
    to: Class,
) -> bool {
    from == to
        || seen.insert(from)
            && graph.get(&from).is_some_and(|next| next.keys().any(|step| reaches(graph, seen, *step, to)))
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::Class;

    fn panic_text(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
        match std::panic::catch_unwind(work) {
            Ok(()) => String::new(),
            Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn a_reversal_names_both_positions() {
        let (a, b) = (Class::new("reversal a"), Class::new("reversal b"));
        let first_line = line!() + 2;
        {
            let _a = a.enter();
            let _b = b.enter();
        }
        let second_line = line!() + 3;
        let text = panic_text(move || {
            let _b = b.enter();
            let _a = a.enter();
        });
        for line in [first_line, first_line + 1, second_line - 1, second_line] {
            assert!(text.contains(&format!("witness_on.rs:{line}:")), "line {line} is not named in: {text}");
        }
    }

    #[test]
    fn a_reversal_through_a_third_lock_is_found() {
        let (a, b, c) = (Class::new("chain a"), Class::new("chain b"), Class::new("chain c"));
        drop((a.enter(), b.enter()));
        drop((b.enter(), c.enter()));
        let text = panic_text(move || drop((c.enter(), a.enter())));
        assert!(text.contains("lock order reversal"), "{text}");
    }

    #[test]
    fn what_is_had_by_trying_is_in_no_order_with_what_was_held() {
        let (a, b, c) = (Class::new("tried a"), Class::new("tried b"), Class::new("tried c"));
        drop((a.enter(), b.tried()));
        assert_eq!(panic_text(move || drop((b.enter(), a.enter()))), "", "nobody waited for b");
        drop((a.tried(), c.enter()));
        let text = panic_text(move || drop((c.enter(), a.enter())));
        assert!(text.contains("lock order reversal"), "c was waited for under a: {text}");
    }

    #[test]
    fn two_locks_of_one_class_are_a_reversal() {
        let a = Class::new("same");
        assert!(panic_text(move || drop((a.enter(), a.enter()))).contains("lock order reversal"));
    }

    /// As many ways as there are sets of classes, and one look at each class.
    #[test]
    fn a_reversal_is_looked_for_in_steps_not_in_ways() {
        static NAMES: [&str; 40] = {
            let mut names = ["step"; 40];
            let text = "0123456789012345678901234567890123456789";
            let mut at = 0;
            while at < 40 {
                names[at] = text.split_at(at).1;
                at += 1;
            }
            names
        };
        let classes = NAMES.map(Class::new);
        drop(classes.map(Class::enter));
        assert_eq!(panic_text(move || drop((Class::new("from nowhere").enter(), classes[0].enter()))), "");
    }

    #[test]
    fn the_same_order_twice_is_none() {
        let (a, b) = (Class::new("steady a"), Class::new("steady b"));
        assert_eq!(panic_text(move || (0..2).for_each(|_| drop((a.enter(), b.enter())))), "");
    }
}
