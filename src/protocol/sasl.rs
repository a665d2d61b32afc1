// ANCHOR: story
//! # Credentials (chapter 7)
//!
//! AUTH proves who is calling, in one of several ways called mechanisms (RFC 4954). We
//! know two, and both hand over the password itself:
//!
//! - PLAIN (RFC 4616): one message, `authorization NUL user NUL password`, in base64.
//! - LOGIN, which was never a standard and is known everywhere: the server asks
//!   `Username:` and `Password:`. The questions and the answers are in base64.
//!
//! So a password is safe only if nobody listens on the way. We have no TLS; that is why
//! AUTH is offered on loopback alone.
// ANCHOR_END: story

// ANCHOR: uses
use super::base64;
use std::fmt;
// ANCHOR_END: uses

// ANCHOR: limits
/// Longest user name, and longest password, in octets (RFC 4616 §2).
const LONGEST_CREDENTIAL: usize = 255;

/// The challenges of LOGIN.
pub const LOGIN_CHALLENGES: [&str; 2] = ["Username:", "Password:"];
// ANCHOR_END: limits

// ANCHOR: credentials
/// A user name and a password, as they came. The password is hidden from `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who is calling.
    pub user: String,
    /// The proof.
    pub password: String,
}
// ANCHOR_END: credentials

// ANCHOR: to_plain
impl Credentials {
    /// The message of PLAIN, in base64.
    pub fn to_plain(&self) -> String {
        base64::encode(format!("\0{}\0{}", self.user, self.password).as_bytes())
    }
    // ANCHOR_END: to_plain

    // ANCHOR: from_plain
    /// Reads the message of PLAIN: whose account is wanted (empty: the caller's own),
    /// and the credentials. `None`: it is not well formed.
    pub fn from_plain(text: &str) -> Option<(String, Credentials)> {
        let message = String::from_utf8(base64::decode(text)?).ok()?;
        let parts: Vec<&str> = message.split('\0').collect();
        let &[account, user, password] = parts.as_slice() else {
            return None;
        };
        // ANCHOR_END: from_plain

        // ANCHOR: fits
        let fits = |part: &str| (1..=LONGEST_CREDENTIAL).contains(&part.len());
        let credentials = Credentials {
            user: user.to_string(),
            password: password.to_string(),
        };
        (fits(user) && fits(password)).then(|| (account.to_string(), credentials))
    }
    // ANCHOR_END: fits

    // ANCHOR: has_password
    /// Is the password the one that we know? The answer takes as long for a wrong
    /// password as for the right one.
    pub fn has_password(&self, known: &str) -> bool {
        let tried = self.password.as_bytes();
        let known = known.as_bytes();
        let mut difference = u8::from(tried.len() != known.len());
        for (at, octet) in tried.iter().enumerate() {
            // Past the end of `known` we compare only to take the same time.
            difference |= octet ^ known.get(at).unwrap_or(octet);
        }
        std::hint::black_box(difference) == 0
    }
}
// ANCHOR_END: has_password

// ANCHOR: debug
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, ********)", self.user)
    }
}
// ANCHOR_END: debug
