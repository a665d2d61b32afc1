// ANCHOR: story
//! Paths: an address in angle brackets, as MAIL and RCPT carry it (RFC 5321 §4.1.2).

use super::{AddressError, Domain, Mailbox, check_length};
use std::fmt;
use std::str::FromStr;
// ANCHOR_END: story

// ANCHOR: forward_path
/// Where a letter goes: the argument of RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<Postmaster>`, in upper or lower case. Every server knows this name, and it alone
    /// needs no domain (RFC 5321 §4.5.1).
    Postmaster,
    /// `<local-part@domain>`.
    Mailbox(Mailbox),
}
// ANCHOR_END: forward_path

// ANCHOR: forward_path_from_str
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
// ANCHOR_END: forward_path_from_str

// ANCHOR: parse_path
/// Reads `<mailbox>`, or `<@one,@two:mailbox>`, which begins with a source route.
fn parse_path(path: &str) -> Result<Mailbox, AddressError> {
    check_length("the path", path, PATH)?;
    let no_brackets = AddressError::Grammar("the address must be between < and >");
    let inside = path.strip_prefix('<').ok_or(no_brackets)?;
    let inside = inside.strip_suffix('>').ok_or(no_brackets)?;
    if !inside.starts_with('@') {
        return inside.parse();
    }
    // ANCHOR_END: parse_path
    // ANCHOR: source_route
    // Checked and dropped (RFC 5321 §3.6.1, appendix C).
    let no_route = AddressError::Grammar("a source route has the form @one,@two:");
    let (route, mailbox) = inside.split_once(':').ok_or(no_route)?;
    for hop in route.split(',') {
        let domain = hop.strip_prefix('@').ok_or(no_route)?;
        domain.parse::<Domain>().map_err(|_| no_route)?;
    }
    mailbox.parse()
}
// ANCHOR_END: source_route

// ANCHOR: reverse_path
/// Where a bounce goes: the argument of MAIL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`: this letter is itself a report. If it fails, nobody is told (RFC 5321
    /// §4.5.5).
    Null,
    /// `<local-part@domain>`.
    Mailbox(Mailbox),
}
// ANCHOR_END: reverse_path

// ANCHOR: path_limit
/// Longest path in octets, with its `<`, `>` and source route (RFC 5321 §4.5.3.1.3).
pub const PATH: usize = 256;
// ANCHOR_END: path_limit

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

// ANCHOR: forward_path_display
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("<Postmaster>"),
            ForwardPath::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}
// ANCHOR_END: forward_path_display
