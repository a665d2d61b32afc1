//! The user agent that writes: send.

use super::args::{Args, parse};
use super::{Failure, call, clock, failed, note, trace, try_later, usage};
use crate::client::{self, Client, Stage, Timeouts, Verdict};
use crate::message::{Draft, compose};
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use crate::protocol::reply::Severity;
use crate::protocol::sasl::Credentials;
use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{IpAddr, Ipv4Addr};

pub fn send(args: &Args) -> Result<(), Failure> {
    let server = ask(args, "server", "Server (HOST:PORT)")?;
    let from: ReversePath = parse("from", &path(&ask(args, "from", "From")?))?;
    let to = recipients(args)?;
    let helo = args.get("helo").map(|name| parse::<Domain>("helo", name));
    let helo = helo.transpose()?;
    let file = args.get("message").or(args.get("body")).unwrap_or("-");
    if file == "-" && args.get("password-file") == Some("-") {
        let why = "standard input cannot be both the password and the letter";
        return Err(usage(why));
    }
    let credentials = match args.get("user") {
        Some(user) => Some(credentials(user, args)?),
        None if args.flag("password-file") => return Err(usage("--password-file needs --user")),
        None => None,
    };
    let text = match args.get("message") {
        Some(file) => finished(file, args)?,
        None => made(&from, &to, helo.as_ref(), args)?,
    };
    let timeouts = args.seconds("timeout")?;
    let timeouts = timeouts.map_or(Timeouts::RFC, Timeouts::all);

    let socket = call(&server, timeouts.connect)?;
    let local = socket.local_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let helo = helo.unwrap_or_else(|| Domain::from(local));
    let wire = Wire::traced(socket, trace(args, Trace::of_client));
    let mut client = Client::open(wire, &helo, timeouts).map_err(|failure| not_sent(&failure))?;
    let ready = credentials.map_or(Ok(()), |credentials| client.authenticate(&credentials));
    let sent = ready.map(|()| client.send(&from, &to, &text).flatten().collect::<Vec<_>>());
    client.quit();
    outcome(&sent.map_err(|failure| not_sent(&failure))?)
}

fn recipients(args: &Args) -> Result<Vec<ForwardPath>, Failure> {
    if !args.flag("to") {
        return Ok(vec![parse("to", &path(&ask(args, "to", "To")?))?]);
    }
    args.all("to").map(|to| parse("to", &path(to))).collect()
}

/// An address as it stands on the wire: people leave the brackets out.
fn path(address: &str) -> String {
    match address.starts_with('<') {
        true => address.to_string(),
        false => format!("<{address}>"),
    }
}

fn not_sent(failure: &client::Failure) -> Failure {
    match failure {
        client::Failure::Unknown(_) => try_later(format!("{failure}; {TWICE}")),
        _ if failure.is_temporary() => try_later(format!("not sent: {failure}; try again later")),
        _ => failed(format!("not sent: {failure}")),
    }
}

const TWICE: &str = "if you send it again, it may come twice";

/// What became of the letter. One recipient who was refused for good decides; then one who may be
/// tried again.
fn outcome(verdicts: &[Verdict]) -> Result<(), Failure> {
    if let Some(failure) = failure_of_all(verdicts) {
        return Err(not_sent(failure));
    }
    let line = |verdict: &Verdict| match verdict.result {
        Ok(_) => None,
        Err(client::Failure::Unknown(_)) => Some(format!("{verdict}; {TWICE}")),
        Err(_) => Some(format!("not {verdict}")),
    };
    let lines: Vec<String> = verdicts.iter().filter_map(line).collect();
    let is_refused = |verdict: &Verdict| verdict.severity() == Severity::Refused;
    match lines.join("\n") {
        _ if lines.is_empty() => Ok(()),
        why if verdicts.iter().any(is_refused) => Err(failed(why)),
        why => Err(try_later(why)),
    }
}

/// Why nobody has the letter, if that has nothing to do with the recipients: it is told once.
fn failure_of_all(verdicts: &[Verdict]) -> Option<&client::Failure> {
    use client::Failure::Refused;
    let first = verdicts.first()?;
    let is_same = |verdict: &Verdict| verdict.result == first.result;
    match &first.result {
        Err(Refused(Stage::Rcpt | Stage::Data | Stage::Text, _)) | Ok(_) => None,
        Err(failure) => verdicts.iter().all(is_same).then_some(failure),
    }
}

/// A finished letter, as it is.
fn finished(file: &str, args: &Args) -> Result<Text, Failure> {
    for name in ["body", "subject", "header"] {
        if args.flag(name) {
            let why = format!("--message is a finished letter; --{name} cannot change it");
            return Err(usage(why));
        }
    }
    Ok(Text::from_file(&read(file)?))
}

/// A letter made from what the user filled in.
fn made(
    from: &ReversePath,
    to: &[ForwardPath],
    helo: Option<&Domain>,
    args: &Args,
) -> Result<Text, Failure> {
    let fields = args.all("header").map(|field| parse("header", field));
    let fields = fields.collect::<Result<_, _>>()?;
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
        let hint = "convert it, or use --message";
        failed(format!("the text is not UTF-8, from octet {at} on; {hint}"))
    })?;
    let draft = Draft {
        from: author(from, helo)?,
        to: to.to_vec(),
        subject,
        fields,
        body,
    };
    compose(&draft, &mut clock()?).map_err(usage)
}

/// A letter from nobody still has an author: whoever looks after the host.
fn author(from: &ReversePath, helo: Option<&Domain>) -> Result<Mailbox, Failure> {
    let host = helo.map_or("localhost", Domain::as_str);
    match from {
        ReversePath::Mailbox(mailbox) => Ok(mailbox.clone()),
        ReversePath::Null => parse("helo", &format!("postmaster@{host}")),
    }
}

/// The value of an option; where a person sits at a terminal, we ask for what is missing.
fn ask(args: &Args, name: &str, question: &str) -> Result<String, Failure> {
    match args.get(name) {
        // Only who writes --from '' means nobody; who just presses Enter does not.
        None if io::stdin().is_terminal() => match prompt(question)? {
            answer if answer.is_empty() => Err(usage(format!("--{name} is missing"))),
            answer => Ok(answer),
        },
        _ => args.need(name).map(str::to_string),
    }
}

fn prompt(question: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "{question}: ");
    let read = io::stdin().read_line(&mut answer);
    read.map_err(|error| failed(format!("standard input: {error}")))?;
    Ok(answer.trim().to_string())
}

/// A file, or standard input for `-`.
pub(super) fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = match file {
        "-" => io::stdin().read_to_end(&mut octets).map(|_| octets),
        file => fs::read(file),
    };
    read.map_err(|error| failed(format!("{file}: {error}")))
}

/// A password never stands on the command line, where everybody on this computer can read it.
pub(super) fn credentials(user: &str, args: &Args) -> Result<Credentials, Failure> {
    let user = user.to_string();
    let password = match args.get("password-file") {
        Some(file) => first_line(file)?,
        None if io::stdin().is_terminal() => prompt("Password (it will be seen)")?,
        None => return Err(usage("--password-file is missing")),
    };
    Ok(Credentials { user, password })
}

/// A password ends with its line.
fn first_line(file: &str) -> Result<String, Failure> {
    let why = "no password, in UTF-8, is on the first line";
    let text = String::from_utf8(read(file)?).unwrap_or_default();
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_string()),
        _ => Err(failed(format!("{file}: {why}"))),
    }
}
