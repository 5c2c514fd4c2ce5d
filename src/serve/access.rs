//! Who may ask: a token where others than this machine can reach the server, and a cookie for browsers that showed it.

use std::fmt;
use std::net::SocketAddr;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use subtle::{Choice, ConstantTimeEq};

/// Where the token is looked for where no file is named.
pub const TOKEN_VARIABLE: &str = "TAPCOMPARE_SERVE_TOKEN";
/// A shorter token can be guessed.
pub const MIN_TOKEN_BYTES: usize = 16;
/// A longer one is no token but a mistake, and would not fit a request.
const MAX_TOKEN_BYTES: usize = 512;
/// Bytes of a session's name.
const SESSION_BYTES: usize = 32;
/// Cookies of one request that are looked at.
const MAX_COOKIES: usize = 64;

/// Why a server cannot be guarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Anybody could read it.
    #[error(
        "{address} can be reached from other machines, so a token is needed: give --serve-token-file FILE, or set \
         {TOKEN_VARIABLE} (openssl rand -hex 32), or listen on 127.0.0.1"
    )]
    NoToken {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The token is none.
    #[error(
        "the token is no good: it must have {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} letters, digits or any of -._~+/= \
         (openssl rand -hex 32)"
    )]
    BadToken,
    /// A name for `Host` is none.
    #[error("--serve-host {0}: this is no host name or address; give it without scheme, port and path")]
    BadHost(String),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a session: {0}")]
    NoRandom(String),
}

/// What whoever asks must know. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// A token as it stands in a file or a variable; white space around it is no part of it.
    ///
    /// # Errors
    /// [`AccessError::BadToken`].
    pub fn new(text: &str) -> Result<Token, AccessError> {
        let text = text.trim();
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        let good = (MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(known);
        if good { Ok(Token(text.to_owned())) } else { Err(AccessError::BadToken) }
    }
}

/// Who may ask, and under which names.
#[derive(Clone)]
pub struct Access {
    token: Option<Token>,
    /// What a browser that has shown the token is known by; new for each process.
    session: String,
    /// Cookies know no ports: two servers of one machine must not take each other's for theirs.
    cookie: String,
    pub(super) hosts: Vec<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("token", &self.token).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Access {
    /// For a server at `address`: loopback may be open, everything else needs a token. `hosts` are names that it answers
    /// to, beside loopback's and the address that a client connected to.
    ///
    /// # Errors
    /// [`AccessError`], each with the way out.
    pub fn new(address: SocketAddr, token: Option<Token>, hosts: &[String]) -> Result<Access, AccessError> {
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(AccessError::NoToken { address });
        }
        let is_name = |host: &&String| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
            let port = host.parse::<SocketAddr>().is_ok() || host.split(':').count() == 2;
            !host.is_empty() && host.bytes().all(known) && !port
        };
        if let Some(wrong) = hosts.iter().find(|host| !is_name(host)) {
            return Err(AccessError::BadHost(wrong.clone()));
        }
        let mut bytes = [0; SESSION_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| AccessError::NoRandom(error.to_string()))?;
        let session = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Access { token, session, cookie: format!("tapcompare-{}", address.port()), hosts: hosts.to_vec() })
    }

    /// Whether whoever sent these fields may ask.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(Token(token)) = &self.token else { return true };
        let bearer = headers.get_all(AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        });
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let sessions = cookies.flat_map(|line| line.split(';')).take(MAX_COOKIES).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        });
        // One of several is enough: names of sessions that other processes gave may be among them.
        let mut right = Choice::from(0);
        for shown in bearer {
            right |= same(shown, token);
        }
        for shown in sessions {
            right |= same(shown, &self.session);
        }
        right.into()
    }

    /// The field that lets a browser in, where it has shown the right token in the query; None where the token is
    /// wrong or there is none to be shown.
    pub(super) fn login(&self, shown: &str) -> Option<String> {
        let Token(token) = self.token.as_ref()?;
        let right = same(shown, token) | decoded(shown).map_or(Choice::from(0), |shown| same(&shown, token));
        bool::from(right).then(|| format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.session))
    }
}

/// In a time that tells how long a secret is and nothing else.
fn same(shown: &str, secret: &str) -> Choice {
    shown.as_bytes().ct_eq(secret.as_bytes())
}

