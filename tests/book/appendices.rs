//! The appendices list what there is, all of it and no more: the commands, the reply codes, and the
//! Chinese terms of the deck.

use crate::deck;
use crate::project::{Project, TextFile};
use smtp_primer::protocol::command::Verb;
use std::collections::BTreeMap;

/// The table of commands has a row for each verb, with the form and the section that HELP tells.
pub fn commands(project: &Project) -> Vec<String> {
    let page = "book/src/commands.md";
    let rows = rows(project, page, 4);
    let mut wrong = Vec::new();
    for verb in Verb::all() {
        let (form, about) = verb.explain();
        let section = section(about);
        match rows.get(verb.name()) {
            None => wrong.push(format!("{page}:1: {} is missing", verb.name())),
            Some((line, row)) => {
                for due in [format!("`{form}`"), section] {
                    if !row.contains(&due) {
                        wrong.push(format!("{page}:{line}: the row lacks {due}"));
                    }
                }
            }
        }
    }
    for (name, (line, _)) in &rows {
        if !Verb::all().any(|verb| verb.name() == name) {
            wrong.push(format!("{page}:{line}: there is no command {name}"));
        }
    }
    wrong
}

/// The section that HELP tells, as a page writes it: `RFC 5321 §4.1.1.1`.
pub fn section(about: &str) -> String {
    let section = about.rsplit_once('(').map_or("", |(_, section)| section);
    let section = section.trim_end_matches(')');
    section.replacen(' ', " §", 2).replacen(" §", " ", 1)
}

/// What the server says is decided in these files.
const SERVER: [&str; 4] = [
    "src/session",
    "src/server.rs",
    "src/protocol/command/syntax.rs",
    "src/command_line/roles.rs",
];

/// The table of replies has a row for each code that the server says.
pub fn replies(project: &Project) -> Vec<String> {
    let page = "book/src/replies.md";
    let rows = rows(project, page, 3);
    let mut said = BTreeMap::new();
    for source in &project.sources {
        if !SERVER.iter().any(|name| source.file.name.starts_with(name)) {
            continue;
        }
        let mut opened = false;
        for (number, line) in source.file.numbered() {
            let code = line.split_once("//").map_or(line, |(code, _)| code);
            for word in [
                "say(",
                "Reply::new(",
                "Step::reply(",
                "close(",
                "=> ",
                "(\"",
            ] {
                for (at, _) in code.match_indices(word) {
                    note(
                        &code[at + word.len()..],
                        source.file.complaint(number, ""),
                        &mut said,
                    );
                }
            }
            if opened {
                note(
                    code.trim_start(),
                    source.file.complaint(number, ""),
                    &mut said,
                );
            }
            opened = ["say(", "Reply::new(", "Step::reply("]
                .iter()
                .any(|word| code.ends_with(word));
        }
    }
    let mut wrong = Vec::new();
    for (code, place) in &said {
        if !rows.contains_key(code) {
            wrong.push(format!(
                "{page}:1: {code} is missing; it is said at {place}"
            ));
        }
    }
    for (code, (line, _)) in &rows {
        if !said.contains_key(code) {
            wrong.push(format!("{page}:{line}: the server never says {code}"));
        }
    }
    wrong
}

/// Notes the three digits that a text begins with.
fn note(text: &str, place: String, said: &mut BTreeMap<String, String>) {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.len() == 3 {
        said.insert(digits, place.trim_end_matches(": ").to_string());
    }
}

/// Rows that begin with a word of so many capitals or digits at least, by this word.
fn rows(project: &Project, page: &str, length: usize) -> BTreeMap<String, (usize, String)> {
    let file = TextFile::read(&project.root, page);
    let lines = file.iter().flat_map(TextFile::numbered);
    let rows = lines.filter_map(|(number, line)| {
        let first = line.strip_prefix("| ")?.split(' ').next()?;
        let fits = first.len() >= length
            && first
                .bytes()
                .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        fits.then(|| (first.to_string(), (number, line.to_string())))
    });
    rows.collect()
}

/// Whoever comes from the slides looks for a Chinese term, and finds it in the glossary.
pub fn terms(project: &Project) -> Vec<String> {
    let glossary = TextFile::read(&project.root, "book/src/glossary.md");
    let glossary = glossary.map_or(String::new(), |file| file.lines.join("\n"));
    let mut wrong = Vec::new();
    for row in deck::rows(project) {
        for term in row.term.split(", ").filter(|term| !term.is_ascii()) {
            if !glossary.contains(term) {
                let message = format!("the glossary does not have {term}");
                wrong.push(format!("{}:{}: {message}", deck::PAGE, row.line));
            }
        }
    }
    wrong
}
