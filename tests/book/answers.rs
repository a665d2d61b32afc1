//! The answers: each exercise has one, on the page of all answers. An answer that is code is a patch,
//! and a test does what its first lines say.

use crate::outlines::is_up_to_date;
use crate::project::{ANSWERS, Page, Project};
use crate::recipe::{self, WORDS};

const PAGE: &str = "book/src/answers.md";

const HEAD: &str = "# Answers

Here are the answers to all exercises. Try each exercise first, and then compare. Where an answer changes the code, the
change is shown: a line with `-` goes away, and a line with `+` comes in its place. The lines without a
sign are there already, and show the place.

Some signs in a change are for the tests of this book. A line with *ANCHOR* marks where a listing begins or ends, and
your own files do not have it. The numbers between two @@ are for the files of the project: look for the lines
themselves. Above a change, *red* names a test that fails with the change, and *green* a file of tests that passes with
it. So *green: answer* is the file *answer.rs* in the folder of the tests, which the change itself brings.
";

/// Each exercise has its answer, and the page of answers has all of them.
pub fn are_there(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut all = HEAD.to_string();
    for page in &project.pages {
        if let Some(name) = page.file.name.strip_prefix(ANSWERS) {
            all += &format!("\n{{{{#include answers/{name}}}}}\n");
        }
    }
    wrong.extend(is_up_to_date(project, PAGE, &all));
    for (chapter, page) in recipe::pages(project) {
        let name = format!("{ANSWERS}ch{chapter:02}.md");
        match project.pages.iter().find(|page| page.file.name == name) {
            Some(answers) => wrong.extend(has_all(chapter, page, answers)),
            None => wrong.push(page.file.complaint(1, format!("there is no {name}"))),
        }
    }
    wrong
}

/// A heading, and a block for each exercise, in order.
fn has_all(chapter: usize, page: &Page, answers: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    let heading = format!("## Chapter {chapter}");
    if answers.file.lines.first() != Some(&heading) {
        let message = format!("the first line is `{heading}`");
        wrong.push(answers.file.complaint(1, message));
    }
    let begin = "<summary>";
    let blocks = answers
        .prose
        .iter()
        .filter(|(_, text)| text.contains(begin));
    let blocks: Vec<_> = blocks.collect();
    for (nth, word) in (1..).zip(WORDS) {
        let by_hand = format!("{nth}. **Do.** ");
        let mut lines = page.prose.iter();
        let word = match lines.any(|(_, text)| text.starts_with(&by_hand)) {
            true => "Do",
            false => word,
        };
        let due = format!("{begin}{chapter}.{nth} {word}: ");
        let block = blocks
            .get(nth - 1)
            .map(|(line, text)| (*line, text.as_str()));
        let (line, text) = block.unwrap_or((answers.file.lines.len(), ""));
        if !text.trim_start_matches("<details>").starts_with(&due) || !text.ends_with("</summary>")
        {
            let message = format!("the answer to exercise {nth} begins with `{due}`");
            wrong.push(answers.file.complaint(line, message));
        }
    }
    if let Some((line, _)) = blocks.get(WORDS.len()) {
        wrong.push(
            answers
                .file
                .complaint(*line, "there are three answers, and no more"),
        );
    }
    wrong
}
