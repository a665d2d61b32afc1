//! Chapter 5: each good command is read, however it is written, and each mistake gets its own code.

use smtp_primer::protocol::command::{
    AUTH_LINE, Argument, Command, MAIL_LINE, MailParameters, Syntax, Verb,
};
use smtp_primer::protocol::line::COMMAND_LINE;

fn parse(line: impl AsRef<[u8]>) -> Result<Command, Syntax> {
    Command::parse(line.as_ref())
}

/// The code that a line gets; 250 if it is a command.
fn code(line: impl AsRef<[u8]>) -> u16 {
    parse(line).map_or_else(|wrong| wrong.code(), |_| 250)
}

/// Good lines, and how we would write them.
const GOOD: [(&str, &str); 58] = [
    ("EHLO a.example", "EHLO a.example"),
    ("ehlo [127.0.0.1]", "EHLO [127.0.0.1]"),
    ("EHLO [IPv6:::1]\t ", "EHLO [IPv6:::1]"),
    ("hElO a", "HELO a"),
    ("MAIL FROM:<>", "MAIL FROM:<>"),
    ("mail from:<Alice@A.example>", "MAIL FROM:<Alice@A.example>"),
    (
        "MAIL FROM:<@b,@c:alice@a.example>",
        "MAIL FROM:<alice@a.example>",
    ),
    ("MAIL FROM:<\"a> b\"@c>", "MAIL FROM:<\"a> b\"@c>"),
    (
        "MAIL FROM:<\"\\\">\"@c> SIZE=1",
        "MAIL FROM:<\"\\\">\"@c> SIZE=1",
    ),
    ("MAIL FROM:<> size=0", "MAIL FROM:<> SIZE=0"),
    ("MAIL FROM:<> SIZE=007", "MAIL FROM:<> SIZE=7"),
    (
        "MAIL FROM:<> SIZE=18446744073709551615",
        "MAIL FROM:<> SIZE=18446744073709551615",
    ),
    (
        "MAIL FROM:<> SIZE=99999999999999999999",
        "MAIL FROM:<> SIZE=18446744073709551615",
    ),
    ("MAIL FROM:<> body=7bit", "MAIL FROM:<>"),
    ("MAIL FROM:<> BODY=8BitMime", "MAIL FROM:<> BODY=8BITMIME"),
    ("MAIL FROM:<> AUTH=<>", "MAIL FROM:<> AUTH=<>"),
    (
        "MAIL FROM:<> AUTH=e+3Dmc2@a.example",
        "MAIL FROM:<> AUTH=<>",
    ),
    ("MAIL FROM:<> AUTH=a=b", "MAIL FROM:<> AUTH=<>"),
    (
        "MAIL FROM:<a@b> AUTH=<> BODY=8BITMIME SIZE=1  ",
        "MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME AUTH=<>",
    ),
    ("RCPT TO:<bob@b.example>", "RCPT TO:<bob@b.example>"),
    ("rcpt to:<postmaster>", "RCPT TO:<Postmaster>"),
    ("RCPT TO:<@a:\"<x>\"@b> ", "RCPT TO:<\"<x>\"@b>"),
    ("DATA", "DATA"),
    ("data \t ", "DATA"),
    ("RSET", "RSET"),
    ("rset\t", "RSET"),
    ("VRFY bob", "VRFY bob"),
    ("vrfy Bob <bob@b.example>", "VRFY Bob <bob@b.example>"),
    ("EXPN staff", "EXPN staff"),
    ("HELP", "HELP"),
    ("HELP mail", "HELP mail"),
    ("NOOP", "NOOP"),
    ("NOOP and an argument ", "NOOP and an argument"),
    ("QUIT", "QUIT"),
    ("qUiT  ", "QUIT"),
    ("starttls ", "STARTTLS"),
    ("EHLO MY_PC", "EHLO MY_PC"),
    ("helo pc.a.example.", "HELO pc.a.example."),
    ("MAIL FROM: <a@b> SIZE=1", "MAIL FROM:<a@b> SIZE=1"),
    ("mail from:   <>", "MAIL FROM:<>"),
    ("RCPT TO: <a@b>", "RCPT TO:<a@b>"),
    ("RCPT TO:  <Postmaster>", "RCPT TO:<Postmaster>"),
    ("AUTH PLAIN", "AUTH PLAIN"),
    ("auth plain AGEAYg== ", "AUTH plain AGEAYg=="),
    ("AUTH PLAIN =", "AUTH PLAIN ="),
    ("AUTH CRAM-MD5", "AUTH CRAM-MD5"),
    (
        "AUTH more-than-twenty-characters",
        "AUTH more-than-twenty-characters",
    ),
    ("AUTH P+N", "AUTH P+N"),
    ("AUTH PLAIN two words", "AUTH PLAIN two words"),
    ("AUTH PLAIN not,base64", "AUTH PLAIN not,base64"),
    ("SEND FROM:<a@b>", "SEND FROM:<a@b>"),
    ("soml from:<a@b>", "SOML from:<a@b>"),
    ("SAML FROM:<>", "SAML FROM:<>"),
    ("TURN", "TURN"),
    ("turn ", "TURN"),
    ("SEND", "SEND"),
    ("TURN the tables", "TURN the tables"),
    ("HELP \"quoted\" ~", "HELP \"quoted\" ~"),
];

