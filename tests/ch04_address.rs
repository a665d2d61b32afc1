//! Chapter 4: what is an address and what is not. An address is kept exactly as written, and holds
//! nothing that the grammar forbids.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::Dice;
use smtp_primer::protocol::address::{
    ADDRESS, AddressError, DOMAIN, Domain, ForwardPath, HostName, LOCAL_PART, Mailbox, PATH,
    ReversePath,
};
use std::net::IpAddr;

const NO_AT: AddressError = AddressError::Grammar("an address has the form local-part@domain");
const BAD_LOCAL_PART: AddressError =
    AddressError::Grammar("the part before the @ is not well formed");
const BAD_DOMAIN: AddressError = AddressError::Grammar("the domain is not well formed");
const NO_BRACKETS: AddressError = AddressError::Grammar("the address must be between < and >");
const BAD_ROUTE: AddressError = AddressError::Grammar("a source route has the form @one,@two:");

fn local_part_of(mailbox: &Mailbox) -> String {
    let text = mailbox.to_string();
    text.rsplit_once('@').expect("an address").0.to_string()
}

fn mailbox(text: &str) -> Result<Mailbox, AddressError> {
    text.parse()
}

fn domain(text: &str) -> Result<Domain, AddressError> {
    text.parse()
}

/// A domain of exactly this many octets.
fn domain_of(octets: usize) -> String {
    let labels = "a.".repeat(octets / 2);
    if octets.is_multiple_of(2) {
        format!("{}aa", &labels[..octets - 2])
    } else {
        format!("{labels}a")
    }
}

#[test]
fn an_address_is_kept_as_it_was_written() {
    for (local_part, domain) in [
        ("alice", "a.example"),
        ("Alice", "A.Example"),
        ("a.b.c", "localhost"),
        ("!#$%&'*+-/=?^_`{|}~", "x--y.0"),
        ("-f", "a"),
        ("\"\"", "a.example"),
        ("\" \"", "a.example"),
        ("\"a b\"", "a.example"),
        ("\"a@b\"", "a.example"),
        ("\"a\\\"b\\\\c\\ \"", "a.example"),
        ("\"<>()[]:;,.@..\"", "a.example"),
        ("alice", "[192.0.2.1]"),
        ("alice", "[IPv6:2001:db8::1]"),
    ] {
        let text = format!("{local_part}@{domain}");
        let mailbox = mailbox(&text).unwrap();
        assert_eq!(local_part_of(&mailbox), local_part);
        assert_eq!(mailbox.domain().as_str(), domain);
        assert_eq!(mailbox.to_string(), text);
    }
}

