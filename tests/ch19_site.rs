//! Chapter 19: what may stand in site.conf, how a new site is made, and where its letters go: into
//! mailboxes, into the queue, or, if one of the two fails, nowhere at all.

#[allow(dead_code)]
mod common {
    pub mod folder;
}

use common::folder::{TempDir, new_letters};
use smtp_primer::message::{Clock, above};
use smtp_primer::protocol::address::{ForwardPath, ReversePath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::server::Store;
use smtp_primer::session::{Letter, Origin, Recipient};
use smtp_primer::site::{MAX_SIZE, PostOffice, Site};
use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// Opens a site with this site.conf.
fn open(folder: &Path, conf: &str) -> Result<Site, String> {
    fs::write(folder.join("site.conf"), conf).expect("site.conf");
    Site::open(folder).map_err(|why| why.to_string())
}

/// What is wrong with this site.conf, without the name of the file.
fn wrong(conf: &str) -> Vec<String> {
    let folder = TempDir::new("site");
    let why = open(folder.path(), conf).expect_err(conf);
    let file = folder.path().join("site.conf").display().to_string();
    let lines = why
        .lines()
        .map(|line| line.strip_prefix(&file).expect("the file is named"));
    lines.map(str::to_string).collect()
}

fn local(name: &str) -> Recipient {
    Recipient::Local(name.to_string())
}

fn remote(mailbox: &str) -> Recipient {
    Recipient::Remote(mailbox.parse().expect("a mailbox"))
}

fn path(address: &str) -> ForwardPath {
    match address {
        "postmaster" => ForwardPath::Postmaster,
        address => ForwardPath::Mailbox(address.parse().expect("a mailbox")),
    }
}

/// The files below a folder, as paths relative to it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut ahead = vec![folder.to_path_buf()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => ahead.push(path),
                false => found.push(
                    path.strip_prefix(folder)
                        .expect("below")
                        .display()
                        .to_string(),
                ),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_keyword_is_understood_with_comments_blank_lines_and_any_line_end() {
    let folder = TempDir::new("site");
    let site = open(
        folder.path(),
        "# who we are\r\n\r\n  domain\ta.example # the name\r\nuser alice won#der # ok\n\
         user bob.b-o_b+1 x\n\talias staff alice bob.b-o_b+1 carol@c.example\n\n\
         route b.example 127.0.0.1:2626\nroute * 127.0.0.1:2727\nresolver 127.0.0.1:53\n\
         mx-port 2525\ntrust nobody\nauth anywhere\n   \n#end",
    );
    let site = site.expect("a site");
    assert_eq!(site.host.domain.as_str(), "a.example");
    assert_eq!(site.host.users["alice"], "won#der");
    assert_eq!(site.host.users["bob.b-o_b+1"], "x");
    assert_eq!(
        site.host.aliases["staff"],
        [
            local("alice"),
            local("bob.b-o_b+1"),
            remote("carol@c.example")
        ]
    );
    assert_eq!(site.host.max_size, MAX_SIZE);
    assert_eq!(site.routes.len(), 2);
    assert_eq!(
        site.resolver.map(|at| at.to_string()).as_deref(),
        Some("127.0.0.1:53")
    );
    assert_eq!((site.mx_port, site.trust_loopback), (2525, false));
    let far: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
    assert!(site.may_authenticate(far));
}

#[test]
fn what_a_site_does_unless_it_says_otherwise_can_also_be_said() {
    let facts = |conf| {
        let folder = TempDir::new("site");
        let site = open(folder.path(), conf).expect("a site");
        (site.mx_port, site.trust_loopback, site.auth_anywhere)
    };
    let said = "domain a.example\nmx-port 25\ntrust loopback\nauth loopback";
    assert_eq!(facts(said), facts("domain a.example"));
    assert_eq!(MAX_SIZE, 67_108_864);
}

#[test]
fn what_is_not_said_has_a_default_that_is_safe() {
    let folder = TempDir::new("site");
    let site = open(folder.path(), "domain a.example").expect("a site");
    assert!(site.host.users.is_empty() && site.routes.is_empty() && site.resolver.is_none());
    assert_eq!(site.mx_port, 25);
    let (near, far): (IpAddr, IpAddr) = (
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(192, 0, 2, 1).into(),
    );
    let mapped: IpAddr = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
    for (peer, own, trusted, may_authenticate) in [
        (near, near, true, true),
        (mapped, mapped, true, true),
        (far, far, false, false),
        (far, near, false, true),
    ] {
        let caller = site.caller(peer, own);
        assert_eq!(
            (caller.is_trusted, caller.may_authenticate),
            (trusted, may_authenticate),
            "{peer} {own}"
        );
    }
}

#[test]
fn a_bad_line_is_named_with_what_was_expected() {
    for (line, expected) in [
        ("domain", "expected domain NAME"),
        ("domain b.example c.example", "expected domain NAME"),
        ("domain -b.example", "domain NAME: the domain is not"),
        ("domain b.example", "domain is given twice"),
        ("user bob", "expected user NAME PASSWORD"),
        ("user bob two words", "expected user NAME PASSWORD"),
        ("user bob #secret", "expected user NAME PASSWORD"),
        ("user alice again", "alice is here already"),
        ("user ALICE again", "ALICE is here already"),
        ("user PostMaster x", "is written postmaster here"),
        ("alias staff", "expected alias NAME MEMBER..."),
        ("alias alice bob", "alice is here already"),
        (
            "alias staff alice @b",
            "@b is neither a user nor an address",
        ),
        (
            "alias staff nobody",
            "there is no user and no alias nobody above it",
        ),
        ("alias staff carol@A.EXAMPLE", "no user and no alias carol"),
        (
            "alias staff alice staff",
            "no user and no alias staff above it",
        ),
        ("alias staff bob alice carol", "no alias bob, carol"),
        ("route b.example", "expected route DOMAIN HOST:PORT"),
        (
            "route b.example nowhere",
            "a route has the form DOMAIN HOST:PORT",
        ),
        (
            "route b.example x:0",
            "a route has the form DOMAIN HOST:PORT",
        ),
        ("resolver localhost", "resolver ADDRESS:PORT, such as"),
        ("resolver 127.0.0.1", "resolver ADDRESS:PORT, such as"),
        ("mx-port 0", "mx-port NUMBER, from 1 to 65535"),
        ("mx-port 65536", "mx-port NUMBER, from 1 to 65535"),
        ("mx-port", "expected mx-port NUMBER"),
        (
            "trust everybody",
            "expected trust loopback, or trust nobody",
        ),
        ("auth nowhere", "expected auth loopback, or auth anywhere"),
        (
            "usr bob x",
            "\"usr\" is not a keyword; there are domain, user,",
        ),
        ("User bob x", "\"User\" is not a keyword"),
    ] {
        let found = wrong(&format!("domain a.example\n\nuser alice x\n{line}\n"));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].starts_with(":4: "), "{line}: {found:?}");
        assert!(found[0].contains(expected), "{line}: {found:?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let found = wrong("user\nalias staff nobody\nmx-port x\n");
    let numbers: Vec<&str> = found.iter().map(|line| &line[..3]).collect();
    assert_eq!(numbers, [":1:", ":2:", ":3:", ":4:"], "{found:?}");
    assert!(found[3].contains("domain NAME is missing"), "{found:?}");
    assert_eq!(wrong("").len(), 1);
    assert_eq!(
        wrong("domain a_b").len(),
        1,
        "a bad domain is not also missing"
    );
}

// CVE-2005-1105, maildev #467: a name that is a way out of the folder.
#[test]
fn a_user_name_is_a_folder_name_on_every_system() {
    let long = "x".repeat(65);
    for name in [
        "../x", "..", ".", "a/b", "a\\b", ".hidden", "con:1", "a.", "-a", "a..b", "a*", "é", &long,
    ] {
        let found = wrong(&format!("domain a.example\nuser {name} x\n"));
        assert!(found[0].contains("is not a user name"), "{name}: {found:?}");
        let found = wrong(&format!("domain a.example\nalias {name} postmaster\n"));
        assert!(found[0].contains("is not a user name"), "{name}: {found:?}");
    }
    let folder = TempDir::new("site");
    let longest = &long[1..];
    let site = open(
        folder.path(),
        &format!("domain a.example\nuser {longest} x"),
    )
    .expect("a site");
    assert!(site.mailbox(longest).is_ok());
    for name in ["../alice", "nobody", "", "ALICE"] {
        let error = site.mailbox(name).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
    }
}

#[test]
fn lists_are_followed_to_their_ends() {
    let folder = TempDir::new("site");
    let site = open(
        folder.path(),
        "domain a.example\nuser alice x\nuser bob x\nalias staff alice bob\n\
         alias all staff bob@A.example carol@c.example alice\n\
         alias both all staff all\nalias root PostMaster Postmaster@a.example\n",
    );
    let host = site.expect("a site").host;
    for (address, expected) in [
        (
            "all@a.example",
            vec![local("alice"), local("bob"), remote("carol@c.example")],
        ),
        (
            "both@A.EXAMPLE",
            vec![local("alice"), local("bob"), remote("carol@c.example")],
        ),
        ("root@a.example", vec![local("postmaster")]),
        ("postmaster", vec![local("postmaster")]),
        ("POSTmaster@a.example", vec![local("postmaster")]),
        ("\"alice\"@a.example", vec![local("alice")]),
        ("Alice@a.example", vec![]),
        ("nobody@a.example", vec![]),
        ("alice@b.example", vec![remote("alice@b.example")]),
    ] {
        let mut found = host.recipients(&[path(address)]);
        let mut expected = expected;
        let key = |recipient: &Recipient| format!("{recipient:?}");
        found.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(found, expected, "{address}");
    }
}

#[test]
fn a_list_names_only_what_stands_above_it_so_no_list_leads_back_to_itself() {
    for (lines, number, why) in [
        ("alias self self\n", 3, "no alias self above it"),
        ("alias one two\nalias two one\n", 3, "no alias two above it"),
        ("alias one bob\nuser bob x\n", 3, "no alias bob above it"),
        (
            "alias one alice two@A.Example\nalias two alice\n",
            3,
            "no alias two above it",
        ),
        (
            "alias one \"two\"@a.example\nalias two one\n",
            3,
            "no alias two above it",
        ),
        // The postmaster always stands above; so he must not become a list later.
        ("alias postmaster postmaster\n", 3, "in a circle"),
        (
            "alias postmaster alice POSTMASTER@a.example\n",
            3,
            "in a circle",
        ),
        (
            "alias one postmaster\nalias postmaster one\n",
            4,
            "in a circle",
        ),
        (
            "alias one postmaster\nalias postmaster alice\n",
            4,
            "in a circle",
        ),
    ] {
        let found = wrong(&format!("domain a.example\nuser alice x\n{lines}"));
        assert_eq!(found.len(), 1, "{lines}: {found:?}");
        assert!(
            found[0].starts_with(&format!(":{number}: ")),
            "{lines}: {found:?}"
        );
        assert!(found[0].contains(why), "{lines}: {found:?}");
    }
    let found = wrong("user alice x\nalias staff alice c@c.example\ndomain a.example\n");
    assert_eq!(found, [":2: domain NAME must be above an alias"]);
}

#[test]
fn a_folder_without_site_conf_is_no_site_and_the_message_says_how_to_make_one() {
    let folder = TempDir::new("site");
    let why = Site::open(folder.path()).expect_err("no site").to_string();
    assert!(
        why.contains("site.conf") && why.contains("smtp-primer init"),
        "{why}"
    );
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_file_where_a_folder_should_be_is_named() {
    for (place, named) in [
        ("queue", "queue"),
        ("mail", "mail"),
        ("mail/alice/tmp", "alice"),
    ] {
        let folder = TempDir::new("site");
        let file = folder.path().join(place);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(&file, "").expect("a file");
        let why = open(folder.path(), "domain a.example\nuser alice x").expect_err(place);
        assert!(
            why.contains(named) && why.contains("cannot be written"),
            "{place}: {why}"
        );
    }
}

fn init(folder: &Path, domain: &str, users: &[(&str, &str)]) -> Result<Site, String> {
    let users: Vec<_> = users
        .iter()
        .map(|(name, password)| (name.to_string(), password.to_string()))
        .collect();
    Site::init(folder, domain, &users).map_err(|why| why.to_string())
}

#[test]
fn a_new_site_can_be_opened_and_only_its_owner_reads_the_passwords() {
    let temp = TempDir::new("site");
    let folder = temp.path().join("deep/a.example");
    let made = init(&folder, "a.example", &[("alice", "won#der"), ("bob", "x")]).expect("a site");
    let opened = Site::open(&folder).expect("a site");
    assert_eq!(made.host.users, opened.host.users);
    assert_eq!(opened.host.users["alice"], "won#der");
    for user in ["alice", "bob", "postmaster"] {
        assert!(folder.join("mail").join(user).join("new").is_dir());
    }
    assert!(folder.join("queue").is_dir());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.join("site.conf"))
            .expect("site.conf")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_site_is_never_made_over_another() {
    let folder = TempDir::new("site");
    fs::write(folder.path().join("site.conf"), "mine").expect("a file");
    let why = init(folder.path(), "a.example", &[("alice", "x")]).expect_err("there is one");
    assert!(why.contains("there is a site already"), "{why}");
    assert_eq!(files(folder.path()), ["site.conf"]);
    let conf = fs::read_to_string(folder.path().join("site.conf")).expect("site.conf");
    assert_eq!(conf, "mine");
}

#[test]
fn nothing_is_made_if_the_domain_or_a_user_is_bad() {
    let good = ("alice", "x");
    for (domain, users, expected) in [
        ("", vec![good], "domain"),
        ("a b", vec![good], "domain"),
        ("a.example # b", vec![good], "domain"),
        ("a.example\nuser eve x", vec![good], "domain"),
        (
            "a.example",
            vec![good, ("../x", "x")],
            "\"../x\" is not a user name",
        ),
        (
            "a.example",
            vec![good, ("", "x")],
            "\"\" is not a user name",
        ),
        (
            "a.example",
            vec![good, ("bob x\nuser eve", "x")],
            "is not a user name",
        ),
        ("a.example", vec![good, ("Alice", "x")], "here already"),
        ("a.example", vec![good, ("bob", "")], "the password of bob"),
        (
            "a.example",
            vec![good, ("bob", "two words")],
            "the password of bob",
        ),
        (
            "a.example",
            vec![good, ("bob", "#hash")],
            "the password of bob",
        ),
        (
            "a.example",
            vec![good, ("bob", "x\nuser eve y")],
            "the password of bob",
        ),
    ] {
        let temp = TempDir::new("site");
        let why = init(&temp.path().join("new"), domain, &users).expect_err(domain);
        assert!(why.contains(expected), "{domain:?} {users:?}: {why}");
        assert!(!why.contains("two words"), "a password is shown: {why}");
        assert!(!temp.path().join("new").exists(), "{domain:?} {users:?}");
    }
}

#[test]
fn the_postmaster_is_somebody_also_as_a_list() {
    // RFC 5321 §4.5.1
    for list in [
        "",
        "user postmaster x",
        "user alice x\nalias staff alice\nalias postmaster staff\nalias root postmaster",
        "alias postmaster carol@c.example",
    ] {
        let folder = TempDir::new("site");
        let site = open(folder.path(), &format!("domain a.example\n{list}\n")).expect(list);
        assert_eq!(site.host.recipients(&[ForwardPath::Postmaster]).len(), 1);
        assert!(folder.path().join("mail/postmaster/new").is_dir());
    }
}

#[test]
fn a_site_that_cannot_be_finished_leaves_no_site_conf() {
    let folder = TempDir::new("site");
    fs::write(folder.path().join("queue"), "").expect("a file in the way");
    let why = init(folder.path(), "a.example", &[("alice", "x")]).expect_err("no queue");
    assert!(why.contains("queue"), "{why}");
    assert_eq!(files(folder.path()), ["queue"]);
    fs::remove_file(folder.path().join("queue")).expect("a file");
    init(folder.path(), "a.example", &[("alice", "x")]).expect("the next try goes well");
}

#[test]
fn what_a_dead_init_has_left_is_not_in_the_way_and_is_not_written_through() {
    let temp = TempDir::new("site");
    let mine = temp.path().join("mine");
    fs::write(&mine, "mine").expect("a file");
    for kind in ["half", "link", "fifo"] {
        let folder = temp.path().join(kind);
        fs::create_dir_all(folder.join("mail/alice/new")).expect("a folder");
        let new = folder.join("site.conf.new");
        match kind {
            #[cfg(unix)]
            "link" => std::os::unix::fs::symlink(&mine, &new).expect("a link"),
            #[cfg(unix)]
            "fifo" => make_fifo(&new),
            _ => fs::write(&new, "domain").expect("a file"),
        }
        init(&folder, "a.example", &[("alice", "x")]).expect("a site");
        assert!(Site::open(&folder).is_ok() && !new.exists(), "{kind}");
    }
    assert_eq!(fs::read_to_string(&mine).expect("mine"), "mine");
}

#[cfg(unix)]
fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

#[cfg(unix)]
#[test]
fn only_a_regular_file_is_site_conf_and_nothing_else_is_opened() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let temp = TempDir::new("site");
    let real = temp.path().join("real");
    fs::write(&real, "domain a.example\n").expect("a file");
    for kind in ["fifo", "socket", "device", "link", "folder", "dangling"] {
        let folder = temp.path().join(kind);
        fs::create_dir(&folder).expect("a folder");
        let file = folder.join("site.conf");
        match kind {
            "fifo" => make_fifo(&file),
            "socket" => drop(UnixListener::bind(&file).expect("a socket")),
            "device" => symlink("/dev/zero", &file).expect("a link"),
            "link" => symlink(&real, &file).expect("a link"),
            "folder" => fs::create_dir(&file).expect("a folder"),
            _ => symlink("nowhere", &file).expect("a link"),
        }
        let (tell, told) = std::sync::mpsc::channel();
        let opened = folder.clone();
        std::thread::spawn(move || {
            let opened = Site::open(&opened).map(|site| site.folder);
            let _ = tell.send(opened.map_err(|why| why.to_string()));
        });
        let opened = told.recv_timeout(Duration::from_secs(20));
        let why = opened.expect("it stands still").expect_err(kind);
        assert!(why.contains("not a regular file"), "{kind}: {why}");
        let why = init(&folder, "a.example", &[]).expect_err(kind);
        assert!(why.contains("there is a site already"), "{kind}: {why}");
    }
}

#[test]
fn a_folder_that_vanishes_while_the_server_runs_is_trouble_and_not_made_anew() {
    for (gone, to) in [
        ("mail", "alice@a.example"),
        ("mail/alice", "alice@a.example"),
        ("mail/alice/new", "alice@a.example"),
        ("mail/alice/tmp", "alice@a.example"),
        ("mail/bob", "staff@a.example"),
        ("mail/postmaster", "postmaster"),
        ("queue", "dave@d.example"),
        ("queue", "staff@a.example"),
        ("", "alice@a.example"),
    ] {
        let temp = TempDir::new("site");
        let folder = temp.path().join("a.example");
        fs::create_dir(&folder).expect("a folder");
        let site = open(&folder, CONF).expect("a site");
        fs::remove_dir_all(folder.join(gone)).expect("a folder");
        let before = files(temp.path());
        let clock = Clock::new(None);
        let stored = office(&site, clock).store(&letter(&[to]));
        let error = stored.expect_err(gone);
        // NotFound would mean that the letter is for nobody.
        assert_ne!(error.kind(), ErrorKind::NotFound, "{gone}: {error}");
        assert!(!folder.join(gone).exists(), "{gone}");
        assert_eq!(files(temp.path()), before, "{gone}");
    }
}

#[test]
fn a_site_can_be_read_and_nothing_is_made() {
    let folder = TempDir::new("site");
    fs::write(folder.path().join("site.conf"), CONF).expect("site.conf");
    let site = Site::read(folder.path()).expect("a site");
    assert_eq!(site.host.users.len(), 2);
    assert!(!folder.path().join("mail").exists() && !folder.path().join("queue").exists());
}

fn office(site: &Site, clock: Clock) -> PostOffice<'_> {
    let log = &|_: &str| {};
    PostOffice { site, clock, log }
}

