//! The objects of one kind: in the order of the file, and found by name.

use std::collections::{BTreeMap, HashMap};

use super::{Name, Object};

/// Named objects in the order in which a file first mentions them. A name is in it once.
#[derive(Clone, Debug)]
pub struct Objects<T> {
    /// By the number of their first mention, so that removing one moves none of the others.
    objects: BTreeMap<usize, T>,
    numbers: HashMap<String, usize>,
    next: usize,
}

impl<T> Objects<T> {
    /// The object of that name, made with `new` if there is none.
    pub fn open(&mut self, name: &Name, new: impl FnOnce(Name) -> T) -> &mut T {
        let number = *self.numbers.entry(name.text.clone()).or_insert(self.next);
        self.next = self.next.max(number + 1);
        self.objects.entry(number).or_insert_with(|| new(name.clone()))
    }

    /// Removes the object of that name, if there is one.
    pub fn remove(&mut self, name: &str) {
        if let Some(number) = self.numbers.remove(name) {
            self.objects.remove(&number);
        }
    }

    /// The object of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.objects.get(self.numbers.get(name)?)
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.objects.values()
    }

    /// The same, to be changed; the names stay.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.objects.values_mut()
    }
}

impl<T: Object> Objects<T> {
    /// Leaves those for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let Self { objects, numbers, .. } = self;
        objects.retain(|_, object| {
            let keeps = keep(object);
            if !keeps {
                numbers.remove(&object.name().text);
            }
            keeps
        });
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), numbers: HashMap::new(), next: 0 }
    }
}

/// Equal objects in the same order; what was removed in between does not count.
impl<T: PartialEq> PartialEq for Objects<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Objects<T> {}

/// Of objects of the same name, the first is kept.
impl<T: Object> FromIterator<T> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        let mut all = Self::default();
        for object in objects {
            let name = object.name().clone();
            all.open(&name, |_| object);
        }
        all
    }
}

impl<'o, T> IntoIterator for &'o Objects<T> {
    type Item = &'o T;
    type IntoIter = std::collections::btree_map::Values<'o, usize, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.objects.values()
    }
}

impl<'o, T> IntoIterator for &'o mut Objects<T> {
    type Item = &'o mut T;
    type IntoIter = std::collections::btree_map::ValuesMut<'o, usize, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.objects.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;
    use crate::source::Span;

    fn zones(names: &[&str]) -> Objects<Zone> {
        names.iter().map(|name| Zone { name: Name::new(*name, Span::default()), description: None }).collect()
    }

    fn names(zones: &Objects<Zone>) -> Vec<&str> {
        zones.iter().map(|zone| zone.name.text.as_str()).collect()
    }

    #[test]
    fn objects_keep_the_order_of_their_first_mention() {
        let mut list = zones(&["b", "a", "c", "a"]);
        assert_eq!(names(&list), ["b", "a", "c"]);
        list.open(&Name::new("b", Span::default()), |_| unreachable!("it is there"));
        list.remove("b");
        list.remove("unknown");
        list.open(&Name::new("b", Span::default()), |name| Zone { name, description: None });
        assert_eq!(names(&list), ["a", "c", "b"], "what was removed and is mentioned again comes last");
        assert_eq!(list, zones(&["a", "c", "b"]));
    }

    #[test]
    fn what_is_not_retained_is_not_found() {
        let mut list = zones(&["a", "b"]);
        list.retain(|zone| zone.name.text != "a");
        assert!(list.get("a").is_none() && list.get("b").is_some());
        assert_eq!((list.len(), list.is_empty()), (1, false));
    }
}
