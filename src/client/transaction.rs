//! How a letter is handed over: in one transaction, or in several (RFC 5321 §3.3).

use super::{Client, SendError, Stage, Verdict, broken, done};
use crate::protocol::address::{ForwardPath, ReversePath};
use crate::protocol::command::{Body, Command, MailParameters};
use crate::protocol::dot::{Text, end_text, write_text_line};
use crate::protocol::line::Stream;
use crate::protocol::reply::{Reply, Severity, in_words};
use std::collections::VecDeque;
use std::iter;

/// Most recipients that we name in one transaction. Every server has room for so many (RFC 5321
/// §4.5.3.1.8).
pub const RECIPIENTS: usize = 100;

/// After so many replies 452 running, we name no more: the server has less room than that.
const NO_ROOM: usize = 2;

/// Those who were named in a transaction.
#[derive(Default)]
struct Named {
    /// The server takes a letter for them.
    accepted: Vec<ForwardPath>,
    /// It has room for those, and no more.
    no_room: Vec<Verdict>,
    /// It does not, whatever comes later.
    verdicts: Vec<Verdict>,
}

fn refused(path: &ForwardPath, failure: &SendError) -> Verdict {
    let (path, result) = (path.clone(), Err(failure.clone()));
    Verdict { path, result }
}

impl<S: Stream> Client<S> {
    /// Sends a letter, in as many transactions as it takes. Each gives the verdicts on those whose
    /// fate is known by then; together they are all recipients, each once. Nothing is said before
    /// the first verdicts are asked for, and no transaction begins before those of the last one
    /// are: so whoever asks can write them down in between.
    pub fn send(
        &mut self,
        reverse_path: &ReversePath,
        recipients: &[ForwardPath],
        text: &Text,
    ) -> impl Iterator<Item = Vec<Verdict>> {
        let mut waiting: VecDeque<ForwardPath> = recipients.iter().cloned().collect();
        iter::from_fn(move || {
            (!waiting.is_empty()).then(|| self.transaction(reverse_path, &mut waiting, text))
        })
    }

    /// One transaction, for the first of those who wait. Afterwards, those wait who were not named,
    /// and those for whom there was no room, if somebody else has the letter now (RFC 5321
    /// §4.5.3.1.10): the next transaction has room for them, and each makes them fewer.
    fn transaction(
        &mut self,
        reverse_path: &ReversePath,
        waiting: &mut VecDeque<ForwardPath>,
        text: &Text,
    ) -> Vec<Verdict> {
        let mut named = Named::default();
        let sent = self.mail(reverse_path, text);
        let sent = sent.and_then(|()| self.recipients(waiting, &mut named));
        let sent = sent.and_then(|()| match named.accepted.is_empty() {
            true => Ok(None),
            false => self.data(text).map(Some),
        });
        let mut verdicts = named.verdicts;
        match sent {
            Ok(Some(reply)) => {
                let result = Ok(reply);
                let has_it = |path| Verdict {
                    path,
                    result: result.clone(),
                };
                verdicts.extend(named.accepted.into_iter().map(has_it));
                let paths = named.no_room.into_iter().map(|verdict| verdict.path);
                waiting.extend(paths);
                return verdicts;
            }
            Ok(None) => {
                // There is nothing to send.
                let _ = self.say(Stage::Rcpt, Command::Rset);
            }
            Err(failure) => {
                let accepted = named.accepted.iter();
                verdicts.extend(accepted.map(|path| refused(path, &failure)));
                if failure.is_for_all() {
                    let failure = failure.for_the_others();
                    verdicts.extend(waiting.drain(..).map(|path| refused(&path, &failure)));
                }
            }
        }
        verdicts.extend(named.no_room);
        verdicts
    }

    /// MAIL, with what there is to tell of the text.
    fn mail(&mut self, reverse_path: &ReversePath, text: &Text) -> Result<(), SendError> {
        let parameters = self.parameters(text)?;
        let reply = self.say(Stage::Mail, Command::Mail(reverse_path.clone(), parameters))?;
        done(Stage::Mail, reply)
    }

