//! What the standards demand: one row per anomaly, one column per level. Applies before any rule.

use policy::model::Conformance;

use crate::event::{AnomalyKind as Kind, Treatment};

/// What each level does about an anomaly: compat, standard, strict.
const TABLE: &[(Kind, [Treatment; 3])] = {
    use Treatment::{Logged, Masked, Normalized, Refused, Reset, Silent};
    &[
        // RFC 5321 §2.3.8 and §4.1.1.4: CR and LF only ever together.
        (Kind::BareLf, [Silent, Normalized, Reset]),
        (Kind::BareCr, [Silent, Normalized, Reset]),
        (Kind::EndLookAlike, [Silent, Normalized, Reset]),
        (Kind::Nul, [Logged, Normalized, Refused]),
        // RFC 3030 §2: bytes of a chunk are counted, so they cannot be normalized.
        (Kind::ChunkFlaw, [Logged, Refused, Refused]),
        (Kind::BadChunk, [Reset, Reset, Reset]),
        (Kind::UnofferedChunk, [Masked, Masked, Masked]),
        (Kind::CommandBareLf, [Silent, Normalized, Refused]),
        (Kind::ReplyBareLf, [Silent, Normalized, Reset]),
        (Kind::CommandControl, [Refused, Refused, Reset]),
        (Kind::CommandEightBit, [Silent, Logged, Refused]),
        (Kind::CommandTooLong, [Refused, Refused, Refused]),
        // RFC 5321 §4.1.4: only MAIL begins a transaction. A server whose own ends later would deliver the message.
        (Kind::NoTransaction, [Logged, Refused, Refused]),
        (Kind::OutOfOrder, [Silent, Logged, Refused]),
        // RFC 2920 §3.1: only a server that offers PIPELINING accepts commands in groups.
        (Kind::EarlyTalker, [Silent, Normalized, Reset]),
        (Kind::Unpipelined, [Silent, Normalized, Reset]),
        // RFC 3207 §4.2: what was sent in clear text before TLS must be discarded.
        (Kind::TlsInjection, [Reset, Reset, Reset]),
        (Kind::NotSmtp, [Reset, Reset, Reset]),
        // What a client says of itself must not be believed, and what a balancer says must be understood.
        (Kind::StrayProxyHeader, [Reset, Reset, Reset]),
        (Kind::BadProxyHeader, [Reset, Reset, Reset]),
        (Kind::CutProxyHeader, [Reset, Reset, Reset]),
        // A server that was not told who the client is may trust it as it trusts us.
        (Kind::XclientRefused, [Reset, Reset, Reset]),
        (Kind::UnaskedReply, [Logged, Reset, Reset]),
        (Kind::BadReply, [Logged, Reset, Reset]),
        (Kind::ReplyControl, [Logged, Normalized, Reset]),
        // What the client sends next is content, of a form that is not known.
        (Kind::UnknownExchange, [Reset, Reset, Reset]),
        (Kind::EndlessReply, [Logged, Reset, Reset]),
        (Kind::LineBareLf, [Silent, Logged, Reset]),
        // Servers say more before the login than they are asked for, and no client minds.
        (Kind::StrayLine, [Silent, Logged, Logged]),
        (Kind::EndlessLine, [Reset, Reset, Reset]),
        (Kind::BadLiteral, [Reset, Reset, Reset]),
        (Kind::BadTag, [Reset, Reset, Reset]),
        (Kind::Preauth, [Reset, Reset, Reset]),
        (Kind::Compressed, [Silent, Logged, Logged]),
        // Whether these two are looked for is decided by the dialect.
        (Kind::InvalidCommand, [Reset, Reset, Reset]),
        (Kind::ClearTextLogin, [Reset, Reset, Reset]),
        (Kind::AfterLeaving, [Reset, Reset, Reset]),
        (Kind::HostilePath, [Logged, Refused, Reset]),
        // Only where the dialect of the rules asks for it.
        (Kind::Pipe, [Reset, Reset, Reset]),
        (Kind::UnreadablePath, [Silent, Logged, Refused]),
        // Which verbs are masked is decided by the dialect; this row only names what happens to them.
        (Kind::UnknownVerb, [Masked, Masked, Masked]),
        (Kind::LockedParameter, [Refused, Refused, Refused]),
        (Kind::Surplus, [Reset, Reset, Reset]),
        (Kind::ManyRefused, [Reset, Reset, Reset]),
        // RFC 1870 §6.3: what the server makes of it is its own affair. Only where the dialect of the rules asks for it.
        (Kind::SizeExceeded, [Silent, Silent, Logged]),
        (Kind::LongField, [Silent, Logged, Refused]),
        (Kind::LongHeader, [Refused, Refused, Refused]),
        // Some reader finds a part where we do not look; no mail program nests a hundred parts, or describes one
        // in 64 KiB.
        (Kind::MimeDepth, [Logged, Refused, Refused]),
        (Kind::MimeParts, [Logged, Refused, Refused]),
        (Kind::MimeReadings, [Logged, Refused, Refused]),
        (Kind::RepeatedMimeField, [Silent, Logged, Logged]),
        // All readings are judged; which of them the recipient will see nobody knows.
        (Kind::AmbiguousMimeField, [Silent, Logged, Refused]),
        (Kind::AmbiguousBoundary, [Silent, Logged, Refused]),
        (Kind::AmbiguousHeader, [Silent, Logged, Refused]),
    ]
};

