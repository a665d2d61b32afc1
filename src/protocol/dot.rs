//! # Dots (chapter 3)
//!
//! A letter's text is sent as lines, and a line with a lone dot ends it. A text may itself hold
//! such a line. So the sender puts one more dot before every line that begins with one, and the
//! receiver takes it away again: the text is *transparent* (RFC 5321 §4.5.2). POP3 uses the same
//! rule for its long answers (RFC 1939 §3).
//!
//! The end of a text is exactly CR LF "." CR LF; at the very beginning, the CR LF is the one that
//! ended the command. A receiver that also takes LF "." LF for the end can be fooled: what its
//! sender passes on as text it runs as commands. That attack is called SMTP smuggling. We read on
//! to the real end, and then refuse a text that held a bare CR or LF at all.

use super::line::{Stream, Wire, one_line};
use std::io;
use std::time::Duration;

/// The text of a letter, header and body: any number of lines, each ended by CR LF, and no CR or
/// LF anywhere else. Octets over 127 and NUL may be in it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<u8>);

/// A CR or LF stood alone, or the last line had no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BareNewline;

/// What reading a text came to. In every case the text was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The text, to the octet as it was before the sender stuffed it.
    Text(Text),
    /// It held a CR or LF standing alone.
    BareNewline,
    /// It was over the limit; no more than the limit was kept in memory meanwhile.
    TooBig,
}

impl Text {
    /// Takes octets that are a text already.
    pub fn new(octets: Vec<u8>) -> Result<Text, BareNewline> {
        let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
        let good = |line: &[u8]| {
            line.strip_suffix(b"\r\n")
                .is_some_and(|line| !line.contains(&b'\r'))
        };
        if lines.all(good) {
            Ok(Text(octets))
        } else {
            Err(BareNewline)
        }
    }

    /// Makes a text from a file of any system: each LF, CR LF or lone CR becomes one CR LF, and
    /// the last line gets one if it has none.
    pub fn from_file(octets: &[u8]) -> Text {
        let mut text = Vec::with_capacity(octets.len() + octets.len() / 32);
        let mut rest = octets;
        while !rest.is_empty() {
            let end = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
            let (line, from_end) = rest.split_at(end.unwrap_or(rest.len()));
            text.extend_from_slice(line);
            text.extend_from_slice(b"\r\n");
            rest = match from_end {
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        Text(text)
    }

    /// The octets, as they stand in a file and as SIZE counts them.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The lines, without their CR LF.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split_inclusive(|octet| *octet == b'\n')
            .map(|line| &line[..line.len() - 2])
    }

    /// The lines of the header: all before the first empty one.
    pub fn header_lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines().take_while(|line| !line.is_empty())
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({:?})", String::from_utf8_lossy(&self.0))
    }
}

/// Reads a text, through its lone dot. `limit` is for the text as it was before stuffing, in
/// octets; the dot line is not counted (RFC 1870 §5). `patience` is for each wait, in which a line,
/// or 64 KiB of it, must come.
///
/// Errors: whatever the stream fails with; [`io::ErrorKind::UnexpectedEof`] if it ends before the
/// dot.
pub fn read_text<S: Stream>(
    wire: &mut Wire<S>,
    limit: usize,
    patience: Duration,
) -> io::Result<Received> {
    let mut text = Vec::new();
    let mut size = 0; // of the text so far, kept or not
    let mut bare = false;
    let mut at_line_start = true;
    let mut last = b'\n'; // the octet before the piece at hand
    loop {
        if !wire.has_line() {
            wire.allow(patience)?;
        }
        let start = text.len();
        if wire.read_piece(PIECE, &mut text)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let piece = &text[start..];
        let line_end = piece.ends_with(b"\r\n") || (last == b'\r' && piece == b"\n");
        if let Some(trace) = wire.trace() {
            trace.heard(piece, piece.len());
        }
        if at_line_start && piece == b".\r\n" {
            text.truncate(start);
            break;
        }
        bare |= has_bare_newline(last, piece);
        last = piece.last().copied().unwrap_or(last);
        if at_line_start && piece.starts_with(b".") {
            text.remove(start);
        }
        at_line_start = line_end;
        size += text.len() - start;
        if size > limit {
            text = Vec::new();
        }
    }
    Ok(match size {
        _ if bare => Received::BareNewline,
        size if size > limit => Received::TooBig,
        _ => Received::Text(Text(text)),
    })
}

/// The most of a line that is looked at in one go.
const PIECE: usize = 64 * 1024;

/// `piece` ends with its only LF, or has none; `last` is the octet before it.
fn has_bare_newline(last: u8, piece: &[u8]) -> bool {
    if last == b'\r' {
        return piece != b"\n";
    }
    match piece {
        [line @ .., b'\r', b'\n'] | [line @ .., b'\r'] => line.contains(&b'\r'),
        [.., b'\n'] => true,
        line => line.contains(&b'\r'),
    }
}

/// Writes a text, stuffed, and its lone dot. `patience` is for each block that leaves.
pub fn write_text<S: Stream>(
    wire: &mut Wire<S>,
    text: &Text,
    patience: Duration,
) -> io::Result<()> {
    for line in text.lines() {
        write_text_line(wire, line, patience)?;
    }
    end_text(wire, patience)
}

/// Writes one line of a text; a line that begins with a dot gets one more.
///
/// Errors: as for [`Wire::write_line`].
pub fn write_text_line<S: Stream>(
    wire: &mut Wire<S>,
    line: &[u8],
    patience: Duration,
) -> io::Result<()> {
    one_line(line)?;
    wire.allow(patience)?;
    let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
    if let Some(trace) = wire.trace() {
        trace.said(&[dot, line].concat(), usize::MAX);
    }
    wire.write_octets(dot)?;
    wire.write_octets(line)?;
    wire.write_octets(b"\r\n")
}

/// Writes the lone dot, and sends all.
pub fn end_text<S: Stream>(wire: &mut Wire<S>, patience: Duration) -> io::Result<()> {
    wire.allow(patience)?;
    wire.write_line(".")?;
    wire.flush()
}
