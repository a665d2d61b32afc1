//! The user agent that writes: send.

use super::args::{Args, parse};
use super::input::{ask, credentials, prompt, read};
use super::{Failure, call, clock, failed, note, trace, try_later, usage};
use crate::client::{self, Client, Stage, Timeouts, Verdict};
use crate::message::{Draft, Field, compose};
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

pub fn send(args: &Args) -> Result<(), Failure> {
    let server = ask(args, "server", "Server (HOST:PORT)")?;
    let from: ReversePath = address("from", &ask(args, "from", "From")?)?;
    let recipients = Recipients::new(args)?;
    let helo = args.get("helo").map(helo_name).transpose()?;
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
    let letter = match args.get("message") {
        Some(file) => finished(file, args)?,
        None => made(&from, &recipients, helo.as_ref(), args)?,
    };
    let timeouts = Timeouts(args.seconds("timeout")?);

    let socket = call(&server, timeouts.of(Stage::Connect))?;
    let local = socket.local_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let helo = helo.unwrap_or_else(|| Domain::from(local));
    let wire = Wire::traced(socket, trace(args, Trace::of_client));
    let mut client = Client::open(wire, &helo, timeouts).map_err(|failure| not_sent(&failure))?;
    let ready = credentials.map_or(Ok(()), |credentials| client.authenticate(&credentials));
    let text = match client.offers_8bit() {
        true => &letter.eight_bit,
        false => &letter.seven_bit,
    };
    let to = recipients.all();
    let sent = ready.map(|()| client.send(&from, &to, text).flatten().collect::<Vec<_>>());
    client.quit();
    outcome(&sent.map_err(|failure| not_sent(&failure))?)
}

/// Who is to get the letter. The letter names those of To and Cc; those of Bcc it does not name.
struct Recipients {
    to: Vec<ForwardPath>,
    cc: Vec<ForwardPath>,
    bcc: Vec<ForwardPath>,
}

impl Recipients {
    fn new(args: &Args) -> Result<Recipients, Failure> {
        let mut recipients = Recipients {
            to: addresses(args, "to")?,
            cc: addresses(args, "cc")?,
            bcc: addresses(args, "bcc")?,
        };
        if recipients.all().is_empty() {
            recipients.to = vec![address("to", &ask(args, "to", "To")?)?];
        }
        Ok(recipients)
    }

    /// All for the envelope: who is named twice gets one letter.
    fn all(&self) -> Vec<ForwardPath> {
        let mut all = Vec::new();
        for path in [&self.to, &self.cc, &self.bcc].into_iter().flatten() {
            if !all.contains(path) {
                all.push(path.clone());
            }
        }
        all
    }
}

fn addresses(args: &Args, name: &str) -> Result<Vec<ForwardPath>, Failure> {
    args.all(name).map(|value| address(name, value)).collect()
}

/// The address in an option. It stands alone, with or without `<` and `>`.
fn address<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Failure> {
    let path = match value.starts_with('<') {
        true => value.to_string(),
        false => format!("<{value}>"),
    };
    path.parse().map_err(|why| {
        let hint = match (name, addresses_in(value).as_slice()) {
            (_, []) if !value.is_ascii() => "addresses here are ASCII".to_string(),
            (_, []) => format!("{why}"),
            ("from", [one]) if value.contains('<') => {
                format!("write --from {one}, and the name into --header 'From: {value}'")
            }
            ("from", [one, ..]) => format!("write --from {one}"),
            (_, found) => format!("write --{name} {}", found.join(&format!(" --{name} "))),
        };
        usage(format!("--{name}: {value:?} is not one address; {hint}"))
    })
}

/// What looks like an address in a text: for hints.
fn addresses_in(text: &str) -> Vec<&str> {
    let around = |c: char| c.is_whitespace() || "<>()[],;:?\"'“”„‘’‚«»".contains(c);
    let pieces = text.split(around);
    pieces.filter(|it| it.parse::<Mailbox>().is_ok()).collect()
}

fn helo_name(name: &str) -> Result<Domain, Failure> {
    name.parse().map_err(|why| {
        let hint = "write a full name, such as pc.a.example; without --helo we say our IP address";
        usage(format!("--helo: {name:?}: {why}; {hint}"))
    })
}

