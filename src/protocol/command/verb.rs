// ANCHOR: story
//! Verbs: the word that a command begins with, and what we know of each.

use super::Syntax;
use crate::protocol::line::COMMAND_LINE;
use std::str::FromStr;
// ANCHOR_END: story

// ANCHOR: limits
/// Longest MAIL command, CR LF included: to the usual limit SIZE adds 26 octets (RFC 1870 §3),
/// BODY 17 (RFC 6152 §2) and AUTH 500 (RFC 4954 §3).
pub const MAIL_LINE: usize = COMMAND_LINE + 26 + 17 + 500;
/// Longest AUTH command, and longest answer to its challenges, CR LF included (RFC 4954 §4).
pub const AUTH_LINE: usize = 12_288;
// ANCHOR_END: limits

// ANCHOR: verb
/// The word that a command begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // `Verb::explain` says what each is for.
pub enum Verb {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Vrfy,
    Expn,
    Help,
    Noop,
    Quit,
    Auth,
    Send,
    Soml,
    Saml,
    Turn,
    StartTls,
}
// ANCHOR_END: verb

// ANCHOR: verbs
/// Every verb, with the form of the whole command and what it is for.
#[rustfmt::skip]
const VERBS: [(Verb, &str, &str); 17] = [
    (Verb::Ehlo, "EHLO domain", "says who is calling, and asks what you offer (RFC 5321 4.1.1.1)"),
    (Verb::Helo, "HELO domain", "says who is calling, the old way (RFC 5321 4.1.1.1)"),
    (Verb::Mail, "MAIL FROM:<address>", "begins a letter and names its sender (RFC 5321 4.1.1.2)"),
    (Verb::Rcpt, "RCPT TO:<address>", "names one recipient; repeat it for more (RFC 5321 4.1.1.3)"),
    (Verb::Data, "DATA", "announces the text; a line with a lone dot ends it (RFC 5321 4.1.1.4)"),
    (Verb::Rset, "RSET", "drops the letter that was begun (RFC 5321 4.1.1.5)"),
    (Verb::Vrfy, "VRFY name", "asks whether a user is known here (RFC 5321 4.1.1.6)"),
    (Verb::Expn, "EXPN list", "asks who is on a mailing list (RFC 5321 4.1.1.7)"),
    (Verb::Help, "HELP [command]", "explains a command (RFC 5321 4.1.1.8)"),
    (Verb::Noop, "NOOP", "does nothing, politely (RFC 5321 4.1.1.9)"),
    (Verb::Quit, "QUIT", "ends the conversation (RFC 5321 4.1.1.10)"),
    (Verb::Auth, "AUTH mechanism [response]", "proves who is calling (RFC 4954)"),
    (Verb::Send, "SEND FROM:<address>", "wrote to a terminal; abandoned (RFC 5321 F.6)"),
    (Verb::Soml, "SOML FROM:<address>", "wrote to a terminal or mailed; abandoned (RFC 5321 F.6)"),
    (Verb::Saml, "SAML FROM:<address>", "wrote to a terminal and mailed; abandoned (RFC 5321 F.6)"),
    (Verb::Turn, "TURN", "made client and server change places; abandoned (RFC 5321 F.1)"),
    (Verb::StartTls, "STARTTLS", "would begin encryption; there is none here (RFC 3207)"),
];
// ANCHOR_END: verbs

// ANCHOR: verb_impl
impl Verb {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Verb> {
        VERBS.into_iter().map(|(verb, ..)| verb)
    }

    /// How it is written.
    pub fn name(self) -> &'static str {
        let (form, _) = self.explain();
        form.split(' ').next().unwrap_or(form)
    }

    /// The form of the whole command, and what it is for.
    pub fn explain(self) -> (&'static str, &'static str) {
        let row = VERBS.into_iter().find(|(verb, ..)| *verb == self);
        row.map_or(("", ""), |(_, form, purpose)| (form, purpose))
    }
    // ANCHOR_END: verb_impl

    // ANCHOR: verb_limit
    /// Longest command with this verb, CR LF included, in octets.
    pub(super) fn limit(&self) -> usize {
        match self {
            Verb::Mail => MAIL_LINE,
            Verb::Auth => AUTH_LINE,
            _ => COMMAND_LINE,
        }
    }
}
// ANCHOR_END: verb_limit

// ANCHOR: verb_from_str
impl FromStr for Verb {
    type Err = Syntax;

    fn from_str(word: &str) -> Result<Verb, Syntax> {
        Verb::all()
            .find(|verb| verb.name().eq_ignore_ascii_case(word))
            .ok_or(Syntax::Unknown)
    }
}
// ANCHOR_END: verb_from_str

// ANCHOR: foreign
/// The verbs of HTTP (RFC 9110 §9.3, RFC 5789).
const FOREIGN: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Does this line, which is no command, show that what follows is not meant as commands? It may be
/// a request of HTTP, or a line of a header. A web page can make a browser send such things to any
/// port, with commands of the attacker's behind them.
pub fn is_foreign(line: &str) -> bool {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is_verb = FOREIGN.iter().any(|verb| verb.eq_ignore_ascii_case(word));
    let is_field = word.contains(':') && !word.contains('<');
    is_verb || is_field || rest.contains("HTTP/")
}
// ANCHOR_END: foreign
