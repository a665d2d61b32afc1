//! Chapter 10: a server that one bad caller cannot stop. What is timed here is so on both sides:
//! a test waits for what the server does, and never just waits.

#[allow(dead_code)]
mod common {
    pub mod inn;
    pub mod script;
    pub mod side_by_side;
    pub mod talk;
}

use common::inn::{Guest, Inn, Memory, caller, codes, conversation, host};
use common::script::{Dice, Script};
use common::side_by_side::{at_two_paces, side_by_side};
use common::talk::{self, Talk, envelope};
use smtp_primer::protocol::line::{COMMAND_LINE, Wire};
use smtp_primer::server::{BUSY_TIMEOUT, Store, Times, converse, hang_up};
use smtp_primer::session::{Letter, Session};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};
use std::{io, thread};

const TIMEOUT: Duration = Duration::from_secs(300);
const TO_DATA: &str =
    "EHLO b.example\r\nMAIL FROM:<bob@b.example>\r\nRCPT TO:<alice@a.example>\r\nDATA\r\n";

/// A server that is still well takes a letter.
fn assert_well(address: &str) {
    let mut guest = Guest::call(address);
    guest.send(format!("{TO_DATA}well\r\n.\r\n"));
    assert_eq!(guest.quit(), [250, 250, 250, 354, 250, 221]);
}

#[test]
fn callers_are_served_one_after_another_and_each_begins_anew() {
    let inn = Inn::open(5, TIMEOUT);
    for _ in 0..5 {
        let mut guest = Guest::call(&inn.address);
        assert_eq!(guest.say("RCPT TO:<alice@a.example>"), 503);
        assert_eq!(guest.say("EHLO b.example"), 250);
        assert_eq!(guest.say("MAIL FROM:<bob@b.example>"), 250);
        assert_eq!(guest.say("RCPT TO:<alice@a.example>"), 250);
    }
    assert_eq!(inn.close(), []);
}

#[test]
fn after_quit_comes_221_and_then_the_end() {
    // DEFECTS 33: aiosmtpd #8, OpenSMTPD #801.
    // Also aiosmtplib #345.
    let inn = Inn::open(1, TIMEOUT);
    let mut guest = Guest::call(&inn.address);
    guest.send("QUIT\r\nNOOP\r\n");
    assert_eq!(guest.rest(), [221], "nothing after QUIT is answered");
    inn.close();
}

#[test]
fn a_group_of_commands_is_answered_in_order() {
    // RFC 2920 §3.1: a group may hold all but the last of a letter, and the next letter.
    let group = format!(
        "{TO_DATA}one\r\n.\r\nNOOP\r\n{}",
        &TO_DATA["EHLO b.example\r\n".len()..]
    );
    let inn = Inn::open(1, TIMEOUT);
    let mut guest = Guest::call(&inn.address);
    guest.send(group + "two\r\n.\r\nVRFY nobody\r\nQUIT\r\n");
    let replies = [250, 250, 250, 354, 250, 250, 250, 250, 354, 250, 550, 221];
    assert_eq!(guest.rest(), replies);
    let texts: Vec<Vec<u8>> = inn
        .close()
        .iter()
        .map(|it| it.text.octets().to_vec())
        .collect();
    assert_eq!(texts, [b"one\r\n", b"two\r\n"]);
}

#[test]
fn replies_to_a_group_leave_together_and_the_greeting_at_once() {
    let script = Script::new(["NOOP\r\nNOOP\r\nNO", "OP\r\n"]);
    let (_, stream) = conversation(script, 100, &mut Memory::default());
    let script = stream.0.borrow();
    let lines = |octets: &&[u8]| codes(octets).len();
    assert_eq!(
        script.writes().iter().map(lines).collect::<Vec<_>>(),
        [1, 2, 1]
    );
}

