//! `site.conf`: one fact a line, words divided by spaces, `#` for a comment.

use super::{MAX_SIZE, Site};
use crate::next_hop::{MAIL_PORT, NoRoute, Route};
use crate::protocol::address::{Domain, Mailbox};
use crate::session::{Host, POSTMASTER, Recipient};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

/// What a new file says about all that it does not use yet.
pub const HINTS: &str = "\
# alias    staff alice bob           letters for staff go to alice and bob
# route    b.example 127.0.0.1:2626  letters for b.example go there; * means all others
# resolver 127.0.0.1:53              whom to ask for MX records where no route fits
# mx-port  25                        the port of hosts found by MX
# trust    loopback                  who may send to other domains without AUTH: loopback or nobody
# auth     loopback                  where passwords are taken: loopback or anywhere
";

/// Why a folder is no site: one line for each thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadConf(String);

impl BadConf {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> BadConf {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; smtp-primer init makes a site",
            _ => "",
        };
        BadConf(format!("{}: cannot be read: {error}{hint}", file.display()))
    }

    pub(super) fn unwritable(path: &Path, error: &io::Error) -> BadConf {
        BadConf(format!("{}: cannot be written: {error}", path.display()))
    }

    pub(super) fn exists(file: &Path) -> BadConf {
        let hint = "there is a site already, and it stays as it is";
        BadConf(format!("{}: {hint}", file.display()))
    }
}

impl fmt::Display for BadConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadConf {}

/// What stands in the file of a new site; or all that is wrong with these words.
pub fn new_conf(domain: &str, users: &[(String, String)]) -> Result<String, BadConf> {
    let mut text = format!("# {domain}: a mail server. Its letters lie in mail/ and queue/.\n");
    text += &format!("domain {domain}\n");
    let mut facts = Facts::default();
    let mut wrong = Vec::from_iter(facts.add("domain", &[domain]).err());
    for (name, password) in users {
        text += &format!("user   {name} {password}\n");
        wrong.extend(facts.add("user", &[name, password]).err());
        if password.is_empty()
            || password.starts_with('#')
            || password.contains(char::is_whitespace)
        {
            let rule = "must be one word, with no # at its beginning";
            wrong.push(format!("the password of {name} {rule}"));
        }
    }
    if wrong.is_empty() {
        Ok(text + HINTS)
    } else {
        Err(BadConf(wrong.join("\n")))
    }
}

/// Checks the whole file, and tells all that is wrong with it at once.
pub fn parse(folder: &Path, file: &Path, text: &str) -> Result<Site, BadConf> {
    let mut facts = Facts::default();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        facts.line = number;
        let words = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'));
        let words: Vec<&str> = words.collect();
        if let [key, values @ ..] = words.as_slice()
            && let Err(expected) = facts.add(key, values)
        {
            wrong.push((number, expected));
        }
    }
    wrong.extend(facts.check());
    wrong.sort_by_key(|(number, _)| *number);
    match facts.domain {
        Some(domain) if wrong.is_empty() => Ok(Site {
            folder: folder.to_path_buf(),
            host: Host {
                domain,
                users: facts.users,
                aliases: facts.aliases,
                max_size: MAX_SIZE,
            },
            routes: facts.routes,
            resolver: facts.resolver,
            mx_port: facts.mx_port.unwrap_or(MAIL_PORT),
            trust_loopback: facts.trust != Some(false),
            auth_anywhere: facts.auth == Some(true),
        }),
        _ => {
            let file = file.display();
            let lines = wrong
                .iter()
                .map(|(line, why)| format!("{file}:{line}: {why}"));
            Err(BadConf(lines.collect::<Vec<_>>().join("\n")))
        }
    }
}

#[derive(Default)]
struct Facts {
    /// The line at hand.
    line: usize,
    /// A line says what the domain is, well or badly.
    domain_said: bool,
    domain: Option<Domain>,
    users: BTreeMap<String, String>,
    aliases: BTreeMap<String, Vec<Recipient>>,
    /// The lines of the aliases.
    lines: BTreeMap<String, usize>,
    routes: Vec<Route>,
    resolver: Option<std::net::SocketAddr>,
    mx_port: Option<u16>,
    trust: Option<bool>,
    auth: Option<bool>,
}

