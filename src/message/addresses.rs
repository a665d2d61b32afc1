// ANCHOR: story
//! Fields of addresses (RFC 5322 §3.4): `Alice <a@a.example>, b@b.example`. We do not
//! know groups.
//!
//! Only a name and a comment may be in any language. An address is ASCII. An encoded-word
//! inside an address or a quoted-string would not be decoded (RFC 2047 §5). So we read
//! the whole list, and write it again.
// ANCHOR_END: story

// ANCHOR: uses
use super::encoded_word::{encode_run, needs_encoding};
use super::field::BLANKS;
use super::structured::{IN_ADDRESSES, content, inside, pieces, split_piece};
use crate::protocol::address::Mailbox;
// ANCHOR_END: uses

// ANCHOR: read
/// Reads a list of addresses. Returns each of them as it travels, with its name and
/// comments.
pub(super) fn read_addresses(value: &str) -> Result<Vec<String>, String> {
    let pieces = pieces(value, IN_ADDRESSES);
    if let Some(last) = pieces.last()
        && split_piece(last, IN_ADDRESSES).is_none()
    {
        return Err(format!("has {last:?}, which does not close"));
    }
    let mut addresses = Vec::new();
    for item in pieces.split(|piece| *piece == ",") {
        addresses.extend(write_item(item)?);
    }
    match addresses.is_empty() {
        true => Err("needs an address".into()),
        false => Ok(addresses),
    }
}
// ANCHOR_END: read

// ANCHOR: item
/// An item of the list as it travels, comments last; `None` if it is empty (RFC 5322
/// §4.4).
fn write_item(item: &[&str]) -> Result<Option<String>, String> {
    let (mut words, mut comments, mut address) = (String::new(), String::new(), None);
    for piece in item {
        match piece.chars().next() {
            Some('(') if needs_encoding(piece) => {
                comments += &format!(" ({})", encode_run(&content(piece)));
            }
            Some('(') => comments += &format!(" {piece}"),
            Some(':' | ';') => {
                let hint = "write a comma between two addresses, and no names of groups";
                return Err(format!("has {piece:?} outside quotes; {hint}"));
            }
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
// ANCHOR_END: item

// ANCHOR: mailbox
fn mailbox(text: &str) -> Result<String, String> {
    let text = text.trim_matches(BLANKS);
    match text.parse::<Mailbox>() {
        Ok(mailbox) => Ok(mailbox.to_string()),
        Err(_) if !text.contains('@') => {
            let form = "the form is Bob <bob@b.example>, \
                        with the name in quotes if it has a comma";
            Err(format!("has {text:?} without an address; {form}"))
        }
        Err(why) => Err(format!("has {text:?}: {why}")),
    }
}
// ANCHOR_END: mailbox

// ANCHOR: phrase
/// The words of a name, quoted or not, as atoms, a quoted-string or encoded-words (RFC
/// 5322 §3.2.5, RFC 2047 §5).
fn phrase(words: &str) -> String {
    let mut name = String::new();
    for piece in pieces(words, IN_ADDRESSES) {
        match piece.starts_with('"') {
            true => name += &content(piece),
            false => name += piece,
        }
    }
    // ANCHOR_END: phrase
    // ANCHOR: phrase_form
    let others = " !#$%&'*+-/=?^_`{|}~";
    let is_atom = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    if needs_encoding(&name) {
        encode_run(&name)
    } else if !name.is_empty() && name.chars().all(is_atom) {
        name
    } else {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    }
}
// ANCHOR_END: phrase_form
