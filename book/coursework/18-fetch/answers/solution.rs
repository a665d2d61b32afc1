//! Fetches letters: `solution HOST PORT USER FOLDER`, with the password on standard input.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const FETCHED: u8 = 0;
const REFUSED: u8 = 1;
const NOT_NOW: u8 = 75;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, user, folder] = words.as_slice() else {
        eprintln!("usage: solution HOST PORT USER FOLDER");
        return ExitCode::from(64);
    };
    match fetch(&format!("{host}:{port}"), user, Path::new(folder)) {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            eprintln!("not all letters were fetched: {why}");
            ExitCode::from(NOT_NOW)
        }
    }
}

fn fetch(address: &str, user: &str, folder: &Path) -> io::Result<u8> {
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let mut server = Server(BufReader::new(stream));
    let fetched = server.letters(user, password.trim_end_matches(['\r', '\n']), folder);
    // Also after a failure: each letter that is marked is in a file.
    let goodbye = server.ask("QUIT");
    let status = fetched?;
    if goodbye?.is_none() {
        return Ok(NOT_NOW);
    }
    Ok(status)
}

/// The other side.
struct Server(BufReader<TcpStream>);

impl Server {
    fn letters(&mut self, user: &str, password: &str, folder: &Path) -> io::Result<u8> {
        if self.reply()?.is_none() {
            return Ok(NOT_NOW);
        }
        for command in [format!("USER {user}"), format!("PASS {password}")] {
            if self.ask(&command)?.is_none() {
                return Ok(REFUSED);
            }
        }
        let listing = self.must("STAT")?;
        let count = listing.split(' ').next().unwrap_or_default().parse();
        let count: usize = count.map_err(io::Error::other)?;
        for number in 1..=count {
            self.must(&format!("RETR {number}"))?;
            let letter = self.text()?;
            store(folder, &letter)?;
            // From here on we have the only copy.
            self.must(&format!("DELE {number}"))?;
        }
        Ok(FETCHED)
    }

    /// Says a command that has to succeed, and returns the text after `+OK`.
    fn must(&mut self, command: &str) -> io::Result<String> {
        let reply = self.ask(command)?;
        reply.ok_or_else(|| io::Error::other(format!("the server refuses {command}")))
    }

    fn ask(&mut self, command: &str) -> io::Result<Option<String>> {
        let line = format!("{command}\r\n");
        self.0.get_mut().write_all(line.as_bytes())?;
        self.reply()
    }

    /// The text after `+OK`; none after `-ERR`.
    fn reply(&mut self) -> io::Result<Option<String>> {
        let line = self.line()?;
        let line = String::from_utf8_lossy(&line);
        match line.strip_prefix("+OK") {
            Some(text) => Ok(Some(text.trim().to_string())),
            None if line.starts_with("-ERR") => {
                eprintln!("the server says: {}", line.escape_debug());
                Ok(None)
            }
            None => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// A letter: through the line that is only a dot, which does not belong to it. A dot more
    /// at the beginning of a line is taken away.
    fn text(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let line = self.line()?;
            if line == b"." {
                return Ok(text);
            }
            text.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            text.push(b'\n');
        }
    }

    /// A line without its end. A line without an end is an error: the connection was closed.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line)?;
        let whole = line.strip_suffix(b"\r\n");
        let whole = whole.ok_or(io::Error::from(ErrorKind::UnexpectedEof))?;
        Ok(whole.to_vec())
    }
}

/// Writes a letter into a file of its own. If that fails, no half of it is left.
fn store(folder: &Path, letter: &[u8]) -> io::Result<()> {
    let mut names = (1..).map(|number: u64| folder.join(format!("{number}.eml")));
    loop {
        let path = names.next().ok_or(ErrorKind::StorageFull)?;
        let mut file = match File::create_new(&path) {
            Err(why) if why.kind() == ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        let written = file.write_all(letter).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written?;
        // The name of the file has to last, too. Elsewhere a folder cannot be synced.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        return Ok(());
    }
}
