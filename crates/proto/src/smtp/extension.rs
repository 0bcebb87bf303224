//! The keywords of an EHLO reply that we know, and what each of them unlocks.

use super::verb::Verb;

/// One extension: its keyword, and what a client may use once the server has named it.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    pub keyword: &'static str,
    pub source: &'static str,
    pub verb: Option<Verb>,
    /// Parameters of MAIL and RCPT, without `=`.
    pub parameters: &'static [&'static str],
}

const fn extension(
    keyword: &'static str,
    source: &'static str,
    verb: Option<Verb>,
    parameters: &'static [&'static str],
) -> Extension {
    Extension { keyword, source, verb, parameters }
}

/// Every extension known by name, in alphabetical order.
pub const EXTENSIONS: &[Extension] = &[
    extension("8BITMIME", "RFC 6152", None, &["BODY"]),
    extension("ATRN", "RFC 2645", Some(Verb::Atrn), &[]),
    extension("AUTH", "RFC 4954", Some(Verb::Auth), &["AUTH"]),
    extension("BINARYMIME", "RFC 3030", None, &["BODY"]),
    extension("BURL", "RFC 4468", Some(Verb::Burl), &[]),
    extension("CHECKPOINT", "RFC 1845", None, &["TRANSID"]),
    extension("CHUNKING", "RFC 3030", Some(Verb::Bdat), &[]),
    extension("DELIVERBY", "RFC 2852", None, &["BY"]),
    extension("DSN", "RFC 3461", None, &["ENVID", "NOTIFY", "ORCPT", "RET"]),
    extension("ENHANCEDSTATUSCODES", "RFC 2034", None, &[]),
    extension("ETRN", "RFC 1985", Some(Verb::Etrn), &[]),
    extension("EXPN", "RFC 5321", Some(Verb::Expn), &[]),
    extension("FUTURERELEASE", "RFC 4865", None, &["HOLDFOR", "HOLDUNTIL"]),
    extension("HELP", "RFC 5321", Some(Verb::Help), &[]),
    extension("LIMITS", "RFC 9422", None, &[]),
    extension("MT-PRIORITY", "RFC 6710", None, &["MT-PRIORITY"]),
    extension("PIPELINING", "RFC 2920", None, &[]),
    extension("PRDR", "draft-hall-prdr", None, &["PRDR"]),
    extension("REQUIRETLS", "RFC 8689", None, &["REQUIRETLS"]),
    extension("SIZE", "RFC 1870", None, &["SIZE"]),
    extension("SMTPUTF8", "RFC 6531", None, &["SMTPUTF8"]),
    extension("STARTTLS", "RFC 3207", Some(Verb::Starttls), &[]),
    extension("VERB", "sendmail 8", Some(Verb::Verb), &[]),
    extension("VRFY", "RFC 5321", Some(Verb::Vrfy), &[]),
    extension("XCLIENT", "Postfix XCLIENT_README", Some(Verb::Xclient), &[]),
    extension("XFORWARD", "Postfix XFORWARD_README", Some(Verb::Xforward), &[]),
];

/// The keyword of an EHLO reply line's text: it ends at a blank or at `=`.
pub fn keyword_of(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&b| matches!(b, b' ' | b'\t' | b'=')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// A set of the extensions of [`EXTENSIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions(u32);

impl Extensions {
    /// Adds the extension a keyword names; one we do not know adds nothing.
    pub fn insert(&mut self, keyword: &[u8]) {
        if let Some(at) = position(|extension| extension.keyword.as_bytes().eq_ignore_ascii_case(keyword)) {
            self.0 |= 1 << at;
        }
    }

    pub fn contains(self, keyword: &str) -> bool {
        position(|extension| extension.keyword == keyword).is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// Whether a member unlocks this verb.
    pub fn unlock_verb(self, verb: Verb) -> bool {
        self.members().any(|extension| extension.verb == Some(verb))
    }

    /// Whether a member unlocks this parameter of MAIL or RCPT. `BODY=BINARYMIME` belongs to
    /// BINARYMIME, every other `BODY=` to 8BITMIME.
    pub fn unlock_parameter(self, keyword: &[u8], value: &[u8]) -> bool {
        if keyword.eq_ignore_ascii_case(b"BODY") {
            return self.contains(if value.eq_ignore_ascii_case(b"BINARYMIME") {
                "BINARYMIME"
            } else {
                "8BITMIME"
            });
        }
        self.members().any(|e| e.parameters.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(keyword)))
    }

    fn members(self) -> impl Iterator<Item = &'static Extension> {
        EXTENSIONS
            .iter()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, extension)| extension)
    }
}

fn position(is: impl Fn(&Extension) -> bool) -> Option<usize> {
    EXTENSIONS.iter().position(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_fits_the_set() {
        assert!(EXTENSIONS.windows(2).all(|pair| pair[0].keyword < pair[1].keyword));
        assert!(EXTENSIONS.len() <= 32);
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
        [&b"chunking"[..], b"Dsn", b"8BITMIME", b"X-UNHEARD"].iter().for_each(|keyword| set.insert(keyword));
        assert!(set.unlock_verb(Verb::Bdat) && !set.unlock_verb(Verb::Auth));
        assert!(set.unlock_parameter(b"notify", b"NEVER") && !set.unlock_parameter(b"SIZE", b"1"));
        assert!(set.unlock_parameter(b"BODY", b"8BITMIME") && !set.unlock_parameter(b"BODY", b"binarymime"));
    }
}
