//! Chapter 8: a conversation as a text file, which can be played as either side, and which tells
//! what went otherwise.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::Script;
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::{ENDLESS_LINE, Socket};
use smtp_primer::protocol::reply::REPLY_LINES;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a peer does when it has said all.
const CLOSES: Option<ErrorKind> = None;
const RESETS: Option<ErrorKind> = Some(ErrorKind::ConnectionReset);
const SILENT: Option<ErrorKind> = Some(ErrorKind::TimedOut);

fn peer(says: &[u8], then: Option<ErrorKind>) -> Script {
    match then {
        None => Script::says(says),
        Some(error) => Script::says(says).failing(error),
    }
}

fn parse(text: &str) -> Dialogue {
    Dialogue::parse("test.txt", text).unwrap_or_else(|why| panic!("{why}"))
}

/// Plays the client against a peer that says `says`; returns what the peer heard.
fn play(text: &str, says: &[u8], then: Option<ErrorKind>) -> Result<Vec<u8>, String> {
    let mut script = peer(says, then);
    let played = parse(text).play(Side::Client, &mut script, TIMEOUT);
    played.map_err(|difference| difference.to_string())?;
    Ok(script.written())
}

#[test]
fn a_line_that_is_none_is_named_with_its_file_and_number() {
    for (line, why) in [
        ("X: 250", "begins with"),
        ("hello", "begins with"),
        ("C", "begins with"),
        ("C:NOOP", "begins with"),
        (" # indented", "begins with"),
        ("CC: NOOP", "begins with"),
        ("c: NOOP", "begins with"),
        ("é: NOOP", "begins with"),
        ("S: 250 {", "without a `}`"),
        ("S: 250 {name", "without a `}`"),
        ("C: {x*a}", "a number"),
        ("C: {*a}", "a number"),
        ("C: {-1*a}", "a number"),
        ("C: {99999999999999999999*a}", "a number"),
        ("C: {3*a\\}", "after `\\`"),
        ("C: {3*{x}}", "without a `}`"),
        ("C: {67108865*a}", "too much"),
        ("C: {33554433*ab}", "too much"),
        ("C: \\q", "after `\\`"),
        ("C: a\\ b", "after `\\`"),
        ("C: \\x4", "after `\\`"),
        ("C: \\xgg", "after `\\`"),
        ("C: \\x+f", "after `\\`"),
        ("C: \\xé", "after `\\`"),
        ("C: \\é", "after `\\`"),
        ("C: bye {close}", "a line of its own"),
        ("C: {close} ", "a line of its own"),
        ("S: {more}", "three digits"),
        ("S: {more}25", "three digits"),
        ("S: {more}25é", "three digits"),
        ("S: {more}{} OK", "three digits"),
        ("S: {more}+OK", "three digits"),
        ("S: {more}{close}", "three digits"),
        ("S: 250-{more}", "begins a line"),
        ("S: {more}250 {more}", "begins a line"),
        ("S: {close}\nC: NOOP", "nothing can follow"),
    ] {
        let text = format!("# a comment\n\nS: 220 {{}}\n{line}");
        let number = if line.contains('\n') { 5 } else { 4 };
        let wrong = match Dialogue::parse("09-x.txt", &text) {
            Err(wrong) => wrong.to_string(),
            Ok(_) => panic!("{line} was taken for a line"),
        };
        assert!(
            wrong.starts_with(&format!("09-x.txt:{number}: ")),
            "{line}: {wrong}"
        );
        assert!(wrong.contains(why), "{line}: {wrong}");
    }
    let most = Dialogue::parse("09-x.txt", "C: {67108863*a}\nC: {67108864*a}");
    assert!(most.is_ok(), "the longest repetitions");
}

