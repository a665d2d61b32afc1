// ANCHOR: story
//! # Lines (chapter 2)
//!
//! SMTP and POP3 are spoken in lines, and a line ends with two octets: CR LF (RFC 5321
//! §2.3.8). Nothing else ends a line. If two programs disagree about that, a letter can
//! carry hidden commands. So this is the only place in the crate that decides it.
//!
//! A [`Wire`] is one end of a connection. It reads and writes lines. It does not know
//! what the lines mean.

mod trace;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};
pub use trace::{Mask, Trace, visible};
// ANCHOR_END: story

// ANCHOR: line
/// The possible results of reading one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its CR LF. It holds no CR and no LF.
    Text(Vec<u8>),
    /// A line with a CR or LF that is not part of CR LF. It was thrown away.
    BareNewline,
    /// A line over the limit. It was thrown away; the next line can be read.
    TooLong,
    /// A line without an end, [`ENDLESS_LINE`] octets over the limit.
    Endless,
    /// The other side closed the connection. A last line without an end is dropped.
    Closed,
}
// ANCHOR_END: line

// ANCHOR: wire
/// One end of a connection.
pub struct Wire<S> {
    input: BufReader<S>,
    output: Vec<u8>,
    trace: Option<Trace>,
}
// ANCHOR_END: wire

// ANCHOR: read_line
impl<S: Stream> Wire<S> {
    /// Reads one line of at most `limit` octets, CR LF included.
    pub fn read_line(&mut self, limit: usize) -> io::Result<Line> {
        let mut line = Vec::new();
        self.read_piece(limit, &mut line)?;
        if let Some(trace) = &mut self.trace {
            trace.heard(&line);
        }
        // ANCHOR_END: read_line
        // ANCHOR: rule
        if !line.ends_with(b"\n") {
            return match line.len() < limit {
                true => Ok(Line::Closed),
                false => self.skip_line(),
            };
        }
        match line.strip_suffix(b"\r\n") {
            Some(text) if !text.contains(&b'\r') => Ok(Line::Text(text.to_vec())),
            _ => Ok(Line::BareNewline),
        }
    }
    // ANCHOR_END: rule

    // ANCHOR: read_piece
    /// Appends to `to` what comes, through the next LF, but at most `n` octets.
    /// Returns how many. Fewer than `n` and no LF means that the stream has ended.
    pub(super) fn read_piece(&mut self, n: usize, to: &mut Vec<u8>) -> io::Result<usize> {
        if !self.has_line() {
            self.flush()?;
        }
        let mut limited = self.input.by_ref().take(n as u64);
        limited.read_until(b'\n', to)
    }
    // ANCHOR_END: read_piece

    // ANCHOR: has_line
    /// Has the end of a line come already? If not, the next read may have to wait.
    pub(crate) fn has_line(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }
    // ANCHOR_END: has_line

    // ANCHOR: write_line
    /// Writes a line and its CR LF. They leave at the next read or flush.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        refuse_line_end(line.as_bytes())?;
        let octets = [line.as_bytes(), b"\r\n"].concat();
        if let Some(trace) = &mut self.trace {
            trace.said(&octets);
        }
        self.write_octets(&octets)
    }
    // ANCHOR_END: write_line

    // ANCHOR: write_octets
    /// Writes octets as they are. A full block does not wait for the next read.
    pub(super) fn write_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.output.extend_from_slice(octets);
        match self.output.len() < BLOCK {
            true => Ok(()),
            false => self.flush(),
        }
    }
    // ANCHOR_END: write_octets

    // ANCHOR: flush
    /// Sends what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        let stream = self.input.get_mut();
        let sent = stream.write_all(&self.output);
        // After a failure nobody knows how much has left. Nothing may leave twice.
        self.output.clear();
        sent?;
        stream.flush()
    }
}
// ANCHOR_END: flush

// ANCHOR: endless
/// How far we follow a line that is too long before we give up; octets past the limit.
pub const ENDLESS_LINE: usize = 64 * 1024;

