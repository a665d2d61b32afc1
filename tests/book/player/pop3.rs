//! The POP3 server, and its state: which letters it lists, and which are in the mailbox.

use super::recording::{CLOSED, Server, State, TIMEOUT};
use super::stream::Memory;
use crate::common::folder::TempDir;
use smtp_primer::maildir::Maildir;
use smtp_primer::pop3::{Pop3Session, Pop3Step, converse};
use smtp_primer::protocol::line::{Line as Heard, Wire};
use smtp_primer::site::Site;
use std::fs;
use std::rc::Rc;

/// The letters of Alice, before anybody has said anything.
pub const LETTERS: [(&str, &str); 2] = [
    ("1", "Subject: Tea?\n\nAt five?\n.\nBob\n"),
    ("2", "Subject: Re: Tea?\n\none\ntwo\nthree\n"),
];

/// The real server hears these octets, and then nothing for now.
pub fn hear(site: &Site, said: &[u8]) -> Server {
    let folder = TempDir::new("player");
    let mailbox = Maildir::create(folder.path()).expect("a mailbox");
    for (name, letter) in LETTERS {
        fs::write(folder.path().join("new").join(name), letter).expect("a letter");
    }
    let (memory, output) = Memory::new(said);
    let at_end = Rc::clone(&memory.at_end);
    let mut session = Pop3Session::new(&site.host, true);
    let open = |_: &str| Ok(Maildir::open(folder.path()));
    converse(&mut Wire::new(memory), &mut session, open, TIMEOUT).expect("it hears all");
    let left = mailbox.list().expect("the letters").len();
    let state = match at_end.get() {
        true => look(&mut session),
        false => State {
            step: CLOSED,
            ..State::default()
        },
    };
    let output = output.take();
    let files = Some(left.to_string());
    Server {
        output,
        state: State { files, ..state },
    }
}

/// Asks for the list; before the login, for the password.
fn look(session: &mut Pop3Session<'_>) -> State {
    let mut say = |line: &str| session.line(&Heard::Text(line.into()));
    if let Pop3Step::Lines(lines) = say("LIST") {
        let letters = lines.iter().skip(1).map(|line| match line.split_once(' ') {
            Some((number, size)) => format!("{number} ({size} octets)"),
            None => line.clone(),
        });
        return State {
            step: "waits for a command about the letters",
            letters: Some(letters.collect()),
            ..State::default()
        };
    }
    State {
        step: "waits for USER and PASS",
        ..State::default()
    }
}
