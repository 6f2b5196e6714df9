//! Bundles through the keeper's service: a file as a stream of parts, either way.

use std::io::{self, BufWriter, Read, Write};
use std::pin::pin;

use bytes::{Buf as _, Bytes};
use sanji_link::bundle::{ExportSummary, ImportSummary};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_proto::v1::export_bundle_part::Part;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Status, Streaming};

use crate::bundle::{Bundles, Error};
use crate::command::chain;
use crate::station::refused_log;

/// Bytes of one part of a stream.
const PART_BYTES: usize = 65_536;
/// Parts that wait for a slow reader.
const PARTS_AHEAD: usize = 8;

/// A bundle as it is written, part by part.
pub type Parts = ReceiverStream<Result<proto::ExportBundlePart, Status>>;
/// Where a bundle is written to.
pub type PartsOutput = BufWriter<PartWriter>;

/// Begins to write a bundle; the parts come as they are read.
pub fn export(bundles: Bundles, to: StationCode, attachments_max_bytes: Option<u64>) -> Parts {
    in_parts(move |output| bundles.export(to, attachments_max_bytes, output))
}

/// Begins to write a bundle with `write`, which may block; the parts come as they are read.
pub fn in_parts(write: impl FnOnce(PartsOutput) -> Result<ExportSummary, Error> + Send + 'static) -> Parts {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let output = BufWriter::with_capacity(PART_BYTES, PartWriter(sender.clone()));
        let last = match write(output) {
            Ok(summary) => Ok(proto::ExportBundlePart { part: Some(Part::Exported(exported(summary))) }),
            Err(error @ Error::UnknownStation(_)) => Err(Status::invalid_argument(chain(&error))),
            Err(error) => Err(Status::failed_precondition(chain(&error))),
        };
        // The reader may be gone; then nobody asks any more.
        let _ = sender.blocking_send(last);
    });
    ReceiverStream::new(receiver)
}

/// Reads a bundle from its parts as they come. The rest of one that is refused is not looked at. `by` as for
/// [`Bundles::import`]. None: the reading broke off.
pub async fn read_parts<E>(
    bundles: Bundles,
    by: String,
    parts: impl Stream<Item = Result<Bytes, E>>,
) -> Option<(Option<ImportSummary>, Result<(), Error>)>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut parts = pin!(parts);
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let reading = tokio::task::spawn_blocking(move || bundles.import(&by, PartReader { receiver, part: Bytes::new() }));
    while let Some(part) = parts.next().await {
        let broken = part.is_err();
        if sender.send(part.map_err(io::Error::other)).await.is_err() || broken {
            break;
        }
    }
    drop(sender);
    reading.await.ok()
}

/// Reads a bundle for the keeper.
pub(super) async fn import(
    bundles: Bundles,
    parts: Streaming<proto::ImportBundlePart>,
) -> Result<proto::ImportBundleReply, Status> {
    let parts = parts.map(|part| part.map(|part| Bytes::from(part.data)));
    let (taken, read) = read_parts(bundles, String::new(), parts)
        .await
        .ok_or_else(|| Status::internal("the reading of the bundle broke off"))?;
    Ok(imported(taken, &read))
}

/// What became of a bundle that was read, for the keeper.
pub(crate) fn imported(taken: Option<ImportSummary>, read: &Result<(), Error>) -> proto::ImportBundleReply {
    let mut reply = proto::ImportBundleReply {
        refused: read.as_ref().err().map(|error| chain(error)).unwrap_or_default(),
        ..proto::ImportBundleReply::default()
    };
    if let Some(taken) = taken {
        reply.sender = taken.sender.number();
        reply.created_ms = taken.created_ms;
        reply.entries = taken.entries;
        reply.entries_not_taken = taken.entries_not_taken;
        reply.receipts = taken.receipts;
        reply.attachments = taken.attachments;
        reply.attachment_bytes = taken.attachment_bytes;
        let now_ms = crate::clock::now_ms();
        let logs = taken.refused.into_iter();
        reply.refused_logs =
            logs.map(|refused| refused_log(refused.log, refused.seq, refused.reason, refused.detail, now_ms)).collect();
    }
    reply
}

/// What is in a bundle that was written, for the keeper.
pub(crate) fn exported(summary: ExportSummary) -> proto::ExportedBundle {
    proto::ExportedBundle {
        entries: summary.entries,
        receipts: summary.receipts,
        attachments: summary.attachments,
        attachment_bytes: summary.attachment_bytes,
        attachments_left: summary.attachments_left,
    }
}

/// Sends what is written, part by part.
pub struct PartWriter(mpsc::Sender<Result<proto::ExportBundlePart, Status>>);

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..PART_BYTES).unwrap_or(bytes);
        let message = proto::ExportBundlePart { part: Some(Part::Data(part.to_vec())) };
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(message)).map(|()| part.len()).map_err(gone)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives out what comes, part by part.
struct PartReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    part: Bytes,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.receiver.blocking_recv() {
                Some(part) => self.part = part?,
                None => return Ok(0),
            }
        }
        let count = self.part.len().min(buffer.len());
        self.part.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
