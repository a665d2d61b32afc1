// ANCHOR: story
//! The user agent that writes: send.
// ANCHOR_END: story

// ANCHOR: uses
use super::args::{Args, parse};
use super::input::{ask, credentials, prompt, read};
use super::{Failure, all_of, call, clock, complain, failed, trace, try_later, usage};
use crate::client::{Client, SendError, Stage, Timeouts, Verdict};
use crate::message::{Draft, Field, compose};
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::line::{Trace, Wire};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
// ANCHOR_END: uses

// ANCHOR: send_ask
pub fn send(args: &Args) -> Result<(), Failure> {
    let server = ask(args, "server", "Server (HOST:PORT)")?;
    let from: ReversePath = address("from", &ask(args, "from", "From")?)?;
    let recipients = Recipients::new(args)?;
    let helo = args.get("helo").map(helo_name).transpose()?;
    // ANCHOR_END: send_ask
    // ANCHOR: send_password
    let file = args.get("message").or(args.get("body")).unwrap_or("-");
    if file == "-" && args.get("password-file") == Some("-") {
        let why = "standard input cannot be both the password and the letter";
        return Err(usage(why));
    }
    let user = args.get("user");
    if user.is_none() && args.flag("password-file") {
        return Err(usage("--password-file needs --user"));
    }
    let credentials = user.map(|user| credentials(user, args)).transpose()?;
    // ANCHOR_END: send_password
    // ANCHOR: send_letter
    let letter = match args.get("message") {
        Some(file) => finished(file, args)?,
        None => made(&from, &recipients, helo.as_ref(), args)?,
    };
    let timeouts = Timeouts(args.seconds("timeout")?);
    // ANCHOR_END: send_letter

    // ANCHOR: send_call
    let socket = call(&server, timeouts.of(Stage::Connect))?;
    let local = socket.local_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let helo = helo.unwrap_or_else(|| Domain::from(local));
    let wire = Wire::traced(socket, trace(args, Trace::of_client));
    let mut client = Client::open(wire, &helo, timeouts).map_err(not_sent)?;
    let ready = credentials.map_or(Ok(()), |it| client.authenticate(&it));
    // ANCHOR_END: send_call
    // ANCHOR: send_text
    let text = match client.offers_8bit() {
        true => &letter.eight_bit,
        false => &letter.seven_bit,
    };
    let to = recipients.all();
    let sent = ready.map(|()| client.send(&from, &to, text).flatten().collect());
    client.quit();
    outcome(sent.map_err(not_sent)?)
}
// ANCHOR_END: send_text

// ANCHOR: recipients
/// The recipients of the letter. It names those of To and Cc, and does not name those of
/// Bcc.
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

    /// All of them, for the envelope. A recipient who is named twice gets one letter.
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
// ANCHOR_END: recipients

// ANCHOR: address
fn addresses(args: &Args, name: &str) -> Result<Vec<ForwardPath>, Failure> {
    args.all(name).map(|value| address(name, value)).collect()
}

/// The address in an option: it alone, with or without `<` and `>`.
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
// ANCHOR_END: address

// ANCHOR: helo_name
fn helo_name(name: &str) -> Result<Domain, Failure> {
    name.parse().map_err(|why| {
        let hint = "write a full name, such as pc.a.example; \
                    without --helo we say our IP address";
        usage(format!("--helo: {name:?}: {why}; {hint}"))
    })
}
// ANCHOR_END: helo_name

// ANCHOR: finished
/// A letter as it goes to a server that takes octets over 127, and to one that does not.
struct Composed {
    eight_bit: Text,
    seven_bit: Text,
}

/// A finished letter, as it is. With octets over 127 it can only go to a server that
/// takes them.
fn finished(file: &str, args: &Args) -> Result<Composed, Failure> {
    for name in ["body", "subject", "header"] {
        if args.flag(name) {
            let why = format!("--message is a finished letter; --{name} cannot change it");
            return Err(usage(why));
        }
    }
    let text = Text::from_file(&read(file)?);
    Ok(Composed {
        eight_bit: text.clone(),
        seven_bit: text,
    })
}
// ANCHOR_END: finished

