//! Takes letters for a.example: `solution PORT FOLDER`. Each letter is a file in FOLDER/NAME.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

/// The octets of the longest command, of the longest line of a text, and of the longest text, that we
/// take. A line of a text may have 1000, and one more dot.
const COMMAND: usize = 512;
const LINE: usize = 1001;
const TEXT: usize = 10 * 1024 * 1024;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, folder] = words.as_slice() else {
        return Err(io::Error::other("usage: solution PORT FOLDER"));
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        // A caller can go away at any time. The next one is served all the same.
        if let Err(why) = stream.and_then(|stream| serve(stream, Path::new(folder))) {
            eprintln!("this call ended early: {why}");
        }
    }
    Ok(())
}

fn serve(stream: TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let mut caller = Caller(BufReader::new(stream));
    let mut session = Session {
        folder,
        has_greeted: false,
        from: None,
        to: BTreeSet::new(),
    };
    caller.say("220 a.example at your service")?;
    loop {
        let Some(line) = caller.line(COMMAND)? else {
            caller.say("500 this line is too long")?;
            continue;
        };
        let reply = match is_whole(&line) {
            true => session.reply(&String::from_utf8_lossy(&line)),
            false => "500 a CR or LF is alone in this line".to_string(),
        };
        caller.say(&reply)?;
        if reply.starts_with("221") {
            return Ok(());
        }
        if reply.starts_with("354") {
            let text = caller.text()?;
            caller.say(&session.take(text))?;
        }
    }
}

/// The other side.
struct Caller(BufReader<TcpStream>);

impl Caller {
    fn say(&mut self, reply: &str) -> io::Result<()> {
        self.0
            .get_mut()
            .write_all(format!("{reply}\r\n").as_bytes())
    }

    /// Reads a line, and takes its CR LF away. `None` is a line that has more octets than `most`.
    fn line(&mut self, most: usize) -> io::Result<Option<Vec<u8>>> {
        let (mut line, mut is_too_long) = (Vec::new(), false);
        while !line.ends_with(b"\r\n") {
            if line.len() >= most {
                is_too_long = true;
                // The last octet can be the CR of the end.
                line.drain(..most - 1);
            }
            let room = (most - line.len()) as u64;
            if self.0.by_ref().take(room).read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        line.truncate(line.len() - 2);
        Ok((!is_too_long).then_some(line))
    }

    /// Reads a text to its end. `None` is a text that we do not take: it is too long, or a CR or LF is
    /// alone in it.
    fn text(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut text = Some(Vec::new());
        loop {
            let line = self.line(LINE)?;
            if line.as_deref() == Some(b".") {
                return Ok(text);
            }
            text = match (text, line) {
                (Some(mut text), Some(line)) if is_whole(&line) && text.len() < TEXT => {
                    text.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    text.extend_from_slice(b"\r\n");
                    Some(text)
                }
                // We read on, but keep nothing.
                _ => None,
            };
        }
    }
}

/// What we know of a caller.
struct Session<'a> {
    folder: &'a Path,
    has_greeted: bool,
    from: Option<String>,
    to: BTreeSet<String>,
}

impl Session<'_> {
    /// The reply to a command.
    fn reply(&mut self, line: &str) -> String {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "HELO" => {
                self.has_greeted = true;
                self.forget();
                "250 a.example greets you"
            }
            "MAIL" if !self.has_greeted => "503 say HELO first",
            "MAIL" if self.from.is_some() => "503 one letter at a time",
            "MAIL" => match path(rest, "FROM:") {
                Some(from) => {
                    self.from = Some(from.to_string());
                    "250 the sender is OK"
                }
                None => "501 write MAIL FROM:<address>",
            },
            "RCPT" if self.from.is_none() => "503 say MAIL first",
            "RCPT" => match path(rest, "TO:").map(|to| self.user(to)) {
                Some(Some(user)) => {
                    self.to.insert(user);
                    "250 the recipient is OK"
                }
                Some(None) => "550 no such user here",
                None => "501 write RCPT TO:<address>",
            },
            "DATA" if self.to.is_empty() => "503 say RCPT first",
            "DATA" => "354 go on; a dot alone on a line is the end",
            "RSET" => {
                self.forget();
                "250 forgotten"
            }
            "NOOP" => "250 OK",
            "QUIT" => "221 goodbye",
            _ => "500 we do not know this command",
        };
        reply.to_string()
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }

    /// The user who has this address.
    fn user(&self, address: &str) -> Option<String> {
        let (name, domain) = address.split_once('@')?;
        let users = fs::read_to_string(self.folder.join("users.txt")).ok()?;
        let is_ours = domain.eq_ignore_ascii_case("a.example");
        let is_user = is_ours && users.lines().any(|user| user == name);
        is_user.then(|| name.to_string())
    }

    /// Keeps a text, and says what became of it. In each case the letter is over.
    fn take(&mut self, text: Option<Vec<u8>>) -> String {
        let kept = text.map(|text| self.keep(&text));
        self.forget();
        match kept {
            Some(Ok(())) => "250 the letter is kept".to_string(),
            Some(Err(why)) => format!("451 we cannot write it: {why}"),
            None => "554 the letter is too long, or has a CR or LF that is alone".to_string(),
        }
    }

    fn keep(&self, text: &[u8]) -> io::Result<()> {
        for user in &self.to {
            let folder = self.folder.join(user);
            fs::create_dir_all(&folder)?;
            let mut number = 1;
            let mut file = loop {
                match fs::File::create_new(folder.join(format!("{number}.eml"))) {
                    Err(why) if why.kind() == io::ErrorKind::AlreadyExists => number += 1,
                    file => break file?,
                }
            };
            let from = self.from.as_deref().unwrap_or_default();
            write!(file, "Return-Path: <{from}>\r\n")?;
            file.write_all(text)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

/// Is there no CR and no LF in this line?
fn is_whole(line: &[u8]) -> bool {
    !line.iter().any(|octet| b"\r\n".contains(octet))
}

/// The address in `FROM:<address>`. The word may have small letters.
fn path<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let (before, address) = rest.trim_end().strip_suffix('>')?.split_once('<')?;
    before.eq_ignore_ascii_case(word).then_some(address)
}
