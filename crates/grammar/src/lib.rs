//! Command languages in the manner of IOS: commands are data, and the file loader, the shell, `?`
//! and Tab all read the same data.
//!
//! This crate knows nothing of mail. It turns a line into words, and words into one command of a
//! mode; what a command means is the caller's `build` function.

/// A range of octets in the line that was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}
