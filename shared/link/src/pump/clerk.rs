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
    KeepBranch { run: Run, case_keys: Vec<CaseKeyMessage> },
    KeepAgain { run: Run, case_keys: Vec<CaseKeyMessage> },
    KeepAside { batch: u64, runs: Vec<Run>, case_keys: Vec<CaseKeyMessage> },
    KeepReceipts(Vec<Receipt>),
    Alert { log: LogId, seq: u64, reason: RefusalReason, detail: String },
}

/// What became of a job that is answered.
pub(super) enum Answer {
    /// A batch is durable, but for what was refused.
    Stored { batch: u64, outcome: StoreOutcome },
    /// What of a batch is for a person to decide on is durable.
    KeptAside { batch: u64 },
    /// The peer's version of a forked log is wanted from here on.
    BranchWanted { log: LogId, from: u64 },
    /// More of a log is wanted, whose entries are damaged here.
    MoreWanted { log: LogId, from: u64 },
}

pub(super) struct Clerk {
    // Boxed: see `Outgoing`.
    jobs: mpsc::Sender<Box<Job>>,
    stored: mpsc::UnboundedReceiver<std::result::Result<Answer, HostError>>,
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
        self.jobs
            .try_send(job.into())
            .map_err(|_| Error::Closed { reason: "the peer sends more than is kept up with".into() })
    }

    /// The next answer. None: no more will come, since the work broke off.
    pub(super) async fn answer(&mut self) -> Option<std::result::Result<Answer, HostError>> {
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
    mut todo: mpsc::Receiver<Box<Job>>,
    answers: mpsc::UnboundedSender<std::result::Result<Answer, HostError>>,
) {
    while let Some(job) = todo.recv().await {
        let host = host.clone();
        let kept = match *job {
            Job::Store { batch, runs, case_keys } => {
                let stored = host.store(peer, runs, case_keys).await.map(|outcome| Answer::Stored { batch, outcome });
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
            Job::KeepBranch { run, case_keys } => {
                let log = run.log;
                if let Some(from) = host.keep_branch(peer, run, case_keys).await {
                    drop(answers.send(Ok(Answer::BranchWanted { log, from })));
                }
                continue;
            }
            Job::KeepAgain { run, case_keys } => {
                let log = run.log;
                if let Some(from) = host.keep_again(peer, run, case_keys).await {
                    drop(answers.send(Ok(Answer::MoreWanted { log, from })));
                }
                continue;
            }
            Job::KeepAside { batch, runs, case_keys } => {
                let kept = host.keep_aside(peer, runs, case_keys).await.map(|()| Answer::KeptAside { batch });
                let failed = kept.is_err();
                drop(answers.send(kept));
                if failed {
                    return;
                }
                continue;
            }
            Job::KeepReceipts(receipts) => {
                tokio::task::spawn_blocking(move || host.keep_receipts(peer, receipts)).await
            }
            Job::Alert { log, seq, reason, detail } => {
                let answers = answers.clone();
                let alert = move || {
                    host.alert(peer, log, seq, reason, detail);
                    let wanted = Some(seq).filter(|_| reason == RefusalReason::Fork);
                    if let Some(from) = wanted.and_then(|seq| host.branch_wanted(&log, seq)) {
                        drop(answers.send(Ok(Answer::BranchWanted { log, from })));
                    }
                };
                tokio::task::spawn_blocking(alert).await
            }
        };
        if let Err(error) = kept {
            tracing::error!(peer.station = %peer, error = %error, "keeping what a peer sent broke off");
            return;
        }
    }
}