/// CVE-2020-7247 (OpenSMTPD: `;cmd;` with no domain reached a shell), CVE-2026-23829 (Mailpit: a
/// bare CR became a header line), nodemailer GHSA-vvjj-xcjg-gr5g and others: CR LF added commands.
#[test]
fn what_breaks_the_grammar_is_no_address() {
    use AddressError::NotAscii;
    for (text, why) in [
        ("", NO_AT),
        ("alice", NO_AT),
        (";cmd;", NO_AT),
        ("\"alice", NO_AT),
        ("@", BAD_DOMAIN),
        ("@a.example", BAD_LOCAL_PART),
        ("alice@", BAD_DOMAIN),
        ("a@b@c", BAD_LOCAL_PART),
        ("a@@c", BAD_LOCAL_PART),
        (".a@b", BAD_LOCAL_PART),
        ("a.@b", BAD_LOCAL_PART),
        ("a..b@c", BAD_LOCAL_PART),
        (";cmd;@b", BAD_LOCAL_PART),
        ("a b@c", BAD_LOCAL_PART),
        (" a@b", BAD_LOCAL_PART),
        ("a,b@c", BAD_LOCAL_PART),
        ("<a@b", BAD_LOCAL_PART),
        ("a(comment)@b", BAD_LOCAL_PART),
        ("a\\b@c", BAD_LOCAL_PART),
        ("\"@b", BAD_LOCAL_PART),
        ("\"a@b", BAD_LOCAL_PART),
        ("a\"@b", BAD_LOCAL_PART),
        ("\"a\"b@c", BAD_LOCAL_PART),
        ("\"a\".b@c", BAD_LOCAL_PART),
        ("\"a\"b\"@c", BAD_LOCAL_PART),
        ("\"a\\\"@b", BAD_LOCAL_PART),
        ("\"\\\"@b", BAD_LOCAL_PART),
        ("a\rX: y@b", BAD_LOCAL_PART),
        ("a\rb@c", BAD_LOCAL_PART),
        ("a\nb@c", BAD_LOCAL_PART),
        ("\"a\rX: y\"@b", BAD_LOCAL_PART),
        ("\"a\\\rb\"@c", BAD_LOCAL_PART),
        ("a\r\nRCPT TO:<c@d>@b", BAD_LOCAL_PART),
        ("\"a\nb\"@c", BAD_LOCAL_PART),
        ("a\0@b", BAD_LOCAL_PART),
        ("\"\0\"@b", BAD_LOCAL_PART),
        ("\"\t\"@b", BAD_LOCAL_PART),
        ("\"\\\x7f\"@b", BAD_LOCAL_PART),
        ("\u{e9}@b", NotAscii),
        ("\"\u{e9}\"@b", NotAscii),
        ("a@b ", BAD_DOMAIN),
        ("a@b>", BAD_DOMAIN),
        ("a@b\r\n", BAD_DOMAIN),
        ("a@b\rc", BAD_DOMAIN),
        ("a@b\nc", BAD_DOMAIN),
        ("a@b\r\nBcc: c@d.example", BAD_LOCAL_PART),
        ("a@b\0", BAD_DOMAIN),
        ("a@.b", BAD_DOMAIN),
        ("a@b.", BAD_DOMAIN),
        ("a@b..c", BAD_DOMAIN),
        ("a@-b", BAD_DOMAIN),
        ("a@b-", BAD_DOMAIN),
        ("a@b-.c", BAD_DOMAIN),
        ("a@b_c", BAD_DOMAIN),
        ("a@#3221225985", BAD_DOMAIN), // RFC 821 had this for 192.0.2.1 (RFC 5321 F.4)
        ("a@b\u{fc}cher.example", NotAscii),
        ("a@\"b\"", BAD_DOMAIN),
        ("a@(c)b", BAD_DOMAIN),
        ("a@b:25", BAD_DOMAIN),
    ] {
        assert_eq!(mailbox(text), Err(why), "{text:?}");
    }
}

/// GHSA-mm7p-fcc7-pg87 (nodemailer), CVE-2023-27043 (CPython), go-smtp parse.go: split at the first
/// `@`, and the letter went to a stranger.
/// Also CVE-2025-13033.
#[test]
fn the_domain_begins_after_the_last_at() {
    let address = mailbox("\"victim@x y\"@internal").unwrap();
    assert_eq!(address.domain().as_str(), "internal");
    assert_eq!(local_part_of(&address), "\"victim@x y\"");
    assert_eq!(address.user(), "victim@x y");
    assert_eq!(address.to_string(), "\"victim@x y\"@internal");
}

#[test]
fn a_quoted_local_part_stands_for_the_same_user() {
    for (local_part, user) in [
        ("alice", "alice"),
        ("\"alice\"", "alice"),
        ("\"al\\ice\"", "alice"),
        ("\"\"", ""),
        ("\"\\\\\"", "\\"),
        ("\"\\\"\"", "\""),
        ("\"Joe\\,Smith\"", "Joe,Smith"),
    ] {
        assert_eq!(mailbox(&format!("{local_part}@b")).unwrap().user(), user);
    }
}

