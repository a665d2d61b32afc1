//! Nothing is hidden: this talks to a mail server with a TCP connection and text, and uses nothing
//! of our library.
//!
//! Start a server, with `cargo run -- serve a.example`, and run this in a second terminal:
//! `cargo run --example ch01_by_hand 127.0.0.1:2525 alice@a.example`.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::TcpStream;

fn main() {
    if std::env::args().len() > 3 {
        eprintln!("usage: cargo run --example ch01_by_hand [HOST:PORT [ADDRESS]]");
        std::process::exit(2);
    }
    println!("Look for the digits: by them alone the two programs understand each other.");
    println!("Look for the letter afterwards: it is a file in the folder `new` of the mailbox.");
    println!();
    let mut words = std::env::args().skip(1);
    let server = words.next().unwrap_or("127.0.0.1:2525".to_string());
    let to = words.next().unwrap_or("postmaster".to_string());
    if let Err(why) = send(&server, &to) {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn send(server: &str, to: &str) -> Result<()> {
    let hint = "start a server first: cargo run -- serve a.example";
    let socket = TcpStream::connect(server);
    let mut to_server = socket.map_err(|why| Error::other(format!("{server}: {why}; {hint}")))?;
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
        hear(&mut from_server)?;
    }
    Ok(())
}

/// Shows a reply. All its lines but the last have a hyphen after the digits. The first digit says
/// whether we may go on.
fn hear(from_server: &mut BufReader<TcpStream>) -> Result<()> {
    loop {
        let mut line = String::new();
        from_server.read_line(&mut line)?;
        // What a stranger says must not drive our terminal: only printable ASCII is shown.
        let shown = line.trim_end().replace(|c| !matches!(c, ' '..='~'), "?");
        println!("S: {shown}");
        if line.get(3..4) == Some("-") {
            continue;
        }
        return match line.starts_with(['2', '3']) {
            true => Ok(()),
            false => Err(Error::other(
                "the server did not say yes: the letter was not sent",
            )),
        };
    }
}
