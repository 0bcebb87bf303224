//! The mechanisms of SASL (RFC 4422), as far as they differ for somebody who reads along.

/// Mechanisms that hide the secret from whoever reads the exchange, or have none. `-*` stands for any rest.
/// Any other, known or not, is taken for one that shows it.
const SECURE: &[&str] = &[
    "ANONYMOUS",
    "APOP",
    "CRAM-*",
    "DIGEST-*",
    "ECDH-*",
    "ECDSA-*",
    "EXTERNAL",
    "GS2-*",
    "GSS-*",
    "GSSAPI",
    "KERBEROS_V4",
    "NTLM",
    "OTP",
    "SCRAM-*",
    "SKEY",
    "SRP",
    "SXOVER-*",
];

/// The longest name of a mechanism (RFC 4422 §3.1).
pub const NAME_MAX: usize = 20;

/// Whether a login by this mechanism shows the password, or a token that is as good, to whoever reads along.
pub fn is_clear_text(mechanism: &[u8]) -> bool {
    !SECURE.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => {
            mechanism.get(..beginning.len()).is_some_and(|it| it.eq_ignore_ascii_case(beginning.as_bytes()))
        }
        None => mechanism.eq_ignore_ascii_case(name.as_bytes()),
    })
}

/// Whether this is a name that a mechanism may have: what is not may be a secret in the wrong place.
pub fn is_name(text: &[u8]) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Limit: bytes of the name of an account. Addresses have 254 (RFC 5321 §4.5.3.1.3); of a longer name its beginning
/// stands for it.
pub const ACCOUNT_MAX: usize = 256;

/// The name of an account as it is compared: servers take it in any case.
pub fn account(name: &[u8]) -> Box<[u8]> {
    let name = name.trim_ascii();
    name.get(..ACCOUNT_MAX).unwrap_or(name).to_ascii_lowercase().into()
}

/// The account that the client's first response names, as it is compared. Other mechanisms hide it, or say it in ways of
/// their own.
pub fn account_of_response(mechanism: &[u8], response: &[u8]) -> Option<Box<[u8]>> {
    let is = |name: &str| mechanism.eq_ignore_ascii_case(name.as_bytes());
    // RFC 4616 §2: who is acted for, who logs in, and the password.
    let name = match decoded(response.trim_ascii()) {
        text if is("PLAIN") => text.split(|byte| *byte == 0).nth(1)?.to_vec(),
        text if is("LOGIN") => text,
        _ => return None,
    };
    (!name.is_empty()).then(|| account(&name))
}

/// What base64 (RFC 4648 §4) says, up to whatever is none. A name is at the beginning, so that no more is looked at than
/// a name needs.
fn decoded(text: &[u8]) -> Vec<u8> {
    // Two names of PLAIN, with what separates them.
    const LEN_MAX: usize = (2 * ACCOUNT_MAX + 3).div_ceil(3) * 4;
    let digit = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u16, 0_u8);
    for digit in text.iter().take(LEN_MAX).map_while(digit) {
        bits = bits << 6 | u16::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [_, low] = (bits >> count).to_be_bytes();
            bytes.push(low);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_read_where_a_mechanism_says_it() {
        for (mechanism, response, expected) in [
            // NUL alice NUL secret.
            ("PLAIN", "AGFsaWNlAHNlY3JldA==", Some("alice")),
            ("plain", "Ym9iAEFMSUNFAHg=", Some("alice")),
            ("LOGIN", "QWxpY2VAZXhhbXBsZS5jb20=", Some("alice@example.com")),
            ("LOGIN", " YWxpY2U= ", Some("alice")),
            ("LOGIN", "", None),
            ("LOGIN", "=", None),
            ("PLAIN", "YWxpY2U=", None),
            ("PLAIN", "AAB4", None),
            ("CRAM-MD5", "YWxpY2U=", None),
            ("XOAUTH2", "dXNlcj1hbGljZQ==", None),
        ] {
            let found = account_of_response(mechanism.as_bytes(), response.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{mechanism} {response}");
        }
    }

    #[test]
    fn of_a_long_name_the_beginning_stands_for_it() {
        let long = "A".repeat(100_000);
        assert_eq!(&*account(long.as_bytes()), "a".repeat(ACCOUNT_MAX).as_bytes());
        let found = account_of_response(b"LOGIN", "QUFB".repeat(30_000).as_bytes()).unwrap();
        assert_eq!(&*found, "a".repeat(ACCOUNT_MAX).as_bytes());
    }

    #[test]
    fn a_mechanism_is_secure_only_if_it_is_known_to_be() {
        for mechanism in ["CRAM-MD5", "scram-sha-256-plus", "NTLM", "GSSAPI", "External", "apop"] {
            assert!(!is_clear_text(mechanism.as_bytes()), "{mechanism}");
        }
        for mechanism in ["PLAIN", "login", "USER", "XOAUTH2", "OAUTHBEARER", "X-NEW", "", "NTLMX", "CRAM"] {
            assert!(is_clear_text(mechanism.as_bytes()), "{mechanism}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert!(is_name(b"SCRAM-SHA-256-PLUS") && is_name(b"KERBEROS_V4"));
        assert!(!is_name(b"") && !is_name(b"AGEAYg==") && !is_name(b"ABCDEFGHIJKLMNOPQRSTU"));
    }
}
