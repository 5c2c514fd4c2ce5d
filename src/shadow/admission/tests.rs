use proptest::prelude::*;

use super::*;
use crate::config::{self, OpenEndpoint, SampleBy, SlowLimit, Treatment, When};
use crate::exchange::{Answer, Body, Carried, Failed, Moments, Request, Response, Timestamp, Version};
use crate::shadow::breaker::BreakerState;
use crate::shadow::{Secrets, safety};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn response(status: u16, headers: &[(&str, &str)]) -> Response {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Response { version: Version::Http11, status, headers, body: Body::default(), interim: vec![] }
}

/// Answered by the legacy with 200 within 10 ms.
fn exchange(line: &str, client: &str, headers: &[(&str, &str)]) -> Exchange {
    let (method, target) = line.split_once(' ').unwrap();
    let request = Request {
        method: method.into(),
        target: target.to_owned().into(),
        version: Version::Http11,
        headers: headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
        body: Body::default(),
    };
    Exchange {
        client: client.parse().unwrap(),
        server: "192.0.2.1:80".parse().unwrap(),
        request: Some(request),
        response: Some(response(200, &[])),
        interim_only: Vec::new(),
        incomplete: None,
        moments: Moments {
            request_end: Some(Timestamp(0)),
            response_end: Some(Timestamp(10_000_000)),
            ..Moments::default()
        },
    }
}

fn get() -> Exchange {
    exchange("GET /a", "192.0.2.9:4000", &[])
}

fn safety_with(change: impl FnOnce(&mut Safety)) -> Safety {
    let open = |endpoint: &str, treatment| OpenEndpoint { endpoint: endpoint.parse().unwrap(), treatment };
    let mut safety = Safety {
        endpoints: vec![
            open("POST /search", Treatment::Read),
            open("POST /orders", Treatment::Sandboxed),
            open("PUT /orders/{id}", Treatment::Sandboxed),
        ],
        breaker: config::Breaker { when: When::Never, ..config::Breaker::default() },
        backoff: config::Backoff { when: When::Never, ..config::Backoff::default() },
        ..Safety::default()
    };
    change(&mut safety);
    safety
}

fn request(exchange: &Exchange, policy: &Safety) -> ShadowRequest {
    safety::decide(exchange, policy, &Secrets::default()).unwrap()
}

fn asked(candidate: Result<Response, Failure>, millis: u64) -> Asked {
    let candidate = match candidate {
        Ok(response) => Ok(Answer { response, latency: ms(millis) }),
        Err(failure) => Err(Failed { failure, after: ms(millis) }),
    };
    Asked { candidate, legacy: None, credentials: Carried::Nothing }
}

/// One run with its policy, played by hand.
struct Run {
    policy: Safety,
    admission: Admission,
}

impl Run {
    fn new(live: bool, change: impl FnOnce(&mut Safety)) -> Run {
        let policy = safety_with(change);
        Run { admission: Admission::new(&policy, live), policy }
    }

    fn admit(&mut self, exchange: &Exchange, at: u64) -> Result<(), Skip> {
        self.admission.admit(exchange, &request(exchange, &self.policy), ms(at))
    }

    fn hear(&mut self, exchange: &Exchange, candidate: Result<Response, Failure>, millis: u64, at: u64) {
        let heard = Heard::of(&request(exchange, &self.policy), &asked(candidate, millis), exchange);
        self.admission.heard(&heard, ms(at));
    }
}

#[test]
fn a_recorded_capture_is_held_back_by_nothing_but_what_the_policy_names() {
    let mut run = Run::new(false, |safety| {
        safety.limits.rate = Some(1.0);
        safety.breaker.when = When::Live;
        safety.backoff.when = When::Live;
    });
    for _ in 0..100 {
        assert_eq!(run.admit(&get(), 0), Ok(()), "the pacer makes it wait");
        run.hear(&get(), Err(Failure::Timeout), 2_000, 0);
    }
    let standing = run.admission.standing();
    assert_eq!((standing.breaker, standing.rate, standing.backing_off), (None, Some(1.0), false));
}

#[test]
fn a_live_source_is_skipped_past_the_rate_and_its_burst() {
    let mut run = Run::new(true, |safety| {
        safety.limits.rate = Some(10.0);
        safety.limits.burst = Some(3);
    });
    let outcomes: Vec<_> = (0..5).map(|_| run.admit(&get(), 0)).collect();
    assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Err(Skip::RateLimited), Err(Skip::RateLimited)]);
    assert_eq!(run.admit(&get(), 99), Err(Skip::RateLimited));
    assert_eq!(run.admit(&get(), 100), Ok(()));
}

