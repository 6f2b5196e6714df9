//! Forms as agents fill them in: about 1 KB of Chinese JSON each, no two the same, with names, numbers and sentences
//! that resemble one another as those of real applications do.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// Bytes of a form as JSON, to the character.
const BYTES: usize = 1009;

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "高",
    "罗", "郑", "梁", "谢", "宋", "唐", "许", "邓", "韩", "冯", "曹", "彭", "曾", "萧", "田", "董", "潘", "袁", "蔡",
];
const GIVEN: &[&str] = &[
    "秀英", "建国", "桂兰", "志强", "玉梅", "德明", "春花", "永福", "丽华", "国平", "凤霞", "大勇", "小燕", "文斌",
    "素珍", "长根", "月娥", "家旺", "雪梅", "学军", "金莲", "立新", "水生", "巧云", "光明", "海燕", "正义", "爱民",
];
const RELATIONS: &[&str] = &["配偶", "长子", "次子", "长女", "次女", "父亲", "母亲", "孙子", "孙女", "儿媳"];
const STATES: &[&str] = &[
    "在家务农",
    "在外务工",
    "小学在读",
    "初中在读",
    "高中在读",
    "大专在读",
    "慢性病，长期服药",
    "二级肢体残疾",
    "三级视力残疾",
    "年老体弱，无劳动能力",
    "在县城打零工",
    "身体健康",
];
const CROPS: &[&str] =
    &["水稻", "玉米", "油菜", "柑橘", "茶叶", "花生", "红薯", "烤烟", "毛竹", "生猪", "山羊", "肉鸡"];
const REASONS: &[&str] = &[
    "户主去年查出肝病，在区医院住院两次，报销后自付较多。",
    "主要劳动力因工伤在家休养，半年没有收入。",
    "两个孩子都在读书，学费和生活费压力较大。",
    "老人常年卧床，需要专人照料，无法外出务工。",
    "今年夏天大水冲毁了部分稻田，收成不到往年的一半。",
    "房屋建于八十年代，墙体开裂，雨季漏水严重。",
    "家中没有机动车，没有商品房，存款不足五千元。",
    "配偶去世以后，由本人独自抚养子女。",
    "已参加城乡居民基本医疗保险和养老保险。",
    "经村民小组评议，情况属实，同意上报。",
    "申请人对填报内容的真实性负责，同意核对家庭经济状况。",
    "原有的临时救助已于上季度到期，生活仍有困难。",
    "承包田由邻居代耕，每年只收少量口粮。",
    "子女均已成家分户，收入仅够各自开支。",
    "因道路改建占用部分承包地，补偿款已用于治病。",
    "长期服用降压药和降糖药，每月药费三百元以上。",
    "家里的果树受了冻害，两年内难以恢复挂果。",
    "孩子患有先天性心脏病，已在省城做过一次手术。",
];

/// Labels and values of form number `number`.
#[must_use]
pub fn form(number: u64) -> Vec<(String, String)> {
    let mut random = StdRng::seed_from_u64(number);
    let random = &mut random;
    let mut answers = vec![
        ("户主姓名", name(random)),
        ("家庭住址", format!("枫溪镇第{}村民小组{}号", random.random_range(1..=12), random.random_range(1..=199))),
        ("家庭人口数", random.random_range(1..=7).to_string()),
        ("开户账号", format!("6228480{:012}", random.random_range(0..1_000_000_000_000u64))),
    ];
    for label in ["家庭成员一", "家庭成员二", "家庭成员三"] {
        let (relation, state) = (pick(RELATIONS, random), pick(STATES, random));
        let number = format!(
            "990106{}{:02}{:02}{:04}",
            random.random_range(1935..=2020),
            random.random_range(1..=12),
            random.random_range(1..=28),
            random.random_range(0..=9999)
        );
        answers.push((label, format!("{}，{relation}，{number}，{state}", name(random))));
    }
    let income = format!(
        "种植{}{}亩，年收入约{}元；务工收入约{}元；各类补贴{}元",
        pick(CROPS, random),
        random.random_range(1..=30),
        random.random_range(5..=180) * 100,
        random.random_range(0..=320) * 100,
        random.random_range(1..=60) * 50
    );
    answers.push(("家庭收入", income));
    answers.push(("申请理由", String::new()));
    let mut answers: Vec<(String, String)> =
        answers.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
    let mut missing = BYTES.saturating_sub(json_bytes(&answers));
    let mut reason = String::new();
    while missing > 0 {
        let sentence = pick(REASONS, random);
        let fitting: String = sentence.chars().take(missing / 3).collect();
        reason.push_str(&fitting);
        missing = if fitting.len() < sentence.len() { 0 } else { missing - fitting.len() };
    }
    if let Some((_, last)) = answers.last_mut() {
        *last = reason;
    }
    answers
}

/// Bytes of a form as a JSON object.
#[must_use]
pub fn json_bytes(answers: &[(String, String)]) -> usize {
    // Two quotes round each label and value, a colon and a comma; the last comma's place is taken by a bracket.
    answers.iter().map(|(label, value)| label.len() + value.len() + 6).sum::<usize>() + 1
}

fn name(random: &mut StdRng) -> String {
    format!("{}{}", pick(SURNAMES, random), pick(GIVEN, random))
}

fn pick(list: &[&'static str], random: &mut StdRng) -> &'static str {
    list.choose(random).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn fifty_forms_are_fifty_thousand_bytes_of_json_and_all_differ() {
        let forms: Vec<_> = (0..50).map(form).collect();
        let as_json =
            |form: &Vec<_>| serde_json::to_string(&form.iter().cloned().collect::<BTreeMap<String, String>>());
        let sizes = forms.iter().map(|form| as_json(form).unwrap().len());
        assert_eq!(sizes.clone().sum::<usize>(), forms.iter().map(|form| json_bytes(form)).sum::<usize>());
        assert!(sizes.clone().all(|size| (BYTES - 3..=BYTES).contains(&size)), "{:?}", sizes.collect::<Vec<_>>());
        assert_eq!(forms.iter().collect::<BTreeSet<_>>().len(), 50);
    }
}
