//! One pass over the queue: each letter is handed to the next hops of those who wait for it.

use super::answer::{Answer, is_about_us};
use super::bounce::bounce;
use super::{Relay, Report};
use crate::client::{Client, SendError, Stage, Verdict, connect};
use crate::next_hop::Target;
use crate::protocol::address::{ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Socket, Wire};
use crate::protocol::reply::{Severity, in_words};
use crate::queue::{Envelope, State};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

/// A letter from the queue, while it is tried.
struct Job {
    id: String,
    envelope: Envelope,
    text: Text,
}

/// The hosts to try for a domain, or why there are none.
type Hop = Result<Vec<Target>, Answer>;

/// Most silent ones that we remember: a pass takes as much memory for ten thousand letters as for
/// one.
pub const SILENT: usize = 1000;

/// One pass over the queue.
pub struct Pass<'r, 'a> {
    /// The queue, and all that goes with it.
    pub relay: &'r mut Relay<'a>,
    /// What it has come to so far.
    pub report: Report,
    /// Who was silent in this pass, and what came of the try: addresses where nobody picked up or
    /// said hello, and domains without a hop. To try again for every letter that waits for them
    /// would keep all others waiting (RFC 5321 §4.5.4.1).
    silent: HashMap<String, Answer>,
}

impl<'r, 'a> Pass<'r, 'a> {
    pub fn new(relay: &'r mut Relay<'a>) -> Pass<'r, 'a> {
        Pass {
            relay,
            report: Report::default(),
            silent: HashMap::new(),
        }
    }

    pub fn damaged(&mut self, path: &Path) {
        let is_aside = path.extension().is_some_and(|kind| kind == "damaged");
        let what = match is_aside {
            true => "damaged, set aside",
            false => "cannot be read or moved; the letter stays in the queue",
        };
        (self.relay.log)(&format!("{}: {what}", path.display()));
        self.report.damaged += 1;
    }