#[test]
fn commands_are_read_in_any_case_and_white_space_at_the_end_is_forgiven() {
    for (line, shown) in GOOD {
        let command = parse(line).unwrap_or_else(|wrong| panic!("{line:?}: {wrong}"));
        assert_eq!(command.to_string(), shown, "{line:?}");
        assert_eq!(parse(shown), Ok(command), "{shown:?}");
    }
}

/// The fourteen of RFC 821 §4.1, and the three that came later.
#[test]
fn seventeen_verbs_are_known_and_each_can_be_explained() {
    let names = "HELO MAIL RCPT DATA SEND SOML SAML RSET VRFY EXPN HELP NOOP QUIT TURN EHLO AUTH \
                 STARTTLS";
    for name in names.split(' ') {
        let verb = Verb::from_name(&name.to_lowercase()).unwrap();
        assert_eq!(verb.name(), name);
        let (form, purpose) = verb.explain();
        assert!(form.starts_with(name) && purpose.contains("RFC"), "{name}");
        assert!(!form.contains("--"));
    }
    assert_eq!(Verb::from_name("XYZZY"), None);
}

#[test]
fn what_is_no_verb_is_answered_500() {
    for line in [
        "",
        " ",
        "\t",
        "FOO",
        "FOO bar",
        "XYZZY a.example",
        "STARTTL",
        "STARTTLSX",
        "QUITE",
        "QUI",
        "MAILFROM:<a@b>",
        " NOOP",
        "\tNOOP",
        "NOOP\tx",
        "DATA\0",
        "QUIT.",
        "\0QUIT",
        "QUIT\0",
        "GETS",
        "\u{e9}",
        "MAIL\tFROM:<a@b>",
        ".",
    ] {
        assert_eq!(parse(line), Err(Syntax::Unknown), "{line:?}");
        assert_eq!(code(line), 500);
    }
    assert_eq!(parse(b"\xff\xfe"), Err(Syntax::Unknown));
    assert_eq!(parse(b"QUIT\xff"), Err(Syntax::Unknown));
}

