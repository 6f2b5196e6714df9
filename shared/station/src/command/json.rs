//! Messages of the contract as JSON: the canonical mapping of proto3, with the names of the `.proto` files and
//! numbers as numbers. Bytes are base64.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use super::Error;

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(sanji_proto::DESCRIPTORS).ok());

fn descriptor(name: &str) -> Result<MessageDescriptor, Error> {
    POOL.as_ref()
        .and_then(|pool| pool.get_message_by_name(&format!("sanji.v1.{name}")))
        .ok_or_else(|| Error::Input(format!("the contract has no message {name}")))
}

/// Shows a message as JSON. `name` is that of the message in the contract. Fields that are absent are left out.
///
/// # Errors
/// [`Error::Input`] where the contract has no such message.
pub(super) fn show<M: Message>(name: &str, message: &M) -> Result<Value, Error> {
    let mut dynamic = DynamicMessage::new(descriptor(name)?);
    let unreadable = |fault: &dyn std::fmt::Display| Error::Input(format!("{name} can't be shown as JSON: {fault}"));
    dynamic.transcode_from(message).map_err(|fault| unreadable(&fault))?;
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    dynamic.serialize_with_options(serde_json::value::Serializer, &options).map_err(|fault| unreadable(&fault))
}

/// Reads a message from JSON; a field that the message does not have is refused.
///
/// # Errors
/// [`Error::Input`] with what is wrong, in one line.
pub(super) fn read<M: Message + Default>(name: &str, json: Value) -> Result<M, Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(descriptor(name)?, json, &options)
        .map_err(|fault| fault.to_string())
        .and_then(|dynamic| dynamic.transcode_to().map_err(|fault| fault.to_string()))
        .map_err(|fault| Error::Input(format!("not a valid {name}: {fault}")))
}

/// Bytes as JSON has them.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::String(data_encoding::BASE64.encode(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sanji_proto::v1 as proto;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_and_its_json_are_the_same() {
        let json = json!({
            "request": "AAECAwQFBgcICQoLDA0ODw==",
            "item": "mz-dibao",
            "applicant": { "name": "某人", "id_number": "11010519491231002X" },
            "village": 990_106_101_203_u64,
            "mandate": { "may_submit": true },
            "materials": [{ "material": 1, "copies": 2 }],
        });
        let message: proto::SubmitRequest = read("SubmitRequest", json.clone()).unwrap();
        assert_eq!(message.request, (0..16).collect::<Vec<u8>>());
        assert_eq!(show("SubmitRequest", &message).unwrap(), json);
    }

    #[test]
    fn wrong_json_is_refused_in_one_line() {
        let fault =
            read::<proto::SubmitRequest>("SubmitRequest", json!({ "itm": "mz-dibao" })).unwrap_err().to_string();
        assert!(
            fault.starts_with("not a valid SubmitRequest: ") && fault.contains("itm") && !fault.contains('\n'),
            "{fault}"
        );
    }
}
