//! A file as a stream of parts: written by a thread that may block, read as fast as the reader takes it.

use std::io::{self, BufWriter, Write};

use sanji_proto::v1::{self as proto, record_part::Part};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::{Error, Failure};

/// Bytes of one part.
const PART_BYTES: usize = 65_536;
/// Parts that wait for a slow reader.
const PARTS_AHEAD: usize = 4;

/// A file as it is written.
pub type Parts = ReceiverStream<Result<proto::RecordPart, Failure>>;

/// Begins to write a file. The last part says what it is; after a failure there is none.
pub(crate) fn in_parts(
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<proto::RecordFile, Failure> + Send + 'static,
) -> Parts {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut output = BufWriter::with_capacity(PART_BYTES, PartWriter(sender.clone()));
        let written = write(&mut output).and_then(|file| {
            let flushed = output.flush();
            flushed.map_err(|source| Error::Output { what: "a file", source: Box::new(source) })?;
            Ok(proto::RecordPart { part: Some(Part::Finished(file)) })
        });
        // The reader may be gone; then nobody asks any more.
        let _ = sender.blocking_send(written);
    });
    ReceiverStream::new(receiver)
}

struct PartWriter(mpsc::Sender<Result<proto::RecordPart, Failure>>);

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for data in bytes.chunks(PART_BYTES) {
            let part = proto::RecordPart { part: Some(Part::Data(data.to_vec())) };
            self.0.blocking_send(Ok(part)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
