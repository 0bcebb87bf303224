//! What the octets of a fuzzing input decide: choices from its front, content from its rest.

/// An input, read from the front. Behind its end all octets are 0, so that every input is a valid one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    pub(crate) const fn new(octets: &'i [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// The next octet, if there is one.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The next octets, at most `len`.
    pub(crate) fn take(&mut self, len: usize) -> &'i [u8] {
        let (front, rest) = self.0.split_at_checked(len).unwrap_or((self.0, b""));
        self.0 = rest;
        front
    }
}
