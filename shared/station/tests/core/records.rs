//! Ledgers, vouchers, case files and the exchange, over one case's whole way.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::Reader as _;
use prost::Message;
use sanji_log::seal::public_key;
use sanji_log::{Hash, Reach, SigningKey, Voucher, VoucherDraft};
use sanji_proto::v1::exchange_part::Part;
use sanji_proto::v1::{
    self as proto, LedgerFormat, LedgerState, VoucherCase, VoucherVerdict, act_matter_request::Action as MatterAction,
    act_request::Action, open_matter_request::Opening, station_record::Record,
};
use sanji_station::Failure;
use sanji_station::core::Reader;
use sanji_station::records::case_file::verify::{Part as Subject, Report, Severity, verify};

use crate::district::{
    AGENT, APPROVER, DAY_MS, District, HUB, NAME, START_MS, SUPERVISOR, TOWNSHIP, VILLAGE, WINDOW, code, dibao, noise,
    staff,
};
use crate::journey::handle;
use crate::matters::DESK;

/// A case from the village's counter to its delivery, and one that has only been handed in.
fn story() -> (District, String, String) {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    handle(&mut district, &number);
    let deliver =
        proto::Deliver { method: proto::DeliveryMethod::Agent.into(), receiver: NAME.to_owned(), signed_on: 0 };
    district.act(VILLAGE, AGENT, &number, Action::Deliver(deliver)).unwrap();
    let second = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    (district, number, second)
}

fn page(
    district: &mut District,
    station: &str,
    actor: &str,
    ledger: &str,
    filter: proto::LedgerFilter,
) -> proto::LedgerPage {
    let now_ms = district.now_ms;
    let member = district.member(station);
    let request = proto::ReadLedgerRequest { ledger: ledger.to_owned(), filter: Some(filter), ..Default::default() };
    member.core.reader().read_ledger(&member.person(actor), &request, now_ms).unwrap()
}

/// A row by the names of its columns.
fn by_column(page: &proto::LedgerPage, row: usize) -> BTreeMap<&str, &str> {
    page.columns.iter().map(String::as_str).zip(page.rows[row].cells.iter().map(String::as_str)).collect()
}

#[test]
fn ledgers_fill_themselves_and_hide_names() {
    let (mut district, number, second) = story();
    let all = proto::LedgerFilter::default;
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW), (HUB, APPROVER)] {
        let read = page(&mut district, station, actor, "acceptance", all());
        let numbers: Vec<&str> = read.rows.iter().map(|row| row.case_number.as_str()).collect();
        assert_eq!(numbers, [second.as_str(), number.as_str()], "{station}: newest first");
        let row = by_column(&read, 1);
        for (column, cell) in [
            ("申请人", "朱**"),
            ("收件时间", "2026-07-01 10:00"),
            ("来源", "村站"),
            ("受理结果", "受理"),
            ("结果", "予以批准"),
            ("是否超时", "否"),
            ("备注", ""),
        ] {
            assert_eq!(row[column], cell, "{station}: {column}");
        }
        assert!(!row["办结时间"].is_empty() && !row["承诺截止日期"].is_empty() && !row["代办员"].is_empty());
        assert_eq!(by_column(&read, 0)["受理结果"], "未答复");
    }
    let opening = district.view(VILLAGE, AGENT, &number).unwrap().steps[0].hash.clone();
    let read = page(&mut district, HUB, APPROVER, "acceptance", all());
    assert_eq!(read.rows[1].entry, opening, "each row names the entry on which it rests");
    assert!(Hash(opening.try_into().unwrap()).to_hex().starts_with(by_column(&read, 1)["记录校验码"]));

    let delivered = page(&mut district, TOWNSHIP, WINDOW, "delivery", all());
    assert_eq!(delivered.rows.len(), 1);
    let row = by_column(&delivered, 0);
    assert_eq!((row["签收人"], row["文书或证照编号"]), ("朱**", "澄民低保〔2026〕1号"));
    assert!(row["备注"].contains("代收"));
    let notices = page(&mut district, TOWNSHIP, WINDOW, "publicity", all());
    assert_eq!((notices.rows.len(), by_column(&notices, 0)["有无异议"]), (1, "无"));
    assert_eq!(by_column(&notices, 0)["照片张数"], "1");
    let agency = page(&mut district, VILLAGE, AGENT, "agency", all());
    assert_eq!(agency.rows.len(), 2);
    assert!(by_column(&agency, 1)["移交材料"].contains("原件1"), "{:?}", by_column(&agency, 1));
}

