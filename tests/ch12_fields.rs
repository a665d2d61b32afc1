//! Chapter 12: header fields in any language. In fields of addresses only names and comments are
//! encoded, in fields of MIME only the values of parameters.

#[allow(dead_code)]
mod common {
    pub mod reader;
}

use common::reader::{Header, decode_words};
use smtp_primer::message::{ENCODED, Field};
use smtp_primer::protocol::address::Mailbox;

/// A field as it travels: ASCII, in short lines. Returns the value, unfolded.
#[track_caller]
fn travels(name: &str, value: &str) -> String {
    let field = Field::new(name, value).unwrap_or_else(|why| panic!("{value:?}: {why}"));
    let lines = field.to_lines();
    assert!(lines.is_ascii(), "{lines}");
    let most = lines.lines().map(str::len).max().unwrap();
    assert!(most <= ENCODED || !lines.contains("=?"), "{lines}");
    let (header, rest) = Header::read(lines.as_bytes());
    assert!(rest.is_empty(), "{lines}");
    header.first(name).to_string()
}

#[track_caller]
fn refusal(name: &str, value: &str) -> String {
    match Field::new(name, value) {
        Ok(field) => panic!("{}", field.to_lines()),
        Err(why) => why.to_string(),
    }
}

/// Reads a list as RFC 5322 §3.4 has it, strictly and by another way than the code: from the back,
/// where each entry ends with its address. Returns the names, decoded, and the addresses. Comments
/// are not known here.
fn list(value: &str) -> Vec<(String, Mailbox)> {
    let mut entries = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in value.chars() {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        match c {
            ',' if !quoted => entries.push(String::new()),
            c => entries.last_mut().unwrap().push(c),
        }
    }
    entries
        .iter()
        .map(|entry| read_entry(entry.trim()))
        .collect()
}

fn read_entry(entry: &str) -> (String, Mailbox) {
    let Some(without) = entry.strip_suffix('>') else {
        return (String::new(), entry.parse().expect(entry));
    };
    let (name, address) = without.rsplit_once('<').expect(entry);
    let address = address.parse().expect(entry);
    let name = match name.strip_suffix(' ') {
        None if name.is_empty() => name,
        name => name.unwrap_or_else(|| panic!("no space before the address: {entry}")),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    match name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    {
        Some(quoted) => {
            assert!(!quoted.contains("=?"), "an encoded-word in quotes: {entry}");
            let name = quoted.replace("\\\"", "\"").replace("\\\\", "\\");
            (name, address)
        }
        None => {
            assert!(name.chars().all(plain), "neither atoms nor quotes: {entry}");
            (decode_words(name), address)
        }
    }
}

#[test]
fn only_the_name_beside_an_address_is_encoded() {
    for (value, expected) in [
        // A quoted-string in another language is a name without its quotes (RFC 2047 §5).
        (
            "\"José García\" <j@d.example>",
            vec![("José García", "j@d.example")],
        ),
        (
            "\"García, José\" <j@d.example>",
            vec![("García, José", "j@d.example")],
        ),
        (
            "\"say \\\"é\\\" \\\\\" <j@d.example>",
            vec![("say \"é\" \\", "j@d.example")],
        ),
        (
            "José \"der, Große\" <j@d.example>",
            vec![("José der, Große", "j@d.example")],
        ),
        // White space before the bracket and after the comma may be missing.
        ("José<j@d.example>", vec![("José", "j@d.example")]),
        (
            "x@c.example,José <j@d.example>",
            vec![("", "x@c.example"), ("José", "j@d.example")],
        ),
        (
            "José<j@d.example>,Zoë< \"a, b\"@d.example >,  \"the baker\" <b@[IPv6:::1]>",
            vec![
                ("José", "j@d.example"),
                ("Zoë", "\"a, b\"@d.example"),
                ("the baker", "b@[IPv6:::1]"),
            ],
        ),
        // What looks like an encoded-word is one only in a name.
        (
            "=?q?b?= <=?q?b?=@b.example>",
            vec![("=?q?b?=", "=?q?b?=@b.example")],
        ),
        (
            "\"=?utf-8?q?b?=\" <b@b.example>",
            vec![("=?utf-8?q?b?=", "b@b.example")],
        ),
        // A name in ASCII that is not made of atoms needs quotes.
        (
            "Joe Q. Public <j@d.example>",
            vec![("Joe Q. Public", "j@d.example")],
        ),
        (
            "j@home.example <j@d.example>",
            vec![("j@home.example", "j@d.example")],
        ),
        ("\"\" <j@d.example>", vec![("", "j@d.example")]),
        // Too many commas do no harm, and are not sent.
        (
            ", é <a@x.example>,, b@x.example,",
            vec![("é", "a@x.example"), ("", "b@x.example")],
        ),
    ] {
        let address = |text: &str| text.parse::<Mailbox>().unwrap();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, text)| (name.to_string(), address(text)))
            .collect();
        for name in ["From", "to", "CC", "Reply-To", "Resent-Bcc"] {
            assert_eq!(list(&travels(name, value)), expected, "{value}");
        }
    }
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % most
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

