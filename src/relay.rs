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

mod answer;
mod bounce;
mod schedule;

use crate::client::{Client, Failure, Stage, Timeouts, Verdict, connect};
use crate::message::Clock;
use crate::next_hop::{NoHop, Target};
use crate::protocol::address::{Domain, ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use crate::protocol::reply::{ReplyError, Severity};
use crate::queue::{Envelope, Found, Queue, Reason, State};
use crate::server::Store;
use answer::{Answer, answer, is_about_us, no_hop, ours, reason};
pub use bounce::bounce;
pub use schedule::{LONGEST_WAIT, Schedule};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

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

/// How long a host may take to pick up the call. The RFC names no time; most dead hosts say nothing
/// at all, and a domain may name many of them.
const PICK_UP: Duration = Duration::from_secs(30);

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

/// A recipient for whom there is no hope, and why.
type Failed = (Mailbox, Reason);

/// A letter from the queue, while it is tried.
struct Job {
    id: String,
    envelope: Envelope,
    text: Text,
}

/// The hosts to try for a domain, or why there are none.
type Hop = Result<Vec<Target>, Answer>;

/// Who was silent in this pass, and what came of the try: addresses where nobody picked up or said
/// hello, and domains without a hop. To try again for every letter that waits for them would keep
/// all others waiting (RFC 5321 §4.5.4.1).
type Silent = HashMap<String, Answer>;

/// Most of them that we remember: a pass takes as much memory for ten thousand letters as for one.
const SILENT: usize = 1000;

impl Relay<'_> {
    /// Tries every letter whose time has come, once.
    pub fn pass(&mut self) -> io::Result<Report> {
        let now = self.clock.now();
        let mut report = Report::default();
        let mut silent = Silent::new();
        self.queue.each(|found| match found {
            Found::Letter(id, envelope) if envelope.next <= now || envelope.is_done() => {
                if let Err(error) = self.try_letter(&id, envelope, &mut silent, &mut report) {
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
        let is_aside = path.extension().is_some_and(|kind| kind == "damaged");
        let what = match is_aside {
            true => "damaged, set aside",
            false => "cannot be read or moved; the letter stays in the queue",
        };
        (self.log)(&format!("{}: {what}", path.display()));
        report.damaged += 1;
    }

    fn try_letter(
        &mut self,
        id: &str,
        envelope: Envelope,
        silent: &mut Silent,
        report: &mut Report,
    ) -> io::Result<()> {
        let text = match self.queue.text(id) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.damaged(&self.queue.set_aside(id), report);
                return Ok(());
            }
            text => text?,
        };
        let id = id.to_string();
        let mut job = Job { id, envelope, text };
        job.envelope.next = self.schedule.next(self.clock.now(), job.envelope.tries);
        job.envelope.tries = job.envelope.tries.saturating_add(1);
        let failed = self.deliver(&mut job, silent, report)?;
        if !failed.is_empty() {
            // If the bounce fails, those who have the letter must not get it again.
            self.queue.update(&job.id, &job.envelope)?;
            // First the bounce, then the note that there is no more to do: a crash between the two
            // must not leave the sender without a word.
            self.tell_sender(&job, &failed)?;
        }
        report.failed += failed.len();
        for (mailbox, reason) in failed {
            job.envelope.set(&mailbox, State::Failed(reason));
        }
        report.waiting += job.envelope.waiting().count();
        if job.envelope.is_done() {
            return self.queue.finish(&job.id);
        }
        self.queue.update(&job.id, &job.envelope)
    }

    /// Hands the letter to the next hops of those who wait. Returns those for whom there is no
    /// hope.
    ///
    /// Before each conversation it is written down that there is a try, and what became of those
    /// before. On a disk that is full, the same letter would go out again in every pass.
    fn deliver(
        &mut self,
        job: &mut Job,
        silent: &mut Silent,
        report: &mut Report,
    ) -> io::Result<Vec<Failed>> {
        let age = self.clock.now().0.saturating_sub(job.envelope.arrived.0);
        let is_too_old = age >= self.schedule.give_up.as_secs();
        let mut failed = Vec::new();
        for (hop, mailboxes) in self.conversations(&job.envelope, silent) {
            self.queue.update(&job.id, &job.envelope)?;
            let answers = self.hand_over(hop, job, &mailboxes, silent);
            let answers = answers.unwrap_or_else(|answer| vec![answer; mailboxes.len()]);
            for (mailbox, (severity, reason)) in mailboxes.into_iter().zip(answers) {
                (self.log)(&format!("{}: <{mailbox}>: {}", job.id, reason.reply));
                if severity == Severity::Done {
                    job.envelope.set(&mailbox, State::Delivered);
                    report.delivered += 1;
                } else if severity == Severity::Refused || is_too_old {
                    failed.push((mailbox, reason));
                } else {
                    job.envelope.set(&mailbox, State::Waiting(Some(reason)));
                }
            }
        }
        Ok(failed)
    }

    /// Who is reached over the same hosts shares one conversation: a letter to ten people crosses
    /// the network once (RFC 5321 §4.5.4.1).
    fn conversations(
        &mut self,
        envelope: &Envelope,
        silent: &mut Silent,
    ) -> Vec<(Hop, Vec<Mailbox>)> {
        let mut conversations: Vec<(Hop, Vec<Mailbox>)> = Vec::new();
        for domain in envelope.waiting_domains() {
            let key = domain.as_str().to_ascii_lowercase();
            let hop = match silent.get(&key) {
                Some(answer) => Err(answer.clone()),
                None => (self.next_hops)(&domain).map_err(no_hop),
            };
            if let Err(answer) = &hop {
                note(silent, key, answer);
            }
            let mailboxes = envelope.waiting_at(&domain).cloned();
            match conversations.iter_mut().find(|(known, _)| *known == hop) {
                Some((_, others)) => others.extend(mailboxes),
                None => conversations.push((hop, mailboxes.collect())),
            }
        }
        conversations
    }

    /// Tries the hosts in turn, until one has answered about the letter itself. The result is an
    /// answer for each recipient, or one for all.
    fn hand_over(
        &self,
        hop: Hop,
        job: &Job,
        to: &[Mailbox],
        silent: &mut Silent,
    ) -> Result<Vec<Answer>, Answer> {
        let targets = hop?;
        let to: Vec<_> = to.iter().cloned().map(ForwardPath::Mailbox).collect();
        let mut failures = Vec::new();
        for Target { name, addresses } in &targets {
            for address in addresses {
                let key = address.to_string();
                if let Some(answer) = silent.get(&key) {
                    failures.push(answer.clone());
                    continue;
                }
                let failure = match self.call(name, *address, job, &to) {
                    Ok(answers) => return Ok(answers),
                    Err(failure) => failure,
                };
                let answer = answer(name, &failure);
                if !is_about_us(&failure) {
                    return Err(answer);
                }
                // Up to here no letter was named, so it would be the same for the next one.
                if matches!(failure, Failure::Broken(Stage::Greeting | Stage::Hello, _)) {
                    note(silent, key, &answer);
                }
                failures.push(answer);
            }
        }
        // As long as one of them may come round, there is hope for the letter.
        let is_refused = |(severity, _): &Answer| *severity == Severity::Refused;
        let best = failures.into_iter().min_by_key(is_refused);
        Err(best.unwrap_or(ours(451, "no host to call")))
    }

    /// One conversation with one host.
    fn call(
        &self,
        host: &HostName,
        address: SocketAddr,
        job: &Job,
        to: &[ForwardPath],
    ) -> Result<Vec<Answer>, Failure> {
        let mut trace = (self.trace)();
        if let Some(trace) = &mut trace {
            trace.remark(&format!("calling {address}"));
        }
        let socket = connect(address, self.timeouts.greeting.min(PICK_UP))
            .map_err(|error| Failure::Broken(Stage::Greeting, ReplyError::Io(error)))?;
        let mut client = Client::open(Wire::traced(socket, trace), self.own, self.timeouts)?;
        let sent = client.send(&job.envelope.reverse_path, to, &job.text);
        client.quit();
        let answer = |verdict: Verdict| (verdict.severity, reason(Some(host), &verdict.reply));
        Ok(sent?.into_iter().map(answer).collect())
    }

    /// Sends the bounce.
    fn tell_sender(&mut self, job: &Job, failed: &[Failed]) -> io::Result<()> {
        let arrived = job.envelope.arrived;
        let what = match &job.envelope.reverse_path {
            ReversePath::Null => "a bounce that cannot be delivered; it is dropped".to_string(),
            ReversePath::Mailbox(sender) => {
                let letter = bounce(self.own, sender, arrived, failed, &job.text, self.clock);
                match self.store.store(&letter) {
                    Ok(name) => format!("bounced to <{sender}> as {name}"),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        format!("the sender <{sender}> is nobody; no bounce")
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        (self.log)(&format!("{}: {what}", job.id));
        Ok(())
    }
}

/// Remembers, for the rest of the pass, who was silent.
fn note(silent: &mut Silent, key: String, answer: &Answer) {
    if silent.len() < SILENT {
        silent.insert(key, answer.clone());
    }
}
