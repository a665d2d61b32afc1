//! Rules 1 and 2. Every listing is a piece of a real file, and every line of `src/` is shown, once,
//! in its own chapter and in its place.

use crate::project::{
    ANSWERS, Block, Include, Page, Project, RUST, Source, TextFile, anchors, files, include,
    unmarked,
};
use crate::robot::{Typed, place};
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
        RUST | "toml" | "smtp" | "pop3" | "console" | "text" | "diff" => {
            match block.inside.as_slice() {
                [(line, text)] if include(&page.file.name, *line, text).is_some() => Vec::new(),
                [] => complain(block.line, "this block is empty"),
                _ => complain(
                    block.line,
                    "a listing is one {{#include file:anchor}}, alone",
                ),
            }
        }
        other => {
            let message = format!(
                "`{other}` is none of the languages of a block: {RUST} toml smtp pop3 console text diff"
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
    let is_summary = text.contains("<summary>");
    if text.contains("<pre") || (text.contains("<code") && !is_summary) {
        return Some("a listing stands in a block, not in <pre> or <code>");
    }
    if (text.starts_with("    ") || text.starts_with('\t')) && after_blank && !in_list {
        return Some("a listing stands in a block; these four spaces make one of no language");
    }
    if text.replace(' ', "").contains("{{#") {
        let included = include(&page.file.name, line, text).filter(|of| of.anchor.is_none());
        let path = included.map_or(String::new(), |included| included.path);
        let in_figure = before.last().is_some_and(|line| begins_figure(page, line));
        let is_figure = path.starts_with("book/figures/") && in_figure;
        let is_answer = path.starts_with(ANSWERS) && page.name() == "answers.md";
        if !is_figure && !is_answer {
            return Some(
                "outside of a block only a figure is included, on the line after <figure>",
            );
        }
    }
    None
}

/// `<figure>`; where we are on the journey, `<figure class="here at-2">` in chapter 2.
fn begins_figure(page: &Page, line: &str) -> bool {
    let number = page.chapter.unwrap_or_default();
    let here = format!("<figure class=\"here at-{number}\">");
    line.trim() == "<figure>" || line.trim() == here
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
    let found: Vec<_> = anchors
        .iter()
        .filter(|found| found.name == *anchor)
        .collect();
    match found.as_slice() {
        [found] => {
            // As in the examples of rustdoc.
            let hides = |text: &str| text.starts_with("# ") || text == "#";
            let mut lines = found.lines.iter();
            let (number, _) = lines.find(|(_, text)| hides(text.trim_start()))?;
            let message = "mdBook hides this line, because it begins with `#` and a space";
            Some(file.complaint(*number, message))
        }
        found => complain(format!("{path} has {} anchors `{anchor}`", found.len())),
    }
}

/// A text is a file of src, an outline, or one of book/settings: those are the settings of other
/// programs, which a run of them has written. A diff is a patch among the answers.
fn settings(project: &Project, page: &Page) -> Vec<String> {
    // The tables of book/crashes are written and compared by tests/crash_points.rs.
    let is_text = |path: &str| {
        let in_folder = ["book/settings/", "book/outlines/", "book/crashes/"]
            .iter()
            .any(|folder| path.starts_with(folder));
        (in_folder && project.has(path)) || project.source(path).is_some_and(Source::is_text)
    };
    let is_patch = |path: &str| {
        path.starts_with("book/answers/") && path.ends_with(".patch") && project.has(path)
    };
    let mut wrong = Vec::new();
    for shown in page.includes(&["text"]) {
        if shown.anchor.is_some() || !is_text(&shown.path) {
            let message = "a block of text is a whole file of book/settings or book/outlines, or \
                           a .txt of src";
            wrong.push(page.file.complaint(shown.line, message));
        }
    }
    for shown in page.includes(&["diff"]) {
        if shown.anchor.is_some() || !is_patch(&shown.path) {
            let message = "a block of diff is a whole .patch of book/answers";
            wrong.push(page.file.complaint(shown.line, message));
        }
    }
    wrong
}

/// Whoever types the code in must know into which file: a caption right above each listing says it.
/// (In a first edition it is enough that the file was named before.)
fn names_its_file(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut pieces = page.includes(&[RUST, "toml"]);
    pieces.extend(page.pieces());
    pieces.sort_by_key(|piece| piece.line);
    pieces.dedup();
    for piece in pieces {
        match page.caption(piece.line) {
            Some(caption) if caption.path == piece.path => {
                if caption.above.is_some() && !piece.path.starts_with("src/") {
                    let message = "only what is typed into src/ goes above something";
                    wrong.push(page.file.complaint(piece.line, message));
                }
            }
            _ => {
                let message = format!(
                    "say right above the block where this goes: *File: `{}`*",
                    piece.path
                );
                wrong.push(page.file.complaint(piece.line, message));
            }
        }
    }
    wrong
}

/// Each anchor of `src/` is shown once, and each piece goes to its place in the file: below all that
/// was typed before, or above the piece that its caption names.
fn used_once_and_in_order(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut shown: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut typed = Typed::new();
    for page in &project.pages {
        for piece in page.pieces() {
            let Some((source, anchor)) = find(project, &piece) else {
                continue;
            };
            let here = format!("{}:{}", page.file.name, piece.line);
            let key = (piece.path.clone(), anchor.name.clone());
            if let Some(before) = shown.insert(key, here) {
                let message = format!("this piece was shown before, at {before}");
                wrong.push(page.file.complaint(piece.line, message));
            }
            if let Err(why) = place(&mut typed, page, &piece, anchor) {
                wrong.push(page.file.complaint(piece.line, why));
            }
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
    wrong.extend(of_others(project));
    for source in &project.sources {
        for anchor in &source.anchors {
            let key = (source.file.name.clone(), anchor.name.clone());
            if !shown.contains_key(&key) {
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

/// What is shown of examples and tests is shown once, and in its own chapter.
fn of_others(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut shown: BTreeMap<(String, String), String> = BTreeMap::new();
    for page in &project.pages {
        let mut listings = page.includes(&[RUST]);
        listings.retain(|listing| !listing.path.starts_with("src/"));
        for Include { line, path, anchor } in listings {
            let place = format!("{}:{line}", page.file.name);
            let own = chapter_of_name(&path);
            if let Some(chapter) = own.filter(|chapter| page.chapter.is_some_and(|c| c != *chapter))
            {
                let message = format!("{path} belongs to chapter {chapter}");
                wrong.push(page.file.complaint(line, message));
            }
            if let Some(before) = shown.insert((path, anchor.unwrap_or_default()), place) {
                let message = format!("this piece was shown before, at {before}");
                wrong.push(page.file.complaint(line, message));
            }
        }
    }
    for folder in ["examples", "tests"] {
        for name in files(&project.root, folder, "rs") {
            // The checks speak of anchors, and have none.
            let is_check = name.starts_with("tests/book/");
            let file = TextFile::read(&project.root, &name).filter(|_| !is_check);
            let Some(file) = file else { continue };
            let (anchors, broken) = anchors(&file, "//");
            wrong.extend(broken);
            for anchor in anchors {
                if !shown.contains_key(&(name.clone(), anchor.name.clone())) {
                    let message = format!("anchor `{}` is shown nowhere", anchor.name);
                    wrong.push(file.complaint(anchor.line, message));
                }
            }
        }
    }
    wrong
}

/// 2 for `examples/ch02_line.rs`.
fn chapter_of_name(name: &str) -> Option<usize> {
    let (_, stem) = name.rsplit_once('/')?;
    let (number, _) = stem.strip_prefix("ch")?.split_once('_')?;
    number.parse().ok()
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

/// Rule 2: the code is what the book shows. No line stands outside of all
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
            let hidden = source.anchor_at(number).is_none();
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
