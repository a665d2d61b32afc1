//! Chapter 3, dots: a text with dots in it goes over the wire and comes back the same.
//!
//! Run it: `cargo run --example ch03_dot`

use smtp_primer::protocol::dot::{Received, Text, end_text, read_text, write_text_line};
use smtp_primer::protocol::line::{Stream, Wire, visible};
use std::io::{self, Read, Write};
use std::time::Duration;

const LIMIT: usize = 1000;
const TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch03_dot");
        std::process::exit(2);
    }
    println!("Look for the dots that are on the wire and not in the text.");
    println!("Look for what a kind server would run as commands, and for what ours says.");
    println!();
    let text = Text::from_file(b"Subject: dots\n\n.\n..\n...and so on");
    println!("the text:    {}", visible(text.octets()));
    let mut wire = Wire::new(Loop::default());
    for line in text.lines() {
        write_text_line(&mut wire, line, TIMEOUT)?;
    }
    end_text(&mut wire, TIMEOUT)?;
    let received = read_text(&mut wire, LIMIT, TIMEOUT)?;
    println!("received:    {}\n", in_words(&received));

    let attack = b"Hello!\n.\r\nMAIL FROM:<boss@b.example>\r\n.\r\n";
    let mut peer = Loop::default();
    peer.write_all(attack)?;
    be_kind(attack);
    let received = read_text(&mut Wire::new(peer), LIMIT, TIMEOUT)?;
    println!("received:    {}", in_words(&received));
    Ok(())
}

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

fn in_words(received: &Received) -> String {
    match received {
        Received::Text(text) => visible(text.octets()),
        Received::BareNewline => "nothing: there is a CR or LF alone in it".to_string(),
        Received::TooBig => "nothing: it is too big".to_string(),
    }
}

/// A server that takes LF for a line end too.
fn be_kind(octets: &[u8]) {
    let mut lines = octets
        .split_inclusive(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii_end);
    for line in lines.by_ref().take_while(|line| line != b".") {
        println!("kind server: text    {}", visible(line));
    }
    for line in lines {
        println!("kind server: command {}", visible(line));
    }
}
