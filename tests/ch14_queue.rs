//! Chapter 14: a letter that was put into the queue stays there until it is finished, whatever
//! happens, and no damaged file stands in the way of the others.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod script;
}

use common::folder::TempDir;
use common::script::Dice;
use smtp_primer::maildir::ABANDONED;
use smtp_primer::message::{Clock, Date};
use smtp_primer::protocol::address::{Mailbox, ReversePath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::reply::Reply;
use smtp_primer::queue::{Envelope, Progress, Queue, Reason};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, SystemTime};

const NOW: u64 = 1_795_412_453;

/// A clock that stands still.
fn still() -> Clock {
    Clock::new(Some(NOW))
}

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

/// A letter from alice to bob.
fn add(queue: &Queue, clock: &mut Clock, text: &str) -> io::Result<String> {
    let from = ReversePath::Mailbox(mailbox("alice@a.example"));
    let text = Text::from_file(text.as_bytes());
    queue.add(
        &from,
        vec![mailbox("bob@b.example")],
        clock,
        |id| format!("X-Name: {id}\r\n"),
        &text,
    )
}

/// What `each` shows: the letters, and the names of those that are damaged.
fn see(queue: &Queue) -> (Vec<(String, Envelope)>, Vec<String>) {
    let (mut letters, mut damaged) = (Vec::new(), Vec::new());
    let all = queue.each(|id, envelope| match envelope {
        Ok(envelope) => letters.push((id.to_string(), envelope)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{id}: {error}");
            damaged.push(id.to_string());
        }
    });
    all.unwrap();
    letters.sort_by(|(a, _), (b, _)| a.cmp(b));
    (letters, damaged)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_string()
}

/// Makes a file look as if nobody had written to it for this long.
fn make_old(path: &Path, age: Duration) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let name = |file: io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

fn reason(host: Option<&str>, code: u16, text: &str) -> Reason {
    Reason {
        host: host.map(|host| host.parse().unwrap()),
        reply: Reply::new(code, text),
    }
}

/// An envelope with a bit of everything.
fn envelope() -> Envelope {
    Envelope {
        reverse_path: ReversePath::Mailbox(mailbox("\"al ice>\"@a.example")),
        arrived: Date(NOW),
        tries: 3,
        next: Date(NOW + 1800),
        recipients: vec![
            (mailbox("bob@b.example"), Progress::Waiting(None)),
            (
                mailbox("carol@c.example"),
                Progress::Failed(reason(None, 550, "no such domain")),
            ),
            (
                mailbox("\"end <>\"@[IPv6:2001:db8::1]"),
                Progress::Waiting(Some(reason(None, 451, "nobody answers"))),
            ),
            (
                mailbox("dan@d.example"),
                Progress::Failed(reason(Some("d.example"), 550, "no")),
            ),
        ],
    }
}

#[test]
fn what_was_added_waits_in_the_queue_with_its_envelope() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "Subject: x\n\nHello\n").unwrap();
    let (letters, damaged) = see(&queue);
    assert!(damaged.is_empty());
    assert_eq!(letters.len(), 1);
    let expected = Envelope {
        reverse_path: ReversePath::Mailbox(mailbox("alice@a.example")),
        arrived: Date(NOW),
        tries: 0,
        next: Date(NOW),
        recipients: vec![(mailbox("bob@b.example"), Progress::Waiting(None))],
    };
    assert_eq!(letters[0], (id.clone(), expected));
    let text = format!("X-Name: {id}\r\nSubject: x\r\n\r\nHello\r\n");
    assert_eq!(queue.text(&id).unwrap().octets(), text.as_bytes());
    assert_eq!(
        names(folder.path()),
        [format!("{id}.envelope"), format!("{id}.letter")]
    );
}

#[test]
fn an_update_changes_one_envelope_and_finishing_takes_the_letter_out() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clock = still();
    let [one, two] = ["one", "two"].map(|text| add(&queue, &mut clock, text).unwrap());
    queue.update(&one, &envelope()).unwrap();
    let (letters, _) = see(&queue);
    assert_eq!(letters[0], (one.clone(), envelope()));
    assert_eq!(letters[1].1.tries, 0);
    queue.finish(&one).unwrap();
    assert_eq!(see(&queue).0.len(), 1);
    assert_eq!(
        names(folder.path()),
        [format!("{two}.envelope"), format!("{two}.letter")]
    );
    assert!(queue.finish(&one).is_err(), "it is gone already");
    assert!(queue.text(&one).is_err());
}

