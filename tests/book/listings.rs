//! Rules 1 and 2. Every listing is a piece of a real file, and every line of `src/` is shown, once,
//! in its own chapter and in its place.

use crate::project::{
    Block, Include, Page, Project, RUST, Source, TextFile, anchors, include, unmarked,
};
use std::collections::BTreeMap;

/// Rule 1: what the book shows is the code.
pub fn text_is_code(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in &project.sources {
        wrong.extend(source.broken.iter().cloned());
    }
    for page in &project.pages {
        wrong.extend(page.broken.iter().cloned());
        wrong.extend(
            page.blocks
                .iter()
                .flat_map(|block| one_include(page, block)),
        );
        wrong.extend(page.prose.iter().filter_map(|(line, text)| {
            let why = listing_in_prose(page, *line, text)?;
            Some(page.file.complaint(*line, why))
        }));
        for listing in page.includes(&[RUST, "toml"]) {
            wrong.extend(resolves(project, page, &listing));
        }
        wrong.extend(settings(project, page));
        wrong.extend(names_its_file(page));
    }
    wrong.extend(used_once_and_in_order(project));
    wrong
}

/// A block has a language, and holds one include: what is written here could be wrong.
fn one_include(page: &Page, block: &Block) -> Vec<String> {
    let complain = |line, message: &str| vec![page.file.complaint(line, message)];
    match block.language.as_str() {
        "" => complain(block.line, "this block names no language"),
        RUST | "toml" | "smtp" | "pop3" | "console" | "text" => match block.inside.as_slice() {
            [(line, text)] if include(&page.file.name, *line, text).is_some() => Vec::new(),
            [] => complain(block.line, "this block is empty"),
            _ => complain(
                block.line,
                "a listing is one {{#include file:anchor}}, alone",
            ),
        },
        other => {
            let message = format!(
                "`{other}` is none of the languages of a block: {RUST} toml smtp pop3 console text"
            );
            complain(block.line, &message)
        }
    }
}

/// What Markdown would show as a listing though it is in no block, and includes that are figures.
fn listing_in_prose(page: &Page, line: usize, text: &str) -> Option<&'static str> {
    let before = page.file.lines.get(..line - 1).unwrap_or_default();
    let after_blank = before.last().is_none_or(|before| before.trim().is_empty());
    let mut paragraphs = before.iter().rev().filter(|line| !line.trim().is_empty());
    let in_list = paragraphs
        .find(|line| !line.starts_with(' '))
        .is_some_and(|line| {
            line.starts_with(['-', '*', ':']) || line.starts_with(|c: char| c.is_ascii_digit())
        });
    let bare = unmarked(text);
    if bare.starts_with("~~~") || bare.starts_with("```") {
        return Some("a block begins with three backticks, and nothing before them");
    }
    if text.contains("<pre") || text.contains("<code") {
        return Some("a listing stands in a block, not in <pre> or <code>");
    }
    if (text.starts_with("    ") || text.starts_with('\t')) && after_blank && !in_list {
        return Some("a listing stands in a block; these four spaces make one of no language");
    }
    if text.replace(' ', "").contains("{{#") {
        let figure = include(&page.file.name, line, text)
            .filter(|figure| figure.path.starts_with("book/figures/") && figure.anchor.is_none());
        if figure.is_none() || before.last().is_none_or(|line| line.trim() != "<figure>") {
            return Some(
                "outside of a block only a figure is included, on the line after <figure>",
            );
        }
    }
    None
}

/// A listing leads to an anchor that exists.
fn resolves(project: &Project, page: &Page, listing: &Include) -> Option<String> {
    let complain = |message: String| Some(page.file.complaint(listing.line, message));
    let Include { path, anchor, .. } = listing;
    let Some(file) = TextFile::read(&project.root, path) else {
        return complain(format!("there is no file {path}"));
    };
    let Some(anchor) = anchor else {
        if path == "Cargo.toml" {
            return None;
        }
        return complain(format!("{path} is included without an anchor"));
    };
    if !path.ends_with(".rs") {
        return complain(format!("{path} is no Rust file"));
    }
    let (anchors, _) = anchors(&file, "//");
    match anchors.iter().filter(|found| found.name == *anchor).count() {
        1 => None,
        count => complain(format!("{path} has {count} anchors `{anchor}`")),
    }
}

