//! At every call that a program makes to the disk it is killed, or the call fails, or the power is
//! cut: a letter that was answered 250 is there, whole, and nothing half is, nor in the way.
//!
//! How often that was is shown by `cargo test --test crash_points -- --nocapture`.
#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static")
))]

#[allow(dead_code)]
mod common {
    pub mod crash;
    pub mod disk;
    pub mod folder;
    pub mod power_cut;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use common::crash::{Caller, number_if_whole, numbered_text};
use common::disk::{Call, Fault, NONE, Watch, counted, errors, kills};
use common::folder::TempDir;
use common::power_cut::{Disk, Left, Outcomes, cut_everywhere};
use common::process::{Server, make_site, program};
use common::side_by_side::side_by_side;
use smtp_primer::maildir::ABANDONED;
use smtp_primer::message::{Clock, Date};
use smtp_primer::queue::{Envelope, Progress, Queue};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const ALICE: &str = "alice@a.example";
const BOB: &str = "bob@a.example";
const CAROL: &str = "carol@b.example";

fn text(number: u64) -> String {
    numbered_text(number, 3)
}

/// A disk with the site a.example on it, where alice and bob are.
struct Stage {
    _folder: TempDir,
    disk: PathBuf,
    site: PathBuf,
    log: PathBuf,
}

impl Stage {
    /// The disk is empty. It is in memory: nothing is synced here in truth.
    fn new() -> Stage {
        let folder = TempDir::in_memory("crash");
        let path = folder.path().canonicalize().expect("a folder");
        let disk = path.join("disk");
        fs::create_dir(&disk).expect("a folder");
        Stage {
            _folder: folder,
            site: disk.join("a.example"),
            disk,
            log: path.join("log"),
        }
    }

    /// The site is on it.
    fn with(conf: &str) -> Stage {
        let stage = Stage::new();
        make_site(&stage.disk, "a.example", &["alice:x", "bob:x"], conf);
        stage
    }

    /// Has a program watched; the fault comes between the two texts.
    fn watch(&self, from: &'static str, until: &'static str) -> Watch {
        Watch::new(&self.disk, &self.log, from, until)
    }

    /// What was done to the site since the last time.
    fn log(&self) -> Vec<Call> {
        self.watch("", "").log()
    }

    fn mailbox(&self, user: &str) -> PathBuf {
        self.site.join("mail").join(user)
    }

    /// Where the letters for a recipient arrive.
    fn folder(&self, recipient: &str) -> PathBuf {
        match recipient.strip_suffix("@a.example") {
            Some(user) => self.mailbox(user).join("new"),
            None => self.site.join("queue"),
        }
    }

    /// The names of what waits in the queue. Nothing in it is damaged.
    fn waiting(&self) -> Vec<String> {
        let mut names = Vec::new();
        let queue = Queue::open(&self.site.join("queue"));
        let all = queue.each(|name, envelope| {
            envelope.expect("an envelope");
            names.push(name.to_string());
        });
        all.expect("a queue");
        names
    }

    /// Takes out the letters that are there for a recipient. All are whole.
    fn take(&self, recipient: &str) -> Vec<u64> {
        let folder = self.folder(recipient);
        let letters = match recipient.strip_suffix("@a.example") {
            Some(_) => files(&folder),
            None => {
                let take = |name: String| {
                    let envelope = folder.join(format!("{name}.envelope"));
                    fs::remove_file(&envelope).expect("an envelope");
                    envelope.with_extension("letter")
                };
                self.waiting().into_iter().map(take).collect()
            }
        };
        let take = |path: PathBuf| {
            let letter = fs::read(&path).expect("a letter");
            fs::remove_file(&path).expect("a letter to remove");
            number_if_whole(&letter).expect("no half letter")
        };
        letters.into_iter().map(take).collect()
    }

    /// A server starts, and ends before anybody calls.
    fn start(&self, fault: &Fault) -> ExitStatus {
        let mut serve = program();
        serve.arg("serve").arg(&self.site);
        serve.args(["--listen=127.0.0.1:0", "--sessions=0"]);
        let done = self.watch("", "").prepare(&mut serve, fault).output();
        done.expect("serve runs").status
    }

    /// A site is made on the empty disk.
    fn init(&self, fault: &Fault) -> ExitStatus {
        let mut init = program();
        init.arg("init").arg(&self.site);
        init.args(["--domain=a.example", "--user=alice:x"]);
        let done = self.watch("", "").prepare(&mut init, fault).output();
        done.expect("init runs").status
    }

    /// What is left is `site.conf`.
    fn remove_folders(&self) {
        for folder in ["mail", "queue"] {
            let _ = fs::remove_dir_all(self.site.join(folder));
        }
    }