#[test]
fn a_text_without_end_is_refused_for_good_before_the_server_hangs_up() {
    let line = "x".repeat(64 * 1024 - 2) + "\r\n";
    let script = Script::new(
        [TO_DATA.to_string()]
            .into_iter()
            .chain(std::iter::repeat(line)),
    );
    let (codes, _) = conversation(script, 100, &mut Memory::default());
    assert_eq!(codes, [220, 250, 250, 250, 354, 552]);
}

#[test]
fn each_line_has_the_whole_timeout() {
    let script = Script::new(["EHLO b.example\r\n", "NOOP\r\n"]);
    let (_, stream) = conversation(script, 100, &mut Memory::default());
    assert!(
        stream
            .waits()
            .iter()
            .all(|(_, timeout)| *timeout == TIMEOUT)
    );
}

#[test]
fn a_conversation_that_ends_anywhere_leaves_whole_letters_or_none() {
    let whole = format!("{TO_DATA}Hello\r\n.\r\nQUIT\r\n");
    let dot = whole.find("\r\n.\r\n").expect("a dot") + "\r\n.\r\n".len();
    for end in 0..=whole.len() {
        for error in [None, Some(ErrorKind::ConnectionReset)] {
            let script = Script::new([whole[..end].to_string()]);
            let script = match error {
                Some(error) => script.failing(error),
                None => script,
            };
            let mut memory = Memory::default();
            let (replies, _) = conversation(script, 100, &mut memory);
            assert_eq!(
                memory.letters.len(),
                usize::from(end >= dot),
                "ends at {end}"
            );
            assert!(!replies.iter().any(|code| *code >= 400), "{replies:?}");
        }
    }
}

#[test]
fn a_caller_who_hangs_up_or_resets_anywhere_does_not_end_the_server() {
    let whole = format!("{TO_DATA}Hello\r\n.\r\nQUIT\r\n");
    let ends: Vec<usize> = (0..=whole.len()).step_by(7).collect();
    let inn = Inn::open(2 * ends.len() as u64 + 1, TIMEOUT);
    for end in ends {
        let mut guest = Guest::call_only(&inn.address);
        guest.send(&whole[..end]);
        guest
            .0
            .get_mut()
            .shutdown(Shutdown::Write)
            .expect("a connection");
        guest.rest();
        // A socket that is dropped with something unread in it resets the connection.
        let mut guest = Guest::call_only(&inn.address);
        guest.send(&whole[..end]);
        assert_eq!(guest.0.get_ref().peek(&mut [0]).expect("a greeting"), 1);
    }
    assert_well(&inn.address);
    inn.close();
}

#[test]
fn garbage_is_refused_twenty_times_and_then_the_door_is_shut() {
    let mut dice = Dice::new(10);
    let inn = Inn::open(4, TIMEOUT);
    for _ in 0..3 {
        let octets: Vec<u8> = (0..200_000).map(|_| dice.below(256) as u8).collect();
        let mut guest = Guest::call(&inn.address);
        guest.send(octets);
        let replies = guest.rest();
        assert_eq!(
            replies.last(),
            Some(&421),
            "the last reply arrives: {replies:?}"
        );
        assert!(replies.len() <= 20, "{replies:?}");
    }
    assert_well(&inn.address);
    inn.close();
}

#[test]
fn a_mebibyte_without_a_line_end_gets_500_and_is_read_so_that_the_reply_arrives() {
    // DEFECTS 27. Were the rest left unread, TCP would send a reset behind the reply, or before it.
    let inn = Inn::open(3, TIMEOUT);
    for octet in [b'x', 0] {
        let half = vec![octet; 512 * 1024];
        let mut guest = Guest::call(&inn.address);
        guest.send(&half);
        assert_eq!([guest.hear(), guest.hear()], [500, 0]);
        for chunk in half.chunks(16 * 1024) {
            let sent = guest.0.get_mut().write_all(chunk);
            sent.expect("the server still reads");
        }
    }
    assert_well(&inn.address);
    inn.close();
}

