//! Chapter 16: what becomes of a letter in the queue, whatever the next hop does.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod peers;
    pub mod script;
    pub mod side_by_side;
}

use common::folder::TempDir;
use common::peers::{Nobody, Peer, TIMEOUT};
use common::side_by_side::side_by_side;
use smtp_primer::client::{RECIPIENTS_AT_ONCE, Stage, Timeouts};
use smtp_primer::message::{Clock, Date};
use smtp_primer::next_hop::{NoHop, Target};
use smtp_primer::protocol::address::{Domain, Mailbox, ReversePath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::reply::Reply;
use smtp_primer::queue::{Envelope, Progress, Queue, Reason};
use smtp_primer::relay::{LEAST_TRIES, LONGEST_WAIT, Relay, Report, Schedule, UNREACHABLE, bounce};
use smtp_primer::server::Store;
use smtp_primer::session::Letter;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

const HELLO: &str = "S: 220 b.example\nC: EHLO a.example\nS: 250-b.example\nS: 250 SIZE\n";
const QUIT: &str = "C: QUIT\nS: 221 goodbye\n";
const LETTER: &str = "Subject: Tea?\r\n\r\nHello Bob\r\n.dot\r\n";
const TEXT: &str = "C: DATA\nS: 354 go on\nC: Subject: Tea?\nC:\nC: Hello Bob\nC: ..dot\nC: .\n";
const NOON: u64 = 1_800_000_000;

type Hop = Result<Vec<Target>, NoHop>;

/// A call in which a letter is offered to `bob` and taken.
fn takes_bob() -> String {
    format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\n\
         C: RCPT TO:<bob@b.example>\nS: 250 OK\n{TEXT}S: 250 OK\n{QUIT}"
    )
}

/// A call up to the first reply about the letter.
fn says_to_mail(reply: &str) -> String {
    format!("{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: {reply}\n{QUIT}")
}

/// A relay without a site: its queue, its clock, its map of the world, and what it did.
struct Bench {
    folder: TempDir,
    now: u64,
    schedule: Schedule,
    timeouts: Timeouts,
    hops: BTreeMap<String, Hop>,
    bounces: Kept,
    log: RefCell<String>,
}

#[derive(Default)]
struct Kept {
    letters: Vec<Letter>,
    fails: Option<io::ErrorKind>,
}

impl Store for Kept {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        if let Some(kind) = self.fails {
            return Err(kind.into());
        }
        self.letters.push(letter.clone());
        Ok("kept".to_string())
    }
}

impl Bench {
    fn new() -> Bench {
        Bench {
            folder: TempDir::new("relay"),
            now: NOON,
            schedule: Schedule::RFC,
            timeouts: Timeouts(Some(TIMEOUT)),
            hops: BTreeMap::new(),
            bounces: Kept::default(),
            log: RefCell::default(),
        }
    }

    /// The mail of `domain` goes to these hosts, best first.
    fn route(&mut self, domain: &str, addresses: &[SocketAddr]) {
        let target = |(at, address): (usize, &SocketAddr)| Target {
            name: format!("mx{at}.{domain}").parse().expect("a host"),
            addresses: vec![*address],
        };
        let targets = addresses.iter().enumerate().map(target).collect();
        self.hops.insert(domain.to_string(), Ok(targets));
    }

    fn queue(&self) -> Queue {
        Queue::create(self.folder.path()).expect("a queue")
    }

    fn add(&self, from: &str, to: &[&str], text: &[u8]) -> String {
        let from: ReversePath = from.parse().expect("a reverse-path");
        let to = to.iter().map(|to| to.parse().expect("a mailbox")).collect();
        let text = Text::from_file(text);
        let mut clock = Clock::new(Some(self.now));
        let added = self
            .queue()
            .add(&from, to, &mut clock, |_| String::new(), &text);
        added.expect("a letter in the queue")
    }

    fn add_for_bob(&self) -> String {
        self.add("<alice@a.example>", &["bob@b.example"], LETTER.as_bytes())
    }

    /// One pass. Before each call, `before_call` sees what is written down.
    fn pass_seeing(&mut self, before_call: &dyn Fn(&Queue)) -> Report {
        let queue = self.queue();
        let own: Domain = "a.example".parse().expect("a domain");
        let no_hop = || Err(NoHop::NotNow("no such route in this test".to_string()));
        let hops = &self.hops;
        let mut relay = Relay {
            queue: &queue,
            own: &own,
            schedule: self.schedule,
            timeouts: self.timeouts,
            next_hops: &mut |domain| hops.get(domain.as_str()).cloned().unwrap_or_else(no_hop),
            store: &mut self.bounces,
            clock: &mut Clock::new(Some(self.now)),
            trace: &|| {
                before_call(&queue);
                None
            },
            log: &|line| *self.log.borrow_mut() += &format!("{line}\n"),
        };
        relay.pass().expect("a pass")
    }

    fn pass(&mut self) -> Report {
        self.pass_seeing(&|_| {})
    }

    /// What is written down about the only letter.
    fn envelope(&self) -> Envelope {
        let mut envelopes = envelopes(&self.queue());
        assert_eq!(envelopes.len(), 1, "one letter waits");
        envelopes.remove(0)
    }

    /// Is nothing left of any letter?
    fn is_empty(&self) -> bool {
        files(self.folder.path()).is_empty()
    }

    /// What the only bounce says, and its lines.
    fn bounced(&self) -> String {
        assert_eq!(
            self.bounces.letters.len(),
            1,
            "one bounce: {}",
            self.log.borrow()
        );
        let bounce = &self.bounces.letters[0];
        assert_eq!(bounce.reverse_path, ReversePath::Null);
        String::from_utf8(bounce.text.octets().to_vec()).expect("a bounce in ASCII")
    }
}

fn envelopes(queue: &Queue) -> Vec<Envelope> {
    let mut envelopes = Vec::new();
    let each = queue.each(|_, envelope| envelopes.push(envelope.expect("an envelope")));
    each.expect("a queue");
    envelopes
}

fn files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

fn report(delivered: usize, failed: usize, waiting: usize) -> Report {
    Report {
        delivered,
        failed,
        waiting,
        damaged: 0,
    }
}

#[test]
fn the_next_hop_gets_the_letter_word_for_word_and_the_queue_forgets_it() {
    let mut bench = Bench::new();
    bench.add_for_bob();
    let peer = Peer::new(&[&takes_bob()]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(1, 0, 0));
    assert!(bench.is_empty());
    peer.finish();
}

#[test]
fn recipients_with_the_same_next_hop_share_one_conversation() {
    // RFC 5321 §4.5.4.1
    let mut bench = Bench::new();
    let to = [
        "bob@b.example",
        "carol@c.example",
        "dan@B.EXAMPLE",
        "eve@d.example",
    ];
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let together = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
         S: 250 OK\nC: RCPT TO:<dan@B.EXAMPLE>\nS: 250 OK\nC: RCPT TO:<carol@c.example>\n\
         S: 250 OK\n{TEXT}S: 250 OK\n{QUIT}"
    );
    let alone = takes_bob().replace("bob@b", "eve@d");
    let (together, alone) = (Peer::new(&[&together]), Peer::new(&[&alone]));
    bench.route("b.example", &[together.address]);
    bench
        .hops
        .insert("c.example".to_string(), bench.hops["b.example"].clone());
    bench.route("d.example", &[alone.address]);
    assert_eq!(bench.pass(), report(4, 0, 0));
    together.finish();
    alone.finish();
}

