//! Vouchers (凭证): the signed line on a paper (requirement 85), and whether one is genuine.
//!
//! A station signs with the key of its logs and checks with the keys that the district has made known, those of stations
//! off its line too, so a village can do both without a line. What is said of the case is what this station holds; it is said only where the signature is
//! good, so that nobody learns of cases by trying.

use sanji_domain::case::{Case, Sight};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseNumber, Hash, Voucher, VoucherDraft};
use sanji_proto::v1::{self as proto, Paper, VoucherCase, VoucherVerdict};

use super::times::in_words;
use crate::core::reference::AnnouncedKey;
use crate::core::{Reader, ReferenceData, wrong_number};
use crate::error::{Error, Failure};
use crate::views;

/// A paper as people call it.
fn paper_name(paper: Paper) -> &'static str {
    match paper {
        Paper::Unspecified => "办件文书",
        Paper::Receipt => "代办登记单（收件凭证）",
        Paper::Mandate => "委托代办书",
        Paper::Accepted => "受理通知书",
        Paper::NotAccepted => "不予受理通知书",
        Paper::Correction => "一次性告知书",
        Paper::Returned => "退回件通知书",
        Paper::Approved => "准予决定书",
        Paper::Denied => "不予批准决定书",
        Paper::Concluded => "办结通知书",
        Paper::PaymentNotice => "缴款通知书",
        Paper::PaymentReceipt => "缴款回执",
        Paper::Joint => "联办件通知书",
        Paper::Copy => "抄告单",
        Paper::Special => "特别程序告知书",
        Paper::Extended => "延长办理期限通知书",
        Paper::Tacit => "超时默认确认书",
    }
}

impl Reader {
    /// Signs the line for a paper of a case.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the case is not this person's to see in full, or has no such entry that counts.
    pub fn sign_voucher(
        &self,
        staff: &Staff,
        request: &proto::SignVoucherRequest,
        now_ms: u64,
    ) -> Result<proto::SignVoucherReply, Failure> {
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let (case, sight) = views::find(self, staff, &number, now_ms)?;
        let wanted = match request.entry.as_slice() {
            [] => case.steps().next().map(|facts| facts.hash),
            bytes => Hash::try_from(bytes).ok(),
        };
        let (entry, time_ms) = wanted.and_then(|hash| counting(&case, &hash)).ok_or(Failure::NotFound)?;
        let (item, _) = case.item().filter(|_| sight == Sight::Full).ok_or(Failure::NotFound)?;
        let draft = VoucherDraft {
            paper: u8::try_from(request.paper).unwrap_or(0),
            case: case.id(),
            station: self.me(),
            time_ms,
            entry,
            item: item.to_string(),
        };
        let voucher = draft.sign(self.signing()).map_err(|_| Error::Entry { problem: "its item is no code" })?;
        Ok(proto::SignVoucherReply { text: voucher.text() })
    }

    /// Whether the line on a paper is genuine, and what this station holds of its case.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the case can't be read.
    pub fn check_voucher(&self, request: &proto::CheckVoucherRequest) -> Result<proto::CheckVoucherReply, Failure> {
        let Ok(voucher) = Voucher::parse(&request.text) else {
            return Ok(verdict_only(
                VoucherVerdict::Unreadable,
                "这不是完整的凭证校验文字，请核对后重新输入，或者重新扫码。",
            ));
        };
        let reference = self.reference();
        // A station has few keys, and the hint names one of them.
        let mut known = false;
        for (key, life) in reference.signing_keys(voucher.station).filter(|(key, _)| voucher.may_be_by(key)) {
            known = true;
            if voucher.verify(key).is_ok() {
                return self.genuine(&reference, &voucher, &life);
            }
        }
        Ok(match known {
            true => verdict_only(
                VoucherVerdict::Altered,
                "签名与内容不符：这张凭证的内容被改动过，或者抄写有误。请以原件重新查验。",
            ),
            false => verdict_only(
                VoucherVerdict::UnknownKey,
                "本站没有这个签名密钥的登记：可能是伪造的，也可能是新设站点的资料还没有传到本站。请向区政务服务中心核实。",
            ),
        })
    }

