//! Chapter 5, commands: what a server makes of each line that a client may say.
//!
//! Run it: `cargo run --example ch05_command`
//! or with a line of your own: `cargo run --example ch05_command 'mail from:<you@home.example>'`

use smtp_primer::protocol::address::ForwardPath;
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
    if let Some(line) = std::env::args().nth(1) {
        return show(&line);
    }
    for line in [
        "ehlo a.example",
        "EHLO",
        "Mail From:<@old.example:alice@a.example> size=1200 body=8bitmime",
        "MAIL FROM: <alice@a.example>",
        "MAIL FROM:<alice@a.example> RET=HDRS",
        "RCPT TO:<postmaster>",
        "RCPT TO:<>",
        "DATA now",
        "TURN",
        "GET / HTTP/1.1",
    ] {
        show(line);
    }
    let address = "bob@b.example>\r\nRCPT TO:<evil@c.example";
    println!("\nA client that glues sends:");
    for line in glue(address).split_terminator("\r\n") {
        println!("C: {line}");
    }
    println!("A client that parses the address first sends:");
    match format!("<{address}>").parse::<ForwardPath>() {
        Ok(path) => println!("C: {}", Command::Rcpt(path)),
        Err(why) => println!("no command, because {why}"),
    }
    let line = r#"MAIL FROM:<"a> SIZE=1 "@b.example> SIZE=2"#;
    println!("\nA server that ends the path at the first > reads:");
    println!("C: {line}");
    println!("   {}", first_bracket(line));
    println!("Our server reads:");
    show(line);
}

// ANCHOR: goal
/// Shows what a line is: a command as the rule writes it, or the reply to a mistake.
fn show(line: &str) {
    println!("C: {}", visible(line.as_bytes()));
    match Command::parse(line.as_bytes()) {
        Ok(command) => println!("   is {command}"),
        Err(mistake) => println!("S: {} {mistake}", mistake.code()),
    }
}
// ANCHOR_END: goal

// ANCHOR: glue
/// Wrong: it does not look at the address.
fn glue(address: &str) -> String {
    format!("RCPT TO:<{address}>\r\n")
}
// ANCHOR_END: glue

// ANCHOR: first_bracket
/// Wrong: it does not look for quotes.
fn first_bracket(line: &str) -> String {
    let (path, rest) = line.split_once('>').unwrap_or((line, ""));
    let size = rest.split(' ').find(|word| word.starts_with("SIZE="));
    format!("{path}> with {}", size.unwrap_or("no SIZE"))
}
// ANCHOR_END: first_bracket
