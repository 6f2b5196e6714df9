//! A hub's store in PostgreSQL, with a real server: it does what every store does, loses nothing when the server is
//! killed, and one process writes at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sanji_store::conformance::{self, Writer, case};
use sanji_store::copy::copy;
use sanji_store::postgres::{Options, PostgresStore};
use sanji_store::{Commit, DiskStore, Error, Halt, Store, WrappedKey};
use sanji_tests::postgres::Server;

const SOON: Duration = Duration::from_secs(30);

fn options(url: String) -> Options {
    Options { url, authority: None }
}

fn open(url: &str) -> Result<PostgresStore, Error> {
    PostgresStore::open(&options(url.to_owned()), &mut || false)
}

/// The database with another store's session in it ends that session.
fn end_sessions(server: &Server, database: &str) {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE application_name = 'sanji-hub' AND datname = current_database()";
    server.sql(database, others).unwrap();
}

fn recovered(store: &PostgresStore) {
    let begun = Instant::now();
    while let Err(error) = store.recover() {
        assert!(begun.elapsed() < SOON, "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(store.read_only(), None);
}

/// Until a lost session is noticed.
fn halted(store: &PostgresStore) {
    let begun = Instant::now();
    while store.read_only().is_none() {
        assert!(begun.elapsed() < SOON, "nobody notices that the session is lost");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_conforms() {
    let server = Server::start(&[]).unwrap();
    let made = AtomicU32::new(0);
    conformance::check_all(&mut || {
        let url = server.database(&format!("district{}", made.fetch_add(1, Ordering::Relaxed))).unwrap();
        Box::new(open(&url).unwrap())
    });
    assert!(made.into_inner() > 10);
}

#[test]
fn what_is_copied_into_it_and_out_of_it_again_is_the_same() {
    let server = Server::start(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let disk = |name: &str| DiskStore::open(&folder.path().join(name), sanji_store::Options::default()).unwrap();
    let first = disk("first");
    conformance::fill(&first);
    let database = open(&server.database("district").unwrap()).unwrap();
    let copied = copy(&first, &database, &mut |_, _| ()).unwrap();
    conformance::same(&first, &database);
    let second = disk("second");
    assert_eq!(copy(&database, &second, &mut |_, _| ()).unwrap(), copied);
    conformance::same(&first, &second);
    assert!(matches!(copy(&first, &database, &mut |_, _| ()), Err(Error::Invalid { .. })), "it is not empty");

    database.mark_moved("elsewhere").unwrap();
    drop(database);
    let url = format!("postgresql:///district?user=sanji&host={}", server.folder().display());
    assert!(matches!(open(&url), Err(Error::Moved { to }) if to == "elsewhere"));
    first.mark_moved("elsewhere").unwrap();
    drop(first);
    let again = DiskStore::open(&folder.path().join("first"), sanji_store::Options::default());
    assert!(matches!(again, Err(Error::Moved { to }) if to == "elsewhere"));
}

#[test]
fn a_killed_server_loses_nothing_and_the_store_goes_on_by_itself() {
    let mut server = Server::start(&[]).unwrap();
    let url = server.database("district").unwrap();
    let store = open(&url).unwrap();
    let mut writer = Writer::new(1);
    for round in 0..3 {
        for _ in 0..20 {
            let mut commit = writer.commit(Some(case(1)), 3, 500);
            commit.case_keys.push(WrappedKey { case: case(1), bytes: vec![round; 60] });
            store.commit(&commit).unwrap();
        }
        server.kill();
        halted(&store);
        let refused = store.commit(&writer.clone().commit(None, 1, 10));
        assert!(matches!(refused, Err(Error::Database { .. } | Error::ReadOnly { .. })), "{refused:?}");
        assert!(matches!(store.read_only(), Some(Halt::Failed { .. })));
        assert!(store.recover().is_err(), "there is no server");
        assert!(store.entry(&writer.log(), 1).is_err());
        server.serve().unwrap();
        recovered(&store);
        assert_eq!(store.have().get(&writer.log()), writer.head());
        assert_eq!(store.entry(&writer.log(), 1).unwrap().unwrap().decode().unwrap().seq, 1);
    }
    let found = store.verify(&mut |_, _| ()).unwrap();
    assert_eq!((found.entries, found.seals, found.faults), (180, 60, vec![]));
    drop(store);

    let again = open(&url).unwrap();
    assert_eq!(again.have().get(&writer.log()), writer.head());
    assert_eq!(again.case_entries(&case(1)).unwrap().len(), 180);
    assert_eq!(again.case_key(&case(1)).unwrap().here().unwrap().bytes, vec![2; 60]);
    let mut replayed = 0;
    let whole = again.unprojected(&mut |run: sanji_log::Run, _| {
        replayed += run.entries.len();
        Ok(sanji_store::Projection::default())
    });
    assert_eq!((whole.unwrap(), replayed), (60, 180), "nothing was ever projected");
    again.commit(&writer.commit(None, 1, 10)).unwrap();
}

#[test]
fn a_second_process_waits_and_takes_over_and_the_first_writes_no_more() {
    let server = Server::start(&[]).unwrap();
    let url = server.database("district").unwrap();
    let first = open(&url).unwrap();
    let mut writer = Writer::new(1);
    first.commit(&writer.commit(None, 2, 10)).unwrap();
    assert!(matches!(open(&url), Err(Error::DatabaseInUse)));

    let (asked, standby_url) = (Arc::new(AtomicU32::new(0)), url.clone());
    let counter = asked.clone();
    let standby = std::thread::spawn(move || {
        PostgresStore::open(&options(standby_url), &mut || counter.fetch_add(1, Ordering::Relaxed) < 60)
    });
    while asked.load(Ordering::Relaxed) < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    first.commit(&writer.commit(None, 2, 10)).unwrap();
    // As when the machine of the first is cut off: its session ends, the process lives.
    let of_first = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    assert_eq!(server.sql("district", of_first).unwrap(), "t");
    let second = standby.join().unwrap().unwrap();
    assert_eq!(second.have().get(&writer.log()), writer.head());
    let mut other = writer.clone();
    second.commit(&other.commit(None, 1, 10)).unwrap();

    halted(&first);
    assert!(first.commit(&writer.commit(None, 1, 99)).is_err());
    assert!(matches!(first.recover(), Err(Error::TakenOver)));
    drop(second);
    assert!(matches!(first.recover(), Err(Error::TakenOver)), "not even when the other has gone");
    assert!(first.commit(&Commit::default()).is_err());
    assert_eq!(open(&url).unwrap().have().get(&other.log()), other.head());
}

#[test]
fn a_commit_whose_answer_was_lost_is_taken_back() {
    let server = Server::start(&[]).unwrap();
    let url = server.database("district").unwrap();
    let store = open(&url).unwrap();
    let (mut writer, mut new) = (Writer::new(1), Writer::new(2));
    for _ in 0..3 {
        store.commit(&writer.commit(Some(case(1)), 2, 10)).unwrap();
    }
    let before = store.have();
    // What a projection and a commit would have left: one more run of the known log, and the first of another.
    let lost = "INSERT INTO run SELECT 4, log, 7, 8, hash, signature, arrived_ms, bytes FROM run WHERE position = 3;
                INSERT INTO run SELECT 5, 2, 1, 2, hash, signature, arrived_ms, bytes FROM run WHERE position = 3;
                INSERT INTO entry SELECT log, seq + 2, 4, case_id, bytes FROM entry WHERE position = 3;
                INSERT INTO entry SELECT 2, seq - 4, 5, case_id, bytes FROM entry WHERE position = 3;
                UPDATE log SET seq = 8, hash = '\\x00';
                INSERT INTO log SELECT 2, home, reach, '\\x00', 2, hash FROM log;
                UPDATE sanji SET projected = 3";
    server.sql("district", lost).unwrap();
    end_sessions(&server, "district");
    halted(&store);
    recovered(&store);
    assert_eq!(store.have(), before);
    let tables = "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM entry), (SELECT count(*) FROM log)";
    assert_eq!(server.sql("district", tables).unwrap(), "3|6|1");
    let shown_twice = &mut |_, _| panic!("what was shown is shown again");
    assert_eq!(store.unprojected(shown_twice).unwrap(), 0);
    store.commit(&writer.commit(Some(case(1)), 2, 10)).unwrap();
    store.commit(&new.commit(None, 2, 10)).unwrap();
    let found = store.verify(&mut |_, _| ()).unwrap();
    assert_eq!((found.logs, found.entries, found.faults), (2, 10, vec![]));
    assert_eq!(store.have().get(&writer.log()), writer.head());
}

#[test]
fn a_server_that_could_lose_what_it_has_confirmed_is_not_used() {
    let mut server = Server::start(&[]).unwrap();
    let url = server.database("district").unwrap();
    server.sql("district", "ALTER DATABASE district SET synchronous_commit = off").unwrap();
    open(&url).unwrap();
    server.kill();
    server.set("fsync=off");
    server.serve().unwrap();
    let Err(Error::Database { source, .. }) = open(&url) else { panic!("it was opened") };
    assert!(source.to_string().contains("fsync"), "{source}");
}

#[test]
fn another_machine_is_reached_by_tls_only_and_must_be_the_one_that_is_meant() {
    let far = Options { url: "postgresql://sanji@192.0.2.7/district".to_owned(), authority: None };
    let Err(Error::Database { source, .. }) = PostgresStore::open(&far, &mut || false) else { panic!("it was opened") };
    assert!(source.to_string().contains("must be encrypted"), "{source}");

    let mut server = Server::start(&[]).unwrap();
    server.database("district").unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = server.folder().to_owned();
    let authority = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        (rcgen::Issuer::new(params, key), path)
    };
    let ((ours, trusted), (_, foreign)) = (authority("ours"), authority("foreign"));
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ours).unwrap();
    server.kill();
    server.listen(port, &certificate.pem(), &key.serialize_pem()).unwrap();
    server.serve().unwrap();
    let url = format!("postgresql://sanji@localhost:{port}/district");
    let with =
        |authority| PostgresStore::open(&Options { url: url.clone(), authority: Some(authority) }, &mut || false);
    assert!(matches!(with(foreign), Err(Error::Database { .. })));
    let store = with(trusted).unwrap();
    store.commit(&Writer::new(1).commit(None, 1, 10)).unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'sanji-hub'";
    assert_eq!(server.sql("district", encrypted).unwrap(), "t");
}
