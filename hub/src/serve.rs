//! The running hub, as a list.

use std::sync::Arc;

use sanji_desk::DeskOptions;
use sanji_link::Authority;
use sanji_proto::v1::administration_server::AdministrationServer;
use sanji_station::config::Program;
use sanji_station::folder;
use sanji_station::run::{self, Arguments, Run};
use sanji_station::service::{Access, MESSAGE_MAX_BYTES};

use crate::administration::Service;
use crate::codes::Codes;
use crate::desk::AtDesk;
use crate::duties::Duties;
use crate::enroller::HubEnroller;
use crate::register::Register;
use crate::renewal;

/// Runs the hub of a data folder until it is told to stop.
pub(crate) async fn serve(arguments: Arguments) -> Result<(), run::Error> {
    let mut run = Run::open(Program::Hub, arguments).await?;
    let register = register(&run)?;
    run.link().await?;
    let enroller = Arc::new(HubEnroller::new(register.clone(), link_address(&run)));
    enrolment(&mut run, enroller.clone()).await?;
    certificates(&mut run, &register);
    let bundles = run.bundles.clone();
    let enrolment_address = enrolment_address(&run);
    let duties = Duties { register, enroller, bundles: bundles.clone(), enrolment_address };
    run.services(|run, routes| routes.add_service(administration(run, duties.clone()))).await?;
    let public_address = run.config.advertise.public.clone();
    let administration: Option<Arc<dyn sanji_desk::Administration>> = Some(Arc::new(AtDesk(duties)));
    let options = DeskOptions { public_pages: true, public_address, administration, ..DeskOptions::default() };
    run.desk(|station, listener, shutdown| sanji_desk::serve(station, bundles, listener, options, shutdown)).await?;
    run.until_stopped().await
}

fn register(run: &Run) -> Result<Register, run::Error> {
    let path = run.data.keys().join("authority.key");
    let key = folder::read(&path)?
        .and_then(|pem| String::from_utf8(pem).ok())
        .ok_or_else(|| folder::Error::Damaged { path, problem: "it is missing or not text".to_owned() })?;
    let authority = Authority::load(&run.keys.identity.authority_der, &key)
        .map_err(|source| run::Error::Link { operation: "use the authority's key", source })?;
    let codes = Codes::read(&run.data)
        .map_err(|source| run::Error::Duty { operation: "read the one-time codes", source: Box::new(source) })?;
    Ok(Register { station: run.station.clone(), authority: Arc::new(authority), codes: Arc::new(codes) })
}

async fn enrolment(run: &mut Run, enroller: Arc<HubEnroller>) -> Result<(), run::Error> {
    let listener = run.enrolment_listener().await?;
    let serving =
        sanji_link::serve_enrolment(listener, run.trust.clone(), enroller, run.accept_limits(), run.shutdown.clone());
    run.part("enrolment", async move {
        serving.await.map_err(|source| run::Error::Link { operation: "serve enrolment", source })
    });
    Ok(())
}

/// Where others reach the hub's link: as configured, or where it listens if that is one address.
fn link_address(run: &Run) -> Option<String> {
    let advertised = Some(run.config.advertise.link.clone()).filter(|address| !address.is_empty());
    let listened = run.link_address().filter(|address| !address.ip().is_unspecified());
    advertised.or_else(|| listened.map(|address| address.to_string()))
}

/// Where new stations reach enrolment, as far as the hub knows; empty where it does not.
fn enrolment_address(run: &Run) -> String {
    let Some(listened) = run.enrolment_address() else { return String::new() };
    let advertised_host = run.config.advertise.link.rsplit_once(':').map(|(host, _)| host);
    match (listened.ip().is_unspecified(), advertised_host) {
        (false, _) => listened.to_string(),
        (true, Some(host)) => format!("{host}:{}", listened.port()),
        (true, None) => String::new(),
    }
}

fn certificates(run: &mut Run, register: &Register) {
    let renewing = renewal::renew(register.clone(), run.shutdown.clone());
    run.part("certificates", async move {
        renewing.await;
        Ok(())
    });
}

fn administration(run: &Run, duties: Duties) -> AdministrationServer<Service> {
    let service = Service { duties, access: Access::new(run.station.clone(), run.tokens.clone()) };
    AdministrationServer::new(service).max_decoding_message_size(MESSAGE_MAX_BYTES)
}
