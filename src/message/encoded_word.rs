//! Encoded-words: text in any language, written in ASCII (RFC 2047).

use super::field::{BLANKS, split_word};
use crate::protocol::base64;

/// Most octets in one encoded-word: with `=?UTF-8?B?`, `?=` and base64 it has 64 characters. It may
/// have 75 (RFC 2047 §2), but should find room after the name.
const IN_ONE_WORD: usize = 39;

/// Must this be encoded? So must what only looks like an encoded-word, or a reader would decode it.
pub(super) fn needs_encoding(text: &str) -> bool {
    !text.is_ascii() || text.contains("=?")
}

/// The value of a field such as Subject, which is text and nothing else (RFC 2047 §5, rule 1):
/// every run of words that need it becomes encoded-words, and the others stay.
pub(super) fn encode_text(value: &str) -> String {
    let mut text = String::new();
    let mut run = String::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (word, after) = split_word(rest);
        if needs_encoding(word) {
            run += word;
        } else {
            text += &encode_run(&std::mem::take(&mut run));
            text += word;
        }
        rest = after;
    }
    text + &encode_run(&run)
}

/// Words as encoded-words. The space between two of them is no part of the text (RFC 2047 §6.2), so
/// the space between the words goes into them; the one before the first stays outside.
pub(super) fn encode_run(run: &str) -> String {
    let mut rest = run.trim_start_matches(BLANKS);
    let (before, _) = run.split_at(run.len() - rest.len());
    let mut words = Vec::new();
    while !rest.is_empty() {
        let mut end = rest.len().min(IN_ONE_WORD);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        words.push(format!("=?UTF-8?B?{}?=", base64::encode(part.as_bytes())));
        rest = after;
    }
    before.to_string() + &words.join(" ")
}
