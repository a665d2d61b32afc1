//! Rule 4, second half: every terminal session in the book is run, and shows what the book shows.
//!
//! A file has lines `$ command` and below each what it prints. A command that ends with `\` goes on
//! in the next line. In a line `{}` stands for any text,
//! `{name}` for the same text each time; a line `...` stands for any number of lines. It begins in
//! an empty folder. `# with: smtp-primer serve` before the first command starts a mail server there
//! (or `pop3`, or a `cargo run --example` that serves), in the book at 127.0.0.1:2525 (2110), in
//! truth at a free port. What it printed can follow at the end, below `# the other terminal`.

use crate::common::process::Server;
use crate::common::side_by_side::side_by_side;
use crate::project::{Project, TextFile, files, is_anchor_line};
use crate::stage::{Stage, timeless, words};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a reader has at hand on every system, and what the tests can run.
const COMMANDS: [&str; 5] = ["cargo", "cat", "echo", "ls", "printf"];

/// `cargo run` without cargo: the program and the examples are built already, and so it is quiet.
const CARGO: &str = r#"
cargo() {
  if [ "$2" = -q ]; then shift; fi
  if [ "$2" = -- ]; then shift 2; "$PROGRAM" "$@"; else
    example=$3; shift 3; if [ "$1" = -- ]; then shift; fi; "$EXAMPLES/$example" "$@"
  fi
}
exec 2>&1 </dev/null
"#;

/// Printed after each command, so that we can tell the outputs apart.
const MARK: &str = "--- the command has ended ---\n";

pub fn happen(project: &Project) -> Vec<String> {
    let names = files(&project.root, "book/terminal", "txt");
    let files = names
        .iter()
        .filter_map(|name| TextFile::read(&project.root, name));
    let results = side_by_side(files, |file| run(&file));
    results.into_iter().filter_map(Result::err).collect()
}

/// A command and what it prints, with the numbers of the lines.
struct Step {
    line: usize,
    command: String,
    output: Vec<(usize, String)>,
}

/// A server that runs beside the session.
struct Beside {
    /// As the book shows its start.
    command: String,
    /// Where it is in the book, and in truth.
    addresses: (&'static str, String),
    server: Server,
}

fn run(file: &TextFile) -> Result<(), String> {
    let stage = Stage::new(file);
    let mut besides = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut other: Vec<Step> = Vec::new();
    let mut in_other = false;
    for (line, text) in file.numbered() {
        let steps = if in_other { &mut other } else { &mut steps };
        if let Some(server) = text.strip_prefix("# with: ") {
            besides.push(start(server, &stage, file, line)?);
        } else if text == "# the other terminal" {
            in_other = true;
        } else if let Some(command) = text.strip_prefix("$ ") {
            let (command, output) = (command.to_string(), Vec::new());
            steps.push(Step {
                line,
                command,
                output,
            });
        } else if let Some(step) = steps.last_mut()
            && step.output.is_empty()
            && step.command.ends_with('\\')
        {
            step.command = step.command.trim_end_matches('\\').to_string() + text.trim_start();
        } else if let Some(step) = steps.last_mut()
            && !is_anchor_line(text)
        {
            step.output.push((line, text.to_string()));
        }
    }
    if let Some((step, why)) = steps
        .iter()
        .find_map(|step| Some((step, unfit(&step.command)?)))
    {
        return Err(file.complaint(step.line, why));
    }
    if steps.is_empty() {
        return Err(file.complaint(1, "there is no line `$ command`"));
    }
    let mut names = Names::new();
    for (step, output) in steps.iter().zip(outputs(&stage, &steps, &besides)) {
        names = compare(file, step, &output, names)?;
    }
    for step in other {
        let Some(at) = besides
            .iter()
            .position(|beside| beside.command == step.command.replace("run -q", "run"))
        else {
            return Err(file.complaint(step.line, "no `# with:` line starts this"));
        };
        let beside = besides.remove(at);
        let output = match beside.command.contains("--sessions ") {
            true => beside.server.finish(),
            false => beside.server.end(),
        };
        let output = in_book(&output, [&beside.addresses]);
        let first = format!("listening on {}\n", beside.addresses.0);
        names = compare(file, &step, &(first + &output), names)?;
    }
    Ok(())
}

fn start(server: &str, stage: &Stage, file: &TextFile, line: usize) -> Result<Beside, String> {
    let words = words(server);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["cargo", "run", "-q", ..] = words.as_slice() {
        words.remove(2);
    }
    match words.as_slice() {
        ["smtp-primer", role @ ("serve" | "pop3"), options @ ..] => {
            if !stage.folder().join("a.example").exists() {
                stage.site("");
            }
            let server = stage.serve(&words[1..]);
            let place = if *role == "serve" { SMTP } else { POP3 };
            Ok(Beside {
                command: [&["cargo run --", role, "a.example"], options]
                    .concat()
                    .join(" "),
                addresses: (place, server.address.clone()),
                server,
            })
        }
        ["cargo", "run", "--example", name, SMTP] => {
            if let Some(why) = unfit(server) {
                return Err(file.complaint(line, why));
            }
            let mut command = timeless(Command::new(example(name)));
            let server = Server::run(command.arg("127.0.0.1:0").current_dir(stage.folder()));
            Ok(Beside {
                command: words.join(" "),
                addresses: (SMTP, server.address.clone()),
                server,
            })
        }
        _ => Err(file.complaint(line, "this starts smtp-primer serve, pop3, or an example")),
    }
}

const SMTP: &str = "127.0.0.1:2525";
const POP3: &str = "127.0.0.1:2110";

fn example(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_smtp-primer"));
    program.with_file_name("examples").join(name)
}

/// Why a command has no place in the book.
fn unfit(command: &str) -> Option<String> {
    for part in command.split(" | ") {
        let words = words(part);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let ["cargo", "run", "-q", ..] = words.as_slice() {
            words.remove(2);
        }
        let first = words.first().copied().unwrap_or_default();
        match words.as_slice() {
            ["cargo", "run", "--", "serve" | "pop3", ..] => {
                return Some("a server runs beside the session: `# with: ...`".to_string());
            }
            ["cargo", "run", "--", "relay", rest @ ..] if !rest.contains(&"--once") => {
                return Some("this would run for ever; --once".to_string());
            }
            ["cargo", "run", "--", ..] => {}
            ["cargo", "run", "--example", name, ..] if example(name).exists() => {}
            ["cargo", "run", "--example", name, ..] => {
                return Some(format!(
                    "no example {name} is built; cargo build --examples"
                ));
            }
            ["cargo", ..] => return Some("only `cargo run` is run here".to_string()),
            _ if COMMANDS.contains(&first) => {}
            _ => return Some(format!("`{first}` is none of {}", COMMANDS.join(" "))),
        }
    }
    None
}

/// Runs all commands in one shell, and returns what each printed.
fn outputs(stage: &Stage, steps: &[Step], besides: &[Beside]) -> Vec<String> {
    let mut script = CARGO.to_string();
    for step in steps {
        let mut command = step.command.clone();
        for Beside { addresses, .. } in besides {
            command = command.replace(addresses.0, &addresses.1);
        }
        script += &format!("{command}\nstatus=$?; printf '%s' \"$MARK\"; (exit $status)\n");
    }
    let mut shell = timeless(Command::new("sh"));
    shell
        .args(["-c", &script])
        .current_dir(stage.folder())
        .env("MARK", MARK)
        .env("PROGRAM", env!("CARGO_BIN_EXE_smtp-primer"))
        .env("EXAMPLES", example("").as_os_str())
        .stdin(Stdio::null());
    let output = shell.output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    let text = in_book(&text, besides.iter().map(|beside| &beside.addresses));
    text.split(MARK).map(str::to_string).collect()
}

/// The text with the addresses of the book in it, in the place of the real ones.
fn in_book<'a>(
    text: &str,
    addresses: impl IntoIterator<Item = &'a (&'static str, String)>,
) -> String {
    let addresses = addresses.into_iter();
    addresses.fold(text.to_string(), |text, (book, truth)| {
        text.replace(truth, book)
    })
}

