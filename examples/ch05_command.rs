//! Chapter 5, commands: what a server makes of each line that a client may say.
//!
//! Run it: `cargo run --example ch05_command`
//! or with a line of your own: `cargo run --example ch05_command 'mail from:<you@home.example>'`

use smtp_primer::protocol::command::Command;
use smtp_primer::protocol::line::visible;

fn main() {
    if std::env::args().len() > 2 {
        eprintln!("usage: cargo run --example ch05_command [LINE]");
        std::process::exit(2);
    }
    println!("Look for the codes: 501 wrong argument, 555 unknown parameter, 421 not SMTP.");
    println!("Look for the good commands: each is shown as the rule writes it.");
    println!();
    let mut lines: Vec<String> = std::env::args().skip(1).collect();
    if lines.is_empty() {
        let some = [
            "ehlo a.example",
            "EHLO",
            "Mail From:<@old.example:alice@a.example> size=1200 body=8bitmime",
            "MAIL FROM: <alice@a.example>",
            "MAIL FROM:<alice@a.example> RET=HDRS",
            "MAIL FROM:<a@b>\r\nRCPT TO:<evil@b.example>",
            "RCPT TO:<postmaster>",
            "RCPT TO:<>",
            "DATA\t",
            "DATA now",
            "auth login",
            "TURN",
            "GET / HTTP/1.1",
        ];
        lines = some.map(String::from).to_vec();
    }
    for line in lines {
        println!("C: {}", visible(line.as_bytes()));
        match Command::parse(line.as_bytes()) {
            Ok(command) => println!("   is {command}"),
            Err(wrong) => println!("S: {} {wrong}", wrong.code()),
        }
    }
}
