//! Two callers, one thread: no dialogue can show it, because each of them has one caller.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod process;
    pub mod script;
}

use common::folder::{TempDir, new_letters};
use common::process::{Server, make_site};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A reply takes at most this long. It is much more than a server needs, and less than a server
/// with one caller at a time needs to lose its patience.
const LIMIT: Duration = Duration::from_secs(8);
/// A server with a few callers needs less memory than this, in octets.
const MEMORY: usize = 24 * 1024 * 1024;

/// A client that says what it is told.
struct Caller {
    name: &'static str,
    stream: BufReader<TcpStream>,
    asked: String,
}

impl Caller {
    /// Calls, and waits for nothing.
    fn calls(server: &Server, name: &'static str) -> Caller {
        let stream = TcpStream::connect(&server.address).expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
        Caller {
            name,
            stream: BufReader::new(stream),
            asked: "the call".to_string(),
        }
    }

    /// Calls, and is greeted.
    fn new(server: &Server, name: &'static str) -> Caller {
        let mut caller = Caller::calls(server, name);
        caller.hears("220");
        caller
    }

    fn says(&mut self, text: &str) {
        self.asked = text.lines().last().unwrap_or_default().to_string();
        let said = self.stream.get_mut().write_all(text.as_bytes());
        let name = self.name;
        said.unwrap_or_else(|why| panic!("{name} cannot say {text:?}: {why}"));
    }

    /// Reads one reply, and gives back its last line.
    fn reply(&mut self) -> String {
        let (name, asked) = (self.name, &self.asked);
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => panic!("{name}: to {asked:?} came no reply; the server has closed"),
                Ok(_) => {}
                Err(why) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&why.kind()) => {
                    panic!("{name}: to {asked:?} came no reply in {LIMIT:?}")
                }
                Err(why) => panic!("{name}: to {asked:?} came no reply: {why}"),
            }
            if line.get(3..4) != Some("-") {
                return line.trim_end().to_string();
            }
        }
    }

    fn hears(&mut self, code: &str) {
        let (line, name) = (self.reply(), self.name);
        let asked = &self.asked;
        assert!(
            line.starts_with(code),
            "{name}: to {asked:?} came {line:?}, and {code} was due"
        );
    }

    fn asks(&mut self, line: &str, code: &str) {
        self.says(&format!("{line}\r\n"));
        self.hears(code);
    }

    /// All before the text.
    fn begins(&mut self, to: &str) {
        self.asks("EHLO b.example", "250");
        self.asks("MAIL FROM:<bob@b.example>", "250");
        self.asks(&format!("RCPT TO:<{to}@a.example>"), "250");
        self.asks("DATA", "354");
    }

    /// A whole conversation.
    fn sends(mut self, to: &str, text: &str) {
        self.begins(to);
        self.says(text);
        self.asks(".", "250");
        self.asks("QUIT", "221");
    }
}

/// A site with Alice and Bob, and its server.
fn served(folder: &TempDir, options: &[&str]) -> (PathBuf, Server) {
    let site = make_site(folder.path(), "a.example", &["alice:x", "bob:x"], "");
    let options = [&["--quiet"], options].concat();
    let server = Server::start("serve", &site, &options);
    (site, server)
}

/// The only letter of a user has this text.
fn has_letter(site: &Path, user: &str, text: &str) {
    let letters = new_letters(site, user);
    assert_eq!(letters.len(), 1, "the letters of {user}");
    let letter = String::from_utf8_lossy(&letters[0]).to_string();
    let ends = letter.ends_with(&format!("\r\n{text}"));
    assert!(
        ends,
        "the letter of {user} does not end {text:?}: {letter:?}"
    );
}

#[test]
fn a_caller_is_served_while_another_says_nothing() {
    let folder = TempDir::new("callers");
    let (site, server) = served(&folder, &["--callers", "2"]);
    let mut silent = Caller::new(&server, "caller 1");
    Caller::new(&server, "caller 2").sends("bob", "two\r\n");
    silent.asks("NOOP", "250");
    has_letter(&site, "bob", "two\r\n");
}

#[test]
fn a_caller_is_served_while_another_stops_in_its_text() {
    let folder = TempDir::new("callers");
    let (site, server) = served(&folder, &["--callers", "2"]);
    let mut first = Caller::new(&server, "caller 1");
    first.begins("alice");
    first.says("one\r\n");
    Caller::new(&server, "caller 2").sends("bob", "two\r\n");
    has_letter(&site, "bob", "two\r\n");
    first.says("and one\r\n");
    first.asks(".", "250");
    has_letter(&site, "alice", "one\r\nand one\r\n");
}

