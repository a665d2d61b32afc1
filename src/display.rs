//! # Display (chapter 18)
//!
//! The last step of a letter's way: somebody reads it. What lies in the mailbox is lines of octets,
//! folded, encoded and packed into parts (MIME, RFC 2045 to 2047). [`present`] undoes all that and
//! makes one page for a terminal: who, to whom, about what, then the text, then a list of the rest.
//!
//! A letter comes from anybody, and a terminal obeys what is printed on it: an ESC can retitle the
//! window, fill the clipboard, even type for the reader. Decoding is what brings such octets to
//! light, so looking for them before decoding is no use. And a text can look like a field, or like
//! the beginning of another letter. Here everything leaves by one door, the `Page`, and it is the
//! last one.
//!
//! It shows what is there and guesses nothing. An unknown charset is named. HTML is shown as
//! source: to render it is a browser's work. A file name is shown, and never used to open a file.
//! Nobody reads a letter of 50 MB on a terminal: of what is long a part is shown, and the page says
//! how much is left out.

mod encoded_word;
mod encoding;
mod header;
mod page;
mod parameter;
mod parts;

pub use encoded_word::decode_words;
pub use encoding::{decode_body, decode_charset};
pub use header::{HEADER, Header};
use page::Page;
pub use page::{COLUMNS, INDENT, MARKS, is_hidden, printable};
pub use parts::{DEPTH, PARTS, Part, parts};

/// The fields a reader wants, in the order of the page. Trace fields are for those who look for a
/// fault, and they read the letter itself.
const FIELDS: [&str; 6] = ["Date", "From", "Reply-To", "To", "Cc", "Subject"];

/// What stands before each further line of a field.
const FIELD_INDENT: &str = "    ";

/// How many octets of all texts together are shown, their transfer encoding undone.
pub const TEXT: usize = 1024 * 1024;

/// How many characters of the name of a part or of a charset are shown. Most file systems take 255.
pub const NAME: usize = 255;

/// A letter as a page of text, safe to print: of all control characters it holds only newline and
/// tab. Any octets are a letter, also none at all.
///
/// What begins in the first column is ours: the name of a field, a heading, a note between
/// parentheses. What the letter says stands behind that or behind an [`INDENT`], and no line is
/// longer than [`COLUMNS`], so that no terminal of that width breaks one.
///
/// All plain text is shown, up to [`TEXT`]; a letter without any, or with blanks alone, shows the
/// source of the best there is, and says so.
pub fn present(letter: &[u8]) -> String {
    let mut page = Page::default();
    fields(&mut page, letter);
    let parts = parts(letter);
    let full = parts.len() == PARTS;
    let (mut texts, mut others): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(is_plain_text);
    texts.retain(|part| !is_blank(part));
    if texts.is_empty()
        && let Some(at) = source(&others)
    {
        let part = others.remove(at);
        let kind = &part.kind;
        page.say("");
        page.note(&format!("no plain text: this is the source of {kind}"));
        texts.push(part);
    }
    body(&mut page, &texts);
    list(&mut page, &others);
    if full {
        page.note(&format!("no more than {PARTS} parts are shown"));
    }
    page.into_text()
}

/// A value on one line, decoded, any white space made one space: many blanks would push what comes
/// next to where it looks like a line of its own. A newline that hid in an encoded-word must not
/// stay one.
fn one_line(value: &str) -> String {
    let text = decode_words(value);
    let words = text.split(|c: char| c == '\t' || c.is_whitespace() && !is_hidden(c));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").replace('\n', "\\n")
}

