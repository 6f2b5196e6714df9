//! One value of every message of matter.proto that is stored, every field set.

use prost::Message;
use sanji_proto::v1::{self as proto, matter_side, matter_step};

fn step(step: matter_step::Step) -> Vec<u8> {
    proto::MatterStep {
        rev: 2,
        previous: vec![0x99; 32],
        holder: 990_106_000_000,
        request: vec![0xaa; 16],
        actor_name: "宋兰".into(),
        actor_department: "sp".into(),
        actor_role: "投诉受理".into(),
        private: Some(proto::Sealed { method: 1, nonce: vec![0xbb; 24].into(), ciphertext: vec![0xcc; 20].into() }),
        step: Some(step),
    }
    .encode_to_vec()
}

fn side(side: matter_side::Side) -> Vec<u8> {
    proto::MatterSide {
        actor_name: "宋兰".into(),
        actor_department: "sp".into(),
        actor_role: "投诉受理".into(),
        request: vec![0xaa; 16],
        private: None,
        side: Some(side),
    }
    .encode_to_vec()
}

fn against() -> proto::Against {
    proto::Against { station: 990_106_101_000, department: "township".into(), person: "990106101-03".into() }
}

pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    use matter_side::Side;
    use matter_step::Step;
    let upheld = proto::Finding::Upheld.into();
    let group = proto::SurveyGroup { name: "区直部门".into(), units: vec!["民政局".into()] };
    vec![
        (
            "matter.complaint_registered",
            step(Step::ComplaintRegistered(proto::ComplaintRegistered {
                way: proto::Way::Visit.into(),
                against: Some(against()),
                case_number: "9901061012032026070100427".into(),
                anonymous: true,
                registered_at: 990_106_101_203,
                registered_ms: 1_780_000_000_000,
                letter: vec![0x33; 16],
            })),
        ),
        ("matter.complaint_accepted", step(Step::ComplaintAccepted(proto::ComplaintAccepted {}))),
        ("matter.complaint_refused", step(Step::ComplaintRefused(proto::ComplaintRefused {}))),
        (
            "matter.complaint_assigned",
            step(Step::ComplaintAssigned(proto::ComplaintAssigned { department: "js".into() })),
        ),
        (
            "matter.complaint_investigated",
            step(Step::ComplaintInvestigated(proto::ComplaintInvestigated { finding: upheld })),
        ),
        (
            "matter.complaint_concluded",
            step(Step::ComplaintConcluded(proto::ComplaintConcluded { finding: upheld, propose_suspension: true })),
        ),
        ("matter.letter_sent", step(Step::LetterSent(proto::LetterSent { sealed: vec![7; 40] }))),
        ("matter.letter_opened", step(Step::LetterOpened(proto::LetterOpened {}))),
        (
            "matter.question_asked",
            step(Step::QuestionAsked(proto::QuestionAsked { way: proto::Way::Online.into(), item: "mz-dibao".into() })),
        ),
        (
            "matter.question_answered",
            step(Step::QuestionAnswered(proto::QuestionAnswered {
                public_question: "要多久".into(),
                public_answer: "十个工作日".into(),
            })),
        ),
        (
            "matter.rectification_issued",
            step(Step::RectificationIssued(proto::RectificationIssued {
                source: proto::RectificationSource::Inspection.into(),
                department: "township".into(),
                issuer: 990_106_000_000,
                until: 20_260_731,
                concerns: "9901061012032026070100427".into(),
                title: "窗口无人".into(),
            })),
        ),
        (
            "matter.rectification_reported",
            step(Step::RectificationReported(proto::RectificationReported { evidence: vec![vec![0x44; 32]] })),
        ),
        (
            "matter.rectification_sent_back",
            step(Step::RectificationSentBack(proto::RectificationSentBack { until: 20_260_810 })),
        ),
        ("matter.rectification_closed", step(Step::RectificationClosed(proto::RectificationClosed {}))),
        (
            "matter.survey_opened",
            step(Step::SurveyOpened(proto::SurveyOpened {
                title: "评议".into(),
                groups: vec![group],
                questions: vec!["态度".into()],
                from: 20_260_701,
                until: 20_260_731,
                code_hashes: vec![vec![0x55; 32]],
            })),
        ),
        ("matter.survey_closed", step(Step::SurveyClosed(proto::SurveyClosed { called_in: vec!["民政局".into()] }))),
        ("matter_side.note", side(Side::Note(proto::MatterNote {}))),
        ("matter_side.reminded", side(Side::Reminded(proto::MatterReminded { station: 990_106_101_000 }))),
        ("matter_side.rated", side(Side::Rated(proto::MatterRated { satisfied: true }))),
        ("matter_side.cancelled", side(Side::Cancelled(proto::MatterCancelled {}))),
        (
            "matter_side.survey_answered",
            side(Side::SurveyAnswered(proto::SurveyAnswered { code_hash: vec![0x55; 32], marks: vec![5] })),
        ),
        (
            "matter_private",
            proto::MatterPrivate {
                name: "史真云".into(),
                telephone: "13800000000".into(),
                address: "青岚镇".into(),
                words: "办事拖延".into(),
                reply: "已整改".into(),
                query_code: "012345".into(),
                against: "窗口".into(),
                attachment_names: vec![proto::AttachmentName {
                    id: vec![0x44; 32],
                    file_name: "现场.jpg".into(),
                    media_type: "image/jpeg".into(),
                }],
            }
            .encode_to_vec(),
        ),
        (
            "letter",
            proto::Letter {
                way: proto::Way::Box.into(),
                against: Some(against()),
                case_number: "9901061012032026070100427".into(),
                name: "史真云".into(),
                telephone: "13800000000".into(),
                address: "青岚镇".into(),
                words: "办事拖延".into(),
                query_code: "012345".into(),
                against_words: "窗口".into(),
            }
            .encode_to_vec(),
        ),
        (
            "notice",
            proto::Notice {
                id: vec![0xaa; 16],
                kind: proto::NoticeKind::Circular.into(),
                title: "通报".into(),
                text: "正文".into(),
                from: 20_260_701,
                until: 20_260_731,
                withdrawn: true,
                actor_name: "白英".into(),
            }
            .encode_to_vec(),
        ),
        (
            "side.followed_up",
            proto::CaseSide {
                actor_name: "宋兰".into(),
                actor_department: "sp".into(),
                actor_role: "投诉受理".into(),
                request: vec![0xaa; 16],
                private: None,
                side: Some(proto::case_side::Side::FollowedUp(proto::FollowedUp {
                    what: proto::FollowUp::Rectified.into(),
                })),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
    ]
}
