// ANCHOR: story
//! The parts of a letter (RFC 2046 §5.1). A multipart body has parts between boundary
//! lines, and a part may be multipart again. This makes a tree; we list its leaves.

use super::decode_body;
use super::header::{Header, without_line_end};
use super::parameter::without_comments;
// ANCHOR_END: story

// ANCHOR: part
/// A part that is not multipart itself, or is too deep inside others to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The media type in lower case, as `text/plain`; two tokens with a slash between
    /// them.
    pub kind: String,
    /// The charset of a text; empty if not given.
    pub charset: String,
    /// The file name, or the subject of a letter inside the letter; empty if there is
    /// none. The sender of the letter chose it, so it must never be a path to write to.
    /// Encoded-words in it are not decoded.
    pub name: String,
    /// Does the sender want it to be saved and not shown?
    pub is_attachment: bool,
    /// The content, its transfer encoding undone.
    pub octets: Vec<u8>,
    /// The transfer encoding, if it is one that we do not know; then the octets are as
    /// they came.
    pub unknown_encoding: Option<String>,
}
// ANCHOR_END: part

// ANCHOR: parts
/// Takes a letter apart: its parts in their order, at most [`PARTS`]. A letter that is
/// not multipart is one part.
pub fn parts(letter: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    add_parts(letter, DEPTH, &mut parts);
    parts
}
// ANCHOR_END: parts

// ANCHOR: add_parts
/// Adds an entity to the list, or the parts inside it: a letter and a part have the same
/// form.
fn add_parts(entity: &[u8], depth: usize, parts: &mut Vec<Part>) {
    let (header, body) = Header::read(entity);
    let kind = media_type(header.first("Content-Type"));
    // A type that is missing or not well formed is plain text (RFC 2045 §5.2).
    let mut kind = kind.unwrap_or("text/plain".to_string());
    if kind.starts_with("multipart/") && depth > 0 {
        let inside = split_multipart(body, &header.parameter("Content-Type", "boundary"));
        for part in &inside {
            add_parts(part, depth - 1, parts);
        }
        // ANCHOR_END: add_parts
        // ANCHOR: add_parts_end
        if !inside.is_empty() {
            return;
        }
        // It says multipart, but there is no boundary: we can only show what is there.
        kind = "text/plain".to_string();
    }
    if parts.len() < PARTS {
        parts.push(Part::new(&header, kind, body));
    }
}
// ANCHOR_END: add_parts_end

// ANCHOR: split_multipart
/// The parts between the boundary lines. What comes before the first line and after the
/// last is not part of the letter (RFC 2046 §5.1.1).
fn split_multipart<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (None, 0);
    // ANCHOR_END: split_multipart
    // ANCHOR: split_lines
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let end = at;
        at += line.len();
        if let Some(is_last) = boundary_line(line, boundary) {
            let part = start.and_then(|start| body.get(start..end));
            // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
            parts.extend(part.map(without_line_end));
            // ANCHOR_END: split_lines
            // ANCHOR: split_multipart_end
            if is_last {
                return parts;
            }
            start = Some(at);
        }
    }
    // If a body was cut off, its last part ends there.
    parts.extend(start.and_then(|start| body.get(start..)));
    parts
}
// ANCHOR_END: split_multipart_end

// ANCHOR: part_new
impl Part {
    fn new(header: &Header, kind: String, body: &[u8]) -> Part {
        let mut name = header.parameter("Content-Disposition", "filename");
        if name.is_empty() {
            name = header.parameter("Content-Type", "name");
        }
        if name.is_empty() && kind == "message/rfc822" {
            name = Header::read(body).0.first("Subject").to_string();
        }
        let encoding = without_parameters(header.first("Content-Transfer-Encoding"));
        let octets = decode_body(&encoding, body);
        let disposition = without_parameters(header.first("Content-Disposition"));
        Part {
            kind,
            charset: header.parameter("Content-Type", "charset"),
            name,
            is_attachment: disposition.eq_ignore_ascii_case("attachment"),
            unknown_encoding: octets.is_none().then_some(encoding),
            octets: octets.unwrap_or_else(|| body.to_vec()),
        }
    }
}
// ANCHOR_END: part_new

// ANCHOR: media_type
/// A media type in lower case: two tokens with a slash between them (RFC 2045 §5.1).
fn media_type(value: &str) -> Option<String> {
    let value = without_parameters(value).to_ascii_lowercase();
    let (main, sub) = value.split_once('/')?;
    let (main, sub) = (main.trim(), sub.split_whitespace().next()?);
    (is_token(main) && is_token(sub)).then(|| format!("{main}/{sub}"))
}

fn is_token(word: &str) -> bool {
    let is_special = |octet: u8| b"()<>@,;:\\\"/[]?=".contains(&octet);
    let is_sign = |octet: u8| octet.is_ascii_graphic() && !is_special(octet);
    (1..=TYPE_NAME).contains(&word.len()) && word.bytes().all(is_sign)
}

/// Most characters of a type, and of a subtype (RFC 6838 §4.2). A longer one is not well
/// formed.
const TYPE_NAME: usize = 127;

/// What a field says before its first parameter.
fn without_parameters(value: &str) -> String {
    let value = without_comments(value);
    let (first, _) = value.split_once(';').unwrap_or((&value, ""));
    first.trim().to_string()
}
// ANCHOR_END: media_type

// ANCHOR: boundary_line
/// Is this a boundary line, and if so, is it the last? We compare the whole line.
fn boundary_line(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line
        .strip_prefix(b"--")?
        .strip_prefix(boundary.as_bytes())?;
    match rest.trim_ascii_end() {
        _ if boundary.is_empty() => None,
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}
// ANCHOR_END: boundary_line

// ANCHOR: limits
/// How many multiparts inside each other we open. Real letters need four or five.
pub const DEPTH: usize = 10;

/// How many parts we list.
pub const PARTS: usize = 100;
// ANCHOR_END: limits
