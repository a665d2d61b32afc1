//! Plays a dialogue against the server code, and looks at the server's state after each line.
//!
//! The state of a session is its own affair. But a [`Policy`] is shown the transaction at each RCPT.
//! So after a line we say RCPT to the same session, look, and throw the session away.

use super::places::Places;
use super::quoted;
use super::stream::{Caller, Memory, Said};
use crate::project::{TextFile, is_anchor_line};
use crate::stage::Stage;
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::message::Clock;
use smtp_primer::protocol::address::ForwardPath;
use smtp_primer::protocol::dot::{Received, read_text};
use smtp_primer::protocol::line::{Line as Heard, Wire};
use smtp_primer::protocol::reply::Reply;
use smtp_primer::server::{Store, converse};
use smtp_primer::session::{Caller as Who, Letter, Policy, Session, Transaction};
use smtp_primer::site::Site;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Most octets of a line that are recorded.
const SHOWN: usize = 100;

/// A line of a dialogue, and what is known of it.
pub struct Line {
    /// As it is in the file.
    source: String,
    /// What was said; nothing, if somebody closed.
    octets: Vec<u8>,
    /// The server's state from now on.
    state: State,
    /// The file and the function that answered.
    pub place: Option<String>,
}

/// What a server knows at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    step: &'static str,
    helo: Option<String>,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    text: Option<String>,
}

impl State {
    fn as_js(&self) -> String {
        let mut fields = vec![format!("step: {}", quoted(self.step))];
        let options = [
            ("helo", &self.helo),
            ("user", &self.user),
            ("from", &self.from),
            ("text", &self.text),
        ];
        for (name, value) in options {
            fields.extend(
                value
                    .iter()
                    .map(|value| format!("{name}: {}", quoted(value))),
            );
        }
        if self.from.is_some() {
            let to: Vec<String> = self.to.iter().map(|to| quoted(to)).collect();
            fields.push(format!("to: [{}]", to.join(", ")));
        }
        format!("{{{}}}", fields.join(", "))
    }
}

impl Line {
    /// As an object of JavaScript. What is as in the line before it, or can be seen, is left out.
    pub fn as_js(&self, before: Option<&Line>) -> String {
        let mut fields = vec![format!("line: {}", quoted(&self.source))];
        if before.is_none_or(|before| before.state != self.state) {
            fields.push(format!("state: {}", self.state.as_js()));
        }
        let plain = self.source.get(3..).unwrap_or_default();
        if !self.octets.is_empty() && self.octets != [plain.as_bytes(), b"\r\n"].concat() {
            // One character for each octet.
            let shown = self.octets.iter().take(SHOWN);
            let shown: String = shown.map(|octet| char::from(*octet)).collect();
            fields.push(format!("octets: {}", quoted(&shown)));
            fields.push(format!("length: {}", self.octets.len()));
        }
        fields.extend(
            self.place
                .iter()
                .map(|place| format!("place: {}", quoted(place))),
        );
        format!("  {{{}}}", fields.join(", "))
    }
}

/// A server that has heard a part of a conversation.
struct Server {
    output: Vec<u8>,
    state: State,
}

pub fn record(file: &TextFile, places: &Places) -> Vec<Line> {
    let stage = Stage::new(file);
    let site = Site::open(&stage.site("")).expect("a site");
    let said: Said = Rc::default();
    let caller = Caller {
        said: Rc::clone(&said),
        answer: |said: &[u8]| hear(&site, said).output,
        heard: 0,
        turns: 0,
    };
    let marks = |line: &str| is_anchor_line(line) || line.starts_with("# against:");
    let lines = file.lines.iter().filter(|line| !marks(line));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let dialogue = Dialogue::parse(&file.name, &text).unwrap_or_else(|why| panic!("{why}"));
    let played = dialogue.play(Side::Client, caller, TIMEOUT);
    played.unwrap_or_else(|difference| panic!("{difference}"));

    let spoken = text
        .lines()
        .filter(|line| line.starts_with("C:") || line.starts_with("S:"));
    let said = said.borrow();
    listed(&site, &spoken.collect::<Vec<_>>(), &said, places)
}

