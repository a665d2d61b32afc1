//! Header fields: folded at 78 characters (RFC 5322 §2.2.3), and in ASCII whatever the language
//! (RFC 2047).

use crate::protocol::base64;
use std::fmt;
use std::str::FromStr;

/// Lines should not be longer, in characters, CR LF not counted (RFC 5322 §2.1.1).
pub const FOLD: usize = 78;
/// Lines must not be longer (RFC 5322 §2.1.1).
pub const LONGEST: usize = 998;

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
                write!(
                    f,
                    "the {name} field holds a line end or another control character"
                )
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
        let in_name = |octet: u8| matches!(octet, b'!'..=b'9' | b';'..=b'~');
        if !(1..=FOLD).contains(&name.len()) || !name.bytes().all(in_name) {
            return Err(FieldError::Name(name.to_string()));
        }
        let value = value.trim();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(FieldError::Control(name.to_string()));
        }
        let value = encode_words(value);
        if value
            .split([' ', '\t'])
            .any(|word| name.len() + 2 + word.len() > LONGEST)
        {
            return Err(FieldError::TooLong(name.to_string()));
        }
        Ok(Field {
            name: name.to_string(),
            value,
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field as it stands in a header, folded, with its CR LF.
    pub fn to_lines(&self) -> String {
        let mut lines = format!("{}:", self.name);
        let mut length = lines.len();
        let mut rest = format!(" {}", self.value);
        while !rest.is_empty() {
            // A piece is a word, and the white space before it; a line may end before any piece.
            let start = rest
                .find(|c| !matches!(c, ' ' | '\t'))
                .unwrap_or(rest.len());
            let end = rest[start..]
                .find([' ', '\t'])
                .map_or(rest.len(), |end| start + end);
            let piece: String = rest.drain(..end).collect();
            if length + piece.len() > FOLD && length > self.name.len() + 1 {
                lines += "\r\n";
                length = 0;
            }
            length += piece.len();
            lines += &piece;
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

/// Most octets in one encoded-word: with `=?UTF-8?B?`, `?=` and base64 it has 72 characters, and
/// may have 75 (RFC 2047 §2).
const IN_ONE_WORD: usize = 45;

/// Writes every run of words that are not ASCII as encoded-words, and leaves the others, so that
/// the address in `名字 <a@b.example>` stays one. What only looks like an encoded-word is encoded
/// too.
fn encode_words(value: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut run: Option<String> = None;
    for word in value.split(' ') {
        if word.is_ascii() && !word.contains("=?") {
            words.extend(run.take().map(|run| encode_run(&run)));
            words.push(word.to_string());
        } else {
            run = Some(run.map_or(word.to_string(), |run| run + " " + word));
        }
    }
    words.extend(run.map(|run| encode_run(&run)));
    words.join(" ")
}

/// One text as encoded-words. The space between two of them is no part of the text (RFC 2047 §6.2).
fn encode_run(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(IN_ONE_WORD);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        words.push(format!("=?UTF-8?B?{}?=", base64::encode(part.as_bytes())));
        rest = after;
    }
    words.join(" ")
}
