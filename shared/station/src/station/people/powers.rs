//! 两集中、两到位: who may accept, review and decide an item at a station, and why.

use jiff::civil::Date;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::{self, Reference};
use sanji_domain::organisation::{Power, Staff};
use sanji_domain::{Item, ItemCode, StaffId};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use super::{no_such_person, not_entitled, sees_all};
use crate::core::input_fault;
use crate::error::Failure;
use crate::station::{Actor, Station};

impl Station {
    /// 两集中、两到位: who may accept, review and decide an item at this station, and why.
    ///
    /// # Errors
    /// [`Failure::Refused`] for an unknown item.
    pub fn authorisations(
        &self,
        request: &proto::AuthorisationsRequest,
    ) -> Result<proto::AuthorisationsReply, Failure> {
        let reference = self.reference();
        let (me, now) = (self.reader().me(), self.now_ms());
        let code: Option<ItemCode> = request.item.parse().ok();
        let item = code.and_then(|code| reference.catalogue().latest(&code).map(|(_, item)| item.clone()));
        let (Some(item), Some(rules)) = (item, reference.rules()) else {
            return Err(input_fault("item", "事项目录里没有这个事项，请核对编码。"));
        };
        let today = local_date(i64::try_from(now).unwrap_or(i64::MAX));
        let people = reference.all_staff().values().filter(|entry| !entry.inactive && entry.staff.place == me);
        let people: Vec<_> = people.map(|entry| &*entry.staff).collect();
        let name = |staff: &sanji_domain::Staff| format!("{}（{}）", staff.name, staff.id);
        let mut powers = Vec::new();
        for power in Power::ALL.iter().copied() {
            let may = case::who_may(&item, power, &rules, me, today, &people);
            if !may.is_empty() {
                powers.push(proto::AuthorisationView {
                    power: power.to_string(),
                    source: "岗位".to_owned(),
                    staff: may.into_iter().map(name).collect(),
                    ..proto::AuthorisationView::default()
                });
            }
        }
        // The district's own words, those that are over too: the history.
        let said = rules.organisation.authorisations.iter().filter(|said| said.item == item.code);
        powers.extend(said.map(|said| proto::AuthorisationView {
            power: said.power.to_string(),
            source: "授权".to_owned(),
            staff: said.staff.iter().map(ToString::to_string).collect(),
            document: said.document.clone(),
            from: date_number(said.from),
            until: said.until.map_or(0, date_number),
        }));
        Ok(proto::AuthorisationsReply { powers })
    }

    /// What each window of this station has, or what one person may do where they work: every item, with who may accept,
    /// review and decide it. Of people of other stations it is told to those who may see them.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub fn list_authorisations(
        &self,
        caller: Option<&Actor>,
        request: &proto::ListAuthorisationsRequest,
    ) -> Result<proto::ListAuthorisationsReply, Failure> {
        let reference = self.reference();
        let (me, now) = (self.reader().me(), self.now_ms());
        let only: Option<StaffId> = match request.staff.trim() {
            "" => None,
            staff => Some(staff.parse().map_err(|_| no_such_person())?),
        };
        let place = match &only {
            None => me,
            Some(staff) => reference.staff(staff).ok_or_else(no_such_person)?.staff.place,
        };
        if place != me && !sees_all(caller) {
            return Err(not_entitled("您只能查看本站人员的授权。"));
        }
        let Some(rules) = reference.rules() else { return Ok(proto::ListAuthorisationsReply::default()) };
        let today = local_date(i64::try_from(now).unwrap_or(i64::MAX));
        let people = reference.all_staff().values().filter(|entry| !entry.inactive && entry.staff.place == place);
        let people = people.filter(|entry| only.as_ref().is_none_or(|only| entry.staff.id == *only));
        let people: Vec<_> = people.map(|entry| &*entry.staff).collect();
        let items = reference.catalogue().iter().map(|(_, item)| item);
        let rows = items.flat_map(|item| powers_of(item, &rules, place, today, &people));
        Ok(proto::ListAuthorisationsReply { rows: rows.collect() })
    }
}

/// The powers that these people have over an item at a place.
fn powers_of(
    item: &Item,
    rules: &Reference<'_>,
    place: StationCode,
    today: Date,
    people: &[&Staff],
) -> Vec<proto::ItemAuthorisation> {
    let row = |power: Power| {
        let may = case::who_may(item, power, rules, place, today, people);
        if may.is_empty() {
            return None;
        }
        let said = rules.organisation.authorisations.in_force(&item.code, power, today);
        let said =
            said.filter(|said| may.iter().any(|staff| said.staff.contains(&staff.id))).max_by_key(|said| said.from);
        let view = proto::AuthorisationView {
            power: power.to_string(),
            source: if said.is_some() { "授权" } else { "岗位" }.to_owned(),
            staff: may.into_iter().map(|staff| format!("{}（{}）", staff.name, staff.id)).collect(),
            document: said.map(|said| said.document.clone()).unwrap_or_default(),
            from: said.map_or(0, |said| date_number(said.from)),
            until: said.and_then(|said| said.until).map_or(0, date_number),
        };
        Some(proto::ItemAuthorisation { item: item.code.to_string(), item_name: item.name.clone(), power: Some(view) })
    };
    Power::ALL.iter().copied().filter_map(row).collect()
}
