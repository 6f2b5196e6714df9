//! How messages become bytes for gRPC: as tonic does it by itself, but with buffers that are small while a stream rests.
//!
//! tonic never gives the buffers of a stream back, and the hub of a district has hundreds of streams that rest for
//! minutes. So they begin small, grow by what a message needs and no more, and few messages are gathered in one.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

/// Bytes with which a buffer begins.
const FIRST_BYTES: usize = 512;
/// Bytes from which on no further message is gathered before they are sent.
const ENOUGH_BYTES: usize = 4 << 10;

fn settings() -> BufferSettings {
    BufferSettings::new(FIRST_BYTES, ENOUGH_BYTES)
}

/// The codec of every service: `T` is sent, `U` received.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ExactEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ExactEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(settings())
    }
}

/// Encodes into exactly as much room as a message takes.
#[derive(Debug)]
pub struct ExactEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for ExactEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.encoded_len());
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        settings()
    }
}
