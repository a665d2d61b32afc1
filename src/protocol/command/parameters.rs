// ANCHOR: story
//! What stands in a MAIL or RCPT command after the verb: a path, and perhaps parameters, which the
//! extensions of SMTP have brought (RFC 5321 §4.1.2, esmtp-param).
// ANCHOR_END: story

// ANCHOR: uses
use super::{Syntax, Verb};
use crate::protocol::address::{AddressError, split_path};
use std::fmt;
// ANCHOR_END: uses

// ANCHOR: mail_parameters
/// What may follow the path of MAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailParameters {
    /// `SIZE=`: the size of the text in octets, as the client counts it (RFC 1870 §3).
    pub size: Option<u64>,
    /// `BODY=`: whether the text may have octets over 127 (RFC 1652 §2).
    pub body: Option<Body>,
    /// `AUTH=` was there: who submitted the letter first (RFC 4954 §5). We believe nobody's word
    /// on that, and so it is always displayed as `<>`, "somebody".
    pub auth: bool,
}
// ANCHOR_END: mail_parameters

// ANCHOR: body
/// The values of `BODY=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// `7BIT`: ASCII only.
    SevenBit,
    /// `8BITMIME`: any octets, in lines.
    EightBitMime,
}
// ANCHOR_END: body

// ANCHOR: display
impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::SevenBit => "7BIT",
            Body::EightBitMime => "8BITMIME",
        })
    }
}

impl fmt::Display for MailParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        if let Some(body) = self.body {
            write!(f, " BODY={body}")?;
        }
        f.write_str(if self.auth { " AUTH=<>" } else { "" })
    }
}
// ANCHOR_END: display

// ANCHOR: path_and_parameters
/// `KEYWORD=value`: the keyword in capitals, and the value, empty if it is missing.
type Parameter = (String, String);

/// Splits `FROM:<path> parameters`. RFC 5321 §3.3 forbids spaces beside the colon, but many programs
/// write one after it. It means nothing, so we take it.
pub(super) fn path_and_parameters(
    verb: Verb,
    word: &str,
    argument: &str,
) -> Result<(String, Vec<Parameter>), Syntax> {
    let wrong = |why| Syntax::Arguments(verb, why);
    let (start, rest) = argument.split_at_checked(word.len()).ok_or(wrong(None))?;
    if !start.eq_ignore_ascii_case(word) {
        return Err(wrong(None));
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let (path, rest) = split_path(rest).ok_or(wrong(Some(AddressError::Brackets)))?;
    let list = parameters(rest).ok_or(wrong(None))?;
    Ok((path.to_string(), list))
}
// ANCHOR_END: path_and_parameters

// ANCHOR: parameter_list
/// Each parameter follows one space. Before the first there is nothing but the path.
fn parameters(text: &str) -> Option<Vec<Parameter>> {
    let mut parts = text.split(' ');
    if parts.next() == Some("") {
        parts.map(parameter).collect()
    } else {
        None
    }
}
// ANCHOR_END: parameter_list

// ANCHOR: parameter
/// Splits one parameter, if it is well formed (RFC 5321 §4.1.2, esmtp-param).
fn parameter(text: &str) -> Option<Parameter> {
    let (keyword, value) = text.split_once('=').unwrap_or((text, ""));
    let in_keyword = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let in_value = |octet: u8| octet.is_ascii_graphic() && octet != b'=';
    let good = !keyword.is_empty()
        && !keyword.starts_with('-')
        && keyword.bytes().all(in_keyword)
        && value.bytes().all(in_value)
        && !text.ends_with('=');
    good.then(|| (keyword.to_ascii_uppercase(), value.to_string()))
}
// ANCHOR_END: parameter

// ANCHOR: read_mail_parameters
/// Reads what may follow the path of MAIL. Nothing may stand twice.
pub(super) fn mail_parameters(verb: Verb, list: Vec<Parameter>) -> Result<MailParameters, Syntax> {
    let wrong = || Syntax::Arguments(verb, None);
    let mut parameters = MailParameters::default();
    for (keyword, value) in list {
        let twice = match (keyword.as_str(), value.as_str()) {
            ("SIZE" | "BODY" | "AUTH", "") => return Err(wrong()),
            ("SIZE", value) => {
                let size = size(value).ok_or_else(wrong)?;
                parameters.size.replace(size).is_some()
            }
            ("BODY", value) => {
                let body = body(value).ok_or(Syntax::Parameter(verb))?;
                parameters.body.replace(body).is_some()
            }
            ("AUTH", _) => std::mem::replace(&mut parameters.auth, true),
            _ => return Err(Syntax::Parameter(verb)),
        };
        if twice {
            return Err(wrong());
        }
    }
    Ok(parameters)
}
// ANCHOR_END: read_mail_parameters

// ANCHOR: values
/// One to twenty digits (RFC 1870 §3). A number that is too large for ours is too large for us, too.
fn size(value: &str) -> Option<u64> {
    let good = (1..=20).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    good.then(|| value.parse().unwrap_or(u64::MAX))
}

fn body(value: &str) -> Option<Body> {
    [Body::SevenBit, Body::EightBitMime]
        .into_iter()
        .find(|body| body.to_string().eq_ignore_ascii_case(value))
}
// ANCHOR_END: values
