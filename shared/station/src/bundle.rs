//! Bundles of a running station: for whom, what the other side asked for last, and reading and writing them
//! beside the links.

mod aside;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use sanji_link::Identity;
use sanji_link::bundle::{ExportOptions, ExportSummary, ImportSummary, Receiver, export, import};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_replication::attachment::{AttachmentMessage, ChunkRequest};

use aside::Remembering;

use crate::command::chain;
use crate::folder::{self, DataFolder};
use crate::station::Station;

/// Why a bundle can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory has no valid key of the receiver.
    #[error("the directory knows no station {0} with a valid key")]
    UnknownStation(StationCode),
    /// Its sender is revoked; nothing of it was taken.
    #[error("the bundle comes from {sender}, whose key was revoked; it is kept aside in {}", path.display())]
    Aside {
        /// The station.
        sender: StationCode,
        /// Where the file is kept.
        path: PathBuf,
    },
    /// It can't be written or read.
    #[error(transparent)]
    Bundle(#[from] sanji_link::Error),
}

/// Writes and reads a station's bundles.
#[derive(Clone)]
pub struct Bundles {
    station: Station,
    identity: Arc<Identity>,
    data: DataFolder,
    /// One bundle is read at a time, so that two of one sender don't hinder each other.
    reading: Arc<Mutex<()>>,
}

impl Bundles {
    /// For a station with the identity and the data folder that it runs with.
    #[must_use]
    pub fn new(station: Station, identity: Identity, data: DataFolder) -> Self {
        Self { station, identity: Arc::new(identity), data, reading: Arc::default() }
    }

    /// Writes a bundle for a station above or below. Blocks.
    ///
    /// # Errors
    /// [`Error`].
    pub fn export(
        &self,
        to: StationCode,
        attachments_max_bytes: Option<u64>,
        output: impl Write,
    ) -> Result<ExportSummary, Error> {
        let reference = self.station.reference();
        // A station has one life at a time; where a former one was never ended, the newest certificate counts.
        let lives = reference.keys().iter().filter(|(_, life)| life.station == to && life.is_living());
        let (key, _) = lives.max_by_key(|(_, life)| life.certificate_until_ms).ok_or(Error::UnknownStation(to))?;
        let defaults = ExportOptions::default();
        let options = ExportOptions {
            attachments_max_bytes: attachments_max_bytes.unwrap_or(defaults.attachments_max_bytes),
            asked: self.asked_by(to),
        };
        let receiver = Receiver { station: to, key: *key };
        Ok(export(&self.station, &self.identity, receiver, output, &options, &mut |_| {})?)
    }

    /// Reads a bundle. Blocks; inside a tokio runtime. What was taken is told also where the bundle turns out to be
    /// damaged further on.
    pub fn import(&self, input: impl Read) -> (Option<ImportSummary>, Result<(), Error>) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = None;
        let mut input = Remembering::new(input);
        let read = import(&self.station, &self.identity, &mut input, &mut |summary| taken = Some(summary.clone()));
        match read {
            Ok(summary) => {
                self.keep_asked(summary.sender, &summary.asked);
                // It is encrypted to this life, so whoever wrote it knew that all before it may be lost.
                if summary.refused.is_empty() {
                    self.station.heard(summary.sender);
                }
                self.station.record("bundle.read", "", &summary.sender.to_string(), "");
                (Some(summary), Ok(()))
            }
            Err(error) => {
                let error = self.aside(error, input);
                tracing::warn!(error = chain(&error), "a bundle was refused");
                self.station.record("bundle.refused", "", "", &error.to_string());
                (taken, Err(error))
            }
        }
    }

    /// Keeps the file of a revoked station.
    fn aside(&self, error: sanji_link::Error, input: Remembering<impl Read>) -> Error {
        let sanji_link::Error::BundleRevoked { sender } = error else { return error.into() };
        match input.keep_in(&self.data.bundles(), &sender.to_string()) {
            Ok(path) => Error::Aside { sender, path },
            Err(fault) => {
                tracing::error!(error = chain(&fault), "can't keep a revoked station's bundle aside");
                error.into()
            }
        }
    }

    fn asked_file(&self, station: StationCode) -> PathBuf {
        self.data.bundles().join(format!("asked-{station}"))
    }

    /// The attachments that a station lacked when it wrote its last bundle. Where that is not known any more, it asks
    /// again in its next.
    fn asked_by(&self, station: StationCode) -> Vec<ChunkRequest> {
        let bytes = match folder::read(&self.asked_file(station)) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(error = chain(&error), "can't read what a bundle asked for");
                return Vec::new();
            }
        };
        let mut rest = bytes.as_slice();
        let messages = std::iter::from_fn(|| proto::AttachmentMessage::decode_length_delimited(&mut rest).ok());
        messages
            .map_while(|message| match AttachmentMessage::try_from(message) {
                Ok(AttachmentMessage::Request(request)) => Some(request),
                _ => None,
            })
            .collect()
    }

    fn keep_asked(&self, station: StationCode, asked: &[ChunkRequest]) {
        let mut bytes = Vec::new();
        for request in asked {
            let message = proto::AttachmentMessage::from(AttachmentMessage::Request(*request));
            bytes.extend_from_slice(&message.encode_length_delimited_to_vec());
        }
        let kept = if bytes.is_empty() {
            folder::remove(&self.asked_file(station)).map(|_| ())
        } else {
            folder::replace(&self.asked_file(station), &bytes)
        };
        if let Err(error) = kept {
            tracing::warn!(error = chain(&error), "can't keep what a bundle asks for");
        }
    }
}
