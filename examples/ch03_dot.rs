//! Chapter 3, dots: a text goes over the wire and comes back the same, and a forged letter comes
//! to a kind server and to ours. Run it: `cargo run --example ch03_dot`

use smtp_primer::protocol::dot::{Received, Text, end_text, read_text, write_text_line};
use smtp_primer::protocol::line::{Stream, Wire, visible};
use std::io::{self, Read, Write};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch03_dot");
        std::process::exit(2);
    }
    println!("Look for the dots that are on the wire and not in the text.");
    println!("Look for the letter from the boss, which the boss never wrote.\n");
    // ANCHOR: goal
    let text = Text::from_file(b"Subject: dots\n\n.\n..\n...and so on");
    println!("the text:    {}", visible(text.octets()));
    let mut wire = Wire::new(Loop::default());
    for line in text.lines() {
        write_text_line(&mut wire, line, TIMEOUT)?;
    }
    end_text(&mut wire, TIMEOUT)?;
    let received = read_text(&mut wire, 1000, TIMEOUT)?;
    println!("received:    {}", in_words(&received));
    // ANCHOR_END: goal
    println!("\na kind server receives Mallory's letter:");
    kind_server(MALLORY);
    println!("\nour server receives the same:");
    let mut wire = Wire::new(Loop(MALLORY.to_vec().into()));
    let received = read_text(&mut wire, 1000, TIMEOUT)?;
    println!("for Alice:   {}", in_words(&received));
    Ok(())
}

// ANCHOR: kind
/// The wrong version that looks right: it takes LF alone for a line end too.
fn kind_server(octets: &[u8]) {
    let mut in_text = true; // the command before was DATA
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let line = visible(line.trim_ascii_end()); // without CR LF, or without LF
        match in_text {
            true if line == "." => in_text = false,
            true => println!("for Alice:   {line}"),
            false => println!("command:     {line}"),
        }
        in_text = in_text || line == "DATA";
    }
}
// ANCHOR_END: kind

// ANCHOR: mallory
/// All that b.example sends after DATA: for b.example it is one letter.
const MALLORY: &[u8] = b"Subject: hello\r\n\r\nHello Alice\n.\r\n\
    MAIL FROM:<boss@b.example>\r\nRCPT TO:<alice@a.example>\r\nDATA\r\n\
    Subject: password\r\n\r\nPlease send me your password.\r\n.\r\n";
// ANCHOR_END: mallory

fn in_words(received: &Received) -> String {
    match received {
        Received::Text(text) => visible(text.octets()),
        Received::BareNewline => "(nothing: there is a CR or LF alone in it)".to_string(),
        Received::TooBig => "(nothing: it is too big)".to_string(),
    }
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