#[test]
fn a_command_line_has_512_octets_at_most_also_here() {
    let noop = |length: usize| format!("NOOP {}\r\n", "x".repeat(length - "NOOP \r\n".len()));
    let lines = [COMMAND_LINE - 1, COMMAND_LINE, COMMAND_LINE + 1]
        .map(noop)
        .concat();
    let (replies, _) = conversation(Script::says(lines), 100, &mut Memory::default());
    assert_eq!(replies, [220, 250, 250, 500]);
}

/// Says `said`, and then `dribble` every now and then, until the server ends it: the replies after
/// the first `before`.
fn linger(inn: &Inn, short: Duration, said: &str, before: usize, dribble: &str) -> Vec<u16> {
    let mut guest = Guest::call(&inn.address);
    guest.send(said);
    (0..before).for_each(|_| assert!(guest.hear() < 400));
    guest
        .0
        .get_ref()
        .set_read_timeout(Some(short / 3))
        .expect("a socket");
    let mut came = Vec::new();
    for _ in 0..100 {
        match guest.0.read_to_end(&mut came) {
            Ok(_) => return codes(&came),
            Err(error) => assert!(is_timeout(&error), "{error}"),
        }
        guest.send(dribble);
    }
    panic!("the server never ended it; it said {:?}", codes(&came));
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Does that for several, each at a server of its own and all at the same time. Afterwards each
/// server must be well, and must have kept nothing but the letter that shows it.
fn linger_all(short: Duration, cases: &[(&str, usize, &str)]) -> Vec<Vec<u16>> {
    side_by_side(cases, |(said, before, dribble)| {
        let inn = Inn::open(2, short);
        let replies = linger(&inn, short, said, *before, dribble);
        assert_well(&inn.address);
        assert_eq!(inn.close().len(), 1);
        replies
    })
}

#[test]
fn who_says_no_line_in_time_gets_421_and_the_next_is_served() {
    at_two_paces(|short| {
        let begun = Instant::now();
        // An octet now and then is no line.
        let cases = [("", 0, ""), ("NOOP\r\nNOO", 1, ""), ("", 0, "N")];
        assert_eq!(linger_all(short, &cases), [[421], [421], [421]]);
        assert!(begun.elapsed() >= short);
    });
}

#[test]
fn a_text_that_stops_is_neither_kept_nor_run() {
    // DEFECTS 15: go-smtp #196: 421 after a timeout, and then the text ran as commands.
    let text = format!("{TO_DATA}VRFY alice\r\nRSET\r\nQU");
    at_two_paces(|short| {
        let cases = [(text.as_str(), 4, ""), (&text, 4, "Q")];
        assert_eq!(linger_all(short, &cases), [[421], [421]]);
    });
}

#[test]
fn a_connection_ends_some_day_however_lively_it_is() {
    at_two_paces(|short| {
        let cases = [("", 0, "NOOP\r\n"), (TO_DATA, 4, "one more line\r\n")];
        let mut replies = linger_all(short, &cases);
        assert_eq!(replies.pop().expect("replies"), [421]);
        let mut noops = replies.pop().expect("replies");
        assert_eq!(noops.pop(), Some(421));
        assert!(noops.iter().all(|code| *code == 250), "{noops:?}");
        assert!(noops.len() > 4, "each line has its own timeout: {noops:?}");
    });
}

/// A server that takes two calls, and a first caller who gives up a write that takes too long.
fn with_deaf_caller(short: Duration) -> (Inn, Guest) {
    let times = Times {
        timeout: short,
        goodbye: short,
        ..LONG
    };
    let inn = Inn::with(2, times);
    let deaf = Guest::call(&inn.address);
    let patience = deaf.0.get_ref().set_write_timeout(Some(short));
    patience.expect("a socket");
    (inn, deaf)
}

/// Twelve megabytes of replies are asked for: more than any system keeps for one connection.
fn ask_for_much(deaf: &mut Guest) {
    deaf.send("HELP\r\n".repeat(50_000));
}

#[test]
fn a_caller_who_does_not_read_is_borne_with_no_longer() {
    at_two_paces(|short| {
        let (inn, mut deaf) = with_deaf_caller(short);
        ask_for_much(&mut deaf);
        assert_well(&inn.address);
        inn.close();
    });
}

/// A caller who takes the first octets of a reply, then none for too long, and then takes all.
struct Slow {
    script: Script,
    takes: Vec<usize>,
}

impl smtp_primer::protocol::line::Stream for Slow {
    fn allow(&mut self, _: Duration) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.script.read(buffer)
    }
}

