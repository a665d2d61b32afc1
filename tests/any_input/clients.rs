//! A server that says anything to our clients: to the one that sends letters, and to the one that
//! fetches them.

use crate::common::inn::Shared;
use crate::common::script::{Dice, Script};
use crate::talks::{Plain, spoilt};
use crate::{Stock, count, list};
use smtp_primer::client::{Client, SendError, Stage, Timeouts, Verdict};
use smtp_primer::display::is_hidden;
use smtp_primer::pop3::client::{self as pop3, LETTER};
use smtp_primer::protocol::dot::{Received, Text};
use smtp_primer::protocol::line::{ENDLESS_LINE, Line, Wire, visible};
use smtp_primer::protocol::reply::{REPLY_LINES, Reply};
use smtp_primer::protocol::sasl::Credentials;
use std::fmt::Display;
use std::time::Duration;

/// What a server says while two letters come to it, each for two people.
const SMTP: &str = "\
220 b.example|250-b.example|250-SIZE 1000|250-AUTH PLAIN LOGIN|250 HELP|235 in|250 ok|250 ok|\
    550 no|354 go on|250-kept|250 as 1|250 ok|550 no|450 later|250 reset|221 goodbye
220-b.example|220 is here|502 what|250 b.example|250 ok|250 ok|252 ok|354 go on|451 full|\
    250 ok|250 ok|552 many|354 go on|250 kept|221 goodbye
220 b.example|250-b.example|250 auth x login|334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|235 in|250 ok|\
    550 no|250 ok|554 no|250 reset|250 ok|250 ok|250 ok|354 go on|250 kept|221 goodbye";

const REPLIES: &str = "250 ok|250-more|354 go on|334 |421 closing|451 no|500 what|552 no|999 x|a";

/// The text of each letter, and how it goes over the wire.
const TEXT: &str = "Subject: x\r\n\r\n.\r\nQUIT\r\n";
const STUFFED: &str = "Subject: x\r\n\r\n..\r\nQUIT\r\n.\r\n";

/// What a server says while three letters are fetched.
const POP3: &str = "\
+OK b.example|+OK|+OK in|+OK 3 letters|1 20|2 0|3 5 x|.|+OK|Subject: a|||..dots|.|+OK gone|\
    +OK|.|+OK|+OK|b|.|+OK|+OK goodbye
+OK|+OK|+OK|+OK|7 1|.|+OK 1|a|.|+OK|+OK";

const ANSWERS: &str = "+OK|+OK 1|-ERR no|.|..|1 20|2|+1 +1|a";

fn alice() -> Credentials {
    let [user, password] = ["alice", "wonderland"].map(String::from);
    Credentials { user, password }
}

fn octet_by_octet(input: &[u8]) -> Script {
    Script::new(input.chunks(1).map(<[u8]>::to_vec).collect::<Vec<_>>())
}

/// Whoever reads what became of it sees one line, perhaps with a tab in it.
fn assert_shown(why: &impl Display) {
    let why = why.to_string().replace('\t', " ");
    assert!(why.len() > 10 && !why.contains(is_hidden), "{why:?}");
}

/// Sends two letters.
fn send(server: Shared) -> Result<Vec<Verdict>, SendError> {
    let from = "<alice@a.example>".parse().expect("a path");
    let to = ["<bob@b.example>", "<carol@b.example>"].map(|path| path.parse().expect("a path"));
    let text = Text::new(TEXT.into()).expect("a text");
    let helo = "a.example".parse().expect("a domain");
    let mut client = Client::open(Wire::new(server), &helo, Timeouts(Some(Duration::ZERO)))?;
    match client.authenticate(&alice()) {
        Ok(()) | Err(SendError::Unfit(_)) => {}
        Err(failure) => return Err(failure),
    }
    let mut verdicts: Vec<Verdict> = client.send(&from, &to, &text).flatten().collect();
    let ended = |verdict: &Verdict| match &verdict.result {
        Ok(_) | Err(SendError::Refused(Stage::Rcpt | Stage::Data | Stage::Dot, _)) => None,
        Err(failure) => Some(failure.clone()),
    };
    if let Some(failure) = verdicts.iter().find_map(ended) {
        return Err(failure);
    }
    verdicts.extend(client.send(&from, &to, &text).flatten());
    client.quit();
    Ok(verdicts)
}

/// Who has got a letter, worked out from the replies alone; and each thing that the client said was
/// due then (RFC 5321 §4.1.4). `None`: nobody knows any more which reply answers what.
fn judge(said: &str, codes: &[u16]) -> Option<Vec<bool>> {
    let mut codes = codes.iter().copied();
    let (mut rest, mut begun, mut got) = (said, 0, Vec::new());
    let mut has_data = false;
    let mut last = codes.next();
    while let Some((line, more)) = rest.split_once("\r\n") {
        let code = codes.next();
        let is = |code: Option<u16>, first| code.is_some_and(|code| code / 100 == first);
        rest = more;
        let verb = line.split([' ', ':']).next().unwrap_or(line);
        if matches!(verb, "MAIL" | "QUIT") && !has_data {
            got[begun..].fill(false); // it broke off before DATA
        }
        match verb {
            "EHLO" | "AUTH" => assert!(is(last, 2), "{line}"),
            "HELO" => assert!(is(last, 5), "{line}"),
            "YWxpY2U=" | "d29uZGVybGFuZA==" => assert!(is(last, 3), "{line}"),
            "MAIL" => {
                assert!(is(last, 2) || !got.is_empty(), "{line}");
                (begun, has_data) = (got.len(), false);
            }
            "RCPT" => got.push(is(code, 2)),
            "DATA" => {
                assert!(got[begun..].contains(&true), "{line}");
                has_data = true;
                let mut answer = None; // without 354, a 250 is not about the letter
                if code == Some(354) {
                    rest = more.strip_prefix(STUFFED).expect("the text");
                    answer = codes.next();
                }
                got[begun..].iter_mut().for_each(|it| *it &= is(answer, 2));
            }
            // A client goes on also if this one gets no answer.
            "RSET" => _ = code?,
            verb => assert_eq!(verb, "QUIT"),
        }
        last = code;
    }
    assert_eq!(rest, "", "half a line");
    Some(got)
}

