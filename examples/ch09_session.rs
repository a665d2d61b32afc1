//! A whole conversation with the receiver's rules, and nothing else: no socket, no file, no clock.
//!
//! Run it with `cargo run --example ch09_session`.

use smtp_primer::protocol::dot::{BareNewline, Received, Text};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::{Caller, Host, Session, Step};
use std::collections::BTreeMap;
use std::net::IpAddr;

const SAID: [&str; 9] = [
    "HELO client.example",
    "MAIL FROM:<alice@b.example>",
    "RCPT TO:<bob@a.example>",
    "DATA",
    "DATA",
    "MAIL FROM:<carol@c.example>",
    "RCPT TO:<dave@a.example>",
    "DATA",
    "QUIT",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch09_session");
        std::process::exit(2);
    }
    println!("Look for the second DATA: it is refused, because the first letter is gone.");
    println!("Look for the recipients of the second letter: ours has one.\n");
    let users = ["bob", "dave"].map(|name| (name.to_string(), "a password".to_string()));
    let host = Host {
        domain: "a.example".parse()?,
        users: BTreeMap::from(users),
        aliases: BTreeMap::new(),
        max_size: 10_000,
    };
    let caller = Caller {
        ip: IpAddr::from([192, 0, 2, 1]),
        local: IpAddr::from([192, 0, 2, 25]),
        is_trusted: false,
        may_authenticate: false,
    };
    let text = Text::new(b"Subject: hello\r\n".to_vec()).map_err(|BareNewline| "no text")?;
    let mut texts = [Received::TooBig, Received::Text(text)].into_iter();
    // ANCHOR: goal
    let mut session = Session::new(&host, caller);
    println!("S: {}", session.greeting());
    for said in SAID {
        println!("C: {said}");
        match session.line(&Line::Text(said.as_bytes().to_vec())) {
            Step::Reply(reply) | Step::Close(reply) => println!("S: {reply}"),
            Step::Text(reply) => {
                println!("S: {reply}");
                let text = texts.next().ok_or("no more texts")?;
                match session.received(text) {
                    Ok(letter) => println!("   a letter to {}", letter.forward_paths[0]),
                    Err(refusal) => println!("S: {refusal}"),
                }
            }
            Step::Gone => break,
        }
    }
    // ANCHOR_END: goal
    println!("\nThe careless session hears the same, from RCPT on:");
    let mut careless = Careless {
        to: vec!["<bob@a.example>"],
    };
    println!("{}", careless.received(None));
    careless.to.push("<dave@a.example>");
    println!("{}", careless.received(Some("Subject: hello")));
    Ok(())
}

// ANCHOR: careless
/// Wrong: the recipients are a variable, and each way out has to empty it.
struct Careless {
    to: Vec<&'static str>,
}

impl Careless {
    fn received(&mut self, text: Option<&str>) -> String {
        if text.is_none() {
            return "S: 552 too big".to_string();
        }
        let reply = format!("   a letter to {}", self.to.join(" and "));
        self.to.clear();
        reply
    }
}
// ANCHOR_END: careless
