//! One dialogue, played against three servers and a client, all of them in memory.
//!
//! Run it with `cargo run --example ch08_dialogue`.

use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Stream;
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

fn main() -> Result<(), String> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch08_dialogue");
        std::process::exit(2);
    }
    println!("Look for the line at which a peer differs, and for the rule above that line.");
    // ANCHOR: goal
    let dialogue = Dialogue::parse("order.txt", DIALOGUE)?;
    for (name, side, lines) in PEERS {
        let peer = Parrot(Cursor::new(lines));
        match dialogue.play(side, peer, Duration::from_secs(1)) {
            Ok(()) => println!("\n{name}:\nall as written"),
            Err(difference) => println!("\n{name}:\n{difference}"),
        }
    }
    // ANCHOR_END: goal
    println!("\na refusal, and then a yes:");
    let came = "550 we do not know you\r\n250 OK\r\n";
    let reply = Dialogue::parse("reply.txt", "S: {more}250 {}")?;
    let ours = reply.play(Side::Client, Parrot(Cursor::new(came)), Duration::MAX);
    for (player, fits) in [("the kind", kind(came)), ("our", ours.is_ok())] {
        let told = if fits { "all as written" } else { "it differs" };
        println!("{player} player: {told}");
    }
    Ok(())
}

// ANCHOR: kind
/// A kind player: it skips all lines until one fits.
fn kind(came: &str) -> bool {
    came.lines().any(|line| line.starts_with("250 "))
}
// ANCHOR_END: kind

const DIALOGUE: &str = "\
# RFC 5321 §3.1: the server speaks first
S: 220 {}
# RFC 5321 §4.1.1.1: the client says its name
C: HELO client.example
S: 250 {}
# RFC 5321 §4.1.4: RCPT comes after MAIL
C: RCPT TO:<bob@a.example>
S: 503 {}
C: QUIT
S: 221 {}
S: {close}
";
const CARELESS: &str = "220 hi\r\n250 hello\r\n250 \x1b[1mOK\r\n221 bye\r\n";
const GOOD_SERVER: &str = "220 hi\r\n250 hello\r\n503 MAIL first\r\n221 bye\r\n";
const GOOD_CLIENT: &str = "HELO client.example\r\nRCPT TO:<bob@a.example>\r\nQUIT\r\n";
/// What each peer says, and the side that we play against it.
const PEERS: [(&str, Side, &str); 4] = [
    ("a careless server", Side::Client, CARELESS),
    ("a good server", Side::Client, GOOD_SERVER),
    ("a good client", Side::Server, GOOD_CLIENT),
    ("a broken server", Side::Client, "220 hi\r\n250 he"),
];

/// A peer that says its lines whatever it hears, and closes.
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
    fn allow(&mut self, _timeout: Duration) -> io::Result<()> {
        Ok(()) // it never makes us wait
    }
}
