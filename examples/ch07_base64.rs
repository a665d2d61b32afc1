//! Chapter 7, base64 and credentials: how a password travels, and how little that hides.
//!
//! Run it: `cargo run --example ch07_base64`
//! or with a name and a password: `cargo run --example ch07_base64 alice wonderland`
//! (Do not try this with a password that you use.)

use smtp_primer::protocol::base64::{decode, encode};
use smtp_primer::protocol::line::{Trace, visible};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::protocol::sasl::{Credentials, LOGIN_CHALLENGES};
use std::io::stdout;

fn main() {
    if ![1, 3].contains(&std::env::args().len()) {
        eprintln!("usage: cargo run --example ch07_base64 [NAME PASSWORD]");
        std::process::exit(2);
    }
    println!("Look for what a listener reads: anybody on the way has the password.");
    println!("Look for what a trace shows of it.");
    println!();
    let mut words = std::env::args().skip(1);
    let credentials = Credentials {
        user: words.next().unwrap_or("alice".to_string()),
        password: words.next().unwrap_or("wonderland".to_string()),
    };

    println!("three octets are four characters:");
    for text in ["f", "fo", "foo", "foob"] {
        println!("    {text:4} is {}", encode(text.as_bytes()));
    }

    println!("LOGIN asks twice:");
    let answers = [&credentials.user, &credentials.password];
    for (challenge, answer) in LOGIN_CHALLENGES.into_iter().zip(answers) {
        println!(
            "    S: 334 {:16} ({challenge})",
            encode(challenge.as_bytes())
        );
        println!(
            "    C: {:20} ({})",
            encode(answer.as_bytes()),
            visible(answer.as_bytes())
        );
    }

    println!("PLAIN says it all at once:");
    let message = credentials.to_plain();
    println!("    C: AUTH PLAIN {message}");
    let heard = decode(&message).unwrap_or_default();
    println!("    a listener reads {}", visible(&heard));
    let mut trace = Trace::of_client(Box::new(stdout())).with_mask(PasswordMask::default());
    print!("    a trace shows ");
    trace.said(format!("AUTH PLAIN {message}\r\n").as_bytes());
    if let Some((_, read)) = Credentials::from_plain(&message) {
        println!("    the server reads the name {}", read.user);
        let answer = match read.has_password("wonderland") {
            true => "yes",
            false => "no",
        };
        println!("    is the password \"wonderland\"? {answer}");
    }
}
