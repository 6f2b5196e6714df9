//! Entries that a station once held and can't read any more: the peer is asked for them. They have a way of their own,
//! since to `Have` and `Ack` it is as if nothing had happened.

use sanji_log::{LogId, Run};

use super::{Action, Phase, Session};
use crate::limits::{BRANCHES_MAX, PROTOCOL_ENTRIES_AGAIN};
use crate::{CaseKeyMessage, Message};

impl Session {
    /// A peer of an earlier protocol is not asked.
    pub(super) fn ask_for_entries(&mut self, log: LogId, from: u64) {
        let knows = self.phase == Phase::Open && self.protocol >= PROTOCOL_ENTRIES_AGAIN;
        if knows && self.heads.ends.share(&log) {
            self.send(Message::EntriesWanted { log, from, until: None });
        }
    }

    pub(super) fn asked_for_entries(&mut self, log: LogId, from: u64, until: Option<u64>) {
        self.branches_asked += 1;
        if self.branches_asked > BRANCHES_MAX {
            return self.leave("more entries asked for again than a link can have".to_owned(), 0);
        }
        if self.heads.ends.share(&log) && !self.peer_is_revoked {
            self.actions.push(Action::LoadAgain { log, from, until });
        }
    }

    pub(super) fn take_again(&mut self, run: Run, case_keys: Vec<CaseKeyMessage>) {
        if self.heads.ends.share(&run.log) && !self.peer_is_revoked {
            self.actions.push(Action::KeepAgain { run, case_keys });
        }
    }
}
