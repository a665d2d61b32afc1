//! Structured fields (RFC 5322 §2.2.2): a comma, a semicolon or a colon has a meaning there, but not
//! inside quotes, comments and brackets. So these fields are read piece by piece.

/// The pieces of a structured field, exactly as written: quoted-strings, comments with the comments
/// inside them, addresses in brackets, address literals; each other character is a piece. With them
/// comes the rest of the field if something in it does not close.
pub(crate) fn pieces(value: &str) -> (Vec<&str>, &str) {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some((piece, after)) = split_piece(rest) {
        pieces.push(piece);
        rest = after;
    }
    (pieces, rest)
}

/// The first piece, and the rest. `None` if the text is empty, or if the piece does not close.
pub(crate) fn split_piece(text: &str) -> Option<(&str, &str)> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    let last = match first {
        '"' => '"',
        '(' => ')',
        '<' => '>',
        '[' => ']',
        _ => return text.split_at_checked(first.len_utf8()),
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

/// A piece without its quotes or brackets.
pub(super) fn inside(piece: &str) -> &str {
    piece.get(1..piece.len() - 1).unwrap_or_default()
}

/// What a quoted-string or a comment says: without its quotes or brackets, and without the
/// backslash of each quoted-pair (RFC 5322 §3.2.1).
pub(crate) fn content(piece: &str) -> String {
    let mut content = String::new();
    let mut chars = inside(piece).chars();
    while let Some(c) = chars.next() {
        content.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    content
}

/// A field of MIME, as `attachment; filename="plan.txt"`, in its parts: what it says first, and its
/// parameters (RFC 2045 §5.1). If something in it does not close, that is the end of the last part.
pub(crate) fn split_parameters(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (pieces, unclosed) = pieces(value);
    for piece in pieces.into_iter().chain([unclosed]) {
        match parts.last_mut() {
            Some(part) if piece != ";" => *part += piece,
            _ => parts.push(String::new()),
        }
    }
    parts
}
