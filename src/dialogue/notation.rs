//! The notation: what one line of a dialogue stands for.

use std::collections::BTreeMap;

/// Most octets that one line of a dialogue may stand for.
const REPEATED: usize = 64 * 1024 * 1024;

/// The texts that names have stood for so far.
pub type Names = BTreeMap<String, Vec<u8>>;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Octets(Vec<u8>),
    /// Any text; if it has a name, the same text each time.
    Any(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Say(Vec<Piece>),
    Close,
}

pub fn parse_line(line: &str) -> Result<What, &'static str> {
    match line {
        "{close}" => Ok(What::Close),
        line => parse_pieces(line, b"\r\n").map(What::Say),
    }
}

/// Reads pieces. `end` is what follows them, unless a backslash stands in its place.
fn parse_pieces(text: &str, end: &[u8]) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '{']) {
        let (plain, special) = rest.split_at(at);
        octets.extend_from_slice(plain.as_bytes());
        if special == "\\" && !end.is_empty() {
            pieces.push(Piece::Octets(octets));
            return Ok(pieces);
        }
        let Some(inside) = special.strip_prefix('{') else {
            let (octet, after) =
                escape(special).ok_or("after `\\` stands r, n, \\, {, or x and two digits")?;
            octets.push(octet);
            rest = after;
            continue;
        };
        let (inside, after) = inside.split_once('}').ok_or("a `{` without a `}`")?;
        rest = after;
        match inside.split_once('*') {
            Some((times, text)) => {
                let times: usize = times.parse().map_err(|_| "before `*` stands a number")?;
                let inner = written(&parse_pieces(text, b"")?, &Names::new());
                let inner = inner.ok_or("only text can be repeated")?;
                if inner.len().saturating_mul(times) > REPEATED - octets.len().min(REPEATED) {
                    return Err("that is too much text");
                }
                octets.extend(inner.repeat(times));
            }
            None if inside == "close" => return Err("`{close}` stands alone"),
            None => {
                pieces.push(Piece::Octets(std::mem::take(&mut octets)));
                pieces.push(Piece::Any(inside.to_string()));
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets.extend_from_slice(end);
    pieces.push(Piece::Octets(octets));
    Ok(pieces)
}

/// The octet that an escape stands for, and what follows it.
fn escape(text: &str) -> Option<(u8, &str)> {
    let (escape, rest) = text.split_at_checked(2)?;
    match escape {
        "\\r" => Some((b'\r', rest)),
        "\\n" => Some((b'\n', rest)),
        "\\\\" => Some((b'\\', rest)),
        "\\{" => Some((b'{', rest)),
        "\\x" => {
            let (digits, rest) = rest.split_at_checked(2)?;
            // The standard library would take `+f` for a number.
            let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let octet = u8::from_str_radix(digits, 16).ok().filter(|_| hex)?;
            Some((octet, rest))
        }
        _ => None,
    }
}

/// The same pieces, but each name that has a text by now is that text.
fn settled(pieces: &[Piece], names: &Names) -> Vec<Piece> {
    let mut settled = Vec::new();
    let mut octets = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Octets(more) => octets.extend_from_slice(more),
            Piece::Any(name) => match names.get(name) {
                Some(text) => octets.extend_from_slice(text),
                None => {
                    settled.push(Piece::Octets(std::mem::take(&mut octets)));
                    settled.push(piece.clone());
                }
            },
        }
    }
    settled.push(Piece::Octets(octets));
    settled
}

/// The octets of a line that we say; `None` if a name in it has no text yet.
pub fn written(pieces: &[Piece], names: &Names) -> Option<Vec<u8>> {
    match settled(pieces, names).as_mut_slice() {
        [Piece::Octets(octets)] => Some(std::mem::take(octets)),
        _ => None,
    }
}

/// Does `line` fit? Each piece of any text takes as little as it can.
pub fn matches(pieces: &[Piece], line: &[u8], names: &mut Names) -> bool {
    let pieces = settled(pieces, names);
    let mut rest = line;
    let mut pending: Option<&str> = None;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Octets(octets) => {
                let Some(name) = pending.take() else {
                    let Some(after) = rest.strip_prefix(octets.as_slice()) else {
                        return false;
                    };
                    rest = after;
                    continue;
                };
                let last = at + 1 == pieces.len();
                let found = match last {
                    true => rest
                        .strip_suffix(octets.as_slice())
                        .map(|text| (text, &rest[rest.len()..])),
                    false => find(rest, octets),
                };
                let Some((text, after)) = found else {
                    return false;
                };
                if !name.is_empty()
                    && names
                        .entry(name.to_string())
                        .or_insert_with(|| text.to_vec())
                        != text
                {
                    return false;
                }
                rest = after;
            }
            Piece::Any(name) => pending = Some(name),
        }
    }
    rest.is_empty()
}

/// Splits around the first place where `octets` stand.
fn find<'a>(text: &'a [u8], octets: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    (0..=text.len()).find_map(|at| {
        let (before, from) = text.split_at_checked(at)?;
        Some((before, from.strip_prefix(octets)?))
    })
}
