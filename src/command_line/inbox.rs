//! The user agent that reads: inbox and show.

use super::args::Args;
use super::input::{credentials, read_most};
use super::{Failure, call, clock, failed, print, try_later, usage};
use crate::display::present;
use crate::maildir::{Maildir, deliver, disk::sync_folder};
use crate::message::Clock;
use crate::pop3::client as pop3;
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
use crate::protocol::line::{Socket, Wire};
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long to wait for a POP3 server.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Shows the letters. Only a letter that lies in the user's own Maildir is removed from the server,
/// so that at every moment it is in one place or in both.
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
        match fetch(
            &mut client,
            letter,
            &format!("{place} of {count}"),
            &mut own,
        ) {
            Ok(()) => {}
            // The others may be all right.
            Err(Trouble::There(
                why @ (pop3::FetchError::Refused(_) | pop3::FetchError::Unfit(_)),
            )) => {
                let text = format!("letter {place} stays on the server: {why}");
                failures.push(with_status(&why, text));
            }
            Err(Trouble::There(why)) => {
                failures.push(ended("RETR or DELE", &why, own.as_ref()));
                return outcome(&failures);
            }
            // We say QUIT all the same, or the letters that we have would come a second time.
            Err(Trouble::Here(failure)) => {
                failures.push(failure);
                break;
            }
        }
    }
    if let Err(why) = client.quit() {
        failures.push(ended("QUIT", &why, own.as_ref()));
    }
    outcome(&failures)
}

/// Why a letter was not fetched: what happened on the server's side, or here.
enum Trouble {
    There(pop3::FetchError),
    Here(Failure),
}

impl From<pop3::FetchError> for Trouble {
    fn from(why: pop3::FetchError) -> Trouble {
        Trouble::There(why)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Here(failure)
    }
}

/// Fetches a letter and shows it. With a mailbox of the user's own the order is: put it there, mark
/// it on the server, show it. If the page cannot be shown now, the letter can be read in the mailbox.
fn fetch(
    client: &mut pop3::Pop3Client<Socket>,
    (number, size): (usize, usize),
    place: &str,
    own: &mut Option<OwnMailbox>,
) -> Result<(), Trouble> {
    let letter = client.retrieve(number, size)?;
    let mut frame = place.to_string();
    let mut marked = Ok(());
    if let Some(own) = own {
        own.put(&letter, place)?;
        marked = client.delete(number);
        frame += &format!(", put into {}", own.folder);
    }
    let page = present(letter.octets());
    print(&format!("\n--- {frame} ---\n{page}"))?;
    Ok(marked?)
}

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
        let unusable = |why: &dyn Display| failed(format!("--into {folder}: {why}"));
        let path = Path::new(folder);
        if folder.is_empty() {
            return Err(usage("--into is empty"));
        }
        if holds_other_things(path) {
            let why =
                "this folder holds other things, and is no Maildir; name another, or a new one";
            return Err(unusable(&why));
        }
        let mailbox = Maildir::create(path).map_err(|error| unusable(&error))?;
        mailbox.sweep().map_err(|error| unusable(&error))?;
        // The folders above may be new, and their names are to last, too. (A folder that may not be
        // read cannot be synced.)
        let path = path.canonicalize().map_err(|error| unusable(&error))?;
        for above in path.ancestors() {
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

    /// Puts a letter into it, to the octet as it was on the server: trace fields are for servers
    /// (RFC 5321 §4.4).
    fn put(&mut self, letter: &Text, place: &str) -> Result<(), Failure> {
        let no_trace = |_: &str| String::new();
        let mailboxes = std::slice::from_ref(&self.mailbox);
        let put = deliver(mailboxes, &mut self.clock, &self.host, no_trace, letter);
        put.map_err(|error| {
            let folder = &self.folder;
            let why = format!("letter {place} could not be put into {folder}: {error}");
            failed(format!(
                "{why}; it stays on the server, and so do those after it"
            ))
        })?;
        self.letters += 1;
        Ok(())
    }
}

/// A folder with other things in it is not made a Maildir: it may be a site, or somebody's home.
fn holds_other_things(folder: &Path) -> bool {
    let names = ["tmp", "new", "cur"];
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut other = files.filter(|file| !names.iter().any(|name| file.file_name() == *name));
    !names.iter().all(|name| folder.join(name).is_dir()) && other.next().is_some()
}

fn with_status(why: &pop3::FetchError, text: String) -> Failure {
    match why.is_temporary() {
        true => try_later(text + "; try again later"),
        false => failed(text),
    }
}

/// The conversation ended before it was over.
fn ended(step: &str, why: &pop3::FetchError, own: Option<&OwnMailbox>) -> Failure {
    let mut text = format!("at {step}: {why}");
    if let Some(own) = own.filter(|own| own.letters > 0) {
        text += &format!("; what is in {} already may come a second time", own.folder);
    }
    if matches!(why, pop3::FetchError::Nonsense(_)) {
        text += "; does a POP3 server listen there?";
    }
    with_status(why, text)
}

/// One failure for good decides; then one that may go well later.
fn outcome(failures: &[Failure]) -> Result<(), Failure> {
    let lines: Vec<&str> = failures
        .iter()
        .map(|failure| failure.why.as_str())
        .collect();
    match lines.join("\n") {
        _ if lines.is_empty() => Ok(()),
        why if failures.iter().any(|failure| failure.status == 1) => Err(failed(why)),
        why => Err(try_later(why)),
    }
}

/// Shows a letter that lies in a file. Of a file that is longer than any letter, the beginning is
/// shown.
pub fn show(args: &Args) -> Result<(), Failure> {
    let mut octets = read_most(&args.word, pop3::LETTER as u64 + 1)?;
    let is_cut = octets.len() > pop3::LETTER;
    octets.truncate(pop3::LETTER);
    print(&present(&octets))?;
    match is_cut {
        true => print(&format!(
            "(the file is longer; {} octets were read)\n",
            pop3::LETTER
        )),
        false => Ok(()),
    }
}
