// ANCHOR: story
//! The parameters of a field, as `charset` in `Content-Type: text/plain; charset=utf-8`
//! (RFC 2045 §5.1), with what RFC 2231 added: a long value may come in sections, and a
//! value may have a charset.

use super::encoding::{decode_escapes, decode_or_name};
use crate::message::{IN_MIME, pieces, plain_value, split_parameters};
use std::collections::BTreeMap;
// ANCHOR_END: story

// ANCHOR: parameter
/// The value of a parameter; empty if there is none. A value with a charset comes before
/// one in sections, and that before a plain one, which is there for old programs.
pub(super) fn parameter(value: &str, name: &str) -> String {
    let all = parameters(value);
    let name = name.to_ascii_lowercase();
    let plain = |name: &str| Some((all.get(name)?, false));
    // With a star at the end, a value has octets such as `%E9` (RFC 2231 §4).
    let starred = |name: &str| Some((all.get(&format!("{name}*"))?, true));
    let section = |name: String| starred(&name).or(plain(&name));
    // Sections may come in any order (RFC 2231 §3). If one is missing, the rest is not
    // used.
    let sections = (0..).map_while(|number| section(format!("{name}*{number}")));
    let values = [join(starred(&name)), join(sections), join(plain(&name))];
    let given = values.into_iter().find(|value| !value.is_empty());
    given.unwrap_or_default()
}
// ANCHOR_END: parameter

// ANCHOR: parameters
/// All parameters: their names in lower case, and their values. Of two with one name, the
/// first counts.
fn parameters(value: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for part in split_parameters(&without_comments(value)) {
        if let Some((name, value)) = part.split_once('=') {
            let name = name.trim().to_ascii_lowercase();
            all.entry(name).or_insert(plain_value(value.trim()));
        }
    }
    all
}

/// The value without its comments, which may be between any two words (RFC 2045 §5.1).
pub(super) fn without_comments(value: &str) -> String {
    let mut pieces = pieces(value, IN_MIME);
    pieces.retain(|piece| !piece.starts_with('('));
    pieces.concat()
}
// ANCHOR_END: parameters

// ANCHOR: join
/// Sections to one value. The first tells the charset and the language of all, as in
/// `utf-8'en'Zo%C3%AB`; the language is dropped.
fn join<'a>(sections: impl IntoIterator<Item = (&'a String, bool)>) -> String {
    let mut charset = "";
    let mut octets = Vec::new();
    for (at, (section, has_escapes)) in sections.into_iter().enumerate() {
        let mut text = section.as_str();
        if at == 0
            && has_escapes
            && let [name, _, rest] = text.splitn(3, '\'').collect::<Vec<_>>()[..]
        {
            (charset, text) = (name, rest);
        }
        match has_escapes {
            true => octets.extend(decode_escapes(b'%', text.as_bytes())),
            false => octets.extend(text.as_bytes()),
        }
    }
    decode_or_name(charset, &octets)
}
// ANCHOR_END: join