/// A letter from `x@x.example`, with the trace of a caller.
fn letter(to: &[&str]) -> Letter {
    Letter {
        reverse_path: ReversePath::Mailbox("x@x.example".parse().expect("a mailbox")),
        forward_paths: to.iter().map(|address| path(address)).collect(),
        origin: Some(Origin {
            helo: "mx.example".parse().expect("a name"),
            ip: Ipv4Addr::LOCALHOST.into(),
            protocol: "ESMTP",
        }),
        text: Text::from_file(b"Subject: x\n\nHello\n"),
    }
}

const CONF: &str =
    "domain a.example\nuser alice x\nuser bob x\nalias staff alice bob carol@c.example\n";

/// A site with [`CONF`], and what its post office made of a letter.
fn store(folder: &Path, to: &[&str]) -> Result<String, ErrorKind> {
    let site = Site::open(folder).expect("a site");
    let clock = Clock::new(Some(1_000_000_000));
    let mut office = office(&site, clock);
    office.store(&letter(to)).map_err(|error| error.kind())
}

/// Whom the letters in the queue are for.
fn queued(site: &Path) -> Vec<String> {
    let envelopes = files(&site.join("queue")).into_iter().filter_map(|file| {
        file.ends_with(".envelope")
            .then(|| fs::read_to_string(site.join("queue").join(file)).expect("an envelope"))
    });
    let all: String = envelopes.collect();
    ["carol@c.example", "dave@d.example"]
        .into_iter()
        .filter(|mailbox| all.contains(mailbox))
        .map(str::to_string)
        .collect()
}

