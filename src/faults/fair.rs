//! Which header fields are part of what the legacy answered.
//!
//! Most fields are: what clients act on (`Location`, `Content-Type`, `Cache-Control`, `Set-Cookie`, `WWW-Authenticate`,
//! `Content-Disposition`, `Vary`, `Link`), and each that nobody has named here. Not these, whose value HTTP or the act of
//! answering makes, and not what was asked for. Losing one of them is no defect of a candidate, so none is put there; and
//! that nobody compares them says nothing of how deep a comparison goes. Of some others it is of the answer that they are
//! there, and their value is each implementation's own. No rule file decides this: a rule that ignores `Location` does not
//! make `Location` any less an answer.

/// Lower case; each group with its reason. Only fields that `rules/common.yaml` leaves out for the same reason.
const NOT_OF_THE_ANSWER: [&[&str]; 6] = [
    // How the body is cut into a message (RFC 9112, section 6) and coded (RFC 9110, 8.4): a body is compared, and has its
    // faults put into it, as it is when it was put together and decoded.
    &["content-length", "transfer-encoding", "trailer", "content-encoding"],
    // Meant for the next hop only (RFC 9110, section 7.6.1 and 7.6.3).
    &["connection", "keep-alive", "proxy-connection", "te", "upgrade", "via"],
    // When the answer was made, and how long a cache has held it (RFC 9110, section 6.6.1; RFC 9111, 5.1).
    &["date", "age"],
    // Who made it (RFC 9110, section 10.2.4): the one thing that is meant to be another.
    &["server", "x-powered-by"],
    // How long it took.
    &["x-runtime", "x-response-time", "server-timing"],
    // What this one exchange is called in logs and traces (W3C Trace Context and its forerunners).
    &[
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "x-trace-id",
        "traceparent",
        "tracestate",
        "traceresponse",
        "x-amzn-trace-id",
        "x-b3-traceid",
        "x-b3-spanid",
        "cf-ray",
    ],
];

/// Fields that must be there, and whose value each implementation makes in its own way, or anew for each answer: opaque marks
/// (RFC 9110, section 8.8.3), and a moment reckoned from that of the answer (RFC 9111, 5.3).
const OF_ANY_VALUE: [&str; 2] = ["etag", "expires"];

/// Cookies whose value is drawn at random for each session.
const SESSIONS: [&str; 10] = [
    "JSESSIONID",
    "PHPSESSID",
    "ASP.NET_SessionId",
    "connect.sid",
    "sessionid",
    "session",
    "_session_id",
    "sid",
    "csrftoken",
    "XSRF-TOKEN",
];

/// Whether the value of a header field is part of what was answered: another one is a defect. `Set-Cookie` is none of these:
/// each cookie is asked about by itself.
pub fn value_is_of_the_answer(name: &str) -> bool {
    is_of_the_answer(name) && !OF_ANY_VALUE.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// The same of a cookie's value.
pub(super) fn cookie_is_of_the_answer(name: &str) -> bool {
    !SESSIONS.contains(&name)
}

/// And of the value of a cookie's attribute, by its lower-case name; that it is there always is.
pub(super) fn attribute_is_of_the_answer(name: &str) -> bool {
    name != "expires"
}

/// Whether a header field is part of what was answered: fair to be lost, and counted as a value.
pub fn is_of_the_answer(name: &str) -> bool {
    !NOT_OF_THE_ANSWER.iter().any(|group| group.iter().any(|other| name.eq_ignore_ascii_case(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DifferenceKind;
    use crate::rules::{Found, RuleSet, Spot};

    #[test]
    fn nothing_is_left_out_that_the_shipped_rules_compare() {
        let common = RuleSet::common(jiff::civil::date(2026, 11, 21)).unwrap();
        let judge = common.judge("GET", b"/");
        for name in NOT_OF_THE_ANSWER.concat() {
            let found = Found {
                spot: Spot::Header(name),
                kind: DifferenceKind::Missing,
                legacy: Some("a"),
                candidate: None,
                legacy_twice: false,
            };
            assert!(judge.answer(&found).is_some(), "{name}");
        }
        let another = |spot, legacy, candidate| {
            let kind = DifferenceKind::Value;
            judge.answer(&Found { spot, kind, legacy: Some(legacy), candidate: Some(candidate), legacy_twice: false })
        };
        assert!(another(Spot::Header("etag"), "\"a\"", "\"b\"").is_some());
        let (one, other) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 09:49:37 GMT");
        assert!(another(Spot::Header("expires"), one, other).is_some());
        for name in SESSIONS {
            assert!(another(Spot::Cookie { name, attribute: None }, "1", "2").is_some(), "{name}");
        }
        let expires = Spot::Cookie { name: "a", attribute: Some("expires") };
        assert!(another(expires, one, other).is_some() && !attribute_is_of_the_answer("expires"));
    }

    #[test]
    fn what_an_application_says_is_of_the_answer() {
        for name in
            ["Content-Type", "ETag", "Location", "Set-Cookie", "Cache-Control", "X-Total-Count", "Last-Modified"]
        {
            assert!(is_of_the_answer(name), "{name}");
        }
        assert!(!is_of_the_answer("Date") && !is_of_the_answer("X-REQUEST-ID"));
        for name in ["Location", "content-type", "WWW-Authenticate", "Link", "X-Total-Count", "Last-Modified"] {
            assert!(value_is_of_the_answer(name), "{name}");
        }
        assert!(!value_is_of_the_answer("ETag") && !value_is_of_the_answer("date"));
        assert!(cookie_is_of_the_answer("theme") && !cookie_is_of_the_answer("sid"));
    }
}
