//! A new station and the hub.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sanji_link::{
    AcceptLimits, Authority, CancellationToken, CheckedEnrolRequest, EnrolRefusal, EnrolReply, Enroller, EnrolmentCode,
    Error, Trust, check_certificate, enrol, serve_enrolment,
};
use sanji_log::{EntryDraft, HybridTime, LogId, Reach, Run, Seal};
use tokio::net::TcpListener;

use crate::support::{HUB, TOWNSHIP, VILLAGE, authority, code, identity, key, now_ms, signing_key, within};

/// A hub that knows one code.
struct OneCode {
    authority: Authority,
    secret: String,
    asked: AtomicUsize,
    /// What to do to the reply before it leaves.
    spoil: Mutex<Option<fn(&mut EnrolReply)>>,
}

impl Enroller for OneCode {
    fn enrol(&self, request: CheckedEnrolRequest, _peer: SocketAddr) -> Result<EnrolReply, EnrolRefusal> {
        if self.asked.fetch_add(1, Ordering::SeqCst) >= 5 {
            return Err(EnrolRefusal::TooManyAttempts { retry_after: Duration::from_secs(60) });
        }
        if request.secret != self.secret || request.station != code(VILLAGE) {
            return Err(EnrolRefusal::Denied);
        }
        let mut reply = EnrolReply {
            detour: None,
            certificate: self.authority.issue(request.station, request.key, now_ms(), 398).unwrap(),
            authority: self.authority.certificate_der().to_vec(),
            hub_key: key(1),
            district: code(HUB),
            upstream: Some("127.0.0.1:7001".into()),
            runs: vec![run(Reach::Public, HUB)],
        };
        if let Some(spoil) = *self.spoil.lock().unwrap() {
            spoil(&mut reply);
        }
        Ok(reply)
    }
}

fn run(reach: Reach, home: &str) -> Run {
    let log = LogId { home: code(home), reach, key: key(1) };
    let draft = EntryDraft {
        case: None,
        actor: String::new(),
        kind: 5,
        body: Bytes::from_static(b"catalogue"),
        attachments: Vec::new(),
        opens_case: false,
    };
    let entry = draft.chain(log, None, HybridTime::from_millis(now_ms()));
    let seal = Seal::sign(&signing_key(1), &log, 1, entry.hash());
    Run { log, entries: vec![entry], seal }
}

struct Hub {
    address: String,
    code: EnrolmentCode,
    enroller: Arc<OneCode>,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Result<(), Error>>,
}

async fn hub() -> Hub {
    let authority = authority();
    let code = EnrolmentCode::generate(&authority.fingerprint()).unwrap();
    let trust = Arc::new(Trust::new(&identity(&authority, HUB, 1)).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let secret = code.secret.clone();
    let enroller = Arc::new(OneCode { authority, secret, asked: AtomicUsize::default(), spoil: Mutex::default() });
    let shutdown = CancellationToken::new();
    let limits = AcceptLimits::default();
    let serving = tokio::spawn(serve_enrolment(listener, trust, enroller.clone(), limits, shutdown.clone()));
    Hub { address, code, enroller, shutdown, serving }
}

#[tokio::test]
async fn a_code_becomes_a_certificate_and_a_directory() {
    let hub = hub().await;
    let typed: EnrolmentCode = hub.code.to_string().to_lowercase().parse().unwrap();
    let reply = enrol(&hub.address, code(VILLAGE), &typed, &signing_key(7), "0.1.0").await.unwrap();
    let certified = check_certificate(&reply.certificate, &reply.authority, Some(now_ms())).unwrap();
    assert_eq!((certified.station, certified.key), (code(VILLAGE), key(7)));
    assert_eq!((reply.hub_key, reply.district), (key(1), code(HUB)));
    assert_eq!(reply.upstream.as_deref(), Some("127.0.0.1:7001"));
    assert_eq!(reply.runs, [run_of_reply(&reply)]);

    hub.shutdown.cancel();
    within(10, "the port closes", hub.serving).await.unwrap().unwrap();
}

fn run_of_reply(reply: &EnrolReply) -> Run {
    let run = reply.runs[0].clone();
    assert_eq!(run.verify(None).unwrap()[0].body, "catalogue");
    run
}

#[tokio::test]
async fn a_wrong_code_and_another_station_get_the_same_answer() {
    let hub = hub().await;
    let wrong = EnrolmentCode { secret: "000000000000".into(), ..hub.code.clone() };
    for (station, code_shown) in [(VILLAGE, &wrong), (TOWNSHIP, &hub.code)] {
        let refused = enrol(&hub.address, code(station), code_shown, &signing_key(7), "0.1.0").await;
        assert!(matches!(refused, Err(Error::EnrolmentRefused { source: EnrolRefusal::Denied })), "{refused:?}");
    }
}

#[tokio::test]
async fn too_many_attempts_say_when_to_come_back() {
    let hub = hub().await;
    hub.enroller.asked.store(5, Ordering::SeqCst);
    let refused = enrol(&hub.address, code(VILLAGE), &hub.code, &signing_key(7), "0.1.0").await;
    let Err(Error::EnrolmentRefused { source: EnrolRefusal::TooManyAttempts { retry_after } }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(retry_after, Duration::from_secs(60));
}

#[tokio::test]
async fn another_district_never_sees_the_secret() {
    let hub = hub().await;
    let foreign = EnrolmentCode { fingerprint: authority().fingerprint(), ..hub.code.clone() };
    let refused = enrol(&hub.address, code(VILLAGE), &foreign, &signing_key(7), "0.1.0").await;
    assert!(matches!(refused, Err(Error::WrongAuthority)), "{refused:?}");
    assert_eq!(hub.enroller.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_reply_that_does_not_fit_is_not_used() {
    let hub = hub().await;
    let spoils: [fn(&mut EnrolReply); 5] = [
        |reply| reply.hub_key = key(2),
        |reply| reply.district = code("990107000000"),
        |reply| reply.runs = vec![run(Reach::Private, HUB)],
        |reply| reply.runs[0].seal.signature[0] ^= 1,
        |reply| reply.runs = vec![run(Reach::Public, HUB), run(Reach::Public, HUB)],
    ];
    for (place, spoil) in spoils.into_iter().enumerate() {
        hub.enroller.asked.store(0, Ordering::SeqCst);
        *hub.enroller.spoil.lock().unwrap() = Some(spoil);
        let refused = enrol(&hub.address, code(VILLAGE), &hub.code, &signing_key(7), "0.1.0").await;
        assert!(matches!(refused, Err(Error::Answer { .. } | Error::Run { .. })), "{place}: {refused:?}");
    }
}
