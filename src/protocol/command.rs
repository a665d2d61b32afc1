//! # Commands (chapter 5)
//!
//! What the client says: a verb, a space, an argument, CR LF (RFC 5321 §4.1.1). RFC 821 had
//! fourteen verbs. Four of them are abandoned, but a server still has to know them to say so. EHLO
//! came later, and AUTH with it.
//!
//! Verbs are read without regard to case, and white space at the end is forgiven (§2.4, §4.1.1).
//! Nothing else is: each mistake has its own reply code, and [`Syntax`] knows which.

mod parameters;

use super::address::{AddressError, Domain, ForwardPath, ReversePath};
use super::line::COMMAND_LINE;
pub use parameters::{Body, MailParameters};
use parameters::{mail_parameters, path_and_parameters};
use std::fmt;
use std::str::FromStr;

/// Longest MAIL command, CR LF included: to the usual limit SIZE adds 26 octets (RFC 1870 §3),
/// BODY 17 (RFC 6152 §2) and AUTH 500 (RFC 4954 §3).
pub const MAIL_LINE: usize = COMMAND_LINE + 26 + 17 + 500;
/// Longest AUTH command, and longest answer to its challenges, CR LF included (RFC 4954 §4).
pub const AUTH_LINE: usize = 12_288;

/// Every verb, with the form of the whole command and what it is for.
const VERBS: [&str; 16] = [
    "EHLO domain -- says who is calling, and asks what you offer (RFC 5321 4.1.1.1)",
    "HELO domain -- says who is calling, the old way (RFC 5321 4.1.1.1)",
    "MAIL FROM:<address> -- begins a letter and names its sender (RFC 5321 4.1.1.2)",
    "RCPT TO:<address> -- names one recipient; repeat it for more (RFC 5321 4.1.1.3)",
    "DATA -- announces the text; a line with a lone dot ends it (RFC 5321 4.1.1.4)",
    "RSET -- drops the letter that was begun (RFC 5321 4.1.1.5)",
    "VRFY name -- asks whether a user is known here (RFC 5321 4.1.1.6)",
    "EXPN list -- asks who is on a mailing list (RFC 5321 4.1.1.7)",
    "HELP [command] -- explains a command (RFC 5321 4.1.1.8)",
    "NOOP -- does nothing, politely (RFC 5321 4.1.1.9)",
    "QUIT -- ends the conversation (RFC 5321 4.1.1.10)",
    "AUTH mechanism [response] -- proves who is calling (RFC 4954)",
    "SEND FROM:<address> -- wrote to a terminal; abandoned (RFC 5321 F.6)",
    "SOML FROM:<address> -- wrote to a terminal or mailed; abandoned (RFC 5321 F.6)",
    "SAML FROM:<address> -- wrote to a terminal and mailed; abandoned (RFC 5321 F.6)",
    "TURN -- made client and server change places; abandoned (RFC 5321 F.1)",
];

/// The word that a command begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb(&'static str);

impl Verb {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Verb> {
        VERBS.into_iter().map(Verb)
    }

    /// Its four letters.
    pub fn name(self) -> &'static str {
        self.0.split_at(4).0
    }

    /// The form of the whole command, and what it is for.
    pub fn explain(self) -> (&'static str, &'static str) {
        self.0.split_once(" -- ").unwrap_or((self.0, ""))
    }
}

impl FromStr for Verb {
    type Err = Syntax;

    fn from_str(word: &str) -> Result<Verb, Syntax> {
        Verb::all()
            .find(|verb| verb.name().eq_ignore_ascii_case(word))
            .ok_or(Syntax::Unknown)
    }
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Who is calling; the reply lists the extensions that the server offers.
    Ehlo(Domain),
    /// Who is calling, as RFC 821 had it.
    Helo(Domain),
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
}

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

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syntax {
    /// No verb that we know.
    Unknown,
    /// Over the limit for its verb.
    TooLong(usize),
    /// The argument is missing, superfluous or not well formed; perhaps we can say why.
    Arguments(Verb, Option<AddressError>),
    /// A parameter of MAIL or RCPT that we do not know.
    Parameter(Verb),
}

