// ANCHOR: story
//! The user agent's side of POP3: log in, fetch, remove, say goodbye.
// ANCHOR_END: story

// ANCHOR: uses
use crate::protocol::dot::{Received, Text, read_text};
use crate::protocol::line::{ENDLESS_LINE, Line, Stream, Wire, visible};
use crate::protocol::reply::in_words;
use crate::protocol::sasl::Credentials;
use std::fmt;
use std::io;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: client
/// A conversation after the login.
pub struct Pop3Client<S> {
    wire: Wire<S>,
    timeout: Duration,
}
// ANCHOR_END: client

// ANCHOR: open
impl<S: Stream> Pop3Client<S> {
    /// Waits for the greeting and logs in. `timeout` is for each reply.
    pub fn open(
        wire: Wire<S>,
        credentials: &Credentials,
        timeout: Duration,
    ) -> Result<Pop3Client<S>, FetchError> {
        let mut client = Pop3Client { wire, timeout };
        client.hear()?;
        // ANCHOR_END: open

        // ANCHOR: open_words
        let words = [&credentials.user, &credentials.password];
        for (verb, word) in ["USER", "PASS"].into_iter().zip(words) {
            if word.is_empty() || word.contains(['\r', '\n', '\0']) {
                return unfit("a name or a password is empty, or holds a line end");
            }
            client.say(&format!("{verb} {word}"))?;
        }
        Ok(client)
    }
}
// ANCHOR_END: open_words

// ANCHOR: say
impl<S: Stream> Pop3Client<S> {
    /// Says a command, and waits for `+OK`.
    fn say(&mut self, line: &str) -> Result<(), FetchError> {
        self.wire.allow(self.timeout)?;
        // ANCHOR_END: say

        // ANCHOR: say_in_step
        if self.wire.has_line() {
            return Err(nonsense("the server answered before it was asked"));
        }
        // ANCHOR_END: say_in_step

        // ANCHOR: say_line
        self.wire.write_line(line)?;
        self.hear()
    }
}
// ANCHOR_END: say_line

// ANCHOR: hear
impl<S: Stream> Pop3Client<S> {
    fn hear(&mut self) -> Result<(), FetchError> {
        self.wire.allow(self.timeout)?;
        let line = self.line()?;
        let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        let begins = |word| line.strip_prefix(word).is_some_and(|rest| !goes_on(rest));
        if begins("+OK") {
            Ok(())
        } else if begins("-ERR") {
            Err(FetchError::Refused(line))
        } else {
            Err(nonsense(&line))
        }
    }
}
// ANCHOR_END: hear

// ANCHOR: list
impl<S: Stream> Pop3Client<S> {
    /// The numbers of the letters, and their sizes in octets. In a list, only the last
    /// line begins with a dot.
    pub fn list(&mut self) -> Result<Vec<(usize, usize)>, FetchError> {
        self.say("LIST")?;
        let mut letters = Vec::new();
        while letters.len() <= LETTERS {
            match self.line()?.as_str() {
                "." => return Ok(letters),
                line => letters.push(list_line(line).ok_or_else(|| nonsense(line))?),
            }
        }
        Err(nonsense(ENDLESS))
    }
}
// ANCHOR_END: list

// ANCHOR: retrieve
impl<S: Stream> Pop3Client<S> {
    /// Fetches a letter of `size` octets, as the list says. Errors that concern only this
    /// letter are [`FetchError::Unfit`].
    pub fn retrieve(&mut self, number: usize, size: usize) -> Result<Text, FetchError> {
        self.say(&format!("RETR {number}"))?;
        let limit = size.saturating_mul(2).saturating_add(64 * 1024);
        match read_text(&mut self.wire, limit.min(LETTER), self.timeout)? {
            // ANCHOR_END: retrieve

            // ANCHOR: retrieve_half
            Received::Text(text) if text.octets().len() < size.div_ceil(2) => {
                unfit("less than half of it came")
            }
            // ANCHOR_END: retrieve_half

            // ANCHOR: retrieve_result
            Received::Text(text) => Ok(text),
            Received::BareNewline => unfit("the letter holds a CR or LF alone"),
            Received::TooBig => unfit("the letter is longer than announced"),
        }
    }
}
// ANCHOR_END: retrieve_result

