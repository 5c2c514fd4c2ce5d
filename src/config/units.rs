//! Quantities as people write them. Each carries its unit: a bare number is refused with the way out.

use std::time::Duration;

use jiff::civil::Date;

use super::{ClientMark, Looks, SampleBy, Scope, SlowLimit, Treatment};

/// Most requests in flight. Each costs two file descriptors and up to two bodies of memory.
const MAX_IN_FLIGHT: usize = 4096;

/// Longest time-out of one answer.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Longest time for which a breaker may stay open.
const MAX_PAUSE: Duration = Duration::from_secs(86_400);

/// Most answers that a breaker looks at.
const MAX_WINDOW: u64 = 10_000;

/// Longest window that is judged.
const MAX_OVER: Duration = Duration::from_secs(366 * 86_400);

/// Shortest window: minutes are what is told apart.
const MIN_OVER: Duration = Duration::from_secs(60);

/// Characters of a name.
const MAX_NAME: usize = 100;

/// Characters of what somebody says in a sentence.
const MAX_PROSE: usize = 1000;

/// Largest burst.
pub(super) const MAX_BURST: u64 = 1_000_000;

/// Largest body that may be kept.
pub(super) const MAX_BODY: usize = 1 << 30;

/// What a quantity is, or what is wrong with it and how to write it.
pub(super) type Read<T> = Result<T, String>;

/// `0.1%` as the share 0.001: above 0 and at most 1.
pub(super) fn share(text: &str) -> Read<f64> {
    let percent = number_with(text, "%", "a percentage such as '0.1%'")?;
    if percent <= 0.0 {
        return Err("no share is below 0%; write a small one such as '0.01%'".into());
    }
    if percent > 100.0 {
        return Err(format!("'{text}' is more than everything; write a percentage up to '100%'"));
    }
    Ok(percent / 100.0)
}

/// `5%` as the share 0.05: from 0 to 1, where nothing is a limit too.
pub(super) fn portion(text: &str) -> Read<f64> {
    let percent = number_with(text, "%", "a percentage such as '5%'")?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("'{text}' is no part of a whole; write a percentage from '0%' to '100%'"));
    }
    Ok(percent / 100.0)
}

/// `14d`, from a minute to a year.
pub(super) fn window(text: &str) -> Read<Duration> {
    if decimal(text).is_some() {
        return Err(format!("'{text}' has no unit; write a time such as '14d' or '12h'"));
    }
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("'{text}' is no time ({error}); write one such as '14d' or '12h'"))?;
    match (MIN_OVER..=MAX_OVER).contains(&time) {
        true => Ok(time),
        false => Err(format!("'{text}' is not between 1m and 366d; write a time such as '14d'")),
    }
}

/// `2026-11-20`.
pub(super) fn day(text: &str) -> Read<Date> {
    let day = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    day.ok_or_else(|| format!("'{text}' is no day; write it as '2026-11-20'"))
}

/// A name that can stand in a sentence and in a file name.
pub(super) fn name(text: &str) -> Read<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match (1..=MAX_NAME).contains(&text.len()) && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("'{text}' is no name; write up to {MAX_NAME} letters, digits, '-', '_' and '.'")),
    }
}

/// What somebody says, in one line or a few.
pub(super) fn prose(text: &str) -> Read<String> {
    match text.trim() {
        "" => Err("it is empty; leave it out, or write something".into()),
        said if said.chars().count() > MAX_PROSE => {
            Err(format!("it has more than {MAX_PROSE} characters; write less, and where more can be read"))
        }
        said => Ok(said.to_owned()),
    }
}

/// `address`, or `header NAME`.
pub(super) fn client_mark(text: &str) -> Read<ClientMark> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        ["address"] => Ok(ClientMark::Address),
        ["header", name] => header_name(name).map(ClientMark::Header),
        _ => Err(format!("'{text}' is not known; write 'address' or 'header NAME'")),
    }
}

/// `95%` as 0.95: from 50 % to below 100 %.
pub(super) fn confidence(text: &str) -> Read<f64> {
    let percent = number_with(text, "%", "a percentage such as '95%'")?;
    if (50.0..100.0).contains(&percent) {
        return Ok(percent / 100.0);
    }
    Err(format!(
        "'{text}' is no confidence that can be reached or that says anything; write 50% to 99.99%, such as '95%'"
    ))
}