/// CVE-2026-23829 (Mailpit), Netty CVE-2025-59419, CVE-2015-9097 and others: a CR or LF in an
/// argument. go-smtp #43, imail #131, gen_smtp #84, SmtpServer #272: AUTH with junk crashed.
#[test]
fn a_wrong_argument_is_answered_501() {
    for line in [
        "EHLO",
        "EHLO ",
        "EHLO  a",
        "EHLO a b",
        "EHLO a b",
        "EHLO [1.2.3]",
        "EHLO a\0",
        "EHLO \u{e9}",
        "EHLO a\r\nMAIL FROM:<b@c>",
        "EHLO a\rX",
        "HELO",
        "HELO -",
        "HELO a\nb",
        "MAIL",
        "MAIL ",
        "MAIL <a@b>",
        "MAIL FROM",
        "MAIL FROM:",
        "MAIL FROM : <a@b>",
        "MAIL FROM :<a@b>",
        "MAIL  FROM:<a@b>",
        "MAIL TO:<a@b>",
        "MAIL FROM:a@b",
        "MAIL FROM:<a@b",
        "MAIL FROM:<a>",
        "MAIL FROM:< >",
        "MAIL FROM:<a@b>SIZE=1",
        "MAIL FROM:<a@b>>",
        "MAIL FROM:<a@b>x SIZE=1",
        "MAIL FROM:<Postmaster>",
        "MAIL FROM:<a\rX: y@b>",
        "MAIL FROM:<a\rb@c>",
        "MAIL FROM:<a\nb@c>",
        "MAIL FROM:<a@b\r>",
        "MAIL FROM:<;cmd;>",
        "MAIL FROM:<\"a@b>",
        "MAIL FROM\u{e9}:<a@b>",
        "MAIL FROM:<a@b> SIZE",
        "MAIL FROM:<a@b> SIZE=",
        "MAIL FROM:<a@b> SIZE=x",
        "MAIL FROM:<a@b> SIZE=-1",
        "MAIL FROM:<a@b> SIZE=+1",
        "MAIL FROM:<a@b> SIZE=1.0",
        "MAIL FROM:<a@b> SIZE=000000000000000000001",
        "MAIL FROM:<a@b> SIZE=1 SIZE=1",
        "MAIL FROM:<a@b> SIZE=1 size=2",
        "MAIL FROM:<a@b> BODY=7BIT BODY=7BIT",
        "MAIL FROM:<a@b> AUTH=<> AUTH=<>",
        "MAIL FROM:<a@b> BODY",
        "MAIL FROM:<a@b> BODY=",
        "MAIL FROM:<a@b> AUTH",
        "MAIL FROM:<a@b> AUTH=",
        "MAIL FROM:<a@b> =",
        "RCPT TO:<a> X=1",
        "MAIL FROM:<a@b> X=\0",
        "MAIL FROM:<a@b> X=\u{e9}",
        "MAIL FROM:<a@b> SIZE=1\0",
        "MAIL FROM:<a@b>  SIZE=1",
        "MAIL FROM:<a@b> SIZE=1  BODY=7BIT",
        "MAIL FROM:<a@b>\tSIZE=1",
        "MAIL FROM:<a@b> SIZE=1\tBODY=7BIT",
        "MAIL FROM:<a@b> SIZE=1\rBODY=7BIT",
        "MAIL FROM:<a@b> AUTH=a\nRCPT",
        "MAIL FROM:<a@b> \rX=1",
        "MAIL FROM:<a@b>\rX=1",
        "RCPT",
        "RCPT TO:",
        "RCPT TO:<>",
        "RCPT TO:bob",
        "RCPT TO:<bob>",
        "RCPT FROM:<a@b>",
        "RCPT TO: a@b",
        "STARTTLS now",
        "RCPT TO:<a@b>x",
        "RCPT TO:<a@b\r\n>",
        "RCPT TO:<a@b>\r\nDATA",
        "DATA x",
        "DATA \0",
        "RSET x",
        "QUIT now",
        "VRFY",
        "VRFY ",
        "VRFY \0",
        "VRFY a\rb",
        "VRFY  a",
        "EXPN",
        "HELP \x1b",
        "HELP  a",
        "NOOP \x07",
        "NOOP a\tb",
        "NOOP a\nQUIT",
        "AUTH",
        "AUTH ",
        "AUTH  PLAIN",
        "AUTH PLAIN  x",
        "AUTH PLAIN a\tb",
        "AUTH PLAIN\tx",
        "AUTH PL\0AIN",
        "AUTH \u{e9}",
        "AUTH PLAIN \u{e9}",
        "AUTH PLAIN \0",
    ] {
        assert!(
            matches!(parse(line), Err(Syntax::Arguments(_) | Syntax::Address(..))),
            "{line:?}: {:?}",
            parse(line)
        );
        assert_eq!(code(line), 501);
    }
    for line in [&b"EHLO \xff"[..], b"NOOP \x80", b"AUTH PLAIN \xff"] {
        assert_eq!(code(line), 501, "{line:?}");
    }
}

