//! What stands behind MAIL FROM: and RCPT TO:, the path and the ESMTP parameters.
//!
//! Tolerant on purpose: blanks after the colon, missing brackets and lower case are common and
//! harmless. Whether a path is allowed is not asked here, but what is odd about it is told.

use super::octets::OctetKinds;

/// A path and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'b> {
    /// What stands between `<` and `>`, source route included; `<>` is the empty text. Without
    /// brackets, the word after the colon. When `readable` is false, the whole argument.
    pub text: &'b [u8],
    /// The ESMTP parameters, blanks around them taken off. When `readable` is false, the whole argument:
    /// a server that finds a path in it finds parameters as well.
    pub parameters: &'b [u8],
    pub readable: bool,
    octets: OctetKinds,
}

impl<'b> Path<'b> {
    /// Reads `FROM:<path> PARAMETERS`; `keyword` is `FROM:` or `TO:`.
    pub fn read(argument: &'b [u8], keyword: &str) -> Self {
        Self::parse(argument, keyword.as_bytes()).unwrap_or_else(|| Self::unreadable(argument))
    }

    fn readable(text: &'b [u8], parameters: &'b [u8]) -> Self {
        Self { text, parameters: parameters.trim_ascii(), readable: true, octets: OctetKinds::of(text) }
    }

    fn unreadable(argument: &'b [u8]) -> Self {
        Self { text: argument, parameters: argument, readable: false, octets: OctetKinds::of(argument) }
    }

    fn parse(argument: &'b [u8], keyword: &[u8]) -> Option<Self> {
        let (front, rest) = argument.split_at_checked(keyword.len())?;
        if !front.eq_ignore_ascii_case(keyword) {
            return None;
        }
        let rest = rest.trim_ascii_start();
        let Some(inner) = rest.strip_prefix(b"<") else {
            return Self::without_brackets(rest);
        };
        let close = closing_bracket(inner)?;
        let (text, behind) = inner.split_at_checked(close)?;
        let parameters = behind.strip_prefix(b">")?;
        // `<a@b>x` is two readings in one line: whoever follows us may take either.
        match parameters.first() {
            None | Some(b' ' | b'\t') => Some(Self::readable(text, parameters)),
            Some(_) => None,
        }
    }

    /// One word and parameters. Servers that read an address as RFC 822 did skip a name or a comment in
    /// front of it: what might be one is not taken for the path.
    fn without_brackets(rest: &'b [u8]) -> Option<Self> {
        let end = unquoted(rest, |octet| octet == b' ' || octet == b'\t').unwrap_or(rest.len());
        let (text, parameters) = rest.split_at_checked(end)?;
        let is_plain = |text: &[u8]| !text.iter().any(|octet| matches!(octet, b'<' | b'>' | b'(' | b')'));
        let path = Self::readable(text, parameters);
        let one_reading = is_plain(rest) && path.parameters().all(|(keyword, _)| is_keyword(keyword));
        (!text.is_empty() && one_reading).then_some(path)
    }

    /// The address as servers see it that read RFC 822: without a name in front of it, without comments,
    /// blanks and quotes. Nothing where that is the text as it stands.
    pub fn plain(&self) -> Option<Vec<u8>> {
        if self.readable && !self.octets.hold(OctetKinds::DRESSED) {
            return None;
        }
        let keyword = if self.readable { None } else { self.text.iter().position(|&octet| octet == b':') };
        Some(plain(self.text.get(keyword.map_or(0, |colon| colon + 1)..).unwrap_or_default()))
    }

    /// Every other form in which a server may read the address: as RFC 822 has it, and as it is resolved, without a
    /// source route, without a dot at the end, `%` and `!` routes turned, the domain in lower case. Nothing where the
    /// text is in the only form that it has.
    pub fn each_reading(&self, read: &mut dyn FnMut(&[u8])) {
        match self.plain() {
            Some(plain) => {
                read(&plain);
                resolve(&plain, OctetKinds::of(&plain), read);
            }
            None => resolve(self.text, self.octets, read),
        }
    }

    /// OctetKinds that some mail server has taken for a command of a shell or of its own language.
    pub fn is_hostile(&self) -> bool {
        let text = self.text;
        let expands = |pair: &[u8]| matches!(pair, b"${" | b"$(");
        let obeyed = || begins_with_pipe(text) || text.windows(2).any(expands);
        self.octets.hold(OctetKinds::HOSTILE) || self.octets.hold(OctetKinds::SUSPECT) && obeyed()
    }

