//! Messages of a link compressed as one stream a direction: names of logs, keys, and hashes that one message has said
//! cost the next ones nearly nothing, and no context is made anew for each. A stream ends when nothing was said for a
//! moment, and its memory with it, so a link at rest holds none. Messages that are not packed may come between.

use std::io::{self, Write};

use bytes::Bytes;
use prost::Message as _;
use sanji_proto::v1::link_message::Message;
use sanji_proto::v1::{LinkMessage, Packed};
use sanji_replication::limits::MESSAGE_MAX_BYTES;
use zstd::stream::write::{Decoder, Encoder};
use zstd::zstd_safe::CParameter;

use crate::{Error, Result};

/// Level at which a stream begins: what little a quiet or thin line carries is worth the time.
const FIRST_LEVEL: i32 = 6;
/// A stream goes on at the lowest level after so many bytes: most of what is sent is encrypted and does not shrink at any.
const FIRST_BYTES: usize = 512 << 10;
const LEVEL: i32 = 1;
/// Binary logarithm of the tables in which a stream looks things up, in words of 4 bytes. Small: a word from the district
/// begins a stream to each of hundreds of stations at once.
const TABLES_LOG: u32 = 13;
/// Binary logarithm of how far back a stream looks, in bytes; small for the same reason.
const WINDOW_LOG: u32 = 15;
/// The same of what is received: the first release looks back so far. Bounds the memory of a receiver.
const WINDOW_LOG_MAX: u32 = 17;
/// Messages below this go as they are, in bytes: a sign of life must not begin a stream.
const SMALL_BYTES: usize = 64;

/// Compresses what is sent.
#[derive(Default)]
pub(super) struct Packer {
    /// The peer can unpack, and the line is not so quick that compressing would only cost time.
    pub(super) wanted: bool,
    stream: Option<Stream>,
    /// Something was packed since the last [`Packer::rest`].
    used: bool,
}

struct Stream {
    encoder: Encoder<'static, Vec<u8>>,
    level: i32,
    /// What it has taken.
    bytes: usize,
}

impl Stream {
    /// Begins a frame behind what is packed already.
    fn begin(packed: Vec<u8>, level: i32) -> io::Result<Self> {
        let mut encoder = Encoder::new(packed, level)?;
        encoder.window_log(WINDOW_LOG)?;
        encoder.set_parameter(CParameter::HashLog(TABLES_LOG))?;
        encoder.set_parameter(CParameter::ChainLog(TABLES_LOG))?;
        encoder.include_contentsize(false)?;
        Ok(Self { encoder, level, bytes: 0 })
    }
}

impl Packer {
    /// A message as it is sent.
    pub(super) fn pack(&mut self, message: LinkMessage) -> Result<LinkMessage> {
        if !self.wanted || message.encoded_len() < SMALL_BYTES {
            return Ok(message);
        }
        self.used = true;
        let data = self.compress(&message.encode_to_vec());
        let data = data.map_err(|source| Error::Io { operation: "compress a message", source })?;
        Ok(packed(data, false))
    }

    fn compress(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = match self.stream.take() {
            Some(first) if first.level == FIRST_LEVEL && first.bytes >= FIRST_BYTES => {
                Stream::begin(first.encoder.finish()?, LEVEL)?
            }
            Some(stream) => stream,
            None => Stream::begin(Vec::new(), FIRST_LEVEL)?,
        };
        stream.encoder.write_all(plain)?;
        stream.encoder.flush()?;
        stream.bytes += plain.len();
        let packed = std::mem::take(stream.encoder.get_mut());
        self.stream = Some(stream);
        Ok(packed)
    }

    /// To be called from time to time: what the peer is told where a stream ends because nothing was sent since.
    pub(super) fn rest(&mut self) -> Option<LinkMessage> {
        if std::mem::take(&mut self.used) {
            return None;
        }
        self.stream.take().map(|_| packed(Vec::new(), true))
    }
}

fn packed(data: Vec<u8>, last: bool) -> LinkMessage {
    LinkMessage { message: Some(Message::Packed(Packed { data: data.into(), last })) }
}

/// Decompresses what is received.
#[derive(Default)]
pub(super) struct Unpacker {
    stream: Option<Decoder<'static, Room>>,
}

impl Unpacker {
    /// A message as it was said. None: it was only the end of a stream.
    pub(super) fn unpack(&mut self, message: LinkMessage) -> Result<Option<LinkMessage>> {
        let Some(Message::Packed(Packed { data, last })) = message.message else { return Ok(Some(message)) };
        let plain = self.decompress(&data).map_err(|source| Error::Io { operation: "decompress a message", source })?;
        if last {
            self.stream = None;
        }
        if plain.is_empty() {
            return Ok(None);
        }
        let plain =
            LinkMessage::decode(plain).map_err(|_| Error::Answer { problem: "does not unpack to a message" })?;
        match plain.message {
            Some(Message::Packed(_)) => Err(Error::Answer { problem: "is packed twice" }),
            _ => Ok(Some(plain)),
        }
    }

    fn decompress(&mut self, data: &[u8]) -> io::Result<Bytes> {
        if data.is_empty() {
            return Ok(Bytes::new());
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut stream = Decoder::new(Room::default())?;
                stream.window_log_max(WINDOW_LOG_MAX)?;
                self.stream.insert(stream)
            }
        };
        stream.write_all(data)?;
        stream.flush()?;
        Ok(std::mem::take(&mut stream.get_mut().0).into())
    }
}

