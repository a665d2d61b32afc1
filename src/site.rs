// ANCHOR: story
//! # The site (chapter 19)
//!
//! A mail server is a folder. Three programs (`serve`, `relay`, `pop3`) meet in it, and
//! nowhere else. So each of them needs one thread only, and can be replaced by another
//! program.
// ANCHOR_END: story

// ANCHOR: uses
mod conf;

use crate::maildir::disk::{create_file, open_file, sync_folder, write_synced};
use crate::maildir::{self, Maildir};
use crate::message::{Clock, above, received, return_path};
use crate::next_hop::Route;
use crate::protocol::address::Mailbox;
use crate::queue::Queue;
use crate::server::Store;
use crate::session::{Caller, Host, Letter, POSTMASTER, Recipient};
pub use conf::new_conf;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
// ANCHOR_END: uses

// ANCHOR: site
/// A site that was read from its folder.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder.
    pub folder: PathBuf,
    /// Who it is: domain, users, lists.
    pub host: Host,
    // ANCHOR_END: site

    // ANCHOR: site_rest
    /// Next hops that its owner has fixed, by domain.
    pub routes: Vec<Route>,
    /// Where to ask for the next hops of all other domains.
    pub resolver: Option<SocketAddr>,
    /// The port of hosts that the resolver names.
    pub mx_port: u16,
    /// May a caller on loopback relay without AUTH?
    pub trust_loopback: bool,
    /// Is AUTH offered where others could listen, too?
    pub auth_anywhere: bool,
}
// ANCHOR_END: site_rest

// ANCHOR: read
impl Site {
    /// Reads and checks `site.conf`.
    pub fn read(folder: &Path) -> Result<Site, String> {
        let file = folder.join("site.conf");
        let text = open_file(&file).and_then(io::read_to_string);
        let text = text.map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => "; smtp-primer init makes a site",
                _ => "",
            };
            format!("{}: cannot be read: {error}{hint}", file.display())
        })?;
        conf::parse(folder, &text)
    }
    // ANCHOR_END: read

    // ANCHOR: open
    /// The same, and makes the mailboxes and the queue if they are not there. A program
    /// does this when it starts, and never later.
    pub fn open(folder: &Path) -> Result<Site, String> {
        let site = Site::read(folder)?;
        let made = site.make_folders();
        made.map_err(|error| unwritten(folder, &error))?;
        Ok(site)
    }
    // ANCHOR_END: open

    // ANCHOR: make_folders
    fn make_folders(&self) -> io::Result<()> {
        let users = self.host.users.keys().map(String::as_str);
        for user in users.chain([POSTMASTER]) {
            Maildir::create(&self.mail_folder(user))?.sweep()?;
        }
        Queue::create(&self.folder.join("queue"))?;
        // A program that made them may have been killed before their names were on the
        // disk.
        sync_folder(&self.folder)
    }
    // ANCHOR_END: make_folders

    // ANCHOR: mail_folder
    fn mail_folder(&self, user: &str) -> PathBuf {
        self.folder.join("mail").join(user)
    }
    // ANCHOR_END: mail_folder

    // ANCHOR: places
    /// The queue.
    pub fn queue(&self) -> Queue {
        Queue::open(&self.folder.join("queue"))
    }
}
// ANCHOR_END: places

// ANCHOR: post_office
/// Takes letters in, for the users of the site and for others.
pub struct PostOffice<'a> {
    /// The site.
    pub site: &'a Site,
    /// The time.
    pub clock: Clock,
    /// Hears why a letter could not be kept. The client hears no more than 451.
    pub log: &'a dyn Fn(&str),
}
// ANCHOR_END: post_office

// ANCHOR: sort
impl Store for PostOffice<'_> {
    /// [`ErrorKind::NotFound`]: the letter is for nobody.
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        let (mut users, mut others) = (Vec::new(), Vec::new());
        for recipient in self.site.host.recipients(&letter.forward_paths) {
            match recipient {
                Recipient::Local(user) => users.push(user),
                Recipient::Remote(mailbox) => others.push(mailbox),
            }
        }
        // ANCHOR_END: sort

        // ANCHOR: nobody
        if users.is_empty() && others.is_empty() {
            return Err(ErrorKind::NotFound.into());
        }
        // ANCHOR_END: nobody

        // ANCHOR: trouble
        self.keep(letter, &users, others).map_err(|error| {
            let error = match error.kind() {
                // NotFound would mean that the letter is for nobody.
                ErrorKind::NotFound => {
                    io::Error::other(format!("a folder of this site is missing: {error}"))
                }
                _ => error,
            };
            (self.log)(&format!("the letter could not be kept: {error}"));
            error
        })
    }
}
// ANCHOR_END: trouble

