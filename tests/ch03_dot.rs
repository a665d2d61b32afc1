//! Chapter 3: a text arrives exactly as it was sent, whatever dots are in it, and only the real end
//! ends it, however it is cut on the way.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::{
    Event, Notes, Script, latin1, octets, peak_memory, read_lines, splits, strings,
};
use smtp_primer::protocol::dot::{
    BareNewline, Received, TEXT_TIMEOUTS, Text, end_text, read_text, write_text_line,
};
use smtp_primer::protocol::line::{COMMAND_LINE, Line, Stream, Trace, Wire};
use std::io::{self, ErrorKind};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(300);
const LIMIT: usize = 10_000_000;
/// A long line is looked at in pieces of this size.
const PIECE: usize = 64 * 1024;

fn text(octets: impl AsRef<[u8]>) -> Text {
    Text::new(octets.as_ref().to_vec()).expect("this is a text")
}

fn has_bare_newline(text: &str) -> bool {
    text.replace("\r\n", "").contains(['\r', '\n'])
}

/// The sender's rule in other words: as if a CR LF stood before the first line.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let text = format!("\r\n{}", latin1(text)).replace("\r\n.", "\r\n..");
    octets(&format!("{}.\r\n", &text[2..]))
}

/// The receiver's rule in other words: what a stream comes to, and what is left of it.
fn expected(stream: &[u8]) -> Option<(Received, Vec<u8>)> {
    let stream = format!("\r\n{}", latin1(stream));
    let end = stream.find("\r\n.\r\n")?;
    let (text, rest) = (&stream[..end + 2], octets(&stream[end + 5..]));
    if has_bare_newline(text) {
        return Some((Received::BareNewline, rest));
    }
    let unstuffed = octets(&text.replace("\r\n.", "\r\n")[2..]);
    Some((Received::Text(self::text(unstuffed)), rest))
}

/// Reads a text and then lines, to the end of the stream.
fn receive<I>(pieces: I, limit: usize) -> io::Result<(Received, Vec<Line>)>
where
    I: IntoIterator<IntoIter: 'static, Item: AsRef<[u8]>>,
{
    let mut wire = Wire::new(Script::new(pieces));
    let received = read_text(&mut wire, limit, TIMEOUT)?;
    Ok((received, read_lines(&mut wire, COMMAND_LINE)))
}

fn write_text<S: Stream>(wire: &mut Wire<S>, text: &Text, timeout: Duration) -> io::Result<()> {
    for line in text.lines() {
        write_text_line(wire, line, timeout)?;
    }
    end_text(wire, timeout)
}

fn send(text: &Text) -> Vec<u8> {
    let mut wire = Wire::new(Script::says(b""));
    write_text(&mut wire, text, TIMEOUT).unwrap();
    wire.stream().written()
}

/// The commands that a receiver sees after the text, if all is well.
fn only_quit() -> Vec<Line> {
    vec![Line::Text(b"QUIT".to_vec()), Line::Closed]
}

#[test]
fn a_lone_dot_ends_the_text_also_as_the_first_line() {
    for (stream, octets) in [
        (".\r\n", ""),
        ("\r\n.\r\n", "\r\n"),
        ("..\r\n.\r\n", ".\r\n"),
        ("...\r\n.\r\n", "..\r\n"),
        (".x\r\n.\r\n", "x\r\n"),
        ("\r\n..\r\n.\r\n", "\r\n.\r\n"),
        (". \r\n.\r\n", " \r\n"),
        ("a.\r\n.\r\n", "a.\r\n"),
    ] {
        let stream = format!("{stream}QUIT\r\n");
        for pieces in splits(stream.as_bytes()) {
            let (received, rest) = receive(pieces, LIMIT).unwrap();
            assert_eq!(
                (received, rest),
                (Received::Text(text(octets)), only_quit())
            );
        }
    }
}