/// Takes no more than a message may have: a short one could unpack to any length.
#[derive(Default)]
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MESSAGE_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than a message may have"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_proto::v1::{Goodbye, Ping};

    use super::*;

    fn said(words: &str) -> LinkMessage {
        let goodbye = Goodbye { reason: words.to_owned(), come_back_after_ms: 1, revoked: false };
        LinkMessage { message: Some(Message::Goodbye(goodbye)) }
    }

    fn bytes_of(message: &LinkMessage) -> usize {
        message.encoded_len()
    }

    #[test]
    fn what_was_said_before_costs_little_until_a_stream_ends() {
        let (mut packer, mut unpacker) = (Packer { wanted: true, ..Packer::default() }, Unpacker::default());
        let words: String = ('一'..='龥').step_by(37).collect();
        let mut sizes = Vec::new();
        for number in 0..3 {
            let message = said(&format!("{words}{number}"));
            let packed = packer.pack(message.clone()).unwrap();
            sizes.push(bytes_of(&packed));
            assert_eq!(unpacker.unpack(packed).unwrap(), Some(message));
        }
        assert!(sizes[1] < 64 && sizes[2] < 64 && sizes[0] > 500, "{sizes:?}");
        assert_eq!(packer.rest(), None, "something was said just now");
        let end = packer.rest().unwrap();
        assert_eq!(unpacker.unpack(end).unwrap(), None);
        assert!(packer.stream.is_none() && unpacker.stream.is_none() && packer.rest().is_none());
        let again = packer.pack(said(&words)).unwrap();
        assert!(bytes_of(&again) > 500, "a new stream remembers nothing");
        assert_eq!(unpacker.unpack(again).unwrap(), Some(said(&words)));
    }

    #[test]
    fn a_stream_of_much_goes_on_at_another_level_and_ends_like_any() {
        let (mut packer, mut unpacker) = (Packer { wanted: true, ..Packer::default() }, Unpacker::default());
        let words = |number: usize| ('一'..='龥').skip(number % 7).step_by(3).collect::<String>();
        let mut levels = Vec::new();
        for number in 0..FIRST_BYTES / words(6).len() + 20 {
            let message = said(&words(number));
            let packed = packer.pack(message.clone()).unwrap();
            assert_eq!(unpacker.unpack(packed).unwrap(), Some(message));
            levels.extend(packer.stream.as_ref().map(|stream| stream.level));
        }
        levels.dedup();
        assert_eq!(levels, [FIRST_LEVEL, LEVEL]);
        packer.rest();
        assert_eq!(unpacker.unpack(packer.rest().unwrap()).unwrap(), None);
        assert!(unpacker.stream.is_none());
    }

    /// What a station of release 1 sent, as protobuf bytes in hexadecimal digits.
    const SENT_BY_RELEASE_1: [&str; 4] = [
        "7a520a5028b52ffd00383c0200e40342d4010acf01e69d91e9878ce79a84e7babfe8b7afe58f88e696ade4ba86efbc8ce681a2e5a48de4bba5\
         e5908ee68ea5e79d80e4bca0efbc9be4b8801001010069b1948202",
        "7a100a0e5c000020ba8c10010100502d6580",
        "7a021001",
        "7a520a5028b52ffd00383c0200e40342d4010acf01e69d91e9878ce79a84e7babfe8b7afe58f88e696ade4ba86efbc8ce681a2e5a48de4bba5\
         e5908ee68ea5e79d80e4bca0efbc9be4b8801001010069b1948202",
    ];

    #[test]
    fn what_release_1_packed_is_unpacked() {
        let words = "村里的线路又断了，恢复以后接着传；".repeat(4);
        let plain = [said(&format!("{words}一")), said(&format!("{words}二"))];
        let mut unpacker = Unpacker::default();
        let unpacked = SENT_BY_RELEASE_1.map(|hex| {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            unpacker.unpack(LinkMessage::decode(bytes.as_slice()).unwrap()).unwrap()
        });
        let [first, second] = plain.map(Some);
        assert_eq!(unpacked, [first.clone(), second, None, first]);
    }

    #[test]
    fn small_messages_and_those_to_an_older_peer_go_as_they_are() {
        let ping = LinkMessage { message: Some(Message::Ping(Ping { clock_ms: 1 })) };
        let mut packer = Packer { wanted: true, ..Packer::default() };
        assert_eq!(packer.pack(ping.clone()).unwrap(), ping);
        assert_eq!((packer.rest(), packer.stream.is_none()), (None, true));
        let long = said(&"字".repeat(100));
        assert_eq!(Packer::default().pack(long.clone()).unwrap(), long);
    }

    #[test]
    fn what_is_no_stream_or_unpacks_to_too_much_is_an_error() {
        let mut bomb = Encoder::new(Vec::new(), LEVEL).unwrap();
        bomb.window_log(WINDOW_LOG).unwrap();
        bomb.write_all(&vec![0; MESSAGE_MAX_BYTES + 1]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 4096);
        let nested = packed(zstd::bulk::compress(&packed(vec![1], false).encode_to_vec(), 1).unwrap(), false);
        for wrong in [packed(bomb, false), packed(b"no stream".to_vec(), false), nested] {
            assert!(Unpacker::default().unpack(wrong).is_err());
        }
    }
}
