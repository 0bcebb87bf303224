//! The keywords of an EHLO reply that we know, what each of them unlocks, and what it depends on.

use super::verb::{VERBS, Verb};

/// One extension: its keyword, and what a client may use once the server has named it.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    pub keyword: &'static str,
    pub source: &'static str,
    pub verb: Option<Verb>,
    /// Parameters of MAIL and RCPT, without `=`.
    pub parameters: &'static [&'static str],
    /// The extension without which this one means nothing.
    pub needs: Option<&'static str>,
}

const fn extension(keyword: &'static str, source: &'static str) -> Extension {
    Extension { keyword, source, verb: None, parameters: &[], needs: None }
}

impl Extension {
    const fn verb(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    const fn parameters(self, parameters: &'static [&'static str]) -> Self {
        Self { parameters, ..self }
    }

    const fn needs(self, keyword: &'static str) -> Self {
        Self { needs: Some(keyword), ..self }
    }
}

/// Every extension known by name, in alphabetical order.
pub const EXTENSIONS: &[Extension] = &[
    extension("8BITMIME", "RFC 6152").parameters(&["BODY"]),
    extension("ATRN", "RFC 2645").verb(Verb::Atrn),
    extension("AUTH", "RFC 4954").verb(Verb::Auth).parameters(&["AUTH"]),
    extension("BINARYMIME", "RFC 3030").parameters(&["BODY"]).needs("CHUNKING"),
    extension("BURL", "RFC 4468").verb(Verb::Burl),
    extension("CHECKPOINT", "RFC 1845").parameters(&["TRANSID"]),
    extension("CHUNKING", "RFC 3030").verb(Verb::Bdat),
    extension("CONNEG", "RFC 4141").parameters(&["CONNEG"]),
    extension("CONPERM", "RFC 4141").parameters(&["CONPERM"]),
    extension("DELIVERBY", "RFC 2852").parameters(&["BY"]),
    extension("DSN", "RFC 3461").parameters(&["ENVID", "NOTIFY", "ORCPT", "RET"]),
    extension("ENHANCEDSTATUSCODES", "RFC 2034"),
    extension("ETRN", "RFC 1985").verb(Verb::Etrn),
    extension("EXPN", "RFC 5321").verb(Verb::Expn),
    extension("FUTURERELEASE", "RFC 4865").parameters(&["HOLDFOR", "HOLDUNTIL"]),
    extension("HELP", "RFC 5321").verb(Verb::Help),
    extension("IGNOREQUOTA", "Cyrus IMAP, LMTP").parameters(&["IGNOREQUOTA"]),
    extension("LIMITS", "RFC 9422"),
    extension("MT-PRIORITY", "RFC 6710").parameters(&["MT-PRIORITY"]),
    extension("MTRK", "RFC 3885").parameters(&["MTRK"]),
    extension("NO-SOLICITING", "RFC 3865").parameters(&["SOLICIT"]),
    extension("ONEX", "sendmail 8").verb(Verb::Onex),
    extension("PIPECONNECT", "draft-harris-early-pipe").needs("PIPELINING"),
    extension("PIPELINING", "RFC 2920"),
    extension("PRDR", "draft-hall-prdr").parameters(&["PRDR"]),
    extension("REQUIRETLS", "RFC 8689").parameters(&["REQUIRETLS"]).needs("STARTTLS"),
    extension("RRVS", "RFC 7293").parameters(&["RRVS"]),
    extension("SAML", "RFC 821").verb(Verb::Saml),
    extension("SEND", "RFC 821").verb(Verb::Send),
    extension("SIZE", "RFC 1870").parameters(&["SIZE"]),
    extension("SMTPUTF8", "RFC 6531").parameters(&["SMTPUTF8"]).needs("8BITMIME"),
    extension("SOML", "RFC 821").verb(Verb::Soml),
    extension("STARTTLS", "RFC 3207").verb(Verb::Starttls),
    extension("SUBMITTER", "RFC 4405").parameters(&["SUBMITTER"]),
    extension("TRACE", "Cyrus IMAP, LMTP"),
    extension("TURN", "RFC 821").verb(Verb::Turn),
    extension("UTF8SMTP", "RFC 5336").parameters(&["ALT-ADDRESS", "UTF8REPLY"]).needs("8BITMIME"),
    extension("VERB", "sendmail 8").verb(Verb::Verb),
    extension("VRFY", "RFC 5321").verb(Verb::Vrfy),
    extension("WELLKNOWN", "Exim 4.98").verb(Verb::Wellknown),
    extension("X-ANONYMOUSTLS", "MS-SMTP").verb(Verb::XAnonymoustls),
    extension("X-EXPS", "MS-XLOGIN").verb(Verb::XExps),
    extension("X-LINK2STATE", "MS-SMTP").verb(Verb::XLink2state),
    extension("XCLIENT", "Postfix XCLIENT_README").verb(Verb::Xclient),
    extension("XEXCH50", "MS-SMTP").verb(Verb::Xexch50),
    extension("XEXDATA", "Courier draft-varshavchik-exdata-smtpext").parameters(&["EXDATA"]),
    extension("XFORWARD", "Postfix XFORWARD_README").verb(Verb::Xforward),
    extension("XOORG", "Exchange").parameters(&["XOORG"]),
    extension("XRCPTFORWARD", "Dovecot, LMTP").parameters(&["XRCPTFORWARD"]),
    extension("XSECURITY", "Courier draft-varshavchik-security-smtpext")
        .parameters(&["SECURITY"])
        .needs("STARTTLS"),
    extension("XVERP", "Postfix VERP_README, Courier").parameters(&["VERP", "XVERP"]),
];

