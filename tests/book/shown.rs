//! What a cell of an appendix's table points to: code, and what shows it running, which is a test,
//! or a conversation or terminal session that a test plays. (That the links lead somewhere is for
//! `links`.)

use crate::player::link_to_line;
use crate::project::{Project, TextFile, resolve};
use std::fs;

/// What a cell names as code, and is not there.
pub fn missing_code(project: &Project, page: &str, cell: &str) -> Vec<String> {
    let named = named(page, cell);
    let missing = named
        .iter()
        .filter(|(file, item)| !defines(project, file, item));
    missing
        .map(|(file, item)| format!("{file} has no `{item}`"))
        .collect()
}

/// What a cell names as a proof, and is none. `of` is what it should prove.
pub fn missing_proof(project: &Project, page: &str, cell: &str, of: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for part in cell.split("](").skip(1) {
        let plays = ["../../book/dialogues/", "../../book/terminal/"];
        let is_test = part.starts_with("../../tests/") && part.contains(") `");
        if !is_test && !plays.iter().any(|folder| part.starts_with(folder)) {
            missing.push(format!("a proof of {of} is no test, and nothing played"));
        }
    }
    for (file, test) in named(page, cell) {
        if file.starts_with("tests/") && !has_test(project, &file, &test) {
            missing.push(format!("{file} has no test `{test}`"));
        }
    }
    missing
}

/// `[`file`](path) `item`, `item`` is the file with each item.
pub fn named(page: &str, cell: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in cell.split("[`").skip(1) {
        let Some((_, rest)) = part.split_once("](") else {
            continue;
        };
        let Some((target, rest)) = rest.split_once(')') else {
            continue;
        };
        let file = resolve(page, target).unwrap_or_default();
        let items = rest.split('`').skip(1).step_by(2);
        found.extend(items.map(|item| (file.clone(), item.to_string())));
    }
    found
}

/// Where the book tells of the code in a cell: `[9](ch09-session.md#data-and-rset)`, one for each
/// chapter.
pub fn told(project: &Project, page: &str, cell: &str) -> String {
    let mut links: Vec<(usize, String)> = Vec::new();
    for (file, item) in named(page, cell) {
        let name = item.rsplit("::").next().unwrap_or(&item);
        let Some(source) = project.source(&file) else {
            continue;
        };
        let mut lines = source.file.numbered();
        let line = lines.find(|(_, text)| declares(text, name));
        let chapter = source.chapter;
        if let Some(link) = line.and_then(|(line, _)| link_to_line(project, source, line))
            && !links.iter().any(|(known, _)| *known == chapter)
        {
            links.push((chapter, link.replace(".html#", ".md#")));
        }
    }
    let links = links.iter();
    let links: Vec<String> = links
        .map(|(chapter, link)| format!("[{chapter}]({link})"))
        .collect();
    links.join(", ")
}

/// With WRITE=1, puts these links into the cell `told` of each row, which is after `code`.
pub fn write_told(project: &Project, page: &str, code: usize) {
    let is_ours = project.root == std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(file) = TextFile::read(&project.root, page) else {
        return;
    };
    if !is_ours || std::env::var_os("WRITE").is_none() {
        return;
    }
    let mut text = String::new();
    for line in &file.lines {
        let cells = line.split(" | ").map(str::to_string);
        let mut cells: Vec<String> = cells.collect();
        let link = cells.get(code).map(|cell| told(project, page, cell));
        let is_row = line.contains("](../../src/");
        if let (true, Some(link), Some(cell)) = (is_row, link, cells.get_mut(code + 1)) {
            *cell = link;
        }
        text += &(cells.join(" | ") + "\n");
    }
    fs::write(project.root.join(page), text).expect("it can be written");
}

/// Is there an item of this name? `Session::rcpt` is the function `rcpt` of a `Session`.
fn defines(project: &Project, file: &str, item: &str) -> bool {
    let Some(file) = TextFile::read(&project.root, file) else {
        return false;
    };
    let mut names = item.split("::");
    names.all(|name| file.lines.iter().any(|line| declares(line, name)))
}

/// Does this line declare an item of this name?
fn declares(line: &str, name: &str) -> bool {
    let words = [
        "fn", "struct", "enum", "trait", "const", "mod", "type", "impl",
    ];
    words.iter().any(|word| {
        let declared = line.split_once(&format!("{word} {name}"));
        let is_end = |c: char| !c.is_alphanumeric() && c != '_';
        declared.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(is_end))
    })
}

/// A test has `#[test]` among the attributes right above it.
pub fn has_test(project: &Project, file: &str, name: &str) -> bool {
    let Some(file) = TextFile::read(&project.root, file) else {
        return false;
    };
    let declaration = format!("fn {name}(");
    let mut attributes = Vec::new();
    for line in file.lines.iter().map(|line| line.trim()) {
        if line.starts_with("#[") {
            attributes.push(line);
        } else if line.starts_with(&declaration) {
            return attributes.iter().any(|line| line.starts_with("#[test]"));
        } else {
            attributes.clear();
        }
    }
    false
}
