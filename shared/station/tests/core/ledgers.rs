//! Ledgers that are about no case: complaints and substitutions.

use calamine::Reader as _;
use sanji_proto::v1::{
    self as proto, LedgerFormat, LedgerState, act_matter_request::Action as MatterAction, act_request::Action,
    open_matter_request::Opening,
};
use sanji_station::Failure;

use crate::district::{AGENT, DAY_MS, District, HUB, REVIEWER, SUPERVISOR, TOWNSHIP, VILLAGE, WINDOW, code};
use crate::matters::DESK;
use crate::people::absence;

const COMPLAINANT: &str = "钱大妈";
const TOLD: &str = "办低保三次不受理";
const TELEPHONE: &str = "13811112222";
const AT_HUB: &str = "js-01";

impl District {
    fn ledger(
        &mut self,
        station: &str,
        actor: &str,
        ledger: &str,
        filter: proto::LedgerFilter,
    ) -> Result<proto::LedgerPage, Failure> {
        let now_ms = self.now_ms;
        let member = self.member(station);
        let request =
            proto::ReadLedgerRequest { ledger: ledger.to_owned(), filter: Some(filter), ..Default::default() };
        member.core.reader().read_ledger(&member.person(actor), &request, now_ms)
    }

    fn whole_ledger(&mut self, station: &str, actor: &str, ledger: &str, format: LedgerFormat) -> Vec<u8> {
        let now_ms = self.now_ms;
        let member = self.member(station);
        let request = proto::ExportLedgerRequest {
            ledger: ledger.to_owned(),
            filter: None,
            format: format.into(),
            unmasked: true,
        };
        let (person, mut bytes) = (member.person(actor), Vec::new());
        let file = member.core.reader().export_ledger(&person, &request, now_ms, &mut bytes).unwrap();
        assert!(file.rows > 0 && file.file_name.contains("台账"), "{file:?}");
        bytes
    }
}

fn rows(page: &proto::LedgerPage) -> usize {
    page.rows.len()
}

#[test]
fn the_ledger_of_complaints_says_what_became_of_them_and_never_who_complains() {
    let mut district = District::new();
    // About the case of whoever complains, taken down in their own village.
    let case = district.submit().unwrap().case.unwrap().number().to_string();
    let complaint = Opening::Complaint(proto::OpenComplaint {
        way: proto::Way::Telephone.into(),
        against: Some(proto::Against { station: code(TOWNSHIP).number(), ..Default::default() }),
        name: COMPLAINANT.to_owned(),
        telephone: TELEPHONE.to_owned(),
        words: TOLD.to_owned(),
        against_words: "胖一点的那位，钱大妈的邻居".to_owned(),
        case_number: case.clone(),
        ..Default::default()
    });
    let sent = district.open_matter(VILLAGE, Some(AGENT), complaint).unwrap();
    district.sync();
    assert_eq!(rows(&district.ledger(HUB, DESK, "complaints", Default::default()).unwrap()), 0, "a letter is closed");
    let open = MatterAction::OpenLetter(proto::OpenLetter {});
    let opened = district.act_matter(HUB, DESK, &sent.matter, open).unwrap().matter;
    let page = district.ledger(HUB, DESK, "complaints", Default::default()).unwrap();
    assert_eq!((page.columns[0].as_str(), rows(&page)), ("投诉编号", 1));
    assert_eq!(page.rows[0].matter_number, opened.number().to_string());
    assert!(page.rows[0].cells.contains(&"电话".to_owned()), "{:?}", page.rows[0].cells);

    // Whoever may know of the complaint sees the row; those complained about have nothing of it at all.
    assert_eq!(rows(&district.ledger(HUB, AT_HUB, "complaints", Default::default()).unwrap()), 1);
    for (station, actor) in [(HUB, "mz-03"), (HUB, "sp-06"), (TOWNSHIP, WINDOW), (TOWNSHIP, SUPERVISOR)] {
        let seen = district.ledger(station, actor, "complaints", Default::default()).unwrap();
        assert_eq!(rows(&seen), 0, "{actor}");
    }
    // What the filter names is who is complained about, so that nobody learns by asking where it was taken down.
    for (station, found) in [(TOWNSHIP, 1), (VILLAGE, 0)] {
        let filter = proto::LedgerFilter { station: code(station).number(), ..Default::default() };
        assert_eq!(rows(&district.ledger(HUB, DESK, "complaints", filter).unwrap()), found, "{station}");
    }
    let by_item = proto::LedgerFilter { item: "mz-dibao".to_owned(), ..Default::default() };
    assert!(matches!(district.ledger(HUB, DESK, "complaints", by_item), Err(Failure::Refused(_))));

    let state = |state: LedgerState| proto::LedgerFilter { state: state.into(), ..Default::default() };
    for (of, found) in [(LedgerState::Open, 1), (LedgerState::Closed, 0), (LedgerState::Overdue, 0)] {
        assert_eq!(rows(&district.ledger(HUB, DESK, "complaints", state(of)).unwrap()), found, "{of:?}");
    }
    district.now_ms += 20 * DAY_MS;
    assert_eq!(rows(&district.ledger(HUB, DESK, "complaints", state(LedgerState::Overdue)).unwrap()), 1);
    let long_ago = proto::LedgerFilter { until: 20_260_101, ..Default::default() };
    assert_eq!(rows(&district.ledger(HUB, DESK, "complaints", long_ago).unwrap()), 0);

    // In no file, however it is asked for, and by nobody.
    let village = district.hub.core.reader().reference().station_name(code(VILLAGE));
    for actor in [DESK, AT_HUB] {
        let csv = String::from_utf8(district.whole_ledger(HUB, actor, "complaints", LedgerFormat::Csv)).unwrap();
        let xlsx = district.whole_ledger(HUB, actor, "complaints", LedgerFormat::Xlsx);
        let mut book: calamine::Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(xlsx)).unwrap();
        let sheet = format!("{:?}", book.worksheet_range_at(0).unwrap().unwrap());
        for text in [csv, sheet] {
            assert!(text.contains("电话") && text.contains("枫溪"), "{text}");
            let digits = text.replace(' ', "");
            for secret in [COMPLAINANT, "钱**", TELEPHONE, TOLD, "胖一点", village.as_str(), case.as_str()] {
                assert!(!digits.contains(secret), "{actor} learns {secret:?}: {text}");
            }
        }
    }
}

