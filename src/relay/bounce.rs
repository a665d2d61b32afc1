//! The bounce: a report that a letter could not be delivered, as a letter from `<>` to its sender
//! (RFC 5321 §6.1, RFC 3464, RFC 6522).

use crate::message::{Clock, LONGEST};
use crate::protocol::address::{Domain, ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::reply::{Reply, Severity};
use crate::queue::{Envelope, Reason};
use crate::session::Letter;

/// Most of the header of the letter that a bounce shows, in octets.
const HEADER: usize = 64 * 1024;

/// Makes a bounce for those for whom there is no hope. It has three parts: one for people, one for
/// programs, and the header of the letter.
pub fn bounce(
    own: &Domain,
    sender: &Mailbox,
    envelope: &Envelope,
    text: &Text,
    clock: &mut Clock,
) -> Letter {
    let (now, id) = (clock.now(), clock.unique_name());
    let for_people = for_people(own, envelope);
    let for_programs = for_programs(own, envelope);
    let header = header(text);
    // Nothing in it can hold a line end: names and addresses are parsed.
    let lines = format!(
        "Date: {now}\nFrom: Mail Delivery System <postmaster@{own}>\nTo: {sender}\n\
         Subject: Your letter could not be delivered\nMessage-ID: <{id}@{own}>\n\
         Auto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"{id}\"\n\n\
         --{id}\nContent-Type: text/plain; charset=US-ASCII\n\n{for_people}\n\
         --{id}\nContent-Type: message/delivery-status\n\n{for_programs}\n\
         --{id}\nContent-Type: text/rfc822-headers\n\n{header}\n--{id}--\n"
    );
    Letter {
        reverse_path: ReversePath::Null,
        forward_paths: vec![ForwardPath::Mailbox(sender.clone())],
        origin: None,
        text: Text::from_file(lines.as_bytes()),
    }
}

fn for_people(own: &Domain, envelope: &Envelope) -> String {
    let mut text =
        format!("This is the mail server {own}. A letter of yours could not be delivered.\n");
    for (mailbox, Reason { host, reply }) in envelope.failed() {
        let who = host.as_ref().map_or(own.to_string(), HostName::to_string);
        text += &format!("\n<{mailbox}>\n    {who} says: {reply}\n");
    }
    text + "\nIt will not be tried again. The header of the letter is attached.\n"
}

/// RFC 3464 §2: fields about the letter, and then, for each recipient, an empty line and fields.
fn for_programs(own: &Domain, envelope: &Envelope) -> String {
    let arrived = envelope.arrived;
    let mut text = format!("Reporting-MTA: dns; {own}\nArrival-Date: {arrived}\n");
    for (mailbox, Reason { host, reply }) in envelope.failed() {
        let status = status(reply);
        text +=
            &format!("\nFinal-Recipient: rfc822; {mailbox}\nAction: failed\nStatus: {status}\n");
        if let Some(host) = host {
            text += &format!("Remote-MTA: dns; {host}\nDiagnostic-Code: smtp; {reply}\n");
        }
    }
    text
}

/// The status code (RFC 3463): the one that the server said, at the beginning of its text (RFC
/// 2034 §4). Without one: it was refused, or it did not go in time. Also of a letter that did not
/// go in time the server's own code is told: it says why (RFC 3463, X.4.7).
fn status(reply: &Reply) -> &str {
    let first = reply.text().first();
    let word = first.and_then(|line| line.split(' ').next()).unwrap_or("");
    let number = |part: &str| {
        let is_short = (1..=3).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
        is_short && (part == "0" || !part.starts_with('0'))
    };
    let class = reply.code() / 100;
    let rest = word.strip_prefix(&format!("{class}."));
    match rest.and_then(|rest| rest.split_once('.')) {
        Some((subject, detail)) if number(subject) && number(detail) => word,
        _ if reply.severity() == Severity::TryLater => "4.4.7",
        _ => "5.0.0",
    }
}

/// The header of the letter, as long as there is room. Of a line that is too long for any letter
/// (RFC 5322 §2.1.1), the beginning is shown.
fn header(text: &Text) -> String {
    let mut header = String::new();
    for line in text.header_lines() {
        let line = &line[..line.len().min(LONGEST)];
        if header.len() + line.len() > HEADER {
            break;
        }
        header.extend(line.iter().map(seven_bit));
        header.push('\n');
    }
    header
}

/// A bounce is plain ASCII, whatever the letter was: it has to pass every host on its way back, and
/// that a host takes no more than ASCII may be the very reason for it (RFC 6522 §3).
fn seven_bit(octet: &u8) -> char {
    match octet {
        b' '..=b'~' | b'\t' => char::from(*octet),
        _ => '?',
    }
}