    /// What died left files that are nobody's. When they are old, they vanish.
    fn nothing_stays(&self) {
        let folders = [
            self.mailbox("alice").join("tmp"),
            self.mailbox("bob").join("tmp"),
        ];
        let folders = [&folders[..], &[self.site.join("queue")]].concat();
        let long_ago = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        for file in folders.iter().flat_map(|folder| files(folder)) {
            let file = File::options().append(true).open(file).expect("a file");
            file.set_modified(long_ago).expect("an old file");
        }
        assert!(self.start(&NONE).success());
        let mut relay = program();
        let relay = relay.arg("relay").arg(&self.site).arg("--once").output();
        assert!(relay.expect("relay runs").status.success());
        let left: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
        assert!(
            left.iter().all(|file| file.ends_with("queue/lock")),
            "{left:?}"
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

/// Says how often something happened.
fn report(times: usize, what: &str, to: &[&str]) {
    println!("{times:5} {what} {}", to.join(", "));
}

/// Four stages work at a time, each on its share of the faults: their programs wait for one another
/// more than they work.
fn in_shares(faults: &[Fault], act: impl Fn(&[Fault]) + Sync) {
    let share = faults.len().div_ceil(4).max(1);
    side_by_side(faults.chunks(share), act);
}

/// How many letters there are in a folder. None is half.
fn whole(left: &Left, folder: &Path) -> usize {
    let is_mailbox = folder.ends_with("new");
    let is_whole = |(path, is_whole): (&PathBuf, &bool)| {
        let is_letter = is_mailbox || path.extension().is_some_and(|kind| kind == "envelope");
        if path.parent() != Some(folder) || !is_letter {
            return false;
        }
        // Names come to the disk in any order. So there may be an envelope whose text is not there
        // at all: nobody was told 250, and the queue sets it aside. Half a text would be worse.
        let text = left.get(&path.with_extension("letter"));
        assert!(
            *is_whole && text != Some(&false),
            "{} is half",
            path.display()
        );
        is_mailbox || text.is_some()
    };
    left.iter().filter(|entry| is_whole(*entry)).count()
}

// The server: delivery, and the commit of the queue.

impl Stage {
    /// The fault comes after the first letter, and is over when somebody says HELO once more.
    fn serve(&self, fault: &Fault) -> (Server, Caller) {
        let watch = self.watch("kept as", "250 a.example");
        let mut command = program();
        command.arg("serve").arg(&self.site).stderr(Stdio::null());
        command.args(["--listen=127.0.0.1:0", "--sessions=1", "--quiet"]);
        let server = Server::run(watch.prepare(&mut command, fault));
        let caller = Caller::new(&server.address);
        (server, caller)
    }

    /// What a server does that keeps two letters. The calls for the second count.
    fn keep_two(&self, recipients: &[&str]) -> Vec<Call> {
        let (server, mut caller) = self.serve(&NONE);
        for number in [0, 1] {
            assert!(keeps(&mut caller, number, recipients));
        }
        caller.ask("QUIT\r\n");
        drop(caller);
        server.finish();
        self.log()
    }

    /// The faults for each call that keeps one letter: so many calls `least`.
    fn faults(
        &self,
        recipients: &[&str],
        least: usize,
        make: fn(&[Call]) -> Vec<Fault>,
    ) -> Vec<Fault> {
        let calls = counted(&self.keep_two(recipients));
        assert!(calls.len() >= least, "{calls:?}");
        for recipient in recipients {
            assert_eq!(self.take(recipient).len(), 2);
        }
        make(&calls)
    }
}

impl Stage {
    /// What was answered 250 is there, wherever the power is cut. Returns in how many ways it was.
    fn cut_power(
        &self,
        start: &Disk,
        log: &[Call],
        outcomes: Outcomes,
        recipients: &[&str],
    ) -> usize {
        cut_everywhere(start, log, outcomes, |done, left| {
            let answered = done.iter().filter(|call| call.sends("250 OK, kept as"));
            let answered = answered.count();
            for recipient in recipients {
                let found = whole(left, &self.folder(recipient));
                let last = done.last();
                assert!(
                    found >= answered,
                    "{recipient}: {found} of {answered} after {last:?}"
                );
            }
        })
    }
}

/// Sends a letter. Is it answered 250?
fn keeps(caller: &mut Caller, number: u64, recipients: &[&str]) -> bool {
    caller.send(&text(number), recipients);
    let reply = caller.reply();
    assert!(reply.is_empty() || reply.starts_with(['2', '4']), "{reply}");
    reply.starts_with('2')
}

/// The server dies at each call. Its next life begins with a letter that goes well.
fn kill_everywhere(recipients: &[&str], least: usize) {
    let faults = Stage::with("").faults(recipients, least, kills);
    report(faults.len(), "times a server was killed:", recipients);
    in_shares(&faults, |faults| {
        let stage = Stage::with("");
        for (life, fault) in (1..).zip(faults) {
            let (server, mut caller) = stage.serve(fault);
            assert!(
                keeps(&mut caller, 2 * life, recipients),
                "nothing is in the way: {fault:?}"
            );
            let is_kept = keeps(&mut caller, 2 * life + 1, recipients);
            drop(caller);
            assert_eq!(server.wait().signal(), Some(9), "{fault:?}");
            for recipient in recipients {
                let found = stage.take(recipient);
                assert!(found.contains(&(2 * life)), "{fault:?}");
                assert!(found.contains(&(2 * life + 1)) || !is_kept, "{fault:?}");
            }
        }
        stage.nothing_stays();
    });
}

/// Each call fails, once and from then on. The server lives on, and what it does not keep it does
/// not have. When the disk is well again, so is the server.
fn fail_everywhere(recipients: &[&str], least: usize) {
    let faults = Stage::with("").faults(recipients, least, errors);
    report(faults.len(), "times a server's disk failed:", recipients);
    in_shares(&faults, |faults| {
        let stage = Stage::with("");
        for (life, fault) in (1..).zip(faults) {
            let start = Disk::read(&stage.disk);
            let (server, mut caller) = stage.serve(fault);
            let numbers = [3 * life, 3 * life + 1, 3 * life + 2];
            let mut is_kept = [true; 3];
            for (at, number) in numbers.iter().enumerate() {
                is_kept[at] = keeps(&mut caller, *number, recipients);
                if at == 1 {
                    caller.ask("HELO again.example\r\n");
                }
            }
            assert!(is_kept[0] && is_kept[2], "{fault:?}");
            caller.ask("QUIT\r\n");
            drop(caller);
            server.finish();
            // An error that is passed over, of fsync above all, shows when the power is cut.
            stage.cut_power(&start, &stage.log(), Outcomes::Worst, recipients);
            for recipient in recipients {
                let found = stage.take(recipient);
                for (number, is_kept) in numbers.iter().zip(is_kept) {
                    let is_found = found.contains(number);
                    // What cannot be removed again stays there, and comes twice.
                    let may_stay = !fault.can_remove();
                    assert!(is_found == is_kept || is_found && may_stay, "{fault:?}");
                }
            }
        }
        stage.nothing_stays();
    });
}

#[test]
fn a_server_killed_at_any_call_of_a_delivery_has_what_it_answered_250() {
    kill_everywhere(&[ALICE], 7);
}

#[test]
fn a_server_killed_at_any_call_of_a_delivery_to_two_has_what_it_answered_250() {
    kill_everywhere(&[ALICE, BOB], 10);
}

#[test]
fn a_server_killed_at_any_call_of_a_commit_to_the_queue_has_what_it_answered_250() {
    kill_everywhere(&[CAROL], 9);
}

#[test]
fn a_server_killed_between_the_queue_and_a_mailbox_has_what_it_answered_250() {
    kill_everywhere(&[CAROL, ALICE], 16);
}

#[test]
fn a_disk_that_fails_at_any_call_of_a_delivery_is_no_loss() {
    fail_everywhere(&[ALICE], 7);
}

#[test]
fn a_disk_that_fails_at_any_call_of_a_delivery_to_two_is_no_loss() {
    fail_everywhere(&[ALICE, BOB], 10);
}

#[test]
fn a_disk_that_fails_at_any_call_of_a_commit_to_the_queue_is_no_loss() {
    fail_everywhere(&[CAROL], 9);
}

#[test]
fn a_disk_that_fails_between_the_queue_and_a_mailbox_is_no_loss() {
    fail_everywhere(&[CAROL, ALICE], 16);
}

#[test]
fn a_program_killed_while_it_makes_the_folders_of_a_site_can_be_started_again() {
    let stage = Stage::with("");
    stage.remove_folders();
    assert!(stage.start(&NONE).success());
    let kills = kills(&counted(&stage.log()));
    assert!(kills.len() >= 60, "{}", kills.len());
    report(kills.len() / 2, "times who makes folders was killed", &[]);
    in_shares(&kills, |kills| {
        let stage = Stage::with("");
        for fault in kills.iter().filter(|fault| fault.how == "before") {
            stage.remove_folders();
            let start = Disk::read(&stage.disk);
            stage.log();
            assert_eq!(stage.start(fault).signal(), Some(9), "{fault:?}");
            for recipient in [ALICE, BOB, CAROL] {
                if stage.folder(recipient).is_dir() {
                    assert!(stage.take(recipient).is_empty());
                }
            }
            // The next start does not know what of this was synced.
            let mut log = stage.log();
            log.extend(stage.keep_two(&[ALICE, CAROL]));
            stage.cut_power(&start, &log, Outcomes::Worst, &[ALICE, CAROL]);
        }
    });
}

#[test]
fn a_start_syncs_what_it_has_made_and_nothing_else() {
    let stage = Stage::with("");
    let synced = || {
        assert!(stage.start(&NONE).success());
        let log = stage.log();
        let synced = log.iter().filter(|call| call.name == "fsync");
        let synced = synced.map(|call| call.paths[0].clone());
        let below = synced.filter(|path| path.starts_with(stage.site.join("mail")));
        below.collect::<Vec<_>>()
    };
    assert!(synced().is_empty(), "init has made all");
    let conf = stage.site.join("site.conf");
    let text = fs::read_to_string(&conf).expect("site.conf");
    fs::write(&conf, text + "user carol x\n").expect("site.conf");
    fs::remove_dir(stage.mailbox("bob").join("cur")).expect("a folder");
    let due = [
        stage.mailbox("bob"),
        stage.site.join("mail"),
        stage.mailbox("carol"),
        stage.site.join("mail"),
    ];
    assert_eq!(synced(), due);
    assert!(synced().is_empty(), "and now it is there");
    // A relay makes nothing.
    let mut relay = program();
    let relay = relay.arg("relay").arg(&stage.site).arg("--once");
    let done = stage.watch("", "").prepare(relay, &NONE).output();
    assert!(done.expect("relay runs").status.success());
    let log = stage.log();
    let is_change = |call: &&Call| !matches!(&call.name[..], "create" | "open");
    assert_eq!(log.iter().filter(is_change).count(), 0, "{log:?}");
}

#[test]
fn a_program_killed_while_it_makes_a_site_leaves_one_or_none_and_can_be_started_again() {
    let stage = Stage::new();
    assert!(stage.init(&NONE).success());
    let kills = kills(&counted(&stage.log()));
    assert!(kills.len() >= 60, "{}", kills.len());
    report(kills.len(), "times who makes a site was killed", &[]);
    in_shares(&kills, |kills| {
        let stage = Stage::new();
        for fault in kills {
            let _ = fs::remove_dir_all(&stage.site);
            let start = Disk::read(&stage.disk);
            assert_eq!(stage.init(fault).signal(), Some(9), "{fault:?}");
            let mut log = stage.log();
            // Where there is a site.conf it is whole, and init respects it.
            let is_made = stage.site.join("site.conf").exists();
            assert_eq!(stage.init(&NONE).success(), !is_made, "{fault:?}");
            log.extend(stage.log());
            log.extend(stage.keep_two(&[ALICE, CAROL]));
            // What was done by the call after which it was killed stands in no log.
            if fault.how == "before" {
                stage.cut_power(&start, &log, Outcomes::Worst, &[ALICE, CAROL]);
            }
            let conf = fs::read_to_string(stage.site.join("site.conf")).expect("site.conf");
            assert!(conf.contains("\nuser   alice x\n"), "{fault:?}: {conf}");
        }
    });
}

#[test]
fn a_disk_that_fails_while_a_site_is_made_leaves_a_site_or_none() {
    let stage = Stage::new();
    assert!(stage.init(&NONE).success());
    let errors = errors(&counted(&stage.log()));
    report(errors.len(), "times the disk failed who makes a site", &[]);
    in_shares(&errors, |errors| {
        let stage = Stage::new();
        for fault in errors {
            let _ = fs::remove_dir_all(&stage.site);
            let is_told = stage.init(fault).code() == Some(1);
            assert!(
                is_told || !fault.can_remove() || fault.times == 1,
                "{fault:?}"
            );
            let is_made = stage.site.join("site.conf").exists();
            assert_eq!(stage.init(&NONE).success(), !is_made, "{fault:?}");
            assert!(stage.start(&NONE).success(), "{fault:?}");
        }
    });
}

// The relay: update, bounce and finish.

/// A host for b.example. Who is called by a code, such as 450, is refused with it: the one with a 4
/// until the host is willing.
struct Hop {
    address: SocketAddr,
    willing: Arc<AtomicBool>,
    /// Which letters it has, for whom.
    has: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Hop {
    fn new() -> Hop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (willing, has) = (Arc::default(), Arc::default());
        let hop = Hop {
            address,
            willing: Arc::clone(&willing),
            has: Arc::clone(&has),
        };
        // It ends with the test. A caller that dies is no trouble for it.
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let _ = converse(stream, &willing, &has);
            }
        });
        hop
    }
}

fn converse(
    stream: TcpStream,
    willing: &AtomicBool,
    has: &Mutex<Vec<(String, u64)>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut say = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut recipients = Vec::new();
    say.write_all(b"220 b.example\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let reply = match (line.get(..4), line.get(9..12)) {
            (Some("RCPT"), Some("550")) => "550 no",
            (Some("RCPT"), Some("450")) if !willing.load(Ordering::SeqCst) => "450 not now",
            (Some("RCPT"), _) => {
                recipients.push(line[9..line.len() - 1].to_string());
                "250 ok"
            }
            (Some("DATA"), _) => {
                say.write_all(b"354 go on\r\n")?;
                let text = lines
                    .by_ref()
                    .map_while(Result::ok)
                    .take_while(|line| line != ".");
                let text: String = text.map(|line| line + "\r\n").collect();
                let number = number_if_whole(text.as_bytes()).expect("no half letter");
                let mut has = has.lock().expect("a list");
                has.extend(recipients.drain(..).map(|recipient| (recipient, number)));
                "250 ok"
            }
            _ => "250 ok",
        };
        say.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

/// A site whose relay has letters from alice for these recipients, and the hop that it calls.
struct Relay {
    stage: Stage,
    hop: Hop,
    recipients: &'static [&'static str],
}

impl Relay {
    fn new(recipients: &'static [&'static str]) -> Relay {
        let hop = Hop::new();
        let stage = Stage::with(&format!("route b.example {}\n", hop.address));
        Relay {
            stage,
            hop,
            recipients,
        }
    }

