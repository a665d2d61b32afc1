//! The rules of POP3, with no connection and no mailbox: lines go in, steps come out.
//!
//! Run it with `cargo run --example ch17_pop3`, and look for: the numbers, which stay although
//! letter 1 is deleted; and the last step, the only one that says `Remove`. If the connection
//! drops before it, nothing is removed.

use smtp_primer::pop3::{Message, Session, Step};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::Host;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let host = Host {
        domain: "a.example".parse()?,
        users: [("alice".to_string(), "wonderland".to_string())].into(),
        aliases: [].into(),
        max_size: 1000,
    };
    let mut session = Session::new(&host, true);
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
            Step::Say(reply) => println!("S: {reply}"),
            Step::Lines(lines) => println!("S: {}\nS: .", lines.join("\nS: ")),
            Step::Open(user) => {
                // Here the driver would open the mailbox and say what lies in it.
                println!("   (open the mailbox of {user})");
                let letters = [Message::new("first", 120), Message::new("second", 200)];
                println!("S: {}", session.opened(letters.to_vec()));
            }
            Step::Remove(places) => {
                println!("   (remove the letters at {places:?})");
                println!("S: {}", session.removed(0));
            }
            // The driver would read the letter, and send all of it, or its beginning.
            Step::Send(at, None) => println!("   (send all of the letter at [{at}])"),
            Step::Send(at, Some(most)) => {
                println!("   (send the header of the letter at [{at}], and {most} lines more)");
            }
            Step::Close(reply) => println!("S: {reply}"),
            Step::Gone => println!("   (the caller has gone)"),
        }
    }
    Ok(())
}
