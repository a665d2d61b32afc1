//! The user agent that reads: inbox and show.

use super::args::Args;
use super::send::{credentials, read};
use super::{Failure, call, failed, note, print, try_later, write};
use crate::display::present;
use crate::pop3::client as pop3;
use crate::protocol::line::Wire;
use std::io;
use std::time::Duration;

/// How long to wait for a POP3 server.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn inbox(args: &Args) -> Result<(), Failure> {
    let server = args.need("server")?;
    let credentials = credentials(args.need("user")?, args)?;
    let patience = args.seconds("timeout")?.unwrap_or(PATIENCE);
    let wire = Wire::new(call(server, patience)?);
    let client = pop3::Client::open(wire, &credentials, patience);
    let mut client = client.map_err(not_fetched("the login"))?;
    let letters = client.list().map_err(not_fetched("LIST"))?;
    let count = letters.len();
    let noun = if count == 1 { "letter" } else { "letters" };
    print(&format!("{count} {noun}\n"))?;
    let mut missed = None;
    for (place, (number, size)) in (1..).zip(letters) {
        let mut fetched = client.retrieve(number, size);
        if let Ok(letter) = &fetched {
            let page = present(letter.octets());
            // What nobody has seen must not be removed: we leave without QUIT.
            write(&format!("\n--- {place} of {count} ---\n{page}")).map_err(unseen)?;
        }
        if !args.flag("keep") {
            fetched = fetched.and_then(|letter| client.delete(number).map(|()| letter));
        }
        match fetched {
            Ok(_) => {}
            // The others may be all right.
            Err(failure @ (pop3::Failure::Refused(_) | pop3::Failure::Unfit(_))) => {
                note(&format!("letter {place}: {failure}"));
                missed = Some(failed(format!("letter {place} stays on the server")));
            }
            Err(failure) => return Err(not_fetched("RETR or DELE")(failure)),
        }
    }
    client.quit().map_err(not_fetched("QUIT"))?;
    missed.map_or(Ok(()), Err)
}

fn unseen(error: io::Error) -> Failure {
    let hint = "all letters stay on the server";
    failed(format!("standard output: {error}; {hint}"))
}

fn not_fetched(step: &str) -> impl Fn(pop3::Failure) -> Failure {
    move |failure| {
        let why = format!("at {step}: {failure}");
        match failure {
            pop3::Failure::Io(_) => try_later(format!("{why}; try again later")),
            pop3::Failure::Refused(reply) if reply.contains("[IN-USE]") => {
                try_later(format!("{why}; try again later"))
            }
            pop3::Failure::Nonsense(_) | pop3::Failure::OutOfStep | pop3::Failure::Endless => {
                failed(format!("{why}; does a POP3 server listen there?"))
            }
            _ => failed(why),
        }
    }
}

pub fn show(args: &Args) -> Result<(), Failure> {
    print(&present(&read(&args.word)?))
}
