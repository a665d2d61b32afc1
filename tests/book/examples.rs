//! The examples are read and run by people: what they print is words, also when they fail.

use crate::common::process::Server;
use crate::common::side_by_side::side_by_side;
use crate::project::{files, is_anchor_line};
use assert_cmd::Command;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Words and parts of words that `{:?}` makes of a value. It is for programmers, and no page
/// explains it. A name before a bracket or brace is found as well: `Os {`, `Text(`.
const RAW_WORDS: [&str; 3] = ["true", "false", "()"];
const RAW_PARTS: [&str; 3] = ["None", "Bare", "Error:"];

/// Where an example is. (`cargo test` builds all examples, `cargo test --test book` none.)
fn path(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_smtp-primer"));
    let program = program.with_file_name("examples").join(name);
    assert!(
        program.exists(),
        "no example {name} is built; cargo build --examples"
    );
    program
}

/// An example with these arguments.
fn example(name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(path(name));
    command.timeout(Duration::from_secs(60)).args(words);
    command
}

/// The names of the examples, and their code.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = Vec::new();
    for file in files(root, "examples", "rs") {
        let code = std::fs::read_to_string(root.join(&file)).expect("an example");
        let name = file.trim_start_matches("examples/").trim_end_matches(".rs");
        // It is the desk of the coursework, and no piece of the mail system.
        if name != "grade" {
            examples.push((name.to_string(), code));
        }
    }
    examples
}

/// Neither a server nor its client.
fn runs_alone(code: &str) -> bool {
    !code.contains("127.0.0.1:2525")
}

/// What in this text is the debug output of a Rust value.
fn raw(text: &str) -> Option<&str> {
    if let Some(part) = RAW_PARTS.into_iter().find(|part| text.contains(part)) {
        return Some(part);
    }
    for word in text.split_whitespace() {
        let word = word.trim_end_matches([',', '.', ';']);
        if RAW_WORDS.contains(&word) {
            return Some(word);
        }
    }
    text.match_indices(['(', '{']).find_map(|(at, bracket)| {
        let before = &text[..at];
        let before = match bracket {
            "{" => before.strip_suffix(' ').unwrap_or(before),
            _ => before,
        };
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.contains(|c: char| c.is_ascii_lowercase());
        is_type.then(|| &text[before.len() - name.len()..=at])
    })
}

#[track_caller]
fn prints_words(name: &str, output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    if let Some(raw) = raw(&text) {
        panic!("{name} prints {raw}: {text}");
    }
}

/// One to three short lines that begin with `Look for`, and an empty one.
#[track_caller]
fn says_what_to_look_for(name: &str, output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    let (first, _) = text.split_once("\n\n").unwrap_or_default();
    let lines: Vec<&str> = first.lines().collect();
    assert!((1..=3).contains(&lines.len()), "{name}: {text}");
    for line in lines {
        assert!(line.starts_with("Look for "), "{name}: {line}");
        assert!(line.chars().count() <= 85, "{name}: {line}");
    }
}

#[test]
fn what_debug_output_makes_of_a_value_is_found() {
    for value in [
        "Error: Os { code: 13, kind: NotFound }",
        "Send(1, None)",
        "is it right? true",
        "found: None",
        "Ok(())",
        "done: ()",
        "Message{",
        "BareNewline",
    ] {
        assert!(raw(value).is_some(), "{value}");
    }
    for words in [
        "S: 220 {}",
        "334 VXNlcm5hbWU6     (Username:)",
        "(os error 2)",
        "it is untrue",
    ] {
        assert_eq!(raw(words), None, "{words}");
    }
}

#[test]
fn an_example_says_first_what_to_look_for_and_prints_words() {
    let mut examples = examples();
    examples.retain(|(_, code)| runs_alone(code));
    side_by_side(examples, |(name, _)| {
        let assert = example(&name, &[]).assert().success();
        says_what_to_look_for(&name, &assert.get_output().stdout);
        prints_words(&name, &assert.get_output().stdout);
        prints_words(&name, &assert.get_output().stderr);
    });
}

/// A server says first where it listens: who starts it can wait for that.
#[test]
fn the_server_and_its_two_clients_say_what_to_look_for_and_print_words() {
    let mut command = std::process::Command::new(path("ch10_server"));
    let server = Server::run(command.arg("127.0.0.1:0"));
    for name in ["ch01_by_hand", "ch11_client"] {
        let assert = example(name, &[&server.address]).assert().success();
        says_what_to_look_for(name, &assert.get_output().stdout);
        prints_words(name, &assert.get_output().stdout);
    }
    let output = server.end();
    says_what_to_look_for("ch10_server", output.as_bytes());
    prints_words("ch10_server", output.as_bytes());
}