#[test]
fn no_letter_is_overwritten_while_the_clock_stands_still() {
    // DEFECTS 38, as for mailboxes. Two clocks: two processes.
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clocks = [still(), still()];
    let ids = (0..10).map(|at| add(&queue, &mut clocks[at % 2], &format!("{at}")).unwrap());
    let ids: Vec<String> = ids.collect();
    for (at, id) in ids.iter().enumerate() {
        let text = queue.text(id).unwrap();
        assert_eq!(text.lines().last().unwrap(), at.to_string().as_bytes());
    }
    assert_eq!(BTreeSet::from_iter(&ids).len(), 10);
}

#[test]
fn an_envelope_that_is_written_and_read_is_the_same() {
    // DEFECTS 21: CVE-2020-28021 Exim, postdrop of Postfix.
    // Also CVE-2020-28026, Postfix HISTORY line 31885.
    let long = format!(
        "{}@{}.{}",
        "l".repeat(64),
        vec!["d".repeat(60); 3].join("."),
        "e".repeat(6)
    );
    let boxes = [
        "a@b",
        "\"end\"@b.example",
        "\" \"@b",
        "\">\\\" <\"@[192.0.2.1]",
        "-@x",
        &long,
    ];
    let hosts = [
        None,
        Some("b.example"),
        Some("[IPv6:2001:db8::1]"),
        Some("end"),
    ];
    let texts = [
        "",
        " ",
        "no such user",
        "end",
        "- \t <x>",
        &"x".repeat(2000),
    ];
    let mut dice = Dice::new(14);
    for _ in 0..500 {
        let mut pick = |most: usize| dice.below(most);
        let mut recipients = Vec::new();
        for _ in 0..pick(5) {
            let code = 200 + pick(400) as u16;
            let why = reason(hosts[pick(hosts.len())], code, texts[pick(texts.len())]);
            let state = match pick(3) {
                0 => Progress::Waiting(None),
                1 => Progress::Waiting(Some(why)),
                _ => Progress::Failed(why),
            };
            recipients.push((mailbox(boxes[pick(boxes.len())]), state));
        }
        let reverse_path = match pick(3) {
            0 => ReversePath::Null,
            _ => ReversePath::Mailbox(mailbox(boxes[pick(boxes.len())])),
        };
        let numbers = [0, 1, NOW, u64::MAX];
        let envelope = Envelope {
            reverse_path,
            arrived: Date(numbers[pick(4)]),
            tries: [0, 7, u32::MAX][pick(3)],
            next: Date(numbers[pick(4)]),
            recipients,
        };
        let text = envelope.to_string();
        assert_eq!(text.parse::<Envelope>().expect(&text), envelope);
    }
}

#[test]
fn nothing_in_an_envelope_can_write_a_line_of_its_own() {
    // DEFECTS 21, and 20: CVE-2020-8794 OpenSMTPD, lines of a reply became lines of the queue file.
    let mut envelope = envelope();
    let lines = envelope.to_string().lines().count();
    let evil = "no\nfailed <root@a.example>\rreason - 550 x\r\n\u{85}\u{2028}end\n\0";
    let Progress::Failed(why) = &mut envelope.recipients[3].1 else {
        panic!()
    };
    why.reply = Reply::new(550, evil);
    let text = envelope.to_string();
    assert_eq!(text.lines().count(), lines);
    assert!(
        text.bytes()
            .all(|octet| matches!(octet, b' '..=b'~' | b'\n')),
        "{text}"
    );
    let read: Envelope = text.parse().unwrap();
    assert_eq!(read.recipients.len(), 4);
    for address in ["a@b\nend", "a\r@b", "\"a\nb\"@c", "a@b\0"] {
        assert!(
            address.parse::<Mailbox>().is_err(),
            "there is no such address"
        );
    }
}

