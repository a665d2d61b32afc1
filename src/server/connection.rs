// ANCHOR: story
//! Where callers arrive, and their connections. A connection looks at the clock, and ends
//! when its time is over; how long that is, `server.rs` says.
// ANCHOR_END: story

// ANCHOR: uses
use super::{CONNECTION_TIMEOUTS, IsOver, Times};
use crate::protocol::line::{Stream, timed_out};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
// ANCHOR_END: uses

// ANCHOR: entrance
/// Where callers arrive.
pub struct Entrance {
    listener: TcpListener,
    times: Times,
    is_over: Option<IsOver>,
    /// The caller who is served next, if one has called already.
    waiting: Option<Waiting>,
    /// When we last looked who waits.
    looked: Instant,
}
// ANCHOR_END: entrance

// ANCHOR: entrance_new
impl Entrance {
    /// Callers of this listener get these times. If `is_over` is given, we ask it again
    /// and again, and when it says yes, we serve nobody any more.
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
            waiting: None,
            looked: Instant::now(),
        })
    }

    fn is_over(&self) -> bool {
        self.is_over.as_ref().is_some_and(|is_over| is_over())
    }
    // ANCHOR_END: entrance_new

    // ANCHOR: wait
    /// Waits for the next caller. `None`: the server is to end.
    pub(super) fn wait(&mut self) -> Option<Connection<'_>> {
        loop {
            match self.accept() {
                Ok((stream, peer)) => return Some(Connection::new(self, stream, peer)),
                Err(_) if self.is_over() => return None,
                // Nobody is there yet (if we have to ask whether it is over, we do not
                // block), or the caller has hung up already, or too many files are open.
                Err(_) => std::thread::sleep(ACCEPT_INTERVAL),
            }
        }
    }
    // ANCHOR_END: wait

    // ANCHOR: accept
    /// The caller who waits already, or else the next one who calls.
    fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = match self.waiting.take() {
            Some(waiting) => waiting.caller,
            None => self.listener.accept()?,
        };
        stream.set_nonblocking(false)?;
        // Replies are small and awaited: do not hold them back to fill a packet.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CHECK_INTERVAL))?;
        stream.set_write_timeout(Some(CHECK_INTERVAL))?;
        Ok((stream, peer))
    }
}
// ANCHOR_END: accept

// ANCHOR: intervals
/// How long we wait before we try again to accept a caller.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(20);
/// How often we look at the clock, and who waits, while a caller is silent.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
// ANCHOR_END: intervals

// ANCHOR: connection
/// A caller's connection. It keeps the times of the entrance it came through.
pub struct Connection<'a> {
    stream: TcpStream,
    entrance: &'a mut Entrance,
    /// Where the caller calls from.
    pub peer: SocketAddr,
    // ANCHOR_END: connection

    // ANCHOR: connection_times
    /// When it began, and how long it may last.
    begun: Instant,
    most: Duration,
    /// When what comes next began (a line, or the peer's reading of our reply), and how
    /// long that may last.
    since: Instant,
    timeout: Duration,
    /// Only the goodbye or the close is left. `begun` and `most` are now about that.
    is_ending: bool,
}
// ANCHOR_END: connection_times

// ANCHOR: connection_new
impl Connection<'_> {
    fn new(entrance: &mut Entrance, stream: TcpStream, peer: SocketAddr) -> Connection<'_> {
        let timeout = entrance.times.timeout;
        Connection {
            stream,
            entrance,
            peer,
            begun: Instant::now(),
            most: timeout.saturating_mul(CONNECTION_TIMEOUTS),
            since: Instant::now(),
            timeout,
            is_ending: false,
        }
    }

    /// Our own address on this connection.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}
// ANCHOR_END: connection_new

// ANCHOR: allow
impl Stream for Connection<'_> {
    /// Comes before each command, also where the next one has come already. So this is
    /// where we notice that a caller who keeps us busy has had enough time.
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.since = Instant::now();
        self.timeout = timeout;
        self.check(NO_LINE)
    }
}
// ANCHOR_END: allow

// ANCHOR: read
const NO_LINE: &str = "no line came in time";

impl Read for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_in_time(NO_LINE, |stream| stream.read(buffer))
    }
}
// ANCHOR_END: read

