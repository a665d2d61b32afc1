//! `site.conf`: one fact a line, words divided by spaces, `#` for a comment.

use super::{MAX_SIZE, Site};
use crate::next_hop::{MAIL_PORT, Route};
use crate::protocol::address::{Domain, ForwardPath, Mailbox};
use crate::session::{Host, POSTMASTER, Recipient};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::path::Path;

/// What a new file says about all that it does not use yet.
const HINTS: &str = "\
# alias    staff alice bob           letters for staff go to alice and bob, who stand above
# route    b.example 127.0.0.1:2626  letters for b.example go there; * means all others
# resolver 127.0.0.1:53              whom to ask for MX records where no route fits
# mx-port  25                        the port of hosts found by MX
# trust    loopback                  who may send to other domains without AUTH: loopback or nobody
# auth     loopback                  where passwords are taken: loopback or anywhere
";

/// What a line may begin with, and what stands behind it.
const FORMS: [(&str, &str); 8] = [
    ("domain", "NAME"),
    ("user", "NAME PASSWORD"),
    ("alias", "NAME MEMBER..."),
    ("route", "DOMAIN HOST:PORT (or * for the domain)"),
    ("resolver", "ADDRESS:PORT, such as 127.0.0.1:53"),
    ("mx-port", "NUMBER, from 1 to 65535"),
    ("trust", "loopback, or trust nobody"),
    ("auth", "loopback, or auth anywhere"),
];

/// Why a folder is no site: one line for each thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadConf(String);

impl BadConf {
    pub(super) fn new(path: &Path, why: impl Display) -> BadConf {
        BadConf(format!("{}: {why}", path.display()))
    }
}

impl Display for BadConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadConf {}

