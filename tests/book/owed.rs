//! What is not written yet. The list can only get shorter: an entry that is no longer true is an
//! error.

use crate::deck;
use crate::links::companions;
use crate::project::Project;
use crate::recipe;

/// A page of a chapter: its code is not shown yet. A file: it does not exist yet.
/// `first edition of` a page: not all rules apply to it yet; a second edition has `## In short`.
/// `median of` a page, or another part of the recipe: it has too much or too little of it.
/// `proof of D1`: no test or dialogue shows this statement of the deck yet.

/// The entries that are no longer true.
pub fn stale(project: &Project) -> Vec<String> {
    let entries = project.owed.iter();
    entries
        .filter_map(|entry| why_stale(project, entry))
        .collect()
}

fn why_stale(project: &Project, entry: &str) -> Option<String> {
    let off = "take it off the list in tests/book/owed.rs";
    if let Some(page) = project.pages.iter().find(|page| page.file.name == entry) {
        let first = page.pieces().into_iter().next()?;
        let message = format!("this chapter is written; {off}");
        return Some(page.file.complaint(first.line, message));
    }
    if let Some(name) = entry.strip_prefix("first edition of ") {
        let page = project.pages.iter().find(|page| page.file.name == name);
        let Some(page) = page else {
            return Some(format!("{name}:1: there is no such page; {off}"));
        };
        let (line, _) = page.prose.iter().find(|(_, text)| text == "## In short")?;
        let message = format!("this is the second edition; {off}");
        return Some(page.file.complaint(*line, message));
    }
    if let Some(is_excused) = recipe::excused(project, entry) {
        let (what, name) = entry.split_once(" of ")?;
        return (!is_excused).then(|| format!("{name}:1: its {what} is good; {off}"));
    }
    if let Some(number) = entry.strip_prefix("proof of ") {
        let row = deck::rows(project)
            .into_iter()
            .find(|row| row.number == number);
        return match row {
            Some(row) if row.proof.is_empty() => None,
            Some(row) => Some(format!(
                "{}:{}: {number} has a proof; {off}",
                deck::PAGE,
                row.line
            )),
            None => Some(format!("{}:1: there is no {number}; {off}", deck::PAGE)),
        };
    }
    let companions = project.pages.iter().flat_map(companions);
    if !companions.into_iter().any(|companion| companion == entry) {
        return Some(format!("{entry}:1: no chapter needs this file; {off}"));
    }
    project
        .has(entry)
        .then(|| format!("{entry}:1: this file exists; {off}"))
}