#[test]
fn a_host_that_cannot_be_reached_or_will_not_talk_to_us_is_followed_by_the_next() {
    let far_in = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> {{}}\nS: 250 OK\n\
         C: RCPT TO:<bob@b.example>\nS: 250 OK\nC: DATA\nS: 354 go on\nS: {{close}}\n"
    );
    let scripts = [
        None,
        Some("S: {close}\n"),
        Some("S: 421 too busy\n"),
        Some("S: 554 no mail here\n"),
        Some("S: who are you?\n"),
        Some("S: 220 b.example\nC: EHLO a.example\nS: {close}\n"),
        Some("S: 220 b.example\nC: EHLO a.example\nS: 421 too busy\n"),
        Some("S: 220 b.example\nC: EHLO a.example\nS: 502 what?\nC: HELO a.example\nS: 550 no\n"),
        // So long a text does not fit into the buffers on the way: we notice before the dot.
        Some(far_in.as_str()),
    ];
    side_by_side(scripts, |script| {
        let mut bench = Bench::new();
        let long = script == Some(&far_in);
        let line = if long {
            "x".repeat(16_000_000)
        } else {
            "Hello Bob".to_string()
        };
        bench.add(
            "<alice@a.example>",
            &["bob@b.example"],
            format!("\n{line}").as_bytes(),
        );
        let first = script.map(|script| Peer::new(&[script]));
        let taken = format!(
            "{HELLO}C: MAIL FROM:<alice@a.example> {{}}\nS: 250 OK\n\
             C: RCPT TO:<bob@b.example>\nS: 250 OK\nC: DATA\nS: 354 go on\nC:\nC: {{{}*x}}{}\n\
             C: .\nS: 250 OK\n{QUIT}",
            if long { line.len() } else { 0 },
            if long { "" } else { &line },
        );
        let second = Peer::new(&[&taken]);
        let nobody = Nobody::new();
        let first_address = first.as_ref().map_or(nobody.address, |peer| peer.address);
        bench.route("b.example", &[first_address, second.address]);
        assert_eq!(
            bench.pass(),
            report(1, 0, 0),
            "{script:?}: {}",
            bench.log.borrow()
        );
        second.finish();
        first.into_iter().for_each(Peer::finish);
    });
}

#[test]
fn the_addresses_of_a_host_are_tried_in_the_order_given() {
    // RFC 5321 §5.1
    let mut bench = Bench::new();
    bench.add_for_bob();
    let busy = Peer::new(&["S: 421 too busy\n"]);
    let takes = Peer::new(&[&takes_bob()]);
    let last = Nobody::new();
    let addresses = vec![
        Nobody::new().address,
        busy.address,
        takes.address,
        last.address,
    ];
    let name = "mx.b.example".parse().expect("a host");
    let target = Target { name, addresses };
    bench.hops.insert("b.example".to_string(), Ok(vec![target]));
    let calls = Cell::new(0);
    let report_seen = bench.pass_seeing(&|_| calls.set(calls.get() + 1));
    assert_eq!((calls.get(), report_seen), (3, report(1, 0, 0)));
    busy.finish();
    takes.finish();
}

#[test]
fn a_host_that_says_nothing_is_left_when_its_time_is_over() {
    // RFC 5321 §4.5.4. A connection is made here, but nobody takes it up.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut bench = Bench::new();
    bench.timeouts = Timeouts(Some(Duration::from_millis(50)));
    bench.add_for_bob();
    bench.route("b.example", &[silent.local_addr().expect("an address")]);
    assert_eq!(bench.pass(), report(0, 0, 1));
    let log = bench.log.borrow();
    assert!(
        log.contains("at the greeting: no answer came in time"),
        "{log}"
    );
}

#[test]
fn a_no_to_one_letter_is_not_remembered_for_the_next() {
    // RFC 5321 §4.5.4.1: a 5yz to MAIL must not be cached.
    let mut bench = Bench::new();
    bench.add_for_bob();
    bench.add_for_bob();
    let peer = Peer::new(&[&says_to_mail("550 no"), &takes_bob()]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(1, 1, 0));
    peer.finish();
}

#[test]
fn a_host_that_answers_about_the_letter_speaks_for_its_domain() {
    for (reply, expected) in [
        ("451 not now", report(0, 0, 1)),
        ("550 no", report(0, 1, 0)),
    ] {
        let mut bench = Bench::new();
        bench.add_for_bob();
        let first = Peer::new(&[&says_to_mail(reply)]);
        let nobody_asks = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let second = nobody_asks.local_addr().expect("an address");
        bench.route("b.example", &[first.address, second]);
        assert_eq!(bench.pass(), expected);
        nobody_asks.set_nonblocking(true).expect("a listener");
        let called = nobody_asks.accept().map_err(|error| error.kind());
        assert_eq!(
            called.err(),
            Some(io::ErrorKind::WouldBlock),
            "the second was called"
        );
        first.finish();
    }
}

#[test]
fn as_long_as_one_host_may_come_round_the_letter_waits() {
    let no_mail = "S: 554 no mail here\n";
    for (order, expected) in [
        (&["busy", "never"][..], report(0, 0, 1)),
        (&["never", "busy"], report(0, 0, 1)),
        (&["never", "never"], report(0, 1, 0)),
    ] {
        let mut bench = Bench::new();
        bench.add_for_bob();
        let script = |host: &&str| match *host {
            "never" => Peer::new(&[no_mail]),
            _ => Peer::new(&["S: 421 too busy\n"]),
        };
        let peers: Vec<Peer> = order.iter().map(script).collect();
        bench.route("b.example", &[peers[0].address, peers[1].address]);
        assert_eq!(bench.pass(), expected, "{order:?}");
        peers.into_iter().for_each(Peer::finish);
    }
}

#[test]
fn the_waits_double_up_to_a_longest_one_and_nobody_is_called_before_their_end() {
    // RFC 5321 §4.5.4.1: 30 minutes at least, and 4 to 5 days before we give up
    assert_eq!(Schedule::RFC.retry, Duration::from_secs(30 * 60));
    assert_eq!(Schedule::RFC.give_up, Duration::from_secs(5 * 24 * 60 * 60));
    let mut bench = Bench::new();
    bench.hops.insert(
        "b.example".to_string(),
        Err(NoHop::NotNow("no answer".to_string())),
    );
    bench.add_for_bob();
    let mut waits = Vec::new();
    for tries in 1..=8 {
        assert_eq!(bench.pass(), report(0, 0, 1));
        let envelope = bench.envelope();
        assert_eq!(envelope.tries, tries);
        waits.push((envelope.next.0 - bench.now) / 60);
        bench.now = envelope.next.0 - 1;
        assert_eq!(bench.pass(), report(0, 0, 1));
        assert_eq!(bench.envelope().tries, tries, "that was too early");
        bench.now += 1;
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 480, 480, 480]);
    assert_eq!(u64::from(LONGEST_WAIT), 480 / 30);
}