    /// The first character that some mail server has obeyed: `|`, a backquote or NUL.
    pub fn special_character(&self) -> Option<u8> {
        if !self.octets.hold(OctetKinds::HOSTILE) && !self.octets.hold(OctetKinds::SUSPECT) {
            return None;
        }
        self.text.iter().copied().find(|octet| matches!(octet, b'|' | b'`' | 0))
    }

    /// The domain of the address in every reading of it; nothing for a local part alone.
    pub fn each_domain(&self, read: &mut dyn FnMut(&[u8])) {
        let mut domain = |address: &[u8]| {
            if let Some(at) = memchr::memrchr(b'@', address) {
                read(address.get(at + 1..).unwrap_or_default());
            }
        };
        domain(self.text);
        self.each_reading(&mut domain);
    }

    /// The ESMTP parameters, keyword and value; the value is empty where there is none.
    pub fn parameters(&self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'b> {
        self.parameters.split(|&b| b == b' ' || b == b'\t').filter(|word| !word.is_empty()).map(|word| {
            let equals = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
            let (keyword, value) = word.split_at_checked(equals).unwrap_or((word, b""));
            (keyword, value.strip_prefix(b"=").unwrap_or(value))
        })
    }
}

fn begins_with_pipe(text: &[u8]) -> bool {
    let local = text.rsplit(|&b| b == b':' || b == b'<').next().unwrap_or(text).trim_ascii_start();
    local.strip_prefix(b"\"").unwrap_or(local).starts_with(b"|")
}

/// The forms that an address takes on the way to the mailbox it names.
fn resolve(text: &[u8], octets: OctetKinds, read: &mut dyn FnMut(&[u8])) {
    if !is_routed(text, octets) && !has_other_spelling(text, octets) {
        return;
    }
    let mut address = spell(without_source_route(text));
    read(&address);
    for _ in 0..HOPS_MAX {
        // RFC 976 §5.1: whoever reads `!` before `@` sends to the first host, which sees what is behind it.
        if let Some(behind) = behind_bangs(&address) {
            read(behind);
        }
        let Some(next) = turned(&address) else { return };
        address = spell(&next);
        read(&address);
    }
}

// Limit: hops of a route that are followed; RFC 1123 §5.2.16 and §5.3.2 advise against any.
const HOPS_MAX: usize = 16;

/// Whether an address names a way, not only a mailbox.
fn is_routed(text: &[u8], octets: OctetKinds) -> bool {
    let last = memchr::memrchr(b'@', text);
    octets.hold(OctetKinds::ROUTING) || last == Some(0) || last != memchr::memchr(b'@', text)
}

/// Whether its domain is written as another would be that is the same.
fn has_other_spelling(text: &[u8], octets: OctetKinds) -> bool {
    if !octets.hold(OctetKinds::UPPER) && !text.ends_with(b".") {
        return false;
    }
    let domain = memchr::memrchr(b'@', text).and_then(|at| text.get(at + 1..)).unwrap_or_default();
    domain.ends_with(b".") || domain.iter().any(u8::is_ascii_uppercase)
}

/// RFC 5321 §4.1.1.3: servers ignore `@a,@b:` in front of an address.
fn without_source_route(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while rest.starts_with(b"@") {
        // A colon in brackets belongs to an address of IPv6.
        let mut literal = false;
        let colon = rest.iter().position(|&octet| {
            match octet {
                b'[' => literal = true,
                b']' => literal = false,
                _ => return octet == b':' && !literal,
            }
            false
        });
        let Some(behind) = colon.and_then(|colon| rest.get(colon + 1..)) else { break };
        rest = behind;
    }
    rest
}

/// The address with its domain in lower case, and without dots at its end.
fn spell(address: &[u8]) -> Vec<u8> {
    let at = memchr::memrchr(b'@', address);
    let mut spelt = address.to_vec();
    if let Some(domain) = at.and_then(|at| spelt.get_mut(at + 1..)) {
        domain.make_ascii_lowercase();
        while spelt.ends_with(b".") {
            spelt.pop();
        }
    }
    spelt
}

/// What the host that an address names makes of it, if it is not the last: it takes itself away, and then the local
/// part is an address again, with `!` or the last `%` in place of `@`.
fn turned(address: &[u8]) -> Option<Vec<u8>> {
    let local = match memchr::memrchr(b'@', address) {
        Some(at) => address.get(..at)?,
        None => address,
    };
    if memchr::memchr(b'@', local).is_some() {
        return Some(local.to_vec());
    }
    let at = |at: usize| Some((local.get(..at)?, local.get(at + 1..)?));
    let bang = memchr::memchr(b'!', local).and_then(at).map(|(host, user)| (user, host));
    let (user, host) = bang.or_else(|| memchr::memrchr(b'%', local).and_then(at))?;
    Some([user, b"@", host].concat())
}

