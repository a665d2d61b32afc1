// ANCHOR: story
//! # Replies (chapter 6)
//!
//! What the server says: three digits and text (RFC 5321 §4.2). The digits are for the program and
//! the text is for people. A reply may have several lines: all but the last have a hyphen after the
//! digits, where the last has a space.
//!
//! A client decides by the first digit alone (§4.3.2), so codes that nobody has thought of yet work
//! too, and the text may be as odd and as long as it likes. A client that does not hear a 250
//! because of its text sends the letter again. What to do then is not known here: the client
//! decides that, and the relay.
// ANCHOR_END: story

// ANCHOR: uses
use super::line::{ENDLESS_LINE, REPLY_LINE, Stream, Wire, visible};
use std::fmt;
use std::io;
use std::ops::Range;
// ANCHOR_END: uses

// ANCHOR: limits
/// Most lines that we write in one reply, and keep of one that we read. The longest that real
/// servers send, to EHLO, has about twenty.
pub const REPLY_LINES: usize = 100;

/// How far we follow a reply to find its last line, in octets.
pub const ENDLESS_REPLY: usize = 1024 * 1024;

/// The codes that there can be (RFC 5321 §4.3.2).
const CODES: Range<u16> = 200..600;
// ANCHOR_END: limits

// ANCHOR: severity
/// What a reply comes to: its first digit (RFC 5321 §4.2.1).
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

// ANCHOR: reply_line
/// One line of a reply, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyLine {
    code: u16,
    last: bool,
    text: String,
}
// ANCHOR_END: reply_line

// ANCHOR: reply_line_parse
impl ReplyLine {
    /// Reads a line without its CR LF. A bare `250` will do. Behind three digits everything is text,
    /// but for a hyphen, and for a fourth digit: that is another number.
    pub fn parse(line: &[u8]) -> Option<ReplyLine> {
        let (digits, rest) = line.split_at_checked(3)?;
        let code = str::from_utf8(digits).ok()?.parse().ok()?;
        let (last, text) = match rest {
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            [b'0'..=b'9', ..] => return None,
            text => (true, text),
        };
        let text = clean(&String::from_utf8_lossy(text));
        CODES
            .contains(&code)
            .then_some(ReplyLine { code, last, text })
    }
}
// ANCHOR_END: reply_line_parse

// ANCHOR: reply_line_display
impl fmt::Display for ReplyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.last { ' ' } else { '-' };
        write!(f, "{}{mark}{}", self.code, self.text)
    }
}
// ANCHOR_END: reply_line_display

// ANCHOR: clean
/// Makes text fit for one line of a reply: printable ASCII, and short enough.
fn clean(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        match c {
            ' '..='~' | '\t' => line.push(c),
            c => line.extend(c.escape_default()),
        }
    }
    line.truncate(REPLY_LINE - "250 \r\n".len());
    line
}
// ANCHOR_END: clean

// ANCHOR: reply
/// A reply: a code from 200 to 599, and one or more lines of printable text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<String>,
}
// ANCHOR_END: reply

// ANCHOR: new
impl Reply {
    /// Makes a reply. Each line of `text` becomes a line of it; what is not printable ASCII becomes
    /// a visible mark, and a line over the limit is cut. A code that is none becomes 554.
    pub fn new(code: u16, text: &str) -> Reply {
        let code = if CODES.contains(&code) { code } else { 554 };
        let mut lines: Vec<String> = text.lines().take(REPLY_LINES).map(clean).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        Reply { code, lines }
    }
    // ANCHOR_END: new

