//! Checks of what people type, common to all actions.

use std::collections::BTreeSet;

use sanji_log::AttachmentId;
use sanji_log::entry::ATTACHMENTS_MAX;

use super::body::MaterialProvided;
use super::command::StoredAttachment;
use super::private::AttachmentName;
use super::refusal::{FieldFault, Refusal, RefusalCode};
use crate::catalogue::Item;

/// Longest text of one field, in characters.
pub(crate) const LONGEST_TEXT: usize = 2000;
/// Longest text of all rows of one command together, in characters: a body stays far below the limit of an entry.
const LONGEST_ROWS: usize = 20_000;
/// Longest number of a document and longest name, in characters.
pub(crate) const LONGEST_NAME: usize = 100;
/// Most answers of a form, and most materials or faults of one command.
pub(crate) const MOST_ROWS: usize = 100;

/// A text without the blanks around it, of at most so many characters.
pub(crate) fn optional(text: &str, field: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > longest {
        let sentence = format!("填写的内容太长，最多{longest}个字，请精简后重新填写。");
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field));
    }
    Ok(text.to_owned())
}

/// A text that must not be empty; the refusal says what to do.
pub(crate) fn required(
    text: &str,
    field: &str,
    longest: usize,
    missing: impl FnOnce() -> Refusal,
) -> Result<String, Refusal> {
    let text = optional(text, field, longest)?;
    if text.is_empty() { Err(missing().at(field)) } else { Ok(text) }
}

/// Several rows, but not endlessly many.
pub(crate) fn at_most<T>(rows: &[T], field: &str) -> Result<(), Refusal> {
    if rows.len() <= MOST_ROWS {
        return Ok(());
    }
    let sentence = format!("一次最多填写{MOST_ROWS}项，请分开办理。");
    Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field))
}

/// Texts of several rows that are not too long together.
pub(crate) fn short_together<'t>(texts: impl Iterator<Item = &'t str>, field: &str) -> Result<(), Refusal> {
    if texts.map(|text| text.chars().count()).sum::<usize>() <= LONGEST_ROWS {
        return Ok(());
    }
    let sentence = format!("填写的内容合计超过{LONGEST_ROWS}个字，请精简，或者作为附件上传。");
    Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field))
}

/// Answers of the form: a label each, none twice.
pub(crate) fn answers(answers: &[(String, String)]) -> Result<Vec<(String, String)>, Refusal> {
    at_most(answers, "answers")?;
    short_together(answers.iter().map(|(_, value)| value.as_str()), "answers")?;
    let mut labels = BTreeSet::new();
    let mut checked = Vec::with_capacity(answers.len());
    for (index, (label, value)) in answers.iter().enumerate() {
        let field = format!("answers[{index}]");
        let label = required(label, &field, LONGEST_NAME, || {
            Refusal::new(RefusalCode::InvalidInput, "表单中有一项没有名称，请核对。")
        })?;
        if !labels.insert(label.clone()) {
            let sentence = format!("表单中的“{label}”填写了两次，请只保留一次。");
            return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field));
        }
        checked.push((label, optional(value, &field, LONGEST_TEXT)?));
    }
    Ok(checked)
}

/// Materials of the item's list, none twice, their attachments stored.
pub(crate) fn materials(
    materials: &[MaterialProvided],
    item: &Item,
    stored: &[StoredAttachment],
) -> Result<(), Refusal> {
    at_most(materials, "materials")?;
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, provided) in materials.iter().enumerate() {
        let sentence = match usize::try_from(provided.material).ok().and_then(|at| item.materials.get(at)) {
            None => "材料目录里没有这一项，请重新选择。".to_owned(),
            Some(material) if !seen.insert(provided.material) => {
                format!("“{}”登记了两次，请合并成一项。", material.name)
            }
            Some(_) => continue,
        };
        faults.push(FieldFault { field: format!("materials[{index}]"), sentence });
    }
    if !faults.is_empty() {
        return Err(Refusal::of_fields(RefusalCode::InvalidInput, faults));
    }
    let named: Vec<AttachmentId> = materials.iter().flat_map(|material| material.attachments.iter().copied()).collect();
    attachments(&named, stored, "materials")
}

/// Every attachment that is named must have been stored, and an entry can't refer to endlessly many.
pub(crate) fn attachments(named: &[AttachmentId], stored: &[StoredAttachment], field: &str) -> Result<(), Refusal> {
    if stored.len() > ATTACHMENTS_MAX || named.len() > ATTACHMENTS_MAX {
        let sentence = format!("一次最多上传{ATTACHMENTS_MAX}个附件，请分次办理。");
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field));
    }
    let known = |id: &AttachmentId| stored.iter().any(|attachment| attachment.reference.id == *id);
    if named.iter().all(known) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::AttachmentUnknown, "有附件没有上传成功，请重新上传后再提交。").at(field))
}

/// The names of attachments, for the sealed part.
pub(crate) fn names(stored: &[StoredAttachment]) -> Vec<AttachmentName> {
    let name = |attachment: &StoredAttachment| AttachmentName {
        id: attachment.reference.id,
        file_name: attachment.file_name.clone(),
        media_type: attachment.media_type.clone(),
    };
    stored.iter().map(name).collect()
}

pub(crate) fn reason_missing(sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::ReasonMissing, sentence)
}

pub(crate) fn basis_missing(sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::BasisMissing, sentence)
}
