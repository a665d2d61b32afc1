//! Fields of MIME: `attachment; filename="plan.txt"`. An encoded-word must not stand in them (RFC
//! 2047 §5). A value in another language is written `filename*=UTF-8''%C3%A9.txt` (RFC 2231 §4).

use super::addresses::{inside, split_piece, unescape};
use super::field::BLANKS;

/// Most characters of a value in one piece of a parameter, so that a piece fits on a line.
const IN_ONE_PIECE: usize = 48;

/// The field as it travels. If it is ASCII, it stays as it is.
///
/// Errors: a character that is not ASCII anywhere else than in the value of a parameter.
pub(super) fn encode_parameters(value: &str) -> Result<String, String> {
    if value.is_ascii() {
        return Ok(value.to_string());
    }
    let mut parts = vec![String::new()];
    let mut rest = value;
    while let Some((piece, after)) = split_piece(rest) {
        match parts.last_mut() {
            Some(part) if piece != ";" => *part += piece,
            _ => parts.push(String::new()),
        }
        rest = after;
    }
    let unclosed = (!rest.is_empty()).then(|| format!("does not close {rest:?}"));
    unclosed.map_or(Ok(()), Err)?;
    let parts: Result<Vec<String>, String> = parts.iter().map(|part| encode_part(part)).collect();
    Ok(parts?.join(";"))
}

fn encode_part(part: &str) -> Result<String, String> {
    if part.is_ascii() {
        return Ok(part.to_string());
    }
    let wrong = || format!("must be ASCII, and has {:?}", part.trim_matches(BLANKS));
    let (name, value) = part.split_once('=').ok_or_else(wrong)?;
    let (name, value) = (name.trim_matches(BLANKS), value.trim_matches(BLANKS));
    let value = match split_piece(value) {
        Some((quoted, "")) if quoted.starts_with('"') => unescape(inside(quoted)),
        _ if value.contains('"') => return Err(wrong()),
        _ => value.to_string(),
    };
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(wrong());
    }
    Ok(extended(name, &value))
}

/// A parameter in UTF-8: in one piece if it fits, or in numbered pieces (RFC 2231 §4.1). No piece
/// ends within a character.
fn extended(name: &str, value: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in value.chars() {
        let c = percent(c);
        match pieces.last_mut() {
            Some(piece) if piece.len() + c.len() <= IN_ONE_PIECE => *piece += &c,
            _ => pieces.push(c),
        }
    }
    if let [piece] = pieces.as_slice() {
        return format!(" {name}*=UTF-8''{piece}");
    }
    let charset = |number| if number == 0 { "UTF-8''" } else { "" };
    let pieces = pieces.iter().enumerate();
    let pieces = pieces.map(|(at, piece)| format!(" {name}*{at}*={}{piece}", charset(at)));
    pieces.collect::<Vec<_>>().join(";")
}

/// A character as itself, or each of its octets as `%` and two digits (RFC 2231 §7).
fn percent(c: char) -> String {
    let mut octets = [0; 4];
    let octets = c.encode_utf8(&mut octets).bytes();
    octets
        .map(|octet| match is_plain(octet) {
            true => char::from(octet).to_string(),
            false => format!("%{octet:02X}"),
        })
        .collect()
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._".contains(&octet)
}