    // ANCHOR: code
    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// What the first digit says.
    pub fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Done,
            3 => Severity::GoOn,
            4 => Severity::TryLater,
            _ => Severity::Refused,
        }
    }
    // ANCHOR_END: code

    // ANCHOR: lines
    /// The text of each line.
    pub fn text(&self) -> &[String] {
        &self.lines
    }

    /// The lines as they go over the wire.
    pub fn lines(&self) -> impl Iterator<Item = ReplyLine> {
        let last = self.lines.len() - 1;
        let line = move |(at, text): (usize, &String)| ReplyLine {
            code: self.code,
            last: at == last,
            text: text.clone(),
        };
        self.lines.iter().enumerate().map(line)
    }
    // ANCHOR_END: lines

    // ANCHOR: write
    /// Writes the reply.
    pub fn write<S: Stream>(&self, wire: &mut Wire<S>) -> io::Result<()> {
        self.lines()
            .try_for_each(|line| wire.write_line(&line.to_string()))
    }
    // ANCHOR_END: write

    // ANCHOR: read
    /// Reads a reply, to its last line. Of a long line the beginning is kept, and of many lines the
    /// first [`REPLY_LINES`].
    pub fn read<S: Stream>(wire: &mut Wire<S>) -> Result<Reply, ReplyError> {
        let (mut lines, mut first_digit, mut size) = (Vec::new(), None, 0);
        while size < ENDLESS_REPLY {
            let line = read_line(wire)?;
            size += line.len() + "\r\n".len();
            let ReplyLine { code, last, text } =
                ReplyLine::parse(&line).ok_or_else(|| ReplyError::NoReply(visible(&line)))?;
            if *first_digit.get_or_insert(code / 100) != code / 100 {
                return Err(ReplyError::TwoMeanings);
            }
            if lines.len() < REPLY_LINES {
                lines.push(text);
            }
            if last {
                return Ok(Reply { code, lines });
            }
        }
        Err(ReplyError::TooLong)
    }
}
// ANCHOR_END: read

// ANCHOR: read_line
/// Reads one line of a reply, and takes its CR LF away. A CR that stands alone is part of the text,
/// and no reason not to hear the code. An LF alone would be the end of the line for some programs
/// and not for others (RFC 5321 §2.3.8); what such a line says is not believed.
fn read_line<S: Stream>(wire: &mut Wire<S>) -> Result<Vec<u8>, ReplyError> {
    let mut line = Vec::new();
    let read = wire.read_piece(ENDLESS_LINE, &mut line);
    read.map_err(ReplyError::Io)?;
    if let Some(trace) = wire.trace() {
        trace.heard(&line);
    }
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(text.to_vec()),
        None if line.ends_with(b"\n") => Err(ReplyError::LoneLf),
        None if line.len() == ENDLESS_LINE => Err(ReplyError::TooLong),
        None => Err(ReplyError::Closed),
    }
}
// ANCHOR_END: read_line

// ANCHOR: from_reply_line
impl From<ReplyLine> for Reply {
    /// A reply of one line.
    fn from(line: ReplyLine) -> Reply {
        Reply {
            code: line.code,
            lines: vec![line.text],
        }
    }
}
// ANCHOR_END: from_reply_line

// ANCHOR: reply_display
impl fmt::Display for Reply {
    /// For people, on one line: `550 no such user; try VRFY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join("; "))
    }
}
// ANCHOR_END: reply_display

// ANCHOR: reply_error
/// Why no reply could be read.
#[derive(Debug)]
pub enum ReplyError {
    /// The connection failed, or took too long.
    Io(io::Error),
    /// The other side closed the connection where a reply was due.
    Closed,
    /// A line that does not begin with a code from 200 to 599.
    NoReply(String),
    /// Two lines of one reply have different first digits.
    TwoMeanings,
    /// [`ENDLESS_LINE`] octets and no end of the line, or [`ENDLESS_REPLY`] and no last line.
    TooLong,
    /// A line ended with LF alone.
    LoneLf,
    /// It was there before the question, so nobody knows what the next one will answer.
    OutOfStep,
}
// ANCHOR_END: reply_error

// ANCHOR: reply_error_display
impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("no answer came in time")
            }
            ReplyError::Io(error) => write!(f, "the connection failed: {error}"),
            ReplyError::Closed => {
                f.write_str("the other side closed the connection without a reply")
            }
            ReplyError::NoReply(line) => {
                let why = "this is no reply, it lacks a code from 200 to 599";
                write!(f, "{why}: {line}")
            }
            ReplyError::TwoMeanings => {
                f.write_str("the lines of one reply have different first digits")
            }
            ReplyError::TooLong => f.write_str("a reply longer than any real one"),
            ReplyError::LoneLf => {
                f.write_str("a line of the reply ended with LF alone; lines end with CR LF")
            }
            ReplyError::OutOfStep => f.write_str("the server answered before it was asked"),
        }
    }
}

impl std::error::Error for ReplyError {}
// ANCHOR_END: reply_error_display
