//! Zone-pairs that no traffic takes.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{BUILT_IN_ZONES, Configuration, ZonePair};
use crate::outline::Outline;

pub(super) fn check(configuration: &Configuration, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    let members = configuration.interfaces.iter().filter_map(|interface| interface.zone.as_ref());
    let members: HashSet<&str> = members.map(|zone| zone.text.as_str()).collect();
    let mut first: HashMap<(&str, &str), &ZonePair> = HashMap::new();
    for pair in &configuration.zone_pairs {
        let ends = (pair.source.text.as_str(), pair.destination.text.as_str());
        let before = *first.entry(ends).or_insert(pair);
        if !std::ptr::eq(before, pair) {
            let message = format!(
                "zone-pair `{}` has no effect: `{}` already leads from `{}` to `{}`",
                pair.name, before.name, pair.source, pair.destination
            );
            let complaint = Diagnostic::new(Code::NoEffect, pair.name.at, message);
            let help = outline.text(pair.name.at).map(|line| format!("write `no {line}`"));
            complaints.push(complaint.related(before.name.at, "the other zone-pair").maybe_help(help));
        }
        // A file without members is a part of a configuration.
        let has_none = |zone: &str| !members.contains(zone) && !BUILT_IN_ZONES.contains(&zone);
        if let Some(zone) = [&pair.source, &pair.destination].into_iter().find(|zone| has_none(&zone.text))
            && !members.is_empty()
        {
            let message = format!(
                "zone-pair `{}` has no traffic: no interface is a member of zone `{zone}`",
                pair.name
            );
            complaints.push(
                Diagnostic::new(Code::NoEffect, zone.at, message)
                    .help(format!("write `interface NAME / zone-member security {zone}`")),
            );
        }
    }
}
