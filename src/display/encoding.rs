// ANCHOR: story
//! From octets as they travelled to octets as they were meant, and from those to
//! characters: two steps, and each has its own field. `Content-Transfer-Encoding` names
//! the first, `charset` the second (RFC 2045 §6.4).

use crate::protocol::base64;
use crate::protocol::line::visible;
// ANCHOR_END: story

// ANCHOR: decode_body
/// Undoes a transfer encoding (RFC 2045 §6). `None` if we do not know it.
pub fn decode_body(encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let name = bare_name(encoding);
    match name.strip_prefix('x').unwrap_or(&name) {
        "" | "7bit" | "7bits" | "8bit" | "8bits" | "binary" | "none" | "plain" | "text"
        | "ascii" | "usascii" | "utf8" => Some(body.to_vec()),
        "quotedprintable" | "quoteprintable" | "qp" => Some(quoted_printable(body)),
        "base64" | "b64" => Some(base64::decode_loosely(body)),
        _ => None,
    }
}
// ANCHOR_END: decode_body

// ANCHOR: quoted_printable
/// White space at the end of a line was added on the way; a `=` there joins the line to
/// the next (RFC 2045 §6.7, rules 3 and 5).
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let text = line.trim_ascii_end();
        let joined = text.strip_suffix(b"=");
        octets.extend(decode_escapes(b'=', joined.unwrap_or(text)));
        if joined.is_none() && line.ends_with(b"\n") {
            octets.extend(b"\r\n");
        }
    }
    octets
}
// ANCHOR_END: quoted_printable

// ANCHOR: decode_escapes
/// Puts an octet in the place of each `sign` that has two hexadecimal digits after it.
/// Any other `sign` stays as it is (RFC 2045 §6.7, note 2).
pub(super) fn decode_escapes(sign: u8, mut text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let (octet, after) = match hex_octet(rest) {
            Some(escaped) if *first == sign => escaped,
            _ => (*first, rest),
        };
        octets.push(octet);
        text = after;
    }
    octets
}

/// The octet that two hexadecimal digits mean, and what follows them.
fn hex_octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_first_chunk()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    let octet = high? * 16 + low?;
    Some((u8::try_from(octet).ok()?, after))
}
// ANCHOR_END: decode_escapes

// ANCHOR: decode_charset
/// Octets to characters; no charset is US-ASCII. If we do not know the charset, ASCII
/// stays, and each other octet becomes a mark such as `\xe9`; that is the `Err`, and the
/// caller can name the charset. The result is not yet safe to print.
///
/// A charset has many names. Those here are in the list of IANA, except for `utf8`.
pub fn decode_charset(charset: &str, octets: &[u8]) -> Result<String, String> {
    match bare_name(charset).as_str() {
        // Text that is called US-ASCII and is not is very likely UTF-8 (RFC 7103 §7.6).
        "" | "utf8" | "csutf8" | "usascii" | "ascii" | "us" | "iso646us" | "iso646irv1991"
        | "ansix341968" | "ansix341986" | "ibm367" | "cp367" | "isoir6" | "csascii" => {
            Ok(utf8(octets))
        }
        // ANCHOR_END: decode_charset
        // ANCHOR: decode_latin1
        // The first 256 characters of Unicode are those of ISO-8859-1.
        "iso88591" | "iso885911987" | "latin1" | "l1" | "ibm819" | "cp819" | "isoir100"
        | "csisolatin1" => Ok(octets.iter().copied().map(char::from).collect()),
        _ => Err(octets.iter().map(ascii).collect()),
    }
}
// ANCHOR_END: decode_latin1

// ANCHOR: utf8
/// The same for a word on a line of other text: a charset that we do not know is named
/// before it.
pub(super) fn decode_or_name(charset: &str, octets: &[u8]) -> String {
    decode_charset(charset, octets)
        .unwrap_or_else(|marks| format!("({charset}, not known here) {marks}"))
}

/// UTF-8 to characters. An octet that is not UTF-8 becomes a mark.
pub(super) fn utf8(octets: &[u8]) -> String {
    let chunks = octets.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().to_string() + &visible(chunk.invalid()))
        .collect()
}

fn ascii(octet: &u8) -> String {
    match octet.is_ascii() {
        true => char::from(*octet).to_string(),
        false => visible(&[*octet]),
    }
}

/// A name as it is compared: only its ASCII letters and digits, in lower case. So
/// `ISO_8859-1` is `iso88591`, and `8-bit` is `8bit` (for charsets this is Unicode
/// Technical Standard 22 §1.4).
fn bare_name(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}
// ANCHOR_END: utf8
