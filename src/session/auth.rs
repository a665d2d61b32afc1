//! AUTH: who is calling (RFC 4954 §4).

use super::Session;
use crate::protocol::base64;
use crate::protocol::command::Argument;
use crate::protocol::reply::Reply;
use crate::protocol::sasl::{Credentials, LOGIN_CHALLENGES};

/// What the caller is asked for.
pub(super) enum Question {
    /// The message of PLAIN.
    Message,
    /// The user name of LOGIN.
    User,
    /// The password of LOGIN; this was the user name.
    Password(String),
}

impl Session<'_> {
    /// RFC 4954 §4.
    pub(super) fn auth(&mut self, mechanism: &str, response: Option<Argument>) -> Reply {
        if !self.caller.may_authenticate {
            let text = "AUTH is not offered here: a password in clear belongs on loopback only";
            return Reply::new(502, text);
        }
        if !matches!(self.helo, Some((_, true))) {
            return Reply::new(503, "say EHLO first");
        }
        if self.authenticated || self.letter.is_some() {
            return Reply::new(503, "AUTH comes once, and before MAIL");
        }
        let question = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Question::Message,
            "LOGIN" => Question::User,
            _ => return Reply::new(504, "no such mechanism; there are PLAIN and LOGIN"),
        };
        match response.as_ref().map(Argument::as_str) {
            None => self.ask(question),
            // This is how an empty first response is written.
            Some("=") => self.answer(question, b""),
            Some(response) => self.answer(question, response.as_bytes()),
        }
    }

    fn ask(&mut self, question: Question) -> Reply {
        let [user, password] = LOGIN_CHALLENGES;
        let challenge = match question {
            Question::Message => "",
            Question::User => user,
            Question::Password(_) => password,
        };
        self.question = Some(question);
        Reply::new(334, &base64::encode(challenge.as_bytes()))
    }

    /// Hears an answer. With `*` a client cancels (RFC 4954 §4); that is not well formed base64.
    pub(super) fn answer(&mut self, question: Question, answer: &[u8]) -> Reply {
        self.try_answer(question, answer)
            .unwrap_or_else(|| Reply::new(501, "AUTH cancelled, or not well formed"))
    }

    fn try_answer(&mut self, question: Question, answer: &[u8]) -> Option<Reply> {
        let answer = str::from_utf8(answer).ok()?;
        let word = || String::from_utf8(base64::decode(answer)?).ok();
        let credentials = match question {
            Question::Message => {
                let (acting_for, credentials) = Credentials::from_plain(answer)?;
                // Said before we look at the password, so that it tells nothing about that.
                if !acting_for.is_empty() && acting_for != credentials.user {
                    return Some(Reply::new(535, "nobody may act for somebody else here"));
                }
                credentials
            }
            Question::User => return Some(self.ask(Question::Password(word()?))),
            Question::Password(user) => {
                let password = word()?;
                Credentials { user, password }
            }
        };
        if !self.host.knows(&credentials) {
            return Some(Reply::new(535, "wrong name or password"));
        }
        self.authenticated = true;
        Some(Reply::new(235, "welcome"))
    }
}
