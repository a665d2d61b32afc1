//! Sends a letter: `solution HOST PORT FROM TO...`, with its text on standard input.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

const TAKEN: u8 = 0;
const REFUSED: u8 = 1;
const NOT_NOW: u8 = 75;

/// How long we wait for the server.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most lines of a reply, and the most octets of a line.
const LINES: usize = 100;
const LINE: u64 = 4096;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [host, port, from, to @ ..] => match send(&format!("{host}:{port}"), from, to) {
            Ok(status) => ExitCode::from(status),
            Err(why) => {
                eprintln!("nobody knows what became of the letter: {why}");
                ExitCode::from(NOT_NOW)
            }
        },
        _ => {
            eprintln!("usage: solution HOST PORT FROM TO...");
            ExitCode::from(64)
        }
    }
}

fn send(address: &str, from: &str, to: &[String]) -> io::Result<u8> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut server = Server(BufReader::new(stream));
    let status = server.letter(from, to, &text)?;
    // Whatever comes now, we know already what became of the letter.
    let _ = server.say("QUIT", 2);
    Ok(status)
}

/// The other side.
struct Server(BufReader<TcpStream>);

impl Server {
    /// The whole letter, from the greeting to the reply to the dot.
    fn letter(&mut self, from: &str, to: &[String], text: &[u8]) -> io::Result<u8> {
        let mut status = self.reply(2)?;
        for command in ["HELO [127.0.0.1]", &format!("MAIL FROM:<{from}>")] {
            if status == TAKEN {
                status = self.say(command, 2)?;
            }
        }
        if status != TAKEN {
            return Ok(status);
        }
        let mut is_for_somebody = false;
        for recipient in to {
            let one = self.say(format!("RCPT TO:<{recipient}>"), 2)?;
            is_for_somebody |= one == TAKEN;
            status = worse(status, one);
        }
        if !is_for_somebody {
            return Ok(status);
        }
        match self.say("DATA", 3)? {
            TAKEN => Ok(worse(status, self.say(stuffed(text), 2)?)),
            refused => Ok(worse(status, refused)),
        }
    }

    /// Says a line, and reads the reply to it. If all is well, its first digit is `due`.
    fn say(&mut self, line: impl AsRef<[u8]>, due: u8) -> io::Result<u8> {
        // What is here already would be taken for the reply to this line.
        if !self.0.buffer().is_empty() {
            return Err(io::Error::other("the server answered before it was asked"));
        }
        let line = [line.as_ref(), b"\r\n"].concat();
        self.0.get_mut().write_all(&line)?;
        self.reply(due)
    }

    /// Reads a reply. All its lines have the same code, and the last has no hyphen after it.
    fn reply(&mut self, due: u8) -> io::Result<u8> {
        let mut first = None;
        for _ in 0..LINES {
            let line = self.line()?;
            let (code, rest) = line.split_at_checked(3).unwrap_or_default();
            let is_code = matches!(code, [b'2'..=b'5', ..] if code.iter().all(u8::is_ascii_digit));
            if !is_code || *first.get_or_insert(code.to_vec()) != code {
                let what = format!("this is not a reply: {}", plain(&line));
                return Err(io::Error::other(what));
            }
            if rest.starts_with(b"-") {
                continue;
            }
            let digit = code[0] - b'0';
            if digit == due {
                return Ok(TAKEN);
            }
            eprintln!("the server says: {}", plain(&line));
            return Ok(if digit == 5 { REFUSED } else { NOT_NOW });
        }
        Err(io::Error::other("the reply has too many lines"))
    }

    /// Reads a line, but not more than a line may have.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.0).take(LINE).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None => Err(io::Error::other("a line has no end")),
        }
    }
}

/// A text of the server's, without what could command a terminal.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.replace(char::is_control, "?")
}

/// The text as it goes over the wire: its lines end with CR LF, a line that begins with a
/// dot has one more dot, and a line with one dot is the end.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut stuffed = Vec::new();
    for line in text.split(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.push(b'.');
    stuffed
}

/// What the caller learns: a refusal for good counts more than one for now.
fn worse(one: u8, other: u8) -> u8 {
    match [one, other].contains(&REFUSED) {
        true => REFUSED,
        false => one.max(other),
    }
}