    /// Puts a letter from alice into the queue.
    fn add(&self, number: u64) {
        let waits = |recipient: &&str| {
            (
                recipient.parse().expect("a mailbox"),
                Progress::Waiting(None),
            )
        };
        let envelope = Envelope {
            reverse_path: format!("<{ALICE}>").parse().expect("a path"),
            arrived: Clock::new(None).now(),
            tries: 0,
            next: Date(0),
            recipients: self.recipients.iter().map(waits).collect(),
        };
        let file = self.stage.site.join("queue").join(number.to_string());
        fs::write(file.with_extension("letter"), text(number)).expect("a letter");
        fs::write(file.with_extension("envelope"), envelope.to_string()).expect("an envelope");
    }

    /// One pass. The fault comes after the lock.
    fn pass(&self, willing: bool, fault: &Fault) -> ExitStatus {
        self.hop.willing.store(willing, Ordering::SeqCst);
        let watch = self.stage.watch("queue/lock", "");
        let mut command = program();
        command.arg("relay").arg(&self.stage.site);
        command.args(["--once", "--quiet", "--retry=0.001"]);
        let passed = watch.prepare(&mut command, fault).output();
        passed.expect("relay runs").status
    }

    fn times(&self, recipient: &str, number: u64) -> usize {
        let has = self.hop.has.lock().expect("a list");
        has.iter()
            .filter(|(to, letter)| to == recipient && *letter == number)
            .count()
    }

