//! What a bundle brought and this station did not take: why, and what to do, a sentence a reason.
//!
//! Only two reasons pass when something earlier is read first. Whoever is told so of every reason reads a forged or
//! forked file again and again, and nobody who could help hears of it.

use std::collections::BTreeSet;

use sanji_log::StationCode;
use sanji_proto::v1::RefusalReason;

/// Reasons in the order in which they are told: what must not go on comes first.
const ORDER: [RefusalReason; 8] = [
    RefusalReason::Fork,
    RefusalReason::Revoked,
    RefusalReason::BadSeal,
    RefusalReason::Malformed,
    RefusalReason::NotYours,
    RefusalReason::Unspecified,
    RefusalReason::UnknownKey,
    RefusalReason::Gap,
];
/// Stations named in one sentence.
const NAMED: usize = 3;

/// A sentence for each reason that there is. `refused`: about which station's work each refused log is, and why.
pub(crate) fn told(refused: &[(StationCode, RefusalReason)], name: impl Fn(StationCode) -> String) -> Vec<String> {
    let of = |reason: RefusalReason| {
        let about: BTreeSet<_> = refused.iter().filter(|(_, why)| *why == reason).map(|(home, _)| *home).collect();
        let mut names: Vec<_> = about.iter().take(NAMED).map(|home| name(*home)).collect();
        if about.len() > NAMED {
            names.push(format!("等{}个站点", about.len()));
        }
        (!about.is_empty()).then(|| format!("{}的部分记录：{}", names.join("、"), advice(reason)))
    };
    ORDER.into_iter().filter_map(of).collect()
}

/// What happened and what to do, after "the records of so-and-so:".
fn advice(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Gap => {
            "前面的记录还没有到，接不上。请先导入更早的离线包，再重新导入这个文件；没有更早文件的，请对方重新导出。"
        }
        RefusalReason::UnknownKey => {
            "书写的站点本站还不认识，其登记资料没有到。请先导入上级最近导出的离线包，再重新导入这个文件。"
        }
        RefusalReason::Fork => {
            "与本站已有的记录不一致，可能有两台电脑在用同一站点的密钥各自办理。\
             请不要再导入该站点的离线包，立即联系区政务服务中心管理员处理。"
        }
        RefusalReason::Revoked => {
            "书写的站点已被注销，没有计入办理。不用重复导入，请联系区政务服务中心管理员决定是否采纳。"
        }
        RefusalReason::BadSeal => {
            "签章不对，内容可能被改动过。请对方重新导出；再次出现的，请不要使用，联系区政务服务中心管理员。"
        }
        RefusalReason::Malformed => "内容损坏，读不出来。请对方重新导出；再次出现的，请联系区政务服务中心管理员。",
        RefusalReason::NotYours => "不该由本站保存，或者对方无权书写。不用重复导入，请告知区政务服务中心管理员。",
        RefusalReason::Unspecified => "原因不详。不用重复导入，请联系区政务服务中心管理员。",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(number: u64) -> StationCode {
        StationCode::from_number(number).unwrap()
    }

    #[test]
    fn only_what_passes_by_itself_is_to_be_read_again() {
        for reason in ORDER {
            let passes = matches!(reason, RefusalReason::Gap | RefusalReason::UnknownKey);
            assert_eq!(advice(reason).contains("再重新导入"), passes, "{reason:?}");
            assert_eq!(advice(reason).contains("管理员"), !passes, "{reason:?}");
        }
        let all: BTreeSet<_> = ORDER.map(advice).into_iter().collect();
        assert_eq!(all.len(), ORDER.len(), "each its own sentence");
    }

    #[test]
    fn each_reason_is_told_once_with_whom_it_is_about_and_the_worst_first() {
        let name = |station: StationCode| format!("站点{station}");
        let village = |number: u64| station(990_106_101_200 + number);
        let mut refused = vec![(village(3), RefusalReason::Gap), (village(3), RefusalReason::Gap)];
        refused.push((village(8), RefusalReason::Fork));
        let sentences = told(&refused, name);
        assert_eq!(sentences.len(), 2);
        assert!(sentences[0].starts_with("站点990106101208的部分记录：与本站已有的记录不一致"), "{sentences:?}");
        assert!(sentences[1].starts_with("站点990106101203的部分记录：前面的记录还没有到"), "{sentences:?}");
        let many: Vec<_> = (1..=5).map(|number| (village(number), RefusalReason::Gap)).collect();
        assert!(told(&many, name)[0].contains("等5个站点的部分记录"));
        assert!(told(&[], name).is_empty());
    }
}
