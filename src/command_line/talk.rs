//! By hand, and by script: talk and play.

use super::args::{Args, look_up};
use super::{Failure, print};
use crate::client::connect;
use crate::dialogue::{Dialogue, Side};
use crate::protocol::line::{Line, Socket, Trace, Wire};
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::{TcpListener, TcpStream};
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
    let address = look_up(args.word("HOST:PORT")?).map_err(Failure::Usage)?;
    let broken = |error: io::Error| Failure::TryLater(format!("the connection broke: {error}"));
    let socket = connect(address, PATIENCE).map_err(|error| {
        Failure::TryLater(format!(
            "no connection to {address}: {error}; does a server listen there?"
        ))
    })?;
    // At a terminal what is typed can be seen already.
    let typed = io::stdin().is_terminal();
    let mut wire = Wire::traced(socket, Some(Trace::of_client(Box::new(io::stdout()))));
    let mut pop3 = false;
    let mut last = hear(&mut wire, Answer::Reply, &mut pop3).map_err(broken)?;
    let mut in_text = false;
    for line in io::stdin().lock().lines() {
        if last == Line::Closed {
            break;
        }
        let line = line.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
        let said = line.trim_end_matches('\r');
        wire.allow(PATIENCE).map_err(broken)?;
        match typed {
            true => wire.write_typed(said),
            false => wire.write_line(said),
        }
        .map_err(broken)?;
        in_text &= said != ".";
        let answer = expected(said, pop3, in_text);
        last = hear(&mut wire, answer, &mut pop3).map_err(broken)?;
        in_text |= answer == Answer::Reply
            && matches!(&last, Line::Text(reply) if reply.starts_with(b"354"));
    }
    Ok(())
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
    let (side, stream) = match (args.get("server"), args.get("listen")) {
        (Some(server), None) => {
            let address = look_up(server).map_err(Failure::Usage)?;
            (
                Side::Client,
                TcpStream::connect(address).map_err(|error| unreachable(server, &error))?,
            )
        }
        (None, Some(listen)) => {
            let address = args.address("listen", listen)?;
            let listener =
                TcpListener::bind(address).map_err(|error| unreachable(listen, &error))?;
            let address = listener
                .local_addr()
                .map_err(|error| unreachable(listen, &error))?;
            print(&format!("listening on {address}\n"))?;
            let (stream, _) = listener
                .accept()
                .map_err(|error| unreachable(listen, &error))?;
            (Side::Server, stream)
        }
        _ => {
            return Err(Failure::Usage(
                "give either --server or --listen".to_string(),
            ));
        }
    };
    let played = dialogue.play(side, Socket::new(stream), PATIENCE);
    played.map_err(|difference| Failure::Failed(difference.to_string()))?;
    let _ = writeln!(io::stdout(), "{file}: all as written");
    Ok(())
}

fn unreachable(address: &str, error: &io::Error) -> Failure {
    Failure::TryLater(format!("{address}: {error}"))
}
