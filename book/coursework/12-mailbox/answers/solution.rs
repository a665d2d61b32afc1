//! A mailbox server: `solution PORT FOLDER`. It serves one caller after the other, so nobody
//! else can change a mailbox while somebody reads it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A line of a client is not longer than this.
const LINE: u64 = 512;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, folder] = words.as_slice() else {
        eprintln!("usage: solution PORT FOLDER");
        return ExitCode::from(64);
    };
    match listen(port, Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("nobody can call: {why}");
            ExitCode::FAILURE
        }
    }
}

fn listen(port: &str, folder: &Path) -> io::Result<()> {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("listening on {}", listener.local_addr()?);
    for caller in listener.incoming() {
        // Whatever goes wrong with this caller, the next one is served.
        if let Err(why) = caller.and_then(|caller| serve(caller, folder)) {
            eprintln!("the conversation is over: {why}");
        }
    }
    Ok(())
}

fn serve(caller: TcpStream, folder: &Path) -> io::Result<()> {
    let mut caller = BufReader::new(caller);
    let mut session = Session {
        folder,
        user: None,
        letters: None,
    };
    caller.get_mut().write_all(b"+OK hello\r\n")?;
    while let Some(line) = hear(&mut caller)? {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        let reply = match session.answer(&verb, rest) {
            Ok(reply) => reply,
            Err(why) => format!("-ERR {why}\r\n").into_bytes(),
        };
        caller.get_mut().write_all(&reply)?;
        if verb == "QUIT" {
            return Ok(());
        }
    }
    Ok(())
}

/// The next line of the caller, without its end. There is none if the connection is closed.
fn hear(caller: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    caller.by_ref().take(LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    Ok(Some(String::from_utf8_lossy(line).to_string()))
}

/// One conversation. Until the password was right, it has no letters.
struct Session<'a> {
    folder: &'a Path,
    user: Option<String>,
    letters: Option<Vec<Letter>>,
}

struct Letter {
    path: PathBuf,
    text: Vec<u8>,
    is_marked: bool,
}

type Reply = Result<Vec<u8>, &'static str>;

impl Session<'_> {
    fn answer(&mut self, verb: &str, rest: &str) -> Reply {
        match (verb, &mut self.letters) {
            ("USER", None) => {
                // Only after the password we say whether there is such a user.
                self.user = Some(rest.to_string());
                ok("now the password")
            }
            ("PASS", None) => self.log_in(rest),
            ("QUIT", None) => ok("goodbye"),
            (_, None) => Err("log in first"),
            ("QUIT", Some(letters)) => remove(letters),
            ("STAT", Some(letters)) => {
                let left = letters.iter().filter(|letter| !letter.is_marked);
                let octets: usize = left.clone().map(|letter| letter.text.len()).sum();
                ok(&format!("{} {octets}", left.count()))
            }
            ("LIST", Some(letters)) if rest.is_empty() => Ok(list(letters)),
            ("LIST", Some(letters)) => {
                let letter = one(letters, rest)?;
                ok(&format!("{rest} {}", letter.text.len()))
            }
            ("RETR", Some(letters)) => Ok(stuffed(&one(letters, rest)?.text)),
            ("DELE", Some(letters)) => {
                one(letters, rest)?.is_marked = true;
                ok("marked")
            }
            ("RSET", Some(letters)) => {
                for letter in letters {
                    letter.is_marked = false;
                }
                ok("no letter is marked")
            }
            ("NOOP", Some(_)) => ok("here I am"),
            _ => Err("not now, or unknown"),
        }
    }

    /// The name is compared whole before it becomes the name of a folder.
    fn log_in(&mut self, password: &str) -> Reply {
        let user = self.user.take().ok_or("say USER first")?;
        let users = fs::read_to_string(self.folder.join("users.txt"));
        let users = users.map_err(|_| "the list of users cannot be read")?;
        let mut users = users.lines().filter_map(|line| line.split_once(' '));
        if !users.any(|known| known == (&user, password)) {
            return Err("wrong name or password");
        }
        let letters = letters(&self.folder.join(user));
        self.letters = Some(letters.map_err(|_| "the mailbox cannot be read")?);
        ok("welcome")
    }
}

fn ok(text: &str) -> Reply {
    Ok(format!("+OK {text}\r\n").into_bytes())
}

/// The letters of a folder, in the order of their names.
fn letters(folder: &Path) -> io::Result<Vec<Letter>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    paths.sort();
    let letters = paths.into_iter().map(|path| {
        Ok(Letter {
            text: on_the_wire(&fs::read(&path)?),
            path,
            is_marked: false,
        })
    });
    letters.collect()
}

/// The text with CR LF at the end of each line. A file may have LF only, and none at its end.
fn on_the_wire(file: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in file.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        text.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// The letter with this number, if it is not marked.
fn one<'a>(letters: &'a mut [Letter], number: &str) -> Result<&'a mut Letter, &'static str> {
    let number: usize = number.parse().map_err(|_| "that is not a number")?;
    let at = number.checked_sub(1).ok_or("numbers begin with 1")?;
    let letter = letters.get_mut(at).filter(|letter| !letter.is_marked);
    letter.ok_or("there is no such letter")
}

fn list(letters: &[Letter]) -> Vec<u8> {
    let mut reply = "+OK\r\n".to_string();
    for (number, letter) in (1..).zip(letters) {
        if !letter.is_marked {
            reply += &format!("{number} {}\r\n", letter.text.len());
        }
    }
    (reply + ".\r\n").into_bytes()
}

/// The reply to RETR: a line that begins with a dot has one more, and a dot alone is the end.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut reply = b"+OK\r\n".to_vec();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            reply.push(b'.');
        }
        reply.extend_from_slice(line);
    }
    reply.extend_from_slice(b".\r\n");
    reply
}

/// The only place where a letter is removed, and it is reached by QUIT only.
fn remove(letters: &[Letter]) -> Reply {
    let marked = letters.iter().filter(|letter| letter.is_marked);
    let failed = marked.filter(|letter| fs::remove_file(&letter.path).is_err());
    match failed.count() {
        0 => ok("goodbye"),
        _ => Err("some letters are still there"),
    }
}
