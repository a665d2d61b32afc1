// ANCHOR: story
//! Encoded-words: how a header of ASCII carries any text (RFC 2047).
//! `=?ISO-8859-1?Q?Andr=E9?=` is André: a charset, an encoding (B is base64, Q is nearly
//! quoted-printable), and the text.

use super::encoding::{decode_escapes, decode_or_name};
use crate::protocol::base64;
// ANCHOR_END: story

// ANCHOR: decode_words
/// Decodes the encoded-words in a field's value. White space between two of them is
/// dropped (RFC 2047 §6.2). The result is not yet safe to print, and no program may parse
/// it: `=3C`, `=2C` and `=40` can make an address that was not there.
pub fn decode_words(value: &str) -> String {
    let mut text = String::new();
    let mut last = Word::default();
    let mut rest = value;
    // ANCHOR_END: decode_words
    // ANCHOR: decode_words_loop
    while let Some((before, word, after)) = next_word(rest) {
        let is_blank = before.trim_matches([' ', '\t']).is_empty();
        let adjacent = !last.octets.is_empty() && is_blank;
        if adjacent && word.charset.eq_ignore_ascii_case(last.charset) {
            last.octets.extend(word.octets);
        } else {
            text += &decode_or_name(last.charset, &last.octets);
            text += if adjacent { "" } else { before };
            last = word;
        }
        rest = after;
    }
    // ANCHOR_END: decode_words_loop
    // ANCHOR: decode_words_end
    text + &decode_or_name(last.charset, &last.octets) + rest
}
// ANCHOR_END: decode_words_end

// ANCHOR: next_word
/// The next encoded-word, with what is before and after it.
fn next_word(text: &str) -> Option<(&str, Word<'_>, &str)> {
    text.match_indices("=?").find_map(|(at, _)| {
        let (before, word) = text.split_at(at);
        let (word, after) = Word::parse(word)?;
        Some((before, word, after))
    })
}

/// An encoded-word, and all that follow it in the same charset.
#[derive(Default)]
struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
}
// ANCHOR_END: next_word

// ANCHOR: parse
impl Word<'_> {
    /// The encoded-word at the start of `text`, and the rest. Each `?` ends a piece. So
    /// even if many words begin and do not end, we search no part of a text more than
    /// four times.
    fn parse(text: &str) -> Option<(Word<'_>, &str)> {
        let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
        let charset = charset.split('*').next()?; // `utf-8*en` also tells the language
        let (encoding, rest) = rest.split_once('?')?;
        let (encoded, rest) = rest.split_once('?')?;
        let rest = rest.strip_prefix('=')?;
        // ANCHOR_END: parse
        // ANCHOR: parse_bad
        let has_blank = |piece: &str| piece.contains([' ', '\t']);
        let is_bad = charset.is_empty() || charset.contains('=');
        if is_bad || has_blank(charset) || has_blank(encoded) {
            return None;
        }
        // ANCHOR_END: parse_bad
        // ANCHOR: parse_end
        let octets = match encoding {
            "B" | "b" => base64::decode_loosely(encoded.as_bytes()),
            "Q" | "q" => decode_escapes(b'=', encoded.replace('_', " ").as_bytes()),
            _ => return None,
        };
        Some((Word { charset, octets }, rest))
    }
}
// ANCHOR_END: parse_end