#[test]
fn each_recipient_has_a_fate_of_its_own() {
    // RFC 5321 §4.5.3.1.10 for the 552
    let mut bench = Bench::new();
    let names = ["bob", "full", "nobody", "many", "carol"];
    let to: Vec<String> = names
        .iter()
        .map(|name| format!("{name}@b.example"))
        .collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    // 452: there is room for bob, and no more. In the next transaction there may be room again.
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\n\
         C: RCPT TO:<bob@b.example>\nS: 250 OK\nC: RCPT TO:<full@b.example>\nS: 452 mailbox full\n\
         {TEXT}S: 250 OK\nC: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\n\
         C: RCPT TO:<full@b.example>\nS: 452 mailbox full\nC: RCPT TO:<nobody@b.example>\n\
         S: 550 who?\nC: RCPT TO:<many@b.example>\nS: 552 too many\n\
         C: RCPT TO:<carol@b.example>\nS: 250 OK\n{TEXT}S: 250 OK\n{QUIT}"
    );
    // Later only those are tried who wait.
    let later = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<full@b.example>\n\
         S: 250 OK\nC: RCPT TO:<many@b.example>\nS: 250 OK\n{TEXT}S: 250 OK\n{QUIT}"
    );
    let peer = Peer::new(&[&script, &later]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(2, 1, 2));
    let text = bench.bounced();
    assert!(
        text.contains("<nobody@b.example>\r\n    mx0.b.example says: 550 who?\r\n"),
        "{text}"
    );
    assert!(
        names
            .iter()
            .all(|name| *name == "nobody" || !text.contains(name)),
        "{text}"
    );
    bench.now += 30 * 60;
    assert_eq!(bench.pass(), report(2, 0, 0));
    assert_eq!(bench.bounces.letters.len(), 1, "one bounce for one refusal");
    assert!(bench.is_empty());
    peer.finish();
}

#[test]
fn a_reply_to_data_or_to_the_dot_counts_for_all() {
    let to_dot = |reply| format!("{TEXT}S: {reply}\n{QUIT}");
    let to_data = |reply| format!("C: DATA\nS: {reply}\nC: RSET\nS: 250 OK\n{QUIT}");
    for (end, expected) in [
        (to_dot("451 no space"), report(0, 0, 2)),
        (to_dot("554 no"), report(0, 2, 0)),
        (to_data("451 not now"), report(0, 0, 2)),
        (to_data("554 no"), report(0, 2, 0)),
    ] {
        let mut bench = Bench::new();
        let to = ["bob@b.example", "carol@b.example"];
        bench.add("<alice@a.example>", &to, LETTER.as_bytes());
        let script = format!(
            "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
             S: 250 OK\nC: RCPT TO:<carol@b.example>\nS: 250 OK\n{end}"
        );
        let peer = Peer::new(&[&script]);
        bench.route("b.example", &[peer.address]);
        assert_eq!(bench.pass(), expected, "{end}");
        peer.finish();
    }
}

#[test]
fn a_letter_that_is_too_old_is_given_up_with_the_last_reason() {
    // nullmailer #69, maddy #227: errors that were retried for ever
    let mut bench = Bench::new();
    bench.hops.insert(
        "b.example".to_string(),
        Err(NoHop::NotNow("no answer".to_string())),
    );
    bench.add_for_bob();
    try_often(&mut bench);
    bench.now = NOON + bench.schedule.give_up.as_secs() - 1;
    assert_eq!(bench.pass(), report(0, 0, 1));
    bench.now += 1;
    assert_eq!(bench.pass(), report(0, 1, 0));
    let text = bench.bounced();
    assert!(text.contains("a.example says: 451 no answer\r\n"), "{text}");
    assert!(text.contains("Status: 4.4.7\r\n"), "{text}");
    assert!(bench.is_empty());
}

/// As many passes as it takes until the letter may be given up.
fn try_often(bench: &mut Bench) {
    for tries in 1..=LEAST_TRIES {
        assert_eq!(bench.pass(), report(0, 0, 1));
        let envelope = bench.envelope();
        assert_eq!(envelope.tries, tries);
        bench.now = envelope.next.0;
    }
}

const DAY: u64 = 24 * 60 * 60;

// ours 15: the clock was weeks behind when the letter came, or the relay did not run for weeks.
#[test]
fn a_letter_that_looks_old_gets_eight_tries_before_it_is_given_up() {
    assert_eq!(LEAST_TRIES, 8);
    for behind in [5 * DAY, 30 * DAY, NOON] {
        let mut bench = Bench::new();
        let no_answer = NoHop::NotNow("no answer".to_string());
        bench.hops.insert("b.example".to_string(), Err(no_answer));
        bench.now -= behind;
        bench.add_for_bob();
        bench.now += behind;
        for tries in 1..LEAST_TRIES {
            assert_eq!(bench.pass(), report(0, 0, 1), "{behind}: try {tries}");
            bench.now = bench.envelope().next.0;
        }
        assert!(bench.now >= NOON + DAY, "the tries take more than a day");
        assert_eq!(bench.pass(), report(0, 1, 0), "{behind}");
        assert!(bench.bounced().contains("451 no answer"));
    }
    // A user who gives up after an hour, and tries every half, does not wait for that.
    let mut bench = Bench::new();
    bench.schedule.give_up = Duration::from_secs(60 * 60);
    bench.add_for_bob();
    assert_eq!(bench.pass(), report(0, 0, 1));
    bench.now += 30 * 60;
    assert_eq!(bench.pass(), report(0, 0, 1));
    bench.now += 30 * 60;
    assert_eq!(bench.pass(), report(0, 1, 0));
}

// ours 5: during one pass the clock was four days ahead. Until that day, letters were neither
// tried nor given up.
#[test]
fn a_letter_is_tried_whatever_a_wrong_clock_wrote_about_it() {
    let year = 365 * DAY;
    for (arrived, first_pass, later_pass) in [
        (NOON, NOON + 4 * DAY, NOON + 60), // four days ahead in one pass
        (NOON + year, NOON, NOON + 1800),  // a year ahead when the letter came
        (NOON + 3600, NOON, NOON + 1800),  // an hour ahead then
        (NOON, NOON - year, NOON - year + 1800), // a year behind
        (NOON, 0, NOON),                   // as SOURCE_DATE_EPOCH=0 says
        (NOON, NOON, 0),
    ] {
        let mut bench = Bench::new();
        let case = format!("{arrived} {first_pass} {later_pass}");
        (bench.now, bench.hops) = (arrived, BTreeMap::new());
        bench.add_for_bob();
        bench.now = first_pass;
        assert_eq!(bench.pass(), report(0, 0, 1), "{case}");
        assert_eq!(bench.envelope().tries, 1, "{case}");
        bench.now = later_pass;
        assert_eq!(bench.pass(), report(0, 0, 1), "{case}");
        assert_eq!(bench.envelope().tries, 2, "{case}");
        // But not again and again: the next try has its time.
        assert_eq!(bench.pass(), report(0, 0, 1), "{case}");
        assert_eq!(bench.envelope().tries, 2, "{case}");
    }
}

