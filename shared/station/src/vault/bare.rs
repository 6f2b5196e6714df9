//! Private parts laid bare for the way over a thin line, and sealed again behind it.
//!
//! What is encrypted does not shrink, and forms shrink little each by itself. A receiver that is handed the key of a
//! case together with the entry that opens it may as well be handed the form: then all forms of a message shrink
//! together, to a third. Compressing, encrypting and hashing are functions of their input, so the receiver gets the very
//! bytes that the writer wrote, provided that both have the same [`fingerprint`](crate::compression::fingerprint); each
//! part carries a check of that.
//! What the receiver can tell for itself, the hash of the entry before, stays away too.
//!
//! Who can see how long a message is, and has an application filed in the same moment that guesses at another's words,
//! could learn from the length whether the guess is right. Each guess takes a person at a counter, so this is accepted
//! for the lines that need it; on quick lines nothing is laid bare.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message as _;
use sanji_log::{CaseId, EntryBytes, Hash};
use sanji_proto::v1::{self as proto, Kind};

use super::{CaseKey, Error, NONCE_BYTES};
use crate::compression::{Dictionary, Effort, compress, decompress};

/// Most bytes of plain text in one message.
const TEXTS_MAX_BYTES: usize = 2 << 20;

/// Lays bare what can be sealed again from what the message says.
///
/// # Errors
/// The message itself where it has nothing of the kind.
pub(crate) fn lay_bare(entries: proto::Entries) -> Result<proto::BareEntries, proto::Entries> {
    // Only what opens a case is laid bare, and its key comes with it.
    if entries.case_keys.is_empty() {
        return Err(entries);
    }
    let bared = bare_parts(&entries);
    if bared.is_empty() {
        return Err(entries);
    }
    let texts: Vec<u8> = bared.iter().flat_map(|bared| &bared.text).copied().collect();
    match compress(&texts, Dictionary::Forms, Effort::Much) {
        Ok(texts) => Ok(less(entries, bared, texts)),
        Err(_) => Err(entries),
    }
}

/// What can be cut out of an entry.
struct Bared {
    part: proto::BarePart,
    text: Vec<u8>,
    /// The entry without what the part stands for.
    rest: Bytes,
}

fn bare_parts(entries: &proto::Entries) -> Vec<Bared> {
    let keys: HashMap<&[u8], (u32, &proto::CaseKey)> =
        (0..).zip(&entries.case_keys).map(|(at, key)| (key.case_id.as_slice(), (at, key))).collect();
    let (mut all, mut texts_bytes, mut number) = (Vec::new(), 0, 0);
    for run in &entries.runs {
        let mut before = None;
        for entry in &run.entries {
            let hash = EntryBytes(entry.clone()).hash();
            if let Some(mut bared) = bare(entry, before, &keys)
                && texts_bytes + bared.text.len() <= TEXTS_MAX_BYTES
            {
                texts_bytes += bared.text.len();
                (bared.part.entry, bared.part.check) = (number, check(&hash));
                all.push(bared);
            }
            (before, number) = (Some(hash), number + 1);
        }
    }
    all
}

/// None: the entry does not open a case, has no private part, or sealing that again would give something else.
fn bare(encoded: &Bytes, before: Option<Hash>, keys: &HashMap<&[u8], (u32, &proto::CaseKey)>) -> Option<Bared> {
    let entry = proto::Entry::decode(encoded.clone()).ok()?;
    if !entry.opens_case || entry.kind != Kind::CaseStep as u32 {
        return None;
    }
    let (case_key, key) = keys.get(entry.case_id.as_ref())?;
    let sealed = proto::CaseStep::decode(entry.body).ok()?.private?;
    let key = case_and_key(key)?;
    let text = key.1.open(&key.0, &sealed).ok()?;
    let (sealed_at, rest) = cut(encoded, &sealed.encode_to_vec())?;
    let prev = before.filter(|hash| hash.0 == entry.prev.as_ref());
    let (prev_at, rest) = prev.and_then(|hash| cut(&rest, &hash.0)).unwrap_or((0, rest));
    let part = proto::BarePart {
        prev_at,
        sealed_at,
        case_key: *case_key,
        nonce: sealed.nonce.into(),
        length: u32::try_from(text.len()).ok()?,
        ..proto::BarePart::default()
    };
    // Which effort it was is told by nothing but the outcome.
    let mut tries = [false, true].map(|little| proto::BarePart { little, ..part.clone() }).into_iter();
    let part = tries.find(|part| whole(&rest, part, &text, &key, before).is_some_and(|again| again == encoded))?;
    Some(Bared { part, text, rest })
}

/// The place of a piece, and the bytes without it.
fn cut(bytes: &Bytes, piece: &[u8]) -> Option<(u32, Bytes)> {
    let at = bytes.windows(piece.len()).position(|window| window == piece)?;
    let rest = [&bytes[..at], &bytes[at + piece.len()..]].concat();
    Some((u32::try_from(at).ok()?, rest.into()))
}

