//! A student who has typed in N chapters runs the tests of chapter N. So these may ask only for what
//! is there by then: modules of chapters 2 to N, and no program before the last chapter.

use crate::common::folder::TempDir;
use crate::project::{Project, files, is_anchor_line};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The tests of each chapter compile with the code of the chapters up to it.
pub fn compile(project: &Project) -> Vec<String> {
    let folder = TempDir::new("early");
    for name in ["Cargo.toml", "Cargo.lock"] {
        copy(project, folder.path(), name);
    }
    for name in files(&project.root, "tests/common", "rs") {
        copy(project, folder.path(), &name);
    }
    let last = project.sources.iter().map(|source| source.chapter).max();
    let chapters = 2..=last.unwrap_or_default();
    chapters
        .flat_map(|chapter| compile_one(project, folder.path(), chapter))
        .collect()
}

fn compile_one(project: &Project, folder: &Path, chapter: usize) -> Vec<String> {
    for (name, lines) in code_up_to(project, chapter) {
        write(folder, &name, &(lines.join("\n") + "\n"));
    }
    let beginning = format!("tests/ch{chapter:02}_");
    let tests = files(&project.root, "tests", "rs").into_iter();
    let tests: Vec<String> = tests.filter(|name| name.starts_with(&beginning)).collect();
    let mut wrong = Vec::new();
    for name in &tests {
        copy(project, folder, name);
        let test = name.trim_start_matches("tests/").trim_end_matches(".rs");
        let words = ["check", "--offline", "--quiet", "--test", test];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(words).current_dir(folder);
        cargo.env("CARGO_TARGET_DIR", folder.join("target"));
        // Else it would find the program of this very run.
        cargo.env_remove("CARGO_BIN_EXE_smtp-primer");
        let checked = cargo.output();
        let checked = checked.expect("cargo runs");
        if !checked.status.success() {
            let why = String::from_utf8_lossy(&checked.stderr);
            wrong.push(format!(
                "{name}:1: with the code of chapters 2 to {chapter} alone it does not compile: {why}"
            ));
        }
        fs::remove_file(folder.join(name)).expect("it was there");
    }
    wrong
}

/// The files of `src/`, without the lines of later chapters.
fn code_up_to(project: &Project, chapter: usize) -> BTreeMap<String, Vec<String>> {
    let mut typed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let is_early = |name: &str| {
        name == "src/main.rs"
            && project
                .sources
                .iter()
                .any(|source| source.chapter > chapter)
    };
    for source in project
        .sources
        .iter()
        .filter(|source| !is_early(&source.file.name))
    {
        for line in &source.file.lines {
            if project.chapter_of(source, line) <= chapter && !is_anchor_line(line) {
                let file = typed.entry(source.file.name.clone()).or_default();
                file.push(line.clone());
            }
        }
    }
    typed
}

fn copy(project: &Project, folder: &Path, name: &str) {
    let text = fs::read_to_string(project.root.join(name)).expect("a file of the project");
    write(folder, name, &text);
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}
