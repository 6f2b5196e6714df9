//! 责任认定: who is responsible for a case that ran over its promise.

use sanji_domain::calendar::date_number;
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::responsibility;
use sanji_log::CaseNumber;
use sanji_proto::v1 as proto;

use super::alert::view;
use super::arrivals::arrivals;
use super::names::Names;
use super::{only_supervisors, today};
use crate::core::{Reader, wrong_number};
use crate::error::Failure;
use crate::views;

impl Reader {
    /// The record of responsibility of a case.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it has not run over; [`Failure::Refused`] for anybody but supervisors.
    pub fn responsibility(
        &self,
        staff: &Staff,
        request: &proto::ResponsibilityRequest,
        now_ms: u64,
    ) -> Result<proto::ResponsibilityReply, Failure> {
        only_supervisors(staff, self.me())?;
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let (case, _) = views::find(self, staff, &number, now_ms)?;
        let reference = self.reference();
        let rules = reference.rules().ok_or(Failure::NotHereYet)?;
        let record = responsibility(&case, &rules, &arrivals(self, &case), today(now_ms)).ok_or(Failure::NotFound)?;
        let names = Names(&reference);
        let item = case.item().map(|(code, _)| code);
        let chain = record.chain.iter().map(|held| proto::HeldView {
            stage_name: item.map(|item| names.stage(item, Some(&held.stage))).unwrap_or_default(),
            office_name: names.office(&held.office),
            from: date_number(held.from),
            to: held.to.map_or(0, date_number),
            people: held.people.iter().map(|person| names.person(Some(person))).collect(),
            waits_for_applicant: held.waits_for_applicant,
        });
        Ok(proto::ResponsibilityReply {
            case_number: number.to_string(),
            item_name: item.map(|item| names.item_name(item)).unwrap_or_default(),
            chain: chain.collect(),
            office_name: record.office.as_ref().map(|office| names.office(office)).unwrap_or_default(),
            person_name: names.person(record.person.as_ref()),
            heads: record.office.as_ref().map(|office| names.heads(office)).unwrap_or_default(),
            alert: Some(view(self, &reference, &case, &record.alert, staff)?),
        })
    }
}
