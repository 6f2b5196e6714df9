//! The running node, as a list.

use sanji_desk::DeskOptions;
use sanji_station::config::Program;
use sanji_station::run::{self, Arguments, Run, told_to_stop};

use crate::first::Page;

/// Runs the node of a data folder until it is told to stop.
pub(crate) async fn serve(arguments: Arguments) -> Result<(), run::Error> {
    let mut run = match Page::open(&arguments).await? {
        None => Run::open(Program::Node, arguments).await?,
        Some(page) => match once_enrolled(page, arguments).await? {
            Some(run) => run,
            None => return Ok(()),
        },
    };
    run.link().await?;
    run.services(|_, routes| routes).await?;
    let public_address = run.config.advertise.public.clone();
    let (bundles, options) = (run.bundles.clone(), DeskOptions { public_address, ..DeskOptions::default() });
    run.desk(|station, listener, shutdown| sanji_desk::serve(station, bundles, listener, options, shutdown)).await?;
    run.until_stopped().await
}

/// The station that a person makes on the first page; none where the process is told to stop before.
async fn once_enrolled(mut page: Page, arguments: Arguments) -> Result<Option<Run>, run::Error> {
    let stop = told_to_stop();
    tokio::pin!(stop);
    tokio::select! {
        // Whoever has read that the page is there may tell the process to stop: signals are waited for first.
        biased;
        told = &mut stop => {
            page.end().await;
            return told.map(|()| None);
        }
        enrolled = page.enrolled() => enrolled?,
    }
    let mut run = tokio::select! {
        run = Run::open(Program::Node, arguments) => run?,
        told = &mut stop => return told.map(|()| None),
    };
    run.go_on_at(page.give_way());
    Ok(Some(run))
}
