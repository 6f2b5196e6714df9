//! What people ask for: they open cases, take the steps that are theirs, say things beside the route, and now and
//! then press a button twice.

use std::sync::Arc;

use rand::seq::IndexedRandom;
use rand::{Rng, RngCore};
use sanji_domain::StaffId;
use sanji_domain::case::{Case, Context, available};
use sanji_domain::organisation::{ALONE, Staff};
use sanji_log::Tier;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::Failure;
use sanji_station::core::{ReferenceData, Written};

use super::sample::{District, ITEMS};
use super::station::{Deed, Waiting};
use super::world::World;

/// A command and who gave it.
#[derive(Debug, Clone)]
pub struct Asked {
    staff: StaffId,
    command: Command,
}

#[derive(Debug, Clone)]
enum Command {
    Submit(proto::SubmitRequest),
    Act(proto::ActRequest),
}

impl World {
    /// Somebody at a station does something, if anybody is there and there is anything to do.
    pub(super) fn person(&mut self, at: usize) {
        let Some(running) = self.stations[at].running.as_ref().filter(|_| !self.stations[at].healing) else { return };
        let reference = running.core.reader().reference();
        let again = self.last_asked[at].clone().filter(|_| self.random.random_bool(0.08));
        let asked = match again {
            Some(asked) => {
                self.counters.repeated += 1;
                Some(asked)
            }
            None if self.random.random_bool(0.3) => self.application(at, &reference),
            None => self.step(at, &reference),
        };
        if let Some(asked) = asked {
            self.last_asked[at] = Some(asked.clone());
            self.ask(at, asked);
        }
    }

    fn ask(&mut self, at: usize, asked: Asked) {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let Some(running) = self.stations[at].running.as_mut() else { return };
        let random = &mut |bytes: &mut [u8]| self.random.fill_bytes(bytes);
        let opens = matches!(asked.command, Command::Submit(_));
        let request = match &asked.command {
            Command::Submit(request) => request.request.clone(),
            Command::Act(request) => request.request.clone(),
        };
        let written = match asked.command {
            Command::Submit(request) => running.core.submit(&asked.staff, request, now_ms, random),
            Command::Act(request) => running.core.act(&asked.staff, request, now_ms, random),
        };
        match written {
            Ok(Written { case: Some(case), log, seq, hash, rev, already, .. }) => {
                let running = self.stations[at].running.as_mut().expect("it runs");
                running.waiting.push(Waiting::Person(Deed { request, case, log, seq, hash, rev }));
                self.commit_soon(at);
                if !already {
                    *(if opens { &mut self.counters.opened } else { &mut self.counters.steps }) += 1;
                }
                let number = case.number();
                self.note(format_args!(
                    "{}: {} writes rev {rev} of {number}, again: {already}",
                    self.code(at),
                    asked.staff
                ));
            }
            Ok(written) => panic!("a command about no case: {written:?}"),
            Err(Failure::Internal(error)) => panic!("{} fails: {error:?}", self.stations[at].code),
            Err(failure) => {
                self.counters.refusals += 1;
                self.note(format_args!("{}: {} hears no: {failure}", self.code(at), asked.staff));
            }
        }
    }

    fn request(&mut self) -> Vec<u8> {
        let mut request = [0; 16];
        self.random.fill_bytes(&mut request);
        request.to_vec()
    }

    /// An application at a village's or a township's window.
    fn application(&mut self, at: usize, reference: &ReferenceData) -> Option<Asked> {
        let station = self.code(at);
        if station.tier() == Tier::District {
            return None;
        }
        let staff = people_at(reference, station).choose(&mut self.random)?.clone();
        let item = *ITEMS.choose(&mut self.random)?;
        let (_, parsed) = reference.catalogue().latest(&item.parse().ok()?)?;
        let mandatory = parsed.materials.iter().enumerate().filter(|(_, material)| material.mandatory);
        let request = self.request();
        let mut materials: Vec<_> = mandatory
            .map(|(index, material)| proto::MaterialInput {
                material: index as u32,
                originals: if material.originals + material.copies == 0 { 1 } else { material.originals },
                copies: material.copies,
                attachments: Vec::new(),
            })
            .collect();
        if self.random.random_bool(0.3)
            && let Some(first) = materials.first_mut()
        {
            first.attachments.extend(self.upload(at, &staff, &request));
        }
        let (name, id_number) = District::get().residents.choose(&mut self.random)?.clone();
        let mandate = proto::Mandate {
            may_submit: true,
            may_correct: true,
            may_sign_for_documents: true,
            may_collect_result: true,
            until: 0,
        };
        let request = proto::SubmitRequest {
            request,
            item: item.to_owned(),
            applicant: Some(proto::Applicant { name, id_number, telephone: String::new(), address: "一组".into() }),
            answers: Vec::new(),
            materials,
            mandate: (station.tier() == Tier::Village).then_some(mandate),
            witnesses: String::new(),
            village: if station.tier() == Tier::Village { station.number() } else { 0 },
            ..proto::SubmitRequest::default()
        };
        Some(Asked { staff: staff.id.clone(), command: Command::Submit(request) })
    }