#[test]
fn a_letter_goes_once_to_each_user_and_once_into_the_queue_for_all_others() {
    for (to, alice, bob, postmaster, elsewhere) in [
        (vec!["alice@a.example"], 1, 0, 0, vec![]),
        (vec!["alice@a.example", "bob@a.example"], 1, 1, 0, vec![]),
        (vec!["alice@a.example", "alice@A.example"], 1, 0, 0, vec![]),
        (vec!["staff@a.example"], 1, 1, 0, vec!["carol@c.example"]),
        (
            vec!["bob@a.example", "staff@a.example", "carol@C.example"],
            1,
            1,
            0,
            vec!["carol@c.example"],
        ),
        (vec!["postmaster"], 0, 0, 1, vec![]),
        (vec!["dave@d.example"], 0, 0, 0, vec!["dave@d.example"]),
        (
            vec!["dave@d.example", "alice@a.example", "carol@c.example"],
            1,
            0,
            0,
            vec!["carol@c.example", "dave@d.example"],
        ),
    ] {
        let folder = TempDir::new("site");
        open(folder.path(), CONF).expect("a site");
        store(folder.path(), &to).expect("stored");
        let found =
            ["alice", "bob", "postmaster"].map(|user| new_letters(folder.path(), user).len());
        assert_eq!(found, [alice, bob, postmaster], "{to:?}");
        assert_eq!(queued(folder.path()), elsewhere, "{to:?}");
        let letters = files(&folder.path().join("queue"))
            .iter()
            .filter(|file| file.ends_with(".letter"))
            .count();
        assert_eq!(letters, usize::from(!elsewhere.is_empty()), "{to:?}");
        let left = files(folder.path())
            .into_iter()
            .find(|file| file.contains("tmp"));
        assert_eq!(left, None, "{to:?}");
    }
}

