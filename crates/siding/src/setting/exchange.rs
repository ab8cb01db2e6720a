//! Routes to a prefix of which several change, all at once: a group may be replaced by another that is as large, and no flow
//! goes by who happens to come first.

use std::fmt;

/// What becomes of routes to one prefix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange<R> {
    pub(super) gone: Vec<R>,
    /// Each with the one that it takes the place of.
    pub(super) come: Vec<(Option<R>, R)>,
}

impl<R> Default for Exchange<R> {
    fn default() -> Self {
        Exchange { gone: Vec::new(), come: Vec::new() }
    }
}

impl<R: fmt::Display> Exchange<R> {
    pub(super) fn inverse(self) -> Self {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (old, new) in self.come {
            match old {
                Some(old) => come.push((Some(new), old)),
                None => gone.push(new),
            }
        }
        come.extend(self.gone.into_iter().rev().map(|old| (None, old)));
        Exchange { gone, come }
    }

    /// In words.
    pub(super) fn told(&self) -> Vec<String> {
        let come = self.come.iter().map(|(old, new)| match old {
            Some(old) => replaced(old, new),
            None => format!("+ {new}"),
        });
        come.chain(self.gone.iter().map(|old| format!("- {old}"))).collect()
    }
}

/// That one has taken the place of another, in words.
pub(super) fn replaced(old: &impl fmt::Display, new: &impl fmt::Display) -> String {
    match (old.to_string(), new.to_string()) {
        // How an address is tested: that it is there is the same.
        (old, new) if old == new => format!("~ {new} (otherwise when it comes anew)"),
        (old, new) => format!("~ {new} (was: {old})"),
    }
}
