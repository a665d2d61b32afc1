//! A caller who says anything to POP3: to the session alone, and over the wire, with real letters.

use crate::common::mailbox::{Letterbox, put};
use crate::common::script::Dice;
use crate::talks::{Plain, pieces, spoilt};
use crate::{Stock, count, list};
use smtp_primer::pop3::{Listed, POP3_COMMAND_LINE, Pop3Session, Pop3Step};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{ENDLESS_LINE, Line};
use smtp_primer::session::{Host, MAX_MISTAKES};

/// What lies in the mailbox of alice.
const LETTERS: [&[u8]; 3] = [
    b"Subject: a\r\n\r\n.\r\n..two\r\n",
    b"",
    b"Subject: b\n\n.no end\r.at all",
];

const GOOD: &str = "\
USER alice|PASS open sesame |STAT|LIST|RETR 1|DELE 1|UIDL|DELE 3|LIST 3|QUIT
CAPA|USER alice|PASS open sesame |TOP 1 0|TOP 3 1|DELE 2|RSET|DELE 2|NOOP|RETR 2|QUIT
PASS open sesame |USER alice|PASS wrong|USER alice|PASS open sesame |DELE 1|USER alice|DELE 4|QUIT
USER bob|RETR 1|DELE 1|USER alice|PASS open sesame |DELE 1|DELE 1";

/// Lines that mean something in other places, too.
const LINES: &str = "USER alice|PASS open sesame |QUIT|DELE 1|DELE 2|DELE 0|DELE 4|DELE +1|RSET|\
    LIST|UIDL|RETR 3|RETR 01|RETR 99999999999999999999|TOP 1 1|TOP 2 +0|TOP 1 18446744073709551615|\
    stat|CAPA|FOO";

/// What RFC 1939 lets a caller do: §4 until the password, §5 until QUIT, and then §6.
#[derive(Default)]
struct Model {
    user: Option<String>,
    /// After the password: which letters are deleted.
    deleted: Option<[bool; LETTERS.len()]>,
    mistakes: usize,
}