/// RFC 1047; maddy #23, postal #3016: a server that did slow work before its 250, such as to call
/// the next hop, outlasted the timeout of its client, who sent the letter again.
#[test]
fn the_next_hop_is_not_called_before_the_letter_is_answered() {
    let next_hop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    next_hop.set_nonblocking(true).expect("not blocking");
    let address = next_hop.local_addr().expect("its address");
    let folder = TempDir::new("site");
    let conf = format!("{CONF}route * {address}\n");
    open(folder.path(), &conf).expect("a site");
    let id = store(folder.path(), &["dave@d.example"]).expect("stored");
    let called = next_hop.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(ErrorKind::WouldBlock));
    let file = folder.path().join(format!("queue/{id}.envelope"));
    let envelope = fs::read_to_string(file).expect("an envelope");
    assert!(envelope.contains("\ntries 0\n"), "{envelope}");
}

#[test]
fn a_letter_for_nobody_is_not_kept_and_nothing_is_wrong_here() {
    let folder = TempDir::new("site");
    let site = open(folder.path(), CONF).expect("a site");
    let before = files(folder.path());
    let mut office = PostOffice {
        site: &site,
        clock: Clock::new(None),
        log: &|why| panic!("{why}"),
    };
    let stored = office.store(&letter(&["nobody@a.example"]));
    assert_eq!(
        stored.map_err(|error| error.kind()),
        Err(ErrorKind::NotFound)
    );
    assert_eq!(files(folder.path()), before);
}

