//! The rules of supervision, from `supervision/rules.toml`: data that the district edits and publishes. A rule holds
//! for what happens on its days, so a new version of the file changes nothing that a rule has said before, as long
//! as rules are ended and not deleted.

use jiff::civil::Date;

use super::condition::Condition;
use crate::code::RuleId;
use crate::term::terms;
use crate::toml_file::{FileFault, Section, read_file};

terms! {
    /// The four kinds that supervision watches.
    pub enum WatchKind ("监察类别") {
        /// What an application must fulfil.
        Condition = "条件",
        /// How it is handled.
        Procedure = "程序",
        /// How long it takes.
        Limit = "期限",
        /// What it costs.
        Fee = "收费",
    }
}

terms! {
    /// How grave an alert is, in rising order.
    pub enum Level ("预警级别") {
        /// A limit ends soon.
        Prompt = "提示",
        /// A limit is nearly used up.
        Yellow = "黄色",
        /// A rule is broken.
        Red = "红色",
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id. Two rules may share one where their days don't overlap.
    pub id: RuleId,
    /// Its kind.
    pub kind: WatchKind,
    /// Its name on screens.
    pub name: String,
    /// What it says, in words.
    pub text: String,
    /// The law or document behind it.
    pub basis: Option<String>,
    /// The level that it reaches at most.
    pub level: Level,
    /// What it looks for.
    pub when: Condition,
    /// Points that it costs at its level.
    pub points: u32,
    /// Points for each day that is charged to person or office.
    pub points_per_day: u32,
    /// Most points that one alert costs.
    pub points_most: u32,
    /// First day on which it holds; none: always did.
    pub from: Option<Date>,
    /// Last day on which it holds; none: still does.
    pub until: Option<Date>,
}

impl Rule {
    /// Whether it holds for what happens on a day.
    #[must_use]
    pub fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (id, kind, name) = (section.code("id"), section.term("kind"), section.text("name"));
        let (text, basis, level) = (section.text("text"), section.optional_text("basis"), section.term("level"));
        let when = section.section("when", Condition::read);
        let points = section.number("points");
        let points_per_day = if section.has("points_per_day") { section.number("points_per_day") } else { Some(0) };
        let points_most = if section.has("points_most") { section.number("points_most") } else { Some(u32::MAX) };
        let from = if section.has("from") { section.date("from").map(Some) } else { Some(None) };
        let until = if section.has("until") { section.date("until").map(Some) } else { Some(None) };
        let rule = Self {
            id: id?,
            kind: kind?,
            name: name?,
            text: text?,
            basis,
            level: level?,
            when: when?,
            points: points?,
            points_per_day: points_per_day?,
            points_most: points_most?,
            from: from?,
            until: until?,
        };
        rule.check(section);
        Some(rule)
    }

    fn check(&self, section: &Section<'_>) {
        let test = self.when.test();
        if test.kind() != self.kind {
            section.fault("kind", format!("条件“{test}”属于“{}”类规则", test.kind()));
        }
        if self.from.zip(self.until).is_some_and(|(from, until)| until < from) {
            section.fault("until", "最后一天早于第一天");
        }
        if self.points_most < self.points {
            section.fault("points_most", "最高扣分不能低于基本扣分");
        }
        if self.level == Level::Prompt && self.points > 0 {
            section.fault("points", "只作提示的规则不扣分");
        }
    }

    fn meets(&self, other: &Self) -> bool {
        let begins_before =
            |one: &Self, end: Option<Date>| one.from.is_none_or(|from| end.is_none_or(|end| from <= end));
        self.id == other.id && begins_before(self, other.until) && begins_before(other, self.until)
    }
}

/// The rules of a district, in the file's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// The rules of a district that has published none.
const BUILT_IN: &str = include_str!("rules.toml");

impl Rules {
    /// Reads `supervision/rules.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file, text, |section| {
            let rules = section.some_sections("rule", Rule::read)?;
            for (index, rule) in rules.iter().enumerate() {
                if rules.iter().take(index).any(|earlier| rule.meets(earlier)) {
                    let line = section.line_in("rule", index, "id");
                    section.fault_at(line, format!("规则“{}”重复，或者两个版本的有效日期重叠", rule.id));
                }
            }
            Some(Self(rules))
        })
    }

    /// The rules of a district that has published none of its own: what the common rules of all items want watched.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse("rules.toml", BUILT_IN).unwrap_or_default()
    }

    /// Every rule, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// The newest rule of an id.
    #[must_use]
    pub fn get(&self, id: &RuleId) -> Option<&Rule> {
        self.iter().filter(|rule| rule.id == *id).max_by_key(|rule| rule.from)
    }
}
