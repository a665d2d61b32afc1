//! Fields of addresses (RFC 5322 §3.4): `Alice <a@a.example>, Team: b@b.example, c@c.example;`.
//!
//! Only a name and a comment may be in any language. An address is ASCII, and an encoded-word
//! inside it, or inside a quoted-string, is not one (RFC 2047 §5): so the list is read, and written
//! anew.

use super::encoded_word::{encode_run, needs_encoding};
use super::field::BLANKS;
use crate::protocol::address::Mailbox;

/// Reads a list of addresses and groups. Returns it as it travels, and how many addresses it has.
pub(super) fn read_addresses(value: &str) -> Result<(String, usize), String> {
    let mut list = List::default();
    let mut rest = value;
    while !rest.is_empty() {
        let (piece, after) = split_piece(rest).ok_or_else(|| format!("does not close {rest:?}"))?;
        match piece {
            "," => list.end_entry()?,
            ":" => list.begin_group()?,
            ";" => list.end_group()?,
            _ => list.entry.add(piece)?,
        }
        rest = after;
    }
    if list.in_group {
        return Err("has a group that does not end in a semicolon".into());
    }
    list.end_entry()?;
    if list.text.is_empty() {
        return Err("needs an address".into());
    }
    Ok((list.text, list.count))
}

/// What is written of a list so far, and the entry that is being read.
#[derive(Default)]
struct List {
    text: String,
    count: usize,
    in_group: bool,
    entry: Entry,
}

impl List {
    /// A comma may stand behind nothing (RFC 5322 §4.4); we do not write such a comma again.
    fn end_entry(&mut self) -> Result<(), String> {
        if let Some(entry) = std::mem::take(&mut self.entry).to_text()? {
            self.separate();
            self.text += &entry;
            self.count += 1;
        }
        Ok(())
    }

    fn begin_group(&mut self) -> Result<(), String> {
        let entry = std::mem::take(&mut self.entry);
        if self.in_group || entry.address.is_some() || entry.name.trim_matches(BLANKS).is_empty() {
            return Err("has a colon that does not stand behind the name of a group".into());
        }
        self.separate();
        let name = phrase(&entry.name);
        // An encoded-word in a name has white space on both sides (RFC 2047 §5, rule 3).
        self.text += &if name.contains("=?") {
            name + " :"
        } else {
            name + ":"
        };
        self.in_group = true;
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), String> {
        self.end_entry()?;
        if !self.in_group {
            return Err("has a semicolon; write a comma between two addresses".into());
        }
        self.text += ";";
        self.in_group = false;
        Ok(())
    }

    fn separate(&mut self) {
        self.text += match self.text.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) => ", ",
        };
    }
}

/// What stands between two commas.
#[derive(Default)]
struct Entry {
    /// The words outside brackets and comments, as they are written.
    words: String,
    /// The same without quotes: the name, if there is an address in brackets.
    name: String,
    /// What stands between `<` and `>`.
    address: Option<String>,
    /// The text of each comment.
    comments: Vec<String>,
}

impl Entry {
    fn add(&mut self, piece: &str) -> Result<(), String> {
        let inside = inside(piece);
        match piece.chars().next() {
            Some('(') => {
                self.comments.push(unescape(inside));
                self.name.push(' ');
            }
            Some(' ' | '\t') if self.address.is_some() => {}
            _ if self.address.is_some() => {
                return Err(format!(
                    "has {piece:?} behind an address; write a comma first"
                ));
            }
            Some('<') => self.address = Some(inside.to_string()),
            Some('"') => {
                self.words += piece;
                self.name += &unescape(inside);
            }
            _ => {
                self.words += piece;
                self.name += piece;
            }
        }
        Ok(())
    }

    /// The entry as it travels, comments last; `None` if it is empty.
    fn to_text(&self) -> Result<Option<String>, String> {
        let words = self.words.trim_matches(BLANKS);
        let mut text = match &self.address {
            None if words.is_empty() => return Ok(None),
            None => mailbox(words)?.to_string(),
            Some(address) if words.is_empty() => format!("<{}>", mailbox(address)?),
            Some(address) => format!("{} <{}>", phrase(&self.name), mailbox(address)?),
        };
        for comment in &self.comments {
            text += &format!(" ({})", encode_comment(comment));
        }
        Ok(Some(text))
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let text = text.trim_matches(BLANKS);
    text.parse().map_err(|why| match text {
        _ if !text.contains('@') => {
            let form = "a name has the form Bob <bob@b.example>, in quotes if it has a comma";
            format!("has {text:?} without an address; {form}")
        }
        _ if !text.is_ascii() => format!("has {text:?}: addresses here are ASCII"),
        _ => format!("has {text:?}: {why}"),
    })
}

/// A name: atoms, a quoted-string or encoded-words (RFC 5322 §3.2.5, RFC 2047 §5).
fn phrase(name: &str) -> String {
    let name = name.trim_matches(BLANKS);
    let in_atoms = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if needs_encoding(name) {
        encode_run(name)
    } else if !name.is_empty() && name.chars().all(in_atoms) {
        name.to_string()
    } else {
        format!("\"{}\"", escape(name, &['"', '\\']))
    }
}

fn encode_comment(text: &str) -> String {
    match needs_encoding(text) {
        true => encode_run(text),
        false => escape(text, &['(', ')', '\\']),
    }
}

fn escape(text: &str, special: &[char]) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Takes the backslash of each quoted-pair away (RFC 5322 §3.2.1).
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// A piece without its first and its last character, which are quotes or brackets.
pub(super) fn inside(piece: &str) -> &str {
    let mut chars = piece.chars();
    chars.next();
    chars.next_back();
    chars.as_str()
}

/// The next piece of a structured field, and the rest: a quoted-string, a comment with those inside
/// it, an address in brackets, an address literal; or else one character. `None` if it does not end.
pub(super) fn split_piece(text: &str) -> Option<(&str, &str)> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    let last = match first {
        '"' => '"',
        '(' => ')',
        '<' => '>',
        '[' => ']',
        _ => return text.split_at_checked(first.len_utf8()),
    };
    let (mut depth, mut quoted) = (1, false);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' if first == '<' => quoted = !quoted,
            '(' if first == '(' => depth += 1,
            c if c == last && !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.split_at_checked(at + 1);
        }
    }
    None
}
