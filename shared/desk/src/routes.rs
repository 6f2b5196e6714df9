//! Every address of the desk, and whom it is for. Tests walk this table, so that no address escapes them.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use crate::form::FORM_LIMIT_BYTES;
use crate::problem::Problem;
use crate::state::Desk;
use crate::{
    act, administration, alerts, apply, assets, attachment, bundles, case, case_file, deadlines, headers, home, items,
    ledgers, login, matter_more, matter_public, matters, paper, people, person, problem, public, quarantine,
    staff_requests, station, supervision, ticks, vouchers,
};

/// Largest form of somebody who is not logged in.
const SMALL_FORM_BYTES: usize = 16 * 1024;
/// How long a request may take, its body included: 64 MB at 2 Mbit/s.
const REQUEST_TIME: Duration = Duration::from_secs(5 * 60);
/// The same for a bundle, which comes from a stick at the desk: 4 GB at 10 Mbit/s.
const BUNDLE_TIME: Duration = Duration::from_secs(60 * 60);
/// The one address that takes a bundle.
const BUNDLE_PATH: &str = "/desk/bundles/import";

/// Whom an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Everyone,
    /// Anybody, on a hub.
    Public,
    /// Members of staff with a session.
    Staff,
}

/// One address.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    handlers: MethodRouter<Desk>,
}

