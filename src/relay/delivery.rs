// ANCHOR: story
//! The way of one letter to its next hops, in five levels. [`Pass::hand_over`] is for all
//! next hops of the letter, `try_hosts` for the hosts of one of them, `try_address` for
//! one address, `call` for one conversation, and `record` for one answer.
// ANCHOR_END: story

// ANCHOR: uses
use super::outcome::{Outcome, is_about_the_host};
use super::pass::{Job, Pass, UNREACHABLE};
use crate::client::{Client, RECIPIENTS_AT_ONCE, SendError, Stage, Verdict, connect};
use crate::next_hop::Target;
use crate::protocol::address::{Domain, ForwardPath, HostName, Mailbox};
use crate::protocol::line::{Socket, Wire};
use crate::protocol::reply::Severity;
use crate::queue::{Envelope, Progress};
use std::io;
use std::net::SocketAddr;
// ANCHOR_END: uses

// ANCHOR: hand_over
impl Pass<'_, '_> {
    /// Hands the letter to the next hops of all who wait. Before each conversation the
    /// envelope is written: if the disk is full, we call nobody.
    pub fn hand_over(&mut self, job: &mut Job) -> io::Result<()> {
        for (targets, to) in self.next_hops(job) {
            self.relay.queue.update(&job.id, &job.envelope)?;
            self.try_hosts(&targets, job, to)?;
        }
        Ok(())
    }
    // ANCHOR_END: hand_over

    // ANCHOR: next_hops
    /// The next hops, and who is reached by each. Domains with the same hosts share a
    /// conversation (RFC 5321 §4.5.4.1).
    fn next_hops(&mut self, job: &mut Job) -> Vec<(Vec<Target>, Vec<Mailbox>)> {
        let mut hops: Vec<(Vec<Target>, Vec<Mailbox>)> = Vec::new();
        let mut waiting: Vec<Mailbox> = job.envelope.waiting().cloned().collect();
        while let Some(first) = waiting.first() {
            let domain = first.domain().clone();
            let is_there = |mailbox: &Mailbox| *mailbox.domain() == domain;
            let (to, others) = waiting.into_iter().partition(is_there);
            waiting = others;
            match self.targets(&domain) {
                Err(outcome) => self.record(&job.id, &mut job.envelope, &to, &outcome),
                Ok(targets) => {
                    let mut known = hops.iter_mut();
                    match known.find(|(hosts, _)| *hosts == targets) {
                        Some((_, others)) => others.extend(to),
                        None => hops.push((targets, to)),
                    }
                }
            }
        }
        hops
    }
    // ANCHOR_END: next_hops

    // ANCHOR: try_hosts
    /// Tries the addresses of the hosts in turn, until each recipient has an answer.
    fn try_hosts(
        &mut self,
        targets: &[Target],
        job: &mut Job,
        mut to: Vec<Mailbox>,
    ) -> io::Result<()> {
        // ANCHOR_END: try_hosts

        // ANCHOR: best
        let mut best: Option<Outcome> = None;
        for Target { name, addresses } in targets {
            for address in addresses {
                let Some(outcome) = self.try_address(name, *address, job, &mut to)? else {
                    return Ok(());
                };
                if !matches!(&best, Some(best) if best.severity == Severity::TryLater) {
                    best = Some(outcome);
                }
            }
        }
        let best = best.unwrap_or(Outcome::own(451, "no host to call"));
        self.record(&job.id, &mut job.envelope, &to, &best);
        Ok(())
    }
    // ANCHOR_END: best

    // ANCHOR: call
    /// One conversation. Afterwards `to` are those without an answer about the letter.
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
        // ANCHOR_END: call

