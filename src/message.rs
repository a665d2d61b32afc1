//! # The message (chapter 12)
//!
//! A letter's text is a header, an empty line and a body (RFC 5322 §2.1). The user agent makes it
//! from what the user fills in: [`compose`]. Each server that it passes puts a [`received`] field
//! on top, and the last one a [`return_path`]: these are the trace, and from it one can read the
//! way back.
//!
//! The time and the names of letters come from a [`Clock`] that is handed in.

mod date;
mod field;

use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::base64;
use crate::protocol::dot::Text;
use crate::session::Letter;
pub use date::{Clock, Date};
pub use field::{ENCODED, FOLD, Field, FieldError, LONGEST};

/// What the user agent writes into `X-Mailer`.
pub const MAILER: &str = concat!("smtp-primer ", env!("CARGO_PKG_VERSION"));

/// What the user fills in.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who writes.
    pub from: Mailbox,
    /// To whom.
    pub to: Vec<ForwardPath>,
    /// What about.
    pub subject: Option<String>,
    /// Further header fields. One that is named here is not made by [`compose`].
    pub fields: Vec<Field>,
    /// The text.
    pub body: String,
}

/// Makes a message: Date, From, To, Subject, Message-ID, X-Mailer, the fields of the draft, and, if
/// the body needs them, those of MIME.
///
/// Errors: a subject with a line end, and the like.
pub fn compose(draft: &Draft, clock: &mut Clock) -> Result<Text, FieldError> {
    let to = draft.to.iter().map(|path| match path {
        ForwardPath::Mailbox(mailbox) => mailbox.to_string(),
        // A name without a domain is no address, but may name a group (RFC 5322 §3.4).
        ForwardPath::Postmaster => "postmaster:;".to_string(),
    });
    let to = to.collect::<Vec<_>>().join(", ");
    let id = format!("<{}@{}>", clock.unique_name(), draft.from.domain());
    let body = Text::from_file(draft.body.as_bytes());
    let (mime, body) = encode_body(body);
    let mut made = vec![
        ("Date", clock.now().to_string()),
        ("From", draft.from.to_string()),
    ];
    if !draft.to.is_empty() {
        made.push(("To", to));
    }
    made.extend(draft.subject.clone().map(|subject| ("Subject", subject)));
    made.push(("Message-ID", id));
    made.push(("X-Mailer", MAILER.to_string()));
    made.extend(
        mime.into_iter()
            .map(|(name, value)| (name, value.to_string())),
    );
    let mut header = String::new();
    for (name, value) in made {
        if !draft
            .fields
            .iter()
            .any(|field| field.name().eq_ignore_ascii_case(name))
        {
            header += &Field::new(name, &value)?.to_lines();
        }
    }
    for field in &draft.fields {
        header += &field.to_lines();
    }
    let text = [header.as_bytes(), b"\r\n", body.octets()].concat();
    Text::new(text).map_err(|_| FieldError::Control("body".to_string()))
}

/// A body that is not plain ASCII in short lines says so (RFC 2045 §5, §6): as it is if its lines
/// are short enough, else in base64.
fn encode_body(body: Text) -> (Vec<(&'static str, &'static str)>, Text) {
    let short = body
        .lines()
        .all(|line| line.len() <= LONGEST && !line.contains(&0));
    if short && body.octets().is_ascii() {
        return (Vec::new(), body);
    }
    let mut mime = vec![
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=UTF-8"),
    ];
    if short {
        mime.push(("Content-Transfer-Encoding", "8bit"));
        return (mime, body);
    }
    mime.push(("Content-Transfer-Encoding", "base64"));
    // 57 octets make 76 letters, the most that a line of base64 may have.
    let lines = body
        .octets()
        .chunks(57)
        .map(|octets| base64::encode(octets) + "\n");
    (mime, Text::from_file(lines.collect::<String>().as_bytes()))
}

/// The trace field of one server: from whom, by whom, how, as which letter, for whom, when (RFC
/// 5321 §4.4). `for` is said only if there is one recipient: else each would learn of the others
/// (§7.2). A letter that was written on this host has no such field.
pub fn received(letter: &Letter, by: &Domain, id: &str, date: Date) -> String {
    let Some(origin) = &letter.origin else {
        return String::new();
    };
    let from = format!("{} ({})", origin.helo, Domain::from(origin.ip));
    let recipient = match letter.forward_paths.as_slice() {
        [ForwardPath::Mailbox(mailbox)] => format!("\r\n    for <{mailbox}>"),
        _ => String::new(),
    };
    format!(
        "Received: from {from}\r\n    by {by} with {} id {id}{recipient};\r\n    {date}\r\n",
        origin.protocol
    )
}

/// The field that final delivery puts on top (RFC 5321 §4.4): what stood on the envelope, which
/// is thrown away now.
pub fn return_path(path: &ReversePath) -> String {
    format!("Return-Path: {path}\r\n")
}
