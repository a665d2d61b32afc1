// ANCHOR: story
//! # Lines (chapter 2)
//!
//! SMTP and POP3 are spoken in lines, and a line ends with two octets: CR LF (RFC 5321 §2.3.8).
//! Nothing else ends one. Where two programs disagree about that, a letter can smuggle commands,
//! so this is the only place in the crate that decides it.
//!
//! A [`Wire`] is one end of a connection. It reads lines under a limit, so that a line of any
//! length costs little memory. It writes lines, and sends what it has written before it waits for
//! the other side: two programs that both wait for a reply would wait for ever. It can show every
//! line to a reader; that is the [`Trace`].
//!
//! It knows nothing of what the lines mean, but for one thing: which part of one is a password.
// ANCHOR_END: story

// ANCHOR: uses
mod trace;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};
pub use trace::{Trace, is_hidden, visible};
use trace::{public_part, public_part_of_command};
// ANCHOR_END: uses

// ANCHOR: limits
/// Longest command line, its CR LF included, in octets (RFC 5321 §4.5.3.1.4).
pub const COMMAND_LINE: usize = 512;
/// Longest reply line, its CR LF included, in octets (RFC 5321 §4.5.3.1.5).
pub const REPLY_LINE: usize = 512;
/// Longest line of a letter's text, its CR LF included, in octets (RFC 5321 §4.5.3.1.6).
/// A receiver may take longer ones, and ours does; a good sender stays below.
pub const TEXT_LINE: usize = 1000;
// ANCHOR_END: limits

// ANCHOR: endless
/// How far we follow a line that is too long, to find its end, before we give up on the peer.
pub const ENDLESS_LINE: usize = 64 * 1024;

/// Longest timeout of a [`Socket`]. Now plus an endless timeout is a moment that the clock cannot
/// name, and to work it out would end the program.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
// ANCHOR_END: endless

// ANCHOR: block
/// How much is read and written at a time.
const BLOCK: usize = 64 * 1024;
// ANCHOR_END: block

// ANCHOR: line
/// What reading one line came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its CR LF. It holds no CR and no LF.
    Text(Vec<u8>),
    /// A line that held, or ended with, a CR or LF standing alone. It was thrown away.
    BareNewline,
    /// A line over the limit. It was thrown away; the next read begins after its end.
    TooLong,
    /// [`ENDLESS_LINE`] octets and still no end of the line. What follows is the middle of
    /// something: all one can do is close.
    Endless,
    /// The other side closed the connection. An unfinished last line is no line, and is dropped.
    Closed,
}
// ANCHOR_END: line

// ANCHOR: stream
/// A two-way stream of octets that can be told how long it may wait.
pub trait Stream: Read + Write {
    /// From now on, all reads and writes together get `timeout`; after that they
    /// fail with [`io::ErrorKind::TimedOut`]. A new call starts the clock anew.
    fn allow(&mut self, timeout: Duration) -> io::Result<()>;
}
// ANCHOR_END: stream

// ANCHOR: socket
/// A TCP connection that keeps a deadline.
///
/// A timeout on each read is not enough: a peer that sends one octet just before each timeout
/// would hold us for ever. So each read and write gets only what is left until the deadline.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    deadline: Instant,
}
// ANCHOR_END: socket

// ANCHOR: socket_impl
impl Socket {
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

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(Some(left))
        }
    }
}
// ANCHOR_END: socket_impl

// ANCHOR: allow
impl Stream for Socket {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.deadline = Instant::now() + timeout.min(A_DAY);
        Ok(())
    }
}
// ANCHOR_END: allow

// ANCHOR: read_write
impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(octets).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
// ANCHOR_END: read_write

// ANCHOR: timed_out
/// Unix calls a timeout "would block", Windows calls it "timed out". We say timed out.
pub fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
// ANCHOR_END: timed_out

// ANCHOR: one_line
/// Refuses to write as one line what the other side would read as several.
pub(super) fn one_line(line: &[u8]) -> io::Result<()> {
    if line.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
        Err(io::ErrorKind::InvalidInput.into())
    } else {
        Ok(())
    }
}
// ANCHOR_END: one_line

// ANCHOR: wire
/// One end of a connection.
pub struct Wire<S> {
    input: BufReader<S>,
    output: Vec<u8>,
    trace: Option<Trace>,
}
// ANCHOR_END: wire

// ANCHOR: wire_new
impl<S: Stream> Wire<S> {
    /// The end of a connection, with no trace.
    pub fn new(stream: S) -> Wire<S> {
        Wire {
            input: BufReader::with_capacity(BLOCK, stream),
            output: Vec::new(),
            trace: None,
        }
    }

    /// The same, showing every line to `trace`.
    pub fn traced(stream: S, trace: Option<Trace>) -> Wire<S> {
        Wire {
            trace,
            ..Wire::new(stream)
        }
    }
    // ANCHOR_END: wire_new

