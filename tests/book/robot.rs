//! Rule 3: a robot reads the book and types it in. From the listings of chapters 1 to N alone, in
//! the order of reading, it makes a crate; the crate compiles, and example N runs. In the end it is
//! `src/`, line for line.

use crate::common::folder::TempDir;
use crate::common::process::Server;
use crate::links::companions;
use crate::listings::find;
use crate::project::{Anchor, Include, Page, Project, Source, files, is_anchor_line};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A piece of a file, and the line of `src/` where it begins.
pub struct Piece {
    line: usize,
    lines: Vec<String>,
}

/// The files as the robot has them: to each, piece after piece.
pub type Typed = BTreeMap<String, Vec<Piece>>;

/// Types a piece in where its caption says: below all that is typed so far, or above the one line
/// which begins as the caption says. A reader goes to this line and types above it. So it must be
/// the first line of its piece, a comment included, and its place in `src/`.
pub fn place(typed: &mut Typed, page: &Page, of: &Include, anchor: &Anchor) -> Result<(), String> {
    let file = typed.entry(of.path.clone()).or_default();
    let lines = anchor.lines.iter().map(|(_, line)| line.clone()).collect();
    let line = anchor.line;
    let piece = Piece { line, lines };
    let above = page.caption(of.line).and_then(|caption| caption.above);
    let Some(above) = above else {
        let in_order = file.last().is_none_or(|last| last.line < line);
        file.push(piece);
        let message = "in {} this piece is higher than the last one; say above what";
        return in_order
            .then_some(())
            .ok_or(message.replace("{}", &of.path));
    };
    let begins = |line: &String| line.trim_start().starts_with(&above);
    let lines = file.iter().enumerate().flat_map(|(at, piece)| {
        let lines = piece.lines.iter().enumerate();
        lines.map(move |(number, line)| (at, number, line))
    });
    let places = lines.filter(|(.., line)| begins(line));
    let places: Vec<_> = places.map(|(at, number, _)| (at, number)).collect();
    let [(at, number)] = places.as_slice() else {
        file.push(piece);
        let count = places.len();
        return Err(format!(
            "{count} of the lines typed into {} so far begin with `{above}`",
            of.path
        ));
    };
    if *number > 0 {
        file.push(piece);
        return Err(format!(
            "a piece goes above the first line of another one, and `{above}` is line {} of its piece",
            number + 1
        ));
    }
    file.insert(*at, piece);
    let (before, after) = (&file[..*at], &file[at + 1..]);
    let in_order = before.last().is_none_or(|last| last.line < line) && line < after[0].line;
    let message = format!(
        "the place of this piece in {} is not above `{above}`",
        of.path
    );
    in_order.then_some(()).ok_or(message)
}

fn type_in(project: &Project, page: &Page, typed: &mut Typed) {
    for piece in page.pieces() {
        if let Some((_, anchor)) = find(project, &piece) {
            // Rule 1 complains of a piece without a place.
            let _ = place(typed, page, &piece, anchor);
        }
    }
}

/// The lines of a file, one empty line between two pieces.
fn lines(pieces: &[Piece]) -> Vec<&str> {
    let mut lines = Vec::new();
    for piece in pieces {
        if !lines.is_empty() {
            lines.push("");
        }
        lines.extend(piece.lines.iter().map(String::as_str));
    }
    lines
}

/// Types in all chapters, and compares the files.
pub fn ends_with_the_code(project: &Project) -> Vec<String> {
    let mut typed = Typed::new();
    for page in &project.pages {
        type_in(project, page, &mut typed);
    }
    let sources = project.sources.iter();
    sources
        .filter_map(|source| differs(source, typed.get(&source.file.name)))
        .collect()
}

/// Empty lines count inside the pieces; between them one is as good as none.
fn differs(source: &Source, typed: Option<&Vec<Piece>>) -> Option<String> {
    let mut due: Vec<(usize, &str)> = Vec::new();
    for (number, line) in source.file.numbered() {
        let between = source.anchor_at(number).is_none();
        if is_anchor_line(line) || (between && line.is_empty()) {
            continue;
        }
        let first = source
            .anchors
            .iter()
            .any(|a| a.lines.first().is_some_and(|(n, _)| *n == number));
        if first && !due.is_empty() {
            due.push((number, ""));
        }
        due.push((number, line));
    }
    let mut came = typed.map_or(Vec::new(), |pieces| lines(pieces)).into_iter();
    for (number, line) in due {
        let came = came.next().unwrap_or("(nothing more)");
        if came != line {
            let message = format!("whoever types the book in has here: {came}");
            return Some(source.file.complaint(number, message));
        }
    }
    let more = came.next()?;
    let message = format!("whoever types the book in has one line more: {more}");
    Some(source.file.complaint(source.file.lines.len(), message))
}

/// Types in chapter after chapter. After each the code compiles, its example runs, and its tests pass.
pub fn works_after_each_chapter(project: &Project) -> Vec<String> {
    let folder = TempDir::new("robot");
    let mut wrong = Vec::new();
    let mut typed = Typed::new();
    let chapters: Vec<usize> = project
        .pages
        .iter()
        .filter_map(|page| page.chapter)
        .collect();
    let last = chapters.into_iter().max();
    for page in &project.pages {
        let Some(chapter) = page.chapter.filter(|chapter| *chapter > 1) else {
            continue;
        };
        type_in(project, page, &mut typed);
        let is_last = Some(chapter) == last;
        let example = companions(page).swap_remove(0);
        write_crate(project, &typed, chapter, is_last, folder.path());
        let done = build_and_run(project, folder.path(), &example)
            .and_then(|()| pass_the_tests(folder.path(), chapter, is_last));
        if let Err(why) = done {
            let message = format!("after this chapter the code does not work: {why}");
            wrong.push(page.file.complaint(1, message));
        }
    }
    wrong
}