#[test]
fn every_address_of_any_list_survives() {
    let words = [
        "José",
        "名字",
        "🦀",
        "Bob",
        "O'Neil",
        "Q.",
        "a,b",
        "a;b",
        "a:b",
        "<x>",
        "(y)",
        "at@home",
        "say \"hi\"",
        "back\\slash",
        "[z]",
        "=?q?b?=",
        "ünïcödéünïcödéünïcödéünïcödé",
    ];
    let local_parts = [
        "j",
        "a.b",
        "x+y",
        "\"a, b\"",
        "\"a@b\"",
        "\"a\\\"b\"",
        "=?q?b?=",
    ];
    let domains = [
        "d.example",
        "x-y.example",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
    ];
    let mut dice = Dice(12);
    for _ in 0..3000 {
        let (mut value, mut expected) = (String::new(), Vec::new());
        for entry in 0..=dice.below(4) {
            let address = format!("{}@{}", dice.pick(&local_parts), dice.pick(&domains));
            let chosen: Vec<&str> = (0..dice.below(4)).map(|_| dice.pick(&words)).collect();
            let mut shown = Vec::new();
            for word in &chosen {
                let needs_quotes =
                    word.contains(['.', ',', ';', ':', '<', '(', '@', '"', '\\', '[']);
                let quoted = word.replace('\\', "\\\\").replace('"', "\\\"");
                shown.push(match needs_quotes || dice.below(3) == 0 {
                    true => format!("\"{quoted}\""),
                    false => word.to_string(),
                });
            }
            value += if entry > 0 {
                dice.pick(&[",", ", ", " , "])
            } else {
                ""
            };
            let brackets = !chosen.is_empty() || dice.below(2) == 0;
            value += &shown.join(" ");
            value += dice.pick(&["", " "]);
            value += &if brackets {
                format!("<{address}>")
            } else {
                address.clone()
            };
            expected.push((chosen.join(" "), address.parse().unwrap()));
        }
        assert_eq!(list(&travels("Cc", &value)), expected, "{value}");
    }
}

#[test]
fn comments_stay_and_are_encoded_apart() {
    for (value, expected) in [
        ("(José) j@d.example", "j@d.example (=?UTF-8?B?Sm9zw6k=?=)"),
        ("j(é)@d.example", "j@d.example (=?UTF-8?B?w6k=?=)"),
        (
            "Bob (at (the \\) place) home) <j@d.example> (é)",
            "Bob <j@d.example> (at (the \\) place) home) (=?UTF-8?B?w6k=?=)",
        ),
    ] {
        assert_eq!(travels("Cc", value), expected);
    }
}

#[test]
fn a_value_that_is_not_a_list_of_addresses_is_refused_in_words() {
    for (name, value, piece) in [
        (
            "From",
            "josé@d.example",
            "\"josé@d.example\": addresses here are ASCII",
        ),
        ("Cc", "José <j@dömäne.example>", "addresses here are ASCII"),
        ("Cc", "José", "has \"José\" without an address"),
        (
            "Cc",
            "Smith, John <j@d.example>",
            "in quotes if it has a comma",
        ),
        (
            "Cc",
            "a b@d.example",
            "the part before the @ is not well formed",
        ),
        (
            "Cc",
            "a@d.example;b@d.example",
            "write a comma between two addresses",
        ),
        ("Cc", "é <a@d.example> <b@d.example>", "write a comma first"),
        (
            "Cc",
            "é <a@d.example> Zoë <b@d.example>",
            "write a comma first",
        ),
        (
            "Cc",
            "\"é <a@d.example>",
            "has \"\\\"é <a@d.example>\", which does not close",
        ),
        ("Cc", "é <a@d.example", "does not close"),
        ("Cc", "a@d.example (é", "does not close"),
        // A group (RFC 5322 §3.4) is not known here.
        (
            "Cc",
            "Team: a@d.example, b@d.example;",
            "no names of groups",
        ),
        (
            "Cc",
            "a@d.example;Bob <b@d.example>",
            "has \";\" outside quotes",
        ),
        ("Reply-To", "José:;", "has \":\" outside quotes"),
        ("Cc", "<a@d.example>; <b@d.example>", "write a comma"),
        ("Reply-To", "", "needs an address"),
        ("Resent-From", " ,, ", "needs an address"),
        ("Sender", "a@d.example, b@d.example", "needs one address"),
    ] {
        let why = refusal(name, value);
        assert!(why.starts_with(&format!("the {name} field ")), "{why}");
        assert!(why.contains(piece), "{why}");
    }
}

