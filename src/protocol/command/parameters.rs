//! What stands in a MAIL or RCPT command after the verb: a path, and perhaps parameters, which the
//! extensions of SMTP have brought (RFC 5321 §4.1.2, esmtp-param).

use super::{Syntax, Verb};
use crate::protocol::address::{AddressError, split_path};
use std::fmt;
use std::str::FromStr;

/// What may follow the path of MAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailParameters {
    /// `SIZE=`: the size of the text in octets, as the client counts it (RFC 1870 §3).
    pub size: Option<u64>,
    /// `BODY=`: whether the text may have octets over 127 (RFC 1652 §2).
    pub body: Option<Body>,
    /// `AUTH=` was there: who submitted the letter first (RFC 4954 §5). We believe nobody's word
    /// on that, and so it is always displayed as `<>`, "somebody".
    pub auth: bool,
}

/// The values of `BODY=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// `7BIT`: ASCII only.
    SevenBit,
    /// `8BITMIME`: any octets, in lines.
    EightBitMime,
}

impl FromStr for Body {
    type Err = Syntax;

    fn from_str(value: &str) -> Result<Body, Syntax> {
        let known = [Body::SevenBit, Body::EightBitMime];
        let found = known
            .into_iter()
            .find(|body| body.to_string().eq_ignore_ascii_case(value));
        found.ok_or(Syntax::Parameter("MAIL".parse()?))
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Body::SevenBit {
            "7BIT"
        } else {
            "8BITMIME"
        })
    }
}

impl fmt::Display for MailParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        if let Some(body) = self.body {
            write!(f, " BODY={body}")?;
        }
        f.write_str(if self.auth { " AUTH=<>" } else { "" })
    }
}

/// `KEYWORD=value`; the value may be missing.
type Parameter<'a> = (&'a str, &'a str);

/// Splits `FROM:<path> parameters`. No space may stand beside the colon (RFC 5321 §3.3).
pub(super) fn path_and_parameters<'a, P>(
    verb: Verb,
    word: &str,
    argument: &'a str,
) -> Result<(P, Vec<Parameter<'a>>), Syntax>
where
    P: FromStr<Err = AddressError>,
{
    let wrong = Syntax::Arguments(verb, None);
    let (start, rest) = argument.split_at_checked(word.len()).ok_or(wrong.clone())?;
    if !start.eq_ignore_ascii_case(word) {
        return Err(wrong);
    }
    if rest.starts_with(' ') {
        return Err(Syntax::Arguments(verb, Some(AddressError::Space)));
    }
    let no_brackets = Syntax::Arguments(verb, Some(AddressError::Brackets));
    let (path, rest) = split_path(rest).ok_or(no_brackets)?;
    let path = path
        .parse()
        .map_err(|why| Syntax::Arguments(verb, Some(why)))?;
    // Each parameter follows one space; before the first there is nothing but the path.
    let mut parts = rest.split(' ');
    if parts.next() != Some("") {
        return Err(wrong);
    }
    let parameters = parts.map(parameter).collect::<Option<_>>();
    Ok((path, parameters.ok_or(wrong)?))
}

/// Splits one parameter, if it is well formed (RFC 5321 §4.1.2, esmtp-param).
fn parameter(text: &str) -> Option<Parameter<'_>> {
    let (keyword, value) = text.split_once('=').unwrap_or((text, ""));
    let good = keyword.starts_with(|first: char| first.is_ascii_alphanumeric())
        && keyword
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && value
            .bytes()
            .all(|octet| matches!(octet, b'!'..=b'<' | b'>'..=b'~'))
        && !text.ends_with('=');
    good.then_some((keyword, value))
}

pub(super) fn mail_parameters(
    list: Vec<Parameter<'_>>,
    wrong: Syntax,
) -> Result<MailParameters, Syntax> {
    let mut parameters = MailParameters::default();
    for (keyword, value) in list {
        let before = match keyword.to_ascii_uppercase().as_str() {
            "SIZE" | "BODY" | "AUTH" if value.is_empty() => return Err(wrong),
            "SIZE" => parameters
                .size
                .replace(size(value).ok_or(wrong.clone())?)
                .is_some(),
            "BODY" => parameters.body.replace(value.parse()?).is_some(),
            "AUTH" => std::mem::replace(&mut parameters.auth, true),
            _ => return Err(Syntax::Parameter(Verb::from_str("MAIL")?)),
        };
        if before {
            return Err(wrong); // the same parameter twice
        }
    }
    Ok(parameters)
}

/// One to twenty digits (RFC 1870 §4). What does not fit our number is too much all the same.
fn size(value: &str) -> Option<u64> {
    let good = (1..=20).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    good.then(|| value.parse().unwrap_or(u64::MAX))
}
