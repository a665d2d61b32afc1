// ANCHOR: story
//! The rules of POP3's server (RFC 1939 §3 to §7): first a name and a password, then
//! letters by number, then QUIT.
// ANCHOR_END: story

// ANCHOR: uses
use crate::protocol::command::is_foreign;
use crate::protocol::line::Line;
use crate::protocol::sasl::Credentials;
use crate::session::{Host, MAX_MISTAKES};
// ANCHOR_END: uses

// ANCHOR: session
/// The server's side of one conversation.
pub struct Pop3Session<'a> {
    host: &'a Host,
    /// May a password be given here? Without TLS others can read it on its way.
    may_log_in: bool,
    /// The name that USER gave, until the next command.
    user: Option<String>,
    /// The letters, as soon as somebody has logged in.
    letters: Option<Vec<Listed>>,
    mistakes: usize,
}
// ANCHOR_END: session

// ANCHOR: step
/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pop3Step {
    /// Send this line, and read the next.
    Say(String),
    /// Send these lines, and a dot alone.
    Lines(Vec<String>),
    /// Open the mailbox of this user; if that succeeds, call [`Pop3Session::opened`].
    Open(String),
    /// Send the letter at this place in the list: all of it, or its header and this many
    /// lines of its body.
    Send(usize, Option<usize>),
    /// Remove the letters at these places. Then call [`Pop3Session::removed`], send the
    /// line that it returns, and close.
    Remove(Vec<usize>),
    /// Send this line, and close.
    Close(String),
    /// The caller has gone.
    Gone,
}
// ANCHOR_END: step

// ANCHOR: reaction
/// What to do, or what was wrong: the text after `-ERR`.
type Reaction = Result<Pop3Step, String>;

fn ok(text: &str) -> Reaction {
    Ok(Pop3Step::Say(format!("+OK {text}")))
}

fn close(reply: &str) -> Pop3Step {
    Pop3Step::Close(reply.to_string())
}
// ANCHOR_END: reaction

// ANCHOR: new
impl<'a> Pop3Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, may_log_in: bool) -> Pop3Session<'a> {
        Pop3Session {
            host,
            may_log_in,
            user: None,
            letters: None,
            mistakes: 0,
        }
    }

    /// What the server says first.
    pub fn greeting(&self) -> String {
        format!("+OK {} smtp-primer POP3 at your service", self.host.domain)
    }
}
// ANCHOR_END: new

// ANCHOR: hear
impl Pop3Session<'_> {
    /// Hears a line, or that none could be read.
    pub fn line(&mut self, line: &Line) -> Pop3Step {
        let result = match line {
            Line::Text(line) => match str::from_utf8(line) {
                Ok(line) => self.command(line),
                Err(_) => Err("not UTF-8".into()),
            },
            Line::BareNewline => Err(BARE_NEWLINE.into()),
            Line::TooLong => Err(TOO_LONG.into()),
            Line::Endless => Ok(close("-ERR line too long, and its end did not come")),
            Line::Closed => Ok(Pop3Step::Gone),
        };
        // ANCHOR_END: hear

        // ANCHOR: mistakes
        match result {
            Ok(step) => {
                // USER always succeeds. If it excused a mistake before the login, a
                // caller could guess passwords for ever.
                if self.letters.is_some() {
                    self.mistakes = 0;
                }
                step
            }
            Err(why) => {
                self.mistakes += 1;
                match self.mistakes < MAX_MISTAKES {
                    true => Pop3Step::Say(format!("-ERR {why}")),
                    false => close("-ERR too many mistakes"),
                }
            }
        }
    }
    // ANCHOR_END: mistakes

    // ANCHOR: command
    /// The verb in any case, then the argument.
    fn command(&mut self, line: &str) -> Reaction {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        // ANCHOR_END: command

        // ANCHOR: command_unfit
        if is_foreign(line) && row_of(&verb).is_none() {
            return Ok(close("-ERR this is POP3, and that line is not; closing"));
        }
        if line.len() + "\r\n".len() > POP3_COMMAND_LINE {
            return Err(TOO_LONG.into());
        }
        // ANCHOR_END: command_unfit

        // ANCHOR: command_user
        // PASS must follow USER at once (RFC 1939 §7). Only CAPA may come between them.
        let user = self.user.take_if(|_| verb != "CAPA");
        // ANCHOR_END: command_user

        // ANCHOR: command_words
        let words: Vec<&str> = argument.split_ascii_whitespace().collect();
        match (verb.as_str(), words.as_slice(), &mut self.letters) {
            // ANCHOR_END: command_words

            // ANCHOR: command_refused
            ("CAPA", [], _) => Ok(self.capabilities()),
            ("USER" | "PASS", _, None) if !self.may_log_in => {
                Err("[AUTH] without TLS, passwords are for loopback only".into())
            }
            // ANCHOR_END: command_refused

            // ANCHOR: command_login
            ("USER", [name], None) => {
                self.user = Some(name.to_string());
                ok("now the password")
            }
            // A password may hold spaces, also at its beginning and its end: no words
            // here.
            ("PASS", [_, ..], None) => self.check_password(user, argument),
            ("QUIT", [], None) => Ok(close("+OK goodbye")),
            (verb, words, Some(letters)) => after_login(letters, verb, words),
            (verb, ..) => Err(what_is_wrong(verb, false)),
        }
    }
}
// ANCHOR_END: command_login