#[test]
fn the_ledger_of_alerts_says_what_supervision_finds() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    district.act(TOWNSHIP, WINDOW, &number, Action::Accept(proto::Accept::default())).unwrap();
    let none = page(&mut district, TOWNSHIP, SUPERVISOR, "alerts", proto::LedgerFilter::default());
    assert!(none.rows.is_empty(), "{:?}", none.rows);
    district.now_ms += 60 * DAY_MS;
    let read = page(&mut district, TOWNSHIP, SUPERVISOR, "alerts", proto::LedgerFilter::default());
    assert!((0..read.rows.len()).any(|row| by_column(&read, row)["级别"] == "红色"), "{:?}", read.rows);
    assert!(read.rows.iter().all(|row| row.case_number == number));
    let filter = proto::LedgerFilter { until: 20_260_630, ..Default::default() };
    assert!(page(&mut district, TOWNSHIP, SUPERVISOR, "alerts", filter).rows.is_empty());
    assert!(
        page(&mut district, TOWNSHIP, WINDOW, "fees", proto::LedgerFilter::default()).rows.is_empty(),
        "it is free"
    );
}

#[test]
fn ledgers_are_filtered_and_show_nobody_what_is_not_theirs() {
    let (mut district, number, second) = story();
    let mut numbers = |actor: &str, filter: proto::LedgerFilter| -> Vec<String> {
        let rows = page(&mut district, TOWNSHIP, actor, "acceptance", filter).rows;
        rows.into_iter().map(|row| row.case_number).collect()
    };
    let filter = proto::LedgerFilter::default;
    assert_eq!(numbers(WINDOW, proto::LedgerFilter { until: 20_260_701, ..filter() }), [number.as_str()]);
    assert_eq!(numbers(WINDOW, proto::LedgerFilter { from: 20_260_702, ..filter() }), [second.as_str()]);
    let state = |state: LedgerState| proto::LedgerFilter { state: state.into(), ..filter() };
    assert_eq!(numbers(WINDOW, state(LedgerState::Open)), [second.as_str()]);
    assert_eq!(numbers(WINDOW, state(LedgerState::Closed)), [number.as_str()]);
    assert!(numbers(WINDOW, state(LedgerState::Overdue)).is_empty());
    assert!(numbers(WINDOW, proto::LedgerFilter { item: "cun-juzhu".to_owned(), ..filter() }).is_empty());
    assert!(numbers(WINDOW, proto::LedgerFilter { department: "ga".to_owned(), ..filter() }).is_empty());
    assert_eq!(numbers(WINDOW, proto::LedgerFilter { department: "mz".to_owned(), ..filter() }).len(), 2);
    assert_eq!(numbers(SUPERVISOR, filter()).len(), 2, "supervisors see how cases run");
    let watched = page(&mut district, TOWNSHIP, SUPERVISOR, "acceptance", filter());
    assert_eq!(by_column(&watched, 0)["申请人"], "（无权查看）");

    let now_ms = district.now_ms;
    let agent = district.village.person(AGENT);
    let mut administrator = (*agent).clone();
    administrator.roles = vec![sanji_domain::Role::Administrator];
    let request = proto::ReadLedgerRequest { ledger: "acceptance".to_owned(), ..Default::default() };
    let reader = district.village.core.reader();
    assert!(reader.read_ledger(&administrator, &request, now_ms).unwrap().rows.is_empty(), "administrators see none");

    let mut asked = proto::ReadLedgerRequest { limit: 1, ..request };
    let mut seen = Vec::new();
    loop {
        let page = reader.read_ledger(&agent, &asked, now_ms).unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.case_number));
        if page.next.is_empty() {
            break;
        }
        asked.after = page.next;
    }
    assert_eq!(seen, [second, number], "page by page");
    for wrong in [
        proto::ReadLedgerRequest { ledger: "secrets".to_owned(), ..Default::default() },
        proto::ReadLedgerRequest { after: "x".to_owned(), ..asked.clone() },
        proto::ReadLedgerRequest {
            filter: Some(proto::LedgerFilter { from: 20_260_230, ..filter() }),
            ..asked.clone()
        },
        proto::ReadLedgerRequest {
            filter: Some(proto::LedgerFilter { station: 990_106_102_201, ..filter() }),
            ..asked.clone()
        },
    ] {
        assert!(matches!(reader.read_ledger(&agent, &wrong, now_ms), Err(Failure::Refused(_))), "{wrong:?}");
    }
}

