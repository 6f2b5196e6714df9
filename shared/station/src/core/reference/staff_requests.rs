//! Changes of staff that offices ask for, and the district's word on them. Of each question and of each answer the first
//! record counts: what was decided is decided.

use std::sync::Arc;

use prost::Message;
use sanji_domain::StaffId;
use sanji_log::{Entry, Hash, HybridTime, StationCode};
use sanji_proto::v1::staff_request_record::Record;
use sanji_proto::v1::{self as proto};

use super::{Ignored, ReferenceData};

/// Names a request.
pub type StaffRequestId = [u8; 16];

/// A change of staff that was asked for.
#[derive(Debug, Clone)]
pub struct StaffRequest {
    /// Names it.
    pub id: StaffRequestId,
    /// About whom.
    pub staff: StaffId,
    /// Where the person worked then.
    pub place: StationCode,
    /// What is to change, and why.
    pub change: proto::StaffChangeAsked,
    /// Who asks: a staff id; empty: the station's keeper.
    pub asked_by: String,
    /// When.
    pub asked_at: HybridTime,
    /// None: it waits.
    pub decision: Option<StaffDecision>,
}

/// The district's word on a request.
#[derive(Debug, Clone)]
pub struct StaffDecision {
    /// Yes or no, why, and the document's number.
    pub decided: proto::StaffChangeDecided,
    /// Who decided: a staff id.
    pub by: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
}

/// What is known of a request, the answer perhaps before the question.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    asked: Option<(Version, Asked)>,
    decided: Option<(Version, StaffDecision)>,
}

type Version = (HybridTime, Hash);

#[derive(Debug, Clone)]
struct Asked {
    staff: StaffId,
    change: proto::StaffChangeAsked,
    by: String,
}

/// Last byte of a row's key.
const ASKED: u8 = 0;
const DECIDED: u8 = 1;

impl ReferenceData {
    pub(super) fn fold_staff_request(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let message = proto::StaffRequestRecord::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        let id: StaffRequestId = message.id.try_into().map_err(|_| Ignored::Malformed)?;
        let home = entry.log.home;
        let may_ask = self.writer(entry).is_some_and(|writer| home.within(writer));
        let may_decide = self.written_by_district(entry);
        let (version, by) = ((entry.time, entry.hash), entry.actor.clone());
        let known = Arc::make_mut(&mut self.staff_requests).entry((home, id)).or_default();
        let what = match message.record.ok_or(Ignored::Malformed)? {
            Record::Asked(change) => {
                if !may_ask {
                    return Err(Ignored::NotAuthorised);
                }
                let staff = change.staff.parse().map_err(|_| Ignored::Malformed)?;
                first(&mut known.asked, version, Asked { staff, change, by })?;
                ASKED
            }
            Record::Decided(decided) => {
                if !may_decide {
                    return Err(Ignored::NotAuthorised);
                }
                first(&mut known.decided, version, StaffDecision { decided, by, at_ms: entry.time.millis() })?;
                DECIDED
            }
        };
        let mut row = home.number().to_be_bytes().to_vec();
        row.extend(id);
        row.push(what);
        Ok(row)
    }

    /// Every change of staff that was asked for, as far as it is held here.
    pub fn staff_requests(&self) -> impl Iterator<Item = StaffRequest> {
        self.staff_requests.iter().filter_map(|((place, id), known)| {
            let ((time, _), asked) = known.asked.clone()?;
            Some(StaffRequest {
                id: *id,
                staff: asked.staff,
                place: *place,
                change: asked.change,
                asked_by: asked.by,
                asked_at: time,
                decision: known.decided.clone().map(|(_, decision)| decision),
            })
        })
    }
}

/// Takes what is the first of its kind.
fn first<T>(slot: &mut Option<(Version, T)>, version: Version, said: T) -> Result<(), Ignored> {
    if slot.as_ref().is_some_and(|(known, _)| *known <= version) {
        return Err(Ignored::Superseded);
    }
    *slot = Some((version, said));
    Ok(())
}
