//! Addresses to ask, as people write them.

use std::fmt;
use std::str::FromStr;

use super::Target;

/// Longest base path.
pub(super) const MAX_BASE_PATH: usize = 1024;

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no target: {why}")]
pub struct TargetError {
    text: String,
    why: String,
}

impl Target {
    /// What a Host header says of it: host, in brackets where it is an IPv6 address, and the port unless it is 80.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

impl Target {
    /// Whether both are written for the same place: host names do not tell capitals from small letters.
    pub fn is_same(&self, other: &Target) -> bool {
        let host = |target: &Target| target.host.trim_end_matches('.').to_ascii_lowercase();
        (host(self), self.port, &self.base_path) == (host(other), other.port, &other.base_path)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.base_path)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        parse(text).map_err(|why| TargetError { text: text.to_owned(), why })
    }
}

fn parse(text: &str) -> Result<Target, String> {
    let scheme_end = text.find("://").ok_or_else(|| format!("there is no scheme; write 'http://{text}'"))?;
    let (scheme, rest) = (&text[..scheme_end], &text[scheme_end + 3..]);
    if scheme.eq_ignore_ascii_case("https") {
        return Err(
            "https is not supported yet; give an http:// address of it, or put a TLS-ending proxy in front".into()
        );
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(format!("'{scheme}' is not http; write 'http://host:port'"));
    }
    if rest.contains('?') {
        return Err("it must have no query; the query comes from each captured request".into());
    }
    if rest.contains('#') {
        return Err("it must have no fragment; leave out what begins with '#'".into());
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("it must have no user name or password; leave out what comes before '@'".into());
    }
    let (host, port) = host_and_port(authority)?;
    let base_path = path.trim_end_matches('/');
    if !base_path.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) {
        return Err("the path may hold visible ASCII letters only; write others as %XX".into());
    }
    if base_path.len() > MAX_BASE_PATH {
        return Err(format!("the path is longer than {MAX_BASE_PATH} bytes"));
    }
    Ok(Target { host: host.to_owned(), port, base_path: base_path.to_owned() })
}

fn host_and_port(authority: &str) -> Result<(&str, u16), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or("there is a '[' without its ']'")?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| format!("'{host}' is no IPv6 address"))?;
            (host, after)
        }
        None => {
            let (host, after) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if after.matches(':').count() > 1 {
                return Err("an IPv6 address stands in brackets; write 'http://[::1]:8080'".into());
            }
            if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
                return Err(format!("'{host}' is no host name; write names beyond ASCII as 'xn--…'"));
            }
            (host, after)
        }
    };
    if host.is_empty() {
        return Err("there is no host; write 'http://host:port'".into());
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => Some(80),
        None => None,
        Some(digits) => digits.parse().ok().filter(|port| *port > 0 && digits.bytes().all(|b| b.is_ascii_digit())),
    };
    Ok((host, port.ok_or("the port must be a number from 1 to 65535")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_shown() {
        for (text, host, port, base_path, shown) in [
            ("http://orders.internal:8080", "orders.internal", 8080, "", "http://orders.internal:8080"),
            ("HTTP://a/", "a", 80, "", "http://a"),
            ("http://10.0.0.1:80/v2/api/", "10.0.0.1", 80, "/v2/api", "http://10.0.0.1/v2/api"),
            ("http://[::1]:9/x", "::1", 9, "/x", "http://[::1]:9/x"),
            ("http://[2001:db8::1]", "2001:db8::1", 80, "", "http://[2001:db8::1]"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target, Target { host: host.into(), port, base_path: base_path.into() }, "{text}");
            assert_eq!(target.to_string(), shown);
            assert_eq!(shown.parse(), Ok(target));
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_way_out() {
        let long = format!("http://a/{}", "b".repeat(MAX_BASE_PATH));
        for (text, why) in [
            ("orders:8080", "write 'http://orders:8080'"),
            ("", "no scheme"),
            ("https://orders", "https is not supported yet"),
            ("ftp://orders", "'ftp' is not http"),
            ("http://a?x=1", "no query"),
            ("http://a/b?x", "no query"),
            ("http://a/#b", "no fragment"),
            ("http://me:secret@a", "before '@'"),
            ("http://", "no host"),
            ("http:///x", "no host"),
            ("http://:80", "no host"),
            ("http://::1", "in brackets"),
            ("http://[::1", "without its ']'"),
            ("http://[a]:1", "no IPv6 address"),
            ("http://[::1]x", "from 1 to 65535"),
            ("http://a:", "from 1 to 65535"),
            ("http://a:0", "from 1 to 65535"),
            ("http://a:+1", "from 1 to 65535"),
            ("http://a:65536", "from 1 to 65535"),
            ("http://a b", "no host name"),
            ("http://bücher", "xn--"),
            ("http://a/ü", "%XX"),
            (&long, "longer than"),
        ] {
            let message = text.parse::<Target>().unwrap_err().to_string();
            assert!(message.contains(why) && message.contains("is no target"), "{text}: {message}");
        }
    }
}