/// The keyword of an EHLO reply line's text: it ends at a blank or at `=`.
pub fn keyword_of(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&b| matches!(b, b' ' | b'\t' | b'=')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The extension that a keyword names, in any case.
pub fn find(keyword: &[u8]) -> Option<&'static Extension> {
    EXTENSIONS.iter().find(|extension| extension.keyword.as_bytes().eq_ignore_ascii_case(keyword))
}

/// A set of the extensions of [`EXTENSIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions(u64);

impl Extensions {
    /// Every extension of the table.
    pub const ALL: Self = Self(u64::MAX >> (u64::BITS as usize - EXTENSIONS.len()));

    /// The set of these extensions.
    ///
    /// # Panics
    ///
    /// If a keyword is not in the table; as a constant, this does not compile.
    pub const fn of(keywords: &[&str]) -> Self {
        let mut bits = 0;
        let mut rest = keywords;
        while let [keyword, others @ ..] = rest {
            assert!(bit_of(keyword) != 0, "not an extension of the table");
            bits |= bit_of(keyword);
            rest = others;
        }
        Self(bits)
    }

    /// Adds the extension a keyword names. Whether it names one: an unknown one adds nothing.
    pub fn insert(&mut self, keyword: &[u8]) -> bool {
        let at = position(|extension| extension.keyword.as_bytes().eq_ignore_ascii_case(keyword));
        self.0 |= at.map_or(0, |at| 1 << at);
        at.is_some()
    }

    /// Whether the extension a keyword names, in any case, is a member.
    pub fn names(self, keyword: &[u8]) -> bool {
        !self.is_empty()
            && self.members().any(|extension| extension.keyword.as_bytes().eq_ignore_ascii_case(keyword))
    }

    /// Whether any member is in `others` as well.
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// The members that are not in `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The members, and every extension that depends on one of them.
    #[must_use]
    pub const fn with_dependants(self) -> Self {
        let mut all = self.0;
        let mut rest = DEPENDENCIES.as_slice();
        // No extension depends on one that depends on another: the table is tested for it.
        while let [(dependant, on), others @ ..] = rest {
            if self.0 & *on != 0 {
                all |= *dependant;
            }
            rest = others;
        }
        Self(all)
    }

