//! Chapter 4, addresses: which texts are addresses, and where a letter to each would be sent.
//!
//! Run it: `cargo run --example ch04_address`
//! or with an address of your own: `cargo run --example ch04_address '<you@home.example>'`

use smtp_primer::protocol::address::ForwardPath;
use smtp_primer::protocol::line::visible;

fn main() {
    if std::env::args().len() > 2 {
        eprintln!("usage: cargo run --example ch04_address [ADDRESS]");
        std::process::exit(2);
    }
    println!("Look for the address with two @: cut at the first one, it leads to a stranger.");
    println!("Look for the source route, which begins with @: only the address after it is kept.");
    println!();
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        let some = [
            "<alice@A.example>",
            "<\"al\\ice\"@a.example>",
            "<\"victim@x y\"@internal.example>",
            "<@old.example,@older.example:bob@b.example>",
            "<carol@[192.0.2.1]>",
            "<postmaster>",
            "<;rm -rf;>",
            "<a\r\nRCPT TO:<evil@b.example>",
            "<dave@under_score.example>",
            "erin@a.example",
        ];
        paths = some.map(String::from).to_vec();
    }
    for text in paths {
        println!("{}", visible(text.as_bytes()));
        match text.parse() {
            Ok(ForwardPath::Postmaster) => println!("    whoever looks after the mail here"),
            Ok(ForwardPath::Mailbox(mailbox)) => {
                let user = mailbox.user();
                println!("    goes to {}, for the user {user}", mailbox.domain());
                println!("    is written <{mailbox}>");
            }
            Err(why) => println!("    refused: {why}"),
        }
    }
}
