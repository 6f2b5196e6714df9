//! Frames of a bundle: length, content, and the sender's signature over everything up to there.

use std::io::{self, Read, Write};

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sanji_log::{PublicKey, SigningKey};
use sanji_proto::prost::Message as _;
use sanji_proto::v1 as proto;
use sanji_replication::bundle::{FORMAT, FRAME_MAX_BYTES, Frame, Head};

use crate::{Error, Flaw, Result};

const SIGNATURE_CONTEXT: &[u8; 16] = b"sanji bundle v1\0";
const HASH_CONTEXT: &str = "sanji 2026 bundle v1";

/// The hash of all lengths and frames so far.
struct Chain(blake3::Hasher);

impl Chain {
    fn new() -> Self {
        Self(blake3::Hasher::new_derive_key(HASH_CONTEXT))
    }

    /// What is signed after one more frame.
    fn extend(&mut self, length: [u8; 4], frame: &[u8]) -> [u8; 48] {
        self.0.update(&length).update(frame);
        let mut signed = [0; 48];
        let (context, hash) = signed.split_at_mut(SIGNATURE_CONTEXT.len());
        context.copy_from_slice(SIGNATURE_CONTEXT);
        hash.copy_from_slice(self.0.finalize().as_bytes());
        signed
    }
}

/// Writes frames.
pub(super) struct FrameWriter<W> {
    output: W,
    key: SigningKey,
    chain: Chain,
    frames: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(output: W, key: SigningKey) -> Self {
        Self { output, key, chain: Chain::new(), frames: 0 }
    }

    pub(super) fn write(&mut self, frame: Frame) -> Result<()> {
        let bytes = proto::BundleFrame::from(frame).encode_to_vec();
        let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= FRAME_MAX_BYTES);
        let length = length.ok_or_else(|| Error::bundle("can't be written: a frame is too large"))?.to_le_bytes();
        let signature = self.key.sign(&self.chain.extend(length, &bytes)).to_bytes();
        self.frames += 1;
        [length.as_slice(), &bytes, &signature]
            .into_iter()
            .try_for_each(|part| self.output.write_all(part))
            .map_err(|source| Error::Io { operation: "write the bundle", source })
    }

    /// Writes the last frame and gives the output back, to be finished.
    pub(super) fn end(mut self) -> Result<W> {
        self.write(Frame::End { frames: self.frames })?;
        Ok(self.output)
    }
}

/// Reads frames. None is given out whose signature was not checked.
pub(crate) struct FrameReader<R> {
    input: R,
    key: VerifyingKey,
    chain: Chain,
    frames: u64,
}

impl<R: Read> FrameReader<R> {
    /// Reads the head. `sender` says from it by whose key the bundle is signed.
    pub(crate) fn open(mut input: R, sender: impl FnOnce(&Head) -> Result<PublicKey>) -> Result<Self> {
        let mut chain = Chain::new();
        let (bytes, signed, signature) = read_frame(&mut input, &mut chain)?;
        let Frame::Head(head) = decode(&bytes)? else {
            return Err(Error::bundle("does not begin with its head"));
        };
        if head.format > FORMAT {
            let problem = "was written by a later version of the program; update this station first";
            return Err(Error::flawed(Flaw::Later, problem));
        }
        let key = sender(&head)?;
        let key = VerifyingKey::from_bytes(&key.0).map_err(|_| bad_signature())?;
        key.verify_strict(&signed, &signature).map_err(|_| bad_signature())?;
        Ok(Self { input, key, chain, frames: 1 })
    }

    /// The next frame; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>> {
        let (bytes, signed, signature) = read_frame(&mut self.input, &mut self.chain)?;
        self.key.verify_strict(&signed, &signature).map_err(|_| bad_signature())?;
        match decode(&bytes)? {
            Frame::Enrolment(_) if self.frames > 1 => Err(Error::bundle("has an enrolment in its middle")),
            Frame::End { frames } if frames == self.frames && is_at_end(&mut self.input)? => Ok(None),
            Frame::End { .. } => Err(Error::bundle("ends elsewhere than it says")),
            Frame::Head(_) => Err(Error::bundle("has two heads")),
            frame => {
                self.frames += 1;
                Ok(Some(frame))
            }
        }
    }
}

fn read_frame(input: &mut impl Read, chain: &mut Chain) -> Result<(Vec<u8>, [u8; 48], Signature)> {
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(damage)?;
    let size = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if size > FRAME_MAX_BYTES {
        return Err(Error::flawed(Flaw::Damaged, "has a frame that is too large"));
    }
    let mut bytes = vec![0; size];
    input.read_exact(&mut bytes).map_err(damage)?;
    let mut signature = [0; 64];
    input.read_exact(&mut signature).map_err(damage)?;
    let signed = chain.extend(length, &bytes);
    Ok((bytes, signed, Signature::from_bytes(&signature)))
}

fn decode(bytes: &[u8]) -> Result<Frame> {
    let frame = proto::BundleFrame::decode(bytes).map_err(|_| Error::bundle("has a frame that can't be decoded"))?;
    Frame::try_from(frame).map_err(|source| Error::Message { source })
}