#[test]
fn the_breaker_opens_on_what_is_heard_and_is_told_in_the_standing() {
    let errors = [Err(Failure::Connect), Err(Failure::Timeout), Ok(response(500, &[])), Ok(response(429, &[]))];
    for error in errors {
        let mut run = Run::new(true, |safety| {
            safety.breaker = config::Breaker { when: When::Live, over: 4, open_for: ms(1000), ..Default::default() };
        });
        for round in 0..4 {
            assert_eq!(run.admit(&get(), round), Ok(()), "{error:?}");
            run.hear(&get(), error.clone(), 20, round);
        }
        assert_eq!(run.admit(&get(), 900), Err(Skip::BreakerOpen), "{error:?}");
        let standing = run.admission.standing().breaker.unwrap();
        assert_eq!((standing.state, standing.opened, standing.open_time), (BreakerState::Open, 1, ms(897)));
        for _ in 0..3 {
            assert_eq!(run.admit(&get(), 1100), Ok(()));
            assert_eq!(run.admit(&get(), 1100), Err(Skip::BreakerOpen), "one probe at a time");
            run.hear(&get(), Ok(response(200, &[])), 20, 1100);
        }
        assert_eq!(run.admission.standing().breaker.unwrap().state, BreakerState::Closed);
    }
}

#[test]
fn what_the_legacy_failed_too_and_what_broke_the_agreement_are_no_errors_of_load() {
    let mut failing = get();
    failing.response = Some(response(500, &[]));
    let post = exchange("POST /orders", "192.0.2.9:4000", &[]);
    let open = safety_with(|_| {});
    let error =
        |exchange: &Exchange, candidate| Heard::of(&request(exchange, &open), &asked(candidate, 5), exchange).error;
    assert!(!error(&failing, Ok(response(500, &[]))) && error(&get(), Ok(response(500, &[]))));
    assert!(!error(&get(), Ok(response(404, &[]))) && !error(&post, Err(Failure::EffectsNotDiscarded)));
    let live = Answer { response: response(500, &[]), latency: ms(70) };
    let both = Asked { legacy: Some(Ok(live)), ..asked(Ok(response(500, &[])), 5) };
    let heard = Heard::of(&request(&get(), &open), &both, &get());
    assert_eq!((heard.error, heard.reference), (false, Some(ms(70))), "the live legacy is the reference");
    assert_eq!(Heard::of(&request(&get(), &open), &asked(Ok(response(200, &[])), 5), &get()).reference, Some(ms(10)));
}

#[test]
fn a_slow_candidate_opens_the_breaker_by_latency() {
    let mut run = Run::new(true, |safety| {
        safety.breaker.when = When::Live;
        safety.breaker.over = 4;
        safety.breaker.latency = SlowLimit::Multiple(5.0);
    });
    for _ in 0..4 {
        run.admit(&get(), 0).unwrap();
        run.hear(&get(), Ok(response(200, &[])), 51, 0);
    }
    assert_eq!(run.admit(&get(), 1), Err(Skip::BreakerOpen));
}

#[test]
fn backing_off_is_another_reason_than_the_rate_and_shows_in_the_standing() {
    let mut run = Run::new(true, |safety| safety.backoff.when = When::Live);
    for second in 1..=3_u64 {
        let latency = if second == 1 { 30 } else { 300 };
        for n in 0..100 {
            let at = second * 1000 + n * 10;
            if run.admit(&get(), at).is_ok() {
                run.hear(&get(), Ok(response(200, &[])), latency, at);
            }
        }
    }
    let standing = run.admission.standing();
    assert!(standing.backing_off && standing.rate.is_some_and(|rate| rate <= 50.0), "{standing:?}");
    let skipped: Vec<Skip> = (0..100).filter_map(|n| run.admit(&get(), 4000 + n * 10).err()).collect();
    assert!(skipped.len() >= 50 && skipped.iter().all(|skip| *skip == Skip::BackingOff), "{skipped:?}");
}