#[test]
fn whole_ledgers_are_files_that_say_who_took_them() {
    let (mut district, number, _) = story();
    let now_ms = district.now_ms;
    let mut export = |actor: &str, format: LedgerFormat, unmasked| {
        let member = district.member(TOWNSHIP);
        let request = proto::ExportLedgerRequest {
            ledger: "acceptance".to_owned(),
            format: format.into(),
            unmasked,
            ..Default::default()
        };
        let mut bytes = Vec::new();
        let person = member.person(actor);
        let file = member.core.reader().export_ledger(&person, &request, now_ms, &mut bytes).unwrap();
        assert_eq!(file.rows, 2);
        (bytes, person.name.clone())
    };
    let (csv, taker) = export(WINDOW, LedgerFormat::Csv, false);
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("\u{feff}序号,办件编号,收件时间,申请人,"));
    assert!(csv.contains("朱**") && !csv.contains(NAME));
    let grouped = format!("{} {} {}", &number[..12], &number[12..20], &number[20..]);
    assert!(csv.lines().nth(1).unwrap().starts_with(&format!("1,{grouped},2026-07-01 10:00,")), "oldest first");
    let last = csv.lines().last().unwrap();
    assert!(last.contains(&taker) && last.contains(WINDOW) && last.contains("已遮盖"), "{last}");
    let (full, _) = export(WINDOW, LedgerFormat::Csv, true);
    assert!(String::from_utf8(full).unwrap().contains(NAME));
    let (watched, _) = export(SUPERVISOR, LedgerFormat::Csv, true);
    assert!(!String::from_utf8(watched).unwrap().contains(NAME), "a supervisor has no right to names");

    let (xlsx, _) = export(WINDOW, LedgerFormat::Xlsx, false);
    let mut book: calamine::Xlsx<_> = calamine::Xlsx::new(Cursor::new(xlsx)).unwrap();
    let range = book.worksheet_range("统一受理台账").unwrap();
    assert_eq!(range.height(), 4, "head, two rows, who took it");
    assert_eq!(range.get((1, 1)).unwrap().to_string(), grouped);
}

#[test]
fn the_public_excerpt_names_nobody_and_no_village() {
    let (district, number, _) = story();
    let read = |request: proto::ReadPublicLedgerRequest| {
        district.hub.core.reader().read_public_ledger(&request, district.now_ms).unwrap()
    };
    let page = read(proto::ReadPublicLedgerRequest::default());
    assert_eq!(page.rows.len(), 2);
    let text = format!("{page:?}");
    assert!(!text.contains('朱') && !text.contains(VILLAGE) && !text.contains(&number), "{text}");
    assert_eq!(by_column(&page, 1)["办理状态"], "已办结", "a benefit's outcome is nobody else's business");
    let first = read(proto::ReadPublicLedgerRequest { limit: 1, ..Default::default() });
    assert!(!first.next.contains(VILLAGE) && first.rows.len() == 1);
    let second = read(proto::ReadPublicLedgerRequest { after: first.next, limit: 5, ..Default::default() });
    assert_eq!(second.rows, page.rows[1..]);
}