    /// Whether a member unlocks this verb.
    #[inline]
    pub fn unlock_verb(self, verb: Verb) -> bool {
        UNLOCKS.get(verb as usize).is_some_and(|by| self.0 & by != 0)
    }

    /// The parameter of MAIL or RCPT that a member unlocks, as the table writes it. `BODY=BINARYMIME` belongs to
    /// BINARYMIME, every other `BODY=` to 8BITMIME.
    pub fn unlock_parameter(self, keyword: &[u8], value: &[u8]) -> Option<Parameter> {
        if keyword.eq_ignore_ascii_case(b"BODY") {
            let binary = value.eq_ignore_ascii_case(b"BINARYMIME");
            let by =
                if binary { const { Self::of(&["BINARYMIME"]) } } else { const { Self::of(&["8BITMIME"]) } };
            return self.meets(by).then(|| Parameter::find(b"BODY")).flatten();
        }
        let parameter = Parameter::find(keyword)?;
        let is_among = |e: &Extension| e.parameters.contains(&parameter.name());
        self.members().any(is_among).then_some(parameter)
    }

    /// The extensions of the set, in the order of the table.
    pub fn members(self) -> impl Iterator<Item = &'static Extension> {
        EXTENSIONS
            .iter()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, extension)| extension)
    }
}

/// A parameter of MAIL or RCPT that some extension of [`EXTENSIONS`] unlocks. Small, so that a reply that waits for
/// its turn can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter(u8);

impl Parameter {
    /// The parameter of this name, in any case.
    pub fn find(name: &[u8]) -> Option<Self> {
        let at = Self::names().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        u8::try_from(at).ok().map(Self)
    }

    /// The name in upper case.
    pub fn name(self) -> &'static str {
        Self::names().nth(usize::from(self.0)).unwrap_or_default()
    }

    fn names() -> impl Iterator<Item = &'static str> {
        EXTENSIONS.iter().flat_map(|extension| extension.parameters.iter().copied())
    }
}

fn position(is: impl Fn(&Extension) -> bool) -> Option<usize> {
    EXTENSIONS.iter().position(is)
}

