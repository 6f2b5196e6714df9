//! Orders (督办单) on cases.

use jiff::civil::Date;
use sanji_domain::calendar::date_number;
use sanji_domain::case::Case;
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::say::speaks_for;
use sanji_domain::supervision::{Digest, Order, orders};
use sanji_log::CaseId;
use sanji_proto::v1 as proto;

use super::alert::words;
use super::digests::Digests;
use super::names::Names;
use super::{supervises, today};
use crate::core::Reader;
use crate::core::scan::Which;
use crate::error::{Error, Failure};

impl Reader {
    /// Orders, those that wait for an answer first, then the newest: all for supervisors, for others those that they may answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn orders(
        &self,
        digests: &Digests,
        staff: &Staff,
        request: proto::ListOrdersRequest,
        now_ms: u64,
    ) -> Result<proto::ListOrdersReply, Failure> {
        let day = today(now_ms);
        let all = supervises(staff, self.me());
        let mut cases: Vec<CaseId> = Vec::new();
        digests.walk(self, Which::All, 0, day, |digest: Digest| {
            let theirs = |office| all || speaks_for(staff, office);
            if digest.orders.iter().any(|order| theirs(&order.office) && !(request.open && order.answered)) {
                cases.push(digest.case);
            }
        })?;
        let mut views = Vec::new();
        for id in cases {
            let Some(case) = self.case(&id)? else { continue };
            for view in self.orders_of(&case, staff, day)? {
                if !request.open || view.answers.is_empty() {
                    views.push(view);
                }
            }
        }
        views.sort_by_key(|view| (!view.answers.is_empty(), std::cmp::Reverse(view.issued_ms), view.order.clone()));
        Ok(proto::ListOrdersReply { orders: views })
    }

    /// The orders on a case that a person may know of.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn orders_of(&self, case: &Case, staff: &Staff, today: Date) -> Result<Vec<proto::OrderView>, Error> {
        let reference = self.reference();
        let all = supervises(staff, self.me());
        let mut views = Vec::new();
        for order in orders(case) {
            if all || speaks_for(staff, &order.office) {
                views.push(view(self, Names(&reference), case, &order, staff, today)?);
            }
        }
        Ok(views)
    }
}

fn view(
    reader: &Reader,
    names: Names<'_>,
    case: &Case,
    order: &Order,
    staff: &Staff,
    today: Date,
) -> Result<proto::OrderView, Error> {
    let mut answers = Vec::new();
    for answer in &order.answers {
        answers.push(proto::SaidView {
            title: "督办反馈".to_owned(),
            person_name: names.person(answer.by.as_ref()),
            station_name: names.0.station_name(answer.writer),
            time_ms: answer.time.millis(),
            words: words(reader, &case.id(), &answer.log, answer.seq)?,
        });
    }
    Ok(proto::OrderView {
        case_number: case.id().number().to_string(),
        item_name: case.item().map(|(code, _)| names.item_name(code)).unwrap_or_default(),
        order: order.hash.0.to_vec(),
        words: words(reader, &case.id(), &order.log, order.seq)?,
        station: order.office.station.number(),
        office_name: names.office(&order.office),
        until: date_number(order.until),
        state: order.state(today).to_owned(),
        issued_by: names.person(order.by.as_ref()),
        issued_ms: order.time.millis(),
        may_answer: answers.is_empty() && speaks_for(staff, &order.office),
        answers,
    })
}