/// Writes the crate as it is after a chapter to a folder.
pub fn write_chapter(project: &Project, last: usize, folder: &Path) {
    let mut typed = Typed::new();
    let mut is_last = true;
    for page in &project.pages {
        match page.chapter {
            Some(chapter) if chapter > last => is_last = false,
            Some(_) => type_in(project, page, &mut typed),
            None => {}
        }
    }
    write_crate(project, &typed, last, is_last, folder);
}

/// What was typed in, and the examples and tests up to this chapter. Those without the number of a
/// chapter come with the last one.
fn write_crate(project: &Project, typed: &Typed, chapter: usize, is_last: bool, folder: &Path) {
    for (name, pieces) in typed {
        write(folder, name, &(lines(pieces).join("\n") + "\n"));
    }
    let number = |name: &str| {
        let (_, rest) = name.split_once("/ch")?;
        rest.get(..2)?.parse::<usize>().ok()
    };
    let is_due = |name: &String| {
        let is_common = ["tests/common/", "book/dialogues/", "book/crashes/"]
            .iter()
            .any(|folder| name.starts_with(folder));
        // These need the book, and the first two also the coursework.
        let tools = ["examples/grade.rs", "tests/coursework/", "tests/book/"];
        let is_tool = tools.iter().any(|tool| name.starts_with(tool));
        // These need the program.
        let is_late = name.starts_with("tests/ch01_");
        let is_early = number(name).is_some_and(|number| number <= chapter);
        is_common || is_early && !is_late || is_last && !is_tool
    };
    let folders = ["examples", "tests", "book/dialogues", "book/crashes"].into_iter();
    let names = folders.flat_map(|folder| files(&project.root, folder, ""));
    let root = ["Cargo.toml", "Cargo.lock", ".gitignore"];
    for name in root
        .map(str::to_string)
        .into_iter()
        .chain(names.filter(is_due))
    {
        if let Ok(text) = fs::read_to_string(project.root.join(&name)) {
            write(folder, &name, &text);
        }
    }
}

fn build_and_run(project: &Project, folder: &Path, example: &str) -> Result<(), String> {
    let code = fs::read_to_string(project.root.join(example)).map_err(|why| why.to_string())?;
    let name = example
        .trim_start_matches("examples/")
        .trim_end_matches(".rs");
    succeeds(cargo(folder, &["build", "--example", name]))?;
    run(folder, name, &code)
}

/// The tests of this chapter; with the last one those of chapter 1, which need the program. (The tests
/// of no chapter are run on `src/`, and that is the same, line for line.)
fn pass_the_tests(folder: &Path, chapter: usize, is_last: bool) -> Result<(), String> {
    let own = format!("tests/ch{chapter:02}_");
    let is_due =
        |name: &String| name.starts_with(&own) || is_last && name.starts_with("tests/ch01_");
    let names = files(folder, "tests", "rs").into_iter().filter(is_due);
    let names: Vec<String> = names
        .map(|name| {
            name.trim_start_matches("tests/")
                .trim_end_matches(".rs")
                .to_string()
        })
        .collect();
    let mut words = vec!["test", "--no-fail-fast"];
    words.extend(names.iter().flat_map(|name| ["--test", name]));
    match names.is_empty() {
        true => Ok(()),
        false => succeeds(cargo(folder, &words)),
    }
}

/// What has not changed is not written: cargo compiles by the time of a file.
fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    if fs::read_to_string(&path).is_ok_and(|before| before == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Cargo in another project, which has a target folder of its own.
pub fn cargo(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    let (first, rest) = words.split_first().expect("a command");
    command.args([first, "--offline", "--quiet"]).args(rest);
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    for profile in ["DEV", "TEST"] {
        // Most of the time is the compiler's.
        command.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
        command.env(format!("CARGO_PROFILE_{profile}_OPT_LEVEL"), "0");
    }
    command.env("RUST_BACKTRACE", "0");
    // Else a test would find the program of this very run.
    command.env_remove("CARGO_BIN_EXE_smtp-primer");
    command
}

/// Runs an example to its end. One that talks to 127.0.0.1:2525 is a server, or the client of the
/// earlier example that its first lines name; both take another address as their argument.
fn run(folder: &Path, name: &str, code: &str) -> Result<(), String> {
    let example = |name: &str| {
        let mut command = Command::new(folder.join("target/debug/examples").join(name));
        command.stdin(Stdio::null());
        command
    };
    if !code.contains("127.0.0.1:2525") {
        return succeeds(example(name));
    }
    let named = code.split("cargo run --example ").skip(1);
    let mut named = named.map(|rest| rest.split(['`', ' ', '\n']).next().unwrap_or_default());
    let Some(server) = named.find(|other| *other < name) else {
        Server::run(example(name).arg("127.0.0.1:0"));
        return Ok(());
    };
    let server = Server::run(example(server).arg("127.0.0.1:0"));
    let mut client = example(name);
    client.arg(&server.address);
    succeeds(client)
}

fn succeeds(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|why| why.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&text).to_string()),
    }
}
