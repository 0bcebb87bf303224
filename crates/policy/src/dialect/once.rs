//! Settings that have one value: a later line of the block replaces an earlier one, which is told.

use std::collections::HashMap;
use std::hash::Hash;

use crate::diagnostic::Diagnostics;
use crate::outline::Outline;
use crate::source::Span;

/// The lines of a block so far that say what has one value, by what it is.
pub(super) struct Once<'o, K> {
    outline: &'o Outline<'o>,
    lines: HashMap<K, Span>,
}

impl<'o, K: Eq + Hash> Once<'o, K> {
    pub(super) fn new(outline: &'o Outline<'o>) -> Self {
        Self { outline, lines: HashMap::new() }
    }

    /// Notes a line, and complains if it replaces one that said something else.
    pub(super) fn say(&mut self, what: K, at: Span, complaints: &mut Diagnostics) {
        let Some(before) = self.lines.insert(what, at) else { return };
        complaints.extend(self.outline.replaces(at, before));
    }

    /// Notes a line that takes back what was said.
    pub(super) fn take_back(&mut self, what: &K) {
        self.lines.remove(what);
    }
}
