//! The rules of POP3's server (RFC 1939 §3 to §7): first a name and a password, then
//! letters by number, then QUIT.

use crate::protocol::command::is_foreign;
use crate::protocol::line::Line;
use crate::protocol::sasl::Credentials;
use crate::session::Host;

/// Longest command, CR LF included, in octets (RFC 2449 §4).
pub const COMMAND_LINE: usize = 255;
/// This many mistakes in a row, and we close; before the login, in all.
pub const MISTAKES: usize = 20;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this line, and read the next.
    Say(String),
    /// Send these lines, and a lone dot.
    Lines(Vec<String>),
    /// Open the mailbox of this user; if that goes well, call [`Session::opened`].
    Open(String),
    /// Send the letter at this place in the list: all, or its header and so many lines of its body.
    Send(usize, Option<usize>),
    /// Remove the letters at these places; then call [`Session::removed`], say what it says, and
    /// close.
    Remove(Vec<usize>),
    /// Send this line, and close.
    Close(String),
    /// The caller has gone.
    Gone,
}

/// A letter in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    uid: String,
    size: usize,
    deleted: bool,
}

impl Message {
    /// A letter with this unique id, of this many octets.
    pub fn new(uid: &str, size: usize) -> Message {
        Message {
            uid: uid.to_string(),
            size,
            deleted: false,
        }
    }
}

enum State {
    /// Nobody has logged in; USER may have given a name.
    Authorization(Option<String>),
    /// These are the letters.
    Transaction(Vec<Message>),
}

/// The server's side of one conversation.
pub struct Session<'a> {
    host: &'a Host,
    /// May a password be given here? Without TLS it can be read on the way.
    may_log_in: bool,
    state: State,
    mistakes: usize,
}

fn ok(text: impl Into<String>) -> Step {
    Step::Say(format!("+OK {}", text.into()))
}

fn error(text: &str) -> Step {
    Step::Say(format!("-ERR {text}"))
}

/// RFC 2449 §6; RESP-CODES announces `[IN-USE]` and `[SYS/TEMP]`, and AUTH-RESP-CODE `[AUTH]`, which
/// every refusal has that is about the password (RFC 3206 §4 to §6).
const CAPABILITIES: &str = "+OK what I can do\nUSER\nTOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\n\
                            IMPLEMENTATION smtp-primer";

const UNKNOWN: &str = "no such command, or not with these words";

impl<'a> Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, may_log_in: bool) -> Session<'a> {
        Session {
            host,
            may_log_in,
            state: State::Authorization(None),
            mistakes: 0,
        }
    }

    /// What the server says first.
    pub fn greeting(&self) -> String {
        format!("+OK {} smtp-primer POP3 at your service", self.host.domain)
    }

    /// Hears a line, or that none could be read.
    pub fn line(&mut self, line: &Line) -> Step {
        let step = match line {
            Line::Text(line) => match str::from_utf8(line) {
                Ok(line) => match self.command(line) {
                    step if step == error(UNKNOWN) && is_foreign(line) => {
                        Step::Close("-ERR this is POP3, and that line is not; closing".to_string())
                    }
                    step => step,
                },
                Err(_) => error("not UTF-8"),
            },
            Line::BareNewline => error("your line has a CR or LF alone; end lines with CR LF"),
            Line::TooLong => error("line too long"),
            Line::Endless => Step::Close("-ERR line too long, and no end in sight".to_string()),
            Line::Closed => Step::Gone,
        };
        if matches!(&step, Step::Say(reply) if reply.starts_with('-')) {
            self.mistakes += 1;
        } else if matches!(self.state, State::Transaction(_)) {
            // USER always goes well. If that excused a mistake, one could guess passwords for ever.
            self.mistakes = 0;
        }
        if self.mistakes < MISTAKES {
            return step;
        }
        Step::Close("-ERR too many mistakes".to_string())
    }

    fn command(&mut self, line: &str) -> Step {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        // A password may begin or end with a space; nothing else may.
        let words: Vec<&str> = argument.split_ascii_whitespace().collect();
        match (&mut self.state, verb.as_str(), words.as_slice()) {
            (_, "CAPA", []) => self.capabilities(),
            (State::Authorization(_), "QUIT", []) => Step::Close("+OK goodbye".to_string()),
            (State::Authorization(_), "USER" | "PASS", _) if !self.may_log_in => {
                error("[AUTH] a password in clear belongs on loopback only")
            }
            (State::Authorization(user), "USER", [name]) => {
                *user = Some(name.to_string());
                ok("now the password")
            }
            (State::Authorization(user), "PASS", [_, ..]) => match user.take() {
                Some(user) => self.log_in(user, argument),
                None => error("say USER first"),
            },
            (_, "STLS", _) => error("there is no TLS here"),
            (_, "APOP" | "AUTH", _) => error("log in with USER and PASS; there is no other way"),
            (State::Transaction(messages), verb, words) => transaction(messages, verb, words),
            (_, "STAT" | "LIST" | "RETR" | "DELE" | "NOOP" | "RSET" | "TOP" | "UIDL", _) => {
                error("log in first, with USER and PASS")
            }
            _ => error(UNKNOWN),
        }
    }

    /// RFC 2449 §5.
    fn capabilities(&self) -> Step {
        let lines = CAPABILITIES.lines().map(String::from);
        let offered = lines.filter(|line| line != "USER" || self.may_log_in);
        Step::Lines(offered.collect())
    }

    fn log_in(&self, user: String, password: &str) -> Step {
        let password = password.to_string();
        let credentials = Credentials { user, password };
        if self.host.knows(&credentials) {
            Step::Open(credentials.user)
        } else {
            error("[AUTH] wrong name or password")
        }
    }

    /// The mailbox is open and these are its letters.
    pub fn opened(&mut self, messages: Vec<Message>) -> String {
        let reply = format!("+OK {} in your mailbox", letters(&messages));
        self.state = State::Transaction(messages);
        self.mistakes = 0;
        reply
    }

    /// The end: so many of the letters to be removed are still there.
    pub fn removed(&mut self, left: usize) -> String {
        if left > 0 {
            return format!("-ERR [SYS/TEMP] letters that could not be removed: {left}");
        }
        "+OK goodbye".to_string()
    }
}