fn less(mut entries: proto::Entries, bared: Vec<Bared>, texts: Vec<u8>) -> proto::BareEntries {
    let mut bared = bared.into_iter().peekable();
    let mut parts = Vec::new();
    for (number, entry) in (0..).zip(entries.runs.iter_mut().flat_map(|run| &mut run.entries)) {
        if let Some(Bared { part, rest, .. }) = bared.next_if(|bared| bared.part.entry == number) {
            *entry = rest;
            parts.push(part);
        }
    }
    proto::BareEntries { entries: Some(entries), parts, texts }
}

/// Undoes [`lay_bare`].
///
/// # Errors
/// [`Error::Unreadable`] where the parts do not fit the entries, or sealing them gives other bytes here.
pub(crate) fn restore(bare: proto::BareEntries) -> Result<proto::Entries, Error> {
    let mut entries = bare.entries.ok_or(Error::Unreadable)?;
    let texts = decompress(&bare.texts, Dictionary::Forms, TEXTS_MAX_BYTES).map_err(|_| Error::Unreadable)?;
    let keys: Vec<_> = entries.case_keys.iter().map(case_and_key).collect();
    let (mut texts, mut parts) = (texts.as_slice(), bare.parts.into_iter().peekable());
    let mut number = 0;
    for run in &mut entries.runs {
        let mut before = None;
        for entry in &mut run.entries {
            let mut wanted = None;
            if let Some(part) = parts.next_if(|part| part.entry == number) {
                let (text, later) = texts.split_at_checked(part.length as usize).ok_or(Error::Unreadable)?;
                texts = later;
                let key = keys.get(part.case_key as usize).and_then(Option::as_ref).ok_or(Error::Unreadable)?;
                wanted = Some(part.check);
                *entry = whole(entry, &part, text, key, before).ok_or(Error::Unreadable)?;
            }
            let hash = EntryBytes(entry.clone()).hash();
            if wanted.is_some_and(|wanted| wanted != check(&hash)) {
                return Err(Error::Unreadable);
            }
            (before, number) = (Some(hash), number + 1);
        }
    }
    // Also where two parts name one entry, or one that is not there.
    if parts.next().is_some() { Err(Error::Unreadable) } else { Ok(entries) }
}

/// An entry with what the part stands for.
fn whole(
    rest: &Bytes,
    part: &proto::BarePart,
    text: &[u8],
    (case, key): &(CaseId, CaseKey),
    before: Option<Hash>,
) -> Option<Bytes> {
    let effort = if part.little { Effort::Little } else { Effort::Much };
    let nonce = <[u8; NONCE_BYTES]>::try_from(part.nonce.as_slice()).ok()?;
    let sealed = key.seal(case, text, nonce, effort).ok()?.encode_to_vec();
    let with_prev = match part.prev_at {
        0 => rest.clone(),
        at => put(rest, at, &before?.0)?,
    };
    put(&with_prev, part.sealed_at, &sealed)
}

/// Undoes [`cut`].
fn put(rest: &Bytes, at: u32, piece: &[u8]) -> Option<Bytes> {
    let (first, last) = rest.split_at_checked(at as usize)?;
    Some([first, piece, last].concat().into())
}

/// None: the key was destroyed, or is none.
fn case_and_key(key: &proto::CaseKey) -> Option<(CaseId, CaseKey)> {
    let case = CaseId::from_bytes(&key.case_id).ok()?;
    Some((case, CaseKey::from_bytes(key.key.as_slice().try_into().ok()?)))
}

