//! What the desk asks of a station, as a trait so that pages can be tested without one.
//!
//! Nothing is decided here or in the handlers: rights, rules and refusals are the station's.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use sanji_domain::Item;
use sanji_log::{AttachmentId, StationCode, Tier};
use sanji_proto::v1 as proto;
use tokio::sync::mpsc;

use crate::records::Records;

pub(crate) use crate::matter_office::MatterOffice;
pub(crate) use crate::people_office::PeopleOffice;
pub(crate) use sanji_domain::case::Refusal;
pub(crate) use sanji_station::accounts::LoginFailure;
pub(crate) use sanji_station::station::{Settling, StationSummary};
pub(crate) use sanji_station::{Actor, Failure, Station};

use crate::oversight::Oversight;

/// Parts of a file that wait for a slow browser; each has at most a mebibyte.
const PARTS_AHEAD: usize = 1;

/// A file of a case, decrypted while it is read.
pub(crate) struct StoredFile {
    pub(crate) file_name: String,
    pub(crate) media_type: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) parts: mpsc::Receiver<Result<Bytes, Failure>>,
}

/// One station, as far as its desk uses it. See the methods of the same names in `sanji_station::Station`.
#[async_trait]
pub(crate) trait Office: MatterOffice + PeopleOffice + Oversight {
    fn info(&self) -> StationSummary;
    /// Ledgers, vouchers, case files.
    fn records(&self) -> &dyn Records;
    async fn status(&self) -> proto::StatusReply;
    fn station_name(&self, code: StationCode) -> String;
    /// Villages and communities of this station's scope, with their full names.
    fn villages(&self) -> Vec<(StationCode, String)>;

    /// Answers the token of the new session.
    async fn login(&self, staff: &str, password: &str, client: IpAddr) -> Result<String, LoginFailure>;
    fn session(&self, token: &str) -> Option<Actor>;
    fn logout(&self, token: &str);
    async fn change_password(&self, actor: &Actor, old: &str, new: &str) -> Result<(), LoginFailure>;

    fn items(&self, actor: &Actor, words: &str) -> Vec<proto::ItemRow>;
    /// The items as anybody may read them.
    fn published_items(&self, words: &str) -> Vec<proto::ItemRow>;
    /// An item; version 0 is the newest.
    fn item(&self, code: &str, version: u32) -> Option<(u32, Arc<Item>)>;
    /// Name of a department by its code.
    fn department_name(&self, code: &str) -> String;

    async fn submit(&self, actor: &Actor, request: proto::SubmitRequest) -> Result<proto::SubmitReply, Failure>;
    async fn act(&self, actor: &Actor, request: proto::ActRequest) -> Result<proto::ActReply, Failure>;
    async fn case(&self, actor: &Actor, request: proto::GetRequest) -> Result<proto::CaseView, Failure>;
    async fn list(&self, actor: &Actor, request: proto::ListRequest) -> Result<proto::ListReply, Failure>;
    /// Deadlines that a new calendar has moved.
    async fn moved_deadlines(
        &self,
        actor: &Actor,
        request: proto::ListMovedRequest,
    ) -> Result<proto::ListMovedReply, Failure>;
    /// Cases with superseded steps that wait for a person.
    async fn superseded(
        &self,
        actor: &Actor,
        request: proto::ListSupersededRequest,
    ) -> Result<proto::ListSupersededReply, Failure>;
    /// Largest file that is taken, in bytes.
    fn attachment_max_bytes(&self) -> u64;
    async fn put_attachment(
        &self,
        actor: &Actor,
        head: proto::AttachmentHead,
        content: Bytes,
    ) -> Result<AttachmentId, Failure>;
    async fn attachment(&self, actor: &Actor, case_number: &str, id: &AttachmentId) -> Result<StoredFile, Failure>;
    async fn query(&self, request: proto::QueryRequest, client: IpAddr) -> Result<proto::QueryReply, Failure>;

    async fn quarantine_for(&self, actor: &Actor) -> Result<Vec<proto::Quarantined>, Failure>;
    /// What a row of the quarantine is made of, without the content. For who looks after the program.
    async fn quarantined_entries(&self, id: &str) -> Result<Vec<proto::DumpedEntry>, Failure>;
    async fn settle_quarantined(&self, actor: &Actor, id: &str, settling: Settling) -> Result<(), Failure>;
}

#[async_trait]
impl Office for Station {
    fn info(&self) -> StationSummary {
        self.info()
    }

    fn records(&self) -> &dyn Records {
        self
    }

    async fn status(&self) -> proto::StatusReply {
        self.status().await
    }

    fn station_name(&self, code: StationCode) -> String {
        self.station_name(code)
    }

