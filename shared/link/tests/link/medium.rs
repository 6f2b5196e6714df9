//! Enrolment by files, from both sides.

use sanji_link::bundle::{Enrolment, ExportOptions, Receiver, export, import};
use sanji_link::enrolment::{read_answer, read_request, write_request};
use sanji_link::{Authority, EnrolmentCode, Error, Identity, Invitation};
use sanji_log::{Reach, SigningKey, StationCode};

use crate::host::MemoryHost;
use crate::support::{HUB, TOWNSHIP, VILLAGE, authority, code, identity, key, signing_key};

/// A hub that invites, and the code that it gave.
struct Office {
    authority: Authority,
    hub: Identity,
    code: EnrolmentCode,
}

impl Office {
    fn new() -> Self {
        let authority = authority();
        let code = EnrolmentCode::generate(&authority.fingerprint()).unwrap();
        Self { hub: identity(&authority, HUB, 3), authority, code }
    }

    fn invitation(&self) -> Invitation {
        let hub_certificate = self.hub.certificate_der.clone();
        Invitation { hub_certificate, authority: self.authority.certificate_der().to_vec() }
    }

    fn request(&self, station: &str, seed: u8) -> Result<Vec<u8>, Error> {
        write_request(&self.invitation(), code(station), &self.code, &signing_key(seed), "1.0")
    }

    /// The answer, with what the hub has written.
    fn answer(&self, host: &MemoryHost, station: &str, seed: u8, certified: (&str, u8)) -> Vec<u8> {
        let (name, of) = certified;
        let enrolment = Enrolment {
            certificate: identity(&self.authority, name, of).certificate_der,
            authority: self.authority.certificate_der().to_vec(),
            upstream: None,
        };
        let options = ExportOptions { enrolment: Some(enrolment), ..ExportOptions::default() };
        let receiver = Receiver { station: code(station), key: key(seed) };
        let mut file = Vec::new();
        export(host, &self.hub, receiver, &mut file, &options, &mut |_| {}).unwrap();
        file
    }

    fn read(&self, answer: &[u8], station: &str, seed: u8) -> Result<(StationCode, Option<String>), Error> {
        let reply = read_answer(answer, code(station), self.authority.certificate_der(), &signing_key(seed))?;
        assert_eq!((reply.hub_key, reply.runs.len()), (key(3), 0));
        Ok((reply.district, reply.upstream))
    }
}

#[tokio::test]
async fn a_station_enrols_by_three_files_and_its_first_bundle_is_believed() {
    let office = Office::new();
    let sent = Invitation::from_pem(&office.invitation().to_pem()).unwrap();
    assert_eq!(sent, office.invitation());
    let request = office.request(VILLAGE, 7).unwrap();
    let secret = office.code.secret.as_bytes();
    assert!(!request.windows(secret.len()).any(|bytes| bytes == secret), "whoever finds the stick learns no code");
    let asked = read_request(request.as_slice(), code(HUB), &office.hub.signing_key).unwrap();
    assert_eq!((asked.station, asked.key, &asked.secret), (code(VILLAGE), key(7), &office.code.secret));

    let hub = MemoryHost::new(&[(HUB, 3)]);
    hub.write(HUB, Reach::Public, 4);
    let answer = office.answer(&hub, VILLAGE, 7, (VILLAGE, 7));
    assert_eq!(office.read(&answer, VILLAGE, 7).unwrap(), (code(HUB), None));

    // The new station knows no key yet but its own: the sender's certificate is enough.
    let village = MemoryHost::new(&[(VILLAGE, 7)]);
    let own = identity(&office.authority, VILLAGE, 7);
    let (host, file) = (village.clone(), answer.clone());
    let read = move || import(host.as_ref(), &own, file.as_slice(), &mut |_| {});
    let taken = tokio::task::spawn_blocking(read).await.unwrap().unwrap();
    assert_eq!((taken.entries, taken.refused.len()), (4, 0));
    assert_eq!(village.all_heads().0.len(), 1);
}