#[test]
fn a_client_says_what_is_due_and_a_letter_is_sent_if_its_dot_was_answered_so() {
    let stock = Stock::new(list(REPLIES), "-| |2|3|5|354|250 |\r\n250 ", &[512, 514]);
    let conversation =
        |stock: &Stock, dice: &mut Dice| spoilt(stock, dice, SMTP, ("250-more", REPLY_LINES));
    stock.feed(count::SENDERS, conversation, sender);
}

pub fn sender(input: &[u8]) -> bool {
    let server = Shared::new(Script::answers(input));
    let sent = send(server.clone());
    let mut heard = Wire::new(Script::says(input));
    let codes: Vec<u16> = std::iter::from_fn(|| Reply::read(&mut heard).ok())
        .map(|reply| reply.code())
        .collect();
    let judged = judge(&server.written(), &codes);
    let slow = Shared::new(octet_by_octet(input));
    assert_eq!(format!("{:?}", send(slow.clone())), format!("{sent:?}"));
    assert_eq!(slow.written(), server.written());
    match sent {
        Ok(verdicts) => {
            verdicts.iter().for_each(assert_shown);
            let sent = |verdict: &Verdict| verdict.result.is_ok();
            let sent: Vec<bool> = verdicts.iter().map(sent).collect();
            let count = |list: &[bool]| list.iter().filter(|it| **it).count();
            // Nobody is refused who has got it, nor the other way round.
            assert!(
                judged.is_none_or(|judged| count(&judged) == count(&sent)),
                "{sent:?}"
            );
            sent.contains(&true)
        }
        Err(failure) => {
            assert_shown(&failure);
            false
        }
    }
}

/// Fetches and removes all letters.
fn fetch(server: Shared) -> Result<Vec<Text>, pop3::FetchError> {
    let mut client = pop3::Pop3Client::open(Wire::new(server), &alice(), Duration::ZERO)?;
    let mut letters = Vec::new();
    for (number, size) in client.list()? {
        letters.push(client.retrieve(number, size)?);
        client.delete(number)?;
    }
    client.quit().map(|()| letters)
}

/// The letters in what a server says, if all goes well.
fn letters(input: &[u8]) -> Option<Vec<Text>> {
    let mut plain = Plain {
        rest: input,
        longest: ENDLESS_LINE,
    };
    let line = |plain: &mut Plain| match plain.line() {
        Line::Text(line) => Some(visible(&line)),
        _ => None,
    };
    let ok = |plain: &mut Plain| {
        let line = line(plain)?;
        let text = line.strip_prefix("+OK")?;
        (!text.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some(())
    };
    for _question in ["", "USER", "PASS", "LIST"] {
        ok(&mut plain)?;
    }
    let mut sizes: Vec<usize> = Vec::new();
    loop {
        let line = line(&mut plain)?;
        if line == "." {
            break;
        }
        let mut words = line.split(' ');
        words.next()?.parse::<usize>().ok()?;
        sizes.push(words.next()?.parse().ok()?);
    }
    let mut letters = Vec::new();
    for size in sizes {
        ok(&mut plain)?;
        let limit = size.saturating_mul(2).saturating_add(64 * 1024).min(LETTER);
        let Received::Text(text) = plain.text(limit)? else {
            return None;
        };
        if text.octets().len() < size.div_ceil(2) {
            return None; // less than half of it has arrived
        }
        letters.push(text);
        ok(&mut plain)?;
    }
    ok(&mut plain).map(|()| letters)
}

#[test]
fn letters_are_fetched_if_each_answer_is_one_and_they_are_what_was_sent() {
    let stock = Stock::new(list(ANSWERS), "+|-|.| |0|1 |+OK|\r\n.", &[510]);
    let conversation =
        |stock: &Stock, dice: &mut Dice| spoilt(stock, dice, POP3, ("8 octets", 100));
    stock.feed(count::FETCHERS, conversation, fetcher);
}

pub fn fetcher(input: &[u8]) -> bool {
    let fetched = fetch(Shared::new(Script::answers(input)));
    if let Err(failure) = &fetched {
        assert_shown(failure);
    }
    let fetched = fetched.ok();
    assert_eq!(fetched, letters(input));
    let slow = Shared::new(octet_by_octet(input));
    assert_eq!(fetch(slow).ok(), fetched);
    fetched.is_some_and(|letters| !letters.is_empty())
}
