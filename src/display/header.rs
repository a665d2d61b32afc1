// ANCHOR: story
//! Header fields: from folded lines to names and values.

use super::encoding::utf8;
use super::parameter::parameter;
use crate::message::split_field;
// ANCHOR_END: story

// ANCHOR: header
/// The header of a letter, or of a part of one.
///
/// Values are unfolded but not decoded, and not yet safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    fields: Vec<(String, String)>,
    /// How many octets of the header we did not keep; see [`SHOWN_HEADER`].
    pub(super) left_out: usize,
}
// ANCHOR_END: header

// ANCHOR: read
impl Header {
    /// Reads a header, and returns with it the body that follows. Lines may end in CR LF
    /// or LF.
    pub fn read(letter: &[u8]) -> (Header, &[u8]) {
        let letter = letter.strip_prefix(b"\xef\xbb\xbf").unwrap_or(letter);
        let mut fields: Vec<(String, String)> = Vec::new();
        let (mut length, mut left_out) = (0, 0);
        for line in letter.split_inclusive(|octet| *octet == b'\n') {
            let text = without_line_end(line);
            let kept = text.len().min(SHOWN_HEADER.saturating_sub(length));
            let (kept, rest) = text.split_at(kept);
            let is_folded = text.starts_with(b" ") || text.starts_with(b"\t");
            // ANCHOR_END: read
            // ANCHOR: read_line
            match (fields.last_mut(), split_field(text)) {
                // Unfolding takes out the line end and nothing else (RFC 5322 §2.2.3).
                (Some((_, value)), _) if is_folded => *value += &utf8(kept),
                (_, Some((name, value))) => {
                    let value = kept.get(text.len() - value.len()..);
                    fields.extend(value.map(|value| (utf8(name), utf8(value))));
                }
                // ANCHOR_END: read_line
                // ANCHOR: read_other
                (None, None) if length == 0 && text.starts_with(b"From ") => {}
                _ if text.is_empty() => {
                    length += line.len();
                    break;
                }
                _ => break,
            }
            length += line.len();
            left_out += rest.len();
        }
        let body = letter.get(length..).unwrap_or_default();
        (Header { fields, left_out }, body)
    }

    /// The values of all fields of a name, in their order. Names are compared without
    /// case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter();
        let named = fields.filter(move |field| field.0.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim_ascii())
    }

    /// The value of the first field of a name; empty if there is none.
    pub fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// A parameter of a field, as `charset` in `Content-Type: text/plain; charset=utf-8`,
    /// without comments, its sections joined and its charset decoded (RFC 2045 §5.1, RFC
    /// 2231 §3 and §4); empty if there is none.
    pub fn parameter(&self, field: &str, name: &str) -> String {
        parameter(self.first(field), name)
    }
}

/// How many octets of a header we keep. We skip the rest of a longer one: nobody
/// reads it, and other mail programs take less (Postfix cuts a field at 100 KiB, sendmail
/// refuses more than 32 KiB in all).
pub const SHOWN_HEADER: usize = 256 * 1024;

/// A line without the CR LF or LF at its end.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
// ANCHOR_END: read_other
