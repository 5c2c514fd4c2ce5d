//! Which header fields are part of what the legacy answered.
//!
//! Most fields are. Not these, whose value HTTP or the act of answering makes, and not what was asked for. Losing one of
//! them is no defect of a candidate, so none is put there; and that nobody compares them says nothing of how deep a
//! comparison goes. No rule file decides this: a rule that ignores `Location` does not make `Location` any less an answer.

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
    }

    #[test]
    fn what_an_application_says_is_of_the_answer() {
        for name in
            ["Content-Type", "ETag", "Location", "Set-Cookie", "Cache-Control", "X-Total-Count", "Last-Modified"]
        {
            assert!(is_of_the_answer(name), "{name}");
        }
        assert!(!is_of_the_answer("Date") && !is_of_the_answer("X-REQUEST-ID"));
    }
}
