// ANCHOR: story
//! The page: where a reader can tell the words of a letter from ours.
//!
//! A letter may hold lines that look like the fields of another letter, or like our own
//! remarks. So **only our own words begin in the first column.** We indent the text, and
//! each further line of a field. If a terminal broke a long line itself, the rest would
//! begin in the first column; so we break the lines.

use crate::protocol::line::visible;
// ANCHOR_END: story

// ANCHOR: printable
/// Text that cannot give orders to a terminal, and cannot deceive a reader. Newline, tab
/// and backslash stay: people read this, and no program reads it back.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut before, mut marks) = (' ', 0);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        let is_bad = is_hidden(c) && !is_needed(before, c, rest.clone().next());
        // ANCHOR_END: printable
        // ANCHOR: printable_marks
        if (is_bad || marks > MARKS) && !matches!(c, '\n' | '\t') {
            let octets = c.to_string().into_bytes();
            shown.extend(octets.iter().map(|octet| visible(&[*octet])));
        } else {
            shown.push(c);
        }
        before = c;
    }
    shown
}
// ANCHOR_END: printable_marks

// ANCHOR: is_hidden
/// Characters that move, hide or turn around other text, or that cannot be seen: control
/// characters (C0, DEL, C1), line separators, and what Unicode lets a terminal draw as
/// nothing (the property `Default_Ignorable_Code_Point`), with a few blanks that are not
/// white space.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Joiners, and the direction of Arabic.
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
            | '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}' // blanks for Hangul
            // Other blanks.
            | '\u{17b4}'..='\u{17b5}' | '\u{2800}' | '\u{16fe4}' | '\u{1d159}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' // zero width, direction
            | '\u{2028}'..='\u{202e}' // line separators, direction
            // Private use: every font draws its own.
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' // variants; byte order mark
            | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' // notes, hieroglyphs
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // shorthand, music
            | '\u{e0000}'..='\u{e0fff}' // tags, variants
        )
}
// ANCHOR_END: is_hidden

// ANCHOR: is_needed
/// Does a hidden character belong where it is? It may join several emoji to one, or make
/// an emoji of a sign, or join the characters of some scripts, or keep them apart.
fn is_needed(before: char, c: char, after: Option<char>) -> bool {
    let after = after.unwrap_or(' ');
    let is_joined = |c| matches!(c, '\u{620}'..='\u{dff}' | '\u{1000}'..='\u{109f}');
    let in_word = is_joined(before) && is_joined(after);
    let is_key = || after == '\u{20e3}' && "0123456789#*".contains(before);
    let is_picture = || is_emoji(before) || before == '\u{fe0f}';
    match c {
        '\u{fe0f}' => is_emoji(before) || is_key(),
        '\u{200c}' => in_word,
        JOINER => in_word || is_picture() && is_emoji(after),
        _ => false,
    }
}

const JOINER: char = '\u{200d}';

/// Signs, arrows and pictures: roughly the characters that may be an emoji.
fn is_emoji(c: char) -> bool {
    matches!(c,
        | '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2100}'..='\u{27ff}'
        | '\u{2900}'..='\u{2bff}' | '\u{3030}'..='\u{303d}' | '\u{3297}'..='\u{3299}'
        | '\u{1f000}'..='\u{1faff}'
    )
}
// ANCHOR_END: is_needed

// ANCHOR: is_mark
/// How many marks, such as accents, one character may have. More of them would be drawn
/// over the lines above and below. No language needs half as many.
pub const MARKS: usize = 16;

/// Is it drawn over the character before it? Rust has a table of these. `escape_debug`
/// shows it: it writes such a character as an escape, unless there is another before it.
/// The table lacks vowels and ends of a Hangul syllable; and we add the colours of a
/// skin.
fn is_mark(c: char) -> bool {
    let is_escaped = |c: char| c.escape_debug().len() > 1;
    let is_over_another = |c: char| format!("a{c}").escape_debug().count() == 2;
    let is_hangul = matches!(c, '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}');
    let is_skin = matches!(c, '\u{1f3fb}'..='\u{1f3ff}');
    is_hangul || is_skin || c >= '\u{300}' && is_escaped(c) && is_over_another(c)
}
// ANCHOR_END: is_mark

// ANCHOR: page
/// A page for a terminal.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// A line of ours, or an empty one.
    pub(super) fn say(&mut self, line: &str) {
        self.0 += line;
        self.0 += "\n";
    }
    // ANCHOR_END: page

    // ANCHOR: quote
    /// A line of the letter after `first`. If it is too long for a line of the page, it
    /// goes on in the next one, after `indent`.
    pub(super) fn quote(&mut self, first: &str, indent: &str, line: &str) {
        let line = printable(line);
        let mut rest = line.as_str();
        let mut before = first;
        // ANCHOR_END: quote
        // ANCHOR: quote_lines
        loop {
            let (shown, after) = rest.split_at(fitting(rest, COLUMNS - before.len()));
            self.0 += format!("{before}{shown}").trim_end();
            self.0 += "\n";
            if after.is_empty() {
                return;
            }
            (before, rest) = (indent, after);
        }
    }
    // ANCHOR_END: quote_lines

    // ANCHOR: remark
    /// A remark of ours, after an empty line. It may hold a word of the letter.
    pub(super) fn remark(&mut self, remark: &str) {
        if !self.0.is_empty() {
            self.say("");
        }
        self.quote("(", INDENT, &format!("{remark})"));
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// The columns of a terminal. A text may have lines of 78 characters (RFC 5322 §2.1.1).
/// With their [`INDENT`] they just fit.
pub const COLUMNS: usize = 80;

/// The beginning of each line of a text.
pub const INDENT: &str = "  ";
// ANCHOR_END: remark

// ANCHOR: fitting
/// How many octets of the text fit into a number of columns: all, or up to the last
/// space, or what there is room for. What belongs to one character stays together.
fn fitting(text: &str, columns: usize) -> usize {
    let (mut used, mut after_space, mut after_character) = (0, 0, 0);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if !is_mark(c) && c != JOINER && before != JOINER {
            after_character = at;
        }
        if before == ' ' {
            after_space = at;
        }
        used += width(c);
        if used > columns && at > 0 {
            let places = [after_space, after_character, at];
            return places.into_iter().find(|at| *at > 0).unwrap_or(at);
        }
        before = c;
    }
    text.len()
}

/// How many columns a character takes. If terminals differ, we take the larger number, so
/// a line of the page is never longer than we think.
fn width(c: char) -> usize {
    match c {
        '\t' => 8,
        // Accents, and the points of Hebrew, Arabic and Thai.
        '\u{300}'..='\u{8ff}' | '\u{e00}'..='\u{eff}' if is_mark(c) => 0,
        // East Asian characters, and emoji.
        '\u{1100}'..='\u{115f}' | '\u{231a}'..='\u{23ff}' | '\u{25fd}'..='\u{27ff}' => 2,
        '\u{2b00}'..='\u{2bff}' | '\u{2e80}'..='\u{ffef}' | '\u{16fe0}'.. => 2,
        _ => 1,
    }
}
// ANCHOR_END: fitting
