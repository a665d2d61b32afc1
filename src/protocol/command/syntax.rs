// ANCHOR: story
//! Mistakes: what is wrong with a line, the reply code for it, and the words.

use super::Verb;
use crate::protocol::address::AddressError;
use std::fmt;
// ANCHOR_END: story

// ANCHOR: syntax
/// Why a line is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syntax {
    /// It does not begin with a verb that we know.
    Unknown,
    /// It is not SMTP, and the lines after it are not SMTP either: see [`is_foreign`].
    Foreign,
    /// It is over the limit for its verb, which is this number of octets.
    TooLong(usize),
    /// The argument is missing, not allowed, or not well formed.
    Arguments(Verb),
    /// The argument holds something that is not an address.
    Address(Verb, AddressError),
    /// MAIL or RCPT has a parameter, or a value of one, that we do not know.
    Parameter,
}
// ANCHOR_END: syntax

// ANCHOR: code
impl Syntax {
    /// The reply code for this mistake (RFC 5321 §4.2.2; for addresses, RFC 6531 §3.5).
    pub fn code(&self) -> u16 {
        match self {
            Syntax::Foreign => 421,
            Syntax::Unknown | Syntax::TooLong(_) => 500,
            Syntax::Address(Verb::Mail, AddressError::NotAscii) => 550,
            Syntax::Address(_, AddressError::NotAscii) => 553,
            Syntax::Arguments(_) | Syntax::Address(..) => 501,
            Syntax::Parameter => 555,
        }
    }
}
// ANCHOR_END: code

// ANCHOR: syntax_display
impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Syntax::Unknown => write!(f, "no such command; HELP lists the commands"),
            Syntax::Foreign => write!(f, "this is SMTP, and that line is not; closing"),
            Syntax::TooLong(n) => write!(f, "line too long; the limit is {n} octets with CR LF"),
            Syntax::Arguments(verb) => write!(f, "the form is {}", verb.explain().0),
            Syntax::Address(_, why @ AddressError::NotAscii) => write!(f, "{why}"),
            Syntax::Address(verb, why) => write!(f, "{why}; {}", Syntax::Arguments(*verb)),
            Syntax::Parameter => write!(f, "a parameter is not known here"),
        }
    }
}
// ANCHOR_END: syntax_display

// ANCHOR: foreign
/// The verbs of HTTP (RFC 9110 §9.3, RFC 5789).
const FOREIGN: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Is this a request of HTTP, or a line of a header? Ask only about a line that is not
/// a command.
pub fn is_foreign(line: &str) -> bool {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is_verb = FOREIGN.iter().any(|verb| verb.eq_ignore_ascii_case(word));
    let is_field = word.contains(':') && !word.contains('<');
    is_verb || is_field || rest.contains("HTTP/")
}
// ANCHOR_END: foreign
