//! The user agent's side of POP3: log in, fetch, remove, say goodbye.

use crate::protocol::dot::{Received, Text, read_text};
use crate::protocol::line::{ENDLESS_LINE, Line, Stream, Wire, visible};
use crate::protocol::sasl::Credentials;
use std::fmt;
use std::io;
use std::time::Duration;

/// So much of a reply line is kept, in characters. RFC 2449 §4 allows no more than that, but what
/// counts is the first word: a line is read to its end.
const REPLY_LINE: usize = 512;
/// Most letters of a list that we read.
pub const LETTERS: usize = 100_000;
/// Longest letter that we keep, in octets, whatever the list promised.
pub const LETTER: usize = 64 * 1024 * 1024;

/// Why letters could not be fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The connection failed, or took too long, or closed.
    Io(io::Error),
    /// The server said `-ERR`.
    Refused(String),
    /// What came is no POP3.
    Nonsense(String),
    /// An answer was there before the question: who knows to what the next one is an answer.
    OutOfStep,
    /// A line, a list or a letter that does not end.
    Endless,
    /// A letter came, and is none: it was read to its end, and the next may be fetched. Or a name
    /// or password that cannot be said.
    Unfit(&'static str),
}

impl FetchError {
    /// Is it worth while to try the same again later?
    pub fn is_temporary(&self) -> bool {
        match self {
            FetchError::Io(_) => true,
            FetchError::Refused(reply) => says_not_now(reply),
            FetchError::Nonsense(_)
            | FetchError::OutOfStep
            | FetchError::Endless
            | FetchError::Unfit(_) => false,
        }
    }
}

/// The codes of a refusal that does not last (RFC 2449 §8.1, RFC 3206 §4).
const NOT_NOW: [&str; 3] = ["IN-USE", "LOGIN-DELAY", "SYS/TEMP"];

/// A code stands in brackets at the beginning of the text, in capitals or not. What follows a
/// further `/` is detail that nobody has to know (RFC 2449 §8).
fn says_not_now(reply: &str) -> bool {
    let text = reply.strip_prefix("-ERR").unwrap_or(reply).trim_start();
    let code = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    let code = code.map(|(code, _)| code.to_ascii_uppercase() + "/");
    let is = |known: &&str| {
        code.as_ref()
            .is_some_and(|code| code.starts_with(&format!("{known}/")))
    };
    NOT_NOW.iter().any(is)
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("no answer came in time")
            }
            FetchError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the connection failed: the other side closed it")
            }
            FetchError::Io(error) => write!(f, "the connection failed: {error}"),
            FetchError::Refused(reply) => write!(f, "the server said: {reply}"),
            FetchError::Nonsense(line) => write!(f, "this is no POP3 reply: {line}"),
            FetchError::OutOfStep => f.write_str("the server answered before it was asked"),
            FetchError::Endless => f.write_str("an answer longer than any real one"),
            FetchError::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FetchError {}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> FetchError {
        match error.kind() {
            io::ErrorKind::FileTooLarge => FetchError::Endless,
            _ => FetchError::Io(error),
        }
    }
}

/// A conversation after the login.
pub struct Client<S> {
    wire: Wire<S>,
    timeout: Duration,
}

impl<S: Stream> Client<S> {
    /// Waits for the greeting and logs in. `timeout` is for each reply.
    pub fn open(
        wire: Wire<S>,
        credentials: &Credentials,
        timeout: Duration,
    ) -> Result<Client<S>, FetchError> {
        let mut client = Client { wire, timeout };
        client.hear()?;
        for (verb, word) in [("USER", &credentials.user), ("PASS", &credentials.password)] {
            if word.is_empty() || word.contains(['\r', '\n', '\0']) {
                let why = "a name or a password is empty, or holds a line end";
                return Err(FetchError::Unfit(why));
            }
            client.say(&format!("{verb} {word}"))?;
        }
        Ok(client)
    }

    /// The numbers and sizes of the letters. No line of a list begins with a dot but the last.
    pub fn list(&mut self) -> Result<Vec<(usize, usize)>, FetchError> {
        self.say("LIST")?;
        let mut letters = Vec::new();
        while letters.len() <= LETTERS {
            match self.line()?.as_str() {
                "." => return Ok(letters),
                line => letters.push(letter(line).ok_or(FetchError::Nonsense(line.to_string()))?),
            }
        }
        Err(FetchError::Endless)
    }

    /// Fetches a letter that has, as the list said, `size` octets. A server that sends more than
    /// twice as much is lying.
    pub fn retrieve(&mut self, number: usize, size: usize) -> Result<Text, FetchError> {
        self.say(&format!("RETR {number}"))?;
        let limit = size.saturating_mul(2).saturating_add(64 * 1024);
        let text = self.text(limit.min(LETTER))?;
        // Sizes are often told wrong, but a letter of which nothing came has not arrived.
        match text.octets().is_empty() && size > 0 {
            true => Err(FetchError::Unfit("nothing came of it")),
            false => Ok(text),
        }
    }

    /// Marks a letter; it is removed when we quit.
    pub fn delete(&mut self, number: usize) -> Result<(), FetchError> {
        self.say(&format!("DELE {number}"))
    }

    /// Says goodbye. An error: letters that we marked may still be there.
    pub fn quit(mut self) -> Result<(), FetchError> {
        self.say("QUIT")
    }

    fn say(&mut self, line: &str) -> Result<(), FetchError> {
        if self.wire.has_line() {
            return Err(FetchError::OutOfStep);
        }
        self.wire.allow(self.timeout)?;
        self.wire.write_line(line)?;
        self.hear()
    }

    fn hear(&mut self) -> Result<(), FetchError> {
        self.wire.allow(self.timeout)?;
        let line = self.line()?;
        let begins = |word| match line.strip_prefix(word) {
            Some(text) => !text.starts_with(|c: char| c.is_ascii_alphanumeric()),
            None => false,
        };
        if begins("+OK") {
            Ok(())
        } else if begins("-ERR") {
            Err(FetchError::Refused(line))
        } else {
            Err(FetchError::Nonsense(line))
        }
    }

    fn line(&mut self) -> Result<String, FetchError> {
        match self.wire.read_line(ENDLESS_LINE)? {
            Line::Text(line) => Ok(visible(&line).chars().take(REPLY_LINE).collect()),
            Line::Closed => Err(FetchError::Io(io::ErrorKind::UnexpectedEof.into())),
            Line::BareNewline => Err(FetchError::Nonsense("a CR or LF alone".to_string())),
            Line::TooLong | Line::Endless => Err(FetchError::Endless),
        }
    }

    fn text(&mut self, limit: usize) -> Result<Text, FetchError> {
        match read_text(&mut self.wire, limit, self.timeout)? {
            Received::Text(text) => Ok(text),
            Received::BareNewline => Err(FetchError::Unfit("the letter holds a CR or LF alone")),
            Received::TooBig => Err(FetchError::Unfit("the letter is longer than announced")),
        }
    }
}

/// A line of the list: a number and a size, and perhaps more (RFC 1939 §5).
fn letter(line: &str) -> Option<(usize, usize)> {
    let (number, size) = line.split_once(' ')?;
    Some((number.parse().ok()?, size.split(' ').next()?.parse().ok()?))
}