impl Syntax {
    /// The reply code that the mistake deserves (RFC 5321 §4.2.2).
    pub fn code(&self) -> u16 {
        match self {
            Syntax::Unknown | Syntax::TooLong(_) => 500,
            Syntax::Arguments(..) => 501,
            Syntax::Parameter(_) => 555,
        }
    }
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Syntax::Unknown => f.write_str("no such command; HELP lists those there are"),
            Syntax::TooLong(most) => {
                write!(f, "line too long; the limit is {most} octets with CR LF")
            }
            Syntax::Arguments(verb, Some(why)) => {
                write!(f, "{why}; the form is {}", verb.explain().0)
            }
            Syntax::Arguments(verb, None) => write!(f, "the form is {}", verb.explain().0),
            Syntax::Parameter(verb) => write!(f, "{} has a parameter unknown here", verb.name()),
        }
    }
}

impl std::error::Error for Syntax {}

impl Command {
    /// Reads a command from a line without its CR LF.
    pub fn parse(line: &[u8]) -> Result<Command, Syntax> {
        let end = line
            .iter()
            .position(|octet| *octet == b' ')
            .unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        let verb = str::from_utf8(word.trim_ascii_end()).unwrap_or("").parse();
        let limit = match verb.as_ref().map(|verb: &Verb| verb.name()) {
            Ok("MAIL") => MAIL_LINE,
            Ok("AUTH") => AUTH_LINE,
            _ => COMMAND_LINE,
        };
        if line.len() + 2 > limit {
            return Err(Syntax::TooLong(limit));
        }
        let verb = verb?;
        let wrong = |why| Syntax::Arguments(verb, why);
        let rest = str::from_utf8(rest)
            .map_err(|_| wrong(None))?
            .trim_ascii_end();
        let argument = match rest.strip_prefix(' ') {
            Some(text) => Some(Argument::new(text).ok_or(wrong(None))?),
            None => None,
        };
        match (verb.name(), argument) {
            ("EHLO", Some(name)) => name
                .as_str()
                .parse()
                .map(Command::Ehlo)
                .map_err(|why| wrong(Some(why))),
            ("HELO", Some(name)) => name
                .as_str()
                .parse()
                .map(Command::Helo)
                .map_err(|why| wrong(Some(why))),
            ("MAIL", Some(argument)) => {
                let (path, parameters) = path_and_parameters(verb, "FROM:", argument.as_str())?;
                Ok(Command::Mail(
                    path,
                    mail_parameters(parameters, wrong(None))?,
                ))
            }
            ("RCPT", Some(argument)) => {
                let (path, parameters) = path_and_parameters(verb, "TO:", argument.as_str())?;
                match parameters.is_empty() {
                    true => Ok(Command::Rcpt(path)),
                    false => Err(Syntax::Parameter(verb)),
                }
            }
            ("DATA", None) => Ok(Command::Data),
            ("RSET", None) => Ok(Command::Rset),
            ("VRFY", Some(name)) => Ok(Command::Vrfy(name)),
            ("EXPN", Some(list)) => Ok(Command::Expn(list)),
            ("HELP", topic) => Ok(Command::Help(topic)),
            ("NOOP", argument) => Ok(Command::Noop(argument)),
            ("QUIT", None) => Ok(Command::Quit),
            ("AUTH", Some(argument)) => auth(argument.as_str()).ok_or(wrong(None)),
            ("SEND" | "SOML" | "SAML" | "TURN", argument) => Ok(Command::Abandoned(verb, argument)),
            _ => Err(wrong(None)),
        }
    }
}

fn auth(argument: &str) -> Option<Command> {
    let (mechanism, response) = match argument.split_once(' ') {
        Some((mechanism, response)) => (mechanism, Some(Argument::new(response)?)),
        None => (argument, None),
    };
    let in_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let one_word = response
        .as_ref()
        .is_none_or(|response| !response.as_str().contains(' '));
    let good = mechanism.len() <= 20 && mechanism.bytes().all(in_name) && one_word;
    Argument::new(mechanism)
        .filter(|_| good)
        .map(|mechanism| Command::Auth(mechanism, response))
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
        }
    }
}

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
