// ANCHOR: story
//! Encoded-words: text in any language, written in ASCII (RFC 2047).
// ANCHOR_END: story

// ANCHOR: uses
use super::field::{BLANKS, words};
use crate::protocol::base64;
use std::mem;
// ANCHOR_END: uses

// ANCHOR: most
/// Most octets in one encoded-word: with `=?UTF-8?B?`, `?=` and base64 it has 64
/// characters. It may have 75 (RFC 2047 §2), but then there would be no room for it after
/// the name of the field.
const IN_ONE_WORD: usize = 39;
// ANCHOR_END: most

// ANCHOR: needs
/// Must this be encoded? A text that only looks like an encoded-word must be, too:
/// otherwise a reader would decode it.
pub(super) fn needs_encoding(text: &str) -> bool {
    !text.is_ascii() || text.contains("=?")
}
// ANCHOR_END: needs

// ANCHOR: encode_text
/// The value of a field that is only text, such as Subject (RFC 2047 §5, rule 1). Words
/// that need it, and the space between them, become encoded-words. All other words stay.
pub(super) fn encode_text(value: &str) -> String {
    let mut text = String::new();
    let mut run = String::new();
    for word in words(value) {
        if needs_encoding(word) {
            run += word;
        } else {
            text += &encode_run(&mem::take(&mut run));
            text += word;
        }
    }
    text + &encode_run(&run)
}
// ANCHOR_END: encode_text

// ANCHOR: encode_run
/// Words as encoded-words. A reader drops the space between two of them (RFC 2047 §6.2),
/// so the space between our words goes into them. The space before the first word stays
/// outside.
pub(super) fn encode_run(run: &str) -> String {
    let words = run.trim_start_matches(BLANKS);
    let (before, _) = run.split_at(run.len() - words.len());
    let mut encoded = Vec::new();
    for part in pack(words.chars().map(String::from), IN_ONE_WORD) {
        encoded.push(format!("=?UTF-8?B?{}?=", base64::encode(part.as_bytes())));
    }
    before.to_string() + &encoded.join(" ")
}
// ANCHOR_END: encode_run

// ANCHOR: pack
/// Puts units, such as characters, together into pieces of at most `most` octets. No unit
/// is cut.
pub(super) fn pack(units: impl Iterator<Item = String>, most: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for unit in units {
        match pieces.last_mut() {
            Some(piece) if piece.len() + unit.len() <= most => *piece += &unit,
            _ => pieces.push(unit),
        }
    }
    pieces
}
// ANCHOR_END: pack
