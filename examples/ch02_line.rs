//! Chapter 2, lines: a peer says six things at once, and only CR LF ends each.
//!
//! Run it: `cargo run --example ch02_line`

use smtp_primer::protocol::line::{Line, Stream, Trace, Wire, visible};
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

const LIMIT: usize = 40;

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch02_line");
        std::process::exit(2);
    }
    println!("Look for the two lines with a CR or LF in the wrong place.");
    println!("Look for the line that is too long: it is thrown away.");
    println!("Look for the last line: all replies are sent in one piece.");
    println!();
    let said = b"NOOP\r\nbare line feed\nbare\rreturn\r\nEHLO b.example\r\n\
        a line of more than forty octets, its end included\r\nQUIT\r\n";
    let trace = Trace::of_server(Box::new(io::stdout()));
    let mut wire = Wire::traced(Peer(Cursor::new(said)), Some(trace));
    // ANCHOR: goal
    loop {
        let reply = match wire.read_line(LIMIT)? {
            Line::Text(line) if line == b"QUIT" => "221 bye",
            Line::Text(_) => "250 fine",
            Line::BareNewline => "500 lines end with CR LF",
            Line::TooLong => "500 line too long",
            Line::Endless | Line::Closed => return Ok(()),
        };
        wire.write_line(reply)?;
    }
    // ANCHOR_END: goal
}

/// A peer in memory: it says its piece, and whatever we say is printed.
struct Peer(Cursor<&'static [u8]>);

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Peer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        println!("   sent in one piece: {}", visible(octets));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Peer {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
