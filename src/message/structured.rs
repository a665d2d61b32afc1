// ANCHOR: story
//! Structured fields (RFC 5322 §2.2.2). A comma, a semicolon or a colon has a meaning
//! there, but not inside quotes, comments and brackets. So we read these fields piece by
//! piece.
// ANCHOR_END: story

// ANCHOR: opening
/// What opens a piece in a field of MIME: a quoted-string, a comment.
pub(crate) const IN_MIME: &str = "\"(";
/// What opens a piece in a field of addresses: also an address in brackets, an address
/// literal.
pub(super) const IN_ADDRESSES: &str = "\"(<[";
// ANCHOR_END: opening

// ANCHOR: pieces
/// The pieces of a structured field, exactly as written. A comment has comments inside
/// it. Each character that no piece holds is a piece itself. A piece that does not close
/// goes to the end.
pub(crate) fn pieces<'a>(value: &'a str, opening: &str) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (piece, after) = split_piece(rest, opening).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
// ANCHOR_END: pieces

// ANCHOR: split
/// The first piece, and the rest. `None` if the text is empty, or if the piece does not
/// close.
pub(super) fn split_piece<'a>(text: &'a str, opens: &str) -> Option<(&'a str, &'a str)> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    let last = match first {
        c if !opens.contains(c) => return text.split_at_checked(c.len_utf8()),
        '(' => ')',
        '<' => '>',
        '[' => ']',
        quote => quote,
    };
    let (mut depth, mut is_quoted) = (1, false);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' if first == '<' => is_quoted = !is_quoted,
            '(' if first == '(' => depth += 1,
            c if c == last && !is_quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.split_at_checked(at + 1);
        }
    }
    None
}
// ANCHOR_END: split

// ANCHOR: inside
/// A piece without its quotes or brackets.
pub(super) fn inside(piece: &str) -> &str {
    piece.get(1..piece.len() - 1).unwrap_or_default()
}

/// What a quoted-string or a comment says: without its quotes or brackets, and without
/// the backslash of each quoted-pair (RFC 5322 §3.2.1).
pub(super) fn content(piece: &str) -> String {
    let mut content = String::new();
    let mut chars = inside(piece).chars();
    while let Some(c) = chars.next() {
        content.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    content
}
// ANCHOR_END: inside

// ANCHOR: parameters
/// A field of MIME, as `attachment; filename="plan.txt"`, in its parts: what it says
/// first, and its parameters (RFC 2045 §5.1).
pub(crate) fn split_parameters(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for piece in pieces(value, IN_MIME) {
        match parts.last_mut() {
            Some(part) if piece != ";" => *part += piece,
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// The value of a parameter: a quoted-string without its quotes, or a token. A token
/// should not have spaces, but file names often do. We keep what follows the quotes.
pub(crate) fn plain_value(value: &str) -> String {
    match split_piece(value, IN_MIME) {
        Some((quoted, rest)) if quoted.starts_with('"') => content(quoted) + rest,
        _ => value.trim_start_matches('"').to_string(),
    }
}
// ANCHOR_END: parameters