impl<S: Stream> Wire<S> {
    /// Throws away the rest of a line that is too long.
    fn skip_line(&mut self) -> io::Result<Line> {
        let mut rest = Vec::new();
        let length = self.read_piece(ENDLESS_LINE, &mut rest)?;
        match rest.ends_with(b"\n") {
            true => Ok(Line::TooLong),
            false if length < ENDLESS_LINE => Ok(Line::Closed),
            false => Ok(Line::Endless),
        }
    }
}
// ANCHOR_END: endless

// ANCHOR: refuse_line_end
/// Refuses as one line what the other side would read as several.
pub(super) fn refuse_line_end(line: &[u8]) -> io::Result<()> {
    match line.contains(&b'\r') || line.contains(&b'\n') {
        true => Err(io::ErrorKind::InvalidInput.into()),
        false => Ok(()),
    }
}
// ANCHOR_END: refuse_line_end

// ANCHOR: stream
/// A two-way stream of octets that can be told how long it may wait.
pub trait Stream: Read + Write {
    /// From now on, all reads and writes together get `timeout`; after that they
    /// fail with [`io::ErrorKind::TimedOut`]. A new call starts the clock again.
    fn allow(&mut self, timeout: Duration) -> io::Result<()>;
}
// ANCHOR_END: stream

// ANCHOR: socket
/// A TCP connection that keeps a deadline.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    deadline: Instant,
}
// ANCHOR_END: socket

// ANCHOR: left
impl Socket {
    /// The time until the deadline.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(Some(left)),
        }
    }
    // ANCHOR_END: left

    // ANCHOR: socket_new
    /// Wraps a connection; its first `allow` comes before its first read.
    pub fn new(stream: TcpStream) -> Socket {
        Socket {
            stream,
            deadline: Instant::now(),
        }
    }

    /// Our own address on this connection.
    pub fn local_ip(&self) -> io::Result<IpAddr> {
        self.stream.local_addr().map(|address| address.ip())
    }
}
// ANCHOR_END: socket_new

// ANCHOR: read
impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(timed_out)
    }
}
// ANCHOR_END: read

// ANCHOR: write
impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(octets).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Unix calls a timeout "would block", Windows calls it "timed out". We say timed out.
pub fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
// ANCHOR_END: write

// ANCHOR: allow
impl Stream for Socket {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.deadline = Instant::now() + timeout.min(A_DAY);
        Ok(())
    }
}

/// Longest timeout of a [`Socket`]. A sum of times that is too large for the clock would
/// end the program.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
// ANCHOR_END: allow

// ANCHOR: limits
/// Longest command line, its CR LF included, in octets (RFC 5321 §4.5.3.1.4).
pub const COMMAND_LINE: usize = 512;
/// Longest reply line, its CR LF included, in octets (RFC 5321 §4.5.3.1.5).
pub const REPLY_LINE: usize = 512;
/// How much is read and written at a time, in octets.
const BLOCK: usize = 64 * 1024;
// ANCHOR_END: limits

// ANCHOR: wire_new
impl<S: Stream> Wire<S> {
    /// The end of a connection, with no trace.
    pub fn new(stream: S) -> Wire<S> {
        Wire::traced(stream, None)
    }

    /// The same, showing every line to `trace`.
    pub fn traced(stream: S, trace: Option<Trace>) -> Wire<S> {
        Wire {
            input: BufReader::with_capacity(BLOCK, stream),
            output: Vec::new(),
            trace,
        }
    }
    // ANCHOR_END: wire_new

    // ANCHOR: wire_rest
    /// Starts the clock for what comes next; see [`Stream::allow`].
    pub fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.input.get_mut().allow(timeout)
    }

    /// The trace, for code that reads or writes below the level of lines.
    pub fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    /// Shows a remark, if there is a trace.
    pub fn remark(&mut self, remark: &str) {
        if let Some(trace) = &mut self.trace {
            trace.remark(remark);
        }
    }

    /// The stream below the lines.
    pub fn stream(&self) -> &S {
        self.input.get_ref()
    }
}
// ANCHOR_END: wire_rest
