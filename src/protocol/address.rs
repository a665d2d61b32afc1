// ANCHOR: story
//! # Addresses (chapter 4)
//!
//! An envelope carries two kinds of address: the reverse-path, where a bounce goes, and
//! the forward-paths, where the letter goes (RFC 5321 §4.1.2). Servers route by the
//! domain. Only the last server may give the local part a meaning. So a local part is
//! kept exactly as written, and a domain is compared without case (§2.4).
//!
//! The fields are private, and parsing is the only way to make an address. So no address
//! can hold a CR, an LF or anything else that the grammar forbids. Attackers have broken
//! into famous mail programs through addresses that those programs had not checked.
// ANCHOR_END: story

// ANCHOR: uses
mod host_name;
mod path;

pub use host_name::HostName;
pub use path::{ForwardPath, PATH, ReversePath};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
// ANCHOR_END: uses

// ANCHOR: mailbox
/// An address: `local-part@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    local_part: String,
    domain: Domain,
}
// ANCHOR_END: mailbox

// ANCHOR: mailbox_from_str
impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Mailbox, AddressError> {
        // ANCHOR_END: mailbox_from_str
        // ANCHOR: ascii
        if !text.is_ascii() {
            return Err(AddressError::NotAscii);
        }
        // ANCHOR_END: ascii
        // ANCHOR: last_at
        let no_at = AddressError::Grammar("an address has the form local-part@domain");
        // The last: a quoted local part may hold others.
        let (local_part, domain) = text.rsplit_once('@').ok_or(no_at)?;
        check_length("the part before the @", local_part, LOCAL_PART)?;
        let domain = domain.parse()?;
        check_length("the address", text, ADDRESS)?;
        // ANCHOR_END: last_at
        // ANCHOR: well_formed
        if !is_dot_string(local_part) && unquote(local_part).is_none() {
            let why = "the part before the @ is not well formed";
            return Err(AddressError::Grammar(why));
        }
        let local_part = local_part.to_string();
        Ok(Mailbox { local_part, domain })
    }
}
// ANCHOR_END: well_formed

// ANCHOR: dot_string
/// Atoms (RFC 5322 §3.2.3) with single dots between them.
fn is_dot_string(text: &str) -> bool {
    let marks = b"!#$%&'*+-/=?^_`{|}~";
    let in_atom = |c: u8| c.is_ascii_alphanumeric() || marks.contains(&c);
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(in_atom))
}
// ANCHOR_END: dot_string

// ANCHOR: limits
/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART: usize = 64;
/// Longest address in octets: with its `<` and `>` it must fit into a path.
pub const ADDRESS: usize = PATH - "<>".len();
// ANCHOR_END: limits

// ANCHOR: domain
/// A domain such as `b.example`, or an address literal such as `[192.0.2.1]` or
/// `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3). It is kept as it was written.
#[derive(Debug, Clone, Eq)]
pub struct Domain(String);
// ANCHOR_END: domain

// ANCHOR: domain_from_str
impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Domain, AddressError> {
        check_length("the domain", text, DOMAIN)?;
        let domain = Domain(text.to_string());
        if domain.literal().is_some() || text.split('.').all(is_sub_domain) {
            Ok(domain)
        } else {
            Err(AddressError::Grammar("the domain is not well formed"))
        }
    }
}
// ANCHOR_END: domain_from_str

// ANCHOR: sub_domain
/// Only `a` to `z`, digits and hyphens; the first and the last character is not a hyphen.
fn is_sub_domain(label: &str) -> bool {
    let in_label = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let has_hyphen_at_end = label.starts_with('-') || label.ends_with('-');
    !label.is_empty() && label.bytes().all(in_label) && !has_hyphen_at_end
}
// ANCHOR_END: sub_domain

// ANCHOR: domain_limit
/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
pub const DOMAIN: usize = 255;
// ANCHOR_END: domain_limit

// ANCHOR: domain_eq
/// Domains are compared without case (RFC 5321 §2.4).
impl PartialEq for Domain {
    fn eq(&self, other: &Domain) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
// ANCHOR_END: domain_eq

// ANCHOR: mailbox_display
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}
// ANCHOR_END: mailbox_display

// ANCHOR: unquote
/// The text that a quoted-string means; `None` if this is not a quoted-string.
fn unquote(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut name = String::new();
    while let Some(first) = chars.next() {
        let c = match first {
            '"' => return None,
            '\\' => chars.next()?,
            plain => plain,
        };
        if !matches!(c, ' '..='~') {
            return None;
        }
        name.push(c);
    }
    Some(name)
}
// ANCHOR_END: unquote

// ANCHOR: user
impl Mailbox {
    /// The name of the user, without quotes: `"alice"` and `"al\ice"` both mean alice.
    pub fn user(&self) -> String {
        unquote(&self.local_part).unwrap_or_else(|| self.local_part.clone())
    }
    // ANCHOR_END: user

    // ANCHOR: mailbox_parts
    /// The domain: this is what servers route by.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The local part as it was written, with its quotes if it has any.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }
}
// ANCHOR_END: mailbox_parts

// ANCHOR: literal
impl Domain {
    /// The IP address, if this is an address literal.
    pub fn literal(&self) -> Option<IpAddr> {
        let inside = self.0.strip_prefix('[')?.strip_suffix(']')?;
        let (tag, v6) = inside.split_at_checked("IPv6:".len()).unwrap_or(("", ""));
        if tag.eq_ignore_ascii_case("IPv6:") {
            v6.parse().ok().map(IpAddr::V6)
        } else {
            // Without leading zeros, which for some programs make a number octal.
            inside.parse().ok().map(IpAddr::V4)
        }
    }
    // ANCHOR_END: literal

    // ANCHOR: domain_text
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
// ANCHOR_END: domain_text

// ANCHOR: domain_from_ip
impl From<IpAddr> for Domain {
    /// The address literal of an IP address.
    fn from(address: IpAddr) -> Domain {
        match address.to_canonical() {
            IpAddr::V4(v4) => Domain(format!("[{v4}]")),
            IpAddr::V6(v6) => Domain(format!("[IPv6:{v6}]")),
        }
    }
}
// ANCHOR_END: domain_from_ip

// ANCHOR: error
/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// Not all characters are ASCII. Others need the extension SMTPUTF8 (RFC 6531).
    NotAscii,
    /// A part of this name has more than this number of octets.
    TooLong(&'static str, usize),
    /// It breaks the grammar (RFC 5321 §4.1.2), in these words.
    Grammar(&'static str),
}

fn check_length(what: &'static str, text: &str, most: usize) -> Result<(), AddressError> {
    if text.len() > most {
        return Err(AddressError::TooLong(what, most));
    }
    Ok(())
}
// ANCHOR_END: error

// ANCHOR: error_display
impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAscii => write!(f, "addresses here are ASCII (no SMTPUTF8)"),
            Self::TooLong(what, n) => write!(f, "{what} is longer than {n} octets"),
            Self::Grammar(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AddressError {}
// ANCHOR_END: error_display
