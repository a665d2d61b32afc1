//! Chapter 2: lines end with CR LF and nothing else, cost bounded memory, and are shown so
//! that they drive no terminal; what was said is sent before we wait.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::{Event, Notes, Script, peak_memory, read_lines, splits, strings};
use smtp_primer::protocol::line::{
    COMMAND_LINE, ENDLESS_LINE, Line, Mask, REPLY_LINE, Socket, Stream, Trace, Wire, visible,
};
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn text(line: impl AsRef<[u8]>) -> Line {
    Line::Text(line.as_ref().to_vec())
}

fn read_all(script: Script, limit: usize) -> Vec<Line> {
    read_lines(&mut Wire::new(script), limit)
}

#[test]
fn only_cr_lf_ends_a_line() {
    let cases: [(&[u8], &[Line]); 12] = [
        (b"", &[Line::Closed]),
        (b"\r\n", &[text(""), Line::Closed]),
        (b"NOOP\r\n", &[text("NOOP"), Line::Closed]),
        (
            b"a\r\n\r\nb\r\n",
            &[text("a"), text(""), text("b"), Line::Closed],
        ),
        (b"a\nb\r\n", &[Line::BareNewline, text("b"), Line::Closed]),
        (b"\n", &[Line::BareNewline, Line::Closed]),
        (
            b"a\rb\r\nc\r\n",
            &[Line::BareNewline, text("c"), Line::Closed],
        ),
        (b"\r\r\n", &[Line::BareNewline, Line::Closed]),
        (
            b"a\n\rb\r\n",
            &[Line::BareNewline, Line::BareNewline, Line::Closed],
        ),
        (
            b"\0\x80\xff\x85\x0b\x0c\r\n",
            &[text(b"\0\x80\xff\x85\x0b\x0c"), Line::Closed],
        ),
        (b"no end", &[Line::Closed]),
        (b"half an end\r", &[Line::Closed]),
    ];
    for (octets, lines) in cases {
        for pieces in splits(octets) {
            let told = format!("{pieces:?}");
            assert_eq!(read_all(Script::new(pieces), COMMAND_LINE), lines, "{told}");
        }
    }
}

#[test]
fn every_short_stream_is_cut_as_the_rule_says_however_it_arrives() {
    for octets in strings(&[b".", b"x", b"\r", b"\n"], 6) {
        // The rule again, in other words: a line goes through the next LF; it is good if a CR
        // stands before that LF and nowhere else.
        let mut lines: Vec<Line> = Vec::new();
        let through_lf = octets.split_inclusive(|octet| *octet == b'\n');
        for line in through_lf.filter(|line| line.ends_with(b"\n")) {
            match line.iter().position(|octet| *octet == b'\r') {
                Some(at) if at + 2 == line.len() => lines.push(text(&line[..at])),
                _ => lines.push(Line::BareNewline),
            }
        }
        lines.push(Line::Closed);
        for pieces in splits(&octets) {
            assert_eq!(
                read_all(Script::new(pieces), COMMAND_LINE),
                lines,
                "{octets:?}"
            );
        }
    }
}

#[test]
fn a_limit_counts_the_cr_lf_and_the_next_line_is_whole() {
    assert_eq!((COMMAND_LINE, REPLY_LINE), (512, 512));
    for limit in [8, COMMAND_LINE, 1000, 12_288] {
        for (length, good) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let line = "x".repeat(length - 2);
            let expected = if good { text(&line) } else { Line::TooLong };
            let stream = format!("{line}\r\nNOOP\r\n");
            let lines = [expected, text("NOOP"), Line::Closed];
            for at in length - 3..length + 3 {
                let (first, rest) = stream.split_at(at);
                let script = Script::new([first.to_string(), rest.to_string()]);
                assert_eq!(read_all(script, limit), lines, "{length}, cut at {at}");
            }
        }
    }
}

