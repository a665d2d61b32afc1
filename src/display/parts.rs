//! The parts of a letter (RFC 2046 §5.1). A multipart body is parts between boundary lines, and a
//! part may be multipart again: a tree, of which we list the leaves.

use super::decode_body;
use super::header::{Header, without_line_end};
use super::parameter::without_comments;

/// How many multiparts inside each other are opened. Honest letters need four or five; without a
/// limit, a letter of nothing but boundaries would use up the stack.
pub const DEPTH: usize = 10;

/// How many parts are listed.
pub const PARTS: usize = 100;

/// How long the names of a media type may be: type and subtype of 127 characters each (RFC 6838
/// §4.2). A longer one is not well formed.
const TYPE: usize = 127;

/// One part that is not multipart itself, or too deep inside to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The media type in lower case, as `text/plain`; two tokens with a slash between them.
    pub kind: String,
    /// The charset of a text; empty if not given.
    pub charset: String,
    /// The file name, or the subject of a letter inside the letter; empty if there is none. Never
    /// a path to write to: whoever sent the letter chose it. Encoded-words in it are not decoded.
    pub name: String,
    /// Is it meant to be saved rather than shown?
    pub attachment: bool,
    /// The content, its transfer encoding undone.
    pub octets: Vec<u8>,
    /// The transfer encoding, if it is one that we do not know; then the octets are as they came.
    pub unknown_encoding: Option<String>,
}

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
            attachment: disposition.eq_ignore_ascii_case("attachment"),
            unknown_encoding: octets.is_none().then_some(encoding),
            octets: octets.unwrap_or_else(|| body.to_vec()),
        }
    }
}

/// Takes a letter apart: its parts in their order, at most [`PARTS`]. A letter that is not
/// multipart is one part.
///
/// Every level reads its lines once, so this takes at most [`DEPTH`] times as long as reading the
/// letter.
pub fn parts(letter: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    open(letter, "text/plain", DEPTH, &mut parts);
    parts
}

fn open(entity: &[u8], default: &str, depth: usize, parts: &mut Vec<Part>) {
    let (header, body) = Header::read(entity);
    // A type that is missing or not well formed is the default one (RFC 2045 §5.2).
    let kind = media_type(header.first("Content-Type"));
    let mut kind = kind.unwrap_or_else(|| default.to_string());
    if kind.starts_with("multipart/") && depth > 0 {
        let inside = split(body, &header.parameter("Content-Type", "boundary"));
        let default = match kind.as_str() {
            "multipart/digest" => "message/rfc822", // RFC 2046 §5.1.5
            _ => "text/plain",
        };
        for part in &inside {
            open(part, default, depth - 1, parts);
        }
        if !inside.is_empty() {
            return;
        }
        // It says multipart and holds no boundary: all we can do is to show what is there.
        kind = "text/plain".to_string();
    }
    if parts.len() < PARTS {
        parts.push(Part::new(&header, kind, body));
    }
}

/// A media type in lower case: two tokens with a slash between them (RFC 2045 §5.1).
fn media_type(value: &str) -> Option<String> {
    let value = without_parameters(value).to_ascii_lowercase();
    let (main, sub) = value.split_once('/')?;
    let (main, sub) = (main.trim(), sub.split_whitespace().next()?);
    let is_sign = |octet: u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet);
    let is_token = |word: &str| (1..=TYPE).contains(&word.len()) && word.bytes().all(is_sign);
    (is_token(main) && is_token(sub)).then(|| format!("{main}/{sub}"))
}

/// What a field says before its first parameter.
fn without_parameters(value: &str) -> String {
    let value = without_comments(value);
    let (first, _) = value.split_once(';').unwrap_or((&value, ""));
    first.trim().to_string()
}

/// What stands between the boundary lines. What comes before the first and after the last is not
/// part of the letter (RFC 2046 §5.1.1), and a body that was cut off ends its last part.
///
/// The outer multipart is split before its parts are looked into, so its boundary also ends an
/// inner one that never closed (§5.1.2).
fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let end = at;
        at += line.len();
        let Some(last) = boundary_line(line, boundary) else {
            continue;
        };
        let part = start.and_then(|start| body.get(start..end));
        // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
        parts.extend(part.map(without_line_end));
        if last {
            return parts;
        }
        start = Some(at);
    }
    parts.extend(start.and_then(|start| body.get(start..)));
    parts
}

/// Is this a boundary line, and if so, is it the last? The whole line has to fit: with the
/// beginning alone, the boundary `Part-1` would cut at `Part-10`.
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
