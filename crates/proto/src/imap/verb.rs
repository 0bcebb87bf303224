//! The commands of IMAP that matter up to the login, as a table.

/// A command of the table, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Authenticate,
    Capability,
    Compress,
    Enable,
    Id,
    Login,
    Logout,
    Noop,
    Starttls,
    Unauthenticate,
    /// Any other known by name; none is valid before the login.
    Authenticated,
    /// Any other token.
    Unknown,
}

/// One row of [`VERBS`].
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub verb: Verb,
    pub name: &'static str,
    /// Where the command is defined.
    pub source: &'static str,
    /// Whether a client may use it before it is logged in.
    pub before_login: bool,
}

const fn row(verb: Verb, name: &'static str, source: &'static str, before_login: bool) -> Row {
    Row { verb, name, source, before_login }
}

/// Every command known by name, in alphabetical order. ENABLE is not valid before the login (RFC 5161 §3.1); Dovecot
/// answers it all the same.
pub const VERBS: &[Row] = &[
    row(Verb::Authenticated, "APPEND", "RFC 9051", false),
    row(Verb::Authenticate, "AUTHENTICATE", "RFC 9051", true),
    row(Verb::Capability, "CAPABILITY", "RFC 9051", true),
    row(Verb::Authenticated, "CHECK", "RFC 3501", false),
    row(Verb::Authenticated, "CLOSE", "RFC 9051", false),
    row(Verb::Compress, "COMPRESS", "RFC 4978", false),
    row(Verb::Authenticated, "COPY", "RFC 9051", false),
    row(Verb::Authenticated, "CREATE", "RFC 9051", false),
    row(Verb::Authenticated, "DELETE", "RFC 9051", false),
    row(Verb::Enable, "ENABLE", "RFC 9051", true),
    row(Verb::Authenticated, "EXAMINE", "RFC 9051", false),
    row(Verb::Authenticated, "EXPUNGE", "RFC 9051", false),
    row(Verb::Authenticated, "FETCH", "RFC 9051", false),
    row(Verb::Id, "ID", "RFC 2971", true),
    row(Verb::Authenticated, "IDLE", "RFC 9051", false),
    row(Verb::Authenticated, "LIST", "RFC 9051", false),
    row(Verb::Login, "LOGIN", "RFC 9051", true),
    row(Verb::Logout, "LOGOUT", "RFC 9051", true),
    row(Verb::Authenticated, "LSUB", "RFC 3501", false),
    row(Verb::Authenticated, "MOVE", "RFC 9051", false),
    row(Verb::Authenticated, "NAMESPACE", "RFC 9051", false),
    row(Verb::Noop, "NOOP", "RFC 9051", true),
    row(Verb::Authenticated, "RENAME", "RFC 9051", false),
    row(Verb::Authenticated, "SEARCH", "RFC 9051", false),
    row(Verb::Authenticated, "SELECT", "RFC 9051", false),
    row(Verb::Starttls, "STARTTLS", "RFC 9051", true),
    row(Verb::Authenticated, "STATUS", "RFC 9051", false),
    row(Verb::Authenticated, "STORE", "RFC 9051", false),
    row(Verb::Authenticated, "SUBSCRIBE", "RFC 9051", false),
    row(Verb::Authenticated, "UID", "RFC 9051", false),
    row(Verb::Unauthenticate, "UNAUTHENTICATE", "RFC 8437", false),
    row(Verb::Authenticated, "UNSELECT", "RFC 9051", false),
    row(Verb::Authenticated, "UNSUBSCRIBE", "RFC 9051", false),
];

impl Verb {
    /// The command a token names, in any case.
    pub fn of(token: &[u8]) -> Self {
        let found = VERBS.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(token));
        found.map_or(Self::Unknown, |row| row.verb)
    }

    /// Whether a client may use it before it is logged in.
    pub const fn is_before_login(self) -> bool {
        matches!(
            self,
            Self::Authenticate
                | Self::Capability
                | Self::Enable
                | Self::Id
                | Self::Login
                | Self::Logout
                | Self::Noop
                | Self::Starttls
        )
    }

    /// Whether it says who the client is.
    pub const fn is_login(self) -> bool {
        matches!(self, Self::Login | Self::Authenticate)
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
            assert_eq!(row.verb.is_before_login(), row.before_login, "{}", row.name);
        }
        assert_eq!(Verb::of(b"LOGINS"), Verb::Unknown);
        assert_eq!(Verb::of(b""), Verb::Unknown);
    }
}
