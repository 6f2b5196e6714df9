//! Who and what stands in for people and papers on a dry run: nobody's number, empty forms, a person for each duty.

use sanji_domain::case::{
    Action, ApplicantInput, Command, DeliveryMethod, Duty, FaultInput, FaultKind, Mandate, MaterialProvided, Opinion,
    Reference, ReturnReason, StoredAttachment, Submission,
};
use sanji_domain::catalogue::MaterialForm;
use sanji_domain::code::InvalidCode;
use sanji_domain::organisation::DepartmentKind;
use sanji_domain::{DepartmentCode, Item, Role, Staff, StageTier};
use sanji_log::{AttachmentId, AttachmentRef, RequestId, StationCode, Tier};

use crate::error::Error;

/// The example of GB 11643: nobody's number.
const NOBODY: &str = "11010519491231002X";

/// Who takes applications in at a station: a village's agent, a township's window, the hall's general window.
pub(super) fn reception(reference: &Reference<'_>, item: &Item, home: StationCode) -> Duty {
    let departments = &reference.organisation.departments;
    let hall = departments.iter().find(|department| department.kind == DepartmentKind::Hub);
    let (office, role) = match home.tier() {
        Tier::Village => ("village".parse().ok(), Role::Agent),
        Tier::Township => ("township".parse().ok(), Role::Window),
        Tier::District => (hall.map(|hall| hall.code.clone()), Role::Window),
    };
    let department: DepartmentCode = office.unwrap_or_else(|| item.department.clone());
    Duty { station: home, department, role, external: false }
}

/// A person with just what a duty asks for, another for each role: nobody who decides touches money.
pub(super) fn person(duty: &Duty) -> Result<Staff, Error> {
    let number = Role::ALL.iter().take_while(|role| **role != duty.role).count();
    Ok(Staff {
        id: format!("dry-run-{number}").parse().map_err(|fault: InvalidCode| Error::Input(fault.to_string()))?,
        name: String::new(),
        roles: vec![duty.role],
        post: String::new(),
        tier: StageTier::from(duty.station.tier()),
        department: duty.department.clone(),
        place: duty.station,
        seat: None,
        backup: None,
        serves: Vec::new(),
    })
}

/// A picture that nobody took.
fn photograph() -> StoredAttachment {
    StoredAttachment {
        reference: AttachmentRef { id: AttachmentId([0; 32]), size: 1 },
        file_name: String::new(),
        media_type: "image/jpeg".to_owned(),
    }
}

/// An application with everything that is mandatory.
pub(super) fn application(item: &Item, home: StationCode) -> Submission {
    let materials = item.materials.iter().zip(0..);
    let handed_in = materials.filter(|(material, _)| material.mandatory && material.form != MaterialForm::Shared);
    let handed_in = handed_in.map(|(material, at)| MaterialProvided {
        material: at,
        originals: material.originals,
        copies: material.copies.max(1),
        attachments: Vec::new(),
    });
    let everything =
        Mandate { may_submit: true, may_correct: true, may_sign_for_documents: true, ..Mandate::default() };
    Submission {
        request: RequestId([0; 16]),
        item: item.code.clone(),
        applicant: ApplicantInput {
            name: "申请人".to_owned(),
            id_number: NOBODY.to_owned(),
            ..ApplicantInput::default()
        },
        answers: Vec::new(),
        materials: handed_in.collect(),
        mandate: Some(everything).filter(|_| home.tier() == Tier::Village),
        witnesses: String::new(),
        village: None,
        query_code: "000000".to_owned(),
        attachments: Vec::new(),
        variant: 0,
        urgent_reason: String::new(),
        preliminary: false,
    }
}

/// What somebody types who takes an action.
///
/// `visitors` is how many people a site visit wants.
pub(super) fn command(action: Action, approves: bool, visitors: u32) -> Option<Command> {
    let words = || "按规定办理".to_owned();
    let number = || "试走〔0〕1号".to_owned();
    Some(match action {
        Action::Accept => Command::Accept { tolerated: Vec::new() },
        Action::ConfirmWithdrawal => Command::ConfirmWithdrawal { materials_back: Vec::new() },
        Action::SendUp => Command::SendUp { body: String::new(), sent_on: None, outside_number: String::new() },
        Action::RequestCorrection => Command::RequestCorrection {
            faults: vec![FaultInput { material: 0, kind: FaultKind::Unclear, requirement: words() }],
        },
        Action::SupplyCorrection => Command::SupplyCorrection {
            materials: vec![MaterialProvided {
                material: 0,
                originals: 1,
                copies: 1,
                attachments: vec![photograph().reference.id],
            }],
            answers: Vec::new(),
            attachments: vec![photograph()],
        },
        Action::FinishStage => Command::FinishStage {
            opinion: Opinion::Agree,
            words: words(),
            outside_number: number(),
            together_with: (1..visitors).filter_map(|number| format!("colleague-{number}").parse().ok()).collect(),
            materials: Vec::new(),
            attachments: Vec::new(),
            answered_on: None,
            stage: None,
        },
        Action::PostPublicity => Command::PostPublicity {
            place: String::new(),
            photographs: vec![photograph().reference.id],
            attachments: vec![photograph()],
        },
        Action::EndPublicity => Command::EndPublicity { objection: false, words: String::new() },
        Action::Decide => Command::Decide {
            approved: approves,
            reason: words(),
            basis: words(),
            ground: 0,
            document_number: number(),
            answered_on: None,
            stage: None,
        },
        Action::Return => Command::Return {
            reason: ReturnReason::Duplicate,
            words: words(),
            basis: words(),
            what_now: words(),
            materials_back: Vec::new(),
        },
        Action::Deliver => {
            Command::Deliver { method: DeliveryMethod::InPerson, receiver: "申请人".to_owned(), signed_on: None }
        }
        _ => return None,
    })
}