#[test]
fn a_sample_keeps_each_client_or_session_whole() {
    let by = |by| Run::new(true, |safety| safety.sample = Some(Sample { share: 0.3, by }));
    let mut run = by(SampleBy::Client);
    let mut inside = 0;
    for n in 0..1000_u32 {
        let ip = std::net::Ipv4Addr::from(0x0a00_0000 + n);
        let of = |port: u16| exchange("GET /a", &format!("{ip}:{port}"), &[("X-User", "u"), ("Cookie", "sid=7")]);
        let first = run.admit(&of(1), 0);
        assert!((2..9).all(|port| run.admit(&of(port), 0) == first), "{ip}: every connection of a client alike");
        inside += u32::from(first.is_ok());
    }
    assert!((250..350).contains(&inside), "{inside} of 1,000 at 30%");

    for (mut run, header) in
        [(by(SampleBy::Header("x-user".into())), "X-User"), (by(SampleBy::Cookie("sid".into())), "Cookie")]
    {
        let mut inside = 0;
        for n in 0..1000 {
            let value = if header == "Cookie" { format!("sid2=x; sid=s{n}; a=b") } else { format!("s{n}") };
            let of = |client: &str| exchange("GET /a", client, &[(header, &value)]);
            let first = run.admit(&of("192.0.2.1:1"), 0);
            assert!(["192.0.2.2:1", "[2001:db8::1]:5"].iter().all(|client| run.admit(&of(client), 0) == first));
            inside += u32::from(first.is_ok());
        }
        assert!((250..350).contains(&inside), "{header}: {inside} of 1,000 at 30%");
        // Without a session the client decides, however its address is written.
        let bare = |client: &str| exchange("GET /a", client, &[]);
        assert_eq!(run.admit(&bare("10.0.0.7:1"), 0), Ok(()), "0x130e4dab of 2^32 is 7.4%, as the page says");
        assert_eq!(run.admit(&bare("[::ffff:10.0.0.7]:1"), 0), Ok(()));
        assert_eq!(run.admit(&bare("10.0.0.1:1"), 0), run.admit(&bare("10.0.0.1:2"), 0));
    }
    let mut all = Run::new(true, |safety| safety.sample = Some(Sample { share: 1.0, by: SampleBy::Client }));
    assert!((0..255).all(|n| all.admit(&exchange("GET /a", &format!("10.0.1.{n}:1"), &[]), 0).is_ok()));
}

#[test]
fn the_sample_is_the_same_in_every_version() {
    let sample = Sample { share: 0.1, by: SampleBy::Client };
    let inside = |ip: &str| sample::holds(&sample, &exchange("GET /a", &format!("{ip}:1"), &[]));
    let found: Vec<_> = (0..40).map(|n| format!("10.0.0.{n}")).filter(|ip| inside(ip)).collect();
    assert_eq!(found, EXPECTED_SAMPLE);
}

/// `for n in $(seq 0 39); do printf "10.0.0.$n $(printf 10.0.0.$n | sha256sum)\n"; done | awk '$2 < "1999999999999999"'`
const EXPECTED_SAMPLE: [&str; 6] = ["10.0.0.4", "10.0.0.5", "10.0.0.7", "10.0.0.22", "10.0.0.31", "10.0.0.38"];

