//! The rules of POP3, with no connection and no mailbox: lines go in, steps come out.
//!
//! Run it with `cargo run --example ch17_pop3`.

use smtp_primer::pop3::{Listed, Pop3Session, Pop3Step};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::Host;
use std::error::Error;

const LINES: [&str; 9] = [
    "STAT",
    "USER alice",
    "PASS wonderland",
    "LIST",
    "RETR 2",
    "DELE 1",
    "LIST",
    "RETR 1",
    "QUIT",
];

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch17_pop3");
        std::process::exit(2);
    }
    println!("Look for the numbers: they stay the same, although letter 1 is deleted.");
    println!("Look for the last step: only QUIT removes letters.");
    println!();
    let host = Host {
        domain: "a.example".parse()?,
        users: [("alice".to_string(), "wonderland".to_string())].into(),
        aliases: [].into(),
        max_size: 1000,
    };
    let mut session = Pop3Session::new(&host, true);
    println!("S: {}", session.greeting());
    // ANCHOR: goal
    for line in LINES {
        println!("C: {line}");
        match session.line(&Line::Text(line.into())) {
            Pop3Step::Say(reply) | Pop3Step::Close(reply) => println!("S: {reply}"),
            Pop3Step::Lines(lines) => println!("S: {}\nS: .", lines.join("\nS: ")),
            Pop3Step::Open(user) => {
                println!("   (open the mailbox of {user})");
                let letters = [Listed::new("first", 120), Listed::new("second", 200)];
                println!("S: {}", session.opened(letters.to_vec()));
            }
            Pop3Step::Send(place, _) => println!("   (send the letter at {place})"),
            Pop3Step::Remove(places) => {
                println!("   (remove the letters at {places:?})");
                println!("S: {}", session.removed(0));
            }
            Pop3Step::Gone => println!("   (the caller has gone)"),
        }
    }
    // ANCHOR_END: goal
    Ok(())
}
