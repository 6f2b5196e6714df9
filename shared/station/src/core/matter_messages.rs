//! From the messages of matter.proto to commands: every field is looked at here once.

use std::collections::BTreeSet;

use sanji_domain::calendar::date_of_number;
use sanji_domain::case::StoredAttachment;
use sanji_domain::matter::{
    Against, ComplaintInput, Finding, MatterCommand, QuestionInput, RectificationInput, Source, SurveyInput, Way, codec,
};
use sanji_log::{AttachmentId, Hash, StationCode};
use sanji_proto::v1::{self as proto, act_matter_request::Action};

use super::input_fault;
use crate::error::Failure;

/// A number without the blanks that people type between its groups.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

pub(super) fn complaint(message: proto::OpenComplaint, query_code: String) -> Result<ComplaintInput, Failure> {
    Ok(ComplaintInput {
        way: Some(Way::from_number(message.way)),
        against: against(message.against)?,
        against_words: message.against_words,
        case_number: message.case_number,
        name: message.name,
        telephone: message.telephone,
        address: message.address,
        words: message.words,
        query_code,
    })
}

fn against(message: Option<proto::Against>) -> Result<Against, Failure> {
    codec::against(message.unwrap_or_default())
        .map_err(|_| input_fault("against", "被投诉单位或人员的代码不正确，请重新选择。"))
}

pub(super) fn letter_message(input: &ComplaintInput) -> proto::Letter {
    proto::Letter {
        way: input.way.map_or(0, Way::number),
        against: Some(codec::against_message(&input.against)),
        case_number: input.case_number.clone(),
        name: input.name.clone(),
        telephone: input.telephone.clone(),
        address: input.address.clone(),
        words: input.words.clone(),
        query_code: input.query_code.clone(),
        against_words: input.against_words.clone(),
    }
}

pub(super) fn of_letter(message: proto::Letter) -> Result<ComplaintInput, Failure> {
    Ok(ComplaintInput {
        way: Some(Way::from_number(message.way)),
        against: against(message.against)?,
        against_words: message.against_words,
        case_number: message.case_number,
        name: message.name,
        telephone: message.telephone,
        address: message.address,
        words: message.words,
        query_code: message.query_code,
    })
}

pub(super) fn question(message: proto::OpenQuestion, query_code: String) -> QuestionInput {
    QuestionInput {
        way: Some(Way::from_number(message.way)),
        item: message.item,
        name: message.name,
        telephone: message.telephone,
        words: message.words,
        answer: message.answer,
        query_code,
    }
}

pub(super) fn rectification(message: proto::OpenRectification) -> Result<RectificationInput, Failure> {
    let station =
        StationCode::from_number(message.station).map_err(|_| input_fault("station", "请选择需要整改的站点。"))?;
    Ok(RectificationInput {
        source: Source::from_number(message.source),
        station,
        department: message.department,
        until: date_of_number(message.until),
        concerns: message.concerns,
        title: message.title,
        words: message.words,
    })
}

pub(super) fn survey(message: proto::OpenSurvey, code_hashes: Vec<Hash>) -> SurveyInput {
    SurveyInput {
        title: message.title,
        groups: codec::groups(message.groups),
        questions: message.questions,
        from: date_of_number(message.from),
        until: date_of_number(message.until),
        code_hashes,
    }
}

/// The attachments that an action names.
pub(super) fn named(action: &Action) -> BTreeSet<AttachmentId> {
    match action {
        Action::Report(report) => {
            report.evidence.iter().filter_map(|id| AttachmentId::try_from(id.as_slice()).ok()).collect()
        }
        _ => BTreeSet::new(),
    }
}

pub(super) fn command(action: Action, attachments: Vec<StoredAttachment>) -> Result<MatterCommand, Failure> {
    Ok(match action {
        Action::Accept(proto::AcceptComplaint {}) => MatterCommand::Accept,
        Action::Refuse(refuse) => MatterCommand::Refuse { reason: refuse.reason },
        Action::Assign(assign) => MatterCommand::Assign { department: assign.department, words: assign.words },
        Action::Investigate(found) => {
            MatterCommand::Investigate { finding: Finding::from_number(found.finding), words: found.words }
        }
        Action::Conclude(conclude) => MatterCommand::Conclude {
            finding: Finding::from_number(conclude.finding),
            words: conclude.words,
            reply: conclude.reply,
            propose_suspension: conclude.propose_suspension,
        },
        Action::OpenLetter(proto::OpenLetter {}) => MatterCommand::OpenLetter,
        Action::Answer(answer) => MatterCommand::Answer {
            reply: answer.reply,
            public_question: answer.public_question,
            public_answer: answer.public_answer,
        },
        Action::Report(report) => {
            let evidence = report.evidence.iter().map(|id| AttachmentId::try_from(id.as_slice()));
            let evidence = evidence.collect::<Result<_, _>>();
            let evidence = evidence.map_err(|_| input_fault("evidence", "附件编号不正确，请重新上传附件。"))?;
            MatterCommand::Report { words: report.words, evidence, attachments }
        }
        Action::SendBack(back) => MatterCommand::SendBack { until: date_of_number(back.until), words: back.words },
        Action::Close(close) => MatterCommand::Close { words: close.words },
        Action::CloseSurvey(close) => MatterCommand::CloseSurvey { called_in: close.called_in },
        Action::Note(note) => MatterCommand::Note { words: note.words },
        Action::Remind(proto::RemindMatter {}) => MatterCommand::Remind,
        Action::Rate(rate) => MatterCommand::Rate { satisfied: rate.satisfied, words: rate.words },
        Action::Cancel(cancel) => MatterCommand::Cancel { reason: cancel.reason },
    })
}