fn behind_bangs(address: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr(b'@', address)?;
    let bang = memchr::memrchr(b'!', address.get(..at)?)?;
    address.get(bang + 1..)
}

fn plain(text: &[u8]) -> Vec<u8> {
    let mut address = Vec::new();
    let (mut quoted, mut escaped, mut comments) = (false, false, 0_usize);
    for &octet in text {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => {
                escaped = true;
                continue;
            }
            b'(' if !quoted => comments += 1,
            b')' if comments > 0 => {
                comments -= 1;
                continue;
            }
            b'"' if comments == 0 => {
                quoted = !quoted;
                continue;
            }
            b' ' | b'\t' if !quoted => continue,
            // What stood before was a name.
            b'<' if !quoted && comments == 0 => {
                address.clear();
                continue;
            }
            b'>' if !quoted && comments == 0 => break,
            _ => {}
        }
        if comments == 0 {
            address.push(octet);
        }
    }
    address
}

/// The `>` that ends a path: one inside a quoted local part does not.
fn closing_bracket(inner: &[u8]) -> Option<usize> {
    let plain = memchr::memchr(b'>', inner)?;
    let before = inner.get(..plain).unwrap_or_default();
    if !OctetKinds::of(before).hold(OctetKinds::DELIMITING) {
        return Some(plain);
    }
    let at = unquoted(inner, |octet| matches!(octet, b'<' | b'>'))?;
    (inner.get(at) == Some(&b'>')).then_some(at)
}

/// Where the first octet stands that `is_wanted`, and neither in quotes nor behind a backslash: RFC 821
/// had those outside quotes as well, and servers go on reading them so.
fn unquoted(text: &[u8], is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.iter().position(|&octet| {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && is_wanted(octet),
        }
        false
    })
}

