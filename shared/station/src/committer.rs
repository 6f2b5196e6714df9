//! The thread that writes. It owns the [`Core`]; everybody else queues.
//!
//! It takes what has queued up while the disk was busy, stages all of it, makes it durable in one commit with one
//! seal a log, and then answers all: many writers share one write to the disk (group commit). Nobody is answered
//! before the commit, not even with a refusal, since it may rest on what was staged before it. A task of the runtime tells
//! the writers and all others who want to hear of the commit: it is woken once for all of them, where the thread would have
//! to wake each by a call of the system while the next group waits.
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

/// What became of a group, and who waits for it.
struct Done {
    committed: Result<Arc<Committed>, Error>,
    answers: Vec<Answer>,
}

/// What runs until the station stops.
pub(crate) struct Running {
    thread: JoinHandle<()>,
    telling: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Waits until the thread has ended and everybody was told.
    pub(crate) async fn ended(self) {
        // A panic there has ended the process before.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
        let _ = self.telling.await;
    }
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
    /// Starts the thread, and on the caller's runtime the task that tells of what it did. `publish` hears of every commit,
    /// after it is durable and its writers are answered; `afterwards`, which may read the disk, a little later.
    pub(crate) fn start(
        core: Core,
        clock: Clock,
        publish: impl Fn(&Committed) + Send + 'static,
        afterwards: impl Fn(&Committed) + Send + 'static,
    ) -> std::io::Result<(Self, Running)> {
        let (sender, queue) = mpsc::channel(QUEUE);
        // Bounded by the queue: whoever is not answered yet writes nothing more.
        let (done, told) = mpsc::unbounded_channel();
        let receipts = Arc::<Receipts>::default();
        let thread = thread::Builder::new().name("committer".to_owned());
        let waiting = receipts.clone();
        let thread = thread.spawn(move || run(core, queue, &waiting, &clock, &done, &afterwards))?;
        let telling = tokio::spawn(tell(told, publish));
        Ok((Self { queue: sender, receipts }, Running { thread, telling }))
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
    done: &mpsc::UnboundedSender<Done>,
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
        let committed = core.commit(clock()).map(Arc::new);
        if let Err(error) = &committed {
            let reason = error as &dyn std::error::Error;
            tracing::error!(reason, "a group was not committed; nothing of it is kept");
        }
        let kept = committed.as_ref().ok().cloned();
        // Nobody is there to hear of it only where the runtime ends.
        let _ = done.send(Done { committed, answers });
        if let Some(committed) = kept {
            afterwards(&committed);
        }
        core.bound_ahead();
    }
}

/// Answers the writers of every group, and tells all others of it.
async fn tell(mut done: mpsc::UnboundedReceiver<Done>, publish: impl Fn(&Committed)) {
    while let Some(Done { committed, answers }) = done.recv().await {
        for answer in answers {
            answer(committed.as_ref());
        }
        if let Ok(committed) = &committed {
            publish(committed);
        }
    }
}
