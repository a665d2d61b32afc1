//! By hand, and by script: talk and play.

use super::args::Args;
use super::{Failure, call, listen, print};
use crate::dialogue::{Dialogue, Side};
use crate::protocol::line::{Line, Socket, Trace, Wire};
use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

/// How long the other side may take for a line. People type slowly.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The longest line that we show, in octets.
const LINE: usize = 64 * 1024;

/// What the other side does after a line of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// An SMTP reply: lines with three digits, and the last without a hyphen.
    Reply,
    /// One line of POP3.
    Status,
    /// A line of POP3, and if it is `+OK` a text to its lone dot.
    Text,
    /// Nothing: we are in the middle of a letter's text.
    None,
}

pub fn talk(args: &Args) -> Result<(), Failure> {
    let socket = call(args.word("HOST:PORT")?, PATIENCE)?;
    let broken = |error: io::Error| Failure::TryLater(format!("the connection broke: {error}"));
    // At a terminal what is typed can be seen already.
    let typed = io::stdin().is_terminal();
    let mut wire = Wire::traced(socket, Some(Trace::of_client(Box::new(io::stdout()))));
    let mut pop3 = false;
    let mut last = hear(&mut wire, Answer::Reply, &mut pop3).map_err(broken)?;
    let mut in_text = false;
    let mut lines = io::stdin().lock().lines();
    while last != Line::Closed {
        let Some(line) = lines.next() else {
            return Ok(());
        };
        let line = line.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
        let said = line.strip_suffix('\r').unwrap_or(&line);
        if said.contains('\r') {
            let why = "standard input: a CR inside a line; play can send that, talk cannot";
            return Err(Failure::Failed(why.to_string()));
        }
        wire.allow(PATIENCE).map_err(broken)?;
        match (typed, is_reply(&last, "334")) {
            (true, _) => wire.write_typed(said),
            // The answer to AUTH's question is, sooner or later, the password.
            (false, true) => wire.write_secret(said),
            (false, false) => wire.write_line(said),
        }
        .map_err(broken)?;
        in_text &= said != ".";
        let answer = expected(said, pop3, in_text);
        last = hear(&mut wire, answer, &mut pop3).map_err(broken)?;
        in_text |= answer == Answer::Reply && is_reply(&last, "354");
        let quit = answer != Answer::None && said.eq_ignore_ascii_case("QUIT");
        if quit && (is_reply(&last, "221") || is_reply(&last, "+OK")) {
            return Ok(());
        }
    }
    Err(Failure::TryLater(
        "the other side closed the connection".to_string(),
    ))
}

fn is_reply(line: &Line, code: &str) -> bool {
    matches!(line, Line::Text(text) if text.starts_with(code.as_bytes()))
}

fn expected(said: &str, pop3: bool, in_text: bool) -> Answer {
    let mut words = said.split_ascii_whitespace();
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    match (pop3, verb.as_str(), words.next()) {
        (false, ..) if in_text => Answer::None,
        (false, ..) => Answer::Reply,
        (true, "RETR" | "TOP", _) | (true, "LIST" | "UIDL" | "CAPA", None) => Answer::Text,
        (true, ..) => Answer::Status,
    }
}

/// Reads (and so shows) an answer, to its last line, which it returns.
fn hear(wire: &mut Wire<Socket>, answer: Answer, pop3: &mut bool) -> io::Result<Line> {
    let mut first = true;
    if answer == Answer::None {
        return wire.flush().map(|()| Line::BareNewline);
    }
    loop {
        wire.allow(PATIENCE)?;
        let line = wire.read_line(LINE)?;
        let Line::Text(text) = &line else {
            match line {
                Line::Closed | Line::Endless => return Ok(Line::Closed),
                _ => continue,
            }
        };
        *pop3 |= text.starts_with(b"+OK") || text.starts_with(b"-ERR");
        let more = match answer {
            Answer::Text if first => text.starts_with(b"+OK"),
            Answer::Text => text != b".",
            _ => !*pop3 && text.get(3) == Some(&b'-'),
        };
        if !more {
            return Ok(line);
        }
        first = false;
    }
}

pub fn play(args: &Args) -> Result<(), Failure> {
    let file = args.word("FILE")?;
    let text =
        fs::read_to_string(file).map_err(|error| Failure::Failed(format!("{file}: {error}")))?;
    let dialogue = Dialogue::parse(file, &text).map_err(|why| Failure::Failed(why.to_string()))?;
    let (side, socket) = match (args.get("server"), args.get("listen")) {
        (Some(server), None) => (Side::Client, call(server, PATIENCE)?),
        (None, Some(address)) => {
            let (stream, _) = listen(args, address)?
                .accept()
                .map_err(|error| Failure::Failed(format!("{address}: {error}")))?;
            (Side::Server, Socket::new(stream))
        }
        _ => {
            return Err(Failure::Usage(
                "give either --server or --listen".to_string(),
            ));
        }
    };
    let played = dialogue.play(side, socket, PATIENCE);
    played.map_err(|difference| Failure::Failed(difference.to_string()))?;
    print(&format!("{file}: all as written\n"))
}