/// curl #2304, GreenMail #1004, commons-net #398, Haraka #1411, RUSTSEC-2021-0069 (lettre), MailKit
/// #788: some dot was not stuffed, or one too many.
/// Also ruby #616.
#[test]
fn what_is_received_is_what_was_sent_for_every_short_text_at_every_cut() {
    for mut letter in strings(&[b".", b"x", b"\r\n", b"\0", b"\xff"], 5) {
        if !letter.is_empty() && !letter.ends_with(b"\r\n") {
            letter.extend_from_slice(b"\r\n");
        }
        let letter = text(letter);
        let mut stream = send(&letter);
        assert_eq!(stream, stuffed(letter.octets()), "{letter:?}");
        stream.extend_from_slice(b"QUIT\r\n");
        for pieces in splits(&stream) {
            let received = receive(pieces, letter.octets().len()).unwrap();
            assert_eq!(received, (Received::Text(letter.clone()), only_quit()));
        }
    }
}

/// go-smtp data.go:120, smtp-proto PR #14: some streams never ended, or lost an octet.
/// Also receiver.rs:108.
#[test]
fn every_short_stream_comes_to_what_the_rule_says_at_every_cut() {
    for stream in strings(&[b".", b"x", b"\r", b"\n"], 6) {
        let closed = [stream.as_slice(), b"\r\n.\r\nQUIT\r\n"].concat();
        let (what, rest) = expected(&closed).expect("it has an end");
        let rest = read_lines(&mut Wire::new(Script::says(rest)), COMMAND_LINE);
        for pieces in splits(&closed) {
            let told = format!("{pieces:?}");
            let (received, lines) = receive(pieces, LIMIT).unwrap();
            assert_eq!((&received, &lines), (&what, &rest), "{told}");
        }
        if expected(&stream).is_none() {
            let error = receive([stream.clone()], LIMIT).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{stream:?}");
        }
    }
}

/// CVE-2023-51764, -51765, -51766, CVE-2023-52354, CVE-2024-27305, go-smtp #243, James #1876 and
/// what came after (mailin running.rs:98, OpenSMTPD smtp_session.c:1149): SMTP smuggling. What
/// pretends to be an end is none, so nothing after it is run.
/// Also CVE-2023-51765, CVE-2023-51766.
/// Also fsm.rs:551.
#[test]
fn nothing_else_ends_a_text() {
    let false_ends: [&[u8]; 23] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\r.\r\r",
        b"\r\r.\r\n",
        b"\n\n.\n\n",
        b"\n\n.\r\n",
        b"\n\r.\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n.\r\0\n",
        b"\r\0\n.\r\n",
        b"\r\n.\n\r\n",
        b"\r\n. \r\n",
        b"\r\n \r.\r\n",
        b"\x85.\x85",
    ];
    let built = strings(&[b"\r", b"\n", b"\0"], 2).flat_map(|before| {
        let end = move |after: Vec<u8>| [&before, &b"."[..], &after].concat();
        strings(&[b"\r", b"\n", b"\0"], 2).map(end)
    });
    let built: Vec<Vec<u8>> = built.filter(|end| end != b"\r\n.\r\n").collect();
    for end in false_ends
        .into_iter()
        .chain(built.iter().map(Vec::as_slice))
    {
        let stream = [b"a", end, b"RSET\r\n\r\n.\r\nQUIT\r\n"].concat();
        let (what, _) = expected(&stream).expect("it has an end");
        let alone = end.iter().any(|octet| matches!(octet, b'\r' | b'\n'))
            && has_bare_newline(&latin1(end));
        assert_eq!(what == Received::BareNewline, alone, "{end:?}");
        for pieces in splits(&stream) {
            let received = receive(pieces, LIMIT).unwrap();
            assert_eq!(received, (what.clone(), only_quit()), "{end:?}");
        }
    }
}

