// ANCHOR: story
//! # Commands (chapter 5)
//!
//! What the client says: a verb, a space, an argument, CR LF (RFC 5321 §4.1.1). RFC 821 had
//! fourteen verbs. Four of them are abandoned, but a server still has to know them to say so. EHLO
//! came later, and AUTH and STARTTLS with it.
//!
//! Verbs are read without regard to case. White space at the end is forgiven (§2.4, §4.1.1), and so
//! are spaces before a path. Nothing else is: each mistake has its own reply code, and [`Syntax`]
//! knows which. This module does not know which command may come when. That is the session's
//! business.
// ANCHOR_END: story

// ANCHOR: uses
mod parameters;
mod verb;

use super::address::{AddressError, ForwardPath, HostName, ReversePath};
use super::line::COMMAND_LINE;
pub use parameters::{Body, MailParameters};
use parameters::{mail_parameters, path_and_parameters};
use std::fmt;
use std::str::FromStr;
pub use verb::{AUTH_LINE, MAIL_LINE, Verb, is_foreign};
// ANCHOR_END: uses

// ANCHOR: command
/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Who is calling; the reply lists the extensions that the server offers.
    Ehlo(HostName),
    /// Who is calling, as RFC 821 had it.
    Helo(HostName),
    /// Begins a mail transaction.
    Mail(ReversePath, MailParameters),
    /// Adds one recipient to it.
    Rcpt(ForwardPath),
    /// The text comes next.
    Data,
    /// Drops the transaction.
    Rset,
    /// Is this a user?
    Vrfy(Argument),
    /// Who is behind this list?
    Expn(Argument),
    /// Help, about one verb or in general.
    Help(Option<Argument>),
    /// Nothing; an argument means nothing either.
    Noop(Option<Argument>),
    /// The end.
    Quit,
    /// A mechanism, and the first response if the client sends it at once (RFC 4954 §4).
    Auth(Argument, Option<Argument>),
    /// One of SEND, SOML, SAML and TURN. Nobody acts on it, so nobody looks at its argument.
    Abandoned(Verb, Option<Argument>),
    /// Asks for encryption.
    StartTls,
}
// ANCHOR_END: command

// ANCHOR: argument
/// An argument that is just text: printable ASCII, not empty, no space at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument(String);

impl Argument {
    /// Checks a text.
    pub fn new(text: &str) -> Option<Argument> {
        let printable = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
        let good = !text.is_empty() && printable && text.trim_ascii() == text;
        good.then(|| Argument(text.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
// ANCHOR_END: argument

// ANCHOR: argument_display
impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
// ANCHOR_END: argument_display

// ANCHOR: syntax
/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syntax {
    /// No verb that we know.
    Unknown,
    /// Not SMTP at all, and what follows is not either: see [`is_foreign`].
    Foreign,
    /// Over the limit for its verb.
    TooLong(usize),
    /// The argument is missing, superfluous or not well formed; perhaps we can say why.
    Arguments(Verb, Option<AddressError>),
    /// A parameter of MAIL or RCPT that we do not know.
    Parameter(Verb),
}
// ANCHOR_END: syntax

// ANCHOR: code
impl Syntax {
    /// The reply code that the mistake deserves (RFC 5321 §4.2.2; for addresses, RFC 6531 §3.5).
    pub fn code(&self) -> u16 {
        match self {
            Syntax::Foreign => 421,
            Syntax::Unknown | Syntax::TooLong(_) => 500,
            Syntax::Arguments(Verb::Mail, Some(AddressError::NotAscii)) => 550,
            Syntax::Arguments(_, Some(AddressError::NotAscii)) => 553,
            Syntax::Arguments(..) => 501,
            Syntax::Parameter(_) => 555,
        }
    }
}
// ANCHOR_END: code

// ANCHOR: syntax_display
impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Syntax::Unknown => f.write_str("no such command; HELP lists those there are"),
            Syntax::Foreign => f.write_str("this is SMTP, and that line is not; closing"),
            Syntax::TooLong(most) => {
                write!(f, "line too long; the limit is {most} octets with CR LF")
            }
            Syntax::Arguments(_, Some(why @ AddressError::NotAscii)) => write!(f, "{why}"),
            Syntax::Arguments(verb, Some(why)) => {
                write!(f, "{why}; the form is {}", verb.explain().0)
            }
            Syntax::Arguments(verb, None) => write!(f, "the form is {}", verb.explain().0),
            Syntax::Parameter(verb) => write!(f, "{} has a parameter unknown here", verb.name()),
        }
    }
}

impl std::error::Error for Syntax {}
// ANCHOR_END: syntax_display

// ANCHOR: parse
impl Command {
    /// Reads a command from a line without its CR LF.
    pub fn parse(line: &[u8]) -> Result<Command, Syntax> {
        // Octets that are no UTF-8 become a mark, and no verb and no argument may hold it.
        let text = String::from_utf8_lossy(line);
        let text = text.trim_ascii_end();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let verb: Result<Verb, Syntax> = word.parse();
        if verb.is_err() && is_foreign(text) {
            return Err(Syntax::Foreign);
        }
        let limit = verb.as_ref().map_or(COMMAND_LINE, Verb::limit);
        if line.len() + "\r\n".len() > limit {
            return Err(Syntax::TooLong(limit));
        }
        Command::new(verb?, (!rest.is_empty()).then_some(rest))
    }
    // ANCHOR_END: parse

