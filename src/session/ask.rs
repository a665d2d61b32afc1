//! VRFY, EXPN and HELP: the commands that only ask.

use super::{Recipient, Session, Step, say};
use crate::protocol::address::Mailbox;
use crate::protocol::command::Verb;

impl Session<'_> {
    /// RFC 5321 §3.5, §4.1.1.6.
    pub(super) fn vrfy(&self, name: &str) -> Step {
        match self.named(name) {
            Some(Recipient::Remote(_)) => say(252, "that is another domain; I cannot tell"),
            Some(Recipient::Local(name)) if self.host.aliases.contains_key(&name) => {
                say(252, "that is a list; EXPN shows who is on it")
            }
            Some(Recipient::Local(name)) if self.host.is_user(&name) => {
                say(250, &format!("<{name}@{}>", self.host.domain))
            }
            _ => say(550, "no such user here"),
        }
    }

    /// RFC 5321 §3.5, §4.1.1.7.
    pub(super) fn expn(&self, name: &str) -> Step {
        let members = match self.named(name) {
            Some(Recipient::Local(name)) if self.host.aliases.contains_key(&name) => {
                self.host.expand(Recipient::Local(name))
            }
            _ => Vec::new(),
        };
        // Nobody is on a list that names only itself, and RCPT says 550 to it too.
        if members.is_empty() {
            return say(550, "no such list here");
        }
        let members = members.into_iter().map(|member| match member {
            Recipient::Local(user) => format!("<{user}@{}>", self.host.domain),
            Recipient::Remote(mailbox) => format!("<{mailbox}>"),
        });
        say(250, &members.collect::<Vec<_>>().join("\n"))
    }

    /// `alice`, `alice@a.example` or `<alice@a.example>`.
    fn named(&self, name: &str) -> Option<Recipient> {
        let name = name
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .unwrap_or(name);
        let here = || format!("{name}@{}", self.host.domain).parse().ok();
        let mailbox = name.parse::<Mailbox>().ok().or_else(here)?;
        Some(self.host.recipient(&mailbox))
    }

    /// RFC 5321 §4.1.1.8.
    pub(super) fn help(&self, topic: Option<&str>) -> Step {
        let Some(topic) = topic else {
            let names: Vec<&str> = Verb::all().map(Verb::name).collect();
            return say(
                214,
                &format!(
                    "commands: {}\nHELP and a command explains it",
                    names.join(" ")
                ),
            );
        };
        match topic.parse::<Verb>() {
            Ok(verb) => say(214, &format!("{}\n{}", verb.explain().0, verb.explain().1)),
            Err(_) => say(504, "no help on that; HELP lists the commands"),
        }
    }
}
