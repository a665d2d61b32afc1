//! A reader of letters, made for these tests by the rules of the RFCs: what chapter 12 writes is
//! read back without chapter 18, which comes later, and could make the same mistake twice.

/// The header of a letter: its fields, unfolded (RFC 5322 §2.2.3).
pub struct Header(Vec<(String, String)>);

impl Header {
    /// The header, and the body after the empty line.
    pub fn read(letter: &[u8]) -> (Header, &[u8]) {
        let end = letter.windows(4).position(|octets| octets == b"\r\n\r\n");
        let end = end.map_or(letter.len(), |at| at + 2);
        let (header, rest) = letter.split_at(end);
        let header = std::str::from_utf8(header).expect("a header is ASCII");
        let header = header.replace("\r\n ", " ").replace("\r\n\t", "\t");
        let fields = header.lines().map(|line| {
            let (name, value) = line.split_once(':').expect("a field has a colon");
            (name.to_lowercase(), value.trim().to_string())
        });
        let header = Header(fields.collect());
        (header, rest.strip_prefix(b"\r\n").unwrap_or(rest))
    }

    /// The values of all fields of a name, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = name.to_lowercase();
        let fields = self.0.iter().filter(move |(known, _)| *known == name);
        fields.map(|(_, value)| value.as_str())
    }

    /// The value of the first field of a name; empty if there is none.
    pub fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }
}

/// The body of a letter in one part, its transfer encoding undone (RFC 2045 §6).
pub fn body(letter: &[u8]) -> Vec<u8> {
    let (header, body) = Header::read(letter);
    match header.first("Content-Transfer-Encoding") {
        "base64" => base64(body),
        "quoted-printable" => escapes(&String::from_utf8_lossy(body).replace("=\r\n", "")),
        _ => body.to_vec(),
    }
}

/// Decodes encoded-words (RFC 2047); the blanks between two of them are dropped (§6.2).
pub fn decode_words(value: &str) -> String {
    let mut octets = Vec::new();
    let mut pieces = value.split(' ').peekable();
    let decode = |word: &str| {
        let inside = word.strip_prefix("=?")?.strip_suffix("?=")?;
        let parts: Vec<&str> = inside.split('?').collect();
        match parts.as_slice() {
            [charset, "B", text] if charset.eq_ignore_ascii_case("utf-8") => {
                Some(base64(text.as_bytes()))
            }
            [charset, "Q" | "q", text] if charset.eq_ignore_ascii_case("utf-8") => {
                Some(escapes(&text.replace('_', " ")))
            }
            _ => None,
        }
    };
    while let Some(piece) = pieces.next() {
        let decoded = decode(piece);
        octets.extend(decoded.clone().unwrap_or(piece.as_bytes().to_vec()));
        let Some(next) = pieces.peek() else { break };
        if decoded.is_none() || decode(next).is_none() {
            octets.push(b' ');
        }
    }
    String::from_utf8(octets).expect("each word has whole characters")
}

fn escapes(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut pieces = text.split('=');
    octets.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        octets.push(u8::from_str_radix(digits, 16).expect("two digits"));
        octets.extend(rest.bytes());
    }
    octets
}

fn base64(text: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut octets = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for octet in text.iter().filter(|octet| !b"=\r\n".contains(octet)) {
        let six = ALPHABET.iter().position(|known| known == octet);
        bits = bits << 6 | six.expect("a character of base64") as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    octets
}