#[test]
fn a_silent_caller_must_go() {
    let folder = TempDir::new("callers");
    let (site, server) = served(&folder, &["--callers", "2", "--timeout", "2"]);
    let mut inside = Caller::new(&server, "the caller that stops in its text");
    let mut outside = Caller::new(&server, "the caller that stops in a command");
    inside.begins("alice");
    inside.says("half a letter\r\n");
    outside.says("NO");
    inside.hears("421");
    outside.hears("421");
    // There is room for others again.
    Caller::new(&server, "caller 3").sends("bob", "three\r\n");
    assert_eq!(new_letters(&site, "alice").len(), 0);
}

#[test]
fn a_text_without_line_ends_takes_little_memory() {
    let folder = TempDir::new("callers");
    let (_, server) = served(&folder, &["--callers", "2", "--max-size", "100000"]);
    let mut caller = Caller::new(&server, "caller 1");
    let mut other = Caller::new(&server, "caller 2");
    caller.begins("alice");
    let block = "x".repeat(1024 * 1024);
    for _ in 0..MEMORY / block.len() + 8 {
        caller.says(&block);
    }
    caller.says("\r\n");
    caller.asks(".", "552");
    other.asks("NOOP", "250");
    uses_little(&server);
}

#[test]
fn each_letter_has_its_own_text() {
    let folder = TempDir::new("callers");
    let (site, server) = served(&folder, &["--callers", "2"]);
    let mut first = Caller::new(&server, "caller 1");
    first.begins("alice");
    first.says("Subject: one\r\n\r\n..half a li");
    let mut second = Caller::new(&server, "caller 2");
    second.asks("HELO two.example", "250");
    second.begins("bob");
    second.says("Subject: two\r\n\r\n.");
    first.says("ne\r\n.");
    second.says(".two\r\n.");
    first.says("\r\n");
    first.hears("250");
    second.says("\r\n");
    second.hears("250");
    has_letter(&site, "alice", "Subject: one\r\n\r\n.half a line\r\n");
    has_letter(&site, "bob", "Subject: two\r\n\r\n.two\r\n");
}

#[test]
fn one_caller_too_many_waits_or_is_told() {
    let folder = TempDir::new("callers");
    let (_, server) = served(&folder, &["--callers", "2"]);
    let mut first = Caller::new(&server, "caller 1");
    let mut second = Caller::new(&server, "caller 2");
    let mut third = Caller::calls(&server, "caller 3");
    for _ in 0..50 {
        first.asks("NOOP", "250");
        second.asks("NOOP", "250");
    }
    let mut begin = [0; 3];
    let stream = third.stream.get_mut();
    stream.set_nonblocking(true).expect("a socket");
    if let Ok(3) = stream.peek(&mut begin) {
        let begin = String::from_utf8_lossy(&begin).to_string();
        assert_eq!(begin, "421", "caller 3 is served, and --callers is 2");
    }
    stream.set_nonblocking(false).expect("a socket");
    first.asks("QUIT", "221");
    let line = third.reply();
    let is_right = line.starts_with("220") || line.starts_with("421");
    assert!(is_right, "caller 3: {line:?} came first");
    second.asks("NOOP", "250");
}

#[test]
fn replies_that_nobody_reads_stop_nobody() {
    let folder = TempDir::new("callers");
    let (site, server) = served(&folder, &["--callers", "2"]);
    let mut deaf = Caller::new(&server, "caller 1");
    // The system keeps some megabytes. When it takes no more, the server has stopped to read: it
    // waits, or it turns to others.
    let short = Some(Duration::from_secs(1));
    let stream = deaf.stream.get_mut();
    stream.set_write_timeout(short).expect("a timeout");
    let many = "HELP\r\n".repeat(2000);
    for _ in 0..4000 {
        if stream.write_all(many.as_bytes()).is_err() {
            break;
        }
        uses_little(&server);
    }
    Caller::new(&server, "caller 2, while caller 1 reads no replies,").sends("bob", "two\r\n");
    has_letter(&site, "bob", "two\r\n");
    uses_little(&server);
}

#[test]
fn the_server_rests_while_nobody_speaks() {
    let folder = TempDir::new("callers");
    let (_, server) = served(&folder, &["--callers", "3"]);
    let mut silent = Caller::new(&server, "caller 1");
    let mut half = Caller::new(&server, "caller 2");
    half.says("NO");
    let before = ticks(&server);
    thread::sleep(Duration::from_secs(2));
    if let (Some(before), Some(after)) = (before, ticks(&server)) {
        let spent = after - before;
        assert!(
            spent < 20,
            "in two seconds without work the server has used the processor for {spent}/100 s"
        );
    }
    silent.asks("NOOP", "250");
    half.says("OP\r\n");
    half.hears("250");
}

fn uses_little(server: &Server) {
    if let Some(peak) = server.peak_memory() {
        assert!(peak < MEMORY, "the server needs {peak} octets of memory");
    }
}

/// The time that the server has used the processor, in hundredths of a second, where the system
/// tells.
fn ticks(server: &Server) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let user: u64 = fields.get(11)?.parse().ok()?;
    let system: u64 = fields.get(12)?.parse().ok()?;
    Some(user + system)
}
