//! Which damaged entries a peer is asked for next.

use std::collections::BTreeSet;

use sanji_log::Stretch;

/// Logs that a peer is asked for at once. What it sends takes the way that new entries take, so they wait meanwhile.
const AT_ONCE: usize = 16;

/// Gives each stretch its turn: a peer that lacks some may hold the others.
#[derive(Debug, Default)]
pub(super) struct Turns(usize);

impl Turns {
    /// The stretches to be asked for now, of all that are damaged, sorted. One of a log at a time, since a log's entries
    /// come one after the other.
    pub(super) fn next(&mut self, mut damaged: Vec<Stretch>) -> Vec<Stretch> {
        let begin = self.0.checked_rem(damaged.len()).unwrap_or_default();
        damaged.rotate_left(begin);
        let mut logs = BTreeSet::new();
        let takes: Vec<bool> = damaged.iter().map(|stretch| logs.len() < AT_ONCE && logs.insert(stretch.log)).collect();
        // Next time the first that was passed over begins.
        self.0 = begin + takes.iter().take_while(|taken| **taken).count();
        damaged.into_iter().zip(takes).filter_map(|(stretch, taken)| taken.then_some(stretch)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_log::{LogId, PublicKey, Reach};

    use super::*;

    fn stretch(key: u8, from: u64) -> Stretch {
        let home = "990106101203".parse().unwrap();
        Stretch { log: LogId { home, reach: Reach::Private, key: PublicKey([key; 32]) }, from, until: from }
    }

    #[test]
    fn every_stretch_is_asked_for_in_its_turn_and_one_of_a_log_at_once() {
        let damaged: Vec<_> =
            (0..40).flat_map(|key| (1..=u64::from(key % 3) + 1).map(move |at| stretch(key, at * 10))).collect();
        let (mut turns, mut asked) = (Turns::default(), BTreeSet::new());
        for _ in 0..damaged.len() {
            let now = turns.next(damaged.clone());
            let logs: BTreeSet<_> = now.iter().map(|stretch| stretch.log).collect();
            assert!(logs.len() == now.len() && (1..=AT_ONCE).contains(&now.len()), "{now:?}");
            asked.extend(now);
        }
        assert!(asked.iter().eq(&damaged), "{} of {}", asked.len(), damaged.len());
    }

    #[test]
    fn turns_go_on_when_stretches_are_healed_and_others_come() {
        let mut turns = Turns::default();
        assert_eq!(turns.next(Vec::new()), []);
        assert_eq!(turns.next(vec![stretch(1, 5), stretch(1, 9), stretch(2, 1)]), [stretch(1, 5), stretch(2, 1)]);
        assert_eq!(turns.next(vec![stretch(1, 5), stretch(1, 9), stretch(2, 1)]), [stretch(1, 9), stretch(2, 1)]);
        assert_eq!(turns.next(vec![stretch(1, 5)]), [stretch(1, 5)]);
        assert_eq!(turns.next(Vec::new()), []);
    }
}
