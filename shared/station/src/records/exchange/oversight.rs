//! What is not of the case alone: the data sets 电子监察 and 投诉.
//!
//! Alerts follow from time as well as from entries: one that arose without an entry comes with the next entry of its
//! case, or with a full export.

use sanji_domain::matter::{Matter, MatterState};
use sanji_proto::v1 as proto;

use super::{Record, Sighted, division};
use crate::core::{Reader, ReferenceData};
use crate::records::times::second;
use crate::supervision::level_word;

impl Sighted<'_> {
    /// Every alert of the case, with what became of it.
    pub(super) fn alerts(&self) -> Vec<Record> {
        let alerts = self.reader.every_alert_of(self.reference, self.case, self.now_ms);
        (1..).zip(alerts).map(|(number, alert)| self.alert(number, alert)).collect()
    }

    fn alert(&self, number: usize, alert: proto::AlertRow) -> Record {
        let level = level_word(alert.level());
        Record::new("电子监察", self.case, number)
            .with("行政区划代码", format!("{:012}", alert.station).chars().take(9).collect::<String>())
            .with("监察类别", alert.kind)
            .with("监察事项", alert.name)
            .with("预警级别", level)
            .with("环节名称", alert.stage_name)
            .with("责任机构", alert.station_name)
            .with("责任部门", alert.department_name)
            .with("责任人员", alert.person_name)
            .with("触发日期", alert.since.to_string())
            .with("处理状态", alert.state)
            .with("扣分", alert.points.to_string())
    }
}

impl Reader {
    /// A complaint. Who has complained, and in which words, stays in the district.
    pub(super) fn complaint_record(&self, reference: &ReferenceData, matter: &Matter) -> Option<Record> {
        let complaint = matter.complaint()?;
        let against = &complaint.against;
        let organisation = reference.organisation();
        let department = against.department.as_ref().and_then(|code| organisation?.department(code));
        let result = match matter.state() {
            MatterState::Concluded(finding) => finding.term(),
            _ => "",
        };
        let case = complaint.case.as_ref().map(ToString::to_string).unwrap_or_default();
        // A case may have several complaints, and a complaint no case; its own number tells them apart.
        Some(
            Record::numbered("投诉", case, matter.id().number().to_string())
                .with("行政区划代码", division(complaint.registered_at))
                .with("投诉方式", complaint.way.term())
                .with("是否匿名", if complaint.anonymous { "1" } else { "0" })
                .with("投诉时间", second(complaint.registered_ms))
                .with("被投诉机构", against.station.map(|at| reference.station_name(at)).unwrap_or_default())
                .with("被投诉部门", department.map(|department| department.name.clone()).unwrap_or_default())
                .with("处理状态", matter.state().words())
                .with("处理结果", result),
        )
    }
}
