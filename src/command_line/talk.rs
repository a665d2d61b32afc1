// ANCHOR: story
//! By hand, and by script: talk and play.

use super::args::Args;
use super::{Failure, call, complain, failed, listen, print, try_later, usage};
use crate::dialogue::{Dialogue, Side};
use crate::protocol::dot::write_text_line;
use crate::protocol::line::{Line, Socket, Trace, Wire};
use crate::protocol::mask::PasswordMask;
use crate::protocol::reply::REPLY_LINES;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

/// How long the other side may take for a line. People type slowly.
const LINE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// The longest line that we show, in octets.
const LINE: usize = 64 * 1024;
/// Most lines of a list or a letter that we follow.
const LIST_LINES: usize = 1_000_000;
// ANCHOR_END: story

// ANCHOR: talk
pub fn talk(args: &Args) -> Result<(), Failure> {
    let early = "the conversation ended early";
    let broken = |error: io::Error| try_later(format!("{early}: {error}"));
    let socket = call(&args.word, LINE_TIMEOUT)?;
    let out: Box<dyn Write> = match io::stdin().is_terminal() {
        true => Box::new(HeardOnly),
        false => Box::new(io::stdout()),
    };
    let trace = Trace::of_client(out).with_mask(PasswordMask::default());
    let mut wire = Wire::traced(socket, Some(trace));
    hear(&mut wire, false).map_err(broken)?;
    let mut in_text = false;
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| failed(format!("standard input: {error}")))?;
        let said = match typed(line) {
            Ok(said) => said,
            // A person can type it again. What follows in a script relies on it.
            Err(why) if io::stdin().is_terminal() => {
                complain(&format!("{why}; this line was not sent"));
                continue;
            }
            Err(why) => return Err(failed(format!("standard input: {why}"))),
        };
        say(&mut wire, &said, in_text).map_err(broken)?;
        in_text &= said != ".";
        if in_text {
            continue;
        }
        let heard = hear(&mut wire, has_list(&said)).map_err(broken)?;
        in_text = heard.starts_with(b"354");
        let goodbye = heard.starts_with(b"221") || heard.starts_with(b"+OK");
        if goodbye && said.eq_ignore_ascii_case("QUIT") {
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: talk

// ANCHOR: typed
/// A line of standard input, if it can be sent.
fn typed(mut line: Vec<u8>) -> Result<String, &'static str> {
    if line.ends_with(b"\r") {
        line.pop();
    }
    let said = String::from_utf8(line).map_err(|_| "a line is not UTF-8")?;
    if said.contains('\r') {
        return Err("a CR inside a line; play can send that, talk cannot");
    }
    Ok(said)
}

/// Sends a line. In a text the user doubles the dots, not we. The other lines of it are
/// written as a text, so that the mask leaves them alone.
fn say(wire: &mut Wire<Socket>, line: &str, in_text: bool) -> io::Result<()> {
    wire.allow(LINE_TIMEOUT)?;
    match in_text && !line.starts_with('.') {
        true => write_text_line(wire, line.as_bytes(), LINE_TIMEOUT)?,
        false => wire.write_line(line)?,
    }
    wire.flush()
}

/// Standard output, where the user has typed the lines of the client, and so has seen
/// them. A trace writes a line at a time.
struct HeardOnly;

impl Write for HeardOnly {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !line.starts_with(b"C: ") {
            io::stdout().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}
// ANCHOR_END: typed

// ANCHOR: hear
/// Does POP3 answer this, if it says `+OK`, with lines that end with a dot alone (RFC 1939
/// §3)?
fn has_list(said: &str) -> bool {
    let said = said.to_ascii_uppercase();
    let mut words = said.split_ascii_whitespace();
    matches!(
        (words.next(), words.next()),
        (Some("RETR" | "TOP"), _) | (Some("LIST" | "UIDL" | "CAPA"), None)
    )
}

/// Reads (and so shows) an answer to its last line, and returns that line.
fn hear(wire: &mut Wire<Socket>, has_list: bool) -> io::Result<Vec<u8>> {
    let most = if has_list { LIST_LINES } else { REPLY_LINES };
    let mut in_list = false;
    // For the whole answer: another line could come for ever.
    wire.allow(LINE_TIMEOUT)?;
    for _ in 0..most {
        let line = match wire.read_line(LINE)? {
            Line::Text(line) => line,
            Line::Closed => {
                let why = "the other side closed the connection";
                return Err(io::Error::other(why));
            }
            Line::BareNewline if !in_list => {
                return Err(io::Error::other(
                    "a line has to end with CR LF, and this one did not",
                ));
            }
            Line::Endless => return Err(io::Error::other("a line without an end came")),
            Line::BareNewline | Line::TooLong => continue,
        };
        in_list = match in_list {
            true => line != b".",
            false => has_list && line.starts_with(b"+OK"),
        };
        // All lines of an SMTP reply but the last have a hyphen after the code.
        let is_reply = line.first().is_some_and(u8::is_ascii_digit);
        let more = in_list || is_reply && line.get(3) == Some(&b'-');
        if !more {
            return Ok(line);
        }
    }
    Err(io::Error::other(format!(
        "an answer of more than {most} lines came"
    )))
}
// ANCHOR_END: hear

// ANCHOR: play
pub fn play(args: &Args) -> Result<(), Failure> {
    if args.flag("server") == args.flag("listen") {
        return Err(usage("give either --server or --listen"));
    }
    let timeout = args.seconds("timeout")?.unwrap_or(LINE_TIMEOUT);
    let file = &args.word;
    let unreadable = |error| failed(format!("{file}: {error}"));
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let dialogue = Dialogue::parse(file, &text).map_err(failed)?;
    let (side, socket) = match args.get("server") {
        Some(server) => (Side::Client, call(server, timeout)?),
        None => {
            let (stream, _) = listen(args, "127.0.0.1:0")?.accept().map_err(failed)?;
            (Side::Server, Socket::new(stream))
        }
    };
    dialogue.play(side, socket, timeout).map_err(failed)?;
    print(&format!("{file}: all as written\n"))
}
// ANCHOR_END: play