fn effects(said: &[&'static str]) -> Response {
    response(201, &said.iter().map(|value| ("Shadow-Effects", *value)).collect::<Vec<_>>())
}

#[test]
fn the_first_sandboxed_write_goes_alone_until_an_answer_has_kept_the_agreement() {
    let mut run = Run::new(false, |_| {});
    let (post, put) = (exchange("POST /orders", "192.0.2.9:1", &[]), exchange("PUT /orders/7", "192.0.2.9:1", &[]));
    assert_eq!(run.admit(&post, 0), Ok(()));
    assert_eq!(run.admit(&post, 1), Err(Skip::SandboxTrial));
    assert_eq!(run.admit(&put, 1), Ok(()), "each endpoint proves by itself");
    assert_eq!(run.admit(&exchange("POST /search", "192.0.2.9:1", &[]), 1), Ok(()), "what reads has no trial");
    run.hear(&post, Ok(effects(&["Discarded "])), 5, 2);
    assert!((0..50).all(|_| run.admit(&post, 3).is_ok()));
    assert_eq!(run.admit(&put, 3), Err(Skip::SandboxTrial));
    run.hear(&post, Err(Failure::Timeout), 5, 4);
    assert_eq!(run.admit(&post, 5), Ok(()), "a proven endpoint may time out");
    run.hear(&post, Ok(effects(&[])), 5, 6);
    assert_eq!(run.admit(&post, 7), Err(Skip::SandboxClosed));
    run.hear(&post, Ok(effects(&["discarded"])), 5, 8);
    assert_eq!(run.admit(&post, 9), Err(Skip::SandboxClosed), "for good");
    let closed = ClosedSandbox { endpoint: "POST /orders".into(), why: sandbox::SandboxClosing::NotDiscarded };
    assert_eq!(run.admission.standing().closed_sandboxes, [closed]);
}

#[test]
fn what_the_first_answer_says_decides() {
    for (name, heard, then) in [
        ("kept", Ok(effects(&["discarded"])), Ok(())),
        ("kept twice", Ok(effects(&["discarded", "DISCARDED"])), Ok(())),
        ("silent", Ok(effects(&[])), Err(Skip::SandboxClosed)),
        ("other words", Ok(effects(&["kept"])), Err(Skip::SandboxClosed)),
        ("both ways", Ok(effects(&["discarded", "kept"])), Err(Skip::SandboxClosed)),
        ("refused silently", Ok(response(401, &[])), Err(Skip::SandboxClosed)),
        ("time-out", Err(Failure::Timeout), Err(Skip::SandboxClosed)),
        ("reset", Err(Failure::Closed), Err(Skip::SandboxClosed)),
        ("nonsense", Err(Failure::Malformed), Err(Skip::SandboxClosed)),
        ("not discarded", Err(Failure::EffectsNotDiscarded), Err(Skip::SandboxClosed)),
        ("no connection: nothing was written", Err(Failure::Connect), Ok(())),
    ] {
        let mut run = Run::new(false, |_| {});
        let post = exchange("POST /orders", "192.0.2.9:1", &[]);
        run.admit(&post, 0).unwrap();
        run.hear(&post, heard, 5, 1);
        assert_eq!(run.admit(&post, 2), then, "{name}");
    }
}

#[test]
fn a_request_that_was_held_back_by_something_else_is_no_trial() {
    let mut run = Run::new(true, |safety| {
        safety.limits.rate = Some(1.0);
        safety.limits.burst = Some(1);
    });
    let post = exchange("POST /orders", "192.0.2.9:1", &[]);
    assert_eq!(run.admit(&get(), 0), Ok(()));
    assert_eq!(run.admit(&post, 0), Err(Skip::RateLimited));
    assert_eq!(run.admit(&post, 1000), Ok(()), "it was not counted as under way");
    run.admission.unsent(&request(&post, &run.policy));
    assert_eq!(run.admit(&post, 2000), Ok(()), "nor is one that was taken back");
    assert_eq!(run.admit(&post, 3000), Err(Skip::SandboxTrial));
}

#[derive(Debug, Clone)]
enum Event {
    Admit(usize),
    /// One of those under way has ended so, or was taken back.
    End(prop::sample::Index, usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..2_usize).prop_map(Event::Admit),
        2 => (any::<prop::sample::Index>(), 0..6_usize).prop_map(|(which, how)| Event::End(which, how)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: an endpoint that has never kept the agreement gets one write at most, and
    /// one that has broken it gets none any more.
    #[test]
    fn no_sequence_of_events_lets_a_second_unproven_write_out(events in prop::collection::vec(event(), 1..80)) {
        let mut run = Run::new(true, |safety| {
            safety.breaker = config::Breaker { when: When::Always, over: 7, open_for: ms(3), ..Default::default() };
        });
        let posts = ["POST /orders", "PUT /orders/9"].map(|line| exchange(line, "192.0.2.9:1", &[]));
        // Of each endpoint: writes that went out or may have, whether one was answered well, whether one was not.
        let (mut writes, mut proven, mut broken) = ([0_u32; 2], [false; 2], [false; 2]);
        let mut under_way: Vec<usize> = Vec::new();
        for (at, event) in events.into_iter().enumerate() {
            match event {
                Event::Admit(which) => {
                    if run.admit(&posts[which], at as u64).is_ok() {
                        prop_assert!(!broken[which], "a write after the agreement was broken");
                        prop_assert!(proven[which] || writes[which] == 0, "a second unproven write");
                        writes[which] += 1;
                        under_way.push(which);
                    }
                }
                Event::End(index, how) if !under_way.is_empty() => {
                    let which = under_way.swap_remove(index.index(under_way.len()));
                    let outcome = match how {
                        0 | 1 => { proven[which] = true; Ok(effects(&["discarded"])) }
                        2 => { broken[which] = true; Ok(effects(&[])) }
                        3 => Err(Failure::Timeout),
                        4 => { writes[which] -= 1; Err(Failure::Connect) }
                        _ => {
                            writes[which] -= 1;
                            run.admission.unsent(&request(&posts[which], &run.policy));
                            continue;
                        }
                    };
                    run.hear(&posts[which], outcome, 5, at as u64);
                }
                Event::End(..) => {}
            }
        }
    }
}