#[test]
fn an_envelope_that_was_cut_off_anywhere_is_damaged() {
    let text = envelope().to_string();
    for cut in 0..text.len() - 1 {
        let error = text[..cut].parse::<Envelope>().expect_err(&text[..cut]);
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
    let whole = text.trim_end().parse::<Envelope>();
    assert_eq!(whole.expect("without the last line end"), envelope());
}

#[test]
fn what_makes_no_sense_is_damaged() {
    let good = "from <>\narrived 1\ntries 0\nnext 1\nwaiting <a@b.example>\nend\n";
    assert!(good.parse::<Envelope>().is_ok());
    for (old, new) in [
        (good, ""),
        ("from <>\n", ""),
        ("from <>", "from"),
        ("from <>", "from <a@b"),
        ("from <>", "to <>"),
        ("arrived 1", "arrived -1"),
        ("arrived 1", "arrived 99999999999999999999"),
        ("tries 0", "tries 4294967296"),
        ("tries 0", "tries 0 "),
        ("arrived 1\ntries 0", "tries 0\narrived 1"),
        ("waiting <a@b.example>", "waiting a@b.example"),
        ("waiting <a@b.example>", "waiting <>"),
        ("waiting <a@b.example>", "waiting <Postmaster>"),
        ("waiting <a@b.example>", "asleep <a@b.example>"),
        ("waiting <a@b.example>", "failed <a@b.example>"),
        ("waiting <a@b.example>", "delivered <a@b.example>"),
        ("end\n", "reason - 450\nreason - 450\nend\n"),
        ("end\n", "reason 450 x\nend\n"),
        ("end\n", "reason - x\nend\n"),
        ("end\n", "reason b,example 450 x\nend\n"),
        ("end\n", "\nend\n"),
        ("end\n", "end\nend\n"),
        ("end\n", "end of it\n"),
        ("end\n", "end\nwaiting <c@d.example>\n"),
        ("end\n", "END\n"),
    ] {
        let bad = good.replacen(old, new, 1);
        assert_ne!(bad, good);
        let error = bad.parse::<Envelope>().expect_err(&bad);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{bad}");
    }
}

#[test]
fn an_envelope_knows_who_waits_and_who_has_failed() {
    let mut envelope = envelope();
    let waiting: Vec<String> = envelope.waiting().map(Mailbox::to_string).collect();
    assert_eq!(waiting, ["bob@b.example", "\"end <>\"@[IPv6:2001:db8::1]"]);
    let failed: Vec<String> = envelope.failed().map(|(it, _)| it.to_string()).collect();
    assert_eq!(failed, ["carol@c.example", "dan@d.example"]);
    for (recipient, _) in envelope.clone().recipients {
        let left = envelope.recipients.len();
        envelope.remove(&recipient);
        assert_eq!(envelope.recipients.len(), left - 1);
    }
    assert_eq!(envelope.waiting().count(), 0);
}

#[test]
fn a_damaged_envelope_is_set_aside_once_and_the_other_letters_are_seen() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clock = still();
    let damages: [&[u8]; 4] = [b"", b"from <>\n", b"from <\xff>\n", &[0; 4096]];
    let ids: Vec<String> = (0..8)
        .map(|at| add(&queue, &mut clock, &format!("{at}")).unwrap())
        .collect();
    for (id, damage) in ids.iter().zip(damages) {
        fs::write(folder.path().join(format!("{id}.envelope")), damage).unwrap();
        // These letters have waited for days already.
        make_old(&folder.path().join(format!("{id}.letter")), 2 * ABANDONED);
    }
    let (letters, mut damaged) = see(&queue);
    damaged.sort();
    assert_eq!(damaged, ids[..4]);
    for id in &damaged {
        let aside = queue.set_aside(id).unwrap();
        assert_eq!(name(&aside), format!("{id}.damaged"));
    }
    assert_eq!(
        letters.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        ids[4..].iter().collect::<Vec<_>>()
    );
    let (letters, damaged) = see(&queue);
    assert_eq!(
        (letters.len(), damaged.len()),
        (4, 0),
        "it is nobody's trouble now"
    );
    queue.sweep().unwrap();
    for (id, damage) in ids.iter().zip(damages) {
        assert_eq!(
            fs::read(folder.path().join(format!("{id}.damaged"))).unwrap(),
            damage
        );
        assert!(
            queue.text(id).is_ok(),
            "and the text was promised to be kept"
        );
    }
}

/// Each file in a folder: its name, what is in it, and when it was written.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>, SystemTime)> {
    let file = |name: String| {
        let path = folder.join(&name);
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        (name, fs::read(path).unwrap(), written)
    };
    names(folder).into_iter().map(file).collect()
}

#[test]
fn to_look_at_the_queue_changes_nothing() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clock = still();
    let [good, torn, no_text] = ["1", "2", "3"].map(|text| add(&queue, &mut clock, text).unwrap());
    let file = |id: &str, kind: &str| folder.path().join(format!("{id}.{kind}"));
    fs::write(file(&torn, "envelope"), "from <>").unwrap();
    fs::remove_file(file(&no_text, "letter")).unwrap();
    for left in [file("4", "letter"), file("5", "new"), file(&good, "new")] {
        fs::write(&left, "").unwrap();
        make_old(&left, 2 * ABANDONED);
    }
    let before = contents(folder.path());
    for _ in 0..2 {
        let (letters, mut damaged) = see(&queue);
        damaged.sort();
        let ids: Vec<String> = letters.into_iter().map(|(id, _)| id).collect();
        assert_eq!(
            (ids, damaged),
            (vec![good.clone()], vec![torn.clone(), no_text.clone()])
        );
        assert_eq!(contents(folder.path()), before);
    }
}

