//! VRFY, EXPN and HELP: the commands that only ask.

use super::{NO_SUCH_USER, Recipient, Session};
use crate::protocol::address::ForwardPath;
use crate::protocol::command::Verb;
use crate::protocol::reply::{REPLY_LINES, Reply};

impl Session<'_> {
    /// RFC 5321 §3.5, §4.1.1.6.
    pub(super) fn vrfy(&self, name: &str) -> Reply {
        match self.named(name) {
            Some(Recipient::Remote(_)) => Reply::new(252, "that is another domain; I cannot tell"),
            Some(Recipient::Local(name)) if self.host.aliases.contains_key(&name) => {
                Reply::new(252, "that is a list; EXPN shows who is on it")
            }
            Some(Recipient::Local(name)) if self.host.is_user(&name) => {
                Reply::new(250, &format!("<{name}@{}>", self.host.domain))
            }
            _ => Reply::new(550, NO_SUCH_USER),
        }
    }

    /// RFC 5321 §3.5, §4.1.1.7.
    pub(super) fn expn(&self, name: &str) -> Reply {
        let members = match self.named(name) {
            Some(Recipient::Local(name)) if self.host.aliases.contains_key(&name) => {
                self.host.expand(vec![Recipient::Local(name)])
            }
            _ => Vec::new(),
        };
        // Nobody is on a list that names only itself, and RCPT says 550 to it too.
        if members.is_empty() {
            return Reply::new(550, "no such list here");
        }
        // Half a list would pass for the whole.
        if members.len() > REPLY_LINES {
            return Reply::new(252, "that list is too long for one reply");
        }
        let line = |member: &Recipient| match member {
            Recipient::Local(user) => format!("<{user}@{}>", self.host.domain),
            Recipient::Remote(mailbox) => format!("<{mailbox}>"),
        };
        let lines: Vec<String> = members.iter().map(line).collect();
        Reply::new(250, &lines.join("\n"))
    }

    /// `alice`, `alice@a.example` or `<alice@a.example>`.
    fn named(&self, name: &str) -> Option<Recipient> {
        let inside = name.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
        let name = inside.unwrap_or(name);
        let here = format!("{name}@{}", self.host.domain);
        let mailbox = name.parse().or_else(|_| here.parse()).ok()?;
        let path = ForwardPath::Mailbox(self.resolve(mailbox));
        Some(self.host.recipient(&path))
    }

    /// RFC 5321 §4.1.1.8.
    pub(super) fn help(&self, topic: Option<&str>) -> Reply {
        let Some(topic) = topic else {
            let names: Vec<&str> = Verb::all().map(Verb::name).collect();
            let names = names.join(" ");
            let text = format!("commands: {names}\nHELP and a command explains it");
            return Reply::new(214, &text);
        };
        let Some(verb) = Verb::from_name(topic) else {
            return Reply::new(504, "no help on that; HELP lists the commands");
        };
        let (form, purpose) = verb.explain();
        Reply::new(214, &format!("{form}\n{purpose}"))
    }
}
