//! The lines of a server's replies, as far as one line tells.

/// What a line says of the command that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
    /// `+` and a challenge (RFC 5034 §4), which may be empty.
    Challenge,
}

impl Status {
    /// Reads a line without its end; nothing if it begins no reply. The text behind a status may be missing.
    pub fn read(text: &[u8]) -> Option<Self> {
        let word = text.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
        let is = |status: &[u8]| word.eq_ignore_ascii_case(status);
        match word {
            _ if is(b"+OK") => Some(Self::Ok),
            _ if is(b"-ERR") => Some(Self::Err),
            b"+" => Some(Self::Challenge),
            _ => None,
        }
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "+OK",
            Self::Err => "-ERR",
            Self::Challenge => "+",
        }
    }
}

/// Whether this line ends a reply of several lines (RFC 1939 §3).
pub fn ends_listing(text: &[u8]) -> bool {
    text == b"."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_the_first_word_of_a_line() {
        let table: &[(&[u8], Option<Status>)] = &[
            (b"+OK", Some(Status::Ok)),
            (b"+OK Logged in.", Some(Status::Ok)),
            (b"-ERR", Some(Status::Err)),
            (b"-err no", Some(Status::Err)),
            (b"+", Some(Status::Challenge)),
            (b"+ ", Some(Status::Challenge)),
            (b"+ dj1lZWVl", Some(Status::Challenge)),
            (b"+OKAY", None),
            (b"+dj1lZWVl", None),
            (b"USER", None),
            (b"", None),
        ];
        for (line, expected) in table {
            assert_eq!(Status::read(line), *expected, "{}", line.escape_ascii());
        }
    }
}
