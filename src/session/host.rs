//! What a mail server knows of itself: its domain, its users, its lists.

use crate::protocol::address::{Domain, ForwardPath, Mailbox};
use crate::protocol::sasl::Credentials;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name that every host has to know (RFC 5321 §4.5.1).
pub const POSTMASTER: &str = "postmaster";

/// A mail server, seen from the protocol. The passwords are hidden from `{:?}`.
#[derive(Clone)]
pub struct Host {
    /// Its domain. Mail for it is delivered here, all other mail is somebody else's.
    pub domain: Domain,
    /// User names, exactly as they are compared, and their passwords.
    pub users: BTreeMap<String, String>,
    /// Lists: a name, and whom its letters go to.
    pub aliases: BTreeMap<String, Vec<Recipient>>,
    /// The longest text taken, in octets.
    pub max_size: usize,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// Whom a letter goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A user of this host, or a list that was not followed yet.
    Local(String),
    /// Somebody elsewhere.
    Remote(Mailbox),
}

impl Recipient {
    /// Two recipients with the same key are the same one: quotes do not make another user of a
    /// name, nor capitals another domain (RFC 5321 §4.1.2, §2.4).
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

impl Host {
    /// The users and the mailboxes elsewhere that get a letter for these addresses. Lists are
    /// followed to their ends. Each recipient is named once, on however many lists it is.
    pub fn recipients(&self, paths: &[ForwardPath]) -> Vec<Recipient> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        // We look at these next, the last one first.
        let mut ahead: Vec<Recipient> = paths.iter().map(|path| self.recipient(path)).collect();
        ahead.reverse();
        while let Some(next) = ahead.pop() {
            // A list may name itself, or another list that names it: we follow each name once.
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

    /// What an address means, lists not followed.
    pub fn recipient(&self, path: &ForwardPath) -> Recipient {
        match path {
            ForwardPath::Mailbox(mailbox) if *mailbox.domain() != self.domain => {
                Recipient::Remote(mailbox.clone())
            }
            ForwardPath::Mailbox(mailbox) if !mailbox.user().eq_ignore_ascii_case(POSTMASTER) => {
                Recipient::Local(mailbox.user())
            }
            _ => Recipient::Local(POSTMASTER.to_string()),
        }
    }

    /// Has this name a mailbox of its own? The postmaster always has.
    pub fn is_user(&self, name: &str) -> bool {
        self.users.contains_key(name) || name == POSTMASTER
    }

    /// Are these the name and password of a user? An unknown name takes as long as a known one.
    pub fn knows(&self, credentials: &Credentials) -> bool {
        let known = self.users.get(&credentials.user);
        let right = credentials.has_password(known.map_or("", String::as_str));
        right && known.is_some()
    }
}
