//! Values by name, in the order in which they came.

use std::sync::Arc;

use crate::value::Value;

/// Up to this many entries looking through them is faster than a search in an index.
const SMALL: usize = 8;

/// Values by name. Iterates in the order of insertion; a name stands once.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(Arc<str>, Value)>,
    /// Positions in `entries` in the order of their names; empty while the map is small. Sorted and not hashed, so
    /// that no choice of names makes it slow.
    index: Vec<u32>,
}

impl Map {
    /// The value that stands under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        if self.index.is_empty() {
            return self.entries.iter().find(|(name, _)| &**name == key).map(|(_, value)| value);
        }
        let name_at = |position: &u32| self.entries.get(*position as usize).map_or("", |(name, _)| name);
        let found = self.index.binary_search_by(|position| name_at(position).cmp(key)).ok()?;
        let position = *self.index.get(found)?;
        self.entries.get(position as usize).map(|(_, value)| value)
    }

    /// Every name and its value, in the order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// The shared names, in the order of insertion.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.entries.iter().map(|(name, _)| name)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Of several values under one name the last counts, at the place of the first.
impl FromIterator<(Arc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Map {
        Map::of(entries.into_iter().collect())
    }
}

impl Map {
    fn of(mut entries: Vec<(Arc<str>, Value)>) -> Map {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|one, other| entries[*one].0.cmp(&entries[*other].0).then(one.cmp(other)));
        let same = |one: &usize, other: &usize| entries[*one].0 == entries[*other].0;
        let repeated: Vec<Vec<usize>> =
            order.chunk_by(same).filter(|run| run.len() > 1).map(<[usize]>::to_vec).collect();
        if !repeated.is_empty() {
            let mut superseded = vec![false; entries.len()];
            for run in repeated {
                if let [first, .., last] = run[..] {
                    entries.swap(first, last);
                    run.iter().skip(1).for_each(|position| superseded[*position] = true);
                }
            }
            let kept = entries.into_iter().zip(superseded).filter(|(_, superseded)| !superseded);
            return Map::of(kept.map(|(entry, _)| entry).collect());
        }
        let index = if entries.len() <= SMALL {
            Vec::new()
        } else {
            order.into_iter().filter_map(|position| u32::try_from(position).ok()).collect()
        };
        Map { entries, index }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_order_and_the_last_of_a_name_counts() {
        let map: Map = [("b", 1), ("a", 2), ("b", 3)]
            .map(|(name, value)| (Arc::from(name), Value::Int(value)))
            .into_iter()
            .collect();
        assert_eq!(map.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(map.get("b"), Some(&Value::Int(3)));
    }

    #[test]
    fn large_maps_find_every_name() {
        let map: Map = (0..100).rev().map(|number| (Arc::from(format!("k{number}")), Value::Int(number))).collect();
        assert!((0..100).all(|number| map.get(&format!("k{number}")) == Some(&Value::Int(number))));
        assert_eq!(map.get("k100"), None);
    }
}