/// All addresses.
pub(crate) fn table() -> Vec<Route> {
    use Access::{Everyone, Public, Staff};
    let route = |path, access, handlers: MethodRouter<Desk>| Route { path, access, handlers };
    vec![
        route("/", Everyone, get(public::home)),
        route("/query", Public, axum::routing::post(public::query)),
        route("/items", Public, get(items::public_list)),
        route("/items/{code}", Public, get(items::public_guide)),
        route("/ledger", Public, get(ledgers::public)),
        route("/voucher", Public, get(vouchers::public_show).post(vouchers::public_check)),
        route("/V/{text}", Public, get(vouchers::public_link)),
        route("/complain", Public, get(matter_public::complain).post(matter_public::complained)),
        route("/ask", Public, get(matter_public::ask).post(matter_public::asked)),
        route("/matter", Public, get(matter_public::matter).post(matter_public::looked_up)),
        route("/rate", Public, axum::routing::post(matter_public::rate)),
        route("/answers", Public, get(matter_public::answers)),
        route("/notices", Public, get(matter_public::notices)),
        route("/surveys", Public, get(matter_public::surveys)),
        route("/surveys/{number}", Public, get(matter_public::survey).post(matter_public::answered)),
        route("/assets/desk.css", Everyone, get(assets::style)),
        route("/assets/desk.js", Everyone, get(assets::script)),
        route("/desk/login", Everyone, get(login::form).post(login::log_in)),
        route("/desk/logout", Staff, axum::routing::post(login::log_out)),
        route("/desk/password", Staff, get(login::password_form).post(login::change_password)),
        route("/desk", Staff, get(home::show)),
        route("/desk/new", Staff, get(items::pick)),
        route("/desk/new/{item}", Staff, get(apply::form).post(apply::post)),
        route("/desk/items", Staff, get(items::list)),
        route("/desk/items/{code}", Staff, get(items::guide)),
        route("/desk/matters", Staff, get(matters::list)),
        route("/desk/matters/new/{kind}", Staff, get(matters::new).post(matters::open)),
        route("/desk/matter/{number}", Staff, get(matters::show)),
        route("/desk/matter/{number}/act/{action}", Staff, get(matters::back).post(matters::act)),
        route("/desk/matter/{number}/attachment/{id}", Staff, get(attachment::show_of_matter)),
        route("/desk/call-backs", Staff, get(matter_more::call_backs)),
        route("/desk/notices", Staff, get(matter_more::notices).post(matter_more::publish)),
        route("/desk/notices/withdraw", Staff, axum::routing::post(matter_more::withdraw)),
        route("/desk/assessment", Staff, get(matter_more::assessment)),
        route("/desk/bundles", Staff, get(bundles::show)),
        route("/desk/bundles/export", Staff, axum::routing::post(bundles::export)),
        route(BUNDLE_PATH, Staff, axum::routing::post(bundles::import)),
        route("/desk/ledgers", Staff, get(ledgers::show)),
        route("/desk/ledgers/export", Staff, axum::routing::post(ledgers::export)),
        route("/desk/voucher", Staff, get(vouchers::show).post(vouchers::check)),
        route("/desk/alerts", Staff, get(alerts::list)),
        route("/desk/alerts/{number}/{id}", Staff, get(alerts::show)),
        route("/desk/alerts/{number}/{id}/{action}", Staff, get(alerts::back).post(alerts::say)),
        route("/desk/orders", Staff, get(alerts::orders)),
        route("/desk/supervision", Staff, get(supervision::board)),
        route("/desk/supervision/live", Staff, get(supervision::live)),
        route("/desk/supervision/cases", Staff, get(supervision::cases)),
        route("/desk/supervision/ranking", Staff, get(supervision::ranking)),
        route("/desk/supervision/ranking/cases", Staff, get(supervision::ranking_cases)),
        route("/desk/supervision/responsibility/{number}", Staff, get(supervision::responsibility)),
        route("/desk/supervision/rules", Staff, get(supervision::rules)),
        route("/desk/station", Staff, get(station::show)),
        route("/desk/quarantine", Staff, get(quarantine::show).post(quarantine::settle)),
        route("/desk/stations", Staff, get(people::stations)),
        route("/desk/administration", Staff, get(administration::list)),
        route("/desk/administration/answer", Staff, get(administration::back_to_list).post(administration::answer)),
        route("/desk/administration/{station}", Staff, get(administration::show)),
        route("/desk/administration/{station}/{action}", Staff, get(administration::back).post(administration::act)),
        route("/desk/upward", Staff, get(people::upward)),
        route("/desk/people", Staff, get(people::show)),
        route("/desk/people/absence", Staff, axum::routing::post(people::absent)),
        route("/desk/people/back", Staff, axum::routing::post(people::back)),
        route("/desk/people/suspend", Staff, axum::routing::post(people::suspend)),
        route("/desk/person/{staff}", Staff, get(person::show).post(person::ask)),
        route("/desk/staff-requests", Staff, get(staff_requests::show).post(staff_requests::decide)),
        route("/desk/authorisations", Staff, get(person::authorisations)),
        route("/desk/deadlines", Staff, get(deadlines::show)),
        route("/desk/case/{number}", Staff, get(case::show)),
        route("/desk/case/{number}/ticks", Staff, get(ticks::fragment)),
        route("/desk/case/{number}/act/{action}", Staff, get(act::back).post(act::post)),
        route("/desk/case/{number}/paper/{kind}", Staff, get(paper::show)),
        route("/desk/case/{number}/file", Staff, axum::routing::post(case_file::export)),
        route("/desk/case/{number}/attachment/{id}", Staff, get(attachment::show)),
    ]
}

/// The desk as a service.
pub(crate) fn router(desk: Desk) -> Router {
    let mut router = Router::new();
    for route in table() {
        let limit = match route.access {
            Access::Everyone | Access::Public => SMALL_FORM_BYTES,
            Access::Staff if route.path == BUNDLE_PATH => bundles::BUNDLE_LIMIT_BYTES,
            Access::Staff => FORM_LIMIT_BYTES,
        };
        if route.access != Access::Public || desk.options().public_pages {
            router = router.route(route.path, route.handlers.layer(DefaultBodyLimit::max(limit)));
        }
    }
    router
        .fallback(|| async { Problem::not_found() })
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(desk.clone(), problem::show))
        .layer(middleware::from_fn(headers::secure))
        .with_state(desk)
}

async fn in_time(request: Request, next: Next) -> Response {
    let time = if request.uri().path() == BUNDLE_PATH { BUNDLE_TIME } else { REQUEST_TIME };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::too_slow().into_response(),
    }
}
