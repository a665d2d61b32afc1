//! A dialogue, played as the client against two servers: one that keeps to it and one that errs.
//!
//! Run it with `cargo run --example ch08_dialogue`, and look for: `{host}`, which fits whatever a
//! server calls itself, and the same each time; and how the second server's mistake is told, with
//! the line where it happened and the rule that stands above it.

use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Stream;
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

const DIALOGUE: &str = "\
# RFC 5321 §3.1: the server speaks first, and gives its name
S: 220 {host} {}
C: HELO client.example
S: 250 {host} {}
# RFC 5321 §4.1.4: RCPT comes after MAIL
C: RCPT TO:<bob@a.example>
S: 503 {}
C: QUIT
S: 221 {host} {}
S: {close}
";

const GOOD: &str =
    "220 a.example hi\r\n250 a.example hello\r\n503 MAIL first\r\n221 a.example bye\r\n";
const HASTY: &str = "220 b.example hi\r\n250 b.example hello\r\n250 OK\r\n221 b.example bye\r\n";

/// A server that says its lines whatever it hears, and closes.
struct Parrot(Cursor<&'static str>);

impl Read for Parrot {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Parrot {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Parrot {
    fn allow(&mut self, _patience: Duration) -> io::Result<()> {
        Ok(()) // it never makes us wait
    }
}

fn main() -> Result<(), smtp_primer::dialogue::Difference> {
    let dialogue = Dialogue::parse("order.txt", DIALOGUE)?;
    for (name, lines) in [("good", GOOD), ("hasty", HASTY)] {
        let server = Parrot(Cursor::new(lines));
        match dialogue.play(Side::Client, server, Duration::from_secs(1)) {
            Ok(()) => println!("the {name} server: all as written\n"),
            Err(difference) => println!("the {name} server:\n{difference}"),
        }
    }
    Ok(())
}
