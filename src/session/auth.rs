// ANCHOR: story
//! AUTH: who is calling (RFC 4954 §4).

use super::{Session, Step};
use crate::protocol::base64;
use crate::protocol::command::Argument;
use crate::protocol::sasl::{Credentials, LOGIN_CHALLENGES};
// ANCHOR_END: story

// ANCHOR: challenge
/// What the caller is asked for (RFC 4954 §4).
pub(super) enum Challenge {
    /// The message of PLAIN.
    Message,
    /// The user name of LOGIN.
    User,
    /// The password of LOGIN; this was the user name.
    Password(String),
}
// ANCHOR_END: challenge

// ANCHOR: auth
impl Session<'_> {
    /// AUTH (RFC 4954 §4).
    pub(super) fn auth(&mut self, mechanism: &str, response: Option<Argument>) -> Step {
        if !self.caller.may_authenticate {
            let text = "AUTH is not offered here: \
                        without TLS, passwords are for loopback only";
            return Step::reply(502, text);
        }
        if !matches!(self.helo, Some((_, true))) {
            return Step::reply(503, "say EHLO first");
        }
        if self.user.is_some() || self.transaction.is_some() {
            return Step::reply(503, "AUTH is allowed once, before MAIL");
        }
        // ANCHOR_END: auth

        // ANCHOR: mechanism
        let challenge = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Challenge::Message,
            "LOGIN" => Challenge::User,
            _ => return Step::reply(504, "no such mechanism; there are PLAIN and LOGIN"),
        };
        match response.as_ref().map(Argument::as_str) {
            None => self.ask(challenge),
            // This is how an empty first response is written.
            Some("=") => self.answer(challenge, b""),
            Some(response) => self.answer(challenge, response.as_bytes()),
        }
    }

    // ANCHOR_END: mechanism

    // ANCHOR: ask
    /// Sends the challenge. The next line is the answer.
    fn ask(&mut self, challenge: Challenge) -> Step {
        let [user, password] = LOGIN_CHALLENGES;
        let text = match challenge {
            Challenge::Message => "",
            Challenge::User => user,
            Challenge::Password(_) => password,
        };
        self.challenge = Some(challenge);
        Step::reply(334, &base64::encode(text.as_bytes()))
    }

    // ANCHOR_END: ask

    // ANCHOR: answer
    /// Hears the answer to a challenge. A client cancels with `*` (RFC 4954 §4), which is
    /// not well formed base64.
    pub(super) fn answer(&mut self, challenge: Challenge, answer: &[u8]) -> Step {
        // Octets that are not UTF-8 become a mark, and base64 has no such mark.
        let answer = String::from_utf8_lossy(answer);
        let credentials = match challenge {
            Challenge::Message => Credentials::from_plain(&answer),
            Challenge::User => match decoded(&answer) {
                Some(user) => return self.ask(Challenge::Password(user)),
                None => None,
            },
            Challenge::Password(user) => {
                let password = decoded(&answer);
                password.map(|password| (String::new(), Credentials { user, password }))
            }
        };
        // ANCHOR_END: answer

        // ANCHOR: verdict
        match credentials {
            None => Step::reply(501, "AUTH cancelled, or not well formed"),
            // This comes before the password, so that the reply tells nothing about it.
            Some((other, Credentials { user, .. })) if !other.is_empty() && other != user => {
                Step::reply(535, "using the account of another user is not allowed here")
            }
            Some((_, credentials)) if self.host.knows(&credentials) => {
                self.user = Some(credentials.user);
                Step::reply(235, "welcome")
            }
            Some(_) => Step::reply(535, "wrong name or password"),
        }
    }
}

// ANCHOR_END: verdict

// ANCHOR: decoded
fn decoded(answer: &str) -> Option<String> {
    String::from_utf8(base64::decode(answer)?).ok()
}
// ANCHOR_END: decoded
