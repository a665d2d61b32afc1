//! The appendix "Where is …?": each answer names code that exists, and the chapter that shows it.

use crate::project::{Project, TextFile};
use crate::shown::{missing_code, named};

const PAGE: &str = "book/src/where-is.md";
/// Other appendices that name code in the same way.
const OTHERS: [&str; 2] = ["book/src/where-next.md", "book/src/windows-macos.md"];
/// How many questions there are at least.
const QUESTIONS: usize = 12;

pub fn answers_are_true(project: &Project) -> Vec<String> {
    let Some(file) = TextFile::read(&project.root, PAGE) else {
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
    for page in OTHERS {
        let file = TextFile::read(&project.root, page);
        for (line, text) in file.iter().flat_map(TextFile::numbered) {
            let missing = missing_code(project, page, text).into_iter();
            wrong.extend(missing.map(|why| format!("{page}:{line}: {why}")));
        }
    }
    if count < QUESTIONS {
        let message = format!("there are {count} questions, and should be {QUESTIONS}");
        wrong.push(file.complaint(1, message));
    }
    wrong
}
