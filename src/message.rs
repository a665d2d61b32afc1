//! # The message (chapter 12)
//!
//! A letter's text is a header, an empty line and a body (RFC 5322 §2.1). The user agent makes it
//! from what the user fills in: [`compose`]. Each server that it passes puts a [`received`] field
//! on top, and the last one a [`return_path`]: these are the trace, and from it one can read the
//! way back.
//!
//! The time and the names of letters come from a [`Clock`] that is handed in.

mod addresses;
mod body;
mod date;
mod encoded_word;
mod field;
mod parameters;

use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
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
    /// Who else is to read it. (Who gets it without being named, Bcc, stands on the envelope only.)
    pub cc: Vec<ForwardPath>,
    /// What about.
    pub subject: Option<String>,
    /// Further header fields. One that is named here is not made by [`compose`].
    pub fields: Vec<Field>,
    /// The text.
    pub body: String,
    /// May the body have octets over 127? A server that takes them offers 8BITMIME (RFC 6152).
    /// Without it, the body is encoded in ASCII.
    pub eight_bit: bool,
}

/// Makes a message: Date, From, To, Cc, Subject, Message-ID, X-Mailer, the fields of the draft, and,
/// if the body or a field needs them, those of MIME.
///
/// Errors: a subject with a line end, and the like.
pub fn compose(draft: &Draft, clock: &mut Clock) -> Result<Text, FieldError> {
    let given = |name: &str| draft.fields.iter().find(|field| field.is(name));
    let (encoding, body) = encode_body(draft);
    // A letter with a field of MIME must say so (RFC 2045 §4).
    let of_mime = |field: &Field| field.name().to_ascii_lowercase().starts_with("content-");
    let has_mime = encoding.is_some() || draft.fields.iter().any(of_mime);
    let mime = |value: &str| has_mime.then(|| value.to_string());
    // Of several authors, one has sent the letter (RFC 5322 §3.6.2).
    let authors = given("From").map_or(1, Field::addresses);
    let id = format!("<{}@{}>", clock.unique_name(), draft.from.domain());
    let made = [
        ("Date", Some(clock.now().to_string())),
        ("From", Some(draft.from.to_string())),
        ("Sender", (authors > 1).then(|| draft.from.to_string())),
        ("To", list(&draft.to)),
        ("Cc", list(&draft.cc)),
        ("Subject", draft.subject.clone()),
        ("Message-ID", Some(id)),
        ("X-Mailer", Some(MAILER.to_string())),
        ("MIME-Version", mime("1.0")),
        ("Content-Type", mime("text/plain; charset=UTF-8")),
    ];
    let mut header = String::new();
    for (name, value) in made {
        if let Some(value) = value.filter(|_| given(name).is_none()) {
            header += &Field::new(name, &value)?.to_lines();
        }
    }
    for field in &draft.fields {
        if encoding.is_none() || !field.is(ENCODING) {
            header += &field.to_lines();
        }
    }
    if let Some(encoding) = encoding {
        header += &Field::new(ENCODING, encoding)?.to_lines();
    }
    let text = [header.as_bytes(), b"\r\n", body.octets()].concat();
    Ok(Text::from_file(&text))
}

/// Addresses for a field. A name without a domain is no address, but may name a group (RFC 5322
/// §3.4).
fn list(paths: &[ForwardPath]) -> Option<String> {
    let addresses = paths.iter().map(|path| match path {
        ForwardPath::Mailbox(mailbox) => mailbox.to_string(),
        ForwardPath::Postmaster => "postmaster:;".to_string(),
    });
    let list = addresses.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then_some(list)
}

const ENCODING: &str = "Content-Transfer-Encoding";
/// Names of encodings that change nothing (RFC 2045 §6.2).
const AS_IS: [&str; 3] = ["7bit", "8bit", "binary"];

/// The body as it travels, and the encoding that we have to tell. One that the user has encoded
/// must not be encoded once more, nor a multipart body, of which only the parts may be (RFC 2045
/// §6.4).
fn encode_body(draft: &Draft) -> (Option<&'static str>, Text) {
    let value = |name| {
        let field = draft.fields.iter().find(|field| field.is(name));
        field.map_or(String::new(), |field| field.value().to_ascii_lowercase())
    };
    let body = Text::from_file(draft.body.as_bytes());
    let (given, kind) = (value(ENCODING), value("Content-Type"));
    // The result of base64 and quoted-printable is ASCII. If this is not, nobody has encoded it yet.
    if !given.is_empty() && !AS_IS.contains(&given.as_str()) && body.octets().is_ascii() {
        (None, body)
    } else if kind.starts_with("multipart/") || kind.starts_with("message/") {
        (body::name_as_is(&body), body)
    } else {
        body::encode(body, draft.eight_bit)
    }
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
