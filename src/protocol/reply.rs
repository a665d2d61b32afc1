// ANCHOR: story
//! # Replies (chapter 6)
//!
//! What the server says: three digits and text (RFC 5321 §4.2). The digits are for the
//! program and the text is for people. A reply may have several lines: all but the last
//! have a hyphen after the digits, where the last has a space.
//!
//! A client decides by the first digit alone (§4.3.2). So it understands codes that are
//! not invented yet, and the text may be strange or long. If a client rejects a 250 only
//! because of the text, it sends the letter again. What to do after a reply is not known
//! here: the client decides that, and the relay.
// ANCHOR_END: story

// ANCHOR: uses
use super::line::{ENDLESS_LINE, REPLY_LINE, Stream, Wire, visible};
use std::fmt;
use std::io;
use std::ops::Range;
// ANCHOR_END: uses

// ANCHOR: reply
/// A reply: a code from 200 to 599, and one or more lines of printable text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<String>,
}
// ANCHOR_END: reply

// ANCHOR: severity
/// The meaning of a reply: its first digit (RFC 5321 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 2: done.
    Done,
    /// 3: go on, there is more to say.
    GoOn,
    /// 4: not now. Try again later.
    TryLater,
    /// 5: no. The same again would be refused again.
    Refused,
}
// ANCHOR_END: severity

// ANCHOR: meaning
impl Reply {
    /// What the first digit says.
    pub fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Done,
            3 => Severity::GoOn,
            4 => Severity::TryLater,
            _ => Severity::Refused,
        }
    }
    // ANCHOR_END: meaning

    // ANCHOR: new
    /// Makes a reply: each line of `text` becomes a line of it. A number that is not a
    /// code becomes 554.
    pub fn new(code: u16, text: &str) -> Reply {
        let code = if CODES.contains(&code) { code } else { 554 };
        let mut lines: Vec<String> = text.lines().take(REPLY_LINES).map(clean).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        Reply { code, lines }
    }
    // ANCHOR_END: new

    // ANCHOR: lines
    /// The lines as they go over the wire, without CR LF.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, text) in (1..).zip(&self.lines) {
            let mark = if at == self.lines.len() { ' ' } else { '-' };
            lines.push(format!("{}{mark}{text}", self.code));
        }
        lines
    }
    // ANCHOR_END: lines

    // ANCHOR: write
    /// Writes the reply.
    pub fn write<S: Stream>(&self, wire: &mut Wire<S>) -> io::Result<()> {
        for line in self.lines() {
            wire.write_line(&line)?;
        }
        Ok(())
    }
    // ANCHOR_END: write

    // ANCHOR: read
    /// Reads a reply, to its last line.
    pub fn read<S: Stream>(wire: &mut Wire<S>) -> io::Result<Reply> {
        let (mut lines, mut first_digit, mut size) = (Vec::new(), None, 0);
        while size < ENDLESS_REPLY {
            let line = read_line(wire)?;
            size += line.len() + "\r\n".len();
            // ANCHOR_END: read

            // ANCHOR: take_apart
            let Some((code, is_last, text)) = split_line(&line) else {
                let why = "this is not a reply, it lacks a code from 200 to 599";
                return Err(io::Error::other(format!("{why}: {}", visible(&line))));
            };
            // ANCHOR_END: take_apart

            // ANCHOR: one_digit
            let first_digit = *first_digit.get_or_insert(code / 100);
            if code / 100 != first_digit {
                let why = "the lines of one reply have different first digits";
                return Err(io::Error::other(why));
            }
            // ANCHOR_END: one_digit

            // ANCHOR: read_end
            if lines.len() < REPLY_LINES {
                lines.push(text);
            }
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
        Err(io::Error::other(TOO_LONG))
    }
}
// ANCHOR_END: read_end

// ANCHOR: split_line
/// Splits a line into its code, whether it is the last one, and its text.
fn split_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = str::from_utf8(digits).ok()?.parse().ok()?;
    // ANCHOR_END: split_line

    // ANCHOR: mark
    let (is_last, text) = match rest {
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        // Four digits are another number.
        [b'0'..=b'9', ..] => return None,
        text => (true, text),
    };
    let text = clean(&String::from_utf8_lossy(text));
    CODES.contains(&code).then_some((code, is_last, text))
}
// ANCHOR_END: mark

// ANCHOR: codes
/// The codes that there can be (RFC 5321 §4.3.2).
const CODES: Range<u16> = 200..600;
// ANCHOR_END: codes

// ANCHOR: read_line
/// Reads one line of a reply, and takes its CR LF away. A CR alone is part of the text:
/// we want to hear the code anyway.
fn read_line<S: Stream>(wire: &mut Wire<S>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    wire.read_piece(ENDLESS_LINE, &mut line)?;
    if let Some(trace) = wire.trace() {
        trace.heard(&line);
    }
    // ANCHOR_END: read_line

    // ANCHOR: line_end
    let why = match line.strip_suffix(b"\r\n") {
        Some(text) => return Ok(text.to_vec()),
        None if line.ends_with(b"\n") => LONE_LF,
        None if line.len() == ENDLESS_LINE => TOO_LONG,
        None => "the other side closed the connection without a reply",
    };
    Err(io::Error::other(why))
}
// ANCHOR_END: line_end

// ANCHOR: clean
/// Changes a text so that it can be one line of a reply: printable ASCII, not too long.
fn clean(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        match character {
            ' '..='~' | '\t' => line.push(character),
            other => line.extend(other.escape_default()),
        }
    }
    line.truncate(REPLY_LINE - "250 \r\n".len());
    line
}
// ANCHOR_END: clean

// ANCHOR: limits
/// How far we follow a reply to find its last line, in octets.
pub const ENDLESS_REPLY: usize = 1024 * 1024;

/// Most lines that we write in one reply, and keep of one that we read. The longest that
/// real servers send, to EHLO, has about twenty.
pub const REPLY_LINES: usize = 100;
// ANCHOR_END: limits

// ANCHOR: reasons
const LONE_LF: &str = "a line of the reply ended with LF alone; lines end with CR LF";
const TOO_LONG: &str = "a reply longer than any real one";

/// Says why no reply could be read. Our own reasons are [`io::ErrorKind::Other`], and
/// have their words already.
pub fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        io::ErrorKind::TimedOut => "no answer came in time".to_string(),
        _ => format!("the connection failed: {error}"),
    }
}
// ANCHOR_END: reasons

// ANCHOR: parts
impl Reply {
    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text of each line.
    pub fn text(&self) -> &[String] {
        &self.lines
    }

    /// A reply of one line, from that line without its CR LF.
    pub fn parse(line: &[u8]) -> Option<Reply> {
        let (code, _, text) = split_line(line)?;
        Some(Reply::new(code, &text))
    }
}
// ANCHOR_END: parts

// ANCHOR: reply_display
impl fmt::Display for Reply {
    /// For people, on one line: `550 no such user; try VRFY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join("; "))
    }
}
// ANCHOR_END: reply_display
