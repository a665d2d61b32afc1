//! Where callers arrive, and their connections. Here the times are kept.

use super::{CONNECTION, IsOver, Times};
use crate::protocol::line::{Stream, timed_out};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How often we look what time it is, and who else is there, while a caller is silent.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// How long we wait before we try again to accept a caller.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(20);
/// How many octets that a caller still sends are read when we close, so that our last reply reaches
/// it.
const READ_AT_CLOSE: u64 = 1024 * 1024;
/// How many callers who have hung up we throw away in one go: about as many as a system queues.
const GONE: usize = 128;

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
    pub(super) fn wait(&mut self) -> Option<Connection<'_>> {
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
        let gone = self.next.take_if(|next| next.has_gone());
        if self.next.is_none() && self.listener.set_nonblocking(true).is_ok() {
            self.next = (0..GONE)
                .map_while(|_| self.accept_next())
                .find(|next| !next.has_gone());
            let _ = self.listener.set_nonblocking(self.is_over.is_some());
        }
        // A caller that stood behind one who has gone has waited since then, too.
        if let (Some(next), Some(gone)) = (&mut self.next, gone) {
            next.since = gone.since;
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
    timeout: Duration,
    /// All that is left is to say goodbye, or to close.
    is_ending: bool,
}

const NO_LINE: &str = "no line came in time";

impl Connection<'_> {
    fn new(entrance: &mut Entrance, stream: TcpStream, peer: SocketAddr) -> Connection<'_> {
        let (now, timeout) = (Instant::now(), entrance.times.timeout);
        Connection {
            stream,
            entrance,
            peer,
            begun: now,
            most: timeout.saturating_mul(CONNECTION),
            since: now,
            timeout,
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
        } else if waited >= self.timeout {
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
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.since = Instant::now();
        self.timeout = timeout;
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
