//! What the desk asks of a station's bundles, as a trait so that the screen can be tested without one.

use std::io;
use std::pin::Pin;

use async_trait::async_trait;
use axum::body::Bytes;
use sanji_log::StationCode;
use sanji_proto::v1::RefusalReason;
use sanji_station::service::bundles::{Parts, export, read_parts};
use tokio_stream::Stream;

pub(crate) use sanji_station::bundle::history::Exchange as LastExchange;
pub(crate) use sanji_station::bundle::{Bundles, Confirmed, Error, may_exchange};

/// A file as the browser sends it.
pub type Upload<'a> = Pin<Box<dyn Stream<Item = Result<Bytes, io::Error>> + Send + 'a>>;

/// What a bundle has brought, as far as the screen tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) sender: StationCode,
    /// By the sender's clock: milliseconds since 1970-01-01 UTC.
    pub(crate) created_ms: u64,
    pub(crate) entries: u64,
    /// Entries passed over, since they were held already or were refused.
    pub(crate) entries_not_taken: u64,
    pub(crate) receipts: u64,
    pub(crate) attachments: u64,
    /// Logs of which something was refused: about which station each is, and why.
    pub(crate) refused: Vec<(StationCode, RefusalReason)>,
}

/// The bundles of one station. See the methods of the same names in `sanji_station::bundle::Bundles`.
#[async_trait]
pub(crate) trait Exchange: Send + Sync + 'static {
    fn partners(&self) -> Vec<StationCode>;
    /// The stations with which bundles were exchanged, and what each has confirmed; at most so many.
    async fn history(&self, most: usize) -> Vec<(StationCode, LastExchange, Confirmed)>;
    fn export(&self, to: StationCode, attachments_max_bytes: Option<u64>) -> Parts;
    /// None: the reading broke off.
    async fn import(&self, by: &str, file: Upload<'_>) -> Option<(Option<Brought>, Result<(), Error>)>;
}

#[async_trait]
impl Exchange for Bundles {
    fn partners(&self) -> Vec<StationCode> {
        self.partners()
    }

    async fn history(&self, most: usize) -> Vec<(StationCode, LastExchange, Confirmed)> {
        let bundles = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let all = bundles.history().all().into_iter().take(most);
            all.map(|(station, last)| (station, last, bundles.confirmed_by(station))).collect()
        });
        read.await.unwrap_or_default()
    }

    fn export(&self, to: StationCode, attachments_max_bytes: Option<u64>) -> Parts {
        export(self.clone(), to, attachments_max_bytes)
    }

    async fn import(&self, by: &str, file: Upload<'_>) -> Option<(Option<Brought>, Result<(), Error>)> {
        let (taken, read) = read_parts(self.clone(), by.to_owned(), file).await?;
        let brought = taken.map(|taken| Brought {
            sender: taken.sender,
            created_ms: taken.created_ms,
            entries: taken.entries,
            entries_not_taken: taken.entries_not_taken,
            receipts: taken.receipts,
            attachments: taken.attachments,
            refused: taken.refused.iter().map(|refused| (refused.log.home, refused.reason.into())).collect(),
        });
        Some((brought, read))
    }
}
