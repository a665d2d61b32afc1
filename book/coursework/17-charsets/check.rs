//! Three charsets, octet by octet. A test that fails says which octets were read, and how.

use smtp_primer::display::{decode_charset, present};

/// The text as a terminal shows it.
fn shown(charset: &str, octets: &[u8]) -> String {
    let header = format!("Content-Type: text/plain; charset={charset}\r\n\r\n");
    let page = present(&[header.as_bytes(), octets].concat());
    page.lines().last().unwrap_or_default().trim().to_string()
}

#[test]
fn a_letter_in_each_charset_can_be_read() {
    assert_eq!(shown("windows-1252", b"Gr\xfc\xdfe"), "Grüße");
    assert_eq!(shown("iso-8859-15", b"d\xe9j\xe0 vu"), "déjà vu");
    let hello = b"\xcf\xf0\xe8\xe2\xe5\xf2";
    assert_eq!(shown("windows-1251", hello), "Привет");
    let page = present(b"Subject: =?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=\r\n\r\nHello");
    assert!(page.contains("Subject: Привет\n"), "{page}");
}

/// In Latin-1 these octets are control characters (C1).
#[test]
fn between_0x80_and_0x9f_windows_1252_has_characters() {
    let quoted = shown("windows-1252", b"\x93yes\x94 \x96 3 \x80\x85");
    assert_eq!(quoted, "“yes” – 3 €…");
}

#[test]
fn eight_characters_of_iso_8859_15_are_not_in_latin1() {
    let octets = b"\xa4\xa6\xa8\xb4\xb8\xbc\xbd\xbe";
    assert_eq!(shown("iso-8859-15", octets), "€ŠšŽžŒœŸ");
}

/// RFC 2046 §4.1.2: the name of a charset is not case-sensitive.
#[test]
fn names_are_compared_without_case() {
    for name in ["Windows-1252", "WINDOWS-1252", "CP1252", "windows_1252"] {
        assert_eq!(decode_charset(name, b"\x80").as_deref(), Ok("€"), "{name}");
    }
    for name in ["ISO-8859-15", "Iso_8859-15", "Latin-9"] {
        assert_eq!(decode_charset(name, b"\xa4").as_deref(), Ok("€"), "{name}");
    }
    for name in ["Windows-1251", "CP1251"] {
        assert_eq!(decode_charset(name, b"\xe9").as_deref(), Ok("й"), "{name}");
    }
    for name in ["windows-1253", "windows", "1252"] {
        let read = decode_charset(name, b"\x80");
        assert!(read.is_err(), "{name} is not one of the three");
    }
}

#[test]
fn octets_without_a_character_stay_marks() {
    for octet in [0x81, 0x8d, 0x8f, 0x90, 0x9d] {
        let due = format!("a\\x{octet:02x}z");
        let read = decode_charset("windows-1252", &[b'a', octet, b'z']);
        assert_eq!(read, Ok(due));
    }
    let read = decode_charset("windows-1251", b"a\x98z");
    assert_eq!(read.as_deref(), Ok("a\\x98z"));
}

#[test]
fn russian_text_has_more_than_the_alphabet() {
    let text = shown("windows-1251", b"\xab\xc5\xb8\xbb \x97 \xb95");
    assert_eq!(text, "«Её» — №5");
}

/// For each row of 16 octets: each character's number, times its place, all added. So the tables
/// are not here, and still no row can be wrong.
#[test]
fn the_rows_of_the_tables_have_the_right_sums() {
    let ascii: Vec<u8> = (0..128).collect();
    let same = String::from_utf8_lossy(&ascii).to_string();
    for (charset, first, sums) in &SUMS {
        let is_ascii = decode_charset(charset, &ascii).as_ref() == Ok(&same);
        assert!(is_ascii, "{charset} is ASCII below 0x80");
        for (row, due) in (*first / 16..).zip(sums.iter()) {
            let octets: Vec<u8> = (0..16).map(|column| row * 16 + column).collect();
            let text = decode_charset(charset, &octets).unwrap_or_default();
            let sum: u32 = (1..)
                .zip(text.chars())
                .map(|(at, c)| at * u32::from(c))
                .sum();
            let row = row * 16;
            assert_eq!(sum, *due, "{charset}, the row from 0x{row:x} on: {text}");
        }
    }
}

const SUMS: [(&str, u8, &[u32]); 3] = [
    (
        "windows-1252",
        0x80,
        &[647238, 737128, 23120, 25296, 27472, 29648, 31824, 34000],
    ),
    (
        "iso-8859-15",
        0xa0,
        &[67087, 34923, 27472, 29648, 31824, 34000],
    ),
    (
        "windows-1251",
        0x80,
        &[
            574142, 619755, 68083, 190079, 142800, 144976, 147152, 149328,
        ],
    ),
];
