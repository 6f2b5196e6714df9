//! The new station's side of enrolment.

use std::collections::BTreeMap;

use rustls::CertificateError;
use sanji_log::seal::public_key;
use sanji_log::{Hash, LogId, PublicKey, Run, SigningKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::enrolment_client::EnrolmentClient;
use tonic::codec::CompressionEncoding;

use super::{EnrolReply, EnrolmentCode, Refusal, code, signed_request};
use crate::certificate::check_certificate;
use crate::connect::{channel, connect, shown_certificate};
use crate::listener::ENROLMENT_DEADLINE;
use crate::{Error, Result, tls};

/// The directory and catalogue of a district with thousands of stations.
const REPLY_MAX_BYTES: usize = 256 << 20;

/// Enrols a station: dials the hub's enrolment port ("host:port"), makes sure that the hub belongs to the
/// district that the code speaks of, only then shows the secret, and checks all that comes back. `key` is the
/// station's new signing key; its private half is used to sign and goes nowhere.
///
/// # Errors
/// [`Error::WrongAuthority`], [`Error::EnrolmentRefused`], [`Error::Answer`] and [`Error::Certificate`] are final
/// for this code and address; [`Error::Io`], [`Error::Timeout`], [`Error::Transport`] and [`Error::Status`] may
/// be tried again.
pub async fn enrol(
    address: &str,
    station: StationCode,
    code: &EnrolmentCode,
    key: &SigningKey,
    software: &str,
) -> Result<EnrolReply> {
    let district = station.district();
    let tls = connect(address, district, tls::enrol_config(&code.fingerprint)?).await.map_err(unmask)?;
    let hub_certificate = shown_certificate(&tls)?;
    let (channel, _) = channel(tls).await?;
    let mut client = EnrolmentClient::new(channel)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(REPLY_MAX_BYTES);
    let call = client.enrol(signed_request(station, code, key, software));
    let reply = tokio::time::timeout(ENROLMENT_DEADLINE, call)
        .await
        .map_err(|_| Error::Timeout { operation: "enrol" })?
        .map_err(|status| match Refusal::from_status(&status) {
            Some(source) => Error::EnrolmentRefused { source },
            None => status.into(),
        })?
        .into_inner();
    check(reply, &hub_certificate, station, &code.fingerprint, public_key(key))
}

/// The verifier's one word of its own, back from within the I/O error.
fn unmask(error: Error) -> Error {
    let Error::Io { source, .. } = &error else { return error };
    match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            Error::WrongAuthority
        }
        _ => error,
    }
}

/// Everything that a hub may have given. `fingerprint` is the authority's, from the one-time code.
pub(super) fn check(
    reply: proto::EnrolReply,
    hub_certificate: &[u8],
    station: StationCode,
    fingerprint: &str,
    key: PublicKey,
) -> Result<EnrolReply> {
    let answer = |problem| Error::Answer { problem };
    if code::fingerprint(&reply.authority) != fingerprint {
        return Err(Error::WrongAuthority);
    }
    if reply.district != station.district().number() {
        return Err(answer("it names another district"));
    }
    let given = check_certificate(&reply.certificate, &reply.authority, None)?;
    if given.station != station || given.key != key {
        return Err(answer("the certificate is for another station or key"));
    }
    let hub_key = check_certificate(hub_certificate, &reply.authority, None)?.key;
    if reply.hub_key != hub_key.as_bytes() {
        return Err(answer("the hub's key is not that of its certificate"));
    }
    Ok(EnrolReply {
        certificate: reply.certificate,
        authority: reply.authority,
        hub_key,
        district: station.district(),
        upstream: Some(reply.upstream).filter(|upstream| !upstream.is_empty()),
        detour: Some(reply.detour).filter(|detour| !detour.is_empty()),
        runs: check_runs(reply.runs, station)?,
    })
}

/// Runs must be whole logs from their first entry, sealed, and logs that the station may hold.
fn check_runs(messages: Vec<proto::Run>, station: StationCode) -> Result<Vec<Run>> {
    let mut heads: BTreeMap<LogId, (u64, Hash)> = BTreeMap::new();
    let mut runs = Vec::with_capacity(messages.len());
    for message in messages {
        let run = Run::try_from(message).map_err(|source| Error::Run { source })?;
        if !run.log.held_by(station) {
            return Err(Error::Answer { problem: "it holds a log that is not for this station" });
        }
        run.verify(heads.get(&run.log).copied()).map_err(|source| Error::Run { source })?;
        heads.insert(run.log, (run.seal.seq, run.seal.hash));
        runs.push(run);
    }
    Ok(runs)
}
