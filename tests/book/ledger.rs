//! The appendix that goes through the standards' rules one by one: none is missing, none is
//! invented, and each row says where its rule is kept and seen kept, or why it is left out.

use crate::project::{Project, TextFile};
use crate::shown::{missing_code, missing_proof, named, told, write_told};
use std::collections::BTreeSet;

const PAGE: &str = "book/src/ledger.md";
/// How many rules each section has.
const COUNTS: &str = "tests/book/rfc_musts.txt";
const LEFT_OUT: &str = "left out, because ";

/// The place of a section in our list, and which of its rules it is, from 1.
type Rule = (usize, usize);

/// The sections with rules, in the order of the text: the number of the RFC, the section, a count.
fn sections(project: &Project) -> Vec<(u32, String, usize)> {
    let file = TextFile::read(&project.root, COUNTS);
    let lines = file.iter().flat_map(|file| &file.lines);
    let found = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let rfc = words.next()?.parse().ok()?;
        Some((rfc, words.next()?.to_string(), words.next()?.parse().ok()?))
    });
    found
        .map(|section| section.expect("a number, a section, a count"))
        .collect()
}

/// A line of one of the tables.
struct Row<'a> {
    line: usize,
    /// The number of the RFC that the table is about.
    rfc: u32,
    text: &'a str,
}

/// The lines of the tables. A heading such as `## RFC 1939` says what the next table is about.
fn rows(file: &TextFile) -> Vec<Row<'_>> {
    let mut rfc = 0;
    let mut rows = Vec::new();
    for (line, text) in file.numbered() {
        if let Some(heading) = text.strip_prefix("## RFC ") {
            let digits = heading.split(|c: char| !c.is_ascii_digit()).next();
            rfc = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        }
        if text.starts_with('|') && !text.starts_with("|---") && !text.starts_with("| no. |") {
            rows.push(Row { line, rfc, text });
        }
    }
    rows
}

/// Every rule of every section stands in exactly one row of the table of its RFC, in order.
pub fn is_complete_and_true(project: &Project) -> Vec<String> {
    write_told(project, PAGE, 2);
    let Some(file) = TextFile::read(&project.root, PAGE) else {
        return vec![format!("{PAGE}:1: this page is missing")];
    };
    let sections = sections(project);
    let mut wrong = Vec::new();
    let mut seen: BTreeSet<Rule> = BTreeSet::new();
    let mut last = (0, 0);
    for Row { line, rfc, text } in rows(&file) {
        let mut complain = |message: String| wrong.push(file.complaint(line, message));
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let ["", number, words, code, page, test, ""] = cells.as_slice() else {
            complain("a row has five cells".to_string());
            continue;
        };
        let Some(rules) = rules(&sections, rfc, number) else {
            complain(format!("RFC {rfc} has no rule `{number}`"));
            continue;
        };
        let first = rules.first().copied().unwrap_or(last);
        if first <= last {
            complain(format!("{number} does not come after the row before it"));
        }
        last = last.max(first);
        for rule in rules {
            if !seen.insert(rule) {
                complain(format!("#{} of {number} has a row already", rule.1));
            }
        }
        if words.is_empty() {
            complain(format!("{number} does not say the rule"));
        }
        let faults = faults(project, number, code, page, test);
        faults.into_iter().for_each(complain);
    }
    for (place, (rfc, section, count)) in sections.iter().enumerate() {
        let missing = (1..=*count).filter(|nth| !seen.contains(&(place, *nth)));
        let missing: String = missing.map(|nth| format!(" #{nth}")).collect();
        if !missing.is_empty() {
            let message = format!("RFC {rfc}: no row for {section}{missing}");
            wrong.push(file.complaint(1, message));
        }
    }
    wrong
}

/// `3.3 #2 #3`: which rules a row is about.
fn rules(sections: &[(u32, String, usize)], rfc: u32, number: &str) -> Option<Vec<Rule>> {
    let mut words = number.split(' ');
    let section = words.next()?;
    let is_it = |(of, name, _): &(u32, String, usize)| *of == rfc && name == section;
    let place = sections.iter().position(is_it)?;
    let (_, _, count) = sections.get(place)?;
    let rules = words.map(|word| {
        let nth = word.strip_prefix('#')?.parse().ok()?;
        (1..=*count).contains(&nth).then_some((place, nth))
    });
    let rules = rules.collect::<Option<Vec<Rule>>>()?;
    (!rules.is_empty()).then_some(rules)
}

/// What is wrong with the right half of a row.
fn faults(project: &Project, number: &str, code: &str, page: &str, test: &str) -> Vec<String> {
    if code.starts_with(LEFT_OUT.trim_end()) {
        let said = code.len() > LEFT_OUT.len() && test.is_empty();
        let fault = format!("{number} is left out: say why, and name no test");
        return if said { Vec::new() } else { vec![fault] };
    }
    let mut faults = missing_code(project, PAGE, code);
    let due = told(project, PAGE, code);
    if page != due {
        faults.push(format!(
            "{number} is told in {due}; WRITE=1 cargo test --test book"
        ));
    }
    faults.extend(missing_proof(project, PAGE, test, number));
    let code = named(PAGE, code);
    let is_code = !code.is_empty() && code.iter().all(|(file, _)| file.starts_with("src/"));
    if !is_code || !test.contains("](") {
        faults.push(format!(
            "{number} has no code or no test, and is not `{LEFT_OUT}…`"
        ));
    }
    faults
}