impl Model {
    /// Hears a line, and judges the step. What is refused changes nothing.
    fn hear(&mut self, line: &Line, step: &Pop3Step) {
        let line = match line {
            Line::Text(line) => String::from_utf8_lossy(line),
            _ => "(none)".into(),
        };
        if let Pop3Step::Say(reply) | Pop3Step::Close(reply) = step {
            let is_reply = reply.starts_with("+OK ") || reply.starts_with("-ERR ");
            assert!(is_reply && !reply.contains(char::is_control), "{reply}");
            assert!(reply.len() <= 510, "{reply}"); // RFC 2449 §4; CR LF comes on top
            if reply.starts_with('-') {
                self.mistakes += 1;
                assert_eq!(
                    matches!(step, Pop3Step::Close(_)),
                    self.mistakes == MAX_MISTAKES
                );
                return;
            }
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let verb = words.first().unwrap_or(&"").to_ascii_uppercase();
        match (verb.as_str(), &mut self.deleted, words.get(1)) {
            ("CAPA", _, None) => {}
            ("QUIT", None, None) => assert!(matches!(step, Pop3Step::Close(_))),
            ("USER", None, Some(name)) => self.user = Some(name.to_string()),
            ("PASS", None, Some(_)) => {
                assert_eq!(self.user.as_deref(), Some("alice"));
                assert_eq!(line.split_once(' '), Some((words[0], "open sesame ")));
                assert_eq!(*step, Pop3Step::Open("alice".to_string()));
                self.deleted = Some([false; LETTERS.len()]);
            }
            ("STAT" | "LIST" | "UIDL" | "NOOP", Some(_), None) => {}
            ("RSET", Some(deleted), None) => *deleted = [false; LETTERS.len()],
            ("QUIT", Some(deleted), None) => {
                let places = (0..LETTERS.len()).filter(|at| deleted[*at]);
                assert_eq!(*step, Pop3Step::Remove(places.collect()));
            }
            ("LIST" | "UIDL" | "RETR" | "TOP" | "DELE", Some(deleted), Some(number)) => {
                let digits = number.bytes().all(|octet| octet.is_ascii_digit());
                assert!(digits, "{number} is no number");
                let at = number.parse::<usize>().expect("a number") - 1;
                assert!(!deleted[at], "a deleted letter");
                match (verb.as_str(), step) {
                    ("DELE", Pop3Step::Say(_)) => deleted[at] = true,
                    ("LIST" | "UIDL", Pop3Step::Say(_)) => {}
                    ("RETR", Pop3Step::Send(it, None)) | ("TOP", Pop3Step::Send(it, Some(_))) => {
                        assert_eq!(*it, at, "another letter");
                    }
                    _ => panic!("{line:?} leads to {step:?}"),
                }
            }
            _ => panic!("{line:?} cannot go well"),
        }
        if self.deleted.is_some() {
            self.mistakes = 0;
        }
    }
}

/// An answer of several lines, ended by a lone dot (RFC 1939 §3).
fn several(first: &str, lines: &[&str]) -> String {
    let stuffed = |line: &&str| match line.starts_with('.') {
        true => format!(".{line}\r\n"),
        false => format!("{line}\r\n"),
    };
    let lines: String = lines.iter().map(stuffed).collect();
    format!("{first}\r\n{lines}.\r\n")
}

/// A letter, or its header, the empty line, and so many lines of its body.
fn letter(at: usize, most: Option<usize>) -> String {
    let text = Text::from_file(LETTERS[at]);
    let ascii = |line| str::from_utf8(line).expect("ASCII");
    let lines: Vec<&str> = text.lines().map(ascii).collect();
    let Some(most) = most else {
        return several(&format!("+OK {} octets", text.octets().len()), &lines);
    };
    let body = text.header_lines().count() + 1;
    let end = body.saturating_add(most).min(lines.len());
    several("+OK the top of the letter", &lines[..end])
}

/// Says a conversation straight to a session, and has the model judge each step. Returns what a
/// server has to answer, and which letters go.
fn say(host: &Host, conversation: &[u8]) -> (String, Vec<usize>) {
    let mut session = Pop3Session::new(host, true);
    let mut model = Model::default();
    let mut plain = Plain {
        rest: conversation,
        longest: ENDLESS_LINE,
    };
    let mut said = session.greeting() + "\r\n";
    loop {
        let line = plain.line();
        let step = session.line(&line);
        if step == Pop3Step::Gone {
            assert_eq!(line, Line::Closed);
            return (said, Vec::new());
        }
        model.hear(&line, &step);
        said += &match step {
            Pop3Step::Say(reply) => reply + "\r\n",
            Pop3Step::Lines(lines) => {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                several(lines[0], &lines[1..])
            }
            Pop3Step::Send(at, most) => letter(at, most),
            Pop3Step::Open(_) => {
                let size = |letter| Text::from_file(letter).octets().len();
                let message = |at: usize| Listed::new(&(at + 1).to_string(), size(LETTERS[at]));
                session.opened((0..LETTERS.len()).map(message).collect()) + "\r\n"
            }
            Pop3Step::Remove(places) => return (said + &session.removed(0) + "\r\n", places),
            Pop3Step::Close(reply) => return (said + &reply + "\r\n", Vec::new()),
            Pop3Step::Gone => String::new(),
        };
    }
}

fn stock() -> Stock {
    let pieces = "1|4|+1|-1|99999999999999999999|alice|open sesame|\r\nQUIT";
    Stock::new(list(LINES), pieces, &[POP3_COMMAND_LINE - 2])
}

fn conversation(stock: &Stock, dice: &mut Dice) -> Vec<u8> {
    spoilt(stock, dice, GOOD, ("FOO", MAX_MISTAKES))
}

#[test]
fn whatever_is_said_only_known_callers_get_letters_and_only_quit_removes_them() {
    stock().feed(count::POP3_SESSIONS, conversation, session);
}

thread_local! {
    static ALICE: Letterbox = Letterbox::new(&LETTERS);
}

pub fn session(input: &[u8]) -> bool {
    ALICE.with(|alice| !say(&alice.host, input).1.is_empty())
}

#[test]
fn over_the_wire_each_answer_ends_where_it_should_and_what_was_deleted_is_gone() {
    stock().feed(count::POP3_SERVERS, conversation, over_the_wire);
}

pub fn over_the_wire(input: &[u8]) -> bool {
    let name = |at: usize| (at + 1).to_string();
    ALICE.with(|alice| {
        let (due, removed) = say(&alice.host, input);
        let (ended, said, _) = alice.converse(pieces(input));
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(said, due);
        let left = (0..LETTERS.len()).filter(|at| !removed.contains(at));
        assert_eq!(alice.left(), left.map(name).collect::<Vec<_>>());
        for at in &removed {
            put(alice.path(), &name(*at), LETTERS[*at]);
        }
        !removed.is_empty()
    })
}
