//! The table of expectations: who is asked for, and the outcome of every RPC for each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// The files of the table that have rows of RPCs.
const FILES: [&str; 6] = ["cases", "station", "records", "staff", "supervision", "matters"];

/// What a call came to, or has to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Plain,
    Masked,
    Content,
    Process,
    Empty,
    Ok,
    Passes,
    Wrong,
    Rule,
    Refused,
    Unknown,
    Login,
    Elsewhere,
}

/// Somebody for whom every call is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Division code of the station at which the call is made.
    pub(crate) station: String,
    #[serde(default)]
    pub(crate) staff: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) keeper: bool,
    #[serde(default)]
    pub(crate) suspended: bool,
    #[serde(default)]
    pub(crate) token_of: String,
}

impl Entry {
    /// Whether the token that is shown, if any, is good for nothing.
    pub(crate) fn is_tokenless(&self) -> bool {
        self.suspended || !self.token_of.is_empty() || (self.staff.is_empty() && !self.keeper)
    }

    pub(crate) fn is_at_a_node(&self) -> bool {
        !self.station.ends_with("000000")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleFile {
    people: BTreeMap<String, Entry>,
    no_login: BTreeMap<String, String>,
    groups: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    rpc: Vec<RawRow>,
}

#[derive(Deserialize)]
struct RawRow {
    name: String,
    #[serde(default)]
    about: String,
    why: String,
    rest: Outcome,
    node: Option<Outcome>,
    only: Option<Vec<String>>,
    #[serde(flatten)]
    named: BTreeMap<String, Vec<String>>,
}

/// A row: an RPC about something, and what it has to come to for each person.
pub(crate) struct Row {
    pub(crate) rpc: String,
    pub(crate) about: String,
    pub(crate) expected: BTreeMap<String, Outcome>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rpc)?;
        if self.about.is_empty() { Ok(()) } else { write!(f, " about {}", self.about) }
    }
}

/// The whole table.
pub(crate) struct Table {
    pub(crate) people: BTreeMap<String, Entry>,
    pub(crate) no_login: BTreeMap<String, String>,
    groups: BTreeMap<String, Vec<String>>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) fn read<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/rights/expected/{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    toml::from_str(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

impl Table {
    pub(crate) fn load() -> Self {
        let PeopleFile { people, no_login, groups } = read("people");
        let mut table = Self { people, no_login, groups, rows: Vec::new() };
        for file in FILES {
            for raw in read::<RowsFile>(file).rpc {
                let row = table.row(raw);
                table.rows.push(row);
            }
        }
        table
    }

    /// Groups of another file of the table.
    pub(crate) fn add_groups(&mut self, groups: BTreeMap<String, Vec<String>>) {
        self.groups.extend(groups);
    }

    /// The people of a list, groups taken apart. Unknown names end the test.
    pub(crate) fn people_of(&self, names: &[String]) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for name in names {
            match self.groups.get(name) {
                Some(group) => all.extend(self.people_of(group)),
                None => {
                    assert!(self.people.contains_key(name), "nobody is called {name}");
                    all.insert(name.clone());
                }
            }
        }
        all
    }

    fn row(&self, raw: RawRow) -> Row {
        assert!(!raw.why.is_empty(), "{}: say why", raw.name);
        let mut named: BTreeMap<String, Outcome> = BTreeMap::new();
        for (outcome, names) in &raw.named {
            let outcome = toml::Value::String(outcome.clone());
            let outcome: Outcome = outcome.try_into().unwrap_or_else(|fault| panic!("{}: {fault}", raw.name));
            for person in self.people_of(names) {
                let before = named.insert(person.clone(), outcome);
                assert!(before.is_none(), "{} about {:?} names {person} twice", raw.name, raw.about);
            }
        }
        let only = raw.only.as_ref().map(|names| self.people_of(names));
        let asked = self.people.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only.contains(*name)));
        let outcome = |name: &String, entry: &Entry| {
            let by_place = raw.node.filter(|_| entry.is_at_a_node());
            let by_token = match (entry.is_tokenless(), entry.keeper) {
                (true, _) => Outcome::Login,
                (_, true) => Outcome::Refused,
                _ => raw.rest,
            };
            named.get(name).copied().or(by_place).unwrap_or(by_token)
        };
        let expected = asked.map(|(name, entry)| (name.clone(), outcome(name, entry))).collect();
        Row { rpc: raw.name, about: raw.about, expected }
    }

    /// What a person has to see of a thing when they ask for it as such.
    pub(crate) fn sight(&self, rpc: &str, about: &str, person: &str) -> Outcome {
        let row = self.rows.iter().find(|row| row.rpc == rpc && row.about == about);
        let row = row.unwrap_or_else(|| panic!("{rpc} about {about} has no row"));
        row.expected.get(person).copied().unwrap_or(Outcome::Unknown)
    }
}
