//! What every ASA has without a line of its configuration, as text that is loaded.

use std::sync::LazyLock;

use crate::model::{Configuration, DEFAULT_ESMTP_MAP, EsmtpMap};

/// Since 9.4(1), and in the maintenance releases of its time; before, `no allow-tls`. The device masks the word ESMTP
/// too, which costs its users the TLS of Postfix.
const TEXT: &str = "\
policy-map type inspect esmtp _default_esmtp_map
 description Default ESMTP policy-map
 parameters
  mask-banner except esmtp
  no mail-relay
  no special-character
  allow-tls
 match cmd line length gt 512
  drop-connection log
 match cmd RCPT count gt 100
  drop-connection log
 match body line length gt 998
  log
 match header line length gt 998
  drop-connection log
 match sender-address length gt 320
  drop-connection log
 match MIME filename length gt 255
  drop-connection log
 match ehlo-reply-parameter others
  mask
";

/// The map that `inspect esmtp` without a name stands for.
pub(crate) fn esmtp_map() -> &'static EsmtpMap {
    static MAP: LazyLock<EsmtpMap> = LazyLock::new(|| {
        let found = configuration().esmtp_maps.get(DEFAULT_ESMTP_MAP).cloned();
        found.unwrap_or_else(|| {
            debug_assert!(false, "the default map is not a map");
            EsmtpMap::new(crate::model::Name::new(DEFAULT_ESMTP_MAP, crate::source::Span::default()))
        })
    });
    &MAP
}

fn configuration() -> Configuration {
    crate::read_built_in(TEXT).without_places()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AllowTls, Banner, SpecialCharacter};

    #[test]
    fn the_default_map_is_the_vendors_and_allows_tls_and_esmtp() {
        let map = esmtp_map();
        assert_eq!(map.name.text, DEFAULT_ESMTP_MAP);
        let lines: Vec<String> = map.matches.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "match cmd line length gt 512",
                "match cmd RCPT count gt 100",
                "match body line length gt 998",
                "match header line length gt 998",
                "match sender-address length gt 320",
                "match MIME filename length gt 255",
                "match ehlo-reply-parameter others",
            ]
        );
        assert!(map.matches.iter().all(crate::model::EsmtpMatch::acts));
        assert!(map.parameters.mail_relay.is_none());
        assert_eq!(map.parameters.banner, Banner::MaskedExceptEsmtp);
        assert_eq!(map.parameters.allow_tls, Some(AllowTls::Yes { logs: false }));
        assert_eq!(map.parameters.special_character, Some(SpecialCharacter::Allowed));
    }
}
