//! # The site (chapter 19)
//!
//! A mail server is a folder. `site.conf` says who it is, `mail/` holds a mailbox for each user,
//! `queue/` holds the letters for others. The programs of a site (`serve`, `relay`, `pop3`) meet
//! only in this folder: that is how single-threaded programs do several things at once, and why
//! each of them can be exchanged for another.

mod conf;

use crate::maildir::{self, Maildir, create_file, open_file, sync_folder, write_synced};
use crate::message::{Clock, above, received, return_path};
use crate::next_hop::Route;
use crate::protocol::address::Mailbox;
use crate::queue::Queue;
use crate::server::Store;
use crate::session::{Caller, Host, Letter, POSTMASTER, Recipient};
pub use conf::{BadConf, new_conf};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The longest text that a site takes, in octets, unless it says otherwise.
pub const MAX_SIZE: usize = 64 * 1024 * 1024;

/// A site that was read from its folder.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder.
    pub folder: PathBuf,
    /// Who it is: domain, users, lists.
    pub host: Host,
    /// Next hops that its owner has fixed.
    pub routes: Vec<Route>,
    /// Whom to ask for all others.
    pub resolver: Option<SocketAddr>,
    /// The port of hosts that the resolver names.
    pub mx_port: u16,
    /// May a caller on loopback relay without AUTH?
    pub trust_loopback: bool,
    /// Is AUTH offered where others could listen, too?
    pub auth_anywhere: bool,
}

