//! The appendix that leads from each statement of the deck to where it is shown running.

use crate::project::{Page, Project, TextFile};
use crate::shown::{missing_code, missing_proof};

pub const PAGE: &str = "book/src/deck.md";

/// One line of the table.
pub struct Row {
    pub line: usize,
    /// `D1`
    pub number: String,
    pub term: String,
    pub chapters: String,
    pub code: String,
    pub proof: String,
}

/// How the id of a row begins, `<a id="d9"></a>D9`: there the marks in the pages lead.
pub const ID: &str = "<a id=\"d";

/// How many statements the deck makes.
const STATEMENTS: usize = 33;

pub fn rows(project: &Project) -> Vec<Row> {
    let Some(file) = TextFile::read(&project.root, PAGE) else {
        return Vec::new();
    };
    let rows = file.numbered().filter_map(|(line, text)| {
        let cells: Vec<&str> = text
            .strip_prefix("| ")?
            .strip_prefix(ID)?
            .split('|')
            .map(str::trim)
            .collect();
        let [first, _, term, chapters, code, proof, ..] = cells.as_slice() else {
            return None;
        };
        let (number, rest) = first.split_once('"')?;
        if rest != format!("></a>D{number}") {
            return None;
        }
        Some(Row {
            line,
            number: format!("D{number}"),
            term: term.to_string(),
            chapters: chapters.to_string(),
            code: code.to_string(),
            proof: proof.to_string(),
        })
    });
    rows.collect()
}

/// All statements are there in order, and what their rows name exists. (That the links lead
/// somewhere is for `links`.)
pub fn is_shown_running(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let rows = rows(project);
    let numbers: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
    let due: Vec<String> = (1..=STATEMENTS)
        .map(|number| format!("D{number}"))
        .collect();
    if numbers != due {
        wrong.push(format!(
            "{PAGE}:1: the table has no row for each of D1 to D{STATEMENTS}, in order"
        ));
    }
    for row in &rows {
        let mut complain = |message: String| wrong.push(format!("{PAGE}:{}: {message}", row.line));
        if row.term.is_empty() || !row.chapters.contains("](ch") || row.code.is_empty() {
            complain(format!("{} lacks its term, chapter or code", row.number));
        }
        if row.proof.is_empty() {
            complain(format!("{} has no proof", row.number));
        }
        for page in &project.pages {
            let listed = row.chapters.contains(&format!("]({})", page.name()));
            let marked = marks(page).any(|(_, number)| number == row.number);
            if listed && page.chapter.is_some() && !marked {
                complain(format!("{} does not mark {}", page.file.name, row.number));
            }
        }
        let code = missing_code(project, PAGE, &row.code);
        let proof = missing_proof(project, PAGE, &row.proof, &row.number);
        code.into_iter().chain(proof).for_each(complain);
    }
    for page in &project.pages {
        let link = format!("]({})", page.name());
        for (line, number) in marks(page) {
            let row = rows.iter().find(|row| row.number == number);
            if !row.is_some_and(|row| page.chapter.is_none() || row.chapters.contains(&link)) {
                let message = format!("{PAGE} does not lead from {number} to this chapter");
                wrong.push(page.file.complaint(line, message));
            }
        }
        for (line, text) in &page.prose {
            for mark in text.split(MARK).skip(1) {
                let is_good = rows.iter().any(|row| mark.starts_with(&rest_of_mark(row)));
                if !is_good {
                    let message = "a mark of the deck leads to its row, and has its term as title";
                    wrong.push(page.file.complaint(*line, message));
                }
            }
        }
    }
    wrong
}

/// How a mark in the margin of a page begins: `<a class="deck" href="deck.md#d9" title="...">D9</a>`.
pub const MARK: &str = "<a class=\"deck\" ";

fn rest_of_mark(row: &Row) -> String {
    let (number, term) = (&row.number, &row.term);
    let id = number.to_lowercase();
    format!("href=\"deck.md#{id}\" title=\"{term}\">{number}</a>")
}

/// The numbers in the margin of a page, with their lines.
fn marks(page: &Page) -> impl Iterator<Item = (usize, &str)> {
    page.prose.iter().flat_map(|(line, text)| {
        let marks = text.split(MARK).skip(1);
        marks.filter_map(|rest| {
            let (_, rest) = rest.split_once('>')?;
            Some((*line, rest.split_once("</a>")?.0))
        })
    })
}
