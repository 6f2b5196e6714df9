//! 调用、更换: another post for a person is asked for by the office where they work, and counts once the district's centre
//! has consented, at once or from a day on (`effect`). Question and answer stay on record, the refused ones too.

use jiff::civil::Date;
use sanji_domain::StaffId;
use sanji_domain::calendar::{date_number, date_of_number, local_date};
use sanji_domain::case::words::date_words;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::organisation::{
    Staff, asks_for_change, consents_to_changes, differences, has_served_term, is_change_of_post, is_same_post,
    leaves_to_principal, may_begin,
};
use sanji_log::Tier;
use sanji_proto::v1 as proto;
use sanji_proto::v1::staff_request_record::Record;

use super::change::{apply, check};
use super::effect::{self, change_of, request_entry};
use super::{LONGEST_REASON, name_of, no_such_person, not_entitled, reason, watches_all};
use crate::core::reference::{StaffDecision, StaffRequest, StaffRequestId, staff_of};
use crate::core::{ReferenceData, input_fault};
use crate::error::Failure;
use crate::station::{Actor, Station, random};

impl Station {
    /// Asks for another post for a person, or that they leave. By the head of the person's office, an administrator of
    /// their station or above, or the keeper; nobody for themselves. Needs no line.
    ///
    /// # Errors
    /// [`Failure::Refused`] also where the change could not be: the roles exclude each other, there is no such department.
    pub async fn ask_staff_change(
        &self,
        caller: Option<&Actor>,
        request: proto::AskStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        let reference = self.reference();
        let change = request.change.unwrap_or_default();
        let person = self.person(&reference, caller, &change.staff)?;
        if caller.is_some_and(|actor| !asks_for_change(&actor.staff, &person.staff)) {
            return Err(not_entitled("人员调整由所在部门（乡镇、街道）负责人或者管理员提出，本人不能为自己提出。"));
        }
        if caller.is_some_and(|actor| self.leaves_to_principal(&reference, actor, &person.staff)) {
            let sentence = "A角在岗，由A角提出；A角离岗时，登记离岗后由您提出。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::PrincipalOnDuty, sentence)));
        }
        let why = reason(&change.reason, "请写明调整的原因。")?;
        let mut record = person.record();
        apply(&mut record, &change);
        let after = check(&reference, &record, self.reader().me().district())?;
        if !change.leaves && !is_change_of_post(&person.staff, &after) {
            return Err(input_fault("change", "没有需要同意的调整，请填写要调整的岗位、职务、部门、机构或者席位。"));
        }
        if let Some(known) = pending(&reference, &person.staff.id) {
            let sentence = match known.waits_until().map(date_words) {
                Some(day) => format!("该人员的调整已经同意，将于{day}生效；请在生效后再提出。"),
                None => "该人员已有一份待批的调整申请，请等区中心答复后再提出。".to_owned(),
            };
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, sentence)));
        }
        let asked = proto::StaffChangeAsked {
            staff: person.staff.id.to_string(),
            roles: change.roles,
            post: change.post,
            department: change.department,
            place: change.place,
            seat: change.seat,
            backup: change.backup,
            serves: change.serves,
            leaves: change.leaves,
            reason: why,
            actor_name: caller.map_or_else(String::new, |actor| actor.staff.name.clone()),
        };
        let mut id: StaffRequestId = [0; 16];
        random(&mut id);
        let entry = request_entry(person.staff.place, &id, Record::Asked(asked));
        self.administer(name_of(caller), vec![entry]).await?;
        self.request_view(caller, &id)
    }

    /// Whether somebody may now ask for another post for a person: the head of the person's office, the deputy while the
    /// head is away, an administrator.
    #[must_use]
    pub fn may_ask_for_change(&self, actor: &Actor, staff: &str) -> bool {
        let reference = self.reference();
        let person = staff.parse().ok().and_then(|id: StaffId| reference.staff(&id).cloned());
        person.is_some_and(|person| {
            asks_for_change(&actor.staff, &person.staff)
                && !self.leaves_to_principal(&reference, actor, &person.staff)
                && pending(&reference, &person.staff.id).is_none()
        })
    }

    fn leaves_to_principal(&self, reference: &ReferenceData, actor: &Actor, person: &Staff) -> bool {
        leaves_to_principal(&actor.staff, person, &self.reader().standing(reference, &actor.staff, self.now_ms()))
    }

    /// Takes back what the caller has asked for, as long as the district has not answered. The keeper takes back what a
    /// keeper has asked for. Needs no line: an answer that was given before it arrives stands.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub async fn withdraw_staff_change(
        &self,
        caller: Option<&Actor>,
        request: proto::WithdrawStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        let reference = self.reference();
        let asked = find(&reference, &request.id).filter(|known| may_know(&reference, caller, known));
        let asked = asked.ok_or_else(no_such_request)?;
        if asked.asked_by != name_of(caller) {
            return Err(not_entitled("调整申请只能由提出的人撤回。"));
        }
        if !asked.is_open() {
            let sentence = "这份申请已经答复或者撤回，不能再撤回。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, sentence)));
        }
        let actor_name = caller.map_or_else(String::new, |actor| actor.staff.name.clone());
        let record = Record::Withdrawn(proto::StaffChangeWithdrawn { actor_name });
        self.administer(name_of(caller), vec![request_entry(asked.place, &asked.id, record)]).await?;
        self.request_view(caller, &asked.id)
    }

    /// Consents to a change, which then counts at once or from a day on, or refuses it. At the hub, by those who run the
    /// hall, and neither by the person concerned nor by whoever asked.
    ///
    /// # Errors
    /// [`Failure::Refused`] also where the person is not as they were when it was asked for, so that it can't be done.
    pub async fn decide_staff_change(
        &self,
        actor: &Actor,
        request: proto::DecideStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        let me = self.reader().me();
        if me.tier() != Tier::District || !consents_to_changes(&actor.staff) {
            return Err(not_entitled("人员调整由区政务服务中心同意，您没有这项权限。"));
        }
        let reference = self.reference();
        let asked = find(&reference, &request.id).ok_or_else(no_such_request)?;
        if actor.staff.id == asked.staff || actor.staff.id.as_str() == asked.asked_by {
            let sentence = "不能审批本人的或者本人提出的调整，请由中心其他负责人办理。";
            return Err(not_entitled(sentence));
        }
        if !asked.is_open() {
            let sentence = match asked.withdrawn_ms {
                Some(_) => "这份申请已经撤回，不用再答复。",
                None => "这份申请已经答复过了。",
            };
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, sentence)));
        }
        let words = optional("words", &request.words)?;
        let number = optional("number", &request.number)?;
        if !request.approved && words.is_empty() {
            let refusal = Refusal::new(RefusalCode::ReasonMissing, "不同意调整的，请写明理由。");
            return Err(Failure::Refused(refusal));
        }
        let today = day_of(self.now_ms());
        let from = first_day(&request, today)?;
        let decided = proto::StaffChangeDecided {
            approved: request.approved,
            words,
            number,
            actor_name: actor.staff.name.clone(),
            from: from.map_or(0, date_number),
        };
        let decision = StaffDecision { decided, by: actor.staff.id.to_string(), at_ms: self.now_ms() };
        // Also of a consent that counts later: what can't be done now is not consented to.
        let mut records = match request.approved {
            true => effect::records(&reference, &asked, &decision, me)?,
            false => Vec::new(),
        };
        let at_once = from.is_none_or(|from| from == today);
        if !at_once {
            records.clear();
        } else if from.is_some() && request.approved {
            records.insert(0, effect::effected(&asked, String::new()));
        }
        records.insert(0, request_entry(asked.place, &asked.id, Record::Decided(decision.decided)));
        self.administer(actor.staff.id.as_str(), records).await?;
        let detail = if request.approved { "consented" } else { "refused" };
        self.record("staff.change_decided", actor.staff.id.as_str(), asked.staff.as_str(), detail);
        if asked.change.leaves && request.approved && at_once {
            self.gone(&asked.staff);
        }
        self.request_view(Some(actor), &asked.id)
    }

    /// Whoever has left is logged out.
    pub(super) fn gone(&self, staff: &StaffId) {
        self.accounts().sessions().end_all(staff.as_str());
        self.reader().presence().gone(staff);
    }

    /// What was asked for and decided, newest first: to the person, whoever asked or might, administrators, supervisors,
    /// those who run the hall, and the keeper.
    ///
    /// # Errors
    /// [`Failure::Refused`] for an id that is none.
    pub fn staff_requests(
        &self,
        caller: Option<&Actor>,
        request: &proto::ListStaffRequestsRequest,
    ) -> Result<proto::ListStaffRequestsReply, Failure> {
        let only: Option<StaffId> = match request.staff.trim() {
            "" => None,
            staff => Some(staff.parse().map_err(|_| no_such_person())?),
        };
        let reference = self.reference();
        let wanted = |known: &StaffRequest| {
            (!request.open || known.is_open())
                && only.as_ref().is_none_or(|only| known.staff == *only)
                && may_know(&reference, caller, known)
        };
        let mut found: Vec<StaffRequest> = reference.staff_requests().filter(wanted).collect();
        found.sort_by_key(|known| (std::cmp::Reverse(known.asked_at), known.id));
        let requests = found.into_iter().map(|known| view(&reference, caller, known)).collect();
        Ok(proto::ListStaffRequestsReply { requests })
    }

    fn request_view(&self, caller: Option<&Actor>, id: &StaffRequestId) -> Result<proto::StaffRequestView, Failure> {
        let reference = self.reference();
        let known = find(&reference, id).ok_or(Failure::NotHereYet)?;
        Ok(view(&reference, caller, known))
    }
}

