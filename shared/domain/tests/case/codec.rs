//! Bodies on the wire.

use jiff::civil::date;
use prost::Message;
use sanji_domain::Limit;
use sanji_domain::case::codec::{self, Decoded, decode_private, encode_private};
use sanji_domain::case::{
    Action, ActorFacts, Applicant, AttachmentName, Body, DeliveryMethod, DocumentIssued, DocumentKind, Extended, Fault,
    FaultKind, Mark, MaterialProvided, Opinion, Private, Side, SideEvent, Step, StepEvent, TimeNoted, Tolerated, Visit,
};
use sanji_domain::supervision::{Level, Office};
use sanji_log::{AttachmentId, RequestId};
use sanji_proto::v1 as proto;

use crate::district::{TOWNSHIP, VILLAGE, code};
use crate::journey::{FULL_MANDATE, Journey, hash};

fn step(event: StepEvent) -> Body {
    Body::Step(Step {
        rev: 7,
        term: 1,
        previous: Some(hash(1)),
        holder: code(TOWNSHIP),
        stage: None,
        request: Some(RequestId([3; 16])),
        actor: ActorFacts {
            name: "张三".into(),
            department: "mz".into(),
            role: "审批".into(),
            acting_for: "mz-01".into(),
        },
        documents: vec![issued()],
        event,
    })
}

fn issued() -> DocumentIssued {
    DocumentIssued { kind: DocumentKind::Returned, organ: "澄民政".into(), year: 2026, number: 128 }
}

fn material() -> Vec<MaterialProvided> {
    vec![MaterialProvided { material: 1, originals: 1, copies: 2, attachments: Vec::new() }]
}

