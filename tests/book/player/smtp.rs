//! The SMTP server, and its state.
//!
//! The state of a session is its own affair. But a [`Policy`] is shown the transaction at each RCPT.
//! So after a line we say RCPT to the same session, look, and throw the session away.

use super::recording::{CLOSED, Server, State, TIMEOUT};
use super::stream::Memory;
use smtp_primer::message::Clock;
use smtp_primer::protocol::address::ForwardPath;
use smtp_primer::protocol::line::{Line as Heard, Wire};
use smtp_primer::protocol::reply::Reply;
use smtp_primer::server::{Store, converse};
use smtp_primer::session::{Caller as Who, Letter, Policy, Session, Transaction};
use smtp_primer::site::Site;
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// The real server hears these octets, and then nothing for now.
pub fn hear(site: &Site, said: &[u8]) -> Server {
    let (memory, output) = Memory::new(said);
    let at_end = Rc::clone(&memory.at_end);
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let spy = Spy::default();
    let mut session = Session::new(&site.host, site.caller(here, here)).with_policy(&spy);
    let mut store = Kept::new();
    let ended = converse(&mut Wire::new(memory), &mut session, &mut store, TIMEOUT);
    let output: Vec<u8> = output.take();
    let last = output.split_inclusive(|octet| *octet == b'\n').next_back();
    let state = match ended {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => State {
            text: Some(text_so_far(site, said, store.sizes.len())),
            ..look(&mut session, &spy, "reads the text, until a dot alone")
        },
        Err(error) => panic!("{error}"),
        Ok(()) if !at_end.get() => State {
            step: CLOSED,
            ..State::default()
        },
        Ok(()) if last.is_some_and(|line| line.starts_with(b"334")) => {
            session.line(&Heard::Text(b"*".to_vec()));
            look(&mut session, &spy, "waits for the answer to its challenge")
        }
        Ok(()) => look(&mut session, &spy, ""),
    };
    Server { output, state }
}

/// What the server would have of a text, if it ended now; there were so many letters before.
fn text_so_far(site: &Site, said: &[u8], letters: usize) -> String {
    let open = if said.ends_with(b"\r\n") { "" } else { "\r\n" };
    let (memory, _) = Memory::new(&[said, open.as_bytes(), b".\r\n"].concat());
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut session = Session::new(&site.host, site.caller(here, here));
    let mut store = Kept::new();
    converse(&mut Wire::new(memory), &mut session, &mut store, TIMEOUT).expect("it hears all");
    match store.sizes.get(letters) {
        Some(size) => format!("{} octets", size - open.len()),
        None => "it would be refused".to_string(),
    }
}

/// Says RCPT to see the transaction. If there is none, one is begun.
fn look(session: &mut Session<'_>, spy: &Spy, step: &'static str) -> State {
    let mut say = |line: &str| session.line(&Heard::Text(line.into()));
    // What it saw in the conversation is old.
    spy.0.take();
    say("RCPT TO:<postmaster>");
    let begun = spy.0.take();
    if begun.is_none() {
        say("MAIL FROM:<>");
        say("RCPT TO:<postmaster>");
    }
    let known = begun.clone().or_else(|| spy.0.take());
    let step = match (&begun, &known) {
        _ if !step.is_empty() => step,
        (Some(transaction), _) if transaction.forward_paths.is_empty() => "waits for RCPT",
        (Some(_), _) => "waits for RCPT or DATA",
        (None, Some(_)) => "waits for MAIL",
        (None, None) => "waits for EHLO",
    };
    State {
        step,
        helo: known.as_ref().map(|it| it.origin.helo.to_string()),
        user: known.as_ref().and_then(|it| it.user.clone()),
        from: begun.as_ref().map(|it| it.reverse_path.to_string()),
        to: begun.as_ref().map(|it| {
            it.forward_paths
                .iter()
                .map(ForwardPath::to_string)
                .collect()
        }),
        ..State::default()
    }
}

/// Refuses nothing, and remembers the transaction that it was shown last.
#[derive(Default)]
struct Spy(RefCell<Option<Transaction>>);

impl Policy for Spy {
    fn refuse_recipient(
        &self,
        _: &Who,
        transaction: &Transaction,
        _: &ForwardPath,
    ) -> Option<Reply> {
        *self.0.borrow_mut() = Some(transaction.clone());
        None
    }
}

/// Keeps the sizes of letters, and gives the names that a site gives.
struct Kept {
    clock: Clock,
    sizes: Vec<usize>,
}

impl Kept {
    fn new() -> Kept {
        Kept {
            clock: Clock::new(Some(1_790_000_000)),
            sizes: Vec::new(),
        }
    }
}

impl Store for Kept {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        self.sizes.push(letter.text.octets().len());
        Ok(self.clock.unique_name())
    }
}
