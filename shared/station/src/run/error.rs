//! Why a station can't run.

use std::net::SocketAddr;

use crate::{config, folder};

/// Why a station can't run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't be used.
    #[error("the configuration can't be used")]
    Config(#[from] config::Error),
    /// The data folder can't be used.
    #[error("the data folder can't be used")]
    Folder(#[from] folder::Error),
    /// The store can't be opened, for example because another process has it.
    #[error("can't open the store")]
    Store {
        /// The store's reason.
        source: sanji_store::Error,
    },
    /// The store is another process's now.
    #[error("the store is lost")]
    Lost {
        /// The store's reason.
        source: sanji_store::Error,
    },
    /// The station can't be opened on its store.
    #[error("can't open the station")]
    Station(#[source] crate::Error),
    /// A port can't be listened on.
    #[error("can't listen for {what} on {address}")]
    Bind {
        /// What would be served there.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A listener failed while it served.
    #[error("can't serve {what}")]
    Listen {
        /// What was served.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Links, certificates or enrolment failed.
    #[error("can't {operation}")]
    Link {
        /// What was tried.
        operation: &'static str,
        /// The link's reason.
        source: sanji_link::Error,
    },
    /// The case service failed.
    #[error("can't serve the case service")]
    Service {
        /// The transport's reason.
        source: tonic::transport::Error,
    },
    /// The desk failed.
    #[error("can't serve the desk")]
    Desk {
        /// The desk's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The program's own duties failed.
    #[error("can't {operation}")]
    Duty {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Signals can't be waited for.
    #[error("can't wait for signals")]
    Signals {
        /// The system's reason.
        source: std::io::Error,
    },
    /// Nobody reads that the station is ready.
    #[error("can't say that the station is ready")]
    Output {
        /// Why not.
        source: Box<crate::command::Error>,
    },
    /// A part is missing that every station has.
    #[error("the station was put together without one of its parts")]
    Incomplete,
}
