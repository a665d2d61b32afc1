//! Chapter 13: a letter is in the mailbox whole or not at all, and nothing is ever overwritten.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod script;
}

use common::folder::TempDir;
use common::script::Dice;
use smtp_primer::maildir::{ABANDONED, LETTER_NAME, Maildir, deliver};
use smtp_primer::message::Clock;
use smtp_primer::protocol::address::Domain;
use smtp_primer::protocol::dot::Text;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::slice::from_ref;
use std::time::{Duration, SystemTime};

/// A clock that stands still.
fn still() -> Clock {
    Clock::new(Some(1_795_412_453))
}

fn put(mailboxes: &[Maildir], clock: &mut Clock, host: &str, text: &str) -> io::Result<String> {
    let by: Domain = host.parse().unwrap();
    let text = Text::from_file(text.as_bytes());
    deliver(
        mailboxes,
        clock,
        &by,
        |id| format!("X-Name: {id}\r\n"),
        &text,
    )
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let name = |file: io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

fn create(folder: &TempDir, name: &str) -> Maildir {
    Maildir::create(&folder.path().join(name)).unwrap()
}

fn sizes(mailbox: &Maildir) -> Vec<usize> {
    mailbox
        .list()
        .unwrap()
        .iter()
        .map(|entry| entry.size)
        .collect()
}

#[test]
fn a_delivered_letter_is_in_new_with_its_trace_and_nothing_is_left_in_tmp() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let id = put(
        from_ref(&mailbox),
        &mut still(),
        "a.example",
        "Subject: x\n\nHello\n",
    )
    .unwrap();
    let letters = mailbox.list().unwrap();
    assert_eq!(letters.len(), 1);
    let octets = fs::read(&letters[0].path).unwrap();
    // As every program writes it into a file, and as it goes over the wire.
    let expected = format!("X-Name: {id}\nSubject: x\n\nHello\n");
    assert_eq!(String::from_utf8(octets).unwrap(), expected);
    let on_the_wire = expected.replace('\n', "\r\n");
    assert_eq!(letters[0].size, on_the_wire.len());
    let text = letters[0].text().unwrap();
    assert_eq!(text.octets(), on_the_wire.as_bytes());
    assert!(letters[0].path.starts_with(folder.path().join("alice/new")));
    assert_eq!(names(&folder.path().join("alice/tmp")).len(), 0);
}

#[test]
fn no_letter_is_overwritten_while_the_clock_stands_still() {
    // DEFECTS 38: staktrace/maildir #36 and mailin overwrote a letter that had the same name.
    // Also mailin store.rs:54.
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    // Two clocks: two processes that know nothing of each other.
    let mut clocks = [still(), still()];
    for number in 0..10 {
        let text = format!("letter {number}");
        put(
            from_ref(&mailbox),
            &mut clocks[number % 2],
            "a.example",
            &text,
        )
        .unwrap();
    }
    let letters = mailbox.list().unwrap();
    let read = |entry: &smtp_primer::maildir::Entry| fs::read_to_string(&entry.path).unwrap();
    let texts: Vec<String> = letters.iter().map(read).collect();
    for number in 0..10 {
        let end = format!("letter {number}\n");
        assert_eq!(
            texts.iter().filter(|text| text.ends_with(&end)).count(),
            1,
            "{end}"
        );
    }
    let uids: BTreeSet<_> = letters.iter().map(|entry| &entry.uid).collect();
    assert_eq!((letters.len(), uids.len()), (10, 10));
}

#[test]
fn a_name_that_a_dead_program_left_in_tmp_is_not_in_the_way() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    put(from_ref(&mailbox), &mut still(), "a.example", "one").unwrap();
    let new = folder.path().join("alice/new");
    let name = names(&new).remove(0);
    let half = folder.path().join("alice/tmp").join(&name);
    fs::rename(new.join(&name), &half).unwrap();
    put(from_ref(&mailbox), &mut still(), "a.example", "two").unwrap();
    assert_ne!(names(&new), [name]);
    assert!(
        fs::read_to_string(half).unwrap().ends_with("one\n"),
        "it is somebody else's"
    );
}

