//! The verbs of SMTP and its relatives, as a table.

/// A verb of the table, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Atrn,
    Auth,
    Bdat,
    Burl,
    Data,
    Debug,
    Ehlo,
    Etrn,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Onex,
    Quit,
    Rcpt,
    Rset,
    Saml,
    Send,
    Soml,
    Starttls,
    Turn,
    Verb,
    Vrfy,
    Wellknown,
    Wiz,
    XAnonymoustls,
    XExps,
    XLink2state,
    Xclient,
    Xexch50,
    Xforward,
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
    key: u128,
}

const fn row(verb: Verb, name: &'static str, source: &'static str) -> Row {
    let mut key = [0; NAME_MAX];
    let (front, _) = key.split_at_mut(name.len());
    front.copy_from_slice(name.as_bytes());
    Row { verb, name, source, key: u128::from_be_bytes(key) }
}

/// Octets that a name may have. As a number they are in the order of the alphabet.
const NAME_MAX: usize = size_of::<u128>();

/// Every verb known by name, in alphabetical order.
pub const VERBS: &[Row] = &[
    row(Verb::Atrn, "ATRN", "RFC 2645"),
    row(Verb::Auth, "AUTH", "RFC 4954"),
    row(Verb::Bdat, "BDAT", "RFC 3030"),
    row(Verb::Burl, "BURL", "RFC 4468"),
    row(Verb::Data, "DATA", "RFC 5321"),
    row(Verb::Debug, "DEBUG", "sendmail 5"),
    row(Verb::Ehlo, "EHLO", "RFC 5321"),
    row(Verb::Etrn, "ETRN", "RFC 1985"),
    row(Verb::Expn, "EXPN", "RFC 5321"),
    row(Verb::Helo, "HELO", "RFC 5321"),
    row(Verb::Help, "HELP", "RFC 5321"),
    row(Verb::Lhlo, "LHLO", "RFC 2033"),
    row(Verb::Mail, "MAIL", "RFC 5321"),
    row(Verb::Noop, "NOOP", "RFC 5321"),
    row(Verb::Onex, "ONEX", "sendmail 8"),
    row(Verb::Quit, "QUIT", "RFC 5321"),
    row(Verb::Rcpt, "RCPT", "RFC 5321"),
    row(Verb::Rset, "RSET", "RFC 5321"),
    row(Verb::Saml, "SAML", "RFC 821"),
    row(Verb::Send, "SEND", "RFC 821"),
    row(Verb::Soml, "SOML", "RFC 821"),
    row(Verb::Starttls, "STARTTLS", "RFC 3207"),
    row(Verb::Turn, "TURN", "RFC 821"),
    row(Verb::Verb, "VERB", "sendmail 8"),
    row(Verb::Vrfy, "VRFY", "RFC 5321"),
    row(Verb::Wellknown, "WELLKNOWN", "Exim 4.98"),
    row(Verb::Wiz, "WIZ", "sendmail 5"),
    row(Verb::XAnonymoustls, "X-ANONYMOUSTLS", "MS-SMTP"),
    row(Verb::XExps, "X-EXPS", "MS-XLOGIN"),
    row(Verb::XLink2state, "X-LINK2STATE", "MS-SMTP"),
    row(Verb::Xclient, "XCLIENT", "Postfix XCLIENT_README"),
    row(Verb::Xexch50, "XEXCH50", "MS-SMTP"),
    row(Verb::Xforward, "XFORWARD", "Postfix XFORWARD_README"),
];

impl Verb {
    /// The verb a token names, in any case.
    pub fn of(token: &[u8]) -> Self {
        let mut key = [0; NAME_MAX];
        let Some(front) = key.get_mut(..token.len()) else { return Self::Unknown };
        front.copy_from_slice(token);
        key.make_ascii_uppercase();
        let found = VERBS.binary_search_by_key(&u128::from_be_bytes(key), |row| row.key);
        let row = found.ok().and_then(|found| VERBS.get(found));
        // A NUL behind the name leaves its number the same.
        row.filter(|row| row.name.len() == token.len()).map_or(Self::Unknown, |row| row.verb)
    }

    /// Whether it begins a transaction: MAIL, and those of RFC 821 §3.4 that differ from it only in what the
    /// recipient's terminal is told.
    pub const fn begins_transaction(self) -> bool {
        matches!(self, Self::Mail | Self::Saml | Self::Send | Self::Soml)
    }

    /// The name in upper case; empty for [`Verb::Unknown`].
    pub fn name(self) -> &'static str {
        VERBS.iter().find(|row| row.verb == self).map_or("", |row| row.name)
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
            assert_eq!(row.verb.name(), row.name);
        }
        assert_eq!(Verb::of(b"XEXCH51"), Verb::Unknown);
        assert_eq!(Verb::of(b""), Verb::Unknown);
        assert_eq!(Verb::of(b"MAIL\0"), Verb::Unknown);
        assert_eq!(Verb::of(b"X-ANONYMOUSTLS-OF-MANY"), Verb::Unknown);
    }
}
