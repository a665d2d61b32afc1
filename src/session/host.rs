// ANCHOR: story
//! What a mail server knows of itself: its domain, its users, its lists.

use crate::protocol::address::{Domain, ForwardPath, Mailbox};
use crate::protocol::sasl::Credentials;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name that every host has to know (RFC 5321 §4.5.1).
pub const POSTMASTER: &str = "postmaster";
// ANCHOR_END: story

// ANCHOR: host
/// A mail server, seen from the protocol.
#[derive(Clone)]
pub struct Host {
    /// Its domain. Mail for it is delivered here. All other mail is for other hosts.
    pub domain: Domain,
    /// User names, exactly as they are compared, and their passwords.
    pub users: BTreeMap<String, String>,
    /// Lists: a name, and the recipients of its letters.
    pub aliases: BTreeMap<String, Vec<Recipient>>,
    /// The longest text that we take, in octets.
    pub max_size: usize,
}
// ANCHOR_END: host

// ANCHOR: kinds
/// One who gets a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A user of this host, or a list that was not followed yet.
    Local(String),
    /// A mailbox on another host.
    Remote(Mailbox),
}
// ANCHOR_END: kinds

// ANCHOR: recipient
impl Host {
    /// What an address means, lists not followed.
    pub fn recipient(&self, path: &ForwardPath) -> Recipient {
        match path {
            ForwardPath::Mailbox(mailbox) if *mailbox.domain() != self.domain => {
                Recipient::Remote(mailbox.clone())
            }
            ForwardPath::Mailbox(mailbox) if !is_postmaster(&mailbox.user()) => {
                Recipient::Local(mailbox.user())
            }
            _ => Recipient::Local(POSTMASTER.to_string()),
        }
    }
    // ANCHOR_END: recipient

    // ANCHOR: recipients
    /// Has this name a mailbox of its own? The postmaster always has.
    pub fn is_user(&self, name: &str) -> bool {
        self.users.contains_key(name) || name == POSTMASTER
    }

    /// The users and the mailboxes elsewhere that get a letter for these addresses. Lists
    /// are followed to their ends. A recipient on several lists is named once.
    pub fn recipients(&self, paths: &[ForwardPath]) -> Vec<Recipient> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        // We look at these next, the last one first.
        let paths = paths.iter().map(|path| self.recipient(path));
        let mut ahead: Vec<Recipient> = paths.collect();
        ahead.reverse();
        while let Some(next) = ahead.pop() {
            // A list may name itself, or a list that names it: follow each name once.
            // (A search in `found` would take much longer for a list of many members.)
            if !seen.insert(next.key()) {
                continue;
            }
            match &next {
                Recipient::Local(name) => match self.aliases.get(name) {
                    Some(members) => ahead.extend(members.iter().rev().cloned()),
                    None if self.is_user(name) => found.push(next),
                    None => {}
                },
                Recipient::Remote(_) => found.push(next),
            }
        }
        found
    }
    // ANCHOR_END: recipients

    // ANCHOR: knows
    /// Are these the name and password of a user? An unknown name takes as long as a
    /// known one.
    pub fn knows(&self, credentials: &Credentials) -> bool {
        let known = self.users.get(&credentials.user);
        let right = credentials.has_password(known.map_or("", String::as_str));
        right && known.is_some()
    }
}
// ANCHOR_END: knows

// ANCHOR: key
fn is_postmaster(name: &str) -> bool {
    name.eq_ignore_ascii_case(POSTMASTER)
}

impl Recipient {
    /// Two recipients with the same key are the same one. Quotes do not make another user
    /// of a name, and capitals do not make another domain (RFC 5321 §4.1.2, §2.4).
    fn key(&self) -> (String, String) {
        match self {
            Recipient::Local(name) => (name.clone(), String::new()),
            Recipient::Remote(mailbox) => {
                let domain = mailbox.domain().as_str().to_ascii_lowercase();
                (mailbox.user(), domain)
            }
        }
    }
}

/// Does not show the passwords.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}
// ANCHOR_END: key
