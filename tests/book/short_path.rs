//! The short path through the book: the contents mark its chapters with a star, and each chapter
//! says in the line below its title whether it is on the path.

use crate::project::{Page, Project, TextFile};

/// The chapters that make the smallest server and client.
const SHORT: [usize; 9] = [1, 2, 3, 4, 5, 6, 9, 10, 11];
/// Chapters whose page does not have its line yet. The list can only get shorter.
const OWED: &[usize] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
];

/// What follows the title of a chapter in the contents.
pub const STAR: &str = " ★";
const ON: &str = "<p class=\"short-path\">★ On the short path.</p>";
const OFF: &str = "<p class=\"short-path\">Not on the short path: ";

pub fn is_marked(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let contents = TextFile::read(&project.root, "book/src/SUMMARY.md");
    for page in &project.pages {
        let Some(chapter) = page.chapter else {
            continue;
        };
        let is_short = SHORT.contains(&chapter);
        let target = format!("]({})", page.name());
        for file in contents.iter() {
            for (line, text) in file.numbered().filter(|(_, text)| text.contains(&target)) {
                if text.contains(&format!("{STAR}{target}")) != is_short {
                    let not = if is_short { "" } else { "not " };
                    let message = format!("chapter {chapter} is {not}on the short path");
                    wrong.push(file.complaint(line, message));
                }
            }
        }
        let message = match (first_line(page), OWED.contains(&chapter)) {
            (None, true) => continue,
            (Some(_), true) => {
                "this has its line: take it off the list in tests/book/short_path.rs"
            }
            (Some(text), false) if is_short && text == ON => continue,
            (Some(text), false) if !is_short && text.starts_with(OFF) => continue,
            _ if is_short => ON,
            _ => OFF,
        };
        let message = format!("below the title: {message}");
        wrong.push(page.file.complaint(1, message));
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
