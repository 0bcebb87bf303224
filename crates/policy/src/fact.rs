//! What a session learns.

use crate::criterion::{Counter, Sign, Text, Word};

/// One thing learned of a session. Decides nothing; rules do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'b> {
    /// A whole text, for all that is searched at once; body text comes in runs, see
    /// [`learn_body`](crate::CompiledPolicy::learn_body).
    Text(Text, &'b [u8]),
    /// The value that a counter has reached.
    Count(Counter, u64),
    /// A word as received.
    Word(Word, &'b [u8]),
    /// It is so.
    Sign(Sign),
}
