//! A session to talk to, with nothing around it.

use smtp_primer::protocol::dot::{Received, Text};
use smtp_primer::protocol::line::Line;
use smtp_primer::protocol::reply::Reply;
use smtp_primer::session::{Caller, Host, Letter, Recipient, Session, Step};

/// The longest text that the host takes, in octets.
pub const MAX_SIZE: usize = 1000;
/// `NUL alice NUL wonderland` in base64.
pub const ALICE: &str = "AGFsaWNlAHdvbmRlcmxhbmQ=";

/// a.example: alice, bob, staff (both of them, and carol elsewhere), and two lists that name each
/// other and nobody else.
pub fn host() -> Host {
    let local = |name: &str| Recipient::Local(name.to_string());
    let carol = Recipient::Remote("carol@b.example".parse().expect("a mailbox"));
    let users = [("alice", "wonderland"), ("bob", "builder")];
    let aliases = [
        (
            "staff",
            vec![
                local("alice"),
                local("bob"),
                carol,
                local("staff"),
                local("alice"),
            ],
        ),
        ("ping", vec![local("pong")]),
        ("pong", vec![local("ping")]),
    ];
    Host {
        domain: "a.example".parse().expect("a domain"),
        users: users
            .map(|(user, password)| (user.to_string(), password.to_string()))
            .into(),
        aliases: aliases
            .map(|(name, members)| (name.to_string(), members))
            .into_iter()
            .collect(),
        max_size: MAX_SIZE,
    }
}

/// A conversation with a session.
pub struct Talk<'a>(pub Session<'a>);

impl<'a> Talk<'a> {
    /// With a caller who may do everything.
    pub fn new(host: &'a Host) -> Talk<'a> {
        Talk::with(host, true, true)
    }

    pub fn with(host: &'a Host, trusted: bool, may_authenticate: bool) -> Talk<'a> {
        let ip = "192.0.2.1".parse().expect("an address");
        Talk(Session::new(
            host,
            Caller {
                ip,
                local: "192.0.2.25".parse().expect("an address"),
                is_trusted: trusted,
                may_authenticate,
            },
        ))
    }

    /// Says a line, and returns the code of the reply. The step has to suit the code.
    pub fn code(&mut self, line: &str) -> u16 {
        let step = self.0.line(&Line::Text(line.as_bytes().to_vec()));
        // RFC 5321 §3.8: what is not understood is no reason to close.
        let is_shut = matches!(&step, Step::Close(reply) if reply.code() == 500);
        assert!(!is_shut, "{line:?}: {step:?}");
        code(&step)
    }

    /// Says a line, and returns the lines of the reply as they go over the wire.
    pub fn reply(&mut self, line: &str) -> Vec<String> {
        let step = self.0.line(&Line::Text(line.as_bytes().to_vec()));
        reply(&step).map(Reply::lines).unwrap_or_default()
    }

    /// Says lines, each with the code that is due.
    #[track_caller]
    pub fn goes(&mut self, lines: &[(&str, u16)]) {
        for (line, due) in lines {
            assert_eq!(self.code(line), *due, "{line}");
        }
    }

    /// Says the lines up to DATA, each of which is accepted.
    #[track_caller]
    pub fn announces(&mut self, from: &str, to: &[&str]) {
        self.goes(&[(&format!("MAIL FROM:{from}"), 250)]);
        for to in to {
            self.goes(&[(&format!("RCPT TO:{to}"), 250)]);
        }
        self.goes(&[("DATA", 354)]);
    }

    /// The text was read; returns the letter, or the code of the refusal.
    pub fn received(&mut self, text: &str) -> Result<Letter, u16> {
        let text = Text::new(text.as_bytes().to_vec()).expect("a text");
        self.fails(Received::Text(text))
    }

    /// The text was read, or was none; returns the letter, or the code of the refusal.
    pub fn fails(&mut self, received: Received) -> Result<Letter, u16> {
        self.0.received(received).map_err(|refusal| refusal.code())
    }
}

/// The reply that a step sends, if it sends one at once.
pub fn reply(step: &Step) -> Option<&Reply> {
    match step {
        Step::Reply(reply) | Step::Text(reply) | Step::Close(reply) => Some(reply),
        _ => None,
    }
}

/// The code of a step, which has to be the right kind of step for it. 0: no reply at all.
#[track_caller]
pub fn code(step: &Step) -> u16 {
    let code = reply(step).map_or(0, Reply::code);
    let suits = match code {
        221 | 421 => matches!(step, Step::Close(_)),
        500 => !matches!(step, Step::Text(_)),
        354 => matches!(step, Step::Text(_)),
        0 => true,
        _ => matches!(step, Step::Reply(_)),
    };
    assert!(suits, "{step:?}");
    code
}

/// The envelope of a letter, for comparing.
pub fn envelope(letter: &Letter) -> String {
    let paths = letter.forward_paths.iter().map(|path| path.to_string());
    format!(
        "{} to {}",
        letter.reverse_path,
        paths.collect::<Vec<_>>().join(" ")
    )
}
