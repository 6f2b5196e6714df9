//! Watch: changes of cases that a person may see, folded case by case.

use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, CaseNumber};
use sanji_proto::v1 as proto;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use super::{Actor, Station};
use crate::clock::now_ms;
use crate::core::Reader;
use crate::core::wrong_number;
use crate::error::Failure;
use crate::views;

/// Changes that wait for a slow reader; what comes after is folded until it has read.
const AHEAD: usize = 16;

impl Station {
    /// Tells of changes to cases that the person may see, from now on, until the stream is dropped.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a case number that is none.
    pub fn watch(
        &self,
        actor: &Actor,
        request: proto::WatchRequest,
    ) -> Result<impl Stream<Item = proto::CaseChange> + Send + use<>, Failure> {
        let number = match request.case_number.as_str() {
            "" => None,
            number => Some(number.parse::<CaseNumber>().map_err(|_| wrong_number())?),
        };
        let watcher = self.0.news.watchers.add();
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (station, staff) = (self.clone(), actor.staff.clone());
        tokio::spawn(async move {
            loop {
                let changed = tokio::select! {
                    changed = watcher.changed() => changed,
                    () = sender.closed() => return,
                };
                let wanted = |id: &CaseId| number.as_ref().is_none_or(|number| id.number_prefix() == number.prefix());
                for id in changed.into_iter().filter(wanted) {
                    // Whoever is suspended meanwhile sees nothing more.
                    let Some(staff) = station.actor(&staff.id).map(|actor| actor.staff) else { return };
                    // Another thread costs more than such a look.
                    let change = if station.reader().is_at_hand(&id) {
                        change(station.reader(), &staff, &id)
                    } else {
                        station.read(move |reader| change(reader, &staff, &id)).await
                    };
                    let Ok(Some(change)) = change else { continue };
                    if sender.send(change).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(ReceiverStream::new(receiver))
    }
}

fn change(reader: &Reader, staff: &Staff, id: &CaseId) -> Result<Option<proto::CaseChange>, Failure> {
    let Some(case) = views::visible(reader, staff, id, now_ms())? else { return Ok(None) };
    Ok(Some(proto::CaseChange {
        case_number: id.number().to_string(),
        rev: case.rev(),
        state: case.state().words().to_owned(),
        delivery: Some(views::delivery(reader, &case)),
    }))
}