fn check(hash: &Hash) -> u32 {
    let [first, second, third, fourth, ..] = hash.0;
    u32::from_le_bytes([first, second, third, fourth])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const FORM: &str =
        "家庭住址：澄川区枫溪镇第三村民小组；家庭人口数：4；申请理由：配偶去年患病住院，医疗费用负担较重。";

    fn case(number: u16) -> (CaseId, CaseKey) {
        let id = CaseId::new("990106101203".parse().unwrap(), 9678, number, [7; 7]).unwrap();
        (id, CaseKey::from_bytes([number as u8; 32]))
    }

    fn sealed(number: u16, words: &str, effort: Effort) -> proto::Sealed {
        let (id, key) = case(number);
        key.seal(&id, words.as_bytes(), [number as u8; NONCE_BYTES], effort).unwrap()
    }

    fn entry(number: u16, before: Option<&Bytes>, opens_case: bool, private: Option<proto::Sealed>) -> Bytes {
        let prev = before.map_or_else(Vec::new, |before| EntryBytes(before.clone()).hash().0.to_vec());
        let step = proto::CaseStep { rev: 1, private, actor_name: "薛利".into(), ..proto::CaseStep::default() };
        let entry = proto::Entry {
            seq: number.into(),
            prev: prev.into(),
            case_id: case(number).0.as_bytes().to_vec().into(),
            kind: Kind::CaseStep as u32,
            body: step.encode_to_vec().into(),
            opens_case,
            ..proto::Entry::default()
        };
        entry.encode_to_vec().into()
    }

    fn case_key(number: u16, is_destroyed: bool) -> proto::CaseKey {
        let (id, key) = case(number);
        let key = if is_destroyed { Vec::new() } else { key.bytes().to_vec() };
        proto::CaseKey { case_id: id.as_bytes().to_vec(), key }
    }

    /// Two runs with all that is laid bare, and all that is not.
    fn entries() -> proto::Entries {
        let without_dictionary = proto::Sealed { method: super::super::PLAIN, ..sealed(5, FORM, Effort::Much) };
        let first = [
            (true, Some(sealed(1, FORM, Effort::Much))),
            (false, Some(sealed(2, FORM, Effort::Much))),
            (true, Some(sealed(3, &FORM.repeat(20), Effort::Little))),
            (true, Some(sealed(4, FORM, Effort::Much))),
            (true, Some(without_dictionary)),
        ];
        let mut chained: Vec<Bytes> = Vec::new();
        for (number, (opens_case, private)) in (1..).zip(first) {
            chained.push(entry(number, chained.last(), opens_case, private));
        }
        chained.push(Bytes::from_static(b"of a later release"));
        // The entry before the last is in another message.
        let of_before = Bytes::from_static(b"in the message before");
        let second =
            vec![entry(6, None, true, None), entry(7, Some(&of_before), true, Some(sealed(7, "", Effort::Little)))];
        let runs = [chained, second].map(|entries| proto::Run { entries, ..proto::Run::default() });
        // The fourth was erased; of the second the receiver has the key, but not from here.
        let case_keys = [1, 3, 4, 5, 6, 7].map(|number| case_key(number, number == 4));
        proto::Entries { batch: 9, runs: runs.into(), case_keys: case_keys.into() }
    }

    #[test]
    fn what_is_laid_bare_is_sealed_again_to_the_same_bytes() {
        let bare = lay_bare(entries()).unwrap();
        assert_eq!(bare.parts.iter().map(|part| part.entry).collect::<Vec<_>>(), [0, 2, 7]);
        let texts = decompress(&bare.texts, Dictionary::Forms, TEXTS_MAX_BYTES).unwrap();
        assert_eq!(texts, FORM.repeat(21).as_bytes());
        assert_eq!(bare.parts.iter().map(|part| part.prev_at > 0).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(bare.parts.iter().map(|part| part.little).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(restore(bare).unwrap(), entries());
    }

    #[test]
    fn entries_without_such_parts_are_given_back() {
        let none = proto::Entries { case_keys: Vec::new(), ..entries() };
        assert_eq!(lay_bare(none.clone()), Err(none));
    }

    #[test]
    fn no_more_is_laid_bare_than_a_message_may_have() {
        let runs = (1..=4).map(|number| proto::Run {
            entries: vec![entry(number, None, true, Some(sealed(number, &"长".repeat(300_000), Effort::Little)))],
            ..proto::Run::default()
        });
        let case_keys = (1..=4).map(|number| case_key(number, false));
        let entries = proto::Entries { batch: 1, runs: runs.collect(), case_keys: case_keys.collect() };
        let bare = lay_bare(entries.clone()).unwrap();
        assert_eq!(bare.parts.len(), 2);
        assert_eq!(restore(bare).unwrap(), entries);
    }

    #[test]
    fn parts_that_do_not_fit_are_an_error() {
        let bare = || lay_bare(entries()).unwrap();
        let wrong: [fn(&mut proto::BareEntries); 12] = [
            |bare| bare.entries = None,
            |bare| bare.parts.swap(0, 1),
            |bare| bare.parts[1].entry = 0,
            |bare| bare.parts[2].entry = 8,
            |bare| bare.parts[0].case_key = 2,
            |bare| bare.parts[0].case_key = 6,
            |bare| bare.parts[0].sealed_at = 5000,
            |bare| bare.parts[0].nonce = vec![1; 23],
            |bare| bare.parts[0].prev_at = 30,
            |bare| bare.parts[2].length = 1,
            |bare| bare.texts = b"no frame".to_vec(),
            |bare| bare.texts = compress(&vec![0; TEXTS_MAX_BYTES + 1], Dictionary::Forms, Effort::Much).unwrap(),
        ];
        for (number, wrong) in wrong.into_iter().enumerate() {
            let mut bare = bare();
            wrong(&mut bare);
            assert_eq!(restore(bare), Err(Error::Unreadable), "{number}");
        }
        let altered: [fn(&mut proto::BarePart); 5] = [
            |part| part.check ^= 1,
            |part| part.length -= 1,
            |part| part.prev_at += 1,
            |part| part.little = !part.little,
            |part| part.nonce[0] ^= 1,
        ];
        for (number, alter) in altered.into_iter().enumerate() {
            let mut bare = bare();
            // Long enough that the effort makes a difference.
            alter(&mut bare.parts[1]);
            assert_eq!(restore(bare), Err(Error::Unreadable), "{number}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(at in 0_usize..2_000, value: u8, cut in 0_usize..2_000) {
            let mut bytes = lay_bare(entries()).unwrap().encode_to_vec();
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(bytes.len() - cut % bytes.len());
            if let Ok(bare) = proto::BareEntries::decode(bytes.as_slice()) {
                let _ = restore(bare);
            }
        }
    }
}