#[test]
fn a_try_that_is_further_off_than_the_longest_wait_is_due_now() {
    let mut bench = Bench::new();
    bench.add_for_bob();
    bench.pass();
    let longest = 16 * 30 * 60;
    for (ahead, due) in [
        (longest - 1, 0),
        (longest, 0),
        (longest + 1, 1),
        (u64::MAX - NOON, 1),
    ] {
        let (queue, mut envelope) = (bench.queue(), bench.envelope());
        let tries = envelope.tries;
        envelope.next = Date(NOON + ahead);
        let name = files(bench.folder.path()).remove(0);
        let (id, _) = name.split_once(".envelope").expect("an envelope");
        queue.update(id, &envelope).expect("an envelope");
        bench.pass();
        assert_eq!(bench.envelope().tries, tries + due, "{ahead}");
    }
    // The waits were days, and now they are seconds.
    let mut bench = Bench::new();
    bench.schedule.retry = Duration::from_secs(3 * DAY);
    bench.add_for_bob();
    bench.pass();
    bench.schedule.retry = Duration::from_secs(10);
    bench.now += 1;
    bench.pass();
    assert_eq!(bench.envelope().tries, 2);
}

#[test]
fn a_letter_is_given_up_in_time_also_if_no_try_is_due() {
    let give_up = Schedule::RFC.give_up.as_secs();
    let mut bench = Bench::new();
    bench.hops.insert(
        "b.example".to_string(),
        Err(NoHop::NotNow("no answer".to_string())),
    );
    bench.add_for_bob();
    try_often(&mut bench);
    bench.now = NOON + give_up - 60;
    assert_eq!(bench.pass(), report(0, 0, 1));
    bench.now += 59;
    assert_eq!(bench.pass(), report(0, 0, 1));
    // Nobody is called for that.
    bench.hops.insert(
        "b.example".to_string(),
        Err(NoHop::Never("never".to_string())),
    );
    bench.now += 1;
    assert_eq!(bench.pass(), report(0, 1, 0));
    let words = bench.bounced();
    assert!(words.contains("451 no answer"), "{words}");
    assert!(bench.is_empty());
}

#[test]
fn a_letter_from_the_future_is_given_up_after_as_many_tries_as_others() {
    let mut tries = Vec::new();
    for ahead in [0, 3600, 365 * DAY] {
        let mut bench = Bench::new();
        bench.now += ahead;
        bench.add_for_bob();
        bench.now -= ahead;
        let mut count = 0_u32;
        loop {
            count += 1;
            if bench.pass().failed == 1 {
                break;
            }
            assert!(count < 100, "it goes on for ever");
            bench.now = bench.envelope().next.0;
        }
        let days = (bench.now - NOON) / DAY;
        assert!((4..=5).contains(&days), "{ahead}: {days} days");
        tries.push(count);
    }
    assert!(
        tries.iter().all(|count| tries[0].abs_diff(*count) <= 1),
        "{tries:?}"
    );
}

#[test]
fn a_bounce_tells_programs_that_the_domain_is_wrong_or_takes_no_mail() {
    // RFC 3463: X.1.2; RFC 7505: X.1.10
    for why in [
        "5.1.2 there is no b.example",
        "5.1.10 b.example takes no mail",
    ] {
        let mut bench = Bench::new();
        let never = NoHop::Never(why.to_string());
        bench.hops.insert("b.example".to_string(), Err(never));
        bench.add_for_bob();
        assert_eq!(bench.pass(), report(0, 1, 0));
        let (status, _) = why.split_once(' ').expect("two words");
        let words = bench.bounced();
        assert!(words.contains(&format!("Status: {status}\r\n")), "{words}");
        assert!(
            words.contains(&format!("a.example says: 550 {why}\r\n")),
            "{words}"
        );
    }
}

#[test]
fn no_host_for_ever_is_a_bounce_and_no_host_now_is_a_wait() {
    for (no_hop, expected) in [
        (
            NoHop::Never("there is no such domain".to_string()),
            report(0, 1, 0),
        ),
        (
            NoHop::NotNow("the resolver is silent".to_string()),
            report(0, 0, 1),
        ),
    ] {
        let mut bench = Bench::new();
        bench.hops.insert("b.example".to_string(), Err(no_hop));
        bench.add_for_bob();
        assert_eq!(bench.pass(), expected);
    }
}

#[test]
fn a_dead_host_is_called_once_in_a_pass_however_many_letters_wait_for_it() {
    let mut bench = Bench::new();
    let nobody = Nobody::new();
    for domain in ["b.example", "c.example"] {
        bench.route(domain, &[nobody.address]);
    }
    bench.add_for_bob();
    bench.add_for_bob();
    bench.add("<>", &["carol@c.example"], LETTER.as_bytes());
    let calls = Cell::new(0);
    let seen = bench.pass_seeing(&|_| calls.set(calls.get() + 1));
    assert_eq!((calls.get(), seen), (1, report(0, 0, 3)));
    for envelope in envelopes(&bench.queue()) {
        assert_eq!(envelope.tries, 1, "the others wait as long as the first");
    }
    bench.now += bench.schedule.retry.as_secs();
    bench.pass_seeing(&|_| calls.set(calls.get() + 1));
    assert_eq!(calls.get(), 2, "the next pass calls again");
}

/// How often the next hops were asked for while these letters were tried.
fn questions(bench: &mut Bench, letters: &[Vec<String>]) -> usize {
    for to in letters {
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    }
    let (queue, own, asked) = (
        bench.queue(),
        "a.example".parse().expect("a domain"),
        Cell::new(0),
    );
    let mut relay = Relay {
        queue: &queue,
        own: &own,
        schedule: bench.schedule,
        timeouts: bench.timeouts,
        next_hops: &mut |_| {
            asked.set(asked.get() + 1);
            Err(NoHop::NotNow("no answer".to_string()))
        },
        store: &mut bench.bounces,
        clock: &mut Clock::new(Some(bench.now)),
        trace: &|| None,
        log: &|_| {},
    };
    relay.pass().expect("a pass");
    asked.get()
}

#[test]
fn a_domain_without_a_hop_is_looked_up_once_in_a_pass_however_it_is_written() {
    let to = ["bob@b.example", "carol@B.Example", "dan@B.EXAMPLE"];
    let letters = to.map(|to| vec![to.to_string()]);
    assert_eq!(questions(&mut Bench::new(), &letters), 1);
}

#[test]
fn a_thousand_domains_without_a_hop_are_remembered_and_no_more() {
    assert_eq!(UNREACHABLE, 1000);
    for domains in [999, 1000, 1001_usize] {
        let to: Vec<String> = (0..domains)
            .map(|at| format!("bob@d{at}.example"))
            .collect();
        let asked = questions(&mut Bench::new(), &[to.clone(), to]);
        assert_eq!(asked, domains + domains.saturating_sub(1000), "{domains}");
    }
}

#[test]
fn a_domain_is_looked_up_once_for_all_its_recipients() {
    // Here is no room to remember one more domain.
    let others = (0..UNREACHABLE).map(|at| format!("bob@d{at}.example"));
    let last = ["bob@b.example", "carol@B.Example", "dan@B.EXAMPLE"];
    let to = others.chain(last.map(String::from)).collect();
    assert_eq!(questions(&mut Bench::new(), &[to]), UNREACHABLE + 1);
}

