// ANCHOR: story
//! Header fields: folded at 78 characters (RFC 5322 §2.2.3), and in ASCII whatever the
//! language (RFC 2047, RFC 2231). Where other characters are allowed, and how they are
//! written, depends on the field.
// ANCHOR_END: story

// ANCHOR: uses
use super::addresses::read_addresses;
use super::encoded_word::encode_text;
use super::parameters::encode_parameters;
use std::fmt;
use std::str::FromStr;
// ANCHOR_END: uses

// ANCHOR: limits
/// Lines should not be longer, in characters, CR LF not counted (RFC 5322 §2.1.1).
pub const FOLD: usize = 78;
/// Lines must not be longer (RFC 5322 §2.1.1).
pub const LONGEST: usize = 998;
/// The lines of a field must not be longer if it has encoded-words (RFC 2047 §2).
pub const ENCODED: usize = 76;

/// White space within a line (RFC 5322 §2.2.2).
pub(super) const BLANKS: [char; 2] = [' ', '\t'];
// ANCHOR_END: limits

// ANCHOR: field
/// A header field. Neither its name nor its value can hold a CR, an LF or another control
/// character: such a value would add fields of its own, or end the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub(super) name: String,
    /// In ASCII, and not folded yet.
    pub(super) value: String,
}
// ANCHOR_END: field

// ANCHOR: error
/// Why something is not a header field, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FieldError {}
// ANCHOR_END: error

// ANCHOR: from_str
impl FromStr for Field {
    type Err = FieldError;

    /// Reads `Name: value`.
    fn from_str(line: &str) -> Result<Field, FieldError> {
        let Some((name, value)) = line.split_once(':') else {
            return Err(FieldError("a header field has the form Name: value".into()));
        };
        Field::new(name, value)
    }
}
// ANCHOR_END: from_str

// ANCHOR: new
impl Field {
    /// Checks a name and a value, which may be in any language.
    ///
    /// Errors: a name with characters that names cannot have (RFC 5322 §2.2), a control
    /// character in the value, a word that is too long for a line; in a field of
    /// addresses, something that is not an address.
    pub fn new(name: &str, value: &str) -> Result<Field, FieldError> {
        if name.len() >= FOLD || !is_name(name.as_bytes()) {
            let why = format!("{name:?} is not a name for a header field");
            return Err(FieldError(why));
        }
        let wrong = |why: String| FieldError(format!("the {name} field {why}"));
        // ANCHOR_END: new
        // ANCHOR: control
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(wrong("holds a line end or control character".into()));
        }
        // ANCHOR_END: control
        // ANCHOR: new_end
        let field = Field {
            name: name.to_string(),
            value: encode(name, value.trim_matches(BLANKS)).map_err(wrong)?,
        };
        if field.to_lines().lines().any(|line| line.len() > LONGEST) {
            return Err(wrong("has a word too long for a line".into()));
        }
        Ok(field)
    }
    // ANCHOR_END: new_end

    // ANCHOR: queries
    /// Is this the field of that name? Names are compared without case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// How many addresses a field of addresses has.
    pub(super) fn addresses(&self) -> usize {
        read_addresses(&self.value).map_or(0, |addresses| addresses.len())
    }
    // ANCHOR_END: queries

    // ANCHOR: to_lines
    /// The field as lines of a header: folded, with CR LF.
    pub fn to_lines(&self) -> String {
        let has_words = self.value.contains("=?");
        let most = if has_words { ENCODED } else { FOLD };
        let mut lines = format!("{}:", self.name);
        let mut length = lines.len();
        for word in words(&format!(" {}", self.value)) {
            // A line of white space alone would look like the end of the header (RFC 5322
            // §3.2.2).
            if length + word.len() > most && !word.trim_matches(BLANKS).is_empty() {
                lines += "\r\n";
                length = 0;
            }
            length += word.len();
            lines += word;
        }
        lines + "\r\n"
    }
}
// ANCHOR_END: to_lines

// ANCHOR: lists
/// Fields of addresses (RFC 5322 §3.6.2 and §3.6.3), and others in which programs look
/// for addresses. `Resent-` may be before each name (§3.6.6).
const ADDRESS_FIELDS: &str = "from sender reply-to to cc bcc mail-followup-to \
    mail-reply-to errors-to disposition-notification-to return-receipt-to \
    apparently-to delivered-to envelope-to x-envelope-to";
/// Other fields in which an encoded-word may not replace a word (RFC 2047 §5), besides
/// those of MIME.
const EXACT_FIELDS: &str = "date message-id in-reply-to references received mime-version";
// ANCHOR_END: lists

// ANCHOR: encode
/// The value as it travels, in ASCII.
fn encode(name: &str, value: &str) -> Result<String, String> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("resent-").unwrap_or(&name);
    let is_one_of = |names: &str| names.split(' ').any(|one| one == name);
    if is_one_of(ADDRESS_FIELDS) {
        let addresses = read_addresses(value)?;
        if name == "sender" && addresses.len() > 1 {
            return Err("needs one address".into());
        }
        return Ok(addresses.join(", "));
    }
    // ANCHOR_END: encode
    // ANCHOR: encode_rest
    let is_of_mime = name.starts_with("content-") && name != "content-description";
    if is_of_mime || is_one_of(EXACT_FIELDS) {
        return encode_parameters(value);
    }
    Ok(encode_text(value))
}
// ANCHOR_END: encode_rest

// ANCHOR: split_field
/// The name and the value of a header field, if this line is the first of one. White
/// space between name and colon is an old form, and still read (RFC 5322 §4.5).
pub(crate) fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let (name, value) = line.split_at(colon);
    let name = name.trim_ascii_end();
    is_name(name).then_some((name, value.get(1..).unwrap_or_default()))
}

/// Is this a name for a header field (RFC 5322 §2.2)?
fn is_name(name: &[u8]) -> bool {
    let is_good = |octet: &u8| octet.is_ascii_graphic() && *octet != b':';
    !name.is_empty() && name.iter().all(is_good)
}
// ANCHOR_END: split_field

// ANCHOR: words
/// The words of a text, each with the white space before it.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let trimmed = rest.trim_start_matches(BLANKS);
        let length = trimmed.find(BLANKS).unwrap_or(trimmed.len());
        let (word, after) = rest.split_at(rest.len() - trimmed.len() + length);
        words.push(word);
        rest = after;
    }
    words
}
// ANCHOR_END: words