impl Facts {
    /// Takes one line; the error says what was expected.
    fn add(&mut self, key: &str, values: &[&str]) -> Result<(), String> {
        self.domain_said |= key == "domain";
        match (key, values) {
            ("domain", [domain]) => {
                let domain = domain
                    .parse()
                    .map_err(|why| format!("domain NAME: {why}"))?;
                once(&mut self.domain, domain, key)
            }
            ("user", [name, password]) => {
                self.is_free(name)?;
                self.users.insert(name.to_string(), password.to_string());
                Ok(())
            }
            ("alias", [name, members @ ..]) if !members.is_empty() => {
                self.is_free(name)?;
                let members = members
                    .iter()
                    .map(|member| match member.parse::<Mailbox>() {
                        Ok(mailbox) => Ok(Recipient::Remote(mailbox)),
                        Err(_) if is_name(member) => Ok(Recipient::Local(member.to_string())),
                        Err(why) => {
                            Err(format!("alias: {member} is no user and no address: {why}"))
                        }
                    });
                self.aliases
                    .insert(name.to_string(), members.collect::<Result<_, _>>()?);
                self.lines.insert(name.to_string(), self.line);
                Ok(())
            }
            ("route", [domain, to]) => {
                let route = format!("{domain} {to}").parse();
                self.routes
                    .push(route.map_err(|why: NoRoute| why.to_string())?);
                Ok(())
            }
            ("resolver", [address]) => {
                let expected = |why| format!("resolver ADDRESS:PORT, such as 127.0.0.1:53: {why}");
                once(&mut self.resolver, address.parse().map_err(expected)?, key)
            }
            ("mx-port", [port]) => {
                let port = port.parse().ok().filter(|port| *port > 0);
                once(
                    &mut self.mx_port,
                    port.ok_or("mx-port NUMBER, from 1 to 65535")?,
                    key,
                )
            }
            ("trust", ["loopback"]) => once(&mut self.trust, true, key),
            ("trust", ["nobody"]) => once(&mut self.trust, false, key),
            ("auth", ["loopback"]) => once(&mut self.auth, false, key),
            ("auth", ["anywhere"]) => once(&mut self.auth, true, key),
            _ => Err(expected(key)),
        }
    }

    /// A name becomes a folder, and is compared with what strangers write.
    fn is_free(&self, name: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!(
                "{name:?} is no user name: letters, digits, and . - _ + within it"
            ));
        }
        if name.eq_ignore_ascii_case(POSTMASTER) && name != POSTMASTER {
            return Err(format!("{name} is written {POSTMASTER} here"));
        }
        let clash = |known: &String| known.eq_ignore_ascii_case(name);
        if self.users.keys().chain(self.aliases.keys()).any(clash) {
            return Err(format!(
                "{name} is here already (a folder may not tell capitals apart)"
            ));
        }
        Ok(())
    }

    /// What no single line can show: its number, and why it is wrong.
    fn check(&mut self) -> Vec<(usize, String)> {
        let mut wrong = Vec::new();
        if !self.domain_said {
            wrong.push((self.line + 1, "a line domain NAME is missing".to_string()));
        }
        let names = self.users.keys().chain(self.aliases.keys());
        let names: Vec<String> = names.cloned().chain([POSTMASTER.to_string()]).collect();
        for (alias, members) in &mut self.aliases {
            for member in members {
                if let Recipient::Remote(mailbox) = member
                    && Some(mailbox.domain()) == self.domain.as_ref()
                {
                    *member = Recipient::Local(mailbox.user());
                }
                let Recipient::Local(name) = member else {
                    continue;
                };
                if name.eq_ignore_ascii_case(POSTMASTER) {
                    *name = POSTMASTER.to_string();
                }
                if !names.contains(name) {
                    let line = self.lines.get(alias).copied().unwrap_or_default();
                    let why = format!("alias {alias}: there is no user and no alias {name}");
                    wrong.push((line, why));
                }
            }
        }
        wrong
    }
}

fn once<T>(fact: &mut Option<T>, value: T, key: &str) -> Result<(), String> {
    if fact.replace(value).is_some() {
        Err(format!("{key} is said twice"))
    } else {
        Ok(())
    }
}

/// May this be the name of a user, and of a folder on every system?
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    name.len() <= 64
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name
            .chars()
            .all(|c| plain(c) || matches!(c, '.' | '-' | '_' | '+'))
        && !name.contains("..")
}

fn expected(key: &str) -> String {
    let form = match key {
        "domain" => "domain NAME",
        "user" => "user NAME PASSWORD",
        "alias" => "alias NAME MEMBER...",
        "route" => "route DOMAIN HOST:PORT (or * for the domain)",
        "resolver" => "resolver ADDRESS:PORT",
        "mx-port" => "mx-port NUMBER",
        "trust" => "trust loopback, or trust nobody",
        "auth" => "auth loopback, or auth anywhere",
        _ => {
            return format!(
                "{key:?} is no keyword; there are domain, user, alias, route, resolver, mx-port, \
                 trust and auth"
            );
        }
    };
    format!("expected {form}")
}
