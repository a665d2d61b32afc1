//! The body: as it is where that may travel, else in ASCII (RFC 2045 §6).

use super::field::LONGEST;
use crate::protocol::base64;
use crate::protocol::dot::Text;

/// Lines of an encoded body must not be longer (RFC 2045 §6.7, rule 5, and §6.8).
const LINE: usize = 76;

/// The body as it travels, and the transfer encoding that has to be told. It goes as it is if its
/// lines are short, without NUL, and in ASCII, or `eight_bit` says that other octets may go too.
pub(super) fn encode(body: Text, eight_bit: bool) -> (Option<&'static str>, Text) {
    let is_short = |line: &[u8]| line.len() <= LONGEST && !line.contains(&0);
    let octets = body.octets();
    if body.lines().all(is_short) && (eight_bit || octets.is_ascii()) {
        return (name_as_is(&body), body);
    }
    // Quoted-printable leaves ASCII as it is: who looks at the source can read it, if not too much
    // of it is escaped. Base64 is shorter then.
    let plain = |octet: &&u8| matches!(octet, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let escaped = octets.len() - octets.iter().filter(plain).count();
    let (name, text) = if escaped > octets.len() / 3 {
        ("base64", to_base64(octets))
    } else {
        ("quoted-printable", to_quoted_printable(&body))
    };
    (Some(name), Text::from_file(text.as_bytes()))
}

/// The encoding of a body that is not changed: none has to be told if all is ASCII.
pub(super) fn name_as_is(body: &Text) -> Option<&'static str> {
    (!body.octets().is_ascii()).then_some("8bit")
}

fn to_base64(octets: &[u8]) -> String {
    let groups = octets.chunks(LINE / 4 * 3);
    groups.map(|octets| base64::encode(octets) + "\n").collect()
}

/// An octet that is not printable becomes `=` and two digits, and so do `=` itself and a blank at
/// the end of a line, where it could be lost on the way. A `=` at the end of a line says that the
/// line goes on (RFC 2045 §6.7).
fn to_quoted_printable(body: &Text) -> String {
    let mut text = String::new();
    for line in body.lines() {
        let mut length = 0;
        for (at, octet) in line.iter().enumerate() {
            let is_last = at + 1 == line.len();
            let escaped = match octet {
                b' ' | b'\t' => is_last,
                octet => *octet == b'=' || !octet.is_ascii_graphic(),
            };
            let width = if escaped { 3 } else { 1 };
            // A line that goes on needs room for its `=`.
            if length + width > LINE - usize::from(!is_last) {
                text += "=\n";
                length = 0;
            }
            match escaped {
                true => text += &format!("={octet:02X}"),
                false => text.push(char::from(*octet)),
            }
            length += width;
        }
        text += "\n";
    }
    text
}
