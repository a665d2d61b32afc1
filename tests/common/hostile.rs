//! Peers that mean harm, on either end of a connection, and programs that are watched meanwhile.

use super::inn::Guest;
use super::script::peak_memory;
use super::side_by_side::side_by_side;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// No row takes longer, also on a machine that has other things to do.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// A pause that is just shorter than the timeout.
pub const JUST_IN_TIME: Duration = Duration::from_millis(160);
/// A pause that is much shorter.
pub const LIVELY: Duration = Duration::from_millis(50);

/// How slow everything is.
#[derive(Clone)]
pub struct Pace {
    /// So many times slower than it could be on a machine that is idle.
    times: u32,
    /// What `--timeout` says to the program under test, in seconds.
    pub timeout: String,
}

impl Pace {
    /// For a row in which the peer keeps us waiting.
    pub fn timed(times: u32) -> Pace {
        let timeout = Duration::from_millis(200) * times;
        let timeout = timeout.as_secs_f64().to_string();
        Pace { times, timeout }
    }

    /// For a row that time does not end: there is enough of it.
    pub fn untimed() -> Pace {
        let timeout = "10".to_string();
        Pace { times: 0, timeout }
    }

    fn is_timed(&self) -> bool {
        self.times > 0
    }

    /// A pause of a peer, which slows down with the rest.
    pub fn pause(&self, pause: Duration) -> Duration {
        pause * self.times.max(1)
    }
}

/// Does something with each row of a table, many at a time.
///
/// A short timeout makes a test quick, but on a machine that is busy enough it also cuts off who
/// meant no harm. So a row that is about time, and fails, gets a second try at a slower pace.
pub fn for_each_row<R: Sync>(
    rows: &[R],
    pace: impl Fn(&R) -> Pace + Sync,
    act: impl Fn(&R, &Pace) + Sync,
) {
    side_by_side(rows, |row| {
        let pace = pace(row);
        match catch_unwind(AssertUnwindSafe(|| act(row, &pace))) {
            Err(_) if pace.is_timed() => act(row, &Pace::timed(pace.times * 6)),
            done => done.unwrap_or_else(|panic| resume_unwind(panic)),
        }
    });
}

/// What a client does to a server.
pub enum Client {
    /// Says the first, and then the second again and again, each time when it has heard nothing
    /// for so long; until the server ends it.
    Dribbles(String, &'static str, Duration),
    /// Says the first, then the second so many times, then QUIT; and hears it all.
    Floods(String, String, usize),
    /// The same without QUIT, and it never hears a thing.
    NeverReads(String, &'static str, usize),
}

impl Client {
    /// The pace of a row with this client.
    pub fn pace(&self) -> Pace {
        match self {
            Client::Dribbles(..) => Pace::timed(1),
            // It takes its time to fill a connection.
            Client::NeverReads(..) => Pace::timed(3),
            Client::Floods(..) => Pace::untimed(),
        }
    }

    /// All that the server said to this client.
    pub fn act(&self, guest: &mut Guest, pace: &Pace) -> String {
        let (begun, mut heard) = (Instant::now(), Vec::new());
        match self {
            Client::Dribbles(first, again, pause) => {
                guest.send(first);
                let stream = guest.0.get_ref();
                stream
                    .set_read_timeout(Some(pace.pause(*pause)))
                    .expect("a socket");
                while let Err(error) = guest.0.read_to_end(&mut heard) {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
                        "{error}"
                    );
                    // Longer than a lively client is borne with; most rows want it sooner.
                    assert!(begun.elapsed() < DEADLINE * 5, "the server never ends it");
                    guest.send(again);
                }
            }
            Client::Floods(first, line, times) => {
                let mut sender = guest.0.get_ref().try_clone().expect("a socket");
                thread::scope(|scope| {
                    // A server that has had enough closes; then this fails, as it may.
                    scope.spawn(move || {
                        let flood = line.repeat(*times);
                        let _ = sender.write_all(format!("{first}{flood}QUIT\r\n").as_bytes());
                    });
                    guest.0.read_to_end(&mut heard).expect("an end");
                });
            }
            Client::NeverReads(first, line, times) => {
                let stream = guest.0.get_ref();
                let pause = Some(Duration::from_millis(500));
                stream.set_write_timeout(pause).expect("a socket");
                guest.send(format!("{first}{}", line.repeat(*times)));
            }
        }
        String::from_utf8(heard).expect("ASCII")
    }
}

/// What a server does instead of one of its replies.
#[derive(Clone, Copy)]
pub enum Host {
    /// Nothing, until the client goes.
    IsSilent,
    /// Nothing, and it does not even hear what the client says.
    NeverReads,
    /// Closes.
    Closes,
    /// Says this, and closes.
    SaysAndCloses(&'static str),
    /// Says this, hears one more line, and closes.
    Says(&'static [u8]),
    /// Says this, and then nothing.
    SaysAndWaits(&'static str),
    /// Says the first, and then the second without end.
    NeverEnds(&'static str, &'static str),
    /// Says the first, and then the second again and again, with pauses so long.
    Dribbles(&'static str, &'static str, Duration),
}

/// A server that takes one call. It says its replies in turn, each after it has heard a line (or,
/// after 354, a text); but not the one at `step`.
pub struct HostilePeer {
    pub address: SocketAddr,
    /// Keeps the port, so that a late call from here cannot reach somebody else.
    _port: TcpListener,
    thread: JoinHandle<Vec<String>>,
}

impl HostilePeer {
    pub fn new(replies: &[&str], step: usize, does: Host, pace: &Pace) -> HostilePeer {
        let pace = pace.clone();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let _port = listener.try_clone().expect("a socket");
        let replies: Vec<String> = replies[..step].iter().map(|it| it.to_string()).collect();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a call");
            stream.set_nodelay(true).expect("a socket");
            let mut stream = BufReader::new(stream);
            let mut heard = Vec::new();
            for reply in &replies {
                // A client may have gone; what it heard by then is told by what it says.
                let _ = stream.get_mut().write_all(reply.as_bytes());
                let is_deaf = matches!(does, Host::NeverReads) && reply.starts_with("354");
                let mut line = String::new();
                while !is_deaf
                    && stream.read_line(&mut line).is_ok_and(|octets| octets > 0)
                    && reply.starts_with("354")
                    && !line.ends_with("\r\n.\r\n")
                {}
                heard.push(line);
            }
            match does {
                // The next call is the one that ends it.
                Host::NeverReads => drop(listener.accept()),
                does => does.act(&mut stream, &pace),
            }
            heard
        });
        HostilePeer {
            address,
            _port,
            thread,
        }
    }

    /// What it has heard before its step.
    pub fn finish(self) -> Vec<String> {
        // It may still wait for its call.
        drop(TcpStream::connect(self.address));
        self.thread.join().expect("a peer that does not panic")
    }
}

impl Host {
    /// The pace of a row with this server.
    pub fn pace(self) -> Pace {
        match self {
            Host::IsSilent | Host::NeverReads | Host::SaysAndWaits(_) | Host::Dribbles(..) => {
                Pace::timed(1)
            }
            Host::Closes | Host::SaysAndCloses(_) | Host::Says(_) | Host::NeverEnds(..) => {
                Pace::untimed()
            }
        }
    }

