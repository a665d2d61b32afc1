//! The appendix of the mistakes that others made: for each the code that prevents it here, and a
//! test that would have caught it and names it; or a reason why it cannot happen.

use crate::project::{Project, TextFile};
use crate::shown::{missing_code, missing_proof, named, told, write_told};

const PAGE: &str = "book/src/defects.md";
/// How many mistakes there are: 43 of others, and 13 of ours.
const MISTAKES: usize = 60;
const CANNOT: &str = "cannot happen here, because ";

pub fn are_caught(project: &Project) -> Vec<String> {
    write_told(project, PAGE, 3);
    let Some(file) = TextFile::read(&project.root, PAGE) else {
        return vec![format!("{PAGE}:1: this page is missing")];
    };
    let mut wrong = Vec::new();
    let mut next = 1;
    for (line, text) in file.numbered() {
        if !text.starts_with('|') || text.starts_with("|---") || text.starts_with("| no. |") {
            continue;
        }
        let mut complain = |message: String| wrong.push(file.complaint(line, message));
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let ["", number, what, cause, code, page, tests, ""] = cells.as_slice() else {
            complain("a row has six cells".to_string());
            continue;
        };
        let given = number.parse().unwrap_or(0);
        if given != next {
            complain(format!("this row should be number {next}"));
        }
        next = given + 1;
        if cause.is_empty() {
            complain(format!("{number} does not say the root cause"));
        }
        let ids = ids(what);
        if ids.is_empty() {
            complain(format!("{number} does not end with (where to look it up)"));
        }
        let mut faults = faults(project, number, &ids, code, tests);
        let due = told(project, PAGE, code);
        if *page != due {
            faults.push(format!(
                "{number} is told in {due}; WRITE=1 cargo test --test book"
            ));
        }
        faults.into_iter().for_each(complain);
    }
    if next != MISTAKES + 1 {
        let message = format!("the table has no row for each of 1 to {MISTAKES}");
        wrong.push(file.complaint(1, message));
    }
    wrong
}

/// `What happened. (CVE-2023-51764, go-smtp #243)`: where to look it up.
fn ids(what: &str) -> Vec<&str> {
    let ids = what
        .rsplit_once(" (")
        .and_then(|(_, ids)| ids.strip_suffix(')'));
    ids.map_or(Vec::new(), |ids| ids.split(", ").collect())
}

/// What is wrong with the right half of a row.
fn faults(project: &Project, number: &str, ids: &[&str], code: &str, tests: &str) -> Vec<String> {
    if code.starts_with(CANNOT.trim_end()) {
        let said = code.len() > CANNOT.len() && tests.is_empty();
        let fault = format!("{number} cannot happen: say why, and name no test");
        return if said { Vec::new() } else { vec![fault] };
    }
    let mut faults = missing_code(project, PAGE, code);
    faults.extend(missing_proof(project, PAGE, tests, number));
    let (code, tests) = (named(PAGE, code), named(PAGE, tests));
    let is_code = !code.is_empty() && code.iter().all(|(file, _)| file.starts_with("src/"));
    let are_tests = tests.iter().all(|(file, _)| file.starts_with("tests/"));
    if !is_code || !are_tests || tests.is_empty() {
        faults.push(format!(
            "{number} has no code or no test, and not `{CANNOT}…`"
        ));
    }
    let remarks: Vec<String> = tests
        .iter()
        .map(|(file, test)| remarks(project, file, test))
        .collect();
    let names_it = |id: &&str| remarks.iter().any(|remarks| names(remarks, id));
    let missing: Vec<&str> = ids.iter().copied().filter(|id| !names_it(id)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        faults.push(format!("no test of {number} names in a remark: {missing}"));
    }
    faults
}

/// The remarks above and inside a test, as one text.
fn remarks(project: &Project, file: &str, test: &str) -> String {
    let Some(file) = TextFile::read(&project.root, file) else {
        return String::new();
    };
    let declaration = format!("fn {test}(");
    let at = file
        .lines
        .iter()
        .position(|line| line.starts_with(&declaration));
    let (above, inside) = file.lines.split_at(at.unwrap_or(file.lines.len()));
    let is_above = |line: &&String| line.starts_with("//") || line.starts_with("#[");
    let above = above.iter().rev().take_while(is_above);
    let mut lines: Vec<&String> = above.collect();
    lines.reverse();
    lines.extend(inside.iter().take_while(|line| *line != "}"));
    let remarks = lines.iter().filter_map(|line| {
        let (_, remark) = line.split_once("//")?;
        Some(remark.trim_matches('/').trim())
    });
    remarks.collect::<Vec<_>>().join(" ")
}

/// Is it there, and not just the beginning of another, as `#5` is of `#561`?
fn names(remarks: &str, id: &str) -> bool {
    let ends = |(at, _): (usize, &str)| {
        let rest = &remarks[at + id.len()..];
        !rest.starts_with(|c: char| c.is_alphanumeric())
    };
    remarks.match_indices(id).any(ends)
}