fn check(reader: &Reader, text: &str) -> (VoucherVerdict, VoucherCase) {
    let reply = reader.check_voucher(&proto::CheckVoucherRequest { text: text.to_owned() }).unwrap();
    assert!(!reply.sentence.is_empty());
    (reply.verdict(), reply.held())
}

#[test]
fn a_receipt_is_checked_wherever_the_directory_is() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    let now_ms = district.now_ms;
    let request = proto::SignVoucherRequest {
        case_number: number.clone(),
        paper: proto::Paper::Receipt.into(),
        entry: Vec::new(),
    };
    let sign = |district: &District| {
        let agent = district.village.person(AGENT);
        district.village.core.reader().sign_voucher(&agent, &request, now_ms).unwrap().text
    };
    let text = sign(&district);
    assert_eq!(text, sign(&district), "printed again, the same line");
    use VoucherCase::{Different, NotHere, Unchanged, Unspecified};
    assert_eq!(check(district.village.core.reader(), &text), (VoucherVerdict::Genuine, Unchanged), "offline");
    assert_eq!(check(district.hub.core.reader(), &text), (VoucherVerdict::Genuine, NotHere));
    district.sync();
    let hub = district.hub.core.reader().clone();
    assert_eq!(check(&hub, &text), (VoucherVerdict::Genuine, Unchanged));
    let reply = hub.check_voucher(&proto::CheckVoucherRequest { text: text.clone() }).unwrap();
    assert_eq!((reply.case_number, reply.item.as_str(), reply.station), (number, "mz-dibao", code(VILLAGE).number()));
    assert_eq!(check(&hub, "9901061012032026070100427"), (VoucherVerdict::Unreadable, Unspecified));

    let voucher = Voucher::parse(&text).unwrap();
    let draft = |voucher: &Voucher| VoucherDraft {
        paper: voucher.paper,
        case: voucher.case,
        station: voucher.station,
        time_ms: voucher.time_ms,
        entry: voucher.entry,
        item: voucher.item.clone(),
    };
    let moved = Voucher { time_ms: voucher.time_ms + 86_400_000, ..voucher.clone() };
    assert_eq!(check(&hub, &moved.text()), (VoucherVerdict::Altered, Unspecified));
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let forged = draft(&voucher).sign(&stranger).unwrap();
    assert_eq!(check(&hub, &forged.text()), (VoucherVerdict::UnknownKey, Unspecified));
    let signing = district.village.keys.signing.clone();
    let never = VoucherDraft { entry: Hash([7; 32]), ..draft(&voucher) }.sign(&signing).unwrap();
    assert_eq!(check(&hub, &never.text()), (VoucherVerdict::Genuine, Different));

    for (record, verdict) in [
        (
            Record::Ended(proto::StationEnded {
                key: public_key(&signing).0.to_vec(),
                at_ms: START_MS,
                ..Default::default()
            }),
            VoucherVerdict::KeyEnded,
        ),
        (
            Record::Revoked(proto::StationRevoked {
                key: public_key(&signing).0.to_vec(),
                reason: "stolen".to_owned(),
            }),
            VoucherVerdict::KeyRevoked,
        ),
    ] {
        let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
        let kind = proto::Kind::Station as u32;
        district.hub.core.write(code(VILLAGE), Reach::Public, "", kind, body, district.now_ms).unwrap();
        district.hub.core.commit(district.now_ms).unwrap();
        assert_eq!(check(&hub, &text), (verdict, Unchanged));
    }
    // A paper of a village off this station's line, as soon as the district has made its key known.
    let neighbour = SigningKey::from_bytes(&[98; 32]);
    let paper = VoucherDraft { station: code("990106101208"), ..draft(&voucher) }.sign(&neighbour).unwrap().text();
    let village = district.village.core.reader().clone();
    assert_eq!(check(&village, &paper), (VoucherVerdict::UnknownKey, Unspecified));
    let announce = |station: &str, revoked| {
        let announced = proto::KeyAnnounced {
            station: code(station).number(),
            key: public_key(&neighbour).0.to_vec(),
            revoked,
            ended_ms: 0,
        };
        proto::StationRecord { record: Some(Record::KeyAnnounced(announced)) }.encode_to_vec()
    };
    let kind = proto::Kind::Station as u32;
    // Nobody but the district says whose a key is.
    let forged = announce("990106101208", false);
    district.township.core.write(code(TOWNSHIP), Reach::Public, "", kind, forged, district.now_ms).unwrap();
    district.township.core.commit(district.now_ms).unwrap();
    district.sync();
    assert_eq!(check(&village, &paper), (VoucherVerdict::UnknownKey, Unspecified));
    for (revoked, verdict) in [(false, VoucherVerdict::Genuine), (true, VoucherVerdict::KeyRevoked)] {
        let body = announce("990106101208", revoked);
        district.now_ms += 1000;
        district.hub.core.write(code(HUB), Reach::Public, "", kind, body, district.now_ms).unwrap();
        district.hub.core.commit(district.now_ms).unwrap();
        district.sync();
        // After a restart too.
        for _ in 0..2 {
            assert_eq!(check(district.village.core.reader(), &paper), (verdict, Unchanged));
            district.village.reopen();
        }
    }
    let reference = district.village.core.reader().reference();
    assert!(reference.directory().get(&public_key(&neighbour)).is_none(), "it signs papers and opens no link");

    let supervisor = district.township.person(SUPERVISOR);
    let refused = district.township.core.reader().sign_voucher(&supervisor, &request, now_ms);
    assert!(matches!(refused, Err(Failure::NotFound)), "only who sees the case in full prints its papers");
}

