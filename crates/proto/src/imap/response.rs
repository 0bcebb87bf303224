//! A line of the server: untagged, a continuation, or the end of a command.

/// What a line of the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'b> {
    /// `* WORD …`: completes no command.
    Untagged { word: &'b [u8], rest: &'b [u8] },
    /// `+`: the server waits for a literal or for an answer to a challenge.
    Continuation,
    /// `TAG OK …`.
    Tagged { tag: &'b [u8], status: Status, rest: &'b [u8] },
    /// Anything else.
    Other,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    No,
    Bad,
}

impl<'b> Response<'b> {
    /// Reads a line without its end.
    pub fn read(text: &'b [u8]) -> Self {
        let (first, rest) = word(text);
        let (second, rest) = word(rest);
        match (first, Status::of(second)) {
            (b"*", _) => Self::Untagged { word: second, rest },
            (b"+", _) => Self::Continuation,
            (tag, Some(status)) if !tag.is_empty() => Self::Tagged { tag, status, rest },
            _ => Self::Other,
        }
    }
}

impl Status {
    fn of(word: &[u8]) -> Option<Self> {
        [Self::Ok, Self::No, Self::Bad]
            .into_iter()
            .find(|status| status.name().as_bytes().eq_ignore_ascii_case(word))
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

/// The capabilities that a response lists: those of `* CAPABILITY …`, or of a code `[CAPABILITY …]`.
pub fn capabilities<'b>(response: &Response<'b>) -> Option<impl Iterator<Item = &'b [u8]> + use<'b>> {
    let list = match *response {
        Response::Untagged { word, rest } if word.eq_ignore_ascii_case(b"CAPABILITY") => Some(rest),
        Response::Untagged { rest, .. } | Response::Tagged { rest, .. } => {
            let code = rest.strip_prefix(b"[")?;
            let end = memchr::memchr(b']', code)?;
            let (name, list) = word(code.get(..end)?);
            name.eq_ignore_ascii_case(b"CAPABILITY").then_some(list)
        }
        Response::Continuation | Response::Other => None,
    };
    Some(list?.split(|byte| *byte == b' ').filter(|name| !name.is_empty()))
}

/// The first word, and what follows the blank behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    (word, rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_untagged_a_continuation_or_the_end_of_a_command() {
        let tagged = |tag, status, rest| Response::Tagged { tag, status, rest };
        let table: &[(&[u8], Response<'_>)] = &[
            (b"* OK ready", Response::Untagged { word: b"OK", rest: b"ready" }),
            (b"* BYE", Response::Untagged { word: b"BYE", rest: b"" }),
            (b"+ go ahead", Response::Continuation),
            (b"+ ", Response::Continuation),
            (b"+", Response::Continuation),
            (b"a1 OK Logged in", tagged(b"a1", Status::Ok, b"Logged in")),
            (b"a1 no [X] y", tagged(b"a1", Status::No, b"[X] y")),
            (b"a1 BAD", tagged(b"a1", Status::Bad, b"")),
            (b"a1 BYE x", Response::Other),
            (b"a1  OK x", Response::Other),
            (b" OK x", Response::Other),
            (b"", Response::Other),
        ];
        for (line, expected) in table {
            assert_eq!(Response::read(line), *expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn capabilities_come_in_a_list_or_in_a_code() {
        let found = |line| {
            let names = capabilities(&Response::read(line));
            names.map(|names| names.map(<[u8]>::to_vec).collect::<Vec<_>>().join(&b','))
        };
        assert_eq!(found(b"* CAPABILITY IMAP4rev1 LITERAL+"), Some(b"IMAP4rev1,LITERAL+".to_vec()));
        assert_eq!(found(b"* OK [CAPABILITY IMAP4rev1 ID] hi"), Some(b"IMAP4rev1,ID".to_vec()));
        assert_eq!(found(b"a OK [CAPABILITY A] in"), Some(b"A".to_vec()));
        assert_eq!(found(b"a OK [ALERT] in"), None);
        assert_eq!(found(b"* OK ready"), None);
    }
}
