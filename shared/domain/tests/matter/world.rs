//! A matter under way: entries are made by the rules, go through the codec, and are folded again.

use sanji_domain::case::Refusal;
use sanji_domain::matter::{
    self, Against, ComplaintInput, Finding, Matter, MatterBody, MatterCommand, MatterContext, MatterDraft, MatterEntry,
    RectificationInput, Source, Way, codec,
};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, Hash, HybridTime, LogId, PublicKey, Reach, StationCode};

use crate::district::{DAY, DISTRICT, District, MONDAY, TOWNSHIP, code, district};

pub(crate) const DESK: &str = "sp-04";
pub(crate) const SUPERVISOR: &str = "js-01";
pub(crate) const TOWNSHIP_SUPERVISOR: &str = "990106101-10";
pub(crate) const WINDOW: &str = "990106101-03";
/// Heads the window of 民政.
pub(crate) const HEAD: &str = "mz-01";

pub(crate) struct World {
    pub(crate) district: &'static District,
    pub(crate) matter: Matter,
    pub(crate) entries: Vec<MatterEntry>,
    pub(crate) now_ms: u64,
    home: StationCode,
}

/// A complaint about a person of 民政's window.
pub(crate) fn complaint() -> ComplaintInput {
    ComplaintInput {
        way: Some(Way::Visit),
        against: Against {
            station: Some(code(DISTRICT)),
            department: Some("mz".parse().unwrap()),
            person: Some(HEAD.parse().unwrap()),
        },
        name: "赵某".to_owned(),
        telephone: "13800000000".to_owned(),
        words: "多次推诿".to_owned(),
        query_code: "012345".to_owned(),
        ..ComplaintInput::default()
    }
}

pub(crate) fn order() -> RectificationInput {
    RectificationInput {
        source: Source::Inspection,
        station: code(TOWNSHIP),
        department: String::new(),
        until: Some(jiff::civil::date(2026, 3, 10)),
        concerns: String::new(),
        title: "窗口无人值守".to_owned(),
        words: "工作时间窗口无人，请整改".to_owned(),
    }
}

impl World {
    pub(crate) fn new(home: &str) -> Self {
        let home = code(home);
        let id = CaseId::new(home, 9500, 1, [1; 7]).unwrap();
        Self { district: district(), matter: Matter::new(id), entries: Vec::new(), now_ms: MONDAY, home }
    }

    pub(crate) fn person(&self, id: &str) -> &'static Staff {
        self.district.person(id)
    }

    pub(crate) fn context<'a>(&'a self, actor: Option<&'a Staff>) -> MatterContext<'a> {
        let station = actor.map_or(code(DISTRICT), |staff| staff.place);
        MatterContext { now_ms: self.now_ms, station, actor, reference: self.district.reference() }
    }

    /// A complaint that the desk has taken down.
    pub(crate) fn complaint(input: ComplaintInput) -> Self {
        let mut world = Self::new(DISTRICT);
        let desk = world.person(DESK);
        let draft = matter::register_complaint(None, input, None, &world.context(Some(desk))).unwrap();
        world.write(draft, desk.place);
        world
    }

    pub(crate) fn rectification() -> Self {
        let mut world = Self::new(TOWNSHIP);
        let supervisor = world.person(SUPERVISOR);
        let draft = matter::issue(None, &order(), &world.context(Some(supervisor))).unwrap();
        world.write(draft, supervisor.place);
        world
    }

    pub(crate) fn write(&mut self, draft: MatterDraft, writer: StationCode) {
        self.now_ms += 1000;
        let (kind, bytes) = codec::encode(&draft.body, None);
        let decoded = codec::decode(kind, &bytes.clone().into()).unwrap().unwrap();
        assert_eq!(decoded.body, draft.body, "the codec gives back what it was given");
        let number = u8::try_from(self.entries.len()).unwrap();
        let log = LogId { home: self.home, reach: Reach::Private, key: PublicKey([writer.tier() as u8; 32]) };
        let entry = MatterEntry {
            hash: Hash([number + 1; 32]),
            log,
            seq: u64::from(number) + 1,
            writer,
            time: HybridTime::from_millis(self.now_ms),
            actor: String::new(),
            body: decoded.body,
        };
        self.matter.apply(&entry);
        self.entries.push(entry);
    }

    pub(crate) fn act(&mut self, id: &str, command: &MatterCommand) -> Result<(), Refusal> {
        let person = self.person(id);
        let draft = matter::decide(&self.matter, None, command, &self.context(Some(person)))?;
        let is_step = matches!(draft.body, MatterBody::Step(_));
        let rev = self.matter.rev();
        self.write(draft, person.place);
        assert_eq!(self.matter.rev(), rev + u32::from(is_step), "what was decided counts");
        Ok(())
    }

    pub(crate) fn days_pass(&mut self, days: u64) {
        self.now_ms += days * DAY;
    }
}

pub(crate) fn assign(department: &str) -> MatterCommand {
    MatterCommand::Assign { department: department.to_owned(), words: "请核实".to_owned() }
}

pub(crate) fn investigate() -> MatterCommand {
    MatterCommand::Investigate { finding: Finding::Upheld, words: "经查属实".to_owned() }
}

pub(crate) fn conclude(finding: Finding, propose_suspension: bool) -> MatterCommand {
    MatterCommand::Conclude {
        finding,
        words: "批评教育".to_owned(),
        reply: "已核实处理".to_owned(),
        propose_suspension,
    }
}
