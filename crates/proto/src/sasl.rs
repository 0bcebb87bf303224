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

#[cfg(test)]
mod tests {
    use super::*;

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
