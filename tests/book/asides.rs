//! The asides about Rust, and the appendix that leads to them. A notion of Rust is explained once.

use crate::links::ids;
use crate::outlines::is_up_to_date;
use crate::project::{Page, Project, TextFile};
use std::collections::BTreeMap;

const PAGE: &str = "book/src/rust.md";

const HEAD: &str = "# Rust in this book

Each notion of Rust is explained once. This table says where.

| notion | in one sentence | where |
|---|---|---|
";

/// What an aside about Rust explains.
struct Notion {
    line: usize,
    title: String,
    /// The first sentence.
    sentence: String,
}

pub fn are_listed(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut table = HEAD.to_string();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for page in &project.pages {
        let (notions, complaints) = notions(page);
        wrong.extend(complaints);
        for notion in notions {
            let place = format!("{}:{}", page.file.name, notion.line);
            table += &row(page, &notion);
            if let Some(before) = seen.insert(notion.title, place) {
                let message = format!("this is explained already, at {before}");
                wrong.push(page.file.complaint(notion.line, message));
            }
        }
    }
    // A project without this page explains nothing.
    if project.has(PAGE) || !seen.is_empty() {
        wrong.extend(is_up_to_date(project, PAGE, &table));
    }
    wrong
}

fn row(page: &Page, notion: &Notion) -> String {
    let mut above = ids(page).into_iter();
    let heading = above
        .by_ref()
        .take_while(|(line, _)| *line < notion.line)
        .last();
    let (line, id) = heading.unwrap_or_default();
    let title = page
        .file
        .lines
        .get(line.saturating_sub(1))
        .map_or("", String::as_str);
    let title = title.trim_start_matches(['#', ' ']);
    let chapter = page
        .chapter
        .map_or(String::new(), |chapter| format!("{chapter}: "));
    let chapter = if title.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        &chapter
    };
    let cell = |text: &str| text.replace('|', "\\|");
    let (notion, sentence) = (cell(&notion.title), cell(&notion.sentence));
    format!(
        "| {notion} | {sentence} | [{chapter}{title}]({}#{id}) |\n",
        page.name()
    )
}

/// The asides of a page: a line `<aside class="rust">`, an empty one, a paragraph that begins with
/// `**Title.**` and may go over several lines, an empty line, and `</aside>`.
fn notions(page: &Page) -> (Vec<Notion>, Vec<String>) {
    let mut notions = Vec::new();
    let mut wrong = Vec::new();
    let TextFile { lines, .. } = &page.file;
    let is_blank = |line: usize| {
        lines
            .get(line - 1)
            .is_some_and(|text| text.trim().is_empty())
    };
    for (line, text) in &page.prose {
        let mut complain = |message: &str| wrong.push(page.file.complaint(*line, message));
        if text.contains("</aside>") && (text != "</aside>" || !is_blank(line - 1)) {
            complain("`</aside>` has a line of its own, and an empty one above");
        }
        if !text.contains("<aside") {
            continue;
        }
        let class = text.strip_prefix("<aside class=\"");
        let class = class.and_then(|rest| rest.strip_suffix("\">"));
        if !matches!(class, Some("rust" | "lore")) {
            complain("an aside is `<aside class=\"rust\">` or `<aside class=\"lore\">`");
            continue;
        }
        if !is_blank(line + 1) {
            complain("below `<aside …>` there is an empty line");
            continue;
        }
        let rest = lines.iter().skip(line + 1);
        let paragraph: Vec<&str> = rest
            .take_while(|text| !text.trim().is_empty())
            .map(|text| text.trim())
            .collect();
        let paragraph = paragraph.join(" ");
        let titled = paragraph
            .strip_prefix("**")
            .and_then(|rest| rest.split_once(".** "));
        match titled.filter(|_| class == Some("rust")) {
            Some((title, text)) => notions.push(Notion {
                line: *line,
                title: title.to_string(),
                sentence: first_sentence(text),
            }),
            None if class == Some("lore") => {}
            None => complain("an aside about Rust begins with `**The notion.** `"),
        }
    }
    (notions, wrong)
}

/// Up to the first full stop that ends a word and is in no code.
fn first_sentence(text: &str) -> String {
    let mut in_code = false;
    for (at, c) in text.char_indices() {
        in_code ^= c == '`';
        let rest = &text[at..];
        if !in_code && (rest == "." || rest.starts_with(". ")) {
            return text[..=at].to_string();
        }
    }
    text.to_string()
}
