//! Changes of staff that offices ask for, and the district's word on them. Of each question, each answer and each
//! person's withdrawal the first record counts: what was decided is decided, also where a withdrawal was still on its way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use prost::Message;
use sanji_domain::StaffId;
use sanji_domain::calendar::date_of_number;
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
    /// None: the district has not answered.
    pub decision: Option<StaffDecision>,
    /// When whoever asked took it back before it was decided: milliseconds since 1970-01-01 UTC.
    pub withdrawn_ms: Option<u64>,
    /// What became on its day of a consent that names one; why nothing, or an empty text.
    pub effected: Option<String>,
}

impl StaffRequest {
    /// Whether it waits for an answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.decision.is_none() && self.withdrawn_ms.is_none()
    }

    /// The day for which a consent waits; none where it does not.
    #[must_use]
    pub fn waits_until(&self) -> Option<Date> {
        let decided = self.decision.as_ref().map(|decision| &decision.decided)?;
        let waits = decided.approved && self.effected.is_none();
        date_of_number(decided.from).filter(|_| waits)
    }
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
    /// By whom: only whoever asked takes it back, and who that is may be heard later.
    withdrawn: BTreeMap<String, Option<(Version, ())>>,
    effected: Option<(Version, String)>,
}

type Version = (HybridTime, Hash);

#[derive(Debug, Clone)]
struct Asked {
    staff: StaffId,
    change: proto::StaffChangeAsked,
    by: String,
}

/// What a row's key says after the request's id.
const ASKED: u8 = 0;
const DECIDED: u8 = 1;
const WITHDRAWN: u8 = 2;
const EFFECTED: u8 = 3;

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
            Record::Withdrawn(_) => {
                if !may_ask {
                    return Err(Ignored::NotAuthorised);
                }
                first(known.withdrawn.entry(by).or_default(), version, ())?;
                WITHDRAWN
            }
            Record::Effected(effected) => {
                if !may_decide {
                    return Err(Ignored::NotAuthorised);
                }
                first(&mut known.effected, version, effected.hindered)?;
                EFFECTED
            }
        };
        let mut row = home.number().to_be_bytes().to_vec();
        row.extend(id);
        row.push(what);
        if what == WITHDRAWN {
            // Several people may have said so; each word stays.
            row.extend(entry.hash.as_bytes());
        }
        Ok(row)
    }

    /// Every change of staff that was asked for, as far as it is held here.
    pub fn staff_requests(&self) -> impl Iterator<Item = StaffRequest> {
        self.staff_requests.iter().filter_map(|((place, id), known)| {
            let ((time, _), asked) = known.asked.clone()?;
            let decision = known.decided.clone().map(|(_, decision)| decision);
            let withdrawn = known.withdrawn.get(&asked.by).and_then(Option::as_ref).filter(|_| decision.is_none());
            Some(StaffRequest {
                id: *id,
                staff: asked.staff,
                place: *place,
                change: asked.change,
                withdrawn_ms: withdrawn.map(|((time, _), _)| time.millis()),
                effected: known.effected.clone().map(|(_, hindered)| hindered),
                asked_by: asked.by,
                asked_at: time,
                decision,
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
