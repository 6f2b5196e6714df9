//! Who calls: the bearer token of a call, and what it stands for.

use sanji_domain::StaffId;
use tonic::{Request, Status};

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
            Holder::Staff(id) => self.actor(&id).ok_or_else(unauthenticated),
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

    /// Anybody with a token of this station.
    ///
    /// # Errors
    /// UNAUTHENTICATED.
    #[allow(clippy::result_large_err)]
    pub fn anybody<T>(&self, request: &Request<T>) -> Result<(), Status> {
        match self.holder(request)? {
            Holder::Staff(id) => self.actor(&id).map(|_| ()).ok_or_else(unauthenticated),
            Holder::Keeper => Ok(()),
        }
    }

    /// A member of staff who works at this station now: a token does not outlive the employment.
    fn actor(&self, id: &str) -> Option<Actor> {
        self.station.actor(&id.parse::<StaffId>().ok()?)
    }

    #[allow(clippy::result_large_err)]
    fn holder<T>(&self, request: &Request<T>) -> Result<Holder, Status> {
        request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| self.tokens.holder(token))
            .ok_or_else(unauthenticated)
    }
}

fn unauthenticated() -> Status {
    Status::unauthenticated("令牌无效或已撤销，请重新签发。")
}