/// Postfix HISTORY 20240106, 20260816, 20260817: a CR before CR LF was dropped, and so made a new
/// end. Ours is seen as it stands: the end is real, and the text is refused.
/// Also The-Login PR #4.
#[test]
fn a_cr_too_many_before_the_real_end_is_kept_and_refused() {
    for stream in [
        "a\r\r\n.\r\nQUIT\r\n",
        "\r\r\n.\r\nQUIT\r\n",
        "a\n\r\n.\r\nQUIT\r\n",
    ] {
        for pieces in splits(stream.as_bytes()) {
            let received = receive(pieces, LIMIT).unwrap();
            assert_eq!(received, (Received::BareNewline, only_quit()), "{stream:?}");
        }
    }
}

/// MailKit #788, mox data.go:39: a dot doubled at the start of a buffer, a CR missed at its end.
#[test]
fn long_lines_are_read_in_pieces_without_a_seam() {
    let tails = [
        "\r\n.\r\nQUIT\r\n",
        ".\r\n\r\n.\r\nQUIT\r\n",
        "..\r\n..\r\n.\r\nQUIT\r\n",
        "\r\n..x\r\n.\r\nQUIT\r\n",
        "\r.\r\n\r\n.\r\nQUIT\r\n",
        "\n.\r\n\r\n.\r\nQUIT\r\n",
        "\r\r\n.\r\nQUIT\r\n",
        "\r",
        "\r\n.",
    ];
    let starts = ["", "\r\n.."];
    for length in (PIECE - 2..=PIECE + 1).chain([2 * PIECE - 1]) {
        for (start, tail) in starts.into_iter().flat_map(|s| tails.map(|t| (s, t))) {
            let stream = [start, &"x".repeat(length - start.len()), tail].concat();
            let expected = expected(stream.as_bytes());
            let (first, rest) = stream.split_at(length);
            for pieces in [
                vec![first.to_string(), rest.to_string()],
                vec![stream.clone()],
            ] {
                match (receive(pieces, LIMIT), &expected) {
                    // Not assert_eq: nobody wants to see the two.
                    (Ok((received, rest)), Some((what, _))) => {
                        assert!(
                            received == *what && rest == only_quit(),
                            "{length} {tail:?}"
                        );
                    }
                    (received, what) => {
                        assert_eq!(received.unwrap_err().kind(), ErrorKind::UnexpectedEof);
                        assert!(what.is_none(), "{length} {tail:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn long_texts_are_sent_in_blocks_and_received_whole() {
    for length in [PIECE - 3, PIECE - 2, PIECE - 1, PIECE, 3 * PIECE] {
        let long = format!(".{}\r\n.\r\n..\r\n", ".".repeat(length));
        let letter = text(long.repeat(5));
        let mut wire = Wire::new(Script::says(b""));
        write_text(&mut wire, &letter, TIMEOUT).unwrap();
        let stream = wire.stream().written();
        assert!(stream == stuffed(letter.octets()), "{length}");
        assert!(
            wire.stream().writes().len() >= 5,
            "sent while it is written, not at the end"
        );
        let (received, _) = receive([stream], letter.octets().len()).unwrap();
        assert!(received == Received::Text(letter), "{length}");
    }
}

#[test]
fn a_test_that_fails_shows_letters_and_not_numbers() {
    assert_eq!(format!("{:?}", text("a\r\n")), "Text(\"a\\r\\n\")");
}

/// go-smtp data.go:73, chasquid dotreader.go:104: a text of exactly SIZE was refused, because the
/// stuffed dots and the end were counted.
#[test]
fn a_size_limit_counts_the_text_and_not_what_the_wire_adds() {
    let letters = ["", "x\r\n", ".\r\n", "..\r\n.\r\n.x\r\n", "\r\n.\r\n"].map(str::to_string);
    let long = [1000, PIECE, PIECE + 1].map(|n| format!(".{}\r\n.\r\n", ".".repeat(n)));
    let many = [".\r\n".repeat(10_000)];
    for letter in letters.into_iter().chain(long).chain(many) {
        let stream = [stuffed(letter.as_bytes()), b"QUIT\r\n".to_vec()].concat();
        let size = letter.len();
        for limit in size.saturating_sub(1)..=size + 1 {
            let what = match size {
                size if size > limit => Received::TooBig,
                _ => Received::Text(text(&letter)),
            };
            let received = receive([stream.clone()], limit).unwrap();
            assert!(
                received == (what, only_quit()),
                "{size} octets, limit {limit}"
            );
        }
    }
}

#[test]
fn a_text_too_big_is_read_to_its_end_and_a_bare_newline_in_it_is_still_seen() {
    for (stream, what) in [
        ("12345\r\n12345\r\n.\r\nQUIT\r\n", Received::TooBig),
        (
            "12345\r\n12345\n.\r\n\r\n.\r\nQUIT\r\n",
            Received::BareNewline,
        ),
        ("12345\n.\n12345\r\n.\r\nQUIT\r\n", Received::BareNewline),
        ("1\n.\n\r\n.\r\nQUIT\r\n", Received::BareNewline),
    ] {
        for pieces in splits(stream.as_bytes()) {
            assert_eq!(
                receive(pieces, 7).unwrap(),
                (what.clone(), only_quit()),
                "{stream:?}"
            );
        }
    }
}

#[test]
fn a_text_too_big_or_bad_costs_no_memory() {
    let before = peak_memory(std::process::id());
    let blocks = [
        (vec![b'x'; 1 << 20], Received::TooBig),
        (
            [b'.'; 998].into_iter().chain(*b"\r\n").collect(),
            Received::TooBig,
        ),
        (
            [b'x'; 998].into_iter().chain(*b"\r.").collect(),
            Received::BareNewline,
        ),
        (vec![b'\n'; 1000], Received::BareNewline),
    ];
    for (block, what) in blocks {
        let times = (48 << 20) / block.len() / if block.starts_with(b"\n") { 64 } else { 1 };
        let end = std::iter::once(b"\r\n.\r\nQUIT\r\n".to_vec());
        let stream = std::iter::repeat_n(block, times).chain(end);
        assert!(receive(stream, 1 << 20).unwrap() == (what, only_quit()));
    }
    if let (Some(before), Some(after)) = (before, peak_memory(std::process::id())) {
        assert!(after - before < 32 << 20, "{before} {after}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_an_error_and_no_text() {
    let stream = b"Subject: x\r\n\r\n..\r\nend\r\n.\r\n";
    for at in 0..stream.len() {
        let error = receive([&stream[..at]], LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{at}");
        let script = Script::says(&stream[..at]).failing(ErrorKind::TimedOut);
        let error = read_text(&mut Wire::new(script), LIMIT, TIMEOUT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{at}");
    }
}

#[test]
fn a_slow_sender_gets_its_timeout_again_with_every_block() {
    // No block ends where a line does, as no block of a real connection need do.
    let blocks = ["one\r\ntw", "o\r\nthr", "ee\r\n..f", "our\r\n.\r"].map(str::to_string);
    let blocks = blocks.into_iter().chain(["\n".to_string()]);
    let mut wire = Wire::new(Script::new(blocks));
    read_text(&mut wire, LIMIT, TIMEOUT).unwrap();
    let clock_and_read = |octets| [Event::Allowed(TIMEOUT), Event::Read(octets)];
    let expected = [7, 6, 7, 7].map(clock_and_read).concat();
    assert_eq!(wire.stream().events()[..8], expected);
}

#[test]
fn the_timeout_with_all_blocks_together_is_six_times_that_with_one() {
    let blocks = std::iter::repeat_n("one more\r\n", 1000).chain([".\r\n"]);
    let mut wire = Wire::new(Script::new(blocks));
    // So little that it is over before the text is.
    read_text(&mut wire, 100_000, Duration::from_nanos(1)).unwrap();
    let last = wire.stream().events().iter().rev().nth(1);
    assert_eq!(last, Some(&Event::Allowed(Duration::ZERO)));
    assert_eq!(TEXT_TIMEOUTS, 6);
}

#[test]
fn a_slow_receiver_gets_its_timeout_again_with_every_block() {
    for (lines, blocks) in [(0, 1), (100_000, 5)] {
        let mut wire = Wire::new(Script::says(b""));
        write_text(&mut wire, &text("x\r\n".repeat(lines)), TIMEOUT).unwrap();
        assert_eq!(wire.stream().writes().len(), blocks);
        let mut before = None;
        for event in wire.stream().events() {
            if matches!(event, Event::Wrote(_)) {
                assert_eq!(before, Some(&Event::Allowed(TIMEOUT)));
            }
            before = Some(event);
        }
    }
}

#[test]
fn the_trace_shows_the_text_as_it_stands_on_the_wire() {
    let notes = Notes::default();
    let trace = Trace::of_server(Box::new(notes.clone()));
    let script = Script::says(b"Subject: x\r\n\r\n..\r\nbad\n\x1b\r\n.\r\n");
    let mut wire = Wire::traced(script, Some(trace));
    read_text(&mut wire, LIMIT, TIMEOUT).unwrap();
    write_text(
        &mut wire,
        &text("\r\n.x\r\nPASS is no secret here\r\n"),
        TIMEOUT,
    )
    .unwrap();
    assert_eq!(
        notes.text(),
        "C: Subject: x\nC: \nC: ..\nC: bad\\n\\\nC: \\x1b\nC: .\n\
         S: \nS: ..x\nS: PASS is no secret here\nS: .\n"
    );
}

#[test]
fn a_text_can_be_written_line_by_line() {
    let mut wire = Wire::new(Script::says(b""));
    for line in [&b"1 120"[..], b".", b"", b"..", b"\xff"] {
        write_text_line(&mut wire, line, TIMEOUT).unwrap();
    }
    for line in [&b"a\n.\nRSET"[..], b"\r", b"x\r\n"] {
        let error = write_text_line(&mut wire, line, TIMEOUT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    end_text(&mut wire, TIMEOUT).unwrap();
    assert_eq!(
        wire.stream().written(),
        b"1 120\r\n..\r\n\r\n...\r\n\xff\r\n.\r\n"
    );
}

/// lettre client/mod.rs:68: a letter with `hi\n.\nMAIL FROM:<evil>` went out as it was. Ours is no
/// text, or becomes one whose lines are all whole.
#[test]
fn no_text_holds_a_bare_newline_or_an_open_line() {
    for file in strings(&[b".", b"x", b"\r", b"\n"], 7) {
        let shown = latin1(&file);
        let good = !has_bare_newline(&shown) && (file.is_empty() || shown.ends_with("\r\n"));
        let made = Text::new(file.clone());
        match &made {
            Ok(text) => assert!(good && text.octets() == file, "{file:?}"),
            Err(BareNewline) => assert!(!good, "{file:?}"),
        }
        // Each LF, CR LF or CR alone becomes one CR LF; the last line gets one if it has none.
        let mut lines = shown.replace("\r\n", "\n").replace('\r', "\n");
        if !lines.is_empty() && !lines.ends_with('\n') {
            lines.push('\n');
        }
        let from_file = Text::from_file(&file);
        assert_eq!(
            latin1(from_file.octets()),
            lines.replace('\n', "\r\n"),
            "{file:?}"
        );
        assert_eq!(from_file, text(from_file.octets()));
        assert!(
            made.is_err() || made == Ok(from_file),
            "a text stays as it is"
        );
    }
}

#[test]
fn a_text_knows_its_lines_and_its_header() {
    let letter = text(b"A: 1\r\n b\xff\r\n\r\nbody\r\n\r\n.\r\n");
    let lines: Vec<&[u8]> = letter.lines().collect();
    assert_eq!(lines, [&b"A: 1"[..], b" b\xff", b"", b"body", b"", b"."]);
    let header: Vec<&[u8]> = letter.header_lines().collect();
    assert_eq!(header, [&b"A: 1"[..], b" b\xff"]);
    assert_eq!(Text::default().lines().count(), 0);
    assert_eq!(text("\r\nno header\r\n").header_lines().count(), 0);
    assert_eq!(text("A: all header\r\n").header_lines().count(), 1);
}
