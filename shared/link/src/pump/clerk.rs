//! Carries out, one after the other, what a session wants kept: commits, receipts, alerts.

use std::sync::Arc;

use sanji_log::{LogId, Receipt, Run, StationCode};
use sanji_replication::{CaseKeyMessage, RefusalReason, VerifiedRun};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::host::{Host, HostError, StoreOutcome};
use crate::{Error, Result};

/// Jobs that may wait. Commits among them are bounded in bytes by the session.
const WAITING_MAX: usize = 8192;

/// Something to be kept.
pub(super) enum Job {
    Store { batch: u64, runs: Vec<VerifiedRun>, case_keys: Vec<CaseKeyMessage> },
    Introduce(Run),
    KeepReceipts(Vec<Receipt>),
    Alert { log: LogId, seq: u64, reason: RefusalReason, detail: String },
}

/// A batch is durable, but for what was refused.
pub(super) struct Stored {
    pub(super) batch: u64,
    pub(super) outcome: StoreOutcome,
}

pub(super) struct Clerk {
    jobs: mpsc::Sender<Job>,
    stored: mpsc::UnboundedReceiver<std::result::Result<Stored, HostError>>,
    working: JoinHandle<()>,
}

impl Clerk {
    pub(super) fn new(host: Arc<dyn Host>, peer: StationCode) -> Self {
        let (jobs, todo) = mpsc::channel(WAITING_MAX);
        // One answer a job, so no longer than the queue of jobs.
        let (answers, stored) = mpsc::unbounded_channel();
        let working = tokio::spawn(work(host, peer, todo, answers));
        Self { jobs, stored, working }
    }

    /// Queues a job.
    pub(super) fn give(&self, job: Job) -> Result<()> {
        self.jobs.try_send(job).map_err(|_| Error::Closed { reason: "the peer sends more than is kept up with".into() })
    }

    /// The next answer. None: no more will come, since the work broke off.
    pub(super) async fn stored(&mut self) -> Option<std::result::Result<Stored, HostError>> {
        self.stored.recv().await
    }

    /// Waits until all that was queued is done: the peer may never hear of it, but will find it in `Have`.
    pub(super) async fn finish(self) {
        let Self { jobs, stored, working } = self;
        drop((jobs, stored));
        if let Err(error) = working.await {
            tracing::error!(error = %error, "keeping what a peer sent broke off");
        }
    }
}

async fn work(
    host: Arc<dyn Host>,
    peer: StationCode,
    mut todo: mpsc::Receiver<Job>,
    answers: mpsc::UnboundedSender<std::result::Result<Stored, HostError>>,
) {
    while let Some(job) = todo.recv().await {
        let host = host.clone();
        let kept = match job {
            Job::Store { batch, runs, case_keys } => {
                let stored = host.store(peer, runs, case_keys).await.map(|outcome| Stored { batch, outcome });
                let failed = stored.is_err();
                // Nobody listens any more when the link has ended meanwhile.
                drop(answers.send(stored));
                if failed {
                    return;
                }
                continue;
            }
            Job::Introduce(run) => {
                host.introduce(peer, run).await;
                continue;
            }
            Job::KeepReceipts(receipts) => {
                tokio::task::spawn_blocking(move || host.keep_receipts(peer, receipts)).await
            }
            Job::Alert { log, seq, reason, detail } => {
                tokio::task::spawn_blocking(move || host.alert(peer, log, seq, reason, detail)).await
            }
        };
        if let Err(error) = kept {
            tracing::error!(peer.station = %peer, error = %error, "keeping what a peer sent broke off");
            return;
        }
    }
}
