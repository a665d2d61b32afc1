//! The appendix "Where is …?": each answer names code that exists, and the chapter that shows it.

use crate::project::{Page, Project};
use crate::shown::{missing_code, named};

const PAGE: &str = "book/src/where-is.md";
/// Other appendices that name code in the same way.
const OTHERS: [&str; 2] = ["book/src/where-next.md", "book/src/windows-macos.md"];
/// How many questions there are at least.
const QUESTIONS: usize = 12;

pub fn answers_are_true(project: &Project) -> Vec<String> {
    let page = |name: &str| {
        let mut pages = project.pages.iter();
        pages.find(|page| page.file.name == name)
    };
    let Some(Page { file, .. }) = page(PAGE) else {
        return vec![format!("{PAGE}:1: this page is missing")];
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for (line, text) in file.numbered() {
        let head = ["|---", "| question |"];
        if !text.starts_with('|') || head.iter().any(|head| text.starts_with(head)) {
            continue;
        }
        count += 1;
        let mut complain = |message: String| wrong.push(file.complaint(line, message));
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let ["", question, code, chapters, what, ""] = cells.as_slice() else {
            complain("a row has four cells".to_string());
            continue;
        };
        if !question.ends_with('?') || what.is_empty() {
            complain("a row has a question, and something to know".to_string());
        }
        let named = named(PAGE, code);
        if named.is_empty() {
            complain("the answer names no item of a file".to_string());
        }
        for name in missing_code(project, PAGE, code) {
            complain(name);
        }
        for (name, _) in &named {
            let chapter = project.source(name).map_or(0, |source| source.chapter);
            if !chapters.contains(&format!("](ch{chapter:02}-")) {
                complain(format!(
                    "{name} is of chapter {chapter}, which is not named"
                ));
            }
        }
    }
    for Page { file, .. } in OTHERS.into_iter().filter_map(page) {
        for (line, text) in file.numbered() {
            let missing = missing_code(project, &file.name, text).into_iter();
            wrong.extend(missing.map(|why| file.complaint(line, why)));
        }
    }
    if count < QUESTIONS {
        let message = format!("there are {count} questions, and should be {QUESTIONS}");
        wrong.push(file.complaint(1, message));
    }
    wrong
}

#[test]
fn an_answer_that_is_not_true_is_found() {
    assert_eq!(answers_are_true(&crate::the_book()), [""; 0]);
    for (page, from, to, due) in [
        (
            PAGE,
            "`read_text`",
            "`read_test`",
            "src/protocol/dot.rs has no `read_test`",
        ),
        (
            PAGE,
            "(ch03-dot.md)",
            "(ch02-line.md)",
            "src/protocol/dot.rs is of chapter 3",
        ),
        (PAGE, "text found?", "text found", "a row has a question"),
        (PAGE, "`read_text` |", "`read_text`", "a row has four cells"),
        (
            PAGE,
            "(../../src/protocol/dot.rs) `read_text`",
            "(x)",
            "names no item of a file",
        ),
        (
            OTHERS[0],
            "`Stream`",
            "`Steam`",
            "src/protocol/line.rs has no `Steam`",
        ),
    ] {
        let mut project = crate::the_book();
        let mut pages = project.pages.iter_mut();
        let broken = pages.find(|known| known.file.name == page).expect("a page");
        let mut lines = broken.file.lines.iter_mut();
        let line = lines.find(|line| line.contains(from)).expect(from);
        *line = line.replace(from, to);
        let wrong = answers_are_true(&project).join("\n");
        assert!(wrong.starts_with(page) && wrong.contains(due), "{wrong}");
    }
}
