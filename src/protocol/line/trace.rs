// ANCHOR: story
//! The trace: every line of a conversation, shown as it happens, in the notation of the dialogues
//! (chapter 8). Whatever comes from outside is shown so that it cannot drive a terminal, and a
//! password is not shown at all.

use std::io::Write;
// ANCHOR_END: story

// ANCHOR: public_part
/// How many octets at the start of a line anybody may see. What follows `AUTH mechanism` or `PASS`
/// is a secret. It is one also if a tab or a space too many makes the line no command at all.
pub(super) fn public_part(line: &[u8]) -> usize {
    up_to_a_secret(line, public_part_of_one)
}

/// The same where a command is due: a line that looks like base64 is none, and is not shown. (In
/// small letters, or in capitals as STARTTLS, it looks like a command that we do not know.)
pub(super) fn public_part_of_command(line: &[u8]) -> usize {
    up_to_a_secret(line, |said| match is_base64(said) {
        true => 0,
        false => public_part_of_one(said),
    })
}

/// For who ends lines with CR alone, as telnet may do, what is one line to us is several.
fn up_to_a_secret(line: &[u8], public_part: fn(&[u8]) -> usize) -> usize {
    let mut public = 0;
    for said in line.split_inclusive(|octet| *octet == b'\r') {
        let part = public_part(said);
        if part < said.len() {
            return public + part;
        }
        public += said.len();
    }
    public
}

fn public_part_of_one(line: &[u8]) -> usize {
    let (verb, rest) = split_word(line);
    let secret = if verb.eq_ignore_ascii_case(b"AUTH") {
        split_word(rest).1
    } else if verb.eq_ignore_ascii_case(b"PASS") {
        rest
    } else {
        return line.len();
    };
    line.len() - secret.len() + " ".len()
}

fn is_base64(line: &[u8]) -> bool {
    let (word, rest) = split_word(line);
    let sign = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=".contains(octet);
    let lower = word
        .iter()
        .filter(|octet| octet.is_ascii_lowercase())
        .count();
    word.len() >= 8
        && word.iter().all(sign)
        && (1..word.len()).contains(&lower)
        && !rest.iter().any(u8::is_ascii_graphic)
}

/// The first word of a line, and what follows it. A NUL stands beside a word as a space does.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let start = line.iter().position(u8::is_ascii_graphic);
    let (_, line) = line.split_at(start.unwrap_or(line.len()));
    let end = line.iter().position(|octet| !octet.is_ascii_graphic());
    line.split_at(end.unwrap_or(line.len()))
}
// ANCHOR_END: public_part

// ANCHOR: trace
/// Shows a conversation as it happens, in the notation of the dialogues (chapter 8): `C: ` before
/// what the client says, `S: ` before what the server says, `#` before a remark.
pub struct Trace {
    us: char,
    peer: char,
    out: Box<dyn Write>,
}

/// Longest line shown whole, in octets; of a longer one the beginning is shown.
const SHOWN: usize = 1000;
// ANCHOR_END: trace

// ANCHOR: sides
impl Trace {
    /// The trace of a server: we are `S`, the peer is `C`.
    pub fn of_server(out: Box<dyn Write>) -> Trace {
        Trace {
            us: 'S',
            peer: 'C',
            out,
        }
    }

    /// The trace of a client: we are `C`, the peer is `S`.
    pub fn of_client(out: Box<dyn Write>) -> Trace {
        Trace {
            us: 'C',
            peer: 'S',
            out,
        }
    }
    // ANCHOR_END: sides

    // ANCHOR: said
    /// Shows a line that we say; only its first `public` octets are for all eyes.
    pub fn said(&mut self, line: &[u8], public: usize) {
        self.show(self.us, line, public, "");
    }

    /// Shows what the peer says, with its line end if it has one.
    pub fn heard(&mut self, line: &[u8], public: usize) {
        match line.strip_suffix(b"\r\n") {
            Some(line) => self.show(self.peer, line, public, ""),
            None => self.show(self.peer, line, public, "\\"),
        }
    }
    // ANCHOR_END: said

    // ANCHOR: remark
    /// A remark, which is no part of the conversation.
    pub fn remark(&mut self, remark: &str) {
        // A reader of the trace who went away must not end the conversation.
        let _ = writeln!(self.out, "# {}", visible(remark.as_bytes()));
    }

    /// A backslash at the end says that no CR LF ended the line.
    fn show(&mut self, who: char, line: &[u8], public: usize, end: &str) {
        let shown = visible(&line[..line.len().min(public).min(SHOWN)]);
        let end = match line.len() {
            length if length > public => "********",
            length if length > SHOWN => " ...",
            _ => end,
        };
        let _ = writeln!(self.out, "{who}: {shown}{end}");
    }
}
// ANCHOR_END: remark

// ANCHOR: visible
/// Octets as text that cannot drive a terminal: every control octet, and whatever is not UTF-8 or
/// not meant to be seen, becomes a mark like `\r`, `\n` or `\x1b`, and a backslash becomes two.
pub fn visible(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                '\\' => text.push_str("\\\\"),
                c if is_hidden(c) => {
                    let mut octets = [0; 4];
                    c.encode_utf8(&mut octets)
                        .bytes()
                        .for_each(|octet| push_octet(&mut text, octet));
                }
                c => text.push(c),
            }
        }
        chunk
            .invalid()
            .iter()
            .for_each(|octet| push_octet(&mut text, *octet));
    }
    text
}

fn push_octet(text: &mut String, octet: u8) {
    text.push_str(&format!("\\x{octet:02x}"));
}
// ANCHOR_END: visible

// ANCHOR: hidden
/// Characters that move, hide or turn around other text, or that cannot be seen: control
/// characters (C0, DEL, C1), line separators, and what Unicode lets a terminal draw as nothing
/// (the property `Default_Ignorable_Code_Point`), with a few blanks that are no white space.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' // joiners, direction
            | '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}' // blanks for Hangul
            | '\u{17b4}'..='\u{17b5}' | '\u{2800}' | '\u{16fe4}' | '\u{1d159}' // other blanks
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' // zero width, direction
            | '\u{2028}'..='\u{202e}' // line separators, direction
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' // variants; byte order mark
            | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' // notes, hieroglyphs
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // shorthand, music
            | '\u{e0000}'..='\u{e0fff}' // tags, variants
        )
}
// ANCHOR_END: hidden
