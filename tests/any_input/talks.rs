//! Whole conversations: how they are spoilt, and the plainest way to read one.

use crate::common::script::{Dice, Script};
use crate::{Stock, list};
use smtp_primer::protocol::dot::{Received, Text};
use smtp_primer::protocol::line::Line;

/// One of these conversations, in which lines are missing, said twice or out of place, some are
/// spoilt themselves, and some do not end as lines do. Sometimes so `many` of a line, one less, or
/// one more, stand in the place of one.
pub fn spoilt(stock: &Stock, dice: &mut Dice, good: &'static str, many: (&str, usize)) -> Vec<u8> {
    let good: Vec<_> = good.lines().map(list).collect();
    let mut others: Vec<&[&[u8]]> = stock.good.chunks(1).collect();
    others.push(&good[dice.below(good.len())]);
    let talk = &good[dice.below(good.len())];
    let talk = dice.spoil(talk, &others);
    let mut spoilt = |line: &&[u8]| {
        let line = match dice.below(20) {
            0 => stock.spoilt(dice),
            1 => dice.spoil(line, &stock.pieces),
            _ => line.to_vec(),
        };
        let end = match dice.below(80) {
            0 => dice.pick(&["\n", "\r", "\r\r\n", "\n.\n", "\n.\r\n", "\r\n.\r", ""]),
            _ => "\r\n",
        };
        [&line, end.as_bytes()].concat()
    };
    let mut lines: Vec<Vec<u8>> = talk.iter().map(&mut spoilt).collect();
    if dice.below(8) == 0 && !lines.is_empty() {
        let at = dice.below(lines.len());
        let many = vec![format!("{}\r\n", many.0).into_bytes(); many.1 + 1 - dice.below(3)];
        lines.splice(at..=at, many);
    }
    lines.concat()
}

/// A caller who says all this, in pieces that have nothing to do with lines.
pub fn pieces(octets: &[u8]) -> Script {
    let pieces = octets.chunks(1 + octets.len() % 50).map(<[u8]>::to_vec);
    Script::new(pieces.collect::<Vec<_>>())
}

/// Reads a conversation that lies in memory as a whole. What the code does piece by piece, and
/// under limits, is a search here.
pub struct Plain<'a> {
    pub rest: &'a [u8],
    /// The longest line, CR LF included.
    pub longest: usize,
}

impl Plain<'_> {
    pub fn line(&mut self) -> Line {
        let Some(end) = self.rest.iter().position(|octet| *octet == b'\n') else {
            return Line::Closed;
        };
        let (line, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        match line.strip_suffix(b"\r\n") {
            _ if line.len() > self.longest => Line::TooLong,
            Some(text) if !text.contains(&b'\r') => Line::Text(text.to_vec()),
            _ => Line::BareNewline,
        }
    }

    /// A text ends at CR LF "." CR LF, and the first CR LF may be that of DATA (RFC 5321
    /// §4.1.1.4). `None`: it does not end.
    pub fn text(&mut self, limit: usize) -> Option<Received> {
        let all = [b"\r\n", self.rest].concat();
        let end = all.windows(5).position(|octets| octets == b"\r\n.\r\n")?;
        self.rest = &self.rest[end + 3..];
        let stuffed = String::from_utf8_lossy(&all[..end]);
        let [lines, cr, lf] = ["\r\n", "\r", "\n"].map(|mark| stuffed.matches(mark).count());
        if cr > lines || lf > lines {
            return Some(Received::BareNewline);
        }
        let mut octets = Vec::new();
        for line in all[2..end + 2].split_inclusive(|octet| *octet == b'\n') {
            octets.extend(line.strip_prefix(b".").unwrap_or(line));
        }
        Some(match Text::new(octets) {
            Ok(text) if text.octets().len() <= limit => Received::Text(text),
            _ => Received::TooBig,
        })
    }
}
