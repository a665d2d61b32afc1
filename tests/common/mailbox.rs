//! Mailboxes with letters in them, and conversations about them in memory.

use super::folder::TempDir;
use super::script::{Notes, Script};
use smtp_primer::maildir::Maildir;
use smtp_primer::pop3::{Pop3Session, converse};
use smtp_primer::protocol::line::{Trace, Wire};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::session::Host;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Puts a letter into a mailbox, as another program would: the name says nothing of its size.
pub fn put(mailbox: &Path, name: &str, letter: impl AsRef<[u8]>) -> PathBuf {
    let file = mailbox.join("new").join(name);
    std::fs::write(&file, letter).expect("a letter");
    file
}

/// Puts a letter to bob@b.example into a queue, as another program would.
pub fn enqueue(queue: &Path, name: &str, letter: &[u8]) {
    let envelope = "from <alice@a.example>\narrived 1\ntries 0\nnext 1\n\
                    waiting <bob@b.example>\nend\n";
    std::fs::write(queue.join(format!("{name}.letter")), letter).expect("a letter");
    std::fs::write(queue.join(format!("{name}.envelope")), envelope).expect("an envelope");
}

/// The mailbox of alice, whose password is `open sesame `.
pub struct Letterbox {
    folder: TempDir,
    /// The host that it belongs to.
    pub host: Host,
}

impl Letterbox {
    /// With these letters in it, named 1, 2 and so on.
    pub fn new(letters: &[&[u8]]) -> Letterbox {
        let folder = TempDir::new("mailbox");
        Maildir::create(folder.path()).expect("a mailbox");
        for (number, letter) in (1..).zip(letters) {
            put(folder.path(), &number.to_string(), letter);
        }
        let host = Host {
            domain: "a.example".parse().expect("a domain"),
            users: [("alice".to_string(), "open sesame ".to_string())].into(),
            aliases: [].into(),
            max_size: 1000,
        };
        Letterbox { folder, host }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The letters that are left, by name.
    pub fn left(&self) -> Vec<String> {
        let entries = self
            .open()
            .and_then(|mailbox| mailbox.list())
            .expect("a mailbox");
        entries.into_iter().map(|entry| entry.uid).collect()
    }

    fn open(&self) -> io::Result<Maildir> {
        Ok(Maildir::open(self.folder.path()))
    }

    /// A conversation, to its end: how it ended, what the server said, and the trace.
    pub fn converse(&self, client: Script) -> (io::Result<()>, String, String) {
        let (mut client, notes) = (client, Notes::default());
        let trace = Trace::of_server(Box::new(notes.clone())).with_mask(PasswordMask::default());
        let mut wire = Wire::traced(&mut client, Some(trace));
        let mut session = Pop3Session::new(&self.host, true);
        let timeout = Duration::from_secs(1);
        let ended = converse(&mut wire, &mut session, |_| self.open(), timeout);
        drop(wire);
        let said = client
            .written()
            .iter()
            .map(|octet| char::from(*octet))
            .collect();
        (ended, said, notes.text())
    }

    /// What the server says after the login to these lines, and to QUIT.
    pub fn answers(&self, lines: &str) -> String {
        let (ended, said, _) = self.converse(Script::says(format!("{LOGIN}{lines}QUIT\r\n")));
        ended.expect("a conversation that ends well");
        let after = said
            .splitn(4, "\r\n")
            .nth(3)
            .expect("what comes after the login");
        after.to_string()
    }
}

/// What alice says first.
pub const LOGIN: &str = "USER alice\r\nPASS open sesame \r\n";
