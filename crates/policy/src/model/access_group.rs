//! Which access list says what may pass an interface of an ASA.

use super::{Configuration, Direction, GLOBAL, Name, Object, ObjectKind, Reference};
use crate::source::Span;

/// `access-group LIST {in | out} interface NAMEIF` or `access-group LIST global`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroup {
    /// All that the line says: `LIST in interface outside`.
    pub line: Name,
    pub list: Name,
    /// The interface, as `nameif` calls it; `None` for all of them, where no list of their own decides.
    pub interface: Option<(Direction, Name)>,
    pub option: Option<AccessGroupOption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessGroupOption {
    /// What a user may is asked in place of the list.
    PerUserOverride,
    /// It decides of connections to the device itself.
    ControlPlane,
}

impl AccessGroupOption {
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::PerUserOverride => "per-user-override",
            Self::ControlPlane => "control-plane",
        }
    }
}

impl AccessGroup {
    pub(crate) fn new(
        list: Name,
        interface: Option<(Direction, Name)>,
        option: Option<AccessGroupOption>,
    ) -> Self {
        let place = match &interface {
            Some((direction, interface)) => format!("{direction} interface {interface}"),
            None => GLOBAL.to_owned(),
        };
        let option_text = option.map(|option| format!(" {}", option.keyword())).unwrap_or_default();
        let line = Name::new(format!("{list} {place}{option_text}"), list.at);
        Self { line, list, interface, option }
    }

    /// Whether it decides of what passes through the device.
    pub fn is_of_traffic(&self) -> bool {
        self.option != Some(AccessGroupOption::ControlPlane)
    }

    /// Where it is in force: two lists in one place would contradict each other.
    pub(crate) fn place(&self) -> (Option<(Direction, String)>, bool) {
        let interface = self.interface.as_ref().map(|(direction, name)| (*direction, name.text.clone()));
        (interface, self.is_of_traffic())
    }
}

impl Configuration {
    /// What decides of the connections through an interface of an ASA, or through any.
    pub(crate) fn access_groups_of(&self, nameif: Option<&Name>) -> impl Iterator<Item = &AccessGroup> {
        let is_of = move |group: &&AccessGroup| match (nameif, &group.interface) {
            (Some(nameif), Some((_, interface))) => nameif.text == interface.text,
            (None, _) | (_, None) => true,
        };
        self.access_groups.iter().filter(|group| group.is_of_traffic()).filter(is_of)
    }
}

impl Object for AccessGroup {
    fn kind(&self) -> ObjectKind {
        ObjectKind::AccessGroup
    }

    fn name(&self) -> &Name {
        &self.line
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        visit(Reference::to(ObjectKind::AccessList, &self.list).or_none());
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.line.at);
        visit(&mut self.list.at);
        self.interface.iter_mut().for_each(|(_, interface)| visit(&mut interface.at));
    }
}