#[test]
fn a_letter_for_several_is_written_once() {
    let folder = TempDir::new("maildir");
    let mailboxes = ["alice", "bob", "carol"].map(|user| create(&folder, user));
    put(&mailboxes, &mut Clock::new(None), "a.example", "Hello").unwrap();
    let paths = mailboxes.map(|mailbox| mailbox.list().unwrap().remove(0).path);
    #[cfg(unix)]
    for path in &paths {
        use std::os::unix::fs::MetadataExt;
        let inode = |path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(path), inode(&paths[0]));
        assert_eq!(fs::metadata(path).unwrap().nlink(), 3);
    }
    fs::remove_file(&paths[0]).unwrap();
    assert!(fs::read_to_string(&paths[1]).unwrap().ends_with("Hello\n"));
}

#[test]
fn when_one_mailbox_fails_the_letter_is_in_none() {
    for broken in ["bob/new", "bob/tmp and new"] {
        let folder = TempDir::new("maildir");
        let mailboxes = ["alice", "bob", "carol"].map(|user| create(&folder, user));
        let bob = folder.path().join("bob");
        fs::remove_dir(bob.join("new")).unwrap();
        fs::write(bob.join("new"), "a file where a folder should be").unwrap();
        if broken != "bob/new" {
            fs::remove_dir(bob.join("tmp")).unwrap();
        }
        for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
            let mailboxes = order.map(|at| mailboxes[at].clone());
            assert!(put(&mailboxes, &mut still(), "a.example", "Hello").is_err());
            for rest in ["alice/new", "alice/tmp", "carol/new", "carol/tmp"] {
                assert_eq!(
                    names(&folder.path().join(rest)).len(),
                    0,
                    "{rest}, {broken}"
                );
            }
        }
        if broken == "bob/new" {
            assert_eq!(names(&bob.join("tmp")).len(), 0);
        }
    }
}

#[test]
fn a_mailbox_without_folders_is_an_error_and_not_made_on_the_way() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    fs::remove_dir_all(mailbox.folder()).unwrap();
    let error = put(from_ref(&mailbox), &mut still(), "a.example", "Hello").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(names(folder.path()).len(), 0);
    assert!(mailbox.list().is_err());
}

#[test]
fn create_makes_what_is_missing_and_keeps_what_is_there() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "deep/down/alice");
    put(from_ref(&mailbox), &mut still(), "a.example", "Hello").unwrap();
    assert_eq!(create(&folder, "deep/down/alice").list().unwrap().len(), 1);
    fs::write(folder.path().join("bob"), "").unwrap();
    assert!(Maildir::create(&folder.path().join("bob")).is_err());
}

#[test]
fn a_relative_folder_is_a_folder_too() {
    // Its parent is the empty path.
    let name = format!("maildir-relative-{}", std::process::id());
    let made = Maildir::create(Path::new(&name));
    fs::remove_dir_all(&name).unwrap();
    assert!(made.is_ok(), "{made:?}");
}

#[test]
fn a_name_is_a_uidl_and_a_file_name_on_every_system() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let long = format!("{}.{}", vec!["d".repeat(60); 4].join("."), "e".repeat(11));
    assert_eq!(long.len(), 255);
    let hosts = [
        long.as_str(),
        "[IPv6:2001:db8:1111:2222:3333:4444:5555:6666]",
        "a.example",
    ];
    for (number, host) in hosts.into_iter().enumerate() {
        for mut clock in [Clock::new(None), still(), Clock::new(Some(u64::MAX))] {
            put(
                from_ref(&mailbox),
                &mut clock,
                host,
                &"x".repeat(number * 99_999),
            )
            .unwrap();
        }
    }
    let found = names(&folder.path().join("alice/new"));
    assert_eq!(found.len(), 9);
    for name in found {
        // RFC 1939 §7: 1 to 70 characters, 0x21 to 0x7E. Windows: none of <>:"/\|?*.
        assert!((1..=LETTER_NAME).contains(&name.len()), "{name}");
        assert!(
            name.chars()
                .all(|c| c.is_ascii_graphic() && !"<>:\"/\\|?*".contains(c)),
            "{name}"
        );
    }
    for entry in mailbox.list().unwrap() {
        assert_eq!(
            Some(entry.uid.as_str()),
            entry.path.file_name().unwrap().to_str()
        );
        let lines = fs::read_to_string(&entry.path).unwrap().lines().count();
        let octets = fs::metadata(&entry.path).unwrap().len() as usize;
        assert_eq!(entry.size, octets + lines);
    }
}

