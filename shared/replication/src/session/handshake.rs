//! Who is there, and do we speak the same protocol.

use sanji_log::{Have, Head};

use super::{Action, Phase, Session};
use crate::limits::{PROTOCOL_BARE, PROTOCOL_MAX, PROTOCOL_MIN};
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
            instance: self.settings.instance,
            compression: self.settings.compression,
            revoked: self.peer_is_revoked,
        }));
        self.heads.begin(have);
        self.send(Message::Have(self.heads.our_have()));
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
        self.protocol = hello.protocol_max.min(PROTOCOL_MAX);
        self.takes_bare = self.protocol >= PROTOCOL_BARE
            && hello.compression.is_some()
            && hello.compression == self.settings.compression;
        self.note_clock(hello.clock_ms, now_ms);
        self.actions.push(if hello.revoked { Action::Distrusted } else { Action::Believed });
    }

    /// The peer has said what it holds: what either side lacks can flow.
    pub(super) fn open(&mut self, theirs: Vec<Head>) {
        self.phase = Phase::Open;
        theirs.into_iter().for_each(|head| self.note_theirs(head));
        for log in self.heads.our_logs().collect::<Vec<_>>() {
            self.sending.reconsider(log, &self.heads);
        }
    }
}
