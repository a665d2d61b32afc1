//! Fields of MIME: `attachment; filename="plan.txt"`. An encoded-word must not be in them (RFC 2047
//! §5). A value in another language is written `filename*=UTF-8''%C3%A9.txt` (RFC 2231 §4).

use super::encoded_word::pack;
use super::field::BLANKS;
use super::structured::{IN_MIME, content, split_parameters, split_piece};

/// Most characters of a value in one piece of a parameter, so that a piece fits on a line.
const IN_ONE_PIECE: usize = 48;

/// The field as it travels. A part in ASCII stays as it is.
///
/// Errors: a character that is not ASCII, in another place than the value of a parameter.
pub(super) fn encode_parameters(value: &str) -> Result<String, String> {
    let mut parts = split_parameters(value);
    for part in &mut parts {
        if !part.is_ascii() {
            let wrong = || format!("must be ASCII, and has {:?}", part.trim_matches(BLANKS));
            *part = encode_parameter(part).ok_or_else(wrong)?;
        }
    }
    Ok(parts.join(";"))
}

fn encode_parameter(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    let (name, value) = (name.trim_matches(BLANKS), value.trim_matches(BLANKS));
    let value = match split_piece(value, IN_MIME) {
        Some((quoted, "")) if quoted.starts_with('"') => content(quoted),
        _ if value.contains('"') => return None,
        _ => value.to_string(),
    };
    let is_name = !name.is_empty() && name.bytes().all(is_plain);
    is_name.then(|| extended(name, &value))
}

/// A parameter in UTF-8: in one piece if it fits, or in numbered pieces (RFC 2231 §4.1).
fn extended(name: &str, value: &str) -> String {
    let signs = value.chars().map(percent);
    let pieces = pack(signs, IN_ONE_PIECE);
    if let [piece] = pieces.as_slice() {
        return format!(" {name}*=UTF-8''{piece}");
    }
    let mut parameters = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let charset = if number == 0 { "UTF-8''" } else { "" };
        parameters.push(format!(" {name}*{number}*={charset}{piece}"));
    }
    parameters.join(";")
}

/// A character as itself, or each of its octets as `%` and two digits (RFC 2231 §7).
fn percent(c: char) -> String {
    let mut text = String::new();
    for octet in c.to_string().bytes() {
        match is_plain(octet) {
            true => text.push(char::from(octet)),
            false => text += &format!("%{octet:02X}"),
        }
    }
    text
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._".contains(&octet)
}