/// Every event that a walk writes, and those that it does not.
fn bodies() -> Vec<Body> {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    for action in [Action::RequestCorrection, Action::SupplyCorrection] {
        journey.do_it(journey.approving(action));
    }
    while journey.forward().is_some() {}
    let mut bodies: Vec<Body> = journey.drafts.into_iter().map(|draft| draft.body).collect();
    let stage = || "survey".parse().unwrap();
    bodies.extend(
        [
            StepEvent::NotAccepted { basis: "第三十二条".into(), competent_office: "邻区".into() },
            StepEvent::Suspended {
                stage: stage(),
                kind: "鉴定".into(),
                expected_days: 12,
                told_on: Some(jiff::civil::date(2026, 3, 2)),
            },
            StepEvent::Resumed { outside_number: "1".into() },
            StepEvent::Returned {
                reason: sanji_domain::case::ReturnReason::Duplicate,
                stage: stage(),
                basis: "规程".into(),
                materials_back: material(),
            },
            StepEvent::Withdrawn { materials_back: material() },
            StepEvent::Reclaimed { from: code(VILLAGE) },
            StepEvent::HandedOver { from: code(VILLAGE) },
            StepEvent::TacitlyApproved {
                stage: stage(),
                due: jiff::civil::date(2026, 3, 9),
                department: "township".into(),
            },
            StepEvent::PublicityPosted {
                stage: stage(),
                from: jiff::civil::date(2026, 12, 30),
                until: None,
                place: "公开栏".into(),
                photographs: Vec::new(),
            },
            StepEvent::Accepted { deemed: false, tolerated: vec![Tolerated { material: 2, until: date(2026, 3, 9) }] },
            StepEvent::VariantChosen { variant: 1 },
            StepEvent::SentUp {
                stage: stage(),
                body: "省林业局".into(),
                sent_on: date(2026, 3, 4),
                outside_number: "省收7".into(),
            },
            StepEvent::Chased { stage: stage(), on: date(2026, 3, 5) },
            StepEvent::OutsideAnswered {
                stage: stage(),
                answered_on: date(2026, 3, 6),
                outside_number: "省批7".into(),
                approved: true,
            },
            StepEvent::SecondCorrectionAllowed,
            StepEvent::CorrectedAtOnce { materials: material() },
            StepEvent::Transferred { stage: stage(), department: "rs".parse().unwrap() },
            StepEvent::ConsultedAgain { stages: vec![stage()] },
            StepEvent::PreliminaryAnswered { faults: vec![Fault { material: 1, kind: FaultKind::Missing }] },
            StepEvent::PreliminarySubmitted { materials: material() },
        ]
        .map(step),
    );
    let actor = || ActorFacts { name: "张三".into(), ..ActorFacts::default() };
    bodies.extend(
        [
            SideEvent::Note,
            SideEvent::TimeNoted(TimeNoted {
                entry: hash(2),
                received_ms: 1_772_413_200_000,
                from: code(VILLAGE),
                offset_ms: -86_400_000,
            }),
            SideEvent::Extended(Extended {
                limit: Limit::working_days(15),
                promised_until: Some(jiff::civil::date(2026, 4, 7)),
                extended_until: None,
                told_on: jiff::civil::date(2026, 3, 31),
                told_by: DeliveryMethod::InPerson,
                approval_number: "澄府批〔2026〕1号".into(),
                basis: "《行政许可法》第四十二条第一款".into(),
            }),
            SideEvent::SupersededChecked { step: hash(3), redone: true },
            SideEvent::Reminder { station: code(TOWNSHIP) },
            SideEvent::WithdrawalRequested,
            SideEvent::Rating { satisfaction: 5 },
            SideEvent::FollowedUp { what: sanji_domain::case::FollowUp::NotReached },
            SideEvent::AlertAnswered { alert: "over-stage.survey.1".parse().unwrap(), level: Some(Level::Red) },
            SideEvent::AlertAppealed { alert: "over-promised.-.1".parse().unwrap(), level: None },
            SideEvent::AlertReviewed {
                alert: "over-promised.-.1".parse().unwrap(),
                level: Some(Level::Yellow),
                revoked: true,
            },
            SideEvent::OrderIssued {
                office: Office { station: code(TOWNSHIP), department: "township".parse().unwrap() },
                until: date(2026, 7, 9),
            },
            SideEvent::OrderAnswered { order: hash(3) },
            SideEvent::Marked { mark: Mark::Priority, set: true, until: Some(date(2026, 3, 9)) },
            SideEvent::Consulted { stage: stage(), round: 0, opinion: None },
            SideEvent::Consulted { stage: stage(), round: 5, opinion: Some(Opinion::Disagree) },
            SideEvent::Visit(Visit {
                on: date(2026, 3, 6),
                place: "村东".into(),
                departments: vec!["zr".parse().unwrap()],
                held: true,
                attended: vec!["zr-01".parse().unwrap()],
                attachments: vec![AttachmentId([4; 32])],
            }),
            SideEvent::DutyDone { variant: true, materials: material() },
            SideEvent::Review { upheld: None },
            SideEvent::Review { upheld: Some(true) },
            SideEvent::DocumentVoided { step: hash(3), kind: DocumentKind::Returned, replacement: Some(issued()) },
        ]
        .map(|event| Body::Side(Side { actor: actor(), request: None, event })),
    );
    bodies
}

