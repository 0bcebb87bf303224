//! Access lists.

use super::{Name, Object, ObjectKind, Reference};
use crate::source::Span;

/// An access list of either form; its entries are kept as text until somebody reads addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    pub name: Name,
    pub form: AccessListForm,
    /// Each from `permit` or `deny` on, one blank between the words; remarks are left out.
    pub entries: Vec<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessListForm {
    /// `access-list NAME {permit | deny} …`, a line each.
    Lines,
    /// `ip access-list standard NAME`.
    Standard,
    /// `ip access-list extended NAME`.
    Extended,
    /// `ipv6 access-list NAME`.
    V6,
}

impl Object for AccessList {
    fn kind(&self) -> ObjectKind {
        ObjectKind::AccessList
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.entries.iter_mut().for_each(|entry| visit(&mut entry.at));
    }
}
