//! A caller who says anything: to the session alone, and over the wire to the server.

use crate::common::inn::{Memory, Shared};
use crate::common::script::{Dice, Script};
use crate::common::talk::{MAX_SIZE, code, envelope, host};
use crate::talks::{Plain, pieces, spoilt};
use crate::{Stock, count, list};
use smtp_primer::protocol::address::ForwardPath;
use smtp_primer::protocol::base64::decode;
use smtp_primer::protocol::command::{AUTH_LINE, Command};
use smtp_primer::protocol::dot::Received;
use smtp_primer::protocol::line::{COMMAND_LINE, Line, Wire, visible};
use smtp_primer::protocol::reply::Reply;
use smtp_primer::server::converse;
use smtp_primer::session::{Caller, Host, Letter, MAX_MISTAKES, MAX_RECIPIENTS, Session, Step};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

const GOOD: &str = "\
EHLO c.example|MAIL FROM:<x@y.example>|RCPT TO:<alice@a.example>|RCPT TO:<bob@A.EXAMPLE>|DATA|\
    Subject: a||..dots|.|MAIL FROM:<>|RCPT TO:<staff@a.example>|DATA|.|QUIT
HELO c.example|MAIL FROM:<x@y.example>|RCPT TO:<nobody@a.example>|DATA|RCPT TO:<Postmaster>|\
    DATA|b|.|DATA|RCPT TO:<alice@a.example>|MAIL FROM:<a@b>|RSET|DATA|NOOP|QUIT
EHLO c.example|AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=|MAIL FROM:<alice@a.example> SIZE=1000|\
    RCPT TO:<x@b.example>|DATA|c|.|AUTH PLAIN|QUIT
EHLO c.example|AUTH LOGIN|YWxpY2U=|d29uZGVybGFuZA==|MAIL FROM:<> BODY=8BITMIME AUTH=<>|\
    RCPT TO:<x@[192.0.2.1]>|DATA|d|.|QUIT
EHLO c|AUTH PLAIN|AGFsaWNlAHdvbmRlcmxhbmQ=|RCPT TO:<x@b.example>|MAIL FROM:<x@y>|EHLO c|DATA|\
    MAIL FROM:<x@y>|RCPT TO:<alice@a.example>|RCPT TO:<\"al\\ice\"@a.example>|DATA|e|.|QUIT
HELP|HELP MAIL|VRFY alice|VRFY x@b.example|EXPN staff|EXPN ping|TURN|NOOP so what|HELO c|\
    MAIL FROM:<x@y> SIZE=1001|RCPT TO:<ping@a.example>|DATA|QUIT";

/// Lines that mean something in other places, too.
const LINES: &str = "RCPT TO:<alice@a.example>|RCPT TO:<x@b.example>|RCPT TO:<@h:bob@a.example>|\
    MAIL FROM:<>|DATA|.||..|RSET|EHLO c.example|HELO c|AUTH PLAIN|AUTH LOGIN|*|AUTH PLAIN =|AUTH X|\
    AGFsaWNlAHdvbmRlcmxhbmQ=|AUTH LOGIN YWxpY2U=|QUIT|1234567";

/// Limits that many lines reach.
const MANY: [(&str, usize); 3] = [
    ("RCPT TO:<bob@a.example>", MAX_RECIPIENTS),
    ("FOO", MAX_MISTAKES),
    ("8 octets", MAX_SIZE / 10),
];

fn stock() -> Stock {
    let pieces = "<|>|@|:|SIZE=|1000|1001|AUTH=<>| X=1|=|alice";
    Stock::new(
        list(LINES),
        pieces,
        &[COMMAND_LINE - 2, AUTH_LINE - 2, AUTH_LINE],
    )
}

fn conversation(stock: &Stock, dice: &mut Dice) -> Vec<u8> {
    let many = MANY[dice.below(MANY.len())];
    spoilt(stock, dice, GOOD, many)
}

/// What RFC 5321 §4.1.4 and RFC 4954 §4 let a caller do, worked out from the replies alone.
#[derive(Default)]
struct Model {
    trusted: bool,
    may_authenticate: bool,
    /// The last greeting, and whether it was EHLO.
    hello: Option<bool>,
    known: bool,
    /// What the caller said to AUTH so far, if it is to say more.
    asked: Option<Vec<String>>,
    /// The letter that was begun: from whom, and to whom.
    letter: Option<(String, Vec<String>)>,
    mistakes: usize,
    /// A text had no clear end.
    doubt: bool,
}

