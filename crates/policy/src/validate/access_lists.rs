//! Entries of access lists that cannot be read, where the list decides about mail.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, ObjectKind, Selection};
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    let mut used: HashMap<&str, Span> = HashMap::new();
    // What passes an interface of an ASA is nothing that this version decides.
    let deciding = configuration.objects().filter(|object| object.kind() != ObjectKind::AccessGroup);
    for object in deciding {
        object.references(&mut |reference| {
            if reference.kinds().any(|kind| kind == ObjectKind::AccessList) {
                used.entry(&reference.name.text).or_insert(reference.name.at);
            }
        });
    }
    let mut told = HashSet::new();
    for list in &configuration.access_lists {
        let Some(user) = used.get(list.name.text.as_str()) else { continue };
        for entry in list.entries() {
            // Several entries may name the group in which it is.
            let Selection::Unread { at, message, help } = &entry.selection else { continue };
            if !told.insert((*at, message)) {
                continue;
            }
            complaints.push(
                Diagnostic::new(Code::InvalidInput, *at, message)
                    .related(*user, "the access list is used here")
                    .maybe_help(help.clone()),
            );
        }
    }
}
