//! The running node, as a list.

use sanji_desk::DeskOptions;
use sanji_station::config::Program;
use sanji_station::run::{self, Arguments, Run};

/// Runs the node of a data folder until it is told to stop.
pub(crate) async fn serve(arguments: Arguments) -> Result<(), run::Error> {
    let mut run = Run::open(Program::Node, arguments).await?;
    run.link().await?;
    run.services(|_, routes| routes).await?;
    let public_address = run.config.advertise.public.clone();
    let (bundles, options) = (run.bundles.clone(), DeskOptions { public_address, ..DeskOptions::default() });
    run.desk(|station, listener, shutdown| sanji_desk::serve(station, bundles, listener, options, shutdown)).await?;
    run.until_stopped().await
}