/// A text is a file of src, or one of book/settings: those are the settings of other programs, which a
/// run of them has written.
fn settings(project: &Project, page: &Page) -> Vec<String> {
    let includes = page.includes(&["text"]).into_iter();
    let strangers = includes.filter(|shown| {
        let is_settings = shown.path.starts_with("book/settings/") && project.has(&shown.path);
        let is_source = project.source(&shown.path).is_some_and(Source::is_text);
        shown.anchor.is_some() || !(is_settings || is_source)
    });
    let message = "a block of text is a whole file of book/settings, or a .txt of src";
    strangers
        .map(|shown| page.file.complaint(shown.line, message))
        .collect()
}

/// Whoever types the code in must know into which file: `*File: `src/...`*` says it.
fn names_its_file(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for piece in page.pieces() {
        let before = page
            .prose
            .iter()
            .rev()
            .filter(|(line, _)| *line < piece.line);
        let named =
            before.filter_map(|(_, text)| text.trim().strip_prefix("*File: `")?.strip_suffix("`*"));
        let named: Vec<&str> = named.take(1).collect();
        if named != [piece.path.as_str()] {
            let message = format!("say first where this goes: *File: `{}`*", piece.path);
            wrong.push(page.file.complaint(piece.line, message));
        }
    }
    wrong
}

/// Each anchor of `src/` is shown once, and the pieces of a file in the order of the file: so they
/// can be typed in one after another.
fn used_once_and_in_order(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut shown: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for page in &project.pages {
        for piece in page.pieces() {
            let Some((source, anchor)) = find(project, &piece) else {
                continue;
            };
            let place = format!("{}:{}", page.file.name, piece.line);
            let key = (piece.path.clone(), anchor.name.clone());
            if let Some(before) = shown.insert(key, place) {
                let message = format!("this piece was shown before, at {before}");
                wrong.push(page.file.complaint(piece.line, message));
            }
            let reached = reached.entry(piece.path.clone()).or_default();
            if anchor.line < *reached {
                let message = format!("in {} this piece stands before the last one", piece.path);
                wrong.push(page.file.complaint(piece.line, message));
            }
            *reached = anchor.line.max(*reached);
            for (number, text) in &anchor.lines {
                let chapter = project.chapter_of(source, text);
                if page.chapter != Some(chapter) && !text.trim().is_empty() {
                    let message = format!("{}:{number} belongs to chapter {chapter}", piece.path);
                    wrong.push(page.file.complaint(piece.line, message));
                    break;
                }
            }
        }
    }
    for source in &project.sources {
        for anchor in &source.anchors {
            let first = anchor.lines.first().map_or("", |(_, text)| text.as_str());
            let key = (source.file.name.clone(), anchor.name.clone());
            let later = project.unwritten(project.chapter_of(source, first));
            if !shown.contains_key(&key) && !later {
                let message = match source.is_text() {
                    true => "this text is shown nowhere".to_string(),
                    false => format!("anchor `{}` is shown nowhere", anchor.name),
                };
                wrong.push(source.file.complaint(anchor.line, message));
            }
        }
    }
    wrong
}

/// The anchor that a listing shows.
pub fn find<'p>(
    project: &'p Project,
    piece: &Include,
) -> Option<(&'p Source, &'p crate::project::Anchor)> {
    let source = project.source(&piece.path)?;
    let mut anchors = source.anchors.iter();
    let name = piece.anchor.as_deref().unwrap_or_default();
    let anchor = anchors.find(|anchor| anchor.name == name)?;
    Some((source, anchor))
}

/// Rule 2: the code is what the book shows. No line of a written chapter stands outside of all
/// anchors (and rule 1 says that each anchor is shown).
pub fn code_is_text(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in &project.sources {
        let mut silent = false;
        for (number, text) in source.file.numbered() {
            if text.trim().is_empty() || crate::project::is_anchor_line(text) {
                continue;
            }
            let chapter = project.chapter_of(source, text);
            let hidden = source.anchor_at(number).is_none() && !project.unwritten(chapter);
            // One complaint for lines that follow each other is enough.
            if hidden && !silent {
                let message =
                    format!("this line is in no anchor, so chapter {chapter} cannot show it");
                wrong.push(source.file.complaint(number, message));
            }
            silent = hidden;
        }
    }
    wrong
}
