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
use std::collections::BTreeSet;
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
        let text = fs::read_to_string(&file).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => "; smtp-primer init makes a site",
                _ => "",
            };
            BadConf::new(&file, format!("cannot be read: {error}{hint}"))
        })?;
        let site = conf::parse(folder, &file, &text)?;
        site.make_folders()?;
        Ok(site)
    }

    fn make_folders(&self) -> Result<(), BadConf> {
        let users = self.host.users.keys().map(String::as_str);
        for user in users.chain([POSTMASTER]) {
            let folder = self.mail_folder(user);
            let mailbox = Maildir::create(&folder).map_err(unwritable(&folder))?;
            mailbox.sweep().map_err(unwritable(&folder))?;
        }
        // The queue comes last: it syncs the site, and so the name of `mail` too.
        let queue = self.folder.join("queue");
        Queue::create(&queue).map_err(unwritable(&queue))?;
        Ok(())
    }

    /// Makes a new site in `folder`. It must not be one already, and if it cannot become one, no
    /// `site.conf` is left in it.
    pub fn init(folder: &Path, domain: &str, users: &[(String, String)]) -> Result<Site, BadConf> {
        // Checked before anything is written.
        let text = new_conf(domain, users)?;
        let file = folder.join("site.conf");
        let site = conf::parse(folder, &file, &text)?;
        if file.exists() {
            let why = "there is a site already, and it stays as it is";
            return Err(BadConf::new(&file, why));
        }
        let is_new = !folder.exists();
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        // Its name is to last, too. (A folder above that may not be read cannot be synced.)
        let _ = maildir::sync_folder(&folder.join(".."));
        let made = create_private(&file, &text)
            .map_err(unwritable(&file))
            .and_then(|()| site.make_folders());
        if made.is_err() {
            // What we have made goes, and what was there before stays.
            let _ = fs::remove_file(&file);
            let _ = if is_new {
                fs::remove_dir_all(folder)
            } else {
                Ok(())
            };
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
            local,
            trusted: self.trust_loopback && peer.to_canonical().is_loopback(),
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

/// A file with passwords in it is for its owner's eyes only.
fn create_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
    /// Whom the letter is for: users of this site, and mailboxes elsewhere. Each is named once, on
    /// however many lists it is.
    fn sort(&self, letter: &Letter) -> (Vec<String>, Vec<Mailbox>) {
        let (mut users, mut others) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let recipients = |path| self.site.host.recipients(path);
        for recipient in letter.forward_paths.iter().flat_map(recipients) {
            if !seen.insert(recipient.key()) {
                continue;
            }
            match recipient {
                Recipient::Local(user) => users.push(user),
                Recipient::Remote(mailbox) => others.push(mailbox),
            }
        }
        (users, others)
    }

    fn queue(&mut self, letter: &Letter, others: Vec<Mailbox>) -> io::Result<String> {
        let date = self.clock.now();
        let head = |id: &str| received(letter, &self.site.host.domain, id, date);
        let queue = self.site.queue()?;
        queue.add(
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
        let head =
            |id: &str| return_path(&letter.reverse_path) + &received(letter, domain, id, date);
        let mailboxes = users.iter().map(|user| self.site.mailbox(user));
        let mailboxes: Vec<Maildir> = mailboxes.collect::<io::Result<_>>()?;
        maildir::deliver(&mailboxes, &mut self.clock, domain, head, &letter.text)
    }
}

impl Store for PostOffice<'_> {
    /// [`ErrorKind::NotFound`]: the letter is for nobody.
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        let (users, others) = self.sort(letter);
        let queued = match others.is_empty() {
            true => None,
            false => Some(self.queue(letter, others)?),
        };
        if users.is_empty() {
            return queued.ok_or(ErrorKind::NotFound.into());
        }
        let delivered = self.deliver(letter, &users);
        if let (Err(_), Some(id)) = (&delivered, &queued) {
            // All or nothing: the client will come again with all of it.
            let _ = self.site.queue().and_then(|queue| queue.finish(id));
        }
        delivered
    }
}
