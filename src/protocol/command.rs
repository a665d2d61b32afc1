// ANCHOR: story
//! # Commands (chapter 5)
//!
//! What the client says: a verb, perhaps a space and an argument, CR LF (RFC 5321
//! §4.1.1). This file has all that differs from verb to verb. It does not know which
//! command may come when: the session (chapter 9) knows that.
//!
//! A verb may be written in any case. White space at the end is forgiven (RFC 5321 §2.4,
//! §4.1.1), and so are spaces before a path. Each mistake has its own reply code, and
//! [`Syntax`] knows which.
// ANCHOR_END: story

// ANCHOR: uses
mod arguments;
mod syntax;

use super::address::{AddressError, ForwardPath, HostName, ReversePath};
use super::line::COMMAND_LINE;
pub use arguments::{Argument, MailParameters};
use arguments::{path_and_parameters, text, text_if_any};
use std::fmt;
pub use syntax::{Syntax, is_foreign};
// ANCHOR_END: uses

// ANCHOR: command
/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The name of the client. The reply lists the extensions that the server offers.
    Ehlo(HostName),
    /// Begins a mail transaction.
    Mail(ReversePath, MailParameters),
    /// Adds one recipient to it.
    Rcpt(ForwardPath),
    /// The text comes next.
    Data,
    // ANCHOR_END: command

    // ANCHOR: command_rest
    /// The name of the client, in the form of RFC 821.
    Helo(HostName),
    /// Drops the transaction.
    Rset,
    /// Asks whether this is a user.
    Vrfy(Argument),
    /// Asks for the members of this list.
    Expn(Argument),
    /// Asks for help, about one verb or in general.
    Help(Option<Argument>),
    /// Does nothing, with or without an argument.
    Noop(Option<Argument>),
    /// Ends the conversation.
    Quit,
    /// A mechanism, and the first response if the client sends it at once (RFC 4954 §4).
    Auth(Argument, Option<Argument>),
    /// One of SEND, SOML, SAML and TURN. The server never obeys it, so its argument may
    /// be any text.
    Abandoned(Verb, Option<Argument>),
    /// Asks for encryption.
    StartTls,
}
// ANCHOR_END: command_rest

// ANCHOR: parse
impl Command {
    /// Reads a command from a line without its CR LF.
    pub fn parse(line: &[u8]) -> Result<Command, Syntax> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_ascii_end();
        let (word, argument) = text.split_once(' ').unwrap_or((text, ""));
        let verb = Verb::from_name(word);
        // ANCHOR_END: parse

        // ANCHOR: parse_foreign
        if verb.is_none() && is_foreign(text) {
            return Err(Syntax::Foreign);
        }
        // ANCHOR_END: parse_foreign

        // ANCHOR: parse_limit
        let limit = verb.map_or(COMMAND_LINE, Verb::limit);
        if line.len() + "\r\n".len() > limit {
            return Err(Syntax::TooLong(limit));
        }
        // ANCHOR_END: parse_limit

        // ANCHOR: parse_end
        Command::new(verb.ok_or(Syntax::Unknown)?, argument)
    }
    // ANCHOR_END: parse_end

    // ANCHOR: new
    fn new(verb: Verb, argument: &str) -> Result<Command, Syntax> {
        if !verb.may_have(argument) {
            return Err(Syntax::Arguments(verb));
        }
        let not_an_address = |why| Syntax::Address(verb, why);
        Ok(match verb {
            Verb::Ehlo => Command::Ehlo(argument.parse().map_err(not_an_address)?),
            Verb::Mail => {
                let (path, parameters) = path_and_parameters(verb, "FROM:", argument)?;
                Command::Mail(path, parameters)
            }
            Verb::Rcpt => Command::Rcpt(path_and_parameters(verb, "TO:", argument)?.0),
            Verb::Data => Command::Data,
            // ANCHOR_END: new

            // ANCHOR: new_rest
            Verb::Helo => Command::Helo(argument.parse().map_err(not_an_address)?),
            Verb::Rset => Command::Rset,
            // VRFY and EXPN may name an address.
            Verb::Vrfy | Verb::Expn if !argument.is_ascii() => {
                return Err(not_an_address(AddressError::NotAscii));
            }
            Verb::Vrfy => Command::Vrfy(text(verb, argument)?),
            Verb::Expn => Command::Expn(text(verb, argument)?),
            Verb::Help => Command::Help(text_if_any(verb, argument)?),
            Verb::Noop => Command::Noop(text_if_any(verb, argument)?),
            Verb::Quit => Command::Quit,
            Verb::Auth => {
                let (name, response) = argument.split_once(' ').unwrap_or((argument, ""));
                Command::Auth(text(verb, name)?, text_if_any(verb, response)?)
            }
            Verb::Send | Verb::Soml | Verb::Saml | Verb::Turn => {
                Command::Abandoned(verb, text_if_any(verb, argument)?)
            }
            Verb::StartTls => Command::StartTls,
        })
    }
}
// ANCHOR_END: new_rest

// ANCHOR: command_display
impl fmt::Display for Command {
    /// The command as it goes over the wire, without CR LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ehlo(name) => write!(f, "EHLO {name}"),
            Command::Mail(path, parameters) => write!(f, "MAIL FROM:{path}{parameters}"),
            Command::Rcpt(path) => write!(f, "RCPT TO:{path}"),
            Command::Data => write!(f, "DATA"),
            // ANCHOR_END: command_display

