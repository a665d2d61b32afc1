// ANCHOR: story
//! Paths: an address in angle brackets, as MAIL and RCPT carry it (RFC 5321 §4.1.2).

use super::{AddressError, Domain, Mailbox};
use std::fmt;
use std::str::FromStr;

/// Longest path in octets, with its `<`, `>` and source route (RFC 5321 §4.5.3.1.3).
pub const PATH: usize = 256;
// ANCHOR_END: story

// ANCHOR: reverse_path
/// Where a bounce goes: the argument of MAIL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`: this letter is itself a report, and nobody is to be told if it fails (RFC 5321
    /// §4.5.5).
    Null,
    /// `<local-part@domain>`.
    Mailbox(Mailbox),
}
// ANCHOR_END: reverse_path

// ANCHOR: reverse_path_text
impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ReversePath, AddressError> {
        match text {
            "<>" => Ok(ReversePath::Null),
            path => parse_path(path).map(ReversePath::Mailbox),
        }
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}
// ANCHOR_END: reverse_path_text

// ANCHOR: forward_path
/// Where a letter goes: the argument of RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<Postmaster>`: the one name that needs no domain and is known everywhere, in any case of
    /// letters (RFC 5321 §4.5.1).
    Postmaster,
    /// `<local-part@domain>`.
    Mailbox(Mailbox),
}
// ANCHOR_END: forward_path

// ANCHOR: forward_path_text
impl FromStr for ForwardPath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ForwardPath, AddressError> {
        if text.eq_ignore_ascii_case("<Postmaster>") {
            Ok(ForwardPath::Postmaster)
        } else {
            parse_path(text).map(ForwardPath::Mailbox)
        }
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("<Postmaster>"),
            ForwardPath::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}
// ANCHOR_END: forward_path_text

// ANCHOR: parse_path
/// `<mailbox>`, or `<@one,@two:mailbox>`: a source route, from the days when a sender chose
/// the way. It is checked and dropped (RFC 5321 §3.6.1, appendix C).
fn parse_path(path: &str) -> Result<Mailbox, AddressError> {
    if path.len() > PATH {
        return Err(AddressError::TooLong("the path", PATH));
    }
    let inside = path
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let inside = inside.ok_or(AddressError::Brackets)?;
    if !inside.is_ascii() {
        return Err(AddressError::NotAscii);
    }
    if !inside.starts_with('@') {
        return inside.parse();
    }
    let (route, mailbox) = inside.split_once(':').ok_or(AddressError::Route)?;
    for hop in route.split(',') {
        let domain = hop.strip_prefix('@').ok_or(AddressError::Route)?;
        domain.parse::<Domain>().map_err(|_| AddressError::Route)?;
    }
    mailbox.parse()
}
// ANCHOR_END: parse_path

// ANCHOR: split_path
/// Splits `<path> rest` after the `>` that ends the path: one within quotes does not.
pub fn split_path(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return text.split_at_checked(at + 1),
            _ => {}
        }
    }
    None
}
// ANCHOR_END: split_path
