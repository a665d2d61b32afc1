//! # The server (chapter 10)
//!
//! Accepts one caller at a time and drives a [`Session`]: reads lines for it, sends its replies,
//! and hands each letter to a [`Store`]. 250 is said after the store has said that the letter is
//! safe, and not before (RFC 5321 §4.2.5, §6.1).
//!
//! One thread serves everybody, so time is the thing to guard. A caller gets so long for each
//! line, and so long in all. And like Postfix under stress the server is patient only while nobody
//! else waits: as soon as another caller stands in line, an idle one has [`HURRY`] left.

use crate::protocol::command::AUTH_LINE;
use crate::protocol::dot::read_text;
use crate::protocol::line::{Stream, Wire, timed_out};
use crate::protocol::reply::Reply;
use crate::session::{Letter, Session, Step};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a server waits for the next command (RFC 5321 §4.5.3.2.7: at least 5 minutes).
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long an idle caller has while another one waits.
pub const HURRY: Duration = Duration::from_secs(10);
/// A connection lasts at most this many times the patience for one command.
const CONNECTION: u32 = 6;
/// How often we look up from a silent caller to see who else is there.
const LOOK_UP: Duration = Duration::from_millis(200);
/// What is left for a goodbye when a caller's time is up.
const GOODBYE: Duration = Duration::from_secs(1);
/// How much of what a caller still sends is read when we close, so that our last reply reaches it.
const LINGER: usize = 1024 * 1024;

/// Where letters go.
pub trait Store {
    /// Keeps a letter. When this returns its name, the letter survives a crash. When it returns an
    /// error, nothing of it is kept: the client will come again.
    fn store(&mut self, letter: &Letter) -> io::Result<String>;
}

/// Conducts one SMTP conversation, to its end. `limit` is for a letter's text, in octets.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    store: &mut dyn Store,
    limit: usize,
    patience: Duration,
) -> io::Result<()> {
    session.greeting().write(wire)?;
    loop {
        wire.allow(patience)?;
        let line = match session.expects_secret() {
            true => wire.read_secret(AUTH_LINE)?,
            false => wire.read_line(AUTH_LINE)?,
        };
        match session.line(&line) {
            Step::Reply(reply) => reply.write(wire)?,
            Step::Text(reply) => {
                reply.write(wire)?;
                let received = read_text(wire, limit, patience)?;
                let kept = session
                    .received(received)
                    .and_then(|letter| keep(wire, store, &letter));
                kept.unwrap_or_else(|refusal| refusal).write(wire)?;
            }
            Step::Close(reply) => {
                reply.write(wire)?;
                return wire.flush();
            }
            Step::Gone => return Ok(()),
        }
    }
}

/// Our own troubles are never the letter's fault: the client may try again later, so it is a 4xx.
fn keep<S: Stream>(
    wire: &mut Wire<S>,
    store: &mut dyn Store,
    letter: &Letter,
) -> Result<Reply, Reply> {
    store
        .store(letter)
        .map(|name| Reply::new(250, &format!("OK, kept as {name}")))
        .map_err(|error| {
            if let Some(trace) = wire.trace() {
                trace.remark(&format!("the letter could not be kept: {error}"));
            }
            match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Reply::new(452, "the disk is full here; try again later")
                }
                _ => Reply::new(451, "the letter could not be kept here; try again later"),
            }
        })
}

/// Where callers arrive, and how long each is borne with.
pub struct Door {
    listener: TcpListener,
    next: RefCell<Option<(TcpStream, SocketAddr)>>,
    patience: Duration,
    leash: Option<u32>,
}

impl Door {
    /// Opens a door that gives each caller `patience` for each line.
    ///
    /// With a `leash`, the id of our parent process, the door closes when that process is gone.
    pub fn new(listener: TcpListener, patience: Duration, leash: Option<u32>) -> io::Result<Door> {
        listener.set_nonblocking(leash.is_some())?;
        Ok(Door {
            listener,
            next: RefCell::new(None),
            patience,
            leash,
        })
    }

    /// How long a caller has for each line.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Waits for the next caller. `None`: our parent is gone, and so should we be.
    pub fn wait(&self) -> Option<Visitor<'_>> {
        loop {
            let caller = match self.next.take() {
                Some(caller) => Ok(caller),
                None => self.listener.accept(),
            };
            match caller {
                Ok((stream, peer)) => {
                    // This fails if the caller has hung up already. Then the next, please.
                    if let Ok(visitor) = Visitor::new(self, stream, peer) {
                        return Some(visitor);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.is_deserted() {
                        return None;
                    }
                    std::thread::sleep(LOOK_UP / 10);
                }
                // A call that failed, or too many open files: no reason to stop, but to take a
                // breath.
                Err(_) => std::thread::sleep(LOOK_UP),
            }
        }
    }

