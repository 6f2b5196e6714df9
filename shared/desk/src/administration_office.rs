//! What the desk of the hub asks of the register of stations, as a trait: the register is the hub's, and other
//! stations have none.

use std::fmt;

use async_trait::async_trait;
use sanji_proto::v1 as proto;
use sanji_station::service::bundles::Parts;

use crate::office::{Actor, Failure};

/// The register of the district's stations, for those who look after it. Everybody else is refused.
#[async_trait]
pub trait Administration: fmt::Debug + Send + Sync + 'static {
    /// Every station below the hub, by code: those that the organisation lists, and those that were ever added. One that
    /// was never added has no state.
    async fn stations(&self, actor: &Actor) -> Result<Vec<proto::StationRow>, Failure>;

    /// Makes a one-time code for a station that is not enrolled.
    async fn issue(&self, actor: &Actor, request: proto::AddStationRequest) -> Result<proto::AddStationReply, Failure>;

    /// Ends the life of a station whose machine is lost, and makes a code for the new machine: one that is good for
    /// longer where files are carried.
    async fn replace(
        &self,
        actor: &Actor,
        request: proto::ReplaceStationRequest,
        without_line: bool,
    ) -> Result<proto::AddStationReply, Failure>;

    /// Revokes a station and its open code.
    async fn revoke(&self, actor: &Actor, request: proto::RevokeStationRequest) -> Result<(), Failure>;

    /// The file that a station without a line needs beside its code, PEM. Nothing in it is secret.
    fn invitation(&self, actor: &Actor) -> Result<String, Failure>;

    /// Answers a station's request that came in a file.
    async fn answer(&self, actor: &Actor, file: Vec<u8>) -> Result<Parts, Failure>;
}
