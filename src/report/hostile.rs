//! What a client or a server may send to harm whoever reads the report: one list for every renderer, and a run that has
//! one of them in every place that is captured or written by somebody else. Only for tests.

use std::sync::Arc;
use std::time::Duration;

use super::tests::note;
use crate::config::{ChecklistItem, Policy, Scope, Signature};
use crate::exchange::{
    AdmissionNote, BreakerNote, Difference, DifferenceKind, Endpoint, EndpointChange, EpochBooks, EpochNote, Failure,
    Incomplete, Location, Move, Outcome, OverheadNote, Rescored, RuleAnswer, RuleNote, Segment, Skip, SpanNote,
    StretchNote,
};
use crate::faults::{
    Counted, Depth, EndpointTrial, FaultKind, Finding, Flaw, Hider, Hides, RuleAudit, Trial, Unnoticed,
};
use crate::ledger::{Counts, LossRow, SizeClass};
use crate::report::RunFacts;
use crate::suggest::Feature;
use crate::suggest::explain::{Condition, Explained, Explanation, Is};
use crate::tally::Snapshot;
use crate::tally::invented::{Invented, endpoint, tally_of};

/// Each by a name.
pub(crate) const PAYLOADS: &[(&str, &str)] = &[
    ("harmless", "owned"),
    ("script", "<script>alert('owned')</script>\"'><img src=x onerror=alert(1)>"),
    ("attribute", "\" onload=\"alert(1)\" owned='"),
    ("end of elements", "</code></pre></td></table></details></summary></style></title><svg onload=alert(1)>owned"),
    ("comment", "--><b>owned</b><!--"),
    ("entities", "&lt;b&gt;owned&#x3c;b&#62;&amp;&nbsp;"),
    (
        "links",
        "[owned](javascript:alert(1)) ![owned](https://evil.example/p.png) <https://evil.example/owned> [owned]: x",
    ),
    ("autolinks", "https://evil.example/owned www.evil.example owned@evil.example ftp://owned xmpp:owned@x"),
    ("mentions", "@owned/team #1 GH-1 owned/repo#1 !1 5d41402abc4b2a76b9719d911017c592aabbccdd GHSA-owne-dowd-eeee"),
    ("emphasis", "**owned** __owned__ ~~owned~~ _owned_ *owned* $owned$ $$owned$$ :owned: [^1] [ ] owned==owned=="),
    ("blocks", "\n\n# owned\n\n- owned\n1. owned\n\n> owned\n\n---\n\n    owned\n\n```\nowned\n~~~\nowned\n"),
    ("heading below", "owned\n===\nowned\n---\n"),
    ("table", "| owned | \\| owned \\\\| owned |\n|---|---|\n| owned | owned |"),
    ("backticks", "`owned` ``owned`` ````owned` \\`owned\\`"),
    ("one backtick", "`"),
    ("blanks", "   "),
    ("details", "</details>\n\n<details open><summary>owned</summary>\n\n"),
    ("comment of Markdown", "<!-- owned\n\n-->\n<?owned\n<!owned\n<![CDATA[owned"),
    ("colours", "\u{1b}[2J\u{1b}[31mowned\u{1b}[0m"),
    (
        "title of the terminal",
        "\u{1b}]0;owned\u{7}\u{1b}]8;;https://evil.example\u{1b}\\owned\u{1b}]8;;\u{1b}\\\u{1b}P+q\u{1b}\\",
    ),
    ("controls of eight bits", "\u{9b}31mowned\u{9d}0;owned\u{9c}\u{90}\u{85}"),
    ("other way", "\u{202e}dedwo\u{202c}\u{2066}\u{2069}\u{200f}\u{61c}"),
    ("no width", "ow\u{200b}n\u{2060}e\u{feff}d\u{ad}\u{e0041}\u{e000}\u{3164}"),
    (
        "stacked",
        "o\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}w\u{489}n\u{20dd}e日本語\u{1f468}\u{200d}\u{1f469}d",
    ),
    ("formula =", "=cmd|'/c calc'!A1"),
    ("formula +", "+1+cmd|owned"),
    ("formula -", "-1+cmd|owned"),
    ("formula @", "@SUM(1+1)*owned"),
    ("formula behind a tab", "\t=1+1"),
    ("formula behind a return", "\r=1+1"),
    ("formula of full width", "\u{ff1d}1+1"),
    ("formula behind blanks", "  =HYPERLINK(\"https://evil.example\",\"owned\")"),
    ("cells", "owned\",=1+1,\"owned\r\n=1+1;=1+1\t=1+1"),
    ("XML", "]]><![CDATA[owned]]><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>&y;<?owned ?><owned/>"),
    ("no XML", "\u{fffe}\u{ffff}\u{b}\u{c}\u{1}\u{1f}\u{7f}owned"),
    ("JSON", "\"},\"owned\":{\"a\":\"\\u0000\\"),
    ("templates", "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> %{owned} {% owned %} ${{ secrets.OWNED }} ${jndi:ldap://owned}"),
    (
        "commands of CI",
        "::set-output name=owned::1\n::add-mask::owned\n##[group]owned ##vso[task.setvariable variable=a]owned",
    ),
    (
        "command in a long line",
        "0123456789012345678901234567890123456789 ::add-mask::owned 0123456789012345678901234567890 ::stop-commands::owned",
    ),
    ("shell", "$(owned) `owned` ;owned |owned >owned\\"),
    ("lines", "owned\r\nowned\nowned\rowned\u{2028}owned\u{2029}owned\u{85}owned\u{b}owned"),
    ("NUL", "owned\0owned\0"),
    ("format", "%s%n%x owned {} {0} {owned}"),
];