    /// A picture for a case that is about to be opened: a few chunks at the most.
    fn upload(&mut self, at: usize, staff: &Staff, request: &[u8]) -> Option<Vec<u8>> {
        let mut content = vec![0; self.random.random_range(100..100_000)];
        self.random.fill_bytes(&mut content);
        content[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        let head = proto::AttachmentHead {
            request: request.to_vec(),
            case_number: String::new(),
            file_name: "户口簿.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            size: content.len() as u64,
        };
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let core = &self.stations[at].running.as_ref()?.core;
        let random = &mut |bytes: &mut [u8]| self.random.fill_bytes(bytes);
        let put = core.reader().put_attachment(core.pending(), staff, head, &content, now_ms, random);
        self.counters.uploads += 1;
        Some(put.expect("a file that will do is kept").as_bytes().to_vec())
    }

    /// Something that somebody here may do with a case that is here.
    fn step(&mut self, at: usize, reference: &ReferenceData) -> Option<Asked> {
        let (station, now_ms) = (self.code(at), self.stations[at].clock_ms(self.agenda.now_ms()));
        let reader = self.stations[at].running.as_ref()?.core.reader().clone();
        let cases = self.stations[at].cases();
        let people = people_at(reference, station);
        // Mostly people take up what waits for them.
        for _ in 0..4 {
            let case = reader.case(cases.choose(&mut self.random)?).ok()??;
            let staff = people.choose(&mut self.random)?;
            let rules = reference.rules()?;
            let context = Context { now_ms, station, actor: staff, standing: &ALONE, reference: rules };
            let names = available(&case, &context);
            let Some(name) = names.choose(&mut self.random) else { continue };
            if is_rare(name) && self.random.random_bool(0.85) {
                continue;
            }
            let Some(action) = self.action(name, &case) else { continue };
            let request = proto::ActRequest {
                request: self.request(),
                case_number: case.id().number().to_string(),
                expected_rev: if self.random.random_bool(0.5) { case.rev() } else { 0 },
                action: Some(action),
            };
            return Some(Asked { staff: staff.id.clone(), command: Command::Act(request) });
        }
        None
    }

    fn action(&mut self, name: &str, case: &Case) -> Option<Action> {
        let basis = || "《测试办法》第一条".to_owned();
        let words = || "情况属实".to_owned();
        Some(match name {
            "accept" => Action::Accept(proto::Accept::default()),
            "refuse_acceptance" => Action::RefuseAcceptance(proto::RefuseAcceptance {
                reason: words(),
                basis: basis(),
                competent_office: "别处".to_owned(),
            }),
            "request_correction" => Action::RequestCorrection(proto::RequestCorrection {
                faults: vec![proto::FaultInput {
                    material: 0,
                    kind: proto::FaultKind::Unclear.into(),
                    requirement: "重新复印".to_owned(),
                }],
            }),
            "supply_correction" => {
                let asked = case.correction().into_iter().flat_map(|correction| &correction.faults);
                let materials = asked.map(|fault| proto::MaterialInput {
                    material: fault.material,
                    originals: 1,
                    copies: 1,
                    attachments: Vec::new(),
                });
                Action::SupplyCorrection(proto::SupplyCorrection {
                    materials: materials.collect(),
                    answers: Vec::new(),
                })
            }
            "finish_stage" => Action::FinishStage(proto::FinishStage {
                opinion: proto::Opinion::Agree.into(),
                words: words(),
                outside_number: "1".to_owned(),
                together_with: Vec::new(),
                ..proto::FinishStage::default()
            }),
            "post_publicity" => Action::PostPublicity(proto::PostPublicity {
                place: "村务公开栏".to_owned(),
                photographs: Vec::new(),
            }),
            "end_publicity" => Action::EndPublicity(proto::EndPublicity { objection: false, words: String::new() }),
            "decide" => {
                let approved = self.random.random_bool(0.8);
                let unless = |text: String| if approved { String::new() } else { text };
                Action::Decide(proto::Decide {
                    approved,
                    reason: unless(words()),
                    basis: unless(basis()),
                    ground: u32::from(!approved),
                    document_number: "澄准〔2026〕1号".to_owned(),
                    ..proto::Decide::default()
                })
            }
            "return" => Action::Return(proto::Return {
                reason: proto::ReturnReason::ConditionsNotMet.into(),
                words: words(),
                basis: basis(),
                what_now: words(),
                materials_back: Vec::new(),
            }),
            "send_up" => Action::SendUp(proto::SendUp::default()),
            "deliver" => Action::Deliver(proto::Deliver {
                method: proto::DeliveryMethod::InPerson.into(),
                receiver: "本人".to_owned(),
                signed_on: 0,
            }),
            "add_note" => Action::AddNote(proto::AddNote { words: words() }),
            "remind" => Action::Remind(proto::Remind {}),
            "request_withdrawal" => Action::RequestWithdrawal(proto::RequestWithdrawal { words: words() }),
            "confirm_withdrawal" => Action::ConfirmWithdrawal(proto::ConfirmWithdrawal::default()),
            "rate" => Action::Rate(proto::Rate { satisfaction: 5, words: String::new() }),
            _ => return None,
        })
    }
}

/// What ends a case early or only adds to it: rare, so that cases travel.
fn is_rare(action: &str) -> bool {
    ["refuse_acceptance", "return", "add_note", "remind", "request_withdrawal", "request_correction"].contains(&action)
}

fn people_at(reference: &ReferenceData, station: sanji_log::StationCode) -> Vec<Arc<Staff>> {
    let all = reference.all_staff().values().map(|entry| &entry.staff);
    all.filter(|staff| staff.place == station).cloned().collect()
}
