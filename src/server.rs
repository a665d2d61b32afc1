//! # The server (chapter 10)
//!
//! Accepts one caller at a time and drives a [`Session`]: reads lines for it, sends its replies,
//! and hands each letter to a [`Store`]. 250 is said after the store has said that the letter is
//! safe, and not before (RFC 5321 §4.2.5, §6.1).
//!
//! One thread serves everybody, so time is the thing to guard. A caller gets so long for each
//! line, and so long in all. And like Postfix under stress the server is patient only while nobody
//! else waits: when another caller waits, an idle one has [`SHORT_PATIENCE`] and no longer, and a
//! lively one soon has to come again. Time is looked at before every command, and wherever we read
//! or write.

use crate::protocol::command::AUTH_LINE;
use crate::protocol::dot::read_text;
use crate::protocol::line::{Stream, Wire, timed_out};
use crate::protocol::reply::Reply;
use crate::session::{Letter, Session, Step};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a server waits for the next command (RFC 5321 §4.5.3.2.7: at least 5 minutes).
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long an idle caller has while another one waits.
pub const SHORT_PATIENCE: Duration = Duration::from_secs(10);
/// A connection lasts at most this many times the patience for one command; and once another
/// caller waits, this many times the short patience, however busily it is used.
pub const CONNECTION: u32 = 6;
/// How often we look what time it is, and who else is there, while a caller is silent.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// How long we wait before we try again to accept a caller.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(20);
/// How long a caller whose time is up has to take our goodbye, and every caller to take our close.
const GOODBYE: Duration = Duration::from_secs(1);
/// How many octets that a caller still sends are read when we close, so that our last reply reaches
/// it.
const READ_AT_CLOSE: u64 = 1024 * 1024;
/// How many callers who have hung up we throw away in one go: about as many as a system queues.
const GONE: usize = 128;

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
                        // Without a reason the client would send the whole letter again.
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
    if error.kind() == io::ErrorKind::TimedOut {
        let goodbye = format!("{goodbye}: {error}");
        let _ = wire.write_line(&goodbye).and_then(|()| wire.flush());
    }
}

/// How long a caller is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// For each line, and for each reply to be read.
    pub patience: Duration,
    /// The same while another caller waits.
    pub short: Duration,
    /// For our goodbye, and once more for our close.
    pub goodbye: Duration,
}

impl Times {
    /// So long for each line, and what is usual for the rest.
    pub fn new(patience: Duration) -> Times {
        Times {
            patience,
            short: SHORT_PATIENCE,
            goodbye: GOODBYE,
        }
    }
}

/// Asks whether the server is to end.
pub type IsOver = Box<dyn Fn() -> bool>;

