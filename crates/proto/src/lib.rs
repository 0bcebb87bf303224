//! Bytes to units: what either side of a mail dialogue said, found at the front of what it sent.
//!
//! Nothing here decides, repairs, reads a clock or touches a socket. A decoder is total: whatever
//! the bytes are, it finds a unit, asks for more, or says that the unit is over its bound.

pub mod imap;
pub mod line;
pub mod mime;
pub mod pop3;
pub mod proxy_protocol;
pub mod sasl;
pub mod smtp;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Nanoseconds since the driver started. Only a driver makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// What has passed since `earlier`; nothing when that is later.
    pub const fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<U> {
    /// A whole unit in the first `len` octets.
    Unit { unit: U, len: usize },
    /// Not yet decidable: offer the same octets again with more behind them.
    NeedMore,
    /// The unit is longer than its bound; the first `len` octets belong to it, and `ends` says
    /// whether its end is among them.
    Oversize { len: usize, ends: bool },
}