impl Model {
    /// Which codes a line may get now.
    fn due(&self, line: &Line) -> Vec<u16> {
        let Line::Text(line) = line else {
            return vec![500];
        };
        if self.asked.is_some() {
            return vec![235, 334, 501, 535];
        }
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(mistake) => return vec![mistake.code()],
        };
        match (command, &self.letter) {
            (Command::Ehlo(_) | Command::Helo(_), _) => vec![250],
            (Command::Rset | Command::Noop(_), _) => vec![250],
            (Command::Mail(..), _) if self.doubt => vec![421],
            (Command::Mail(..), Some(_)) => vec![503],
            (Command::Mail(..), _) if self.hello.is_none() => vec![503],
            (Command::Mail(_, with), _) if with.size > Some(MAX_SIZE as u64) => vec![552, 555],
            (Command::Mail(_, with), _) if with.has_auth && !self.may_authenticate => vec![555],
            (Command::Mail(..), _) => vec![250],
            (Command::Rcpt(_), None) => vec![503],
            (Command::Rcpt(_), Some((_, to))) if to.len() == MAX_RECIPIENTS => vec![452, 550],
            (Command::Rcpt(path), _) if !self.may_send_to(&path) => vec![550],
            (Command::Rcpt(_), _) => vec![250],
            (Command::Data, Some((_, to))) if !to.is_empty() => vec![354],
            (Command::Data, _) => vec![503],
            (Command::Auth(..), _) if !self.may_authenticate => vec![502],
            (Command::Auth(..), Some(_)) => vec![503],
            (Command::Auth(..), _) if self.known || self.hello != Some(true) => vec![503],
            (Command::Auth(..), _) => vec![235, 334, 501, 504, 535],
            (Command::Vrfy(_) | Command::Expn(_), _) => vec![250, 252, 550],
            (Command::Help(_), _) => vec![214, 504],
            (Command::Quit, _) => vec![221],
            // What else there is is known here, and not done.
            _ => vec![502],
        }
    }

    /// Four names are known here. Other domains are for callers that are.
    fn may_send_to(&self, path: &ForwardPath) -> bool {
        let ForwardPath::Mailbox(mailbox) = path else {
            return true;
        };
        if !mailbox.domain().as_str().eq_ignore_ascii_case("a.example") {
            return self.trusted || self.known;
        }
        let user = mailbox.user();
        matches!(user.as_str(), "alice" | "bob" | "staff")
            || user.eq_ignore_ascii_case("postmaster")
    }

    /// Hears a line and its code, which has to be due.
    fn hear(&mut self, line: &Line, code: u16) {
        let due = self.due(line);
        let timeout = self.mistakes + 1 == MAX_MISTAKES && due.iter().any(|due| *due >= 500);
        let said = match line {
            Line::Text(line) => visible(line),
            other => format!("{other:?}"),
        };
        let is_due = due.contains(&code) || code == 421 && timeout;
        assert!(is_due, "{said}: {code}, not {due:?}");
        self.mistakes = match code {
            ..300 => 0,
            500.. if code != 550 => self.mistakes + 1,
            _ => self.mistakes,
        };
        assert!(self.mistakes < MAX_MISTAKES, "one mistake too many");
        let (Line::Text(line), asked) = (line, self.asked.take()) else {
            return;
        };
        if let Some(mut said) = asked {
            said.push(String::from_utf8_lossy(line).into_owned());
            self.answered(said, code);
            return;
        }
        match (Command::parse(line), code) {
            (Ok(Command::Ehlo(_)), 250) => (self.hello, self.letter) = (Some(true), None),
            (Ok(Command::Helo(_)), 250) => (self.hello, self.letter) = (Some(false), None),
            (Ok(Command::Rset), _) => self.letter = None,
            (Ok(Command::Mail(from, _)), 250) => self.letter = Some((from.to_string(), Vec::new())),
            (Ok(Command::Rcpt(path)), 250) => {
                let (_, to) = self.letter.as_mut().expect("it was due");
                to.push(path.to_string());
            }
            (Ok(Command::Auth(_, said)), code) => {
                self.answered(
                    said.iter().map(|said| said.as_str().to_string()).collect(),
                    code,
                );
            }
            _ => {}
        }
    }

    /// Who is let in has said one of our names, and its password.
    fn answered(&mut self, said: Vec<String>, code: u16) {
        if code == 235 {
            let words: Vec<Vec<u8>> = said.iter().filter_map(|word| decode(word)).collect();
            let words = words.join(&0);
            let proof: Vec<&[u8]> = words.rsplit(|octet| *octet == 0).take(2).collect();
            let right: [[&[u8]; 2]; 2] = [[b"wonderland", b"alice"], [b"builder", b"bob"]];
            assert!(right.iter().any(|right| proof == right), "{words:?}");
            self.known = true;
        }
        self.asked = (code == 334).then_some(said);
    }
}