#[test]
fn a_size_is_that_of_the_letter_on_the_wire_whatever_its_name_says() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    // The last two are marks of Dovecot and courier that are stale, or were never true.
    for (at, (name, text, size)) in [
        ("new/1.foreign", "A: b\n\nc\n", 11),
        ("cur/2.foreign:2,S", "A: b\r\n\r\nc", 11),
        ("cur/3.foreign", "A: b\r\rc\n\r\r\n", 15),
        ("cur/4.foreign:2,RS", "\0", 3),
        ("cur/5.foreign;2,S", "\n", 2),
        ("cur/6.foreign", "", 0),
        ("cur/7.foreign,S=800,W=1100:2,RS", "A: b\n\nc\n", 11),
        ("new/8.foreign,W=0", "A: b\n\nc\n", 11),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(folder.path().join("alice").join(name), text).unwrap();
        assert_eq!(sizes(&mailbox)[at], size, "{name}");
    }
}

#[test]
fn the_size_in_the_list_is_that_of_the_text_that_is_read() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let path = folder.path().join("alice/new/1");
    let mut dice = Dice::new(13);
    let ends = ["\n", "\r\n", "\r", "\n\r", "\0", "\u{fc}", "xy"];
    for number in 0..300 {
        // However a line end falls on what is read at a time.
        let mut text = "x".repeat([0, 8190, 8191, 8192, 65_534, 65_535][number % 6]);
        (0..dice.below(20)).for_each(|_| text += ends[dice.below(ends.len())]);
        fs::write(&path, &text).unwrap();
        let entry = mailbox.list().unwrap().remove(0);
        assert_eq!(entry.size, entry.text().unwrap().octets().len(), "{text:?}");
    }
}

// ours 13: lines in our mailboxes ended with CR LF. Three mail programs found no header in such a
// letter.
#[test]
fn a_letter_of_any_octets_is_read_back_as_it_was_delivered() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    for text in [
        &b""[..],
        b"\r\n",
        b"no header",
        b".\r\n..\r\n",
        b"A: \xfc\0\xff\r\n\r\n\r\n\r\n",
        &[b'x'; 70_000],
    ] {
        let text = Text::from_file(text);
        let by = "a.example".parse().unwrap();
        let head = |_: &str| "A: b\r\n c\r\n".to_string();
        deliver(from_ref(&mailbox), &mut still(), &by, head, &text).unwrap();
        let entry = mailbox.list().unwrap().remove(0);
        let sent = [b"A: b\r\n c\r\n", text.octets()].concat();
        assert_eq!(entry.text().unwrap().octets(), sent);
        assert!(!fs::read(&entry.path).unwrap().contains(&b'\r'));
        fs::remove_file(entry.path).unwrap();
    }
}

/// What is no regular file, with a name for each: a FIFO, a socket, a folder, and links to a device
/// without end, to a FIFO, to a letter and to nothing.
#[cfg(unix)]
fn put_what_is_no_file(folder: &Path, end: &str) -> Vec<std::path::PathBuf> {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let at = |name: &str| folder.join(format!("{name}{end}"));
    let fifo = std::process::Command::new("mkfifo")
        .arg(at("fifo"))
        .status();
    assert!(fifo.unwrap().success());
    let letter = folder.join("../letter-elsewhere");
    fs::write(&letter, "Subject: not yours\n").unwrap();
    UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    symlink("/dev/zero", at("device")).unwrap();
    symlink(at("fifo"), at("link")).unwrap();
    symlink(letter, at("out")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    let names = [
        "fifo", "socket", "folder", "device", "link", "out", "dangling",
    ];
    names.map(at).to_vec()
}

/// Does something that must not wait for anybody.
#[cfg(unix)]
fn at_once<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(act()));
    let done = told.recv_timeout(Duration::from_secs(20));
    done.expect("it does not stand still")
}

