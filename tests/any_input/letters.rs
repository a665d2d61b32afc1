//! Letters: whatever lies in a mailbox is shown, and nothing in it reaches the terminal.

use crate::common::script::Dice;
use crate::{Stock, count, list};
use smtp_primer::display::{PARTS, is_hidden, parts, present};
use smtp_primer::protocol::dot::Text;

const GOOD: &str = "\
From: =?utf-8?q?M=C3=BCller?= <m@b.example>
To: alice@a.example
Subject: =?utf-8?b?R3LDvA==?=
 =?iso-8859-1?q?=FC?=

Hello
--\x20
M
|Subject: parts
Content-Type: multipart/mixed; boundary=\"b\"

before
--b

one
--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe=
!
--b
Content-Type: image/png; name=x.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--b--
after
|Content-Type: multipart/x; boundary=b

--b
Content-Type: multipart/digest; boundary=c

--c

Subject: inside

x
--c--
--b
Content-Type: text/html; charset=iso-8859-1

<p>
--b--
|From a@b Mon
From: a@b
From: c@d
Reply-To : e@f
Content-Type: text/plain; charset=koi8-r
no field
|Content-Type: message/rfc822
Content-Disposition: attachment; filename=\"a b.eml\"

Subject: inner

text
";

/// What opens, closes, hides or encodes something.
const PIECES: &str = "\n\n|\r\n\r\n|\n |--b\n|--b--\n|--c\n|--|=\n|=1B]0;x=07|=0D=0A|=E2=80=AE|=|\
    =?|?=|=?utf-8?q?=1b?=|=?iso-8859-1?q?=9b_?=|=?x?b?AAAA?= |\x1b]0;x\x07|\u{9b}6n|\u{202e}gpj|\
    \u{feff}|Content-Type: multipart/mixed; boundary=b\n\n|boundary=|charset=\"x\"; |name=|\
    Subject: |From: |:|;|(";

/// A letter is long, and so it gets more mistakes.
fn long(stock: &Stock, dice: &mut Dice) -> Vec<u8> {
    let spoilt = stock.spoilt(dice);
    (0..dice.below(3)).fold(spoilt, |letter, _| dice.spoil(&letter, &stock.pieces))
}

#[test]
fn a_letter_of_any_octets_gets_a_page_that_is_safe_and_not_much_longer() {
    let stock = Stock::new(list(GOOD), PIECES, &[]);
    stock.feed(count::LETTERS, long, letter);
}

pub fn letter(letter: &[u8]) -> bool {
    let (page, parts) = (present(letter), parts(letter));
    // A joiner, or the sign of an emoji, may be needed where it stands.
    let needed = |c: char| matches!(c, '\n' | '\t' | '\u{200c}' | '\u{200d}' | '\u{fe0f}');
    let danger = |c: char| is_hidden(c) && !needed(c);
    assert!(page.ends_with('\n') && !page.contains(danger), "{page:?}");
    // An octet may become a mark such as `\xc2\x9b`, ten marks fill a line, and a part becomes a
    // line of the list.
    let most = 9 * letter.len() + 200 * parts.len() + 100;
    assert!(page.len() <= most, "{} octets: {page}", page.len());
    // Each octet is in one part at most. Decoding adds nothing but a CR before an LF.
    let octets: usize = parts.iter().map(|part| part.octets.len()).sum();
    let lines = letter.iter().filter(|octet| **octet == b'\n').count();
    assert!(parts.len() <= PARTS && octets <= letter.len() + lines);
    // As a text on the wire it has lines, and nothing but lines.
    let text = Text::from_file(letter);
    let lines = text.lines().map(|line| line.len() + 2);
    assert_eq!(lines.sum::<usize>(), text.octets().len());
    assert_eq!(Text::new(text.octets().to_vec()), Ok(text));
    parts.len() > 1
}
