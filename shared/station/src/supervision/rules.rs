//! The rules in force.

use sanji_domain::calendar::date_number;
use sanji_domain::supervision::Rule;
use sanji_proto::v1 as proto;

use super::names::level;
use crate::core::Reader;

/// Where the district publishes its rules.
const PATH: &str = "supervision/rules.toml";

impl Reader {
    /// The rules of supervision as this station holds them.
    #[must_use]
    pub fn watch_rules(&self) -> proto::RulesReply {
        let reference = self.reference();
        proto::RulesReply {
            version: reference.files().get(PATH).map_or(0, |file| file.version),
            rules: reference.watch_rules().iter().map(rule).collect(),
        }
    }
}

fn rule(rule: &Rule) -> proto::RuleView {
    proto::RuleView {
        id: rule.id.to_string(),
        kind: rule.kind.term().to_owned(),
        name: rule.name.clone(),
        text: rule.text.clone(),
        basis: rule.basis.clone().unwrap_or_default(),
        level: level(rule.level).into(),
        test: rule.when.test().term().to_owned(),
        points: rule.points,
        points_per_day: rule.points_per_day,
        points_most: if rule.points_most == u32::MAX { 0 } else { rule.points_most },
        from: rule.from.map_or(0, date_number),
        until: rule.until.map_or(0, date_number),
    }
}
