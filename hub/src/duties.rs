//! What the hub does for the stations of its district, whoever asks for it: over gRPC or at the desk.

use std::sync::Arc;

use sanji_link::EnrolRefusal;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_station::bundle::{self, Bundles};
use sanji_station::clock::now_ms;
use sanji_station::service::bundles::{Parts, in_parts};

use crate::codes::Invitation;
use crate::enroller::HubEnroller;
use crate::error::Error;
use crate::register::{Issued, Register, Terms, keys_of};

/// The register with what goes with its codes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Duties {
    pub(crate) register: Register,
    pub(crate) enroller: Arc<HubEnroller>,
    pub(crate) bundles: Bundles,
    /// "host:port" of the hub's enrolment, for the person who carries the code.
    pub(crate) enrolment_address: String,
}

/// Why a request that came in a file is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It is no request of a station of this district.
    #[error("can't read the request")]
    Unreadable(#[source] bundle::Error),
    /// The code or the key will not do.
    #[error(transparent)]
    Refused(EnrolRefusal),
    /// The hub stops.
    #[error("the enrolment broke off")]
    BrokeOff,
}

impl Duties {
    /// See [`Register::add`].
    pub(crate) async fn add(
        &self,
        station: StationCode,
        terms: Terms,
        by: &str,
    ) -> Result<proto::AddStationReply, Error> {
        Ok(self.told(&self.register.add(station, terms, by).await?))
    }

    /// See [`Register::replace`].
    pub(crate) async fn replace(
        &self,
        station: StationCode,
        reason: &str,
        terms: Terms,
        by: &str,
    ) -> Result<proto::AddStationReply, Error> {
        Ok(self.told(&self.register.replace(station, reason, terms, by).await?))
    }

    /// A code as it is told, once, with what goes with it.
    fn told(&self, issued: &Issued) -> proto::AddStationReply {
        proto::AddStationReply {
            code: issued.code.to_string(),
            until_ms: issued.until_ms,
            enrolment_address: self.enrolment_address.clone(),
            invitation: self.register.invitation().to_pem(),
        }
    }

    /// Answers a station's request that came in a file: its first bundle, part by part.
    pub(crate) async fn answer(&self, file: Vec<u8>) -> Result<Parts, Unanswered> {
        let duties = self.clone();
        let answered = tokio::task::spawn_blocking(move || {
            let request = duties.bundles.read_request(file.as_slice()).map_err(Unanswered::Unreadable)?;
            let enrolment = duties.enroller.answer(&request).map_err(Unanswered::Refused)?;
            Ok((request.station, request.key, enrolment))
        });
        let (station, key, enrolment) = answered.await.map_err(|_| Unanswered::BrokeOff)??;
        let bundles = self.bundles.clone();
        Ok(in_parts(move |output| bundles.answer(station, key, enrolment, output)))
    }

    /// One row for each station that was ever invited or certified, by code, the hub left out.
    pub(crate) async fn rows(&self) -> Vec<proto::StationRow> {
        let register = &self.register;
        let links = register.station.status().await.downstream;
        let reference = register.station.reference();
        let invitations = register.codes.all();
        let mut codes: Vec<StationCode> = reference.keys().values().map(|life| life.station).collect();
        codes.extend(invitations.iter().map(|invitation| invitation.station));
        codes.sort_unstable();
        codes.dedup();
        let row = |code: StationCode| {
            let newest =
                keys_of(&reference, code).max_by_key(|(_, life)| (life.is_living(), life.certificate_until_ms));
            let invitation = invitations.iter().find(|invitation| invitation.station == code);
            let state = match newest {
                None => proto::StationState::Invited,
                Some((_, life)) if life.revoked => proto::StationState::Revoked,
                Some((_, life)) if life.ended_ms.is_some() => proto::StationState::Ended,
                Some(_) => proto::StationState::Enrolled,
            };
            proto::StationRow {
                station: code.number(),
                name: reference.station_name(code),
                state: state.into(),
                key: newest.map_or_else(Vec::new, |(key, _)| key.0.to_vec()),
                certificate_until_ms: newest.map_or(0, |(_, life)| life.certificate_until_ms),
                code_until_ms: open_until(invitation),
                link_address: invitation.and_then(|invitation| invitation.link_address.clone()).unwrap_or_default(),
                linked: links.iter().any(|link| link.station == code.number() && link.connected),
            }
        };
        codes.into_iter().filter(|code| *code != register.hub()).map(row).collect()
    }
}

fn open_until(invitation: Option<&Invitation>) -> u64 {
    invitation.filter(|invitation| invitation.is_open(now_ms())).map_or(0, |invitation| invitation.until_ms)
}
