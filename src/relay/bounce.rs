//! The bounce: a report that a letter could not be delivered, as a letter from `<>` to its sender
//! (RFC 5321 §6.1, RFC 3464, RFC 6522).

use crate::message::{Clock, Date};
use crate::protocol::address::{Domain, ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::reply::Severity;
use crate::queue::Reason;
use crate::session::Letter;

/// Most of the header of the letter that a bounce shows, in octets.
const HEADER: usize = 64 * 1024;

/// Makes a bounce. It has three parts: one for people, one for programs, and the header of the
/// letter.
pub fn bounce(
    own: &Domain,
    sender: &Mailbox,
    arrived: Date,
    failed: &[(Mailbox, Reason)],
    text: &Text,
    clock: &mut Clock,
) -> Letter {
    let (now, id) = (clock.now(), clock.unique_name());
    let for_people = for_people(own, failed);
    let for_programs = for_programs(own, arrived, failed);
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

fn for_people(own: &Domain, failed: &[(Mailbox, Reason)]) -> String {
    let mut text =
        format!("This is the mail server {own}. A letter of yours could not be delivered.\n");
    for (mailbox, Reason { host, reply }) in failed {
        let who = host.as_ref().map_or(own.to_string(), HostName::to_string);
        text += &format!("\n<{mailbox}>\n    {who} says: {reply}\n");
    }
    text + "\nIt will not be tried again. The header of the letter is attached.\n"
}

/// RFC 3464 §2: fields about the letter, and then, for each recipient, an empty line and fields.
fn for_programs(own: &Domain, arrived: Date, failed: &[(Mailbox, Reason)]) -> String {
    let mut text = format!("Reporting-MTA: dns; {own}\nArrival-Date: {arrived}\n");
    for (mailbox, Reason { host, reply }) in failed {
        // RFC 3463: it did not go in time, or it was refused.
        let is_late = reply.severity() == Severity::TryLater;
        let status = if is_late { "4.4.7" } else { "5.0.0" };
        text +=
            &format!("\nFinal-Recipient: rfc822; {mailbox}\nAction: failed\nStatus: {status}\n");
        if let Some(host) = host {
            text += &format!("Remote-MTA: dns; {host}\nDiagnostic-Code: smtp; {reply}\n");
        }
    }
    text
}

fn header(text: &Text) -> String {
    let mut header = String::new();
    let mut size = 0;
    for line in text.header_lines() {
        size += line.len();
        if size > HEADER {
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
