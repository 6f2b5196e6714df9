//! Bundles through the keeper's service: a file as a stream of parts, either way.

use std::io::{self, BufWriter, Read, Write};

use bytes::{Buf as _, Bytes};
use sanji_link::bundle::ExportSummary;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_proto::v1::export_bundle_part::Part;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::bundle::{Bundles, Error};
use crate::command::chain;
use crate::station::refused_log;

/// Bytes of one part of a stream.
const PART_BYTES: usize = 65_536;
/// Parts that wait for a slow reader.
const PARTS_AHEAD: usize = 8;

type Parts = ReceiverStream<Result<proto::ExportBundlePart, Status>>;

/// Begins to write a bundle; the parts come as they are read.
pub(super) fn export(bundles: Bundles, to: StationCode, attachments_max_bytes: Option<u64>) -> Parts {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let output = BufWriter::with_capacity(PART_BYTES, PartWriter(sender.clone()));
        let last = match bundles.export(to, attachments_max_bytes, output) {
            Ok(summary) => Ok(proto::ExportBundlePart { part: Some(Part::Exported(exported(summary))) }),
            Err(error @ Error::UnknownStation(_)) => Err(Status::invalid_argument(chain(&error))),
            Err(error) => Err(Status::failed_precondition(chain(&error))),
        };
        // The reader may be gone; then nobody asks any more.
        let _ = sender.blocking_send(last);
    });
    ReceiverStream::new(receiver)
}

/// Reads a bundle from its parts.
pub(super) async fn import(
    bundles: Bundles,
    mut parts: Streaming<proto::ImportBundlePart>,
) -> Result<proto::ImportBundleReply, Status> {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let reading = tokio::task::spawn_blocking(move || bundles.import(PartReader { receiver, part: Bytes::new() }));
    loop {
        let part = match parts.message().await {
            Ok(Some(part)) => Ok(Bytes::from(part.data)),
            Ok(None) => break,
            Err(status) => Err(io::Error::other(status)),
        };
        let broken = part.is_err();
        // The reading ends early where the bundle is refused; the rest is not looked at.
        if sender.send(part).await.is_err() || broken {
            break;
        }
    }
    drop(sender);
    let (taken, read) = reading.await.map_err(|_| Status::internal("the reading of the bundle broke off"))?;
    let mut reply = proto::ImportBundleReply {
        refused: read.err().map(|error| chain(&error)).unwrap_or_default(),
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
    Ok(reply)
}

fn exported(summary: ExportSummary) -> proto::ExportedBundle {
    proto::ExportedBundle {
        entries: summary.entries,
        receipts: summary.receipts,
        attachments: summary.attachments,
        attachment_bytes: summary.attachment_bytes,
        attachments_left: summary.attachments_left,
    }
}

/// Sends what is written, part by part.
struct PartWriter(mpsc::Sender<Result<proto::ExportBundlePart, Status>>);

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
