// ANCHOR: story
//! One transaction: MAIL, RCPT, DATA, the text, and the dot (RFC 5321 §3.3).
// ANCHOR_END: story

// ANCHOR: uses
use super::{Client, SendError, Stage, Verdict, done};
use crate::protocol::address::{ForwardPath, ReversePath};
use crate::protocol::command::{Command, MailParameters};
use crate::protocol::dot::{Text, end_text, write_text_line};
use crate::protocol::line::Stream;
use crate::protocol::reply::{Reply, Severity};
use std::collections::VecDeque;
// ANCHOR_END: uses

// ANCHOR: transaction
impl<S: Stream> Client<S> {
    /// One transaction, for the first of those who wait. It has at least one verdict.
    pub(super) fn transaction(
        &mut self,
        reverse_path: &ReversePath,
        waiting: &mut VecDeque<ForwardPath>,
        text: &Text,
    ) -> Vec<Verdict> {
        // ANCHOR_END: transaction

        // ANCHOR: transaction_result
        let mut named = Vec::new();
        let result = self.steps(reverse_path, waiting, &mut named, text);
        // A yes to RCPT was a promise, a no was final.
        for verdict in &mut named {
            if verdict.result.is_ok() {
                verdict.result = result.clone();
            }
        }
        // ANCHOR_END: transaction_result

        // ANCHOR: transaction_others
        if let Err(failure) = result
            && let Some(failure) = failure.for_others()
        {
            for path in waiting.drain(..) {
                let result = Err(failure.clone());
                named.push(Verdict { path, result });
            }
        }
        named
    }
    // ANCHOR_END: transaction_others

    // ANCHOR: steps
    /// The five steps. The result is for those in `named` whom the server has accepted.
    fn steps(
        &mut self,
        reverse_path: &ReversePath,
        waiting: &mut VecDeque<ForwardPath>,
        named: &mut Vec<Verdict>,
        text: &Text,
    ) -> Result<Reply, SendError> {
        // ANCHOR_END: steps

        // ANCHOR: five_steps
        self.mail(reverse_path, text)?;
        self.rcpt(waiting, named)?;
        if !has_accepted(named) {
            return self.say(Stage::Rcpt, Command::Rset);
        }
        self.data()?;
        self.text(text)?;
        self.dot()
    }
    // ANCHOR_END: five_steps

    // ANCHOR: mail
    /// Step 1: MAIL.
    fn mail(&mut self, path: &ReversePath, text: &Text) -> Result<Reply, SendError> {
        let parameters = self.parameters(text)?;
        let reply = self.say(Stage::Mail, Command::Mail(path.clone(), parameters))?;
        done(Stage::Mail, reply)
    }
    // ANCHOR_END: mail

    // ANCHOR: rcpt
    /// Step 2: RCPT, for each of those who wait, up to [`RECIPIENTS_AT_ONCE`].
    fn rcpt(
        &mut self,
        waiting: &mut VecDeque<ForwardPath>,
        named: &mut Vec<Verdict>,
    ) -> Result<(), SendError> {
        while let Some(path) = waiting.front().cloned()
            && named.len() < RECIPIENTS_AT_ONCE
        {
            // ANCHOR_END: rcpt

            // ANCHOR: rcpt_one
            let reply = self.say(Stage::Rcpt, Command::Rcpt(path.clone()))?;
            // 552 is an old way to say 452 (RFC 5321 §4.5.3.1.10).
            if matches!(reply.code(), 452 | 552) && has_accepted(named) {
                break;
            }
            waiting.pop_front();
            let result = done(Stage::Rcpt, reply);
            named.push(Verdict { path, result });
        }
        Ok(())
    }
    // ANCHOR_END: rcpt_one

    // ANCHOR: data
    /// Step 3: DATA. Only 354 invites the text, and no other 3yz does (RFC 5321 §3.3).
    fn data(&mut self) -> Result<(), SendError> {
        let reply = self.say(Stage::Data, Command::Data)?;
        if reply.code() == 354 {
            return Ok(());
        }
        // ANCHOR_END: data

        // ANCHOR: data_not
        // After a no, the transaction is still open. After a yes without a text, nobody
        // knows what the server waits for.
        if matches!(reply.code(), 400..=599) {
            let _ = self.say(Stage::Data, Command::Rset);
        }
        Err(SendError::Refused(Stage::Data, reply))
    }
    // ANCHOR_END: data_not

    // ANCHOR: text
    /// Step 4: the text. We do not listen while we write.
    fn text(&mut self, text: &Text) -> Result<(), SendError> {
        let timeout = self.timeouts.of(Stage::Text);
        for line in text.lines() {
            if let Err(error) = write_text_line(&mut self.wire, line, timeout) {
                return Err(self.broken_off(Stage::Text, error));
            }
        }
        self.in_step(Stage::Text)
    }
    // ANCHOR_END: text

    // ANCHOR: dot
    /// Step 5: the dot, which may have arrived from here on. `Ok`: the server has the letter.
    fn dot(&mut self) -> Result<Reply, SendError> {
        if let Err(error) = end_text(&mut self.wire, self.timeouts.of(Stage::Text)) {
            return Err(self.broken_off(Stage::Dot, error));
        }
        let reply = self.hear(Stage::Dot)?;
        match reply.severity() {
            Severity::GoOn => Err(SendError::Unknown(format!("the server said: {reply}"))),
            _ => done(Stage::Dot, reply),
        }
    }
    // ANCHOR_END: dot

    // ANCHOR: parameters
    /// What MAIL tells of the text. SIZE and BODY are said only to a server that offers
    /// them. If the server cannot take this text, we do not begin.
    fn parameters(&self, text: &Text) -> Result<MailParameters, SendError> {
        let octets = text.octets().len() as u64;
        let mut parameters = MailParameters::default();
        if let Some(words) = self.offered("SIZE") {
            // 0 means that there is no limit (RFC 1870 §3). So does a word that is not a
            // number.
            let limit = words.first().map_or(0, |word| word.parse().unwrap_or(0));
            if (1..octets).contains(&limit) {
                return Err(SendError::Unfit(format!(
                    "the letter has {octets} octets, and the server takes {limit} at most"
                )));
            }
            parameters.size = Some(octets);
        }
        if !text.octets().is_ascii() {
            if !self.offers_8bit() {
                let why = "the letter has octets over 127, and the server does not offer \
                           8BITMIME; send it in ASCII, with quoted-printable or base64";
                return Err(SendError::Unfit(why.to_string()));
            }
            parameters.is_eight_bit = true;
        }
        Ok(parameters)
    }
}
// ANCHOR_END: parameters

// ANCHOR: has_accepted
/// Most recipients that we name in one transaction. Every server has room for this many
/// (RFC 5321 §4.5.3.1.8).
pub const RECIPIENTS_AT_ONCE: usize = 100;

fn has_accepted(named: &[Verdict]) -> bool {
    named.iter().any(|verdict| verdict.result.is_ok())
}
// ANCHOR_END: has_accepted
