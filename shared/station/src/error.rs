//! What can go wrong in a running station: faults of the crate, and what a person is told.

use sanji_domain::case::Refusal;

/// A fault of the running station.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store can't do what it was asked.
    #[error("can't {operation}")]
    Store {
        /// What was tried, for example "commit a group".
        operation: &'static str,
        /// The store's reason.
        source: sanji_store::Error,
    },
    /// Bytes of this station's own store are not what it once wrote.
    #[error("a stored {what} can't be read")]
    Stored {
        /// What it should be, for example "case snapshot".
        what: &'static str,
        /// The decoder's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something can't be encrypted or decrypted.
    #[error("can't {operation}")]
    Vault {
        /// What was tried.
        operation: &'static str,
        /// The vault's reason.
        source: crate::vault::Error,
    },
    /// An entry of this station would break a rule of the logs.
    #[error("can't write an entry: {problem}")]
    Entry {
        /// Which rule.
        problem: &'static str,
    },
    /// A run that was to be taken in without a link is not valid.
    #[error("a run of log {log} is not valid")]
    Run {
        /// The log.
        log: sanji_log::LogId,
        /// Why.
        source: sanji_log::Error,
    },
    /// A file that is made for somebody can't be written.
    #[error("can't write {what}")]
    Output {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The thread that writes has ended.
    #[error("the station has stopped")]
    Stopped,
}

/// Why a person, or a program in a person's name, did not get what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule said no. The sentence is for the person.
    #[error("refused: {}", .0.sentence)]
    Refused(Refusal),
    /// There is no such thing, or not for this person.
    #[error("not found")]
    NotFound,
    /// The case has moved on since the person looked at it.
    #[error("the case has moved on")]
    Stale,
    /// It exists, but its content has not arrived at this station yet.
    #[error("not here yet")]
    NotHereYet,
    /// Too many wrong query codes.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again, in milliseconds from now.
        retry_after_ms: u64,
    },
    /// The station takes no writes at present; nothing of the command is kept.
    #[error("the station takes no writes: {0}")]
    ReadOnly(
        /// Why, in Chinese, for the person.
        String,
    ),
    /// The station itself is at fault.
    #[error("the station failed")]
    Internal(#[source] Error),
}

impl From<Error> for Failure {
    /// What is damaged here is fetched again, so it is as if it had not come yet.
    fn from(error: Error) -> Self {
        match error {
            Error::Store { operation, source: source @ sanji_store::Error::Damaged { .. } } => {
                tracing::warn!(operation, reason = &source as &dyn std::error::Error, "damaged entries are asked for");
                Self::NotHereYet
            }
            error => Self::Internal(error),
        }
    }
}

/// What a person is told when what they did could not be made durable.
pub(crate) fn not_written(error: &Error) -> Failure {
    match error {
        Error::Store { source: sanji_store::Error::HeadMoved { .. }, .. } => Failure::Stale,
        Error::Store { source: sanji_store::Error::Full { .. }, .. } => Failure::ReadOnly(
            "本站磁盘空间已满，刚才的操作没有保存。请联系系统维护人员清理磁盘，腾出空间后会自动恢复，之后请重新提交。"
                .to_owned(),
        ),
        Error::Store { .. } => Failure::ReadOnly(
            "本站数据写入失败，刚才的操作没有保存。系统正在自动检查恢复，请过几分钟后重新提交；\
             如仍不能保存，请联系系统维护人员检查硬盘。"
                .to_owned(),
        ),
        _ => Failure::ReadOnly("系统出现故障，刚才的操作没有保存，请重新提交。".to_owned()),
    }
}

/// Names the operation of a store's error.
pub(crate) fn store(operation: &'static str) -> impl FnOnce(sanji_store::Error) -> Error {
    move |source| Error::Store { operation, source }
}

/// Names what was read of a decoder's error.
pub(crate) fn stored<E>(what: &'static str) -> impl FnOnce(E) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| Error::Stored { what, source: Box::new(source) }
}
