//! Chapter 20, the command line: a program that always ends well, and options that are guessed.
//! Run it: `cargo run --example ch20_wrong`. With words, it runs a command of smtp-primer.

use smtp_primer::command_line;
use std::env::args_os;
use std::process::ExitCode;

fn main() -> ExitCode {
    if args_os().len() > 1 {
        return careless();
    }
    println!("Look for Eve, who is in the subject and becomes a recipient.\n");
    let given = ["--to", "bob@b.example", "--subject", "--bcc=eve@c.example"];
    println!("guessed:");
    for (name, value) in guessed(&given) {
        println!("  {name:8} {value}");
    }
    println!("ours:");
    let words = ["send", "--server", "127.0.0.1:9", "--from", "a@a.example"];
    let words = words.iter().chain(&given);
    command_line::run(words.map(|word| word.into()))
}

// ANCHOR: careless
/// Wrong: it says what went wrong, and then ends as if all was well.
fn careless() -> ExitCode {
    command_line::run(args_os().skip(1));
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
