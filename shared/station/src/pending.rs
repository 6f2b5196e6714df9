//! Attachments that were stored for a command to come.
//!
//! An attachment is encrypted before its case exists, so the key of the case is made with the first one and waits
//! here, in memory only: after a restart the files must be handed in again, and nothing on disk can be read with a
//! key that no case has. Bounded, oldest forgotten first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_domain::StaffId;
use sanji_domain::case::StoredAttachment;
use sanji_log::{AttachmentId, CaseId, RequestId};

use crate::vault::CaseKey;

/// Most commands that are waited for.
const COMMANDS_MAX: usize = 1024;
/// Most attachments of one command; one entry can't name more.
const ATTACHMENTS_MAX: usize = sanji_log::entry::ATTACHMENTS_MAX;

/// The command that an attachment was stored for. Nobody uses what another has stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The opening of a case, under this request.
    Submit(StaffId, RequestId),
    /// An action on a case.
    Act(StaffId, CaseId),
}

/// Attachments that wait for their commands.
#[derive(Default)]
pub struct Pending(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    commands: BTreeMap<Purpose, Stored>,
    /// Counts up: the command with the lowest number was touched longest ago.
    touched: u64,
}

struct Stored {
    key: CaseKey,
    attachments: BTreeMap<AttachmentId, StoredAttachment>,
    touched: u64,
}

impl Pending {
    /// The key for a command's attachments: that of the ones before it, else `fresh`.
    pub fn key(&self, purpose: &Purpose, fresh: CaseKey) -> CaseKey {
        let mut waiting = self.lock();
        let touched = waiting.touch();
        let stored = waiting.commands.entry(purpose.clone());
        let stored = stored.or_insert_with(|| Stored { key: fresh, attachments: BTreeMap::new(), touched });
        stored.touched = touched;
        let key = stored.key.clone();
        waiting.forget_oldest();
        key
    }

    /// Notes an attachment that was stored under a key. False: the command has as many as one entry can name, or was
    /// forgotten, perhaps with another key since.
    #[must_use]
    pub fn add(&self, purpose: &Purpose, key: &CaseKey, attachment: StoredAttachment) -> bool {
        let mut waiting = self.lock();
        let Some(stored) = waiting.commands.get_mut(purpose).filter(|stored| stored.key == *key) else { return false };
        let known = stored.attachments.contains_key(&attachment.reference.id);
        if !known && stored.attachments.len() >= ATTACHMENTS_MAX {
            return false;
        }
        stored.attachments.insert(attachment.reference.id, attachment);
        true
    }

    /// What waits for a command: the key, and of the attachments those that it names.
    #[must_use]
    pub fn named(&self, purpose: &Purpose, named: &BTreeSet<AttachmentId>) -> Option<(CaseKey, Vec<StoredAttachment>)> {
        let waiting = self.lock();
        let stored = waiting.commands.get(purpose)?;
        let attachments = stored.attachments.iter().filter(|(id, _)| named.contains(id));
        Some((stored.key.clone(), attachments.map(|(_, attachment)| attachment.clone()).collect()))
    }

    /// An attachment waits no longer: it has been removed.
    pub fn forget(&self, id: &AttachmentId) {
        let mut waiting = self.lock();
        // A command whose first attachment is still on its way has none yet, and stays.
        waiting.commands.retain(|_, stored| stored.attachments.remove(id).is_none() || !stored.attachments.is_empty());
    }

    /// A command was carried out: what it named waits no longer.
    pub fn done(&self, purpose: &Purpose, named: &BTreeSet<AttachmentId>) {
        let mut waiting = self.lock();
        if let Some(stored) = waiting.commands.get_mut(purpose) {
            stored.attachments.retain(|id, _| !named.contains(id));
            if stored.attachments.is_empty() {
                waiting.commands.remove(purpose);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn touch(&mut self) -> u64 {
        self.touched += 1;
        self.touched
    }

    fn forget_oldest(&mut self) {
        if self.commands.len() > COMMANDS_MAX {
            let oldest = self.commands.iter().min_by_key(|(_, stored)| stored.touched);
            if let Some(purpose) = oldest.map(|(purpose, _)| purpose.clone()) {
                self.commands.remove(&purpose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_log::AttachmentRef;

    use super::*;

    fn purpose(request: u8) -> Purpose {
        Purpose::Submit("mz-01".parse().unwrap(), RequestId([request; 16]))
    }

    fn attachment(number: u8) -> StoredAttachment {
        StoredAttachment {
            reference: AttachmentRef { id: AttachmentId([number; 32]), size: 1 },
            file_name: "户口簿.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
        }
    }

    #[test]
    fn one_command_has_one_key_and_only_its_own_attachments() {
        let pending = Pending::default();
        let key = pending.key(&purpose(1), CaseKey::from_bytes([1; 32]));
        assert!(pending.key(&purpose(1), CaseKey::from_bytes([2; 32])) == key);
        assert!(pending.add(&purpose(1), &key, attachment(1)) && pending.add(&purpose(1), &key, attachment(2)));
        assert!(!pending.add(&purpose(2), &key, attachment(1)), "nobody asked for a key");
        let other = CaseKey::from_bytes([2; 32]);
        assert!(!pending.add(&purpose(1), &other, attachment(3)), "it could never be read");
        let (_, named) = pending.named(&purpose(1), &[AttachmentId([2; 32]), AttachmentId([9; 32])].into()).unwrap();
        assert!(named == [attachment(2)]);
        pending.done(&purpose(1), &[AttachmentId([2; 32])].into());
        assert!(pending.named(&purpose(1), &[AttachmentId([1; 32])].into()).is_some_and(|(_, left)| left.len() == 1));
        pending.done(&purpose(1), &[AttachmentId([1; 32])].into());
        assert!(pending.named(&purpose(1), &BTreeSet::new()).is_none());
    }

    #[test]
    fn what_is_removed_takes_no_other_command_along() {
        let pending = Pending::default();
        let old = pending.key(&purpose(1), CaseKey::from_bytes([1; 32]));
        assert!(pending.add(&purpose(1), &old, attachment(1)));
        let key = pending.key(&purpose(2), CaseKey::from_bytes([2; 32]));
        pending.forget(&AttachmentId([1; 32]));
        assert!(pending.named(&purpose(1), &BTreeSet::new()).is_none());
        assert!(pending.add(&purpose(2), &key, attachment(2)), "its first one was on its way");
    }

    #[test]
    fn what_waits_is_bounded() {
        let pending = Pending::default();
        let key = pending.key(&purpose(1), CaseKey::from_bytes([1; 32]));
        let added = (0..=u8::MAX).filter(|number| pending.add(&purpose(1), &key, attachment(*number))).count();
        assert_eq!(added, ATTACHMENTS_MAX);
        for number in 0..COMMANDS_MAX as u128 {
            let other = Purpose::Submit("mz-02".parse().unwrap(), RequestId(number.to_be_bytes()));
            pending.key(&other, CaseKey::from_bytes([2; 32]));
        }
        assert!(pending.named(&purpose(1), &BTreeSet::new()).is_none(), "the oldest is forgotten");
    }
}