#[test]
fn each_mark_stands_for_its_octets() {
    let cases: [(&str, &[u8]); 15] = [
        ("C: NOOP", b"NOOP\r\n"),
        ("C:", b"\r\n"),
        ("C: ", b"\r\n"),
        ("C:  two", b" two\r\n"),
        ("C: NOOP\\", b"NOOP"),
        ("C: NOOP\\n\\", b"NOOP\n"),
        ("C: NOOP\\r\\n\\", b"NOOP\r\n"),
        ("C: \\x00\\xFF\\x7d", b"\0\xff}\r\n"),
        ("C: \\\\\\{}", b"\\{}\r\n"),
        ("C: a\\\\", b"a\\\r\n"),
        ("C: {3*ab}c", b"abababc\r\n"),
        ("C: {2*a\\r\\n}.", b"a\r\na\r\n.\r\n"),
        ("C: {2*\\\\}{0*x}{1*}", b"\\\\\r\n"),
        ("C: a}b", b"a}b\r\n"),
        ("C: naïve", "naïve\r\n".as_bytes()),
    ];
    for (line, octets) in cases {
        assert_eq!(
            play(line, b"", CLOSES).as_deref(),
            Ok(octets),
            "said: {line}"
        );
        // Heard from the other side, the same line fits these octets and no others.
        let heard = line.replacen('C', "S", 1);
        assert!(play(&heard, octets, SILENT).is_ok(), "heard: {line}");
        let mut other = octets.to_vec();
        other[0] ^= 1;
        assert!(
            play(&heard, &other, SILENT).is_err(),
            "heard otherwise: {line}"
        );
        let short = &octets[..octets.len() - 1];
        assert!(play(&heard, short, CLOSES).is_err(), "cut short: {line}");
    }
}

#[test]
fn dialogues_of_either_line_end_are_the_same() {
    let text = "# rule\r\nC: NOOP\r\n\r\nS: 250 {}\r\n";
    assert_eq!(
        play(text, b"250 OK\r\n", CLOSES).as_deref(),
        Ok(&b"NOOP\r\n"[..])
    );
}

#[test]
fn any_text_fits_braces_and_a_name_only_its_own() {
    let cases: [(&str, &[u8], bool); 17] = [
        ("S: 250 {}", b"250 \r\n", true),
        ("S: 250 {}", b"250 \xff\0 {}\r\n", true),
        ("S: 250 {}", b"250-OK\r\n", false),
        ("S: 250 {}", b"250 OK\n", false),
        ("S: 250 {}", b"250 OK", false),
        ("S: {} OK", b"250 so OK\r\n", true),
        ("S: {} OK", b"250 OK so\r\n", false),
        ("S: {}-{}", b"a-b-c\r\n", true),
        ("S: {a}-{a}", b"x-x\r\n", true),
        ("S: {a}-{a}", b"x-y\r\n", false),
        ("S: {a}\nS: {a}", b"x\r\nx\r\n", true),
        ("S: {a}\nS: {a}", b"x\r\nX\r\n", false),
        ("S: {a}\nS: {b}", b"x\r\ny\r\n", true),
        ("S: {}\nS: {}", b"x\r\ny\r\n", true),
        // A name that has a text is that text, also where less would do.
        (
            "S: {a}\nS: {a} {b}",
            b"two words\r\ntwo words more\r\n",
            true,
        ),
        (
            "S: {a}\nS: {a} {b}",
            b"two words\r\ntwo others more\r\n",
            false,
        ),
        ("S: {a}\nS: {b}{a}", b"x\r\nyx\r\n", true),
    ];
    for (text, came, fits) in cases {
        assert_eq!(
            play(text, came, SILENT).is_ok(),
            fits,
            "{text} heard {came:?}"
        );
    }
}

#[test]
fn a_reply_may_have_more_lines_where_the_dialogue_says_so() {
    let cases: [(&str, &[u8], bool); 15] = [
        ("S: {more}250 {}", b"250 a\r\n", true),
        ("S: {more}250 {}", b"250-a\r\n250 b\r\n", true),
        (
            "S: {more}250 {}",
            b"250-a\r\n250-\r\n250-b\r\n250 c\r\n",
            true,
        ),
        ("S: {more}250 c", b"250-a\r\n250-b\r\n250 c\r\n", true),
        ("S: {more}250 c", b"250-c\r\n250 d\r\n", false),
        ("S: {more}250 {}", b"250-a\r\n", false),
        ("S: {more}250 {}", b"250-a\r\n250", false),
        // Only lines of this reply, with a hyphen and a line end.
        ("S: {more}250 {}", b"251-a\r\n250 b\r\n", false),
        ("S: {more}250 {}", b"250-a\r\n550-b\r\n250 c\r\n", false),
        ("S: {more}250 b", b"250 a\r\n250 b\r\n", false),
        ("S: {more}250-{}", b"250 a\r\n", false),
        // One line of several, and what it tells.
        (
            "S: {more}250-SIZE {}\nS: {more}250 {}",
            b"250-a\r\n250-SIZE 9\r\n250-B\r\n250 C\r\n",
            true,
        ),
        (
            "S: {more}250-SIZE {}\nS: {more}250 {}",
            b"250-a\r\n250-B\r\n250 SIZE 9\r\n",
            false,
        ),
        (
            "S: {more}250-{a}={a}\nS: 250 {a}",
            b"250-x=y\r\n250-z=z\r\n250 z\r\n",
            true,
        ),
        (
            "S: {more}250-{a}={a}\nS: 250 {a}",
            b"250-x=y\r\n250-z=z\r\n250 x\r\n",
            false,
        ),
    ];
    for (text, came, fits) in cases {
        let played = play(text, came, SILENT);
        assert_eq!(played.is_ok(), fits, "{text} heard {came:?}: {played:?}");
        // Who says it says these lines and no others.
        let said = play(&text.replace("S:", "C:").replace("{a}", "a"), b"", CLOSES);
        let due = text
            .replace("S: ", "")
            .replace("{more}", "")
            .replace("{}", "");
        let due = due.replace("{a}", "a").replace('\n', "\r\n") + "\r\n";
        assert_eq!(said.as_deref(), Ok(due.as_bytes()));
    }
    let why = play("S: {more}250 {}", b"250-a\r\n550 b\r\n", CLOSES).expect_err("550");
    assert!(
        why.ends_with("written: S: {more}250 {}\n  came:    550 b"),
        "{why}"
    );
}

