// ANCHOR: story
//! # The mask (chapter 7)
//!
//! A trace ends up in files and in questions to colleagues, so it must not show a
//! password. The mask hears all commands and replies. It knows where a client sends a
//! password, and hides it.
// ANCHOR_END: story

// ANCHOR: uses
use super::command::Verb;
use super::line::Mask;
// ANCHOR_END: uses

// ANCHOR: mask
/// Hides passwords from a trace of SMTP or POP3:
///
/// - what follows `AUTH mechanism`, and what follows `PASS`;
/// - the answer to a 334 (RFC 4954 §4);
/// - after AUTH whatever is not a command, until AUTH has succeeded. Some clients do not
///   hear that AUTH was refused, and send name and password anyway.
#[derive(Debug, Default)]
pub struct PasswordMask {
    /// The server has asked, and waits for the answer.
    is_asked: bool,
    /// AUTH was said, and no success and no command came after it.
    is_in_auth: bool,
}
// ANCHOR_END: mask

// ANCHOR: public_part
impl Mask for PasswordMask {
    fn public_part(&mut self, who: char, line: &[u8]) -> usize {
        if who == 'S' {
            self.is_asked = line.starts_with(b"334");
            self.is_in_auth &= !line.starts_with(b"235");
            return line.len();
        }
        if self.is_asked {
            self.is_asked = false;
            return 0;
        }
        // ANCHOR_END: public_part

        // ANCHOR: commands
        // Some clients end lines with CR alone. Our line may hold several commands.
        let mut public = 0;
        for command in line.split_inclusive(|octet| *octet == b'\r') {
            let secret = self.secret_length(command);
            public += command.len() - secret;
            if secret > 0 {
                break;
            }
        }
        public
    }
}
// ANCHOR_END: commands

// ANCHOR: secret_length
impl PasswordMask {
    /// How many octets are secret at the end of a command, or of what a client says in
    /// its place?
    fn secret_length(&mut self, command: &[u8]) -> usize {
        let (verb, rest) = first_word(command);
        let verb = verb.to_ascii_uppercase();
        let is_command = Verb::from_name(&verb).is_some();
        // ANCHOR_END: secret_length

        // ANCHOR: secret
        let secret = match verb.as_str() {
            "PASS" => rest.len(),
            "AUTH" => first_word(rest).1.len(),
            _ if self.is_in_auth && !is_command => return command.len(),
            _ => 0,
        };
        // AUTH alone carries nothing: some POP3 clients ask for the mechanisms with it.
        self.is_in_auth = verb == "AUTH" && !rest.is_empty();
        secret
    }
}
// ANCHOR_END: secret

// ANCHOR: first_word
/// The first word of a line, and what follows the octet after it. Between words there may
/// be anything that cannot be printed.
fn first_word(line: &[u8]) -> (String, &[u8]) {
    let start = line.iter().position(u8::is_ascii_graphic);
    let (_, line) = line.split_at(start.unwrap_or(line.len()));
    let mut parts = line.splitn(2, |octet| !octet.is_ascii_graphic());
    let word = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    (String::from_utf8_lossy(word).into_owned(), rest)
}
// ANCHOR_END: first_word
