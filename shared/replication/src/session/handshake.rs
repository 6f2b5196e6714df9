//! Who is there, and do we speak the same protocol.

use sanji_log::Have;

use super::{Phase, Session};
use crate::limits::{PROTOCOL_MAX, PROTOCOL_MIN};
use crate::{Hello, Message};

impl Session {
    /// Introduces this station and says what it holds. The peer is known by its certificate, so `Have` need not
    /// wait for its `Hello`.
    pub(super) fn start(&mut self, have: &Have, now_ms: u64) {
        self.phase = Phase::Greeting;
        self.pulse.heard(now_ms);
        self.send(Message::Hello(Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            station: self.settings.me,
            software: self.settings.software.clone(),
            clock_ms: now_ms,
        }));
        let ours = have.held_by(self.settings.peer).held_by(self.settings.me);
        self.send(Message::Have(ours.heads().collect()));
    }

    pub(super) fn greeted(&mut self, hello: &Hello, now_ms: u64) {
        if hello.station != self.settings.peer {
            let reason = format!("Hello names {}, the certificate names {}", hello.station, self.settings.peer);
            return self.leave(reason, 0);
        }
        if hello.protocol_max < PROTOCOL_MIN || hello.protocol_min > PROTOCOL_MAX {
            let reason = format!(
                "no common protocol: {PROTOCOL_MIN} to {PROTOCOL_MAX} here, {} to {} there",
                hello.protocol_min, hello.protocol_max
            );
            return self.leave(reason, 0);
        }
        self.phase = Phase::Introduced;
        self.note_clock(hello.clock_ms, now_ms);
    }
}
