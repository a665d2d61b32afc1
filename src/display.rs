//! # Display (chapter 18)
//!
//! The last step of a letter's way: somebody reads it. What lies in the mailbox is lines of octets,
//! folded, encoded and packed into parts (MIME, RFC 2045 to 2047). [`present`] undoes all that and
//! makes one page for a terminal: who, to whom, about what, then the text, then a list of the rest.
//!
//! A letter comes from anybody, and a terminal obeys what is printed on it: an ESC can retitle the
//! window, fill the clipboard, even type for the reader. Decoding is what brings such octets to
//! light, so looking for them before decoding is no use. Here everything leaves by one door,
//! [`printable`], and it is the last one.
//!
//! It shows what is there and guesses nothing. An unknown charset is named. HTML is shown as
//! source: to render it is a browser's work. A file name is shown, and never used to open a file.

mod encoded_word;
mod encoding;
mod header;
mod parts;

use crate::protocol::line::{is_hidden, visible};
pub use encoded_word::decode_words;
pub use encoding::{decode_body, decode_charset};
pub use header::Header;
pub use parts::{DEPTH, PARTS, Part, parts};

/// The fields a reader wants, in the order of the page. Trace fields are for those who look for a
/// fault, and they read the letter itself.
const FIELDS: [&str; 6] = ["Date", "From", "Reply-To", "To", "Cc", "Subject"];

/// A letter as a page of text, safe to print: of all control characters it holds only newline and
/// tab. Any octets are a letter, also none at all.
///
/// All plain text is shown; a letter without any shows the source of the best there is, and says
/// so.
pub fn present(letter: &[u8]) -> String {
    let mut page = fields(letter);
    let parts = parts(letter);
    let full = parts.len() == PARTS;
    let (mut texts, mut others): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(is_plain_text);
    if texts.is_empty()
        && let Some(at) = source(&others)
    {
        let part = others.remove(at);
        page += &format!("\n(no plain text: this is the source of {})\n", part.kind);
        texts.push(part);
    }
    page += &body(&texts);
    page += &list(&others);
    if full {
        page += &format!("(no more than {PARTS} parts are shown)\n");
    }
    printable(&page)
}

/// Text that cannot drive a terminal: whatever moves, hides or turns around other text becomes a
/// visible mark such as `\x1b`. Newline and tab stay, and so does a backslash: this is for reading,
/// not for reading back.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if is_hidden(c) => shown += &visible(c.to_string().as_bytes()),
            c => shown.push(c),
        }
    }
    shown
}

/// A value on one line, decoded, the white space of its folds made one space. A newline that hid in
/// an encoded-word must not stay one: it could add a line to the page that looks like a field.
fn one_line(value: &str) -> String {
    let words = value.split([' ', '\t']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    decode_words(&words.join(" ")).replace('\n', "\\n")
}

/// A field that stands there twice is shown twice: which of two senders is the true one is not
/// ours to say (RFC 7103 §7.5.1).
fn fields(letter: &[u8]) -> String {
    let (header, _) = Header::read(letter);
    let mut page = String::new();
    for name in FIELDS {
        for value in header.all(name) {
            page += &format!("{name}: {}\n", one_line(value));
        }
    }
    if page.is_empty() {
        page += "(no date, no sender, no subject)\n";
    }
    page
}

fn is_plain_text(part: &Part) -> bool {
    part.kind == "text/plain" && !part.attachment
}

/// Where the part is whose source is worth reading, if there is no plain text: another kind of
/// text (RFC 2046 §4.1.4), or a report, which is made of header fields (RFC 3464 §2.1).
fn source(parts: &[Part]) -> Option<usize> {
    ["text/", "message/"].iter().find_map(|kind| {
        let fits = |part: &Part| part.kind.starts_with(kind) && !part.attachment;
        parts.iter().position(fits)
    })
}

/// The texts, one below the other.
fn body(parts: &[Part]) -> String {
    let mut body = String::new();
    for part in parts {
        if !part.octets.trim_ascii().is_empty() {
            body += &format!("\n{}\n", text(part).trim_matches('\n'));
        }
    }
    if body.is_empty() {
        body += "\n(no text)\n";
    }
    body
}

/// The text of a part. If its charset is not known it is named, and what is ASCII can be read.
fn text(part: &Part) -> String {
    let charset = &part.charset;
    let text = decode_charset(charset, &part.octets).unwrap_or_else(|marks| {
        format!("(this text is in {charset}, which is not known here)\n\n{marks}")
    });
    text.replace("\r\n", "\n")
}

/// Of each part that is not shown a line: type, name, size.
fn list(parts: &[Part]) -> String {
    let mut list = String::new();
    for (number, part) in (1..).zip(parts) {
        if number == 1 {
            list += "\nOther parts:\n";
        }
        list += &format!("{number:3}. {}", part.kind);
        let name = one_line(&part.name);
        if !name.is_empty() {
            list += &format!(" \"{name}\"");
        }
        list += &format!(", {} octets", part.octets.len());
        if part.kind.starts_with("multipart/") {
            list += " (nested too deep to be opened)";
        }
        list += "\n";
    }
    list
}