#[test]
fn the_ledger_of_substitutions_names_who_acted_and_the_cases_that_one_may_see() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let begins = district.now_ms;
    absence(&mut district, TOWNSHIP, TOWNSHIP, WINDOW, begins, begins + DAY_MS, REVIEWER);
    district.act(TOWNSHIP, REVIEWER, &number, Action::Accept(proto::Accept::default())).unwrap();
    district.sync();
    for (station, actor, knows) in [
        (TOWNSHIP, SUPERVISOR, true),
        (TOWNSHIP, REVIEWER, true),
        (HUB, AT_HUB, true),
        // The hall's people see their own house's.
        (HUB, "mz-03", false),
        (VILLAGE, AGENT, false),
    ] {
        let page = district.ledger(station, actor, "substitutions", Default::default()).unwrap();
        assert_eq!(rows(&page), usize::from(knows), "{actor}");
        if knows {
            let cells = page.rows[0].cells.join("|");
            assert!(cells.contains("培训") && cells.contains(&number), "{actor}: {cells}");
            assert_eq!((page.rows[0].cells[0].as_str(), page.rows[0].entry.len()), (WINDOW, 32));
        }
    }
    let filter = |state: LedgerState| proto::LedgerFilter { state: state.into(), ..Default::default() };
    assert_eq!(rows(&district.ledger(HUB, AT_HUB, "substitutions", filter(LedgerState::Open)).unwrap()), 1, "runs");
    district.now_ms += 2 * DAY_MS;
    assert_eq!(rows(&district.ledger(HUB, AT_HUB, "substitutions", filter(LedgerState::Open)).unwrap()), 0);
    assert_eq!(rows(&district.ledger(HUB, AT_HUB, "substitutions", filter(LedgerState::Closed)).unwrap()), 1);
    let elsewhere = proto::LedgerFilter { department: "mz".to_owned(), ..Default::default() };
    assert_eq!(rows(&district.ledger(HUB, AT_HUB, "substitutions", elsewhere).unwrap()), 0);
    let csv =
        String::from_utf8(district.whole_ledger(TOWNSHIP, SUPERVISOR, "substitutions", LedgerFormat::Csv)).unwrap();
    assert!(csv.contains(&number) && csv.contains("离岗人工号"), "{csv}");
}
