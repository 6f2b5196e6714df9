//! Who calls: the bearer token of a call, and what it stands for.

use sanji_domain::StaffId;
use tonic::{Request, Status};

use crate::command::chain;
use crate::station::{Actor, Station};
use crate::tokens::{Holder, Tokens};

/// Checks tokens.
#[derive(Clone)]
pub struct Access {
    station: Station,
    tokens: Tokens,
}

impl Access {
    /// Access to one station with the tokens of its data folder.
    #[must_use]
    pub fn new(station: Station, tokens: Tokens) -> Self {
        Self { station, tokens }
    }

    /// The member of staff in whose name the call is made.
    ///
    /// # Errors
    /// UNAUTHENTICATED without a valid token, PERMISSION_DENIED with the keeper's.
    #[allow(clippy::result_large_err)]
    pub fn staff<T>(&self, request: &Request<T>) -> Result<Actor, Status> {
        match self.holder(request)? {
            Holder::Staff(id) => self.actor(&id, request).ok_or_else(unauthenticated),
            Holder::Keeper => Err(Status::permission_denied("站点管理令牌不能办理业务，请使用工作人员的令牌。")),
        }
    }

    /// The keeper.
    ///
    /// # Errors
    /// UNAUTHENTICATED without a valid token, PERMISSION_DENIED with one of the staff.
    #[allow(clippy::result_large_err)]
    pub fn keeper<T>(&self, request: &Request<T>) -> Result<(), Status> {
        match self.holder(request)? {
            Holder::Keeper => Ok(()),
            Holder::Staff(_) => Err(Status::permission_denied("this needs the keeper's token")),
        }
    }

    /// A member of staff, or none for the keeper, who may do at the station what its administrator may.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    #[allow(clippy::result_large_err)]
    pub fn staff_or_keeper<T>(&self, request: &Request<T>) -> Result<Option<Actor>, Status> {
        match self.holder(request)? {
            Holder::Staff(id) => self.actor(&id, request).map(Some).ok_or_else(unauthenticated),
            Holder::Keeper => Ok(None),
        }
    }

    /// Anybody with a token of this station.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    #[allow(clippy::result_large_err)]
    pub fn anybody<T>(&self, request: &Request<T>) -> Result<(), Status> {
        match self.holder(request)? {
            Holder::Staff(id) => self.actor(&id, request).map(|_| ()).ok_or_else(unauthenticated),
            Holder::Keeper => Ok(()),
        }
    }

    /// A member of staff who works at this station now: a token does not outlive the employment, and is revoked when
    /// it is used by somebody who is suspended or gone.
    fn actor<T>(&self, id: &str, request: &Request<T>) -> Option<Actor> {
        let actor = id.parse::<StaffId>().ok().and_then(|id| self.station.actor(&id));
        match &actor {
            Some(actor) => self.station.reader().presence().seen(&actor.staff.id, self.station.now_ms()),
            None => {
                if let Some(text) = bearer(request)
                    && let Err(fault) = self.tokens.revoke_text(text)
                {
                    tracing::warn!(error = chain(&fault), "the token of a person who may not act was not revoked");
                }
            }
        }
        actor
    }

    #[allow(clippy::result_large_err)]
    fn holder<T>(&self, request: &Request<T>) -> Result<Holder, Status> {
        bearer(request).and_then(|token| self.tokens.holder(token)).ok_or_else(unauthenticated)
    }
}

/// The token of a call.
fn bearer<T>(request: &Request<T>) -> Option<&str> {
    request.metadata().get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

fn unauthenticated() -> Status {
    Status::unauthenticated("令牌无效或已撤销，请重新签发。")
}