#[test]
fn an_envelope_without_a_text_is_damaged() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clock = still();
    let [one, two] = ["one", "two"].map(|text| add(&queue, &mut clock, text).unwrap());
    fs::remove_file(folder.path().join(format!("{one}.letter"))).unwrap();
    let (letters, damaged) = see(&queue);
    assert_eq!(damaged, [one]);
    assert_eq!(letters[0].0, two);
}

#[test]
fn a_letter_that_somebody_takes_away_while_we_look_is_none() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let mut clock = still();
    let ids: Vec<String> = (0..20)
        .map(|_| add(&queue, &mut clock, "x\n").unwrap())
        .collect();
    let mut seen = Vec::new();
    let all = queue.each(|id, envelope| {
        envelope.unwrap();
        for other in ids.iter().filter(|other| *other != id) {
            let _ = queue.finish(other);
        }
        seen.push(id.to_string());
    });
    all.unwrap();
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_text_that_is_none_is_an_error() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    for octets in ["a\n", "a\r\nb", "a\rb\r\n"] {
        fs::write(folder.path().join("1.letter"), octets).unwrap();
        assert_eq!(queue.text("1").unwrap_err().kind(), ErrorKind::InvalidData);
    }
}

#[test]
fn a_letter_for_a_long_list_is_a_letter_like_any_other() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    let why = reason(Some("b.example"), 451, &"so many words ".repeat(36));
    let recipient = |at| {
        (
            mailbox(&format!("r{at}@b.example")),
            Progress::Waiting(Some(why.clone())),
        )
    };
    let list = Envelope {
        recipients: (0..5000).map(recipient).collect(),
        ..envelope()
    };
    assert!(list.to_string().len() > 2_000_000);
    queue.update(&id, &list).unwrap();
    let (letters, damaged) = see(&queue);
    assert_eq!((letters.len(), damaged.len()), (1, 0));
    assert_eq!(letters[0].1, list);
}

#[test]
fn what_a_crash_left_is_removed_when_it_is_old_and_only_then() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let minute = Duration::from_secs(60);
    let whole = [
        "4.letter",
        "4.envelope",
        "5.letter",
        "5.damaged",
        "lock",
        "notes.txt",
        "letter",
    ];
    let left = ["1.letter", "2.new", "3.letter", "3.new", "4.new"];
    for age in [ABANDONED - minute, ABANDONED + minute] {
        for name in whole.into_iter().chain(left) {
            let path = folder.path().join(name);
            let text = if name == "4.envelope" {
                envelope().to_string()
            } else {
                String::new()
            };
            fs::write(&path, text).unwrap();
            make_old(&path, age);
        }
        let (letters, damaged) = see(&queue);
        assert_eq!((letters.len(), damaged.len()), (1, 0));
        queue.sweep().unwrap();
        let mut expected = whole.to_vec();
        if age < ABANDONED {
            expected.extend(left);
        }
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }
}

#[test]
fn each_letter_is_seen_once_while_all_of_them_change() {
    let folder = TempDir::in_memory("queue");
    let queue = Queue::create(folder.path()).unwrap();
    // Written by hand: two thousand times to wait for the disk would take too long.
    for id in 0..2000 {
        fs::write(folder.path().join(format!("{id}.letter")), "").unwrap();
        fs::write(
            folder.path().join(format!("{id}.envelope")),
            envelope().to_string(),
        )
        .unwrap();
    }
    let mut seen = Vec::new();
    let all = queue.each(|id, found| {
        assert_eq!(found.unwrap(), envelope());
        if seen.len() < 20 {
            queue.update(id, &envelope()).unwrap();
        } else if seen.len() < 40 {
            queue.finish(id).unwrap();
        }
        seen.push(id.to_string());
    });
    all.unwrap();
    assert_eq!(BTreeSet::from_iter(&seen).len(), 2000);
    assert_eq!(seen.len(), 2000);
    assert_eq!(see(&queue).0.len(), 1980);
}

