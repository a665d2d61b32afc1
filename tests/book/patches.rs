//! The patches among the answers. Each begins with lines that a test acts on:
//!
//! ```text
//! red: ch03_dot name_of_test      with the patch this test fails
//! green: answer                   with it these tests pass (one test: its name follows)
//! runs: example ch03_dot          with it this example runs,
//! prints: some text               and prints this
//! ```
//!
//! An empty line follows, and then changes as `git diff` writes them. Where a change goes, its own
//! lines say: the code above may grow.

use crate::common::folder::TempDir;
use crate::common::patch::Patch;
use crate::project::{ANSWERS, Project, TextFile, files};
use crate::robot::cargo;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const FOLDER: &str = "book/answers";
/// So many lines of changes can be read at a glance.
const LINES: usize = 45;

/// What to do with the patched code.
enum Order {
    Red(String, String),
    Green(String, Option<String>),
    Runs(String),
    Prints(String),
}

struct Ordered {
    orders: Vec<(usize, Order)>,
    patch: Patch,
}

fn all(project: &Project) -> Vec<TextFile> {
    let names = files(&project.root, FOLDER, "patch");
    let read = |name: &String| TextFile::read(&project.root, name);
    names.iter().filter_map(read).collect()
}

/// Each patch is one of an answer, can be read, and fits the code.
pub fn fit(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in all(project) {
        wrong.extend(is_shown(project, &file));
        let patch = match parse(&file) {
            Ok(patch) => patch,
            Err(why) => {
                wrong.push(why);
                continue;
            }
        };
        wrong.extend(orders_fit(project, &file, &patch));
        wrong.extend(patch.patch.applied(&project.root).err());
    }
    wrong
}

/// `02-3.patch` is shown in the answers of chapter 2.
fn is_shown(project: &Project, file: &TextFile) -> Option<String> {
    let name = file.name.trim_start_matches("book/answers/");
    let number = name
        .strip_suffix(".patch")
        .and_then(|name| name.split_once('-'));
    let Some((chapter, "1" | "2" | "3")) = number else {
        return Some(file.complaint(1, "its name is that of an exercise, such as 02-3.patch"));
    };
    let answers = format!("{ANSWERS}ch{chapter}.md");
    let page = project.pages.iter().find(|page| page.file.name == answers);
    let mut shown = page
        .map_or(Vec::new(), |page| page.includes(&["diff"]))
        .into_iter();
    let is_there = shown.any(|shown| shown.path == file.name);
    (!is_there).then(|| file.complaint(1, format!("{answers} does not show this patch")))
}

fn parse(file: &TextFile) -> Result<Ordered, String> {
    let text = file.lines.join("\n") + "\n";
    let first = file.lines.first().map_or("", String::as_str);
    order(file, 1, first)?;
    let patch = Patch::with_head(&file.name, &text)?;
    let mut orders = Vec::new();
    for (line, text) in &patch.head {
        orders.push((*line, order(file, *line, text)?));
    }
    let count = patch.count;
    if count > LINES {
        return Err(file.complaint(1, format!("{count} lines of changes; {LINES} are the most")));
    }
    Ok(Ordered { orders, patch })
}

const ORDERS: &str =
    "a patch begins with `red: target test`, `green: target`, or `runs: example name`";

fn order(file: &TextFile, line: usize, text: &str) -> Result<Order, String> {
    if let Some(text) = text.strip_prefix("prints: ") {
        return Ok(Order::Prints(text.to_string()));
    }
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["red:", target, test] => Ok(Order::Red(target.to_string(), test.to_string())),
        ["green:", target] => Ok(Order::Green(target.to_string(), None)),
        ["green:", target, test] => Ok(Order::Green(target.to_string(), Some(test.to_string()))),
        ["runs:", "example", name] => Ok(Order::Runs(name.to_string())),
        _ => Err(file.complaint(line, ORDERS)),
    }
}