// ANCHOR: write
impl Write for Connection<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let late = "our answer was not read in time";
        self.try_in_time(late, |stream| stream.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
// ANCHOR_END: write

// ANCHOR: try_in_time
impl Connection<'_> {
    /// Reads or writes. The socket gives up after [`CHECK_INTERVAL`]; then we check the
    /// time, and try again. `late` says what is wrong if we have waited too long.
    fn try_in_time<T>(
        &mut self,
        late: &str,
        mut act: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        // ANCHOR_END: try_in_time

        // ANCHOR: try_again
        loop {
            self.check(late)?;
            match act(&mut self.stream).map_err(timed_out) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                done => return done,
            }
        }
    }
    // ANCHOR_END: try_again

    // ANCHOR: check
    /// Fails if there is no time left; the error says why.
    fn check(&mut self, late: &str) -> io::Result<()> {
        self.entrance.find_waiting();
        let Some(why) = self.why_over(late) else {
            return Ok(());
        };
        self.begin_to_end();
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    }
    // ANCHOR_END: check

    // ANCHOR: begin_to_end
    /// From now on there is only the time for our goodbye.
    fn begin_to_end(&mut self) {
        self.is_ending = true;
        self.begun = Instant::now();
        self.most = self.entrance.times.goodbye;
    }
    // ANCHOR_END: begin_to_end

    // ANCHOR: why_over
    /// Why no time is left, if none is.
    fn why_over<'l>(&self, late: &'l str) -> Option<&'l str> {
        if self.begun.elapsed() >= self.most {
            return Some("the connection has lasted too long");
        }
        if self.is_ending {
            return None;
        }
        // ANCHOR_END: why_over

        // ANCHOR: why_late
        if self.entrance.is_over() {
            return Some("this server is ending");
        }
        if self.since.elapsed() >= self.timeout {
            return Some(late);
        }
        // ANCHOR_END: why_late

        // ANCHOR: why_busy
        // The rest is only for a time in which another caller waits.
        let waiting = self.entrance.waiting.as_ref()?;
        let busy_timeout = self.entrance.times.busy_timeout;
        if self.since.elapsed() >= busy_timeout {
            return Some("another caller waits");
        }
        let most = busy_timeout.saturating_mul(CONNECTION_TIMEOUTS);
        (waiting.since.elapsed() >= most).then_some("another caller has waited too long")
    }
}
// ANCHOR_END: why_busy

// ANCHOR: waiting
/// A caller who waits while another one is served.
struct Waiting {
    caller: (TcpStream, SocketAddr),
    /// When it began to wait; or, if callers before it have hung up, when the first of
    /// them began.
    since: Instant,
}
// ANCHOR_END: waiting

// ANCHOR: find_waiting
impl Entrance {
    /// Finds out who waits. That takes several system calls, too many for each line.
    fn find_waiting(&mut self) {
        if self.looked.elapsed() < CHECK_INTERVAL {
            return;
        }
        self.looked = Instant::now();
        // ANCHOR_END: find_waiting

        // ANCHOR: find_next
        // 1. Forget a caller who has hung up. The next one has probably waited as long.
        let gone = self.waiting.take_if(|waiting| waiting.has_gone());
        let since = gone.map_or_else(Instant::now, |gone| gone.since);
        // 2. If nobody waits, does somebody call? This must not block.
        if self.waiting.is_none() && self.listener.set_nonblocking(true).is_ok() {
            self.waiting = self.accept_waiting(since);
            let _ = self.listener.set_nonblocking(self.is_over.is_some());
        }
    }
    // ANCHOR_END: find_next

    // ANCHOR: accept_waiting
    /// The first of those who call now and have not hung up.
    fn accept_waiting(&self, since: Instant) -> Option<Waiting> {
        for _ in 0..GONE {
            let caller = self.listener.accept().ok()?;
            let waiting = Waiting { caller, since };
            if !waiting.has_gone() {
                return Some(waiting);
            }
        }
        None
    }
}

/// At one look we forget at most this many callers who have hung up. About as many can
/// wait on most systems.
const GONE: usize = 128;
// ANCHOR_END: accept_waiting

// ANCHOR: has_gone
impl Waiting {
    /// Has the caller hung up? If it has said something before, we cannot tell: it may
    /// have closed only its own direction, and still listen for our replies.
    fn has_gone(&self) -> bool {
        let (stream, _) = &self.caller;
        let unblocked = stream.set_nonblocking(true);
        match unblocked.and_then(|()| stream.peek(&mut [0])) {
            Ok(octets) => octets == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}
// ANCHOR_END: has_gone

// ANCHOR: drop
/// When we close, we read at most this many octets that the caller still sends.
const READ_AT_CLOSE: u64 = 1024 * 1024;

impl Drop for Connection<'_> {
    /// Closes so that the last reply arrives.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.begin_to_end();
        let _ = io::copy(&mut self.take(READ_AT_CLOSE), &mut io::sink());
    }
}
// ANCHOR_END: drop