    // ANCHOR: wire_allow
    /// Starts the clock for what comes next; see [`Stream::allow`].
    pub fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.input.get_mut().allow(timeout)
    }
    // ANCHOR_END: wire_allow

    // ANCHOR: read_line
    /// Reads one line of at most `limit` octets, CR LF included.
    pub fn read_line(&mut self, limit: usize) -> io::Result<Line> {
        self.read_and_show(limit, public_part)
    }

    /// The same where a command is due. What comes may be an answer to AUTH that nobody has asked
    /// for, from a client that does not listen; that is a secret, too.
    pub fn read_command(&mut self, limit: usize) -> io::Result<Line> {
        self.read_and_show(limit, public_part_of_command)
    }

    /// The same for a line that is a secret as a whole: the trace shows stars.
    pub fn read_secret(&mut self, limit: usize) -> io::Result<Line> {
        self.read_and_show(limit, |_| 0)
    }
    // ANCHOR_END: read_line

    // ANCHOR: read_and_show
    fn read_and_show(&mut self, limit: usize, public: fn(&[u8]) -> usize) -> io::Result<Line> {
        let mut line = Vec::new();
        self.read_piece(limit, &mut line)?;
        let shown = public(&line);
        if let Some(trace) = &mut self.trace
            && !line.is_empty()
        {
            trace.heard(&line, shown);
        }
        if !line.ends_with(b"\n") {
            return if line.len() < limit {
                Ok(Line::Closed)
            } else {
                self.skip_line()
            };
        }
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Ok(Line::BareNewline);
        };
        if text.contains(&b'\r') {
            return Ok(Line::BareNewline);
        }
        line.truncate(line.len() - 2);
        Ok(Line::Text(line))
    }
    // ANCHOR_END: read_and_show

    // ANCHOR: skip_line
    /// Throws away the rest of a line that is too long.
    fn skip_line(&mut self) -> io::Result<Line> {
        let mut skipped = Vec::new();
        while skipped.len() < ENDLESS_LINE {
            match self.read_piece(ENDLESS_LINE - skipped.len(), &mut skipped)? {
                0 => return Ok(Line::Closed),
                _ if skipped.ends_with(b"\n") => return Ok(Line::TooLong),
                _ => {}
            }
        }
        Ok(Line::Endless)
    }
    // ANCHOR_END: skip_line

    // ANCHOR: read_piece
    /// Appends to `piece` what comes, through the next LF, but at most `most` octets. Returns how
    /// many; less than `most` and no LF means that the stream has ended.
    ///
    /// This is where we would wait, so here is where all that we have said is sent.
    pub(super) fn read_piece(&mut self, most: usize, piece: &mut Vec<u8>) -> io::Result<usize> {
        if !self.has_line() {
            self.flush()?;
        }
        self.input
            .by_ref()
            .take(most as u64)
            .read_until(b'\n', piece)
    }

    /// Is the end of a line at hand? If not, the next read may have to wait.
    pub(crate) fn has_line(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }
    // ANCHOR_END: read_piece

    // ANCHOR: write_line
    /// Writes a line and its CR LF. It leaves at the next read, or [`flush`](Wire::flush).
    ///
    /// Errors: [`io::ErrorKind::InvalidInput`] if the line holds a CR or LF, for what follows that
    /// would be run as a command; and whatever the stream fails with.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        self.write_and_show(line, public_part(line.as_bytes()))
    }

    /// The same for a command, as in [`read_command`](Wire::read_command): the client that does not
    /// listen may be us.
    pub fn write_command(&mut self, line: &str) -> io::Result<()> {
        self.write_and_show(line, public_part_of_command(line.as_bytes()))
    }

    /// The same for a line that is a secret as a whole.
    pub fn write_secret(&mut self, line: &str) -> io::Result<()> {
        self.write_and_show(line, 0)
    }

    /// The same for a line that the user has typed, and so has seen: the trace shows nothing.
    pub fn write_typed(&mut self, line: &str) -> io::Result<()> {
        self.write_octets(line.as_bytes())?;
        self.write_octets(b"\r\n")
    }
    // ANCHOR_END: write_line

    // ANCHOR: write_and_show
    fn write_and_show(&mut self, line: &str, shown: usize) -> io::Result<()> {
        one_line(line.as_bytes())?;
        if let Some(trace) = &mut self.trace {
            trace.said(line.as_bytes(), shown);
        }
        self.write_octets(line.as_bytes())?;
        self.write_octets(b"\r\n")
    }
    // ANCHOR_END: write_and_show

    // ANCHOR: write_octets
    /// Writes octets as they are.
    pub(super) fn write_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.output.extend_from_slice(octets);
        if self.output.len() < BLOCK {
            Ok(())
        } else {
            self.flush()
        }
    }
    // ANCHOR_END: write_octets

    // ANCHOR: flush
    /// Sends what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let stream = self.input.get_mut();
        let sent = stream.write_all(&self.output);
        // If that failed, nobody knows how much has left: it must not leave a second time.
        self.output.clear();
        sent.and_then(|()| stream.flush())
    }
    // ANCHOR_END: flush

    // ANCHOR: wire_rest
    /// The trace, for those who read or write below the level of lines.
    pub fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    /// Shows a remark, if anything is shown.
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