impl Write for Slow {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        match self.takes.pop() {
            Some(0) => Err(ErrorKind::TimedOut.into()),
            Some(most) => self.script.write(&octets[..most.min(octets.len())]),
            None => self.script.write(octets),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_sent_in_part_is_not_sent_again() {
    let (script, takes) = (Script::says("NOOP\r\n"), vec![0, 5]);
    let mut wire = Wire::new(Slow { script, takes });
    let host = host(100);
    let mut session = Session::new(&host, caller());
    let ended = converse(&mut wire, &mut session, &mut Memory::default(), TIMEOUT);
    hang_up(
        &mut wire,
        &ended.expect_err("a timeout"),
        "421 a.example closing",
    );
    assert_eq!(
        wire.stream().script.written(),
        b"220 a421 a.example closing: timed out\r\n"
    );
}

#[test]
#[ignore = "the timeout it tests is ten seconds long"]
fn an_idle_caller_has_ten_seconds_as_soon_as_another_waits() {
    let inn = Inn::open(4, TIMEOUT);
    for dribble in ["", "N"] {
        let begun = Instant::now();
        let mut idle = Guest::call(&inn.address);
        let mut next = Guest::call_only(&inn.address);
        idle.0
            .get_ref()
            .set_read_timeout(Some(BUSY_TIMEOUT / 50))
            .expect("a socket");
        let mut came = Vec::new();
        while let Err(error) = idle.0.read_to_end(&mut came) {
            assert!(is_timeout(&error), "{error}");
            assert!(
                begun.elapsed() < BUSY_TIMEOUT * 2,
                "the server is too patient"
            );
            idle.send(dribble);
        }
        assert_eq!(codes(&came), [421]);
        assert!(begun.elapsed() >= BUSY_TIMEOUT);
        assert_eq!(next.hear(), 220);
        assert_eq!(next.quit(), [221]);
    }
    inn.close();
}

#[test]
fn a_letter_that_cannot_be_kept_gets_one_4xx_after_the_dot_and_the_next_goes_well() {
    // DEFECTS 14: mailin fsm.rs:551: 554 for each line of the text, and then 250 for the dot.
    for (error, code) in [
        (ErrorKind::StorageFull, 452),
        (ErrorKind::QuotaExceeded, 452),
        (ErrorKind::PermissionDenied, 451),
        (ErrorKind::NotFound, 451),
        (ErrorKind::TimedOut, 451),
        (ErrorKind::ConnectionReset, 451),
    ] {
        let mut memory = Memory {
            errors: [error].into(),
            ..Memory::default()
        };
        let letter = format!("{TO_DATA}one\r\ntwo\r\nthree\r\n.\r\n");
        let script = Script::says(letter.repeat(2) + "QUIT\r\n");
        let (replies, _) = conversation(script, 100, &mut memory);
        let each = |last| [250, 250, 250, 354, last];
        assert_eq!(
            replies,
            [&[220], &each(code)[..], &each(250), &[221]].concat()
        );
        assert_eq!(memory.letters.len(), 1);
    }
}

/// Times in which nothing ends by itself, for a test that makes one of them short.
const LONG: Times = Times {
    timeout: TIMEOUT,
    busy_timeout: TIMEOUT,
    goodbye: TIMEOUT,
};

/// The answer to `NOOP`, with a rest before it: nobody needs a hundred thousand of them.
fn noop(guest: &mut Guest) -> u16 {
    thread::sleep(Duration::from_millis(1));
    guest.say("NOOP")
}

/// Says it again and again, for as long as it is answered: the last reply.
fn say_again(guest: &mut Guest) -> u16 {
    loop {
        match noop(guest) {
            250 => {}
            last => return last,
        }
    }
}

// ours 8: one caller sent many commands in one write, each with a long list of recipients, and
// the next caller waited for five minutes.
#[test]
fn a_caller_who_sends_a_block_of_commands_is_stopped_between_two_of_them() {
    // All of them are in our buffer, so we neither read nor write before we look at the time.
    let (short, goodbye) = (Duration::from_millis(20), Duration::from_secs(20));
    for (line, wanted) in [
        ("EXPN x\r\n", false),
        ("NOOP\r\n", true),
        ("VRFY x\r\n", true),
    ] {
        let timeout = if wanted { TIMEOUT } else { short };
        let times = Times {
            timeout,
            busy_timeout: short,
            goodbye,
        };
        let inn = Inn::with(2, times);
        let mut guest = Guest::call(&inn.address);
        let next = Guest::call_only(&inn.address);
        let mut sender = guest.0.get_ref().try_clone().expect("a socket");
        let sending = thread::spawn(move || {
            let block = line.repeat(10_000);
            while sender.write_all(block.as_bytes()).is_ok() {}
        });
        assert_eq!(guest.rest().last(), Some(&421), "{line}");
        sending.join().expect("it was cut off");
        let mut next = next;
        assert_eq!(next.hear(), 220);
        next.send("QUIT\r\n");
        drop(next);
        inn.close();
    }
}

// ours 11: a caller had hung up, and the server cut off another one in the middle of a letter for
// its sake.
#[test]
fn a_caller_who_has_hung_up_does_not_wait() {
    let short = Duration::from_millis(100);
    let inn = Inn::with(
        4,
        Times {
            busy_timeout: short,
            ..LONG
        },
    );
    let mut busy = Guest::call(&inn.address);
    // Two that are gone before we look, and one that goes after.
    drop(Guest::call_only(&inn.address));
    drop(Guest::call_only(&inn.address));
    let begun = Instant::now();
    let mut waits = Some(Guest::call_only(&inn.address));
    while begun.elapsed() < short * 12 {
        assert_eq!(noop(&mut busy), 250, "after {:?}", begun.elapsed());
        if begun.elapsed() > short * 4 {
            waits.take(); // It hangs up, before its wait has been too long.
        }
    }
    // Behind the dead there is one who lives.
    drop(Guest::call_only(&inn.address));
    let mut next = Guest::call_only(&inn.address);
    let begun = Instant::now();
    assert_eq!(say_again(&mut busy), 421);
    assert!(begun.elapsed() >= short * 6);
    drop(busy);
    assert_eq!(next.hear(), 220);
    assert_eq!(next.quit(), [221]);
    drop(next);
    Guest::call(&inn.address);
    Guest::call(&inn.address);
    inn.close();
}

#[test]
fn a_caller_who_has_said_something_and_closed_one_direction_still_waits() {
    at_two_paces(|busy_timeout| {
        let times = Times {
            busy_timeout,
            ..LONG
        };
        let inn = Inn::with(2, times);
        let mut idle = Guest::call(&inn.address);
        let mut next = Guest::call_only(&inn.address);
        next.send("EHLO b.example\r\nQUIT\r\n");
        let closed = next.0.get_ref().shutdown(Shutdown::Write);
        closed.expect("a socket");
        assert_eq!(idle.rest(), [421]);
        assert_eq!(next.rest(), [220, 250, 221]);
        inn.close();
    });
}

/// Exercise 10.1, ten times faster: HELO at 0, a caller from 3 to 8, and a caller at 12.
#[test]
fn an_idle_caller_may_stay_until_somebody_waits_who_has_not_hung_up() {
    let second = Duration::from_millis(100);
    let times = Times {
        busy_timeout: second * 10,
        ..LONG
    };
    let inn = Inn::with(2, times);
    let mut idle = Guest::call(&inn.address);
    assert_eq!(idle.say("HELO b.example"), 250);
    thread::sleep(second * 3);
    let gone = Guest::call_only(&inn.address);
    thread::sleep(second * 5);
    drop(gone);
    let patience = idle.0.get_ref().set_read_timeout(Some(second * 5));
    patience.expect("a socket");
    let silence = idle.0.read(&mut [0]).expect_err("nobody waits");
    assert!(is_timeout(&silence), "{silence}");
    let mut next = Guest::call_only(&inn.address);
    let patience = idle.0.get_ref().set_read_timeout(Some(second * 8));
    patience.expect("a socket");
    assert_eq!(idle.hear(), 421, "at once, not ten seconds later");
    drop(idle);
    assert_eq!(next.hear(), 220);
    drop(next);
    inn.close();
}

#[test]
fn an_idle_caller_is_cut_off_soon_after_another_has_come() {
    at_two_paces(|busy_timeout| {
        let times = Times {
            busy_timeout,
            ..LONG
        };
        let inn = Inn::with(2, times);
        let begun = Instant::now();
        let mut idle = Guest::call(&inn.address);
        let mut next = Guest::call_only(&inn.address);
        assert_eq!(idle.rest(), [421]);
        assert!(begun.elapsed() >= busy_timeout);
        // We look up five times in a second.
        assert!(begun.elapsed() < busy_timeout + Duration::from_secs(5));
        assert_eq!(next.quit(), [220, 221]);
        inn.close();
    });
}

#[test]
fn the_connection_of_a_lively_caller_lasts_six_times_the_timeout() {
    at_two_paces(|short| {
        side_by_side([(short, TIMEOUT), (TIMEOUT, short)], |times| {
            let (timeout, busy_timeout) = times;
            let times = Times {
                timeout,
                busy_timeout,
                ..LONG
            };
            let inn = Inn::with(2, times);
            let begun = Instant::now();
            let mut lively = Guest::call(&inn.address);
            let mut next = Guest::call_only(&inn.address);
            assert_eq!(say_again(&mut lively), 421);
            assert!(begun.elapsed() >= short * 6, "{:?}", begun.elapsed());
            assert!(begun.elapsed() < short * 12, "{:?}", begun.elapsed());
            drop(lively);
            assert_eq!(next.quit(), [220, 221]);
            inn.close();
        });
    });
}

#[test]
fn a_caller_who_does_not_close_is_given_the_time_of_the_goodbye_and_no_more() {
    let usual = Times::new(TIMEOUT).goodbye;
    let short = usual / 4;
    let rows = [(short, short), (usual, usual * 4 / 5)];
    side_by_side(rows, |(goodbye, least)| {
        let inn = Inn::with(2, Times { goodbye, ..LONG });
        let mut first = Guest::call(&inn.address);
        let mut next = Guest::call_only(&inn.address);
        let begun = Instant::now();
        assert_eq!(first.say("QUIT"), 221);
        assert_eq!(first.hear(), 0);
        // We still read what it says, so no reset overtakes our last reply.
        for _ in 0..10 {
            let sent = first.0.get_mut().write_all(b"NOOP\r\n");
            sent.expect("the server reads");
        }
        assert_eq!(next.hear(), 220);
        let waited = begun.elapsed();
        assert!(waited >= least, "{waited:?}");
        assert!(waited < Duration::from_secs(8), "{waited:?}");
        drop(first);
        assert_eq!(next.quit(), [221]);
        inn.close();
    });
}

#[test]
fn a_caller_who_reads_nothing_gets_the_time_of_the_goodbye_once_and_once_more_to_close() {
    at_two_paces(|short| {
        let (inn, mut deaf) = with_deaf_caller(short);
        let mut next = Guest::call_only(&inn.address);
        let begun = Instant::now();
        ask_for_much(&mut deaf);
        assert_eq!(next.hear(), 220);
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(20), "{waited:?}");
        assert_eq!(next.quit(), [221]);
        inn.close();
    });
}

#[test]
fn a_mebibyte_is_read_when_we_close_and_not_one_octet_more() {
    const MEBIBYTE: usize = 1024 * 1024;
    let inn = Inn::with(2, LONG);
    let mut first = Guest::call(&inn.address);
    let mut next = Guest::call_only(&inn.address);
    assert_eq!(first.say("QUIT"), 221);
    assert_eq!(first.hear(), 0);
    first.send(vec![b'x'; MEBIBYTE - 1]);
    // The server waits for the rest, and so the next caller hears nothing.
    let socket = next.0.get_ref().try_clone().expect("a socket");
    let patience = socket.set_read_timeout(Some(Duration::from_millis(400)));
    patience.expect("a socket");
    let error = next.0.read(&mut [0]).expect_err("not yet");
    assert!(is_timeout(&error), "{error}");
    socket.set_read_timeout(Some(TIMEOUT)).expect("a socket");
    first.send("x");
    assert_eq!(next.hear(), 220);
    assert_eq!(next.quit(), [221]);
    inn.close();
}

#[test]
fn the_usual_times_are_ten_seconds_for_a_caller_in_the_way_and_one_for_the_goodbye() {
    let seconds = Duration::from_secs;
    let (timeout, short, goodbye) = (seconds(7), seconds(10), seconds(1));
    assert_eq!(
        Times::new(seconds(7)),
        Times {
            timeout,
            busy_timeout: short,
            goodbye
        }
    );
}

/// Fails the first time, keeps the envelope after that.
#[derive(Default)]
struct Forgetful(Option<io::ErrorKind>, Vec<String>);

impl Store for Forgetful {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        self.0
            .take()
            .map_or(Ok(()), |kind| Err(io::Error::from(kind)))?;
        self.1.push(envelope(letter));
        Ok(self.1.len().to_string())
    }
}

