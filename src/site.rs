//! # The site (chapter 19)
//!
//! A mail server is a folder. `site.conf` says who it is, `mail/` holds a mailbox for each user,
//! `queue/` holds the letters for others. The programs of a site (`serve`, `relay`, `pop3`) meet
//! only in this folder: that is how single-threaded programs do several things at once, and why
//! each of them can be exchanged for another.

mod conf;

use crate::maildir::{self, Maildir};
use crate::message::{Clock, received, return_path};
use crate::next_hop::Route;
use crate::protocol::address::Mailbox;
use crate::queue::Queue;
use crate::server::Store;
use crate::session::{Caller, Host, Letter, POSTMASTER, Recipient};
pub use conf::{BadConf, new_conf};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
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
    /// Reads and checks `site.conf`, and makes the mailboxes and the queue if they are not there.
    pub fn open(folder: &Path) -> Result<Site, BadConf> {
        let file = folder.join("site.conf");
        let text = fs::read_to_string(&file).map_err(|error| BadConf::unreadable(&file, &error))?;
        let site = conf::parse(folder, &file, &text)?;
        site.make_folders()?;
        Ok(site)
    }

    fn make_folders(&self) -> Result<(), BadConf> {
        let queue = self.folder.join("queue");
        Queue::create(&queue).map_err(|error| BadConf::unwritable(&queue, &error))?;
        let users = self.host.users.keys().map(String::as_str);
        for user in users.chain([POSTMASTER]) {
            let folder = self.mail_folder(user);
            Maildir::create(&folder)
                .and_then(|mailbox| mailbox.sweep())
                .map_err(|error| BadConf::unwritable(&folder, &error))?;
        }
        Ok(())
    }

    /// Makes a new site in `folder`. It must not be one already, and if it cannot become one, no
    /// `site.conf` is left in it.
    pub fn init(folder: &Path, domain: &str, users: &[(String, String)]) -> Result<Site, BadConf> {
        // Checked before anything is written.
        let text = new_conf(domain, users)?;
        let file = folder.join("site.conf");
        let site = conf::parse(folder, &file, &text)?;
        fs::create_dir_all(folder).map_err(|error| BadConf::unwritable(folder, &error))?;
        let mut conf = create_private(&file).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => BadConf::exists(&file),
            _ => BadConf::unwritable(&file, &error),
        })?;
        let written = conf
            .write_all(text.as_bytes())
            .and_then(|()| conf.sync_all())
            .map_err(|error| BadConf::unwritable(&file, &error));
        let made = written.and_then(|()| site.make_folders());
        if made.is_err() {
            let _ = fs::remove_file(&file);
        }
        made.map(|()| site)
    }

    /// The mailbox of a user of this site. The name comes from the site's list, never from the
    /// wire: what a stranger writes into RCPT must not become a path.
    pub fn mailbox(&self, user: &str) -> io::Result<Maildir> {
        if self.host.is_user(user) {
            Maildir::open(&self.mail_folder(user))
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    fn mail_folder(&self, user: &str) -> PathBuf {
        self.folder.join("mail").join(user)
    }

    /// The queue.
    pub fn queue(&self) -> io::Result<Queue> {
        Queue::open(&self.folder.join("queue"))
    }

    /// What a caller may do, by where it calls from and where it reached us.
    pub fn caller(&self, peer: IpAddr, local: IpAddr) -> Caller {
        Caller {
            ip: peer,
            trusted: self.trust_loopback && peer.to_canonical().is_loopback(),
            may_authenticate: self.may_authenticate(local),
        }
    }

    /// May a password be given to a listener at this address?
    pub fn may_authenticate(&self, local: IpAddr) -> bool {
        self.auth_anywhere || local.to_canonical().is_loopback()
    }
}

/// A file with passwords in it is for its owner's eyes only.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes letters in: those for users of the site go into their mailboxes, all others into the
/// queue.
pub struct PostOffice<'a> {
    /// The site.
    pub site: &'a Site,
    /// The time.
    pub clock: Clock,
}

impl Store for PostOffice<'_> {
    /// [`ErrorKind::NotFound`]: the letter is for nobody.
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        let site = self.site;
        let domain = &site.host.domain;
        let date = self.clock.now();
        let (mut users, mut others): (Vec<String>, Vec<Mailbox>) = Default::default();
        for recipient in letter
            .forward_paths
            .iter()
            .flat_map(|path| site.host.recipients(path))
        {
            match recipient {
                Recipient::Local(user) if !users.contains(&user) => users.push(user),
                Recipient::Remote(mailbox) if !others.contains(&mailbox) => others.push(mailbox),
                _ => {} // named twice
            }
        }
        let trace = |id: &str| received(letter, domain, id, date);
        let mut queued = None;
        if !others.is_empty() {
            let queue = site.queue()?;
            let id = queue.add(
                &letter.reverse_path,
                others,
                &mut self.clock,
                trace,
                &letter.text,
            )?;
            queued = Some((queue, id));
        }
        if users.is_empty() {
            return queued.map(|(_, id)| id).ok_or(ErrorKind::NotFound.into());
        }
        let mailboxes = users
            .iter()
            .map(|user| site.mailbox(user))
            .collect::<io::Result<Vec<_>>>();
        let head = |id: &str| return_path(&letter.reverse_path) + &trace(id);
        let delivered = mailboxes.and_then(|mailboxes| {
            maildir::deliver(&mailboxes, &mut self.clock, domain, head, &letter.text)
        });
        if let (Err(_), Some((queue, id))) = (&delivered, &queued) {
            let _ = queue.finish(id); // all or nothing: the client will come again with all of it
        }
        delivered
    }
}
