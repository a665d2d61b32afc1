//! The code with holes: in the module of one chapter, the body of each function becomes
//! `todo!("chapter 9")`. Types, constants, signatures and comments stay. A student fills the holes.
//!
//! rustfmt makes it easy: a body ends at the `}` below the beginning of its `fn`.

use crate::project::{Project, is_anchor_line};
use std::fs;
use std::path::Path;

/// It stands at the top of a file with holes: what is not used yet is no mistake.
const ALLOW: &str = "#![allow(unused, unreachable_code)] // Remove this line when no hole is left.";

/// A hole that is left.
pub struct Hole {
    pub file: String,
    pub line: usize,
    /// The function.
    pub name: String,
    /// The piece of the book's page that shows it.
    pub piece: String,
}

/// The files of a chapter that have code.
fn of_chapter(project: &Project, chapter: usize) -> impl Iterator<Item = &str> {
    let sources = project.sources.iter();
    let sources = sources.filter(move |source| source.chapter == chapter && !source.is_text());
    sources.map(|source| source.file.name.as_str())
}

/// The files of this chapter with holes, and how many holes there are.
pub fn dig(project: &Project, chapter: usize) -> (Vec<(String, String)>, usize) {
    let mut files = Vec::new();
    let mut count = 0;
    for name in of_chapter(project, chapter) {
        let Some(source) = project.source(name) else {
            continue;
        };
        let (lines, holes) = without_bodies(&source.file.lines, chapter);
        if holes > 0 {
            files.push((name.to_string(), format!("{ALLOW}\n{}\n", lines.join("\n"))));
        }
        count += holes;
    }
    (files, count)
}

/// These lines, with a hole in the place of each body.
fn without_bodies(lines: &[String], chapter: usize) -> (Vec<String>, usize) {
    let mut kept = Vec::new();
    let mut holes = 0;
    let mut rest = lines.iter().peekable();
    while let Some(line) = rest.next() {
        kept.push(line.clone());
        let Some(indent) = begins(line) else { continue };
        let mut signature = line.clone();
        while !signature.ends_with('{') && !signature.ends_with(';') && !signature.ends_with('}') {
            let Some(line) = rest.next() else { break };
            kept.push(line.clone());
            signature += line;
        }
        // A value of type `impl Trait` has no type in a hole.
        if !signature.ends_with('{') || signature.contains("-> impl ") {
            continue;
        }
        let end = format!("{}}}", " ".repeat(indent));
        let mut anchors = Vec::new();
        for line in rest.by_ref() {
            if *line == end {
                break;
            }
            if is_anchor_line(line) {
                anchors.push(line.clone());
            }
        }
        kept.push(format!(
            "{}    todo!(\"chapter {chapter}\")",
            " ".repeat(indent)
        ));
        kept.extend(anchors);
        kept.push(end);
        holes += 1;
    }
    (kept, holes)
}

/// Does a function begin here? Then how far is its line from the margin?
fn begins(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let words = text.split("fn ").next()?.split_whitespace();
    let mut words = words.filter(|word| !word.starts_with("pub"));
    let is_function = text.contains("fn ") && words.next().is_none();
    is_function.then_some(line.len() - text.len())
}

/// The holes that are left in a tree.
pub fn left(project: &Project, chapter: usize) -> Vec<Hole> {
    let hole = format!("todo!(\"chapter {chapter}\")");
    let mut holes = Vec::new();
    for source in &project.sources {
        let mut name = String::new();
        for (line, text) in source.file.numbered() {
            if begins(text).is_some() {
                let after = text.split("fn ").nth(1).unwrap_or_default();
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
                name = after[..end.unwrap_or(after.len())].to_string();
            }
            if text.contains(&hole) {
                let piece = source.anchor_at(line).map(|anchor| anchor.name.clone());
                holes.push(Hole {
                    file: source.file.name.clone(),
                    line,
                    name: name.clone(),
                    piece: piece.unwrap_or_default(),
                });
            }
        }
    }
    holes
}

/// Writes the whole project to a folder, with holes in the module of this chapter.
pub fn write_project(project: &Project, chapter: usize, folder: &Path) -> std::io::Result<usize> {
    for name in ["src", "tests", "examples", "book"] {
        for name in crate::project::files(&project.root, name, "") {
            copy(project, folder, &name)?;
        }
    }
    for name in ["Cargo.toml", "Cargo.lock", "README.md", ".gitignore"] {
        if project.has(name) {
            copy(project, folder, name)?;
        }
    }
    let (files, count) = dig(project, chapter);
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    fs::write(folder.join(crate::MINE), format!("chapter {chapter}\n"))?;
    Ok(count)
}

fn copy(project: &Project, folder: &Path, name: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, fs::read(project.root.join(name))?)
}
