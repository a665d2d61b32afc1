//! Header fields: folded at 78 characters (RFC 5322 §2.2.3), and in ASCII whatever the language
//! (RFC 2047).

use crate::protocol::base64;
use std::fmt;
use std::str::FromStr;

/// Lines should not be longer, in characters, CR LF not counted (RFC 5322 §2.1.1).
pub const FOLD: usize = 78;
/// Lines must not be longer (RFC 5322 §2.1.1).
pub const LONGEST: usize = 998;
/// The lines of a field must not be longer if it has encoded-words (RFC 2047 §2).
pub const ENCODED: usize = 76;

/// White space within a line (RFC 5322 §2.2.2).
const BLANKS: [char; 2] = [' ', '\t'];

/// May this octet stand in the name of a header field (RFC 5322 §2.2)?
pub(super) fn in_name(octet: u8) -> bool {
    matches!(octet, b'!'..=b'9' | b';'..=b'~')
}

/// A header field. Neither its name nor its value can hold a CR, an LF or another control
/// character: such a value would add fields of its own, or end the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: String,
    value: String,
}

/// Why something is no header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// The name is empty or has a character that names cannot have (RFC 5322 §2.2).
    Name(String),
    /// The value has a control character.
    Control(String),
    /// A word of the value is too long for a line.
    TooLong(String),
    /// There is no colon.
    NoColon,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Name(name) => write!(f, "{name:?} is no name for a header field"),
            FieldError::Control(name) => {
                write!(f, "the {name} field holds a line end or control character")
            }
            FieldError::TooLong(name) => {
                write!(f, "the {name} field has a word too long for a line")
            }
            FieldError::NoColon => f.write_str("a header field has the form Name: value"),
        }
    }
}

impl std::error::Error for FieldError {}

impl Field {
    /// Checks a name and a value.
    pub fn new(name: &str, value: &str) -> Result<Field, FieldError> {
        if !(1..FOLD).contains(&name.len()) || !name.bytes().all(in_name) {
            return Err(FieldError::Name(name.to_string()));
        }
        let value = value.trim_matches(BLANKS);
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(FieldError::Control(name.to_string()));
        }
        let field = Field {
            name: name.to_string(),
            value: encode_words(value),
        };
        if field.to_lines().lines().any(|line| line.len() > LONGEST) {
            return Err(FieldError::TooLong(name.to_string()));
        }
        Ok(field)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
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
            let (word, after) = split_word(rest, false);
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

impl FromStr for Field {
    type Err = FieldError;

    /// Reads `Name: value`.
    fn from_str(line: &str) -> Result<Field, FieldError> {
        let (name, value) = line.split_once(':').ok_or(FieldError::NoColon)?;
        Field::new(name, value)
    }
}

/// The next word, with the white space before it, and the rest. To `keep_quotes` is to take a
/// quoted-string for one word.
fn split_word(text: &str, keep_quotes: bool) -> (&str, &str) {
    let blanks = text.len() - text.trim_start_matches(BLANKS).len();
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices().skip(blanks) {
        if BLANKS.contains(&c) && !(quoted && keep_quotes) {
            return text.split_at(at);
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    (text, "")
}

/// Most octets in one encoded-word: with `=?UTF-8?B?`, `?=` and base64 it has 64 characters. It may
/// have 75 (RFC 2047 §2), but should find room after the name.
const IN_ONE_WORD: usize = 39;

/// Writes every run of words that are not ASCII as encoded-words, and leaves the others, so that
/// the address in `名字 <a@b.example>` stays one. A quoted-string is encoded whole or not at all
/// (RFC 2047 §5): half of one would swallow the address behind it.
///
/// What only looks like an encoded-word is encoded too, unless it is an address.
fn encode_words(value: &str) -> String {
    let mut text = String::new();
    let mut run = String::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (word, after) = split_word(rest, true);
        let address = word.contains('@') && !word.ends_with("?=");
        if word.is_ascii() && (address || !word.contains("=?")) {
            text += &encode_run(&std::mem::take(&mut run));
            text += word;
        } else {
            run += word;
        }
        rest = after;
    }
    text + &encode_run(&run)
}

/// Words as encoded-words. The space between two of them is no part of the text (RFC 2047 §6.2), so
/// the space between the words goes into them; the one before the first stays outside.
fn encode_run(run: &str) -> String {
    let mut rest = run.trim_start_matches(BLANKS);
    let (before, _) = run.split_at(run.len() - rest.len());
    let mut words = Vec::new();
    while !rest.is_empty() {
        let mut end = rest.len().min(IN_ONE_WORD);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        words.push(format!("=?UTF-8?B?{}?=", base64::encode(part.as_bytes())));
        rest = after;
    }
    before.to_string() + &words.join(" ")
}
