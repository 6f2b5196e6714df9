//! The part of a matter's entry that is sealed under the key of the matter; here in plain form.

use std::fmt;

use prost::Message;
use sanji_log::AttachmentId;
use sanji_proto::v1 as proto;

use crate::case::AttachmentName;

/// Personal data and words of one entry. Its `Debug` form says nothing of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MatterPrivate {
    /// Who complains or asks, in the opening only; empty: anonymous.
    pub name: String,
    /// Empty: not given.
    pub telephone: String,
    /// Empty: not given.
    pub address: String,
    /// What the acting person says.
    pub words: String,
    /// What the person who complains or asks is told.
    pub reply: String,
    /// Six digits with which that person can look the matter up. In the opening only.
    pub query_code: String,
    /// The person complained about, in the words of whoever complains.
    pub against: String,
    /// Names of the entry's attachments.
    pub attachment_names: Vec<AttachmentName>,
}

impl MatterPrivate {
    /// Words alone.
    #[must_use]
    pub fn of_words(words: &str) -> Self {
        Self { words: words.to_owned(), ..Self::default() }
    }

    /// Whether there is nothing to seal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The plain text to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::MatterPrivate {
            name: self.name.clone(),
            telephone: self.telephone.clone(),
            address: self.address.clone(),
            words: self.words.clone(),
            reply: self.reply.clone(),
            query_code: self.query_code.clone(),
            against: self.against.clone(),
            attachment_names: self.attachment_names.iter().map(name_message).collect(),
        }
        .encode_to_vec()
    }

    /// Reads a plain text. None: it is not one.
    #[must_use]
    pub fn decode(plain: &[u8]) -> Option<Self> {
        let message = proto::MatterPrivate::decode(plain).ok()?;
        Some(Self {
            name: message.name,
            telephone: message.telephone,
            address: message.address,
            words: message.words,
            reply: message.reply,
            query_code: message.query_code,
            against: message.against,
            attachment_names: message.attachment_names.into_iter().filter_map(name).collect(),
        })
    }
}

fn name_message(name: &AttachmentName) -> proto::AttachmentName {
    proto::AttachmentName {
        id: name.id.0.to_vec(),
        file_name: name.file_name.clone(),
        media_type: name.media_type.clone(),
    }
}

fn name(message: proto::AttachmentName) -> Option<AttachmentName> {
    let id = AttachmentId::try_from(message.id.as_slice()).ok()?;
    Some(AttachmentName { id, file_name: message.file_name, media_type: message.media_type })
}

impl fmt::Debug for MatterPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatterPrivate")
    }
}
