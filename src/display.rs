// ANCHOR: story
//! # Display (chapter 18)
//!
//! The last step of a letter's way: somebody reads it. What lies in the mailbox is lines
//! of octets, folded, encoded and packed into parts (MIME, RFC 2045 to 2047). [`present`]
//! undoes all that and makes one page for a terminal: the author, the recipients, the
//! subject, then the text, then a list of the rest.
//!
//! Anybody can send a letter, and a terminal obeys what is printed on it: an ESC can
//! retitle the window, fill the clipboard, even type for the reader. Decoding can produce
//! such octets, so it does not help to look for them before decoding. And a text can look
//! like a field, or like the beginning of another letter. So all that we print goes
//! through one type, the `Page`, as the last step.
//!
//! We show what is there, and we do not guess. We name a charset that we do not know. We
//! show HTML as source: to render it is a browser's work. We show a file name, and never
//! use it to open a file. Nobody reads a letter of 50 MB on a terminal: of a long letter
//! we show a part, and say how much we left out.
// ANCHOR_END: story

// ANCHOR: modules
mod encoded_word;
mod encoding;
mod header;
mod page;
mod parameter;
mod parts;

pub use encoded_word::decode_words;
pub use encoding::{decode_body, decode_charset};
pub use header::{Header, SHOWN_HEADER};
use page::Page;
pub use page::{COLUMNS, INDENT, MARKS, is_hidden, printable};
pub use parts::{DEPTH, PARTS, Part, parts};
// ANCHOR_END: modules

// ANCHOR: present
/// A letter as a page of text, safe to print: of all control characters it holds only
/// newline and tab. It takes any octets, and makes a page of them.
pub fn present(letter: &[u8]) -> String {
    let mut page = Page::default();
    show_fields(&mut page, letter);
    let parts = parts(letter);
    let is_full = parts.len() == PARTS;
    let (mut texts, mut others): (Vec<Part>, Vec<Part>) = parts
        .into_iter()
        .partition(|part| part.kind == "text/plain" && !part.is_attachment);
    // ANCHOR_END: present
    // ANCHOR: present_source
    texts.retain(|part| !is_blank(part));
    if texts.is_empty()
        && let Some(at) = best_source(&others)
    {
        let part = others.remove(at);
        let kind = &part.kind;
        page.remark(&format!("no plain text: this is the source of {kind}"));
        texts.push(part);
    }
    // ANCHOR_END: present_source
    // ANCHOR: present_end
    show_texts(&mut page, &texts);
    list_parts(&mut page, &others);
    if is_full {
        page.remark(&format!("no more than {PARTS} parts are shown"));
    }
    page.into_text()
}
// ANCHOR_END: present_end

// ANCHOR: show_fields
/// Shows the fields of [`FIELDS`]. A field that is there twice is shown twice.
fn show_fields(page: &mut Page, letter: &[u8]) {
    let (header, _) = Header::read(letter);
    let mut is_empty = true;
    for name in FIELDS {
        for value in header.all(name) {
            page.quote(&format!("{name}: "), FIELD_INDENT, &flatten(value));
            is_empty = false;
        }
    }
    // ANCHOR_END: show_fields
    // ANCHOR: show_fields_end
    if is_empty {
        page.remark("no date, no sender, no subject");
    }
    remark_left_out(page, header.left_out, "header");
}

/// The fields that a reader wants, in the order of the page.
const FIELDS: [&str; 6] = ["Date", "From", "Reply-To", "To", "Cc", "Subject"];

/// The beginning of each further line of a field.
const FIELD_INDENT: &str = "    ";
// ANCHOR_END: show_fields_end

// ANCHOR: show_text
/// A text, and before it what we do not know about it.
fn show_text(page: &mut Page, part: &Part, octets: &[u8]) {
    if let Some(encoding) = &part.unknown_encoding {
        remark_unknown(page, "encoded in", encoding);
    }
    let text = decode_charset(&part.charset, octets).unwrap_or_else(|marks| {
        remark_unknown(page, "in", &part.charset);
        marks
    });
    // ANCHOR_END: show_text
    // ANCHOR: show_lines
    page.say("");
    let lines = text.replace("\r\n", "\n");
    for line in lines.trim_matches('\n').split('\n') {
        page.quote(INDENT, INDENT, line);
    }
}
// ANCHOR_END: show_lines

