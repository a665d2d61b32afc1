//! Chapter 3, dots: a text with dots in it goes over the wire and comes back the same.
//!
//! Run it: `cargo run --example ch03_dot`
//!
//! Look for the dots that the wire has and the text has not. Then an attacker's text comes: it
//! pretends to end with LF "." LF. What follows that is not run; the whole text is refused.

use smtp_primer::protocol::dot::{Text, read_text, write_text};
use smtp_primer::protocol::line::{Stream, Wire, visible};
use std::io::{self, Read, Write};
use std::time::Duration;

const LIMIT: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection to ourselves: what is written can be read again.
#[derive(Default)]
struct Loop(std::collections::VecDeque<u8>);

impl Read for Loop {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Loop {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        println!("on the wire: {}", visible(octets));
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Loop {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let text = Text::from_file(b"Subject: dots\n\n.\n..\n...and so on");
    println!("the text:    {}", visible(text.octets()));
    let mut wire = Wire::new(Loop::default());
    write_text(&mut wire, &text, PATIENCE)?;
    println!(
        "received:    {:?}\n",
        read_text(&mut wire, LIMIT, PATIENCE)?
    );

    let mut smuggler = Loop::default();
    smuggler.write_all(b"Hello!\r\n\n.\nMAIL FROM:<evil@b.example>\r\n.\r\n")?;
    println!(
        "received:    {:?}",
        read_text(&mut Wire::new(smuggler), LIMIT, PATIENCE)?
    );
    Ok(())
}