#[test]
fn an_example_that_fails_says_why_in_words() {
    // Nobody can make a folder below a file. (The others do not look at it.)
    let mut examples = examples();
    examples.retain(|(_, code)| runs_alone(code) && code.contains("temp_dir"));
    assert!(examples.len() > 5);
    side_by_side(examples, |(name, _)| {
        let file = path(&name);
        let output = example(&name, &[]).env("TMPDIR", file).output();
        let output = output.expect("an example");
        prints_words(&name, &output.stdout);
        prints_words(&name, &output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{name}");
    });
    for words in [["b.example", "no address"], ["b example", "127.0.0.1:9"]] {
        let assert = example("ch15_next_hop", &words).assert().code(1);
        prints_words("ch15_next_hop", &assert.get_output().stderr);
    }
}

#[test]
fn an_example_with_a_wrong_number_of_arguments_says_its_usage() {
    for (name, _) in examples() {
        if name == "load" {
            continue; // It has options, and a test below.
        }
        let assert = example(&name, &["a", "b", "c"]).assert().code(2).stdout("");
        let message = String::from_utf8_lossy(&assert.get_output().stderr);
        let usage = format!("usage: cargo run --example {name}");
        assert!(message.starts_with(&usage), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        prints_words(&name, &assert.get_output().stderr);
        // One more than the usage line names is too many.
        let rest = message.trim_end().trim_start_matches(&usage);
        let most = rest.split_whitespace().count();
        let words = vec!["x"; most + 1];
        example(&name, &words).assert().code(2).stdout("");
    }
}

#[test]
fn an_example_without_its_server_says_how_to_start_one() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("its address").to_string();
    drop(listener);
    for (name, words, hint) in [
        ("ch01_by_hand", &[nobody.as_str()][..], "cargo run -- serve"),
        (
            "ch11_client",
            &[nobody.as_str()],
            "cargo run --example ch10_server",
        ),
        (
            "load",
            &["--server", nobody.as_str()],
            "cargo run --release -- serve",
        ),
    ] {
        let assert = example(name, words).assert().code(1);
        let stderr = &assert.get_output().stderr;
        let message = String::from_utf8_lossy(stderr);
        assert!(message.starts_with(&format!("{nobody}: ")), "{message}");
        assert!(message.contains("start a server"), "{message}");
        assert!(message.contains(hint), "{message}");
        prints_words(name, stderr);
    }
}

#[test]
fn an_example_with_wrong_arguments_says_which_it_takes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("its address").to_string();
    for (name, words) in [
        ("ch10_server", &["127.0.0.1:0", "x"][..]),
        ("ch10_server", &[&taken]),
        ("ch11_client", &["127.0.0.1:1", "x"]),
        ("ch07_base64", &["alice"]),
        ("ch15_next_hop", &["b.example"]),
        ("load", &["--frob", "x"]),
        ("load", &["127.0.0.1:1"]),
        ("load", &["--server"]),
        ("load", &["--letters", "0"]),
        ("load", &["--size", "x"]),
    ] {
        let assert = example(name, words).assert().code(2).stdout("");
        let stderr = &assert.get_output().stderr;
        let message = String::from_utf8_lossy(stderr);
        assert!(message.contains("usage: cargo run "), "{name}: {message}");
        assert!(message.contains(&format!("--example {name} ")), "{message}");
        prints_words(name, stderr);
    }
}

/// `main` is the first function, so that a reader meets the story before its helpers.
#[test]
fn an_example_begins_with_main_and_is_at_most_two_screens() {
    for (name, code) in examples() {
        let mut functions = code.lines().filter(|line| line.contains("fn "));
        let first = functions.next().expect("a function");
        assert!(first.starts_with("fn main()"), "{name}: {first}");
        let most = match name.as_str() {
            "load" => continue, // a tool: it teaches nothing line by line
            "ch16_relay" => 80,
            _ => 90,
        };
        let lines = code.lines().filter(|line| !is_anchor_line(line)).count();
        assert!(lines <= most, "{name} has {lines} lines");
    }
}

#[test]
fn a_minimal_server_and_client_are_one_screen_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["ch10_server", "ch11_client"] {
        let code = std::fs::read_to_string(root.join(format!("examples/{name}.rs")));
        let code = code.expect("an example");
        let lines = code.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
        assert!(lines.count() <= 48, "{name}");
    }
}
