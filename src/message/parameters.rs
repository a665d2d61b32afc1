// ANCHOR: story
//! Fields of MIME: `attachment; filename="plan.txt"`. An encoded-word must not be in them
//! (RFC 2047 §5). A value in another language is written `filename*=UTF-8''%C3%A9.txt`
//! (RFC 2231 §4).
// ANCHOR_END: story

// ANCHOR: uses
use super::field::BLANKS;
use super::structured::{plain_value, split_parameters};
// ANCHOR_END: uses

// ANCHOR: encode
/// The field as it travels. A part in ASCII stays as it is.
///
/// Errors: a character that is not ASCII, in another place than the value of a parameter.
pub(super) fn encode_parameters(value: &str) -> Result<String, String> {
    let mut parts = split_parameters(value);
    for part in &mut parts {
        if !part.is_ascii() {
            let shown = part.trim_matches(BLANKS);
            let wrong = || format!("must be ASCII, and has {shown:?}");
            *part = encode_parameter(part).ok_or_else(wrong)?;
        }
    }
    Ok(parts.join(";").trim_start().to_string())
}
// ANCHOR_END: encode

// ANCHOR: parameter
/// A parameter in UTF-8. An octet that cannot be there as itself becomes `%` and two
/// digits (RFC 2231 §7).
fn encode_parameter(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    let (name, value) = (name.trim_matches(BLANKS), value.trim_matches(BLANKS));
    if name.is_empty() || !name.bytes().all(is_plain) {
        return None;
    }
    let mut encoded = format!(" {name}*=UTF-8''");
    for octet in plain_value(value).bytes() {
        match is_plain(octet) {
            true => encoded.push(char::from(octet)),
            false => encoded += &format!("%{octet:02X}"),
        }
    }
    Some(encoded)
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._".contains(&octet)
}
// ANCHOR_END: parameter
