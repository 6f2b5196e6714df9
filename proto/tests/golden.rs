//! Bytes of release 1, frozen. What a station of that release has on disk and sends, every later one must read
//! and write the same way.
//!
//! A new message or field gets a new line: `ADD_GOLDEN=1 cargo test -p sanji-proto --test golden` appends the
//! lines that are missing. It never changes a line, and neither may anybody else.

#[path = "golden_values/matter.rs"]
mod matter;

use std::collections::BTreeMap;
use std::path::PathBuf;

use prost::Message;
use sanji_proto::v1::{
    self as proto, attachment_message, bundle_frame, case_side, case_step, link_message, station_record,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn log() -> proto::LogId {
    proto::LogId { home: 990_106_101_203, reach: proto::Reach::Private.into(), key: vec![0x11; 32] }
}

fn entry() -> proto::Entry {
    proto::Entry {
        home: 990_106_101_203,
        reach: proto::Reach::Private.into(),
        key: vec![0x11; 32].into(),
        seq: 2,
        prev: vec![0x22; 32].into(),
        time: 0x019b_7aaa_0000_0001,
        case_id: vec![0x33; 16].into(),
        actor: "990106101203-1".into(),
        kind: proto::Kind::CaseStep as u32,
        body: vec![1, 2, 3].into(),
        attachments: vec![proto::AttachmentRef { id: vec![0x44; 32], size: 40_000 }],
        opens_case: true,
    }
}

fn head() -> proto::Head {
    proto::Head { log: Some(log()), seq: 2, hash: vec![0x55; 32] }
}

fn seal() -> proto::Seal {
    proto::Seal { seq: 2, hash: vec![0x55; 32], signature: vec![0x66; 64] }
}

fn receipt() -> proto::Receipt {
    proto::Receipt {
        head: Some(head()),
        station: 990_106_101_000,
        key: vec![0x77; 32],
        time_ms: 1_780_000_000_000,
        signature: vec![0x88; 64],
    }
}

fn staff_request(record: proto::staff_request_record::Record) -> Vec<u8> {
    proto::StaffRequestRecord { id: vec![0x13; 16], record: Some(record) }.encode_to_vec()
}

fn step(step: case_step::Step) -> Vec<u8> {
    proto::CaseStep {
        rev: 3,
        term: 1,
        previous: vec![0x99; 32],
        holder: 990_106_101_000,
        stage: "accept".into(),
        request: vec![0xaa; 16],
        actor_name: "薛利".into(),
        actor_department: "township".into(),
        actor_role: "窗口受理".into(),
        acting_for: "990106101-04".into(),
        private: Some(proto::Sealed { method: 1, nonce: vec![0xbb; 24].into(), ciphertext: vec![0xcc; 20].into() }),
        documents: Vec::new(),
        step: Some(step),
    }
    .encode_to_vec()
}

fn side(side: case_side::Side) -> Vec<u8> {
    proto::CaseSide {
        actor_name: "薛利".into(),
        actor_department: "township".into(),
        actor_role: "窗口受理".into(),
        request: vec![0xaa; 16],
        private: None,
        acting_for: String::new(),
        side: Some(side),
    }
    .encode_to_vec()
}

fn fee_paid() -> proto::FeePaid {
    proto::FeePaid {
        notice: 1,
        receipt_number: "澄财票2026-1".into(),
        amount_fen: 2000,
        paid_ms: 1_780_000_000_000,
        bank: "澄川农商行".into(),
        serial: "88001".into(),
    }
}

fn link(message: link_message::Message) -> Vec<u8> {
    proto::LinkMessage { message: Some(message) }.encode_to_vec()
}

fn attachment(message: attachment_message::Message) -> Vec<u8> {
    proto::AttachmentMessage { message: Some(message) }.encode_to_vec()
}

fn frame(frame: bundle_frame::Frame) -> Vec<u8> {
    proto::BundleFrame { frame: Some(frame) }.encode_to_vec()
}

fn station(record: station_record::Record) -> Vec<u8> {
    proto::StationRecord { record: Some(record) }.encode_to_vec()
}

fn material() -> proto::MaterialProvided {
    proto::MaterialProvided { material: 1, originals: 1, copies: 2, attachments: vec![vec![0x44; 32]] }
}

/// One value of every message that is stored or sent, every field set.
#[allow(clippy::too_many_lines)]
fn values() -> Vec<(&'static str, Vec<u8>)> {
    use bundle_frame::Frame;
    use case_side::Side;
    use case_step::Step;
    use link_message::Message as Link;
    let run = proto::Run { log: Some(log()), entries: vec![entry().encode_to_vec().into()], seal: Some(seal()) };
    let private = proto::Private {
        applicant: Some(proto::Applicant {
            name: "史真云".into(),
            id_number: "99010619460701016X".into(),
            telephone: "13800000000".into(),
            address: "青岚镇".into(),
        }),
        answers: vec![proto::Answer { field: "家庭人口".into(), value: "2".into() }],
        words: "同意".into(),
        requirements: vec!["补交复印件".into()],
        query_code: "012345".into(),
        receiver: "史真云".into(),
        attachment_names: vec![proto::AttachmentName {
            id: vec![0x44; 32],
            file_name: "户口簿.jpg".into(),
            media_type: "image/jpeg".into(),
        }],
        witnesses: "甲、乙".into(),
    };
    let manifest = proto::CaseFileManifest {
        version: 1,
        case_id: vec![0x33; 16],
        station: 990_106_101_000,
        key: vec![0x77; 32],
        time_ms: 1_780_000_000_000,
        taken_by: "990106101-03".into(),
        parts: vec![proto::CaseFilePart { name: "summary.html".into(), size: 1024, hash: vec![0x55; 32] }],
        program: "0.1.0".into(),
    };
    let evidence = proto::CaseFileEvidence {
        logs: vec![proto::EvidenceLog {
            log: Some(log()),
            runs: vec![
                proto::EvidenceRun { entries: vec![entry().encode_to_vec()], seal: Some(seal()), later_seal: None },
                proto::EvidenceRun { entries: vec![entry().encode_to_vec()], seal: None, later_seal: Some(seal()) },
            ],
        }],
        receipts: vec![receipt()],
        authority: vec![0x30, 0x82],
        certificates: vec![vec![0x30, 0x81]],
        case_key: vec![0xdd; 32],
        stations: vec![proto::StationName { station: 990_106_101_000, name: "青岚镇".into() }],
        item_file: b"schema = 1".to_vec(),
        attachments: vec![proto::EvidenceAttachment {
            id: vec![0x44; 32],
            name: "attachments/01.jpg".into(),
            file_name: "户口簿.jpg".into(),
            media_type: "image/jpeg".into(),
        }],
    };
    vec![
        ("case_file.manifest", manifest.encode_to_vec()),
        ("case_file.evidence", evidence.encode_to_vec()),
        ("log.entry", entry().encode_to_vec()),
        ("log.seal", seal().encode_to_vec()),
        ("log.head", head().encode_to_vec()),
        ("log.receipt", receipt().encode_to_vec()),
        ("log.run", run.encode_to_vec()),
        ("log.case_key", proto::CaseKey { case_id: vec![0x33; 16], key: vec![0xdd; 32] }.encode_to_vec()),
        (
            "step.submitted",
            step(Step::Submitted(proto::Submitted {
                item: "mz-dibao".into(),
                item_version: 2,
                channel: proto::Channel::Village.into(),
                mandate: Some(proto::Mandate {
                    may_submit: true,
                    may_correct: true,
                    may_sign_for_documents: true,
                    may_collect_result: true,
                    until: 20_261_231,
                }),
                materials: vec![material()],
                village: 990_106_101_203,
                ..Default::default()
            })),
        ),
        ("step.accepted", step(Step::Accepted(proto::Accepted { deemed: true, ..Default::default() }))),
        (
            "step.not_accepted",
            step(Step::NotAccepted(proto::NotAccepted {
                basis: "第三十二条".into(), competent_office: "mz".into()
            })),
        ),
        (
            "step.correction_requested",
            step(Step::CorrectionRequested(proto::CorrectionRequested {
                faults: vec![proto::correction_requested::Fault {
                    material: 1,
                    kind: proto::FaultKind::Unclear.into(),
                }],
                until: 20_260_722,
                back_to: 990_106_101_000,
                back_to_stage: "accept".into(),
            })),
        ),
        (
            "step.correction_supplied",
            step(Step::CorrectionSupplied(proto::CorrectionSupplied { materials: vec![material()] })),
        ),
        (
            "step.stage_finished",
            step(Step::StageFinished(proto::StageFinished {
                stage: "survey".into(),
                opinion: proto::Opinion::Agree.into(),
                outside_number: "〔2026〕1号".into(),
                together_with: vec!["990106101-06".into()],
                materials: vec![material()],
                ..Default::default()
            })),
        ),
        (
            "step.publicity_posted",
            step(Step::PublicityPosted(proto::PublicityPosted {
                stage: "notice".into(),
                from: 20_260_706,
                until: 20_260_712,
                place: "村务公开栏".into(),
                photographs: vec![vec![0x44; 32]],
            })),
        ),
        (
            "step.publicity_ended",
            step(Step::PublicityEnded(proto::PublicityEnded { stage: "notice".into(), objection: true })),
        ),
        (
            "step.suspended",
            step(Step::Suspended(proto::Suspended {
                stage: "assess".into(),
                kind: "鉴定".into(),
                ..Default::default()
            })),
        ),
        (
            "step.suspended.told",
            step(Step::Suspended(proto::Suspended {
                stage: "assess".into(),
                kind: "鉴定".into(),
                expected_days: 15,
                told_on: 20_260_702,
            })),
        ),
        ("step.handed_over", step(Step::HandedOver(proto::HandedOver { from: 990_106_101_203 }))),
        (
            "step.tacitly_approved",
            step(Step::TacitlyApproved(proto::TacitlyApproved {
                stage: "approve".into(),
                due: 20_260_709,
                department: "township".into(),
            })),
        ),
        ("step.resumed", step(Step::Resumed(proto::Resumed { outside_number: "1".into() }))),
        (
            "step.decided",
            step(Step::Decided(proto::Decided {
                stage: "approve".into(),
                approved: true,
                basis: "第十一条".into(),
                ground: 2,
                document_number: "1".into(),
                ..Default::default()
            })),
        ),
        (
            "step.returned",
            step(Step::Returned(proto::Returned {
                reason: proto::ReturnReason::Duplicate.into(),
                stage: "accept".into(),
                basis: "第九条".into(),
                ..Default::default()
            })),
        ),
        ("step.withdrawn", step(Step::Withdrawn(proto::Withdrawn::default()))),
        (
            "step.delivered",
            step(Step::Delivered(proto::Delivered {
                method: proto::DeliveryMethod::Agent.into(),
                signed_on: 20_260_801,
                by_proxy: true,
            })),
        ),
        ("step.reclaimed", step(Step::Reclaimed(proto::Reclaimed { from: 990_106_101_203 }))),
        (
            "step.accepted.tolerated",
            step(Step::Accepted(proto::Accepted {
                deemed: false,
                tolerated: vec![proto::accepted::Tolerated { material: 5, until: 20_260_722 }],
            })),
        ),
        (
            "step.returned.back",
            step(Step::Returned(proto::Returned {
                reason: proto::ReturnReason::Duplicate.into(),
                stage: "accept".into(),
                basis: "第九条".into(),
                materials_back: vec![material()],
            })),
        ),
        (
            "step.decided.outside",
            step(Step::Decided(proto::Decided {
                stage: "upper".into(),
                approved: true,
                document_number: "1".into(),
                answered_on: 20_260_801,
                ..Default::default()
            })),
        ),
        ("step.variant_chosen", step(Step::VariantChosen(proto::VariantChosen { variant: 1 }))),
        (
            "step.sent_up",
            step(Step::SentUp(proto::SentUp {
                stage: "upper".into(),
                body: "省林业局".into(),
                sent_on: 20_260_710,
                outside_number: "7".into(),
            })),
        ),
        ("step.chased", step(Step::Chased(proto::Chased { stage: "upper".into(), on: 20_260_720 }))),
        (
            "step.outside_answered",
            step(Step::OutsideAnswered(proto::OutsideAnswered {
                stage: "approve".into(),
                answered_on: 20_260_801,
                outside_number: "8".into(),
                approved: true,
            })),
        ),
        ("step.second_correction_allowed", step(Step::SecondCorrectionAllowed(proto::SecondCorrectionAllowed {}))),
        ("step.corrected_at_once", step(Step::CorrectedAtOnce(proto::CorrectedAtOnce { materials: vec![material()] }))),
        (
            "step.transferred",
            step(Step::Transferred(proto::Transferred { stage: "accept".into(), department: "rs".into() })),
        ),
        (
            "step.consulted_again",
            step(Step::ConsultedAgain(proto::ConsultedAgain { stages: vec!["ly".into(), "sl".into()] })),
        ),
        (
            "step.preliminary_answered",
            step(Step::PreliminaryAnswered(proto::PreliminaryAnswered {
                faults: vec![proto::correction_requested::Fault {
                    material: 3,
                    kind: proto::FaultKind::Missing.into(),
                }],
            })),
        ),
        (
            "step.preliminary_submitted",
            step(Step::PreliminarySubmitted(proto::PreliminarySubmitted { materials: vec![material()] })),
        ),
        (
            "side.marked",
            side(Side::Marked(proto::Marked { mark: proto::Mark::Priority.into(), set: true, until: 20_260_710 })),
        ),
        (
            "side.consulted",
            side(Side::Consulted(proto::Consulted {
                stage: "ly".into(),
                round: 5,
                opinion: proto::Opinion::Disagree.into(),
            })),
        ),
        (
            "side.visit",
            side(Side::Visit(proto::Visit {
                on: 20_260_708,
                place: "村东".into(),
                departments: vec!["zr".into()],
                held: true,
                attended: vec!["990106101-06".into()],
                attachments: vec![vec![0x44; 32]],
            })),
        ),
        ("side.duty_done", side(Side::DutyDone(proto::DutyDone { variant: true, materials: vec![material()] }))),
        ("side.review", side(Side::Review(proto::Review { answered: true, upheld: true }))),
        (
            "side.document_voided",
            side(Side::DocumentVoided(proto::DocumentVoided {
                step: vec![0x55; 32],
                kind: proto::DocumentKind::Returned.into(),
                replacement: Some(proto::DocumentIssued {
                    kind: proto::DocumentKind::Returned.into(),
                    organ: "澄民政".into(),
                    year: 2026,
                    number: 128,
                }),
            })),
        ),
        ("side.note", side(Side::Note(proto::Note {}))),
        ("side.reminder", side(Side::Reminder(proto::Reminder { station: 990_106_101_000 }))),
        ("side.withdrawal_requested", side(Side::WithdrawalRequested(proto::WithdrawalRequested {}))),
        ("side.rating", side(Side::Rating(proto::Rating { satisfaction: 5 }))),
        (
            "side.time_noted",
            side(Side::TimeNoted(proto::TimeNoted {
                entry: vec![0x55; 32],
                received_ms: 1_780_000_000_000,
                from: 990_106_101_203,
                offset_ms: -86_400_000,
            })),
        ),
        (
            "side.extended",
            side(Side::Extended(proto::Extended {
                days: 10,
                unit: proto::LimitUnit::WorkingDay.into(),
                promised_until: 20_260_713,
                extended_until: 20_260_727,
                told_on: 20_260_710,
                told_by: proto::DeliveryMethod::InPerson.into(),
                approval_number: "澄府批〔2026〕3号".into(),
                basis: "《行政许可法》第四十二条第一款".into(),
            })),
        ),
        (
            "side.superseded_checked",
            side(Side::SupersededChecked(proto::SupersededChecked { step: vec![0x55; 32], redone: true })),
        ),
        (
            "side.alert_answered",
            side(Side::AlertAnswered(proto::AlertAnswered {
                alert: "over-stage.survey.1".into(),
                level: proto::AlertLevel::Red.into(),
            })),
        ),
        (
            "side.alert_appealed",
            side(Side::AlertAppealed(proto::AlertAppealed {
                alert: "over-promised.-.1".into(),
                level: proto::AlertLevel::Yellow.into(),
            })),
        ),
        (
            "side.alert_reviewed",
            side(Side::AlertReviewed(proto::AlertReviewed {
                alert: "over-promised.-.1".into(),
                level: proto::AlertLevel::Yellow.into(),
                revoked: true,
            })),
        ),
        (
            "side.order_issued",
            side(Side::OrderIssued(proto::OrderIssued {
                station: 990_106_101_000,
                department: "township".into(),
                until: 20_260_709,
            })),
        ),
        ("side.order_answered", side(Side::OrderAnswered(proto::OrderAnswered { order: vec![0x55; 32] }))),
        ("private", private.encode_to_vec()),
        (
            "station.enrolled",
            station(station_record::Record::Enrolled(proto::StationEnrolled {
                key: vec![0x11; 32],
                certificate: vec![1; 9],
            })),
        ),
        (
            "station.certificate_issued",
            station(station_record::Record::CertificateIssued(proto::CertificateIssued {
                key: vec![0x11; 32],
                certificate: vec![2; 9],
            })),
        ),
        (
            "station.revoked",
            station(station_record::Record::Revoked(proto::StationRevoked {
                key: vec![0x11; 32],
                reason: "lost".into(),
            })),
        ),
        (
            "station.ended",
            station(station_record::Record::Ended(proto::StationEnded {
                key: vec![0x11; 32],
                at_ms: 1_780_000_000_000,
                heads: vec![head()],
                reason: "dead".into(),
            })),
        ),
        (
            "station.fork_decided",
            station(station_record::Record::ForkDecided(proto::ForkDecided {
                log: Some(log()),
                seq: 2,
                hash: vec![0x55; 32],
                reason: "cloned".into(),
            })),
        ),
        (
            "station.rest_decided",
            station(station_record::Record::RestDecided(proto::RestDecided {
                log: Some(log()),
                from: 2,
                until: 3,
                hash: vec![0x55; 32],
                admitted: true,
                reason: "asked".into(),
            })),
        ),
        (
            "aside.seen",
            proto::Aside {
                what: Some(proto::aside::What::Seen(proto::AsideSeen {
                    log: Some(log()),
                    seq: 2,
                    reason: "REVOKED".into(),
                    detail: "kept".into(),
                    from: 990_106_101_203,
                    run: vec![1, 2, 3],
                    seen_ms: 1_780_000_000_000,
                })),
            }
            .encode_to_vec(),
        ),
        (
            "aside.dropped",
            proto::Aside {
                what: Some(proto::aside::What::Dropped(proto::AsideDropped {
                    log: Some(log()),
                    seq: 2,
                    reason: "BAD_SEAL".into(),
                    why: "a test".into(),
                })),
            }
            .encode_to_vec(),
        ),
        (
            "fork_seen",
            proto::ForkSeen { log: Some(log()), run: vec![1, 2, 3], seen_ms: 1_780_000_000_000 }.encode_to_vec(),
        ),
        (
            "staff",
            proto::StaffRecord {
                id: "990106101-03".into(),
                name: "薛利".into(),
                roles: vec!["窗口受理".into()],
                post: "综合窗口".into(),
                tier: "乡镇".into(),
                department: "township".into(),
                place: 990_106_101_000,
                seat: "A".into(),
                backup: "990106101-04".into(),
                password_hash: "$argon2id$".into(),
                inactive: true,
                ..proto::StaffRecord::default()
            }
            .encode_to_vec(),
        ),
        (
            "staff.window_suspended",
            proto::StaffRecord {
                id: "990106101-03".into(),
                place: 990_106_101_000,
                inactive: true,
                serves: vec!["mz".into(), "rs".into()],
                suspended_reason: "投诉查实".into(),
                change_reason: "待岗".into(),
                consent: "澄政务〔2026〕7号".into(),
                ..proto::StaffRecord::default()
            }
            .encode_to_vec(),
        ),
        (
            "absence",
            proto::AbsenceRecord {
                id: vec![0x12; 16],
                staff: "mz-01".into(),
                from_ms: 1_780_000_000_000,
                until_ms: 1_780_086_400_000,
                reason: "参加会议".into(),
                substitute: "mz-02".into(),
            }
            .encode_to_vec(),
        ),
        (
            "station.key_announced",
            proto::StationRecord {
                record: Some(station_record::Record::KeyAnnounced(proto::KeyAnnounced {
                    station: 990_106_101_203,
                    key: vec![0x14; 32],
                    revoked: true,
                    ended_ms: 1_780_000_000_000,
                })),
            }
            .encode_to_vec(),
        ),
        (
            "staff_request.asked",
            staff_request(proto::staff_request_record::Record::Asked(proto::StaffChangeAsked {
                staff: "mz-05".into(),
                roles: vec!["审核".into()],
                post: "审批股科员".into(),
                department: "mz".into(),
                place: 990_106_000_000,
                seat: "B".into(),
                backup: "mz-04".into(),
                serves: vec!["-".into()],
                leaves: true,
                reason: "轮岗".into(),
                actor_name: "郑玲凡".into(),
            })),
        ),
        (
            "staff_request.decided",
            staff_request(proto::staff_request_record::Record::Decided(proto::StaffChangeDecided {
                approved: true,
                words: "同意".into(),
                number: "澄政务〔2026〕7号".into(),
                actor_name: "程成军".into(),
                from: 0,
            })),
        ),
        (
            "staff_request.decided_from_a_day",
            staff_request(proto::staff_request_record::Record::Decided(proto::StaffChangeDecided {
                approved: true,
                from: 20_261_201,
                ..Default::default()
            })),
        ),
        (
            "staff_request.withdrawn",
            staff_request(proto::staff_request_record::Record::Withdrawn(proto::StaffChangeWithdrawn {
                actor_name: "郑玲凡".into(),
            })),
        ),
        (
            "staff_request.effected",
            staff_request(proto::staff_request_record::Record::Effected(proto::StaffChangeEffected {
                hindered: "该人员已经离开".into(),
            })),
        ),
        (
            "step.fee_issued",
            step(Step::FeeIssued(proto::FeeIssued {
                number: 1,
                lines: vec![proto::FeeLine {
                    code: "ga-sfz-hl".into(),
                    quantity: 1,
                    price_fen: 2000,
                    waived_fen: 2000,
                    ground: "城乡低保对象初次换领".into(),
                }],
                until: 20_260_710,
                department: "ga-station".into(),
            })),
        ),
        ("step.fee_paid", step(Step::FeePaid(fee_paid()))),
        ("step.fee_voided", step(Step::FeeVoided(proto::FeeVoided { notice: 1, reason: "数量有误".into() }))),
        ("step.fee_abandoned", step(Step::FeeAbandoned(proto::FeeAbandoned { notice: 2 }))),
        ("side.fee_paid", side(Side::FeePaid(fee_paid()))),
        ("side.refund_requested", side(Side::RefundRequested(proto::RefundRequested { notice: 1, amount_fen: 2000 }))),
        ("side.refund_decided", side(Side::RefundDecided(proto::RefundDecided { notice: 1, approved: true }))),
        (
            "side.refund_paid",
            side(Side::RefundPaid(proto::RefundPaid { notice: 1, receipt_number: "退2026-1".into() })),
        ),
        (
            "file",
            proto::PublishedFile { path: "catalogue/items/mz-dibao.toml".into(), version: 2, content: b"x=1".to_vec() }
                .encode_to_vec(),
        ),
        (
            "audit",
            proto::AuditRecord { event: "login.locked".into(), subject: "990106101-03".into(), detail: "five".into() }
                .encode_to_vec(),
        ),
        (
            "link.hello",
            link(Link::Hello(proto::Hello {
                protocol_min: 1,
                protocol_max: 1,
                station: 990_106_101_203,
                software: "0.1.0".into(),
                clock_ms: 1_780_000_000_000,
                instance: Vec::new(),
                compression: 0,
                revoked: false,
            })),
        ),
        (
            "link.hello_of_protocol_5",
            link(Link::Hello(proto::Hello {
                protocol_min: 1,
                protocol_max: 5,
                station: 990_106_101_203,
                software: "0.1.0".into(),
                clock_ms: 1_780_000_000_000,
                instance: vec![0x12; 16],
                compression: 0x0102_0304_0506_0708,
                revoked: false,
            })),
        ),
        (
            "link.hello_to_a_revoked_station",
            link(Link::Hello(proto::Hello {
                protocol_min: 1,
                protocol_max: 5,
                station: 990_106_101_000,
                software: "0.1.0".into(),
                clock_ms: 1_780_000_000_000,
                instance: vec![0x13; 16],
                compression: 0x0102_0304_0506_0708,
                revoked: true,
            })),
        ),
        ("link.branch_wanted", link(Link::BranchWanted(proto::BranchWanted { log: Some(log()), from: 2 }))),
        (
            "link.entries_wanted",
            link(Link::EntriesWanted(proto::EntriesWanted { log: Some(log()), from: 2, until: 0 })),
        ),
        (
            "link.entries_wanted_until",
            link(Link::EntriesWanted(proto::EntriesWanted { log: Some(log()), from: 2, until: 5 })),
        ),
        (
            "link.entries_again",
            link(Link::EntriesAgain(proto::EntriesAgain {
                run: Some(run.clone()),
                case_keys: vec![proto::CaseKey { case_id: vec![0x33; 16], key: vec![0xdd; 32] }],
            })),
        ),
        ("link.have", link(Link::Have(proto::Have { heads: vec![head()] }))),
        (
            "link.entries",
            link(Link::Entries(proto::Entries {
                batch: 1,
                runs: vec![run.clone()],
                case_keys: vec![proto::CaseKey { case_id: vec![0x33; 16], key: vec![0xdd; 32] }],
            })),
        ),
        (
            "link.bare_entries",
            link(Link::BareEntries(proto::BareEntries {
                entries: Some(proto::Entries {
                    batch: 1,
                    runs: vec![run],
                    case_keys: vec![proto::CaseKey { case_id: vec![0x33; 16], key: vec![0xdd; 32] }],
                }),
                parts: vec![proto::BarePart {
                    entry: 1,
                    check: 0x0102_0304,
                    prev_at: 55,
                    sealed_at: 130,
                    case_key: 2,
                    nonce: vec![0xbb; 24],
                    little: true,
                    length: 3,
                }],
                texts: vec![0x28, 0xb5, 0x2f],
            })),
        ),
        ("link.ack", link(Link::Ack(proto::Ack { batch: 1, receipts: vec![receipt()] }))),
        ("link.receipts", link(Link::Receipts(proto::Receipts { receipts: vec![receipt()] }))),
        (
            "link.log_refused",
            link(Link::LogRefused(proto::LogRefused {
                log: Some(log()),
                seq: 3,
                reason: proto::RefusalReason::Fork.into(),
                detail: "other hash".into(),
            })),
        ),
        ("link.packed", link(Link::Packed(proto::Packed { data: vec![0x28, 0xb5, 0x2f].into(), last: true }))),
        (
            "link.conditions",
            link(Link::Conditions(proto::Conditions {
                stations: vec![proto::StationCondition {
                    station: 990_106_101_203,
                    age_ms: 4000,
                    software: "0.2.0".into(),
                    entries_unconfirmed: 12,
                    unconfirmed_for_ms: 90_000_000,
                    attachments_missing: 1,
                    attachments_unconfirmed: 3,
                    attachment_bytes: 5_000_000,
                    disk_free_bytes: 12_000_000_000,
                    disk_total_bytes: 64_000_000_000,
                    clock_offset_ms: Some(-1500),
                    writable: true,
                    quarantined: 2,
                    linked_for_ms: 7_200_000,
                }],
            })),
        ),
        ("link.ping", link(Link::Ping(proto::Ping { clock_ms: 1_780_000_000_000 }))),
        (
            "link.goodbye",
            link(Link::Goodbye(proto::Goodbye { reason: "stop".into(), come_back_after_ms: 5000, revoked: false })),
        ),
        (
            "link.goodbye_to_revoked",
            link(Link::Goodbye(proto::Goodbye { reason: "stop".into(), come_back_after_ms: 5000, revoked: true })),
        ),
        (
            "attachment.request",
            attachment(attachment_message::Message::Request(proto::ChunkRequest {
                case_id: vec![0x33; 16],
                attachment_id: vec![0x44; 32],
                first_chunk: 1,
                count: 16,
                want_manifest: true,
                urgent: false,
                tell: false,
            })),
        ),
        (
            "attachment.reply",
            attachment(attachment_message::Message::Reply(proto::ChunkReply {
                attachment_id: vec![0x44; 32],
                manifest: vec![0xee; 64],
                size: 40_000,
                chunk: 1,
                data: vec![7; 8].into(),
                last: true,
                held_by: Vec::new(),
                now_here: false,
            })),
        ),
        (
            "attachment.urgent_request",
            attachment(attachment_message::Message::Request(proto::ChunkRequest {
                case_id: vec![0x33; 16],
                attachment_id: vec![0x44; 32],
                first_chunk: 17,
                count: 8,
                want_manifest: false,
                urgent: true,
                tell: true,
            })),
        ),
        (
            "attachment.now_here",
            attachment(attachment_message::Message::Reply(proto::ChunkReply {
                attachment_id: vec![0x44; 32],
                size: 40_000,
                chunk: 17,
                last: true,
                now_here: true,
                ..proto::ChunkReply::default()
            })),
        ),
        (
            "attachment.who_holds",
            attachment(attachment_message::Message::Request(proto::ChunkRequest {
                case_id: vec![0x33; 16],
                attachment_id: vec![0x44; 32],
                first_chunk: u32::MAX,
                count: 1,
                want_manifest: false,
                urgent: false,
                tell: true,
            })),
        ),
        (
            "attachment.held_by",
            attachment(attachment_message::Message::Reply(proto::ChunkReply {
                attachment_id: vec![0x44; 32],
                chunk: u32::MAX,
                last: true,
                held_by: vec![990_106_101_203, 990_106_101_000],
                ..proto::ChunkReply::default()
            })),
        ),
        (
            "bundle.head",
            frame(Frame::Head(proto::BundleHead {
                version: 1,
                certificate: vec![1; 9],
                receiver: 990_106_101_203,
                receiver_key: vec![0x11; 32],
                created_ms: 1_780_000_000_000,
            })),
        ),
        (
            "bundle.link",
            frame(Frame::Link(proto::LinkMessage { message: Some(Link::Have(proto::Have { heads: vec![head()] })) })),
        ),
        (
            "bundle.attachment",
            frame(Frame::Attachment(proto::AttachmentMessage {
                message: Some(attachment_message::Message::Reply(proto::ChunkReply {
                    attachment_id: vec![0x44; 32],
                    manifest: Vec::new(),
                    size: 40_000,
                    chunk: 1,
                    data: vec![7; 8].into(),
                    last: true,
                    held_by: Vec::new(),
                    now_here: false,
                })),
            })),
        ),
        ("bundle.end", frame(Frame::End(proto::BundleEnd { frames: 7 }))),
        (
            "bundle.enrolment",
            frame(Frame::Enrolment(proto::BundleEnrolment {
                certificate: vec![0x30, 1],
                authority: vec![0x30, 2],
                upstream: "town.example:7100".into(),
            })),
        ),
    ]
}

#[test]
fn release_1_is_frozen() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/release-1.txt");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let mut frozen: BTreeMap<&str, &str> = stored.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut added = String::new();
    for (name, bytes) in values().into_iter().chain(matter::values()) {
        match frozen.remove(name) {
            Some(kept) => assert_eq!(hex(&bytes), kept, "the bytes of {name} have changed"),
            None => added.push_str(&format!("{name} {}\n", hex(&bytes))),
        }
    }
    assert!(frozen.is_empty(), "no value here for the frozen {:?}", frozen.keys());
    if std::env::var_os("ADD_GOLDEN").is_some() {
        std::fs::write(&path, stored + &added).expect("the golden file can be written");
    } else {
        assert!(added.is_empty(), "not frozen yet, run ADD_GOLDEN=1 cargo test -p sanji-proto --test golden:\n{added}");
    }
}

/// A reader of this release skips what a later one adds, and still finds its own fields.
#[test]
fn unknown_fields_do_not_hide_the_known_ones() {
    let mut bytes = entry().encode_to_vec();
    bytes.extend_from_slice(&[0xfa, 0x07, 3, b'n', b'e', b'w']); // field 127, length-delimited
    assert_eq!(proto::Entry::decode(bytes.as_slice()).expect("decodes"), entry());
}
