// ANCHOR: story
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
// ANCHOR_END: story

// ANCHOR: uses
use super::line::{Stream, Wire, one_line};
use std::io;
use std::time::{Duration, Instant};
// ANCHOR_END: uses

// ANCHOR: text
/// The text of a letter, header and body: any number of lines, each ended by CR LF, and no CR or
/// LF anywhere else. Octets over 127 and NUL may be in it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<u8>);
// ANCHOR_END: text

// ANCHOR: bare_newline
/// A CR or LF stood alone, or the last line had no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BareNewline;

/// Behind each CR stands an LF, and an LF stands nowhere else. Does `octet`, which stands behind
/// `before`, break that?
fn is_bare(before: u8, octet: u8) -> bool {
    (before == b'\r') != (octet == b'\n')
}
// ANCHOR_END: bare_newline

// ANCHOR: text_new
impl Text {
    /// Takes octets that are a text already.
    pub fn new(octets: Vec<u8>) -> Result<Text, BareNewline> {
        let mut before = b'\n';
        for octet in &octets {
            if is_bare(before, *octet) {
                return Err(BareNewline);
            }
            before = *octet;
        }
        if before == b'\n' {
            Ok(Text(octets))
        } else {
            Err(BareNewline)
        }
    }
    // ANCHOR_END: text_new

    // ANCHOR: from_file
    /// Makes a text from a file of any system: each LF, CR LF or lone CR becomes one CR LF, and
    /// the last line gets one if it has none.
    pub fn from_file(octets: &[u8]) -> Text {
        let mut text = Vec::with_capacity(octets.len());
        let mut before = b'\n';
        for octet in octets {
            match octet {
                b'\n' if before == b'\r' => {}
                b'\r' | b'\n' => text.extend_from_slice(b"\r\n"),
                octet => text.push(*octet),
            }
            before = *octet;
        }
        if !matches!(before, b'\r' | b'\n') {
            text.extend_from_slice(b"\r\n");
        }
        Text(text)
    }
    // ANCHOR_END: from_file

    // ANCHOR: text_views
    /// The octets, as they stand in a file and as SIZE counts them.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The lines, without their CR LF.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split_inclusive(|octet| *octet == b'\n')
            .filter_map(|line| line.strip_suffix(b"\r\n"))
    }

    /// The lines of the header: all before the first empty one.
    pub fn header_lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines().take_while(|line| !line.is_empty())
    }
}
// ANCHOR_END: text_views

// ANCHOR: debug
/// So that a test that fails shows letters and not numbers.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({:?})", String::from_utf8_lossy(&self.0))
    }
}
// ANCHOR_END: debug

// ANCHOR: received
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
// ANCHOR_END: received

// ANCHOR: endless_text
/// How far we follow a text that is too long, to find its end, before we give up on the peer: so
/// many octets past the limit.
pub const ENDLESS_TEXT: usize = 512 * 1024 * 1024;

/// Who says a line just before our timeout ends, and so on, is borne with for so many waits.
pub const WAITS: u32 = 6;
// ANCHOR_END: endless_text

// ANCHOR: read_text
/// Reads a text, through its lone dot. `limit` is for the text as it was before stuffing, in
/// octets; the dot line is not counted (RFC 1870 §5). `timeout` is for each wait, in which a line,
/// or 64 KiB of it, must come; the whole text has to come in [`WAITS`] times that.
///
/// Errors: whatever the stream fails with; [`io::ErrorKind::UnexpectedEof`] if it ends before the
/// dot; [`io::ErrorKind::FileTooLarge`] after [`ENDLESS_TEXT`] octets too many. All that one can do
/// then is close.
pub fn read_text<S: Stream>(
    wire: &mut Wire<S>,
    limit: usize,
    timeout: Duration,
) -> io::Result<Received> {
    let mut received = Received::Text(Text::default());
    let mut before = *b"\r\n"; // the last two octets; at first, those that ended the command
    let mut size = 0_usize; // of all that came
    let begun = Instant::now();
    // ANCHOR_END: read_text

    // ANCHOR: read_text_loop
    loop {
        let left = timeout
            .saturating_mul(WAITS)
            .saturating_sub(begun.elapsed());
        let piece = read_piece(wire, timeout.min(left))?;
        let mut text = piece.as_slice();
        if before == *b"\r\n"
            && let Some(unstuffed) = piece.strip_prefix(b".")
        {
            if unstuffed == b"\r\n" {
                return Ok(received);
            }
            text = unstuffed;
        }
        let line = piece.strip_suffix(b"\r\n").unwrap_or(b"\r");
        if before[1] != b'\r' && !line.contains(&b'\r') {
            before = *b"\r\n"; // a plain line, as nearly all are: this is quick
        } else {
            for octet in &piece {
                if is_bare(before[1], *octet) {
                    received = Received::BareNewline;
                }
                before = [before[1], *octet];
            }
        }
        received.append(text, limit);
        size = size.saturating_add(text.len());
        if size > limit.saturating_add(ENDLESS_TEXT) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}
// ANCHOR_END: read_text_loop

// ANCHOR: append
impl Received {
    /// Keeps more of a text that is good so far, and within the limit.
    fn append(&mut self, more: &[u8], limit: usize) {
        match self {
            Received::Text(Text(text)) if text.len() + more.len() <= limit => {
                text.extend_from_slice(more);
            }
            Received::Text(_) => *self = Received::TooBig,
            Received::BareNewline | Received::TooBig => {}
        }
    }
}
// ANCHOR_END: append

// ANCHOR: read_piece
/// The most of a line that is looked at in one go.
const PIECE: usize = 64 * 1024;

/// Reads a line, or the next [`PIECE`] of one that is longer.
fn read_piece<S: Stream>(wire: &mut Wire<S>, timeout: Duration) -> io::Result<Vec<u8>> {
    if !wire.has_line() {
        wire.allow(timeout)?;
    }
    let mut piece = Vec::new();
    if wire.read_piece(PIECE, &mut piece)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if let Some(trace) = wire.trace() {
        trace.heard(&piece, piece.len());
    }
    Ok(piece)
}
// ANCHOR_END: read_piece

// ANCHOR: write_text
/// Writes a text, stuffed, and its lone dot. `timeout` is for each block that leaves.
pub fn write_text<S: Stream>(wire: &mut Wire<S>, text: &Text, timeout: Duration) -> io::Result<()> {
    for line in text.lines() {
        write_text_line(wire, line, timeout)?;
    }
    end_text(wire, timeout)
}
// ANCHOR_END: write_text

// ANCHOR: write_text_line
/// Writes one line of a text; a line that begins with a dot gets one more.
///
/// Errors: as for [`Wire::write_line`].
pub fn write_text_line<S: Stream>(
    wire: &mut Wire<S>,
    line: &[u8],
    timeout: Duration,
) -> io::Result<()> {
    one_line(line)?;
    wire.allow(timeout)?;
    let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
    if let Some(trace) = wire.trace() {
        trace.said(&[dot, line].concat(), usize::MAX);
    }
    wire.write_octets(dot)?;
    wire.write_octets(line)?;
    wire.write_octets(b"\r\n")
}
// ANCHOR_END: write_text_line

// ANCHOR: end_text
/// Writes the lone dot, and sends all.
pub fn end_text<S: Stream>(wire: &mut Wire<S>, timeout: Duration) -> io::Result<()> {
    wire.allow(timeout)?;
    wire.write_line(".")?;
    wire.flush()
}
// ANCHOR_END: end_text