/// RFC 5321 §4.1.2: the keyword of a parameter.
fn is_keyword(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_servers_read_them() {
        let table: &[(&[u8], Option<(&[u8], &[u8])>)] = &[
            (b"FROM:<a@b>", Some((b"a@b", b""))),
            (b"from: <a@b>  SIZE=10 BODY=8BITMIME ", Some((b"a@b", b"SIZE=10 BODY=8BITMIME"))),
            (b"FROM:<>", Some((b"", b""))),
            (b"FROM:a@b SIZE=1", Some((b"a@b", b"SIZE=1"))),
            (b"FROM:<@x,@y:u@z>", Some((b"@x,@y:u@z", b""))),
            (b"FROM:<\"a>b\"@c>", Some((b"\"a>b\"@c", b""))),
            (b"FROM:<o'brien&co!x$y@b>", Some((b"o'brien&co!x$y@b", b""))),
            (b"FROM:\"a b\"@c SIZE=1", Some((b"\"a b\"@c", b"SIZE=1"))),
            (b"FROM:<a\\\"@b> ENVID=\">", Some((b"a\\\"@b", b"ENVID=\">"))),
            (b"FROM:<a\\>b@c>", Some((b"a\\>b@c", b""))),
            (b"FROM:<a@b>c", None),
            (b"FROM:A B <a@b>", None),
            (b"FROM:(a b)a@b", None),
            (b"FROM:a @b", None),
            (b"FROM:<a@b", None),
            (b"FROM:<a<b>", None),
            (b"FROM:", None),
            (b"TO:<a@b>", None),
            (b"FROM <a@b>", None),
        ];
        for (argument, expected) in table {
            let path = Path::read(argument, "FROM:");
            let found = path.readable.then_some((path.text, path.parameters));
            assert_eq!(found, *expected, "{}", argument.escape_ascii());
            assert!(path.readable || path.text == *argument);
        }
    }

    #[test]
    fn an_address_is_the_same_however_it_is_dressed() {
        let dressed: &[&[u8]] = &[
            b"FROM:<\"a\"@b.c>",
            b"FROM:<\\a@b.c>",
            b"FROM:<a@b .c>",
            b"FROM:<a(x (y) \\) \")@b.c>",
            b"FROM:\"a\"@b.c SIZE=1",
            b"FROM:\"A <x>\" <a@b.c> (z)",
            b"FROM:a@b.c (x)",
            b"FROM:<<a@b.c>>",
            b"FROM:<a@b.c>x SIZE=1",
            b" FROM : a@b.c",
        ];
        for argument in dressed {
            let plain = Path::read(argument, "FROM:").plain();
            assert_eq!(plain.as_deref(), Some(&b"a@b.c"[..]), "{}", argument.escape_ascii());
        }
        assert_eq!(Path::read(b"FROM:<@x:a@b.c> SIZE=1", "FROM:").plain(), None);
    }

    #[test]
    fn an_address_is_read_as_it_is_resolved() {
        let table: &[(&[u8], &[&str])] = &[
            (b"FROM:<a@b.c>", &[]),
            (b"FROM:<>", &[]),
            (b"FROM:<postmaster>", &[]),
            (b"FROM:<A@B.c.>", &["A@b.c"]),
            (b"FROM:<@x,@Y:a@b>", &["a@b"]),
            (b"FROM:<@x:@y:a@b>", &["a@b"]),
            (b"FROM:<@[IPv6:::1]:a@b>", &["a@b"]),
            (b"FROM:<@x>", &["@x"]),
            (b"FROM:<a%b@c>", &["a%b@c", "a@b"]),
            (b"FROM:<a%b%D@c>", &["a%b%D@c", "a%b@d", "a@b"]),
            (b"FROM:<a%b>", &["a%b", "a@b"]),
            (b"FROM:<b!a>", &["b!a", "a@b"]),
            (b"FROM:<b!a@c>", &["b!a@c", "a@c", "a@b"]),
            (b"FROM:<c!b!a@d>", &["c!b!a@d", "a@d", "b!a@c", "a@c", "a@b"]),
            (b"FROM:<b!a%d@c>", &["b!a%d@c", "a%d@c", "a%d@b", "a@d"]),
            (b"FROM:<\"a@b\"@c>", &["a@b@c", "a@b@c", "a@b"]),
            (b"FROM:<@x:\"a\"@B.>", &["@x:a@B.", "a@b"]),
        ];
        for (argument, expected) in table {
            let mut found = Vec::new();
            Path::read(argument, "FROM:")
                .each_reading(&mut |reading| found.push(String::from_utf8(reading.to_vec()).unwrap()));
            assert_eq!(found, *expected, "{}", argument.escape_ascii());
        }
    }

    #[test]
    fn every_domain_is_read_that_mail_may_go_to() {
        let table: &[(&str, &[&str])] = &[
            ("<a@b.c>", &["b.c"]),
            ("<postmaster>", &[]),
            ("<a@B.C.>", &["B.C.", "b.c"]),
            ("<@x:a@b>", &["b", "b"]),
            ("<a%d@b>", &["b", "b", "d"]),
            ("<d!a@b>", &["b", "b", "b", "d"]),
        ];
        for (path, expected) in table {
            let mut found = Vec::new();
            Path::read(format!("TO:{path}").as_bytes(), "TO:")
                .each_domain(&mut |domain| found.push(String::from_utf8(domain.to_vec()).unwrap()));
            assert_eq!(found, *expected, "{path}");
        }
    }

    #[test]
    fn special_characters_are_found_wherever_they_stand() {
        for (text, expected) in [
            (&b"a|b@c"[..], Some(b'|')),
            (b"a@b|c", Some(b'|')),
            (b"a`b`@c", Some(b'`')),
            (b"a\x00@c", Some(0)),
            (b"a$b@c", None),
            (b"a@b", None),
            (b"", None),
        ] {
            assert_eq!(Path::readable(text, b"").special_character(), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_route_without_end_is_followed_some_way() {
        let mut readings = 0;
        Path::readable(&b"%a".repeat(2000), b"").each_reading(&mut |_| readings += 1);
        assert_eq!(readings, HOPS_MAX + 1);
    }

    #[test]
    fn only_what_a_server_once_obeyed_is_hostile() {
        let hostile: &[&[u8]] = &[
            b"|/bin/sh",
            b"\"|/bin/sh\"@x",
            b"@a:|x",
            b" |x",
            b"FROM:x <|x>",
            b"a`id`@b",
            b"${run{x}}@b",
            b"$(id)@b",
            b"a\x00@b",
            b"a\x0b@b",
        ];
        let fine: &[&[u8]] = &[b"o'brien@b", b"a&b@c", b"a$b!c@d", b"x|y@z", b"", b"user=ext@b", b"a;b@c"];
        let path = |text| Path::readable(text, b"");
        hostile.iter().for_each(|text| assert!(path(text).is_hostile(), "{}", text.escape_ascii()));
        fine.iter().for_each(|text| assert!(!path(text).is_hostile(), "{}", text.escape_ascii()));
    }

    #[test]
    fn parameters_are_keyword_and_value() {
        let path = Path::read(b"TO:<a@b> NOTIFY=NEVER  ORCPT=rfc822;a@b SMTPUTF8", "TO:");
        let found: Vec<_> = path.parameters().collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"NOTIFY", b"NEVER"), (b"ORCPT", b"rfc822;a@b"), (b"SMTPUTF8", b"")];
        assert_eq!(found, expected);
    }
}
