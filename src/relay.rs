//! # The relay (chapter 16)
//!
//! Takes the letters that wait in the queue and hands each to the next hop. Here the mail
//! server is the client: the same server plays both roles.
//!
//! What can happen to each recipient: delivered, refused for good (5), refused for now (4). Who is
//! refused for good gets no second try; the sender gets a *bounce*. Who is refused for now waits,
//! each time longer, until we give up, and then there is a bounce too. A bounce has the empty
//! reverse-path `<>`, and what cannot be delivered from `<>` is dropped: a bounce of a bounce would
//! travel for ever (RFC 5321 §6.1).
//!
//! Every step is written down after it has happened. A crash between the two repeats the step: a
//! letter may come twice, but none is lost.

mod bounce;

use crate::client::{Client, Failure, Stage, Timeouts, connect};
use crate::message::{Clock, Date};
use crate::next_hop::{NoHop, Target};
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use crate::protocol::reply::{Reply, ReplyError, Severity};
use crate::queue::{Envelope, Found, Queue, Reason, State};
use crate::server::Store;
pub use bounce::bounce;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// When to try again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first wait. It doubles with each try, up to [`LONGEST_WAIT`] times this.
    pub retry: Duration,
    /// A letter this old is given up.
    pub give_up: Duration,
}

/// The longest wait is this many times the first.
pub const LONGEST_WAIT: u32 = 16;

impl Schedule {
    /// What the RFC asks for: at least 30 minutes, and 4 to 5 days (RFC 5321 §4.5.4.1).
    pub const RFC: Schedule = Schedule {
        retry: Duration::from_secs(30 * 60),
        give_up: Duration::from_secs(5 * 24 * 60 * 60),
    };

    /// When to try again after this many tries.
    fn next(&self, now: Date, tries: u32) -> Date {
        let times = 1_u32
            .checked_shl(tries.saturating_sub(1))
            .unwrap_or(LONGEST_WAIT);
        let wait = u64::from(times.clamp(1, LONGEST_WAIT)).saturating_mul(self.retry.as_secs());
        Date(now.0.saturating_add(wait))
    }
}

/// What one pass over the queue came to, in recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Their next hop has the letter.
    pub delivered: usize,
    /// They were refused for good, or given up.
    pub failed: usize,
    /// They wait.
    pub waiting: usize,
    /// These are letters: their files make no sense, and were set aside.
    pub damaged: usize,
}

/// Everything that a relay needs.
pub struct Relay<'a> {
    /// The queue to work off.
    pub queue: &'a Queue,
    /// Our own domain.
    pub own: &'a Domain,
    /// When to try.
    pub schedule: Schedule,
    /// How long to wait for replies.
    pub timeouts: Timeouts,
    /// Finds the hosts to try for a domain.
    pub next_hops: &'a mut dyn FnMut(&Domain) -> Result<Vec<Target>, NoHop>,
    /// Where bounces go.
    pub store: &'a mut dyn Store,
    /// The time.
    pub clock: &'a mut Clock,
    /// Makes the trace of a conversation.
    pub trace: &'a dyn Fn() -> Option<Trace>,
    /// Hears what happened, for people.
    pub log: &'a dyn Fn(&str),
}

/// One recipient's answer: how bad it is, and why.
type Answer = (Severity, Reason);

/// The hosts to try for a domain, or why there are none.
type Hop = Result<Vec<Target>, NoHop>;