// ANCHOR: password
impl Pop3Session<'_> {
    /// RFC 1939 §7. `user` is the name, if USER came just before.
    fn check_password(&self, user: Option<String>, password: &str) -> Reaction {
        let credentials = Credentials {
            user: user.ok_or("say USER first")?,
            password: password.to_string(),
        };
        match self.host.knows(&credentials) {
            true => Ok(Pop3Step::Open(credentials.user)),
            false => Err("[AUTH] wrong name or password".into()),
        }
    }
}
// ANCHOR_END: password

// ANCHOR: opened
impl Pop3Session<'_> {
    /// The mailbox is open, and these are its letters. Returns the reply to PASS.
    pub fn opened(&mut self, letters: Vec<Listed>) -> String {
        let reply = format!("+OK {} in your mailbox", total(&letters));
        self.letters = Some(letters);
        self.mistakes = 0;
        reply
    }
}
// ANCHOR_END: opened

// ANCHOR: listed
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
// ANCHOR_END: listed

// ANCHOR: after_login
/// The commands after the login (RFC 1939 §5; for TOP and UIDL, §7). To add one, add an
/// arm here and a row to [`POP3_COMMANDS`].
fn after_login(letters: &mut [Listed], verb: &str, words: &[&str]) -> Reaction {
    match (verb, words) {
        ("STAT", []) => ok(&total(letters)),
        ("LIST", [] | [_]) => facts(letters, words, |letter| letter.size.to_string()),
        ("UIDL", [] | [_]) => facts(letters, words, |letter| letter.uid.clone()),
        // ANCHOR_END: after_login

        // ANCHOR: retr
        ("RETR", [number]) => {
            let (place, _) = numbered(letters, number)?;
            Ok(Pop3Step::Send(place, None))
        }
        // ANCHOR_END: retr

        // ANCHOR: dele
        ("DELE", [number]) => {
            let (_, letter) = numbered(letters, number)?;
            letter.is_deleted = true;
            ok("it will be removed at QUIT")
        }
        // ANCHOR_END: dele

        // ANCHOR: quit
        ("QUIT", []) => {
            let places = (0..).zip(letters);
            let deleted = places.filter(|(_, letter)| letter.is_deleted);
            Ok(Pop3Step::Remove(deleted.map(|(place, _)| place).collect()))
        }
        // ANCHOR_END: quit

        // ANCHOR: top
        ("TOP", [number, lines]) => {
            let (place, _) = numbered(letters, number)?;
            let lines = whole_number(lines);
            let lines = lines.ok_or("TOP needs a number of lines, 0 or more")?;
            Ok(Pop3Step::Send(place, Some(lines)))
        }
        // ANCHOR_END: top

        // ANCHOR: rset
        ("RSET", []) => {
            for letter in letters {
                letter.is_deleted = false;
            }
            ok("nothing is deleted")
        }
        // ANCHOR_END: rset

        // ANCHOR: after_login_rest
        ("NOOP", []) => ok("here I am"),
        _ => Err(what_is_wrong(verb, true)),
    }
}
// ANCHOR_END: after_login_rest

