//! Whatever is one line, or a part of one.

use crate::common::script::Script;
use crate::{Stock, count, list};
use smtp_primer::display::{Header, decode_words, is_hidden};
use smtp_primer::message::{FOLD, Field, LONGEST};
use smtp_primer::next_hop::Route;
use smtp_primer::protocol::address::{
    ADDRESS, DOMAIN, Domain, ForwardPath, LOCAL_PART, Mailbox, PATH, ReversePath,
};
use smtp_primer::protocol::base64::{decode, decode_loosely, encode};
use smtp_primer::protocol::command::{AUTH_LINE, Command, MAIL_LINE};
use smtp_primer::protocol::line::{COMMAND_LINE, REPLY_LINE, Wire};
use smtp_primer::protocol::reply::Reply;
use smtp_primer::protocol::sasl::Credentials;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// The promise of all types of the protocol: what parses is shown as one line, which parses to the
/// same value. What does not parse is told why, on one line. Returns what was shown.
fn returns<T, E>(octets: &[u8], parse: impl Fn(&[u8]) -> Result<T, E>) -> Option<String>
where
    T: Display + Debug + PartialEq,
    E: Display + Debug + PartialEq,
{
    let value = match parse(octets) {
        Ok(value) => value,
        Err(why) => {
            let why = why.to_string();
            assert!(why.len() > 10 && !why.contains(is_hidden), "{why:?}");
            return None;
        }
    };
    let shown = value.to_string();
    let printable = |octet| matches!(octet, b' '..=b'~' | b'\t');
    assert!(shown.bytes().all(printable), "{shown:?}");
    let again = parse(shown.as_bytes()).unwrap_or_else(|why| panic!("{shown:?}: {why}"));
    assert_eq!(again, value);
    assert_eq!(
        again.to_string(),
        shown,
        "also where values are compared without case"
    );
    Some(shown)
}

/// The same for what is made of text, and of at most so many octets. What is no UTF-8 becomes a
/// mark.
fn text_returns<T>(octets: &[u8], most: usize) -> bool
where
    T: FromStr<Err: Display + Debug + PartialEq> + Display + Debug + PartialEq,
{
    let shown = returns(octets, |it| String::from_utf8_lossy(it).parse::<T>());
    let fits = shown.as_ref().is_none_or(|shown| shown.len() <= most);
    assert!(fits, "over {most} octets: {shown:?}");
    shown.is_some()
}

#[test]
fn an_address_or_a_route_is_read_back_as_it_is_shown() {
    let good = "alice@a.example|\"a\\\"b \\\\@\"@a-b.example|bob@[192.0.2.1]|\
        bob@[IPv6:2001:db8::1]|\
        0123456789012345678901234567890123456789012345678901234567890123@a|<alice@a.example>|\
        <\"a> b\"@c>|<@hop,@hop.example:alice@a.example>|<Postmaster>|<>|a.example|[127.0.0.1]|\
        b.example 127.0.0.1:2626|* [2001:db8::1]:25|* mx.example:65535";
    let pieces = "@|:|,|;|<|>|[|]|(|..|_|%|!|/|\\\"|\"@\"|a@b|@a:|IPv6:|::|256|000";
    let stock = Stock::new(list(good), pieces, &[LOCAL_PART, ADDRESS, DOMAIN, PATH]);
    stock.feed(count::ADDRESSES, Stock::spoilt, address);
}

pub fn address(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let name = text_returns::<Domain>(octets, DOMAIN);
    let address = text_returns::<Mailbox>(octets, ADDRESS);
    let from = text_returns::<ReversePath>(octets, PATH);
    let to = text_returns::<ForwardPath>(octets, PATH);
    let mailbox = text.parse::<Mailbox>();
    let local_part = |mailbox: Mailbox| mailbox.to_string().rfind('@').unwrap_or(0);
    assert!(mailbox.map_or(0, local_part) <= LOCAL_PART);
    // The address in a route may be shown in another spelling; that one stays.
    let spelled = |text: &str| text.parse::<Route>().map(|route| route.to_string());
    let route = spelled(&text).map(|shown| assert_eq!(spelled(&shown), Ok(shown)));
    name || address || from || to || route.is_ok()
}

/// The longest line with this verb, without CR LF.
fn longest(line: &[u8]) -> usize {
    let mut words = line.split(u8::is_ascii_whitespace);
    let verb = words.next().unwrap_or_default();
    match verb.to_ascii_uppercase().as_slice() {
        b"MAIL" => MAIL_LINE - 2,
        b"AUTH" => AUTH_LINE - 2,
        _ => COMMAND_LINE - 2,
    }
}

#[test]
fn a_command_is_read_back_as_it_is_shown_and_is_never_too_long() {
    let good = "EHLO a.example|helo [IPv6:::1]|MAIL FROM:<>|mail from:<Alice@A.example>|\
        MAIL FROM:<@b,@c:alice@a.example> AUTH=e+3Dmc2@a.example|\
        MAIL FROM:<\"\\\"> b\"@c> SIZE=18446744073709551615 BODY=8BitMime AUTH=<>|\
        RCPT TO:<bob@b.example>|rcpt to:<postmaster>|DATA|rset\t |VRFY Bob <bob@b.example>|\
        EXPN staff|HELP mail|NOOP and an argument |QUIT|AUTH PLAIN AGEAYg==|\
        AUTH twenty-characters_ok =|SEND FROM:<a@b>|TURN";
    let pieces = "<|>|@|:|,|[|\\\"|a@b|FROM:|TO:|SIZE=|SIZE=007|BODY=7BIT|AUTH=<>|AUTH=x|X=1|=|==|\
        HELO |AUTH ";
    let limits = &[COMMAND_LINE - 2, MAIL_LINE - 2, AUTH_LINE - 2];
    Stock::new(list(good), pieces, limits).feed(count::COMMANDS, Stock::spoilt, command);
}

