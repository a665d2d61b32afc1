// ANCHOR: story
//! # Base64 (chapter 7)
//!
//! Three octets as four letters (RFC 2045 §6.8). Passwords travel in it, and so do pictures. It
//! hides nothing: anybody can read it back, as [`decode`] shows.
// ANCHOR_END: story

// ANCHOR: letters
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// ANCHOR_END: letters

// ANCHOR: encode
/// Octets to base64, with `=` to fill the last group.
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for letter in 0..4 {
            let six = (bits >> (18 - 6 * letter)) & 63;
            text.push(if letter <= group.len() {
                char::from(LETTERS[six as usize])
            } else {
                '='
            });
        }
    }
    text
}
// ANCHOR_END: encode

// ANCHOR: decode
/// Base64 to octets. `None` if a letter is wrong, a group is not full, or the bits left over are
/// not zero: one value has one spelling.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let octets = decode_letters(text.trim_end_matches('=').as_bytes())?;
    // Writing it again finds every wrong length, bit and `=`.
    (encode(&octets) == text).then_some(octets)
}
// ANCHOR_END: decode

// ANCHOR: decode_loosely
/// Base64 as it comes in letters of other people: whatever is no letter is passed over, and the
/// text ends at the first `=` (RFC 2045 §6.8).
pub fn decode_loosely(text: &[u8]) -> Vec<u8> {
    let letters = text.iter().copied().take_while(|octet| *octet != b'=');
    let letters: Vec<u8> = letters.filter(|octet| LETTERS.contains(octet)).collect();
    decode_letters(&letters).unwrap_or_default()
}
// ANCHOR_END: decode_loosely

// ANCHOR: decode_letters
fn decode_letters(letters: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let mut bits = 0;
        for letter in group {
            bits = bits << 6
                | u32::try_from(LETTERS.iter().position(|known| known == letter)?).ok()?;
        }
        let whole = group.len() * 6 / 8;
        let [_, all @ ..] = (bits << (24 - 6 * group.len())).to_be_bytes();
        octets.extend(all.iter().take(whole));
    }
    Some(octets)
}
// ANCHOR_END: decode_letters