// ANCHOR: keep
impl PostOffice<'_> {
    /// Keeps the letter for all of them or, if that fails, for none.
    fn keep(
        &mut self,
        letter: &Letter,
        users: &[String],
        others: Vec<Mailbox>,
    ) -> io::Result<String> {
        if others.is_empty() {
            return self.deliver(letter, users);
        }
        let id = self.queue(letter, others)?;
        if users.is_empty() {
            return Ok(id);
        }
        // ANCHOR_END: keep

        // ANCHOR: take_back
        self.deliver(letter, users).inspect_err(|_| {
            let _ = self.site.queue().finish(&id);
        })
    }
    // ANCHOR_END: take_back

    // ANCHOR: deliver
    fn deliver(&mut self, letter: &Letter, users: &[String]) -> io::Result<String> {
        let (date, domain) = (self.clock.now(), &self.site.host.domain);
        let (from, text) = (return_path(&letter.reverse_path), &letter.text);
        let trace = |id: &str| from.clone() + &received(letter, domain, id, date);
        let head = |id: &str| above(trace(id), text);
        let mailboxes = users.iter().map(|user| self.site.mailbox(user));
        let mailboxes = mailboxes.collect::<io::Result<Vec<Maildir>>>()?;
        maildir::deliver(&mailboxes, &mut self.clock, domain, head, text)
    }
    // ANCHOR_END: deliver

    // ANCHOR: queue
    fn queue(&mut self, letter: &Letter, others: Vec<Mailbox>) -> io::Result<String> {
        let (date, domain) = (self.clock.now(), &self.site.host.domain);
        let (from, text) = (&letter.reverse_path, &letter.text);
        let head = |id: &str| above(received(letter, domain, id, date), text);
        let queue = self.site.queue();
        queue.add(from, others, &mut self.clock, head, text)
    }
}
// ANCHOR_END: queue

// ANCHOR: mailbox
impl Site {
    /// The mailbox of a user of this site; [`ErrorKind::NotFound`] if it has no such
    /// user. What a stranger wrote into RCPT must not become a path.
    pub fn mailbox(&self, user: &str) -> io::Result<Maildir> {
        match self.host.is_user(user) {
            true => Ok(Maildir::open(&self.mail_folder(user))),
            false => Err(ErrorKind::NotFound.into()),
        }
    }
    // ANCHOR_END: mailbox

    // ANCHOR: init
    /// Makes a new site in `folder`, where there must not be one already. Whenever we are
    /// killed there is a site or none, and the next try succeeds.
    pub fn init(folder: &Path, domain: &str, users: &[User]) -> Result<Site, String> {
        // It is checked before anything is written.
        let text = new_conf(domain, users)?;
        let site = conf::parse(folder, &text)?;
        let file = folder.join("site.conf");
        if fs::symlink_metadata(&file).is_ok() {
            let why = "there is a site already, and it stays as it is";
            return Err(format!("{}: {why}", file.display()));
        }
        // ANCHOR_END: init

        // ANCHOR: init_end
        let made = site.make_folders();
        let made = made.and_then(|()| site.write_conf(&file, &text));
        made.map_err(|error| unwritten(folder, &error))?;
        Ok(site)
    }
    // ANCHOR_END: init_end

    // ANCHOR: lock_conf
    /// Writes `site.conf` under another name, and gives it its own when all of it is on
    /// the disk.
    fn write_conf(&self, file: &Path, text: &str) -> io::Result<()> {
        let is_busy = || {
            let why = "another program is making this site";
            io::Error::new(ErrorKind::ResourceBusy, why)
        };
        let _lock = self.queue().lock()?.ok_or_else(is_busy)?;
        // ANCHOR_END: lock_conf

        // ANCHOR: write_conf
        let new = self.folder.join("site.conf.new");
        // A program that was killed may have left one.
        let _ = fs::remove_file(&new);
        let written = write_synced(create_file(&new)?, [text.as_bytes()])
            // A link is refused if the name is taken. A rename would overwrite that file.
            .and_then(|()| fs::hard_link(&new, file));
        fs::remove_file(&new)?;
        written.and_then(|()| sync_folder(&self.folder))
    }
    // ANCHOR_END: write_conf

    // ANCHOR: caller
    /// What a caller may do, by where it calls from and where it reached us.
    pub fn caller(&self, peer: IpAddr, local: IpAddr) -> Caller {
        Caller {
            ip: peer,
            local,
            is_trusted: self.trust_loopback && peer.to_canonical().is_loopback(),
            may_authenticate: self.may_authenticate(local),
        }
    }

    /// May a password be given to a listener at this address?
    pub fn may_authenticate(&self, local: IpAddr) -> bool {
        self.auth_anywhere || local.to_canonical().is_loopback()
    }
}
// ANCHOR_END: caller

// ANCHOR: unwritten
fn unwritten(folder: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written: {error}", folder.display())
}
// ANCHOR_END: unwritten

// ANCHOR: limits
/// A name and a password.
type User = (String, String);

/// The longest text that a site takes, in octets, unless it says otherwise.
pub const MAX_SIZE: usize = 64 * 1024 * 1024;
// ANCHOR_END: limits
