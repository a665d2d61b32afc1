// ANCHOR: story
//! The notation: what one line of a dialogue stands for. It knows nothing of sides or streams.
// ANCHOR_END: story

// ANCHOR: uses
use std::collections::BTreeMap;
// ANCHOR_END: uses

// ANCHOR: repeated_limit
/// Most octets that one repetition may stand for; a slip of the finger makes no `{99999999999*x}`.
const REPEATED: usize = 64 * 1024 * 1024;
// ANCHOR_END: repeated_limit

// ANCHOR: names
/// The texts that names have stood for so far.
pub type Names = BTreeMap<String, Vec<u8>>;
// ANCHOR_END: names

// ANCHOR: piece
/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Octets(Vec<u8>),
    /// Any text; if it has a name, the same text each time.
    Any(String),
}
// ANCHOR_END: piece

// ANCHOR: what
/// What one side does in its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Say(Vec<Piece>),
    /// Closes the connection: `{close}`.
    Close,
}
// ANCHOR_END: what

// ANCHOR: parse_line
/// Reads a line, without the `C: ` before it. The error says what is wrong with it.
pub fn parse_line(line: &str) -> Result<What, &'static str> {
    match line {
        "{close}" => Ok(What::Close),
        line => parse_pieces(line, b"\r\n").map(What::Say),
    }
}
// ANCHOR_END: parse_line

// ANCHOR: parse_pieces
/// Reads pieces. `end` is what follows them, unless a backslash stands in its place.
fn parse_pieces(text: &str, end: &[u8]) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if rest == "\\" && !end.is_empty() {
            return Ok(pieces);
        }
        let (piece, after) = parse_piece(rest)?;
        pieces.push(piece);
        rest = after;
    }
    pieces.push(Piece::Octets(end.to_vec()));
    Ok(pieces)
}
// ANCHOR_END: parse_pieces

// ANCHOR: parse_piece
/// Reads one mark, or plain text up to the next one, and returns what follows it.
fn parse_piece(text: &str) -> Result<(Piece, &str), &'static str> {
    if text.starts_with('\\') {
        let (octet, rest) =
            escape(text).ok_or("after `\\` stands r, n, \\, {, or x and two digits")?;
        return Ok((Piece::Octets(vec![octet]), rest));
    }
    let Some(inside) = text.strip_prefix('{') else {
        let (plain, rest) = text.split_at(text.find(['\\', '{']).unwrap_or(text.len()));
        return Ok((Piece::Octets(plain.into()), rest));
    };
    let (inside, rest) = inside.split_once('}').ok_or("a `{` without a `}`")?;
    let piece = match inside.split_once('*') {
        Some((times, text)) => Piece::Octets(repeated(times, text)?),
        None if inside == "close" => return Err("`{close}` stands alone"),
        None => Piece::Any(inside.to_string()),
    };
    Ok((piece, rest))
}
// ANCHOR_END: parse_piece

// ANCHOR: repeated
fn repeated(times: &str, text: &str) -> Result<Vec<u8>, &'static str> {
    let times: usize = times.parse().map_err(|_| "before `*` stands a number")?;
    let text = written(&parse_pieces(text, b"")?, &Names::new());
    let text = text.ok_or("only text can be repeated")?;
    if text.len().saturating_mul(times) > REPEATED {
        return Err("that is too much text");
    }
    Ok(text.repeat(times))
}
// ANCHOR_END: repeated

// ANCHOR: escape
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
// ANCHOR_END: escape

// ANCHOR: settled
/// A line as far as we know it: how it begins, and each open text, by its name, with what stands
/// behind it.
fn settled<'a>(pieces: &'a [Piece], names: &Names) -> (Vec<u8>, Vec<(&'a str, Vec<u8>)>) {
    let mut start = Vec::new();
    let mut open: Vec<(&str, Vec<u8>)> = Vec::new();
    for piece in pieces {
        let known = match piece {
            Piece::Octets(octets) => octets,
            Piece::Any(name) => match names.get(name) {
                Some(text) => text,
                None => {
                    open.push((name, Vec::new()));
                    continue;
                }
            },
        };
        let end = open.last_mut().map_or(&mut start, |(_, behind)| behind);
        end.extend_from_slice(known);
    }
    (start, open)
}
// ANCHOR_END: settled

// ANCHOR: written
/// The octets of a line; `None` if any text in it is open.
pub fn written(pieces: &[Piece], names: &Names) -> Option<Vec<u8>> {
    let (start, open) = settled(pieces, names);
    open.is_empty().then_some(start)
}
// ANCHOR_END: written

// ANCHOR: matches
/// Does `line` fit? Each open text is as short as it can be; the last one reaches to the end.
pub fn matches(pieces: &[Piece], line: &[u8], names: &mut Names) -> bool {
    let (start, mut open) = settled(pieces, names);
    let last = open.pop();
    let Some(mut rest) = line.strip_prefix(start.as_slice()) else {
        return false;
    };
    for (name, behind) in &open {
        let Some((text, after)) = find(rest, behind) else {
            return false;
        };
        if !same(names, name, text) {
            return false;
        }
        rest = after;
    }
    match last {
        None => rest.is_empty(),
        Some((name, behind)) => rest
            .strip_suffix(behind.as_slice())
            .is_some_and(|text| same(names, name, text)),
    }
}
// ANCHOR_END: matches

// ANCHOR: same
/// Is this the text that `name` stands for? If it has none yet, it is from now on.
fn same(names: &mut Names, name: &str, text: &[u8]) -> bool {
    name.is_empty()
        || names
            .entry(name.to_string())
            .or_insert_with(|| text.to_vec())
            == text
}
// ANCHOR_END: same

// ANCHOR: find
/// Splits around the first place where `octets` stand.
fn find<'a>(text: &'a [u8], octets: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    (0..=text.len()).find_map(|at| {
        let (before, from) = text.split_at_checked(at)?;
        Some((before, from.strip_prefix(octets)?))
    })
}
// ANCHOR_END: find
