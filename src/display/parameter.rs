//! The parameters of a field, as `charset` in `Content-Type: text/plain; charset=utf-8`
//! (RFC 2045 §5.1), with what RFC 2231 added: a long value may come in sections, and a value may
//! have a charset.

use super::encoding::{decode_charset, unescape};
use std::collections::BTreeMap;

/// The value without its comments, which may stand between any two words, and inside each other
/// (RFC 2045 §5.1, RFC 822 §3.1.4). What looks like a comment inside quotes is none.
pub(super) fn without_comments(value: &str) -> String {
    let mut kept = String::with_capacity(value.len());
    let (mut depth, mut quoted) = (0, false);
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        let inside = depth > 0;
        match c {
            '"' if !inside => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if inside => depth -= 1,
            _ => {}
        }
        if inside || depth > 0 {
            if c == '\\' {
                rest.next();
            }
            continue;
        }
        kept.push(c);
        if c == '\\' && quoted {
            kept.extend(rest.next());
        }
    }
    kept
}

/// The value of a parameter; empty if there is none. A value with a charset comes before one in
/// sections, and that before a plain one, which stands there for programs of old.
pub(super) fn parameter(value: &str, name: &str) -> String {
    let value = without_comments(value);
    let mut rest = value.as_str();
    let (mut plain, mut extended, mut sections) = (None, None, BTreeMap::new());
    while let Some((before, after)) = rest.split_once('=') {
        let (value, after) = parameter_value(after.trim_start());
        rest = after;
        let found = before.rsplit(';').next().unwrap_or_default().trim();
        // Of two the first counts, as everywhere here.
        match kind(found, name) {
            Some(Kind::Plain) => plain = plain.or(Some(value)),
            Some(Kind::Extended) => extended = extended.or(Some(value)),
            Some(Kind::Section(number, extended)) => {
                sections.entry(number).or_insert((value, extended));
            }
            None => {}
        }
    }
    // They may come in any order (RFC 2231 §3). Behind one that is missing nothing is sure.
    let sections = (0..)
        .zip(sections)
        .map_while(|(due, (number, section))| (due == number).then_some(section));
    let extended = join(extended.map(|value| (value, true)));
    let values = [extended, join(sections), plain.unwrap_or_default()];
    let mut given = values.into_iter().filter(|value| !value.is_empty());
    given.next().unwrap_or_default()
}

enum Kind {
    /// `name`
    Plain,
    /// `name*`: with a charset, and octets as `%E9` (RFC 2231 §4).
    Extended,
    /// `name*1` or `name*1*`: a section, perhaps with such octets (RFC 2231 §3, §4.1).
    Section(u32, bool),
}

fn kind(found: &str, name: &str) -> Option<Kind> {
    let (start, rest) = found.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    let number = rest.trim_matches('*');
    let kind = match number.parse() {
        _ if rest.is_empty() => Kind::Plain,
        _ if rest == "*" => Kind::Extended,
        Ok(section) => Kind::Section(section, rest.ends_with('*')),
        Err(_) => return None,
    };
    // Numbers have no sign and no zeros in front (RFC 2231 §7).
    let well_formed = match &kind {
        Kind::Section(section, true) => rest == format!("*{section}*"),
        Kind::Section(section, false) => rest == format!("*{section}"),
        _ => true,
    };
    well_formed.then_some(kind)
}

/// Sections to one value. The first tells the charset and the language of all, as in
/// `utf-8'en'Zo%C3%AB`; the language is dropped.
fn join(sections: impl IntoIterator<Item = (String, bool)>) -> String {
    let mut charset = String::new();
    let mut octets = Vec::new();
    for (at, (section, extended)) in sections.into_iter().enumerate() {
        let mut text = section.as_str();
        if at == 0
            && extended
            && let [name, _, rest] = text.splitn(3, '\'').collect::<Vec<_>>()[..]
        {
            charset = name.to_string();
            text = rest;
        }
        match extended {
            true => octets.extend(unescape(b'%', text.as_bytes())),
            false => octets.extend(text.as_bytes()),
        }
    }
    decode_charset(&charset, &octets)
        .unwrap_or_else(|marks| format!("({charset}, not known here) {marks}"))
}

/// What follows the `=`, a quoted-string or a token, and the rest. A token should hold no space,
/// but file names often do.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
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
