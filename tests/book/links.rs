//! Rule 5: what the book points to exists. Links, headings, sections of RFCs, figures, and for each
//! module its chapter, its example and its tests.

use crate::deck;
use crate::project::{ANSWERS, Page, Project, TextFile, files, include, resolve};
use crate::short_path;
use std::collections::BTreeMap;

/// The sections of the RFCs that we cite.
const SECTIONS: &str = include_str!("rfc_sections.txt");

pub fn lead_somewhere(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in &project.pages {
        for (line, text, target) in links(page) {
            let why = broken(project, page, &target).or_else(|| misnamed(&text, &target));
            wrong.extend(why.map(|why| page.file.complaint(line, why)));
        }
        for (line, text) in &page.prose {
            // The marks of the deck and the ids of its rows are checked with the deck.
            let others = text.replace(deck::MARK, "").replace(deck::ID, "");
            let of_html = ["<a ", "<img "].iter().any(|tag| others.contains(tag));
            if of_html || (text.starts_with('[') && text.contains("]: ")) {
                let message = "a link is `[text](target)`, where it can be checked";
                wrong.push(page.file.complaint(*line, message));
            }
        }
        wrong.extend(figures(project, page));
    }
    wrong
}

/// A link, `[text](target)`: its line, text and target.
type Link = (usize, String, String);

/// The links outside of code. Code between backticks, and a link's text, may go over several lines.
fn links(page: &Page) -> Vec<Link> {
    let mut found = Vec::new();
    let mut code = false;
    let mut before = String::new();
    for (line, text) in &page.prose {
        if text.trim().is_empty() {
            (code, before) = (false, String::new());
        }
        let mut plain = String::new();
        for (at, part) in text.split('`').enumerate() {
            code ^= at > 0;
            // In the text of a link code counts, but nothing in it looks like a link.
            plain += &if code {
                part.replace("](", "")
            } else {
                part.to_string()
            };
        }
        for (start, _) in plain.match_indices("](") {
            let text = before.clone() + &plain[..start];
            let text = text.rsplit('[').next().unwrap_or_default().to_string();
            let target = plain[start + 2..].split(')').next().unwrap_or_default();
            found.push((*line, text, target.to_string()));
        }
        before += &(plain + " ");
    }
    found
}

/// A text such as `Chapter 4`, or a file's name, is that of the target.
fn misnamed(text: &str, target: &str) -> Option<String> {
    let number = text.rsplit(' ').next().and_then(|word| word.parse().ok());
    let chapter = target.strip_prefix("ch").and_then(|rest| rest.get(..2));
    let chapter: Option<usize> = chapter.and_then(|number| number.parse().ok());
    let other = chapter.is_some() && number.is_some() && number != chapter;
    let file = target.starts_with("../") && text.contains('/') && !target.ends_with(text);
    (other || file).then(|| format!("`{text}` leads to {target}"))
}

fn broken(project: &Project, page: &Page, target: &str) -> Option<String> {
    if let Some(section) = target.strip_prefix("https://www.rfc-editor.org/rfc/rfc") {
        let (rfc, section) = section.split_once("#section-").unwrap_or((section, ""));
        let mut lines = SECTIONS.lines().filter_map(|line| line.split_once(':'));
        let known = lines.any(|(number, sections)| {
            let mut sections = sections.split_whitespace();
            number == rfc && (section.is_empty() || sections.any(|known| known == section))
        });
        return (!known).then(|| format!("{target} is no section on our list"));
    }
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    let name = match path {
        "" => page.shown_in().to_string(),
        path => match resolve(page.shown_in(), path) {
            Some(name) => name,
            None => return Some(format!("{target} leads out of the project")),
        },
    };
    if !project.root.join(&name).exists() {
        return Some(format!("{target} leads to {name}, which does not exist"));
    }
    let heading = heading?;
    // The page of answers has the headings of all.
    let shown = project.pages.iter().filter(|page| page.shown_in() == name);
    let mut ids = shown.flat_map(ids);
    (!ids.any(|(_, id)| id == heading)).then(|| format!("{name} has no heading #{heading}"))
}

