//! AUTH: who is calling (RFC 4954 §4).

use super::{Session, State, Step, say};
use crate::protocol::base64;
use crate::protocol::command::Argument;
use crate::protocol::sasl::{Credentials, LOGIN_CHALLENGES};

impl Session<'_> {
    /// RFC 4954 §4.
    pub(super) fn auth(&mut self, mechanism: &str, response: Option<Argument>) -> Step {
        if !self.caller.may_authenticate {
            return say(
                502,
                "AUTH is not offered here: a password in clear belongs on loopback only",
            );
        }
        if !matches!(self.helo, Some((_, true))) {
            return say(503, "say EHLO first");
        }
        if self.user.is_some() || matches!(self.state, State::Mail(..)) {
            return say(503, "AUTH comes once, and before MAIL");
        }
        // A lone `=` is how an empty first response is written.
        let response = response.as_ref().map(|word| match word.as_str() {
            "=" => "",
            response => response,
        });
        match (mechanism.to_ascii_uppercase().as_str(), response) {
            ("PLAIN", Some(response)) => self.plain(response.as_bytes()),
            ("PLAIN", None) => {
                self.state = State::Plain;
                say(334, "")
            }
            ("LOGIN", Some(response)) => self.login(None, response.as_bytes()),
            ("LOGIN", None) => self.challenge(None),
            _ => say(504, "no such mechanism; there are PLAIN and LOGIN"),
        }
    }

    /// Asks for the user name, or, if there is one, for the password.
    fn challenge(&mut self, user: Option<String>) -> Step {
        let [first, second] = LOGIN_CHALLENGES;
        let challenge = if user.is_none() { first } else { second };
        self.state = State::Login(user);
        say(334, &base64::encode(challenge.as_bytes()))
    }

    pub(super) fn plain(&mut self, response: &[u8]) -> Step {
        let message = str::from_utf8(response)
            .ok()
            .and_then(Credentials::from_plain);
        message.map_or_else(not_well_formed, |credentials| {
            self.authenticate(credentials)
        })
    }

    pub(super) fn login(&mut self, user: Option<String>, response: &[u8]) -> Step {
        let octets = str::from_utf8(response).ok().and_then(base64::decode);
        let word = octets.and_then(|octets| String::from_utf8(octets).ok());
        match (user, word) {
            (_, None) => not_well_formed(),
            (None, Some(user)) => self.challenge(Some(user)),
            (Some(user), Some(password)) => self.authenticate(Credentials { user, password }),
        }
    }

    fn authenticate(&mut self, credentials: Credentials) -> Step {
        if !self.host.knows(&credentials) {
            return say(535, "wrong name or password");
        }
        self.user = Some(credentials.user);
        say(235, "welcome")
    }
}

/// Also for `*`, with which a client cancels (RFC 4954 §4).
fn not_well_formed() -> Step {
    say(501, "AUTH cancelled, or not well formed")
}