/// Percent-encoding taken back; None where it is none.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let mut byte = *first;
        if byte == b'%' {
            let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok())?;
            byte = u8::from_str_radix(digits, 16).ok()?;
            rest = rest.get(2..)?;
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef+/=";

    fn at(address: &str, token: Option<&str>) -> Result<Access, AccessError> {
        Access::new(address.parse().unwrap(), token.map(|t| Token::new(t).unwrap()), &[])
    }

    #[test]
    fn what_others_can_reach_needs_a_token() {
        for open in ["127.0.0.1:7070", "127.5.5.5:1", "[::1]:7070", "[::ffff:127.0.0.1]:7070"] {
            assert!(at(open, None).is_ok(), "{open}");
        }
        for reached in ["0.0.0.0:7070", "10.0.0.1:7070", "[::]:7070", "[fe80::1]:7070"] {
            let told = at(reached, None).unwrap_err().to_string();
            assert!(told.contains("a token is needed") && told.contains("--serve-token-file"), "{told}");
            assert!(at(reached, Some(TOKEN)).is_ok());
        }
    }

    #[test]
    fn a_token_is_long_enough_and_made_of_what_travels_everywhere() {
        for bad in ["", "short", "0123456789abcde", "0123456789abcdef gh", "0123456789abcdefé", &"x".repeat(513)] {
            assert_eq!(Token::new(bad), Err(AccessError::BadToken), "{bad}");
        }
        assert_eq!(Token::new(&format!(" {TOKEN}\n")), Token::new(TOKEN));
        assert_eq!(format!("{:?}", Token::new(TOKEN)), "Ok(Token)", "it is not shown");
        assert!(!format!("{:?}", at("127.0.0.1:1", Some(TOKEN))).contains(TOKEN));
    }

    #[test]
    fn the_right_token_or_session_is_admitted_and_nothing_else() {
        let access = at("0.0.0.0:7070", Some(TOKEN)).unwrap();
        let other = at("0.0.0.0:7070", Some(TOKEN)).unwrap();
        let asked = |name: http::HeaderName, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let set = access.login("0123456789abcdef%2B%2f=").unwrap();
        let cookie = set.split(';').next().unwrap().to_owned();
        assert!(
            set.ends_with("; Path=/; HttpOnly; SameSite=Strict") && cookie.starts_with("tapcompare-7070="),
            "{set}"
        );
        assert!(!set.contains(TOKEN));
        assert_eq!(access.login("0123456789abcdef+/"), None);
        assert_eq!(access.login("%"), None);
        for (headers, admitted) in [
            (HeaderMap::new(), false),
            (asked(AUTHORIZATION, &format!("Bearer {TOKEN}")), true),
            (asked(AUTHORIZATION, &format!("bearer  {TOKEN}")), true),
            (asked(AUTHORIZATION, &format!("Basic {TOKEN}")), false),
            (asked(AUTHORIZATION, "Bearer "), false),
            (asked(AUTHORIZATION, &format!("Bearer {TOKEN}x")), false),
            (asked(COOKIE, &cookie), true),
            (asked(COOKIE, &format!("a=b; {cookie}; tapcompare-7070=old")), true),
            (asked(COOKIE, &format!("tapcompare-7070={TOKEN}")), false),
            (asked(COOKIE, "tapcompare-7070="), false),
            (asked(COOKIE, &cookie.replace("7070", "7071")), false),
        ] {
            assert_eq!(access.admits(&headers), admitted, "{headers:?}");
        }
        assert!(!other.admits(&asked(COOKIE, &cookie)), "a session is of one process");
        assert!(at("127.0.0.1:1", None).unwrap().admits(&HeaderMap::new()));
        assert_eq!(at("127.0.0.1:1", None).unwrap().login(""), None);
    }

    #[test]
    fn a_name_for_host_is_a_name() {
        let named = |host: &str| Access::new("127.0.0.1:1".parse().unwrap(), None, &[host.to_owned()]);
        for good in ["tap.internal", "10.0.0.1", "fe80::1", "x"] {
            assert!(named(good).is_ok(), "{good}");
        }
        for bad in ["", "http://tap", "tap:7070", "10.0.0.1:80", "[::1]:80", "a/b", "*", "a b"] {
            assert_eq!(named(bad).unwrap_err(), AccessError::BadHost(bad.to_owned()));
        }
    }
}