#[cfg(unix)]
// ours 9: a named pipe lay in a mailbox, and the program waited for ever for somebody to write
// into it. A symbolic link in the queue let the relay write over another file.
#[test]
fn only_a_regular_file_is_a_letter_and_nothing_else_is_opened() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    put(from_ref(&mailbox), &mut still(), "a.example", "one").unwrap();
    for place in ["new", "cur"] {
        put_what_is_no_file(&mailbox.folder().join(place), "");
    }
    let listed = mailbox.clone();
    let letters = at_once(move || listed.list()).unwrap();
    assert_eq!(letters.len(), 1, "{letters:?}");
    // It was a letter when it was listed.
    let path = letters[0].path.clone();
    fs::remove_file(&path).unwrap();
    for other in put_what_is_no_file(&mailbox.folder().join("new"), "-later") {
        fs::rename(other, &path).unwrap();
        let entry = letters[0].clone();
        let why = at_once(move || entry.text()).unwrap_err().to_string();
        assert!(why.contains("not a regular file"), "{why}");
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir(&path);
    }
}

#[cfg(unix)]
#[test]
fn a_name_in_tmp_or_new_that_is_taken_by_anything_is_never_written_through() {
    for place in ["tmp", "new"] {
        let folder = TempDir::new("maildir");
        let mailbox = create(&folder, "alice");
        put(from_ref(&mailbox), &mut still(), "a.example", "x").unwrap();
        let first = mailbox.list().unwrap().remove(0);
        fs::remove_file(&first.path).unwrap();
        let taken = mailbox.folder().join(place).join(&first.uid);
        for other in put_what_is_no_file(&mailbox.folder().join("cur"), "") {
            fs::rename(&other, &taken).unwrap();
            let into = mailbox.clone();
            at_once(move || put(&[into], &mut still(), "a.example", "two").unwrap());
            let letter = mailbox.list().unwrap().remove(0);
            assert_ne!(letter.uid, first.uid, "{other:?}");
            fs::remove_file(letter.path).unwrap();
            fs::rename(&taken, folder.path().join("aside")).unwrap();
            let _ = fs::remove_file(folder.path().join("aside"));
            let _ = fs::remove_dir(folder.path().join("aside"));
        }
        let elsewhere = folder.path().join("alice/letter-elsewhere");
        let elsewhere = fs::read_to_string(elsewhere).unwrap();
        assert_eq!(
            elsewhere, "Subject: not yours\n",
            "nobody wrote through the link"
        );
    }
}

#[test]
fn a_letter_keeps_its_uid_when_a_reader_marks_it() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let long = "n".repeat(LETTER_NAME + 1);
    for base in [
        "1.host,W=5",
        "n",
        &long,
        &long[1..],
        "größe",
        "with blank",
        &"n".repeat(200),
    ] {
        let mut uids = BTreeSet::new();
        for name in [
            format!("new/{base}"),
            format!("cur/{base}:2,"),
            format!("cur/{base}:2,FS"),
            format!("cur/{base};2,S"),
        ] {
            let path = folder.path().join("alice").join(name);
            fs::write(&path, "").unwrap();
            let entry = mailbox.list().unwrap().remove(0);
            assert!((1..=LETTER_NAME).contains(&entry.uid.len()));
            assert!(entry.uid.bytes().all(|octet| octet.is_ascii_graphic()));
            assert_eq!(entry.path, path);
            uids.insert(entry.uid);
            fs::remove_file(path).unwrap();
        }
        assert_eq!(uids.len(), 1, "{uids:?}");
        let plain = base.len() <= LETTER_NAME && base.bytes().all(|octet| octet.is_ascii_graphic());
        assert_eq!(uids.contains(base), plain);
    }
    // Also after the program was compiled anew: UIDs are kept by readers for years.
    fs::write(folder.path().join("alice/new/with blank"), "").unwrap();
    assert_eq!(mailbox.list().unwrap()[0].uid, "b52bd95755764e77");
}

