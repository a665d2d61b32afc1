// ANCHOR: story
//! MAIL, RCPT, DATA and RSET: a mail transaction (RFC 5321 §3.3), and its letter.

use super::ask::NO_SUCH_USER;
use super::{Recipient, Session, Step};
use crate::protocol::address::{ForwardPath, HostName, ReversePath};
use crate::protocol::command::MailParameters;
use crate::protocol::dot::{Received, Text};
use crate::protocol::reply::Reply;
use std::net::IpAddr;
// ANCHOR_END: story

// ANCHOR: transaction
/// A letter that is announced. Its text is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Where a bounce goes.
    pub reverse_path: ReversePath,
    /// Where the letter goes: the recipients that were accepted so far.
    pub forward_paths: Vec<ForwardPath>,
    /// How it comes.
    pub origin: Origin,
    /// The user that AUTH has proved the caller to be.
    pub user: Option<String>,
}
// ANCHOR_END: transaction

// ANCHOR: letter
/// A letter that was received whole, with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where a bounce goes.
    pub reverse_path: ReversePath,
    /// Where the letter goes, as the client said it.
    pub forward_paths: Vec<ForwardPath>,
    /// How it came; `None` if it was written on this host.
    pub origin: Option<Origin>,
    /// Header and body.
    pub text: Text,
}

/// How a letter came: what the `Received` field tells (RFC 5321 §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name that the client gave with EHLO or HELO.
    pub helo: HostName,
    /// Its address, which it cannot make up.
    pub ip: IpAddr,
    /// `SMTP`, `ESMTP`, or `ESMTPA` after AUTH (RFC 3848).
    pub protocol: &'static str,
}

/// The most recipients of one letter (RFC 5321 §4.5.3.1.8: at least 100).
pub const MAX_RECIPIENTS: usize = 100;
/// A text with this many Received fields goes in a circle (RFC 5321 §6.3).
pub const MAX_HOPS: usize = 100;
// ANCHOR_END: letter