#[test]
fn a_host_has_half_a_minute_to_pick_up_the_call_and_five_to_greet() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    assert_eq!(Timeouts::RFC.of(Stage::Connect), Duration::from_secs(30));
    for (all, connect) in [
        (minutes(10), 30),
        (minutes(1), 30),
        (Duration::from_secs(29), 29),
    ] {
        let timeout = Timeouts(Some(all)).of(Stage::Connect);
        assert_eq!(timeout, Duration::from_secs(connect));
    }
    let mut bench = Bench::new();
    bench.timeouts = Timeouts(Some(Duration::ZERO)); // that is refused, whoever listens
    bench.add_for_bob();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    bench.route("b.example", &[listener.local_addr().expect("an address")]);
    assert_eq!(bench.pass(), report(0, 0, 1));
    let log = bench.log.borrow();
    assert!(
        log.contains("at the connection: the connection failed: cannot set a 0"),
        "{log}"
    );
}

#[test]
fn an_envelope_in_which_nobody_is_left_is_removed() {
    // We were stopped after the last one had the letter, and before the letter was removed.
    let mut bench = Bench::new();
    let id = bench.add_for_bob();
    bench.pass();
    let mut envelope = bench.envelope();
    envelope.recipients.clear();
    bench.queue().update(&id, &envelope).expect("an envelope");
    assert_eq!(bench.pass(), report(0, 0, 0));
    assert!(bench.is_empty());
    assert!(bench.bounces.letters.is_empty());
}

#[test]
fn a_refusal_counts_although_the_host_closed_behind_it() {
    let to = ["bob@b.example", "nobody@b.example", "carol@b.example"];
    let begin = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
         S: 250 OK\nC: RCPT TO:<nobody@b.example>\nS: 550 5.1.1 who?\n\
         C: RCPT TO:<carol@b.example>\n"
    );
    let busy = "S: 421 busy\n";
    for (end, then, why) in [
        (
            "S: 421 closing\nC: QUIT\nS: {close}\n",
            Some(busy),
            "421 busy",
        ),
        ("S: {close}\n", Some(busy), "421 busy"),
        (
            "S: 250 OK\nC: DATA\nS: 421 closing\nC: QUIT\nS: {close}\n",
            None,
            "421 closing",
        ),
        (
            "S: 250 OK\nC: DATA\nS: {close}\n",
            None,
            "at DATA: the other side closed",
        ),
    ] {
        let mut bench = Bench::new();
        bench.add("<alice@a.example>", &to, LETTER.as_bytes());
        let calls = [Some(format!("{begin}{end}")), then.map(str::to_string)];
        let calls: Vec<&str> = calls.iter().flatten().map(String::as_str).collect();
        let peer = Peer::new(&calls);
        bench.route("b.example", &[peer.address]);
        assert_eq!(bench.pass(), report(0, 1, 2), "{end}");
        let words = bench.bounced();
        assert!(words.contains("Status: 5.1.1\r\n"), "{words}");
        assert!(
            !words.contains("bob@") && !words.contains("carol@"),
            "{words}"
        );
        for (_, state) in bench.envelope().recipients {
            let Progress::Waiting(Some(reason)) = state else {
                panic!("{state:?}");
            };
            assert!(reason.reply.to_string().contains(why), "{reason:?}");
        }
        assert!(!bench.log.borrow().contains("may have arrived"));
        peer.finish();
    }
    // Those without an answer are tried at the next host, and nobody else.
    let mut bench = Bench::new();
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let first = Peer::new(&[
        &format!("{begin}S: 421 closing\nC: QUIT\nS: {{close}}\n"),
        busy,
    ]);
    let second = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
         S: 250 OK\nC: RCPT TO:<carol@b.example>\nS: 250 OK\n{TEXT}S: 250 OK\n{QUIT}"
    );
    let second = Peer::new(&[&second]);
    bench.route("b.example", &[first.address, second.address]);
    let failed = RefCell::new(Vec::new());
    let seen = bench.pass_seeing(&|queue| {
        let count = envelopes(queue).remove(0).failed().count();
        failed.borrow_mut().push(count);
    });
    assert_eq!(seen, report(2, 1, 0));
    assert_eq!(
        failed.take(),
        [0, 1, 1],
        "it is written down before the next call"
    );
    first.finish();
    second.finish();
}

/// Names these recipients, one after another; the host takes them.
fn names_all(names: &[String]) -> String {
    let rcpt = |name: &String| format!("C: RCPT TO:<{name}>\nS: 250 OK\n");
    let rcpts: String = names.iter().map(rcpt).collect();
    format!("C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\n{rcpts}")
}

// ours 14: each try ended at the same recipient, and nobody ever got the letter.
#[test]
fn a_host_that_closes_at_one_rcpt_too_many_is_called_again_with_fewer() {
    // It closes at the third, at the first that is not alone, and without a word.
    let closes = "S: 421 too many\nC: QUIT\nS: {close}\n";
    let table = [
        (5, 2, closes),
        (3, 1, closes),
        (5, 2, "S: {close}\n"),
        (120, 40, closes),
    ];
    side_by_side(table, |(recipients, room, end)| {
        let names: Vec<String> = (0..recipients)
            .map(|at| format!("u{at}@b.example"))
            .collect();
        let too_many = |names: &[String]| {
            let begin = names_all(&names[..room]);
            format!("{HELLO}{begin}C: RCPT TO:<{}>\n{end}", names[room])
        };
        let (mut calls, mut named) = (Vec::new(), recipients);
        while named > room {
            calls.push(too_many(&names));
            named = named.min(RECIPIENTS_AT_ONCE) / 2;
        }
        for some in names.chunks(named) {
            calls.push(format!(
                "{HELLO}{}S: 250 OK\n{QUIT}",
                names_all(some) + TEXT
            ));
        }
        let mut bench = Bench::new();
        let to: Vec<&str> = names.iter().map(String::as_str).collect();
        bench.add("<alice@a.example>", &to, LETTER.as_bytes());
        let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
        let peer = Peer::new(&calls);
        bench.route("b.example", &[peer.address]);
        assert_eq!(bench.pass(), report(recipients, 0, 0), "{room}: {end}");
        assert!(bench.is_empty());
        peer.finish();
    });
}

#[test]
fn a_host_that_closes_at_a_recipient_who_is_alone_is_not_called_again() {
    let mut bench = Bench::new();
    let to = ["bob@b.example", "carol@b.example"];
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let closes = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
         S: 421 not now\nC: QUIT\nS: {{close}}\n"
    );
    let first = Peer::new(&[&closes, &closes]);
    // Then it is the turn of the next host.
    let second = format!(
        "{HELLO}{}S: 250 OK\n{QUIT}",
        names_all(&to.map(String::from)) + TEXT
    );
    let second = Peer::new(&[&second]);
    bench.route("b.example", &[first.address, second.address]);
    assert_eq!(bench.pass(), report(2, 0, 0));
    first.finish();
    second.finish();
}