#[test]
fn if_the_queue_or_one_mailbox_fails_nothing_is_kept() {
    let to = ["carol@c.example", "alice@a.example", "bob@a.example"];
    for broken in ["queue", "mail/alice/new", "mail/bob/new"] {
        let folder = TempDir::new("site");
        open(folder.path(), CONF).expect("a site");
        let site = Site::open(folder.path()).expect("a site");
        let place = folder.path().join(broken);
        fs::remove_dir(&place).expect("an empty folder");
        fs::write(&place, "").expect("a file in its place");
        let before = files(folder.path());
        let told = RefCell::new(Vec::new());
        let mut office = PostOffice {
            site: &site,
            clock: Clock::new(None),
            log: &|why| told.borrow_mut().push(why.to_string()),
        };
        let error = office.store(&letter(&to)).expect_err(broken);
        let why = format!("the letter could not be kept: {error}");
        assert_eq!(*told.borrow(), [why], "{broken}");
        assert_eq!(files(folder.path()), before, "{broken}");
    }
}

#[test]
fn a_delivered_letter_bears_its_return_path_and_trace_and_is_otherwise_untouched() {
    for (to, for_whom) in [
        (vec!["alice@a.example"], "\r\n    for <alice@a.example>"),
        (vec!["staff@a.example"], "\r\n    for <staff@a.example>"),
        (vec!["alice@a.example", "bob@a.example"], ""),
    ] {
        let folder = TempDir::new("site");
        open(folder.path(), CONF).expect("a site");
        let id = store(folder.path(), &to).expect("stored");
        let found = new_letters(folder.path(), "alice").remove(0);
        let expected = format!(
            "Return-Path: <x@x.example>\r\nReceived: from mx.example ([127.0.0.1])\r\n    \
             by a.example with ESMTP id {id}{for_whom};\r\n    \
             Sun, 9 Sep 2001 01:46:40 +0000\r\nSubject: x\r\n\r\nHello\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&found), expected, "{to:?}");
    }
}

#[test]
fn a_letter_in_the_queue_bears_its_trace_and_no_return_path() {
    let folder = TempDir::new("site");
    open(folder.path(), CONF).expect("a site");
    let id = store(folder.path(), &["dave@d.example"]).expect("stored");
    let file = folder.path().join(format!("queue/{id}.letter"));
    let text = fs::read_to_string(file).expect("a letter");
    // RFC 5321 §3.6.3: a relay adds this one field, and changes nothing.
    let expected = format!(
        "Received: from mx.example ([127.0.0.1])\r\n    by a.example with ESMTP id {id}\r\n    \
         for <dave@d.example>;\r\n    Sun, 9 Sep 2001 01:46:40 +0000\r\n\
         Subject: x\r\n\r\nHello\r\n"
    );
    assert_eq!(text, expected);
}

// ours 4: a text began with a space. Its first line became the end of our own trace field, and no
// reader saw it.
#[test]
fn a_text_that_begins_with_no_header_field_is_parted_from_the_trace() {
    // RFC 5321 §4.4. Else its first line becomes a part of our last field, or spoils the header.
    for (text, is_parted) in [
        (&b" indented\r\nsecond\r\n"[..], true),
        (b"\tindented: x\r\n", true),
        (b"Dear Bob,\r\n", true),
        (b"Dear Bob: hello\r\n", true),
        (b": no name\r\n", true),
        (b" : no name either\r\n", true),
        (b"caf\xe9: x\r\n", true),
        (b"a\0b: x\r\n", true),
        (
            b"From alice Mon Nov 23 12:30:00 2026\r\nSubject: x\r\n\r\n",
            true,
        ),
        (b"\x0b\r\n", true),
        (b"", true),
        // Here is the empty line already.
        (b"\r\nbody: x\r\n", false),
        (b"\r\n", false),
        (b"Subject: x\r\n\r\nbody\r\n", false),
        (b"Subject: x\r\n", false),
        (b"X!#$%&'*+-./^_`{|}~1: x\r\n\r\n", false),
        (b"Subject : an old form\r\n\r\n", false),
        (b"Subject:\r\n folded\r\n\r\n", false),
    ] {
        let folder = TempDir::new("site");
        let site = open(folder.path(), CONF).expect("a site");
        let clock = Clock::new(Some(1_000_000_000));
        let letter = Letter {
            text: Text::new(text.to_vec()).expect("a text"),
            ..letter(&["alice@a.example", "dave@d.example"])
        };
        let id = office(&site, clock).store(&letter);
        let id = id.expect("stored");
        let mailbox = site.mailbox("alice").and_then(|mailbox| mailbox.list());
        let at_home = mailbox.expect("a mailbox").remove(0).text();
        let queue = site.queue();
        let mut queued = None;
        let seen = queue.each(|id, envelope| {
            envelope.expect("an envelope");
            queued = Some(queue.text(id));
        });
        seen.expect("a queue");
        let queued = queued.expect("a letter");
        for kept in [at_home, queued].map(|text| text.expect("a text")) {
            let end = if is_parted {
                &b" +0000\r\n\r\n"[..]
            } else {
                b" +0000\r\n"
            };
            let due = [end, text].concat();
            assert!(kept.octets().ends_with(&due), "{id}: {kept:?}");
            assert_eq!(
                kept.lines()
                    .filter(|line| line.starts_with(b"Received:"))
                    .count(),
                1
            );
        }
        // A second server finds our trace on top, and adds only its own.
        let again = above(
            "Received: by b.example\r\n".to_string(),
            &Text::from_file(b"Received: x\n"),
        );
        assert_eq!(again, "Received: by b.example\r\n");
    }
}

#[test]
fn the_null_reverse_path_arrives_as_such() {
    let folder = TempDir::new("site");
    let site = open(folder.path(), CONF).expect("a site");
    let clock = Clock::new(None);
    let letter = Letter {
        reverse_path: ReversePath::Null,
        ..letter(&["alice@a.example"])
    };
    office(&site, clock).store(&letter).expect("stored");
    let found = new_letters(folder.path(), "alice").remove(0);
    assert!(found.starts_with(b"Return-Path: <>\r\n"));
}

#[test]
fn two_mailboxes_elsewhere_that_differ_in_their_case_are_two() {
    let folder = TempDir::new("site");
    open(folder.path(), CONF).expect("a site");
    let to = ["carol@c.example", "Carol@c.example"];
    let id = store(folder.path(), &to).expect("stored");
    let file = folder.path().join(format!("queue/{id}.envelope"));
    let envelope = fs::read_to_string(file).expect("an envelope");
    assert!(
        to.iter().all(|mailbox| envelope.contains(mailbox)),
        "{envelope}"
    );
}

#[test]
fn two_mailboxes_elsewhere_that_differ_in_their_quotes_are_one() {
    // RFC 5321 §4.1.2
    let folder = TempDir::new("site");
    open(folder.path(), CONF).expect("a site");
    let to = [
        "carol@c.example",
        "\"carol\"@c.example",
        "\"car\\ol\"@C.example",
        "\"ca rol\"@c.example",
    ];
    let id = store(folder.path(), &to).expect("stored");
    let file = folder.path().join(format!("queue/{id}.envelope"));
    let envelope = fs::read_to_string(file).expect("an envelope");
    let waiting: Vec<&str> = envelope
        .lines()
        .filter(|line| line.starts_with("waiting"))
        .collect();
    let due = [
        "waiting <carol@c.example>",
        "waiting <\"ca rol\"@c.example>",
    ];
    assert_eq!(waiting, due);
}

#[test]
fn nothing_in_a_text_is_changed_or_believed_on_its_way() {
    // RFC 5321 §4.4, §6.4, appendix C: not the trace of others, not a header that breaks the
    // rules, not the names in it.
    let folder = TempDir::new("site");
    let site = open(folder.path(), CONF).expect("a site");
    let text = "Return-Path: <eve@e.example>\r\nreceived: from b by c;\r\n  today\r\n\
                To: bob@a.example, erin@e.example\r\nReceived: from d by b; yesterday\r\n\
                this is no field\r\nDate: 1 Jan 26\r\nBcc: bob@a.example\r\n\r\n\
                .\r\n From here\r\n\u{ff}\0\r\n\r\n";
    let text: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let letter = Letter {
        text: Text::new(text.clone()).expect("a text"),
        ..letter(&["alice@a.example", "dave@d.example"])
    };
    let clock = Clock::new(None);
    let mut office = office(&site, clock);
    office.store(&letter).expect("stored");
    let is_ours = |head: &[u8], start: &str| {
        let head = std::str::from_utf8(head).expect("ASCII");
        let rest = head.strip_prefix(start).unwrap_or_else(|| panic!("{head}"));
        assert!(rest.starts_with("Received: from mx.example "), "{head}");
        assert_eq!(rest.matches(':').count(), 3, "one field: {head}");
    };
    let at_home = new_letters(folder.path(), "alice").remove(0);
    let head = at_home.strip_suffix(text.as_slice()).expect("the text");
    is_ours(head, "Return-Path: <x@x.example>\r\n");
    let waits = files(&folder.path().join("queue"));
    let waits = waits.iter().find(|file| file.ends_with(".letter"));
    let waits = folder.path().join("queue").join(waits.expect("a letter"));
    let waits = fs::read(waits).expect("a letter");
    let head = waits.strip_suffix(text.as_slice()).expect("the text");
    is_ours(head, "");
    assert_eq!(new_letters(folder.path(), "bob").len(), 0);
    assert_eq!(queued(folder.path()), ["dave@d.example"]);
}
