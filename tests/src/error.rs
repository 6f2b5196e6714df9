//! What can go wrong in the harness.

/// Why a district can't be started or a story can't be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The programs can't be built or found.
    #[error("sanji-hub and sanji-node could not be built")]
    Build,
    /// A system call failed.
    #[error("can't {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// A command ended with another status than 0.
    #[error("{program} said: {said}")]
    Command {
        /// The program.
        program: String,
        /// Its standard error.
        said: String,
    },
    /// Something is not the JSON that it should be.
    #[error("{what} is not the expected JSON")]
    Json {
        /// What.
        what: &'static str,
        /// The parser's error.
        source: serde_json::Error,
    },
    /// A station did not get ready, or ended by itself.
    #[error("station {station} did not get ready: {why}")]
    NotReady {
        /// The station.
        station: String,
        /// What it said last.
        why: String,
    },
    /// A gRPC call was refused or failed.
    #[error("{call} failed: {status}")]
    Call {
        /// The call.
        call: &'static str,
        /// Its status.
        status: Box<tonic::Status>,
    },
    /// A gRPC service can't be reached.
    #[error("can't reach the station's service")]
    Connect {
        /// The transport's error.
        #[from]
        source: tonic::transport::Error,
    },
    /// The browser could not do something.
    #[error("the browser can't {what}")]
    Browser {
        /// What.
        what: &'static str,
        /// The driver's answer.
        source: Box<fantoccini::error::CmdError>,
    },
    /// The writers inside a village's process could not do what they were told.
    #[error("the village's writers: {0}")]
    Writers(String),
    /// Stations that ought to hold the same entries don't.
    #[error("{0}")]
    Lost(String),
    /// A station of a generated year failed.
    #[error("can't {operation} in the generated year")]
    Year {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stopped station's store can't be read.
    #[error("can't read the store of {station}")]
    Store {
        /// The station.
        station: String,
        /// The store's reason.
        source: sanji_store::Error,
    },
    /// Something did not happen in time.
    #[error("waited {seconds} s in vain for: {what}")]
    Timeout {
        /// What was awaited.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The data folder holds something else than a demo district.
    #[error("{path} holds other files than a demo district's; choose another --data")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The sample data lacks something that the harness needs.
    #[error("the sample district has no {0}")]
    Sample(String),
}