pub fn command(line: &[u8]) -> bool {
    match Command::parse(line) {
        Err(wrong) => assert!(
            matches!(wrong.code(), 421 | 500 | 501 | 550 | 553 | 555),
            "{wrong}"
        ),
        Ok(_) => assert!(line.len() <= longest(line), "{} octets", line.len()),
    }
    let shown = returns(line, Command::parse);
    assert!(
        shown
            .iter()
            .all(|shown| shown.len() <= longest(shown.as_bytes()))
    );
    shown.is_some()
}

#[test]
fn a_reply_is_read_as_it_was_written() {
    let good = "250 ok|250-a.example|354|421 closing\t|250-a\r\n250-b\r\n250 c";
    let pieces = "250|599|600|+25|{|\r\n250 |\r\n250-|\n250";
    let stock = Stock::new(list(good), pieces, &[REPLY_LINE - 2, 2 * REPLY_LINE]);
    stock.feed(count::REPLIES, Stock::spoilt, reply);
}

pub fn reply(octets: &[u8]) -> bool {
    let read = |octets: &[u8]| Reply::read(&mut Wire::new(Script::says(octets)));
    let returned = |reply: Reply| {
        let lines = reply.lines().into_iter();
        let lines: Vec<String> = lines.map(|line| format!("{line}\r\n")).collect();
        assert!(lines.iter().all(|line| line.len() <= REPLY_LINE));
        assert!(
            !reply.to_string().contains(['\r', '\n']),
            "for people it is one line"
        );
        assert_eq!(read(lines.concat().as_bytes()).expect("a reply"), reply);
    };
    returns(octets, |line| {
        Reply::parse(line).ok_or("this is not a line of a reply")
    });
    returned(Reply::new(250, &String::from_utf8_lossy(octets)));
    read(&[octets, b"\r\n"].concat()).map(returned).is_ok()
}

#[test]
fn base64_has_one_spelling_and_credentials_survive_it() {
    // VVVV is UUU, so a long row of V is a long word: here a password of 255 octets, or of 256.
    let good = "|Zg==|Zm9vYmFy|AGFsaWNlAHdvbmRlcmxhbmQ=|YWxpY2UAYWxpY2UAd29uZGVybGFuZA==|////|\
        AFUAVVVV|AFUAVVVVVQ==";
    let stock = Stock::new(list(good), "=|==|A|AA|_|*|AGEA", &[344, 348]);
    stock.feed(count::BASE64, Stock::spoilt, base64);
}

pub fn base64(octets: &[u8]) -> bool {
    assert_eq!(decode(&encode(octets)).as_deref(), Some(octets));
    let text = String::from_utf8_lossy(octets);
    if let Some((_, came)) = Credentials::from_plain(&text) {
        assert!(came.user.len() <= 255 && came.password.len() <= 255);
        let again = Credentials::from_plain(&came.to_plain());
        assert_eq!(again, Some((String::new(), came)));
    }
    decode(&text).is_some_and(|read| {
        assert_eq!(encode(&read), text);
        assert_eq!(decode_loosely(octets), read);
        true
    })
}

#[test]
fn a_header_field_is_ascii_in_short_lines_and_says_what_was_filled_in() {
    let good = "Subject: a short one|X:|To: p@p.example|Cc: (é) é <a@a.example>, b@b.example|\
        Content-Type: text/plain; name=\"é.txt\"|\
        Subject: 早上好 und Grüße, in words that go on until the line has to be folded|\
        From: \"Müller, M.\" <m@b.example>, \"plain\" <p@b.example>|\
        X-Odd:\t \"a \\\" b\"  (c) =?utf-8?q?=1b?= d";
    let pieces = ":|: |早|\u{301}|=?|?=|=?a?b?c?=|\r\n |=";
    let stock = Stock::new(list(good), pieces, &[FOLD, LONGEST, 3 * LONGEST]);
    stock.feed(count::FIELDS, Stock::spoilt, field);
}

pub fn field(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let Ok(field) = text.parse::<Field>() else {
        return false;
    };
    let lines = field.to_lines();
    assert!(lines.is_ascii() && lines.ends_with("\r\n"), "{lines:?}");
    // Only the first line begins a field, and none looks like the end of the header.
    for (at, line) in lines.trim_end_matches("\r\n").split("\r\n").enumerate() {
        assert_eq!(at > 0, line.starts_with([' ', '\t']), "{lines:?}");
        assert!(
            !line.contains(['\r', '\n']) && line.len() <= LONGEST,
            "{lines:?}"
        );
        assert!(!line.trim_ascii().is_empty(), "{lines:?}");
    }
    let (header, rest) = Header::read(lines.as_bytes());
    let (name, value) = text.split_once(':').expect("a field");
    let travels = header.first(name);
    if name.eq_ignore_ascii_case("subject") || name.starts_with('X') {
        let value = value.trim_matches([' ', '\t']);
        assert_eq!(decode_words(travels), value);
    } else if !travels.contains("=?") {
        // A list of addresses is written anew; what was written so is not changed any more.
        let again = Field::new(name, travels).expect(travels);
        assert_eq!(again.to_lines(), lines);
    }
    rest.is_empty()
}
