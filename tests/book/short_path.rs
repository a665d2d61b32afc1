//! The short path through the book: the contents mark its chapters with a star, and each chapter
//! says in the line below its title whether it is on the path.

use crate::project::{Page, Project};

/// The chapters that make the smallest server and client.
const SHORT: [usize; 9] = [1, 2, 3, 4, 5, 6, 9, 10, 11];

/// What follows the title of a chapter in the contents.
pub const STAR: &str = " ★";
const ON: &str = "<p class=\"short-path\">★ On the short path.</p>";
const OFF: &str = "<p class=\"short-path\">Not on the short path: ";

pub fn is_marked(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut pages = project.pages.iter();
    let contents = pages.find(|page| page.name() == "SUMMARY.md");
    for page in &project.pages {
        let Some(chapter) = page.chapter else {
            continue;
        };
        let is_short = SHORT.contains(&chapter);
        let target = format!("]({})", page.name());
        for (line, text) in contents.iter().flat_map(|page| page.file.numbered()) {
            let is_starred = text.contains(&format!("{STAR}{target}"));
            if text.contains(&target) && is_starred != is_short {
                let not = if is_short { "" } else { "not " };
                let message = format!("chapter {chapter} is {not}on the short path");
                wrong.extend(contents.map(|page| page.file.complaint(line, message)));
            }
        }
        let due = if is_short { ON } else { OFF };
        let is_there = match first_line(page) {
            Some(text) if is_short => text == ON,
            Some(text) => text.starts_with(OFF),
            None => false,
        };
        if !is_there {
            let message = format!("below the title: {due}");
            wrong.push(page.file.complaint(1, message));
        }
    }
    wrong
}

/// The line about the short path, if it is the first below the title.
fn first_line(page: &Page) -> Option<&str> {
    let lines = page.file.lines.iter().skip(1);
    let first = lines
        .map(|line| line.trim())
        .find(|line| !line.is_empty())?;
    first
        .starts_with("<p class=\"short-path\">")
        .then_some(first)
}

#[test]
fn a_wrong_mark_of_the_short_path_is_found() {
    let mut project = crate::the_book();
    let change = |project: &mut Project, name: &str, from: &str, to: &str| {
        let mut pages = project.pages.iter_mut();
        let page = pages.find(|page| page.name() == name).expect("the page");
        let text = page.file.lines.join("\n");
        assert!(text.contains(from), "{name} has no {from}");
        let text = text.replacen(from, to, 1);
        page.file.lines = text.lines().map(str::to_string).collect();
        is_marked(project).join("\n")
    };
    let summary = change(&mut project, "SUMMARY.md", "Dots ★", "Dots");
    assert!(summary.ends_with("chapter 3 is on the short path"));
    let summary = change(&mut project, "SUMMARY.md", "Dots]", "Dots ★]");
    assert_eq!(summary, "");
    let summary = change(&mut project, "SUMMARY.md", "POP3]", "POP3 ★]");
    assert!(summary.ends_with("chapter 17 is not on the short path"));
    change(&mut project, "SUMMARY.md", "POP3 ★]", "POP3]");
    let head = change(&mut project, "ch03-dot.md", "★ On", "On");
    assert!(head.starts_with("book/src/ch03-dot.md:1: below the title: <p class"));
    change(&mut project, "ch03-dot.md", "On the", "★ On the");
    let head = change(&mut project, "ch07-base64.md", OFF, "<p>");
    assert!(head.starts_with("book/src/ch07-base64.md:1: below the title: <p class"));
}
