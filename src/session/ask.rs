// ANCHOR: story
//! VRFY, EXPN and HELP: the commands that only ask.

use super::{Recipient, Session, Step};
use crate::protocol::address::ForwardPath;
use crate::protocol::command::Verb;
use crate::protocol::reply::REPLY_LINES;

/// The reply to RCPT and to VRFY. A capital in the wrong place is the usual reason.
pub(super) const NO_SUCH_USER: &str = "no such user here; names are compared exactly";
// ANCHOR_END: story

// ANCHOR: vrfy
impl Session<'_> {
    /// VRFY (RFC 5321 §3.5, §4.1.1.6).
    pub(super) fn vrfy(&self, name: &str) -> Step {
        let recipient = self.path_of(name).map(|path| self.host.recipient(&path));
        match recipient {
            Some(Recipient::Remote(_)) => {
                let text = "that is another domain; I cannot tell";
                Step::reply(252, text)
            }
            Some(Recipient::Local(name)) if self.host.aliases.contains_key(&name) => {
                Step::reply(252, "that is a list; EXPN shows who is on it")
            }
            Some(Recipient::Local(name)) if self.host.is_user(&name) => {
                Step::reply(250, &format!("<{name}@{}>", self.host.domain))
            }
            _ => Step::reply(550, NO_SUCH_USER),
        }
    }

    // ANCHOR_END: vrfy

    // ANCHOR: expn
    /// EXPN (RFC 5321 §3.5, §4.1.1.7).
    pub(super) fn expn(&self, name: &str) -> Step {
        let mut lines = Vec::new();
        if let Some(path) = self.path_of(name)
            && let Recipient::Local(list) = self.host.recipient(&path)
            && self.host.aliases.contains_key(&list)
        {
            for member in self.host.recipients(&[path]) {
                lines.push(match member {
                    Recipient::Local(user) => format!("<{user}@{}>", self.host.domain),
                    Recipient::Remote(mailbox) => format!("<{mailbox}>"),
                });
            }
        }
        // A list that names only itself has no members. RCPT says 550 to it too.
        if lines.is_empty() {
            return Step::reply(550, "no such list here");
        }
        // A list that is cut short would look complete.
        if lines.len() > REPLY_LINES {
            return Step::reply(252, "that list is too long for one reply");
        }
        Step::reply(250, &lines.join("\n"))
    }

    // ANCHOR_END: expn

    // ANCHOR: help
    /// The path of `alice`, `alice@a.example` or `<alice@a.example>`.
    fn path_of(&self, name: &str) -> Option<ForwardPath> {
        let inside = name.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
        let name = inside.unwrap_or(name);
        let here = format!("{name}@{}", self.host.domain);
        let mailbox = name.parse().or_else(|_| here.parse()).ok()?;
        Some(ForwardPath::Mailbox(self.resolve(mailbox)))
    }

    /// HELP (RFC 5321 §4.1.1.8).
    pub(super) fn help(&self, topic: Option<&str>) -> Step {
        let Some(topic) = topic else {
            let names: Vec<&str> = Verb::all().map(Verb::name).collect();
            let names = names.join(" ");
            let text = format!("commands: {names}\nHELP with a command explains it");
            return Step::reply(214, &text);
        };
        let Some(verb) = Verb::from_name(topic) else {
            return Step::reply(504, "no help on that; HELP lists the commands");
        };
        let (form, purpose) = verb.explain();
        Step::reply(214, &format!("{form}\n{purpose}"))
    }
}
// ANCHOR_END: help
