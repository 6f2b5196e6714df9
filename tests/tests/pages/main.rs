//! Every page of the desk as its readers find it: each address of the desk's table is opened by somebody whom it is for, in
//! a district that has worked for some weeks, and read on a desktop, with letters of the usual size and of the largest, and
//! on a telephone (`sanji_tests::browser::reader` says what for). A new address that no link leads to and that nobody here opens fails.
//!
//! Pictures of every page are kept in the folder that SCREENSHOTS names, if it is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod first;
mod furnish;
mod rare;
mod walk;

use furnish::Furnished;
use walk::Walk;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_by_those_whom_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut walk = Walk::begin().await;
    let mut furnished = Furnished::make(folder.path()).await;
    // Who has pictures taken wants more of each page.
    let each = if std::env::var_os("SCREENSHOTS").is_some() { 4 } else { 2 };
    let (hub, township, village) = furnished.desks();

    furnished.matters(&mut walk).await;
    furnished.oversight(&mut walk).await;
    furnished.people(&mut walk).await;
    furnished.refund(&mut walk).await;
    furnished.joint(&mut walk).await;
    furnished.called_back(&mut walk).await;
    furnished.ledgers(&mut walk).await;
    furnished.administration(&mut walk).await;
    furnished.first(&mut walk).await;

    walk.visit(&hub, "public").await;
    walk.wander(&["/"], each).await;
    furnished.resident(&mut walk).await;
    for staff in ["js-01", "sp-06", "sp-08", "sp-04", "sp-02", "cz-01", "mz-01", "mz-03"] {
        walk.log_in(&hub, staff).await;
        walk.wander(&["/desk"], each).await;
    }
    walk.see_answered("/desk/case/1234567890123456789012345", 422).await;
    walk.see_answered("/desk/nowhere", 404).await;
    for (role, base) in [("窗口受理", &township), ("审核", &township), ("全程代办", &township), ("代办员", &village)]
    {
        walk.log_in(base, &furnished.staff(role)).await;
        walk.wander(&["/desk"], each).await;
    }

    furnished.without_a_line(&mut walk).await;
    furnished.revoked(&mut walk).await;

    walk.browser.close().await.unwrap();
    furnished.district.stop_all().unwrap();
    let missed: Vec<_> = walk.opened.iter().filter(|(_, times)| **times == 0).map(|(route, _)| route).collect();
    let faults: Vec<_> = walk.faults.iter().map(String::as_str).collect();
    let (number, told) = (faults.len(), faults.join("\n"));
    assert!(missed.is_empty() && faults.is_empty(), "nobody opened {missed:?}; {number} faults:\n{told}");
}
