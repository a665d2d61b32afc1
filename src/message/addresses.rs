//! Fields of addresses (RFC 5322 §3.4): `Alice <a@a.example>, Team: b@b.example, c@c.example;`.
//!
//! Only a name and a comment may be in any language. An address is ASCII. An encoded-word inside an
//! address or a quoted-string would not be decoded (RFC 2047 §5). So we read the whole list, and
//! write it anew.

use super::encoded_word::{encode_run, needs_encoding};
use super::field::BLANKS;
use super::structured::{IN_ADDRESSES, content, inside, pieces};
use crate::protocol::address::Mailbox;

/// Reads a list of addresses and groups. Returns it as it travels, and how many addresses it has.
pub(super) fn read_addresses(value: &str) -> Result<(String, usize), String> {
    let (mut pieces, unclosed) = pieces(value, IN_ADDRESSES);
    if !unclosed.is_empty() {
        return Err(format!("has {unclosed:?}, which does not close"));
    }
    // An item may be empty (RFC 5322 §4.4), and so each item can end in the same way.
    pieces.push(",");
    let (mut list, mut separator) = (String::new(), "");
    let (mut count, mut in_group) = (0, false);
    for item in pieces.split_inclusive(|piece| [",", ":", ";"].contains(piece)) {
        let (item, end) = item.split_at(item.len() - 1);
        if end == [":"] {
            if in_group || !is_group_name(item) {
                return Err("has a colon without the name of a group before it".into());
            }
            let name = phrase(&item.concat()) + ":";
            list += separator;
            // An encoded-word has white space on both sides (RFC 2047 §5, rule 3).
            list += &name.replace("?=:", "?= :");
            (separator, in_group) = (" ", true);
        } else if let Some(address) = write_item(item)? {
            list += &format!("{separator}{address}");
            (separator, count) = (", ", count + 1);
        }
        if end == [";"] {
            if !in_group {
                return Err("has a semicolon; write a comma between two addresses".into());
            }
            list += ";";
            (separator, in_group) = (", ", false);
        }
    }
    match list.as_str() {
        _ if in_group => Err("has a group that does not end in a semicolon".into()),
        "" => Err("needs an address".into()),
        _ => Ok((list, count)),
    }
}

fn is_group_name(item: &[&str]) -> bool {
    let is_address = |piece: &&str| piece.starts_with('<');
    !item.concat().trim().is_empty() && !item.iter().any(is_address)
}

/// An item of the list as it travels, comments last; `None` if it is empty.
fn write_item(item: &[&str]) -> Result<Option<String>, String> {
    let (mut words, mut comments, mut address) = (String::new(), String::new(), None);
    for piece in item {
        match piece.chars().next() {
            Some('(') => comments += &format!(" ({})", encode_comment(&content(piece))),
            Some(' ' | '\t') if address.is_some() => {}
            _ if address.is_some() => {
                let hint = "write a comma first";
                return Err(format!("has {piece:?} after an address; {hint}"));
            }
            Some('<') => address = Some(inside(piece)),
            _ => words += piece,
        }
    }
    let words = words.trim_matches(BLANKS);
    let text = match address {
        None if words.is_empty() => return Ok(None),
        None => mailbox(words)?,
        Some(address) if words.is_empty() => mailbox(address)?,
        Some(address) => format!("{} <{}>", phrase(words), mailbox(address)?),
    };
    Ok(Some(text + &comments))
}

fn mailbox(text: &str) -> Result<String, String> {
    let text = text.trim_matches(BLANKS);
    match text.parse::<Mailbox>() {
        Ok(mailbox) => Ok(mailbox.to_string()),
        Err(_) if !text.contains('@') => {
            let form = "the form is Bob <bob@b.example>, with the name in quotes if it has a comma";
            Err(format!("has {text:?} without an address; {form}"))
        }
        Err(_) if !text.is_ascii() => Err(format!("has {text:?}: addresses here are ASCII")),
        Err(why) => Err(format!("has {text:?}: {why}")),
    }
}

/// The words of a name, quoted or not, as atoms, a quoted-string or encoded-words (RFC 5322 §3.2.5,
/// RFC 2047 §5).
fn phrase(words: &str) -> String {
    let mut name = String::new();
    for piece in pieces(words.trim_matches(BLANKS), IN_ADDRESSES).0 {
        match piece.starts_with('"') {
            true => name += &content(piece),
            false => name += piece,
        }
    }
    let is_atom = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if needs_encoding(&name) {
        encode_run(&name)
    } else if !name.is_empty() && name.chars().all(is_atom) {
        name
    } else {
        format!("\"{}\"", escape(&name, &['"', '\\']))
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