    /// RCPT for each of those who wait, up to [`RECIPIENTS`]. A refused one does not stop the others.
    fn recipients(
        &mut self,
        waiting: &mut VecDeque<ForwardPath>,
        named: &mut Named,
    ) -> Result<(), SendError> {
        let mut running = 0;
        for _ in 0..RECIPIENTS {
            let Some(path) = waiting.front().cloned() else {
                break;
            };
            // Whoever gets no answer still waits.
            let reply = self.say(Stage::Rcpt, Command::Rcpt(path.clone()))?;
            waiting.pop_front();
            let is_full = matches!(reply.code(), 452 | 552) && !named.accepted.is_empty();
            running = if is_full { running + 1 } else { 0 };
            match done(Stage::Rcpt, reply).map_err(|failure| refused(&path, &failure)) {
                Ok(()) => named.accepted.push(path),
                Err(verdict) if is_full => named.no_room.push(verdict),
                Err(verdict) => named.verdicts.push(verdict),
            }
            if running == NO_ROOM {
                break;
            }
        }
        Ok(())
    }

    /// What to tell the server of the text, and whether it can take it. SIZE and BODY are said only
    /// to a server that offers them.
    fn parameters(&self, text: &Text) -> Result<MailParameters, SendError> {
        let octets = text.octets().len() as u64;
        let mut parameters = MailParameters::default();
        if let Some(mut words) = self.offers("SIZE").next() {
            // 0 says that there is no limit (RFC 1870 §3), and so does what is no number.
            let limit = words.next().map_or(0, |word| word.parse().unwrap_or(0));
            if (1..octets).contains(&limit) {
                let why =
                    format!("the letter has {octets} octets, and the server takes {limit} at most");
                return Err(SendError::Unfit(why));
            }
            parameters.size = Some(octets);
        }
        if !text.octets().is_ascii() {
            if !self.offers_8bit() {
                let why = "the letter has octets over 127, and the server does not offer 8BITMIME; \
                           send it in ASCII, with quoted-printable or base64";
                return Err(SendError::Unfit(why.to_string()));
            }
            parameters.body = Some(Body::EightBitMime);
        }
        Ok(parameters)
    }

    /// DATA, the text, the dot. `Ok`: the server has the letter.
    fn data(&mut self, text: &Text) -> Result<Reply, SendError> {
        let reply = self.say(Stage::Data, Command::Data)?;
        match reply.severity() {
            // No other reply invites the text, nor does another 3yz (RFC 5321 §3.3).
            Severity::GoOn if reply.code() == 354 => {}
            // A server that says "done" before it has the text does not know what it is doing.
            Severity::Done | Severity::GoOn => {
                let reply = Reply::new(451, &reply.to_string());
                return Err(SendError::Refused(Stage::Data, reply));
            }
            Severity::TryLater | Severity::Refused => {
                let _ = self.say(Stage::Data, Command::Rset);
                return Err(SendError::Refused(Stage::Data, reply));
            }
        }
        let reply = self.text(text)?;
        match reply.severity() {
            Severity::Done => Ok(reply),
            Severity::GoOn => Err(SendError::Unknown(format!("the server said: {reply}"))),
            _ => Err(SendError::Refused(Stage::Text, reply)),
        }
    }

    /// The text and the dot, and what is said to that.
    fn text(&mut self, text: &Text) -> Result<Reply, SendError> {
        for line in text.lines() {
            if let Err(error) = write_text_line(&mut self.wire, line, self.timeouts.block) {
                let failure = broken(Stage::Text)(error);
                return self.last_words().ok_or(failure);
            }
        }
        self.in_step(Stage::Text)?;
        // From here on the dot may have arrived.
        if let Err(error) = end_text(&mut self.wire, self.timeouts.block) {
            let failure = SendError::Unknown(in_words(&error));
            return self.last_words().ok_or(failure);
        }
        self.hear(Stage::Text)
    }
}
