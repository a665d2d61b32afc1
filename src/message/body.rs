// ANCHOR: story
//! The body: unchanged if the way allows that, otherwise encoded in ASCII (RFC 2045 §6).
// ANCHOR_END: story

// ANCHOR: uses
use super::encoded_word::pack;
use super::field::LONGEST;
use crate::protocol::base64;
use crate::protocol::dot::Text;
// ANCHOR_END: uses

// ANCHOR: line
/// Lines of an encoded body must not be longer (RFC 2045 §6.7, rule 5, and §6.8).
const ENCODED_LINE: usize = 76;
// ANCHOR_END: line

// ANCHOR: encode
/// The body as it travels, and the transfer encoding that we have to tell. The body stays
/// as it is if its lines are short and without NUL, and if it is ASCII, or `eight_bit`
/// says that other octets may go too.
pub(super) fn encode(body: Text, eight_bit: bool) -> (Option<&'static str>, Text) {
    let is_short = |line: &[u8]| line.len() <= LONGEST && !line.contains(&0);
    let octets = body.octets();
    if body.lines().all(is_short) && (eight_bit || octets.is_ascii()) {
        return (name_as_is(&body), body);
    }
    // ANCHOR_END: encode
    // ANCHOR: choose
    // Quoted-printable leaves ASCII as it is, and people can read its source, if few
    // octets are escaped. If many are, base64 is shorter.
    let is_escaped = |octet: &&u8| !matches!(octet, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let (name, text) = if octets.iter().filter(is_escaped).count() > octets.len() / 3 {
        let groups = octets.chunks(ENCODED_LINE / 4 * 3);
        let lines = groups.map(|octets| base64::encode(octets) + "\n");
        ("base64", lines.collect())
    } else {
        ("quoted-printable", to_quoted_printable(&body))
    };
    (Some(name), Text::from_file(text.as_bytes()))
}
// ANCHOR_END: choose

// ANCHOR: name_as_is
/// The encoding of a body that is not changed: we do not have to tell it if all is ASCII.
pub(super) fn name_as_is(body: &Text) -> Option<&'static str> {
    (!body.octets().is_ascii()).then_some("8bit")
}
// ANCHOR_END: name_as_is

// ANCHOR: quoted
/// An octet that is not printable becomes `=` and two digits. So do `=` itself, and a
/// blank at the end of a line: a server on the way may take it away. A `=` at the
/// end of a line says that the line goes on (RFC 2045 §6.7).
fn to_quoted_printable(body: &Text) -> String {
    let mut text = String::new();
    for line in body.lines() {
        let units = line.iter().enumerate().map(|(at, octet)| match octet {
            b'!'..=b'<' | b'>'..=b'~' => char::from(*octet).to_string(),
            b' ' | b'\t' if at + 1 < line.len() => char::from(*octet).to_string(),
            octet => format!("={octet:02X}"),
        });
        let lines = pack(units, ENCODED_LINE - "=".len());
        text += &(lines.join("=\n") + "\n");
    }
    text
}
// ANCHOR_END: quoted
