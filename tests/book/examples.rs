//! The examples are read and run by people: what they print is words, also when they fail.

use crate::project::files;
use assert_cmd::Command;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// What `{:?}` makes of an error or a step. It is for programmers, and no page explains it.
const RAW: [&str; 11] = [
    "Os {",
    "Custom {",
    "Err(",
    "Error(",
    "Send(",
    "ExitCode(",
    "Ok(",
    "Some(",
    "Text(",
    "None",
    "Bare",
];

/// An example with these arguments. (`cargo test` builds all examples, `cargo test --test book` none.)
fn example(name: &str, words: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_smtp-primer"));
    let program = program.with_file_name("examples").join(name);
    assert!(
        program.exists(),
        "no example {name} is built; cargo build --examples"
    );
    let mut command = Command::new(program);
    command.timeout(Duration::from_secs(60)).args(words);
    command
}

/// The names of the examples, and whether each serves or needs a server.
fn names() -> Vec<(String, bool)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for file in files(root, "examples", "rs") {
        let code = std::fs::read_to_string(root.join(&file)).expect("an example");
        let name = file.trim_start_matches("examples/").trim_end_matches(".rs");
        names.push((name.to_string(), code.contains("127.0.0.1:2525")));
    }
    names
}

#[track_caller]
fn prints_words(name: &str, output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    for raw in RAW {
        assert!(!text.contains(raw), "{name} prints {raw}: {text}");
    }
}

#[test]
fn an_example_runs_alone_and_prints_words() {
    for (name, needs_server) in names() {
        if !needs_server {
            let assert = example(&name, &[]).assert().success();
            prints_words(&name, &assert.get_output().stdout);
            prints_words(&name, &assert.get_output().stderr);
            assert!(
                assert.get_output().stdout.starts_with(b"Look for"),
                "{name}"
            );
        }
    }
}

#[test]
fn an_example_that_takes_no_arguments_says_so() {
    for (name, needs_server) in names() {
        // These take whatever one wants to try.
        if needs_server || ["ch04_address", "ch05_command"].contains(&name.as_str()) {
            continue;
        }
        let assert = example(&name, &["a", "b", "c"]).assert().code(2).stdout("");
        let message = String::from_utf8_lossy(&assert.get_output().stderr);
        let usage = format!("usage: cargo run --example {name}");
        assert!(message.starts_with(&usage), "{message}");
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
        ("ch01_by_hand", &["127.0.0.1:1", "bob@b.example", "x"][..]),
        ("ch10_server", &["127.0.0.1:0", "x"]),
        ("ch10_server", &[&taken]),
        ("ch11_client", &["127.0.0.1:1", "x"]),
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
