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
use crate::session::{Letter, Origin};
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
    let is_given = |name: &str| {
        let mut names = draft.fields.iter().map(Field::name);
        names.any(|given| given.eq_ignore_ascii_case(name))
    };
    let body = Text::from_file(draft.body.as_bytes());
    let (encoding, body) = encode_body(body, is_given(ENCODING));
    let mime = |value: &str| encoding.map(|_| value.to_string());
    let to: Vec<String> = draft.to.iter().map(recipient).collect();
    let id = format!("<{}@{}>", clock.unique_name(), draft.from.domain());
    let made = [
        ("Date", Some(clock.now().to_string())),
        ("From", Some(draft.from.to_string())),
        ("To", Some(to.join(", ")).filter(|to| !to.is_empty())),
        ("Subject", draft.subject.clone()),
        ("Message-ID", Some(id)),
        ("X-Mailer", Some(MAILER.to_string())),
        ("MIME-Version", mime("1.0")),
        ("Content-Type", mime("text/plain; charset=UTF-8")),
        (ENCODING, encoding.map(str::to_string)),
    ];
    let mut header = String::new();
    for (name, value) in made {
        if let Some(value) = value.filter(|_| !is_given(name)) {
            header += &Field::new(name, &value)?.to_lines();
        }
    }
    header.extend(draft.fields.iter().map(Field::to_lines));
    let text = [header.as_bytes(), b"\r\n", body.octets()].concat();
    Ok(Text::from_file(&text))
}

/// A name without a domain is no address, but may name a group (RFC 5322 §3.4).
fn recipient(path: &ForwardPath) -> String {
    match path {
        ForwardPath::Mailbox(mailbox) => mailbox.to_string(),
        ForwardPath::Postmaster => "postmaster:;".to_string(),
    }
}

const ENCODING: &str = "Content-Transfer-Encoding";

/// A body that is not plain ASCII in short lines says so (RFC 2045 §6): it goes as it is if its
/// lines are short enough, else in base64. One that `is_encoded` already, and says so in a field of
/// the draft, must not be encoded once more.
fn encode_body(body: Text, is_encoded: bool) -> (Option<&'static str>, Text) {
    let is_short = |line: &[u8]| line.len() <= LONGEST && !line.contains(&0);
    if is_encoded || body.lines().all(is_short) {
        let encoding = (!body.octets().is_ascii()).then_some("8bit");
        return (encoding, body);
    }
    // 57 octets make 76 letters, the most that a line of base64 may have.
    let groups = body.octets().chunks(57);
    let lines: String = groups.map(|octets| base64::encode(octets) + "\n").collect();
    (Some("base64"), Text::from_file(lines.as_bytes()))
}

/// The trace field of one server: from whom, by whom, how, as which letter, for whom, when (RFC
/// 5321 §4.4). `for` is said only if there is one recipient: else each would learn of the others
/// (§7.2). A letter that was written on this host has no such field.
pub fn received(letter: &Letter, by: &Domain, id: &str, date: Date) -> String {
    let Some(Origin { helo, ip, protocol }) = &letter.origin else {
        return String::new();
    };
    let ip = Domain::from(*ip);
    let recipient = match letter.forward_paths.as_slice() {
        [ForwardPath::Mailbox(mailbox)] => format!("\r\n    for <{mailbox}>"),
        _ => String::new(),
    };
    format!(
        "Received: from {helo} ({ip})\r\n    by {by} with {protocol} id {id}{recipient};\r\n    \
         {date}\r\n"
    )
}

/// The field that final delivery puts on top (RFC 5321 §4.4): what stood on the envelope, which
/// is thrown away now.
pub fn return_path(path: &ReversePath) -> String {
    format!("Return-Path: {path}\r\n")
}

/// Trace fields, ready to be put on top of a text. If that does not begin with a header field, an
/// empty line comes between them (RFC 5321 §4.4). Else a first line that begins with a space would
/// become a part of our last field, and others would be taken for a spoilt header.
pub fn above(trace: String, text: &Text) -> String {
    let begins_well = match text.lines().next() {
        Some(first) => first.is_empty() || is_field(first),
        None => false,
    };
    match trace.is_empty() || begins_well {
        true => trace,
        false => trace + "\r\n",
    }
}

/// Is this line the first of a header field? White space between name and colon is an old form, and
/// still read (RFC 5322 §4.5).
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else {
        return false;
    };
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().copied().all(field::in_name)
}