// ANCHOR: made
/// A letter made from what the user filled in. We make both forms before we call the
/// server, so that a mistake is found before that.
fn made(
    from: &ReversePath,
    recipients: &Recipients,
    helo: Option<&Domain>,
    args: &Args,
) -> Result<Composed, Failure> {
    let fields = args.all("header").map(header_field);
    let fields = fields.collect::<Result<_, _>>()?;
    let subject = match args.get("subject") {
        None if io::stdin().is_terminal() => Some(prompt("Subject")?),
        subject => subject.map(str::to_string),
    };
    let file = args.get("body").unwrap_or("-");
    if file == "-" && io::stdin().is_terminal() {
        complain("The text; end it with Ctrl-D on a line of its own:");
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
    Ok(Composed {
        eight_bit,
        seven_bit,
    })
}
// ANCHOR_END: made

// ANCHOR: header_field
/// One more header field. A field that names recipients is refused: the letter goes to
/// those on the envelope and to nobody else. And everybody could read a Bcc field.
fn header_field(line: &str) -> Result<Field, Failure> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let option = match name.trim().to_ascii_lowercase().as_str() {
        "to" | "resent-to" | "apparently-to" => "to",
        "cc" | "resent-cc" => "cc",
        "bcc" | "resent-bcc" => "bcc",
        _ => return parse("header", line),
    };
    let mut addresses = addresses_in(value);
    if addresses.is_empty() {
        addresses.push("ADDRESS");
    }
    let separator = format!(" --{option} ");
    let hint = format!("write --{option} {}", addresses.join(&separator));
    let why = "would name recipients, and the letter would not go to them";
    Err(usage(format!("--header: {line:?} {why}; {hint}")))
}

/// A letter from nobody still has an author: the postmaster of the host.
fn author(from: &ReversePath, helo: Option<&Domain>) -> Result<Mailbox, Failure> {
    let host = helo.map_or("localhost", Domain::as_str);
    match from {
        ReversePath::Mailbox(mailbox) => Ok(mailbox.clone()),
        ReversePath::Null => parse("helo", &format!("postmaster@{host}")),
    }
}
// ANCHOR_END: header_field

// ANCHOR: outcome
/// The result for each recipient.
fn outcome(verdicts: Vec<Verdict>) -> Result<(), Failure> {
    if let Some(failure) = shared_failure(&verdicts) {
        return Err(not_sent(failure.clone()));
    }
    let mut failures = Vec::new();
    for verdict in verdicts {
        failures.extend(match &verdict.result {
            Ok(_) => None,
            Err(SendError::Unknown(_)) => Some(try_later(format!("{verdict}; {TWICE}"))),
            Err(why) if why.is_temporary() => Some(try_later(format!("not {verdict}"))),
            Err(_) => Some(failed(format!("not {verdict}"))),
        });
    }
    all_of(failures)
}
// ANCHOR_END: outcome

// ANCHOR: not_sent
const TWICE: &str = "if you send it again, it may come twice";

/// A failure that concerns the whole letter.
fn not_sent(failure: SendError) -> Failure {
    match failure {
        SendError::Unknown(_) => try_later(format!("{failure}; {TWICE}")),
        _ if failure.is_temporary() => {
            let again = "try again later";
            try_later(format!("not sent: {failure}; {again}"))
        }
        _ => failed(format!("not sent: {failure}")),
    }
}
// ANCHOR_END: not_sent

// ANCHOR: shared_failure
/// The failure that kept the letter from everybody, if it has nothing to do with the
/// recipients. It is told once.
fn shared_failure(verdicts: &[Verdict]) -> Option<&SendError> {
    let first = &verdicts.first()?.result;
    let is_shared = verdicts.iter().all(|verdict| verdict.result == *first);
    let after_mail = [Stage::Rcpt, Stage::Data, Stage::Text, Stage::Dot];
    match first {
        Err(SendError::Refused(stage, _)) if after_mail.contains(stage) => None,
        Err(failure) if is_shared => Some(failure),
        _ => None,
    }
}
// ANCHOR_END: shared_failure
