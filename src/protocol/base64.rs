// ANCHOR: story
//! # Base64 (chapter 7)
//!
//! Three octets as four characters (RFC 2045 §6.8). Passwords travel in it, and so do
//! pictures. It hides nothing: anybody can read it back, as [`decode`] shows.
// ANCHOR_END: story

// ANCHOR: encode
/// Octets to base64, with `=` to fill the last group.
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::new();
    for group in octets.chunks(3) {
        let octet = |at| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        // ANCHOR_END: encode

        // ANCHOR: characters
        for at in 0..4 {
            let six_bits = (bits >> (18 - 6 * at)) & 63;
            text.push(if at <= group.len() {
                char::from(ALPHABET[six_bits as usize])
            } else {
                '='
            });
        }
    }
    text
}
// ANCHOR_END: characters

// ANCHOR: alphabet
/// The character for each value of six bits.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\
    0123456789+/";
// ANCHOR_END: alphabet

// ANCHOR: decode_characters
/// Characters to octets. `None` if one is not in the alphabet.
fn decode_characters(characters: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for group in characters.chunks(4) {
        let mut bits: u32 = 0;
        for character in group {
            let six_bits = ALPHABET.iter().position(|known| known == character)?;
            bits = bits << 6 | six_bits as u32;
        }
        // ANCHOR_END: decode_characters

        // ANCHOR: octets
        let whole = group.len() * 6 / 8;
        bits <<= 24 - 6 * group.len();
        let [_, all @ ..] = bits.to_be_bytes();
        octets.extend(all.iter().take(whole));
    }
    Some(octets)
}
// ANCHOR_END: octets

// ANCHOR: decode
/// Base64 to octets. `None` if a character is wrong, a group is not full, or the bits
/// left over are not zero: one value has one spelling.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let octets = decode_characters(text.trim_end_matches('=').as_bytes())?;
    // Writing it again finds every wrong length, bit and `=`.
    (encode(&octets) == text).then_some(octets)
}
// ANCHOR_END: decode

// ANCHOR: decode_loosely
/// Base64 as it comes in letters from other programs. A character that is not in the
/// alphabet is skipped, and the text ends at the first `=` (RFC 2045 §6.8).
pub fn decode_loosely(text: &[u8]) -> Vec<u8> {
    let before_end = text.iter().copied().take_while(|octet| *octet != b'=');
    let characters: Vec<u8> = before_end
        .filter(|octet| ALPHABET.contains(octet))
        .collect();
    decode_characters(&characters).unwrap_or_default()
}
// ANCHOR_END: decode_loosely
