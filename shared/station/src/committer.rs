//! The thread that writes. It owns the [`Core`]; everybody else queues.
//!
//! It takes what has queued up while the disk was busy, stages all of it, makes it durable in one commit with one
//! seal a log, and then answers all: many writers share one write to the disk (group commit). Nobody is answered
//! before the commit, not even with a refusal, since it may rest on what was staged before it.
//!
//! Receipts of other stations wait for company: the next commit takes them along, for a sync of their own would hold up
//! whoever writes meanwhile. Without company they wait for [`RECEIPTS_WAIT`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sanji_log::Receipt;
use tokio::sync::{mpsc, oneshot};

use crate::core::{Committed, Core};
use crate::error::{Error, Failure, not_written};

/// Most commands that wait. Whoever comes then waits for a place.
const QUEUE: usize = 4096;
/// Most commands of one group.
const GROUP: usize = 1024;

/// How long receipts wait for company.
const RECEIPTS_WAIT: Duration = Duration::from_millis(50);
/// Most receipts that wait. Those that come then are dropped: the next link brings them again.
const RECEIPTS: usize = 1 << 16;

/// What staged commands are told: the commit, or why there was none.
type Outcome<'a> = Result<&'a Arc<Committed>, &'a Error>;
type Answer = Box<dyn FnOnce(Outcome<'_>) + Send>;
type Stage = Box<dyn FnOnce(&mut Core, u64) -> Answer + Send>;

enum Message {
    Stage(Stage),
    Stop,
}

/// Gives milliseconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Where commands queue.
#[derive(Clone)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Message>,
    receipts: Arc<Receipts>,
}

/// Receipts of other stations that wait for a commit.
#[derive(Default)]
struct Receipts(Mutex<Vec<Receipt>>);

impl Receipts {
    fn waiting(&self) -> MutexGuard<'_, Vec<Receipt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Committer {
    /// Starts the thread. `publish` hears of every commit, after it is durable and before the writers are answered;
    /// `afterwards` once they are.
    pub(crate) fn start(
        core: Core,
        clock: Clock,
        publish: impl Fn(&Committed) + Send + 'static,
        afterwards: impl Fn(&Committed) + Send + 'static,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let receipts = Arc::<Receipts>::default();
        let thread = thread::Builder::new().name("committer".to_owned());
        let waiting = receipts.clone();
        let handle = thread.spawn(move || run(core, queue, &waiting, &clock, &publish, &afterwards))?;
        Ok((Self { queue: sender, receipts }, handle))
    }

    /// Queues a command and waits until it is durable.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        stage: impl FnOnce(&mut Core, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Arc<Committed>), Failure> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Stage(staged(stage, move |result| {
            // A caller that no longer waits is not told; what it wrote is durable all the same.
            let _ = answer.send(result);
        }));
        self.queue.send(message).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)?
    }

    /// Queues a command that nobody waits for. False: no place in the queue, or the station has stopped.
    pub(crate) fn write_soon(
        &self,
        stage: impl FnOnce(&mut Core, u64) -> Result<(), Failure> + Send + 'static,
    ) -> bool {
        let message = Message::Stage(staged(stage, |result| {
            if let Err(failure) = result {
                tracing::warn!(reason = &failure as &dyn std::error::Error, "a record of the station was not kept");
            }
        }));
        self.queue.try_send(message).is_ok()
    }

    /// Keeps receipts of other stations with the next commit, at the latest after [`RECEIPTS_WAIT`].
    pub(crate) fn keep_soon(&self, receipts: Vec<Receipt>) {
        if receipts.is_empty() {
            return;
        }
        let mut waiting = self.receipts.waiting();
        let is_first = waiting.is_empty();
        let room = RECEIPTS.saturating_sub(waiting.len());
        waiting.extend(receipts.into_iter().take(room));
        drop(waiting);
        if !is_first {
            return;
        }
        let committer = self.clone();
        // Any command has them written, also one that does nothing.
        let write = move || committer.write_soon(|_, _| Ok(()));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                tokio::time::sleep(RECEIPTS_WAIT).await;
                write();
            })),
            Err(_) => drop(write()),
        }
    }

    /// Lets the thread finish what is queued and end.
    pub(crate) async fn stop(&self) {
        // Where the thread has ended already there is nothing to stop.
        let _ = self.queue.send(Message::Stop).await;
    }
}

fn staged<T: Send + 'static>(
    stage: impl FnOnce(&mut Core, u64) -> Result<T, Failure> + Send + 'static,
    answer: impl FnOnce(Result<(T, Arc<Committed>), Failure>) + Send + 'static,
) -> Stage {
    Box::new(move |core, now_ms| {
        let result = stage(core, now_ms);
        Box::new(move |outcome: Outcome<'_>| {
            answer(match outcome {
                Ok(committed) => result.map(|value| (value, committed.clone())),
                Err(error) => Err(not_written(error)),
            });
        })
    })
}

fn run(
    mut core: Core,
    mut queue: mpsc::Receiver<Message>,
    receipts: &Receipts,
    clock: &Clock,
    publish: &dyn Fn(&Committed),
    afterwards: &dyn Fn(&Committed),
) {
    while let Some(first) = queue.blocking_recv() {
        let mut answers: Vec<Answer> = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Stage(stage) => answers.push(stage(&mut core, clock())),
                Message::Stop => queue.close(),
            }
            next = if core.is_full() || answers.len() >= GROUP { None } else { queue.try_recv().ok() };
        }
        core.keep_receipts(std::mem::take(&mut *receipts.waiting()));
        let committed = core.commit(clock());
        match &committed {
            Ok(committed) => publish(committed),
            Err(error) => {
                tracing::error!(
                    reason = error as &dyn std::error::Error,
                    "a group was not committed; nothing of it is kept"
                );
            }
        }
        let committed = committed.map(Arc::new);
        for answer in answers {
            answer(committed.as_ref());
        }
        if let Ok(committed) = &committed {
            afterwards(committed);
        }
        core.bound_ahead();
    }
}
