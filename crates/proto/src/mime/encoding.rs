//! The standard transfer encodings, by all of their names.

/// An encoding of RFC 2045 §6.1, or the uuencode that was in use before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    SevenBit,
    EightBit,
    Base64,
    Binary,
    QuotedPrintable,
    Uuencode,
}

/// What each encoding is called in Content-Transfer-Encoding.
const NAMES: &[(TransferEncoding, &[&str])] = &[
    (TransferEncoding::SevenBit, &["7bit"]),
    (TransferEncoding::EightBit, &["8bit"]),
    (TransferEncoding::Base64, &["base64"]),
    (TransferEncoding::Binary, &["binary"]),
    (TransferEncoding::QuotedPrintable, &["quoted-printable"]),
    (TransferEncoding::Uuencode, &["x-uuencode", "x-uue", "uuencode"]),
];

impl TransferEncoding {
    /// The encoding that a value names, in any case; nothing for any other value.
    pub fn of(value: &[u8]) -> Option<Self> {
        let named = |names: &[&str]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(value));
        NAMES.iter().find(|(_, names)| named(names)).map(|&(encoding, _)| encoding)
    }
}