/// What the orders name is there, or comes with the patch.
fn orders_fit(project: &Project, file: &TextFile, patch: &Ordered) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut example = false;
    for (line, order) in &patch.orders {
        let (name, test) = match order {
            Order::Red(target, test) => (format!("tests/{target}.rs"), Some(test)),
            Order::Green(target, test) => (format!("tests/{target}.rs"), test.as_ref()),
            Order::Runs(name) => (format!("examples/{name}.rs"), None),
            Order::Prints(_) if example => continue,
            Order::Prints(_) => {
                wrong.push(file.complaint(*line, "`prints:` comes after `runs: example name`"));
                continue;
            }
        };
        example |= matches!(order, Order::Runs(_));
        let is_new = patch.patch.files().any(|file| file == name);
        let Some(target) = TextFile::read(&project.root, &name) else {
            if !is_new {
                wrong.push(file.complaint(*line, format!("there is no {name}")));
            }
            continue;
        };
        let has = |test: &&String| {
            let begin = format!("fn {test}(");
            target.lines.iter().any(|line| line.contains(&begin))
        };
        if let Some(test) = test.filter(|test| !has(test) && !is_new) {
            wrong.push(file.complaint(*line, format!("{name} has no test `{test}`")));
        }
    }
    wrong
}

/// Does what each patch says, on a copy of the project.
pub fn do_what_they_say(project: &Project) -> Vec<String> {
    let folder = TempDir::new("answers");
    let root = ["Cargo.toml", "Cargo.lock", "README.md"].map(str::to_string);
    let folders = ["src", "tests", "examples", "book"].into_iter();
    let inside = folders.flat_map(|of| files(&project.root, of, ""));
    for name in root.into_iter().chain(inside) {
        if project.has(&name) {
            copy(project, folder.path(), &name);
        }
    }
    let mut wrong = Vec::new();
    for file in all(project) {
        let patch = parse(&file);
        let Ok((patch, changed)) = patch.and_then(|patch| {
            let changed = patch.patch.applied(&project.root)?;
            Ok((patch, changed))
        }) else {
            continue; // `fit` complains.
        };
        for (name, text) in &changed {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut printed = String::new();
        for (line, order) in &patch.orders {
            if let Err(why) = obey(folder.path(), order, &mut printed) {
                wrong.push(file.complaint(*line, why));
            }
        }
        for name in changed.keys() {
            match project.has(name) {
                true => copy(project, folder.path(), name),
                false => fs::remove_file(folder.path().join(name)).expect("it was there"),
            }
        }
    }
    wrong
}

fn copy(project: &Project, folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    // Not fs::copy: cargo must see that a file was written anew.
    let octets = fs::read(project.root.join(name)).expect("a file of the project");
    fs::write(path, octets).expect("a file");
}

fn obey(folder: &Path, order: &Order, printed: &mut String) -> Result<(), String> {
    match order {
        Order::Red(target, test) => {
            let output = run_tests(folder, target, Some(test))?;
            let is_red = text(&output).contains(&format!("    {test}\n"));
            let message = || format!("{test} does not fail: {}", text(&output));
            is_red.then_some(()).ok_or_else(message)
        }
        Order::Green(target, test) => {
            let output = run_tests(folder, target, test.as_ref())?;
            let has_run = !text(&output).contains("test result: ok. 0 passed");
            let is_green = output.status.success() && has_run;
            let message = || format!("{target} does not pass: {}", text(&output));
            is_green.then_some(()).ok_or_else(message)
        }
        Order::Runs(name) => {
            let output = output(cargo(folder, &["run", "--example", name]));
            *printed = String::from_utf8_lossy(&output.stdout).to_string();
            let message = || format!("{name} does not run: {}", text(&output));
            output.status.success().then_some(()).ok_or_else(message)
        }
        Order::Prints(due) => {
            let message = || format!("this is not printed; what is: {printed}");
            printed.contains(due).then_some(()).ok_or_else(message)
        }
    }
}

/// Compiles first, so that code that does not compile is no red test.
fn run_tests(folder: &Path, target: &str, test: Option<&String>) -> Result<Output, String> {
    let compiled = output(cargo(folder, &["test", "--no-run", "--test", target]));
    if !compiled.status.success() {
        return Err(format!("it does not compile: {}", text(&compiled)));
    }
    let mut words = vec!["test", "--test", target];
    words.extend(
        test.iter()
            .flat_map(|test| [test.as_str(), "--", "--exact"]),
    );
    Ok(output(cargo(folder, &words)))
}

fn output(mut command: Command) -> Output {
    command.output().expect("cargo runs")
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&all).to_string()
}