            // ANCHOR: command_display_rest
            Command::Helo(name) => write!(f, "HELO {name}"),
            Command::Rset => write!(f, "RSET"),
            Command::Vrfy(name) => write!(f, "VRFY {}", name.as_str()),
            Command::Expn(list) => write!(f, "EXPN {}", list.as_str()),
            Command::Help(topic) => write!(f, "HELP{}", if_any(topic)),
            Command::Noop(text) => write!(f, "NOOP{}", if_any(text)),
            Command::Quit => write!(f, "QUIT"),
            Command::Auth(name, response) => {
                write!(f, "AUTH {}{}", name.as_str(), if_any(response))
            }
            Command::Abandoned(verb, text) => write!(f, "{}{}", verb.name(), if_any(text)),
            Command::StartTls => write!(f, "STARTTLS"),
        }
    }
}

/// A space and the argument, or an empty text if there is no argument.
fn if_any(argument: &Option<Argument>) -> String {
    match argument {
        Some(argument) => format!(" {}", argument.as_str()),
        None => String::new(),
    }
}
// ANCHOR_END: command_display_rest

// ANCHOR: verb
/// The word that a command begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // `Verb::explain` says what each verb is for.
#[rustfmt::skip]
pub enum Verb {
    Ehlo, Helo, Mail, Rcpt, Data, Rset, Vrfy, Expn, Help, Noop, Quit,
    Auth, StartTls,
    Send, Soml, Saml, Turn,
}

/// Every verb, the form of its command, and its purpose. `[text]` may be left out.
#[rustfmt::skip]
const VERBS: &[(Verb, &str, &str)] = &[
    (Verb::Ehlo, "EHLO domain", "names the client, lists extensions (RFC 5321 4.1.1.1)"),
    (Verb::Helo, "HELO domain", "names the client, the old way (RFC 5321 4.1.1.1)"),
    (Verb::Mail, "MAIL FROM:<address>", "names a letter's sender (RFC 5321 4.1.1.2)"),
    (Verb::Rcpt, "RCPT TO:<address>", "names one recipient of it (RFC 5321 4.1.1.3)"),
    (Verb::Data, "DATA", "announces the text; a dot alone ends it (RFC 5321 4.1.1.4)"),
    // ANCHOR_END: verb

    // ANCHOR: verb_rest
    (Verb::Rset, "RSET", "drops the letter that was begun (RFC 5321 4.1.1.5)"),
    (Verb::Vrfy, "VRFY name", "asks whether a user is known here (RFC 5321 4.1.1.6)"),
    (Verb::Expn, "EXPN list", "asks who is on a mailing list (RFC 5321 4.1.1.7)"),
    (Verb::Help, "HELP [command]", "explains a command (RFC 5321 4.1.1.8)"),
    (Verb::Noop, "NOOP [text]", "asks for an OK, and nothing else (RFC 5321 4.1.1.9)"),
    (Verb::Quit, "QUIT", "ends the conversation (RFC 5321 4.1.1.10)"),
    (Verb::Auth, "AUTH mechanism [response]", "proves who is calling (RFC 4954)"),
    (Verb::StartTls, "STARTTLS", "would begin encryption; there is none here (RFC 3207)"),
    (Verb::Send, "SEND [FROM:<address>]", "wrote to terminals; abandoned (RFC 5321 F.6)"),
    (Verb::Soml, "SOML [FROM:<address>]", "was SEND or MAIL; abandoned (RFC 5321 F.6)"),
    (Verb::Saml, "SAML [FROM:<address>]", "was SEND and MAIL; abandoned (RFC 5321 F.6)"),
    (Verb::Turn, "TURN [text]", "swapped client and server; abandoned (RFC 5321 F.1)"),
];
// ANCHOR_END: verb_rest

// ANCHOR: verb_impl
impl Verb {
    /// The verb with this name, in upper or lower case.
    pub fn from_name(word: &str) -> Option<Verb> {
        Verb::all().find(|verb| verb.name().eq_ignore_ascii_case(word))
    }

    /// All verbs.
    pub fn all() -> impl Iterator<Item = Verb> {
        VERBS.iter().map(|(verb, ..)| *verb)
    }
    // ANCHOR_END: verb_impl

    // ANCHOR: verb_explain
    /// The verb as it is written: the first word of the form.
    pub fn name(self) -> &'static str {
        let (form, _) = self.explain();
        form.split(' ').next().unwrap_or(form)
    }

    /// The form of the whole command, and its purpose.
    pub fn explain(self) -> (&'static str, &'static str) {
        let row = VERBS.iter().find(|(verb, ..)| *verb == self);
        row.map_or(("", ""), |(_, form, purpose)| (form, purpose))
    }
    // ANCHOR_END: verb_explain

    // ANCHOR: may_have
    /// Does the form allow this argument? An empty text means that there is none.
    fn may_have(self, argument: &str) -> bool {
        match self.explain().0.split_once(' ') {
            None => argument.is_empty(),
            Some((_, form)) => form.starts_with('[') || !argument.is_empty(),
        }
    }
    // ANCHOR_END: may_have

    // ANCHOR: verb_limit
    /// The longest command with this verb, CR LF included, in octets.
    fn limit(self) -> usize {
        match self {
            Verb::Mail => MAIL_LINE,
            Verb::Auth => AUTH_LINE,
            _ => COMMAND_LINE,
        }
    }
}
// ANCHOR_END: verb_limit

// ANCHOR: limits
/// The longest MAIL command, CR LF included. SIZE adds 26 octets to the usual limit (RFC
/// 1870 §3), BODY 17 (RFC 6152 §2), and AUTH 500 (RFC 4954 §3).
pub const MAIL_LINE: usize = COMMAND_LINE + 26 + 17 + 500;
/// The longest AUTH command, and the longest answer to its challenges, CR LF included
/// (RFC 4954 §4).
pub const AUTH_LINE: usize = 12_288;
// ANCHOR_END: limits
