//! Goals, and what came of them.

use std::fmt;

/// A line for each goal, in the order in which they were judged.
#[derive(Debug, Default)]
pub struct Verdicts(Vec<String>);

/// What a figure is held to.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}

impl Verdicts {
    /// Notes whether `figure`, in `unit`, reaches its goal.
    pub fn judge(&mut self, what: &str, figure: f64, goal: Goal, unit: &str) {
        let (holds, sign, bound) = match goal {
            Goal::AtLeast(bound) => (figure >= bound, ">=", bound),
            Goal::AtMost(bound) => (figure <= bound, "<=", bound),
        };
        let verdict = if holds { "PASS" } else { "MISS" };
        self.0.push(format!("{verdict}  {what}: {figure:.2} {unit} {sign} {bound}"));
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_has_its_line_and_what_is_no_figure_misses() {
        let mut verdicts = Verdicts::default();
        verdicts.judge("rate", 2.0, Goal::AtLeast(2.0), "million");
        verdicts.judge("time", 2.5, Goal::AtMost(2.0), "ns");
        verdicts.judge("nothing", f64::NAN, Goal::AtMost(2.0), "ns");
        let text = verdicts.to_string();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            ["PASS  rate: 2.00 million >= 2", "MISS  time: 2.50 ns <= 2", "MISS  nothing: NaN ns <= 2"]
        );
    }
}
