// ANCHOR: story
//! The notation of one line of a dialogue. It knows nothing of sides or streams.
// ANCHOR_END: story

// ANCHOR: uses
use std::collections::BTreeMap;
// ANCHOR_END: uses

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
    /// Says a line.
    Say(Vec<Piece>),
    /// Says a line of a reply, `{more}250 ...`: before it there may be lines that begin
    /// like this, `250-`.
    More(String, Vec<Piece>),
    /// Closes the connection: `{close}`.
    Close,
}
// ANCHOR_END: what

// ANCHOR: names
/// The texts of the names that were heard so far.
pub type Names = BTreeMap<String, Vec<u8>>;
// ANCHOR_END: names

// ANCHOR: matches
/// Does `line` fit? If it does, these are the names from now on.
pub fn matches(pieces: &[Piece], line: &[u8], names: &Names) -> Option<Names> {
    let pieces = replace_names(pieces, names);
    let mut names = names.clone();
    let mut rest = line;
    for (at, piece) in pieces.iter().enumerate() {
        let length = match piece {
            Piece::Octets(octets) => rest.starts_with(octets).then_some(octets.len())?,
            Piece::Any(_) => open_length(pieces.get(at + 1..)?, rest)?,
        };
        // ANCHOR_END: matches

        // ANCHOR: matches_names
        let (text, after) = rest.split_at_checked(length)?;
        // A name that was not heard before has this text from now on.
        if let Piece::Any(name) = piece
            && !name.is_empty()
            && names.entry(name.clone()).or_insert(text.into()) != text
        {
            return None;
        }
        rest = after;
    }
    rest.is_empty().then_some(names)
}
// ANCHOR_END: matches_names

// ANCHOR: open_length
/// How long is an open text? It is as short as the pieces after it let it be, but the
/// last one reaches to the end.
fn open_length(after: &[Piece], rest: &[u8]) -> Option<usize> {
    match after {
        [] => Some(rest.len()),
        [Piece::Octets(end)] => Some(rest.strip_suffix(end.as_slice())?.len()),
        [Piece::Octets(next), ..] => find(next, rest),
        [Piece::Any(_), ..] => Some(0),
    }
}
// ANCHOR_END: open_length

// ANCHOR: find
/// Where in `text` are these octets for the first time?
fn find(octets: &[u8], text: &[u8]) -> Option<usize> {
    (0..=text.len()).find(|at| {
        let from = text.get(*at..).unwrap_or(b"");
        from.starts_with(octets)
    })
}
// ANCHOR_END: find

// ANCHOR: replace_names
/// Puts its text in the place of each name that has one, and joins neighbours that are
/// octets. So an open text is followed by octets, by another open text, or by nothing.
fn replace_names(pieces: &[Piece], names: &Names) -> Vec<Piece> {
    let mut replaced = Vec::new();
    for piece in pieces {
        let known = match piece {
            Piece::Octets(octets) => Some(octets),
            Piece::Any(name) => names.get(name),
        };
        match (known, replaced.last_mut()) {
            (None, _) => replaced.push(piece.clone()),
            (Some(text), Some(Piece::Octets(before))) => before.extend_from_slice(text),
            (Some(text), _) => replaced.push(Piece::Octets(text.clone())),
        }
    }
    replaced
}
// ANCHOR_END: replace_names

// ANCHOR: written
/// The octets of a line; `None` if any text in it is open.
pub fn written(pieces: &[Piece], names: &Names) -> Option<Vec<u8>> {
    match replace_names(pieces, names).as_slice() {
        [] => Some(Vec::new()),
        [Piece::Octets(octets)] => Some(octets.clone()),
        _ => None,
    }
}
// ANCHOR_END: written

// ANCHOR: parse_line
/// Reads a line, without the `C: ` before it. The error says what is wrong with it.
pub fn parse_line(line: &str) -> Result<What, &'static str> {
    if line == "{close}" {
        return Ok(What::Close);
    }
    let Some(line) = line.strip_prefix("{more}") else {
        return parse_pieces(line, b"\r\n").map(What::Say);
    };
    let code = line.get(..3).unwrap_or("");
    if code.len() < 3 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err("after `{more}` there are the three digits of a reply");
    }
    let pieces = parse_pieces(line, b"\r\n")?;
    Ok(What::More(format!("{code}-"), pieces))
}
// ANCHOR_END: parse_line

// ANCHOR: parse_pieces
/// Reads pieces. `end` comes after them, unless there is a backslash in its place.
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
            escape(text).ok_or("after `\\` comes r, n, \\, {, or x and two digits")?;
        return Ok((Piece::Octets(vec![octet]), rest));
    }
    let Some(inside) = text.strip_prefix('{') else {
        let (plain, rest) = text.split_at(text.find(['\\', '{']).unwrap_or(text.len()));
        return Ok((Piece::Octets(plain.into()), rest));
    };
    let (inside, rest) = inside.split_once('}').ok_or("a `{` without a `}`")?;
    Ok((parse_braces(inside)?, rest))
}
// ANCHOR_END: parse_piece

// ANCHOR: parse_braces
/// Reads what is between braces.
fn parse_braces(inside: &str) -> Result<Piece, &'static str> {
    match inside.split_once('*') {
        Some((times, text)) => repeated(times, text).map(Piece::Octets),
        None if inside == "close" => Err("`{close}` is a line of its own"),
        None if inside == "more" => Err("`{more}` begins a line"),
        None => Ok(Piece::Any(inside.to_string())),
    }
}
// ANCHOR_END: parse_braces

// ANCHOR: repeated_limit
/// Most octets of one repetition, so that a typing error like `{99999999999*x}` fills no
/// memory.
const REPEATED: usize = 64 * 1024 * 1024;
// ANCHOR_END: repeated_limit

// ANCHOR: repeated
fn repeated(times: &str, text: &str) -> Result<Vec<u8>, &'static str> {
    let times: usize = times.parse().map_err(|_| "before `*` comes a number")?;
    let text = written(&parse_pieces(text, b"")?, &Names::new());
    let text = text.ok_or("only text can be repeated")?;
    if text.len().saturating_mul(times) > REPEATED {
        return Err("that is too much text");
    }
    Ok(text.repeat(times))
}
// ANCHOR_END: repeated

// ANCHOR: escape
/// The octet of an escape, and what follows it.
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