/// What stands in the file of a new site; or all that is wrong with these words.
pub fn new_conf(domain: &str, users: &[(String, String)]) -> Result<String, BadConf> {
    let mut text = format!("# {domain}: a mail server. Its letters lie in mail/ and queue/.\n");
    text += &format!("domain {domain}\n");
    let mut site = silent(Path::new(""));
    let mut wrong = Vec::from_iter(take("domain", &[domain], &mut site).err());
    for (name, password) in users {
        text += &format!("user   {name} {password}\n");
        wrong.extend(take("user", &[name, password], &mut site).err());
        if words(password) != [password] {
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

/// Checks the whole file, from top to bottom, and tells all that is wrong with it at once.
pub fn parse(folder: &Path, file: &Path, text: &str) -> Result<Site, BadConf> {
    let mut site = silent(folder);
    let mut said = BTreeSet::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = words(line);
        if let Some((key, values)) = words.split_first()
            && let Err(why) = take_next(key, values, &mut said, &mut site)
        {
            wrong.push((number, why));
        }
    }
    if !said.contains("domain") {
        let why = "a line domain NAME is missing";
        wrong.push((text.lines().count() + 1, why.to_string()));
    }
    if wrong.is_empty() {
        return Ok(site);
    }
    let file = file.display();
    let wrong = wrong.iter().map(|(at, why)| format!("{file}:{at}: {why}"));
    Err(BadConf(wrong.collect::<Vec<_>>().join("\n")))
}

/// Takes a line, after those above it; the error says what was expected.
fn take_next<'t>(
    key: &'t str,
    values: &[&str],
    said: &mut BTreeSet<&'t str>,
    site: &mut Site,
) -> Result<(), String> {
    let is_new = said.insert(key);
    if key == "alias" && !said.contains("domain") {
        // Whether a member is one of ours depends on it.
        return Err("domain NAME must stand above an alias".to_string());
    }
    take(key, values, site)?;
    if is_new || matches!(key, "user" | "alias" | "route") {
        return Ok(());
    }
    Err(format!("{key} is said twice"))
}

/// The words of a line, without its comment.
fn words(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    words.take_while(|word| !word.starts_with('#')).collect()
}

/// A site of which nothing has been said yet.
fn silent(folder: &Path) -> Site {
    Site {
        folder: folder.to_path_buf(),
        host: Host {
            // A file that does not name it is refused in the end.
            domain: Domain::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            users: BTreeMap::new(),
            aliases: BTreeMap::new(),
            max_size: MAX_SIZE,
        },
        routes: Vec::new(),
        resolver: None,
        mx_port: MAIL_PORT,
        trust_loopback: true,
        auth_anywhere: false,
    }
}

fn take(key: &str, values: &[&str], site: &mut Site) -> Result<(), String> {
    match (key, values) {
        ("domain", [name]) => {
            let domain = name.parse().map_err(|why| format!("domain NAME: {why}"));
            site.host.domain = domain?;
        }
        ("user", [name, password]) => {
            is_free(name, &site.host)?;
            let users = &mut site.host.users;
            users.insert(name.to_string(), password.to_string());
        }
        ("alias", [name, members @ ..]) if !members.is_empty() => {
            is_free(name, &site.host)?;
            add_list(name, members, &mut site.host)?;
        }
        ("route", [domain, to]) => {
            let route = format!("{domain} {to}").parse::<Route>();
            site.routes.push(route.map_err(|why| why.to_string())?);
        }
        ("resolver", [address]) => {
            site.resolver = Some(address.parse().map_err(|_| expected(key))?);
        }
        ("mx-port", [port]) => {
            let port: NonZeroU16 = port.parse().map_err(|_| expected(key))?;
            site.mx_port = port.get();
        }
        ("trust", ["loopback"]) => site.trust_loopback = true,
        ("trust", ["nobody"]) => site.trust_loopback = false,
        ("auth", ["loopback"]) => site.auth_anywhere = false,
        ("auth", ["anywhere"]) => site.auth_anywhere = true,
        _ => return Err(expected(key)),
    }
    Ok(())
}

/// Adds a list. Its members stand above it, or are elsewhere: so no list leads back to itself. A
/// bare name is one of ours.
fn add_list(alias: &str, members: &[&str], host: &mut Host) -> Result<(), String> {
    let (mut recipients, mut unknown) = (Vec::new(), Vec::new());
    for member in members {
        let address = match member.contains('@') {
            true => member.to_string(),
            false => format!("{member}@{}", host.domain),
        };
        let mailbox = address.parse::<Mailbox>();
        let mailbox =
            mailbox.map_err(|why| format!("alias: {member} is no user and no address: {why}"))?;
        let recipient = host.recipient(&ForwardPath::Mailbox(mailbox));
        if let Recipient::Local(name) = &recipient
            && !host.is_user(name)
            && !host.aliases.contains_key(name)
        {
            unknown.push(name.clone());
        }
        recipients.push(recipient);
    }
    host.aliases.insert(alias.to_string(), recipients);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let why = format!("there is no user and no alias {unknown} above it");
        return Err(format!("alias {alias}: {why}"));
    }
    // This one is always there, and may become a list all the same.
    let postmaster = Recipient::Local(POSTMASTER.to_string());
    if alias == POSTMASTER && host.aliases.values().flatten().any(|it| *it == postmaster) {
        let why = "is on it, or on a list above it: letters would go in a circle";
        return Err(format!("alias {alias}: {POSTMASTER} {why}"));
    }
    Ok(())
}

/// May this be the name of one more user or list? It becomes a folder, and is compared with what
/// strangers write.
fn is_free(name: &str, host: &Host) -> Result<(), String> {
    if !is_name(name) {
        let rule = "letters, digits, and . - _ + within it";
        return Err(format!("{name:?} is no user name: {rule}"));
    }
    if name.eq_ignore_ascii_case(POSTMASTER) && name != POSTMASTER {
        return Err(format!("{name} is written {POSTMASTER} here"));
    }
    let mut known = host.users.keys().chain(host.aliases.keys());
    if known.any(|known| known.eq_ignore_ascii_case(name)) {
        let why = "is here already (a folder may not tell capitals apart)";
        return Err(format!("{name} {why}"));
    }
    Ok(())
}

/// May this be the name of a folder on every system?
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let within = |c: char| plain(c) || matches!(c, '.' | '-' | '_' | '+');
    name.len() <= 64
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(within)
        && !name.contains("..")
}

fn expected(key: &str) -> String {
    match FORMS.iter().find(|(known, _)| *known == key) {
        Some((_, form)) => format!("expected {key} {form}"),
        None => {
            let keys = FORMS.map(|(key, _)| key).join(", ");
            format!("{key:?} is no keyword; there are {keys}")
        }
    }
}
