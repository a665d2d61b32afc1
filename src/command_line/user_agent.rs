//! The user's program: send, inbox, show.

use super::args::Args;
use super::{Failure, call, clock, note, print, trace, write};
use crate::client::Failure::Unknown;
use crate::client::{self, Client, Timeouts, Verdict};
use crate::display::present;
use crate::message::{Draft, Field, compose};
use crate::pop3::client as pop3;
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use crate::protocol::reply::Severity;
use crate::protocol::sasl::Credentials;
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How long to wait for a POP3 server.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn send(args: &Args) -> Result<(), Failure> {
    let server = ask(args, "server", "Server (HOST:PORT)")?;
    let from = reverse_path(&ask(args, "from", "From")?)?;
    let mut to: Vec<ForwardPath> = args.all("to").map(forward_path).collect::<Result<_, _>>()?;
    if to.is_empty() {
        to.push(forward_path(&ask(args, "to", "To")?)?);
    }
    let file = args.get("message").or(args.get("body")).unwrap_or("-");
    if file == "-" && args.get("password-file") == Some("-") {
        let why = "standard input cannot be both the password and the letter";
        return Err(Failure::Usage(why.to_string()));
    }
    let credentials = credentials(args)?;
    let helo = args
        .get("helo")
        .map(|name| name.parse::<Domain>().map_err(|why| usage("--helo", &why)));
    let helo = helo.transpose()?;
    let timeouts = args
        .seconds("timeout")?
        .map_or(Timeouts::RFC, Timeouts::all);
    let text = text(args, &from, &to, helo.as_ref())?;
    let socket = call(&server, timeouts.greeting)?;
    let local = socket.local_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let helo = helo.unwrap_or_else(|| Domain::from(local));
    let wire = Wire::traced(socket, trace(args, Trace::of_client));
    let mut client = Client::open(wire, &helo, timeouts).map_err(failed)?;
    let sent = match &credentials {
        Some(credentials) => client.authenticate(credentials),
        None => Ok(()),
    };
    let sent = sent.and_then(|()| client.send(&from, &to, &text));
    client.quit();
    outcome(&sent.map_err(failed)?)
}

fn failed(failure: client::Failure) -> Failure {
    let why = match failure {
        Unknown(_) => failure.to_string(),
        _ => format!("not sent: {failure}"),
    };
    match failure.is_temporary() {
        true => Failure::TryLater(why),
        false => Failure::Failed(why),
    }
}

/// One recipient that was refused for good decides; then one that may be tried again.
fn outcome(verdicts: &[Verdict]) -> Result<(), Failure> {
    let open = verdicts
        .iter()
        .filter(|verdict| verdict.severity != Severity::Done);
    let lines: Vec<String> = open
        .clone()
        .map(|verdict| format!("not {verdict}"))
        .collect();
    let refused = open
        .clone()
        .any(|verdict| verdict.severity == Severity::Refused);
    match lines.is_empty() {
        true => Ok(()),
        false if refused => Err(Failure::Failed(lines.join("\n"))),
        false => Err(Failure::TryLater(lines.join("\n"))),
    }
}

/// The letter: a finished one, or one made from what the user filled in.
fn text(
    args: &Args,
    from: &ReversePath,
    to: &[ForwardPath],
    helo: Option<&Domain>,
) -> Result<Text, Failure> {
    if let Some(file) = args.get("message") {
        let made: Vec<&str> = ["body", "subject", "header"]
            .into_iter()
            .filter(|name| args.flag(name))
            .collect();
        if let Some(name) = made.first() {
            return Err(Failure::Usage(format!(
                "--message is a finished letter; --{name} cannot change it"
            )));
        }
        return Ok(Text::from_file(&read(file)?));
    }
    let fields = args
        .all("header")
        .map(str::parse::<Field>)
        .collect::<Result<_, _>>();
    let fields = fields.map_err(|why| usage("--header", &why))?;
    let subject = match args.get("subject") {
        None if io::stdin().is_terminal() => Some(prompt("Subject")?),
        subject => subject.map(str::to_string),
    };
    let file = args.get("body").unwrap_or("-");
    if file == "-" && io::stdin().is_terminal() {
        note("The text; end it with Ctrl-D on a line of its own:");
    }
    let body = String::from_utf8(read(file)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::Failed(format!(
            "the text is not UTF-8, from octet {at} on; convert it, or use --message"
        ))
    })?;
    let from = match from {
        ReversePath::Mailbox(mailbox) => mailbox.clone(),
        // A letter from nobody still has an author: whoever looks after the host.
        ReversePath::Null => {
            let host = helo.map_or("localhost", Domain::as_str);
            format!("postmaster@{host}")
                .parse()
                .map_err(|why| usage("--helo", &why))?
        }
    };
    let draft = Draft {
        from,
        to: to.to_vec(),
        subject,
        fields,
        body,
    };
    compose(&draft, &mut clock()?).map_err(|why| Failure::Usage(why.to_string()))
}