    pub fn try_letter(&mut self, id: &str, envelope: Envelope) -> io::Result<()> {
        let queue = self.relay.queue;
        let text = match queue.text(id) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.damaged(&queue.set_aside(id));
                return Ok(());
            }
            text => text?,
        };
        let (schedule, now) = (self.relay.schedule, self.relay.clock.now());
        let id = id.to_string();
        let mut job = Job { id, envelope, text };
        if schedule.is_due(&job.envelope, now) {
            job.envelope.next = schedule.next(now, job.envelope.tries);
            job.envelope.tries = job.envelope.tries.saturating_add(1);
            self.deliver(&mut job)?;
        }
        if schedule.is_too_old(&job.envelope, self.relay.clock.now()) {
            give_up(&mut job.envelope);
        }
        let failed = job.envelope.failed().count();
        if failed > 0 {
            // If the bounce fails, those who have the letter must not get it again, and those who
            // were refused are not asked again.
            queue.update(&job.id, &job.envelope)?;
            // First the bounce, then the note that there is no more to do: a crash between the two
            // must not leave the sender without a word.
            self.tell_sender(&job)?;
            let waits = |(_, state): &(Mailbox, State)| matches!(state, State::Waiting(_));
            job.envelope.recipients.retain(waits);
        }
        self.report.failed += failed;
        self.report.waiting += job.envelope.recipients.len();
        if job.envelope.recipients.is_empty() {
            return queue.finish(&job.id);
        }
        queue.update(&job.id, &job.envelope)
    }

    /// Hands the letter to the next hops of those who wait.
    ///
    /// Before each conversation it is written down that there is a try, and what became of those
    /// before. On a disk that is full, the same letter would go out again in every pass.
    fn deliver(&mut self, job: &mut Job) -> io::Result<()> {
        for (hop, mailboxes) in self.conversations(&job.envelope) {
            self.relay.queue.update(&job.id, &job.envelope)?;
            match hop {
                Ok(targets) => self.hand_over(targets, job, mailboxes)?,
                Err(answer) => self.note(&job.id, &mut job.envelope, mailboxes, &answer),
            }
        }
        Ok(())
    }

    /// Who is reached over the same hosts shares one conversation: a letter to ten people crosses
    /// the network once (RFC 5321 §4.5.4.1).
    fn conversations(&mut self, envelope: &Envelope) -> Vec<(Hop, Vec<Mailbox>)> {
        let mut conversations: Vec<(Hop, Vec<Mailbox>)> = Vec::new();
        for domain in envelope.waiting_domains() {
            let key = domain.as_str().to_ascii_lowercase();
            let hop = match self.silent.get(&key) {
                Some(answer) => Err(answer.clone()),
                None => (self.relay.next_hops)(&domain).map_err(Answer::no_hop),
            };
            if let Err(answer) = &hop {
                self.is_silent(key, answer);
            }
            let mailboxes = envelope.waiting_at(&domain).cloned();
            match conversations.iter_mut().find(|(known, _)| *known == hop) {
                Some((_, others)) => others.extend(mailboxes),
                None => conversations.push((hop, mailboxes.collect())),
            }
        }
        conversations
    }

    /// Tries the hosts in turn, until each recipient has an answer about the letter itself.
    fn hand_over(
        &mut self,
        targets: Vec<Target>,
        job: &mut Job,
        mut to: Vec<Mailbox>,
    ) -> io::Result<()> {
        let mut best: Option<Answer> = None;
        for Target { name, addresses } in &targets {
            for address in addresses {
                let key = address.to_string();
                let answer = match self.silent.get(&key) {
                    Some(answer) => answer.clone(),
                    None => {
                        let Some(failure) = self.call(name, *address, job, &mut to)? else {
                            return Ok(());
                        };
                        let answer = Answer::failure(name, &failure);
                        // Up to here no letter was named: it would be the same for the next one.
                        if matches!(
                            failure,
                            SendError::Broken(Stage::Greeting | Stage::Hello, _)
                        ) {
                            self.is_silent(key, &answer);
                        }
                        answer
                    }
                };
                // As long as one of them may come round, there is hope for the letter.
                if best.as_ref().is_none_or(Answer::is_refused) {
                    best = Some(answer);
                }
            }
        }
        let best = best.unwrap_or(Answer::ours(451, "no host to call"));
        self.note(&job.id, &mut job.envelope, to, &best);
        Ok(())
    }

    /// One conversation with one host. Afterwards, `to` are those whom it left without an answer
    /// about the letter; the result says why, or that there is nobody.
    fn call(
        &mut self,
        host: &HostName,
        address: SocketAddr,
        job: &mut Job,
        to: &mut Vec<Mailbox>,
    ) -> io::Result<Option<SendError>> {
        let mut client = match self.open(address) {
            Ok(client) => client,
            Err(failure) => return Ok(Some(failure)),
        };
        let Job { id, envelope, text } = job;
        let paths: Vec<_> = to.drain(..).map(ForwardPath::Mailbox).collect();
        let reverse_path = envelope.reverse_path.clone();
        let mut left = None;
        for verdicts in client.send(&reverse_path, &paths, text) {
            for Verdict { path, result } in verdicts {
                let ForwardPath::Mailbox(mailbox) = path else {
                    continue;
                };
                let answer = match result {
                    Err(failure) if is_about_us(&failure) => {
                        to.push(mailbox);
                        left = Some(failure);
                        continue;
                    }
                    Err(failure) => Answer::failure(host, &failure),
                    Ok(reply) => Answer::of(host, &reply),
                };
                self.note(id, envelope, vec![mailbox], &answer);
            }
            // A crash repeats one transaction, and not those before it. Nor does it repeat the last
            // one if the host is slow to answer QUIT.
            self.relay.queue.update(id, envelope)?;
        }
        client.quit();
        Ok(left)
    }

    fn open(&self, address: SocketAddr) -> Result<Client<Socket>, SendError> {
        let mut trace = (self.relay.trace)();
        if let Some(trace) = &mut trace {
            trace.remark(&format!("calling {address}"));
        }
        let timeouts = self.relay.timeouts;
        let socket = connect(address, timeouts.connect)
            .map_err(|error| SendError::Broken(Stage::Greeting, in_words(&error)))?;
        Client::open(Wire::traced(socket, trace), self.relay.own, timeouts)
    }

    /// Notes what became of these recipients.
    fn note(&mut self, id: &str, envelope: &mut Envelope, to: Vec<Mailbox>, answer: &Answer) {
        for mailbox in to {
            let reason = answer.reason.clone();
            (self.relay.log)(&format!("{id}: <{mailbox}>: {}", reason.reply));
            match answer.severity {
                Severity::Done => {
                    envelope.remove(&mailbox);
                    self.report.delivered += 1;
                }
                Severity::Refused => envelope.set(&mailbox, State::Failed(reason)),
                _ => envelope.set(&mailbox, State::Waiting(Some(reason))),
            }
        }
    }

    /// Remembers, for the rest of the pass, who was silent.
    fn is_silent(&mut self, key: String, answer: &Answer) {
        if self.silent.len() < SILENT {
            self.silent.insert(key, answer.clone());
        }
    }

    /// Sends the bounce.
    fn tell_sender(&mut self, job: &Job) -> io::Result<()> {
        let what = match &job.envelope.reverse_path {
            ReversePath::Null => "a bounce that cannot be delivered; it is dropped".to_string(),
            ReversePath::Mailbox(sender) => {
                let relay = &mut *self.relay;
                let letter = bounce(relay.own, sender, &job.envelope, &job.text, relay.clock);
                match relay.store.store(&letter) {
                    Ok(name) => format!("bounced to <{sender}> as {name}"),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        format!("the sender <{sender}> is nobody; no bounce")
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        (self.relay.log)(&format!("{}: {what}", job.id));
        Ok(())
    }
}

/// There is no hope for those who still wait.
fn give_up(envelope: &mut Envelope) {
    for (_, state) in &mut envelope.recipients {
        if let State::Waiting(reason) = state {
            let why = || Answer::ours(451, "its time is over").reason;
            *state = State::Failed(reason.take().unwrap_or_else(why));
        }
    }
}