    // ANCHOR: new
    fn new(verb: Verb, argument: Option<&str>) -> Result<Command, Syntax> {
        let text = |text| Argument::new(text).ok_or(Syntax::Arguments(verb, None));
        Ok(match (verb, argument) {
            (Verb::Ehlo, Some(name)) => Command::Ehlo(address(verb, name)?),
            (Verb::Helo, Some(name)) => Command::Helo(address(verb, name)?),
            (Verb::Mail, Some(from)) => mail(verb, from)?,
            (Verb::Rcpt, Some(to)) => rcpt(verb, to)?,
            (Verb::Data, None) => Command::Data,
            (Verb::Rset, None) => Command::Rset,
            (Verb::Vrfy | Verb::Expn, Some(name)) if !name.is_ascii() => {
                return Err(Syntax::Arguments(verb, Some(AddressError::NotAscii)));
            }
            (Verb::Vrfy, Some(name)) => Command::Vrfy(text(name)?),
            (Verb::Expn, Some(list)) => Command::Expn(text(list)?),
            (Verb::Help, topic) => Command::Help(topic.map(text).transpose()?),
            (Verb::Noop, argument) => Command::Noop(argument.map(text).transpose()?),
            (Verb::Quit, None) => Command::Quit,
            (Verb::Auth, Some(words)) => auth(verb, words)?,
            (Verb::Send | Verb::Soml | Verb::Saml | Verb::Turn, argument) => {
                Command::Abandoned(verb, argument.map(text).transpose()?)
            }
            (Verb::StartTls, None) => Command::StartTls,
            _ => return Err(Syntax::Arguments(verb, None)),
        })
    }
}
// ANCHOR_END: new

// ANCHOR: address
/// Reads the name of a host or a path.
fn address<A>(verb: Verb, text: &str) -> Result<A, Syntax>
where
    A: FromStr<Err = AddressError>,
{
    text.parse()
        .map_err(|why| Syntax::Arguments(verb, Some(why)))
}
// ANCHOR_END: address

// ANCHOR: mail_and_rcpt
fn mail(verb: Verb, argument: &str) -> Result<Command, Syntax> {
    let (path, parameters) = path_and_parameters(verb, "FROM:", argument)?;
    let path = address(verb, &path)?;
    Ok(Command::Mail(path, mail_parameters(verb, parameters)?))
}

fn rcpt(verb: Verb, argument: &str) -> Result<Command, Syntax> {
    let (path, parameters) = path_and_parameters(verb, "TO:", argument)?;
    let path = address(verb, &path)?;
    if parameters.is_empty() {
        Ok(Command::Rcpt(path))
    } else {
        Err(Syntax::Parameter(verb))
    }
}
// ANCHOR_END: mail_and_rcpt

// ANCHOR: auth
/// A mechanism has a name of at most twenty octets (RFC 4422 §3.1), and a response is one word.
fn auth(verb: Verb, argument: &str) -> Result<Command, Syntax> {
    let (mechanism, response) = match argument.split_once(' ') {
        Some((mechanism, response)) => (mechanism, Some(response)),
        None => (argument, None),
    };
    let in_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let good = mechanism.len() <= 20 && mechanism.bytes().all(in_name);
    let word = |text: &str| match Argument::new(text) {
        Some(word) if good && !text.contains(' ') => Ok(word),
        _ => Err(Syntax::Arguments(verb, None)),
    };
    let response = response.map(word).transpose()?;
    Ok(Command::Auth(word(mechanism)?, response))
}
// ANCHOR_END: auth

// ANCHOR: command_display
impl fmt::Display for Command {
    /// The command as it goes over the wire, without CR LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ehlo(domain) => write!(f, "EHLO {domain}"),
            Command::Helo(domain) => write!(f, "HELO {domain}"),
            Command::Mail(path, parameters) => write!(f, "MAIL FROM:{path}{parameters}"),
            Command::Rcpt(path) => write!(f, "RCPT TO:{path}"),
            Command::Data => f.write_str("DATA"),
            Command::Rset => f.write_str("RSET"),
            Command::Vrfy(name) => write!(f, "VRFY {name}"),
            Command::Expn(list) => write!(f, "EXPN {list}"),
            Command::Help(topic) => with_argument(f, "HELP", topic),
            Command::Noop(argument) => with_argument(f, "NOOP", argument),
            Command::Quit => f.write_str("QUIT"),
            Command::Auth(mechanism, response) => {
                with_argument(f, &format!("AUTH {mechanism}"), response)
            }
            Command::Abandoned(verb, argument) => with_argument(f, verb.name(), argument),
            Command::StartTls => f.write_str("STARTTLS"),
        }
    }
}
// ANCHOR_END: command_display

// ANCHOR: with_argument
fn with_argument(
    f: &mut fmt::Formatter<'_>,
    command: &str,
    argument: &Option<Argument>,
) -> fmt::Result {
    match argument {
        Some(argument) => write!(f, "{command} {argument}"),
        None => f.write_str(command),
    }
}
// ANCHOR_END: with_argument