#[test]
fn when_a_letter_cannot_be_written_nothing_of_it_stays() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    // A folder has the name of its envelope. It cannot be removed, and nobody knows whose it is: so
    // the text stays.
    let id = still().unique_name();
    let obstacle = folder.path().join(format!("{id}.envelope"));
    fs::create_dir_all(obstacle.join("full")).unwrap();
    assert!(add(&queue, &mut still(), "x").is_err());
    let left = ["envelope", "letter"].map(|kind| format!("{id}.{kind}"));
    assert_eq!(names(folder.path()), left);
}

#[test]
fn a_queue_that_has_gone_is_an_error_and_not_made_on_the_way() {
    let folder = TempDir::new("queue");
    let site = folder.path().join("queue");
    let queue = Queue::create(&site).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    fs::remove_dir_all(&site).unwrap();
    assert_eq!(
        add(&queue, &mut still(), "x").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(queue.each(|_, _| {}).is_err());
    assert!(queue.lock().is_err() && queue.update(&id, &envelope()).is_err());
    assert!(!site.exists());
    fs::write(&site, "a file where the folder should be").unwrap();
    assert!(add(&queue, &mut still(), "x").is_err());
    assert!(Queue::create(&site).is_err());
}

/// Puts something at a path.
#[cfg(unix)]
type Put = Box<dyn Fn(&Path)>;

/// What is no regular file, and how to make it. One link leads to a file outside.
#[cfg(unix)]
fn others(outside: std::path::PathBuf) -> Vec<(&'static str, Put)> {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let fifo = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    vec![
        ("fifo", Box::new(fifo)),
        (
            "socket",
            Box::new(|path| drop(UnixListener::bind(path).unwrap())),
        ),
        (
            "device",
            Box::new(|path| symlink("/dev/zero", path).unwrap()),
        ),
        (
            "link",
            Box::new(move |path| symlink(&outside, path).unwrap()),
        ),
        (
            "dangling",
            Box::new(|path| symlink("nowhere", path).unwrap()),
        ),
    ]
}

#[cfg(unix)]
#[test]
fn a_letter_stays_as_long_as_anything_bears_the_name_of_its_envelope() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    let envelope = folder.path().join(format!("{id}.envelope"));
    let letter = folder.path().join(format!("{id}.letter"));
    make_old(&letter, 2 * ABANDONED);
    fs::remove_file(&envelope).unwrap();
    for (name, put) in others(folder.path().join("nowhere")) {
        put(&envelope);
        assert_eq!(see(&queue).1, [id.as_str()], "{name}");
        queue.sweep().unwrap();
        assert!(letter.exists(), "{name}");
        fs::remove_file(&envelope).unwrap();
    }
    queue.sweep().unwrap();
    assert!(!letter.exists());
}

#[test]
fn an_update_that_fails_leaves_the_envelope_as_it_was() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    // Two folders are in the way, and the second has no way out.
    for kind in ["new/full", "new.damaged/full"] {
        fs::create_dir_all(folder.path().join(format!("{id}.{kind}"))).unwrap();
    }
    assert!(queue.update(&id, &envelope()).is_err());
    assert_eq!(see(&queue).0[0].1.tries, 0);
}

// A folder had the name of the new envelope. So the relay could write nothing about the letter, and
// said so in every pass.
#[test]
fn a_folder_with_the_name_of_a_new_envelope_is_moved_out_of_the_way_and_kept() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    let new = folder.path().join(format!("{id}.new"));
    fs::create_dir(&new).unwrap();
    fs::write(new.join("mine"), "mine").unwrap();
    queue.update(&id, &envelope()).unwrap();
    assert_eq!(see(&queue), (vec![(id.clone(), envelope())], vec![]));
    assert!(!new.exists());
    let kept = folder.path().join(format!("{id}.new.damaged/mine"));
    assert_eq!(fs::read_to_string(kept).unwrap(), "mine");
}

#[test]
fn as_long_as_an_envelope_cannot_be_removed_its_text_stays() {
    let folder = TempDir::new("queue");
    let queue = Queue::create(folder.path()).unwrap();
    let id = add(&queue, &mut still(), "x").unwrap();
    let envelope = folder.path().join(format!("{id}.envelope"));
    fs::remove_file(&envelope).unwrap();
    fs::create_dir(&envelope).unwrap();
    assert!(queue.finish(&id).is_err());
    assert!(queue.text(&id).is_ok());
    fs::remove_dir(&envelope).unwrap();
    queue.finish(&id).unwrap();
    assert!(names(folder.path()).is_empty());
}
