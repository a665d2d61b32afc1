// ANCHOR: story
//! # Addresses (chapter 4)
//!
//! An envelope carries two kinds of address: the reverse-path, where a bounce goes, and the
//! forward-paths, where the letter goes (RFC 5321 §4.1.2). Servers route by the domain; only the
//! last one may give the local part a meaning. So a local part is kept to the letter, and a domain
//! is compared without case (§2.4).
//!
//! The fields are private and parsing is the only way to make one, so no address can hold a CR, an
//! LF or anything else that the grammar forbids. Many a famous mail program was broken into through
//! an address it had not checked.
// ANCHOR_END: story

// ANCHOR: uses
mod host_name;
mod path;

pub use host_name::HostName;
pub(super) use path::split_path;
pub use path::{ForwardPath, PATH, ReversePath};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
// ANCHOR_END: uses

// ANCHOR: limits
/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART: usize = 64;
/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
pub const DOMAIN: usize = 255;

/// Longest address in octets: with its `<` and `>` it must fit into a path.
pub const ADDRESS: usize = PATH - "<>".len();
// ANCHOR_END: limits

// ANCHOR: error
/// Why something is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// There is no `@`.
    NoAt,
    /// The part before the last `@` is neither a dot-string nor a quoted-string.
    LocalPart,
    /// The part after the last `@` is neither a domain nor an address literal.
    Domain,
    /// A path is not enclosed in `<` and `>`.
    Brackets,
    /// It holds characters that are not ASCII. They need an extension, SMTPUTF8 (RFC 6531).
    NotAscii,
    /// What stands before the `:` in a path is no source route.
    Route,
    /// Something is over its limit.
    TooLong(&'static str, usize),
}
// ANCHOR_END: error

// ANCHOR: error_display
impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::NoAt => f.write_str("an address has the form local-part@domain"),
            AddressError::LocalPart => f.write_str("the part before the @ is not well formed"),
            AddressError::Domain => f.write_str("the domain is not well formed"),
            AddressError::Brackets => f.write_str("an address here stands between < and >"),
            AddressError::NotAscii => f.write_str("addresses here are ASCII (no SMTPUTF8)"),
            AddressError::Route => f.write_str("a source route has the form @one,@two:"),
            AddressError::TooLong(what, most) => write!(f, "{what} is longer than {most} octets"),
        }
    }
}

impl std::error::Error for AddressError {}
// ANCHOR_END: error_display

// ANCHOR: domain
/// A domain such as `b.example`, or an address literal such as `[192.0.2.1]` or
/// `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3). It is displayed as it was written, and compared without
/// case.
#[derive(Debug, Clone)]
pub struct Domain(String);
// ANCHOR_END: domain

// ANCHOR: literal
impl Domain {
    /// The IP address, if this is an address literal.
    pub fn literal(&self) -> Option<IpAddr> {
        let inside = self.0.strip_prefix('[')?.strip_suffix(']')?;
        match inside.split_at_checked(5) {
            Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6:") => {
                v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
            }
            _ => parse_ipv4(inside).map(IpAddr::V4),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
// ANCHOR_END: literal

// ANCHOR: ipv4
/// Four numbers. (The standard library refuses leading zeros, such as in `127.000.0.1`.)
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u8>> = text.split('.').map(parse_number).collect();
    let four: [u8; 4] = numbers?.try_into().ok()?;
    Some(Ipv4Addr::from(four))
}

/// One to three digits, 255 at most. (The standard library would take `+4` for a number.)
fn parse_number(digits: &str) -> Option<u8> {
    if digits.len() > 3 || digits.starts_with('+') {
        return None;
    }
    digits.parse().ok()
}
// ANCHOR_END: ipv4

// ANCHOR: domain_from_str
impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Domain, AddressError> {
        if text.len() > DOMAIN {
            return Err(AddressError::TooLong("the domain", DOMAIN));
        }
        let domain = Domain(text.to_string());
        let good = if text.starts_with('[') {
            domain.literal().is_some()
        } else {
            text.split('.').all(is_sub_domain)
        };
        if good {
            Ok(domain)
        } else {
            Err(AddressError::Domain)
        }
    }
}
// ANCHOR_END: domain_from_str

// ANCHOR: sub_domain
/// Letters, digits and hyphens; a hyphen neither first nor last.
fn is_sub_domain(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}
// ANCHOR_END: sub_domain

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

// ANCHOR: domain_eq
impl PartialEq for Domain {
    fn eq(&self, other: &Domain) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Domain {}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
// ANCHOR_END: domain_eq

// ANCHOR: mailbox
/// An address: `local-part@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    local_part: String,
    domain: Domain,
}
// ANCHOR_END: mailbox

// ANCHOR: mailbox_impl
impl Mailbox {
    /// The domain: this is what servers route by.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The local part as it was written, with its quotes if it has any.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The same local part at another domain.
    ///
    /// Errors: [`AddressError::TooLong`].
    pub fn at(&self, domain: &Domain) -> Result<Mailbox, AddressError> {
        format!("{}@{domain}", self.local_part).parse()
    }

    /// The name that the local part stands for: `"alice"` and `"al\ice"` are both alice.
    pub fn user(&self) -> String {
        unquote(&self.local_part).unwrap_or_else(|| self.local_part.clone())
    }
}
// ANCHOR_END: mailbox_impl

// ANCHOR: mailbox_from_str
impl FromStr for Mailbox {
    type Err = AddressError;

    /// The domain begins after the *last* `@`: a quoted local part may hold others, and a program
    /// that splits at the first sends the letter to a stranger.
    fn from_str(text: &str) -> Result<Mailbox, AddressError> {
        if !text.is_ascii() {
            return Err(AddressError::NotAscii);
        }
        let (local_part, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local_part.len() > LOCAL_PART {
            return Err(AddressError::TooLong("the part before the @", LOCAL_PART));
        }
        let domain = domain.parse()?;
        if text.len() > ADDRESS {
            return Err(AddressError::TooLong("the address", ADDRESS));
        }
        if is_dot_string(local_part) || unquote(local_part).is_some() {
            Ok(Mailbox {
                local_part: local_part.to_string(),
                domain,
            })
        } else {
            Err(AddressError::LocalPart)
        }
    }
}
// ANCHOR_END: mailbox_from_str

// ANCHOR: dot_string
fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// What an atom is made of (RFC 5322 §3.2.3).
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}
// ANCHOR_END: dot_string

// ANCHOR: unquote
/// What a quoted-string stands for; `None` if this is none.
fn unquote(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut name = String::new();
    while let Some(mut c) = chars.next() {
        if c == '"' {
            return None;
        }
        if c == '\\' {
            c = chars.next()?;
        }
        if !matches!(c, ' '..='~') {
            return None;
        }
        name.push(c);
    }
    Some(name)
}
// ANCHOR_END: unquote

// ANCHOR: mailbox_display
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}
// ANCHOR_END: mailbox_display
