// ANCHOR: story
//! # The message (chapter 12)
//!
//! A letter's text is a header, an empty line and a body (RFC 5322 §2.1). The user agent
//! makes it from what the user fills in: [`compose`]. Each server on the way puts a
//! [`received`] field on top, and the last one a [`return_path`]. These fields are the
//! trace: it shows which way the letter came.
//!
//! The time and the names of letters come from a [`Clock`] that is handed in.
// ANCHOR_END: story

// ANCHOR: mods
mod addresses;
mod body;
mod date;
mod encoded_word;
mod field;
mod parameters;
mod structured;
// ANCHOR_END: mods

// ANCHOR: uses
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::session::{Letter, Origin};
pub use date::{Clock, Date};
pub(crate) use field::split_field;
pub use field::{ENCODED, FOLD, Field, FieldError, LONGEST};
pub(crate) use structured::{IN_MIME, pieces, plain_value, split_parameters};
// ANCHOR_END: uses

// ANCHOR: mailer
/// What the user agent writes into `X-Mailer`.
pub const MAILER: &str = concat!("smtp-primer ", env!("CARGO_PKG_VERSION"));
// ANCHOR_END: mailer

// ANCHOR: draft
/// What the user fills in.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The author.
    pub from: Mailbox,
    /// The recipients.
    pub to: Vec<ForwardPath>,
    /// Further recipients, named as such.
    pub cc: Vec<ForwardPath>,
    /// What the letter is about.
    pub subject: Option<String>,
    /// Further header fields. [`compose`] does not make these.
    pub fields: Vec<Field>,
    /// The text.
    pub body: String,
    /// May the body have octets over 127 (RFC 6152)?
    pub eight_bit: bool,
}
// ANCHOR_END: draft

// ANCHOR: compose
/// Makes a message: Date, From, To, Cc, Subject, Message-ID, X-Mailer, those of MIME if
/// the body or a field needs them, and the fields of the draft.
///
/// Errors: a subject with a line end, and the like.
pub fn compose(draft: &Draft, clock: &mut Clock) -> Result<Text, FieldError> {
    // 1. The body.
    let (encoding, body) = encode_body(draft);
    let is_true = |field: &&Field| encoding.is_none() || !field.is(ENCODING);
    let given: Vec<&Field> = draft.fields.iter().filter(is_true).collect();
    // ANCHOR_END: compose

    // ANCHOR: mime
    // 2. The fields that we make.
    let is_of_mime = |field: &&Field| {
        let name = field.name.to_ascii_lowercase();
        name.starts_with("content-")
    };
    let has_mime = encoding.is_some() || given.iter().any(is_of_mime);
    let mime = |value: &str| has_mime.then(|| value.to_string());
    // ANCHOR_END: mime
    // ANCHOR: made
    let id = format!("<{}@{}>", clock.unique_name(), draft.from.domain());
    let made = [
        ("Date", Some(clock.now().to_string())),
        ("From", Some(draft.from.to_string())),
        ("Sender", sender(draft)),
        ("To", address_list(&draft.to)),
        ("Cc", address_list(&draft.cc)),
        ("Subject", draft.subject.clone()),
        ("Message-ID", Some(id)),
        ("X-Mailer", Some(MAILER.to_string())),
        ("MIME-Version", mime("1.0")),
        ("Content-Type", mime("text/plain; charset=UTF-8")),
        (ENCODING, encoding.map(str::to_string)),
    ];
    // ANCHOR_END: made

    // ANCHOR: header
    // 3. The header.
    let mut header = String::new();
    for (name, value) in made {
        if let Some(value) = value
            && !given.iter().any(|field| field.is(name))
        {
            header += &Field::new(name, &value)?.to_lines();
        }
    }
    for field in given {
        header += &field.to_lines();
    }
    let text = [header.as_bytes(), b"\r\n", body.octets()].concat();
    Ok(Text::from_file(&text))
}
// ANCHOR_END: header