#[test]
fn every_body_is_read_as_it_was_written() {
    let sealed = proto::Sealed { method: 1, nonce: vec![1; 24].into(), ciphertext: vec![2; 40].into() };
    let mut names = std::collections::BTreeSet::new();
    for body in bodies() {
        let (kind, bytes) = codec::encode(&body, Some(sealed.clone()));
        let bytes = bytes.into();
        let read = codec::decode(kind, &bytes).unwrap().unwrap();
        assert_eq!(read, Decoded { body, sealed: Some(sealed.clone()) });
        names.insert(codec::kind_name(kind, &bytes));
    }
    let names: Vec<String> = names.into_iter().collect();
    expect_test::expect![[r#"
        side.alert_answered
        side.alert_appealed
        side.alert_reviewed
        side.copy_answered
        side.copy_signed_for
        side.document_voided
        side.duty_done
        side.extended
        side.followed_up
        side.marked
        side.note
        side.order_answered
        side.order_issued
        side.rating
        side.reminder
        side.review_answered
        side.review_asked
        side.superseded_checked
        side.time_noted
        side.visit_held
        side.withdrawal_requested
        step.accepted
        step.chased
        step.consulted_again
        step.corrected_at_once
        step.correction_requested
        step.correction_supplied
        step.decided
        step.delivered
        step.handed_over
        step.not_accepted
        step.outside_answered
        step.preliminary_answered
        step.preliminary_submitted
        step.publicity_ended
        step.publicity_posted
        step.reclaimed
        step.resumed
        step.returned
        step.second_correction_allowed
        step.sent_up
        step.stage_finished
        step.submitted
        step.suspended
        step.tacitly_approved
        step.transferred
        step.variant_chosen
        step.withdrawn"#]]
    .assert_eq(&names.join("\n"));
}

#[test]
fn what_a_newer_release_adds_is_skipped() {
    let (kind, mut bytes) = codec::encode(&step(StepEvent::Withdrawn { materials_back: Vec::new() }), None);
    // Field 99, a number; then field 98, bytes.
    bytes.extend([0x98, 0x06, 0x2a]);
    bytes.extend([0x92, 0x06, 0x02, 0xff, 0xff]);
    assert_eq!(
        codec::decode(kind, &bytes.into()).unwrap().unwrap().body,
        step(StepEvent::Withdrawn { materials_back: Vec::new() })
    );

    // A step that this release does not know: field 90, a message.
    let (kind, mut bytes) = codec::encode(&step(StepEvent::Unknown), None);
    bytes.extend([0xd2, 0x05, 0x02, 0x08, 0x01]);
    let bytes = bytes.into();
    assert_eq!(codec::decode(kind, &bytes).unwrap().unwrap().body, step(StepEvent::Unknown));
    assert_eq!(codec::kind_name(kind, &bytes), "step.unknown");

    // A value of a list that this release does not know.
    let delivered = proto::CaseStep {
        rev: 2,
        previous: vec![0; 32],
        holder: code(TOWNSHIP).number(),
        step: Some(proto::case_step::Step::Delivered(proto::Delivered {
            method: 77,
            signed_on: 20260302,
            by_proxy: false,
        })),
        ..Default::default()
    };
    let read = codec::decode(1, &delivered.encode_to_vec().into()).unwrap().unwrap();
    assert!(matches!(read.body, Body::Step(Step { event: StepEvent::Delivered { method, .. }, .. })
        if method == sanji_domain::case::DeliveryMethod::Unknown));

    // An opinion that this release does not know is an answer, not a mere signature.
    let consulted = proto::CaseSide {
        side: Some(proto::case_side::Side::Consulted(proto::Consulted {
            stage: "ly".to_owned(),
            round: 5,
            opinion: 77,
        })),
        ..Default::default()
    };
    let read = codec::decode(2, &consulted.encode_to_vec().into()).unwrap().unwrap();
    assert!(matches!(read.body, Body::Side(Side { event: SideEvent::Consulted { opinion, .. }, .. })
        if opinion == Some(Opinion::Unknown)));

    assert_eq!(codec::decode(3, &b"whatever"[..].into()).unwrap(), None);
    assert_eq!(codec::decode(4_000_000_000, &b"whatever"[..].into()).unwrap(), None);
}

#[test]
fn kinds_have_names() {
    let station = |record| proto::StationRecord { record: Some(record) }.encode_to_vec();
    use proto::station_record::Record;
    let named = [
        (3, station(Record::Enrolled(proto::StationEnrolled::default()))),
        (3, station(Record::CertificateIssued(proto::CertificateIssued::default()))),
        (3, station(Record::Revoked(proto::StationRevoked::default()))),
        (3, Vec::new()),
        (4, Vec::new()),
        (5, Vec::new()),
        (6, Vec::new()),
        (9, Vec::new()),
        (99, Vec::new()),
        (1, vec![0xff]),
    ]
    .map(|(kind, body)| codec::kind_name(kind, &body.into()));
    assert_eq!(
        named,
        [
            "station.enrolled",
            "station.certificate_issued",
            "station.revoked",
            "station.unknown",
            "staff",
            "file",
            "audit",
            "fork",
            "unknown.99",
            "unreadable"
        ]
    );
}

#[test]
fn wrong_bodies_are_refused_with_the_field() {
    let good =
        || proto::CaseStep { rev: 2, previous: vec![0; 32], holder: code(TOWNSHIP).number(), ..Default::default() };
    let fault = |change: fn(&mut proto::CaseStep)| {
        let mut message = good();
        change(&mut message);
        codec::decode(1, &message.encode_to_vec().into()).unwrap_err().to_string()
    };
    assert!(codec::decode(1, &good().encode_to_vec().into()).is_ok());
    let faults = [
        fault(|step| step.rev = 0),
        fault(|step| step.rev = 1),
        fault(|step| step.previous.clear()),
        fault(|step| step.previous.truncate(31)),
        fault(|step| step.holder = 12),
        fault(|step| step.stage = "不是代码".into()),
        fault(|step| step.request = vec![1; 15]),
        fault(|step| {
            let delivered = proto::Delivered { method: 1, signed_on: 20260230, by_proxy: false };
            step.step = Some(proto::case_step::Step::Delivered(delivered));
        }),
    ];
    expect_test::expect![[r#"
        field 'rev' of CaseStep is missing
        field 'previous' of CaseStep is given for the first step
        field 'previous' of CaseStep is missing
        field 'previous' of CaseStep is not 32 bytes
        field 'holder' of CaseStep is not a division code
        field 'stage' of CaseStep is not the id of a stage
        field 'request' of CaseStep is not 16 bytes
        field 'signed_on' of Delivered is not a date"#]]
    .assert_eq(&faults.join("\n"));
    assert_eq!(codec::decode(1, &vec![0xff].into()).unwrap_err().to_string(), "not a valid CaseStep");
}

#[test]
fn the_private_part_is_read_as_it_was_written_and_its_debug_form_says_nothing() {
    let private = Private {
        applicant: Some(Applicant {
            name: "丁波刚".into(),
            id_number: "99010619520121129X".into(),
            telephone: "13800000000".into(),
            address: "3组".into(),
        }),
        answers: vec![("家庭人口".into(), "3".into())],
        words: "情况属实".into(),
        requirements: vec!["补签名".into()],
        query_code: "042137".into(),
        receiver: "丁波刚".into(),
        attachment_names: vec![AttachmentName {
            id: AttachmentId([1; 32]),
            file_name: "丁波刚.jpg".into(),
            media_type: "image/jpeg".into(),
        }],
        witnesses: "见证人".into(),
    };
    assert_eq!(decode_private(&encode_private(private.clone())).unwrap(), private);
    let said = format!("{private:?} {:?} {:?}", private.applicant, private.attachment_names);
    assert_eq!(said, "Private(..) Some(Applicant(..)) [AttachmentName(01010101)]");
    assert_eq!(decode_private(&[0xff]).unwrap_err().to_string(), "not a valid Private");
}

#[test]
fn what_is_written_in_the_clear_names_no_resident() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    while journey.forward().is_some() {}
    for draft in &journey.drafts {
        let (_, bytes) = codec::encode(&draft.body, None);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for secret in ["丁波刚", "99010619520121129X", "13800000000", "杨家坝村3组", "042137", "情况属实", "家庭人口"]
        {
            assert!(!text.contains(secret), "{secret} in {}", codec::kind_name(1, &bytes.clone().into()));
        }
    }
    let snapshot = postcard::to_stdvec(&journey.case).unwrap();
    assert!(!String::from_utf8_lossy(&snapshot).contains("丁波刚"));
}
