//! The summary as a page that any browser shows and prints: no script, nothing from elsewhere.

use std::fmt::Write as _;

use super::summary::{Line, Summary};

const STYLE: &str = "body{font:16px/1.6 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.6em}table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #777;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}\
.said{white-space:pre-wrap}.proof{font:12px monospace;word-break:break-all;color:#444}\
@media print{body{margin:0;max-width:none}}";

/// The page.
pub(super) fn page(summary: &Summary) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>案卷 {number}</title><style>{STYLE}</style></head>\n<body>\n\
         <h1>办件案卷</h1>\n<p>本页由办件记录自动生成。真伪以“verify-file”命令查验整个案卷文件的结果为准，单独一页不能作为证明。</p>\n",
        number = text(&summary.case_number),
    );
    if !summary.readable {
        html.push_str("<p><strong>本办件的密钥已销毁或未传到，个人信息不可读。</strong></p>\n");
    }
    let facts = [
        ("办件编号", &summary.case_number),
        ("事项", &summary.item_name),
        ("办件类型", &summary.case_type),
        ("收件机构", &summary.opened),
        ("收件时间", &summary.opened_at),
        ("当前状态", &summary.state),
        ("办理结果", &summary.outcome),
    ];
    let facts: Vec<(&str, &str)> = facts.into_iter().map(|(name, value)| (name, value.as_str())).collect();
    pairs(&mut html, "基本情况", &facts);
    pairs(&mut html, "申请人", &borrowed(&summary.applicant));
    pairs(&mut html, "申请表", &borrowed(&summary.answers));
    if !summary.materials.is_empty() {
        html.push_str("<h2>材料</h2>\n<table><tr><th>名称</th><th>原件</th><th>复印件</th><th>附件</th></tr>\n");
        for material in &summary.materials {
            let _ = writeln!(
                html,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                text(&material.name),
                material.originals,
                material.copies,
                text(&material.attachments.join("、"))
            );
        }
        html.push_str("</table>\n");
    }
    lines(&mut html, "办理过程", &summary.steps);
    lines(&mut html, "被取代的记录（保留备查，不作数）", &summary.superseded);
    if !summary.attachments.is_empty() {
        html.push_str("<h2>附件</h2>\n<ul>\n");
        for attachment in &summary.attachments {
            let name = text(&attachment.file_name);
            let _ = match attachment.name.as_str() {
                "" => writeln!(html, "<li>{name}（导出时未传到本站）</li>"),
                path => writeln!(html, "<li><a href=\"{}\">{name}</a></li>", text(path)),
            };
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn pairs(html: &mut String, title: &str, pairs: &[(&str, &str)]) {
    if pairs.is_empty() {
        return;
    }
    let _ = writeln!(html, "<h2>{title}</h2>\n<table>");
    for (name, value) in pairs {
        let _ = writeln!(html, "<tr><th>{}</th><td class=\"said\">{}</td></tr>", text(name), text(value));
    }
    html.push_str("</table>\n");
}

fn lines(html: &mut String, title: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let _ =
        writeln!(html, "<h2>{title}</h2>\n<table><tr><th>步骤</th><th>时间</th><th>机构和人员</th><th>内容</th></tr>");
    for line in lines {
        let rev = if line.rev == 0 { String::new() } else { format!("{}. ", line.rev) };
        let basis = if line.basis.is_empty() { String::new() } else { format!("\n依据：{}", line.basis) };
        let _ = writeln!(
            html,
            "<tr><td>{rev}{}</td><td>{}</td><td>{}<br>{} {}</td><td class=\"said\">{}{}<div class=\"proof\">{}</div></td></tr>",
            text(&line.title),
            text(&line.time),
            text(&line.station),
            text(&line.actor),
            text(&line.role),
            text(&line.words),
            text(&basis),
            line.entry
        );
    }
    html.push_str("</table>\n");
}

/// Text that is no markup.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for letter in raw.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_stays_text() {
        let hostile = "<script>alert('x')</script>\"&".to_owned();
        let line = Line { title: hostile.clone(), words: hostile.clone(), ..Line::default() };
        let summary = Summary {
            answers: vec![(hostile.clone(), hostile)],
            steps: vec![line],
            readable: true,
            ..Summary::default()
        };
        let page = page(&summary);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 4);
    }
}
