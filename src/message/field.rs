//! Header fields: folded at 78 characters (RFC 5322 §2.2.3), and in ASCII whatever the language
//! (RFC 2047, RFC 2231). Where other characters may stand, and how they are written, depends on the
//! field.

use super::addresses::read_addresses;
use super::encoded_word::encode_text;
use super::parameters::encode_parameters;
use std::fmt;
use std::str::FromStr;

/// Lines should not be longer, in characters, CR LF not counted (RFC 5322 §2.1.1).
pub const FOLD: usize = 78;
/// Lines must not be longer (RFC 5322 §2.1.1).
pub const LONGEST: usize = 998;
/// The lines of a field must not be longer if it has encoded-words (RFC 2047 §2).
pub const ENCODED: usize = 76;

/// White space within a line (RFC 5322 §2.2.2).
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// May this octet stand in the name of a header field (RFC 5322 §2.2)?
pub(super) fn in_name(octet: u8) -> bool {
    matches!(octet, b'!'..=b'9' | b';'..=b'~')
}

/// A header field. Neither its name nor its value can hold a CR, an LF or another control
/// character: such a value would add fields of its own, or end the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: String,
    /// In ASCII, and not folded yet.
    value: String,
    /// How many addresses it has, if it is a field of addresses.
    addresses: usize,
}

/// Why something is no header field, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FieldError {}

impl FromStr for Field {
    type Err = FieldError;

    /// Reads `Name: value`.
    fn from_str(line: &str) -> Result<Field, FieldError> {
        let Some((name, value)) = line.split_once(':') else {
            return Err(FieldError("a header field has the form Name: value".into()));
        };
        Field::new(name, value)
    }
}

impl Field {
    /// Checks a name and a value, which may be in any language.
    ///
    /// Errors: a name with characters that names cannot have (RFC 5322 §2.2), a control character
    /// in the value, a word that is too long for a line; in a field of addresses, something that is
    /// no address.
    pub fn new(name: &str, value: &str) -> Result<Field, FieldError> {
        if !(1..FOLD).contains(&name.len()) || !name.bytes().all(in_name) {
            let why = format!("{name:?} is no name for a header field");
            return Err(FieldError(why));
        }
        let wrong = |why: String| FieldError(format!("the {name} field {why}"));
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(wrong("holds a line end or control character".into()));
        }
        let (value, addresses) = encode(name, value.trim_matches(BLANKS)).map_err(wrong)?;
        let field = Field {
            name: name.to_string(),
            value,
            addresses,
        };
        if field.to_lines().lines().any(|line| line.len() > LONGEST) {
            return Err(wrong("has a word too long for a line".into()));
        }
        Ok(field)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is this the field of that name? Names are compared without case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value as it travels, before it is folded.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// How many addresses the field has; 0 if it is not a field of addresses.
    pub(super) fn addresses(&self) -> usize {
        self.addresses
    }

    /// The field as it stands in a header, folded, with its CR LF.
    pub fn to_lines(&self) -> String {
        let encoded = self.value.contains("=?");
        let most = if encoded { ENCODED } else { FOLD };
        let mut lines = format!("{}:", self.name);
        let mut length = lines.len();
        let value = format!(" {}", self.value);
        let mut rest = value.as_str();
        while !rest.is_empty() {
            let (word, after) = split_word(rest);
            // A line of white space alone would look like the end of the header (RFC 5322 §3.2.2).
            if length + word.len() > most && !word.trim_matches(BLANKS).is_empty() {
                lines += "\r\n";
                length = 0;
            }
            length += word.len();
            lines += word;
            rest = after;
        }
        lines + "\r\n"
    }
}

/// The next word, with the white space before it, and the rest.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    let word = text.trim_start_matches(BLANKS);
    let blanks = text.len() - word.len();
    text.split_at(blanks + word.find(BLANKS).unwrap_or(word.len()))
}

/// Fields of addresses (RFC 5322 §3.6.2, §3.6.3; §3.6.6 has the same names behind `Resent-`).
const ADDRESSES: [&str; 15] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "mail-followup-to",
    "mail-reply-to",
    "errors-to",
    "disposition-notification-to",
    "return-receipt-to",
    "apparently-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
];
/// Other fields in which an encoded-word may not replace a word (RFC 2047 §5), beside those of
/// MIME.
const EXACT: [&str; 6] = [
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "received",
    "mime-version",
];

/// The value as it travels, in ASCII, and how many addresses it has.
fn encode(name: &str, value: &str) -> Result<(String, usize), String> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("resent-").unwrap_or(&name);
    if ADDRESSES.contains(&name) {
        let (value, count) = read_addresses(value)?;
        return match (name, count) {
            ("from", 0) => Err("needs an address".into()),
            ("sender", 0 | 2..) => Err("needs one address".into()),
            _ => Ok((value, count)),
        };
    }
    let of_mime = name.starts_with("content-") && name != "content-description";
    if of_mime || EXACT.contains(&name) {
        return Ok((encode_parameters(value)?, 0));
    }
    Ok((encode_text(value), 0))
}
