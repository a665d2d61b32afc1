//! The rules of POP3's server (RFC 1939 §3 to §7): first a name and a password, then letters by
//! number, then QUIT.

use crate::protocol::command::is_foreign;
use crate::protocol::line::Line;
use crate::protocol::sasl::Credentials;
use crate::session::{Host, MISTAKES};

/// Longest command, CR LF included, in octets (RFC 2449 §4).
pub const POP3_COMMAND_LINE: usize = 255;

/// The server's side of one conversation.
pub struct Pop3Session<'a> {
    host: &'a Host,
    /// May a password be given here? Without TLS others can read it on its way.
    may_log_in: bool,
    state: State,
    mistakes: usize,
}

/// RFC 1939 §3. Its third state, UPDATE, is what the driver does at [`Pop3Step::Remove`].
enum State {
    /// Nobody has logged in; USER may have given a name.
    Authorization(Option<String>),
    /// Somebody has logged in, and these are the letters.
    Transaction(Vec<Listed>),
}

/// A letter in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    uid: String,
    size: usize,
    is_deleted: bool,
}

impl Listed {
    /// A letter with this unique id, of this many octets.
    pub fn new(uid: &str, size: usize) -> Listed {
        Listed {
            uid: uid.to_string(),
            size,
            is_deleted: false,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pop3Step {
    /// Send this line, and read the next.
    Say(String),
    /// Send these lines, and a lone dot.
    Lines(Vec<String>),
    /// Open the mailbox of this user; if that goes well, call [`Pop3Session::opened`].
    Open(String),
    /// Send the letter at this place in the list: all of it, or its header and this many lines of
    /// its body.
    Send(usize, Option<usize>),
    /// Remove the letters at these places. Then call [`Pop3Session::removed`], send the line that
    /// it returns, and close.
    Remove(Vec<usize>),
    /// Send this line, and close.
    Close(String),
    /// The caller has gone.
    Gone,
}

/// What to do, or what was wrong: the text after `-ERR`.
type Reaction = Result<Pop3Step, String>;

impl<'a> Pop3Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, may_log_in: bool) -> Pop3Session<'a> {
        Pop3Session {
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

    /// Hears a line, or that none could be read. We close after [`MISTAKES`] mistakes in a row, and
    /// before the login after as many in all.
    pub fn line(&mut self, line: &Line) -> Pop3Step {
        let result = match line {
            Line::Text(line) => match str::from_utf8(line) {
                Ok(line) => self.command(line),
                Err(_) => Err("not UTF-8".into()),
            },
            Line::BareNewline => Err("your line has a CR or LF alone; end lines with CR LF".into()),
            Line::TooLong => Err(TOO_LONG.into()),
            Line::Endless => Ok(close("-ERR line too long, and no end in sight")),
            Line::Closed => Ok(Pop3Step::Gone),
        };
        match result {
            Ok(step) => {
                // USER always goes well. If it excused a mistake before the login, a caller could
                // guess passwords for ever.
                if let State::Transaction(_) = self.state {
                    self.mistakes = 0;
                }
                step
            }
            Err(why) => {
                self.mistakes += 1;
                match self.mistakes < MISTAKES {
                    true => Pop3Step::Say(format!("-ERR {why}")),
                    false => close("-ERR too many mistakes"),
                }
            }
        }
    }

    fn command(&mut self, line: &str) -> Reaction {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        let words: Vec<&str> = argument.split_ascii_whitespace().collect();
        if is_foreign(line) && !matches!(verb.as_str(), "USER" | "PASS") {
            return Ok(close("-ERR this is POP3, and that line is not; closing"));
        }
        if line.len() + "\r\n".len() > POP3_COMMAND_LINE {
            return Err(TOO_LONG.into());
        }
        match (verb.as_str(), words.as_slice(), &mut self.state) {
            ("CAPA", [], _) => Ok(self.capabilities()),
            ("CAPA", ..) => form_is("CAPA"),
            ("QUIT", [_, ..], _) => form_is("QUIT"),
            ("STLS", ..) => Err("there is no TLS here".into()),
            ("APOP" | "AUTH", ..) => Err("log in with USER and PASS; there is no other way".into()),
            (verb, words, State::Authorization(user)) => {
                let user = user.take();
                self.before_login(user, verb, words, argument)
            }
            (verb, words, State::Transaction(letters)) => after_login(letters, verb, words),
        }
    }

    /// RFC 2449 §5 and §6. RESP-CODES announces `[IN-USE]` and `[SYS/TEMP]`. AUTH-RESP-CODE
    /// announces `[AUTH]`: every refusal that is about the password has it (RFC 3206 §6).
    fn capabilities(&self) -> Pop3Step {
        let user = if self.may_log_in { "USER\n" } else { "" };
        let lines = format!(
            "+OK what I can do\n{user}TOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\n\
             IMPLEMENTATION smtp-primer"
        );
        Pop3Step::Lines(lines.lines().map(String::from).collect())
    }

    /// The commands before the login (RFC 1939 §4 and §7). `user` is the name, if USER came just
    /// before.
    fn before_login(
        &mut self,
        user: Option<String>,
        verb: &str,
        words: &[&str],
        argument: &str,
    ) -> Reaction {
        match (verb, words) {
            ("USER" | "PASS", _) if !self.may_log_in => {
                Err("[AUTH] a password in clear belongs on loopback only".into())
            }
            ("USER", [name]) => {
                self.state = State::Authorization(Some(name.to_string()));
                ok("now the password")
            }
            ("USER", _) => form_is("USER name"),
            // A password may hold spaces, also at its beginning and its end: no words here.
            ("PASS", [_, ..]) => {
                let user = user.ok_or("say USER first")?;
                let password = argument.to_string();
                let credentials = Credentials { user, password };
                match self.host.knows(&credentials) {
                    true => Ok(Pop3Step::Open(credentials.user)),
                    false => Err("[AUTH] wrong name or password".into()),
                }
            }
            ("PASS", _) => form_is("PASS password"),
            ("QUIT", _) => Ok(close("+OK goodbye")),
            // Is it a command of the other state? Without letters, it can do nothing.
            _ => match after_login(&mut [], verb, words) {
                Err(why) if why == NO_SUCH_COMMAND => Err(why),
                _ => Err("log in first, with USER and PASS".into()),
            },
        }
    }

    /// The mailbox is open, and these are its letters. Returns the reply to PASS.
    pub fn opened(&mut self, letters: Vec<Listed>) -> String {
        let reply = format!("+OK {} in your mailbox", total(&letters));
        self.state = State::Transaction(letters);
        self.mistakes = 0;
        reply
    }

    /// The end: this many of the letters to be removed are still there. Returns the reply to QUIT.
    pub fn removed(&self, left: usize) -> String {
        match left {
            0 => "+OK goodbye".to_string(),
            _ => format!("-ERR [SYS/TEMP] letters that could not be removed: {left}"),
        }
    }
}

const TOO_LONG: &str = "line too long";
const NO_SUCH_COMMAND: &str = "no such command; this is POP3 (RFC 1939)";

fn ok(text: &str) -> Reaction {
    Ok(Pop3Step::Say(format!("+OK {text}")))
}

fn form_is(form: &str) -> Reaction {
    Err(format!("the form is {form}"))
}

fn close(reply: &str) -> Pop3Step {
    Pop3Step::Close(reply.to_string())
}

/// The commands after the login (RFC 1939 §5; for TOP and UIDL, §7). To add one, add two arms: what
/// it does, and its form.
fn after_login(letters: &mut [Listed], verb: &str, words: &[&str]) -> Reaction {
    match (verb, words) {
        ("STAT", []) => ok(&total(letters)),
        ("STAT", _) => form_is("STAT"),
        ("LIST", [] | [_]) => facts(letters, words, |letter| letter.size.to_string()),
        ("LIST", _) => form_is("LIST [letter]"),
        ("UIDL", [] | [_]) => facts(letters, words, |letter| letter.uid.clone()),
        ("UIDL", _) => form_is("UIDL [letter]"),
        ("RETR", [number]) => {
            let (place, _) = numbered(letters, number)?;
            Ok(Pop3Step::Send(place, None))
        }
        ("RETR", _) => form_is("RETR letter"),
        ("TOP", [number, lines]) => {
            let (place, _) = numbered(letters, number)?;
            let lines = whole_number(lines).ok_or("TOP needs a number of lines, 0 or more")?;
            Ok(Pop3Step::Send(place, Some(lines)))
        }
        ("TOP", _) => form_is("TOP letter lines"),
        ("DELE", [number]) => {
            let (_, letter) = numbered(letters, number)?;
            letter.is_deleted = true;
            ok("it goes when you QUIT")
        }
        ("DELE", _) => form_is("DELE letter"),
        ("RSET", []) => {
            letters
                .iter_mut()
                .for_each(|letter| letter.is_deleted = false);
            ok("nothing is deleted")
        }
        ("RSET", _) => form_is("RSET"),
        ("NOOP", []) => ok("here I am"),
        ("NOOP", _) => form_is("NOOP"),
        ("QUIT", _) => {
            let places = (0..).zip(letters);
            let deleted = places.filter(|(_, letter)| letter.is_deleted);
            Ok(Pop3Step::Remove(deleted.map(|(place, _)| place).collect()))
        }
        ("USER" | "PASS", _) => Err("you are logged in already".into()),
        _ => Err(NO_SUCH_COMMAND.into()),
    }
}

/// How many letters there are, and how many octets they have together: `2 320`. Deleted letters do
/// not count.
fn total(letters: &[Listed]) -> String {
    let (mut count, mut octets) = (0, 0_usize);
    for letter in letters.iter().filter(|letter| !letter.is_deleted) {
        count += 1;
        octets = octets.saturating_add(letter.size);
    }
    format!("{count} {octets}")
}

/// One fact about the letter with the number that is given; without a number, about each letter.
fn facts(letters: &mut [Listed], number: &[&str], fact: fn(&Listed) -> String) -> Reaction {
    if let Some(number) = number.first() {
        let (place, letter) = numbered(letters, number)?;
        return ok(&format!("{} {}", place + 1, fact(letter)));
    }
    let mut lines = vec![format!("+OK {}", total(letters))];
    for (number, letter) in (1..).zip(letters) {
        if !letter.is_deleted {
            lines.push(format!("{number} {}", fact(letter)));
        }
    }
    Ok(Pop3Step::Lines(lines))
}

/// The letter with this number, if it is not deleted, and its place. Numbers begin with 1.
fn numbered<'l>(
    letters: &'l mut [Listed],
    number: &str,
) -> Result<(usize, &'l mut Listed), String> {
    let place = whole_number(number).unwrap_or(0).wrapping_sub(1);
    match letters.get_mut(place) {
        Some(letter) if !letter.is_deleted => Ok((place, letter)),
        _ => Err("no such letter; LIST shows their numbers".into()),
    }
}

/// A number is digits and nothing else. (The standard library would take `+1` for one.)
fn whole_number(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}
