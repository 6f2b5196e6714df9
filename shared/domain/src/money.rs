//! Sums of money in words (大写金额), as they stand on payment notices.
//!
//! The rules are those for filling in bank papers (正确填写票据和结算凭证的基本规定). Where they leave a choice, one form is
//! used: a zero before 万 or 元 that may be written is written once in a sum, and before 角 only where 分 follows.
//! No crate knows these rules of choice; those on the registry write numbers, not sums.

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
const PLACES: [&str; 4] = ["", "拾", "佰", "仟"];
/// 万 and 亿: the places by which a number is read in parts.
const MYRIAD: u64 = 10_000;
const HUNDRED_MILLION: u64 = 100_000_000;

/// A sum of fen in words, for example `贰拾元整` for 2000.
#[must_use]
pub fn in_words(fen: u64) -> String {
    let (yuan, jiao, cents) = (fen / 100, fen / 10 % 10, fen % 10);
    let mut words = String::new();
    if yuan > 0 {
        words.push_str(&number(yuan));
        words.push('元');
    }
    match (jiao, cents) {
        (0, 0) if yuan == 0 => return "零元整".to_owned(),
        (0, 0) => {}
        (0, _) if yuan > 0 => words.push('零'),
        (0, _) => {}
        (_, cents) => {
            let may = yuan > 0 && yuan.is_multiple_of(10) && cents > 0;
            if may && !words.contains('零') {
                words.push('零');
            }
            words.push(digit(jiao));
            words.push('角');
        }
    }
    if cents > 0 {
        words.push(digit(cents));
        words.push('分');
    } else {
        words.push('整');
    }
    words
}

/// A sum in figures with its words, as papers write it: `￥20.00（人民币贰拾元整）`.
#[must_use]
pub fn on_paper(fen: u64) -> String {
    format!("￥{}（人民币{}）", in_figures(fen), in_words(fen))
}

/// A sum of fen in figures: `20.00`.
#[must_use]
pub fn in_figures(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Reads a sum in yuan as people type it, `20`, `20.5` or `20.50`, as fen. None: not a sum.
#[must_use]
pub fn read(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches(['￥', '¥']).trim_end_matches('元').trim();
    let (yuan, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || rest.len() > 2 || !digits(yuan) || !digits(rest) {
        return None;
    }
    let cents: u64 = format!("{rest:0<2}").parse().ok()?;
    yuan.parse::<u64>().ok()?.checked_mul(100)?.checked_add(cents)
}

/// A number above 0.
fn number(value: u64) -> String {
    for (unit, name) in [(HUNDRED_MILLION, '亿'), (MYRIAD, '万')] {
        if value >= unit {
            let (high, low) = (value / unit, value % unit);
            let mut words = number(high);
            words.push(name);
            if low > 0 {
                // Left out places ask for a zero; a part that ends in one may have it.
                if low < unit / 10 || high.is_multiple_of(10) {
                    words.push('零');
                }
                words.push_str(&number(low));
            }
            return words;
        }
    }
    below_myriad(value)
}

fn below_myriad(value: u64) -> String {
    let mut words = String::new();
    let mut gap = false;
    for (place, name) in PLACES.iter().enumerate().rev() {
        let figure = value / 10_u64.pow(u32::try_from(place).unwrap_or(0)) % 10;
        if figure == 0 {
            gap = true;
            continue;
        }
        if gap && !words.is_empty() {
            words.push('零');
        }
        gap = false;
        words.push(digit(figure));
        words.push_str(name);
    }
    words
}

fn digit(figure: u64) -> char {
    usize::try_from(figure).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or('零')
}