#[test]
fn a_domain_is_compared_without_case_and_a_local_part_with() {
    assert_eq!(mailbox("alice@A.EXAMPLE"), mailbox("alice@a.example"));
    assert_ne!(mailbox("Alice@a.example"), mailbox("alice@a.example"));
    assert_ne!(mailbox("alice@a.example"), mailbox("alice@b.example"));
    assert_eq!(domain("[ipv6:2001:DB8::1]"), domain("[IPv6:2001:db8::1]"));
    assert_ne!(domain("a.example"), domain("a.example.org"));
}

#[test]
fn an_address_literal_holds_one_ip_address_in_its_full_form() {
    let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    for (text, address) in [
        ("[127.0.0.1]", ip("127.0.0.1")),
        ("[0.0.0.0]", ip("0.0.0.0")),
        ("[255.255.255.255]", ip("255.255.255.255")),
        ("[IPv6:::]", ip("::")),
        ("[IPv6:::1]", ip("::1")),
        ("[ipv6:2001:DB8::1]", ip("2001:db8::1")),
        ("[IPv6:1:2:3:4:5:6:7:8]", ip("1:2:3:4:5:6:7:8")),
        ("[IPv6:1:2:3:4:5:6:192.0.2.1]", ip("1:2:3:4:5:6:192.0.2.1")),
        ("[IPv6:::ffff:192.0.2.1]", ip("::ffff:192.0.2.1")),
        ("a.example", None),
        ("127.0.0.1", None),
    ] {
        let domain = domain(text).unwrap();
        assert_eq!(domain.literal(), address, "{text}");
        assert_eq!(domain.to_string(), text);
    }
    for text in [
        "[",
        "]",
        "[]",
        "[1.2.3]",
        "[1.2.3.4.5]",
        "[1.2.3.256]",
        "[1.2.3.0004]",
        "[127.000.0.1]", // For some programs, 010 is 8: Rust's own CVE-2021-29922.
        "[010.0.0.1]",
        "[1.2.3.04]",
        "[1.2.3.]",
        "[1.2.3.+4]",
        "[1.2.3.4",
        "1.2.3.4]",
        "[1.2.3.4]]",
        "[[1.2.3.4]]",
        "[1.2.3.4].a",
        "[ 1.2.3.4]",
        "[1.2.3.4\r\n]",
        "[::1]",
        "[IPv6:]",
        "[IPv6:1]",
        "[IPv6:::1::]",
        "[IPv6:fe80::1%eth0]",
        "[IPv6:12345::]",
        "[IPv6:g::]",
        "[IPv6:1.2.3.4]",
        "[IPv6:1:2:3:4:5:6:7:8:9]",
        "[IPv5:1]",
        "[IPv6\u{e9}::1]",
        "[a.example]",
        "[\u{e9}\u{e9}\u{e9}]",
        "[x:y]",
    ] {
        assert_eq!(domain(text), Err(BAD_DOMAIN), "{text}");
    }
}