    /// Does somebody stand in line?
    fn is_wanted(&self) -> bool {
        let mut next = self.next.borrow_mut();
        if next.is_none() && self.listener.set_nonblocking(true).is_ok() {
            *next = self.listener.accept().ok();
            let _ = self.listener.set_nonblocking(self.leash.is_some());
        }
        next.is_some()
    }

    fn is_deserted(&self) -> bool {
        is_orphan(self.leash)
    }
}

/// Has our parent process, which had this id, ended? (Only Unix can tell.)
pub fn is_orphan(parent: Option<u32>) -> bool {
    #[cfg(unix)]
    return parent.is_some_and(|parent| std::os::unix::process::parent_id() != parent);
    #[cfg(not(unix))]
    return parent.is_none() && false;
}

/// A caller's connection: it keeps the deadlines of the door it came through.
pub struct Visitor<'a> {
    stream: TcpStream,
    door: &'a Door,
    /// Where the caller calls from.
    pub peer: SocketAddr,
    end: Instant,
    step_begun: Instant,
    step: Duration,
}

impl Visitor<'_> {
    fn new(door: &Door, stream: TcpStream, peer: SocketAddr) -> io::Result<Visitor<'_>> {
        stream.set_nonblocking(false)?;
        // Replies are small and awaited: do not hold them back to fill a packet.
        stream.set_nodelay(true)?;
        let now = Instant::now();
        Ok(Visitor {
            stream,
            door,
            peer,
            end: now + door.patience * CONNECTION,
            step_begun: now,
            step: door.patience,
        })
    }

    /// Our own address on this connection.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// What is left of the time for this step, in slices, so that we can look up between them.
    fn slice(&mut self) -> io::Result<Option<Duration>> {
        let now = Instant::now();
        let mut deadline = self.end.min(self.step_begun + self.step);
        if now >= self.step_begun + LOOK_UP && self.door.is_wanted() {
            deadline = deadline.min(self.step_begun + HURRY);
        }
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() || self.door.is_deserted() {
            // Two steps are still to come: the goodbye, and the close.
            self.end = now + GOODBYE * 2;
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left.min(LOOK_UP)))
    }

    fn patiently<T>(
        &mut self,
        set_timeout: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut act: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let slice = self.slice()?;
            set_timeout(&self.stream, slice)?;
            match act(&mut self.stream).map_err(timed_out) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                other => return other,
            }
        }
    }

    /// Closes so that the last reply arrives. If we closed with octets unread, TCP would send a
    /// reset, and that can overtake what we said.
    fn close(&mut self) {
        let mut rest = [0; 4096];
        let mut read = 0;
        self.step_begun = Instant::now();
        self.step = self.step.min(GOODBYE);
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        while let Ok(octets) = self.read(&mut rest) {
            read += octets;
            if octets == 0 || read > LINGER {
                return;
            }
        }
    }
}

impl Stream for Visitor<'_> {
    fn allow(&mut self, patience: Duration) -> io::Result<()> {
        self.step_begun = Instant::now();
        self.step = patience;
        Ok(())
    }
}

impl Read for Visitor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(TcpStream::set_read_timeout, |stream| stream.read(buffer))
    }
}

impl Write for Visitor<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.patiently(TcpStream::set_write_timeout, |stream| stream.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Serves callers one after another, `sessions` of them, or without end. Whatever becomes of one
/// conversation, the next caller is served.
pub fn serve(door: &Door, sessions: Option<u64>, mut visit: impl FnMut(Visitor<'_>)) {
    let mut left = sessions;
    while left != Some(0) {
        let Some(visitor) = door.wait() else { return };
        visit(visitor);
        left = left.map(|left| left - 1);
    }
}

/// Ends a conversation that failed: says why in the trace, and, if time ran out, says `goodbye` to
/// the peer.
pub fn hang_up<S: Stream>(wire: &mut Wire<S>, error: &io::Error, goodbye: &str) {
    if let Some(trace) = wire.trace() {
        trace.remark(&format!("the conversation broke off: {error}"));
    }
    if error.kind() == io::ErrorKind::TimedOut && wire.allow(GOODBYE).is_ok() {
        let _ = wire.write_line(goodbye).and_then(|()| wire.flush());
    }
}
