//! Changes that are on their way into sled: what readers see of it already. Those that the index thread is applying don't
//! change any more; what comes meanwhile lies above them.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use sled::IVec;

/// Key and new value; none removes the row. As sled takes them, so that they are not copied once more for it.
pub(crate) type Layer = BTreeMap<IVec, Option<IVec>>;

/// The newest value of each key that is changed.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    waiting: Layer,
    waiting_bytes: usize,
    applying: Arc<Layer>,
    applying_bytes: usize,
}

impl Overlay {
    /// Adds changes that belong together.
    pub(crate) fn push(&mut self, changes: impl IntoIterator<Item = (IVec, Option<IVec>)>) {
        for (key, value) in changes {
            let key_bytes = key.len();
            self.waiting_bytes += size(key_bytes, value.as_ref());
            if let Some(before) = self.waiting.insert(key, value) {
                self.waiting_bytes -= size(key_bytes, before.as_ref());
            }
        }
    }

    /// Bytes of the changes that wait or are being applied.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting_bytes + self.applying_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.applying.is_empty()
    }

    /// All that waits, to be applied now. Readers see it until the [end](Self::end_applying).
    pub(crate) fn begin_applying(&mut self) -> Arc<Layer> {
        self.applying = Arc::new(std::mem::take(&mut self.waiting));
        self.applying_bytes = std::mem::take(&mut self.waiting_bytes);
        self.applying.clone()
    }

    /// What was applied is forgotten: sled has it.
    pub(crate) fn end_applying(&mut self) {
        self.applying_bytes = 0;
        self.applying = Arc::default();
    }

    /// What waits for a key: none if nothing; some none if its removal.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<IVec>> {
        self.waiting.get(key).or_else(|| self.applying.get(key)).cloned()
    }

    /// What waits for a range of keys, in order; falling keys where `backwards`.
    pub(crate) fn range<'a>(
        &'a self,
        from: &[u8],
        until: &[u8],
        backwards: bool,
    ) -> Box<dyn Iterator<Item = (&'a IVec, Option<&'a IVec>)> + 'a> {
        let range = (Included(from), Excluded(until));
        let waiting = self.waiting.range::<[u8], _>(range);
        let applying = self.applying.range::<[u8], _>(range);
        if backwards {
            Box::new(layered(waiting.rev(), applying.rev(), |left, right| left > right))
        } else {
            Box::new(layered(waiting, applying, |left, right| left < right))
        }
    }
}

/// Walks over two layers as one: of a key that both have, the upper one counts.
fn layered<'a>(
    upper: impl Iterator<Item = (&'a IVec, &'a Option<IVec>)>,
    lower: impl Iterator<Item = (&'a IVec, &'a Option<IVec>)>,
    comes_first: impl Fn(&IVec, &IVec) -> bool,
) -> impl Iterator<Item = (&'a IVec, Option<&'a IVec>)> {
    let (mut upper, mut lower) = (upper.peekable(), lower.peekable());
    std::iter::from_fn(move || {
        let next = match (upper.peek(), lower.peek()) {
            (Some((above, _)), Some((below, _))) if comes_first(below, above) => lower.next(),
            (Some((above, _)), Some((below, _))) if above == below => {
                lower.next();
                upper.next()
            }
            (Some(_), _) => upper.next(),
            (None, _) => lower.next(),
        };
        next.map(|(key, value)| (key, value.as_ref()))
    })
}

fn size(key_bytes: usize, value: Option<&IVec>) -> usize {
    // Each change stands in a map, which has its price.
    key_bytes + value.map_or(0, |value| value.len()) + 120
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &'static str, value: Option<&'static str>) -> (IVec, Option<IVec>) {
        (key.into(), value.map(IVec::from))
    }

    fn seen(overlay: &Overlay, backwards: bool) -> Vec<(&str, Option<&str>)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or("?");
        let rows = overlay.range(b"a", b"y", backwards);
        rows.map(|(key, value)| (text(key), value.map(|value| text(value)))).collect()
    }

    #[test]
    fn the_newest_value_shows_until_it_is_applied() {
        let mut overlay = Overlay::default();
        overlay.push([change("a", Some("1")), change("b", Some("1")), change("z", Some("1"))]);
        let applied = overlay.begin_applying();
        assert_eq!(applied.len(), 3);
        overlay.push([change("a", Some("2")), change("c", Some("2"))]);
        overlay.push([change("b", None), change("a", Some("3"))]);
        assert_eq!(overlay.get(b"a"), Some(Some("3".into())));
        assert_eq!(overlay.get(b"b"), Some(None));
        assert_eq!(overlay.get(b"z"), Some(Some("1".into())));
        assert_eq!(overlay.get(b"d"), None);
        let forwards = [("a", Some("3")), ("b", None), ("c", Some("2"))];
        assert_eq!(seen(&overlay, false), forwards);
        assert_eq!(seen(&overlay, true), forwards.iter().rev().copied().collect::<Vec<_>>());

        overlay.end_applying();
        assert_eq!((overlay.get(b"z"), overlay.get(b"b")), (None, Some(None)));
        assert_eq!(seen(&overlay, false), forwards);
        assert_eq!(overlay.begin_applying().len(), 3);
        assert_eq!((seen(&overlay, true).len(), overlay.is_empty()), (3, false));
        overlay.end_applying();
        assert_eq!((overlay.bytes(), overlay.is_empty()), (0, true));
    }

    #[test]
    fn a_key_that_changes_again_takes_room_once() {
        let mut overlay = Overlay::default();
        overlay.push([change("a", Some("1"))]);
        let one = overlay.bytes();
        overlay.push([change("a", None)]);
        overlay.push([change("a", Some("2"))]);
        assert_eq!(overlay.bytes(), one);
    }
}