#[test]
fn what_was_refused_before_the_host_closed_is_not_asked_for_again() {
    let mut bench = Bench::new();
    let to = ["bob@b.example", "nobody@b.example", "carol@b.example"];
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let closes = format!(
        "{HELLO}C: MAIL FROM:<alice@a.example> SIZE=34\nS: 250 OK\nC: RCPT TO:<bob@b.example>\n\
         S: 250 OK\nC: RCPT TO:<nobody@b.example>\nS: 550 who?\nC: RCPT TO:<carol@b.example>\n\
         S: 421 too many\nC: QUIT\nS: {{close}}\n"
    );
    let takes_carol = takes_bob().replace("bob@b", "carol@b");
    let peer = Peer::new(&[&closes, &takes_bob(), &takes_carol]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(2, 1, 0), "{}", bench.log.borrow());
    assert!(bench.bounced().contains("<nobody@b.example>"));
    peer.finish();
}

/// One transaction with these recipients, that is taken.
fn takes(names: &[String]) -> String {
    format!("{}{TEXT}S: 250 OK\n", names_all(names))
}

#[test]
fn a_long_list_is_served_in_one_pass_and_each_transaction_is_written_down() {
    let names: Vec<String> = (0..250).map(|at| format!("u{at}@b.example")).collect();
    let to: Vec<&str> = names.iter().map(String::as_str).collect();
    let [first, second, third] = [&names[..100], &names[100..200], &names[200..]].map(takes);
    let mut bench = Bench::new();
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let peer = Peer::new(&[&format!("{HELLO}{first}{second}{third}{QUIT}")]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(250, 0, 0), "{}", bench.log.borrow());
    assert!(bench.is_empty());
    peer.finish();

    // When the second has gone well, the first is written down, and so on.
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let peer = Peer::new(&[&format!("{HELLO}{first}{second}{third}{QUIT}")]);
    bench.route("b.example", &[peer.address]);
    let (queue, own) = (bench.queue(), "a.example".parse().expect("a domain"));
    let waiting = RefCell::new(Vec::new());
    let hop = bench.hops["b.example"].clone();
    let mut relay = Relay {
        queue: &queue,
        own: &own,
        schedule: bench.schedule,
        timeouts: bench.timeouts,
        next_hops: &mut |_| hop.clone(),
        store: &mut bench.bounces,
        clock: &mut Clock::new(Some(bench.now)),
        trace: &|| None,
        log: &|_| {
            waiting
                .borrow_mut()
                .push(envelopes(&queue)[0].recipients.len())
        },
    };
    assert_eq!(relay.pass().expect("a pass"), report(250, 0, 0));
    let mut waiting = waiting.take();
    waiting.dedup();
    assert_eq!(waiting, [250, 150, 50]);
    peer.finish();

    // The host breaks off in the third. When the next host is called, two are written down.
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let breaks =
        format!("{HELLO}{first}{second}C: MAIL FROM:<alice@a.example> SIZE=34\nS: {{close}}\n");
    let (breaks, rest) = (
        Peer::new(&[&breaks]),
        Peer::new(&[&format!("{HELLO}{third}{QUIT}")]),
    );
    bench.route("b.example", &[breaks.address, rest.address]);
    let seen = RefCell::new(Vec::new());
    let report_seen = bench.pass_seeing(&|queue| {
        let waiting = envelopes(queue).remove(0).recipients.len();
        seen.borrow_mut().push(waiting);
    });
    assert_eq!(
        (report_seen, seen.take()),
        (report(250, 0, 0), vec![250, 50])
    );
    breaks.finish();
    rest.finish();
}

#[test]
fn a_host_that_breaks_off_before_it_knows_the_letter_is_called_once_in_a_pass_too() {
    for script in ["S: {close}", "S: 220 b\nC: EHLO a.example\nS: {close}"] {
        let mut bench = Bench::new();
        let peer = Peer::new(&[script]);
        bench.route("b.example", &[peer.address]);
        bench.add_for_bob();
        bench.add_for_bob();
        let calls = Cell::new(0);
        let seen = bench.pass_seeing(&|_| calls.set(calls.get() + 1));
        assert_eq!((calls.get(), seen), (1, report(0, 0, 2)), "{script}");
        peer.finish();
    }
}

#[test]
fn a_folder_with_the_name_of_an_envelope_is_set_aside_and_reported_once() {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.folder.path().join("x.envelope")).expect("a folder");
    std::fs::create_dir(bench.folder.path().join("x.letter")).expect("a folder");
    assert_eq!(bench.pass().damaged, 1);
    let log = bench.log.borrow().clone();
    assert!(log.contains("x: it is not a regular file"), "{log}");
    assert_eq!(files(bench.folder.path()), ["x.damaged", "x.letter"]);
    assert_eq!(bench.pass(), report(0, 0, 0));
}

#[test]
fn an_envelope_that_can_be_neither_read_nor_moved_is_reported_in_each_pass() {
    let mut bench = Bench::new();
    for place in ["x.envelope", "x.damaged/full"] {
        std::fs::create_dir_all(bench.folder.path().join(place)).expect("a folder");
    }
    for _ in 0..2 {
        assert_eq!(bench.pass().damaged, 1);
        let log = bench.log.borrow().clone();
        assert!(log.contains("the letter stays in the queue"), "{log}");
        assert_eq!(files(bench.folder.path()), ["x.damaged", "x.envelope"]);
    }
}

#[test]
fn when_nobody_knows_whether_the_letter_arrived_it_waits_and_comes_twice() {
    // RFC 1047; maddy #23, postal #3016
    // Also freescout #5457.
    let mut bench = Bench::new();
    bench.add_for_bob();
    let unknown = takes_bob().replace("S: 250 OK\nC: QUIT\nS: 221 goodbye\n", "S: {close}\n");
    let peer = Peer::new(&[&unknown, &takes_bob()]);
    // The second host is not called: that would be a second letter for sure.
    let second = TcpListener::bind("127.0.0.1:0").expect("a port");
    second.set_nonblocking(true).expect("not blocking");
    let address = second.local_addr().expect("its address");
    bench.route("b.example", &[peer.address, address]);
    assert_eq!(bench.pass(), report(0, 0, 1));
    let called = second.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(io::ErrorKind::WouldBlock));
    let state = &bench.envelope().recipients[0].1;
    let Progress::Waiting(Some(Reason { host: None, reply })) = state else {
        panic!("{state:?}");
    };
    assert!(reply.to_string().contains("outcome unknown"), "{reply}");
    bench.now += 30 * 60;
    assert_eq!(bench.pass(), report(1, 0, 0));
    peer.finish();
}

#[test]
fn a_letter_that_the_host_cannot_take_comes_back_with_an_explanation() {
    for (offer, text, expected) in [
        ("HELP", "Subject: x\r\n\r\nGr\u{fc}\u{df}e\r\n", "8BITMIME"),
        (
            "SIZE 33",
            LETTER,
            "34 octets, and the server takes 33 at most",
        ),
    ] {
        let mut bench = Bench::new();
        bench.add("<alice@a.example>", &["bob@b.example"], text.as_bytes());
        let script = format!("S: 220 b\nC: EHLO a.example\nS: 250-b\nS: 250 {offer}\n{{}}");
        let peer = Peer::new(&[&script.replace("{}", "")]);
        bench.route("b.example", &[peer.address]);
        assert_eq!(bench.pass(), report(0, 1, 0));
        let text = bench.bounced();
        assert!(text.contains(expected), "{text}");
        peer.finish();
    }
}