/// Puts the lines of the file, what was said in them, and the states together.
fn listed(site: &Site, spoken: &[&str], said: &[(usize, Vec<u8>)], places: &Places) -> Vec<Line> {
    // What the server has answered to the client's first lines, and its state then.
    let mut heard = Vec::new();
    let mut servers = Vec::new();
    let mut in_text: Option<Vec<u8>> = None;
    for octets in std::iter::once(&Vec::new()).chain(said.iter().map(|(_, octets)| octets)) {
        heard.extend_from_slice(octets);
        let mut server = hear(site, &heard);
        in_text = match (server.state.step == TEXT, in_text) {
            (true, Some(text)) => Some([text.as_slice(), octets].concat()),
            (true, None) => Some(Vec::new()),
            (false, _) => None,
        };
        server.state.text = in_text.as_ref().map(|text| text_so_far(text));
        servers.push(server);
    }
    let answers = &servers.last().expect("at least the greeting").output;
    let mut answers = answers.split_inclusive(|octet| *octet == b'\n');
    let (mut listed, mut asked, mut octets_answered) = (Vec::<Line>::new(), 0, 0);
    // Which of the servers' states is shown: a client that says several lines at once hears of old ones.
    let mut shown = 0;
    for (turn, source) in spoken.iter().enumerate() {
        let before = listed.last().map_or(
            State {
                step: CALLS,
                ..State::default()
            },
            |line| line.state.clone(),
        );
        let (mut octets, mut state, mut place) = (Vec::new(), before, None);
        if let Some((_, own)) = said.iter().find(|(at, _)| *at == turn) {
            asked += 1;
            octets.clone_from(own);
            // A line of a text has no reply, and we see at once what the server makes of it.
            if let [before, after] = &servers[asked - 1..=asked]
                && before.output.len() == after.output.len()
            {
                state = after.state.clone();
                shown = asked;
            }
        } else if source.starts_with("S: {close}") {
            state.step = CLOSED;
        } else if source.starts_with("S:") {
            let literal = source
                .trim_start_matches("S: ")
                .trim_start_matches("{more}");
            let literal = literal.split('{').next().unwrap_or_default();
            for answer in answers.by_ref() {
                octets.extend_from_slice(answer);
                if !source.contains("{more}") || answer.starts_with(literal.as_bytes()) {
                    break;
                }
            }
            octets_answered += octets.len();
            // The server that had said so much first is the one that answered.
            let cause = servers
                .iter()
                .position(|server| server.output.len() >= octets_answered);
            let cause = cause.expect("somebody has said it");
            if cause >= shown {
                state = servers[cause].state.clone();
                shown = cause;
            }
            let command = cause
                .checked_sub(1)
                .map_or(&[][..], |at| said[at].1.as_slice());
            let last = octets
                .split_inclusive(|octet| *octet == b'\n')
                .last()
                .unwrap_or_default();
            place = places.of_answer(
                &String::from_utf8_lossy(command),
                &String::from_utf8_lossy(last),
            );
        }
        let source = source.to_string();
        listed.push(Line {
            source,
            octets,
            state,
            place,
        });
    }
    assert!(
        answers.next().is_none(),
        "the server said more than is written"
    );
    listed
}

const CALLS: &str = "the client has called";
const TEXT: &str = "reads the text, until a lone dot";
const CLOSED: &str = "has closed the connection";

/// The real server hears these octets, and then nothing for now.
fn hear(site: &Site, said: &[u8]) -> Server {
    let (output, at_end) = (Rc::default(), Rc::default());
    let memory = Memory {
        input: io::Cursor::new(said.to_vec()),
        output: Rc::clone(&output),
        at_end: Rc::clone(&at_end),
    };
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let spy = Spy::default();
    let mut session = Session::new(&site.host, site.caller(here, here)).with_policy(&spy);
    let mut store = Names(Clock::new(Some(1_790_000_000)));
    let ended = converse(&mut Wire::new(memory), &mut session, &mut store, TIMEOUT);
    let output: Vec<u8> = output.take();
    let state = match ended {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            look(&mut session, &spy, TEXT)
        }
        Err(error) => panic!("{error}"),
        Ok(()) if !Cell::get(&at_end) => State {
            step: CLOSED,
            ..State::default()
        },
        Ok(()) => {
            let last = output.split_inclusive(|octet| *octet == b'\n').last();
            match last.is_some_and(|line| line.starts_with(b"334")) {
                true => {
                    session.line(&Heard::Text(b"*".to_vec()));
                    look(&mut session, &spy, "waits for the answer to its challenge")
                }
                false => look(&mut session, &spy, ""),
            }
        }
    };
    Server { output, state }
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
        to: begun
            .iter()
            .flat_map(|it| &it.forward_paths)
            .map(ForwardPath::to_string)
            .collect(),
        text: None,
    }
}

/// What the server has of a text of which these octets have come.
fn text_so_far(octets: &[u8]) -> String {
    let open: &[u8] = if octets.is_empty() || octets.ends_with(b"\r\n") {
        b""
    } else {
        b"\r\n"
    };
    let memory = Memory {
        input: io::Cursor::new([octets, open, b".\r\n"].concat()),
        output: Rc::default(),
        at_end: Rc::default(),
    };
    match read_text(&mut Wire::new(memory), usize::MAX, TIMEOUT) {
        Ok(Received::Text(text)) => format!("{} octets", text.octets().len() - open.len()),
        Ok(Received::BareNewline) => "has a CR or LF alone".to_string(),
        Ok(Received::TooBig) => "too big".to_string(),
        Err(error) => panic!("{error}"),
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

/// Keeps nothing, and gives the names that a site gives.
struct Names(Clock);

impl Store for Names {
    fn store(&mut self, _: &Letter) -> io::Result<String> {
        Ok(self.0.unique_name())
    }
}
