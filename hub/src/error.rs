//! What can go wrong at a hub beside its station.

use std::path::PathBuf;

use sanji_domain::FileFault;
use sanji_log::StationCode;
use sanji_station::{Failure, folder};

/// Why a hub can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was typed can't be meant.
    #[error("{0}")]
    Input(String),
    /// A station can't be added, replaced or revoked as it was asked.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A file or folder can't be read or written.
    #[error("can't {operation} {path}")]
    File { operation: &'static str, path: PathBuf, source: std::io::Error },
    /// The district's files have faults.
    #[error("{}", told(.0))]
    Faults(Vec<FileFault>),
    /// The data folder can't be used.
    #[error("the data folder can't be used")]
    Folder(#[from] folder::Error),
    /// The store can't be opened.
    #[error("can't open the store")]
    Store { source: sanji_store::Error },
    /// The records can't be moved.
    #[error("can't move the records")]
    Move { source: sanji_store::Error },
    /// The station can't be opened or written.
    #[error("can't {operation}")]
    Station { operation: &'static str, source: sanji_station::Error },
    /// The station refuses to write.
    #[error("can't {operation}")]
    Write { operation: &'static str, source: Failure },
    /// Keys or certificates can't be made.
    #[error("can't {operation}")]
    Certificate { operation: &'static str, source: sanji_link::Error },
    /// A password can't be made or hashed.
    #[error("can't hash a password: {0}")]
    Password(String),
    /// A call to the running hub failed.
    #[error(transparent)]
    Command(#[from] sanji_station::command::Error),
}

/// Why a station can't be added, replaced or revoked as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It lives already.
    #[error("{0} is enrolled already: for another machine in its place, use `sanji-hub station replace`")]
    Enrolled(StationCode),
    /// There is no life to end.
    #[error("{0} was never enrolled: use `sanji-hub station add`")]
    NeverEnrolled(StationCode),
    /// There is nothing to revoke.
    #[error("no station {0} was ever added")]
    NeverAdded(StationCode),
    /// It is no station of this district, or the hub itself.
    #[error("{station} is not below the hub {hub}")]
    NotBelow { station: StationCode, hub: StationCode },
    /// The published files don't know it.
    #[error("the district's organisation lists no station {0}")]
    NotListed(StationCode),
    /// Nobody would be left to certify others.
    #[error("the hub can't revoke itself")]
    RevokesItself,
    /// A hub has its own way back.
    #[error("the hub is replaced by `sanji-hub restore`")]
    HubReplaced,
}

impl Unfit {
    /// For a person at the desk.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Enrolled(_) => "该站点已经开通，不能重复发放注册码。换新电脑的，请使用“更换电脑”。",
            Self::NeverEnrolled(_) => "该站点还没有开通过，不需要更换。请使用“发放注册码”。",
            Self::NeverAdded(_) => "该站点还没有发放过注册码，不需要吊销。",
            Self::NotBelow { .. } => "只能管理本区的乡镇（街道）和村（社区）站点。",
            Self::NotListed(_) => "机构名册中没有该站点。请先更新并发布机构名册。",
            Self::RevokesItself => "区中心不能吊销自己。",
            Self::HubReplaced => "区中心更换电脑，请联系系统维护人员用备份恢复。",
        }
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Command(status.into())
    }
}

/// The first fault, and how many there are besides.
fn told(faults: &[FileFault]) -> String {
    match faults {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more faults)", rest.len()),
    }
}
