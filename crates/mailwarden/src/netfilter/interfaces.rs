//! The interfaces of a configuration, and what Linux calls them.

use policy::diagnostic::{Code, Diagnostic, Diagnostics};
use policy::model::{Configuration, Interface};

/// Limit: octets of the name of an interface; the kernel has room for 16 with the end.
const NAME_MAX: usize = 15;

/// Those that have something to do with what passes.
pub(super) struct Interfaces<'c>(Vec<Known<'c>>);

/// An interface by both its names.
pub(super) struct Known<'c> {
    pub(super) interface: &'c Interface,
    /// As Linux calls it.
    pub(super) linux: &'c str,
}

impl<'c> Interfaces<'c> {
    /// Complains of those that Linux cannot call so.
    pub(super) fn of(configuration: &'c Configuration, complaints: &mut Diagnostics) -> Self {
        let mut known: Vec<Known<'c>> = Vec::new();
        for interface in configuration.interfaces.iter().filter(|interface| decides(interface)) {
            let named = interface.linux_interface.as_ref().unwrap_or(&interface.name);
            let linux = named.text.as_str();
            if !is_valid(linux) {
                let message = format!("Linux cannot have an interface `{linux}`");
                let help = format!("write `interface {} / linux-interface eth0`", interface.name);
                complaints.push(Diagnostic::new(Code::InvalidInput, named.at, message).help(help));
                continue;
            }
            if let Some(other) = known.iter().find(|other| other.linux == linux) {
                let message = format!("`{linux}` is also the interface `{}`", other.interface.name);
                let complaint = Diagnostic::new(Code::InvalidInput, named.at, message);
                complaints.push(complaint.related(other.interface.name.at, "the other one"));
                continue;
            }
            known.push(Known { interface, linux });
        }
        Self(known)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Known<'c>> {
        self.0.iter()
    }

    /// The members of a zone.
    pub(super) fn of_zone(&self, zone: &str) -> Vec<&'c str> {
        let members = self.iter().filter(|known| known.zone() == Some(zone));
        members.map(|known| known.linux).collect()
    }

    /// Those in any zone.
    pub(super) fn of_zones(&self) -> Vec<&'c str> {
        self.iter().filter(|known| known.zone().is_some()).map(|known| known.linux).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.iter().map(|known| known.linux.to_owned()).collect()
    }
}

impl<'c> Known<'c> {
    pub(super) fn zone(&self) -> Option<&'c str> {
        self.interface.zone.as_ref().map(|zone| zone.text.as_str())
    }
}

/// Whether anything that passes is decided by it.
fn decides(interface: &Interface) -> bool {
    let Interface { zone, inspect_in, inspect_out, access_group_in, access_group_out, nameif, .. } =
        interface;
    let names = [zone, inspect_in, inspect_out, access_group_in, access_group_out, nameif];
    names.into_iter().any(Option::is_some)
}

/// As the kernel demands it, without what nft cannot quote or takes for a pattern.
fn is_valid(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= NAME_MAX && name != "." && name != "..";
    fits && name.bytes().all(|octet| octet.is_ascii_graphic() && !b"/:\"*\\".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_linux_can_have() {
        for name in ["eth0", "br-lan.100", "wg0@x", "abcdefghijklmno"] {
            assert!(is_valid(name), "{name}");
        }
        for name in ["", "GigabitEthernet0/1", "abcdefghijklmnop", "eth*", "a:1", "a\"b", ".."] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
