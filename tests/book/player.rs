//! The recordings that a page can step through: what was said, octet for octet; the server's state
//! after it; and the function that answered. They are made by the real server code, and kept in
//! `book/player.js`, which is a script, because a page that was opened from a file may not fetch.
//!
//! Where a function is shown in the book can change with every edit. So that is a file of its own,
//! `book/places.js`. `WRITE=1 cargo test --test book player` writes both.

mod places;
pub mod pop3;
mod recording;
mod smtp;
mod stream;

use crate::links;
use crate::project::{Page, Project, Source, TextFile, files, include};
use crate::stage::Stage;
use places::Places;
use recording::Line;
use smtp_primer::site::Site;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What a script of recordings begins with.
const HEAD: &str =
    "// Written by `WRITE=1 cargo test --test book player`, and compared by it without WRITE.\n";

#[test]
fn the_player_plays_what_happens() {
    crate::compare(is_recorded);
}

fn is_recorded(project: &Project) -> Vec<String> {
    let recordings = recordings(project);
    let used = recordings.values().flatten();
    let used: BTreeSet<&str> = used.filter_map(|line| line.place.as_deref()).collect();
    let mut wrong = Vec::new();
    wrong.extend(differs(project, "book/player.js", &script(&recordings)));
    let places = shown_at(project, &used);
    wrong.extend(differs(project, "book/places.js", &places));
    wrong
}

/// Each conversation with our servers, by its name.
fn recordings(project: &Project) -> BTreeMap<String, Vec<Line>> {
    let [smtp, pop3] = [places::SMTP, places::POP3].map(|files| Places::of(project, files));
    let mut recordings = BTreeMap::new();
    for name in files(&project.root, "book/dialogues", "txt") {
        let Some(file) = TextFile::read(&project.root, &name) else {
            continue;
        };
        let name = name
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .replace(".txt", "");
        let first = file.lines.first().map_or("", String::as_str);
        let against = first.strip_prefix("# against: smtp-primer ");
        let stage = Stage::new(&file);
        let site = || Site::open(&stage.site("")).expect("a site");
        let lines = match against.unwrap_or(name.get(..2).unwrap_or_default()) {
            "serve" | "09" => {
                let site = site();
                recording::record(&file, &|said| smtp::hear(&site, said), &smtp)
            }
            "17" => {
                let site = site();
                recording::record(&file, &|said| pop3::hear(&site, said), &pop3)
            }
            _ => continue,
        };
        recordings.insert(name, lines);
    }
    recordings
}

fn script(recordings: &BTreeMap<String, Vec<Line>>) -> String {
    let mut text = format!("{HEAD}window.RECORDINGS = {{\n");
    for (name, lines) in recordings {
        text += &format!("{}: [\n", quoted(name));
        let before = [None].into_iter().chain(lines.iter().map(Some));
        for (line, before) in lines.iter().zip(before) {
            text += &format!("{},\n", line.as_js(before));
        }
        text += "],\n";
    }
    text + "};\n"
}

/// The page and the heading where each function is shown, if its chapter is written.
fn shown_at(project: &Project, functions: &BTreeSet<&str>) -> String {
    let mut text = format!("{HEAD}window.PLACES = {{\n");
    for place in functions {
        let Some((file, name)) = place.split_once(' ') else {
            continue;
        };
        let source = project.source(file).expect("a place is in a file");
        if let Some(link) = link_to(project, source, name) {
            text += &format!("{}: {},\n", quoted(place), quoted(&link));
        }
    }
    text + "};\n"
}

fn link_to(project: &Project, source: &Source, name: &str) -> Option<String> {
    link_to_line(project, source, places::line_of(&source.file, name)?)
}

/// The page and heading where this line of the code is shown.
pub fn link_to_line(project: &Project, source: &Source, line: usize) -> Option<String> {
    let anchor = source.anchor_at(line)?;
    let page = project.page(source.chapter)?;
    let block = page.blocks.iter().find(|block| {
        block.inside.iter().any(|(line, text)| {
            let include = include(&page.file.name, *line, text);
            include.is_some_and(|it| {
                it.path == source.file.name && it.anchor.as_deref() == Some(&anchor.name)
            })
        })
    })?;
    let heading = heading_above(page, block.line)?;
    Some(format!("{}#{heading}", page.name().replace(".md", ".html")))
}

/// The id of the last heading above a line.
fn heading_above(page: &Page, line: usize) -> Option<String> {
    let mut ids = links::ids(page).into_iter();
    ids.rfind(|(at, _)| *at < line).map(|(_, id)| id)
}

/// Compares a script with what it has to be, or writes it.
fn differs(project: &Project, name: &str, due: &str) -> Option<String> {
    let path = project.root.join(name);
    if std::env::var_os("WRITE").is_some() {
        fs::write(&path, due).expect("it can be written");
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    let at = due
        .lines()
        .zip(is.lines())
        .take_while(|(due, is)| due == is)
        .count();
    let stale = "this is not what happens now; WRITE=1 cargo test --test book player";
    (is != due).then(|| format!("{name}:{}: {stale}", at + 1))
}

/// A string of JavaScript.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if (c as u32) < 0x1_0000 => quoted += &format!("\\u{:04x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
