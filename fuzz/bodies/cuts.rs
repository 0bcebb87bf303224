//! How content arrives: in pieces whose sizes the input names.

use crate::input::Input;

/// The sizes of the pieces, over and over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts<'i> {
    sizes: &'i [u8],
    next: usize,
}

impl<'i> Cuts<'i> {
    /// All of it at once.
    pub(crate) const WHOLE: Cuts<'static> = Cuts { sizes: b"", next: 0 };
    /// Octet by octet.
    pub(crate) const SINGLE: Cuts<'static> = Cuts { sizes: b"\0", next: 0 };

    /// A number of sizes, at most 15, and then the sizes.
    pub(crate) fn of(input: &mut Input<'i>) -> Self {
        let count = input.octet() % 16;
        Self { sizes: input.take(usize::from(count)), next: 0 }
    }

    /// How many octets of `left` come next; some, unless there are none.
    pub(crate) fn next(&mut self, left: usize) -> usize {
        let Some(&size) = self.sizes.get(self.next) else { return left };
        self.next = (self.next + 1) % self.sizes.len();
        left.min(1 + usize::from(size))
    }
}