/// RFC 6531 §3.5. Where there is no SMTPUTF8, an address is ASCII; and what is not UTF-8 is not
/// ASCII either.
#[test]
fn an_address_that_is_not_ascii_has_a_code_and_a_reason_of_its_own() {
    for line in [
        &b"MAIL FROM:<\xff@b>"[..],
        "MAIL FROM:<j\u{f6}rg@b.example> SIZE=1".as_bytes(),
        "RCPT TO:<\u{e4}lice@a.example>".as_bytes(),
        "RCPT TO: <alice@b\u{fc}cher.example>".as_bytes(),
        "RCPT TO:<\"\u{90ae} \u{1f4ee}\"@a.example>".as_bytes(),
        "VRFY \u{e4}lice".as_bytes(),
        b"EXPN st\xe4ff",
    ] {
        let mistake = parse(line).unwrap_err();
        // RFC 6531 §3.5: 550 to MAIL, 553 to RCPT.
        let due = if line.starts_with(b"MAIL") { 550 } else { 553 };
        assert_eq!(mistake.code(), due, "{line:?}");
        assert_eq!(
            mistake.to_string(),
            "addresses here are ASCII (no SMTPUTF8)"
        );
    }
    for line in [
        "MAIL FROM:<a@b> X=\u{e9}",
        "RCPT TO:<a@b> \u{e9}",
        "EHLO \u{e9}",
    ] {
        assert_eq!(code(line), 501, "{line}");
    }
}

/// What a web browser or another program says to a port that a stranger chose.
// ours 12: a web page sent a letter through the server: the other lines of the browser's request
// were mistakes, and twenty were allowed.
#[test]
fn what_is_not_smtp_ends_the_conversation_with_421() {
    for line in [
        "GET / HTTP/1.1",
        "post /x HTTP/1.0",
        "HEAD *",
        "PUT",
        "DELETE x",
        "OPTIONS sip:a@b SIP/2.0",
        "CONNECT a.example:25 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "PATCH /",
        "PRI * HTTP/2.0",
        "M-SEARCH * HTTP/1.1",
        "Host: a.example:2525",
        "User-Agent:curl",
        "Subject: a letter without DATA",
        &format!("GET /{} HTTP/1.1", "x".repeat(400)),
        &format!("GET /{} HTTP/1.1", "x".repeat(4000)),
    ] {
        assert_eq!(parse(line), Err(Syntax::Foreign), "{line:?}");
        assert_eq!(code(line), 421);
    }
    for (line, due) in [("NOOP HTTP/1.1", None), ("MAILFROM:<a@b>", Some(500))] {
        assert_eq!(parse(line).err().map(|wrong| wrong.code()), due, "{line}");
    }
}

#[test]
fn an_unknown_parameter_is_answered_555() {
    for line in [
        "MAIL FROM:<a@b> X",
        "MAIL FROM:<a@b> X=1",
        "MAIL FROM:<a@b> X=",
        "MAIL FROM:<a@b> -X",
        "MAIL FROM:<a@b> X_Y=1",
        "RCPT TO:<a@b> X=",
        "RCPT TO:<a@b> =",
        "MAIL FROM:<a@b> 8BITMIME",
        "MAIL FROM:<a@b> X_Y=1",
        "MAIL FROM:<a@b> -X",
        "RCPT TO:<a@b> X=",
        "MAIL FROM:<a@b> X=",
        "MAIL FROM:<a@b> SIZES=1",
        "MAIL FROM:<a@b> SIZE=1 SMTPUTF8",
        "MAIL FROM:<a@b> RET=HDRS",
        "MAIL FROM:<> BODY=BINARYMIME",
        "MAIL FROM:<> BODY=9BIT",
        "MAIL FROM:<> ENVID=x+2By",
        "RCPT TO:<a@b> NOTIFY=NEVER",
        "RCPT TO:<a@b> SIZE=1",
        "RCPT TO:<Postmaster> ORCPT=rfc822;a@b",
    ] {
        assert!(
            matches!(parse(line), Err(Syntax::Parameter)),
            "{line:?}: {:?}",
            parse(line)
        );
        assert_eq!(code(line), 555);
    }
}