    /// Everything comes to its end, and everybody hears of it.
    fn settle(&self, number: u64, after: &Fault) {
        let status = self.pass(true, &NONE);
        self.stage.log();
        let (refused, taken): (Vec<&str>, Vec<&str>) = self
            .recipients
            .iter()
            .partition(|name| name.starts_with('5'));
        let is_fine = status.success() || status.code() == Some(1) && !refused.is_empty();
        assert!(is_fine, "{status}: {after:?}");
        assert!(self.stage.waiting().is_empty(), "{after:?}");
        for recipient in taken {
            let times = self.times(recipient, number);
            assert!((1..=2).contains(&times), "{times} times: {after:?}");
        }
        let bounces = files(&self.stage.mailbox("alice").join("new"));
        assert!(refused.is_empty() == bounces.is_empty(), "{after:?}");
        for file in bounces {
            let bounce = fs::read_to_string(&file).expect("a bounce");
            let subject = format!("\nSubject: {number} of ");
            assert!(
                bounce.contains(&subject) && bounce.ends_with("--\n"),
                "{bounce}"
            );
            fs::remove_file(&file).expect("a bounce to remove");
        }
    }

    /// Wherever the power is cut: as long as somebody does not know the fate of the letter, it
    /// waits. Returns in how many ways it was cut.
    fn cut_power(&self, start: &Disk, log: &[Call], outcomes: Outcomes, number: u64) -> usize {
        let queue = self.stage.folder(CAROL);
        let [envelope, letter] =
            ["envelope", "letter"].map(|kind| queue.join(format!("{number}.{kind}")));
        cut_everywhere(start, log, outcomes, |done, left| {
            let is_waiting = whole(left, &queue) > 0;
            let is_told = whole(left, &self.stage.folder(ALICE)) > 0;
            let is_answered = done.iter().any(|call| call.sends("QUIT"));
            let knows = |recipient: &&str| match &recipient[..3] {
                "450" => false,
                "550" => is_told,
                _ => is_answered,
            };
            let (all_know, last) = (self.recipients.iter().all(knows), done.last());
            assert!(
                is_waiting || all_know,
                "{:?} after {last:?}",
                self.recipients
            );
            // It was a letter: without its text, the envelope would be reported as damaged.
            let has = |file| left.contains_key(file);
            assert!(has(&letter) || !has(&envelope), "after {last:?}");
        })
    }

