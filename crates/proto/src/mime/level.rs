//! What is known of one part that is open, and what readers take a part for.
//!
//! Which parts are open, and where each ends, is `nesting.rs`'s affair.

use super::facts::{Agreed, DefaultType, Facts};

/// A part that is open: one level of the nesting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// Number of the part in document order.
    pub(super) index: u32,
    /// What it is if its header does not say.
    pub(super) default: DefaultType,
    /// The same of the parts in it; and whether some readers take the other for that.
    pub(super) inner_default: DefaultType,
    pub(super) inner_default_doubtful: bool,
    /// Under some reading it is no container, but text.
    pub(super) textual: bool,
    /// Where the body's octets are told as text.
    pub(super) text: bool,
    /// An enclosing part is text under another reading: all octets in here are told.
    pub(super) covered: bool,
    /// Some reader takes it for a multipart.
    pub(super) multipart: bool,
    /// Seen only under a second reading of a repeated field.
    pub(super) alternate: bool,
    /// A header block of a delivery status: ends at a blank line.
    pub(super) block: bool,
    /// Where the texts of its boundaries begin.
    pub(super) boundary_mark: usize,
}

/// What readers take a part for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) multipart: Agreed,
    pub(super) message: Agreed,
    pub(super) digest: Agreed,
    /// A delivery status, whose body is blocks of fields.
    pub(super) status: bool,
    pub(super) text: bool,
}

impl Kind {
    /// `doubtful`: for some readers the default is the other one.
    pub(super) fn of(facts: &Facts, default: DefaultType, doubtful: bool) -> Self {
        let untyped = doubtful && facts.media_types().len() == 0;
        let message = facts.is_of(b"message/", default);
        Self {
            multipart: facts.is_of(b"multipart/", default),
            message: if untyped && message == Agreed::No { Agreed::Second } else { message },
            digest: facts.is_of(b"multipart/digest", default),
            status: facts.media_type(default) == b"message/delivery-status",
            text: facts.is_text(default) || untyped && facts.is_text(DefaultType::TextPlain),
        }
    }

    /// What its parts are by default, and whether readers differ in that.
    pub(super) fn inner_default(self) -> (DefaultType, bool) {
        let default = match self.digest {
            Agreed::First => DefaultType::MessageRfc822,
            Agreed::Second | Agreed::No => DefaultType::TextPlain,
        };
        (default, self.digest == Agreed::Second)
    }
}
