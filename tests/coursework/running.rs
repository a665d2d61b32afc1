//! A program that is judged, while it runs: what it prints, when it calls or listens, and how it ends.
//! Nothing of it is left afterwards.

use smtp_primer::protocol::line::visible;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a line may take.
pub const LINE: Duration = Duration::from_secs(10);
/// How long a program may take in all, after its conversation.
pub const PROGRAM: Duration = Duration::from_secs(20);
/// How long a program has to say why it ends.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// With this begins the first line of a server.
const LISTENS: &str = "listening on ";
/// We keep no more of what a program prints.
pub const PRINTED: usize = 1024 * 1024;
/// A report shows so many lines of it: the last ones, where a program says why it ended.
const SHOWN: usize = 12;
/// It shows a longer line without its middle.
pub const LONG: usize = 300;

/// A program that runs. It ends with this.
pub struct Running {
    child: Child,
    printed: Heard,
    complained: Heard,
}

pub struct Ended {
    pub status: ExitStatus,
    pub printed: Vec<u8>,
    pub complained: Vec<u8>,
}

/// What a program writes, as far as it has come.
struct Heard {
    octets: Arc<Mutex<Vec<u8>>>,
    /// It is closed when no more can come.
    over: Receiver<()>,
}

impl Heard {
    pub fn listen(from: Option<impl Read + Send + 'static>) -> Heard {
        let octets = Arc::new(Mutex::new(Vec::new()));
        let (speaks, over) = channel();
        let heard = octets.clone();
        thread::spawn(move || {
            let _speaks: Sender<()> = speaks;
            let Some(mut from) = from else { return };
            let mut block = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut block) {
                let Ok(mut octets) = heard.lock() else { return };
                let most = PRINTED.saturating_sub(octets.len());
                octets.extend_from_slice(&block[..read.min(most)]);
            }
        });
        Heard { octets, over }
    }

    pub fn so_far(&self) -> Vec<u8> {
        let octets = self.octets.lock();
        octets.map(|octets| octets.clone()).unwrap_or_default()
    }

    pub fn is_over(&self) -> bool {
        self.over.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// All of it. A child of the program's own could hold the pipe open, so we do not wait for ever.
    pub fn all(&self, limit: Duration) -> Vec<u8> {
        let _ = self.over.recv_timeout(limit);
        self.so_far()
    }
}

impl Running {
    pub fn start(command: &mut Command) -> Result<Running, String> {
        let name = command.get_program().to_string_lossy().to_string();
        command
            .env("SMTP_PRIMER_LEASH", std::process::id().to_string())
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .env("NO_COLOR", "1")
            .env("PYTHONUNBUFFERED", "1");
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped
            .spawn()
            .map_err(|why| format!("{name} does not start: {why}"))?;
        Ok(Running {
            printed: Heard::listen(child.stdout.take()),
            complained: Heard::listen(child.stderr.take()),
            child,
        })
    }