fn not_sent(failure: &client::SendError) -> Failure {
    match failure {
        client::SendError::Unknown(_) => try_later(format!("{failure}; {TWICE}")),
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
        Err(client::SendError::Unknown(_)) => Some(format!("{verdict}; {TWICE}")),
        Err(_) => Some(format!("not {verdict}")),
    };
    let lines: Vec<String> = verdicts.iter().filter_map(line).collect();
    let is_refused = |verdict: &Verdict| {
        let result = verdict.result.as_ref();
        result.is_err_and(|failure| !failure.is_temporary())
    };
    match lines.join("\n") {
        _ if lines.is_empty() => Ok(()),
        why if verdicts.iter().any(is_refused) => Err(failed(why)),
        why => Err(try_later(why)),
    }
}

/// Why nobody has the letter, if that has nothing to do with the recipients: it is told once.
fn failure_of_all(verdicts: &[Verdict]) -> Option<&client::SendError> {
    use client::SendError::Refused;
    let first = verdicts.first()?;
    let is_same = |verdict: &Verdict| verdict.result == first.result;
    match &first.result {
        Err(Refused(Stage::Rcpt | Stage::Data | Stage::Text | Stage::Dot, _)) | Ok(_) => None,
        Err(failure) => verdicts.iter().all(is_same).then_some(failure),
    }
}

/// A letter as it goes to a server that takes octets over 127, and to one that does not.
struct Letter {
    eight_bit: Text,
    seven_bit: Text,
}

/// A finished letter, as it is. With octets over 127 it can only go to a server that takes them.
fn finished(file: &str, args: &Args) -> Result<Letter, Failure> {
    for name in ["body", "subject", "header"] {
        if args.flag(name) {
            let why = format!("--message is a finished letter; --{name} cannot change it");
            return Err(usage(why));
        }
    }
    let text = Text::from_file(&read(file)?);
    Ok(Letter {
        eight_bit: text.clone(),
        seven_bit: text,
    })
}

/// A letter made from what the user filled in. We make both forms before we know the server, so
/// that a mistake is found before anybody is called.
fn made(
    from: &ReversePath,
    recipients: &Recipients,
    helo: Option<&Domain>,
    args: &Args,
) -> Result<Letter, Failure> {
    let fields = args.all("header").map(header_field);
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
    let mut draft = Draft {
        from: author(from, helo)?,
        to: recipients.to.clone(),
        cc: recipients.cc.clone(),
        subject,
        fields,
        body,
        eight_bit: true,
    };
    let clock = clock()?;
    let eight_bit = compose(&draft, &mut clock.clone()).map_err(usage)?;
    draft.eight_bit = false;
    let seven_bit = compose(&draft, &mut clock.clone()).map_err(usage)?;
    Ok(Letter {
        eight_bit,
        seven_bit,
    })
}

/// A further header field. One that names recipients would reach nobody: the letter goes to those on
/// the envelope. And everybody could read a Bcc field.
fn header_field(line: &str) -> Result<Field, Failure> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let name = name.trim().to_ascii_lowercase();
    let option = name.strip_prefix("resent-").unwrap_or(&name);
    let option = option.strip_prefix("apparently-").unwrap_or(option);
    if !["to", "cc", "bcc"].contains(&option) {
        return parse("header", line);
    }
    let mut hint = String::new();
    for address in addresses_in(value) {
        hint += &format!(" --{option} {address}");
    }
    let hint = match hint.is_empty() {
        true => format!(" --{option} ADDRESS"),
        false => hint,
    };
    Err(usage(format!(
        "--header: {line:?} would name recipients, and the letter would not go to them; \
         write{hint}"
    )))
}

/// A letter from nobody still has an author: whoever looks after the host.
fn author(from: &ReversePath, helo: Option<&Domain>) -> Result<Mailbox, Failure> {
    let host = helo.map_or("localhost", Domain::as_str);
    match from {
        ReversePath::Mailbox(mailbox) => Ok(mailbox.clone()),
        ReversePath::Null => parse("helo", &format!("postmaster@{host}")),
    }
}