fn case_file(district: &mut District, station: &str, actor: &str, number: &str, neighbours: bool) -> Vec<u8> {
    let now_ms = district.now_ms;
    let member = district.member(station);
    let request = proto::ExportCaseFileRequest { case_number: number.to_owned(), neighbours };
    let mut bytes = Vec::new();
    let person = member.person(actor);
    member.core.reader().export_case_file(&person, &request, now_ms, &mut bytes).unwrap();
    bytes
}

fn report(bytes: &[u8]) -> Report {
    verify(Cursor::new(bytes), None).unwrap()
}

#[test]
fn a_case_file_proves_itself() {
    let (mut district, number, _) = story();
    let bytes = case_file(&mut district, TOWNSHIP, WINDOW, &number, false);
    let found = report(&bytes);
    assert_eq!(found.findings, [], "the township has everything");
    assert!(found.intact && found.case_number == number && found.taken_by == WINDOW);
    assert_eq!((found.entries, found.entries_sealed + found.entries_vouched, found.attachments), (9, 9, 1));
    assert!(found.receipts > 0, "stations have said when they held it");
    let again = case_file(&mut district, TOWNSHIP, WINDOW, &number, false);
    assert!(again == bytes, "equal content gives an equal file");

    let authority = district.township.keys.authority_der.clone();
    assert_eq!(verify(Cursor::new(&bytes), Some(&authority)).unwrap().authority_known, Some(true));
    let other = verify(Cursor::new(&bytes), Some(b"another")).unwrap();
    assert!(!other.intact && other.authority_known == Some(false));

    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let mut html = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("summary.html").unwrap(), &mut html).unwrap();
    for words in [NAME, "13812340000", "入户调查属实", "东墙第三块.jpg"] {
        assert!(html.contains(words), "the summary lacks {words}");
    }

    // The photograph was not carried up by hand here, and the file says so.
    let found = report(&case_file(&mut district, HUB, APPROVER, &number, false));
    assert!(!found.intact);
    assert!(
        found
            .findings
            .iter()
            .all(|finding| finding.severity == Severity::Missing && finding.part == Subject::Attachment),
        "{:?}",
        found.findings
    );
}

