//! The headers of class-maps, policy-maps and parameter-maps of every feature and platform.
//!
//! A light reading for what is only named by `check`; maps of ours are read by the grammar.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    ClassMap,
    PolicyMap,
    ParameterMap,
}

impl MapKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClassMap => "class-map",
            Self::PolicyMap => "policy-map",
            Self::ParameterMap => "parameter-map",
        }
    }
}

/// The first line of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapHeader<'t> {
    pub(crate) kind: MapKind,
    /// The words after `type` without the name, or `plain`.
    pub(crate) of: String,
    pub(crate) name: &'t str,
}

impl MapHeader<'_> {
    /// The words a header of this kind and type begins with.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        let of = (self.of != PLAIN).then(|| std::iter::once("type").chain(self.of.split(' ')));
        std::iter::once(self.kind.as_str()).chain(of.into_iter().flatten())
    }
}

/// The type of a map without one.
const PLAIN: &str = "plain";

/// Protocols that have maps of type inspect of their own, on either platform.
const L7_PROTOCOLS: &[&str] = &[
    "aol",
    "avc",
    "cifs",
    "dcerpc",
    "diameter",
    "dns",
    "edonkey",
    "esmtp",
    "fasttrack",
    "ftp",
    "gnutella",
    "gtp",
    "gtpv1",
    "h323",
    "http",
    "icq",
    "im",
    "imap",
    "ip-options",
    "ipsec-pass-thru",
    "ipv6",
    "kazaa2",
    "lisp",
    "m3ua",
    "mgcp",
    "msnmsgr",
    "netbios",
    "p2p",
    "pop3",
    "radius-accounting",
    "rtsp",
    "scansafe",
    "sctp",
    "sip",
    "skinny",
    "smtp",
    "snmp",
    "sunrpc",
    "winmsgr",
    "ymsgr",
];

/// Whether a protocol is one that an ASA or IOS inspects.
pub(crate) fn is_inspected(protocol: &str) -> bool {
    const WITHOUT_MAPS: &[&str] =
        &["ctiqbe", "icmp", "ils", "pptp", "rsh", "smtp", "sqlnet", "stun", "tftp", "waas", "vxlan", "xdmcp"];
    L7_PROTOCOLS.contains(&protocol) || WITHOUT_MAPS.contains(&protocol)
}

pub(crate) fn map_header<'t>(words: &[&'t str]) -> Option<MapHeader<'t>> {
    let (first, mut rest) = words.split_first()?;
    let kind = match first.to_ascii_lowercase().as_str() {
        "class-map" => MapKind::ClassMap,
        "policy-map" => MapKind::PolicyMap,
        "parameter-map" => MapKind::ParameterMap,
        _ => return None,
    };
    let mut of = PLAIN.to_owned();
    if let [keyword, kind, after @ ..] = rest
        && keyword.eq_ignore_ascii_case("type")
    {
        of = kind.to_ascii_lowercase();
        rest = after;
    } else if kind == MapKind::ParameterMap {
        // Without a type it is a line of a proxy.
        return None;
    }
    if of == "inspect"
        && let [protocol, after @ ..] = rest
        && !after.is_empty()
        && L7_PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol))
    {
        of = format!("inspect {}", protocol.to_ascii_lowercase());
        rest = after;
    }
    let mode =
        |word: &&str| word.len() > 6 && word.get(..6).is_some_and(|m| m.eq_ignore_ascii_case("match-"));
    let mode_at = rest.iter().position(mode).filter(|_| kind == MapKind::ClassMap);
    if let Some(at) = mode_at {
        rest = rest.get(at + 1..)?;
    } else if of == "control" {
        // `control subscriber NAME`.
        rest = rest.get(rest.len().saturating_sub(1)..)?;
    }
    Some(MapHeader { kind, of, name: rest.first().copied().unwrap_or("") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_features_are_named() {
        use MapKind::{ClassMap, ParameterMap, PolicyMap};
        let table = [
            ("class-map inspection_default", ClassMap, "plain", "inspection_default"),
            ("class-map match-any QOS", ClassMap, "plain", "QOS"),
            ("class-map type regex match-any R", ClassMap, "regex", "R"),
            ("class-map type inspect smtp match-any c1", ClassMap, "inspect smtp", "c1"),
            ("class-map type inspect smtp c1", ClassMap, "inspect smtp", "c1"),
            ("class-map type inspect http", ClassMap, "inspect", "http"),
            ("class-map type inspect match-all mail", ClassMap, "inspect", "mail"),
            ("class-map type control subscriber match-none ABC", ClassMap, "control", "ABC"),
            ("policy-map type inspect dns preset_dns_map", PolicyMap, "inspect dns", "preset_dns_map"),
            ("policy-map type control subscriber P", PolicyMap, "control", "P"),
            ("policy-map global_policy", PolicyMap, "plain", "global_policy"),
            ("parameter-map type inspect-zone z tcp syn-flood", ParameterMap, "inspect-zone", "z"),
            ("parameter-map type inspect-global", ParameterMap, "inspect-global", ""),
        ];
        for (line, kind, of, name) in table {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            assert_eq!(map_header(&words), Some(MapHeader { kind, of: of.to_owned(), name }), "{line}");
        }
        assert_eq!(map_header(&["no", "class-map", "c1"]), None);
        assert_eq!(map_header(&["parameter-map", "PM1"]), None);
    }
}