    /// The fault comes in a first pass; the next ones go well.
    fn meets(&self, number: u64, fault: &Fault) {
        self.add(number);
        let start = Disk::read(&self.stage.disk);
        let status = self.pass(false, fault);
        match fault.error {
            0 => assert_eq!(status.signal(), Some(9), "{fault:?}"),
            _ => {
                assert!(status.code().is_some(), "{status}: {fault:?}");
                self.cut_power(&start, &self.stage.log(), Outcomes::Worst, number);
            }
        }
        self.settle(number, fault);
    }
}

/// A relay meets the faults at each of its calls: so many `least`.
fn relay_everywhere(
    recipients: &'static [&'static str],
    least: usize,
    make: fn(&[Call]) -> Vec<Fault>,
) {
    let relay = Relay::new(recipients);
    relay.add(0);
    relay.pass(false, &NONE);
    let calls = counted(&relay.stage.log());
    assert!(calls.len() >= least, "{}: {calls:?}", calls.len());
    relay.settle(0, &NONE);
    let faults = make(&calls);
    report(faults.len(), "faults met a relay:", recipients);
    in_shares(&faults, |faults| {
        let relay = Relay::new(recipients);
        for (number, fault) in (1..).zip(faults) {
            relay.meets(number, fault);
        }
        relay.stage.nothing_stays();
    });
}

const DELIVERED: &[&str] = &["bob@b.example"];
const DEFERRED: &[&str] = &["450@b.example"];
const REFUSED: &[&str] = &["550@b.example"];
const MIXED: &[&str] = &["bob@b.example", "450@b.example", "550@b.example"];

#[test]
fn a_relay_killed_at_any_call_delivers_all_the_same() {
    relay_everywhere(DELIVERED, 12, kills);
}

#[test]
fn a_relay_killed_at_any_call_tries_again_all_the_same() {
    relay_everywhere(DEFERRED, 14, kills);
}

#[test]
fn a_relay_killed_at_any_call_tells_the_sender_all_the_same() {
    relay_everywhere(REFUSED, 26, kills);
}

#[test]
fn a_relay_killed_at_any_call_knows_who_has_the_letter() {
    relay_everywhere(MIXED, 28, kills);
}

#[test]
fn a_disk_that_fails_the_relay_at_any_call_of_a_delivery_is_no_loss() {
    relay_everywhere(DELIVERED, 12, errors);
}

#[test]
fn a_disk_that_fails_the_relay_at_any_call_of_a_bounce_is_no_loss() {
    relay_everywhere(MIXED, 28, errors);
}

#[test]
fn a_relay_on_a_full_disk_does_not_send_the_same_letter_in_every_pass() {
    let relay = Relay::new(DELIVERED);
    relay.add(0);
    for _ in 0..3 {
        assert_eq!(relay.pass(true, &Fault::full(1)).code(), Some(75));
    }
    assert_eq!(relay.times(DELIVERED[0], 0), 0);
    relay.settle(0, &NONE);
}

#[test]
fn a_relay_that_cannot_write_the_bounce_does_not_send_the_letter_again() {
    let relay = Relay::new(MIXED);
    relay.add(0);
    let fault = Fault {
        calls: "link",
        ..Fault::full(1)
    };
    for _ in 0..3 {
        assert_eq!(relay.pass(true, &fault).code(), Some(75));
    }
    assert_eq!(relay.times("bob@b.example", 0), 1);
    relay.settle(0, &NONE);
}

// POP3: the update (RFC 1939 section 6).

