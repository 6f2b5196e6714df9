//! Evidence of a log that has forked: the peer's branch is asked for and handed to the station, piece by piece.
//!
//! Nothing of it enters the log. Where to begin is the station's to say: it alone knows where the branches part.

use sanji_log::{LogId, Run};

use super::{Action, Session};
use crate::limits::{BRANCHES_MAX, PROTOCOL_BRANCHES};
use crate::{CaseKeyMessage, Message};

impl Session {
    pub(super) fn ask_for_branch(&mut self, log: LogId, from: u64) {
        if self.protocol >= PROTOCOL_BRANCHES && self.heads.ends.share(&log) {
            self.send(Message::BranchWanted { log, from });
        }
    }

    pub(super) fn asked_for_branch(&mut self, log: LogId, from: u64) {
        self.branches_asked += 1;
        if self.branches_asked > BRANCHES_MAX {
            return self.leave("more branches asked for than a log can have".to_owned(), 0);
        }
        if self.heads.ends.share(&log) && !self.peer_is_revoked {
            self.actions.push(Action::LoadBranch { log, from });
        }
    }

    pub(super) fn take_branch(&mut self, run: Run, case_keys: Vec<CaseKeyMessage>) {
        if self.heads.ends.share(&run.log) {
            self.actions.push(Action::KeepBranch { run, case_keys });
        }
    }
}
