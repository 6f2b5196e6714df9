//! Calls of any RPC by its name, as bytes: what an answer holds is looked for in what is really sent.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sanji_tests::Error;
use tokio_stream::StreamExt as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

use bytes::{Buf, BufMut};

/// Messages of an answer, in order.
pub(crate) type Messages = Vec<Vec<u8>>;

/// Somebody at a station's port for programs, with a token or without.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    channel: Channel,
    bearer: Option<MetadataValue<Ascii>>,
}

impl Caller {
    pub(crate) async fn connect(address: std::net::SocketAddr, token: Option<&str>) -> Result<Self, Error> {
        let channel = Channel::from_shared(format!("http://{address}"))
            .map_err(|_| Error::Sample("usable address".into()))?
            .connect()
            .await?;
        let bearer = token.map(|token| format!("Bearer {}", token.trim()).parse()).transpose();
        Ok(Self { channel, bearer: bearer.map_err(|_| Error::Sample("usable token".into()))? })
    }

    /// Calls `Service.Method` with messages and waits for the end of the answer. Sentences in it are looked at: see
    /// [`dates_in_sentences`].
    pub(crate) async fn call(&self, rpc: &str, messages: Messages) -> Result<Messages, Status> {
        let answer = self.answer(rpc, messages).await;
        match &answer {
            Ok(messages) => messages.iter().for_each(|message| look_at(rpc, message)),
            Err(status) => look_at(rpc, status.message().as_bytes()),
        }
        answer
    }

    async fn answer(&self, rpc: &str, messages: Messages) -> Result<Messages, Status> {
        let mut stream = self.open(rpc, messages).await?;
        let mut answer = Vec::new();
        while let Some(message) = stream.message().await? {
            answer.push(message);
        }
        Ok(answer)
    }

    /// Opens an answer that does not end, and gives what comes within a time.
    pub(crate) async fn listen(&self, rpc: &str, messages: Messages, within: Duration) -> Result<Messages, Status> {
        let mut stream = self.open(rpc, messages).await?;
        let mut answer = Vec::new();
        let until = tokio::time::Instant::now() + within;
        while let Ok(Some(message)) = tokio::time::timeout_at(until, stream.next()).await {
            answer.push(message?);
        }
        Ok(answer)
    }

    async fn open(&self, rpc: &str, messages: Messages) -> Result<tonic::Streaming<Vec<u8>>, Status> {
        let path = format!("/sanji.v1.{}", rpc.replace('.', "/"));
        let path = PathAndQuery::try_from(path).map_err(|_| Status::internal("the name of an RPC"))?;
        let mut request = Request::new(tokio_stream::iter(messages));
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|fault| Status::unavailable(fault.to_string()))?;
        grpc.streaming(request, path, Raw).await.map(tonic::Response::into_inner)
    }
}

/// Sentences with a date that is not written as people write it.
static SENTENCES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every date of the form 2026-07-01 that was told within a Chinese sentence, in whatever answer, refusal or warning:
/// there it has to be 2026年7月1日. A date that stands alone is for programs.
pub(crate) fn dates_in_sentences() -> BTreeSet<String> {
    SENTENCES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn look_at(rpc: &str, answer: &[u8]) {
    const LONG: usize = "2026-07-01".len();
    let is_date = |bytes: &[u8]| {
        let fits = |(at, byte): (usize, &u8)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() };
        bytes.iter().enumerate().all(fits)
    };
    for at in (0..answer.len().saturating_sub(LONG)).filter(|at| is_date(&answer[*at..*at + LONG])) {
        let (before, after) = (&answer[..at], &answer[at + LONG..]);
        let touches =
            before.last().is_some_and(|byte| !byte.is_ascii()) || after.first().is_some_and(|byte| !byte.is_ascii());
        if touches {
            let (from, until) = (at.saturating_sub(60), answer.len().min(at + 60));
            let told = format!("{rpc}: {}", String::from_utf8_lossy(&answer[from..until]));
            SENTENCES.lock().unwrap_or_else(PoisonError::into_inner).insert(told);
        }
    }
}

/// Messages as they are on the wire.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        *self
    }
    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