/// What `level` does about an anomaly.
pub(crate) fn treatment(kind: Kind, level: Conformance) -> Treatment {
    let row = TABLE.iter().find(|(of, _)| *of == kind);
    row.map_or(Treatment::Refused, |&(_, [compat, standard, strict])| match level {
        Conformance::Compat => compat,
        Conformance::Standard => standard,
        Conformance::Strict => strict,
    })
}

/// Whether an anomaly of this kind is found again whenever the same bytes are offered.
pub(crate) const fn lasts(kind: Kind) -> bool {
    matches!(kind, Kind::EarlyTalker | Kind::NotSmtp | Kind::StrayProxyHeader | Kind::LongHeader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anomaly_has_one_row_and_no_level_is_softer_than_the_one_before() {
        for kind in Kind::ALL {
            let rows: Vec<_> = TABLE.iter().filter(|(of, _)| of == kind).collect();
            assert_eq!(rows.len(), 1, "{kind:?}");
            let [compat, standard, strict] = rows[0].1;
            assert!(compat <= standard && standard <= strict, "{kind:?}");
        }
    }

    const HEAD: &str = "\
# Anomalies

Protocol violations and exceeded limits, and how each level of `conformance` treats them. This page is generated from
the tables of the program; `kind` and `treatment` are keys of events of type `anomaly`.

- **silent**: forwarded, in canonical form where required; an event is written, but no alert is logged.
- **logged**: forwarded unchanged, and reported.
- **normalized**: rewritten to canonical form, or delayed until it is in sequence, and reported.
- **masked**: overwritten at equal length, and reported; the server rejects it like any unknown command.
- **refused**: answered with an error reply, not forwarded, and reported.
- **reset**: the session is ended, and this is reported. The client gets the reply that it is owed, and FIN; the
  server gets RST.

A kind that repeats within a session is reported once, and summed up at the end of the session. RFC 5321 is the standard for SMTP, RFC 2920 for pipelining,
RFC 3030 for BDAT, RFC 3207 for STARTTLS.

| kind | compat | standard | strict | description |
|---|---|---|---|---|
";

    /// `UPDATE_GOLDEN=1` rewrites the page.
    #[test]
    fn the_page_of_anomalies_is_what_the_table_says() {
        let rows = TABLE.iter().map(|(kind, [compat, standard, strict])| {
            let levels = format!("{} | {} | {}", compat.name(), standard.name(), strict.name());
            format!("| `{}` | {levels} | {} |\n", kind.name(), kind.meaning())
        });
        let page = HEAD.to_owned() + &rows.collect::<String>();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/anomalies.md");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == page, "docs/anomalies.md differs: run scripts/golden");
    }
}