/// The same, and what is long.
pub(crate) fn payloads() -> impl Iterator<Item = (String, String)> {
    let long = [
        ("long word", "x".repeat(40_000)),
        ("long lines", "owned\n".repeat(4_000)),
        ("long and wide", "日本語".repeat(5_000)),
        ("many backticks", "`".repeat(5_000)),
        ("many bars", "|\\".repeat(5_000)),
        ("many brackets", "[<(".repeat(5_000)),
    ];
    let listed = PAYLOADS.iter().map(|(name, payload)| ((*name).to_owned(), (*payload).to_owned()));
    listed.chain(long.into_iter().map(|(name, payload)| (name.to_owned(), payload)))
}

/// What a run consists of that is to be shown.
pub(super) struct Run {
    pub(super) snapshot: Snapshot,
    pub(super) policy: Policy,
    pub(super) facts: RunFacts,
    pub(super) rules: Vec<RuleNote>,
}

/// A run with `payload` in every place.
pub(super) fn run(payload: &str) -> Run {
    let mut rule = note("rule", payload);
    rule.id = payload.into();
    (rule.owner, rule.at, rule.source, rule.expires) = (payload.into(), payload.into(), payload.into(), payload.into());
    let mut expired = note("old", payload);
    expired.expired = true;
    Run { snapshot: snapshot(payload), policy: policy(payload), facts: facts_of(payload), rules: vec![rule, expired] }
}

fn snapshot(payload: &str) -> Snapshot {
    let mut one = Invented::new(0, 0);
    one.comparison.outcome = Outcome::Mismatched;
    let difference = |at| Difference {
        at,
        kind: DifferenceKind::Value,
        legacy: Some(payload.into()),
        candidate: Some(payload.into()),
        rule: None,
    };
    let json = vec![Segment::Key(payload.into()), Segment::Key("a".into())];
    one.comparison.differences = [Location::Json(json), Location::Header(payload.into())].map(difference).to_vec();
    let mut example = one.example();
    example.request = format!("GET /{payload}");
    example.legacy = format!("{payload}\n{payload}");
    example.candidate = format!("other\n{payload}");
    example.patch = Some(format!("{payload}\n{payload}"));
    example.text_diff = Some(payload.into());
    example.started = Some(payload.into());
    let mut tally = tally_of(&[]);
    tally.absorb(&one.observation, &one.comparison, &Default::default(), || example);
    let mut failed = Invented::new(1, 1).failed(Failure::Closed, Duration::from_secs(1));
    failed.observation.exchange.request.as_mut().unwrap().target = payload.to_owned().into();
    failed.absorbed_by(&mut tally);
    Invented::new(2, 2).skipped(Skip::UnsafeMethod).absorbed_by(&mut tally);
    Invented::new(3, 1).differing(0, "x", Some((payload, RuleAnswer::Accept))).absorbed_by(&mut tally);
    let mut endpoints = ["GET /a", "GET /b", "POST /c", "DELETE /d"].map(|text| {
        let mut endpoint = endpoint(text);
        endpoint.template.push_str(payload);
        endpoint
    });
    // Some lists begin with an endpoint, so its method must be hostile too.
    endpoints[1].method = payload.to_owned();
    endpoints[2].method = payload.to_owned();
    let mut snapshot = tally.snapshot(&endpoints, Default::default(), Default::default());
    snapshot.ledger.capture.damage.push(payload.into());
    snapshot.ledger.wire.evicted.insert(payload.to_owned().into(), 3);
    let conditions = vec![
        Condition { is: Is::Value(payload.into()), feature: Feature::Query(payload.into()) },
        Condition { is: Is::Absent, feature: Feature::Header(payload.into()) },
    ];
    let explanation =
        Explanation { conditions: conditions.clone(), alike: conditions, of_mismatches: 1.0, ..Explanation::default() };
    let failed = &mut snapshot.failures[0];
    (failed.first_seen, failed.last_seen) = (Some(payload.into()), Some(format!("{payload} later")));
    let example = Arc::make_mut(&mut failed.example);
    (example.request, example.status, example.candidate) = (format!("GET /{payload}"), (200, 500), payload.into());
    example.asked.headers = vec![("x-asked".into(), payload.into())];
    example.asked.left_out = vec![payload.into()];
    snapshot.groups[0].explained = Some(Explained { explanations: vec![explanation], ..Explained::default() });
    snapshot.epoch = EpochBooks { build: Some(payload.into()), number: 1, of: 2, ..EpochBooks::default() };
    let used = &mut snapshot.rules[0];
    (used.sample_legacy, used.sample_candidate) = (Some(payload.into()), Some(payload.into()));
    used.sample_place = payload.into();
    let mut incomplete = Counts::default();
    incomplete.add_many(Incomplete::Gap, 12);
    let endpoint = Some(Endpoint { method: payload.into(), template: payload.into() });
    snapshot.ledger.losses = vec![LossRow { endpoint, size: SizeClass::Larger, complete: 88, incomplete, shed: 3 }];
    snapshot.trial = Some(trial(payload));
    (snapshot.first, snapshot.last) = (Some(payload.into()), Some(payload.into()));
    snapshot
}