/// Serves callers one after another, `sessions` of them, or without end. Whatever becomes of one
/// conversation, the next caller is served.
pub fn serve(
    entrance: &mut Entrance,
    sessions: Option<u64>,
    mut visit: impl FnMut(Connection<'_>),
) {
    for _ in 0..sessions.unwrap_or(u64::MAX) {
        let Some(connection) = entrance.wait() else {
            return;
        };
        visit(connection);
    }
}

/// Where callers arrive.
pub struct Entrance {
    listener: TcpListener,
    times: Times,
    is_over: Option<IsOver>,
    next: Option<Waiting>,
    /// When we last looked who waits.
    looked: Instant,
}

/// A caller who waits until the one before has gone.
struct Waiting {
    stream: TcpStream,
    peer: SocketAddr,
    since: Instant,
}

impl Waiting {
    /// Has the caller hung up? One who has said something and closed only its own direction may
    /// still listen for our replies, so it has not.
    fn has_gone(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(octets) => octets == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl Entrance {
    /// Callers of this listener get these times. If `is_over` is given, it is asked again and again,
    /// and once it says yes, nobody is served any more.
    pub fn new(
        listener: TcpListener,
        times: Times,
        is_over: Option<IsOver>,
    ) -> io::Result<Entrance> {
        listener.set_nonblocking(is_over.is_some())?;
        Ok(Entrance {
            listener,
            times,
            is_over,
            next: None,
            looked: Instant::now(),
        })
    }

    fn is_over(&self) -> bool {
        self.is_over.as_ref().is_some_and(|is_over| is_over())
    }

    /// Waits for the next caller. `None`: it is over.
    fn wait(&mut self) -> Option<Connection<'_>> {
        loop {
            let next = self.next.take().map(|next| (next.stream, next.peer));
            let caller = next.map_or_else(|| self.listener.accept(), Ok);
            match caller.and_then(|(stream, peer)| prepare(stream).map(|stream| (stream, peer))) {
                Ok((stream, peer)) => return Some(Connection::new(self, stream, peer)),
                Err(_) if self.is_over() => return None,
                // Nobody is there yet (if we have to ask whether it is over, we do not block), or
                // has hung up already, or too many files are open: no reason to stop.
                Err(_) => std::thread::sleep(ACCEPT_INTERVAL),
            }
        }
    }

    /// Looks who waits. That takes three system calls, too many for each line.
    fn look(&mut self) {
        if self.looked.elapsed() < CHECK_INTERVAL {
            return;
        }
        self.looked = Instant::now();
        if self.next.as_ref().is_some_and(Waiting::has_gone) {
            self.next = None;
        }
        if self.next.is_none() && self.listener.set_nonblocking(true).is_ok() {
            self.next = (0..GONE)
                .map_while(|_| self.accept_next())
                .find(|next| !next.has_gone());
            let _ = self.listener.set_nonblocking(self.is_over.is_some());
        }
    }

    fn accept_next(&self) -> Option<Waiting> {
        let (stream, peer) = self.listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        let since = Instant::now();
        Some(Waiting {
            stream,
            peer,
            since,
        })
    }
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(false)?;
    // Replies are small and awaited: do not hold them back to fill a packet.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(CHECK_INTERVAL))?;
    stream.set_write_timeout(Some(CHECK_INTERVAL))?;
    Ok(stream)
}

/// A caller's connection. It keeps the times of the entrance it came through.
pub struct Connection<'a> {
    stream: TcpStream,
    entrance: &'a mut Entrance,
    /// Where the caller calls from.
    pub peer: SocketAddr,
    /// Since when, and for how long at most, this connection lasts.
    begun: Instant,
    most: Duration,
    /// Since when, and for how long at most, we wait for what comes next.
    since: Instant,
    patience: Duration,
    /// All that is left is to say goodbye, or to close.
    is_ending: bool,
}

const NO_LINE: &str = "no line came in time";

impl Connection<'_> {
    fn new(entrance: &mut Entrance, stream: TcpStream, peer: SocketAddr) -> Connection<'_> {
        let (now, patience) = (Instant::now(), entrance.times.patience);
        Connection {
            stream,
            entrance,
            peer,
            begun: now,
            most: patience.saturating_mul(CONNECTION),
            since: now,
            patience,
            is_ending: false,
        }
    }

    /// Our own address on this connection.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Reads or writes. Between two tries we check the time. `late` is what to say of a caller who
    /// keeps us waiting.
    fn patiently<T>(
        &mut self,
        late: &str,
        mut act: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            self.check(late)?;
            match act(&mut self.stream).map_err(timed_out) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                done => return done,
            }
        }
    }

    /// Fails if there is no time left; the error says why. Then only the goodbye is still to come.
    fn check(&mut self, late: &str) -> io::Result<()> {
        self.entrance.look();
        let Some(why) = self.why_over(late) else {
            return Ok(());
        };
        let error = io::Error::new(io::ErrorKind::TimedOut, why);
        self.begin_to_end();
        Err(error)
    }

    /// Why no time is left, if none is.
    fn why_over<'l>(&self, late: &'l str) -> Option<&'l str> {
        let times = &self.entrance.times;
        let waited = self.since.elapsed();
        let other = self.entrance.next.as_ref().map(|next| next.since.elapsed());
        if self.begun.elapsed() >= self.most {
            Some("the connection has lasted too long")
        } else if self.is_ending {
            None
        } else if self.entrance.is_over() {
            Some("this server is ending")
        } else if waited >= self.patience {
            Some(late)
        } else if other.is_some() && waited >= times.short {
            Some("another caller waits")
        } else if other >= Some(times.short.saturating_mul(CONNECTION)) {
            Some("another caller has waited too long")
        } else {
            None
        }
    }

    fn begin_to_end(&mut self) {
        self.is_ending = true;
        self.begun = Instant::now();
        self.most = self.entrance.times.goodbye;
    }
}

impl Stream for Connection<'_> {
    /// Comes before each command, also where the next one has come already. So this is where we
    /// notice that a caller who keeps us busy has had enough time.
    fn allow(&mut self, patience: Duration) -> io::Result<()> {
        self.since = Instant::now();
        self.patience = patience;
        self.check(NO_LINE)
    }
}

impl Read for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(NO_LINE, |stream| stream.read(buffer))
    }
}

impl Write for Connection<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.patiently("our answer was not read in time", |stream| {
            stream.write(octets)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Connection<'_> {
    /// Closes so that the last reply arrives. If we closed with octets unread, TCP would send a
    /// reset, and that can overtake what we said.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.begin_to_end();
        let _ = io::copy(&mut self.take(READ_AT_CLOSE), &mut io::sink());
    }
}
