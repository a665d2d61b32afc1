//! # Dialogues (chapter 8)
//!
//! A conversation as a text file. The same file is a page of the book, a test, and a
//! script that plays one side against a real program on the other.
//!
//! ```text
//! # RFC 5321 §3.1: the server speaks first
//! S: 220 {greeting}
//! C: NOOP
//! S: 250 {}
//! C: QUIT\n\
//! S: 500 {}
//! C: {close}
//! ```
//!
//! A line begins with `C: ` (what the client says) or `S: ` (what the server says); `#` begins a
//! comment, and the last one before a line that differs is shown as the rule that was broken. In a
//! line
//!
//! - `{}` stands for any text (who has to say it says nothing there), and `{name}` too, but for the
//!   same text each time;
//! - `{3*ab}` stands for `ababab`, and `{close}`, alone, for the end of the connection;
//! - `\r`, `\n`, `\\`, `\{` and `\x00` stand for single octets, and a `\` at the end of a line says
//!   that no CR LF follows.

mod notation;

use crate::protocol::line::{Stream, visible};
use notation::{Names, Piece, What, matches, parse_line, written};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

/// Longest line that the other side may send us, in octets.
const LINE: u64 = 1024 * 1024;

/// Who says a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `C: `
    Client,
    /// `S: `
    Server,
}

#[derive(Debug, Clone)]
struct Turn {
    side: Side,
    what: What,
    source: String,
    number: usize,
    rule: String,
}

/// A conversation that was read from a file.
#[derive(Debug, Clone)]
pub struct Dialogue {
    name: String,
    turns: Vec<Turn>,
}

/// A line that is no line of a dialogue, or a conversation that went otherwise.
#[derive(Debug)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Difference {}

impl Dialogue {
    /// Reads a dialogue; `name` is the file's, for messages.
    pub fn parse(name: &str, text: &str) -> Result<Dialogue, Difference> {
        let mut turns = Vec::new();
        let mut rule = String::new();
        for (number, source) in (1..).zip(text.lines()) {
            if let Some(comment) = source.strip_prefix('#') {
                rule = comment.trim().to_string();
                continue;
            }
            if source.trim().is_empty() {
                continue;
            }
            let wrong = || bad(name, number, "a line begins with `C: `, `S: ` or `#`");
            let (side, line) = match source.split_once(':') {
                Some(("C", line)) => (Side::Client, line),
                Some(("S", line)) => (Side::Server, line),
                _ => return Err(wrong()),
            };
            // Editors like to cut the space at the end of an empty line.
            let line = match line.strip_prefix(' ') {
                Some(line) => line,
                None if line.is_empty() => line,
                None => return Err(wrong()),
            };
            if turns
                .last()
                .is_some_and(|turn: &Turn| turn.what == What::Close)
            {
                return Err(bad(name, number, "nothing can follow `{close}`"));
            }
            let what = parse_line(line).map_err(|why| bad(name, number, why))?;
            turns.push(Turn {
                side,
                what,
                source: source.to_string(),
                number,
                rule: rule.clone(),
            });
        }
        Ok(Dialogue {
            name: name.to_string(),
            turns,
        })
    }

    /// Plays `side` over `stream`: says its lines, and checks that the other side says the others.
    /// Each line may take `patience`.
    pub fn play<S: Stream>(
        &self,
        side: Side,
        stream: S,
        patience: Duration,
    ) -> Result<(), Difference> {
        let mut stream = BufReader::new(stream);
        let mut names = Names::new();
        for (at, turn) in self.turns.iter().enumerate() {
            let allowed = stream
                .get_mut()
                .allow(patience)
                .map_err(|error| error.to_string());
            let played = allowed.and_then(|()| match &turn.what {
                What::Say(pieces) if turn.side == side => say(&mut stream, pieces, &names),
                What::Say(pieces) => hear(&mut stream, pieces, &mut names),
                What::Close if turn.side == side => Ok(()),
                What::Close => hear_close(&mut stream),
            });
            played.map_err(|came| self.difference(at, &came))?;
        }
        Ok(())
    }

    /// Tells what went otherwise as a good teacher would: what was said so far, what was due, what
    /// came, and why.
    fn difference(&self, at: usize, heard: &str) -> Difference {
        let Some(turn) = self.turns.get(at) else {
            return Difference(String::new());
        };
        let before: Vec<&str> = self
            .turns
            .iter()
            .take(at)
            .map(|turn| turn.source.as_str())
            .collect();
        let mut text = String::new();
        if !before.is_empty() {
            text += &format!("so far all was as written:\n  {}\n", before.join("\n  "));
        }
        text += &format!("{}:{}: here it differs\n", self.name, turn.number);
        text += &format!("  written: {}\n  came:    {heard}", turn.source);
        if !turn.rule.is_empty() {
            text += &format!("\n  the rule: {}", turn.rule);
        }
        Difference(text)
    }
}

fn bad(name: &str, number: usize, why: &str) -> Difference {
    Difference(format!("{name}:{number}: {why}"))
}

fn say<S: Stream>(
    stream: &mut BufReader<S>,
    pieces: &[Piece],
    names: &Names,
) -> Result<(), String> {
    // Where any text would do, none does.
    let mut names = names.clone();
    names.insert(String::new(), Vec::new());
    let line = written(pieces, &names).ok_or("(nothing was sent: a name here has no text yet)")?;
    let sent = stream
        .get_mut()
        .write_all(&line)
        .and_then(|()| stream.get_mut().flush());
    sent.map_err(|error| format!("(nothing was sent: {error})"))
}

/// What we know to the octet may be no whole line, or several, so we read as much as that. Where
/// some text is still open, we read a line.
fn hear<S: Stream>(
    stream: &mut BufReader<S>,
    pieces: &[Piece],
    names: &mut Names,
) -> Result<(), String> {
    let due = written(pieces, names);
    let mut came = Vec::new();
    loop {
        let most = match &due {
            Some(due) if !due.ends_with(b"\n") => (due.len() - came.len()) as u64,
            _ => LINE,
        };
        let read = stream.by_ref().take(most).read_until(b'\n', &mut came);
        match read.map_err(|error| broken(&came, &error))? {
            0 if most == 0 => break,
            0 => return Err(broken(&came, &io::ErrorKind::UnexpectedEof.into())),
            _ if due
                .as_ref()
                .is_some_and(|due| came.len() < due.len() && due.starts_with(&came)) => {}
            _ => break,
        }
    }
    let fits = match due {
        Some(due) => due == came,
        None => matches(pieces, &came, names),
    };
    if fits { Ok(()) } else { Err(shown(&came)) }
}

fn hear_close<S: Stream>(stream: &mut BufReader<S>) -> Result<(), String> {
    let mut came = Vec::new();
    match stream.by_ref().take(LINE).read_until(b'\n', &mut came) {
        Ok(0) => Ok(()),
        Ok(_) => Err(shown(&came)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(broken(&came, &error)),
    }
}

/// What came, in the notation.
fn shown(came: &[u8]) -> String {
    match came.strip_suffix(b"\r\n") {
        Some(line) => visible(line),
        None => visible(came) + "\\",
    }
}

/// What came before the connection ended, or time did.
fn broken(came: &[u8], error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::TimedOut => "nothing came in time",
        io::ErrorKind::UnexpectedEof => "the connection was closed",
        _ => &error.to_string(),
    };
    match came {
        [] => format!("({why})"),
        came => format!("{} (and then {why})", shown(came)),
    }
}