#[test]
fn an_invitation_is_that_of_the_codes_district() {
    let office = Office::new();
    let other = Office::new();
    let ask = |invitation: &Invitation, station| {
        write_request(invitation, code(station), &office.code, &signing_key(7), "1.0").map(|_| ())
    };
    assert!(matches!(ask(&other.invitation(), VILLAGE), Err(Error::WrongAuthority)));
    let mixed = Invitation { hub_certificate: other.invitation().hub_certificate, ..office.invitation() };
    assert!(matches!(ask(&mixed, VILLAGE), Err(Error::Certificate { .. })));
    let no_hub = identity(&office.authority, TOWNSHIP, 5).certificate_der;
    let no_hub = Invitation { hub_certificate: no_hub, ..office.invitation() };
    assert!(matches!(ask(&no_hub, VILLAGE), Err(Error::EnrolmentFile { .. })));
    let elsewhere = ask(&office.invitation(), "990107101203");
    assert!(matches!(elsewhere, Err(Error::EnrolmentFile { .. })), "{elsewhere:?}");
    let pem = office.invitation().to_pem();
    let half = &pem[..pem.len() / 2];
    for text in ["", "something", half, &pem.repeat(2), &pem.replace("CERTIFICATE", "PRIVATE KEY")] {
        assert!(matches!(Invitation::from_pem(text), Err(Error::EnrolmentFile { .. })), "{text}");
    }
}

#[test]
fn a_request_is_for_the_hub_alone_and_whole() {
    let office = Office::new();
    let request = office.request(VILLAGE, 7).unwrap();
    let read = |bytes: &[u8], station, key: &SigningKey| read_request(bytes, code(station), key);
    for place in 0..request.len() {
        let mut altered = request.clone();
        altered[place] ^= 1;
        assert!(read(&altered, HUB, &office.hub.signing_key).is_err(), "byte {place}");
        assert!(read(&request[..place], HUB, &office.hub.signing_key).is_err(), "cut at {place}");
    }
    let carried_astray = read(&request, TOWNSHIP, &signing_key(5)).unwrap_err();
    assert!(matches!(carried_astray, Error::BundleForAnother { receiver } if receiver == code(HUB)));
    let hub = MemoryHost::new(&[(HUB, 3), (VILLAGE, 7)]);
    let bundle = office.answer(&hub, VILLAGE, 7, (VILLAGE, 7));
    let mistaken = read(&bundle, VILLAGE, &signing_key(7)).unwrap_err().to_string();
    assert!(mistaken.contains("to be imported"), "{mistaken}");
}

#[tokio::test]
async fn a_request_read_as_a_bundle_says_what_it_is() {
    let office = Office::new();
    let hub = MemoryHost::new(&[(HUB, 3)]);
    let request = office.request(VILLAGE, 7).unwrap();
    let refused = import(hub.as_ref(), &office.hub, request.as_slice(), &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("a new station's request"), "{refused}");
}

#[test]
fn an_answer_is_believed_whole_or_not_at_all() {
    let office = Office::new();
    let hub = MemoryHost::new(&[(HUB, 3)]);
    hub.write(HUB, Reach::Public, 600);
    let answer = office.answer(&hub, VILLAGE, 7, (VILLAGE, 7));
    for place in (0..answer.len()).step_by(answer.len() / 40).chain([answer.len() - 1]) {
        let mut altered = answer.clone();
        altered[place] ^= 1;
        assert!(office.read(&altered, VILLAGE, 7).is_err(), "byte {place}");
        assert!(office.read(&answer[..place], VILLAGE, 7).is_err(), "cut at {place}");
    }
    let earlier = office.read(&answer, VILLAGE, 8).unwrap_err().to_string();
    assert!(earlier.contains("another key of this station"), "{earlier}");
    for certified in [(TOWNSHIP, 7), (VILLAGE, 8)] {
        let wrong = office.read(&office.answer(&hub, VILLAGE, 7, certified), VILLAGE, 7);
        assert!(matches!(wrong, Err(Error::Answer { .. })), "{certified:?}: {wrong:?}");
    }
    let mut plain = Vec::new();
    let receiver = Receiver { station: code(VILLAGE), key: key(7) };
    export(hub.as_ref(), &office.hub, receiver, &mut plain, &ExportOptions::default(), &mut |_| {}).unwrap();
    assert!(matches!(office.read(&plain, VILLAGE, 7), Err(Error::EnrolmentFile { .. })), "no answer");

    // Whoever is no hub can't answer, though the authority's certificate be real.
    let thief = Office { hub: identity(&office.authority, TOWNSHIP, 5), ..Office::new() };
    let township = MemoryHost::new(&[(TOWNSHIP, 5)]);
    let forged = thief.answer(&township, VILLAGE, 7, (VILLAGE, 7));
    assert!(matches!(office.read(&forged, VILLAGE, 7), Err(Error::EnrolmentFile { .. })));
    let stranger = Office::new();
    let forged = stranger.answer(&hub, VILLAGE, 7, (VILLAGE, 7));
    assert!(matches!(office.read(&forged, VILLAGE, 7), Err(Error::Certificate { .. })));
}