/// Says a conversation straight to a session, and has the model judge each reply. Returns the
/// codes, the letters, and whether it came to an end.
fn say(host: &Host, caller: &Caller, conversation: &[u8]) -> (Vec<u16>, Vec<Letter>, bool) {
    let mut session = Session::new(host, caller.clone());
    let mut model = Model {
        trusted: caller.is_trusted,
        may_authenticate: caller.may_authenticate,
        ..Model::default()
    };
    let (mut codes, mut letters) = (vec![session.greeting().code()], Vec::new());
    let mut plain = Plain {
        rest: conversation,
        longest: AUTH_LINE,
    };
    loop {
        let line = plain.line();
        let step = session.line(&line);
        match &step {
            Step::Gone => return (codes, letters, line == Line::Closed),
            step => model.hear(&line, code(step)),
        }
        codes.push(code(&step));
        if let Step::Close(_) = step {
            return (codes, letters, true);
        }
        if let Step::Text(_) = step {
            let begun = model.letter.take();
            let Some(received) = plain.text(session.limit()) else {
                return (codes, letters, false);
            };
            model.doubt |= received == Received::BareNewline;
            let text = received.clone();
            match session.received(received) {
                Ok(letter) => {
                    // The envelope is what was accepted since MAIL, no more and no less.
                    let (from, to) = begun.expect("it was due");
                    assert_eq!(envelope(&letter), format!("{from} to {}", to.join(" ")));
                    assert_eq!(Received::Text(letter.text.clone()), text);
                    codes.push(250);
                    letters.push(letter);
                    model.mistakes = 0;
                }
                Err(reply) => {
                    assert!(reply.code() >= 500 && !matches!(text, Received::Text(_)));
                    codes.push(reply.code());
                }
            }
        }
    }
}

/// Who calls depends on the input, so that each kind of caller says everything.
fn caller(input: &[u8]) -> Caller {
    Caller {
        ip: Ipv4Addr::LOCALHOST.into(),
        local: Ipv4Addr::LOCALHOST.into(),
        is_trusted: input.len().is_multiple_of(2),
        may_authenticate: !input.len().is_multiple_of(3),
    }
}

#[test]
fn whatever_is_said_no_step_is_skipped() {
    stock().feed(count::SESSIONS, conversation, session);
    let done = vec![214, 220, 221, 235, 250, 252, 334, 354, 421, 452];
    let refused = vec![500, 501, 502, 503, 504, 535, 550, 552, 553, 554, 555];
    assert_eq!(
        HEARD.take(),
        [done, refused].concat().into_iter().collect(),
        "all there is was heard"
    );
}

thread_local! {
    /// The codes of all the replies that a session gave.
    static HEARD: RefCell<BTreeSet<u16>> = RefCell::default();
}

pub fn session(input: &[u8]) -> bool {
    let (codes, letters, _) = say(&host(), &caller(input), input);
    HEARD.with_borrow_mut(|heard| heard.extend(codes));
    !letters.is_empty()
}

#[test]
fn over_the_wire_it_is_the_same_in_whatever_pieces_it_comes() {
    stock().feed(count::SERVERS, conversation, over_the_wire);
}

pub fn over_the_wire(input: &[u8]) -> bool {
    let host = host();
    let (codes, letters, ends) = say(&host, &caller(input), input);
    let client = Shared::new(pieces(input));
    let mut session = Session::new(&host, caller(input));
    let mut memory = Memory::default();
    let mut wire = Wire::new(client.clone());
    match converse(&mut wire, &mut session, &mut memory, Duration::ZERO) {
        Ok(()) => assert!(ends),
        Err(error) => assert!(!ends && error.kind() == ErrorKind::UnexpectedEof),
    }
    assert_eq!(memory.letters, letters);
    let mut heard = Wire::new(Script::says(client.written()));
    for code in codes {
        assert_eq!(Reply::read(&mut heard).expect("a reply").code(), code);
    }
    let more = Reply::read(&mut heard).expect_err("one reply too many");
    assert!(
        more.to_string().contains(" closed the connection "),
        "{more}"
    );
    !letters.is_empty()
}
