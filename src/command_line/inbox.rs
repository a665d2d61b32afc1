// ANCHOR: story
//! The user agent that reads: inbox and show.

use super::args::Args;
use super::input::{credentials, read_most};
use super::{Failure, all_of, call, clock, failed, print, try_later, usage};
use crate::display::present;
use crate::maildir::{Maildir, deliver, disk::sync_folder};
use crate::message::Clock;
use crate::pop3::client::{self as pop3, FetchError};
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
use crate::protocol::line::{Socket, Wire};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long to wait for a POP3 server.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
// ANCHOR_END: story

// ANCHOR: inbox
/// Shows the letters. A letter leaves the server only when it is in the user's own
/// Maildir. So at every moment it is in one place or in both.
pub fn inbox(args: &Args) -> Result<(), Failure> {
    let server = args.need("server")?;
    let credentials = credentials(args.need("user")?, args)?;
    let timeout = args.seconds("timeout")?.unwrap_or(REPLY_TIMEOUT);
    let mut own = args.get("into").map(OwnMailbox::open).transpose()?;
    let wire = Wire::new(call(server, timeout)?);
    let client = pop3::Pop3Client::open(wire, &credentials, timeout);
    let mut client = client.map_err(|why| ended("the login", &why, None))?;
    let letters = client.list().map_err(|why| ended("LIST", &why, None))?;
    let count = letters.len();
    let noun = if count == 1 { "letter" } else { "letters" };
    print(&format!("{count} {noun}\n"))?;
    let mut failures = Vec::new();
    for (place, letter) in (1..).zip(letters) {
        let title = format!("{place} of {count}");
        match fetch(&mut client, letter, &title, own.as_mut()) {
            Ok(()) => {}
            // The others may be all right.
            Err(Trouble::There(why @ (FetchError::Refused(_) | FetchError::Unfit(_)))) => {
                let text = format!("letter {place} stays on the server: {why}");
                failures.push(with_status(&why, text));
            }
            Err(Trouble::There(why)) => {
                failures.push(ended("RETR or DELE", &why, own.as_ref()));
                return all_of(failures);
            }
            // Without QUIT the letters that we have would come a second time.
            Err(Trouble::Here(failure)) => {
                failures.push(failure);
                break;
            }
        }
    }
    if let Err(why) = client.quit() {
        failures.push(ended("QUIT", &why, own.as_ref()));
    }
    all_of(failures)
}
// ANCHOR_END: inbox

// ANCHOR: fetch
/// Why a letter was not fetched: what happened on the server's side, or here.
enum Trouble {
    There(FetchError),
    Here(Failure),
}

/// Fetches a letter and shows it. With a mailbox of the user's own the order is: put it
/// there, mark it on the server, show it. If it cannot be shown now, the user can read it
/// in the mailbox.
fn fetch(
    client: &mut pop3::Pop3Client<Socket>,
    (number, size): (usize, usize),
    place: &str,
    own: Option<&mut OwnMailbox>,
) -> Result<(), Trouble> {
    let letter = client.retrieve(number, size).map_err(Trouble::There)?;
    let mut frame = place.to_string();
    let mut marked = Ok(());
    if let Some(own) = own {
        own.put(&letter, place).map_err(Trouble::Here)?;
        marked = client.delete(number).map_err(Trouble::There);
        frame += &format!(", put into {}", own.folder);
    }
    let page = present(letter.octets());
    print(&format!("\n--- {frame} ---\n{page}")).map_err(Trouble::Here)?;
    marked
}
// ANCHOR_END: fetch

// ANCHOR: own
/// A Maildir on the user's own computer.
struct OwnMailbox {
    folder: String,
    mailbox: Maildir,
    clock: Clock,
    host: Domain,
    /// How many letters were put into it.
    letters: usize,
}

impl OwnMailbox {
    /// Opens the Maildir, or makes it.
    fn open(folder: &str) -> Result<OwnMailbox, Failure> {
        if folder.is_empty() {
            return Err(usage("--into is empty"));
        }
        let unusable = |error: io::Error| failed(format!("--into {folder}: {error}"));
        let path = Path::new(folder);
        if holds_other_things(path) {
            let why = "this folder holds other things, and is not a Maildir; \
                       name another one";
            return Err(unusable(io::Error::other(why)));
        }
        let mailbox = Maildir::create(path).map_err(unusable)?;
        mailbox.sweep().map_err(unusable)?;
        // The folders above may be new, and their names have to last, too. (A folder that
        // we may not read cannot be synced.)
        for above in path.canonicalize().map_err(unusable)?.ancestors() {
            let _ = sync_folder(above);
        }
        Ok(OwnMailbox {
            folder: folder.to_string(),
            mailbox,
            clock: clock()?,
            host: "localhost".parse().map_err(failed)?,
            letters: 0,
        })
    }
    // ANCHOR_END: own

    // ANCHOR: put
    /// Puts a letter into it, exactly as it was on the server: only servers add trace
    /// fields (RFC 5321 §4.4).
    fn put(&mut self, letter: &Text, place: &str) -> Result<(), Failure> {
        let no_trace = |_: &str| String::new();
        let mailboxes = std::slice::from_ref(&self.mailbox);
        let put = deliver(mailboxes, &mut self.clock, &self.host, no_trace, letter);
        put.map_err(|error| {
            let folder = &self.folder;
            let stay = "it stays on the server, and so do those after it";
            failed(format!(
                "letter {place} could not be put into {folder}: {error}; {stay}"
            ))
        })?;
        self.letters += 1;
        Ok(())
    }
}
// ANCHOR_END: put

// ANCHOR: holds
/// Is this a folder with other things in it? Then it may be a site, or somebody's home,
/// and we make no Maildir of it.
fn holds_other_things(folder: &Path) -> bool {
    let names = ["tmp", "new", "cur"];
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_known = |file: &OsStr| names.iter().any(|name| file == *name);
    let mut other = files.filter(|file| !is_known(&file.file_name()));
    !names.iter().all(|name| folder.join(name).is_dir()) && other.next().is_some()
}
// ANCHOR_END: holds

// ANCHOR: ended
/// The conversation ended too early.
fn ended(step: &str, why: &FetchError, own: Option<&OwnMailbox>) -> Failure {
    let mut text = format!("at {step}: {why}");
    if let Some(own) = own.filter(|own| own.letters > 0) {
        text += &format!("; what is in {} already may come a second time", own.folder);
    }
    if matches!(why, FetchError::Nonsense(_)) {
        text += "; does a POP3 server listen there?";
    }
    with_status(why, text)
}

fn with_status(why: &FetchError, text: String) -> Failure {
    match why.is_temporary() {
        true => try_later(text + "; try again later"),
        false => failed(text),
    }
}
// ANCHOR_END: ended

// ANCHOR: show
/// Shows a letter that is in a file. Of a file that is longer than any letter, it shows
/// the beginning.
pub fn show(args: &Args) -> Result<(), Failure> {
    let mut octets = read_most(&args.word, pop3::LETTER as u64 + 1)?;
    let is_cut = octets.len() > pop3::LETTER;
    octets.truncate(pop3::LETTER);
    let mut page = present(&octets);
    if is_cut {
        page += &format!("(the file is longer; {} octets were read)\n", pop3::LETTER);
    }
    print(&page)
}
// ANCHOR_END: show
