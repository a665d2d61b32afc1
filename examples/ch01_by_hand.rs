//! Nothing is hidden: this talks to a mail server with a TCP connection and text, and uses nothing
//! of our library.
//!
//! Start a server, with `cargo run -- serve a.example`, and run this in a second terminal:
//! `cargo run --example ch01_by_hand 127.0.0.1:2525 alice@a.example`. Look for: the digits, by
//! which alone the two programs understand each other; and the letter, which is a file now in
//! `a.example/mail/alice/new`.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::TcpStream;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let server = words.next().unwrap_or("127.0.0.1:2525".to_string());
    let to = words.next().unwrap_or("postmaster".to_string());
    let mut to_server = TcpStream::connect(server)?;
    let mut from_server = BufReader::new(to_server.try_clone()?);

    hear(&mut from_server)?;
    for line in [
        "EHLO localhost",
        "MAIL FROM:<bob@b.example>",
        &format!("RCPT TO:<{to}>"),
        "DATA",
        "Subject: By hand\r\n\r\nHello.\r\n.",
        "QUIT",
    ] {
        println!("C: {}", line.replace("\r\n", "\nC: "));
        to_server.write_all(format!("{line}\r\n").as_bytes())?;
        if !hear(&mut from_server)? {
            break;
        }
    }
    Ok(())
}

/// Shows a reply; all its lines but the last have a hyphen after the digits. Shall we go on?
fn hear(from_server: &mut BufReader<TcpStream>) -> Result<bool> {
    loop {
        let mut line = String::new();
        from_server.read_line(&mut line)?;
        // What a stranger says must not drive our terminal.
        println!("S: {}", line.trim_end().escape_debug());
        if line.get(3..4) != Some("-") {
            return Ok(line.starts_with(['2', '3']));
        }
    }
}
