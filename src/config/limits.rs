//! The limits of the gates: those that hardly any candidate misses are refused, because a gate that cannot fail looks like
//! one that holds. Long before that whoever checks the policy is told.

use super::units::{Read, multiple, portion, quantile, share};
use super::{EndpointLimit, Policy};

/// A share of mismatches, failures or losses that is a limit is below this,
const MOST: f64 = 0.5;
/// and is told from this on.
const MUCH: f64 = 0.05;
/// The rules may hide this share of the values at most,
const HIDDEN_MOST: f64 = 0.5;
/// and more than this is told.
const HIDDEN_MUCH: f64 = 0.2;
/// They must let this share of the faults be noticed at least,
const DETECTED_LEAST: f64 = 0.5;
/// and less than this is told.
const DETECTED_LITTLE: f64 = 0.8;
/// The largest multiple of the legacy's latency,
const SLOWEST: f64 = 100.0;
/// and more than this is told.
const SLOW: f64 = 5.0;
/// The least quantile of latencies: below it nobody who waits is looked at.
const LEAST_QUANTILE: f64 = 0.5;
/// Less confidence than this is told.
const SURE: f64 = 0.9;

/// `0.1%`: the limit of a share of mismatches, failures or losses.
pub(super) fn of_share(text: &str) -> Read<f64> {
    match share(text)? {
        limit if limit >= MOST => Err(format!(
            "'{text}' is missed by hardly any candidate, so it would be no gate; write a limit below {}, such as '0.1%'",
            percent(MOST)
        )),
        limit => Ok(limit),
    }
}

/// `1.10x`: the limit of a latency.
pub(super) fn of_latency(text: &str) -> Read<f64> {
    match multiple(text)? {
        limit if limit > SLOWEST => Err(format!(
            "'{text}' is missed by hardly any candidate, so it would be no gate; write a multiple up to {SLOWEST}x, such as \
             '1.10x'"
        )),
        limit => Ok(limit),
    }
}

/// `p95`: whose latency the limit is of.
pub(super) fn of_quantile(text: &str) -> Read<f64> {
    match quantile(text)? {
        q if q < LEAST_QUANTILE => Err(format!(
            "'{text}' is of the fastest answers alone, so it would be no gate; write 'p50' or more, such as 'p95'"
        )),
        q => Ok(q),
    }
}

/// `5%`: how much the rules may hide.
pub(super) fn of_hidden(text: &str) -> Read<f64> {
    match portion(text)? {
        limit if limit > HIDDEN_MOST => Err(format!(
            "'{text}' lets the rules hide most of what is compared, so it would be no gate; write a percentage up to {}, \
             such as '5%'",
            percent(HIDDEN_MOST)
        )),
        limit => Ok(limit),
    }
}

/// `95%`: how many of the seeded faults must be noticed.
pub(super) fn of_detected(text: &str) -> Read<f64> {
    match portion(text)? {
        limit if limit < DETECTED_LEAST => Err(format!(
            "'{text}' lets most defects go unnoticed, so it would be no gate; write a percentage from {} on, such as '95%'",
            percent(DETECTED_LEAST)
        )),
        limit => Ok(limit),
    }
}

