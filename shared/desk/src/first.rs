//! The first page: a station that is not enrolled yet asks for what the district has handed out, becomes a station, and
//! gives way to the desk. The person needs no command line, with a line (address and one-time code) or without one
//! (three files on a USB stick).
//!
//! It stands at the address of the login, so that whoever loads it again finds the desk there afterwards. What it does
//! to the data folder is the program's ([`Enrolling`]); here are the forms, the order, and what is said.

mod forms;
mod hindrance;
mod pages;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use sanji_log::StationCode;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use crate::exchange::Upload;
pub use hindrance::Hindrance;

use crate::{Error, server};

/// What the first page asks of the program. Texts come as they were typed, but in the characters that were
/// meant; the program reads them as its commands do.
#[async_trait]
pub trait Enrolling: Send + Sync + 'static {
    /// How far the station is, by its data folder.
    ///
    /// # Errors
    /// [`Hindrance::Folder`].
    fn so_far(&self) -> Result<SoFar, Hindrance>;

    /// Enrols over the line.
    ///
    /// # Errors
    /// [`Hindrance`].
    async fn enrol(&self, station: &str, hub: &str, code: &str) -> Result<Enrolled, Hindrance>;

    /// Without a line, first step: the request for the hub, from its invitation.
    ///
    /// # Errors
    /// [`Hindrance`].
    async fn request(&self, station: &str, code: &str, invitation: &str) -> Result<Request, Hindrance>;

    /// Keeps the hub's answer aside as the browser sends it: its size costs no memory.
    ///
    /// # Errors
    /// [`Hindrance::Upload`] where the browser broke off, [`Hindrance::Folder`].
    async fn keep_answer(&self, answer: Upload<'_>) -> Result<(), Hindrance>;

    /// Without a line, last step: opens the answer that was kept aside.
    ///
    /// # Errors
    /// [`Hindrance`].
    async fn open_answer(&self) -> Result<Enrolled, Hindrance>;
}

/// How far a station is that is not enrolled yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// The station whose backup was unpacked here: it can become no other.
    pub backup: Option<StationCode>,
    /// The station that has asked by file to be enrolled, and waits for the answer.
    pub asked: Option<StationCode>,
}

/// A request to be enrolled, as a file for the hub. It is encrypted to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The station that asks.
    pub station: StationCode,
    /// The file.
    pub bytes: Bytes,
}

/// What became of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// The station has all that it was given.
    Whole,
    /// It is a station, but could not take all that it was given: the rest has to come by the line, or once more.
    Partly,
}

/// Serves the first page on `listener` until `shutdown`. `enrolled` is cancelled by the page, once there is a station;
/// it goes on saying so until `shutdown`. `desk` is where the desk will be where that is another host than the page's.
///
/// # Errors
/// [`Error::Randomness`] where the system gives no random bytes at the start.
pub async fn serve_first(
    enrolling: Arc<dyn Enrolling>,
    listener: TcpListener,
    desk: Option<SocketAddr>,
    enrolled: CancellationToken,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    server::run(router(enrolling, desk, enrolled)?, listener, shutdown).await;
    Ok(())
}

/// The page as a service.
pub(crate) fn router(
    enrolling: Arc<dyn Enrolling>,
    desk: Option<SocketAddr>,
    enrolled: CancellationToken,
) -> Result<Router, Error> {
    Ok(pages::router(First::new(enrolling, desk, enrolled)?))
}

/// The page's state. Cheap to clone.
#[derive(Clone)]
struct First(Arc<Inner>);

struct Inner {
    enrolling: Arc<dyn Enrolling>,
    desk: Option<SocketAddr>,
    /// Of this process only, as the desk's.
    form_secret: [u8; 32],
    /// One attempt at a time: two would write the same keys.
    one: Arc<Semaphore>,
    /// The attempt before, where it came to nothing.
    failed: Mutex<Option<Failed>>,
    /// In memory only: whoever starts the program again makes it again, since the code is not kept.
    request: Mutex<Option<Request>>,
    outcome: OnceLock<Enrolled>,
    enrolled: CancellationToken,
    form_token_cookie: String,
}

/// Which form was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Line,
    Request,
    Answer,
}

/// An attempt that came to nothing, with what was typed: never the code.
#[derive(Debug, Clone)]
struct Failed {
    way: Way,
    station: String,
    hub: String,
    hindrance: Hindrance,
}

impl First {
    fn new(
        enrolling: Arc<dyn Enrolling>,
        desk: Option<SocketAddr>,
        enrolled: CancellationToken,
    ) -> Result<Self, Error> {
        let mut form_secret = [0; 32];
        getrandom::fill(&mut form_secret).map_err(Error::Randomness)?;
        Ok(Self(Arc::new(Inner {
            enrolling,
            desk,
            form_secret,
            one: Arc::new(Semaphore::new(1)),
            failed: Mutex::new(None),
            request: Mutex::new(None),
            outcome: OnceLock::new(),
            enrolled,
            // Stations of one machine may share it: each has its own secret, and takes whatever token stands in it.
            form_token_cookie: "sanji-visitor-first".to_owned(),
        })))
    }

    /// The right to make an attempt; none while one is made, and once there is a station.
    fn begin(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.0.one.clone().try_acquire_owned().ok();
        place.filter(|_| self.0.outcome.get().is_none())
    }

    fn is_working(&self) -> bool {
        self.0.one.available_permits() == 0
    }

    fn failed(&self) -> Option<Failed> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, failed: Option<Failed>) {
        if let Some(Failed { way, hindrance, .. }) = &failed {
            tracing::warn!(?way, ?hindrance, "station not enrolled");
        }
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    fn request(&self) -> Option<Request> {
        self.0.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget_request(&self) {
        *self.0.request.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(&self, request: Request) {
        *self.0.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
    }

    /// Makes an attempt to its end, whether or not the browser waits for it: broken off in the middle, it might leave
    /// half a station. What is given back tells when it has ended.
    fn attempt<W>(&self, place: OwnedSemaphorePermit, typed: Failed, work: W) -> watch::Receiver<bool>
    where
        W: Future<Output = Result<Option<Enrolled>, Hindrance>> + Send + 'static,
    {
        let (ended, end) = watch::channel(false);
        let first = self.clone();
        tokio::spawn(async move {
            let outcome = work.await;
            match outcome {
                Ok(Some(enrolled)) => {
                    first.fail(None);
                    let _ = first.0.outcome.set(enrolled);
                    first.0.enrolled.cancel();
                }
                Ok(None) => first.fail(None),
                Err(hindrance) => first.fail(Some(Failed { hindrance, ..typed })),
            }
            drop(place);
            // Nobody may be waiting any more.
            let _ = ended.send(true);
        });
        end
    }
}