/// Alice has three letters, and deletes two. What she hears to QUIT, or nothing; what is left.
fn delete_two(stage: &Stage, fault: &Fault) -> (String, Vec<u64>) {
    for number in 1..=3 {
        let letter = stage.folder(ALICE).join(number.to_string());
        fs::write(letter, text(number)).expect("a letter");
    }
    let watch = stage.watch("it will be removed at QUIT", "");
    let mut command = program();
    command.arg("pop3").arg(&stage.site);
    command.args(["--listen=127.0.0.1:0", "--sessions=1", "--quiet"]);
    let server = Server::run(watch.prepare(&mut command, fault));
    let stream = TcpStream::connect(&server.address).expect("a server");
    let (mut stream, mut answer) = (BufReader::new(stream), String::new());
    stream.read_line(&mut answer).expect("a greeting");
    for line in ["USER alice", "PASS x", "DELE 1", "DELE 2", "QUIT"] {
        assert!(answer.starts_with("+OK"), "{answer}: {fault:?}");
        answer.clear();
        let line = format!("{line}\r\n");
        stream.get_mut().write_all(line.as_bytes()).expect(&line);
        let _ = stream.read_line(&mut answer); // who is killed says nothing
    }
    drop(stream);
    let status = server.wait();
    assert_eq!(status.success(), !answer.is_empty(), "{fault:?}");
    let mut left = stage.take(ALICE);
    left.sort();
    (answer, left)
}

/// The fault comes at each call that removes a letter. The next reader is let in.
fn update_everywhere(make: fn(&[Call]) -> Vec<Fault>, check: fn(&str, &[u64], &Fault)) {
    let stage = Stage::with("");
    let goes_well = || {
        let (answer, left) = delete_two(&stage, &NONE);
        assert_eq!((answer.as_str(), &left[..]), ("+OK goodbye\r\n", &[3][..]));
    };
    let watched = stage.watch("", "");
    goes_well();
    let calls = counted(&watched.log());
    assert_eq!(calls.len(), 2, "{calls:?}");
    let faults = make(&calls);
    report(faults.len(), "faults met a POP3 server", &[]);
    for fault in faults {
        let (answer, left) = delete_two(&stage, &fault);
        check(&answer, &left, &fault);
        goes_well();
        watched.log();
    }
}

#[test]
fn a_pop3_server_killed_at_any_call_of_the_update_has_removed_only_what_was_deleted() {
    update_everywhere(kills, |answer, left, fault| {
        assert_eq!(answer, "", "{fault:?}");
        let removed = fault.at - usize::from(fault.how == "before");
        assert_eq!(left.len(), 3 - removed, "{fault:?}");
        assert!(left.contains(&3), "{fault:?}");
    });
}

#[test]
fn a_pop3_server_on_a_disk_that_fails_says_how_many_letters_are_left() {
    update_everywhere(errors, |answer, left, fault| {
        let due = match left.len() - 1 {
            0 => "+OK goodbye\r\n".to_string(),
            stuck => format!("-ERR [SYS/TEMP] letters that could not be removed: {stuck}\r\n"),
        };
        assert_eq!(answer, due, "{fault:?}");
        assert!(left.contains(&3) && left.len() > 1, "{fault:?}");
    });
}

// `inbox --into`: a letter goes from the server into a Maildir of the user's.

impl Stage {
    /// A site, and the server of its mailboxes.
    fn with_pop3() -> (Stage, Server) {
        let stage = Stage::with("");
        let pop3 = Server::start("pop3", &stage.site, &["--quiet"]);
        (stage, pop3)
    }

    /// The disk of the user's own computer.
    fn home(&self) -> PathBuf {
        self.disk.with_file_name("home")
    }

    /// The user's own Maildir, in a folder that is not there either.
    fn own(&self) -> PathBuf {
        self.home().join("deep").join("own")
    }

    /// Fetches the letters into it. All calls count.
    fn fetch(&self, pop3: &Server, fault: &Fault) -> ExitStatus {
        let password = self.disk.with_file_name("password");
        fs::write(&password, "x\n").expect("a password");
        let mut command = program();
        command.args(["inbox", "--user=alice", "--server", &pop3.address]);
        command.arg("--password-file").arg(password);
        command.arg("--into").arg(self.own());
        let watch = Watch::new(&self.home(), &self.log, "", "");
        let done = watch.prepare(&mut command, fault).output();
        done.expect("inbox runs").status
    }

    /// Alice has three letters on the server, and nothing of her own.
    fn three_wait(&self) {
        let _ = fs::remove_dir_all(self.home());
        fs::create_dir(self.home()).expect("a folder");
        for letter in files(&self.folder(ALICE)) {
            fs::remove_file(letter).expect("a letter");
        }
        for number in 1..=3 {
            let letter = self.folder(ALICE).join(number.to_string());
            fs::write(letter, text(number)).expect("a letter");
        }
    }

    /// The letters that the user has. All are whole.
    fn owned(&self) -> Vec<u64> {
        let new = self.own().join("new");
        let letters = if new.exists() {
            files(&new)
        } else {
            Vec::new()
        };
        let number = |path: PathBuf| number_if_whole(&fs::read(path).expect("a letter"));
        let mut numbers: Vec<u64> = letters
            .into_iter()
            .map(|path| number(path).expect("no half letter"))
            .collect();
        numbers.sort();
        numbers
    }

    /// The letters that are still on the server.
    fn on_the_server(&self) -> Vec<u64> {
        let number = |path: PathBuf| path.file_name()?.to_str()?.parse().ok();
        files(&self.folder(ALICE))
            .into_iter()
            .filter_map(number)
            .collect()
    }
}

