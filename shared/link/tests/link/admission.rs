//! Who is let in, who is thrown out, and that nobody else notices.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use sanji_link::{
    AcceptLimits, Authority, CancellationToken, Distrust, Host as _, Identity, Trust, WantedAttachment, accept, dial,
};
use sanji_log::{AttachmentId, CaseId, Reach};
use sanji_proto::v1::link_message::Message;
use sanji_proto::v1::{AttachmentMessage, ChunkRequest, Hello, LinkMessage, Ping, attachment_message};
use sanji_replication::limits::DELIVERED_MS;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::host::MemoryHost;
use crate::support::{
    DAY_MS, HUB, TOWNSHIP, VILLAGE, authority, code, identity, identity_at, key, now_ms, signing_key, within,
};

const NEIGHBOUR: &str = "990106102207";

/// A township that accepts links.
struct Township {
    authority: Authority,
    host: Arc<MemoryHost>,
    trust: Arc<Trust>,
    address: String,
    shutdown: CancellationToken,
}

impl Township {
    async fn new(limits: AcceptLimits) -> Self {
        let authority = authority();
        let host = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
        let trust = Arc::new(Trust::new(&identity(&authority, TOWNSHIP, 5)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shutdown = CancellationToken::new();
        tokio::spawn(accept(listener, trust.clone(), host.clone(), limits, shutdown.clone()));
        Self { authority, host, trust, address, shutdown }
    }

    /// The village's key is revoked; it may hand over what it has.
    fn lets_the_village_deliver(&self) {
        self.host.revoke(7);
        self.trust.let_deliver(key(7));
        self.trust.revoke(key(7));
    }

    /// The village links, replicates and stops again: the township works.
    async fn serves_the_village(&self) {
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        let log = village.log(VILLAGE, Reach::Private);
        let entries = self.host.seq(&log) + 1;
        village.write(VILLAGE, Reach::Private, entries as usize);
        // The same log from the start, one entry longer.
        self.host.held().logs.remove(&log);
        let trust = Arc::new(Trust::new(&identity(&self.authority, VILLAGE, 7)).unwrap());
        let stop = CancellationToken::new();
        let dialing = tokio::spawn(dial(self.address.clone(), trust, village, stop.clone()));
        self.host.until("the village's entry arrives", |host| host.seq(&log) == entries).await;
        stop.cancel();
        within(10, "the village stops", dialing).await.unwrap();
    }
}

impl Drop for Township {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Shakes hands as anybody may, and opens HTTP/2.
async fn knock(address: &str, identity: Option<&Identity>) -> io::Result<Channel> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible));
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let key = identity.signing_key.to_pkcs8_der().unwrap();
            let key = PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into();
            let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
            // Unlike an honest station, not held to a key that belongs to the certificate.
            let shown = CertifiedKey::new(vec![identity.certificate_der.clone().into()], key);
            config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("station.sanji.invalid").unwrap();
    let mut tls = Some(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?);
    let once = tower::service_fn(move |_: tonic::transport::Uri| {
        let tls = tls.take();
        async move { tls.map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let endpoint = Endpoint::from_static("http://station.sanji.invalid");
    endpoint.connect_with_connector(once).await.map_err(io::Error::other)
}

/// Sends messages, as bytes, and gives what comes back until the end of the stream.
async fn replicate(channel: Channel, messages: Vec<Vec<u8>>) -> (usize, Result<(), Status>) {
    call("/sanji.v1.Link/Replicate", channel, messages).await
}

async fn call(path: &'static str, channel: Channel, messages: Vec<Vec<u8>>) -> (usize, Result<(), Status>) {
    let mut client = tonic::client::Grpc::new(channel);
    if client.ready().await.is_err() {
        return (0, Err(Status::unavailable("the connection was refused")));
    }
    // The sender's half stays open, as a station's would.
    let messages = tokio_stream::StreamExt::chain(tokio_stream::iter(messages), tokio_stream::pending());
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    let mut answers: Streaming<Vec<u8>> = match client.streaming(Request::new(messages), path, Raw).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return (0, Err(status)),
    };
    let mut count = 0;
    loop {
        match answers.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, Ok(())),
            Err(status) => return (count, Err(status)),
        }
    }
}