impl Relay<'_> {
    /// Tries every letter whose time has come, once.
    pub fn pass(&mut self) -> io::Result<Report> {
        let now = self.clock.now();
        let mut report = Report::default();
        self.queue.each(|found| match found {
            Found::Letter(id, envelope) if envelope.next <= now || envelope.is_done() => {
                if let Err(error) = self.letter(&id, envelope, &mut report) {
                    (self.log)(&format!("{id}: {error}; the letter stays in the queue"));
                    report.waiting += 1;
                }
            }
            Found::Letter(_, envelope) => report.waiting += envelope.waiting().count(),
            Found::Damaged(path) => self.damaged(&path, &mut report),
        })?;
        Ok(report)
    }

    fn damaged(&self, path: &Path, report: &mut Report) {
        (self.log)(&format!("{}: damaged, set aside", path.display()));
        report.damaged += 1;
    }

    /// Tries one letter. What became of it is written down after each conversation.
    fn letter(&mut self, id: &str, mut envelope: Envelope, report: &mut Report) -> io::Result<()> {
        let text = match self.queue.text(id) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.damaged(&self.queue.set_aside(id), report);
                return Ok(());
            }
            text => text?,
        };
        let now = self.clock.now();
        envelope.tries = envelope.tries.saturating_add(1);
        envelope.next = self.schedule.next(now, envelope.tries);
        let too_old = now.0
            >= envelope
                .arrived
                .0
                .saturating_add(self.schedule.give_up.as_secs());
        let mut failed = Vec::new();
        for (hop, mailboxes) in self.conversations(&envelope) {
            let answers = self.hand_over(hop, &envelope.reverse_path, &mailboxes, &text);
            for (mailbox, (severity, reason)) in mailboxes.into_iter().zip(answers) {
                (self.log)(&format!("{id}: <{mailbox}>: {}", reason.reply));
                match severity {
                    Severity::Done => {
                        envelope.set(&mailbox, State::Delivered);
                        report.delivered += 1;
                    }
                    _ if severity == Severity::Refused || too_old => failed.push((mailbox, reason)),
                    _ => envelope.set(&mailbox, State::Waiting(Some(reason))),
                }
            }
            self.queue.update(id, &envelope)?;
        }
        self.tell_sender(id, &envelope, &failed, &text)?;
        report.failed += failed.len();
        for (mailbox, reason) in failed {
            envelope.set(&mailbox, State::Failed(reason));
        }
        report.waiting += envelope.waiting().count();
        if envelope.is_done() {
            self.queue.finish(id)
        } else {
            self.queue.update(id, &envelope)
        }
    }

    /// Who is reached over the same hosts shares one conversation: a letter to ten people crosses
    /// the network once (RFC 5321 §4.5.4.1).
    fn conversations(&mut self, envelope: &Envelope) -> Vec<(Hop, Vec<Mailbox>)> {
        let mut conversations: Vec<(Hop, Vec<Mailbox>)> = Vec::new();
        for domain in envelope.waiting_domains() {
            let hop = (self.next_hops)(&domain);
            let mailboxes = envelope.waiting_at(&domain).cloned();
            match conversations.iter_mut().find(|(known, _)| *known == hop) {
                Some((_, others)) => others.extend(mailboxes),
                None => conversations.push((hop, mailboxes.collect())),
            }
        }
        conversations
    }

    /// Tries the hosts in turn, until one has answered about the letter itself.
    fn hand_over(
        &mut self,
        hop: Hop,
        reverse_path: &ReversePath,
        mailboxes: &[Mailbox],
        text: &Text,
    ) -> Vec<Answer> {
        let all = |severity, reason: Reason| vec![(severity, reason); mailboxes.len()];
        let targets = match hop {
            Ok(targets) => targets,
            Err(NoHop::Never(why)) => return all(Severity::Refused, ours(550, &why)),
            Err(NoHop::NotNow(why)) => return all(Severity::TryLater, ours(451, &why)),
        };
        let paths = mailboxes.iter().cloned().map(ForwardPath::Mailbox);
        let paths: Vec<_> = paths.collect();
        let mut last = None;
        for target in &targets {
            for address in &target.addresses {
                let failure = match self.call(*address, reverse_path, &paths, text) {
                    Ok(answers) => {
                        let by = |reply| Reason {
                            host: Some(target.name.clone()),
                            reply,
                        };
                        let answers = answers.into_iter();
                        return answers
                            .map(|(severity, reply)| (severity, by(reply)))
                            .collect();
                    }
                    Err(failure) => failure,
                };
                let temporary = failure.is_temporary();
                let severity = match temporary {
                    true => Severity::TryLater,
                    false => Severity::Refused,
                };
                let why = reason(target, &failure);
                // A host that answered about the letter speaks for its domain. One that could not
                // be reached, or would not talk to us, may have a colleague who will.
                let about_us = matches!(
                    failure,
                    Failure::Broken(..) | Failure::Refused(Stage::Greeting | Stage::Hello, _)
                );
                if !about_us {
                    return all(severity, why);
                }
                // As long as one of them may come round, there is hope for the letter.
                if temporary || last.is_none() {
                    last = Some((severity, why));
                }
            }
        }
        let (severity, why) = last.unwrap_or((Severity::TryLater, ours(451, "no host to call")));
        all(severity, why)
    }

    /// One conversation with one host.
    fn call(
        &self,
        address: SocketAddr,
        reverse_path: &ReversePath,
        paths: &[ForwardPath],
        text: &Text,
    ) -> Result<Vec<(Severity, Reply)>, Failure> {
        let mut trace = (self.trace)();
        if let Some(trace) = &mut trace {
            trace.remark(&format!("calling {address}"));
        }
        let socket = connect(address, self.timeouts.greeting)
            .map_err(|error| Failure::Broken(Stage::Greeting, ReplyError::Io(error)))?;
        let mut client = Client::open(Wire::traced(socket, trace), self.own, self.timeouts)?;
        let sent = client.send(reverse_path, paths, text);
        client.quit();
        Ok(sent?
            .into_iter()
            .map(|verdict| (verdict.severity, one_line(&verdict.reply)))
            .collect())
    }

    /// Sends the bounce, if there is one to send. This comes before we write down that the
    /// recipients have failed: else a crash in between would leave the sender without a word.
    fn tell_sender(
        &mut self,
        id: &str,
        envelope: &Envelope,
        failed: &[(Mailbox, Reason)],
        text: &Text,
    ) -> io::Result<()> {
        let ReversePath::Mailbox(sender) = &envelope.reverse_path else {
            if !failed.is_empty() {
                (self.log)(&format!(
                    "{id}: a bounce that cannot be delivered; it is dropped"
                ));
            }
            return Ok(());
        };
        if failed.is_empty() {
            return Ok(());
        }
        let letter = bounce(self.own, sender, envelope.arrived, failed, text, self.clock);
        match self.store.store(&letter) {
            Ok(name) => (self.log)(&format!("{id}: bounced to <{sender}> as {name}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (self.log)(&format!("{id}: the sender <{sender}> is nobody; no bounce"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// A finding of our own, in the shape of a reply.
fn ours(code: u16, why: &str) -> Reason {
    Reason {
        host: None,
        reply: one_line(&Reply::new(code, why)),
    }
}

fn reason(target: &Target, failure: &Failure) -> Reason {
    match failure {
        Failure::Refused(_, reply) => Reason {
            host: Some(target.name.clone()),
            reply: one_line(reply),
        },
        Failure::Unfit(_) => ours(554, &format!("{}: {failure}", target.name)),
        _ => ours(451, &format!("{}: {failure}", target.name)),
    }
}

/// The same reply on one line, as an envelope keeps it.
fn one_line(reply: &Reply) -> Reply {
    Reply::new(reply.code(), &reply.text().join(" "))
}
