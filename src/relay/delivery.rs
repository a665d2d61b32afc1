//! The way of one letter to its next hops, in five levels. [`Pass::hand_over`] is for all
//! next hops of the letter, `try_hosts` for the hosts of one of them, `try_address` for
//! one address, `call` for one conversation, and `record` for one answer.

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

impl Pass<'_, '_> {
    /// Hands the letter to the next hops of all who wait.
    ///
    /// Before each conversation we write down that there is a try, and what came of those
    /// before. If the disk is full, this fails, and we call nobody. Without this rule,
    /// the same letter would go out again in every pass.
    pub fn hand_over(&mut self, job: &mut Job) -> io::Result<()> {
        for (targets, to) in self.next_hops(job) {
            self.relay.queue.update(&job.id, &job.envelope)?;
            self.try_hosts(&targets, job, to)?;
        }
        Ok(())
    }

    /// The next hops, and who is reached by each. Domains with the same hosts share a
    /// conversation: a letter to ten people crosses the network once (RFC 5321 §4.5.4.1).
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
                Ok(targets) => match hops.iter_mut().find(|(known, _)| *known == targets) {
                    Some((_, others)) => others.extend(to),
                    None => hops.push((targets, to)),
                },
            }
        }
        hops
    }

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

    /// Tries the addresses of the hosts in turn, until each recipient has an answer about
    /// the letter itself. Those without such an answer get the outcome of a host that may
    /// take the letter later, if there is one; otherwise the last outcome.
    fn try_hosts(
        &mut self,
        targets: &[Target],
        job: &mut Job,
        mut to: Vec<Mailbox>,
    ) -> io::Result<()> {
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

    /// Tries one address. Afterwards `to` are those who got no answer about the letter,
    /// and the outcome says why; `None` if nobody is left.
    ///
    /// Some hosts close the connection after a certain number of RCPT, and then no
    /// recipient gets the letter. We call again, and name half as many. So each call has
    /// fewer to name, or there are fewer left.
    fn try_address(
        &mut self,
        host: &HostName,
        address: SocketAddr,
        job: &mut Job,
        to: &mut Vec<Mailbox>,
    ) -> io::Result<Option<Outcome>> {
        let mut room = to.len();
        while !to.is_empty() {
            let rest = to.split_off(room.min(to.len()));
            let failure = self.call(host, address, job, to)?;
            let left = to.len();
            to.extend(rest);
            match failure {
                None => {}
                Some(SendError::Refused(Stage::Rcpt, _) | SendError::Broken(Stage::Rcpt, _))
                    if left > 1 =>
                {
                    room = left.min(RECIPIENTS_AT_ONCE) / 2;
                }
                Some(failure) => return Ok(Some(Outcome::of(host, &Err(failure)))),
            }
        }
        Ok(None)
    }

    /// One conversation. Afterwards `to` are those who got no answer about the letter,
    /// and the failure says why.
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
                    result => self.record(id, envelope, &[mailbox], &Outcome::of(host, &result)),
                }
            }
            // So a crash repeats at most one transaction. If the host is slow to answer
            // QUIT, a crash then repeats none.
            self.relay.queue.update(id, envelope)?;
        }
        client.quit();
        Ok(why)
    }

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
            Ok(socket) => Client::open(Wire::traced(socket, trace), self.relay.own, timeouts),
            Err(error) => Err(SendError::broken(Stage::Connect, error)),
        };
        if let Err(failure @ SendError::Broken(..)) = &client
            && self.unreachable_hosts.len() < UNREACHABLE
        {
            self.unreachable_hosts.insert(address, failure.clone());
        }
        client
    }

    /// Records in the envelope what came of the try for these recipients.
    fn record(&mut self, id: &str, envelope: &mut Envelope, to: &[Mailbox], outcome: &Outcome) {
        for mailbox in to {
            let reason = outcome.reason.clone();
            (self.relay.log)(&format!("{id}: <{mailbox}>: {}", reason.reply));
            match outcome.severity {
                Severity::Done => {
                    envelope.remove(mailbox);
                    self.report.delivered += 1;
                }
                Severity::Refused => envelope.set(mailbox, Progress::Failed(reason)),
                _ => envelope.set(mailbox, Progress::Waiting(Some(reason))),
            }
        }
    }
}
