//! Chapter 6, replies: what a client makes of the answers that servers give.
//!
//! Run it: `cargo run --example ch06_reply`

use smtp_primer::protocol::line::{Stream, Wire, visible};
use smtp_primer::protocol::reply::{Reply, Severity, in_words};
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

const ANSWERS: [&[u8]; 11] = [
    b"250 fine\r\n",
    b"250\r\n",
    b"250-b.example greets you\r\n250-SIZE 1000000\r\n250 HELP\r\n",
    b"354 go on\r\n",
    b"447 a code that nobody has heard of\r\n",
    b"550 no such user \x1b[2J\r\n",
    b"250-one thing\r\n550 and another\r\n",
    b"HTTP/1.1 400 Bad Request\r\n",
    b"250-and th",
    b"550-no such user\r\n550\r\n",
    ATTACK,
];

/// A reply that ends with `550` and LF alone, and more text from the same server.
const ATTACK: &[u8] = b"550-no such user\n550\ncommand: anything\n";

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch06_reply");
        std::process::exit(2);
    }
    println!("Look for the code that nobody has heard of: its first digit says enough.");
    println!("Look for the reply after it, which would clear your screen.");
    println!(
        "Look for the four that are not replies, and for what a careless client makes of one."
    );
    println!();
    // ANCHOR: goal
    for answer in ANSWERS {
        println!("S: {}", visible(answer));
        match Reply::read(&mut Wire::new(Server(Cursor::new(answer)))) {
            Ok(reply) => {
                let then = match reply.severity() {
                    Severity::Done => "done, next command",
                    Severity::GoOn => "go on with what was begun",
                    Severity::TryLater => "keep the letter, try again later",
                    Severity::Refused => "give up, tell the sender",
                };
                let text = reply.text().join("\" \"");
                println!("   {} \"{text}\": {then}", reply.code());
            }
            Err(error) => println!("   {}", in_words(&error)),
        }
    }
    // ANCHOR_END: goal
    println!();
    let text = careless_text(ATTACK, "550-no such user\n".len());
    println!("A careless client takes this for the text of the last line:");
    println!("   {}", visible(text));
}

// ANCHOR: careless
/// The wrong way that looks right. `memory` is all that has come, and
/// `line` is where a line begins.
fn careless_text(memory: &[u8], line: usize) -> &[u8] {
    &memory[line + 4..]
}
// ANCHOR_END: careless

/// A server that gives one answer and goes away.
struct Server(Cursor<&'static [u8]>);

impl Read for Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Server {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Server {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
