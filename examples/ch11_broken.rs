//! Two clients and a server that refuses the first recipient; and a server that disappears.
//!
//! Run it with `cargo run --example ch11_broken`.

use smtp_primer::client::{Client, Timeouts};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{Stream, Wire};
use smtp_primer::protocol::reply::Reply;
use std::io::{self, Read, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch11_broken");
        std::process::exit(2);
    }
    println!("Look for what Alice gets when the first recipient is refused.");
    println!("Look for what a client can know when the server disappears after the dot.\n");
    let mut wire = Wire::new(Peer(REPLIES));
    let end = careless(&mut wire).err().unwrap_or_default();
    println!("the careless client:\n{end}");
    send("our client", REPLIES)?;
    let before = REPLIES.trim_end_matches("250 kept\r\n");
    send("a server that disappears", before)
}

// ANCHOR: careless
/// A careless client: the first refusal ends the transaction.
fn careless(wire: &mut Wire<Peer>) -> Result<(), String> {
    Reply::read(wire).map_err(|why| why.to_string())?;
    say(wire, "HELO b.example")?;
    say(wire, "MAIL FROM:<bob@b.example>")?;
    say(wire, "RCPT TO:<nobody@a.example>")?;
    say(wire, "RCPT TO:<alice@a.example>")?;
    say(wire, "DATA")
}
// ANCHOR_END: careless

fn say(wire: &mut Wire<Peer>, command: &str) -> Result<(), String> {
    wire.write_line(command).map_err(|why| why.to_string())?;
    let reply = Reply::read(wire).map_err(|why| why.to_string())?;
    match reply.code() {
        200..=399 => Ok(()),
        _ => Err(format!("{reply}; nobody gets the letter")),
    }
}

fn send(name: &str, replies: &'static str) -> Result<(), Box<dyn std::error::Error>> {
    println!("\n{name}:");
    let wire = Wire::new(Peer(replies));
    let mut client = Client::open(wire, &"b.example".parse()?, Timeouts::RFC)?;
    let recipients = ["<nobody@a.example>".parse()?, "<alice@a.example>".parse()?];
    let text = Text::from_file(b"Subject: lunch\n\nAt noon?\n");
    let from = "<bob@b.example>".parse()?;
    for verdict in client.send(&from, &recipients, &text).flatten() {
        let verdict = verdict
            .to_string()
            .replace(", and then ", ",\n    and then ");
        println!("{}", verdict.replace("; ", ";\n    "));
    }
    Ok(())
}

const REPLIES: &str = "220 hi\r\n250 hello\r\n250 from Bob\r\n550 no such user\r\n\
    250 to Alice\r\n354 go on\r\n250 kept\r\n";

/// A server in memory: it says one reply for each read, and closes after the last.
struct Peer(&'static str);

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (reply, rest) = self.0.split_at(self.0.find('\n').map_or(0, |at| at + 1));
        self.0 = rest;
        reply.as_bytes().read(buffer)
    }
}

impl Write for Peer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Peer {
    fn allow(&mut self, _timeout: std::time::Duration) -> io::Result<()> {
        Ok(())
    }
}