/// What those that are not deleted come to: `2 320`, as STAT has it (RFC 1939 §5).
fn letters(messages: &[Message]) -> String {
    let left = messages.iter().filter(|message| !message.deleted);
    let (count, octets) = left.fold((0, 0_usize), |(count, octets), message| {
        (count + 1, message.size.saturating_add(octets))
    });
    format!("{count} {octets}")
}

/// RFC 1939 §5, and TOP and UIDL of §7.
fn transaction(messages: &mut [Message], verb: &str, words: &[&str]) -> Step {
    match (verb, words) {
        ("STAT", []) => ok(letters(messages)),
        ("LIST", []) => list(messages, |message| message.size.to_string()),
        ("UIDL", []) => list(messages, |message| message.uid.clone()),
        ("NOOP", []) => ok("here I am"),
        ("RSET", []) => {
            for message in messages {
                message.deleted = false;
            }
            ok("nothing is deleted")
        }
        ("QUIT", []) => {
            let places = (0..).zip(messages);
            let deleted = places.filter(|(_, message)| message.deleted);
            Step::Remove(deleted.map(|(at, _)| at).collect())
        }
        ("LIST" | "UIDL" | "RETR" | "DELE", [number]) | ("TOP", [number, _]) => {
            one_letter(messages, verb, number, words)
        }
        ("USER" | "PASS", _) => error("you are logged in already"),
        _ => error(UNKNOWN),
    }
}

/// The commands about one letter.
fn one_letter(messages: &mut [Message], verb: &str, number: &str, words: &[&str]) -> Step {
    let Some((at, message)) = find(messages, number) else {
        return error("no such letter; LIST shows their numbers");
    };
    match (verb, words) {
        ("LIST", _) => ok(format!("{} {}", at + 1, message.size)),
        ("UIDL", _) => ok(format!("{} {}", at + 1, message.uid)),
        ("RETR", _) => Step::Send(at, None),
        ("TOP", [_, lines]) => match parse_number(lines) {
            Some(lines) => Step::Send(at, Some(lines)),
            None => error("TOP takes a letter's number, and a number of lines"),
        },
        ("DELE", _) => {
            message.deleted = true;
            ok("it goes when you QUIT")
        }
        _ => error(UNKNOWN),
    }
}

/// The letter with this number, if it is not deleted. Numbers begin with 1.
fn find<'m>(messages: &'m mut [Message], number: &str) -> Option<(usize, &'m mut Message)> {
    let at = parse_number(number)?.checked_sub(1)?;
    let message = messages.get_mut(at)?;
    (!message.deleted).then_some((at, message))
}

/// A number is digits and nothing else. (The standard library would take `+1` for one.)
fn parse_number(digits: &str) -> Option<usize> {
    let good = digits.bytes().all(|octet| octet.is_ascii_digit());
    digits.parse().ok().filter(|_| good)
}

fn list(messages: &[Message], fact: impl Fn(&Message) -> String) -> Step {
    let mut lines = vec![format!("+OK {}", letters(messages))];
    for (number, message) in (1..).zip(messages) {
        if !message.deleted {
            lines.push(format!("{number} {}", fact(message)));
        }
    }
    Step::Lines(lines)
}
