//! The case service: the desk, for programs. Each call checks its token, asks the station and maps the answer.

use std::net::IpAddr;
use std::pin::Pin;

use sanji_log::AttachmentId;
use sanji_proto::v1 as proto;
use sanji_proto::v1::case_service_server::CaseService;
use sanji_proto::v1::put_attachment_request::Part;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::access::Access;
use super::failure::{malformed, status};
use crate::station::Station;

/// Bytes of one part of an attachment.
const PART_BYTES: usize = 65_536;

/// Parts that wait for a slow reader.
const PARTS_AHEAD: usize = 4;

type Answer<T> = Result<Response<T>, Status>;
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(super) struct Cases {
    pub(super) station: Station,
    pub(super) access: Access,
    /// Ends the streams that would otherwise go on for ever.
    pub(super) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl CaseService for Cases {
    async fn submit(&self, request: Request<proto::SubmitRequest>) -> Answer<proto::SubmitReply> {
        let actor = self.access.staff(&request)?;
        self.station.submit(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn act(&self, request: Request<proto::ActRequest>) -> Answer<proto::ActReply> {
        let actor = self.access.staff(&request)?;
        self.station.act(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn get(&self, request: Request<proto::GetRequest>) -> Answer<proto::CaseView> {
        let actor = self.access.staff(&request)?;
        self.station.case(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list(&self, request: Request<proto::ListRequest>) -> Answer<proto::ListReply> {
        let actor = self.access.staff(&request)?;
        self.station.list(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    type WatchStream = Parts<proto::CaseChange>;

    async fn watch(&self, request: Request<proto::WatchRequest>) -> Answer<Self::WatchStream> {
        let actor = self.access.staff(&request)?;
        let mut changes = Box::pin(self.station.watch(&actor, request.into_inner()).map_err(status)?);
        let (sender, receiver) = mpsc::channel(1);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            let forward = async {
                while let Some(change) = changes.next().await {
                    if sender.send(Ok(change)).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = forward => {}
                () = shutdown.cancelled() => {}
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn put_attachment(
        &self,
        request: Request<Streaming<proto::PutAttachmentRequest>>,
    ) -> Answer<proto::PutAttachmentReply> {
        let actor = self.access.staff(&request)?;
        let mut parts = request.into_inner();
        let Some(Part::Head(head)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(malformed("head", "must be the first message"));
        };
        self.station.check_attachment_size(head.size).map_err(status)?;
        // Files that come at the same time wait for one another rather than for memory.
        let _room = self.station.room_for_upload(head.size).await.map_err(status)?;
        // Grows with what arrives: a size that is only claimed costs nothing.
        let mut content = Vec::new();
        while let Some(message) = parts.message().await? {
            let Some(Part::Data(data)) = message.part else {
                return Err(malformed("part", "must be data after the head"));
            };
            if data.len() > PART_BYTES || (content.len() + data.len()) as u64 > head.size {
                return Err(malformed("data", "is more than was announced"));
            }
            content.extend_from_slice(&data);
        }
        if content.len() as u64 != head.size {
            return Err(malformed("data", "is less than was announced"));
        }
        let id = self.station.put_attachment(&actor, head, content.into()).await.map_err(status)?;
        Ok(Response::new(proto::PutAttachmentReply { id: id.0.to_vec() }))
    }

    type GetAttachmentStream = Parts<proto::AttachmentData>;

    async fn get_attachment(&self, request: Request<proto::GetAttachmentRequest>) -> Answer<Self::GetAttachmentStream> {
        let actor = self.access.staff(&request)?;
        let request = request.into_inner();
        let id = AttachmentId::try_from(request.id.as_slice()).map_err(|_| malformed("id", "is not 32 bytes"))?;
        let content = self.station.attachment(&actor, &request.case_number, &id).await.map_err(status)?;
        let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
        tokio::task::spawn_blocking(move || {
            for part in content {
                let parts = match part {
                    Ok(part) => part.chunks(PART_BYTES).map(|part| Ok(part.to_vec())).collect(),
                    Err(failure) => vec![Err(status(failure))],
                };
                for data in parts {
                    // The reader may be gone; then nobody asks any more.
                    if sender.blocking_send(data.map(|data| proto::AttachmentData { data })).is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_items(&self, request: Request<proto::ListItemsRequest>) -> Answer<proto::ListItemsReply> {
        let actor = self.access.staff(&request)?;
        let items = self.station.items(&actor, &request.into_inner().words);
        Ok(Response::new(proto::ListItemsReply { items }))
    }

    async fn get_item(&self, request: Request<proto::GetItemRequest>) -> Answer<proto::ItemView> {
        self.access.anybody(&request)?;
        self.station.item_view(request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn query(&self, request: Request<proto::QueryRequest>) -> Answer<proto::QueryReply> {
        let client = request.remote_addr().map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip());
        self.station.query(request.into_inner(), client).await.map(Response::new).map_err(status)
    }
}
