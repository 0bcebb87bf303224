//! Lists of a session that do not grow with what is said in it: the first so many, and a count of the rest.

/// The first of many, in their order, and how many came behind them.
#[derive(Debug)]
pub(super) struct Listed<T> {
    first: Vec<T>,
    more: u64,
}

/// What the lists of a session may still take together.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

// Limit: how many of anything are listed.
pub(super) const LISTED_MAX: usize = 10_000;

// Limit: bytes that the lists of a session take. Ten thousand ordinary transactions take a third of it; what is
// over it is counted, since a hostile client could fill ten thousand commands with forty megabytes.
const COST_MAX: usize = 16 << 20;

impl Default for Budget {
    fn default() -> Self {
        Self { left: COST_MAX }
    }
}

impl Budget {
    /// What the lists take.
    pub(super) const fn spent(&self) -> usize {
        COST_MAX - self.left
    }

    /// Whether there was room for an element with texts of so many bytes.
    const fn takes<T>(&mut self, texts: usize) -> bool {
        // An allocation rounds up, and a list that grows has twice the room that it needs.
        let cost = texts + 2 * size_of::<T>() + 32;
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), more: 0 }
    }
}

impl<T> Listed<T> {
    /// Adds an element with texts of so many bytes, if there is room for it, and otherwise counts it. Whether
    /// it is listed; behind one that is not, none is.
    pub(super) fn push(&mut self, budget: &mut Budget, texts: usize, element: impl FnOnce() -> T) -> bool {
        let listed = self.more == 0 && self.first.len() < LISTED_MAX && budget.takes::<T>(texts);
        match listed {
            true => self.first.push(element()),
            false => self.more += 1,
        }
        listed
    }

    /// Those that are listed.
    pub(super) fn first(&self) -> &[T] {
        &self.first
    }

    pub(super) fn first_mut(&mut self) -> &mut [T] {
        &mut self.first
    }

    /// How many are not listed.
    pub(super) const fn more(&self) -> u64 {
        self.more
    }

    /// All of them, listed or not.
    pub(super) const fn count(&self) -> u64 {
        self.first.len() as u64 + self.more
    }

    /// Puts the elements of another list behind these.
    pub(super) fn append(&mut self, mut other: Self) {
        let room = if self.more == 0 { LISTED_MAX - self.first.len() } else { 0 };
        let beyond = other.first.len().saturating_sub(room);
        other.first.truncate(room);
        self.first.append(&mut other.first);
        self.more += beyond as u64 + other.more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(texts: usize, times: usize) -> Listed<u64> {
        let (mut list, mut budget) = (Listed::default(), Budget::default());
        (0..times).for_each(|number| {
            list.push(&mut budget, texts, || number as u64);
        });
        list
    }

    #[test]
    fn what_is_beyond_the_number_or_the_room_is_counted() {
        let many = pushed(10, LISTED_MAX + 3);
        assert_eq!((many.first().len(), many.more()), (LISTED_MAX, 3));
        let long = pushed(COST_MAX / 4, 9);
        assert_eq!((long.first(), long.more()), (&[0, 1, 2][..], 6));
    }

    #[test]
    fn behind_an_element_that_is_not_listed_none_is() {
        let (mut list, mut budget) = (Listed::default(), Budget::default());
        for texts in [1, COST_MAX, 1] {
            list.push(&mut budget, texts, || texts);
        }
        assert_eq!((list.first(), list.more()), (&[1][..], 2));
    }

    #[test]
    fn a_list_behind_another_adds_what_has_room_and_counts_the_rest() {
        let mut list = pushed(0, LISTED_MAX - 1);
        list.append(pushed(0, 3));
        assert_eq!((list.first().len(), list.more(), list.count()), (LISTED_MAX, 2, LISTED_MAX as u64 + 2));
    }
}
