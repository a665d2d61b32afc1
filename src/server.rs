//! # The server (chapter 10)
//!
//! Accepts one caller at a time and drives a [`Session`]: reads lines for it, sends its replies,
//! and hands each letter to a [`Store`]. 250 is said after the store has said that the letter is
//! safe, and not before (RFC 5321 §4.2.5, §6.1).
//!
//! One thread serves everybody, so time is the thing to guard. A caller gets so long for each
//! line, and so long in all. And like Postfix under stress the server is patient only while nobody
//! else waits: when another caller stands in line, an idle one has [`HURRY`] and no longer, and a
//! lively one soon has to come again.

use crate::protocol::command::AUTH_LINE;
use crate::protocol::dot::read_text;
use crate::protocol::line::{Stream, Wire, timed_out};
use crate::protocol::reply::Reply;
use crate::session::{Letter, Session, Step};
use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a server waits for the next command (RFC 5321 §4.5.3.2.7: at least 5 minutes).
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long an idle caller has while another one waits.
pub const HURRY: Duration = Duration::from_secs(10);
/// A connection lasts at most this many times the patience for one command; and once another
/// caller waits, this many times [`HURRY`], however busily it is used.
pub const CONNECTION: u32 = 6;
/// How often we look up from a silent caller, to see what time it is and who else is there.
const LOOK_UP: Duration = Duration::from_millis(200);
/// How long we rest when nobody could be let in.
const BREATH: Duration = Duration::from_millis(20);
/// What is left for a goodbye when a caller's time is up.
const GOODBYE: Duration = Duration::from_secs(1);
/// How much of what a caller still sends is read when we close, so that our last reply reaches it.
const LINGER: u64 = 1024 * 1024;

/// Where letters go.
pub trait Store {
    /// Keeps a letter. When this returns its name, the letter survives a crash. When it returns an
    /// error, nothing of it is kept: the client will come again.
    fn store(&mut self, letter: &Letter) -> io::Result<String>;
}

/// Conducts one SMTP conversation, to its end.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    store: &mut dyn Store,
    patience: Duration,
) -> io::Result<()> {
    session.greeting().write(wire)?;
    loop {
        wire.allow(patience)?;
        let line = match session.expects_secret() {
            true => wire.read_secret(AUTH_LINE)?,
            false => wire.read_command(AUTH_LINE)?,
        };
        match session.line(&line) {
            Step::Reply(reply) => reply.write(wire)?,
            Step::Text(reply) => {
                reply.write(wire)?;
                let received = match read_text(wire, session.limit(), patience) {
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                        // Who hears no reason would come again, and again with all of it.
                        Reply::new(552, "too big, and no end in sight").write(wire)?;
                        return wire.flush();
                    }
                    received => received?,
                };
                let reply = match session.received(received) {
                    Ok(letter) => keep(wire, store, &letter),
                    Err(refusal) => refusal,
                };
                reply.write(wire)?;
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
fn keep<S: Stream>(wire: &mut Wire<S>, store: &mut dyn Store, letter: &Letter) -> Reply {
    let error = match store.store(letter) {
        Ok(name) => return Reply::new(250, &format!("OK, kept as {name}")),
        Err(error) => error,
    };
    wire.remark(&format!("the letter could not be kept: {error}"));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Reply::new(452, "the disk is full here; try again later")
        }
        _ => Reply::new(451, "the letter could not be kept here; try again later"),
    }
}

/// Ends a conversation that failed: says why in the trace, and, if time ran out, says `goodbye` and
/// the reason to the peer.
pub fn hang_up<S: Stream>(wire: &mut Wire<S>, error: &io::Error, goodbye: &str) {
    wire.remark(&format!("the conversation broke off: {error}"));
    if error.kind() == io::ErrorKind::TimedOut && wire.allow(GOODBYE).is_ok() {
        let goodbye = format!("{goodbye}: {error}");
        let _ = wire.write_line(&goodbye).and_then(|()| wire.flush());
    }
}

/// Serves callers one after another, `sessions` of them, or without end. Whatever becomes of one
/// conversation, the next caller is served.
pub fn serve(door: &Door, sessions: Option<u64>, mut visit: impl FnMut(Visitor<'_>)) {
    for _ in 0..sessions.unwrap_or(u64::MAX) {
        let Some(visitor) = door.wait() else { return };
        visit(visitor);
    }
}

/// Where callers arrive, and how long each is borne with.
pub struct Door {
    listener: TcpListener,
    /// Who stands in line, if we have looked, and since when.
    next: RefCell<Option<(TcpStream, SocketAddr, Instant)>>,
    looked: Cell<Instant>,
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
            looked: Cell::new(Instant::now()),
            patience,
            leash,
        })
    }

    /// How long a caller has for each line.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Waits for the next caller. `None`: our parent is gone, and so should we be.
    fn wait(&self) -> Option<Visitor<'_>> {
        loop {
            let next = self.next.take().map(|(stream, peer, _)| (stream, peer));
            let caller = next.map_or_else(|| self.listener.accept(), Ok);
            match caller.and_then(|(stream, peer)| Visitor::new(self, stream, peer)) {
                Ok(visitor) => return Some(visitor),
                Err(_) if is_orphan(self.leash) => return None,
                // Nobody is there yet (on a leash we do not block), or has hung up already, or too
                // many files are open: no reason to stop.
                Err(_) => std::thread::sleep(BREATH),
            }
        }
    }

    /// For how long has somebody stood in line?
    fn wanted_for(&self) -> Option<Duration> {
        let mut next = self.next.borrow_mut();
        // A look takes three system calls: too many for each line.
        let is_time = next.is_none() && self.looked.get().elapsed() >= LOOK_UP;
        if is_time && self.listener.set_nonblocking(true).is_ok() {
            self.looked.set(Instant::now());
            let caller = self.listener.accept().ok();
            *next = caller.map(|(stream, peer)| (stream, peer, Instant::now()));
            let _ = self.listener.set_nonblocking(self.leash.is_some());
        }
        next.as_ref().map(|(_, _, since)| since.elapsed())
    }
}

