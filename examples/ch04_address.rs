//! Chapter 4, addresses: which texts are addresses, and where a letter to each would be sent.
//!
//! Run it: `cargo run --example ch04_address`
//! or with an address of your own: `cargo run --example ch04_address '<you@home.example>'`

use smtp_primer::protocol::address::{ForwardPath, Mailbox};
use smtp_primer::protocol::line::visible;

fn main() {
    if std::env::args().len() > 2 {
        eprintln!("usage: cargo run --example ch04_address [ADDRESS]");
        std::process::exit(2);
    }
    println!("Look for the texts that are not addresses, and for what is wrong with each.");
    println!("Look for the source route, which begins with @: only the address after it is kept.");
    println!(
        "Look for the address with two @: a careless program sends its letter to a stranger.\n"
    );
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        paths = PATHS.map(String::from).to_vec();
    }
    // ANCHOR: goal
    for text in paths {
        println!("{}", visible(text.as_bytes()));
        match text.parse() {
            Ok(ForwardPath::Mailbox(mailbox)) => {
                let (domain, user) = (mailbox.domain(), mailbox.user());
                println!("    goes to {domain}, for the user {user}");
                println!("    is written <{mailbox}>");
            }
            Ok(ForwardPath::Postmaster) => println!("    goes to the postmaster here"),
            Err(why) => println!("    refused: {why}"),
        }
    }
    // ANCHOR_END: goal
    let trap = r#""mallory@evil.example x"@a.example"#;
    if let Ok(mailbox) = trap.parse::<Mailbox>() {
        println!("\na letter to {trap}");
        println!(
            "    a careless program sends it to {}",
            careless_domain(trap)
        );
        println!("    our program sends it to {}", mailbox.domain());
    }
}

/// What a server may be told after `RCPT TO:`.
const PATHS: [&str; 9] = [
    "<alice@A.example>",
    "erin@a.example",
    "<dave@under_score.example>",
    "<postmaster>",
    "<\"al\\ice\"@a.example>",
    "<;rm -rf /;>",
    "<a\r\nRCPT TO:<eve@b.example>",
    "<@old.example,@older.example:bob@b.example>",
    "<carol@[192.0.2.1]>",
];

// ANCHOR: careless
/// The wrong version that looks right: the domain is what follows the first `@`.
fn careless_domain(address: &str) -> &str {
    let after_at = address.split('@').nth(1).unwrap_or_default();
    after_at.split([' ', '"']).next().unwrap_or_default()
}
// ANCHOR_END: careless
