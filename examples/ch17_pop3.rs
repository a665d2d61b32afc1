//! The rules of POP3, with no connection and no mailbox: lines go in, steps come out.
//!
//! Run it with `cargo run --example ch17_pop3`.

use smtp_primer::pop3::{Listed, Pop3Session, Pop3Step};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::Host;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch17_pop3");
        std::process::exit(2);
    }
    println!("Look for the numbers: they stay the same, although letter 1 is deleted.");
    println!("Look for the last step: only QUIT removes letters; without it all of them stay.");
    println!();
    let host = Host {
        domain: "a.example".parse()?,
        users: [("alice".to_string(), "wonderland".to_string())].into(),
        aliases: [].into(),
        max_size: 1000,
    };
    let mut session = Pop3Session::new(&host, true);
    println!("S: {}", session.greeting());
    for line in [
        "STAT",
        "USER alice",
        "PASS wonderland",
        "STAT",
        "LIST",
        "RETR 2",
        "DELE 1",
        "LIST",
        "RETR 1",
        "TOP 2 0",
        "QUIT",
    ] {
        println!("C: {line}");
        match session.line(&Line::Text(line.as_bytes().to_vec())) {
            Pop3Step::Say(reply) => println!("S: {reply}"),
            Pop3Step::Lines(lines) => println!("S: {}\nS: .", lines.join("\nS: ")),
            Pop3Step::Open(user) => {
                // Here the driver would open the mailbox and say what lies in it.
                println!("   (open the mailbox of {user})");
                let letters = [Listed::new("first", 120), Listed::new("second", 200)];
                println!("S: {}", session.opened(letters.to_vec()));
            }
            Pop3Step::Remove(places) => {
                let numbers = places.iter().map(|place| (place + 1).to_string());
                let numbers: Vec<String> = numbers.collect();
                println!("   (remove letter {})", numbers.join(", "));
                println!("S: {}", session.removed(0));
            }
            // The driver would read the letter, and send all of it, or its beginning.
            Pop3Step::Send(at, None) => println!("   (send all of letter {})", at + 1),
            Pop3Step::Send(at, Some(most)) => {
                println!(
                    "   (send the header of letter {}, and {most} lines more)",
                    at + 1
                );
            }
            Pop3Step::Close(reply) => println!("S: {reply}"),
            Pop3Step::Gone => println!("   (the caller has gone)"),
        }
    }
    Ok(())
}