/// Has our parent process, which had this id, ended? (Only Unix can tell.)
pub fn is_orphan(parent: Option<u32>) -> bool {
    #[cfg(unix)]
    let now = Some(std::os::unix::process::parent_id());
    #[cfg(not(unix))]
    let now = parent;
    parent.is_some() && parent != now
}

/// A caller's connection: it keeps the deadlines of the door it came through.
pub struct Visitor<'a> {
    stream: TcpStream,
    door: &'a Door,
    /// Where the caller calls from.
    pub peer: SocketAddr,
    /// When the whole connection has to be over.
    end: Instant,
    /// The caller's time was up; the goodbye has a little of its own.
    is_over: bool,
    /// Since when, and for how long at most, we wait for what comes next.
    since: Instant,
    patience: Duration,
}

impl Visitor<'_> {
    fn new(door: &Door, stream: TcpStream, peer: SocketAddr) -> io::Result<Visitor<'_>> {
        stream.set_nonblocking(false)?;
        // Replies are small and awaited: do not hold them back to fill a packet.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK_UP))?;
        stream.set_write_timeout(Some(LOOK_UP))?;
        let now = Instant::now();
        Ok(Visitor {
            stream,
            door,
            peer,
            end: now + door.patience * CONNECTION,
            is_over: false,
            since: now,
            patience: door.patience,
        })
    }

    /// Our own address on this connection.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Reads or writes. Between two tries we look up. `late` is what to say of a caller who keeps
    /// us waiting.
    fn patiently<T>(
        &mut self,
        late: &str,
        mut act: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            self.look_up(late)?;
            match act(&mut self.stream).map_err(timed_out) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                done => return done,
            }
        }
    }

    /// Is there time left? If not, the error says why.
    fn look_up(&mut self, late: &str) -> io::Result<()> {
        let (now, waited) = (Instant::now(), self.since.elapsed());
        let why = if is_orphan(self.door.leash) {
            "this server is ending"
        } else if now >= self.end {
            "the connection has lasted too long"
        } else if waited >= self.patience {
            late
        } else {
            match self.door.wanted_for() {
                _ if self.is_over => return Ok(()),
                Some(_) if waited >= HURRY => "another caller waits",
                Some(time) if time >= HURRY * CONNECTION => "another caller has waited too long",
                _ => return Ok(()),
            }
        };
        // Two steps are still to come: the goodbye, and the close.
        self.is_over = true;
        self.end = now + GOODBYE * 2;
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }
}

impl Stream for Visitor<'_> {
    fn allow(&mut self, patience: Duration) -> io::Result<()> {
        self.since = Instant::now();
        self.patience = patience;
        Ok(())
    }
}

impl Read for Visitor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently("no line came in time", |stream| stream.read(buffer))
    }
}

impl Write for Visitor<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.patiently("our answer was not read in time", |stream| {
            stream.write(octets)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Visitor<'_> {
    /// Closes so that the last reply arrives. If we closed with octets unread, TCP would send a
    /// reset, and that can overtake what we said.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.allow(GOODBYE);
        let _ = io::copy(&mut self.take(LINGER), &mut io::sink());
    }
}
