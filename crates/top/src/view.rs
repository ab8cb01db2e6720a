//! What is looked at, and how.

use std::time::Duration;

use crate::keys::Key;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Panel {
    /// Interfaces and what passes them.
    Interfaces,
    /// Workers, and how full their turns are.
    Workers,
    /// Deferred packets, and how long they wait.
    Queues,
    /// Dropped packets.
    Drops,
    /// Neighbours, by state.
    Neighbors,
    /// Laggs, with their members.
    Laggs,
}

impl Panel {
    /// All of them, in the order of their numbers.
    pub const ALL: [Panel; 6] =
        [Panel::Interfaces, Panel::Workers, Panel::Queues, Panel::Drops, Panel::Neighbors, Panel::Laggs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Panel::Interfaces => "Interfaces",
            Panel::Workers => "Workers",
            Panel::Queues => "Queues",
            Panel::Drops => "Drops",
            Panel::Neighbors => "Neighbors",
            Panel::Laggs => "Laggs",
        }
    }

    /// By what its rows can be put in order; the first is what is begun with.
    pub(crate) fn orders(self) -> &'static [&'static str] {
        match self {
            Panel::Interfaces => &["name", "packets", "bits", "drops"],
            Panel::Workers => &["number", "busy"],
            Panel::Queues => &["name", "rate", "depth", "wait"],
            Panel::Drops => &["rate", "count", "interface"],
            Panel::Neighbors => &["state", "interface", "address", "age"],
            Panel::Laggs => &["name"],
        }
    }
}

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub struct View {
    /// Who is shown.
    pub who: String,
    /// The chosen panel.
    pub panel: Panel,
    /// Between two samples.
    pub interval: Duration,
    /// Whether it stands still.
    pub paused: bool,
    /// Whether help is shown.
    pub help: bool,
    /// Whether there is colour.
    pub color: bool,
    /// Lines that each panel has been scrolled.
    scroll: [usize; 6],
    order: [usize; 6],
    /// Lines of the chosen panel on the last screen: shown, and there are.
    pub(crate) seen: (usize, usize),
}

/// What a key asks of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: the screen is drawn anew.
    None,
    /// The end.
    Quit,
    /// Samples are to come otherwise than before.
    Ask,
}

/// Intervals that `+` and `-` go through, in milliseconds.
const STEPS: [u64; 9] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

impl View {
    /// The interfaces, by name.
    pub fn new(who: impl Into<String>, interval: Duration) -> View {
        View {
            who: who.into(),
            panel: Panel::Interfaces,
            interval,
            paused: false,
            help: false,
            color: false,
            scroll: [0; 6],
            order: [0; 6],
            seen: (0, 0),
        }
    }

    /// So far is this panel scrolled.
    pub(crate) fn scrolled(&self, panel: Panel) -> usize {
        self.scroll[panel as usize]
    }