/// The same, cut to [`NAME`] characters.
fn short(name: &str) -> String {
    let line = one_line(name);
    match line.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// A field that stands there twice is shown twice: which of two senders is the true one is not
/// ours to say (RFC 7103 §7.5.1).
fn fields(page: &mut Page, letter: &[u8]) {
    let (header, _) = Header::read(letter);
    let mut none = true;
    for name in FIELDS {
        for value in header.all(name) {
            page.quote(&format!("{name}: "), FIELD_INDENT, &one_line(value));
            none = false;
        }
    }
    if none {
        page.note("no date, no sender, no subject");
    }
    if header.left_out() > 0 {
        page.note(&format!(
            "{} octets of the header are left out",
            header.left_out()
        ));
    }
}

fn is_plain_text(part: &Part) -> bool {
    part.kind == "text/plain" && !part.attachment
}

/// Is there nothing in it that a reader could see? A text too long to be shown as a whole is
/// never blank: nobody has seen its end.
fn is_blank(part: &Part) -> bool {
    let blank = |c: char| c.is_whitespace() || is_hidden(c) && !c.is_control();
    let text = |octets| decode_charset(&part.charset, octets).unwrap_or_else(|marks| marks);
    part.octets.len() <= TEXT && text(&part.octets).chars().all(blank)
}

/// Where the part is whose source is worth reading, if there is no plain text: another kind of
/// text (RFC 2046 §4.1.4), or a report, which is made of header fields (RFC 3464 §2.1).
fn source(parts: &[Part]) -> Option<usize> {
    ["text/", "message/"].iter().find_map(|kind| {
        let fits = |part: &Part| part.kind.starts_with(kind) && !part.attachment && !is_blank(part);
        parts.iter().position(fits)
    })
}

/// The texts, one below the other.
fn body(page: &mut Page, parts: &[Part]) {
    let (mut room, mut left_out) = (TEXT, 0);
    for part in parts {
        let (shown, rest) = part.octets.split_at(cut(&part.octets, room));
        room -= shown.len();
        left_out += rest.len();
        if !shown.is_empty() {
            page.say("");
            text(page, part, shown);
        }
    }
    if parts.is_empty() {
        page.say("");
        page.note("no text");
    }
    if left_out > 0 {
        page.say("");
        page.note(&format!("{left_out} octets of the text are left out"));
    }
}

/// Where to cut octets that are too many: not inside a character of UTF-8, which has at most four.
fn cut(octets: &[u8], most: usize) -> usize {
    let inside = |at: &usize| matches!(octets.get(*at), Some(0x80..0xc0));
    let start = (most.saturating_sub(3)..=most).rev().find(|at| !inside(at));
    start.unwrap_or(most).min(octets.len())
}

/// A text, and before it what we do not know about it. If its charset is not known it is named,
/// and what is ASCII can be read.
fn text(page: &mut Page, part: &Part, octets: &[u8]) {
    if let Some(encoding) = &part.unknown_encoding {
        let encoding = short(encoding);
        page.note(&format!(
            "this text is encoded in {encoding}, which is not known here"
        ));
        page.say("");
    }
    let text = decode_charset(&part.charset, octets).unwrap_or_else(|marks| {
        let charset = short(&part.charset);
        page.note(&format!(
            "this text is in {charset}, which is not known here"
        ));
        page.say("");
        marks
    });
    let text = text.replace("\r\n", "\n");
    for line in text.trim_matches('\n').split('\n') {
        page.quote(INDENT, INDENT, line);
    }
}

/// Of each part that is not shown a line: type, name, size.
fn list(page: &mut Page, parts: &[Part]) {
    for (number, part) in (1..).zip(parts) {
        if number == 1 {
            page.say("");
            page.say("Other parts:");
        }
        let mut line = part.kind.clone();
        let name = short(&part.name);
        if !name.is_empty() {
            line += &format!(" \"{}\"", name.replace('"', "\\\""));
        }
        line += &format!(", {} octets", part.octets.len());
        if part.kind.starts_with("multipart/") {
            line += " (nested too deep to be opened)";
        }
        if let Some(encoding) = &part.unknown_encoding {
            let encoding = short(encoding);
            line += &format!(" (encoded in {encoding}, which is not known here)");
        }
        page.quote(&format!("{number:3}. "), "       ", &line);
    }
}