#[test]
fn an_ip_address_becomes_a_literal() {
    for (ip, literal) in [
        ("127.0.0.1", "[127.0.0.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("::ffff:192.0.2.1", "[192.0.2.1]"),
    ] {
        let made = Domain::from(ip.parse::<IpAddr>().unwrap());
        assert_eq!(made.as_str(), literal);
        assert_eq!(domain(literal), Ok(made));
    }
}

#[test]
fn lengths_are_limited_in_octets() {
    assert_eq!((LOCAL_PART, DOMAIN, PATH), (64, 255, 256));
    assert_eq!(ADDRESS, 254);
    for length in [LOCAL_PART - 1, LOCAL_PART, LOCAL_PART + 1] {
        let too_long = AddressError::TooLong("the part before the @", LOCAL_PART);
        let expected = if length > LOCAL_PART {
            Some(too_long)
        } else {
            None
        };
        let plain = "x".repeat(length);
        let quoted = format!("\"{}\"", "x".repeat(length - 2));
        for local_part in [plain, quoted] {
            assert_eq!(
                mailbox(&format!("{local_part}@b")).err(),
                expected,
                "{local_part}"
            );
        }
    }
    for length in [DOMAIN - 1, DOMAIN, DOMAIN + 1] {
        let too_long = AddressError::TooLong("the domain", DOMAIN);
        let expected = if length > DOMAIN {
            Some(too_long)
        } else {
            None
        };
        assert_eq!(domain(&domain_of(length)).err(), expected, "{length}");
    }
    for length in [PATH - 1, PATH, PATH + 1] {
        let too_long = AddressError::TooLong("the path", PATH);
        let expected = if length > PATH { Some(too_long) } else { None };
        for start in ["<alice@", "<@hop,@hop:alice@"] {
            let path = format!("{start}{}>", domain_of(length - start.len() - 1));
            assert_eq!(path.len(), length);
            assert_eq!(path.parse::<ReversePath>().err(), expected, "{path}");
            assert_eq!(path.parse::<ForwardPath>().err(), expected, "{path}");
        }
    }
}

/// An address from elsewhere, such as a command line, must fit into a path too: else it would be
/// written into a command that nobody reads back.
#[test]
fn every_address_fits_into_a_path() {
    for length in [ADDRESS - 1, ADDRESS] {
        let path = ForwardPath::Mailbox(mailbox(&address_of(length)).unwrap());
        assert_eq!(path.to_string().parse(), Ok(path));
    }
    let too_long = AddressError::TooLong("the address", ADDRESS);
    assert_eq!(mailbox(&address_of(ADDRESS + 1)), Err(too_long));
}

fn address_of(octets: usize) -> String {
    format!("alice@{}", domain_of(octets - "alice@".len()))
}

/// mailin parser.rs:51, mailhog/smtp #7, go-guerrilla #53: `<>` was refused, so no bounce arrived.
#[test]
fn the_null_reverse_path_is_an_argument_of_mail_alone() {
    assert_eq!("<>".parse(), Ok(ReversePath::Null));
    assert_eq!(ReversePath::Null.to_string(), "<>");
    assert_eq!("<>".parse::<ForwardPath>(), Err(NO_AT));
    for text in ["", "< >", "<> ", "<<>>", "<@a:>"] {
        assert!(text.parse::<ReversePath>().is_err(), "{text:?}");
    }
}

#[test]
fn postmaster_needs_no_domain_and_only_as_a_recipient() {
    for text in ["<Postmaster>", "<postmaster>", "<POSTMASTER>"] {
        assert_eq!(text.parse(), Ok(ForwardPath::Postmaster));
        assert_eq!(text.parse::<ReversePath>(), Err(NO_AT));
    }
    assert_eq!(ForwardPath::Postmaster.to_string(), "<Postmaster>");
    let with_domain = "<Postmaster@a.example>".parse::<ForwardPath>();
    assert!(matches!(with_domain, Ok(ForwardPath::Mailbox(_))));
    assert!("<Postmaster >".parse::<ForwardPath>().is_err());
    assert!("<@a.example:Postmaster>".parse::<ForwardPath>().is_err());
}

#[test]
fn a_path_stands_in_brackets_and_a_source_route_is_dropped() {
    for path in [
        "<alice@a.example>",
        "<@b.example:alice@a.example>",
        "<@b.example,@c.example,@d:alice@a.example>",
    ] {
        let expected = mailbox("alice@a.example").unwrap();
        let reverse = path.parse::<ReversePath>().unwrap();
        assert_eq!(reverse, ReversePath::Mailbox(expected.clone()));
        assert_eq!(reverse.to_string(), "<alice@a.example>");
        let forward = path.parse::<ForwardPath>().unwrap();
        assert_eq!(forward, ForwardPath::Mailbox(expected));
        assert_eq!(forward.to_string(), "<alice@a.example>");
    }
    // Within quotes, brackets, commas and colons are characters like others.
    let quoted = "<\"@a,@b:c>\"@a.example>";
    assert_eq!(quoted.parse::<ForwardPath>().unwrap().to_string(), quoted);
    for (path, why) in [
        ("", NO_BRACKETS),
        ("alice@a.example", NO_BRACKETS),
        ("<alice@a.example", NO_BRACKETS),
        ("alice@a.example>", NO_BRACKETS),
        (" <a@b>", NO_BRACKETS),
        ("<a@b> ", NO_BRACKETS),
        ("Alice <a@b>", NO_BRACKETS),
        ("<", NO_BRACKETS),
        (">", NO_BRACKETS),
        ("<a@b><c@d>", BAD_LOCAL_PART),
        ("<<a@b>>", BAD_DOMAIN),
        ("<@a>", BAD_ROUTE),
        ("<@:a@b>", BAD_ROUTE),
        ("<@a,:a@b>", BAD_ROUTE),
        ("<@a,b:a@b>", BAD_ROUTE),
        ("<@a,,@b:a@b>", BAD_ROUTE),
        ("<@a @b:a@b>", BAD_ROUTE),
        ("<@a, @b:a@b>", BAD_ROUTE),
        ("<@a\r\n:a@b>", BAD_ROUTE),
        ("<@a:@b:c@d>", BAD_LOCAL_PART),
        ("<@a:b>", NO_AT),
        ("<a:b@c>", BAD_LOCAL_PART),
    ] {
        assert_eq!(path.parse::<ReversePath>(), Err(why), "{path:?}");
        assert_eq!(path.parse::<ForwardPath>(), Err(why), "{path:?}");
    }
}

/// The grammar of RFC 5321 §4.1.2 once more, read from left to right. (Only a number with leading
/// zeros is not taken, because it may mean two addresses.)
fn is_mailbox(text: &str) -> bool {
    let octets = text.as_bytes();
    let mut at = 0;
    if octets.first() == Some(&b'"') {
        at = 1;
        loop {
            match octets.get(at..) {
                Some([b'"', ..]) => break,
                Some([b'\\', b' '..=b'~', ..]) => at += 2,
                Some([b'\\', ..]) => return false,
                Some([b' '..=b'~', ..]) => at += 1,
                _ => return false,
            }
        }
        at += 1;
    } else {
        loop {
            let atom = octets[at..].iter().take_while(|octet| {
                octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(octet)
            });
            let length = atom.count();
            at += length;
            match octets.get(at) {
                Some(b'.') if length > 0 => at += 1,
                Some(b'@') if length > 0 => break,
                _ => return false,
            }
        }
    }
    let Some(domain) = text[at..].strip_prefix('@') else {
        return false;
    };
    at <= 64 && text.len() <= 254 && is_domain(domain)
}

fn is_domain(text: &str) -> bool {
    if let Some(literal) = text.strip_prefix('[') {
        let Some(literal) = literal.strip_suffix(']') else {
            return false;
        };
        let snum = |part: &str| {
            let digits = part.bytes().all(|octet| octet.is_ascii_digit());
            let plain = part == "0" || !part.starts_with('0');
            digits && plain && (1..=3).contains(&part.len()) && part.parse::<u32>().unwrap() <= 255
        };
        let v4 = literal.split('.').count() == 4 && literal.split('.').all(snum);
        let v6 = literal.to_ascii_lowercase();
        let v6 = v6
            .strip_prefix("ipv6:")
            .map(str::parse::<std::net::Ipv6Addr>);
        return v4 || matches!(v6, Some(Ok(_)));
    }
    // A hyphen or dot comes only between two others, and a dot only between letters or digits.
    let mut before = b'.';
    for octet in text.bytes() {
        let good = match octet {
            b'-' => before != b'.',
            b'.' => before.is_ascii_alphanumeric(),
            octet => octet.is_ascii_alphanumeric(),
        };
        if !good {
            return false;
        }
        before = octet;
    }
    text.len() <= 255 && before.is_ascii_alphanumeric()
}

const SEEDS: [&str; 9] = [
    "alice@a.example",
    "\"victim@x y\"@internal",
    "\"a\\\"b\\\\\"@a-b.example",
    "bob@[192.0.2.1]",
    "bob@[IPv6:2001:db8::1]",
    "@hop,@hop.example:alice@a.example",
    "Postmaster",
    "",
    "0123456789012345678901234567890123456789012345678901234567890123@a",
];

const PIECES: [&str; 40] = [
    "@",
    "\"",
    "\\",
    ".",
    "..",
    "<",
    ">",
    ",",
    ":",
    ";",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\x7f",
    "\u{e9}",
    "-",
    "_",
    "[",
    "]",
    "IPv6:",
    "::",
    "(",
    ")",
    "%",
    "!",
    "|cmd",
    "a",
    "Z",
    "0",
    "256",
    "a@b",
    "\"@\"",
    "\\\"",
    "\u{85}",
    "\u{2028}",
    "=",
    "..................................",
];

#[test]
fn whatever_parses_is_what_the_grammar_says_and_survives_the_way_back() {
    let pieces = PIECES.map(str::as_bytes);
    let mut dice = Dice::new(4);
    let mut accepted = 0;
    for _ in 0..60_000 {
        let seed = dice.pick(&SEEDS);
        let spoilt = dice.spoil(seed.as_bytes(), &pieces);
        let Ok(text) = String::from_utf8(spoilt) else {
            continue;
        };
        let parsed = mailbox(&text);
        assert_eq!(parsed.is_ok(), is_mailbox(&text), "{text:?} {parsed:?}");
        assert_eq!(domain(&text).is_ok(), is_domain(&text), "{text:?}");
        if let Ok(mailbox) = parsed {
            accepted += 1;
            assert_eq!(mailbox.to_string(), text);
            assert!(
                text.bytes().all(|octet| matches!(octet, b' '..=b'~')),
                "{text:?}"
            );
        }
        let path = format!("<{text}>");
        if let Ok(reverse) = path.parse::<ReversePath>() {
            let shown = reverse.to_string();
            assert_eq!(shown.parse(), Ok(reverse), "{shown:?}");
            let inside = shown.trim_start_matches('<').trim_end_matches('>');
            assert!(inside.is_empty() || is_mailbox(inside), "{shown:?}");
        }
        if let Ok(forward) = path.parse::<ForwardPath>() {
            let shown = forward.to_string();
            assert_eq!(shown.parse(), Ok(forward), "{shown:?}");
            let inside = shown.trim_start_matches('<').trim_end_matches('>');
            assert!(inside == "Postmaster" || is_mailbox(inside), "{shown:?}");
        }
    }
    assert!(accepted > 10_000, "only {accepted} were addresses");
}

#[test]
fn every_error_says_on_one_line_what_is_wrong() {
    for text in ["alice", "a b@c", "a@b_c", &format!("{}@b", "x".repeat(65))] {
        let why = mailbox(text).unwrap_err().to_string();
        assert!(
            why.len() > 20 && why.bytes().all(|octet| matches!(octet, b' '..=b'~')),
            "{why}"
        );
    }
}

#[test]
fn a_host_may_have_a_name_that_no_domain_may_have_and_still_no_line_end() {
    for name in [
        "MY_PC",
        "mx.b.example.",
        "_mx._tcp.b.example",
        "[192.0.2.1]",
        "b.example",
    ] {
        let host: HostName = name.parse().unwrap();
        assert_eq!(host.to_string(), name);
        assert_eq!(host.to_string().parse::<HostName>().unwrap(), host);
    }
    assert!("MY_PC".parse::<Domain>().is_err());
    assert!("b.example.".parse::<Domain>().is_err());
    for wrong in [
        "",
        ".",
        "..",
        "a..b",
        "a.b..",
        "a b",
        "a\r\nb",
        "a@b",
        "-a",
        "a-",
        "[a]",
        "[192.0.2.1].",
        "[IPv6:_]",
        "ä",
    ] {
        assert!(wrong.parse::<HostName>().is_err(), "{wrong:?}");
    }
    let long = "a".repeat(DOMAIN);
    assert!(long.parse::<HostName>().is_ok());
    assert!((long + "a").parse::<HostName>().is_err());
}