#[test]
fn the_lines_of_a_reply_come_to_an_end() {
    for (before, fits) in [(REPLY_LINES - 1, true), (REPLY_LINES, false)] {
        let lines = "250-and\r\n".repeat(before) + "250 end\r\n";
        assert_eq!(
            play("S: {more}250 {}", lines.as_bytes(), SILENT).is_ok(),
            fits
        );
    }
    for line in ["250-and\r\n", "250-"] {
        let mut endless = Script::new(std::iter::repeat(line));
        let played = parse("S: {more}250 {}").play(Side::Client, &mut endless, TIMEOUT);
        assert!(played.is_err(), "{line}");
        assert!(endless.octets_read() <= 2 * ENDLESS_LINE, "{line}");
    }
}

#[test]
fn a_name_that_was_heard_can_be_said() {
    let heard = play(
        "S: 250 id {id}.\nC: NOOP {id}",
        b"250 id a{b}\\.\r\n",
        CLOSES,
    );
    assert_eq!(heard.as_deref(), Ok(&b"NOOP a{b}\\\r\n"[..]));
    let why = play("C: NOOP {id}", b"", CLOSES).expect_err("nothing to say");
    assert!(why.contains("no text yet"), "{why}");
    // Where any text would do, none is said: so any file can be played as either side.
    assert_eq!(
        play("C: NOOP {}.{}", b"", CLOSES).as_deref(),
        Ok(&b"NOOP .\r\n"[..])
    );
    assert!(
        play("C: {}\nS: {}", b"x\r\n", CLOSES).is_ok(),
        "and it is any text still"
    );
}

#[test]
fn octets_may_be_less_or_more_than_a_line() {
    assert!(play("S: 2\\\nS: 50\\\nS:  OK", b"250 OK\r\n", CLOSES).is_ok());
    assert!(play("S: a\\nb\\r\\nc", b"a\nb\r\nc\r\n", CLOSES).is_ok());
    assert!(play("S: a\\nb\\r\\nc", b"a\nb\r\nC\r\n", CLOSES).is_err());
    assert!(play("S: \\\nS: x", b"x\r\n", CLOSES).is_ok());
    // More than is read at once.
    let long = [&[b'a'; 3_000_000][..], b"\r\n"].concat();
    assert!(play("S: {3000000*a}", &long, CLOSES).is_ok());
    assert!(play("S: {2999999*a}", &long, CLOSES).is_err());
}

#[test]
fn a_difference_is_told_as_a_good_teacher_would() {
    let text = "# §3.1: the server first\nS: 220 {}\nC: MAIL\n\n# §4.1.4: order\nS: 503 {}\n";
    assert_eq!(
        play(text, b"220 hi\r\n250 OK\x1b\r\n", CLOSES).expect_err("250 is no 503"),
        "so far all was as written:\n  S: 220 {}\n  C: MAIL\n\
         test.txt:6: here it differs\n  written: S: 503 {}\n  came:    250 OK\\x1b\n  \
         the rule: §4.1.4: order"
    );
    assert_eq!(
        play("S: 220 {}", b"554 go away\n", CLOSES).expect_err("554 is no 220"),
        "test.txt:1: here it differs\n  written: S: 220 {}\n  came:    554 go away\\n\\"
    );
}

