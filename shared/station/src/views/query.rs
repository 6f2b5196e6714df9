//! The public query: what an applicant may know, by case number and query code.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sanji_domain::calendar::date_number;
use sanji_domain::case::{Body, Case, CaseState, StepEvent, words};
use sanji_log::{CaseId, CaseNumber, StationCode};
use sanji_proto::v1 as proto;
use subtle::ConstantTimeEq;

use super::case::{clock, item_of};
use crate::accounts::attempts::{Attempts, Limit};
use crate::core::{Reader, wrong_number};
use crate::error::Failure;
use crate::vault::CaseKey;

const WINDOW_MS: u64 = 15 * 60 * 1000;
/// Wrong codes for one case number.
const CASE_LIMIT: Limit = Limit { attempts: 5, window_ms: WINDOW_MS };
/// Wrong codes from one address. More than for one case: a whole hall may sit behind one address.
const CLIENT_LIMIT: Limit = Limit { attempts: 30, window_ms: WINDOW_MS };

/// Wrong codes of late. In memory: a restart forgives.
pub struct WrongCodes {
    by_case: Mutex<Attempts>,
    by_client: Mutex<Attempts>,
}

impl Default for WrongCodes {
    fn default() -> Self {
        Self { by_case: Mutex::new(Attempts::new(CASE_LIMIT)), by_client: Mutex::new(Attempts::new(CLIENT_LIMIT)) }
    }
}

impl WrongCodes {
    pub(super) fn locked_for_ms(&self, number: &str, client: &str, now_ms: u64) -> Option<u64> {
        lock(&self.by_case).locked_for_ms(number, now_ms).max(lock(&self.by_client).locked_for_ms(client, now_ms))
    }

    pub(super) fn wrong(&self, number: &str, client: &str, now_ms: u64) {
        lock(&self.by_case).wrong(number, now_ms);
        lock(&self.by_client).wrong(client, now_ms);
    }
}

fn lock(attempts: &Mutex<Attempts>) -> std::sync::MutexGuard<'_, Attempts> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    /// Looks a case up. Unknown numbers are counted and answered as wrong codes are, so neither can be told from the
    /// other. `last_heard_ms` says when the way to a station was last heard.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`], [`Failure::NotFound`].
    pub fn query(
        &self,
        wrong_codes: &WrongCodes,
        request: &proto::QueryRequest,
        client: IpAddr,
        last_heard_ms: &dyn Fn(StationCode) -> u64,
        now_ms: u64,
    ) -> Result<proto::QueryReply, Failure> {
        let id = self.case_of_code(wrong_codes, request, client, now_ms)?;
        let (case, key) = (self.case(&id)?.ok_or(Failure::NotFound)?, self.case_key(&id)?.ok_or(Failure::NotFound)?);
        let as_of_ms = match case.holder() {
            Some(holder) if holder != self.me() => last_heard_ms(holder),
            _ => now_ms,
        };
        reply(self, &case, &key, as_of_ms, now_ms)
    }

    /// The case of a number whose query code somebody knows. Unknown numbers are counted as wrong codes are.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`], [`Failure::NotFound`].
    pub(crate) fn case_of_code(
        &self,
        wrong_codes: &WrongCodes,
        request: &proto::QueryRequest,
        client: IpAddr,
        now_ms: u64,
    ) -> Result<CaseId, Failure> {
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let client = client.to_canonical().to_string();
        if let Some(retry_after_ms) = wrong_codes.locked_for_ms(number.as_str(), &client, now_ms) {
            return Err(Failure::TooManyAttempts { retry_after_ms });
        }
        for id in self.find(&number)? {
            let Some(case) = self.case(&id)? else { continue };
            let Some(key) = self.case_key(&id)? else { continue };
            let Some(opening) = case.steps().next() else { continue };
            let private = self.private(&id, &key, &opening.log, opening.seq)?.unwrap_or_default();
            let code = private.query_code.as_bytes();
            // Once more: many guesses may have come at a time.
            if let Some(retry_after_ms) = wrong_codes.locked_for_ms(number.as_str(), &client, now_ms) {
                return Err(Failure::TooManyAttempts { retry_after_ms });
            }
            if !code.is_empty() && bool::from(code.ct_eq(request.query_code.trim().as_bytes())) {
                return Ok(id);
            }
        }
        wrong_codes.wrong(number.as_str(), &client, now_ms);
        Err(Failure::NotFound)
    }
}

fn reply(
    reader: &Reader,
    case: &Case,
    key: &CaseKey,
    as_of_ms: u64,
    now_ms: u64,
) -> Result<proto::QueryReply, Failure> {
    let reference = reader.reference();
    let item = item_of(&reference, case);
    let stage = case.stage().zip(item).and_then(|(id, item)| item.stage(id));
    let clock = clock(&reference, case, item, now_ms).unwrap_or_default();
    let step = |facts: &sanji_domain::case::StepFacts| proto::QueryStep {
        title: words::title(&Body::Step(facts.body.clone()), item),
        time_ms: facts.time.millis(),
        station_name: reference.station_name(facts.writer),
    };
    Ok(proto::QueryReply {
        case_number: case.id().number().to_string(),
        item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
        state: case.state().words().to_owned(),
        holder_name: case.holder().map(|holder| reference.station_name(holder)).unwrap_or_default(),
        stage_name: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
        promised_until: clock.promised_until.map_or(0, date_number),
        result: result(reader, case, key)?,
        steps: case.steps().map(step).collect(),
        as_of_ms,
        next_for_applicant: words::next_for_applicant(case),
    })
}

/// The answer to the application and its reasons; empty while there is none.
fn result(reader: &Reader, case: &Case, key: &CaseKey) -> Result<String, Failure> {
    let Some(outcome) = case.outcome() else { return Ok(String::new()) };
    let decided = matches!(case.state(), CaseState::AwaitingDelivery(_)) || !case.is_open();
    let answer = case.steps().rev().find(|facts| {
        matches!(
            facts.body.event,
            StepEvent::Decided { .. }
                | StepEvent::NotAccepted { .. }
                | StepEvent::Returned { .. }
                | StepEvent::Withdrawn { .. }
        )
    });
    let Some(answer) = answer.filter(|_| decided) else { return Ok(String::new()) };
    let private = reader.private(&case.id(), key, &answer.log, answer.seq)?.unwrap_or_default();
    let basis = match answer.body.event.basis() {
        "" => String::new(),
        basis => format!("依据：{basis}"),
    };
    let parts = [outcome.words(), private.words.as_str(), basis.as_str()];
    Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("。"))
}