/// `1.10x` as 1.1: above 0.
pub(super) fn multiple(text: &str) -> Read<f64> {
    let factor = number_with(text, "x", "a multiple such as '1.10x'")?;
    if factor > 0.0 { Ok(factor) } else { Err(format!("'{text}' is no multiple; write one above 0, such as '1.10x'")) }
}

/// `p95` as 0.95, `p99.9` as 0.999.
pub(super) fn quantile(text: &str) -> Read<f64> {
    let percent = text.strip_prefix('p').and_then(decimal).filter(|p| *p > 0.0 && *p < 100.0);
    percent.map(|p| p / 100.0).ok_or_else(|| format!("'{text}' is no quantile; write 'p50', 'p95', 'p99' or 'p99.9'"))
}

/// `500/s` or `30/min` as requests a second.
pub(super) fn rate(text: &str) -> Read<f64> {
    let per_second = match text.strip_suffix("/min") {
        Some(number) => decimal(number.trim_end()).map(|n| n / 60.0),
        None => Some(number_with(text, "/s", "a rate such as '500/s' or '30/min'")?),
    };
    per_second
        .filter(|rate| *rate > 0.0)
        .ok_or_else(|| format!("'{text}' is no rate; write one above 0, such as '500/s' or '30/min'"))
}

/// A time-out for one whole answer: `2s`, `200ms`, `1m 30s`; above nothing and at most ten minutes.
///
/// # Errors
/// What is wrong with the text, and how to write it.
pub fn timeout(text: &str) -> Read<Duration> {
    if decimal(text).is_some() {
        return Err(format!("'{text}' has no unit; write a time such as '2s' or '200ms'"));
    }
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("'{text}' is no time ({error}); write one such as '2s' or '200ms'"))?;
    if time.is_zero() || time > MAX_TIMEOUT {
        let most = humantime::format_duration(MAX_TIMEOUT);
        return Err(format!("'{text}' is not between 1ms and {most}; write a time such as '2s'"));
    }
    Ok(time)
}

/// How long something lasts: `30s`, above nothing and at most a day.
pub(super) fn pause(text: &str) -> Read<Duration> {
    if decimal(text).is_some() {
        return Err(format!("'{text}' has no unit; write a time such as '30s'"));
    }
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("'{text}' is no time ({error}); write one such as '30s'"))?;
    if time.is_zero() || time > MAX_PAUSE {
        let most = humantime::format_duration(MAX_PAUSE);
        return Err(format!("'{text}' is not above nothing and at most {most}; write a time such as '30s'"));
    }
    Ok(time)
}

/// `5x` as a multiple of the legacy's latency, `2s` as a latency.
pub(super) fn slow_limit(text: &str) -> Read<SlowLimit> {
    if decimal(text).is_some() {
        return Err(format!(
            "'{text}' has no unit; write a multiple of the legacy's latency such as '5x', or a time such as '2s'"
        ));
    }
    match text.strip_suffix('x') {
        Some(_) => above_one(text).map(SlowLimit::Multiple),
        None => timeout(text).map(SlowLimit::Absolute),
    }
}

/// `2x` as 2: above 1, because what is as fast as before is not slow.
pub(super) fn above_one(text: &str) -> Read<f64> {
    let factor = multiple(text)?;
    if factor > 1.0 { Ok(factor) } else { Err(format!("'{text}' is not above 1x; write a multiple such as '2x'")) }
}

/// How many of the latest answers the breaker looks at: `20 requests`, from 1 to 10,000.
pub(super) fn requests(text: &str) -> Read<usize> {
    let number = text.strip_suffix("requests").or_else(|| text.strip_suffix("request")).map(str::trim_end);
    let number = number.ok_or_else(|| format!("'{text}' has no unit; write a number such as '20 requests'"))?;
    count(number, MAX_WINDOW, "20 requests").and_then(|n| usize::try_from(n).map_err(|e| e.to_string()))
}

/// `client`, `header NAME` or `cookie NAME`.
pub(super) fn sample_by(text: &str) -> Read<SampleBy> {
    let way_out = "write 'client', 'header NAME' or 'cookie NAME'";
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        ["client"] => Ok(SampleBy::Client),
        ["header", name] => header_name(name).map(SampleBy::Header),
        ["cookie", name] if is_token(name) => Ok(SampleBy::Cookie(name.to_owned())),
        ["cookie", name] => Err(format!("'{name}' is no name of a cookie; {way_out}")),
        _ => Err(format!("'{text}' is not known; {way_out}")),
    }
}

/// A header's name, in small letters.
pub(super) fn header_name(text: &str) -> Read<String> {
    if is_token(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("'{text}' is no name of a header; write one such as 'authorization'"))
}