// ANCHOR: mail
impl Session<'_> {
    /// MAIL (RFC 5321 §4.1.1.2).
    pub(super) fn mail(&mut self, path: ReversePath, parameters: MailParameters) -> Step {
        let Some(origin) = self.origin() else {
            return Step::reply(503, "say EHLO first");
        };
        if self.transaction.is_some() {
            let text = "a letter is open; finish it with DATA or drop it with RSET";
            return Step::reply(503, text);
        }
        // ANCHOR_END: mail

        // ANCHOR: mail_doubt
        if self.has_seen_bare_newline {
            return self.close(
                421,
                "an earlier text had a CR or LF alone; please call again",
            );
        }
        // ANCHOR_END: mail_doubt

        // ANCHOR: mail_size
        if parameters.has_auth && !self.caller.may_authenticate {
            return Step::reply(555, "AUTH is not offered here");
        }
        let limit = self.host.max_size as u64;
        if parameters.size.is_some_and(|size| size > limit) {
            return Step::reply(552, &format!("too big; the limit is {limit} octets"));
        }
        // ANCHOR_END: mail_size

        // ANCHOR: mail_begin
        let reverse_path = match path {
            ReversePath::Mailbox(mailbox) => ReversePath::Mailbox(self.resolve(mailbox)),
            ReversePath::Null => ReversePath::Null,
        };
        let text = format!("OK, from {reverse_path}");
        self.transaction = Some(Transaction {
            reverse_path,
            forward_paths: Vec::new(),
            origin,
            user: self.user.clone(),
        });
        Step::reply(250, &text)
    }
    // ANCHOR_END: mail_begin

    // ANCHOR: origin
    /// Where a letter of this caller comes from. `None`: it has not said its name.
    fn origin(&self) -> Option<Origin> {
        let (helo, is_extended) = self.helo.clone()?;
        let protocol = match (is_extended, &self.user) {
            (false, _) => "SMTP",
            (true, None) => "ESMTP",
            (true, Some(_)) => "ESMTPA",
        };
        let ip = self.caller.ip;
        Some(Origin { helo, ip, protocol })
    }

    // ANCHOR_END: origin

    // ANCHOR: rcpt
    /// RCPT (RFC 5321 §4.1.1.3).
    pub(super) fn rcpt(&mut self, path: ForwardPath) -> Step {
        let path = match path {
            ForwardPath::Mailbox(mailbox) => ForwardPath::Mailbox(self.resolve(mailbox)),
            ForwardPath::Postmaster => ForwardPath::Postmaster,
        };
        let Some(transaction) = &mut self.transaction else {
            return Step::reply(503, "say MAIL first");
        };
        // ANCHOR_END: rcpt

        // ANCHOR: relay
        let may_relay = self.caller.is_trusted || self.user.is_some();
        if matches!(self.host.recipient(&path), Recipient::Remote(_)) && !may_relay {
            let text = "relaying denied: that is another domain, and I do not know you";
            return Step::reply(550, text);
        }
        // ANCHOR_END: relay

        // ANCHOR: many
        if transaction.forward_paths.len() >= MAX_RECIPIENTS {
            let most = MAX_RECIPIENTS;
            let text = format!("too many recipients; send the letter to {most} at a time");
            return Step::reply(452, &text);
        }
        // ANCHOR_END: many

        // ANCHOR: rcpt_end
        if self.host.recipients(std::slice::from_ref(&path)).is_empty() {
            return Step::reply(550, &format!("{NO_SUCH_USER}: {path}"));
        }
        let (policy, caller) = (self.policy, &self.caller);
        if let Some(refusal) = policy.refuse_recipient(caller, transaction, &path) {
            return Step::Reply(refusal);
        }
        let text = format!("OK, to {path}");
        transaction.forward_paths.push(path);
        Step::reply(250, &text)
    }

    // ANCHOR_END: rcpt_end

    // ANCHOR: data
    /// DATA (RFC 5321 §4.1.1.4).
    pub(super) fn data(&self) -> Step {
        match &self.transaction {
            Some(transaction) if !transaction.forward_paths.is_empty() => {
                Step::Text(Reply::new(354, "go on; end with a line that holds one dot"))
            }
            Some(_) => Step::reply(503, "say RCPT first: no recipient was accepted"),
            None => Step::reply(503, "say MAIL and RCPT first"),
        }
    }

    // ANCHOR_END: data

    // ANCHOR: rset
    /// RSET (RFC 5321 §4.1.1.5).
    pub(super) fn rset(&mut self) -> Step {
        self.transaction = None;
        Step::reply(250, "OK, no letter is open")
    }
    // ANCHOR_END: rset

    // ANCHOR: received
    /// Hears what became of the text. An error is the reply that refuses the letter.
    pub fn received(&mut self, received: Received) -> Result<Letter, Reply> {
        let Some(transaction) = self.transaction.take() else {
            return Err(Reply::new(503, "say MAIL and RCPT first"));
        };
        let text = match received {
            Received::Text(text) => text,
            Received::TooBig => return Err(Reply::new(552, "too big")),
            // ANCHOR_END: received

            // ANCHOR: received_doubt
            Received::BareNewline => {
                self.has_seen_bare_newline = true;
                let text = "the text holds a CR or LF alone; \
                            its lines must end with CR LF";
                return Err(Reply::new(554, text));
            }
        };
        // ANCHOR_END: received_doubt

        // ANCHOR: received_hops
        if hops(&text) >= MAX_HOPS {
            return Err(Reply::new(554, "this letter goes in a circle"));
        }
        // ANCHOR_END: received_hops

        // ANCHOR: received_end
        let letter = Letter {
            reverse_path: transaction.reverse_path,
            forward_paths: transaction.forward_paths,
            origin: Some(transaction.origin),
            text,
        };
        if let Some(refusal) = self.policy.refuse_letter(&self.caller, &letter) {
            return Err(refusal);
        }
        self.mistakes = 0;
        Ok(letter)
    }
}
// ANCHOR_END: received_end

// ANCHOR: hops
/// How many servers had the letter before us: each has put a `Received` field on top (RFC
/// 5321 §4.4).
fn hops(text: &Text) -> usize {
    let mut hops = 0;
    for line in text.header_lines() {
        if line.to_ascii_lowercase().starts_with(b"received:") {
            hops += 1;
        }
    }
    hops
}
// ANCHOR_END: hops
