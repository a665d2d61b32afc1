//! Grades an assignment: plays its dialogues, runs its tests, and counts points.

use crate::card::{Card, Kind};
use crate::patch::Patch;
use crate::stage::{self, Failure, Played, Program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A test counts as much as so many lines of a dialogue.
const TEST: usize = 10;

/// A dialogue or a test of an assignment, and what became of it.
pub struct Item {
    pub name: String,
    pub right: usize,
    pub lines: usize,
    pub failure: Option<Failure>,
}

impl Item {
    pub fn played(name: &str, played: Played) -> Item {
        Item {
            name: name.to_string(),
            right: played.right,
            lines: played.lines,
            failure: played.failure,
        }
    }
}

pub struct Graded {
    pub items: Vec<Item>,
    pub points: usize,
    /// A teacher's own dialogues. They have no points.
    pub also: Vec<Item>,
}

impl Graded {
    pub fn new(items: Vec<Item>, points: usize) -> Graded {
        let also = Vec::new();
        Graded {
            items,
            points,
            also,
        }
    }

    /// The first thing that is wrong.
    pub fn failure(&self) -> Option<&Failure> {
        let mut items = self.items.iter().chain(&self.also);
        items.find_map(|item| item.failure.as_ref())
    }
}

/// Grades the answer to an assignment whose answer is a dialogue. It is the dialogue of the sheet, with
/// three digits in the place of each `???`.
pub fn grade_answer(card: &Card, answer: &str, program: &Program) -> Result<Graded, String> {
    let names = card.dialogues();
    let name = names.first().ok_or("the assignment has no dialogue")?;
    let sheet = card.text(name)?;
    let mut lines = answer.lines();
    for (number, due) in (1..).zip(sheet.lines()) {
        let line = lines.next().unwrap_or_default();
        let digits = line.strip_prefix("S: ").and_then(|line| line.get(..3));
        let is_code = digits.is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_digit()));
        let is_open = due.starts_with("S: ???") && is_code;
        let is_same = line == due || is_open && line.get(6..) == due.get(6..);
        if !is_same {
            return Err(format!(
                "line {number} of your file is `{line}`; on the sheet it is `{due}`.\n\
                 Change only the question marks, and write three digits in their place."
            ));
        }
    }
    let played = stage::play_text(None, name, answer, program)?;
    let items = vec![Item::played(name, played)];
    let points = points(card, &items)?;
    Ok(Graded::new(items, points))
}

/// Grades a program: its dialogues, and then, in its tree, its tests.
pub fn grade(card: &Card, tree: &Path, program: &Program) -> Result<Graded, String> {
    let mut items = Vec::new();
    for name in card.dialogues() {
        let played = stage::play(card, &name, program)?;
        // A program that is not there will not be there for the next dialogue, and we waited long.
        let goes_on = played.failure.is_none() || card.kind == Kind::Open && played.began();
        items.push(Item::played(&name, played));
        if !goes_on {
            break;
        }
    }
    if items.iter().all(|item| item.failure.is_none()) {
        for name in &card.tests {
            let (part, failure) = test(card, tree, name)?;
            let right = match failure {
                // Without dialogues, each of the tests has its part of the points.
                Some(_) if !card.dialogues().is_empty() && !card.counts_tests => 0,
                _ => part,
            };
            let (name, lines) = (name.clone(), worth(card, name)?);
            items.push(Item {
                name,
                right,
                lines,
                failure,
            });
        }
    }
    let points = points(card, &items)?;
    Ok(Graded::new(items, points))
}

/// How many lines of a dialogue the tests of this file are worth.
fn worth(card: &Card, name: &str) -> Result<usize, String> {
    let tests = match card.counts_tests && name == "check.rs" {
        true => card.text(name)?.matches("#[test]").count(),
        false => 1,
    };
    Ok(TEST * tests)
}

/// The part of the points that the right lines are of all. What is right before the work counts for
/// nothing.
fn points(card: &Card, items: &[Item]) -> Result<usize, String> {
    if card.counts_whole {
        // The same friendly lines begin each dialogue: they would be points for nothing.
        let mut all = card.dialogues().len();
        for name in &card.tests {
            all += worth(card, name)? / TEST;
        }
        let right = items
            .iter()
            .map(|item| match card.tests.contains(&item.name) {
                true => item.right / TEST,
                false => usize::from(item.failure.is_none()),
            });
        return Ok(card.points() * right.sum::<usize>() / all.max(1));
    }
    // The other half is for an attack.
    let most = card.points() / if card.attack.is_some() { 2 } else { 1 };
    let (red, line) = place(&card.red);
    let (mut right, mut all, mut is_work) = (0, 0, red.is_empty());
    for name in card.dialogues().iter().chain(&card.tests) {
        let item = items.iter().find(|item| item.name == *name);
        let lines = match card.tests.contains(name) {
            true => TEST,
            false => spoken(&card.text(name)?, usize::MAX),
        };
        let mut given = if is_work { 0 } else { lines };
        if name == red {
            is_work = true;
            given = match card.tests.contains(name) {
                true => 0,
                false => spoken(&card.text(name)?, line.saturating_sub(1)),
            };
        }
        all += lines - given.min(lines);
        right += item.map_or(0, |item| item.right.saturating_sub(given));
    }
    Ok(most * right / all.max(1))
}

/// `1-rcpt.txt:14` or `check.rs name_of_test`.
fn place(text: &str) -> (&str, usize) {
    match text.split_once(':') {
        Some((name, line)) => (name, line.parse().unwrap_or_default()),
        None => (text.split(' ').next().unwrap_or_default(), 0),
    }
}

