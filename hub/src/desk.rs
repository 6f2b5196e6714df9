//! The register at the hub's desk, for the district's administrators. What they do goes on record under their names.

use std::collections::BTreeMap;
use std::fmt;

use sanji_desk::Administration;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_link::EnrolRefusal;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_station::config::is_host_port;
use sanji_station::service::bundles::Parts;
use sanji_station::{Actor, Failure};

use crate::duties::{Duties, Unanswered};
use crate::error::Error;
use crate::register::Terms;

/// The hub's duties, as far as its desk shows them.
pub(crate) struct AtDesk(pub(crate) Duties);

impl fmt::Debug for AtDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtDesk").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl Administration for AtDesk {
    async fn stations(&self, actor: &Actor) -> Result<Vec<proto::StationRow>, Failure> {
        check(actor)?;
        let reference = self.0.register.station.reference();
        let hub = self.0.register.hub();
        let listed = reference.organisation().into_iter().flat_map(|organisation| organisation.stations());
        let below = listed.filter(|info| info.code != hub && info.code.within(hub));
        let listed = below.map(|info| {
            let row = proto::StationRow { name: info.full_name.clone(), ..Default::default() };
            (info.code.number(), proto::StationRow { station: info.code.number(), ..row })
        });
        let mut rows: BTreeMap<u64, proto::StationRow> = listed.collect();
        // Who was added and is not listed any more may still have to be revoked.
        rows.extend(self.0.rows().await.into_iter().map(|row| (row.station, row)));
        Ok(rows.into_values().collect())
    }

    async fn issue(&self, actor: &Actor, request: proto::AddStationRequest) -> Result<proto::AddStationReply, Failure> {
        check(actor)?;
        let terms = terms(request.link_address, request.upstream, request.without_line)?;
        self.0.add(station(request.station)?, terms, actor.staff.id.as_str()).await.map_err(failure)
    }

    async fn replace(
        &self,
        actor: &Actor,
        request: proto::ReplaceStationRequest,
        without_line: bool,
    ) -> Result<proto::AddStationReply, Failure> {
        check(actor)?;
        let terms = terms(request.link_address, request.upstream, without_line)?;
        let reason = on_record(&request.reason)?;
        self.0.replace(station(request.station)?, reason, terms, actor.staff.id.as_str()).await.map_err(failure)
    }

    async fn revoke(&self, actor: &Actor, request: proto::RevokeStationRequest) -> Result<(), Failure> {
        check(actor)?;
        let reason = on_record(&request.reason)?;
        let revoked = self.0.register.revoke(station(request.station)?, reason, actor.staff.id.as_str()).await;
        revoked.map(|_| ()).map_err(failure)
    }

    fn invitation(&self, actor: &Actor) -> Result<String, Failure> {
        check(actor)?;
        Ok(self.0.register.invitation().to_pem())
    }

    async fn answer(&self, actor: &Actor, file: Vec<u8>) -> Result<Parts, Failure> {
        check(actor)?;
        self.0.answer(file).await.map_err(unanswered)
    }
}

fn check(actor: &Actor) -> Result<(), Failure> {
    if actor.administers_district() {
        return Ok(());
    }
    let sentence = "站点管理由区政务服务中心的管理员使用。您需要办理的，请联系区中心管理员。";
    Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)))
}

fn station(number: u64) -> Result<StationCode, Failure> {
    StationCode::from_number(number).map_err(|_| Failure::NotFound)
}

fn on_record(reason: &str) -> Result<&str, Failure> {
    match reason.trim() {
        "" => Err(fault("reason", "请填写原因，原因会留存备查。")),
        reason => Ok(reason),
    }
}

fn terms(link_address: String, upstream: String, without_line: bool) -> Result<Terms, Failure> {
    let read = |field: &str, text: String| match text.as_str() {
        "" => Ok(None),
        given if is_host_port(given) => Ok(Some(text)),
        _ => Err(fault(field, "请写成“地址:端口”，例如 10.6.1.2:7100。")),
    };
    let (link_address, upstream) = (read("link_address", link_address)?, read("upstream", upstream)?);
    Ok(Terms { link_address, upstream, without_line })
}

