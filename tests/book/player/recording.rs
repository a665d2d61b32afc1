//! Plays a dialogue against the server code, and puts together what was said in each line, and the
//! server's state after it.

use super::places::Places;
use super::quoted;
use super::stream::{Caller, Said};
use crate::project::{TextFile, is_anchor_line};
use smtp_primer::dialogue::{Dialogue, Side};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub const TIMEOUT: Duration = Duration::from_secs(10);
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
pub struct State {
    pub step: &'static str,
    pub helo: Option<String>,
    pub user: Option<String>,
    pub from: Option<String>,
    pub to: Option<Vec<String>>,
    pub text: Option<String>,
    /// The letters that POP3 has in its list.
    pub letters: Option<Vec<String>>,
    /// The letters that are in the mailbox.
    pub files: Option<String>,
}

impl State {
    fn as_js(&self) -> String {
        let mut fields = vec![format!("step: {}", quoted(self.step))];
        let texts = [
            ("helo", &self.helo),
            ("user", &self.user),
            ("from", &self.from),
            ("text", &self.text),
            ("files", &self.files),
        ];
        for (name, value) in texts {
            fields.extend(
                value
                    .iter()
                    .map(|value| format!("{name}: {}", quoted(value))),
            );
        }
        for (name, values) in [("to", &self.to), ("letters", &self.letters)] {
            if let Some(values) = values {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                fields.push(format!("{name}: [{}]", values.join(", ")));
            }
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
#[derive(Clone)]
pub struct Server {
    pub output: Vec<u8>,
    pub state: State,
}

/// What a server answers to these octets, and its state then.
pub type Hear<'a> = &'a dyn Fn(&[u8]) -> Server;

pub fn record(file: &TextFile, hear: Hear<'_>, places: &Places) -> Vec<Line> {
    // Both the client and we ask for the same again and again.
    let heard = RefCell::new(BTreeMap::new());
    let hear: Hear<'_> = &|said| {
        let known: Option<Server> = heard.borrow().get(said).cloned();
        let server = known.unwrap_or_else(|| hear(said));
        heard.borrow_mut().insert(said.to_vec(), server.clone());
        server
    };
    let said: Said = Rc::default();
    let caller = Caller {
        said: Rc::clone(&said),
        answer: |said: &[u8]| hear(said).output,
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
    listed(&spoken.collect::<Vec<_>>(), &said, hear, places)
}

/// Puts the lines of the file, what was said in them, and the states together.
fn listed(
    spoken: &[&str],
    said: &[(usize, Vec<u8>)],
    hear: Hear<'_>,
    places: &Places,
) -> Vec<Line> {
    // What the server has answered to the client's first lines, and its state then.
    let mut heard = Vec::new();
    let mut servers = Vec::new();
    let each = said.iter().map(|(_, octets)| octets.as_slice());
    for octets in [&[][..]].into_iter().chain(each) {
        heard.extend_from_slice(octets);
        servers.push(hear(&heard));
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
                .next_back()
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
pub const CLOSED: &str = "has closed the connection";