/// How many of the first lines of a dialogue somebody says.
fn spoken(text: &str, lines: usize) -> usize {
    let lines = text.lines().take(lines);
    lines
        .filter(|line| line.starts_with("C:") || line.starts_with("S:"))
        .count()
}

/// Compiles our program in this tree. The error is what the compiler says.
pub fn build(tree: &Path) -> Result<PathBuf, String> {
    let built = cargo(tree, &["build", "--bin", "smtp-primer"])?;
    match built.status.success() {
        true => Ok(target(tree)
            .join("debug")
            .join(format!("smtp-primer{}", std::env::consts::EXE_SUFFIX))),
        false => Err(String::from_utf8_lossy(&built.stderr).to_string()),
    }
}

/// Compiles a program that is one file of Rust.
pub fn compile(file: &Path, program: &Path) -> Result<(), String> {
    let mut rustc = Command::new("rustc");
    rustc.args([
        "--edition",
        "2024",
        "-A",
        "warnings",
        "-C",
        "opt-level=1",
        "-o",
    ]);
    let output = rustc
        .arg(program)
        .arg(file)
        .output()
        .map_err(|why| why.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).to_string();
    output.status.success().then_some(()).ok_or_else(said)
}

/// Compiles an answer to an open assignment from its folder: the solution, or a wrong answer, which
/// is a change of it or a program of its own.
pub fn compile_answer(card: &Card, name: &str, folder: &Path) -> Result<PathBuf, String> {
    let file = folder.join("solution.rs");
    let program = folder.join(format!("solution{}", std::env::consts::EXE_SUFFIX));
    let write = |text: &str| fs::write(&file, text).map_err(|why| why.to_string());
    if name.ends_with(".patch") {
        write(&card.text("solution.rs")?)?;
        let patch = Patch::read(&card.path(name), &card.text(name)?)?;
        let changed = patch.applied(folder)?;
        let text = changed.get("solution.rs");
        write(text.ok_or(format!("{name} does not change solution.rs"))?)?;
    } else {
        write(&card.text(name)?)?;
    }
    compile(&file, &program).map_err(|why| format!("{name}: {why}"))?;
    Ok(program)
}

/// Runs the tests of one file: of the project, or `check.rs` of the assignment. Returns what the
/// tests that passed are worth, and the first that failed.
pub fn test(card: &Card, tree: &Path, name: &str) -> Result<(usize, Option<Failure>), String> {
    let worth = worth(card, name)?;
    let own = tree.join("tests").join("check.rs");
    let is_own = name == "check.rs";
    if is_own {
        fs::write(&own, card.text(name)?).map_err(|why| why.to_string())?;
    }
    let target = name.trim_end_matches(".rs");
    let mut words = vec!["test", "--no-fail-fast", "--test", target];
    if !card.only.is_empty() {
        words.extend(["--", "--exact"]);
        words.extend(card.only.iter().map(String::as_str));
    }
    let output = cargo(tree, &words);
    if is_own {
        let _ = fs::remove_file(&own);
    }
    let output = output?;
    if output.status.success() {
        return Ok((worth, None));
    }
    let printed = String::from_utf8_lossy(&output.stdout).to_string();
    let (passed, all) = counts(&printed);
    let failure = match failed(&printed).first() {
        Some(test) => {
            let place = format!("{name} {test}");
            let report = format!("{place}: this test fails\n{}", said(&printed, test));
            Failure { place, report }
        }
        None => {
            let report = String::from_utf8_lossy(&output.stderr).to_string();
            Failure {
                place: name.to_string(),
                report,
            }
        }
    };
    Ok((worth * passed / all.max(1), Some(failure)))
}

/// The tests that failed: cargo lists them at the end.
pub fn failed(printed: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for list in printed.split("\nfailures:\n").skip(1) {
        let lines = list
            .lines()
            .take_while(|line| !line.starts_with("test result"));
        let tests = lines.filter_map(|line| line.strip_prefix("    "));
        names.extend(tests.filter(|line| !line.contains(' ')).map(str::to_string));
    }
    names.sort();
    names.dedup();
    names
}

/// How many tests passed, and how many there are.
pub fn counts(printed: &str) -> (usize, usize) {
    let (mut passed, mut all) = (0, 0);
    for line in printed
        .lines()
        .filter(|line| line.starts_with("test result"))
    {
        let number = |word: &str| {
            let before = line.split(word).next().unwrap_or_default();
            before
                .split_whitespace()
                .last()
                .and_then(|number| number.parse().ok())
                .unwrap_or(0)
        };
        passed += number(" passed");
        all += number(" passed") + number(" failed");
    }
    (passed, all)
}

/// What a test said when it failed.
fn said(printed: &str, test: &str) -> String {
    let begin = format!("---- {test} stdout ----");
    let after = printed.split_once(&begin).map_or("", |(_, after)| after);
    let lines = after
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("----") && *line != "failures:");
    let lines = lines.take_while(|line| !line.starts_with("stack backtrace"));
    let lines: Vec<String> = lines.take(12).map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

/// Where cargo compiles the program of this tree.
pub fn target(tree: &Path) -> PathBuf {
    tree.join("target")
}

/// Cargo in this tree.
pub fn cargo(tree: &Path, words: &[&str]) -> Result<Output, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    let (first, rest) = words.split_first().ok_or("which command?")?;
    command.args([first, "--offline", "--quiet"]).args(rest);
    command
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target(tree))
        .env("RUST_BACKTRACE", "0");
    for profile in ["DEV", "TEST"] {
        command.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
        command.env(format!("CARGO_PROFILE_{profile}_OPT_LEVEL"), "0");
    }
    // Else a test would find the program of this very run.
    command.env_remove("CARGO_BIN_EXE_smtp-primer");
    command
        .output()
        .map_err(|why| format!("cargo does not run: {why}"))
}
