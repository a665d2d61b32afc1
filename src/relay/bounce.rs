// ANCHOR: story
//! The bounce: a letter from `<>` that tells the sender of another letter that it could
//! not be delivered (RFC 5321 §6.1, RFC 3464, RFC 6522).
// ANCHOR_END: story

// ANCHOR: uses
use crate::message::{Clock, LONGEST};
use crate::protocol::address::{Domain, ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::dot::Text;
use crate::protocol::reply::{Reply, Severity};
use crate::queue::{Envelope, Reason};
use crate::session::Letter;
// ANCHOR_END: uses

// ANCHOR: bounce
/// Makes a bounce for the recipients who have failed. It has three parts: one for people,
/// one for programs, and the header of the letter.
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
    // ANCHOR_END: bounce

    // ANCHOR: lines
    // No stranger can put a line end into this: names and addresses were parsed.
    let lines = format!(
        "Date: {now}\nFrom: Mail Delivery System <postmaster@{own}>\nTo: {sender}\n\
         Subject: Your letter could not be delivered\nMessage-ID: <{id}@{own}>\n\
         Auto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status;\n \
         boundary=\"{id}\"\n\n\
         --{id}\nContent-Type: text/plain; charset=US-ASCII\n\n{for_people}\n\
         --{id}\nContent-Type: message/delivery-status\n\n{for_programs}\n\
         --{id}\nContent-Type: text/rfc822-headers\n\n{header}\n--{id}--\n"
    );
    // ANCHOR_END: lines

    // ANCHOR: letter
    Letter {
        reverse_path: ReversePath::Null,
        forward_paths: vec![ForwardPath::Mailbox(sender.clone())],
        origin: None,
        text: Text::from_file(lines.as_bytes()),
    }
}
// ANCHOR_END: letter

// ANCHOR: for_people
fn for_people(own: &Domain, envelope: &Envelope) -> String {
    let mut text = format!("This is the mail server of {own}. ");
    text += "It could not deliver your letter to:\n";
    for (mailbox, Reason { host, reply }) in envelope.failed() {
        let speaker = host.as_ref().map_or(own.to_string(), HostName::to_string);
        text += &format!("\n<{mailbox}>\n    {speaker} says: {reply}\n");
    }
    text + "\nIt will not try again. The header of your letter is attached.\n"
}
// ANCHOR_END: for_people

// ANCHOR: for_programs
/// Fields about the letter. Then, for each recipient, an empty line and fields (RFC 3464
/// §2).
fn for_programs(own: &Domain, envelope: &Envelope) -> String {
    let arrived = envelope.arrived;
    let mut text = format!("Reporting-MTA: dns; {own}\nArrival-Date: {arrived}\n");
    for (mailbox, Reason { host, reply }) in envelope.failed() {
        let status = status(reply);
        text += &format!("\nFinal-Recipient: rfc822; {mailbox}\n");
        text += &format!("Action: failed\nStatus: {status}\n");
        if let Some(host) = host {
            text += &format!("Remote-MTA: dns; {host}\n");
            text += &format!("Diagnostic-Code: smtp; {reply}\n");
        }
    }
    text
}
// ANCHOR_END: for_programs

// ANCHOR: status
/// The status code (RFC 3463). A server may say it at the beginning of its text (RFC 2034
/// §4). If it did not: 5.0.0 for a refusal, and 4.4.7 for a letter that could not be
/// delivered in time.
fn status(reply: &Reply) -> &str {
    let first = reply.text().first();
    let word = first.and_then(|line| line.split(' ').next()).unwrap_or("");
    let (class, usual) = match reply.severity() {
        Severity::Refused => ("5", "5.0.0"),
        _ => ("4", "4.4.7"),
    };
    let is_number = |part: &str| {
        let number = part.parse::<u16>();
        number.is_ok_and(|number| number <= 999 && number.to_string() == part)
    };
    match word.split('.').collect::<Vec<_>>().as_slice() {
        [first, rest @ ..] if *first == class && rest.len() == 2 => {
            let is_status = rest.iter().all(|part| is_number(part));
            if is_status { word } else { usual }
        }
        _ => usual,
    }
}
// ANCHOR_END: status

// ANCHOR: header
/// The header of the letter, up to [`BOUNCED_HEADER`]. Of a line that is too long for any
/// letter (RFC 5322 §2.1.1), the beginning is shown.
fn header(text: &Text) -> String {
    let mut header = String::new();
    for line in text.header_lines() {
        let line = &line[..line.len().min(LONGEST)];
        if header.len() + line.len() > BOUNCED_HEADER {
            break;
        }
        // A bounce is plain ASCII, whatever the letter was. It has to pass every host on
        // its way back, and perhaps it exists only because a host takes only ASCII
        // (RFC 6522 §3).
        for octet in line {
            header.push(match octet {
                b' '..=b'~' | b'\t' => char::from(*octet),
                _ => '?',
            });
        }
        header.push('\n');
    }
    header
}
// ANCHOR_END: header

// ANCHOR: bounced_header
/// Most of the header of the letter that a bounce shows, in octets.
const BOUNCED_HEADER: usize = 64 * 1024;
// ANCHOR_END: bounced_header