/// The texts that names have stood for so far.
type Names = BTreeMap<String, String>;

fn compare(file: &TextFile, step: &Step, output: &str, names: Names) -> Result<Names, String> {
    let due: Vec<&str> = step.output.iter().map(|(_, line)| line.as_str()).collect();
    let came: Vec<&str> = output.lines().map(str::trim_end).collect();
    lines_fit(&due, &came, names).map_err(|(good, came)| {
        let last = step.output.last().map_or(step.line, |(line, _)| *line);
        let line = step.output.get(good).map_or(last, |(line, _)| *line);
        let message = format!(
            "here the output differs\n  written: {}\n  came:    {}\n  all that came:\n{output}",
            due.get(good).unwrap_or(&"(nothing more)"),
            came.as_deref().unwrap_or("(nothing more)"),
        );
        file.complaint(line, message)
    })
}

/// The error is how many lines were good, and what came then.
fn lines_fit(
    due: &[&str],
    came: &[&str],
    mut names: Names,
) -> Result<Names, (usize, Option<String>)> {
    let next = came.first().map(|line| line.to_string());
    match due.split_first() {
        None if next.is_none() => Ok(names),
        None => Err((0, next)),
        Some((&"...", due)) => {
            let tries = (0..=came.len()).map(|skip| lines_fit(due, &came[skip..], names.clone()));
            // Of all the ways in which it does not fit, the one that came farthest tells most.
            let mut farthest = (0, next);
            for attempt in tries {
                match attempt {
                    Err(wrong) if wrong.0 > farthest.0 => farthest = wrong,
                    Err(_) => {}
                    fits => return fits,
                }
            }
            Err((farthest.0 + 1, farthest.1))
        }
        Some((pattern, due)) => match came.split_first() {
            Some((line, came)) if fits(pattern, line, &mut names) => {
                lines_fit(due, came, names).map_err(|(good, came)| (good + 1, came))
            }
            _ => Err((0, next)),
        },
    }
}

/// Does a line fit a pattern? The text for a name is as short as it can be.
fn fits(pattern: &str, text: &str, names: &mut Names) -> bool {
    let Some((before, name, after)) = placeholder(pattern) else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    if let Some(known) = names.get(name) {
        let rest = text.strip_prefix(known.as_str());
        return rest.is_some_and(|rest| fits(after, rest, names));
    }
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    for end in ends {
        let mut tried = names.clone();
        if !name.is_empty() {
            tried.insert(name.to_string(), text[..end].to_string());
        }
        if fits(after, &text[end..], &mut tried) {
            *names = tried;
            return true;
        }
    }
    false
}

/// Splits a pattern around its first `{name}`.
fn placeholder(pattern: &str) -> Option<(&str, &str, &str)> {
    pattern.match_indices('{').find_map(|(at, _)| {
        let (name, after) = pattern[at + 1..].split_once('}')?;
        // `{1b}`, as in `\u{1b}`, is no name.
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        is_name.then_some((&pattern[..at], name, after))
    })
}
