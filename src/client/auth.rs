// ANCHOR: auth
//! AUTH, as the client says it. The short path leaves this file out.

use super::{Client, SendError, Stage, done};
use crate::protocol::base64;
use crate::protocol::line::Stream;
use crate::protocol::reply::{Reply, Severity};
use crate::protocol::sasl::Credentials;

impl<S: Stream> Client<S> {
    /// Proves who we are, with PLAIN if the server offers it, else with LOGIN.
    pub fn authenticate(&mut self, credentials: &Credentials) -> Result<(), SendError> {
        let offered = self.offered("AUTH").unwrap_or_default();
        let reply = if offered.contains(&"PLAIN") {
            let message = credentials.to_plain();
            self.say(Stage::Auth, format!("AUTH PLAIN {message}"))?
        } else if offered.contains(&"LOGIN") {
            self.log_in(credentials)?
        } else {
            let why = "the server offers no AUTH that we know (PLAIN, LOGIN); no password was sent";
            return Err(SendError::Unfit(why.to_string()));
        };
        done(Stage::Auth, reply).map(|_| ())
    }

    /// LOGIN: the server asks for the user, and then for the password.
    fn log_in(&mut self, credentials: &Credentials) -> Result<Reply, SendError> {
        let mut reply = self.say(Stage::Auth, "AUTH LOGIN")?;
        for word in [&credentials.user, &credentials.password] {
            if reply.severity() != Severity::GoOn {
                break;
            }
            reply = self.say(Stage::Auth, base64::encode(word.as_bytes()))?;
        }
        Ok(reply)
    }
}
// ANCHOR_END: auth
