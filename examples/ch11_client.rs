//! The sender's side in one screen: one letter, two recipients, and only one of them exists.
//!
//! Start `cargo run --example ch10_server` in one terminal, and in another
//! `cargo run --example ch11_client`.

use smtp_primer::client::{Client, Stage, Timeouts, connect};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{Trace, Wire};
use std::{env, error::Error, io, process::exit};

const LETTER: &str = "\
From: bob@b.example
To: alice@a.example, carol@a.example
Subject: dots

The next line begins with a dot:
.profile is the name of a file.
";

fn main() {
    if env::args().len() > 2 {
        eprintln!("usage: cargo run --example ch11_client [HOST:PORT]");
        exit(2);
    }
    println!("Look for the reply before each next command, and for the dot that is doubled.");
    println!("Look for the two results at the end: one recipient does not exist.\n");
    let server = env::args().nth(1).unwrap_or("127.0.0.1:2525".to_string());
    if let Err(why) = send(&server) {
        eprintln!("{server}: {why}");
        exit(1);
    }
}

fn send(server: &str) -> Result<(), Box<dyn Error>> {
    let timeouts = Timeouts::RFC;
    let hint = "start a server first: cargo run --example ch10_server";
    let socket = connect(server, timeouts.of(Stage::Connect));
    let socket = socket.map_err(|why| format!("{why}; {hint}"))?;
    let wire = Wire::traced(socket, Some(Trace::of_client(Box::new(io::stdout()))));

    // ANCHOR: goal
    let mut client = Client::open(wire, &"b.example".parse()?, timeouts)?;
    let recipients = ["<alice@a.example>".parse()?, "<carol@a.example>".parse()?];
    let text = Text::from_file(LETTER.as_bytes());
    let from = "<bob@b.example>".parse()?;
    for verdict in client.send(&from, &recipients, &text).flatten() {
        println!("{verdict}");
    }
    client.quit();
    // ANCHOR_END: goal
    Ok(())
}
