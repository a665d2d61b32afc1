//! Header fields: from folded lines to names and values.

use super::encoding::utf8;

/// The header of a letter, or of a part of one.
///
/// Values are unfolded but not decoded, and not yet safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header(Vec<(String, String)>);

impl Header {
    /// Reads a header, and returns with it the body that follows. Lines may end in CR LF or LF.
    ///
    /// The header ends at the first empty line (RFC 5322 §2.1). It also ends at a line that is no
    /// field, and the body begins with that line: so nothing is lost to the reader (RFC 7103 §7.2
    /// lists this and other ways). A byte order mark at the start is passed over, and a `From `
    /// line, by which files of many letters part one from the next.
    pub fn read(letter: &[u8]) -> (Header, &[u8]) {
        let letter = letter.strip_prefix(b"\xef\xbb\xbf").unwrap_or(letter);
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut length = 0;
        for line in letter.split_inclusive(|octet| *octet == b'\n') {
            let text = without_line_end(line);
            let folded = text.starts_with(b" ") || text.starts_with(b"\t");
            match (fields.last_mut(), field(text)) {
                // Unfolding takes out the line end and nothing else (RFC 5322 §2.2.3).
                (Some((_, value)), _) if folded => *value += &utf8(text),
                (_, Some(field)) => fields.push(field),
                (None, None) if length == 0 && text.starts_with(b"From ") => {}
                _ if text.is_empty() => {
                    length += line.len();
                    break;
                }
                _ => break,
            }
            length += line.len();
        }
        (Header(fields), letter.get(length..).unwrap_or_default())
    }

    /// The values of all fields of a name, in their order. Names are compared without case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0
            .iter()
            .filter(named)
            .map(|(_, value)| value.trim_ascii())
    }

    /// The value of the first field of a name; empty if there is none.
    pub fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// A parameter of a field, as `charset` in `Content-Type: text/plain; charset=utf-8`
    /// (RFC 2045 §5.1); empty if there is none.
    pub fn parameter(&self, field: &str, name: &str) -> String {
        let mut rest = self.first(field);
        while let Some((before, after)) = rest.split_once('=') {
            let (value, after) = parameter_value(after.trim_start());
            let found = before.rsplit(';').next().unwrap_or_default().trim();
            if found.eq_ignore_ascii_case(name) {
                return value;
            }
            rest = after;
        }
        String::new()
    }
}

/// A line without the CR LF or LF at its end.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// One line as name and value. A name is made of printable ASCII (RFC 5322 §2.2); white space
/// between it and the colon is an old form, and still read (§4.5). A value should be ASCII too; one
/// that is not is read as UTF-8 (RFC 7103 §7.7).
fn field(line: &[u8]) -> Option<(String, String)> {
    let mut halves = line.splitn(2, |octet| *octet == b':');
    let name = str::from_utf8(halves.next()?.trim_ascii_end()).ok()?;
    let value = halves.next()?;
    let good = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic());
    good.then(|| (name.to_string(), utf8(value)))
}

/// What follows the `=`, a quoted-string or a token, and the rest. A token should hold no space,
/// but file names often do; a comment after it is none of it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', '(']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (token.trim_end().to_string(), rest);
    };
    let mut value = String::new();
    let mut rest = quoted.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => value.extend(rest.next()),
            c => value.push(c),
        }
    }
    (value, rest.as_str())
}
