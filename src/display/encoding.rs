//! From octets as they travelled to octets as they were meant, and from those to characters: two
//! steps, and each has its own field. `Content-Transfer-Encoding` names the first, `charset` the
//! second (RFC 2045 §6.4).

use crate::protocol::base64;
use crate::protocol::line::visible;

/// A name as it is compared: only its letters and digits, in lower case. So `ISO_8859-1` is
/// `iso8859-1`, and `8-bit` is `8bit` (for charsets this is Unicode Technical Standard 22 §1.4).
fn plain(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// Undoes a transfer encoding (RFC 2045 §6). `None` if we do not know it. Names that others write,
/// and whose meaning is plain, are taken too.
pub fn decode_body(encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let name = plain(encoding);
    match name.strip_prefix('x').unwrap_or(&name) {
        "" | "7bit" | "7bits" | "8bit" | "8bits" | "binary" | "none" | "plain" | "text"
        | "ascii" | "usascii" | "utf8" => Some(body.to_vec()),
        "quotedprintable" | "quoteprintable" | "qp" => Some(quoted_printable(body)),
        "base64" | "b64" => Some(base64::decode_loosely(body)),
        _ => None,
    }
}

/// White space at the end of a line was added on the way; a `=` there joins the line to the next
/// (RFC 2045 §6.7, rules 3 and 5).
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let text = line.trim_ascii_end();
        let joined = text.strip_suffix(b"=");
        octets.extend(unescape(b'=', joined.unwrap_or(text)));
        if joined.is_none() && line.ends_with(b"\n") {
            octets.extend(b"\r\n");
        }
    }
    octets
}

/// Every `sign` and two hexadecimal digits to the octet they stand for. Any other sign stays as it
/// is (RFC 2045 §6.7, note 2).
pub(super) fn unescape(sign: u8, mut text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let escaped = (*first == sign).then(|| escaped(rest)).flatten();
        let (octet, rest) = escaped.unwrap_or((*first, rest));
        octets.push(octet);
        text = rest;
    }
    octets
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = text else {
        return None;
    };
    let digit = |letter: &u8| char::from(*letter).to_digit(16);
    let octet = digit(high)? * 16 + digit(low)?;
    Some((u8::try_from(octet).ok()?, rest))
}

/// Octets to characters; no charset is US-ASCII. In one that we do not know, what is ASCII is
/// taken for ASCII and all else becomes a mark such as `\xe9`; that comes back as `Err`, so that
/// whoever shows it can name the charset. Nothing here is safe to print yet.
///
/// A charset has many names. Those here are in the list of IANA, but for `utf8`.
pub fn decode_charset(charset: &str, octets: &[u8]) -> Result<String, String> {
    match plain(charset).as_str() {
        // Text that is called US-ASCII and is not is very likely UTF-8 (RFC 7103 §7.6).
        "" | "usascii" | "ascii" | "us" | "iso646us" | "iso646irv1991" | "ansix341968"
        | "ansix341986" | "ibm367" | "cp367" | "isoir6" | "csascii" => Ok(utf8(octets)),
        "utf8" | "csutf8" => Ok(utf8(octets)),
        // The first 256 characters of Unicode are those of ISO-8859-1.
        "iso88591" | "iso885911987" | "latin1" | "l1" | "ibm819" | "cp819" | "isoir100"
        | "csisolatin1" => Ok(octets.iter().copied().map(char::from).collect()),
        _ => Err(ascii(octets)),
    }
}

/// UTF-8 to characters, with marks for what is none.
pub(super) fn utf8(octets: &[u8]) -> String {
    let chunks = octets.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().to_string() + &visible(chunk.invalid()))
        .collect()
}

fn ascii(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            0..0x80 => text.push(char::from(*octet)),
            0x80.. => text += &visible(&[*octet]),
        }
    }
    text
}
