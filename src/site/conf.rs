// ANCHOR: story
//! `site.conf`: one fact on each line, in words with spaces between them. `#` begins a
//! comment. The file is read once, from top to bottom.
//!
//! To add a keyword, add a row to [`KEYWORDS`], a line to [`apply`] and, if a new file is
//! to tell of it, one to [`HINTS`].
// ANCHOR_END: story

// ANCHOR: uses
use super::{MAX_SIZE, Site, User};
use crate::next_hop::{MAIL_PORT, Route};
use crate::protocol::address::{Domain, ForwardPath, Mailbox};
use crate::session::{Host, POSTMASTER, Recipient};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::path::Path;
// ANCHOR_END: uses

// ANCHOR: parse
/// Checks the whole file, from top to bottom, and tells all that is wrong with it.
pub fn parse(folder: &Path, text: &str) -> Result<Site, String> {
    let file = folder.join("site.conf");
    let mut site = empty_site(folder);
    let mut said = BTreeSet::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Err(why) = add_line(&words(line), &mut said, &mut site) {
            wrong.push(format!("{}:{number}: {why}", file.display()));
        }
    }
    // ANCHOR_END: parse

    // ANCHOR: parse_end
    if !said.contains("domain") {
        let (end, why) = (text.lines().count() + 1, "a line domain NAME is missing");
        wrong.push(format!("{}:{end}: {why}", file.display()));
    }
    match wrong.is_empty() {
        true => Ok(site),
        false => Err(wrong.join("\n")),
    }
}
// ANCHOR_END: parse_end

// ANCHOR: words
/// The words of a line, without its comment.
fn words(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    words.take_while(|word| !word.starts_with('#')).collect()
}
// ANCHOR_END: words

// ANCHOR: known
/// Adds to the site what a line says. `said` are the keywords of the lines above it.
fn add_line(
    words: &[&str],
    said: &mut BTreeSet<&'static str>,
    site: &mut Site,
) -> Result<(), String> {
    let Some((name, values)) = words.split_first() else {
        return Ok(());
    };
    let Some(keyword) = KEYWORDS.iter().find(|known| known.name == *name) else {
        let names = KEYWORDS.map(|known| known.name).join(", ");
        return Err(format!("{name:?} is not a keyword; there are {names}"));
    };
    // ANCHOR_END: known

    // ANCHOR: add_line
    let is_new = said.insert(keyword.name);
    // Without the domain, we do not know whether a member is a user of ours.
    if *name == "alias" && !said.contains("domain") {
        return Err("domain NAME must be above an alias".to_string());
    }
    apply(keyword, values, site)?;
    match is_new || keyword.many {
        true => Ok(()),
        false => Err(format!("{name} is given twice")),
    }
}
// ANCHOR_END: add_line

// ANCHOR: keyword
/// A word with which a line may begin.
struct Keyword {
    name: &'static str,
    /// What comes after it.
    form: &'static str,
    /// May it begin many lines?
    many: bool,
}
// ANCHOR_END: keyword

// ANCHOR: keywords
#[rustfmt::skip]
const KEYWORDS: [Keyword; 8] = [
    Keyword { name: "domain", form: "NAME", many: false },
    Keyword { name: "user", form: "NAME PASSWORD", many: true },
    Keyword { name: "alias", form: "NAME MEMBER...", many: true },
    Keyword { name: "route", form: "DOMAIN HOST:PORT (or * for the domain)", many: true },
    Keyword { name: "resolver", form: "ADDRESS:PORT, such as 127.0.0.1:53", many: false },
    Keyword { name: "mx-port", form: "NUMBER, from 1 to 65535", many: false },
    Keyword { name: "trust", form: "loopback, or trust nobody", many: false },
    Keyword { name: "auth", form: "loopback, or auth anywhere", many: false },
];
// ANCHOR_END: keywords

// ANCHOR: apply
/// Adds one fact to the site.
fn apply(keyword: &Keyword, values: &[&str], site: &mut Site) -> Result<(), String> {
    let expected = || format!("expected {} {}", keyword.name, keyword.form);
    let host = &mut site.host;
    match (keyword.name, values) {
        ("domain", [name]) => {
            host.domain = name.parse().map_err(|why| format!("domain NAME: {why}"))?;
        }
        ("user", [name, password]) => {
            check_name(name, host)?;
            host.users.insert(name.to_string(), password.to_string());
        }
        ("alias", [name, members @ ..]) if !members.is_empty() => {
            check_name(name, host)?;
            add_list(name, members, host)?;
        }
        // ANCHOR_END: apply

        // ANCHOR: apply_rest
        ("route", [domain, to]) => {
            let route = format!("{domain} {to}").parse::<Route>();
            site.routes.push(route.map_err(|why| why.to_string())?);
        }
        ("resolver", [address]) => {
            site.resolver = Some(address.parse().map_err(|_| expected())?);
        }
        ("mx-port", [port]) => {
            let port: NonZeroU16 = port.parse().map_err(|_| expected())?;
            site.mx_port = port.get();
        }
        ("trust", ["loopback"]) => site.trust_loopback = true,
        ("trust", ["nobody"]) => site.trust_loopback = false,
        ("auth", ["loopback"]) => site.auth_anywhere = false,
        ("auth", ["anywhere"]) => site.auth_anywhere = true,
        // ANCHOR_END: apply_rest

        // ANCHOR: expected
        _ => return Err(expected()),
    }
    Ok(())
}
// ANCHOR_END: expected