/// At each call of `inbox` the fault comes. Each letter is here or on the server, and once the disk
/// is well again, all are here.
fn fetch_everywhere(make: fn(&[Call]) -> Vec<Fault>, check: fn(&Stage, ExitStatus, &Fault)) {
    let (stage, pop3) = Stage::with_pop3();
    stage.three_wait();
    assert!(stage.fetch(&pop3, &NONE).success());
    assert_eq!(
        (stage.owned(), stage.on_the_server()),
        (vec![1, 2, 3], vec![])
    );
    let calls = counted(&stage.log());
    assert!(calls.len() >= 20, "{calls:?}");
    let faults = make(&calls);
    report(faults.len(), "faults met an inbox", &[]);
    in_shares(&faults, |faults| {
        let (stage, pop3) = Stage::with_pop3();
        for fault in faults {
            stage.three_wait();
            let status = stage.fetch(&pop3, fault);
            let (owned, waiting) = (stage.owned(), stage.on_the_server());
            for number in 1..=3 {
                let is_safe = owned.contains(&number) || waiting.contains(&number);
                assert!(is_safe, "{number} is in no place: {fault:?}");
            }
            check(&stage, status, fault);
            assert!(stage.fetch(&pop3, &NONE).success(), "{fault:?}");
            assert!(stage.on_the_server().is_empty(), "{fault:?}");
            let mut owned = stage.owned();
            owned.dedup();
            assert_eq!(owned, [1, 2, 3], "{fault:?}");
            stage.log();
        }
    });
}

#[test]
fn an_inbox_killed_at_any_call_has_each_letter_here_or_on_the_server() {
    fetch_everywhere(kills, |_, status, fault| {
        assert_eq!(status.signal(), Some(9), "{fault:?}");
    });
}

#[test]
fn an_inbox_on_a_disk_that_fails_has_each_letter_here_or_on_the_server_and_none_twice() {
    fetch_everywhere(errors, |stage, status, fault| {
        let waiting = stage.on_the_server();
        assert_eq!(status.success(), waiting.is_empty(), "{fault:?}");
        // What cannot be removed again stays there, and comes twice.
        let both = stage
            .owned()
            .into_iter()
            .filter(|number| waiting.contains(number));
        assert!(both.count() == 0 || !fault.can_remove(), "{fault:?}");
    });
}

#[test]
fn what_is_removed_from_the_server_is_here_also_if_the_power_is_cut() {
    let (stage, pop3) = Stage::with_pop3();
    stage.three_wait();
    let start = Disk::read(&stage.home());
    assert!(stage.fetch(&pop3, &NONE).success());
    let new = stage.own().join("new");
    let cuts = cut_everywhere(&start, &stage.log(), Outcomes::All, |done, left| {
        let removed = done.iter().filter(|call| call.sends("DELE")).count();
        assert!(whole(left, &new) >= removed, "{:?}", done.last());
    });
    report(cuts, "power cuts met an inbox", &[]);
    assert!(cuts >= 100, "{cuts}");
}

// The power.

#[test]
fn what_was_answered_250_survives_a_power_cut_at_any_call() {
    for (recipients, least) in [
        (&[ALICE][..], 150),
        (&[ALICE, BOB], 200),
        (&[CAROL], 80),
        (&[CAROL, ALICE], 300),
    ] {
        let stage = Stage::with("");
        let start = Disk::read(&stage.disk);
        let log = stage.keep_two(recipients);
        let cuts = stage.cut_power(&start, &log, Outcomes::All, recipients);
        report(cuts, "power cuts met a server:", recipients);
        assert!(cuts >= least, "{recipients:?}: {cuts}");
    }
}

#[test]
fn what_was_answered_250_survives_a_power_cut_also_on_a_site_that_is_new() {
    let (stage, recipients) = (Stage::new(), [ALICE, CAROL]);
    let start = Disk::read(&stage.disk);
    assert!(stage.init(&NONE).success());
    let log = stage.keep_two(&recipients);
    stage.cut_power(&start, &log, Outcomes::All, &recipients);

    // Its folders are made by serve, too.
    stage.remove_folders();
    let start = Disk::read(&stage.disk);
    let log = stage.keep_two(&recipients);
    stage.cut_power(&start, &log, Outcomes::All, &recipients);
}

#[test]
fn a_letter_waits_until_all_know_its_fate_also_if_the_power_is_cut() {
    for (recipients, least) in [(DELIVERED, 30), (DEFERRED, 40), (REFUSED, 80), (MIXED, 90)] {
        let relay = Relay::new(recipients);
        relay.add(0);
        let start = Disk::read(&relay.stage.disk);
        relay.pass(false, &NONE);
        let cuts = relay.cut_power(&start, &relay.stage.log(), Outcomes::All, 0);
        report(cuts, "power cuts met a relay:", recipients);
        assert!(cuts >= least, "{recipients:?}: {cuts}");
    }
}

// The tables of the book.

/// What a power cut after each call leaves of one letter.
struct Table<'a> {
    start: Disk,
    log: Vec<Call>,
    /// Where the letter is kept, and under which name.
    folder: PathBuf,
    name: String,
    /// The files that it may be in, such as `tmp/ID`.
    columns: &'a [&'a str],
}

