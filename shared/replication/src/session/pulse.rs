//! Is the peer alive: signs of life, silence, and how far its clock is off.

use super::{Action, Session};
use crate::Message;

/// When each side last said something, by this station's clock: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    heard_ms: u64,
    sent_ms: u64,
}

impl Pulse {
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    pub(super) fn sent(&mut self, now_ms: u64) {
        self.sent_ms = now_ms;
    }

    /// A wall clock may be set back; then the waiting begins anew instead of lasting until it has caught up.
    fn follow(&mut self, now_ms: u64) {
        self.heard_ms = self.heard_ms.min(now_ms);
        self.sent_ms = self.sent_ms.min(now_ms);
    }
}

impl Session {
    pub(super) fn tick(&mut self, now_ms: u64) {
        self.pulse.follow(now_ms);
        self.sending.try_unreadable(&self.heads, now_ms);
        if self.has_delivered(now_ms) {
            return self.let_go();
        }
        if now_ms - self.pulse.heard_ms >= self.settings.silence_ms {
            self.leave(format!("nothing heard for {} ms", self.settings.silence_ms), 0);
        } else if now_ms - self.pulse.sent_ms >= self.settings.heartbeat_ms {
            self.send(Message::Ping { clock_ms: now_ms });
        }
    }

    /// The peer's clock shows `clock_ms`; the way of the message counts as offset.
    pub(super) fn note_clock(&mut self, clock_ms: u64, now_ms: u64) {
        let offset = i64::try_from(i128::from(clock_ms) - i128::from(now_ms)).unwrap_or(i64::MAX);
        self.actions.push(Action::ClockOffset(offset));
    }
}