#[test]
fn a_line_without_an_end_is_followed_for_64_kib_and_no_further() {
    assert_eq!(ENDLESS_LINE, 65_536);
    for (length, endless) in [
        (ENDLESS_LINE - 1, false),
        (ENDLESS_LINE, false),
        (ENDLESS_LINE + 1, true),
    ] {
        let stream = format!("{}\r\nNOOP\r\n", "x".repeat(COMMAND_LINE + length - 2));
        let expected = match endless {
            false => vec![Line::TooLong, text("NOOP"), Line::Closed],
            true => vec![Line::Endless],
        };
        assert_eq!(
            read_all(Script::says(stream), COMMAND_LINE),
            expected,
            "{length}"
        );
    }
    // A long line that is cut off is no line, wherever it is cut.
    for length in [
        COMMAND_LINE - 1,
        COMMAND_LINE,
        COMMAND_LINE + 1,
        ENDLESS_LINE,
    ] {
        let script = Script::says("x".repeat(length));
        assert_eq!(read_all(script, COMMAND_LINE), [Line::Closed]);
    }
}

/// maddy #116, CVE-2013-1752: `nc host 25 </dev/zero` took all the memory there was.
/// Also mailin running.rs:98, lettre connection.rs:286, mockforge #754.
#[test]
fn a_peer_that_never_ends_its_line_is_given_up_before_it_costs_memory() {
    let before = peak_memory(std::process::id());
    for size in [1, 1460, 1 << 20] {
        let mut wire = Wire::new(Script::new(std::iter::repeat_with(move || vec![0; size])));
        assert_eq!(wire.read_line(COMMAND_LINE).unwrap(), Line::Endless);
        let octets = wire.stream().octets_read();
        let enough = COMMAND_LINE + ENDLESS_LINE;
        assert!((enough..=enough + 64 * 1024).contains(&octets), "{octets}");
    }
    if let (Some(before), Some(after)) = (before, peak_memory(std::process::id())) {
        assert!(after - before < 32 << 20, "{before} {after}");
    }
}