// ANCHOR: empty_site
/// A site before the first line of its file.
fn empty_site(folder: &Path) -> Site {
    Site {
        folder: folder.to_path_buf(),
        host: Host {
            // A file that does not name the domain is refused in the end.
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
// ANCHOR_END: empty_site

// ANCHOR: check_name
/// May one more user or list have this name? It becomes the name of a folder, and it is
/// compared with what strangers write.
fn check_name(name: &str, host: &Host) -> Result<(), String> {
    if !is_name(name) {
        let rule = "ASCII letters, digits, and . - _ + within it";
        return Err(format!("{name:?} is not a user name: {rule}"));
    }
    // ANCHOR_END: check_name

    // ANCHOR: check_case
    if name.eq_ignore_ascii_case(POSTMASTER) && name != POSTMASTER {
        return Err(format!("{name} is written {POSTMASTER} here"));
    }
    let mut known = host.users.keys().chain(host.aliases.keys());
    if known.any(|known| known.eq_ignore_ascii_case(name)) {
        let why = "is here already (capitals make no difference in some folders)";
        return Err(format!("{name} {why}"));
    }
    Ok(())
}
// ANCHOR_END: check_case

// ANCHOR: is_name
/// May this be the name of a folder on every system?
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    let is_inner = |c: char| is_plain(c) || matches!(c, '.' | '-' | '_' | '+');
    name.len() <= 64
        && name.starts_with(is_plain)
        && name.ends_with(is_plain)
        && name.chars().all(is_inner)
        && !name.contains("..")
}
// ANCHOR_END: is_name

// ANCHOR: members
/// Adds a list. Its members are named above it, or are elsewhere. A member without a
/// domain is at ours.
fn add_list(alias: &str, members: &[&str], host: &mut Host) -> Result<(), String> {
    let (mut recipients, mut unknown) = (Vec::new(), Vec::new());
    for member in members {
        let address = match member.contains('@') {
            true => member.to_string(),
            false => format!("{member}@{}", host.domain),
        };
        let mailbox: Mailbox = address.parse().map_err(|why| {
            format!("alias {alias}: {member} is neither a user nor an address: {why}")
        })?;
        // ANCHOR_END: members

        // ANCHOR: above_it
        let recipient = host.recipient(&ForwardPath::Mailbox(mailbox));
        if let Recipient::Local(name) = &recipient
            && !host.is_user(name)
            && !host.aliases.contains_key(name)
        {
            unknown.push(name.clone());
        }
        recipients.push(recipient);
    }
    // ANCHOR_END: above_it

    // ANCHOR: unknown
    // The lines below may name it, even if there is something wrong with it.
    host.aliases.insert(alias.to_string(), recipients);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(format!(
            "alias {alias}: there is no user and no alias {unknown} above it"
        ));
    }
    // ANCHOR_END: unknown

    // ANCHOR: circle
    // The postmaster is always known, and may become a list later.
    let postmaster = Recipient::Local(POSTMASTER.to_string());
    let mut members = host.aliases.values().flatten();
    if alias == POSTMASTER && members.any(|member| *member == postmaster) {
        let why = "is on it, or on a list above it: letters would go in a circle";
        return Err(format!("alias {alias}: {POSTMASTER} {why}"));
    }
    Ok(())
}
// ANCHOR_END: circle

// ANCHOR: hints
/// What a new file says of the keywords that it does not use, in comments.
const HINTS: &str = "\
alias    staff alice bob           letters for staff go to alice and bob (named above)
route    b.example 127.0.0.1:2626  letters for b.example go there; * means all others
resolver 127.0.0.1:53              whom to ask for MX records where no route fits
mx-port  25                        the port of hosts found by MX
trust    loopback                  who sends elsewhere without AUTH: loopback or nobody
auth     loopback                  where passwords are taken: loopback or anywhere
";
// ANCHOR_END: hints

// ANCHOR: new_conf
/// The text of `site.conf` for a new site; or all that is wrong with these words.
pub fn new_conf(domain: &str, users: &[User]) -> Result<String, String> {
    let comment = "a mail server. Its letters lie in mail/ and queue/.";
    let mut text = format!("# {domain}: {comment}\ndomain {domain}\n");
    let (mut site, mut said) = (empty_site(Path::new("")), BTreeSet::new());
    let mut wrong = Vec::new();
    wrong.extend(add_line(&["domain", domain], &mut said, &mut site).err());
    for (name, password) in users {
        text += &format!("user   {name} {password}\n");
        wrong.extend(add_line(&["user", name, password], &mut said, &mut site).err());
        if words(password) != [password] {
            let rule = "must be one word, with no # at its beginning";
            wrong.push(format!("the password of {name} {rule}"));
        }
    }
    text.extend(HINTS.lines().map(|hint| format!("# {hint}\n")));
    match wrong.is_empty() {
        true => Ok(text),
        false => Err(wrong.join("\n")),
    }
}
// ANCHOR_END: new_conf
