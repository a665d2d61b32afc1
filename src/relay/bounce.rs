//! The bounce: a report that a letter could not be delivered, as a letter from `<>` to its sender
//! (RFC 5321 §6.1, RFC 3464, RFC 6522).

use crate::message::{Clock, Date, Field};
use crate::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
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
    let id = clock.unique_name();
    let part = format!("--{id}\n");
    let mut lines = String::new();
    for (name, value) in [
        ("Date", clock.now().to_string()),
        ("From", format!("Mail Delivery System <postmaster@{own}>")),
        ("To", sender.to_string()),
        ("Subject", "Your letter could not be delivered".to_string()),
        ("Message-ID", format!("<{id}@{own}>")),
        ("Auto-Submitted", "auto-replied".to_string()),
        ("MIME-Version", "1.0".to_string()),
        (
            "Content-Type",
            format!("multipart/report; report-type=delivery-status; boundary=\"{id}\""),
        ),
    ] {
        // These values hold no line end: all are ours, or parsed. A field that did would be left
        // out.
        lines += &Field::new(name, &value)
            .map(|field| field.to_lines())
            .unwrap_or_default();
    }
    lines += &format!("\n{part}Content-Type: text/plain; charset=US-ASCII\n\n");
    lines += &format!("This is the mail server {own}. A letter of yours could not be delivered.\n");
    for (mailbox, Reason { host, reply }) in failed {
        let who = host.as_ref().map_or(own, |host| host).as_str();
        lines += &format!("\n<{mailbox}>\n    {who} says: {reply}\n");
    }
    lines += "\nIt will not be tried again. The header of the letter is attached.\n";
    lines += &format!("\n{part}Content-Type: message/delivery-status\n\n");
    lines += &format!("Reporting-MTA: dns; {own}\nArrival-Date: {arrived}\n");
    for (mailbox, Reason { host, reply }) in failed {
        // 4.4.7: it did not go in time. 5.0.0: it was refused (RFC 3463).
        let status = if reply.severity() == Severity::TryLater {
            "4.4.7"
        } else {
            "5.0.0"
        };
        lines +=
            &format!("\nFinal-Recipient: rfc822; {mailbox}\nAction: failed\nStatus: {status}\n");
        if let Some(host) = host {
            lines += &format!("Remote-MTA: dns; {host}\nDiagnostic-Code: smtp; {reply}\n");
        }
    }
    lines += &format!("\n{part}Content-Type: text/rfc822-headers\n\n");
    let mut size = 0;
    for line in text.header_lines() {
        size += line.len();
        if size > HEADER {
            break;
        }
        lines.extend(line.iter().map(seven_bit));
        lines.push('\n');
    }
    lines += &format!("\n--{id}--\n");
    Letter {
        reverse_path: ReversePath::Null,
        forward_paths: vec![ForwardPath::Mailbox(sender.clone())],
        origin: None,
        text: Text::from_file(lines.as_bytes()),
    }
}

/// A bounce is plain ASCII, whatever the letter was: it has to pass every host on its way back, and
/// that a host takes no more than ASCII may be the very reason for it (RFC 6522 §3).
fn seven_bit(octet: &u8) -> char {
    match octet {
        b' '..=b'~' | b'\t' => char::from(*octet),
        _ => '?',
    }
}