#[test]
fn errors_of_the_stream_come_through() {
    let failing = Script::says(b"QUI").failing(ErrorKind::ConnectionReset);
    let error = Wire::new(failing).read_line(COMMAND_LINE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let long = Script::says([b'x'; 600]).failing(ErrorKind::TimedOut);
    let error = Wire::new(long).read_line(COMMAND_LINE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn what_was_said_is_sent_before_we_wait() {
    let mut wire = Wire::new(Script::new(["EHLO a", ".example\r\n", "QUIT\r\n"]));
    wire.write_line("220 hello").unwrap();
    assert_eq!(
        wire.stream().events(),
        [],
        "nothing is sent by writing alone"
    );
    wire.read_line(COMMAND_LINE).unwrap();
    wire.write_line("250 hello").unwrap();
    wire.read_line(COMMAND_LINE).unwrap();
    wire.write_line("221 bye").unwrap();
    wire.flush().unwrap();
    wire.flush().unwrap();
    let wrote = |line: &str| Event::Wrote(line.into());
    let expected = [
        wrote("220 hello\r\n"),
        Event::Read(6),
        Event::Read(10),
        wrote("250 hello\r\n"),
        Event::Read(6),
        wrote("221 bye\r\n"),
    ];
    assert_eq!(wire.stream().events(), expected);
}

/// RFC 2920 §3.2: a server must not send the replies to a group of commands one by one.
#[test]
fn replies_to_commands_that_came_together_leave_together() {
    for tail in ["", "QU", "QUIT\r"] {
        let first = format!("RSET\r\nNOOP\r\nRSET\r\n{tail}");
        let mut wire = Wire::new(Script::new([first, "never mind\r\n".to_string()]));
        for number in 1..=3 {
            wire.read_line(COMMAND_LINE).unwrap();
            wire.write_line(&format!("250 {number}")).unwrap();
        }
        assert_eq!(wire.stream().writes().len(), 0, "{tail:?}");
        wire.read_line(COMMAND_LINE).unwrap();
        assert_eq!(
            wire.stream().writes(),
            [b"250 1\r\n250 2\r\n250 3\r\n"],
            "{tail:?}"
        );
    }
}

#[test]
fn what_waits_to_be_sent_is_bounded_too() {
    let mut wire = Wire::new(Script::says(b""));
    let line = "x".repeat(1022);
    for number in 1..=1000 {
        wire.write_line(&line).unwrap();
        assert_eq!(
            wire.stream().writes().len(),
            number / 64,
            "a block is 64 KiB"
        );
    }
    wire.flush().unwrap();
    let stream = wire.stream();
    assert!(
        stream
            .writes()
            .iter()
            .all(|octets| octets.len() <= 65 * 1024)
    );
    assert_eq!(
        stream.written(),
        format!("{line}\r\n").repeat(1000).as_bytes()
    );
}

/// CVE-2015-9097, CVE-2025-59419, CPython bpo-43124: a line end in an argument added a command.
/// Also Go #21159, smtp-connection #31, smtp-types lib.rs:174.
#[test]
fn a_line_with_a_line_end_in_it_is_not_written() {
    let mut wire = Wire::new(Script::says(b""));
    for line in ["NOOP\r\nQUIT", "NOOP\n", "\rNOOP", "a\nb", "\r\n"] {
        let error = wire.write_line(line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{line:?}");
    }
    wire.write_line("").unwrap();
    wire.flush().unwrap();
    assert_eq!(wire.stream().written(), b"\r\n");
}

/// The trace of one line that we hear.
fn heard(line: &[u8]) -> String {
    let notes = Notes::default();
    let trace = Trace::of_server(Box::new(notes.clone()));
    let mut wire = Wire::traced(Script::says(line), Some(trace));
    wire.read_line(12_288).unwrap();
    notes.text()
}

#[test]
fn the_trace_shows_who_said_what() {
    let notes = Notes::default();
    let trace = Trace::of_client(Box::new(notes.clone()));
    let mut wire = Wire::traced(Script::says(b"220 hello\r\n250 ok\r\n"), Some(trace));
    wire.read_line(REPLY_LINE).unwrap();
    wire.write_line("NOOP").unwrap();
    wire.read_line(REPLY_LINE).unwrap();
    wire.trace().unwrap().remark("the \r\n end");
    let expected = "S: 220 hello\nC: NOOP\nS: 250 ok\n# the \\r\\n end\n";
    assert_eq!(notes.text(), expected);
    assert!(Wire::new(Script::says(b"")).trace().is_none());
}

#[test]
fn the_trace_marks_whatever_could_drive_a_terminal() {
    let cases: [(&[u8], &str); 11] = [
        (b"QUIT\r\n", "C: QUIT\n"),
        (b"\r\n", "C: \n"),
        (b"QUIT\n", "C: QUIT\\n\\\n"),
        (b"a\rb\r\n", "C: a\\rb\n"),
        (b"QUI", "C: QUI\\\n"),
        (b"", ""),
        (b"\x1b]0;title\x07\r\n", "C: \\x1b]0;title\\x07\n"),
        (b"\0\t\x7f\\\r\n", "C: \\x00\\x09\\x7f\\\\\n"),
        (b"\xff\xc3\r\n", "C: \\xff\\xc3\n"),
        (
            "gr\u{fc}n \u{90ae}\r\n".as_bytes(),
            "C: gr\u{fc}n \u{90ae}\n",
        ),
        (
            "\u{9b}31m\u{202e}\r\n".as_bytes(),
            "C: \\xc2\\x9b31m\\xe2\\x80\\xae\n",
        ),
    ];
    for (line, shown) in cases {
        assert_eq!(heard(line), shown, "{line:?}");
    }
    // Of a long line only the beginning is shown.
    assert_eq!(heard(&[b'.'; 1000]), format!("C: {}\\\n", ".".repeat(1000)));
    assert_eq!(
        heard(&[b'.'; 1001]),
        format!("C: {} ...\n", ".".repeat(1000))
    );
}

#[test]
fn nothing_visible_can_drive_a_terminal() {
    // Format characters (Cf) of Unicode 16, below and beyond the basic plane; line separators.
    let format = |c| {
        matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
    };
    // Drawn over the character before, or not drawn at all.
    let mark = |c| matches!(c, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    for c in '\0'..=char::MAX {
        let shown = visible(c.to_string().as_bytes());
        if c.is_control() || format(c) || mark(c) || c == '\\' {
            let printable = |c| matches!(c, '!'..='~');
            assert!(
                shown.len() > 1 && shown.chars().all(printable),
                "{c:?}: {shown:?}"
            );
        } else if matches!(c, ' '..='~' | '\u{a1}'..='\u{17f}' | '\u{4e00}'..='\u{9fff}' | '\u{1f600}'..='\u{1f64f}')
        {
            assert_eq!(shown, c.to_string());
        }
    }
}

/// Hides what follows the first two octets of the client's lines, and counts the lines it has heard.
struct Stars(usize);

impl Mask for Stars {
    fn public_part(&mut self, who: char, line: &[u8]) -> usize {
        assert!(!line.ends_with(b"\r\n"));
        self.0 += 1;
        match who {
            'C' => 2,
            _ => [line.len(), 0][usize::from(self.0 == 6)],
        }
    }
}

#[test]
fn a_mask_hears_every_line_and_what_it_hides_is_shown_as_stars() {
    let notes = Notes::default();
    let trace = Trace::of_server(Box::new(notes.clone())).with_mask(Stars(0));
    let script = Script::says(b"s3cret\r\ns3cret\n\r\ns3cret longer than the limit\r\ns3\r\ns3c");
    let mut wire = Wire::traced(script, Some(trace));
    wire.write_line("220 hello").unwrap();
    for _ in 0..4 {
        wire.read_line(10).unwrap();
    }
    wire.write_line("s3cret").unwrap();
    for _ in 0..3 {
        wire.read_line(10).unwrap();
    }
    assert_eq!(
        notes.text(),
        "S: 220 hello\nC: s3********\nC: s3********\nC: \nC: s3********\nS: ********\n\
         C: s3\nC: s3********\n"
    );
    wire.flush().unwrap();
    assert_eq!(wire.stream().written(), b"220 hello\r\ns3cret\r\n");
}

/// Two ends of one connection over loopback.
fn sockets() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Socket::new(listener.accept().unwrap().0), peer)
}

#[test]
fn a_socket_waits_until_its_deadline_and_no_longer() {
    let (mut socket, _peer) = sockets();
    let mut buffer = [0; 10];
    let mut read = |socket: &mut Socket| socket.read(&mut buffer).map_err(|error| error.kind());
    assert_eq!(
        read(&mut socket),
        Err(ErrorKind::TimedOut),
        "allow comes first"
    );
    socket.allow(Duration::from_millis(20)).unwrap();
    assert_eq!(read(&mut socket), Err(ErrorKind::TimedOut));
    assert_eq!(
        read(&mut socket),
        Err(ErrorKind::TimedOut),
        "the deadline has passed"
    );
}

#[test]
fn a_socket_carries_lines_however_long_it_may_wait() {
    for timeout in [Duration::from_secs(10), Duration::MAX] {
        let (socket, peer) = sockets();
        let mut ours = Wire::new(socket);
        let mut theirs = Wire::new(Socket::new(peer));
        ours.allow(timeout).unwrap();
        theirs.allow(timeout).unwrap();
        ours.write_line("220 hello").unwrap();
        ours.flush().unwrap();
        assert_eq!(theirs.read_line(REPLY_LINE).unwrap(), text("220 hello"));
        drop(theirs);
        assert_eq!(ours.read_line(COMMAND_LINE).unwrap(), Line::Closed);
    }
}
