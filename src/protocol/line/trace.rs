// ANCHOR: story
//! The trace: every line of a conversation, shown as it happens, in the notation of the
//! dialogues (chapter 8). Nothing that it shows can control a terminal.

use std::io::Write;
// ANCHOR_END: story

// ANCHOR: visible
/// Octets as text that cannot drive a terminal. The notation of dialogues (chapter 8)
/// reads the same marks.
pub fn visible(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' | '\n' | '\\' => text.extend(c.escape_debug()),
                ' '..='~' => text.push(c),
                c if c.escape_debug().len() == 1 => text.push(c),
                c => text += &as_marks(c.to_string().as_bytes()),
            }
        }
        text += &as_marks(chunk.invalid());
    }
    text
}
// ANCHOR_END: visible

// ANCHOR: as_marks
/// Each octet as a mark such as `\x1b`.
fn as_marks(octets: &[u8]) -> String {
    octets
        .iter()
        .map(|octet| format!("\\x{octet:02x}"))
        .collect()
}
// ANCHOR_END: as_marks

// ANCHOR: trace
/// Shows a conversation as it happens. A line of the client begins with `C: `, a line of
/// the server with `S: `, a remark with `#`. Each line goes to `out` in one piece.
pub struct Trace {
    us: char,
    peer: char,
    out: Box<dyn Write>,
    mask: Option<Box<dyn Mask>>,
}
// ANCHOR_END: trace

// ANCHOR: sides
impl Trace {
    /// The trace of a server: we are `S`, the peer is `C`.
    pub fn of_server(out: Box<dyn Write>) -> Trace {
        Trace {
            us: 'S',
            peer: 'C',
            out,
            mask: None,
        }
    }

    /// The trace of a client: we are `C`, the peer is `S`.
    pub fn of_client(out: Box<dyn Write>) -> Trace {
        Trace {
            us: 'C',
            peer: 'S',
            ..Trace::of_server(out)
        }
    }
    // ANCHOR_END: sides

    // ANCHOR: said
    /// Shows a line that we say, as it is on the wire, with its CR LF.
    pub fn said(&mut self, octets: &[u8]) {
        let public = self.public_part(self.us, octets);
        self.show(self.us, octets, public);
    }

    /// Shows what the peer says. It may lack the CR LF, and it may be nothing.
    pub fn heard(&mut self, octets: &[u8]) {
        let public = self.public_part(self.peer, octets);
        self.show(self.peer, octets, public);
    }
    // ANCHOR_END: said

    // ANCHOR: show
    /// Shows the first `public` octets of a line. A backslash at the end says that no CR
    /// LF ended the line.
    fn show(&mut self, who: char, octets: &[u8], public: usize) {
        if octets.is_empty() {
            return;
        }
        let line = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        let end = match line.len() {
            length if length > public => "********",
            length if length > SHOWN => " ...",
            length if length == octets.len() => "\\",
            _ => "",
        };
        let shown = visible(&line[..line.len().min(public).min(SHOWN)]);
        self.print(&format!("{who}: {shown}{end}\n"));
    }
    // ANCHOR_END: show

    // ANCHOR: remark
    /// A remark, which does not belong to the conversation.
    pub fn remark(&mut self, remark: &str) {
        self.print(&format!("# {}\n", visible(remark.as_bytes())));
    }

    fn print(&mut self, line: &str) {
        // The conversation goes on, even if nobody reads its trace any more.
        let _ = self.out.write_all(line.as_bytes());
    }

    /// Shows a line of a letter's text that we say. The mask does not hear it.
    pub fn said_text(&mut self, octets: &[u8]) {
        self.show(self.us, octets, octets.len());
    }

    /// The same for a letter's text that the peer says.
    pub fn heard_text(&mut self, octets: &[u8]) {
        self.show(self.peer, octets, octets.len());
    }
    // ANCHOR_END: remark

    // ANCHOR: mask
    /// The same, with a mask.
    pub fn with_mask(self, mask: impl Mask + 'static) -> Trace {
        Trace {
            mask: Some(Box::new(mask)),
            ..self
        }
    }

    fn public_part(&mut self, who: char, octets: &[u8]) -> usize {
        let line = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        match &mut self.mask {
            Some(mask) => mask.public_part(who, line),
            None => line.len(),
        }
    }
}

/// Longest line shown whole, in octets; of a longer one the beginning is shown.
const SHOWN: usize = 1000;

/// Says how much of each line may be shown. It hears the lines of both sides, in order,
/// but not the lines of letters.
pub trait Mask {
    /// How many octets at the start of this line may be shown? `who` is `C` or `S`. The
    /// line comes without its CR LF.
    fn public_part(&mut self, who: char, line: &[u8]) -> usize;
}
// ANCHOR_END: mask