// ANCHOR: sender
/// If there are several authors, the letter has to say which of them has sent it (RFC
/// 5322 §3.6.2).
fn sender(draft: &Draft) -> Option<String> {
    let is_many = |field: &Field| field.is("From") && field.addresses() > 1;
    let has_many = draft.fields.iter().any(is_many);
    has_many.then(|| draft.from.to_string())
}
// ANCHOR_END: sender

// ANCHOR: address_list
/// The value of a field of addresses. `<Postmaster>` without a domain is not an address
/// in a header (RFC 5322 §3.4.1). It is on the envelope only.
fn address_list(paths: &[ForwardPath]) -> Option<String> {
    let mut addresses = Vec::new();
    for path in paths {
        if let ForwardPath::Mailbox(mailbox) = path {
            addresses.push(mailbox.to_string());
        }
    }
    (!addresses.is_empty()).then(|| addresses.join(", "))
}
// ANCHOR_END: address_list

// ANCHOR: received
/// The trace field of one server: `from` which host, `by` which, `with` which protocol,
/// the `id` of the letter here, `for` which recipient, and the date (RFC 5321 §4.4).
/// `for` is there only if there is one recipient: otherwise each recipient would learn of
/// the others (§7.2). A letter that was written on this host has no such field.
pub fn received(letter: &Letter, by: &Domain, id: &str, date: Date) -> String {
    let Some(Origin { helo, ip, protocol }) = &letter.origin else {
        return String::new();
    };
    // ANCHOR_END: received
    // ANCHOR: received_text
    let ip = Domain::from(*ip);
    let recipient = match letter.forward_paths.as_slice() {
        [ForwardPath::Mailbox(mailbox)] => format!("\r\n    for <{mailbox}>"),
        _ => String::new(),
    };
    let host = format!("Received: from {helo} ({ip})\r\n");
    format!("{host}    by {by} with {protocol} id {id}{recipient};\r\n    {date}\r\n")
}
// ANCHOR_END: received_text

// ANCHOR: return_path
/// The field that final delivery puts on top (RFC 5321 §4.4): the reverse-path of the
/// envelope, which is thrown away now.
pub fn return_path(path: &ReversePath) -> String {
    format!("Return-Path: {path}\r\n")
}
// ANCHOR_END: return_path

// ANCHOR: above
/// Trace fields, ready to be put on top of a text. If the text does not begin with a
/// header field, an empty line comes between them (RFC 5321 §4.4). Without it, a first
/// line that begins with a space would become a part of our last field, and any other
/// first line would spoil the header.
pub fn above(trace: String, text: &Text) -> String {
    let begins_well = |line: &[u8]| line.is_empty() || split_field(line).is_some();
    match trace.is_empty() || text.lines().next().is_some_and(begins_well) {
        true => trace,
        false => trace + "\r\n",
    }
}
// ANCHOR_END: above

// ANCHOR: encoding
const ENCODING: &str = "Content-Transfer-Encoding";
// ANCHOR_END: encoding

// ANCHOR: encode_body
/// The body as it travels, and the encoding that we have to tell. A body that the user
/// has encoded must not be encoded once more. Nor may a multipart body as a whole, only
/// its parts (RFC 2045 §6.4).
fn encode_body(draft: &Draft) -> (Option<&'static str>, Text) {
    let value = |name| {
        let field = draft.fields.iter().find(|field| field.is(name));
        field.map_or(String::new(), |field| field.value.to_ascii_lowercase())
    };
    let body = Text::from_file(draft.body.as_bytes());
    let (encoding, kind) = (value(ENCODING), value("Content-Type"));
    // ANCHOR_END: encode_body
    // ANCHOR: encode_body_how
    // These names say that nothing was encoded (RFC 2045 §6.2).
    let is_encoded = !matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary");
    // Base64 and quoted-printable are ASCII. If the body is not, it is not encoded yet.
    if is_encoded && body.octets().is_ascii() {
        (None, body)
    } else if kind.starts_with("multipart/") || kind.starts_with("message/") {
        (body::name_as_is(&body), body)
    } else {
        body::encode(body, draft.eight_bit)
    }
}
// ANCHOR_END: encode_body_how