fn usage(option: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("{option}: {why}"))
}

/// `alice@a.example`, with or without brackets; nothing is `<>`.
fn reverse_path(text: &str) -> Result<ReversePath, Failure> {
    if matches!(text, "" | "<>") {
        return Ok(ReversePath::Null);
    }
    mailbox(text)
        .map(ReversePath::Mailbox)
        .map_err(|why| usage("--from", &why))
}

fn forward_path(text: &str) -> Result<ForwardPath, Failure> {
    if text
        .trim_matches(['<', '>'])
        .eq_ignore_ascii_case("postmaster")
    {
        return Ok(ForwardPath::Postmaster);
    }
    mailbox(text)
        .map(ForwardPath::Mailbox)
        .map_err(|why| usage("--to", &why))
}

fn mailbox(text: &str) -> Result<Mailbox, crate::protocol::address::AddressError> {
    let bare = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    bare.unwrap_or(text).parse()
}

/// The value of an option; where a person sits at a terminal, we ask for what is missing.
fn ask(args: &Args, name: &str, question: &str) -> Result<String, Failure> {
    match args.get(name) {
        None if io::stdin().is_terminal() => prompt(question),
        _ => args.need(name).map(str::to_string),
    }
}

fn prompt(question: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "{question}: ");
    let read = io::stdin().read_line(&mut answer);
    read.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
    Ok(answer.trim().to_string())
}

/// A file, or standard input for `-`.
fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = match file {
        "-" => io::stdin().read_to_end(&mut octets).map(|_| octets),
        file => fs::read(file),
    };
    read.map_err(|error| Failure::Failed(format!("{file}: {error}")))
}

/// A password never stands on the command line, where everybody on this computer can read it.
fn credentials(args: &Args) -> Result<Option<Credentials>, Failure> {
    match (args.get("user"), args.get("password-file")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Failure::Usage("--password-file needs --user".to_string())),
        (Some(user), file) => {
            let password = match file {
                Some(file) => first_line(file)?,
                None if io::stdin().is_terminal() => prompt("Password (it will be seen)")?,
                None => return Err(Failure::Usage("--password-file is missing".to_string())),
            };
            Ok(Some(Credentials {
                user: user.to_string(),
                password,
            }))
        }
    }
}

/// A password ends with its line.
fn first_line(file: &str) -> Result<String, Failure> {
    let text = String::from_utf8(read(file)?);
    let line = text
        .ok()
        .and_then(|text| Some(text.lines().next()?.to_string()));
    line.filter(|line| !line.is_empty()).ok_or_else(|| {
        Failure::Failed(format!(
            "{file}: no password, in UTF-8, is on the first line"
        ))
    })
}

pub fn inbox(args: &Args) -> Result<(), Failure> {
    let server = args.need("server")?;
    args.need("user")?;
    let Some(credentials) = credentials(args)? else {
        return Ok(());
    };
    let patience = args.seconds("timeout")?.unwrap_or(PATIENCE);
    let socket = call(server, patience)?;
    let mut client = pop3::Client::open(Wire::new(socket), &credentials, patience)
        .map_err(not_fetched("the login"))?;
    let letters = client.list().map_err(not_fetched("LIST"))?;
    let count = letters.len();
    print(&format!(
        "{count} {}\n",
        if count == 1 { "letter" } else { "letters" }
    ))?;
    let mut missed = None;
    for (at, (number, size)) in (1..).zip(letters) {
        let fetched = match client.retrieve(number, size) {
            Ok(letter) => {
                let page = present(letter.octets());
                // What nobody has seen must not be removed: we leave without QUIT.
                write(&format!("\n--- {at} of {count} ---\n{page}")).map_err(|error| {
                    let why = format!("standard output: {error}; all letters stay on the server");
                    Failure::Failed(why)
                })?;
                match args.flag("keep") {
                    true => Ok(()),
                    false => client.delete(number),
                }
            }
            Err(failure) => Err(failure),
        };
        match fetched {
            // The others may be all right.
            Err(failure @ (pop3::Failure::Refused(_) | pop3::Failure::Unfit(_))) => {
                note(&format!("letter {at}: {failure}"));
                missed = Some(Failure::Failed(format!("letter {at} stays on the server")));
            }
            fetched => fetched.map_err(not_fetched("RETR or DELE"))?,
        }
    }
    client.quit().map_err(not_fetched("QUIT"))?;
    missed.map_or(Ok(()), Err)
}

fn not_fetched(step: &str) -> impl Fn(pop3::Failure) -> Failure {
    move |failure| {
        let why = format!("at {step}: {failure}");
        match failure {
            pop3::Failure::Io(_) => Failure::TryLater(why),
            pop3::Failure::Refused(reply) if reply.contains("[IN-USE]") => Failure::TryLater(why),
            _ => Failure::Failed(why),
        }
    }
}

pub fn show(args: &Args) -> Result<(), Failure> {
    print(&present(&read(args.word("FILE")?)?))
}