#[test]
fn the_report_says_whether_a_peer_stopped_or_said_something_else() {
    let cases: [(&str, &[u8], Option<ErrorKind>, &str); 17] = [
        ("S: 220 {}", b"", CLOSES, "(the connection was closed)"),
        ("S: 220 {}", b"", SILENT, "(nothing came in time)"),
        (
            "S: 220",
            b"22",
            CLOSES,
            "22\\ (and then the connection was closed)",
        ),
        (
            "S: 220 {}",
            b"22",
            CLOSES,
            "22\\ (and then the connection was closed)",
        ),
        (
            "S: a\\nb",
            b"a\n",
            CLOSES,
            "a\\n\\ (and then the connection was closed)",
        ),
        (
            "S: 220 {}",
            b"22",
            SILENT,
            "22\\ (and then nothing came in time)",
        ),
        ("S: 220\\", b"554", SILENT, "554\\"),
        ("S: 220 hello", b"554\r\n", SILENT, "554"),
        ("S: 220 hi", b"554 go away\r\n", SILENT, "554 go away"),
        ("S: 220 {}", b"", RESETS, "(connection reset)"),
        ("S: {close}", b"", SILENT, "(nothing came in time)"),
        ("S: {close}", b"421 bye\r\n", CLOSES, "421 bye"),
        ("S: {close}", b"421", CLOSES, "421\\"),
        (
            "S: 250 {}\nS: {close}",
            b"250 a\r\n250 b\r\n",
            CLOSES,
            "250 b",
        ),
        (
            "S: 250 {}\nS: 221 {}",
            b"250 a\r\n250 b\r\n221 c\r\n",
            CLOSES,
            "250 b",
        ),
        ("S: 250 {}\nS: {close}", b"250 a\r\n\n", CLOSES, "\\n\\"),
        ("S: 22\\\nS: {close}", b"220", CLOSES, "0\\"),
    ];
    for (text, says, then, came) in cases {
        let why = play(text, says, then).expect_err(text);
        assert!(why.ends_with(&format!("came:    {came}")), "{text}: {why}");
    }
    for then in [CLOSES, RESETS] {
        assert!(play("S: 221 {}\nS: {close}", b"221 bye\r\n", then).is_ok());
    }
}

#[test]
fn a_line_without_an_end_is_given_up() {
    for text in ["S: {}", "S: 250", "S: {close}"] {
        let mut endless = Script::new(std::iter::repeat([b'x'; 1000]));
        let played = parse(text).play(Side::Client, &mut endless, TIMEOUT);
        assert!(played.is_err(), "{text}");
        assert!(endless.octets_read() <= 2 * ENDLESS_LINE, "{text}");
    }
}

#[test]
fn a_silent_peer_on_a_real_connection_costs_only_our_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let stream = TcpStream::connect(listener.local_addr().expect("its address"));
    let (peer, _) = listener.accept().expect("a caller");
    let socket = Socket::new(stream.expect("a connection"));
    let played = parse("S: 220 {}").play(Side::Client, socket, Duration::from_millis(20));
    assert!(
        played
            .expect_err("nobody spoke")
            .to_string()
            .contains("nothing came in time")
    );
    drop(peer);
}

#[test]
fn two_players_of_one_file_agree() {
    let dialogue = parse(
        "S: 220 hi\nC: {70000*x}\\\nC: y\nS: 250-a\nS: 250 b\nC: a\\nb\nS: 221 bye\nS: {close}",
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (stream, _) = listener.accept().expect("a caller");
            dialogue.play(Side::Server, Socket::new(stream), TIMEOUT)
        });
        let stream = TcpStream::connect(address).expect("a connection");
        dialogue
            .play(Side::Client, Socket::new(stream), TIMEOUT)
            .expect("the client agrees");
        server.join().expect("no panic").expect("the server agrees");
    });
}

#[test]
fn the_client_s_close_is_seen_by_the_server() {
    let script = peer(b"QUIT\r\n", CLOSES);
    let dialogue = parse("C: QUIT\nC: {close}");
    assert!(dialogue.play(Side::Server, script, TIMEOUT).is_ok());
    let script = peer(b"QUIT\r\n", SILENT);
    assert!(dialogue.play(Side::Server, script, TIMEOUT).is_err());
    assert_eq!(
        play("C: QUIT\nC: {close}", b"", SILENT).as_deref(),
        Ok(&b"QUIT\r\n"[..])
    );
}
