//! Changes that are on their way into sled: what the index thread will apply next, and what readers see of it
//! already.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

/// Key and new value; none removes the row.
pub(crate) type Change = (Bytes, Option<Bytes>);

/// Groups of changes in commit order, and their newest value for each key.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Bytes, (u64, Option<Bytes>)>,
    groups: VecDeque<Vec<Change>>,
    /// Number of the first group in `groups`.
    first: u64,
    bytes: usize,
}

impl Overlay {
    /// Adds changes that belong together.
    pub(crate) fn push(&mut self, changes: Vec<Change>) {
        let number = self.first + self.groups.len() as u64;
        for (key, value) in &changes {
            self.bytes += size(key, value.as_ref());
            self.rows.insert(key.clone(), (number, value.clone()));
        }
        self.groups.push_back(changes);
    }

    /// Bytes of the changes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// What the first groups that wait change together, up to about `max_bytes`; and how many groups.
    pub(crate) fn first_groups(&self, max_bytes: usize) -> (BTreeMap<Bytes, Option<Bytes>>, usize) {
        let (mut changes, mut bytes, mut groups) = (BTreeMap::new(), 0, 0);
        for group in &self.groups {
            if bytes > max_bytes {
                break;
            }
            bytes += group.iter().map(|(key, value)| size(key, value.as_ref())).sum::<usize>();
            changes.extend(group.iter().cloned());
            groups += 1;
        }
        (changes, groups)
    }

    /// Forgets the first groups: sled has them.
    pub(crate) fn forget(&mut self, groups: usize) {
        let until = self.first + groups as u64;
        for (key, value) in self.groups.drain(..groups).flatten() {
            self.bytes -= size(&key, value.as_ref());
            if self.rows.get(&key).is_some_and(|(number, _)| *number < until) {
                self.rows.remove(&key);
            }
        }
        self.first = until;
    }

    /// What waits for a key: none if nothing; some none if its removal.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.rows.get(key).map(|(_, value)| value.clone())
    }

    /// What waits for a range of keys, in order.
    pub(crate) fn range<'a>(
        &'a self,
        from: &[u8],
        until: &[u8],
    ) -> impl DoubleEndedIterator<Item = (&'a Bytes, Option<&'a Bytes>)> {
        use std::ops::Bound::{Excluded, Included};
        self.rows.range::<[u8], _>((Included(from), Excluded(until))).map(|(key, (_, value))| (key, value.as_ref()))
    }
}

fn size(key: &Bytes, value: Option<&Bytes>) -> usize {
    // Each change stands in a map and in a list, which has its price.
    key.len() + value.map_or(0, Bytes::len) + 160
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &'static str, value: Option<&'static str>) -> Change {
        (key.into(), value.map(Bytes::from))
    }

    #[test]
    fn the_newest_value_shows_until_it_is_applied() {
        let mut overlay = Overlay::default();
        overlay.push(vec![change("a", Some("1")), change("b", Some("1"))]);
        overlay.push(vec![change("a", Some("2"))]);
        overlay.push(vec![change("b", None)]);
        assert_eq!(overlay.get(b"a"), Some(Some("2".into())));
        assert_eq!(overlay.get(b"b"), Some(None));
        assert_eq!(overlay.get(b"c"), None);

        let (changes, groups) = overlay.first_groups(0);
        assert_eq!((changes.len(), groups), (2, 1));
        overlay.forget(1);
        assert_eq!(overlay.get(b"a"), Some(Some("2".into())));
        overlay.forget(1);
        assert_eq!(overlay.get(b"a"), None);
        assert_eq!(overlay.get(b"b"), Some(None));
        overlay.forget(1);
        assert_eq!((overlay.get(b"b"), overlay.bytes(), overlay.is_empty()), (None, 0, true));
    }
}