/// What waits about a person: a question, or the day of a consent.
fn pending(reference: &ReferenceData, staff: &StaffId) -> Option<StaffRequest> {
    let waits = |known: &StaffRequest| known.is_open() || known.waits_until().is_some();
    reference.staff_requests().find(|known| known.staff == *staff && waits(known))
}

fn find(reference: &ReferenceData, id: &[u8]) -> Option<StaffRequest> {
    reference.staff_requests().find(|known| known.id[..] == *id)
}

fn may_know(reference: &ReferenceData, caller: Option<&Actor>, known: &StaffRequest) -> bool {
    let Some(Actor { staff }) = caller else { return true };
    let asks = || reference.staff(&known.staff).is_some_and(|person| asks_for_change(staff, &person.staff));
    staff.id == known.staff || staff.id.as_str() == known.asked_by || watches_all(staff) || asks()
}

fn view(reference: &ReferenceData, caller: Option<&Actor>, known: StaffRequest) -> proto::StaffRequestView {
    let history = reference.assignments(&known.staff);
    let until_then: Vec<_> = history.iter().filter(|one| one.at < known.asked_at).collect();
    let then = until_then.last().map(|one| &one.entry);
    let since = then.and_then(|then| {
        let same = until_then.iter().rev().take_while(|one| is_same_post(&one.entry.staff, &then.staff));
        same.last().map(|one| one.from_ms)
    });
    let mut changes = Vec::new();
    if let (Some(then), Some(organisation)) = (then, reference.organisation()) {
        let mut record = then.record();
        apply(&mut record, &change_of(&known.change));
        if let Some(after) = staff_of(&record) {
            changes = differences(&then.staff, &after, known.change.leaves, organisation);
        }
    }
    let difference = |(field, before, after): (&str, String, String)| proto::StaffDifference {
        field: field.to_owned(),
        before,
        after,
    };
    let short = since.map(day_of).filter(|since| !has_served_term(*since, day_of(known.asked_at.millis())));
    let warnings = short.map(date_words).map(|since| {
        format!("该人员自{since}起任现岗位，不满两年；按规定工作时间必须满两年，未满的须经同意方可调整。")
    });
    let hindered = known.effected.clone().unwrap_or_default();
    let state = match &known.decision {
        None if known.withdrawn_ms.is_some() => "已撤回",
        None => "待批",
        Some(StaffDecision { decided, .. }) if !decided.approved => "未同意",
        Some(_) if known.waits_until().is_some() => "待生效",
        Some(_) if !hindered.is_empty() => "未能生效",
        Some(_) => "已同意",
    };
    let (open, withdrawn_ms) = (known.is_open(), known.withdrawn_ms.unwrap_or(0));
    let may_withdraw = open && known.asked_by == name_of(caller);
    let (decided, decided_by, decided_ms) = match known.decision {
        Some(StaffDecision { decided, by, at_ms }) => (decided, by, at_ms),
        None => (proto::StaffChangeDecided::default(), String::new(), 0),
    };
    let decides = caller.is_some_and(|actor| {
        consents_to_changes(&actor.staff) && actor.staff.id != known.staff && actor.staff.id.as_str() != known.asked_by
    });
    proto::StaffRequestView {
        id: known.id.to_vec(),
        staff_name: then.map(|then| then.staff.name.clone()).unwrap_or_default(),
        place: known.place.number(),
        place_name: reference.station_name(known.place),
        changes: changes.into_iter().map(difference).collect(),
        reason: known.change.reason,
        asked_by_name: known.change.actor_name,
        asked_by: known.asked_by,
        asked_ms: known.asked_at.millis(),
        in_post_since_ms: since.unwrap_or(0),
        warnings: warnings.into_iter().collect(),
        state: state.to_owned(),
        decided_by,
        decided_by_name: decided.actor_name,
        decided_ms,
        words: decided.words,
        number: decided.number,
        may_decide: open && decides,
        staff: known.staff.to_string(),
        from: decided.from,
        hindered,
        withdrawn_ms,
        may_withdraw,
    }
}

/// The day from which a decision counts; none: at once.
fn first_day(request: &proto::DecideStaffChangeRequest, today: Date) -> Result<Option<Date>, Failure> {
    if request.from == 0 || !request.approved {
        return Ok(None);
    }
    let day = date_of_number(request.from).filter(|day| may_begin(*day, today));
    day.map(Some).ok_or_else(|| input_fault("from", "生效日期应当是今天或者以后一年之内的日期，请核对。"))
}

/// The day in China.
pub(super) fn day_of(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

fn optional(field: &str, given: &str) -> Result<String, Failure> {
    let given = given.trim();
    if given.chars().count() > LONGEST_REASON {
        return Err(input_fault(field, "填写的内容太长，请精简。"));
    }
    Ok(given.to_owned())
}

fn no_such_request() -> Failure {
    input_fault("id", "没有这份调整申请，请刷新后重新选择。")
}
