//! A register of stations that remembers what it was asked to do, and by whom.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::export_bundle_part::Part;
use sanji_station::service::bundles::Parts;
use tokio::sync::mpsc;

use super::fake::Memory;
use crate::Administration;
use crate::office::{Actor, Failure};

pub(super) const CODE: &str = "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV";
/// 2026-07-05 09:30 in China.
const UNTIL_MS: u64 = 1_783_215_000_000;

/// What was done with the register.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Registered {
    Issued(proto::AddStationRequest),
    Replaced(proto::ReplaceStationRequest, bool),
    Revoked(proto::RevokeStationRequest),
    Answered(Vec<u8>),
}

pub(super) struct FakeAdministration {
    pub(super) memory: Arc<Mutex<Memory>>,
}

impl fmt::Debug for FakeAdministration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeAdministration").finish_non_exhaustive()
    }
}

impl FakeAdministration {
    fn does(&self, actor: &Actor, what: Registered) -> Result<proto::AddStationReply, Failure> {
        check(actor)?;
        let mut memory = self.memory.lock().unwrap();
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        memory.registered.push((actor.staff.id.to_string(), what));
        Ok(proto::AddStationReply {
            code: CODE.to_owned(),
            until_ms: UNTIL_MS,
            enrolment_address: "hub.example:7101".to_owned(),
            invitation: "invitation".to_owned(),
        })
    }
}

fn check(actor: &Actor) -> Result<(), Failure> {
    let refusal = || Refusal::new(RefusalCode::NotEntitled, "站点管理由区政务服务中心的管理员使用。");
    if actor.administers_district() { Ok(()) } else { Err(Failure::Refused(refusal())) }
}

#[async_trait]
impl Administration for FakeAdministration {
    async fn stations(&self, actor: &Actor) -> Result<Vec<proto::StationRow>, Failure> {
        check(actor)?;
        Ok(self.memory.lock().unwrap().stations.clone())
    }

    async fn issue(&self, actor: &Actor, request: proto::AddStationRequest) -> Result<proto::AddStationReply, Failure> {
        self.does(actor, Registered::Issued(request))
    }

    async fn replace(
        &self,
        actor: &Actor,
        request: proto::ReplaceStationRequest,
        without_line: bool,
    ) -> Result<proto::AddStationReply, Failure> {
        self.does(actor, Registered::Replaced(request, without_line))
    }

    async fn revoke(&self, actor: &Actor, request: proto::RevokeStationRequest) -> Result<(), Failure> {
        self.does(actor, Registered::Revoked(request)).map(|_| ())
    }

    fn invitation(&self, actor: &Actor) -> Result<String, Failure> {
        check(actor)?;
        Ok("-----BEGIN CERTIFICATE-----".to_owned())
    }

    async fn answer(&self, actor: &Actor, file: Vec<u8>) -> Result<Parts, Failure> {
        self.does(actor, Registered::Answered(file))?;
        let (sender, receiver) = mpsc::channel(1);
        let _ = sender.try_send(Ok(proto::ExportBundlePart { part: Some(Part::Data(b"answer".to_vec())) }));
        Ok(Parts::new(receiver))
    }
}