    /// By what its rows are put in order.
    pub(crate) fn order(&self, panel: Panel) -> &'static str {
        panel.orders()[self.order[panel as usize]]
    }

    /// Does what a key says.
    pub(crate) fn press(&mut self, key: Key) -> Effect {
        if self.help && key != Key::Interrupt {
            self.help = false;
            return Effect::None;
        }
        let at = self.panel as usize;
        let page = self.seen.0.max(1);
        match key {
            Key::Char('q') | Key::Interrupt => return Effect::Quit,
            Key::Char('?' | 'h') => self.help = true,
            Key::Char(number @ '1'..='6') => return self.choose(number as usize - '1' as usize),
            Key::Tab | Key::Right => return self.choose((at + 1) % 6),
            Key::BackTab | Key::Left => return self.choose((at + 5) % 6),
            Key::Up | Key::Char('k') => self.roll(|from| from.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.roll(|from| from + 1),
            Key::PageUp => self.roll(|from| from.saturating_sub(page)),
            Key::PageDown | Key::Char(' ') => self.roll(|from| from + page),
            Key::Home => self.roll(|_| 0),
            Key::End => self.roll(|_| usize::MAX),
            Key::Char('s') => {
                self.order[at] = (self.order[at] + 1) % self.panel.orders().len();
                self.scroll[at] = 0;
            }
            Key::Char('p') => {
                self.paused = !self.paused;
                return Effect::Ask;
            }
            Key::Char('+' | '=') => return self.step(|step, now| *step > now),
            Key::Char('-') => return self.step(|step, now| *step < now),
            Key::Char(_) | Key::Escape => {}
        }
        Effect::None
    }

    fn choose(&mut self, at: usize) -> Effect {
        self.panel = Panel::ALL[at];
        // Neighbours are asked for when they are looked at.
        Effect::Ask
    }

    fn roll(&mut self, to: impl FnOnce(usize) -> usize) {
        let (shown, there) = self.seen;
        let from = &mut self.scroll[self.panel as usize];
        *from = to(*from).min(there.saturating_sub(shown));
    }

    fn step(&mut self, is_next: impl Fn(&u64, u64) -> bool) -> Effect {
        let now = self.interval.as_millis() as u64;
        let mut next = STEPS.iter().filter(|step| is_next(step, now));
        // The nearest of them: up from below, down from above.
        let nearest = next.clone().min_by_key(|step| step.abs_diff(now)).or_else(|| next.next());
        if let Some(step) = nearest {
            self.interval = Duration::from_millis(*step);
        }
        Effect::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View::new("here", Duration::from_secs(1))
    }

    #[test]
    fn keys_choose_panels_orders_and_intervals() {
        let mut view = view();
        assert_eq!(view.press(Key::Char('4')), Effect::Ask);
        assert_eq!((view.panel, view.order(Panel::Drops)), (Panel::Drops, "rate"));
        view.press(Key::Char('s'));
        assert_eq!(view.order(Panel::Drops), "count");
        (0..2).for_each(|_| _ = view.press(Key::Char('s')));
        assert_eq!(view.order(Panel::Drops), "rate");
        view.press(Key::BackTab);
        assert_eq!(view.panel, Panel::Queues);
        (0..4).for_each(|_| _ = view.press(Key::Tab));
        assert_eq!(view.panel, Panel::Interfaces);
        view.press(Key::Char('+'));
        assert_eq!(view.interval, Duration::from_secs(2));
        (0..20).for_each(|_| _ = view.press(Key::Char('-')));
        assert_eq!(view.interval, Duration::from_millis(100));
        (0..20).for_each(|_| _ = view.press(Key::Char('+')));
        assert_eq!(view.interval, Duration::from_secs(60));
        assert_eq!(view.press(Key::Char('p')), Effect::Ask);
        assert!(view.paused);
        assert_eq!(view.press(Key::Char('q')), Effect::Quit);
    }

    #[test]
    fn an_interval_between_two_steps_goes_to_the_next_of_them() {
        let mut view = View::new("here", Duration::from_millis(700));
        view.press(Key::Char('+'));
        assert_eq!(view.interval, Duration::from_secs(1));
        let mut view = View::new("here", Duration::from_millis(700));
        view.press(Key::Char('-'));
        assert_eq!(view.interval, Duration::from_millis(500));
    }

    #[test]
    fn nothing_is_scrolled_out_of_sight_and_any_key_ends_help() {
        let mut view = view();
        view.seen = (10, 25);
        view.press(Key::PageDown);
        assert_eq!(view.scrolled(Panel::Interfaces), 10);
        view.press(Key::End);
        assert_eq!(view.scrolled(Panel::Interfaces), 15);
        view.press(Key::Down);
        assert_eq!(view.scrolled(Panel::Interfaces), 15);
        view.press(Key::Home);
        view.press(Key::Up);
        assert_eq!(view.scrolled(Panel::Interfaces), 0);
        view.press(Key::Char('?'));
        assert!(view.help);
        assert_eq!(view.press(Key::Char('q')), Effect::None);
        assert!(!view.help);
        view.press(Key::Char('?'));
        assert_eq!(view.press(Key::Interrupt), Effect::Quit);
    }
}
