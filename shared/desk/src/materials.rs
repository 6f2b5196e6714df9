//! Materials in a form: what the item asks for, what was ticked, and the files that came along.

use sanji_domain::Item;
use sanji_domain::catalogue::MaterialForm;
use sanji_log::{AttachmentId, StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::form::{Faults, Form};
use crate::office::{Actor, Failure};
use crate::problem::Problem;
use crate::state::Desk;

/// The written mandate is a material of most items; an agent who records a mandate has it in hand.
const MANDATE_MATERIAL: &str = "委托代办书";

/// One material as a form shows it.
pub(crate) struct MaterialField {
    /// Name of its inputs, `materials[0]` and so on.
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) form: &'static str,
    pub(crate) mandatory: bool,
    /// Whether other offices provide it.
    pub(crate) shared: bool,
    pub(crate) when: String,
    pub(crate) issuer: String,
    pub(crate) note: String,
    /// How many are asked for, at least one of either kind.
    pub(crate) originals: u32,
    pub(crate) copies: u32,
    pub(crate) originals_in: bool,
    pub(crate) copies_in: bool,
    pub(crate) kept: Vec<KeptFile>,
}

impl MaterialField {
    /// Whether it has to be handed in and nothing of it has been.
    pub(crate) fn is_missing(&self) -> bool {
        self.mandatory && !self.shared && !self.originals_in && !self.copies_in && self.kept.is_empty()
    }
}

/// A file that the station has stored already.
pub(crate) struct KeptFile {
    /// Attachment id and file name, as the form carries them on.
    pub(crate) value: String,
    pub(crate) name: String,
}

/// Name of a material's inputs, as refusals name it too.
fn field_of(index: usize) -> String {
    format!("materials[{index}]")
}

/// The materials of an item with what a form says of them. `mandated`: the form records a mandate.
pub(crate) fn fields(item: &Item, form: &Form, mandated: bool) -> Vec<MaterialField> {
    let field = |(index, material): (usize, &sanji_domain::catalogue::Material)| {
        let field = field_of(index);
        let shared = material.form == MaterialForm::Shared;
        MaterialField {
            name: material.name.clone(),
            form: material.form.term(),
            mandatory: material.mandatory,
            shared,
            when: material.when.clone().unwrap_or_default(),
            issuer: material.issuer.clone(),
            note: material.note.clone().unwrap_or_default(),
            originals: if material.originals + material.copies == 0 { 1 } else { material.originals },
            copies: material.copies,
            originals_in: form.ticked(&format!("{field}.originals")) || mandated && is_mandate(&material.name),
            copies_in: form.ticked(&format!("{field}.copies")),
            kept: kept_files(form, &field),
            field,
        }
    };
    item.materials.iter().enumerate().map(field).collect()
}

fn is_mandate(material: &str) -> bool {
    material.contains(MANDATE_MATERIAL)
}

/// The materials of a form that were handed in. `mandated`: the form records a mandate.
pub(crate) fn inputs(item: &Item, form: &Form, mandated: bool) -> Vec<proto::MaterialInput> {
    let mut inputs = Vec::new();
    for (index, material) in item.materials.iter().enumerate() {
        let field = field_of(index);
        let mut originals = form.number(&format!("{field}.originals"));
        let copies = form.number(&format!("{field}.copies"));
        if mandated && is_mandate(&material.name) {
            originals = originals.max(1);
        }
        let attachments = attachments(form, &field);
        if originals + copies > 0 || !attachments.is_empty() {
            let material = u32::try_from(index).unwrap_or(u32::MAX);
            inputs.push(proto::MaterialInput { material, originals, copies, attachments });
        }
    }
    inputs
}

/// The stored files of one field.
pub(crate) fn kept_files(form: &Form, field: &str) -> Vec<KeptFile> {
    kept(form, field).map(|(value, name)| KeptFile { value: value.to_owned(), name: name.to_owned() }).collect()
}

/// Ids of the stored files of one field.
pub(crate) fn attachments(form: &Form, field: &str) -> Vec<Vec<u8>> {
    kept(form, field)
        .filter_map(|(value, _)| value.get(..64)?.parse::<AttachmentId>().ok())
        .map(|id| id.as_bytes().to_vec())
        .collect()
}

/// Values of the stored files of a field, each with its file name.
fn kept<'a>(form: &'a Form, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let wanted = format!("{field}.kept");
    form.lasting()
        .filter(move |(name, _)| *name == wanted)
        .filter_map(|(_, value)| Some((value.as_str(), value.split_once('|')?.1)))
}

/// Which stations of a case's line, but the one `here`, hold a file; empty where all do. `home` is where the case was
/// opened, `held_by` the stations that are known to hold the file.
pub(crate) fn whereabouts(here: StationCode, home: u64, held_by: &[u64]) -> String {
    let line = std::iter::successors(StationCode::from_number(home).ok(), |station| station.parent());
    let others: Vec<_> =
        line.filter(|station| *station != here).map(|station| (station, held_by.contains(&station.number()))).collect();
    if others.iter().all(|(_, holds)| *holds) {
        return String::new();
    }
    let words = |(station, holds): &(StationCode, bool)| match (station.tier(), holds) {
        (Tier::Village, true) => "村站已收",
        (Tier::Village, false) => "村站待收",
        (Tier::Township, true) => "乡镇已收",
        (Tier::Township, false) => "乡镇待收",
        (Tier::District, true) => "区中心已收",
        (Tier::District, false) => "区中心待收",
    };
    others.iter().map(words).collect::<Vec<_>>().join("，")
}

/// Stores the files of a form as attachments and remembers them in it. A file that the desk doesn't take
/// becomes a fault of its field.
pub(crate) async fn store_uploads(
    desk: &Desk,
    actor: &Actor,
    form: &mut Form,
    head: &proto::AttachmentHead,
    faults: &mut Faults,
) -> Result<(), Problem> {
    for upload in form.take_files() {
        let field = upload.field.strip_suffix(".files").unwrap_or(&upload.field).to_owned();
        let Some(media_type) = upload.media_type else {
            faults.add(field, format!("“{}”不是JPG、PNG或PDF文件，请重新拍照或扫描。", upload.file_name));
            continue;
        };
        let max_bytes = desk.office().attachment_max_bytes();
        if upload.content.len() as u64 > max_bytes {
            let limit = max_bytes >> 20;
            faults.add(field, format!("“{}”超过{limit} MB，请压缩后再上传，或者分成几个文件上传。", upload.file_name));
            continue;
        }
        let head = proto::AttachmentHead {
            file_name: upload.file_name.clone(),
            media_type: media_type.to_owned(),
            size: u64::try_from(upload.content.len()).unwrap_or(u64::MAX),
            ..head.clone()
        };
        match desk.office().put_attachment(actor, head, upload.content).await {
            Ok(id) => form.push(format!("{field}.kept"), format!("{id}|{}", upload.file_name)),
            Err(Failure::Refused(refusal)) => faults.add(field, refusal.sentence),
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_who_else_has_it_until_all_have() {
        let (village, township, district) = (990_106_101_203, 990_106_101_000, 990_106_000_000);
        let check = |here, held_by: &[u64], expect: &str| {
            let here = StationCode::from_number(here).unwrap_or_else(|_| unreachable!("a known code"));
            assert_eq!(whereabouts(here, village, held_by), expect);
        };
        check(village, &[village], "乡镇待收，区中心待收");
        check(village, &[village, township], "乡镇已收，区中心待收");
        check(village, &[village, township, district], "");
        check(district, &[village, township], "");
        check(district, &[village], "村站已收，乡镇待收");
    }
}