/// A token as RFC 9110 has it (section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// `$STAGING_TOKEN` as the variable's name. What is written instead is never repeated: it may be the secret itself.
pub(super) fn variable(text: &str) -> Read<String> {
    let name = text.strip_prefix('$').filter(|name| {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        begins && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    name.map(str::to_owned).ok_or_else(|| {
        "a credential stands in the environment and never in this file; write the name of a variable, such as \
         '$STAGING_TOKEN'"
            .into()
    })
}

/// `16MiB` as bytes.
pub(super) fn size(text: &str) -> Read<usize> {
    const UNITS: &[(&str, f64)] = &[
        ("KiB", 1024.0),
        ("MiB", 1048576.0),
        ("GiB", 1073741824.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("B", 1.0),
    ];
    let out = "a size such as '16MiB', '512KiB' or '4096B'";
    if decimal(text).is_some() {
        return Err(format!("'{text}' has no unit; write {out}"));
    }
    let bytes = UNITS
        .iter()
        .find_map(|(unit, factor)| Some(decimal(text.strip_suffix(unit)?.trim_end())? * factor))
        .ok_or_else(|| format!("'{text}' is no size; write {out}"))?;
    if !(1.0..=MAX_BODY as f64).contains(&bytes) {
        return Err(format!("'{text}' is not between 1B and {}GiB; write {out}", MAX_BODY >> 30));
    }
    Ok(bytes as usize)
}

/// A whole number from 1 to `most`.
pub(super) fn count(text: &str, most: u64, example: &str) -> Read<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|n| digits && (1..=most).contains(n));
    number.ok_or_else(|| format!("'{text}' is no whole number from 1 to {most}; write one such as '{example}'"))
}

/// How many requests may be in flight at once: from 1 to 4096.
///
/// # Errors
/// What is wrong with the text, and how to write it.
pub fn in_flight(text: &str) -> Read<usize> {
    count(text, MAX_IN_FLIGHT as u64, "64").and_then(|number| usize::try_from(number).map_err(|e| e.to_string()))
}

/// A method that may be sent without being opened by an endpoint.
pub(super) fn method(text: &str) -> Read<String> {
    let capitals = text.to_ascii_uppercase();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return Err(format!("'{text}' is no method; write one such as 'GET'"));
    }
    if text != capitals {
        return Err(format!("methods are case-sensitive (RFC 9110, section 9.1); write '{capitals}'"));
    }
    if text == "CONNECT" {
        return Err("a tunnel cannot be asked again; leave 'CONNECT' out".into());
    }
    Ok(capitals)
}

/// `read` or `sandboxed`.
pub(super) fn treatment(text: &str) -> Read<Treatment> {
    match text {
        "read" => Ok(Treatment::Read),
        "sandboxed" => Ok(Treatment::Sandboxed),
        _ => Err(format!(
            "'{text}' is not known; write 'read' where the request only reads, or 'sandboxed' where the candidate discards \
             what it did and answers 'Shadow-Effects: discarded'"
        )),
    }
}

/// `endpoint` or `whole`.
pub(super) fn scope(text: &str) -> Read<Scope> {
    match text {
        "endpoint" => Ok(Scope::Endpoint),
        "whole" => Ok(Scope::Whole),
        _ => Err(format!("'{text}' is not known; write 'whole' (the default) or 'endpoint'")),
    }
}

pub(super) fn looks(text: &str) -> Read<Looks> {
    match text {
        "once" => Ok(Looks::Once),
        "any" => Ok(Looks::Any),
        _ => Err(format!("'{text}' is not known; write 'once' or 'any'")),
    }
}

fn number_with(text: &str, unit: &str, example: &str) -> Read<f64> {
    if decimal(text).is_some() {
        return Err(format!("'{text}' has no unit; write {example}"));
    }
    let number = text.strip_suffix(unit).and_then(|number| decimal(number.trim_end()));
    number.ok_or_else(|| format!("'{text}' is not understood; write {example}"))
}