#[test]
fn no_byte_of_a_case_file_can_be_changed() {
    let (mut district, number, _) = story();
    let bytes = case_file(&mut district, TOWNSHIP, WINDOW, &number, false);
    let mut state = 5_u64;
    let mut drawn = [0; 8];
    let dense = bytes.len().saturating_sub(1500)..bytes.len();
    let sparse = (0..bytes.len()).step_by(997);
    for place in sparse.chain(dense.step_by(7)) {
        noise(&mut state)(&mut drawn);
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (drawn[0] % 8);
        let found = report(&altered);
        assert!(!found.intact, "byte {place}");
        assert!(found.findings.iter().any(|finding| finding.severity == Severity::Altered), "byte {place}");
    }
    for length in [0, 10, 300, bytes.len() / 2, bytes.len() - 1] {
        assert!(!report(&bytes[..length]).intact, "cut at {length}");
    }
    assert!(!report(&[&bytes[..], b"more"].concat()).intact);
}

#[test]
fn other_cases_stay_out_of_a_case_file_unless_they_are_asked_for() {
    let mut district = District::new();
    let mut state = 3;
    let mut numbers = Vec::new();
    for request in [61, 62, 63] {
        let (core, now_ms) = (&mut district.village.core, district.now_ms);
        let written = core.submit(&staff(AGENT), dibao(&[request; 16]), now_ms, &mut noise(&mut state)).unwrap();
        numbers.push(written.case.unwrap());
    }
    // One commit, one seal: over the last of the three.
    district.village.core.commit(district.now_ms).unwrap();
    district.sync();
    let first = numbers[0].number().to_string();
    let plain = case_file(&mut district, TOWNSHIP, WINDOW, &first, false);
    let found = report(&plain);
    assert!(found.intact, "{:?}", found.findings);
    assert_eq!((found.entries_sealed, found.entries_vouched, found.neighbours), (0, 1, 0));
    let contains = |bytes: &[u8], id: &[u8]| bytes.windows(id.len()).any(|window| window == id);
    assert!(!contains(&plain, numbers[1].as_bytes()));
    let full = case_file(&mut district, TOWNSHIP, WINDOW, &first, true);
    let found = report(&full);
    assert!(found.intact, "{:?}", found.findings);
    assert_eq!((found.entries_sealed, found.entries_vouched, found.neighbours), (1, 0, 2));
    assert!(contains(&full, numbers[1].as_bytes()));
    // The writer itself seals anew, and needs neither.
    let found = report(&case_file(&mut district, VILLAGE, AGENT, &first, false));
    assert_eq!((found.intact, found.entries_sealed, found.neighbours), (true, 1, 0));

    let now_ms = district.now_ms;
    let member = district.member(TOWNSHIP);
    let request = proto::ExportCaseFileRequest { case_number: first, neighbours: false };
    let reader = member.core.reader();
    let supervisor = member.person(SUPERVISOR);
    let refused = reader.export_case_file(&supervisor, &request, now_ms, &mut Vec::new());
    assert!(matches!(refused, Err(Failure::NotFound)));
}

/// Records by data set, and where the export ended.
fn exchange(
    district: &District,
    since: Vec<proto::Head>,
) -> (BTreeMap<String, Vec<BTreeMap<String, String>>>, proto::ExchangeEnd) {
    let mut sets: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    let mut end = None;
    let request = proto::ExportExchangeRequest { since, ..Default::default() };
    let mut take = |part: proto::ExchangePart| {
        match part.part.unwrap() {
            Part::Record(record) => {
                let fields = record.fields.into_iter().map(|field| (field.name, field.value)).collect();
                sets.entry(record.data_set).or_default().push(fields);
            }
            Part::End(last) => end = Some(last),
        }
        Ok(())
    };
    district.hub.core.reader().export_exchange(request, district.now_ms, &mut take).unwrap();
    (sets, end.unwrap())
}

