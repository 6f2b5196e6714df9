//! The part of an entry that only people on the case's route may read. It is sealed under the key of its case before
//! it enters the entry; here it is in plain form.

use std::fmt;

use prost::Message;
use sanji_log::AttachmentId;
use sanji_proto::v1 as proto;

use super::codec::{Error, field};

/// Personal data and words of one entry. Its `Debug` form says nothing of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Private {
    /// With the opening of the case only.
    pub applicant: Option<Applicant>,
    /// Answers of the form: label of the field and value.
    pub answers: Vec<(String, String)>,
    /// Reason, opinion, objection or remark.
    pub words: String,
    /// What the applicant must do, one for each fault of a correction.
    pub requirements: Vec<String>,
    /// Six digits with which the applicant can look the case up. With the opening only.
    pub query_code: String,
    /// Who signed for the delivery.
    pub receiver: String,
    /// Names of the entry's attachments.
    pub attachment_names: Vec<AttachmentName>,
    /// The two witnesses where the applicant can't sign the mandate.
    pub witnesses: String,
}

/// The person or body that applies.
#[derive(Clone, PartialEq, Eq)]
pub struct Applicant {
    /// Official name.
    pub name: String,
    /// Citizen identity number or unified social credit code, checked and normalised before it was written.
    pub id_number: String,
    /// Empty: not given.
    pub telephone: String,
    /// Empty: not given.
    pub address: String,
}

/// How an attachment is called.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentName {
    /// Its root hash.
    pub id: AttachmentId,
    /// Its name as handed in.
    pub file_name: String,
    /// For example `image/jpeg`.
    pub media_type: String,
}

impl Private {
    /// Words alone, as they were checked.
    #[must_use]
    pub fn of_words(words: String) -> Self {
        Self { words, ..Self::default() }
    }

    /// Whether there is nothing to seal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The plain bytes, to be compressed and sealed.
#[must_use]
pub fn encode_private(private: Private) -> Vec<u8> {
    let Private { applicant, answers, words, requirements, query_code, receiver, attachment_names, witnesses } =
        private;
    proto::Private {
        applicant: applicant.map(|applicant| proto::Applicant {
            name: applicant.name,
            id_number: applicant.id_number,
            telephone: applicant.telephone,
            address: applicant.address,
        }),
        answers: answers.into_iter().map(|(field, value)| proto::Answer { field, value }).collect(),
        words,
        requirements,
        query_code,
        receiver,
        attachment_names: attachment_names
            .into_iter()
            .map(|name| proto::AttachmentName {
                id: name.id.0.to_vec(),
                file_name: name.file_name,
                media_type: name.media_type,
            })
            .collect(),
        witnesses,
    }
    .encode_to_vec()
}

/// Reads the plain bytes.
///
/// # Errors
/// [`Error`] where they are not a `Private`, or name an attachment wrongly.
pub fn decode_private(bytes: &[u8]) -> Result<Private, Error> {
    let message = proto::Private::decode(bytes).map_err(|source| Error::Decode { message: "Private", source })?;
    Ok(Private {
        applicant: message.applicant.map(|applicant| Applicant {
            name: applicant.name,
            id_number: applicant.id_number,
            telephone: applicant.telephone,
            address: applicant.address,
        }),
        answers: message.answers.into_iter().map(|answer| (answer.field, answer.value)).collect(),
        words: message.words,
        requirements: message.requirements,
        query_code: message.query_code,
        receiver: message.receiver,
        attachment_names: message
            .attachment_names
            .into_iter()
            .map(|name| {
                let id = AttachmentId::try_from(name.id.as_slice())
                    .map_err(|_| field("AttachmentName", "id", "is not 32 bytes"))?;
                Ok(AttachmentName { id, file_name: name.file_name, media_type: name.media_type })
            })
            .collect::<Result<_, Error>>()?,
        witnesses: message.witnesses,
    })
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}

impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Applicant(..)")
    }
}

impl fmt::Debug for AttachmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachmentName({:?})", self.id)
    }
}