fn is_at_end(input: &mut impl Read) -> Result<bool> {
    let mut more = [0];
    input.read(&mut more).map(|read| read == 0).map_err(damage)
}

/// What the cipher can't open is damaged; whatever else fails is the medium's fault.
fn damage(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
            Error::flawed(Flaw::Damaged, "is damaged or was cut off")
        }
        _ => Error::Io { operation: "read the bundle", source: error },
    }
}

fn bad_signature() -> Error {
    Error::bundle("has a frame that its sender did not sign")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use sanji_log::seal::public_key;
    use sanji_replication::Message;
    use sanji_replication::bundle::Enrolment;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn head(format: u32) -> Head {
        Head {
            format,
            certificate: vec![1; 20],
            receiver: "990106101203".parse().unwrap(),
            receiver_key: PublicKey([9; 32]),
            created_ms: 5,
        }
    }

    /// The frames' bytes one by one.
    fn written() -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        let mut frames = FrameWriter::new(&mut bytes, key());
        let pings = (1..=3).map(|clock_ms| Frame::Link(Message::Ping { clock_ms }));
        for frame in [Frame::Head(head(FORMAT))].into_iter().chain(pings) {
            frames.write(frame).unwrap();
            ends.push(frames.output.len());
        }
        frames.end().unwrap();
        ends.push(bytes.len());
        ends.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
    }

    /// How many frames after the head are given out, and how it ends.
    fn read(bytes: &[u8]) -> (u64, Result<()>) {
        let mut given = 0;
        let ended = FrameReader::open(bytes, |_| Ok(public_key(&key()))).and_then(|mut frames| {
            while frames.next()?.is_some() {
                given += 1;
            }
            Ok(())
        });
        (given, ended)
    }

    #[test]
    fn frames_are_read_as_they_were_written() {
        let (given, ended) = read(&written().concat());
        assert_eq!(given, 3);
        ended.unwrap();
    }

    #[test]
    fn a_later_format_is_refused_before_anything_is_believed_of_it() {
        let mut bytes = Vec::new();
        FrameWriter::new(&mut bytes, key()).write(Frame::Head(head(FORMAT + 1))).unwrap();
        let opened = FrameReader::open(bytes.as_slice(), |_| panic!("its sender was asked for"));
        assert!(matches!(opened.map(|_| ()), Err(Error::Bundle { flaw: Flaw::Later, .. })));
    }

    #[test]
    fn an_enrolment_stands_right_behind_the_head_or_nowhere() {
        let enrolment = || Frame::Enrolment(Enrolment { certificate: vec![1], authority: vec![2], upstream: None });
        let ping = || Frame::Link(Message::Ping { clock_ms: 1 });
        for (frames, given) in [(vec![enrolment(), ping()], Some(2)), (vec![ping(), enrolment()], None)] {
            let mut bytes = Vec::new();
            let mut writer = FrameWriter::new(&mut bytes, key());
            writer.write(Frame::Head(head(FORMAT))).unwrap();
            frames.into_iter().for_each(|frame| writer.write(frame).unwrap());
            writer.end().unwrap();
            let (count, ended) = read(&bytes);
            assert_eq!(ended.ok().map(|()| count), given);
        }
    }

    #[test]
    fn no_byte_can_be_changed_and_nothing_after_it_is_given_out() {
        let frames = written();
        let bytes = frames.concat();
        let mut frame = 0;
        let mut end = frames[0].len();
        for place in 0..bytes.len() {
            if place == end {
                frame += 1;
                end += frames[frame].len();
            }
            let mut altered = bytes.clone();
            altered[place] ^= 0x20;
            let (given, ended) = read(&altered);
            assert!(ended.is_err(), "byte {place}");
            assert_eq!(given, (frame as u64).saturating_sub(1).min(3), "byte {place}");
        }
    }

    #[test]
    fn cut_off_anywhere_it_is_refused_and_what_was_whole_is_given_out() {
        let frames = written();
        let bytes = frames.concat();
        for end in 0..bytes.len() {
            let (given, ended) = read(&bytes[..end]);
            assert!(ended.is_err(), "cut at {end}");
            let whole = (1..=frames.len()).rfind(|count| frames[..*count].concat().len() <= end).unwrap_or(0);
            assert_eq!(given, (whole as u64).saturating_sub(1), "cut at {end}");
        }
    }

    #[test]
    fn frames_can_not_be_left_out_moved_doubled_or_added() {
        let frames = written();
        let order = |places: &[usize]| places.iter().flat_map(|place| frames[*place].clone()).collect::<Vec<_>>();
        for places in
            [&[0, 1, 3, 4][..], &[0, 2, 1, 3, 4], &[0, 1, 1, 2, 3, 4], &[0, 4], &[1, 2, 3, 4], &[0, 0, 1, 2, 3, 4]]
        {
            assert!(read(&order(places)).1.is_err(), "{places:?}");
        }
        let (_, ended) = read(&[frames.concat(), vec![0]].concat());
        assert!(ended.is_err());
    }
}
