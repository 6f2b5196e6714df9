//! What the authority issues, and what is taken for its word.

use sanji_link::{Authority, Identity, Trust, check_certificate};
use sanji_log::seal::public_key;

use crate::support::{
    DAY_MS, HUB, TOWNSHIP, VILLAGE, authority, code, identity, identity_at, key, now_ms, signing_key,
};

#[test]
fn a_certificate_names_station_and_key() {
    let authority = authority();
    let now = now_ms();
    let der = authority.issue(code(VILLAGE), key(7), now, 398).unwrap();
    let certified = check_certificate(&der, authority.certificate_der(), Some(now)).unwrap();
    assert_eq!((certified.station, certified.key), (code(VILLAGE), key(7)));
    assert!(now - certified.not_before_ms < DAY_MS + 2000, "not longer than the authority");
    assert_eq!(certified.not_after_ms / 1000, (now + 398 * DAY_MS) / 1000);
}

#[test]
fn validity_ends_on_both_sides() {
    let authority = authority();
    let now = now_ms();
    let der = authority.issue(code(VILLAGE), key(7), now, 2).unwrap();
    let check = |at| check_certificate(&der, authority.certificate_der(), at).map_err(|error| error.to_string());
    assert!(check(Some(now - DAY_MS + 1000)).is_ok());
    assert!(check(Some(now - DAY_MS - 2000)).unwrap_err().contains("not valid yet"));
    assert!(check(Some(now + 2 * DAY_MS - 1000)).is_ok());
    assert!(check(Some(now + 2 * DAY_MS + 1000)).unwrap_err().contains("expired"));
    assert!(check(None).is_ok());
}

#[test]
fn what_enrolment_and_renewal_issue_is_valid_by_every_clock_since_the_authority_began() {
    let now = now_ms();
    let (authority, pem) = Authority::generate(code(HUB), now - 100 * DAY_MS).unwrap();
    let loaded = Authority::load(authority.certificate_der(), &pem).unwrap();
    let ahead = 40 * DAY_MS;
    for authority in [&authority, &loaded] {
        let der = authority.issue(code(VILLAGE), key(7), now + ahead, 398).unwrap();
        let check = |at| check_certificate(&der, authority.certificate_der(), Some(at)).map(|_| ());
        check(now).expect("the hub's clock, which was ahead, is right again");
        check(now - 99 * DAY_MS).expect("the station's clock is behind");
        assert!(check(now - 102 * DAY_MS).is_err());
    }
    // Made while the hub's clock was ahead, and used after it was put right.
    let (early, _) = Authority::generate(code(HUB), now + ahead).unwrap();
    let der = early.issue(code(VILLAGE), key(7), now, 398).unwrap();
    assert!(check_certificate(&der, early.certificate_der(), Some(now)).is_ok());
}

#[test]
fn another_authority_of_the_same_name_is_not_believed() {
    let (authority, forged) = (authority(), authority());
    let der = forged.issue(code(VILLAGE), key(7), now_ms(), 30).unwrap();
    assert!(check_certificate(&der, forged.certificate_der(), None).is_ok());
    assert!(check_certificate(&der, authority.certificate_der(), None).is_err());
}

#[test]
fn a_station_can_not_certify_others() {
    let authority = authority();
    let township = authority.issue(code(TOWNSHIP), key(5), now_ms(), 30).unwrap();
    let village = authority.issue(code(VILLAGE), key(7), now_ms(), 30).unwrap();
    assert!(check_certificate(&village, &township, None).is_err());
}

#[test]
fn every_changed_byte_is_found() {
    let authority = authority();
    let der = authority.issue(code(VILLAGE), key(7), now_ms(), 30).unwrap();
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 1;
        assert!(check_certificate(&changed, authority.certificate_der(), None).is_err(), "byte {place}");
    }
    assert!(check_certificate(&der[..der.len() - 1], authority.certificate_der(), None).is_err());
}

#[test]
fn a_loaded_authority_is_the_same() {
    let (authority, pem) = Authority::generate(code(HUB), now_ms()).unwrap();
    let loaded = Authority::load(authority.certificate_der(), &pem).unwrap();
    let der = loaded.issue(code(VILLAGE), key(7), now_ms(), 30).unwrap();
    assert!(check_certificate(&der, authority.certificate_der(), Some(now_ms())).is_ok());
    assert_eq!(loaded.fingerprint(), authority.fingerprint());
    assert_eq!(authority.fingerprint().len(), 15);

    let (other, _) = Authority::generate(code(HUB), now_ms()).unwrap();
    assert!(Authority::load(other.certificate_der(), &pem).is_err());
    assert!(Authority::load(authority.certificate_der(), "not a key").is_err());
}

#[test]
fn impossible_clocks_issue_nothing() {
    for now in [0, u64::MAX] {
        assert!(Authority::generate(code(HUB), now).is_err());
        assert!(authority().issue(code(VILLAGE), key(7), now, 30).is_err());
    }
}

#[test]
fn an_identity_must_fit_together() {
    let authority = authority();
    let good = identity(&authority, VILLAGE, 7);
    let trust = Trust::new(&good).unwrap();
    assert_eq!((trust.station(), trust.me().key), (code(VILLAGE), public_key(&signing_key(7))));

    let wrong_key = Identity { signing_key: signing_key(8), ..good.clone() };
    assert!(Trust::new(&wrong_key).is_err());
    assert!(trust.set_identity(&wrong_key).is_err());
    let renewed = identity_at(&authority, VILLAGE, 7, now_ms(), 400);
    trust.set_identity(&renewed).unwrap();
    assert!(trust.me().not_after_ms > now_ms() + 399 * DAY_MS);

    assert!(!trust.is_revoked(&key(9)));
    trust.revoke(key(9));
    assert!(trust.is_revoked(&key(9)));
}