#[test]
fn no_two_letters_in_a_list_have_the_same_uid() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let names = [
        "new/1",
        "cur/1:2,",
        "cur/1:2,S",
        "new/1:2,S",
        // These sort between them.
        "cur/1-a",
        "new/1.host",
        // The number of the next one is the name of the last.
        "new/with blank",
        "cur/with blank:2,S",
        "cur/b52bd95755764e77",
    ];
    for name in names {
        fs::write(folder.path().join("alice").join(name), name).unwrap();
    }
    let letters = mailbox.list().unwrap();
    let uids: BTreeSet<&str> = letters.iter().map(|entry| entry.uid.as_str()).collect();
    assert_eq!((letters.len(), uids.len()), (names.len(), names.len()));
    assert!(uids.contains("1") && uids.contains("1-a") && uids.contains("1.host"));
    assert_eq!(mailbox.list().unwrap(), letters, "a uid stays the same");
    for entry in letters {
        let name = fs::read_to_string(&entry.path).unwrap();
        assert!(
            entry.path.ends_with(&name),
            "each is read under its own name"
        );
        assert!((1..=LETTER_NAME).contains(&entry.uid.len()));
    }
}

#[test]
fn a_letter_that_a_reader_moves_while_we_look_is_listed_once() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let at = |name: String| folder.path().join("alice").join(name);
    let new = |number| at(format!("new/{number}"));
    let seen = |number| at(format!("cur/{number}:2,S"));
    (0..300).for_each(|number| fs::write(new(number), "x\n").unwrap());
    let names: BTreeSet<String> = (0..300).map(|number: usize| number.to_string()).collect();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            (0..300).for_each(|number| fs::rename(new(number), seen(number)).unwrap());
        });
        while !reader.is_finished() {
            // Under a second name it would have another uid.
            let letters = mailbox.list().unwrap();
            assert!(
                letters.iter().all(|entry| names.contains(&entry.uid)),
                "{letters:?}"
            );
        }
    });
    assert_eq!(mailbox.list().unwrap().len(), 300);
}

#[test]
fn letters_are_listed_by_time_and_what_is_no_letter_is_passed_over() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let at = |name: &str| folder.path().join("alice").join(name);
    let long = format!("cur/1700000002.{}:2,S", "host".repeat(20));
    for name in [
        "new/1700000003.host",
        &long,
        "new/1700000001.host",
        "cur/1700000004.host:2,",
    ] {
        fs::write(at(name), "x\n").unwrap();
    }
    fs::write(at("new/.hidden"), "").unwrap();
    fs::write(at("new/.nfs0001,W=5"), "").unwrap();
    fs::write(at("tmp/1700000000.half"), "x").unwrap();
    fs::create_dir(at("new/1700000009.folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", at("cur/1700000008.gone")).unwrap();
    let found = mailbox.list().unwrap();
    let found: Vec<_> = found.iter().map(|entry| entry.path.clone()).collect();
    let expected = [
        "new/1700000001.host",
        &long,
        "new/1700000003.host",
        "cur/1700000004.host:2,",
    ];
    assert_eq!(found, expected.map(at));
}

#[test]
fn a_mailbox_may_be_a_link_that_its_owner_has_made() {
    #[cfg(unix)]
    {
        let folder = TempDir::new("maildir");
        let elsewhere = create(&folder, "big-disk");
        std::os::unix::fs::symlink("big-disk", folder.path().join("alice")).unwrap();
        let alice = create(&folder, "alice");
        put(from_ref(&alice), &mut still(), "a.example", "x").unwrap();
        assert_eq!(elsewhere.list().unwrap().len(), 1);
    }
}

#[test]
fn sweeping_removes_what_was_abandoned_in_tmp_and_nothing_else() {
    let folder = TempDir::new("maildir");
    let mailbox = create(&folder, "alice");
    let minute = Duration::from_secs(60);
    assert_eq!(ABANDONED, minute * 60 * 36);
    let at = |name: &str| folder.path().join("alice").join(name);
    for name in ["tmp/old", "tmp/young", "tmp/future", "new/old", "cur/old"] {
        let file = File::create(at(name)).unwrap();
        let now = SystemTime::now();
        file.set_modified(match name {
            "tmp/young" => now - (ABANDONED - minute),
            "tmp/future" => now + ABANDONED * 2,
            _ => now - (ABANDONED + minute),
        })
        .unwrap();
    }
    mailbox.sweep().unwrap();
    assert_eq!(names(&at("tmp")), ["future", "young"]);
    assert_eq!((names(&at("new")).len(), names(&at("cur")).len()), (1, 1));
}