    /// Where a server listens. It says so in its first line.
    pub fn listens(&mut self) -> Option<String> {
        let begin = Instant::now();
        while begin.elapsed() < PROGRAM {
            let is_over = self.printed.is_over();
            let text = self.printed.so_far();
            let text = String::from_utf8_lossy(&text);
            if is_over || text.contains('\n') {
                let line = text.lines().next()?.trim_end();
                return line.strip_prefix(LISTENS).map(str::to_string);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Waits until it ends.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }

    /// Gives it its standard input. It may have its reasons not to read that.
    pub fn write(&mut self, input: &[u8]) {
        if let Some(mut stdin) = self.child.stdin.take() {
            let _ = stdin.write_all(input);
        }
    }

    /// The connection that a client makes; none if it ends first, or does not call in time.
    pub fn calls(&mut self, listener: &TcpListener) -> Option<TcpStream> {
        listener.set_nonblocking(true).ok()?;
        let begin = Instant::now();
        while begin.elapsed() < PROGRAM {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).ok()?;
                return Some(stream);
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                // It may have called and ended between the two questions.
                let (stream, _) = listener.accept().ok()?;
                stream.set_nonblocking(false).ok()?;
                return Some(stream);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Waits until it ends, but no longer than this.
    pub fn finish(&mut self, limit: Duration) -> Option<Ended> {
        drop(self.child.stdin.take());
        let begin = Instant::now();
        let status = loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                break status;
            }
            if begin.elapsed() > limit {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        Some(Ended {
            status,
            printed: self.printed.all(limit),
            complained: self.complained.all(limit),
        })
    }

    /// A program that ends by itself has perhaps not yet said why. Returns its status if it has ended.
    pub fn wait_a_little(&mut self) -> Option<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.printed.all(LAST_WORDS);
                self.complained.all(LAST_WORDS);
                return Some(status);
            }
            if begin.elapsed() > LAST_WORDS {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has printed, and what it has complained of.
    pub fn so_far(&self) -> [Vec<u8>; 2] {
        [self.printed.so_far(), self.complained.so_far()]
    }

    /// Ends it. Returns the same.
    pub fn killed(&mut self) -> [Vec<u8>; 2] {
        let _ = self.child.kill();
        [self.printed.all(LINE), self.complained.all(LINE)]
    }

    /// Why we have not heard from a server.
    pub fn silent(&mut self) -> String {
        let due = format!("did not say `{LISTENS}127.0.0.1:PORT` in its first line");
        let [printed, _] = self.so_far();
        match printed.split_inclusive(|octet| *octet == b'\n').next() {
            Some(line) if line.ends_with(b"\n") => {
                let line = shortened(line.trim_ascii_end(), LONG);
                self.wait_a_little();
                let [_, complained] = self.killed();
                let said = told("the program said, too:", &[Vec::new(), complained]);
                format!("the program {due}, but `{line}`{said}")
            }
            _ => self.absent(&due),
        }
    }

    /// Why a client has no connection.
    pub fn uncalled(&mut self) -> String {
        self.absent("did not connect")
    }

    pub fn absent(&mut self, what: &str) -> String {
        let ended = match self.wait_a_little() {
            Some(status) => match status.code() {
                Some(code) => format!("; it ended with status {code}"),
                None => "; it was ended by a signal".to_string(),
            },
            None => format!(" within {} seconds", PROGRAM.as_secs()),
        };
        let said = told("the program said:", &self.killed());
        format!("the program {what}{ended}{said}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that goes away.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> std::io::Result<Folder> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("smtp-primer-grade-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Octets, but if there are more than `most`, only the first and the last ones.
pub fn shortened(octets: &[u8], most: usize) -> String {
    let (begin, end) = (octets.get(..200), octets.len().checked_sub(100));
    match (begin, end.and_then(|end| octets.get(end..))) {
        (Some(begin), Some(end)) if octets.len() > most => {
            let (begin, end) = (visible(begin), visible(end));
            format!("{begin} ... {end} ({} octets in all)", octets.len())
        }
        _ => visible(octets),
    }
}

/// What a program printed and complained of, for a report. Of each there are only the last lines.
pub fn told(title: &str, texts: &[Vec<u8>; 2]) -> String {
    let mut said = String::new();
    for text in texts {
        let lines = text.split(|octet| *octet == b'\n');
        let lines = lines.map(|line| line.trim_ascii_end());
        // That a server listens is no news.
        let is_news = |line: &&[u8]| !line.is_empty() && !line.starts_with(LISTENS.as_bytes());
        let lines = lines.filter(is_news);
        let mut lines: Vec<String> = lines
            .map(|line| format!("\n    {}", shortened(line, LONG)))
            .collect();
        if lines.len() > SHOWN {
            said += "\n    ...";
        }
        let from = lines.len().saturating_sub(SHOWN);
        said.extend(lines.drain(from..));
    }
    match said.is_empty() {
        true => said,
        false => format!("\n  {title}{said}"),
    }
}
