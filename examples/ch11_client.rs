//! The sender's side in one screen: one letter, two recipients, and only one of them exists.
//!
//! Start `cargo run --example ch10_server` in one terminal, and in another
//! `cargo run --example ch11_client`. Look for: a reply before each next command; the second dot on
//! the line that begins with one; and the result, which has an answer for each recipient.

use smtp_primer::client::{Client, Stage, Timeouts, connect};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{Trace, Wire};
use std::{env, error, io};

const LETTER: &str = "\
From: bob@b.example
To: alice@a.example, carol@a.example
Subject: dots

The next line begins with a dot:
.profile is the name of a file.
";

fn main() -> Result<(), Box<dyn error::Error>> {
    let server = env::args().nth(1).unwrap_or("127.0.0.1:2525".to_string());
    let timeouts = Timeouts::RFC;
    let socket = connect(&server, timeouts.of(Stage::Connect))?;
    let wire = Wire::traced(socket, Some(Trace::of_client(Box::new(io::stdout()))));

    let mut client = Client::open(wire, &"b.example".parse()?, timeouts)?;
    let recipients = ["<alice@a.example>".parse()?, "<carol@a.example>".parse()?];
    let text = Text::from_file(LETTER.as_bytes());
    let from = "<bob@b.example>".parse()?;
    for verdicts in client.send(&from, &recipients, &text) {
        for verdict in verdicts {
            println!("{verdict}");
        }
    }
    client.quit();
    Ok(())
}
