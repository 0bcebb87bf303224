//! How many addresses a field such as `To` names (RFC 5322 §3.4).

/// The mailboxes in the value of an address field: what commas part, outside of quotes, comments, brackets
/// and angle brackets. The name of a group is none, and `undisclosed-recipients:;` has none.
///
/// Never more than the octets of the value. A value that is not well formed is counted as far as it can be.
pub fn addresses(value: &[u8]) -> u64 {
    let mut count = 0;
    // Whether anything but blanks and comments stands since the last comma.
    let mut some = false;
    let mut comments = 0_usize;
    let mut closing = None;
    let mut octets = value.iter();
    while let Some(&octet) = octets.next() {
        match (octet, closing) {
            (b'\\', Some(b'"' | b')')) => {
                octets.next();
            }
            (b'(', Some(b')')) => comments += 1,
            (b')', Some(b')')) => {
                comments -= 1;
                if comments == 0 {
                    closing = None;
                }
            }
            (octet, Some(end)) if octet == end => closing = None,
            (_, Some(_)) => {}
            (b'(', None) => (comments, closing) = (1, Some(b')')),
            (b'"', None) => (some, closing) = (true, Some(b'"')),
            (b'<', None) => (some, closing) = (true, Some(b'>')),
            (b'[', None) => (some, closing) = (true, Some(b']')),
            (b',' | b';', None) => count += u64::from(std::mem::take(&mut some)),
            (b':', None) => some = false,
            (octet, None) => some |= !octet.is_ascii_whitespace(),
        }
    }
    count + u64::from(some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_commas_part_outside_of_quotes_and_groups() {
        let table: &[(&str, u64)] = &[
            ("", 0),
            ("  ", 0),
            ("a@b", 1),
            ("a@b, c@d", 2),
            ("a@b,, c@d,", 2),
            ("\"Doe, Jane\" <j@x>, <k@y>", 2),
            ("\"a\\\",b\" <j@x>", 1),
            ("Jane (sales, (east), west) <j@x>", 1),
            ("(nobody, nowhere)", 0),
            ("<@a,@b:c@d>", 1),
            ("undisclosed-recipients:;", 0),
            ("friends: a@b, c@d; e@f", 3),
            ("a@[IPv6:2001:db8::1], b@c", 2),
            ("\"unclosed, a@b, c@d", 1),
            ("(unclosed \\", 0),
        ];
        for (value, expected) in table {
            assert_eq!(addresses(value.as_bytes()), *expected, "{value}");
        }
    }
}