#[test]
fn a_mistake_is_told_with_the_form_of_the_command() {
    for (line, why) in [
        ("FOO", "no such command; HELP lists the commands"),
        ("EHLO", "the form is EHLO domain"),
        ("MAIL FROM : <a@b>", "the form is MAIL FROM:<address>"),
        (
            "RCPT TO:a@b",
            "the address must be between < and >; the form is RCPT TO:<address>",
        ),
        ("RCPT TO:<a@b> X=1", "a parameter is not known here"),
    ] {
        assert_eq!(parse(line).unwrap_err().to_string(), why, "{line:?}");
    }
}

#[test]
fn a_line_over_the_limit_of_its_verb_is_answered_500() {
    assert_eq!((MAIL_LINE, AUTH_LINE), (512 + 26 + 17 + 500, 12_288));
    for (start, limit) in [
        ("MAIL FROM:<a@b> AUTH=", MAIL_LINE),
        ("mail from:<a@b> auth=", MAIL_LINE),
        ("AUTH PLAIN ", AUTH_LINE),
        ("auth plain ", AUTH_LINE),
        ("NOOP ", COMMAND_LINE),
        ("VRFY ", COMMAND_LINE),
        ("EXPN ", COMMAND_LINE),
        ("HELP ", COMMAND_LINE),
    ] {
        for length in [limit - 1, limit, limit + 1] {
            let line = format!("{start}{}", "x".repeat(length - 2 - start.len()));
            let good = length <= limit;
            let expected = if good {
                None
            } else {
                Some(Syntax::TooLong(limit))
            };
            assert_eq!(parse(&line).err(), expected, "{start} {length}");
            assert_eq!(code(&line), if good { 250 } else { 500 });
        }
    }
    // White space at the end is forgiven, not free.
    for (start, limit) in [("RCPT TO:<a@b>", COMMAND_LINE), ("MAIL FROM:<>", MAIL_LINE)] {
        assert_eq!(code(format!("{start:0$}", limit - 2)), 250);
        assert_eq!(
            parse(format!("{start:0$}", limit - 1)),
            Err(Syntax::TooLong(limit))
        );
    }
    let no_verb = "x".repeat(COMMAND_LINE - 1);
    assert_eq!(parse(&no_verb), Err(Syntax::TooLong(COMMAND_LINE)));
    assert_eq!(parse(&no_verb[1..]), Err(Syntax::Unknown));
}

#[test]
fn parameters_say_what_they_mean() {
    let Ok(Command::Mail(_, parameters)) = parse("MAIL FROM:<a@b> BODY=8BITMIME SIZE=12") else {
        panic!("a good command");
    };
    let expected = MailParameters {
        size: Some(12),
        is_eight_bit: true,
        has_auth: false,
    };
    assert_eq!(parameters, expected);
}

#[test]
fn every_set_of_parameters_survives_the_way_over_the_wire() {
    for size in [None, Some(0), Some(1), Some(u64::MAX)] {
        for is_eight_bit in [false, true] {
            for has_auth in [false, true] {
                let parameters = MailParameters {
                    size,
                    is_eight_bit,
                    has_auth,
                };
                let paths = ["<>", "<\"a> SIZE=1\"@b>"];
                for path in paths.map(|path| path.parse().unwrap()) {
                    let mail = Command::Mail(path, parameters);
                    assert_eq!(parse(mail.to_string()), Ok(mail));
                }
            }
        }
    }
}

#[test]
fn an_argument_is_printable_and_has_no_space_at_its_ends() {
    for good in ["a", "a b", "=", "~", "a  b"] {
        assert_eq!(Argument::new(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        " ",
        " a",
        "a ",
        "a\r\nQUIT",
        "a\nb",
        "a\rb",
        "a\tb",
        "\0",
        "\x7f",
        "\u{e9}",
    ] {
        assert_eq!(Argument::new(bad), None, "{bad:?}");
    }
}
