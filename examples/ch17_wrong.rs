//! Chapter 17, POP3: what goes wrong with a server that removes a letter at DELE.
//!
//! Run it: `cargo run --example ch17_wrong`

use smtp_primer::pop3::{Listed, Pop3Session, Pop3Step};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::Host;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch17_wrong");
        std::process::exit(2);
    }
    println!("Look for the letters that are left when the connection breaks.");
    println!("Look for the letter that nobody wanted to delete.\n");

    println!("The connection breaks after DELE 1, before QUIT:");
    show("removes at DELE", &careless(&["DELE 1"]));
    show("removes after QUIT", &ours(&["DELE 1"])?);
    println!("The client says DELE 1, DELE 2 and QUIT:");
    show("removes at DELE", &careless(&["DELE 1", "DELE 2", "QUIT"]));
    show("removes after QUIT", &ours(&["DELE 1", "DELE 2", "QUIT"])?);
    Ok(())
}

fn show(server: &str, left: &[&str]) {
    println!("  a server that {server}: {}", left.join(", "));
}

const LETTERS: [&str; 3] = ["from Ann", "from Bob", "from Cho"];

// ANCHOR: careless
/// Wrong: it removes each letter at its DELE. Returns the letters that are left.
fn careless(lines: &[&str]) -> Vec<&'static str> {
    let mut letters = LETTERS.to_vec();
    for line in lines {
        if let Some(number) = line.strip_prefix("DELE ") {
            let number: usize = number.parse().unwrap_or(1);
            letters.remove(number - 1);
        }
    }
    letters
}
// ANCHOR_END: careless

/// The same lines, and the session of chapter 17.
fn ours(lines: &[&str]) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let host = Host {
        domain: "a.example".parse()?,
        users: [].into(),
        aliases: [].into(),
        max_size: 1000,
    };
    let mut session = Pop3Session::new(&host, true);
    session.opened(LETTERS.map(|uid| Listed::new(uid, 100)).to_vec());
    let mut letters = LETTERS.map(Some);
    for line in lines {
        if let Pop3Step::Remove(places) = session.line(&Line::Text((*line).into())) {
            for place in places {
                letters[place] = None;
            }
        }
    }
    Ok(letters.into_iter().flatten().collect())
}
