// ANCHOR: story
//! # Dialogues (chapter 8)
//!
//! A conversation as a text file. The same file is a page of the book, a test, and a
//! script that plays one side against a real program on the other.
// ANCHOR_END: story
// ANCHOR: notation
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
//! A line begins with `C: ` (what the client says) or `S: ` (what the server says); `#`
//! begins a comment, and the last one before a line that differs is shown as the rule
//! that was broken. In a line
//!
//! - `{}` is any text, and `{name}` too, but the same text each time (the side that says
//!   `{}` says nothing there);
//! - `{3*ab}` is `ababab`;
//! - `\r`, `\n`, `\\`, `\{` and `\x00` are single octets, and a `\` at the end of a line
//!   says that no CR LF follows.
//!
//! `{close}`, alone, is the end of the connection. `{more}` before a line of a reply says
//! that the reply may have more lines before this one; the side that says the line adds
//! none.
// ANCHOR_END: notation

// ANCHOR: uses
mod notation;

use crate::protocol::line::{ENDLESS_LINE, Stream, visible};
use crate::protocol::reply::REPLY_LINES;
use notation::{Names, Piece, What, matches, parse_line, written};
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: side
/// Who says a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `C: `
    Client,
    /// `S: `
    Server,
}
// ANCHOR_END: side

// ANCHOR: turn
/// A line of the file, and the comment above it.
#[derive(Debug, Clone)]
struct Turn {
    side: Side,
    what: What,
    source: String,
    number: usize,
    rule: String,
}
// ANCHOR_END: turn

// ANCHOR: dialogue
/// A conversation that was read from a file.
#[derive(Debug, Clone)]
pub struct Dialogue {
    name: String,
    turns: Vec<Turn>,
}
// ANCHOR_END: dialogue

// ANCHOR: play
impl Dialogue {
    /// Plays `side` over `stream`: says its lines, and checks that the other side says
    /// the others. Each line may take `timeout`. The error is a report for people.
    pub fn play<S: Stream>(&self, side: Side, stream: S, timeout: Duration) -> Result<(), String> {
        let mut player = Player {
            stream: BufReader::new(stream),
            names: Names::new(),
        };
        // ANCHOR_END: play

        // ANCHOR: play_turns
        for turn in &self.turns {
            let played = player.turn(turn, side, timeout);
            played.map_err(|came| self.difference(turn, &came))?;
        }
        Ok(())
    }
    // ANCHOR_END: play_turns

    // ANCHOR: tell
    /// Reports as a good teacher would: what was said so far, what was
    /// expected, what came, and the rule.
    fn difference(&self, turn: &Turn, came: &str) -> String {
        let mut text = String::new();
        for before in self.turns.iter().take_while(|at| at.number < turn.number) {
            if text.is_empty() {
                text += "so far all was as written:\n";
            }
            text += &format!("  {}\n", before.source);
        }
        // ANCHOR_END: tell

        // ANCHOR: tell_rule
        text += &format!("{}:{}: here it differs\n", self.name, turn.number);
        text += &format!("  written: {}\n  came:    {came}", turn.source);
        if !turn.rule.is_empty() {
            text += &format!("\n  the rule: {}", turn.rule);
        }
        text
    }
    // ANCHOR_END: tell_rule

    // ANCHOR: parse
    /// Reads a dialogue. The error is a text with `name`, which is the file's, and the
    /// number of the first bad line.
    pub fn parse(name: &str, text: &str) -> Result<Dialogue, String> {
        let mut turns: Vec<Turn> = Vec::new();
        let mut rule = "";
        for (number, source) in (1..).zip(text.lines()) {
            let bad = |why| format!("{name}:{number}: {why}");
            // ANCHOR_END: parse

            // ANCHOR: parse_lines
            if let Some(comment) = source.strip_prefix('#') {
                if !is_for_programs(comment.trim()) {
                    rule = comment.trim();
                }
            } else if !source.trim().is_empty() {
                if turns.last().is_some_and(|turn| turn.what == What::Close) {
                    return Err(bad("nothing can follow `{close}`"));
                }
                turns.push(parse_turn(number, source, rule).map_err(bad)?);
            }
        }
        // ANCHOR_END: parse_lines

        // ANCHOR: parse_end
        let name = name.to_string();
        Ok(Dialogue { name, turns })
    }
}
// ANCHOR_END: parse_end

// ANCHOR: player
/// One side of a conversation. The error of its functions is what came in place of what
/// was expected.
struct Player<S> {
    stream: BufReader<S>,
    names: Names,
}

impl<S: Stream> Player<S> {
    fn turn(&mut self, turn: &Turn, side: Side, timeout: Duration) -> Result<(), String> {
        let allowed = self.stream.get_mut().allow(timeout);
        allowed.map_err(|error| error.to_string())?;
        // ANCHOR_END: player

        // ANCHOR: player_what
        let is_own = turn.side == side;
        match &turn.what {
            What::Say(pieces) | What::More(_, pieces) if is_own => self.say(pieces),
            What::Say(pieces) => self.hear(pieces, None),
            What::More(more, pieces) => self.hear(pieces, Some(more)),
            What::Close if is_own => Ok(()),
            What::Close => self.hear_close(),
        }
    }
    // ANCHOR_END: player_what

