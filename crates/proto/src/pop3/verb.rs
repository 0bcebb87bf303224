//! The verbs of POP3, as a table.

/// A verb of the table, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Apop,
    Auth,
    Capa,
    Dele,
    Lang,
    Last,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
    Xclient,
    Xoip,
    /// Any other token.
    Unknown,
}

/// One row of [`VERBS`].
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub verb: Verb,
    pub name: &'static str,
    /// Where the verb is defined.
    pub source: &'static str,
    /// Whether a client may use it before it is logged in.
    pub before_login: bool,
}

const fn row(verb: Verb, name: &'static str, source: &'static str, before_login: bool) -> Row {
    Row { verb, name, source, before_login }
}

/// Every verb known by name, in alphabetical order. NOOP and RSET are not in RFC 1939 §4; clients say them all
/// the same, getmail the latter, and a server refuses them without harm.
pub const VERBS: &[Row] = &[
    row(Verb::Apop, "APOP", "RFC 1939", true),
    row(Verb::Auth, "AUTH", "RFC 5034", true),
    row(Verb::Capa, "CAPA", "RFC 2449", true),
    row(Verb::Dele, "DELE", "RFC 1939", false),
    row(Verb::Lang, "LANG", "RFC 6856", true),
    row(Verb::Last, "LAST", "RFC 1460", false),
    row(Verb::List, "LIST", "RFC 1939", false),
    row(Verb::Noop, "NOOP", "RFC 1939", true),
    row(Verb::Pass, "PASS", "RFC 1939", true),
    row(Verb::Quit, "QUIT", "RFC 1939", true),
    row(Verb::Retr, "RETR", "RFC 1939", false),
    row(Verb::Rset, "RSET", "RFC 1939", true),
    row(Verb::Stat, "STAT", "RFC 1939", false),
    row(Verb::Stls, "STLS", "RFC 2595", true),
    row(Verb::Top, "TOP", "RFC 1939", false),
    row(Verb::Uidl, "UIDL", "RFC 1939", false),
    row(Verb::User, "USER", "RFC 1939", true),
    row(Verb::Utf8, "UTF8", "RFC 6856", true),
    row(Verb::Xclient, "XCLIENT", "Dovecot", false),
    row(Verb::Xoip, "XOIP", "qpopper", false),
];

impl Verb {
    /// The verb a token names, in any case.
    pub fn of(token: &[u8]) -> Self {
        let found = VERBS.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(token));
        found.map_or(Self::Unknown, |row| row.verb)
    }

    /// Its row; nothing for [`Verb::Unknown`].
    pub fn row(self) -> Option<&'static Row> {
        VERBS.iter().find(|row| row.verb == self)
    }

    /// Whether it says, or goes on to say, who the client is.
    pub const fn is_login(self) -> bool {
        matches!(self, Self::User | Self::Pass | Self::Apop | Self::Auth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_duplicates_and_every_verb_finds_itself() {
        assert!(VERBS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for row in VERBS {
            assert_eq!(Verb::of(row.name.to_lowercase().as_bytes()), row.verb);
            assert_eq!(row.verb.row().unwrap().name, row.name);
        }
        assert_eq!(Verb::of(b"STLSX"), Verb::Unknown);
        assert_eq!(Verb::of(b""), Verb::Unknown);
    }
}