/// The same DEFECT, where it is the store that fails; and mailin fsm.rs:551, which then said 554
/// to every line and 250 to the dot.
#[test]
fn a_letter_that_cannot_be_kept_is_refused_once_and_forgotten() {
    let said = b"EHLO c\r\nMAIL FROM:<x@y>\r\nRCPT TO:<alice@a.example>\r\nDATA\r\nall\r\nmine\r\n\
        .\r\nDATA\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.example>\r\nDATA\r\n.\r\nQUIT\r\n";
    for (kind, refusal) in [
        (io::ErrorKind::PermissionDenied, "451"),
        (io::ErrorKind::StorageFull, "452"),
        (io::ErrorKind::QuotaExceeded, "452"),
    ] {
        let host = talk::host();
        let mut session = Talk::new(&host).0;
        let mut script = Script::says(said);
        let mut store = Forgetful(Some(kind), Vec::new());
        let mut wire = Wire::new(&mut script);
        let timeout = Duration::from_secs(1);
        converse(&mut wire, &mut session, &mut store, timeout).expect("it ends well");
        let heard = String::from_utf8(script.written()).expect("ASCII");
        let last_lines = heard.lines().filter(|line| !line.starts_with("250-"));
        let codes: Vec<&str> = last_lines.map(|line| &line[..3]).collect();
        let due = [
            "220", "250", "250", "250", "354", refusal, "503", "250", "250", "354",
        ];
        assert_eq!(codes, [&due[..], &["250", "221"]].concat(), "{kind}");
        assert_eq!(store.1, ["<> to <bob@a.example>"], "{kind}");
    }
}