    // ANCHOR: say
    fn say(&mut self, pieces: &[Piece]) -> Result<(), String> {
        // Any text is right for `{}`, so we say none.
        let mut names = self.names.clone();
        names.insert(String::new(), Vec::new());
        let octets = written(pieces, &names);
        let line = octets.ok_or("(nothing was sent: a name has no text yet)")?;
        let stream = self.stream.get_mut();
        let sent = stream.write_all(&line).and_then(|()| stream.flush());
        sent.map_err(|error| format!("(nothing was sent: {error})"))
    }
    // ANCHOR_END: say

    // ANCHOR: hear
    /// Hears a line. If there may be more lines before it, they begin with `more`.
    fn hear(&mut self, pieces: &[Piece], more: Option<&str>) -> Result<(), String> {
        for _ in 0..REPLY_LINES {
            let came = self.read_expected(pieces)?;
            if let Some(names) = matches(pieces, &came, &self.names) {
                self.names = names;
                return Ok(());
            }
            // ANCHOR_END: hear

            // ANCHOR: hear_more
            let is_line = came.ends_with(b"\n");
            if !is_line || more.is_none_or(|more| !came.starts_with(more.as_bytes())) {
                return Err(shown(&came));
            }
        }
        Err("(more lines than a reply may have)".to_string())
    }
    // ANCHOR_END: hear_more

    // ANCHOR: read_expected
    /// Reads a line. If we know its octets, we read only so many, and stop at a wrong
    /// one.
    fn read_expected(&mut self, pieces: &[Piece]) -> Result<Vec<u8>, String> {
        let mut came = Vec::new();
        let Some(expected) = written(pieces, &self.names) else {
            self.read(ENDLESS_LINE, &mut came)?;
            return Ok(came);
        };
        // ANCHOR_END: read_expected

        // ANCHOR: read_while
        while came.len() < expected.len() && expected.starts_with(&came) {
            self.read(expected.len() - came.len(), &mut came)?;
        }
        // The report shows a whole line, if a line was expected.
        if came != expected && expected.ends_with(b"\n") && !came.ends_with(b"\n") {
            self.read(ENDLESS_LINE, &mut came)?;
        }
        Ok(came)
    }
    // ANCHOR_END: read_while

    // ANCHOR: read
    /// Appends to `came` what comes, through the next LF, but at most `most` octets.
    fn read(&mut self, most: usize, came: &mut Vec<u8>) -> Result<(), String> {
        let mut portion = self.stream.by_ref().take(most as u64);
        match portion.read_until(b'\n', came) {
            Ok(read) if read == most || (read > 0 && came.ends_with(b"\n")) => Ok(()),
            Ok(_) => Err(broken(came, &io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(broken(came, &error)),
        }
    }
    // ANCHOR_END: read

    // ANCHOR: hear_close
    fn hear_close(&mut self) -> Result<(), String> {
        let mut came = Vec::new();
        let mut portion = self.stream.by_ref().take(ENDLESS_LINE as u64);
        match portion.read_until(b'\n', &mut came) {
            Ok(0) => Ok(()),
            Ok(_) => Err(shown(&came)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(broken(&came, &error)),
        }
    }
}
// ANCHOR_END: hear_close

// ANCHOR: shown
/// What came, in the notation.
fn shown(came: &[u8]) -> String {
    match came.strip_suffix(b"\r\n") {
        Some(line) => visible(line),
        None => visible(came) + "\\",
    }
}
// ANCHOR_END: shown

// ANCHOR: broken
/// What came before the connection or the time ended.
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
// ANCHOR_END: broken

// ANCHOR: parse_turn
fn parse_turn(number: usize, source: &str, rule: &str) -> Result<Turn, &'static str> {
    // Editors like to cut the space at the end of an empty line.
    let empty_line = source.strip_suffix(':').map(|side| (side, ""));
    let (side, line) = match source.split_once(": ").or(empty_line) {
        Some(("C", line)) => (Side::Client, line),
        Some(("S", line)) => (Side::Server, line),
        _ => return Err("a line begins with `C: `, `S: ` or `#`"),
    };
    Ok(Turn {
        side,
        what: parse_line(line)?,
        source: source.to_string(),
        number,
        rule: rule.to_string(),
    })
}
// ANCHOR_END: parse_turn

// ANCHOR: is_for_programs
/// Comments such as `# against: ...` are for programs: they begin with a name and a
/// colon.
fn is_for_programs(comment: &str) -> bool {
    let word = comment.split(' ').next().unwrap_or("");
    word.ends_with(':') && word.starts_with(char::is_alphabetic)
}
// ANCHOR_END: is_for_programs