// ANCHOR: quit
impl<S: Stream> Pop3Client<S> {
    /// Marks a letter; it is removed when we quit.
    pub fn delete(&mut self, number: usize) -> Result<(), FetchError> {
        self.say(&format!("DELE {number}"))
    }

    /// Says goodbye. An error: letters that we marked may still be there.
    pub fn quit(mut self) -> Result<(), FetchError> {
        self.say("QUIT")
    }
}
// ANCHOR_END: quit

// ANCHOR: limits
/// Most letters of a list that we read.
pub const LETTERS: usize = 100_000;
/// Longest letter that we keep, in octets, whatever the list says.
pub const LETTER: usize = 64 * 1024 * 1024;
/// How much of a reply line we keep, in characters. RFC 2449 §4 allows no more, but the
/// first word of a longer line still counts.
const SHOWN_REPLY: usize = 512;
// ANCHOR_END: limits

// ANCHOR: line
impl<S: Stream> Pop3Client<S> {
    fn line(&mut self) -> Result<String, FetchError> {
        match self.wire.read_line(ENDLESS_LINE)? {
            Line::Text(line) => Ok(visible(&line).chars().take(SHOWN_REPLY).collect()),
            Line::Closed => Err(FetchError::Io(io::ErrorKind::UnexpectedEof.into())),
            Line::BareNewline => Err(nonsense("a CR or LF alone")),
            Line::TooLong | Line::Endless => Err(nonsense(ENDLESS)),
        }
    }
}
// ANCHOR_END: line

// ANCHOR: list_line
/// A line of the list: a number and a size, and perhaps more (RFC 1939 §5).
fn list_line(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}
// ANCHOR_END: list_line

// ANCHOR: error
/// Why letters could not be fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The connection failed, or took too long, or closed.
    Io(io::Error),
    /// The server said `-ERR`; this is the whole line.
    Refused(String),
    /// What came is not POP3, or does not end, or came before we asked. Nobody can say
    /// which question the next answer belongs to.
    Nonsense(String),
    /// One letter is not good, but it was read to its end, and the next one may be
    /// fetched. Or a name or a password cannot be sent.
    Unfit(&'static str),
}
// ANCHOR_END: error

// ANCHOR: temporary
impl FetchError {
    /// May the same succeed later?
    pub fn is_temporary(&self) -> bool {
        match self {
            FetchError::Io(_) => true,
            FetchError::Refused(reply) => says_not_now(reply),
            FetchError::Nonsense(_) | FetchError::Unfit(_) => false,
        }
    }
}

/// The codes of a refusal that does not last (RFC 2449 §8.1, RFC 3206 §4).
const NOT_NOW: [&str; 3] = ["[IN-USE", "[LOGIN-DELAY", "[SYS/TEMP"];

/// A code is in brackets at the beginning of the text, in capitals or not. After a
/// further `/` come details that nobody has to know (RFC 2449 §8).
fn says_not_now(reply: &str) -> bool {
    let reply = reply.to_ascii_uppercase();
    let text = reply.strip_prefix("-ERR").unwrap_or_default().trim_start();
    let mut rests = NOT_NOW.iter().filter_map(|code| text.strip_prefix(code));
    rests.any(|rest| rest.starts_with(['/', ']']))
}
// ANCHOR_END: temporary

// ANCHOR: display
const ENDLESS: &str = "an answer longer than any real one";

fn unfit<T>(why: &'static str) -> Result<T, FetchError> {
    Err(FetchError::Unfit(why))
}

fn nonsense(what: &str) -> FetchError {
    FetchError::Nonsense(what.to_string())
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> FetchError {
        match error.kind() {
            io::ErrorKind::FileTooLarge => nonsense(ENDLESS),
            _ => FetchError::Io(error),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the connection failed: the other side closed it")
            }
            FetchError::Io(error) => f.write_str(&in_words(error)),
            FetchError::Refused(reply) => write!(f, "the server said: {reply}"),
            FetchError::Nonsense(what) => write!(f, "this is not a POP3 reply: {what}"),
            FetchError::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FetchError {}
// ANCHOR_END: display