    /// Does it.
    pub fn act(self, stream: &mut BufReader<TcpStream>, pace: &Pace) {
        match self {
            Host::Closes | Host::NeverReads => {}
            Host::SaysAndCloses(words) => {
                let _ = stream.get_mut().write_all(words.as_bytes());
            }
            Host::IsSilent => hear_all(stream),
            Host::Says(octets) => {
                let _ = stream.get_mut().write_all(octets);
                let _ = stream.read_line(&mut String::new());
            }
            Host::SaysAndWaits(words) => {
                let _ = stream.get_mut().write_all(words.as_bytes());
                hear_all(stream);
            }
            Host::NeverEnds(first, again) => {
                let _ = stream.get_mut().write_all(first.as_bytes());
                let block = again.repeat(1 + 64 * 1024 / again.len());
                while stream.get_mut().write_all(block.as_bytes()).is_ok() {}
            }
            Host::Dribbles(first, again, pause) => {
                let _ = stream.get_mut().write_all(first.as_bytes());
                let socket = stream.get_ref();
                socket
                    .set_read_timeout(Some(pace.pause(pause)))
                    .expect("a socket");
                let is_pause = |error: std::io::Error| {
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
                };
                while stream.read_to_end(&mut Vec::new()).is_err_and(is_pause) {
                    let _ = stream.get_mut().write_all(again.as_bytes());
                }
            }
        }
    }
}

/// Hears the client to its end, and says nothing.
fn hear_all(stream: &mut BufReader<TcpStream>) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A program that was run to its end.
pub struct Watched {
    pub status: Option<i32>,
    /// What it printed.
    pub output: String,
    /// What it said on standard error.
    pub said: String,
    pub took: Duration,
    /// The most memory it was seen with, in octets; 0 where the system does not tell.
    pub peak: usize,
}

/// Runs a program to its end, or to the [`DEADLINE`], and looks at its memory. A look may miss a
/// peak; so on Linux the system also refuses it more than four times `most` octets of addresses.
pub fn watch(command: &Command, most: usize) -> Watched {
    let begun = Instant::now();
    let mut limited = Command::new("sh");
    if cfg!(target_os = "linux") {
        let script = format!("ulimit -v {}; exec \"$@\"", most / 1024 * 4);
        limited.args(["-c", &script, "sh"]);
    } else {
        limited.args(["-c", "exec \"$@\"", "sh"]);
    }
    limited
        .arg(command.get_program())
        .args(command.get_args())
        .env_remove("SOURCE_DATE_EPOCH")
        .env("NO_COLOR", "1");
    let piped = limited.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut output = child.stdout.take().expect("its output");
    let mut said = child.stderr.take().expect("its errors");
    let output = thread::spawn(move || {
        let mut text = Vec::new();
        output.read_to_end(&mut text).expect("its output");
        String::from_utf8_lossy(&text).into_owned()
    });
    let (tell, end) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        said.read_to_string(&mut text).expect("its errors");
        let _ = tell.send(text);
    });
    // For a moment the child is still a copy of us, with our memory and our name.
    let name = format!("/proc/{}/comm", child.id());
    let is_itself = || std::fs::read_to_string(&name).is_ok_and(|it| it == "smtp-primer\n");
    let mut peak = 0;
    let said = loop {
        if begun.elapsed() > DEADLINE {
            let _ = child.kill();
        }
        if is_itself() {
            peak = peak.max(peak_memory(child.id()).unwrap_or_default());
        }
        match end.recv_timeout(Duration::from_millis(2)) {
            Err(RecvTimeoutError::Timeout) => {}
            said => break said.expect("its errors"),
        }
    };
    Watched {
        status: child.wait().expect("its end").code(),
        output: output.join().expect("its output"),
        said,
        took: begun.elapsed(),
        peak,
    }
}
