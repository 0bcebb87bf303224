//! Is this legal here? One row per situation, one column per level; speaks before any policy.

use policy::model::Conformance;

use crate::config::Watch;
use crate::event::{AnomalyKind as Kind, Treatment};

/// What each level makes of a situation: compat, standard, strict.
///
/// `Reset` of something a client said first gets an answer where the row of `smtp.rs` has one, so
/// that a legitimate sender's administrator finds a reason in the log.
const TABLE: &[(Kind, [Treatment; 3])] = {
    use Treatment::{Counted, Mended, Noted, Refused, Reset};
    &[
        // RFC 5321 §2.3.8 and §4.1.1.4: CR and LF only ever together.
        (Kind::BareLf, [Counted, Mended, Refused]),
        (Kind::BareCr, [Counted, Mended, Refused]),
        (Kind::EndLookAlike, [Counted, Mended, Refused]),
        (Kind::Nul, [Noted, Mended, Refused]),
        // RFC 3030 §2: octets of a chunk are counted, so they cannot be mended.
        (Kind::ChunkFlaw, [Noted, Refused, Refused]),
        (Kind::BadChunk, [Reset, Reset, Reset]),
        (Kind::UnofferedChunk, [Noted, Noted, Noted]),
        (Kind::CommandBareLf, [Counted, Mended, Refused]),
        (Kind::ReplyBareLf, [Counted, Mended, Reset]),
        (Kind::CommandControl, [Refused, Refused, Reset]),
        (Kind::CommandEightBit, [Counted, Noted, Refused]),
        (Kind::CommandTooLong, [Refused, Refused, Refused]),
        // RFC 2920 §3.1: only a server that says so takes commands in groups.
        (Kind::EarlyTalker, [Counted, Mended, Reset]),
        (Kind::Unpipelined, [Counted, Mended, Reset]),
        // RFC 3207 §4.2: what was said in clear is forgotten.
        (Kind::TlsInjection, [Reset, Reset, Reset]),
        (Kind::NotSmtp, [Reset, Reset, Reset]),
        (Kind::UnaskedReply, [Noted, Reset, Reset]),
        (Kind::BadReply, [Noted, Reset, Reset]),
        (Kind::EndlessReply, [Noted, Reset, Reset]),
        (Kind::HostilePath, [Noted, Refused, Reset]),
        (Kind::UnreadablePath, [Counted, Noted, Refused]),
        // The mask is the dialect's; here it is only told.
        (Kind::UnknownVerb, [Noted, Noted, Noted]),
        (Kind::LockedParameter, [Refused, Refused, Refused]),
        (Kind::Surplus, [Reset, Reset, Reset]),
        (Kind::LongField, [Counted, Noted, Refused]),
        (Kind::LongHeader, [Refused, Refused, Refused]),
        // Some reader finds a part where we do not look; no sender of mail nests a hundred, or writes five
        // boundaries for one.
        (Kind::MimeDepth, [Noted, Refused, Refused]),
        (Kind::MimeParts, [Noted, Refused, Refused]),
        (Kind::MimeReadings, [Noted, Refused, Refused]),
        (Kind::RepeatedMimeField, [Counted, Noted, Noted]),
    ]
};

/// What `level` makes of a situation. One without a row would be refused.
pub(crate) fn treatment(kind: Kind, level: Conformance) -> Treatment {
    let row = TABLE.iter().find(|(of, _)| *of == kind);
    row.map_or(Treatment::Refused, |&(_, [compat, standard, strict])| match level {
        Conformance::Compat => compat,
        Conformance::Standard => standard,
        Conformance::Strict => strict,
    })
}

/// The anomalies a session has had, so that one that repeats is told once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told(u64);

impl Told {
    /// Whether one of this kind is told now: the first of a session, and of an observed dialogue every
    /// one. What is seen again whenever the same octets are offered is told once all the same.
    pub(crate) fn tells(&mut self, kind: Kind, watch: Watch) -> bool {
        let bit = 1 << (kind as u64);
        let first = self.0 & bit == 0;
        self.0 |= bit;
        let lasting = matches!(kind, Kind::EarlyTalker | Kind::NotSmtp | Kind::LongHeader);
        first || watch == Watch::Observe && !lasting
    }

    pub(crate) const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << (kind as u64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_situation_has_one_row_and_no_level_is_softer_than_the_one_before() {
        assert!(Kind::ALL.len() <= 64);
        for kind in Kind::ALL {
            let rows: Vec<_> = TABLE.iter().filter(|(of, _)| of == kind).collect();
            assert_eq!(rows.len(), 1, "{kind:?}");
            let [compat, standard, strict] = rows[0].1;
            assert!(compat <= standard && standard <= strict, "{kind:?}");
        }
    }

    const HEAD: &str = "\
# Anomalies

What a peer did that its protocol does not allow, or that a bound of ours does not, and what each level of
`conformance` makes of it. Printed from the tables the program itself reads; `kind` is the word in the events.

- **counted**: left, or made canonical, without a word.
- **noted**: left and told.
- **mended**: made canonical, or held until it is in order, and told.
- **refused**: answered by us, told, and not forwarded.
- **reset**: the session ends.

A kind that repeats within a session is told once. RFC 5321 is the standard for SMTP, RFC 2920 for pipelining,
RFC 3030 for BDAT, RFC 3207 for STARTTLS.

| kind | compat | standard | strict | what it is |
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
