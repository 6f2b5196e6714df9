//! Logging in at a station: the account is the staff record, the lockout goes on record.

use std::net::IpAddr;

use prost::Message as _;
use sanji_domain::StaffId;
use sanji_log::Reach;
use sanji_proto::v1 as proto;

use super::{Attempt, LoginFailure, SessionToken, password};
use crate::clock::now_ms;
use crate::command::chain;
use crate::station::{Actor, Administrative, Station};

impl Station {
    /// Logs a member of staff in. Works without any line: records and password hashes are this station's own.
    ///
    /// # Errors
    /// [`LoginFailure`], with a sentence for the person.
    pub async fn login(&self, staff: &str, password: &str, client: IpAddr) -> Result<SessionToken, LoginFailure> {
        self.prove(staff, password, Some(client)).await?;
        let token = SessionToken::invent().map_err(|_| LoginFailure::Unavailable)?;
        self.accounts().sessions().begin(&token, staff, now_ms());
        Ok(token)
    }

    /// Who a session belongs to; none where it has ended or the person does not work here any more.
    #[must_use]
    pub fn session(&self, token: &SessionToken) -> Option<Actor> {
        let staff = self.accounts().sessions().staff(token, now_ms())?;
        let actor = staff.parse().ok().and_then(|id| self.actor(&id));
        match &actor {
            Some(actor) => self.reader().presence().seen(&actor.staff.id, self.now_ms()),
            // Suspended or gone: the sessions end, and don't come back with the person.
            None => self.accounts().sessions().end_all(&staff),
        }
        actor
    }

    /// Ends a session.
    pub fn logout(&self, token: &SessionToken) {
        let staff = self.accounts().sessions().staff(token, now_ms());
        self.accounts().sessions().end(token);
        if let Some(id) = staff.and_then(|staff| staff.parse().ok()) {
            self.reader().presence().gone(&id);
        }
    }

    /// Sets a new password. The person's other sessions end; the one that was used last goes on.
    ///
    /// # Errors
    /// [`LoginFailure::Weak`] for a password that will not do; else as for [`Station::login`].
    pub async fn change_password(&self, actor: &Actor, old: &str, new: &str) -> Result<(), LoginFailure> {
        let staff = actor.staff.id.as_str();
        if let Some(weakness) = password::weakness(new, staff) {
            return Err(LoginFailure::Weak(weakness));
        }
        self.prove(staff, old, None).await?;
        let password_hash = self.accounts().hash(new).await.ok_or(LoginFailure::Unavailable)?;
        let reference = self.reference();
        let known = reference.staff(&actor.staff.id).ok_or(LoginFailure::NotHere)?;
        let record = proto::StaffRecord { password_hash, ..known.record() };
        let entry = Administrative {
            home: actor.staff.place,
            reach: Reach::Private,
            kind: proto::Kind::Staff,
            body: record.encode_to_vec(),
        };
        if let Err(failure) = self.administer(staff, vec![entry]).await {
            tracing::warn!(error = chain(&failure), "a new password was not kept");
            return Err(LoginFailure::Unavailable);
        }
        self.record("password.changed", staff, staff, "by the person");
        self.accounts().sessions().end_others(staff);
        Ok(())
    }

    async fn prove(&self, staff: &str, password: &str, client: Option<IpAddr>) -> Result<(), LoginFailure> {
        let reference = self.reference();
        let known = staff.parse::<StaffId>().ok().and_then(|id| reference.staff(&id));
        if known.is_some_and(|known| known.staff.place != self.reader().me()) {
            return Err(LoginFailure::NotHere);
        }
        let hash = known.filter(|known| !known.inactive).map(|known| known.password_hash.to_string());
        match self.accounts().attempt(staff, password, hash, client, now_ms()).await {
            Attempt::Right => Ok(()),
            Attempt::Failed { failure, locks } => {
                if locks {
                    tracing::warn!(client.address = client.map(tracing::field::display), "login locked");
                    // An id that nobody has may be anything that was typed: it does not go on record.
                    let subject = known.map_or("unknown", |known| known.staff.id.as_str());
                    self.record("login.locked", "", subject, "too many wrong passwords");
                }
                Err(failure)
            }
        }
    }
}
