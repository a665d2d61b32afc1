//! A whole conversation with the receiver's rules, and nothing else: no socket, no file, no clock.
//!
//! Run it with `cargo run --example ch09_session`.

use smtp_primer::protocol::dot::{BareNewline, Received, Text};
use smtp_primer::protocol::line::Line;
use smtp_primer::protocol::reply::Reply;
use smtp_primer::session::{Caller, Host, Letter, Session, Step};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const SAID: [&str; 10] = [
    "DATA",
    "EHLO client.example",
    "MAIL FROM:<alice@b.example>",
    "DATA",
    "RCPT TO:<nobody@a.example>",
    "RCPT TO:<bob@a.example>",
    "RCPT TO:<carol@c.example>",
    "DATA",
    "DATA",
    "QUIT",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch09_session");
        std::process::exit(2);
    }
    println!("Look for DATA: it is refused before MAIL and RCPT, and again after the letter.");
    println!("Look for the envelope: it holds only the recipients that were accepted.");
    println!();
    let host = Host {
        domain: "a.example".parse()?,
        users: BTreeMap::from([("bob".to_string(), "builder".to_string())]),
        aliases: BTreeMap::new(),
        max_size: 10_000,
    };
    let stranger = Caller {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        local: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25)),
        is_trusted: false,
        may_authenticate: false,
    };
    let mut session = Session::new(&host, stranger);
    show(&session.greeting());
    for said in SAID {
        println!("C: {said}");
        match session.line(&Line::Text(said.as_bytes().to_vec())) {
            Step::Reply(reply) | Step::Close(reply) => show(&reply),
            Step::Text(reply) => {
                show(&reply);
                println!("   (now the text is read: chapter 3)");
                let text = Text::new(b"Subject: hello\r\n\r\nHow are you?\r\n".to_vec());
                let text = text.map_err(|BareNewline| "no text")?;
                match session.received(Received::Text(text)) {
                    Ok(letter) => show_envelope(&letter),
                    Err(refusal) => show(&refusal),
                }
            }
            _ => break,
        }
    }
    Ok(())
}

fn show(reply: &Reply) {
    reply.lines().iter().for_each(|line| println!("S: {line}"));
}

fn show_envelope(letter: &Letter) {
    println!("   (now the letter is kept, and then 250 is said: chapter 10)");
    println!("   (from {})", letter.reverse_path);
    letter
        .forward_paths
        .iter()
        .for_each(|to| println!("   (to {to})"));
}
