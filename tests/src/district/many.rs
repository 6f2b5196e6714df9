//! Many stations at once: a district of hundreds of processes would take minutes one by one.

use std::sync::Mutex;
use std::sync::PoisonError;

use sanji_log::StationCode;

use super::District;
use crate::Error;
use crate::process::Process;

/// Stations that are enrolled, started or stopped side by side.
const AT_ONCE: usize = 8;

impl District {
    /// Enrols those that are new and starts all; their parents run already.
    ///
    /// # Errors
    /// The first that can't be enrolled or does not get ready; those that did go on.
    pub fn start_many(&mut self, stations: &[StationCode]) -> Result<(), Error> {
        let started = side_by_side(stations, |station| {
            if !self.data(*station).join("keys").exists() {
                self.enrol(*station)?;
            }
            self.launch(*station)
        });
        let (started, failed): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
        self.admit(started.into_iter().flatten())?;
        failed.into_iter().find_map(Result::err).map_or(Ok(()), Err)
    }

    /// Does the same at each of many stations, a few at a time. To be called on a runtime of several threads.
    ///
    /// # Errors
    /// The first that fails, once all are done.
    pub fn at_each<F>(&self, stations: &[StationCode], work: impl Fn(StationCode) -> F + Sync) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let runtime = tokio::runtime::Handle::current();
        let done = tokio::task::block_in_place(|| side_by_side(stations, |station| runtime.block_on(work(*station))));
        done.into_iter().collect()
    }

    /// Stops stations cleanly.
    ///
    /// # Errors
    /// The first that does not stop; the others are stopped all the same.
    pub fn stop_many(&mut self, stations: &[StationCode]) -> Result<(), Error> {
        let processes: Vec<_> = stations
            .iter()
            .filter_map(|station| self.running.remove(station))
            .map(|one| Mutex::new(Some(one)))
            .collect();
        let stopped = side_by_side(&processes, |process| {
            let taken = process.lock().unwrap_or_else(PoisonError::into_inner).take();
            taken.map_or(Ok(()), Process::stop)
        });
        stopped.into_iter().collect()
    }
}

/// Does the same to each, a few at a time; results in the order in which they came.
fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let waiting = Mutex::new(all.iter());
    let done = Mutex::new(Vec::with_capacity(all.len()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(all.len()) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(one) = next else { return };
                    let result = work(one);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