/// The ids that mdBook gives to the headings of a page, and to the terms of its definition lists:
/// small letters, hyphens for spaces, and all else left out; a second one of the same gets `-1`.
pub fn ids(page: &Page) -> Vec<(usize, String)> {
    let mut ids = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let below = page.prose.iter().skip(1).map(|(_, text)| text.as_str());
    for ((line, text), below) in page.prose.iter().zip(below.chain([""])) {
        let title = text.trim_start_matches('#');
        let is_heading = text.starts_with('#') && title.starts_with(' ');
        let is_term = below.starts_with(": ");
        if !is_heading && !is_term {
            continue;
        }
        let kept = title.trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        });
        let id = kept.collect::<String>().to_lowercase();
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        let id = match *count {
            1 => id,
            count => format!("{id}-{}", count - 1),
        };
        ids.push((*line, id));
    }
    ids
}

/// An included figure exists, and is drawn so that it follows the theme and prints.
fn figures(project: &Project, page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, text) in &page.prose {
        let Some(figure) = include(&page.file.name, *line, text) else {
            continue;
        };
        if figure.path.starts_with(ANSWERS) {
            continue;
        }
        let Some(file) = TextFile::read(&project.root, &figure.path) else {
            let message = format!("there is no figure {}", figure.path);
            wrong.push(page.file.complaint(*line, message));
            continue;
        };
        let stem = figure.path.rsplit('/').next().unwrap_or_default();
        wrong.extend(ill_drawn(&file, stem.trim_end_matches(".svg")));
    }
    wrong
}

fn ill_drawn(file: &TextFile, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in file.numbered() {
        if line.trim().is_empty() {
            wrong.push(file.complaint(number, "an empty line ends the figure in Markdown"));
        }
        if line.starts_with("<?") {
            wrong.push(file.complaint(number, "a figure in a page begins with <svg>"));
        }
        let ids = line.split(" id=\"").skip(1);
        for id in ids.map(|rest| rest.split('"').next().unwrap_or_default()) {
            if !id.starts_with(&format!("{name}-")) {
                let message = format!("id `{id}` must begin with `{name}-`, to be the only one");
                wrong.push(file.complaint(number, message));
            }
        }
    }
    let text = file.lines.join("\n");
    let head = text.split('>').next().unwrap_or_default();
    for (within, needed) in [(head, "viewBox="), (&text, "<title")] {
        if !within.contains(needed) {
            wrong.push(file.complaint(1, format!("the figure has no `{needed}`")));
        }
    }
    wrong
}

/// Every RFC and section that a page, a dialogue, a terminal session or the code cites.
pub fn cited_sections_exist(project: &Project) -> Vec<String> {
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in SECTIONS.lines().filter(|line| !line.starts_with('#')) {
        if let Some((rfc, sections)) = line.split_once(':') {
            let known = known.entry(rfc).or_default();
            known.extend(sections.split_whitespace());
        }
    }
    let mut wrong = Vec::new();
    let places = [
        ("book/src", "md"),
        ("book/dialogues", "txt"),
        ("book/terminal", "txt"),
        ("src", "rs"),
        ("src", "txt"),
        ("examples", "rs"),
    ];
    for (folder, extension) in places {
        for name in files(&project.root, folder, extension) {
            let Some(file) = TextFile::read(&project.root, &name) else {
                continue;
            };
            let citations = citations(&file);
            for (line, text) in file.numbered().filter(|_| folder.starts_with("book/")) {
                let cited = citations.iter().flat_map(|(_, _, sections)| sections);
                let is_cited = |found: &String| cited.clone().any(|cited| cited == found);
                for lone in text.split('§').skip(1).map(section) {
                    if !is_cited(&lone) {
                        let message = format!("write `RFC 5321 §4.5.2`; of which RFC is §{lone}?");
                        wrong.push(file.complaint(line, message));
                    }
                }
            }
            for (line, rfc, sections) in citations {
                let Some(known) = known.get(rfc.as_str()) else {
                    // A student's own code may cite what we do not know.
                    if folder == "src" {
                        continue;
                    }
                    let message =
                        format!("RFC {rfc} is not on our list, tests/book/rfc_sections.txt");
                    wrong.push(file.complaint(line, message));
                    continue;
                };
                for section in sections {
                    if !known.contains(&section.as_str()) {
                        let message = format!("RFC {rfc} has no section {section}");
                        wrong.push(file.complaint(line, message));
                    }
                }
            }
        }
    }
    wrong
}