/// What a policy asks so little of that somebody should look at it again: a sentence each, that begins with the key.
pub fn lax(policy: &Policy) -> Vec<String> {
    let gates = &policy.gates;
    let of = |key: &str, limits: &[EndpointLimit]| -> Vec<(String, f64)> {
        limits.iter().map(|own| (format!("gates.{key}: {}", own.endpoint), own.limit)).collect()
    };
    let whole = [
        ("gates.mismatch_rate.below", gates.mismatch_rate.below),
        ("gates.candidate_errors.below", gates.candidate_errors.below),
        ("gates.loss.below", gates.loss.below),
    ];
    let shares = whole.map(|(key, limit)| (key.to_owned(), limit)).into_iter();
    let shares = shares.chain(of("mismatch_rate.endpoints", &gates.mismatch_rate.endpoints));
    let latencies = [("gates.latency.at_most".to_owned(), gates.latency.at_most)].into_iter();
    let latencies = latencies.chain(of("latency.endpoints", &gates.latency.endpoints));

    let mut told: Vec<String> = shares
        .filter(|(_, limit)| *limit >= MUCH)
        .map(|(key, limit)| {
            let (one, limit) = ((1.0 / limit).round().max(2.0), percent(limit));
            format!("{key}: below {limit} is asked, which about one wrong exchange in {one} would meet; write less")
        })
        .collect();
    told.extend(
        latencies
            .filter(|(_, limit)| *limit > SLOW)
            .map(|(key, limit)| format!("{key}: a candidate may take {limit} times as long as the legacy; write less")),
    );
    let (hidden, detected) = (gates.rules.hidden_at_most, gates.rules.faults_detected);
    if hidden > HIDDEN_MUCH {
        told.push(format!("gates.rules.hidden_at_most: rules may hide {} of all values; write less", percent(hidden)));
    }
    if detected < DETECTED_LITTLE {
        let missed = percent(1.0 - detected);
        told.push(format!("gates.rules.faults_detected: {missed} of the defects may go unnoticed; write more"));
    }
    let confidence = gates.mismatch_rate.confidence;
    if confidence < SURE {
        let wrong = percent(1.0 - confidence);
        told.push(format!("gates.mismatch_rate.confidence: each gate may be wrong {wrong} of the times; write more"));
    }
    told
}

/// As it would be written.
fn percent(share: f64) -> String {
    format!("{}%", (share * 1e6).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_cannot_be_missed_are_refused_with_the_way_out() {
        for (read, good, bad) in [
            (of_share as fn(&str) -> Read<f64>, "49.9%", &["50%", "100%", "75.5%"][..]),
            (of_latency, "100x", &["100.1x", "1000x"]),
            (of_quantile, "p50", &["p49", "p1", "p0.1"]),
            (of_hidden, "50%", &["50.1%", "100%"]),
            (of_detected, "50%", &["49.9%", "0%"]),
        ] {
            assert!(read(good).is_ok(), "{good}");
            for text in bad {
                let message = read(text).unwrap_err();
                assert!(message.contains("would be no gate; write") && message.contains(text), "{message}");
            }
            // What makes no sense at all is refused as before.
            assert!(read("5").is_err() && read("").is_err());
        }
    }

    #[test]
    fn limits_that_ask_little_are_told_with_their_key() {
        assert_eq!(lax(&Policy::default()), Vec::<String>::new());
        let mut policy = Policy::default();
        let gates = &mut policy.gates;
        (gates.mismatch_rate.below, gates.candidate_errors.below, gates.loss.below) = (0.049, 0.05, 0.3);
        let limit = |limit: f64| EndpointLimit { endpoint: "GET /a".parse().unwrap(), limit };
        gates.mismatch_rate.endpoints = vec![limit(0.1), limit(0.001)];
        (gates.latency.at_most, gates.latency.endpoints) = (6.0, vec![limit(5.0), limit(7.0)]);
        (gates.rules.hidden_at_most, gates.rules.faults_detected) = (0.3, 0.7);
        gates.mismatch_rate.confidence = 0.8;
        let told = lax(&policy);
        let keys: Vec<&str> = told.iter().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(
            keys,
            [
                "gates.candidate_errors.below",
                "gates.loss.below",
                "gates.mismatch_rate.endpoints",
                "gates.latency.at_most",
                "gates.latency.endpoints",
                "gates.rules.hidden_at_most",
                "gates.rules.faults_detected",
                "gates.mismatch_rate.confidence",
            ]
        );
        assert!(told[0].contains("below 5% is asked, which about one wrong exchange in 20"), "{}", told[0]);
    }
}
