//! What of a person may stand on a screen or in a print by default: 张*, 前6后4, 138****0000.

/// Surnames of two characters that are common enough to be known. Only the surname stays in the clear.
const COMPOUND_SURNAMES: [&str; 12] =
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯"];

/// A name with its surname only: 张*, 张**, 欧阳*. A name of one character is hidden.
#[must_use]
pub fn name(name: &str) -> String {
    let length = name.chars().count();
    let compound = length > 2 && COMPOUND_SURNAMES.iter().any(|surname| name.starts_with(surname));
    let shown = match length {
        0 | 1 => 0,
        _ if compound => 2,
        _ => 1,
    };
    middle_hidden(name, shown, 0)
}

/// An identity number or credit code: the first six and the last four characters stay.
#[must_use]
pub fn number(number: &str) -> String {
    ends_shown(number, 6, 4)
}

/// A telephone number: the first three and the last four digits stay.
#[must_use]
pub fn phone(phone: &str) -> String {
    ends_shown(phone, 3, 4)
}

/// Hides everything where the ends would leave less than a third hidden.
fn ends_shown(text: &str, head: usize, tail: usize) -> String {
    let length = text.chars().count();
    if (head + tail) * 3 > length * 2 { "*".repeat(length) } else { middle_hidden(text, head, tail) }
}

fn middle_hidden(text: &str, head: usize, tail: usize) -> String {
    let length = text.chars().count();
    let shown = |index: usize| index < head || index + tail >= length;
    text.chars().enumerate().map(|(index, letter)| if shown(index) { letter } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_is_hidden() {
        assert_eq!(name("张三"), "张*");
        assert_eq!(name("张三丰"), "张**");
        assert_eq!(name("欧阳修"), "欧阳*");
        assert_eq!(name("欧阳"), "欧*");
        assert_eq!(name("张"), "*");
        assert_eq!(name(""), "");
        assert_eq!(number("11010519491231002X"), "110105********002X");
        assert_eq!(phone("13812340000"), "138****0000");
    }

    #[test]
    fn short_numbers_are_hidden_whole() {
        assert_eq!(number("1101051234"), "**********");
        assert_eq!(phone("8765432"), "*******");
        assert_eq!(phone("110"), "***");
    }
}