fn encoded(message: Message) -> Vec<u8> {
    prost::Message::encode_to_vec(&LinkMessage { message: Some(message) })
}

fn hello(station: &str) -> Vec<u8> {
    encoded(Message::Hello(Hello {
        protocol_min: 1,
        protocol_max: 1,
        station: code(station).number(),
        software: "test".into(),
        clock_ms: now_ms(),
        instance: Vec::new(),
        compression: 0,
        revoked: false,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_stations_of_the_district_below_are_let_in() {
    let township = Township::new(AcceptLimits::default()).await;
    let (good, forged) = (&township.authority, authority());
    let now = now_ms();
    township.trust.revoke(key(99));
    let strangers = [
        ("no certificate", None),
        ("another authority of the same name", Some(identity(&forged, VILLAGE, 7))),
        ("expired", Some(identity_at(good, VILLAGE, 7, now - 10 * DAY_MS, 9))),
        ("revoked", Some(identity(good, VILLAGE, 99))),
        ("a village of another township", Some(identity(good, NEIGHBOUR, 8))),
        ("the hub", Some(identity(good, HUB, 1))),
        ("the township itself", Some(identity(good, TOWNSHIP, 5))),
        (
            "a key that is not the certificate's",
            Some(Identity { signing_key: signing_key(8), ..identity(good, VILLAGE, 7) }),
        ),
    ];
    for (who, stranger) in strangers {
        let outcome = within(10, who, async {
            match knock(&township.address, stranger.as_ref()).await {
                Ok(channel) => replicate(channel, vec![hello(VILLAGE)]).await,
                Err(error) => (0, Err(Status::unavailable(error.to_string()))),
            }
        })
        .await;
        let (0, Err(status)) = outcome else { panic!("{who} was let in: {outcome:?}") };
        assert_ne!(status.code(), Code::Ok, "{who}");
        assert!(township.host.held().links.is_empty(), "{who}: no link was ever up");
    }
    township.serves_the_village().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_does_not_link_to_who_is_not_above_it() {
    let authority = authority();
    // Neither a village's port nor a forged township's.
    for (above, parent) in [
        (identity(&authority, NEIGHBOUR, 8), "neighbour"),
        (identity(&crate::support::authority(), TOWNSHIP, 5), "forged"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let host = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
        let trust = Arc::new(Trust::new(&above).unwrap());
        tokio::spawn(accept(listener, trust, host.clone(), AcceptLimits::default(), stop.clone()));
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        let trust = Arc::new(Trust::new(&identity(&authority, VILLAGE, 7)).unwrap());
        tokio::spawn(dial(address, trust, village.clone(), stop.clone()));
        village.until("the refusal shows in the status", |village| village.link().last_error.is_some()).await;
        let error = village.link().last_error.unwrap();
        assert!(error.contains("invalid peer certificate"), "{parent}: {error}");
        assert!(host.held().links.is_empty());
        stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_cuts_the_open_link_at_once() {
    let township = Township::new(AcceptLimits::default()).await;
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    let trust = Arc::new(Trust::new(&identity(&township.authority, VILLAGE, 7)).unwrap());
    tokio::spawn(dial(township.address.clone(), trust, village.clone(), township.shutdown.clone()));
    village.until("the village is in sync", |village| village.link().in_sync).await;

    let revoked = Instant::now();
    township.trust.revoke(key(7));
    village.until("the link is cut", |village| !village.link().connected).await;
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    village.write(VILLAGE, Reach::Private, 1);
    village
        .until("dialing again is refused", |village| {
            village.link().last_error.is_some_and(|error| error.contains("Revoked"))
        })
        .await;
    assert_eq!(township.host.seq(&village.log(VILLAGE, Reach::Private)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_is_told_why_at_the_first_attempt() {
    let township = Township::new(AcceptLimits::default()).await;
    township.trust.revoke(key(7));
    let trust = Arc::new(Trust::new(&identity(&township.authority, VILLAGE, 7)).unwrap());
    for _ in 0..50 {
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        let stop = CancellationToken::new();
        tokio::spawn(dial(township.address.clone(), trust.clone(), village.clone(), stop.clone()));
        village.until("it is refused", |village| village.link().last_error.is_some()).await;
        stop.cancel();
        let error = village.link().last_error.unwrap();
        assert!(error.contains("Revoked"), "{error}");
        assert_eq!(village.link().distrust, Some(Distrust::Revoked));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_serves_without_a_restart() {
    let township = Township::new(AcceptLimits::default()).await;
    let expired = |station, seed| identity_at(&township.authority, station, seed, now_ms() - 10 * DAY_MS, 9);
    township.trust.set_identity(&expired(TOWNSHIP, 5)).unwrap();
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    let trust = Arc::new(Trust::new(&expired(VILLAGE, 7)).unwrap());
    tokio::spawn(dial(township.address.clone(), trust.clone(), village.clone(), township.shutdown.clone()));
    let says_expired =
        |village: &MemoryHost| village.link().last_error.is_some_and(|error| error.to_lowercase().contains("expired"));
    village.until("the parent's certificate has expired", says_expired).await;
    township.trust.set_identity(&identity(&township.authority, TOWNSHIP, 5)).unwrap();
    assert!(!village.link().connected);
    trust.set_identity(&identity(&township.authority, VILLAGE, 7)).unwrap();
    village.until("the link comes up", |village| village.link().in_sync).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_whose_certificate_was_renewed_while_it_was_away_is_let_in_with_the_expired_one() {
    let township = Township::new(AcceptLimits::default()).await;
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    let expired = identity_at(&township.authority, VILLAGE, 7, now_ms() - 10 * DAY_MS, 9);
    let forged = identity_at(&authority(), VILLAGE, 7, now_ms() - 10 * DAY_MS, 9);
    // Of another key, and of this one too long ago.
    township.trust.certified(key(8), now_ms() + DAY_MS);
    township.trust.certified(key(7), now_ms() - DAY_MS);
    let trust = Arc::new(Trust::new(&expired).unwrap());
    tokio::spawn(dial(township.address.clone(), trust, village.clone(), township.shutdown.clone()));
    village.until("it is refused", |village| village.link().last_error.is_some()).await;
    assert!(!village.link().connected);

    township.trust.certified(key(7), now_ms() + 400 * DAY_MS);
    village.until("the link comes up", |village| village.link().in_sync).await;
    // The authority's signature is checked all the same.
    let outcome = match knock(&township.address, Some(&forged)).await {
        Ok(channel) => replicate(channel, vec![hello(VILLAGE)]).await,
        Err(error) => (0, Err(Status::unavailable(error.to_string()))),
    };
    assert!(matches!(outcome, (0, Err(_))), "a forged certificate was let in: {outcome:?}");
    township.trust.revoke(key(7));
    village.until("the link is cut", |village| !village.link().connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_that_is_revoked_is_left() {
    let township = Township::new(AcceptLimits::default()).await;
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    let trust = Arc::new(Trust::new(&identity(&township.authority, VILLAGE, 7)).unwrap());
    tokio::spawn(dial(township.address.clone(), trust.clone(), village.clone(), township.shutdown.clone()));
    village.until("the village is in sync", |village| village.link().in_sync).await;
    trust.revoke(key(5));
    township.host.until("the link is cut", |host| !host.link().connected).await;
    village
        .until("and stays so", |village| village.link().last_error.is_some_and(|error| error.contains("Revoked")))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_ends_its_stream_with_a_status_and_nothing_else() {
    let township = Township::new(AcceptLimits::default()).await;
    let village = identity(&township.authority, VILLAGE, 7);
    let have = encoded(Message::Have(sanji_proto::v1::Have::default()));
    let empty = prost::Message::encode_to_vec(&LinkMessage { message: None });
    let no_clock = encoded(Message::Ping(Ping { clock_ms: 0 }));
    let cases: [(&str, Vec<Vec<u8>>, Code); 5] = [
        ("not protobuf", vec![hello(VILLAGE), have.clone(), vec![0xff; 100]], Code::InvalidArgument),
        ("no content", vec![hello(VILLAGE), have.clone(), empty], Code::InvalidArgument),
        ("a field out of range", vec![hello(VILLAGE), have.clone(), no_clock], Code::InvalidArgument),
        ("9 MiB", vec![hello(VILLAGE), have.clone(), vec![0x0a; 9 << 20]], Code::OutOfRange),
        ("garbled from the start", vec![b"GET / HTTP/1.1".to_vec()], Code::InvalidArgument),
    ];
    for (what, messages, expected) in cases {
        let channel = knock(&township.address, Some(&village)).await.unwrap();
        let (_, ended) = within(10, what, replicate(channel, messages)).await;
        let status = ended.expect_err(what);
        assert_eq!(status.code(), expected, "{what}: {status:?}");
    }
    // A well-formed lie is answered with Goodbye and an orderly end.
    let channel = knock(&township.address, Some(&village)).await.unwrap();
    let (messages, ended) = within(10, "a lie", replicate(channel, vec![hello(NEIGHBOUR)])).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(messages, 3, "Hello, Have, Goodbye");
    township.serves_the_village().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_are_served_beside_a_link_and_within_bounds() {
    const ATTACHMENTS: &str = "/sanji.v1.Link/Attachments";
    let township = Township::new(AcceptLimits::default()).await;
    let village = identity(&township.authority, VILLAGE, 7);
    let channel = knock(&township.address, Some(&village)).await.unwrap();
    let (_, alone) = within(5, "without a link", call(ATTACHMENTS, channel.clone(), Vec::new())).await;
    assert_eq!(alone.unwrap_err().code(), Code::FailedPrecondition);

    tokio::spawn(replicate(channel.clone(), vec![hello(VILLAGE)]));
    township.host.until("the link is up", |host| host.link().connected).await;
    let good = ChunkRequest {
        case_id: CaseId::new(code(VILLAGE), 9678, 1, [7; 7]).unwrap().0.to_vec(),
        attachment_id: vec![9; 32],
        first_chunk: 0,
        count: 1,
        want_manifest: true,
        urgent: false,
        tell: false,
    };
    let requests = [
        ("no chunk", vec![ChunkRequest { count: 0, ..good.clone() }]),
        ("too many chunks", vec![ChunkRequest { count: 65, ..good.clone() }]),
        ("no case", vec![ChunkRequest { case_id: Vec::new(), ..good.clone() }]),
        ("half an id", vec![ChunkRequest { attachment_id: vec![9; 16], ..good.clone() }]),
    ];
    for (what, requests) in requests {
        let messages = requests.into_iter().map(request_bytes).collect();
        let (answers, ended) = within(5, what, call(ATTACHMENTS, channel.clone(), messages)).await;
        assert_eq!((answers, ended.expect_err(what).code()), (0, Code::InvalidArgument), "{what}");
    }
    assert!(township.host.link().connected, "the entries go on");
}

/// An attachment of a case of the village.
fn wanted(id: AttachmentId, content: &[u8]) -> WantedAttachment {
    let case = CaseId::new(code(VILLAGE), 9678, 1, [7; 7]).unwrap();
    WantedAttachment { case, id, size: content.len() as u64, urgent: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_station_hands_over_attachments_that_are_wanted_and_gets_none() {
    let township = Township::new(AcceptLimits::default()).await;
    township.lets_the_village_deliver();
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    let (theirs, ours) = (vec![3; 200_000], vec![4; 100_000]);
    // More than one look finds, which the village has lost, before the one that it has.
    for lost in 0..40 {
        township.host.want(wanted(AttachmentId([lost; 32]), &[1]));
    }
    let id = village.attach(&theirs);
    township.host.want(wanted(id, &theirs));
    let kept = township.host.attach(&ours);
    village.want(wanted(kept, &ours));
    // Each would like to know who holds what, and could say so.
    let case = wanted(id, &theirs).case;
    township.host.held().unconfirmed.push((case, id));
    village.held().unconfirmed.push((case, kept));
    let trust = Arc::new(Trust::new(&identity(&township.authority, VILLAGE, 7)).unwrap());
    tokio::spawn(dial(township.address.clone(), trust, village.clone(), township.shutdown.clone()));
    let is_whole = |host: &MemoryHost| host.attachment_state(&id).unwrap().complete;
    within(60, "it is handed over", async {
        while !is_whole(&township.host) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    village.until("it is let go once nothing more is expected", |village| !village.link().connected).await;
    assert_eq!(village.link().distrust, Some(Distrust::Revoked));
    assert!(!village.held().attachments.contains_key(&kept) && village.held().holders.is_empty());
    let held = township.host.held();
    assert!(held.served.is_empty() && held.wanted_first.is_empty() && held.holders.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_station_on_a_thin_line_is_waited_for_while_its_attachment_is_on_its_way() {
    const ATTACHMENTS: &str = "/sanji.v1.Link/Attachments";
    let have = encoded(Message::Have(sanji_proto::v1::Have::default()));
    let is_waited_for = async |is_wanted: bool| {
        let township = Township::new(AcceptLimits::default()).await;
        township.lets_the_village_deliver();
        if is_wanted {
            township.host.want(wanted(AttachmentId([9; 32]), &[1; 100]));
        }
        let channel = knock(&township.address, Some(&identity(&township.authority, VILLAGE, 7))).await.unwrap();
        let link = tokio::spawn(replicate(channel.clone(), vec![hello(VILLAGE), have.clone()]));
        township.host.until("the link is up", |host| host.link().connected).await;
        let answers = tokio::spawn(call(ATTACHMENTS, channel, Vec::new()));
        tokio::time::sleep(Duration::from_millis(DELIVERED_MS + 4_000)).await;
        link.abort();
        answers.abort();
        township.host.link().connected
    };
    assert_eq!(tokio::join!(is_waited_for(false), is_waited_for(true)), (false, true));
}

fn request_bytes(request: ChunkRequest) -> Vec<u8> {
    prost::Message::encode_to_vec(&AttachmentMessage { message: Some(attachment_message::Message::Request(request)) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_shake_hands_in_time_is_dropped() {
    let handshake = Duration::from_millis(300);
    let township = Township::new(AcceptLimits { handshake, ..AcceptLimits::default() }).await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(&township.address).await.unwrap();
    let mut byte = [0];
    let read = within(5, "the silent connection ends", silent.read(&mut byte)).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(begun.elapsed() >= handshake, "{:?}", begun.elapsed());
    township.serves_the_village().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_counted_and_places_come_back() {
    for limits in [
        AcceptLimits { connections: 2, ..AcceptLimits::default() },
        AcceptLimits { connections_per_address: 2, ..AcceptLimits::default() },
    ] {
        let township = Township::new(limits).await;
        let village = identity(&township.authority, VILLAGE, 7);
        let first = TcpStream::connect(&township.address).await.unwrap();
        let second = knock(&township.address, Some(&village)).await.unwrap();
        let third = within(5, "the third is turned away", knock(&township.address, Some(&village))).await;
        assert!(third.is_err(), "{limits:?}");
        drop((first, second));
        township.serves_the_village().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_link_of_a_station_takes_the_place_of_the_first() {
    let township = Township::new(AcceptLimits::default()).await;
    let village = identity(&township.authority, VILLAGE, 7);
    let first = knock(&township.address, Some(&village)).await.unwrap();
    let first = tokio::spawn(replicate(first, vec![hello(VILLAGE)]));
    township.host.until("the first is up", |host| host.link().connected).await;
    township.serves_the_village().await;
    let (_, ended) = within(5, "the first ends", first).await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::Aborted);
}

/// Believes any parent: it is the parent's own check that is tried.
#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Messages as bytes, so that what is no message can be sent.
#[derive(Debug, Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
