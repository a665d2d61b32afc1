//! A server in a thread, and a client of which each octet is ours.

use super::script::{Event, Script};
use smtp_primer::protocol::line::{Stream, Wire};
use smtp_primer::server::{self, Entrance, Store, Times, converse, hang_up, serve};
use smtp_primer::session::{Caller, Host, Letter, Session};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// No test waits longer than this for anything.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of which each octet is ours.
pub struct Guest(pub BufReader<TcpStream>);

impl Guest {
    /// Connects, and hears the greeting.
    pub fn call(address: &str) -> Guest {
        let mut guest = Guest::call_only(address);
        assert_eq!(guest.hear(), 220);
        guest
    }

    /// Connects.
    pub fn call_only(address: &str) -> Guest {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a socket");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a socket");
        Guest(BufReader::new(stream))
    }

    /// Sends octets as they are; a server that has closed meanwhile is no failure.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(octets.as_ref());
    }

    /// Hears one reply, and tells its code; 0 at the end of the connection.
    pub fn hear(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a reply in time");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.get(..3).map_or(0, |code| code.parse().expect(&line));
            }
        }
    }

    /// Says a line, and hears the code of the reply.
    pub fn say(&mut self, line: &str) -> u16 {
        self.send(format!("{line}\r\n"));
        self.hear()
    }

    /// The codes of all that still comes, to the end of the connection; then we close, too.
    pub fn rest(&mut self) -> Vec<u16> {
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .expect("the end of the connection");
        let _ = self.0.get_ref().shutdown(Shutdown::Both);
        codes(&rest)
    }

    /// Says QUIT, and hears what comes then.
    pub fn quit(&mut self) -> Vec<u16> {
        self.send("QUIT\r\n");
        self.rest()
    }
}

/// The codes of all replies in `octets`.
pub fn codes(octets: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(octets);
    let last = text
        .split_terminator("\r\n")
        .filter(|line| line.as_bytes().get(3) != Some(&b'-'));
    last.map(|line| {
        line.get(..3)
            .and_then(|code| code.parse().ok())
            .expect(line)
    })
    .collect()
}

/// A script that can be looked at while somebody else owns the connection.
#[derive(Clone)]
pub struct Shared(pub Rc<RefCell<Script>>);

impl Shared {
    pub fn new(script: Script) -> Shared {
        Shared(Rc::new(RefCell::new(script)))
    }

    /// All that was written.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow().written()).into_owned()
    }

    /// What was written before each read, and for how long that read might have waited.
    pub fn waits(&self) -> Vec<(String, Duration)> {
        let (mut written, mut timeout) = (Vec::new(), Duration::ZERO);
        let mut waits = Vec::new();
        for event in self.0.borrow().events() {
            match event {
                Event::Allowed(time) => timeout = *time,
                Event::Wrote(octets) => written.extend_from_slice(octets),
                Event::Read(_) => {
                    waits.push((String::from_utf8_lossy(&written).into_owned(), timeout));
                    written.clear();
                }
            }
        }
        waits
    }
}

impl Stream for Shared {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.0.borrow_mut().allow(timeout)
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// a.example with alice, who takes texts up to `limit` octets.
pub fn host(limit: usize) -> Host {
    Host {
        domain: "a.example".parse().expect("a domain"),
        users: BTreeMap::from([("alice".to_string(), "wonderland".to_string())]),
        aliases: BTreeMap::new(),
        max_size: limit,
    }
}

/// Somebody who calls from this computer.
pub fn caller() -> Caller {
    Caller {
        ip: Ipv4Addr::LOCALHOST.into(),
        local: Ipv4Addr::LOCALHOST.into(),
        is_trusted: true,
        may_authenticate: true,
    }
}

/// Keeps letters in memory; or fails, once for each of these errors.
#[derive(Default)]
pub struct Memory {
    pub letters: Vec<Letter>,
    pub errors: VecDeque<ErrorKind>,
}

impl Store for Memory {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        match self.errors.pop_front() {
            Some(error) => Err(error.into()),
            None => {
                self.letters.push(letter.clone());
                Ok(self.letters.len().to_string())
            }
        }
    }
}

/// A whole conversation in memory: the codes of all replies, and what was kept.
pub fn conversation(script: Script, limit: usize, memory: &mut Memory) -> (Vec<u16>, Shared) {
    let (host, stream) = (host(limit), Shared::new(script));
    let mut wire = Wire::new(stream.clone());
    let mut session = Session::new(&host, caller());
    if let Err(error) = converse(&mut wire, &mut session, memory, server::COMMAND_TIMEOUT) {
        hang_up(&mut wire, &error, "421 a.example closing");
    }
    (codes(stream.written().as_bytes()), stream)
}

/// A server in a thread, for so many sessions.
pub struct Inn {
    pub address: String,
    thread: JoinHandle<Vec<Letter>>,
}

impl Inn {
    pub fn open(sessions: u64, timeout: Duration) -> Inn {
        Inn::with(sessions, Times::new(timeout))
    }

    pub fn with(sessions: u64, times: Times) -> Inn {
        const LIMIT: usize = 1024 * 1024;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let thread = thread::spawn(move || {
            let mut entrance = Entrance::new(listener, times, None).expect("an entrance");
            let (host, mut memory) = (host(LIMIT), Memory::default());
            serve(&mut entrance, Some(sessions), |visitor| {
                let mut session = Session::new(&host, caller());
                let mut wire = Wire::new(visitor);
                let ended = converse(&mut wire, &mut session, &mut memory, times.timeout);
                if let Err(error) = ended {
                    hang_up(&mut wire, &error, "421 a.example closing");
                }
            });
            memory.letters
        });
        Inn {
            address: address.to_string(),
            thread,
        }
    }

    /// Waits for the last session to end; the letters that were kept.
    pub fn close(self) -> Vec<Letter> {
        self.thread.join().expect("a server that did not panic")
    }
}