#[test]
fn a_file_name_in_any_language_is_a_parameter_in_utf_8() {
    for (value, expected) in [
        (
            "attachment; filename=\"é.txt\"",
            "attachment; filename*=UTF-8''%C3%A9.txt",
        ),
        (
            "text/plain;name=é ;charset=utf-8",
            "text/plain; name*=UTF-8''%C3%A9;charset=utf-8",
        ),
        (
            "x; name=\"a;é=\\\"'%*\"; size=5",
            "x; name*=UTF-8''a%3B%C3%A9%3D%22%27%25%2A; size=5",
        ),
        (
            "x; filename=é (1).pdf",
            "x; filename*=UTF-8''%C3%A9%20%281%29.pdf",
        ),
        // Nothing is lost, even if the quotes are not where they should be.
        ("x; name=\"é\" (x)", "x; name*=UTF-8''%C3%A9%20%28x%29"),
        ("x; name=\"a\"é", "x; name*=UTF-8''a%C3%A9"),
        ("x; name=\"é", "x; name*=UTF-8''%C3%A9"),
        ("x=é", "x*=UTF-8''%C3%A9"),
        (
            "attachment; filename=\"a; b.txt\"",
            "attachment; filename=\"a; b.txt\"",
        ),
        ("x; filename*=UTF-8''%C3%A9", "x; filename*=UTF-8''%C3%A9"),
    ] {
        assert_eq!(travels("Content-Disposition", value), expected);
    }
    // A long one stays in one piece, as long as a line may be (RFC 5322 §2.1.1).
    let start = " name*=UTF-8''";
    for (length, fits) in [(997, true), (998, true), (999, false)] {
        let name = "é".repeat(20) + &"x".repeat(length - start.len() - 20 * "%C3%A9".len());
        let value = format!("x/y; name=\"{name}\"");
        match fits {
            true => {
                let expected = name.replace('é', "%C3%A9");
                let value = travels("content-type", &value);
                assert_eq!(value, format!("x/y; name*=UTF-8''{expected}"));
            }
            false => assert!(refusal("content-type", &value).ends_with("too long for a line")),
        }
    }
}

#[test]
fn other_characters_are_refused_elsewhere_in_a_field_with_rules_of_its_own() {
    for (name, value) in [
        ("Content-Disposition", "é; filename=x"),
        ("Content-Type", "text/plain; é=x"),
        ("Content-ID", "<é@x.example>"),
        ("Content-Transfer-Encoding", "8bït"),
        ("message-id", "<é@x.example>"),
        ("Resent-Date", "Mon, 23 März 2026 05:40:53 +0000"),
    ] {
        let why = refusal(name, value);
        assert!(
            why.contains("must be ASCII, and has ") || why.contains("does not close"),
            "{why}"
        );
    }
    // These are text, whatever it looks like.
    for (name, value) in [
        ("Subject", "\"José\" <j@d.example>, (é"),
        ("Content-Description", "é; filename=\"é"),
        ("X-To", "é@d.example; José<j@d.example>"),
    ] {
        assert_eq!(decode_words(&travels(name, value)), value);
    }
}

/// Beside the fields of RFC 5322 there are others in which programs look for addresses.
#[test]
fn a_field_of_addresses_outside_the_standard_keeps_every_address_too() {
    for name in [
        "Mail-Followup-To",
        "Errors-To",
        "Disposition-Notification-To",
        "Return-Receipt-To",
        "X-Envelope-To",
    ] {
        let value = "x@c.example,Jos\u{e9}<j@d.example>, \"Zo\u{eb}, X\" <z@d.example>";
        let field = Field::new(name, value).expect("a field");
        for address in ["x@c.example", "<j@d.example>", "<z@d.example>"] {
            assert!(field.to_lines().contains(address), "{}", field.to_lines());
        }
        assert!(Field::new(name, "Jos\u{e9}@d.example").is_err(), "{name}");
    }
}
