//! # Dots (chapter 3)
//!
//! The text of a letter is sent as lines, and a line with a dot alone ends it. So the
//! sender puts one more dot before every line that begins with one, and the receiver
//! takes it away again: the text is *transparent* (RFC 5321 §4.5.2). POP3 uses the same
//! rule for its long answers (RFC 1939 §3).
//!
//! The end of a text is exactly CR LF "." CR LF; at the very beginning, the CR LF is the
//! one that ended the command. A receiver that also takes LF "." LF for the end runs as
//! commands what its sender passed on as text: that is SMTP smuggling. We read on to the
//! real end, and then refuse a text that held any bare CR or LF.

use super::line::{Stream, Wire, refuse_line_end};
use std::io;
use std::time::{Duration, Instant};

/// The text of a letter, header and body: any number of lines, each ended by CR LF, and
/// no CR or LF anywhere else. Octets over 127 and NUL may be in it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// Makes a text from a file of any system: each LF, CR LF or bare CR becomes one CR
    /// LF, and the last line gets one if it has none.
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

    /// The octets, as they are in a file, and as SIZE counts them.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The lines, without their CR LF.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split_inclusive(|octet| *octet == b'\n')
            .filter_map(|line| line.strip_suffix(b"\r\n"))
    }
}

/// A test that fails shows text, not numbers.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({:?})", String::from_utf8_lossy(&self.0))
    }
}

/// Writes one line of a text. `timeout` is for each line.
///
/// Errors: as for [`Wire::write_line`].
pub fn write_text_line<S: Stream>(
    wire: &mut Wire<S>,
    line: &[u8],
    timeout: Duration,
) -> io::Result<()> {
    refuse_line_end(line)?;
    wire.allow(timeout)?;
    let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
    let octets = [dot, line, b"\r\n"].concat();
    if let Some(trace) = wire.trace() {
        trace.said_text(&octets);
    }
    wire.write_octets(&octets)
}

/// Writes the dot alone, and sends all.
pub fn end_text<S: Stream>(wire: &mut Wire<S>, timeout: Duration) -> io::Result<()> {
    wire.allow(timeout)?;
    wire.write_line(".")?;
    wire.flush()
}

/// The possible results of reading a text. In every case the text was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The text, exactly as it was before the sender stuffed it.
    Text(Text),
    /// It held a bare CR or LF.
    BareNewline,
    /// It was over the limit. Never more than the limit was kept in memory.
    TooBig,
}

/// Reads a text, through its dot alone. `limit` counts the octets of the text, without
/// what the wire adds (RFC 1870 §5). `timeout` is for each line, or each 64 KiB of one.
///
/// Errors: whatever the stream fails with; [`io::ErrorKind::UnexpectedEof`] if it ends
/// before the dot; see also [`ENDLESS_TEXT`] and [`TEXT_TIMEOUTS`]. After an error, all
/// that one can do is close.
pub fn read_text<S: Stream>(
    wire: &mut Wire<S>,
    limit: usize,
    timeout: Duration,
) -> io::Result<Received> {
    let mut size = 0_usize; // of all that came
    let begun = Instant::now();
    let all_timeouts = timeout.saturating_mul(TEXT_TIMEOUTS);
    let mut received = Received::Text(Text::default());
    // The last two octets (at first they ended the command), and then the next piece.
    let mut seen = b"\r\n".to_vec();
    loop {
        if !wire.has_line() {
            let left = all_timeouts.saturating_sub(begun.elapsed());
            wire.allow(timeout.min(left))?;
        }
        if wire.read_piece(PIECE, &mut seen)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let piece = seen.get(2..).unwrap_or_default();
        if let Some(trace) = wire.trace() {
            trace.heard_text(piece);
        }
        // There are programs that end their lines with LF alone, and we are kind to them.
        if seen.ends_with(b"\n.\n") || seen.ends_with(b"\n.\r\n") {
            return Ok(received);
        }
        let text = seen.strip_prefix(b"\r\n.").unwrap_or(piece);
        received.append(text, limit);
        size = size.saturating_add(text.len());
        if size > limit.saturating_add(ENDLESS_TEXT) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        seen.drain(..seen.len() - 2);
    }
}

impl Received {
    /// Keeps more of a text, if it is good so far and within the limit.
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

/// The most of a line that is looked at in one go, in octets.
const PIECE: usize = 64 * 1024;

/// How far we follow a text that is too long before we give up on the peer, in octets
/// past the limit. After that, [`read_text`] fails with [`io::ErrorKind::FileTooLarge`].
pub const ENDLESS_TEXT: usize = 512 * 1024 * 1024;

/// How many timeouts a whole text may take. After that, [`read_text`] fails with
/// [`io::ErrorKind::TimedOut`].
pub const TEXT_TIMEOUTS: u32 = 6;

/// There was a bare CR or LF, or the last line had no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BareNewline;

impl Text {
    /// Takes octets that are a text already.
    pub fn new(octets: Vec<u8>) -> Result<Text, BareNewline> {
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\r\n") {
                Some(line) if !line.contains(&b'\r') => {}
                _ => return Err(BareNewline),
            }
        }
        Ok(Text(octets))
    }

    /// The lines of the header: all before the first empty one.
    pub fn header_lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines().take_while(|line| !line.is_empty())
    }
}
