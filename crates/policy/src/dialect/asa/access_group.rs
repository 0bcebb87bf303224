//! Which of several access lists is in force at a place of an ASA.

use std::collections::HashMap;

use crate::dialect::lowering::Lowering;
use crate::model::{AccessGroup, AccessListForm, Configuration, Name};

/// Leaves the last list of each place: it has one, and before 9.0 one more for IPv6.
pub(super) fn drop_replaced(lowering: &mut Lowering<'_>) {
    let Configuration { access_groups, access_lists, .. } = &mut lowering.configuration;
    let is_v6 = |group: &AccessGroup| {
        access_lists.get(&group.list.text).is_some_and(|list| list.form == AccessListForm::V6Lines)
    };
    let mut last: HashMap<_, Name> = HashMap::new();
    let mut replaced = Vec::new();
    for group in &*access_groups {
        if let Some(before) = last.insert((group.place(), is_v6(group)), group.line.clone()) {
            lowering.complaints.extend(lowering.outline.replaces(group.line.at, before.at));
            replaced.push(before);
        }
    }
    replaced.iter().for_each(|line| access_groups.remove(&line.text));
}

#[cfg(test)]
mod tests {
    /// The access groups that are in force, and what is complained of.
    fn loaded(lines: &str) -> (Vec<String>, Vec<String>) {
        let text = format!(
            "ASA Version 8.4(2)\ninterface e0\n nameif outside\naccess-list A permit tcp any any eq smtp\n\
             access-list B permit tcp any any\nipv6 access-list V permit tcp any any eq smtp\n{lines}"
        );
        let loaded = crate::load("test", text.as_bytes());
        let groups = loaded.configuration.unwrap().access_groups;
        let groups = groups.iter().map(|group| group.line.text.clone()).collect();
        (groups, loaded.diagnostics.iter().map(|found| found.message.clone()).collect())
    }

    #[test]
    fn a_place_has_one_list_and_one_more_for_ipv6() {
        let (groups, complaints) =
            loaded("access-group A in interface outside\naccess-group V in interface outside\n");
        assert_eq!(groups, ["A in interface outside", "V in interface outside"]);
        assert_eq!(complaints, [""; 0]);
        let (groups, complaints) =
            loaded("access-group A in interface outside\naccess-group B in interface outside\n");
        assert_eq!(groups, ["B in interface outside"]);
        let replaced = "`access-group B in interface outside` replaces `access-group A in interface outside`";
        assert_eq!(complaints, [replaced]);
    }

    #[test]
    fn directions_options_and_all_interfaces_are_places_of_their_own() {
        let lines = [
            "A in interface outside",
            "B out interface outside",
            "B in interface outside control-plane",
            "B global",
        ];
        let text: String = lines.iter().map(|line| format!("access-group {line}\n")).collect();
        assert_eq!(loaded(&text), (lines.map(str::to_owned).to_vec(), Vec::new()));
        let (groups, _) = loaded(&format!("{text}no access-group B out interface outside\n"));
        assert_eq!(groups, [lines[0], lines[2], lines[3]]);
    }
}
