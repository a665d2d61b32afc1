//! Chapter 20, the command line: a program that always ends well, and options that are guessed.
//! Run it: `cargo run --example ch20_wrong`, or with HOST:PORT for the program that ends well.

use smtp_primer::command_line;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.as_slice() {
        [_] => println!("Look for Eve, who is in the subject and becomes a recipient.\n"),
        [_, server] if server.contains(':') => return careless(server),
        _ => {
            eprintln!("usage: cargo run --example ch20_wrong [HOST:PORT]");
            return ExitCode::from(2);
        }
    }
    let given = ["--to", "bob@b.example", "--subject", "--bcc=eve@c.example"];
    println!("guessed:");
    for (name, value) in guessed(&given) {
        println!("{}", format!("  {name:8} {value}").trim_end());
    }
    println!("ours:");
    let send = ["send", "--server", "127.0.0.1:9", "--from", "a@a.example"];
    command_line::run(send.iter().chain(&given).map(|word| word.into()));
    ExitCode::SUCCESS
}

// ANCHOR: careless
/// Wrong: it says what went wrong, and then ends as if all was well.
fn careless(server: &str) -> ExitCode {
    let send = "send --from bob@b.example --to alice@a.example --server";
    let words = send.split(' ').chain([server]);
    command_line::run(words.map(|word| word.into()));
    ExitCode::SUCCESS
}
// ANCHOR_END: careless

// ANCHOR: guessed
/// Wrong: a word with dashes is always an option, and its value may be missing.
fn guessed<'a>(words: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut options: Vec<(&str, &str)> = Vec::new();
    for word in words {
        match (word.strip_prefix("--"), options.last_mut()) {
            (Some(option), _) => options.push(option.split_once('=').unwrap_or((option, ""))),
            (None, Some((_, value))) => *value = word,
            (None, None) => {}
        }
    }
    options
}
// ANCHOR_END: guessed
