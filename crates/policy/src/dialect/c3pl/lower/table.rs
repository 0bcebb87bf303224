//! Named things, found by name, in the order of their first mention.

use std::collections::BTreeMap;

use crate::model::{Name, Named};

#[derive(Debug)]
pub(super) struct Table<T> {
    /// Each with its place in the order.
    things: BTreeMap<String, (usize, T)>,
    mentioned: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), mentioned: 0 }
    }
}

impl<T: Named> Table<T> {
    /// The thing of that name, made if there is none yet.
    pub(super) fn open(&mut self, name: &Name, new: impl FnOnce(Name) -> T) -> &mut T {
        self.mentioned += 1;
        let place = self.mentioned;
        let (_, thing) = self.things.entry(name.text.clone()).or_insert_with(|| (place, new(name.clone())));
        thing
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.things.get(name).map(|(_, thing)| thing)
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.things.remove(name);
    }

    /// In the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.values().map(|(_, thing)| thing)
    }

    pub(super) fn into_list(self) -> Vec<T> {
        let mut things: Vec<(usize, T)> = self.things.into_values().collect();
        things.sort_by_key(|(place, _)| *place);
        things.into_iter().map(|(_, thing)| thing).collect()
    }
}