fn fault(field: &str, sentence: &str) -> Failure {
    Failure::Refused(Refusal::new(RefusalCode::InvalidInput, sentence).at(field))
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Unfit(unfit) => Failure::Refused(Refusal::new(RefusalCode::InvalidInput, unfit.sentence())),
        Error::Write { source, .. } => source,
        error => internal(error),
    }
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    let source = Box::new(error);
    Failure::Internal(sanji_station::Error::Output { what: "the register of stations", source })
}

fn unanswered(unanswered: Unanswered) -> Failure {
    let sentence = match unanswered {
        Unanswered::Unreadable(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a request by file can't be read");
            "这个文件不是本区站点的请求文件，或者没有拷贝完整。请重新拷贝后再试。"
        }
        Unanswered::Refused(EnrolRefusal::TooManyAttempts { .. }) => {
            "该站点的注册码多次不正确，暂停受理。请十分钟后再试。"
        }
        Unanswered::Refused(EnrolRefusal::Denied | EnrolRefusal::Malformed { .. }) => {
            "请求文件中的注册码不正确、已过期或者已被其他电脑使用。请重新发放注册码，由站点重新制作请求文件。"
        }
        Unanswered::Refused(EnrolRefusal::Unavailable) | Unanswered::BrokeOff => return internal(unanswered),
    };
    fault("file", sentence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Arc;

    use sanji_domain::{Role, Staff, StageTier};
    use sanji_link::{EnrolmentCode, Identity, Invitation};
    use sanji_log::seal::public_key;
    use sanji_log::{SigningKey, Tier};
    use sanji_proto::v1::StationState;
    use sanji_station::bundle::Bundles;
    use sanji_station::folder::DataFolder;

    use super::*;
    use crate::enroller::HubEnroller;
    use crate::files::DistrictFiles;
    use crate::register::tests::register;

    const VILLAGE: u64 = 990_106_101_203;

    async fn desk(root: &Path) -> AtDesk {
        let register = register(root, 365).await;
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
        register.publish(&DistrictFiles::read(&sample).unwrap()).await.unwrap();
        let identity = Identity {
            certificate_der: register.invitation().hub_certificate,
            authority_der: register.authority.certificate_der().to_vec(),
            signing_key: SigningKey::from_bytes(&[1; 32]),
        };
        let bundles = Bundles::new(register.station.clone(), identity, DataFolder::new(root));
        let enroller = Arc::new(HubEnroller::new(register.clone(), None));
        AtDesk(Duties { register, enroller, bundles, enrolment_address: "hub.example:7101".to_owned() })
    }

    fn actor(role: Role, place: u64) -> Actor {
        let place = StationCode::from_number(place).unwrap();
        let staff = Staff {
            id: "sp-06".parse().unwrap(),
            name: "白英".to_owned(),
            roles: vec![role],
            post: "信息科长".to_owned(),
            tier: if place.tier() == Tier::District { StageTier::District } else { StageTier::Township },
            department: "sp".parse().unwrap(),
            place,
            seat: None,
            backup: None,
            serves: Vec::new(),
        };
        Actor { staff: Arc::new(staff) }
    }

    fn administrator() -> Actor {
        actor(Role::Administrator, 990_106_000_000)
    }

    async fn row(desk: &AtDesk) -> proto::StationRow {
        let rows = desk.stations(&administrator()).await.unwrap();
        rows.into_iter().find(|row| row.station == VILLAGE).unwrap()
    }

    fn add(link_address: &str) -> proto::AddStationRequest {
        proto::AddStationRequest { station: VILLAGE, link_address: link_address.to_owned(), ..Default::default() }
    }

    #[track_caller]
    fn refused<T>(done: Result<T, Failure>, words: &str) {
        match done.err().unwrap() {
            Failure::Refused(refusal) => assert!(refusal.sentence.contains(words), "{}", refusal.sentence),
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn the_desk_lists_every_station_of_the_district_and_gives_codes_that_enrol() {
        let root = tempfile::tempdir().unwrap();
        let desk = desk(root.path()).await;
        let rows = desk.stations(&administrator()).await.unwrap();
        assert_eq!(rows.len(), 18 + 219, "townships and villages of the sample, without the hub");
        assert!(rows.is_sorted_by_key(|row| row.station));
        assert_eq!(row(&desk).await.state(), StationState::Unspecified);

        let reply = desk.issue(&administrator(), add("")).await.unwrap();
        assert_eq!(reply.enrolment_address, "hub.example:7101");
        let invitation = Invitation::from_pem(&desk.invitation(&administrator()).unwrap()).unwrap();
        assert_eq!(invitation.to_pem(), reply.invitation);
        assert_eq!((row(&desk).await.state(), row(&desk).await.code_until_ms), (StationState::Invited, reply.until_ms));
        let secret = reply.code.parse::<EnrolmentCode>().unwrap().secret;
        let (codes, village) = (&desk.0.register.codes, StationCode::from_number(VILLAGE).unwrap());
        let key = public_key(&SigningKey::from_bytes(&[3; 32]));
        assert!(codes.redeem(village, &secret, key, reply.until_ms - 1).unwrap().is_some());
        desk.0.register.enrol(village, key).await.unwrap().unwrap();
        assert_eq!((row(&desk).await.state(), row(&desk).await.code_until_ms), (StationState::Enrolled, 0));
        refused(desk.issue(&administrator(), add("")).await, "更换电脑");
    }

    #[tokio::test]
    async fn a_station_is_replaced_and_revoked_under_the_name_of_the_person() {
        let root = tempfile::tempdir().unwrap();
        let desk = desk(root.path()).await;
        let replace = |reason: &str| proto::ReplaceStationRequest {
            station: VILLAGE,
            reason: reason.to_owned(),
            ..Default::default()
        };
        let revoke = |reason: &str| proto::RevokeStationRequest { station: VILLAGE, reason: reason.to_owned() };
        refused(desk.replace(&administrator(), replace("硬盘损坏"), false).await, "还没有开通过");
        refused(desk.revoke(&administrator(), revoke("电脑被盗")).await, "还没有发放过注册码");
        let key = public_key(&SigningKey::from_bytes(&[3; 32]));
        desk.0.register.enrol(StationCode::from_number(VILLAGE).unwrap(), key).await.unwrap().unwrap();
        refused(desk.replace(&administrator(), replace("  "), false).await, "请填写原因");
        let at_once = desk.replace(&administrator(), replace("硬盘损坏"), false).await.unwrap().until_ms;
        assert_eq!(row(&desk).await.state(), StationState::Ended);
        let carried = desk.issue(&administrator(), proto::AddStationRequest { without_line: true, ..add("") }).await;
        assert!(carried.unwrap().until_ms > at_once + 20 * 24 * 60 * 60 * 1000);
        refused(desk.revoke(&administrator(), revoke("")).await, "请填写原因");
        desk.revoke(&administrator(), revoke("电脑被盗")).await.unwrap();
        assert_eq!((row(&desk).await.state(), row(&desk).await.code_until_ms), (StationState::Revoked, 0));

        let store = desk.0.register.station.store();
        let mut by_hand = 0;
        for head in store.have().heads() {
            for seq in 1..=head.seq {
                let entry = store.entry(&head.log, seq).unwrap().unwrap().decode().unwrap();
                by_hand += u32::from(entry.actor == "sp-06" && entry.kind == proto::Kind::Station as u32);
            }
        }
        assert_eq!(by_hand, 2, "the end of the life and the revocation");
    }

    #[tokio::test]
    async fn nobody_else_gets_anything() {
        let root = tempfile::tempdir().unwrap();
        let desk = desk(root.path()).await;
        for actor in [
            actor(Role::Approver, 990_106_000_000),
            actor(Role::Administrator, 990_106_101_000),
            actor(Role::Supervisor, 990_106_000_000),
        ] {
            refused(desk.stations(&actor).await, "管理员使用");
            refused(desk.issue(&actor, add("")).await, "管理员使用");
            refused(desk.replace(&actor, proto::ReplaceStationRequest::default(), false).await, "管理员使用");
            refused(desk.revoke(&actor, proto::RevokeStationRequest::default()).await, "管理员使用");
            refused(desk.invitation(&actor), "管理员使用");
            refused(desk.answer(&actor, Vec::new()).await, "管理员使用");
        }
        refused(desk.issue(&administrator(), add("10.6.1.2")).await, "地址:端口");
        refused(desk.answer(&administrator(), b"a photograph".to_vec()).await, "请求文件");
        let nowhere = proto::AddStationRequest { station: 990_106_999_000, ..Default::default() };
        refused(desk.issue(&administrator(), nowhere).await, "机构名册中没有");
    }
}