/// Citations such as `RFC 5321 §4.2.5, §6.1`, also where a line breaks inside one.
fn citations(file: &TextFile) -> Vec<(usize, String, Vec<String>)> {
    // One text, of words, each with the number of its line; the marks of comments fall away.
    let mut words = Vec::new();
    for (number, line) in file.numbered() {
        let marks = |word: &&str| !matches!(*word, "//" | "///" | "//!" | "#" | "and" | "to");
        words.extend(
            line.split_whitespace()
                .filter(marks)
                .map(|word| (number, word)),
        );
    }
    let mut found = Vec::new();
    for (at, (number, word)) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", |(_, next)| *next);
        let digits: String = next.chars().take_while(char::is_ascii_digit).collect();
        if !word.ends_with("RFC") || digits.is_empty() {
            continue;
        }
        let rest = words.get(at + 2..).unwrap_or_default().iter();
        let mut sections = Vec::new();
        if next == digits {
            for (_, word) in rest {
                let Some(section) = word.strip_prefix('§') else {
                    break;
                };
                sections.push(self::section(section));
            }
        }
        found.push((*number, digits, sections));
    }
    found
}

/// The number that a text behind § begins with.
fn section(text: &str) -> String {
    let of_section = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let end = text.find(|c| !of_section(c)).unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_string()
}

/// The example and the tests that belong to a chapter. (Chapter 1 has no module.)
pub fn companions(page: &Page) -> Vec<String> {
    let Some(chapter) = page.chapter.filter(|chapter| *chapter > 1) else {
        return Vec::new();
    };
    let file = |folder| format!("{folder}/ch{chapter:02}_{}.rs", page.topic);
    vec![file("examples"), file("tests")]
}

/// Chapter, module, example and tests have the same number and the same name; and the summary lists
/// the pages in their order, so that the numbers that mdBook counts are theirs.
pub fn belong_together(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in &project.pages {
        for name in companions(page) {
            if !project.has(&name) {
                wrong.push(page.file.complaint(1, format!("there is no {name}")));
            }
        }
        let Some(chapter) = page.chapter else {
            continue;
        };
        let title = page.file.lines.first().map_or("", String::as_str);
        if !title.starts_with(&format!("# {chapter}. ")) {
            wrong.push(
                page.file
                    .complaint(1, format!("the title begins with `# {chapter}. `")),
            );
        }
        let named = |module: &str| module.rsplit("::").next() == Some(page.topic.as_str());
        let mut sources = project.sources.iter();
        if chapter > 1
            && !sources.any(|source| source.heading == Some(chapter) && named(&source.module))
        {
            let message = format!("there is no module `{}` of chapter {chapter}", page.topic);
            wrong.push(page.file.complaint(1, message));
        }
    }
    for source in &project.sources {
        if let Some(chapter) = source
            .heading
            .filter(|chapter| project.page(*chapter).is_none())
        {
            wrong.push(
                source
                    .file
                    .complaint(1, format!("there is no page of chapter {chapter}")),
            );
        }
    }
    wrong.extend(summary(project));
    wrong
}

fn summary(project: &Project) -> Vec<String> {
    let pages = project.pages.iter();
    let Some(summary) = pages
        .clone()
        .find(|page| page.file.name.ends_with("/SUMMARY.md"))
    else {
        return vec!["book/src/SUMMARY.md:1: there is no summary".to_string()];
    };
    let listed = links(summary);
    let mut wrong = Vec::new();
    let mut last = 0;
    for (line, text, target) in &listed {
        let name = format!("book/src/{target}");
        let page = pages.clone().find(|page| page.file.name == name);
        if let Some(chapter) = page.and_then(|page| page.chapter) {
            if chapter != last + 1 {
                let message = format!("chapter {chapter} comes after chapter {last}");
                wrong.push(summary.file.complaint(*line, message));
            }
            last = chapter;
        }
        // The star marks the short path.
        let text = text.trim_end_matches(short_path::STAR);
        let title = page.and_then(|page| page.file.lines.first());
        // The title above the introduction is that of the book.
        let is_first = target == "introduction.md";
        let title = title.filter(|title| title.starts_with("# ") && !is_first);
        if title
            .is_some_and(|title| title.trim_start_matches(|c| " #.0123456789".contains(c)) != text)
        {
            let message = format!("`{text}` is not the title of {target}");
            wrong.push(summary.file.complaint(*line, message));
        }
    }
    for page in pages.clone() {
        if page.file.name.starts_with(ANSWERS) {
            continue; // The page of all answers includes it.
        }
        let is_listed = listed
            .iter()
            .any(|(_, _, target)| page.file.name.ends_with(&format!("/{target}")));
        if !is_listed && !page.file.name.ends_with("/SUMMARY.md") {
            wrong.push(page.file.complaint(1, "this page is not in the summary"));
        }
    }
    wrong
}
