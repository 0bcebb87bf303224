//! What a configuration contains, by a light reading of both platforms: for the summary of `check`.
//!
//! Counts and names only, whether or not we use them and whatever errors there are; what statements
//! mean is not looked at here.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::dialect::interface_name;
use crate::lines::Line;
use crate::maps::map_header;
use crate::model::Name;
use crate::source::Span;

pub use crate::maps::MapKind;

/// Names by type, each once, in the order of the file.
pub type ByType = BTreeMap<String, Vec<String>>;

/// Everything `check` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub class_maps: ByType,
    pub policy_maps: ByType,
    pub parameter_maps: ByType,
    /// Top-level `regex NAME` of the ASA.
    pub regexes: Vec<String>,
    pub zones: Vec<String>,
    pub zone_pairs: Vec<String>,
    /// `ip inspect name RULE PROTOCOL`.
    pub inspection_rules: BTreeMap<String, Vec<String>>,
    /// Interfaces with a part in filtering or inspection.
    pub interfaces: BTreeMap<String, InterfaceRole>,
    pub access_lists: BTreeMap<String, Entries>,
    /// `service-policy NAME {global | interface IF}` of the ASA.
    pub service_policies: Vec<ServicePolicy>,
    /// Maps that serve other features (QoS, HTTP, SIP …).
    pub unused: Vec<UnusedMap>,
    /// The first words of the statements that are not used here; the rest of a line may be secret.
    pub not_used_here: Vec<Span>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceRole {
    pub inspect_in: Option<String>,
    pub inspect_out: Option<String>,
    pub access_group_in: Option<String>,
    pub access_group_out: Option<String>,
    pub zone: Option<String>,
    pub nameif: Option<String>,
    pub security_level: Option<u8>,
}

/// How many entries of an access list permit and deny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    pub permit: u32,
    pub deny: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePolicy {
    pub policy: String,
    /// `global`, or `interface NAME`.
    pub place: String,
}

/// A map of another feature: named by `check`, used by nobody here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedMap {
    pub kind: MapKind,
    /// The words after `type`, or `plain`.
    pub of: String,
    pub name: Name,
}

