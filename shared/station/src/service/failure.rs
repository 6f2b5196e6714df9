//! Failures as gRPC statuses, the way case.proto promises: the message is one Chinese sentence for the person,
//! the details are google.rpc's.

use std::collections::HashMap;
use std::time::Duration;

use sanji_domain::case::{Refusal, RefusalClass};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::Failure;

/// The `domain` of every ErrorInfo.
const DOMAIN: &str = "sanji";

/// A failure as a caller over gRPC learns of it. A fault of the station is logged here: the caller is told that
/// there is one, not which.
pub(super) fn status(failure: Failure) -> Status {
    match failure {
        Failure::Refused(refusal) => refused(&refusal),
        Failure::NotFound => named(Code::NotFound, "not_found", "没有找到该办件，或您无权查看。"),
        Failure::Stale => named(Code::Aborted, "stale", "办件已有新的进展，请刷新后再办理。"),
        Failure::NotHereYet => named(Code::Unavailable, "not_here_yet", "内容尚未传到本站点，请稍后再试。"),
        Failure::TooManyAttempts { retry_after_ms } => {
            let mut details = info("too_many_attempts", None);
            details.set_retry_info(Some(Duration::from_millis(retry_after_ms)));
            Status::with_error_details(Code::ResourceExhausted, "尝试次数过多，请稍后再试。", details)
        }
        Failure::ReadOnly(reason) => Status::with_error_details(Code::Unavailable, reason, info("read_only", None)),
        Failure::Internal(error) => {
            tracing::error!(error = crate::command::chain(&error), "a call failed");
            named(Code::Internal, "internal", "系统内部错误，请联系站点管理员。")
        }
    }
}

fn refused(refusal: &Refusal) -> Status {
    let code = match refusal.code.class() {
        RefusalClass::Input => Code::InvalidArgument,
        RefusalClass::Right => Code::PermissionDenied,
        RefusalClass::Rule => Code::FailedPrecondition,
        RefusalClass::Stale => Code::Aborted,
    };
    let mut details = info(refusal.code.as_str(), refusal.basis.as_deref());
    if !refusal.fields.is_empty() {
        let violation = |fault: &sanji_domain::case::FieldFault| FieldViolation::new(&fault.field, &fault.sentence);
        details.set_bad_request(refusal.fields.iter().map(violation).collect::<Vec<_>>());
    }
    Status::with_error_details(code, refusal.sentence.clone(), details)
}

fn named(code: Code, reason: &str, sentence: &str) -> Status {
    Status::with_error_details(code, sentence, info(reason, None))
}

fn info(reason: &str, basis: Option<&str>) -> ErrorDetails {
    let metadata: HashMap<String, String> =
        basis.map(|basis| ("basis".to_owned(), basis.to_owned())).into_iter().collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, metadata);
    details
}

/// A request that no desk would send: the fault of a program, told in English.
pub(super) fn malformed(field: &str, problem: &str) -> Status {
    let mut details = info("malformed", None);
    details.add_bad_request_violation(field, problem);
    Status::with_error_details(Code::InvalidArgument, format!("{field} {problem}"), details)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sanji_domain::case::{FieldFault, RefusalCode};

    use super::*;

    fn refusal(code: RefusalCode) -> Failure {
        let fields = vec![FieldFault { field: "applicant.id_number".into(), sentence: "校验码不对".into() }];
        Failure::Refused(Refusal {
            code, sentence: "请核对。".into(), fields, basis: Some("某法第一条".into())
        })
    }

    #[test]
    fn each_class_of_refusal_has_its_code_and_keeps_its_details() {
        for (code, expect) in [
            (RefusalCode::InvalidInput, Code::InvalidArgument),
            (RefusalCode::NotEntitled, Code::PermissionDenied),
            (RefusalCode::WrongStage, Code::FailedPrecondition),
            (RefusalCode::Stale, Code::Aborted),
        ] {
            let status = status(refusal(code));
            assert_eq!((status.code(), status.message()), (expect, "请核对。"));
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (code.as_str(), "sanji"));
            assert_eq!(info.metadata["basis"], "某法第一条");
            assert_eq!(details.bad_request().unwrap().field_violations[0].field, "applicant.id_number");
        }
    }

    #[test]
    fn what_is_not_a_refusal_has_its_code_too() {
        for (failure, expect) in [
            (Failure::NotFound, Code::NotFound),
            (Failure::Stale, Code::Aborted),
            (Failure::NotHereYet, Code::Unavailable),
            (Failure::ReadOnly("磁盘已满，暂时不能保存。".into()), Code::Unavailable),
            (Failure::Internal(crate::Error::Stopped), Code::Internal),
        ] {
            assert_eq!(status(failure).code(), expect);
        }
        let locked = status(Failure::TooManyAttempts { retry_after_ms: 60_000 });
        assert_eq!(locked.code(), Code::ResourceExhausted);
        assert_eq!(locked.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(60)));
    }
}