#[test]
fn a_bounce_that_cannot_be_delivered_is_dropped() {
    // nullmailer #1, maddy #227: bounces of bounces, until the disk is full
    let mut bench = Bench::new();
    bench.add("<>", &["bob@b.example"], LETTER.as_bytes());
    let script = says_to_mail("550 no").replace("alice@a.example", "");
    let peer = Peer::new(&[&script]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(bench.pass(), report(0, 1, 0));
    assert!(bench.bounces.letters.is_empty());
    assert!(
        bench.log.borrow().contains("it is dropped"),
        "{}",
        bench.log.borrow()
    );
    assert!(bench.is_empty());
    peer.finish();
}

#[test]
fn one_bounce_for_all_goes_to_the_sender_on_the_envelope_and_to_nobody_in_the_header() {
    // RFC 5321 §4.4
    let mut bench = Bench::new();
    let text = "Return-Path: <eve@e.example>\r\nFrom: eve@e.example\r\nSender: eve@e.example\r\n\
                Reply-To: eve@e.example\r\nErrors-To: eve@e.example\r\n\r\nHello\r\n";
    let to = ["bob@b.example", "carol@c.example"];
    bench.add("<alice@a.example>", &to, text.as_bytes());
    for domain in ["b.example", "c.example"] {
        let never = NoHop::Never(format!("there is no {domain}"));
        bench.hops.insert(domain.to_string(), Err(never));
    }
    assert_eq!(bench.pass(), report(0, 2, 0));
    let words = bench.bounced();
    assert!(to.iter().all(|to| words.contains(&format!("<{to}>"))));
    let alice = "<alice@a.example>".parse().expect("a path");
    assert_eq!(bench.bounces.letters[0].forward_paths, [alice]);
}

#[test]
fn a_sender_who_is_nobody_gets_no_bounce() {
    let mut bench = Bench::new();
    bench.bounces.fails = Some(io::ErrorKind::NotFound);
    bench.hops.insert(
        "b.example".to_string(),
        Err(NoHop::Never("no such domain".to_string())),
    );
    bench.add_for_bob();
    assert_eq!(bench.pass(), report(0, 1, 0));
    assert!(
        bench
            .log
            .borrow()
            .contains("the sender <alice@a.example> has no mailbox")
    );
    assert!(bench.is_empty());
}

#[test]
fn each_conversation_is_written_down_before_the_next_begins() {
    let mut bench = Bench::new();
    let to = ["bob@b.example", "carol@c.example"];
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let first = Peer::new(&[&takes_bob()]);
    let second = Peer::new(&[&takes_bob().replace("bob@b", "carol@c")]);
    bench.route("b.example", &[first.address]);
    bench.route("c.example", &[second.address]);
    let seen = RefCell::new(Vec::new());
    bench.pass_seeing(&|queue| {
        let envelope = envelopes(queue).remove(0);
        seen.borrow_mut().push(envelope.waiting().count());
    });
    assert_eq!(*seen.borrow(), [2, 1]);
    first.finish();
    second.finish();
}

#[test]
fn a_try_and_the_date_of_the_next_are_written_down_before_the_call() {
    let mut bench = Bench::new();
    bench.add_for_bob();
    let peer = Peer::new(&[&takes_bob()]);
    bench.route("b.example", &[peer.address]);
    let seen = RefCell::new(Vec::new());
    bench.pass_seeing(&|queue| {
        let envelope = envelopes(queue).remove(0);
        seen.borrow_mut().push((envelope.tries, envelope.next.0));
    });
    assert_eq!(*seen.borrow(), [(1, NOON + 30 * 60)]);
    peer.finish();
}

#[test]
fn a_stop_between_two_domains_does_not_send_the_first_letter_again() {
    let mut bench = Bench::new();
    let to = ["bob@b.example", "carol@c.example"];
    bench.add("<alice@a.example>", &to, LETTER.as_bytes());
    let peer = Peer::new(&[&takes_bob()]);
    bench.route("b.example", &[peer.address]);
    bench.hops.insert(
        "c.example".to_string(),
        Err(NoHop::Never("no such domain".to_string())),
    );
    // The disk is full when the bounce is due: it stops there, as it would in a crash.
    bench.bounces.fails = Some(io::ErrorKind::StorageFull);
    assert_eq!(bench.pass(), report(1, 0, 1));
    peer.finish();
    bench.now += 30 * 60;
    bench.bounces.fails = None;
    assert_eq!(bench.pass(), report(0, 1, 0));
    assert!(bench.bounced().contains("<carol@c.example>"));
    assert!(bench.is_empty());
}

#[test]
fn damaged_files_are_set_aside_and_do_not_stop_the_others() {
    let mut bench = Bench::new();
    let (torn, no_text, bad_text) = (
        bench.add_for_bob(),
        bench.add_for_bob(),
        bench.add_for_bob(),
    );
    bench.add_for_bob();
    let file = |id: &str, kind| bench.folder.path().join(format!("{id}.{kind}"));
    std::fs::write(file(&torn, "envelope"), "from <alice@a.example>\narr").expect("a file");
    std::fs::remove_file(file(&no_text, "letter")).expect("a file");
    std::fs::write(file(&bad_text, "letter"), "no line end").expect("a file");
    let peer = Peer::new(&[&takes_bob()]);
    bench.route("b.example", &[peer.address]);
    assert_eq!(
        bench.pass(),
        Report {
            damaged: 3,
            ..report(1, 0, 0)
        }
    );
    peer.finish();
    for id in [torn, no_text, bad_text] {
        let name = format!("{id}.damaged");
        assert!(bench.log.borrow().contains(&name), "{}", bench.log.borrow());
        assert!(files(bench.folder.path()).contains(&name));
    }
    assert_eq!(bench.pass(), report(0, 0, 0), "they are reported once");
}

/// The header of a bounce, and of each of its parts the header and the body.
fn parts(bounce: &str) -> (String, Vec<(String, String)>) {
    let split = |part: &str| {
        let (header, body) = part.split_once("\r\n\r\n").expect("a header and a body");
        (header.replace("\r\n ", " "), body.to_string())
    };
    let (header, body) = split(bounce);
    let (_, boundary) = header.split_once("boundary=\"").expect("a boundary");
    let boundary = boundary.trim_end_matches('"');
    let inside = body.strip_prefix(&format!("--{boundary}\r\n"));
    let inside = inside.and_then(|rest| rest.strip_suffix(&format!("\r\n--{boundary}--\r\n")));
    let between = format!("\r\n--{boundary}\r\n");
    let parts = inside.expect("boundary lines around").split(&between);
    let parts = parts.map(split).collect();
    (header, parts)
}

#[test]
fn a_bounce_is_a_report_for_people_and_for_programs() {
    // RFC 5321 §6.1, RFC 6522 §3, RFC 3464 §2
    let parse = |mailbox: &str| mailbox.parse::<Mailbox>().expect("a mailbox");
    let reason = |host: Option<&str>, reply| Reason {
        host: host.map(|host| host.parse().expect("a host")),
        reply,
    };
    let failed = [
        (
            "bob@b.example",
            reason(Some("mx.b.example"), Reply::new(550, "5.1.1 who?")),
        ),
        (
            "\"b b\"@[192.0.2.1]",
            reason(None, Reply::new(451, "no answer")),
        ),
    ];
    let header = "Received: from x\r\n\tby y\r\nSubject: Gr\u{fc}\u{df}e \u{7}\r\n";
    let text = Text::from_file(format!("{header}\r\nthe secret body\r\n").as_bytes());
    let own = "a.example".parse().expect("a domain");
    let alice = parse("alice@a.example");
    let mut clock = Clock::new(Some(NOON));
    let envelope = given_up(&failed);
    let letter = bounce(&own, &alice, &envelope, &text, &mut clock);
    let lines = String::from_utf8(letter.text.octets().to_vec()).expect("ASCII");
    assert!(
        lines
            .bytes()
            .all(|octet| matches!(octet, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
    );
    assert!(!lines.contains("the secret body"));

    let (head, parts) = parts(&lines);
    let [
        (for_people, words),
        (for_programs, fields),
        (attached, original),
    ] = parts.as_slice()
    else {
        panic!("three parts, not {parts:#?}");
    };
    for field in [
        "From: Mail Delivery System <postmaster@a.example>",
        "To: alice@a.example",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=",
    ] {
        assert!(head.contains(field), "{field}: {head}");
    }
    assert!(
        ["Date: ", "Message-ID: <"]
            .iter()
            .all(|field| head.contains(field))
    );
    assert!(for_people.starts_with("Content-Type: text/plain"));
    assert!(words.contains("<bob@b.example>\r\n    mx.b.example says: 550 5.1.1 who?\r\n"));
    assert!(words.contains("<\"b b\"@[192.0.2.1]>\r\n    a.example says: 451 no answer\r\n"));

    assert_eq!(for_programs, "Content-Type: message/delivery-status");
    let groups: Vec<&str> = fields.trim_end().split("\r\n\r\n").collect();
    assert_eq!(
        groups,
        [
            "Reporting-MTA: dns; a.example\r\nArrival-Date: Fri, 15 Jan 2027 07:59:00 +0000",
            "Final-Recipient: rfc822; bob@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
             Remote-MTA: dns; mx.b.example\r\nDiagnostic-Code: smtp; 550 5.1.1 who?",
            "Final-Recipient: rfc822; \"b b\"@[192.0.2.1]\r\nAction: failed\r\nStatus: 4.4.7",
        ]
    );
    assert_eq!(attached, "Content-Type: text/rfc822-headers");
    assert_eq!(
        original,
        "Received: from x\r\n\tby y\r\nSubject: Gr????e ?\r\n"
    );
}

/// An envelope in which there is no hope for these, and carol still waits.
fn given_up(failed: &[(&str, Reason)]) -> Envelope {
    let failed = failed.iter().map(|(mailbox, reason)| {
        let mailbox = mailbox.parse().expect("a mailbox");
        (mailbox, Progress::Failed(reason.clone()))
    });
    let carol = "carol@c.example".parse().expect("a mailbox");
    Envelope {
        reverse_path: "<alice@a.example>".parse().expect("a path"),
        arrived: Date(NOON - 60),
        tries: 1,
        next: Date(NOON),
        recipients: failed.chain([(carol, Progress::Waiting(None))]).collect(),
    }
}

/// The lines of a bounce for these.
fn bounce_of(failed: &[(&str, Reason)], text: &[u8]) -> Vec<String> {
    let own = "a.example".parse().expect("a domain");
    let alice: Mailbox = "alice@a.example".parse().expect("a mailbox");
    let text = Text::from_file(text);
    let mut clock = Clock::new(Some(NOON));
    let letter = bounce(&own, &alice, &given_up(failed), &text, &mut clock);
    let lines = letter.text.lines();
    lines
        .map(|line| String::from_utf8(line.to_vec()).expect("ASCII"))
        .collect()
}

#[test]
fn a_bounce_shows_64_kib_of_a_header_at_most() {
    let line = format!("X: {}\r\n", "x".repeat(508)); // and LF: 512 octets
    for (lines, shown) in [(127, 127), (128, 128), (129, 128), (10_000, 128)] {
        let lines = bounce_of(&[], line.repeat(lines).as_bytes());
        let header = lines.iter().filter(|line| line.starts_with("X: "));
        assert_eq!(header.count(), shown);
    }
}

#[test]
fn no_line_of_a_bounce_is_longer_than_a_line_may_be() {
    // RFC 5322 §2.1.1: 998 octets
    let mx = format!("{0}.{0}.{0}.mx", "m".repeat(60));
    let reason = |text: &str| Reason {
        host: mx.parse().ok(),
        reply: Reply::new(550, text),
    };
    let long = format!("\"{}\"@{}.example", "l".repeat(62), "d".repeat(60));
    for length in [10, 997, 998, 999, 30_000, 70_000] {
        let subject = format!("Subject: {}", "x".repeat(length - "Subject: ".len()));
        let folded = format!("X: y\n {}\nLast: z\n\nbody\n", "\u{fc}".repeat(length));
        let failed = [(long.as_str(), reason(&"why not? ".repeat(length / 9)))];
        let lines = bounce_of(&failed, format!("{subject}\n{folded}").as_bytes());
        let longest = lines.iter().map(String::len).max();
        assert!(longest <= Some(998), "{length}: {longest:?}");
        let shown = lines.iter().find(|line| line.starts_with("Subject: x"));
        let shown = shown.expect("the long line is shown");
        assert_eq!(shown.len(), length.min(998));
        let last = "Last: z".to_string();
        assert!(lines.contains(&last), "and what follows it");
    }
}

#[test]
fn a_bounce_has_the_status_that_the_server_said() {
    // RFC 2034 §4: at the beginning of the text, and its class is the first digit. RFC 3464 §2.3.4:
    // no leading zeros.
    for (code, text, status) in [
        (550, "5.1.1 who?", "5.1.1"),
        (554, "5.7.1", "5.7.1"),
        (553, "5.999.123 x", "5.999.123"),
        (550, "5.0.0 no", "5.0.0"),
        (552, "5.2.2 full\n5.2.2 quite", "5.2.2"),
        (450, "4.2.2 full", "4.2.2"),
        (421, "4.3.2 closing", "4.3.2"),
        (451, "no", "4.4.7"),
        (451, "5.1.1 no", "4.4.7"),
        (550, "4.1.1 no", "5.0.0"),
        (550, "2.1.1 no", "5.0.0"),
        (550, "no 5.1.1", "5.0.0"),
        (550, "5.1 no", "5.0.0"),
        (550, "5.1.1.1 no", "5.0.0"),
        (550, "5.01.1 no", "5.0.0"),
        (550, "5.1.1000 no", "5.0.0"),
        (550, "5..1 no", "5.0.0"),
        (550, "5.1. no", "5.0.0"),
        (550, "5.1.1: no", "5.0.0"),
        (550, "5.-1.1 no", "5.0.0"),
        (550, "15.1.1 no", "5.0.0"),
        (550, "", "5.0.0"),
    ] {
        let reason = Reason {
            host: "mx.b.example".parse().ok(),
            reply: Reply::new(code, text),
        };
        let lines = bounce_of(&[("bob@b.example", reason)], b"x");
        let line = format!("Status: {status}");
        let count = lines
            .iter()
            .filter(|line| line.starts_with("Status: "))
            .count();
        assert!(
            lines.contains(&line) && count == 1,
            "{code} {text}: {lines:#?}"
        );
    }
}