impl Site {
    /// Reads and checks `site.conf`.
    pub fn read(folder: &Path) -> Result<Site, BadConf> {
        let file = folder.join("site.conf");
        let text = open_file(&file).and_then(io::read_to_string);
        let text = text.map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => "; smtp-primer init makes a site",
                _ => "",
            };
            BadConf::new(&file, format!("cannot be read: {error}{hint}"))
        })?;
        conf::parse(folder, &file, &text)
    }

    /// The same, and makes the mailboxes and the queue if they are not there. For a program that
    /// starts; later nothing is made any more: a mailbox that vanishes is trouble.
    pub fn open(folder: &Path) -> Result<Site, BadConf> {
        let site = Site::read(folder)?;
        site.make_folders()?;
        Ok(site)
    }

    fn make_folders(&self) -> Result<(), BadConf> {
        let (mail, queue) = (self.folder.join("mail"), self.queue_folder());
        let users = self.host.users.keys().map(String::as_str);
        let users = users.chain([POSTMASTER]);
        let folders: Vec<PathBuf> = users.map(|user| mail.join(user)).collect();
        Maildir::create_all(&folders).map_err(unwritable(&mail))?;
        for folder in folders {
            let swept = Maildir::open(&folder).sweep();
            swept.map_err(unwritable(&folder))?;
        }
        Queue::create(&queue).map_err(unwritable(&queue))?;
        // Who made these folders may have been killed before they were on the disk.
        sync_folder(&self.folder).map_err(unwritable(&self.folder))
    }

    /// Makes a new site in `folder`. It must not be one already. The folders come first and
    /// `site.conf` last, as a whole: whenever we are killed there is a site or none, and the next
    /// try goes well.
    pub fn init(folder: &Path, domain: &str, users: &[(String, String)]) -> Result<Site, BadConf> {
        // Checked before anything is written.
        let text = new_conf(domain, users)?;
        let file = folder.join("site.conf");
        let site = conf::parse(folder, &file, &text)?;
        if fs::symlink_metadata(&file).is_ok() {
            return Err(there_is_one(&file));
        }
        site.make_folders()?;
        match site.write_conf(&file, &text) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(there_is_one(&file)),
            written => written.map_err(unwritable(&file)),
        }?;
        Ok(site)
    }

    /// Writes `site.conf` beside, and gives it its name when all of it is on the disk.
    fn write_conf(&self, file: &Path, text: &str) -> io::Result<()> {
        // Two that make this site at once must not write into the same new file.
        let is_busy = || io::Error::new(ErrorKind::ResourceBusy, "another program works here");
        let _lock = self.queue().lock()?.ok_or_else(is_busy)?;
        let new = self.folder.join("site.conf.new");
        // A program that was killed may have left it.
        let _ = fs::remove_file(&new);
        let written = write_synced(create_file(&new)?, [text.as_bytes()])
            // A link refuses a name that is taken. A rename would overwrite that file.
            .and_then(|()| fs::hard_link(&new, file));
        fs::remove_file(&new)?;
        written.and_then(|()| sync_folder(&self.folder))
    }

    /// The mailbox of a user of this site. The name comes from the site's list, never from the
    /// wire: what a stranger writes into RCPT must not become a path.
    pub fn mailbox(&self, user: &str) -> io::Result<Maildir> {
        if self.host.is_user(user) {
            Ok(Maildir::open(&self.folder.join("mail").join(user)))
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// The queue.
    pub fn queue(&self) -> Queue {
        Queue::open(&self.queue_folder())
    }

    fn queue_folder(&self) -> PathBuf {
        self.folder.join("queue")
    }

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

fn unwritable(path: &Path) -> impl Fn(io::Error) -> BadConf {
    move |error| BadConf::new(path, format!("cannot be written: {error}"))
}

fn there_is_one(file: &Path) -> BadConf {
    BadConf::new(file, "there is a site already, and it stays as it is")
}

/// Takes letters in: those for users of the site go into their mailboxes, all others into the
/// queue.
pub struct PostOffice<'a> {
    /// The site.
    pub site: &'a Site,
    /// The time.
    pub clock: Clock,
}

impl PostOffice<'_> {
    /// Whom the letter is for: users of this site, and mailboxes elsewhere.
    fn sort(&self, letter: &Letter) -> (Vec<String>, Vec<Mailbox>) {
        let (mut users, mut others) = (Vec::new(), Vec::new());
        for recipient in self.site.host.recipients(&letter.forward_paths) {
            match recipient {
                Recipient::Local(user) => users.push(user),
                Recipient::Remote(mailbox) => others.push(mailbox),
            }
        }
        (users, others)
    }

    fn queue(&mut self, letter: &Letter, others: Vec<Mailbox>) -> io::Result<String> {
        let date = self.clock.now();
        let domain = &self.site.host.domain;
        let head = |id: &str| above(received(letter, domain, id, date), &letter.text);
        self.site.queue().add(
            &letter.reverse_path,
            others,
            &mut self.clock,
            head,
            &letter.text,
        )
    }

    fn deliver(&mut self, letter: &Letter, users: &[String]) -> io::Result<String> {
        let date = self.clock.now();
        let domain = &self.site.host.domain;
        let path = return_path(&letter.reverse_path);
        let trace = |id: &str| path.clone() + &received(letter, domain, id, date);
        let head = |id: &str| above(trace(id), &letter.text);
        let mailboxes = users.iter().map(|user| self.site.mailbox(user));
        let mailboxes: Vec<Maildir> = mailboxes.collect::<io::Result<_>>()?;
        maildir::deliver(&mailboxes, &mut self.clock, domain, head, &letter.text)
    }
}

/// A file that is not found tells of a folder that has gone. It must not look as if the letter were
/// for nobody: then there would be no second try.
fn trouble(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::NotFound => io::Error::other(format!("a folder of this site has gone: {error}")),
        _ => error,
    }
}

impl Store for PostOffice<'_> {
    /// [`ErrorKind::NotFound`]: the letter is for nobody.
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        let (users, others) = self.sort(letter);
        let queued = match others.is_empty() {
            true => None,
            false => Some(self.queue(letter, others).map_err(trouble)?),
        };
        if users.is_empty() {
            return queued.ok_or(ErrorKind::NotFound.into());
        }
        let delivered = self.deliver(letter, &users).map_err(trouble);
        if let (Err(_), Some(id)) = (&delivered, &queued) {
            // All or nothing: the client will come again with all of it.
            let _ = self.site.queue().finish(id);
        }
        delivered
    }
}