    fn genuine(
        &self,
        reference: &ReferenceData,
        voucher: &Voucher,
        life: &AnnouncedKey,
    ) -> Result<proto::CheckVoucherReply, Failure> {
        let held = self.held(voucher)?;
        let verdict = match (life.revoked, life.ended_ms) {
            (true, _) => VoucherVerdict::KeyRevoked,
            (false, Some(_)) => VoucherVerdict::KeyEnded,
            (false, None) => VoucherVerdict::Genuine,
        };
        let station_name = reference.station_name(voucher.station);
        let item = voucher.item.parse().ok().and_then(|code| reference.catalogue().latest(&code));
        let paper = Paper::try_from(i32::from(voucher.paper)).unwrap_or_default();
        Ok(proto::CheckVoucherReply {
            verdict: verdict.into(),
            held: held.into(),
            sentence: sentence(verdict, held, &station_name, life),
            case_number: voucher.case.number().to_string(),
            paper: paper.into(),
            paper_name: paper_name(paper).to_owned(),
            item: voucher.item.clone(),
            item_name: item.map(|(_, item)| item.name.clone()).unwrap_or_default(),
            station: voucher.station.number(),
            station_name,
            time_ms: voucher.time_ms,
            entry: voucher.entry.0.to_vec(),
            key_ended_ms: life.ended_ms.unwrap_or(0),
        })
    }

    /// What this station holds of what a voucher says.
    fn held(&self, voucher: &Voucher) -> Result<VoucherCase, Error> {
        let Some(case) = self.case(&voucher.case)? else { return Ok(VoucherCase::NotHere) };
        if case.rev() == 0 {
            return Ok(VoucherCase::NotHere);
        }
        let same_item = case.item().is_some_and(|(item, _)| item.as_str() == voucher.item);
        Ok(match counting(&case, &voucher.entry) {
            Some((_, time_ms)) if same_item && time_ms == voucher.time_ms => VoucherCase::Unchanged,
            Some(_) => VoucherCase::Different,
            None if case.holds(&voucher.entry) => VoucherCase::Superseded,
            None => VoucherCase::Different,
        })
    }
}

/// An entry of a case that counts, and when it was written.
fn counting(case: &Case, hash: &Hash) -> Option<(Hash, u64)> {
    let steps = case.steps().map(|facts| (facts.hash, facts.time));
    let sides = case.sides().map(|facts| (facts.hash, facts.time));
    steps.chain(sides).find(|(of, _)| of == hash).map(|(hash, time)| (hash, time.millis()))
}

fn verdict_only(verdict: VoucherVerdict, sentence: &str) -> proto::CheckVoucherReply {
    proto::CheckVoucherReply { verdict: verdict.into(), sentence: sentence.to_owned(), ..Default::default() }
}

fn sentence(verdict: VoucherVerdict, held: VoucherCase, station: &str, life: &AnnouncedKey) -> String {
    let by = match verdict {
        VoucherVerdict::KeyRevoked => {
            format!("签名出自{station}，但该站点的这个密钥已被区中心吊销，不能只凭签名认定。")
        }
        VoucherVerdict::KeyEnded => {
            let ended = life.ended_ms.map(in_words).unwrap_or_default();
            format!("凭证真实，由{station}出具（该站点的设备已于{ended}更换，此前出具的凭证仍然有效）。")
        }
        _ => format!("凭证真实，由{station}出具。"),
    };
    let held = match (held, verdict) {
        (VoucherCase::Unchanged, VoucherVerdict::KeyRevoked) => "本站存有该办件，记录与凭证一致，可以认定。",
        (VoucherCase::Unchanged, _) => "本站存有该办件，记录与凭证一致，没有改动。",
        (VoucherCase::Superseded, _) => "本站存有这条记录，但它已被取代，不再作数，请以最新文书为准。",
        (VoucherCase::Different, _) => "本站存有该办件，但没有凭证所说的这条记录，请向出具站点核实。",
        (VoucherCase::NotHere | VoucherCase::Unspecified, _) => {
            "本站还没有收到该办件的记录：可能尚未报送到本站，或者不属于本站辖区。"
        }
    };
    by + held
}
