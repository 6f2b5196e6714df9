//! Files that a command names: sent before the command that refers to them.

use std::io::Write as _;
use std::path::Path;

use sanji_log::CaseNumber;
use sanji_proto::v1 as proto;
use sanji_proto::v1::put_attachment_request::Part;
use serde_json::{Map, Value};

use super::{At, Client, Error, json};

/// Bytes of one part of the stream, as the contract bounds them.
const PART_BYTES: usize = 65_536;

/// Stores the files that a command names and puts their ids in place of the names: "files" of a material become
/// "attachments", "photograph_files" of a publicity become "photographs".
pub(super) async fn store_all(
    client: &Client,
    command: &mut Map<String, Value>,
    folder: &Path,
    head: &proto::AttachmentHead,
) -> Result<(), Error> {
    if let Some(Value::Array(materials)) = command.get_mut("materials") {
        for material in materials.iter_mut().filter_map(Value::as_object_mut) {
            store(client, material, ("files", "attachments"), folder, head).await?;
        }
    }
    store(client, command, ("photograph_files", "photographs"), folder, head).await
}

/// Stores the files that a command names as "files" and puts their ids into another field.
pub(super) async fn store_named(
    client: &Client,
    command: &mut Map<String, Value>,
    ids: &str,
    folder: &Path,
    head: &proto::AttachmentHead,
) -> Result<(), Error> {
    store(client, command, ("files", ids), folder, head).await
}

async fn store(
    client: &Client,
    object: &mut Map<String, Value>,
    (files, ids): (&str, &str),
    folder: &Path,
    head: &proto::AttachmentHead,
) -> Result<(), Error> {
    let Some(names) = object.remove(files) else { return Ok(()) };
    let wrong = || Error::Input(format!("\"{files}\" is not a list of file names"));
    for name in names.as_array().ok_or_else(wrong)? {
        let path = folder.join(name.as_str().ok_or_else(wrong)?);
        let id = json::bytes(&put(client, &path, head.clone()).await?);
        let list = object.entry(ids).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().ok_or_else(|| Error::Input(format!("\"{ids}\" is not a list")))?.push(id);
    }
    Ok(())
}

async fn put(client: &Client, path: &Path, head: proto::AttachmentHead) -> Result<Vec<u8>, Error> {
    let content =
        std::fs::read(path).map_err(|source| Error::File { operation: "read", path: path.to_owned(), source })?;
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let head = proto::AttachmentHead {
        media_type: media_type(path)?.to_owned(),
        file_name,
        size: content.len() as u64,
        ..head
    };
    let mut parts = vec![Part::Head(head)];
    parts.extend(content.chunks(PART_BYTES).map(|part| Part::Data(part.to_vec())));
    let parts = parts.into_iter().map(|part| proto::PutAttachmentRequest { part: Some(part) });
    Ok(client.cases().put_attachment(tokio_stream::iter(parts)).await?.into_inner().id)
}

fn media_type(path: &Path) -> Result<&'static str, Error> {
    match path.extension().map(|extension| extension.to_ascii_lowercase()).as_deref().and_then(|text| text.to_str()) {
        Some("jpg" | "jpeg") => Ok("image/jpeg"),
        Some("png") => Ok("image/png"),
        Some("pdf") => Ok("application/pdf"),
        _ => Err(Error::Input(format!("{}: only .jpg, .png and .pdf can be attached", path.display()))),
    }
}

/// Writes an attachment of a case to a new file.
pub(super) async fn save(at: &At, case_number: &CaseNumber, id: &str, out: &Path) -> Result<(), Error> {
    let id = data_encoding::BASE64
        .decode(id.as_bytes())
        .map_err(|_| Error::Input(format!("'{id}' is not the id of an attachment in base64")))?;
    let request = proto::GetAttachmentRequest { case_number: case_number.to_string(), id };
    let mut parts = at.connect().await?.cases().get_attachment(request).await?.into_inner();
    let fault = |source| Error::File { operation: "write", path: out.to_owned(), source };
    let mut file = std::fs::File::create_new(out).map_err(fault)?;
    while let Some(part) = parts.message().await? {
        file.write_all(&part.data).map_err(fault)?;
    }
    file.sync_all().map_err(fault)
}