fn trial(payload: &str) -> Trial {
    let hides = Hides { hidden: 90, loose: 3 };
    let by_rule = [(Arc::from(payload), hides)].into();
    let depth = Depth { values: 100, hidden: 90, loose: 3, by_rule };
    let unnoticed = Unnoticed {
        fault: FaultKind::ALL[0],
        place: payload.into(),
        hidden_by: Hider::Rule(payload.into()),
        faults: 40,
    };
    let one = EndpointTrial {
        endpoint: Endpoint { method: payload.into(), template: payload.into() },
        specimens: 10,
        sound: 10,
        faults: [(FaultKind::ALL[0], Counted { seeded: 50, noticed: 10 })].into(),
        unnoticed: vec![unnoticed],
        depth: depth.clone(),
    };
    let audit = RuleAudit {
        id: payload.into(),
        differences: 1,
        exchanges: 1,
        specimens: 1,
        needed: 1,
        values: hides,
        share: Some(0.9),
        faults_hidden: 40,
        findings: vec![Finding { flaw: Flaw::ALL[0], why: payload.into() }],
    };
    Trial { specimens: 10, endpoints: vec![one], depth, rules: vec![audit], ..Trial::default() }
}

fn policy(payload: &str) -> Policy {
    let mut policy = Policy { capability: Some(payload.into()), owner: Some(payload.into()), ..Policy::default() };
    // Then reasons name endpoints.
    policy.gates.mismatch_rate.each = Scope::Endpoint;
    let day = jiff::civil::date(2026, 11, 20);
    // Where it is an address, whoever wrote the policy wants a link.
    let signed = Some(Signature { by: payload.into(), evidence: format!("see {payload}"), on: day });
    let item = |signed| ChecklistItem { id: payload.into(), what: Some(payload.into()), signed, expires: Some(day) };
    policy.checklist = vec![item(signed), item(None)];
    policy
}

fn epoch(payload: &str, number: u64) -> EpochNote {
    let text = || Some(payload.to_owned());
    EpochNote {
        number,
        build: text(),
        first: text(),
        last: text(),
        rules: payload.into(),
        policy: text(),
        ..EpochNote::default()
    }
}

fn rescored(payload: &str) -> Rescored {
    let ids = || vec![payload.into()];
    let outcomes = |n| [(payload.to_owned(), n)].into();
    let named = || Endpoint { method: payload.into(), template: payload.into() };
    Rescored {
        added: ids(),
        removed: ids(),
        changed: ids(),
        before: outcomes(3),
        after: outcomes(4),
        verdict_before: payload.into(),
        endpoints: vec![EndpointChange { endpoint: named(), before: outcomes(1), after: outcomes(2) }],
        moves: vec![Move {
            endpoint: named(),
            from: payload.into(),
            to: payload.into(),
            exchanges: 3,
            asked_of: 1,
            all: 4,
        }],
        ..Rescored::default()
    }
}

fn facts_of(payload: &str) -> RunFacts {
    let text = || payload.to_owned();
    let breaker = BreakerNote { state: text(), opened: 2, closed: 1, open_ms: 61_200, cause: Some(text()) };
    RunFacts {
        version: text(),
        capability: Some(text()),
        owner: Some(text()),
        sources: vec![text(), text()],
        candidate: text(),
        legacy: Some(text()),
        pace: text(),
        policy: Some(text()),
        started: text(),
        finished: text(),
        stopped_early: Some(text()),
        limits: [(text(), text())].into(),
        admission: Some(AdmissionNote {
            breaker: Some(breaker),
            closed_sandboxes: vec![text()],
            ..AdmissionNote::default()
        }),
        overhead: Some(OverheadNote { requests: 300, p50_us: 40, p95_us: 520, p99_us: 900 }),
        spans: Some(SpanNote { collector: text(), sent: 9, dropped: 1, failed: 2, rejected: 3, waiting: 0 }),
        epochs: vec![epoch(payload, 1), epoch(payload, 2)],
        rescored: Some(rescored(payload)),
        stretches: vec![StretchNote { file: text(), started: text(), last_written: text(), ..StretchNote::default() }],
    }
}