impl Table<'_> {
    /// The delivery of the second letter: the first one has made nothing easier.
    fn of_a_server(recipient: &str, columns: &[&str]) -> String {
        let stage = Stage::with("");
        let start = Disk::read(&stage.disk);
        let log = stage.keep_two(&[recipient]);
        let made = log.iter().find(|call| call.number > 0);
        let made = made.expect("the second letter").paths[0].clone();
        let name = made.with_extension("");
        let name = match recipient {
            CAROL => name.file_name(),
            _ => made.file_name(),
        };
        let table = Table {
            start,
            log,
            folder: match recipient {
                CAROL => stage.site.join("queue"),
                _ => stage.mailbox("alice"),
            },
            name: name.and_then(|name| name.to_str()).expect("a name").into(),
            columns,
        };
        table.text()
    }

    /// Both wrong ways are in one log.
    fn of_the_wrong_example() -> Vec<(String, String)> {
        let stage = Stage::new();
        let ways = ["moved", "nameless"];
        for way in ways {
            for folder in ["tmp", "new", "cur"] {
                fs::create_dir_all(stage.disk.join(way).join(folder)).expect("a folder");
            }
        }
        let start = Disk::read(&stage.disk);
        let example = Path::new(env!("CARGO_BIN_EXE_smtp-primer"));
        let example = example.with_file_name("examples").join("ch13_wrong");
        assert!(example.exists(), "it is not built: cargo build --examples");
        let mut command = std::process::Command::new(example);
        let done = stage.watch("", "").prepare(command.arg(&stage.disk), &NONE);
        assert!(done.output().expect("it runs").status.success());
        let log = stage.log();
        let table = |way: &str| {
            let table = Table {
                start: start.clone(),
                log: log.clone(),
                folder: stage.disk.join(way),
                name: "1".to_string(),
                columns: &["tmp/ID", "new/ID"],
            };
            (format!("13-{way}.txt"), table.text())
        };
        ways.map(table).to_vec()
    }

    /// What was done last, if it has changed something of this letter.
    fn row(&self, call: &Call) -> Option<String> {
        if call.sends("250 OK, kept as") && call.paths[0].to_string_lossy().contains(&self.id()) {
            return Some("250 is said".to_string());
        }
        let short = |path: &PathBuf| {
            let path = path.strip_prefix(&self.folder).ok()?.to_str()?;
            Some(match path.replace(&self.name, "ID") {
                path if path.is_empty() => "the folder".to_string(),
                path => path,
            })
        };
        let paths: Vec<String> = call.paths.iter().filter_map(short).collect();
        let is_change = call.result >= 0 && call.name != "open" && call.name != "send";
        (is_change && !paths.is_empty()).then(|| format!("{} {}", call.name, paths.join(" ")))
    }

    /// The name that the client hears: that of the file, without the host.
    fn id(&self) -> String {
        let id = self.name.split('.').next();
        id.expect("an id").to_string()
    }

    fn text(&self) -> String {
        let is_second = |call: &Call| {
            let path = call
                .paths
                .iter()
                .rev()
                .find(|path| path.starts_with(&self.folder));
            path.is_some_and(|path| path.to_string_lossy().contains(&self.name))
        };
        let begin = self.log.iter().position(is_second).expect("the letter");
        let mut rows: Vec<(String, Vec<BTreeSet<&str>>)> = Vec::new();
        cut_everywhere(&self.start, &self.log, Outcomes::All, |done, left| {
            let last = done.get(begin..).and_then(<[Call]>::last);
            let Some(what) = last.and_then(|call| self.row(call)) else {
                return;
            };
            // A text may be written by several calls, and a cut has several outcomes.
            if rows.last().is_none_or(|(last, _)| *last != what) {
                rows.push((what, vec![BTreeSet::new(); self.columns.len()]));
            }
            let (_, states) = rows.last_mut().expect("a row");
            for (state, column) in states.iter_mut().zip(self.columns) {
                let file = self.folder.join(column.replace("ID", &self.name));
                state.insert(match left.get(&file) {
                    None => "-",
                    Some(false) => "part",
                    Some(true) => "whole",
                });
            }
        });
        let (last, states) = rows.last().expect("a row");
        if last != "250 is said" {
            // The example has no client. It is done, so it would say it now.
            rows.push(("250 is said".to_string(), states.clone()));
        }
        self.lines(&rows)
    }

    fn lines(&self, rows: &[(String, Vec<BTreeSet<&str>>)]) -> String {
        let columns = self.columns.iter().map(|column| column.to_string());
        let mut lines = vec![("the power is cut after".to_string(), columns.collect())];
        for (what, states) in rows {
            let state = |state: &BTreeSet<&str>| Vec::from_iter(state.clone()).join(" or ");
            lines.push((what.clone(), states.iter().map(state).collect()));
        }
        let line = |(what, states): (String, Vec<String>)| {
            let states = states.iter().map(|state| format!("{state:20}"));
            let line = format!("{what:28}{}", states.collect::<String>());
            line.trim_end().to_string() + "\n"
        };
        lines.into_iter().map(line).collect()
    }
}

/// Compares a table of the book; with WRITE=1, writes it.
#[track_caller]
fn is_in_the_book(file: &str, due: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/crashes");
    if std::env::var_os("WRITE").is_some() {
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join(file), due).expect("a file");
    }
    let shown = fs::read_to_string(root.join(file)).unwrap_or_default();
    let old = "this is old; WRITE=1 cargo test --test crash_points in_the_book";
    assert_eq!(shown, due, "book/crashes/{file}: {old}");
}

#[test]
fn the_tables_in_the_book_are_what_a_power_cut_leaves() {
    let mailbox = Table::of_a_server(ALICE, &["tmp/ID", "new/ID"]);
    is_in_the_book("13-mailbox.txt", &mailbox);
    let queue = Table::of_a_server(CAROL, &["ID.letter", "ID.new", "ID.envelope"]);
    is_in_the_book("14-queue.txt", &queue);
}

#[test]
fn the_tables_of_the_wrong_ways_in_the_book_are_what_a_power_cut_leaves() {
    for (file, due) in Table::of_the_wrong_example() {
        is_in_the_book(&file, &due);
    }
}