    fn villages(&self) -> Vec<(StationCode, String)> {
        let here = self.info().code;
        let reference = self.reference();
        let Some(organisation) = reference.organisation() else { return Vec::new() };
        organisation
            .stations()
            .filter(|station| station.code.tier() == Tier::Village && station.code.within(here))
            .map(|station| (station.code, station.full_name.clone()))
            .collect()
    }

    async fn login(&self, staff: &str, password: &str, client: IpAddr) -> Result<String, LoginFailure> {
        self.login(staff, password, client).await.map(|token| token.to_string())
    }

    fn session(&self, token: &str) -> Option<Actor> {
        self.session(&token.parse().ok()?)
    }

    fn logout(&self, token: &str) {
        if let Ok(token) = token.parse() {
            self.logout(&token);
        }
    }

    async fn change_password(&self, actor: &Actor, old: &str, new: &str) -> Result<(), LoginFailure> {
        self.change_password(actor, old, new).await
    }

    fn items(&self, actor: &Actor, words: &str) -> Vec<proto::ItemRow> {
        self.items(actor, words)
    }

    fn published_items(&self, words: &str) -> Vec<proto::ItemRow> {
        self.published_items(words)
    }

    fn item(&self, code: &str, version: u32) -> Option<(u32, Arc<Item>)> {
        self.item(code, version)
    }

    fn department_name(&self, code: &str) -> String {
        let reference = self.reference();
        let department = reference
            .organisation()
            .zip(code.parse().ok())
            .and_then(|(organisation, code)| organisation.department(&code));
        department.map_or_else(|| code.to_owned(), |department| department.name.clone())
    }

    async fn submit(&self, actor: &Actor, request: proto::SubmitRequest) -> Result<proto::SubmitReply, Failure> {
        self.submit(actor, request).await
    }

    async fn act(&self, actor: &Actor, request: proto::ActRequest) -> Result<proto::ActReply, Failure> {
        self.act(actor, request).await
    }

    async fn case(&self, actor: &Actor, request: proto::GetRequest) -> Result<proto::CaseView, Failure> {
        self.case(actor, request).await
    }

    async fn list(&self, actor: &Actor, request: proto::ListRequest) -> Result<proto::ListReply, Failure> {
        self.list(actor, request).await
    }

    async fn moved_deadlines(
        &self,
        actor: &Actor,
        request: proto::ListMovedRequest,
    ) -> Result<proto::ListMovedReply, Failure> {
        self.moved_deadlines(actor, request).await
    }

    async fn superseded(
        &self,
        actor: &Actor,
        request: proto::ListSupersededRequest,
    ) -> Result<proto::ListSupersededReply, Failure> {
        self.superseded_cases(actor, request).await
    }

    async fn put_attachment(
        &self,
        actor: &Actor,
        head: proto::AttachmentHead,
        content: Bytes,
    ) -> Result<AttachmentId, Failure> {
        self.put_attachment(actor, head, content).await
    }

    async fn attachment(&self, actor: &Actor, case_number: &str, id: &AttachmentId) -> Result<StoredFile, Failure> {
        let mut content = self.attachment(actor, case_number, id).await?;
        let (sender, parts) = mpsc::channel(PARTS_AHEAD);
        let (file_name, media_type) = (std::mem::take(&mut content.file_name), std::mem::take(&mut content.media_type));
        let size = content.size;
        tokio::task::spawn_blocking(move || {
            for part in content {
                // The browser may have gone; then nobody asks any more.
                if sender.blocking_send(part.map(Bytes::from)).is_err() {
                    return;
                }
            }
        });
        Ok(StoredFile { file_name, media_type, size, parts })
    }

    fn attachment_max_bytes(&self) -> u64 {
        self.attachment_max_bytes()
    }

    async fn quarantine_for(&self, actor: &Actor) -> Result<Vec<proto::Quarantined>, Failure> {
        self.quarantine_for(actor).await
    }

    async fn quarantined_entries(&self, id: &str) -> Result<Vec<proto::DumpedEntry>, Failure> {
        let (station, id) = (self.clone(), id.to_owned());
        let shown = tokio::task::spawn_blocking(move || station.show_quarantined(&id));
        Ok(shown.await.map_err(|_| Failure::Internal(sanji_station::Error::Stopped))??.entries)
    }

    async fn settle_quarantined(&self, actor: &Actor, id: &str, settling: Settling) -> Result<(), Failure> {
        self.settle_quarantined(actor, id, settling).await
    }

    async fn query(&self, request: proto::QueryRequest, client: IpAddr) -> Result<proto::QueryReply, Failure> {
        self.query(request, client).await
    }
}
