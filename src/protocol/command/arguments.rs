// ANCHOR: story
//! Arguments, which follow the verb: paths, the parameters that the extensions of SMTP
//! have brought (RFC 5321 §4.1.2, esmtp-param), and text.

use super::{Syntax, Verb};
use crate::protocol::address::AddressError;
use std::fmt;
use std::str::FromStr;
// ANCHOR_END: story

// ANCHOR: path_and_parameters
/// Reads a path and what follows it: `FROM:<path> parameters`, or the same with `TO:`.
pub(super) fn path_and_parameters<P: FromStr<Err = AddressError>>(
    verb: Verb,
    word: &str,
    argument: &str,
) -> Result<(P, MailParameters), Syntax> {
    let rest = match argument.split_at_checked(word.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(word) => rest.trim_ascii_start(),
        _ => return Err(Syntax::Arguments(verb)),
    };
    // A path without an end goes to its parser, which will say what is wrong.
    let (path, rest) = split_path(rest).unwrap_or((rest, ""));
    let path = path.parse().map_err(|why| Syntax::Address(verb, why))?;
    Ok((path, mail_parameters(verb, rest)?))
}
// ANCHOR_END: path_and_parameters

// ANCHOR: split_path
/// Splits `<path> rest` after the `>` that ends the path.
fn split_path(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return text.split_at_checked(at + 1),
            _ => {}
        }
    }
    None
}
// ANCHOR_END: split_path

// ANCHOR: mail_parameters
/// What may follow the path of MAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailParameters {
    /// `SIZE=`: the size of the text in octets, as the client counts it (RFC 1870 §3).
    pub size: Option<u64>,
    /// `BODY=8BITMIME`: the text may have octets over 127 (RFC 6152 §2). Without it, or
    /// with `BODY=7BIT`, the text is ASCII.
    pub is_eight_bit: bool,
    /// `AUTH=` was there: it says who submitted the letter first (RFC 4954 §5). We do not
    /// believe it, so it is always displayed as `<>`, which means "somebody".
    pub has_auth: bool,
}
// ANCHOR_END: mail_parameters

// ANCHOR: read_parameters
/// Reads a list in which one space comes before each parameter.
fn mail_parameters(verb: Verb, list: &str) -> Result<MailParameters, Syntax> {
    let list = list.to_ascii_uppercase();
    let mut words = list.split(' ');
    let is_printable = list.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    // A word before the first space would be a part of the path.
    if !is_printable || words.next() != Some("") {
        return Err(Syntax::Arguments(verb));
    }
    // ANCHOR_END: read_parameters

    // ANCHOR: each_parameter
    let mut parameters = MailParameters::default();
    let mut seen = Vec::new();
    for word in words {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        // ANCHOR_END: each_parameter

        // ANCHOR: twice
        if seen.contains(&keyword) {
            return Err(Syntax::Arguments(verb));
        }
        seen.push(keyword);
        // ANCHOR_END: twice

        // ANCHOR: known_parameters
        match (keyword, value) {
            _ if verb != Verb::Mail => return Err(Syntax::Parameter),
            ("" | "SIZE" | "BODY" | "AUTH", "") => return Err(Syntax::Arguments(verb)),
            ("SIZE", n) => parameters.size = Some(size(n).ok_or(Syntax::Arguments(verb))?),
            ("BODY", "7BIT") => {}
            ("BODY", "8BITMIME") => parameters.is_eight_bit = true,
            ("AUTH", _) => parameters.has_auth = true,
            _ => return Err(Syntax::Parameter),
        }
    }
    Ok(parameters)
}
// ANCHOR_END: known_parameters

// ANCHOR: size
/// One to twenty digits (RFC 1870 §3). A number that does not fit into a `u64` is too
/// large for us in any case.
fn size(text: &str) -> Option<u64> {
    let is_number = text.len() <= 20 && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

impl fmt::Display for MailParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        if self.is_eight_bit {
            write!(f, " BODY=8BITMIME")?;
        }
        if self.has_auth {
            write!(f, " AUTH=<>")?;
        }
        Ok(())
    }
}
// ANCHOR_END: size

// ANCHOR: argument
/// An argument that is text: printable ASCII, not empty, no space at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument(String);

impl Argument {
    /// Checks a text.
    pub fn new(text: &str) -> Option<Argument> {
        let is_printable = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
        let is_good = !text.is_empty() && is_printable && text.trim_ascii() == text;
        is_good.then(|| Argument(text.to_string()))
    }
    // ANCHOR_END: argument

    // ANCHOR: text
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The argument of a command that needs a text.
pub(super) fn text(verb: Verb, text: &str) -> Result<Argument, Syntax> {
    Argument::new(text).ok_or(Syntax::Arguments(verb))
}

/// The argument of a command that may have a text.
pub(super) fn text_if_any(verb: Verb, argument: &str) -> Result<Option<Argument>, Syntax> {
    match argument {
        "" => Ok(None),
        argument => text(verb, argument).map(Some),
    }
}
// ANCHOR_END: text