// ANCHOR: remark_unknown
fn remark_unknown(page: &mut Page, how: &str, name: &str) {
    let name = shorten(name);
    page.remark(&format!(
        "this text is {how} {name}, which is not known here"
    ));
}
// ANCHOR_END: remark_unknown

// ANCHOR: is_blank
/// Would a reader see nothing of this text? A text that is too long to be shown as a
/// whole is never blank: nobody has seen its end.
fn is_blank(part: &Part) -> bool {
    if part.octets.len() > SHOWN_TEXT {
        return false;
    }
    let is_blank = |c: char| c.is_whitespace() || is_hidden(c) && !c.is_control();
    let text = decode_charset(&part.charset, &part.octets);
    text.unwrap_or_else(|marks| marks).chars().all(is_blank)
}
// ANCHOR_END: is_blank

// ANCHOR: best_source
/// If there is no plain text: the place of the part whose source is worth reading,
/// another kind of text (RFC 2046 §4.1.4), or a report, which is made of header fields
/// (RFC 3464 §2.1).
fn best_source(parts: &[Part]) -> Option<usize> {
    let shows = |part: &Part| !part.is_attachment && !is_blank(part);
    ["text/", "message/"].iter().find_map(|kind| {
        let mut parts = parts.iter();
        parts.position(|part| part.kind.starts_with(kind) && shows(part))
    })
}
// ANCHOR_END: best_source

// ANCHOR: list_parts
/// A line for each part that is not shown: type, name, size.
fn list_parts(page: &mut Page, parts: &[Part]) {
    if !parts.is_empty() {
        page.say("");
        page.say("Other parts:");
    }
    for (number, part) in (1..).zip(parts) {
        let mut line = part.kind.clone();
        let name = shorten(&part.name);
        if !name.is_empty() {
            line += &format!(" \"{}\"", name.replace('"', "\\\""));
        }
        line += &format!(", {} octets", part.octets.len());
        page.quote(&format!("{number:3}. "), "       ", &line);
    }
}
// ANCHOR_END: list_parts

// ANCHOR: flatten
/// A value on one line, decoded. All white space becomes one space, and a newline, which
/// an encoded-word may hide, becomes a mark.
fn flatten(value: &str) -> String {
    let text = decode_words(value);
    let words = text.split(|c: char| c == '\t' || c.is_whitespace() && !is_hidden(c));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").replace('\n', "\\n")
}
// ANCHOR_END: flatten

// ANCHOR: show_texts
/// The texts, one below the other, as far as there is room.
fn show_texts(page: &mut Page, parts: &[Part]) {
    let (mut room, mut left_out) = (SHOWN_TEXT, 0);
    for part in parts {
        let (shown, rest) = part.octets.split_at(room.min(part.octets.len()));
        room -= shown.len();
        left_out += rest.len();
        if !shown.is_empty() {
            show_text(page, part, shown);
        }
    }
    // ANCHOR_END: show_texts
    // ANCHOR: show_texts_end
    if parts.is_empty() {
        page.remark("no text");
    }
    remark_left_out(page, left_out, "text");
}

fn remark_left_out(page: &mut Page, octets: usize, of_what: &str) {
    if octets > 0 {
        page.remark(&format!("{octets} octets of the {of_what} are left out"));
    }
}

/// How many octets of all texts together are shown, their transfer encoding undone.
pub const SHOWN_TEXT: usize = 1024 * 1024;
// ANCHOR_END: show_texts_end

// ANCHOR: shorten
/// How many characters of the name of a part or of a charset are shown. Most file systems
/// take 255.
pub const SHOWN_NAME: usize = 255;

/// A name on one line, decoded, and cut to [`SHOWN_NAME`] characters.
fn shorten(name: &str) -> String {
    let line = flatten(name);
    match line.char_indices().nth(SHOWN_NAME) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
// ANCHOR_END: shorten
