//! Files that a program or a person has written, and something has damaged.

use crate::common::folder::TempDir;
use crate::common::script::Script;
use crate::{Stock, count, list};
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::visible;
use smtp_primer::queue::Envelope;
use smtp_primer::session::Recipient;
use smtp_primer::site::Site;
use std::time::Duration;

#[test]
fn an_envelope_is_damaged_or_written_as_it_was_read() {
    let good = "from <>\narrived 1795412453\ntries 0\nnext 0\nwaiting <bob@b.example>\nend\n|\
        from <\"end\"@a.example>\narrived 0\ntries 4294967295\nnext 18446744073709551615\n\
        waiting <bob@b.example>\nreason b.example 451 no > end\nwaiting <\" \"@b>\n\
        failed <x@[192.0.2.1]>\nreason - 550 no\nend\n";
    let pieces = "end\n|reason - 550\n|reason b 250-x\n|waiting <a@b>\n|failed <a@b>\n|<|>|<>|\
        waiting <@h:a@b>\n|\u{2028}|tries |-1";
    let stock = Stock::new(list(good), pieces, &[]);
    stock.feed(count::ENVELOPES, Stock::spoilt, envelope);
}

pub fn envelope(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let Ok(envelope) = text.parse::<Envelope>() else {
        return false;
    };
    let shown = envelope.to_string();
    let [came, went] = [&text, shown.as_str()].map(|it| it.lines().count());
    assert_eq!(went, came, "no line is passed over");
    let printable = |octet| matches!(octet, b' '..=b'~' | b'\t' | b'\n');
    assert!(shown.bytes().all(printable), "{shown:?}");
    assert_eq!(shown.parse::<Envelope>().expect(&shown), envelope);
    true
}

/// `NAME:NUMBER: why`, where the number is that of a line.
fn assert_tells_where(why: &str, name: &str, text: &str) {
    let rest = why.strip_prefix(name).unwrap_or_default();
    let place = rest.strip_prefix(':').and_then(|it| it.split_once(": "));
    let (number, why) = place.expect(why);
    let number: usize = number.parse().expect("the number of a line");
    let is_there = (1..=text.lines().count() + 1).contains(&number);
    assert!(is_there, "line {number}");
    assert!(why.len() > 10, "{why}");
}

#[test]
fn a_dialogue_is_refused_with_its_line_or_can_be_played_and_says_what_is_written() {
    let good = "# RFC 5321 §3.1: the server speaks first\nS: 220 {a}\nC: NOOP\nS: 250 {}\n\
        C: {close}\n|C: QUIT\\n\\\nS:\n\nC: {3*ab}\\x00\\{\\\\\nC: {a}\n# against: a.example\n\
        S: {close}\n|\
        C: AUTH PLAIN \\xff\\r\nC: {12*\\x41}é\n#\nS: {a}b{a}\n";
    let pieces = "C: |S: |C:|{close}|{|}|{}|{a}|*|{2*x}|{x*2}|{99999999999*x}|\\x4|\\x+f|\\n\\|# |\
        C: {close}\n";
    let stock = Stock::new(list(good), pieces, &[]);
    stock.feed(count::DIALOGUES, Stock::spoilt, dialogue);
}

pub fn dialogue(octets: &[u8]) -> bool {
    let play = |dialogue: &Dialogue, side, peer: &mut Script| {
        let played = dialogue.play(side, peer, Duration::ZERO);
        played.map_err(|why| why.to_string())
    };
    // What a trace shows can be said again, but for a brace: that one a person has to mark.
    let line = visible(octets).replace('{', "\\{");
    let dialogue = Dialogue::parse("shown", &format!("C: {line}\\")).expect("a dialogue");
    let mut peer = Script::says("");
    assert_eq!(play(&dialogue, Side::Client, &mut peer), Ok(()));
    assert_eq!(peer.written(), octets);

    let text = String::from_utf8_lossy(octets);
    let dialogue = match Dialogue::parse("file.txt", &text) {
        Ok(dialogue) => dialogue,
        Err(why) => {
            assert_tells_where(&why.to_string(), "file.txt", &text);
            return false;
        }
    };
    for side in [Side::Client, Side::Server] {
        let told = play(&dialogue, side, &mut Script::says("250 b\r\n"));
        assert!(told.is_ok() || told.is_err_and(|told| told.contains("file.txt:")));
    }
    true
}

/// A site.conf that says what is known of a site.
fn written(site: &Site) -> String {
    let host = &site.host;
    let mut conf = format!("domain {}\nmx-port {}\n", host.domain, site.mx_port);
    for (user, password) in &host.users {
        conf += &format!("user {user} {password}\n");
    }
    for (alias, members) in &host.aliases {
        let member = |member: &Recipient| match member {
            Recipient::Local(name) => name.clone(),
            Recipient::Remote(mailbox) => mailbox.to_string(),
        };
        let members: Vec<String> = members.iter().map(member).collect();
        conf += &format!("alias {alias} {}\n", members.join(" "));
    }
    conf.extend(site.routes.iter().map(|route| format!("route {route}\n")));
    conf.extend(site.resolver.map(|address| format!("resolver {address}\n")));
    let trust = if site.trust_loopback {
        "loopback"
    } else {
        "nobody"
    };
    let auth = if site.auth_anywhere {
        "anywhere"
    } else {
        "loopback"
    };
    conf + &format!("trust {trust}\nauth {auth}\n")
}

#[test]
fn a_site_conf_is_refused_line_by_line_or_all_of_it_is_known() {
    let good = "domain a.example\nuser alice wonderland\nuser bob builder\n\
        alias staff alice c@d.example\n|# a comment\n\ndomain a.example # here\n\
        route b.example 127.0.0.1:2626\nroute * mx.example:25\nresolver 127.0.0.1:53\n\
        mx-port 25\ntrust nobody\nauth anywhere\n";
    let pieces = "user |alias all staff\n|alice|Alice|postmaster|domain b\n|trust loopback\n|#|\
        ../x|+25|65536|@|route * [::1]:25\n";
    let stock = Stock::new(list(good), pieces, &[]);
    stock.feed(count::SITES, Stock::spoilt, site);
}

pub fn site(octets: &[u8]) -> bool {
    let folder = TempDir::new("any-input");
    let file = folder.path().join("site.conf");
    let open = |conf: &str| {
        std::fs::write(&file, conf).expect("site.conf");
        Site::open(folder.path()).map_err(|why| why.to_string())
    };
    let conf = String::from_utf8_lossy(octets);
    let site = match open(&conf) {
        Ok(site) => site,
        Err(why) => {
            let name = file.display().to_string();
            why.lines()
                .for_each(|line| assert_tells_where(line, &name, &conf));
            return false;
        }
    };
    let again = open(&written(&site)).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(format!("{again:?}"), format!("{site:?}"));
    true
}