/// `in_full` has the lines typed with shortened keywords, by where they begin.
pub(crate) fn read(lines: &[Line<'_>], in_full: &HashMap<usize, String>) -> Summary {
    let mut survey = Survey::default();
    for line in lines.iter().filter(|line| !line.is_exec()) {
        let text = in_full.get(&line.start).map_or(line.text, String::as_str);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        survey.line(&words);
    }
    survey.finish()
}

#[derive(Default)]
struct Survey {
    summary: Summary,
    /// The block that is open.
    block: SurveyBlock,
    /// `access-group LIST {in | out} interface NAMEIF`, until all interfaces are known.
    access_groups: Vec<(String, bool, String)>,
}

#[derive(Default)]
enum SurveyBlock {
    #[default]
    None,
    Interface(String),
    AccessList(String),
}

impl Survey {
    fn line(&mut self, words: &[&str]) {
        let lower: Vec<String> = words.iter().take(6).map(|word| word.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        if let Some(header) = map_header(words) {
            self.block = SurveyBlock::None;
            let maps = match header.kind {
                MapKind::ClassMap => &mut self.summary.class_maps,
                MapKind::PolicyMap => &mut self.summary.policy_maps,
                MapKind::ParameterMap => &mut self.summary.parameter_maps,
            };
            return note(maps.entry(header.of).or_default(), header.name);
        }
        if !self.of_block(&lower, words) {
            self.outermost(&lower, words);
        }
    }

    /// A line that belongs to an interface or a named access list.
    fn of_block(&mut self, lower: &[&str], words: &[&str]) -> bool {
        match &self.block {
            SurveyBlock::None => false,
            SurveyBlock::AccessList(name) => {
                let number = |word: &&&str| word.bytes().all(|b| b.is_ascii_digit());
                let entry = match lower {
                    ["sequence", _, entry @ ..] => entry,
                    [first, entry @ ..] if number(&first) => entry,
                    entry => entry,
                };
                let list = self.summary.access_lists.entry(name.clone()).or_default();
                count(list, entry.first().copied()) || entry.first() == Some(&"remark")
            }
            SurveyBlock::Interface(name) => interface_line(&mut self.summary.interfaces, name, lower, words),
        }
    }

    fn outermost(&mut self, lower: &[&str], words: &[&str]) {
        let word = |index: usize| words.get(index).copied().unwrap_or("").to_owned();
        let summary = &mut self.summary;
        match lower {
            ["proxy", _] | ["mailwarden"] => self.block = SurveyBlock::None,
            ["interface" | "int", _, ..] => {
                self.block = SurveyBlock::Interface(interface_name(words.iter().skip(1).copied()));
            }
            ["zone", "security", _, ..] => note(&mut summary.zones, &word(2)),
            ["zone-pair", "security", _, ..] => note(&mut summary.zone_pairs, &word(2)),
            ["regex", _, _, ..] => note(&mut summary.regexes, &word(1)),
            ["ip", "inspect", "name", _, ..] => {
                let protocols = summary.inspection_rules.entry(word(3)).or_default();
                protocols.extend(words.get(4).map(|protocol| protocol.to_ascii_lowercase()));
            }
            ["ip", "access-list", "standard" | "extended", _, ..] => self.open_access_list(word(3)),
            ["ipv6", "access-list", _, action @ ("permit" | "deny"), ..] => {
                count(summary.access_lists.entry(word(2)).or_default(), Some(action));
            }
            ["ipv6", "access-list", _] => self.open_access_list(word(2)),
            ["access-list", _, ..] => access_list_line(&mut summary.access_lists, words),
            // What decides of connections to the device itself, decides nothing of those through it.
            ["access-group", _, "in" | "out", "interface", _, "control-plane"] => {}
            ["access-group", _, direction @ ("in" | "out"), "interface", ..] => {
                self.access_groups.push((word(1), *direction == "in", word(4)));
            }
            ["service-policy", _, "global"] => {
                let place = "global".to_owned();
                summary.service_policies.push(ServicePolicy { policy: word(1), place });
            }
            ["service-policy", _, "interface", _] => {
                let place = format!("interface {}", word(3));
                summary.service_policies.push(ServicePolicy { policy: word(1), place });
            }
            ["nameif", hardware, _, level]
                if level.starts_with("security") || level.bytes().all(|b| b.is_ascii_digit()) =>
            {
                let role = summary.interfaces.entry((*hardware).to_owned()).or_default();
                role.nameif = Some(word(2));
                role.security_level = level.trim_start_matches("security").parse().ok();
            }
            _ => {}
        }
    }

    fn open_access_list(&mut self, name: String) {
        self.summary.access_lists.entry(name.clone()).or_default();
        self.block = SurveyBlock::AccessList(name);
    }

    fn finish(mut self) -> Summary {
        for (list, is_in, nameif) in self.access_groups {
            let mut interfaces = self.summary.interfaces.values_mut();
            if let Some(role) = interfaces.find(|role| role.nameif.as_deref() == Some(&nameif)) {
                *(if is_in { &mut role.access_group_in } else { &mut role.access_group_out }) = Some(list);
            }
        }
        let summary = &mut self.summary;
        let maps = [&mut summary.class_maps, &mut summary.policy_maps, &mut summary.parameter_maps];
        let maps = maps.into_iter().flat_map(|maps| maps.values_mut());
        let lists = [&mut summary.regexes, &mut summary.zones, &mut summary.zone_pairs];
        maps.chain(lists).for_each(each_once);
        self.summary
    }
}

/// What an interface says of itself; false if the line is not of an interface.
fn interface_line(
    interfaces: &mut BTreeMap<String, InterfaceRole>,
    name: &str,
    lower: &[&str],
    words: &[&str],
) -> bool {
    let word = |index: usize| words.get(index).map(|word| (*word).to_owned());
    let mut role = interfaces.get(name).cloned().unwrap_or_default();
    match lower {
        ["nameif", _] => role.nameif = word(1),
        ["security-level", level] => role.security_level = level.parse().ok(),
        ["zone-member", "security", _] => role.zone = word(2),
        ["ip", "inspect", rule, "in", ..] if *rule != "name" => role.inspect_in = word(2),
        ["ip", "inspect", rule, "out", ..] if *rule != "name" => role.inspect_out = word(2),
        // As a feature guide of Cisco's misprints it.
        ["ip", "inspect", "name", _, "in"] => role.inspect_in = word(3),
        ["ip", "inspect", "name", _, "out"] => role.inspect_out = word(3),
        ["ip", "access-group", _, "in", ..] => role.access_group_in = word(2),
        ["ip", "access-group", _, "out", ..] => role.access_group_out = word(2),
        _ => return false,
    }
    interfaces.insert(name.to_owned(), role);
    true
}

/// `access-list NAME [line N] [extended | standard] {permit | deny} …`.
fn access_list_line(lists: &mut BTreeMap<String, Entries>, words: &[&str]) {
    let action = words.iter().skip(2).take(4).map(|word| word.to_ascii_lowercase());
    let action = action.take_while(|word| word != "remark").find(|word| word == "permit" || word == "deny");
    // `<NAME>` is a placeholder of a sample, `<xsl:…` the markup of a template.
    let is_markup = |name: &&&str| name.starts_with('<') && !name.ends_with('>');
    if let (Some(name), Some(action)) = (words.get(1).filter(|name| !is_markup(name)), action) {
        count(lists.entry((*name).to_owned()).or_default(), Some(&action));
    }
}

fn count(list: &mut Entries, action: Option<&str>) -> bool {
    match action {
        Some("permit") => list.permit += 1,
        Some("deny") => list.deny += 1,
        _ => return false,
    }
    true
}

fn note(names: &mut Vec<String>, name: &str) {
    if !name.is_empty() {
        names.push(name.to_owned());
    }
}

/// Leaves the first of equal names.
fn each_once(names: &mut Vec<String>) {
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

#[cfg(test)]
mod tests {
    use crate::load;

    #[test]
    fn a_rule_that_is_put_on_an_interface_as_misprinted_gains_no_protocol() {
        let text = "ip inspect name guard pop3\ninterface 1/0\nip inspect name guard in\n";
        let summary = load("test", text.as_bytes()).summary;
        assert_eq!(summary.inspection_rules["guard"], ["pop3"]);
        assert_eq!(summary.interfaces["1/0"].inspect_in.as_deref(), Some("guard"));
    }
}
