//! The kinds of octets that an address has, found in one pass: most have none that matter.

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OctetKinds(u8);

impl OctetKinds {
    /// Taken for a command of a shell wherever they stand: control characters and the backtick.
    pub(super) const HOSTILE: Self = Self(1);
    /// Taken for one with another beside them, or in front.
    pub(super) const SUSPECT: Self = Self(1 << 1);
    /// What RFC 822 dresses an address in: blanks, comments and quotes.
    pub(super) const DRESSED: Self = Self(1 << 2);
    /// What decides whether a bracket behind it ends the path.
    pub(super) const DELIMITING: Self = Self(1 << 3);
    /// Between the hops of a route, apart from `@`.
    pub(super) const ROUTING: Self = Self(1 << 4);
    pub(super) const UPPER: Self = Self(1 << 5);

    const KINDS: [Self; 256] = {
        let mut kinds = [Self(0); 256];
        let (mut left, mut octet) = (kinds.as_mut_slice(), 0_u8);
        while let [kinds, rest @ ..] = left {
            *kinds = Self::of_one(octet);
            (left, octet) = (rest, octet.wrapping_add(1));
        }
        kinds
    };

    const fn of_one(octet: u8) -> Self {
        Self(match octet {
            b'\t' => Self::HOSTILE.0 | Self::DRESSED.0,
            0..=0x1F | 0x7F | b'`' => Self::HOSTILE.0,
            b'$' | b'|' => Self::SUSPECT.0,
            b' ' | b'(' | b')' => Self::DRESSED.0,
            b'"' | b'\\' => Self::DRESSED.0 | Self::DELIMITING.0,
            b'<' => Self::DELIMITING.0,
            b'%' | b'!' => Self::ROUTING.0,
            b'A'..=b'Z' => Self::UPPER.0,
            _ => 0,
        })
    }

    pub(super) fn of(text: &[u8]) -> Self {
        let kinds = |octet: &u8| Self::KINDS.get(usize::from(*octet)).map_or(0, |kinds| kinds.0);
        Self(text.iter().fold(0, |found, octet| found | kinds(octet)))
    }

    pub(super) const fn hold(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }
}