/// A number in plain decimal notation.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_units() {
        assert_eq!(share("0.1%"), Ok(0.001));
        assert_eq!(share("100 %"), Ok(1.0));
        assert_eq!(confidence("95%"), Ok(0.95));
        assert_eq!(multiple("1.10x"), Ok(1.1));
        assert_eq!((quantile("p95"), quantile("p99.9")), (Ok(0.95), Ok(0.9990000000000001)));
        assert_eq!((rate("500/s"), rate("30/min")), (Ok(500.0), Ok(0.5)));
        assert_eq!((timeout("2s"), timeout("1m 30s")), (Ok(Duration::from_secs(2)), Ok(Duration::from_secs(90))));
        assert_eq!((size("16MiB"), size("1 kB"), size("7B")), (Ok(16 << 20), Ok(1000), Ok(7)));
        assert_eq!(count("64", 100, "1"), Ok(64));
        assert_eq!((pause("30s"), requests("20 requests")), (Ok(Duration::from_secs(30)), Ok(20)));
        assert_eq!(slow_limit("5x"), Ok(SlowLimit::Multiple(5.0)));
        assert_eq!(slow_limit("2s"), Ok(SlowLimit::Absolute(Duration::from_secs(2))));
        assert_eq!(sample_by("client"), Ok(SampleBy::Client));
        assert_eq!(sample_by("header X-User"), Ok(SampleBy::Header("x-user".into())));
        assert_eq!(sample_by("cookie SID"), Ok(SampleBy::Cookie("SID".into())), "cookies tell capitals apart");
        assert_eq!(variable("$STAGING_TOKEN"), Ok("STAGING_TOKEN".into()));
    }

    fn refusals<T: std::fmt::Debug>(read: impl Fn(&str) -> Read<T>, cases: &[(&str, &str)]) {
        for (text, why) in cases {
            let message = read(text).unwrap_err();
            assert!(message.contains(why) && message.contains("write"), "{text}: {message}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_the_way_out() {
        refusals(share, &[("0.1", "'0.1' has no unit; write a percentage such as '0.1%'")]);
        refusals(confidence, &[("95", "has no unit")]);
        refusals(multiple, &[("1.1", "has no unit; write a multiple such as '1.10x'")]);
        refusals(rate, &[("500", "has no unit; write a rate such as '500/s'")]);
        refusals(timeout, &[("2", "has no unit; write a time such as '2s'")]);
        refusals(size, &[("16", "has no unit; write a size such as '16MiB'")]);
        refusals(quantile, &[("95", "no quantile"), ("0.95", "no quantile")]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_way_out() {
        refusals(
            share,
            &[
                ("0%", "below 0%"),
                ("-1%", "below 0%"),
                ("101%", "more than"),
                ("1e3%", "not understood"),
                ("", "not understood"),
            ],
        );
        refusals(confidence, &[("100%", "can be reached"), ("5%", "can be reached"), ("nan%", "not understood")]);
        refusals(multiple, &[("0x", "above 0"), ("x", "not understood"), ("infx", "not understood")]);
        refusals(rate, &[("0/s", "above 0"), ("x/min", "no rate"), ("5/h", "not understood")]);
        refusals(timeout, &[("0s", "not between"), ("1h", "not between"), ("2 parsecs", "no time")]);
        refusals(size, &[("0B", "not between"), ("2GiB", "not between"), ("5MIB", "no size"), ("x", "no size")]);
        refusals(quantile, &[("p100", "no quantile"), ("p0", "no quantile"), ("p", "no quantile")]);
        refusals(|t| count(t, 9, "5"), &[("0", "from 1 to 9"), ("10", "from 1 to 9"), ("+1", "whole"), ("", "whole")]);
        refusals(scope, &[("all", "not known")]);
        refusals(looks, &[("twice", "write 'once' or 'any'")]);
        refusals(pause, &[("30", "has no unit"), ("0s", "above nothing"), ("2days", "at most 1day"), ("x", "no time")]);
        refusals(slow_limit, &[("5", "has no unit"), ("1x", "above 1x"), ("0s", "not between"), ("fast", "no time")]);
        refusals(requests, &[("20", "has no unit"), ("0 requests", "from 1 to"), ("x requests", "whole")]);
        refusals(
            sample_by,
            &[("session", "not known"), ("header", "not known"), ("cookie a;b", "no name of a cookie")],
        );
        refusals(header_name, &[("", "no name"), ("a b", "no name"), ("ä", "no name")]);
        for secret in ["Bearer hunter2", "hunter2", "$", "$1A", "${A}", "$A B"] {
            let message = variable(secret).unwrap_err();
            assert!(message.contains("write the name of a variable") && !message.contains("hunter2"), "{message}");
        }
        refusals(treatment, &[("write", "not known")]);
        refusals(method, &[("get", "write 'GET'"), ("G T", "no method"), ("", "no method")]);
        assert!(method("CONNECT").unwrap_err().contains("leave 'CONNECT' out"));
    }
}
