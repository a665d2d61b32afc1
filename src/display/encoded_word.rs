//! Encoded-words: how a header of ASCII carries any text (RFC 2047).
//! `=?ISO-8859-1?Q?Andr=E9?=` is André: a charset, an encoding (B is base64, Q is nearly
//! quoted-printable), and the text.

use super::encoding::{decode_escapes, decode_or_name};
use crate::protocol::base64;

/// Decodes the encoded-words in a field's value. White space between two of them is
/// dropped (RFC 2047 §6.2), and so is the name of a language (RFC 2231 §5). A charset
/// that we do not know is named. Everything else stays as it is.
///
/// An encoded-word should have white space around it (§5). We do not insist, because too
/// many programs forget it, and people only look at the result. No program may parse it:
/// `=3C`, `=2C` and `=40` can make an address that was not there (§6.2). And it is not
/// yet safe to print.
pub fn decode_words(value: &str) -> String {
    let mut text = String::new();
    let mut last = Word::default();
    let mut rest = value;
    while let Some((before, word, after)) = next_word(rest) {
        let adjacent = !last.octets.is_empty() && before.trim_matches([' ', '\t']).is_empty();
        if adjacent && word.charset.eq_ignore_ascii_case(last.charset) {
            last.octets.extend(word.octets);
        } else {
            text += &decode_or_name(last.charset, &last.octets);
            text += if adjacent { "" } else { before };
            last = word;
        }
        rest = after;
    }
    text + &decode_or_name(last.charset, &last.octets) + rest
}

/// The next encoded-word, with what is before and after it.
fn next_word(text: &str) -> Option<(&str, Word<'_>, &str)> {
    text.match_indices("=?").find_map(|(at, _)| {
        let (before, word) = text.split_at(at);
        let (word, after) = Word::parse(word)?;
        Some((before, word, after))
    })
}

/// An encoded-word, and all that follow it in the same charset. A word should end with a
/// whole character (RFC 2047 §5), but some programs cut a character in two. So we put the
/// octets together before we decode the charset.
#[derive(Default)]
struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
}

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
        if charset.is_empty() || charset.contains([' ', '\t', '=']) || encoded.contains([' ', '\t'])
        {
            return None;
        }
        let octets = match encoding {
            "B" | "b" => base64::decode_loosely(encoded.as_bytes()),
            "Q" | "q" => decode_escapes(b'=', encoded.replace('_', " ").as_bytes()),
            _ => return None,
        };
        Some((Word { charset, octets }, rest))
    }
}