/// The bit of a keyword in upper case; 0 for one that is not in the table.
const fn bit_of(keyword: &str) -> u64 {
    let mut rest = EXTENSIONS;
    let mut bit = 1;
    while let [extension, others @ ..] = rest {
        if is_same(extension.keyword.as_bytes(), keyword.as_bytes()) {
            return bit;
        }
        bit <<= 1;
        rest = others;
    }
    0
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (mut one, mut other) = (one, other);
    while let ([a, more @ ..], [b, rest @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (more, rest);
    }
    one.is_empty() && other.is_empty()
}

/// For each verb, the extensions that unlock it.
static UNLOCKS: [u64; VERBS.len()] = {
    let mut unlocks = [0; VERBS.len()];
    let mut rest = EXTENSIONS;
    let mut bit = 1;
    while let [extension, others @ ..] = rest {
        if let Some(verb) = extension.verb {
            #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
            {
                unlocks[verb as usize] |= bit;
            }
        }
        bit <<= 1;
        rest = others;
    }
    unlocks
};

/// Extensions that depend on another, each with the other.
const DEPENDENCIES: [(u64, u64); 6] = {
    let mut pairs = [(0, 0); 6];
    let mut rest = EXTENSIONS;
    let (mut bit, mut count) = (1, 0);
    while let [extension, others @ ..] = rest {
        if let Some(on) = extension.needs {
            #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
            {
                pairs[count] = (bit, bit_of(on));
            }
            count += 1;
        }
        bit <<= 1;
        rest = others;
    }
    assert!(count == pairs.len(), "one place for each extension that depends on another");
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_fits_the_set() {
        assert!(EXTENSIONS.windows(2).all(|pair| pair[0].keyword < pair[1].keyword));
        assert!(EXTENSIONS.len() <= 64);
        assert!(EXTENSIONS.iter().all(|extension| !extension.source.is_empty()));
    }

    #[test]
    fn an_extension_depends_on_one_of_the_table_that_depends_on_none() {
        for on in EXTENSIONS.iter().filter_map(|extension| extension.needs) {
            assert!(find(on.as_bytes()).is_some_and(|on| on.needs.is_none()), "{on}");
        }
    }

    #[test]
    fn a_keyword_ends_at_a_blank_or_an_equals_sign() {
        assert_eq!(keyword_of(b"SIZE 1000"), b"SIZE");
        assert_eq!(keyword_of(b"AUTH=LOGIN"), b"AUTH");
        assert_eq!(keyword_of(b"DSN"), b"DSN");
        assert_eq!(keyword_of(b""), b"");
    }

    #[test]
    fn a_set_knows_what_its_members_unlock() {
        let mut set = Extensions::default();
        let known = [&b"chunking"[..], b"Dsn", b"8BITMIME", b"X-UNHEARD"].map(|keyword| set.insert(keyword));
        assert_eq!(known, [true, true, true, false]);
        assert_eq!(set, Extensions::of(&["CHUNKING", "DSN", "8BITMIME"]));
        assert!(set.unlock_verb(Verb::Bdat) && !set.unlock_verb(Verb::Auth));
        assert!(!set.unlock_verb(Verb::Unknown));
        let unlocked =
            |keyword: &[u8], value: &[u8]| set.unlock_parameter(keyword, value).map(Parameter::name);
        assert_eq!(unlocked(b"notify", b"NEVER"), Some("NOTIFY"));
        assert_eq!(unlocked(b"SIZE", b"1"), None);
        assert_eq!(unlocked(b"BODY", b"8BITMIME"), Some("BODY"));
        assert_eq!(unlocked(b"BODY", b"binarymime"), None);
        assert!(set.names(b"dsn") && !set.names(b"SIZE"));
    }

    #[test]
    fn every_row_unlocks_what_it_says_and_nothing_else_does() {
        for extension in EXTENSIONS {
            let alone = Extensions::of(&[extension.keyword]);
            let others = EXTENSIONS.iter().filter(|other| other.keyword != extension.keyword);
            let others: Vec<&str> = others.map(|other| other.keyword).collect();
            let others = Extensions::of(&others);
            assert_eq!(alone.members().map(|member| member.keyword).collect::<Vec<_>>(), [extension.keyword]);
            if let Some(verb) = extension.verb {
                assert!(alone.unlock_verb(verb) && !others.unlock_verb(verb), "{verb:?}");
            }
            for name in extension.parameters {
                let value = if extension.keyword == "BINARYMIME" { "BINARYMIME" } else { "x" };
                let by = |set: Extensions| set.unlock_parameter(name.as_bytes(), value.as_bytes());
                assert_eq!(by(alone).map(Parameter::name), Some(*name));
                assert_eq!(by(others), None, "{name}");
            }
        }
    }

    #[test]
    fn what_is_taken_away_takes_its_dependants_along() {
        let table: &[(&[&str], &[&str])] = &[
            (&["8BITMIME"], &["8BITMIME", "SMTPUTF8", "UTF8SMTP"]),
            (&["CHUNKING"], &["CHUNKING", "BINARYMIME"]),
            (&["PIPELINING"], &["PIPELINING", "PIPECONNECT"]),
            (&["STARTTLS"], &["STARTTLS", "REQUIRETLS", "XSECURITY"]),
            (&["SIZE", "BINARYMIME"], &["SIZE", "BINARYMIME"]),
        ];
        for (of, with) in table {
            assert_eq!(Extensions::of(of).with_dependants(), Extensions::of(with));
        }
    }
}