// ANCHOR: total
/// How many letters there are, and how many octets they have together: `2 320`. Deleted
/// letters do not count.
fn total(letters: &[Listed]) -> String {
    let (mut count, mut octets) = (0, 0_usize);
    for letter in letters.iter().filter(|letter| !letter.is_deleted) {
        count += 1;
        octets = octets.saturating_add(letter.size);
    }
    format!("{count} {octets}")
}
// ANCHOR_END: total

// ANCHOR: facts
type Fact = fn(&Listed) -> String;

/// One fact about the letter with the number that is given; without a number, about each
/// letter.
fn facts(letters: &mut [Listed], words: &[&str], fact: Fact) -> Reaction {
    if let Some(number) = words.first() {
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
// ANCHOR_END: facts

// ANCHOR: removed
impl Pop3Session<'_> {
    /// The end: this many of the letters to be removed are still there. Returns the reply
    /// to QUIT.
    pub fn removed(&self, left: usize) -> String {
        match left {
            0 => "+OK goodbye".to_string(),
            _ => format!("-ERR [SYS/TEMP] letters that could not be removed: {left}"),
        }
    }
}
// ANCHOR_END: removed

// ANCHOR: numbered
/// The letter with this number, if it is not deleted, and its place. Numbers begin with
/// 1.
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
// ANCHOR_END: numbered

// ANCHOR: whole_number
/// A number is digits and nothing else. (The standard library would take `+1` for one.)
fn whole_number(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}
// ANCHOR_END: whole_number

// ANCHOR: longest
/// Longest command, CR LF included, in octets (RFC 2449 §4).
pub const POP3_COMMAND_LINE: usize = 255;

const TOO_LONG: &str = "line too long";
const BARE_NEWLINE: &str = "your line has a CR or LF alone; end lines with CR LF";
// ANCHOR_END: longest

// ANCHOR: capabilities
impl Pop3Session<'_> {
    /// RFC 2449 §5 and §6. RESP-CODES announces `[IN-USE]` and `[SYS/TEMP]`.
    /// AUTH-RESP-CODE announces `[AUTH]`: every refusal that is about the password has it
    /// (RFC 3206 §6).
    fn capabilities(&self) -> Pop3Step {
        let user = if self.may_log_in { "USER\n" } else { "" };
        let lines = format!(
            "+OK what I can do\n{user}TOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\n\
             IMPLEMENTATION smtp-primer"
        );
        Pop3Step::Lines(lines.lines().map(String::from).collect())
    }
}
// ANCHOR_END: capabilities

// ANCHOR: commands
/// Each command: its form, and whether it comes after the login.
#[rustfmt::skip]
const POP3_COMMANDS: [(&str, bool); 12] = [
    ("CAPA", false), ("USER name", false), ("PASS password", false),
    ("QUIT", false), ("STAT", true), ("LIST [letter]", true),
    ("UIDL [letter]", true), ("RETR letter", true), ("TOP letter lines", true),
    ("DELE letter", true), ("RSET", true), ("NOOP", true),
];
// ANCHOR_END: commands

// ANCHOR: what_is_wrong
/// The row of the command with this verb, which is the first word of its form.
fn row_of(verb: &str) -> Option<(&'static str, bool)> {
    let has_verb = |(form, _): &(&str, bool)| form.split(' ').next() == Some(verb);
    POP3_COMMANDS.into_iter().find(has_verb)
}

const LOG_IN: &str = "log in first, with USER and PASS";

/// Says why no arm of a match took a command.
fn what_is_wrong(verb: &str, is_logged_in: bool) -> String {
    match (verb, row_of(verb)) {
        ("STLS", _) => "there is no TLS here".into(),
        ("APOP" | "AUTH", _) => "log in with USER and PASS; there is no other way".into(),
        ("USER" | "PASS", _) if is_logged_in => "you are logged in already".into(),
        (_, Some((_, true))) if !is_logged_in => LOG_IN.into(),
        (_, Some((form, _))) => format!("the form is {form}"),
        (_, None) => "no such command; this is POP3 (RFC 1939)".into(),
    }
}
// ANCHOR_END: what_is_wrong
