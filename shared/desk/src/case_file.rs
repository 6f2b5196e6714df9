//! The file of a case (案卷) for whoever sees the case in full: one archive that proves itself.

use axum::extract::{Path, State};
use axum::response::Response;
use sanji_proto::v1 as proto;

use crate::guard::Posted;
use crate::problem::Problem;
use crate::records::download;
use crate::state::Desk;
use crate::words;

/// `POST /desk/case/{number}/file`
pub(crate) async fn export(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    posted: Posted,
) -> Result<Response, Problem> {
    let case_number = words::digits(&number);
    let name = format!("案卷-{case_number}.zip");
    let neighbours = posted.form.value("neighbours") == "1";
    let request = proto::ExportCaseFileRequest { case_number, neighbours };
    let parts = desk.office().records().export_case_file(&posted.person.actor, request);
    download(parts, &name, "application/zip").await
}