#[test]
fn the_exchange_gives_what_has_changed_and_no_more() {
    let (mut district, number, second) = story();
    let (sets, end) = exchange(&district, Vec::new());
    assert_eq!(end.cases, 2);
    let counts: BTreeMap<&str, usize> = sets.iter().map(|(name, records)| (name.as_str(), records.len())).collect();
    assert_eq!(counts, BTreeMap::from([("申请", 2), ("受理", 1), ("办理", 8), ("办结", 1)]));
    let application = &sets["申请"][0];
    for (field, value) in [
        ("办件编号", number.as_str()),
        ("行政区划代码", "990106101"),
        ("办件类型", "2"),
        ("申请人名称", NAME),
        ("是否代办", "1"),
    ] {
        assert_eq!(application[field], value, "{field}");
    }
    assert_eq!((sets["办结"][0]["办结结果"].as_str(), sets["受理"][0]["受理结果"].as_str()), ("准予", "受理"));

    let (nothing, after) = exchange(&district, end.heads.clone());
    assert!(nothing.is_empty() && after.cases == 0, "{nothing:?}");
    // A draft is none of the platform's business, until it is filed.
    let request = district.request();
    let draft = proto::SubmitRequest { preliminary: true, ..dibao(&request) };
    district.submit_as(draft).unwrap();
    district.sync();
    let (drafts, _) = exchange(&district, end.heads.clone());
    assert!(drafts.is_empty(), "{drafts:?}");
    district.act(TOWNSHIP, WINDOW, &second, Action::Accept(proto::Accept::default())).unwrap();
    district.act(VILLAGE, AGENT, &number, Action::Rate(proto::Rate { satisfaction: 5, words: String::new() })).unwrap();
    district.sync();
    let (changed, later) = exchange(&district, after.heads);
    assert_eq!(later.cases, 2);
    assert_eq!(changed["评价"][0]["满意度"], "5");
    let again = exchange(&district, end.heads);
    assert_eq!(again.0, changed, "an export that was lost is made again");
}

#[test]
fn the_exchange_has_alerts_and_complaints() {
    let (mut district, number, second) = story();
    let (_, end) = exchange(&district, Vec::new());
    let complaint = proto::OpenComplaint {
        way: proto::Way::Visit.into(),
        against: Some(proto::Against { station: code(TOWNSHIP).number(), ..Default::default() }),
        case_number: second.clone(),
        name: "钱大妈".to_owned(),
        telephone: "13811112222".to_owned(),
        words: "两个月没有答复".to_owned(),
        ..Default::default()
    };
    district.now_ms += 60 * DAY_MS;
    let opened = district.open_matter(HUB, Some(DESK), Opening::Complaint(complaint)).unwrap();
    let (changed, _) = exchange(&district, end.heads);
    let complaint = &changed["投诉"][0];
    for (field, value) in [
        ("办件编号", second.as_str()),
        ("序号", &opened.matter.number().to_string()),
        ("投诉方式", "来访"),
        ("是否匿名", "0"),
        ("处理结果", ""),
    ] {
        assert_eq!(complaint[field], value, "{field}");
    }
    assert!(complaint["被投诉机构"].contains("枫溪"), "{complaint:?}");
    assert!(!format!("{changed:?}").contains("钱大妈"), "who complained stays in the district");

    let (all, _) = exchange(&district, Vec::new());
    let alerts = &all["电子监察"];
    assert!(alerts.iter().all(|alert| alert["办件编号"] == second), "{number} was on time: {alerts:?}");
    let late = alerts.iter().find(|alert| alert["预警级别"] == "红色").unwrap();
    assert!(late["责任机构"].contains("枫溪") && late["触发日期"].starts_with("2026"), "{late:?}");
    assert_eq!(all["投诉"].len(), 1);

    let conclude = proto::ConcludeComplaint {
        finding: proto::Finding::Upheld.into(),
        words: "约谈".to_owned(),
        reply: "已责令受理".to_owned(),
        propose_suspension: false,
    };
    district.act_matter(HUB, DESK, &opened.matter, MatterAction::Accept(proto::AcceptComplaint {})).unwrap();
    district.act_matter(HUB, DESK, &opened.matter, MatterAction::Conclude(conclude)).unwrap();
    let (all, _) = exchange(&district, Vec::new());
    assert_eq!((all["投诉"].len(), all["投诉"][0]["处理结果"].as_str()), (1, "属实"));
}
