//! The witness of debug builds: a graph of what was taken under what, and where.

use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::vec::Vec;

use super::Class;

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
    not_send: PhantomData<*const ()>,
}

#[track_caller]
pub(super) fn enter(class: Class) -> Held {
    let here = Location::caller();
    let held: Vec<_> = HELD.with_borrow(|held| held.clone());
    for &(outer, outer_at) in &held {
        if let Some(conflict) = record(outer, class, Edge { outer: outer_at, inner: here }) {
            panic!(
                "lock order reversal: {inner:?} taken at {here} while {outer:?} is held since {outer_at}; \
                 before, {first:?} was held since {first_at} when {second:?} was taken at {second_at}",
                inner = class.0,
                outer = outer.0,
                first = conflict.0.0,
                first_at = conflict.1.outer,
                second = conflict.2.0,
                second_at = conflict.1.inner,
            );
        }
    }
    HELD.with_borrow_mut(|held| held.push((class, here)));
    Held { class, not_send: PhantomData }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| {
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
        next.iter().find(|(step, _)| reaches(graph, **step, outer)).map(|(step, edge)| (inner, *edge, *step))
    });
    if conflict.is_none() {
        graph.entry(outer).or_default().insert(inner, edge);
    }
    conflict
}

fn reaches(graph: &HashMap<Class, HashMap<Class, Edge>>, from: Class, to: Class) -> bool {
    // The graph has no cycle: every pair was checked before it was added.
    from == to || graph.get(&from).is_some_and(|next| next.keys().any(|step| reaches(graph, *step, to)))
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
    fn two_locks_of_one_class_are_a_reversal() {
        let a = Class::new("same");
        assert!(panic_text(move || drop((a.enter(), a.enter()))).contains("lock order reversal"));
    }

    #[test]
    fn the_same_order_twice_is_none() {
        let (a, b) = (Class::new("steady a"), Class::new("steady b"));
        assert_eq!(panic_text(move || (0..2).for_each(|_| drop((a.enter(), b.enter())))), "");
    }
}
