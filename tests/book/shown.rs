//! What a cell of an appendix's table points to: code, and what shows it running, which is a test,
//! or a conversation or terminal session that a test plays. (That the links lead somewhere is for
//! `links`.)

use crate::project::{Project, TextFile, resolve};

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
        if file.starts_with("tests/") && !project.owes(&file) && !has_test(project, &file, &test) {
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

/// Is there an item of this name? `Session::rcpt` is the function `rcpt` of a `Session`.
fn defines(project: &Project, file: &str, item: &str) -> bool {
    let words = [
        "fn", "struct", "enum", "trait", "const", "mod", "type", "impl",
    ];
    let Some(file) = TextFile::read(&project.root, file) else {
        return false;
    };
    let mut names = item.split("::");
    let defined = |name| {
        file.lines.iter().any(|line| {
            words.iter().any(|word| {
                let rest = line
                    .split_once(&format!("{word} {name}"))
                    .map(|(_, rest)| rest);
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            })
        })
    };
    names.all(defined)
}

/// A test has `#[test]` among the attributes right above it.
fn has_test(project: &Project, file: &str, name: &str) -> bool {
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