        // ANCHOR: verdicts
        let Job { id, envelope, text } = job;
        let paths: Vec<_> = to.drain(..).map(ForwardPath::Mailbox).collect();
        let reverse_path = envelope.reverse_path.clone();
        let mut why = None;
        for verdicts in client.send(&reverse_path, &paths, text) {
            for Verdict { path, result } in verdicts {
                let ForwardPath::Mailbox(mailbox) = path else {
                    continue;
                };
                match result {
                    Err(failure) if is_about_the_host(&failure) => {
                        to.push(mailbox);
                        why = Some(failure);
                    }
                    result => {
                        let outcome = Outcome::of(host, &result);
                        self.record(id, envelope, &[mailbox], &outcome);
                    }
                }
            }
            // ANCHOR_END: verdicts

            // ANCHOR: written
            // So a crash repeats at most one transaction. If the host is slow to answer
            // QUIT, a crash then repeats none.
            self.relay.queue.update(id, envelope)?;
        }
        client.quit();
        Ok(why)
    }
    // ANCHOR_END: written

    // ANCHOR: record
    /// Records in the envelope what came of the try for these recipients.
    fn record(&mut self, id: &str, all: &mut Envelope, to: &[Mailbox], came: &Outcome) {
        for mailbox in to {
            let reason = came.reason.clone();
            (self.relay.log)(&format!("{id}: <{mailbox}>: {}", reason.reply));
            match came.severity {
                Severity::Done => {
                    all.remove(mailbox);
                    self.report.delivered += 1;
                }
                Severity::Refused => all.set(mailbox, Progress::Failed(reason)),
                _ => all.set(mailbox, Progress::Waiting(Some(reason))),
            }
        }
    }
    // ANCHOR_END: record

    // ANCHOR: try_address
    /// Tries one address. Afterwards `to` are those without an answer about the letter,
    /// and the outcome says why; `None` if nobody is left.
    fn try_address(
        &mut self,
        host: &HostName,
        address: SocketAddr,
        job: &mut Job,
        to: &mut Vec<Mailbox>,
    ) -> io::Result<Option<Outcome>> {
        // ANCHOR_END: try_address

        // ANCHOR: room
        let mut room = to.len();
        while !to.is_empty() {
            let rest = to.split_off(room.min(to.len()));
            let failure = self.call(host, address, job, to)?;
            let left = to.len();
            to.extend(rest);
            match failure {
                None => {}
                Some(failure) if left > 1 && stopped_at_rcpt(&failure) => {
                    room = left.min(RECIPIENTS_AT_ONCE) / 2;
                }
                Some(failure) => return Ok(Some(Outcome::of(host, &Err(failure)))),
            }
        }
        Ok(None)
    }
    // ANCHOR_END: room

    // ANCHOR: open
    /// Calls a host, unless it could not be reached before.
    fn open(&mut self, address: SocketAddr) -> Result<Client<Socket>, SendError> {
        if let Some(failure) = self.unreachable_hosts.get(&address) {
            return Err(failure.clone());
        }
        let mut trace = (self.relay.trace)();
        if let Some(trace) = &mut trace {
            trace.remark(&format!("calling {address}"));
        }
        let timeouts = self.relay.timeouts;
        let client = match connect(address, timeouts.of(Stage::Connect)) {
            Ok(socket) => {
                let wire = Wire::traced(socket, trace);
                Client::open(wire, self.relay.own, timeouts)
            }
            Err(error) => Err(SendError::broken(Stage::Connect, error)),
        };
        if let Err(failure @ SendError::Broken(..)) = &client
            && self.unreachable_hosts.len() < UNREACHABLE
        {
            self.unreachable_hosts.insert(address, failure.clone());
        }
        client
    }
    // ANCHOR_END: open

    // ANCHOR: targets
    /// The hosts to try for a domain, unless we have found before that there are none.
    fn targets(&mut self, domain: &Domain) -> Result<Vec<Target>, Outcome> {
        let key = domain.as_str().to_ascii_lowercase();
        if let Some(outcome) = self.unreachable_domains.get(&key) {
            return Err(outcome.clone());
        }
        let found = (self.relay.next_hops)(domain).map_err(Outcome::no_hop);
        if let Err(outcome) = &found
            && self.unreachable_domains.len() < UNREACHABLE
        {
            self.unreachable_domains.insert(key, outcome.clone());
        }
        found
    }
}

fn stopped_at_rcpt(failure: &SendError) -> bool {
    let (SendError::Refused(stage, _) | SendError::Broken(stage, _)) = failure else {
        return false;
    };
    *stage == Stage::Rcpt
}
// ANCHOR_END: targets
