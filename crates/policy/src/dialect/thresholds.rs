//! Pairs of thresholds: the lower one ends what the higher one began, and may not be above it.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::Limits;
use crate::source::Span;

/// The lines so far that put a lower threshold above its higher one.
#[derive(Default)]
pub(super) struct Thresholds {
    wrong: Vec<(&'static str, Span)>,
}

impl Thresholds {
    /// Notes what a line made of the limits. It is at fault, unless a later one puts it right.
    pub(super) fn say(&mut self, limits: &Limits, at: Span) {
        self.wrong.retain(|(what, _)| crossed(limits).any(|(still, ..)| still == *what));
        for (what, ..) in crossed(limits) {
            if !self.wrong.iter().any(|(known, _)| *known == what) {
                self.wrong.push((what, at));
            }
        }
    }

    /// What is wrong in the end. `command` is what a threshold is written behind, and `of` whose it is.
    pub(super) fn complaints(&self, limits: &Limits, command: &str, of: &str) -> Vec<Diagnostic> {
        let wrong = crossed(limits).filter_map(|(what, low, high)| {
            let (_, at) = self.wrong.iter().find(|(known, _)| *known == what)?;
            let message = format!("{what} low {low} is above high {high}{of}");
            let complaint = Diagnostic::new(Code::LowAboveHigh, *at, message);
            Some(complaint.help(format!("write `{command}{what} low {high}` or less")))
        });
        wrong.collect()
    }
}

/// The thresholds whose low is above their high.
fn crossed(limits: &Limits) -> impl Iterator<Item = (&'static str, u32, u32)> {
    let pairs = [
        ("max-incomplete", limits.max_incomplete_low.zip(limits.max_incomplete_high)),
        ("one-minute", limits.one_minute_low.zip(limits.one_minute_high)),
    ];
    let pairs = pairs.into_iter().filter_map(|(what, pair)| pair.map(|(low, high)| (what, low, high)));
    pairs.filter(|(_, low, high)| low > high)
}
