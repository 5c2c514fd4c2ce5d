//! Loss never becomes a lie. Drop any frames of a capture: each exchange that still comes out complete is, byte for
//! byte, one of the original's; what is complete, what is incomplete and what is lost make the original; and where
//! nobody pipelines, every exchange all of whose own segments survive is still complete.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::collections::BTreeMap;
use std::ops::Range;

use tapcompare::exchange::Exchange;
use wire_support::talk::{Talk, answer, chunked, get};
use wire_support::{Dice, Seg, agreed, corpora, frames, line, see, segments};

/// Exchanges by what they say, complete ones only, with their number of occurrences.
fn whole(exchanges: &[Exchange]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for exchange in exchanges.iter().filter(|e| e.is_complete()) {
        *lines.entry(line(exchange)).or_default() += 1;
    }
    lines
}

/// Interim answers by their request's target, where there are any.
fn interim<'a>(
    exchanges: &'a [Exchange],
    of: impl Fn(&'a Exchange) -> &'a [u16],
) -> impl Iterator<Item = (String, Vec<u16>)> {
    exchanges
        .iter()
        .filter_map(move |e| Some((e.request.as_ref()?.target_text().into_owned(), of(e).to_vec())))
        .filter(|(_, found)| !found.is_empty())
}

/// What the whole capture has.
struct Original {
    /// Requests.
    requests: usize,
    whole: BTreeMap<String, usize>,
    interim: BTreeMap<String, Vec<u16>>,
}

/// Checks the property for what survives; the books are checked by `see`.
fn check(name: &str, original: &Original, kept: &[Seg]) -> BTreeMap<String, usize> {
    let seen = see(kept);
    let found = whole(&seen.exchanges);
    for (line, n) in &found {
        let before = original.whole.get(line).copied().unwrap_or(0);
        assert!(
            *n <= before,
            "{name}: {n} times complete, {before} times in the original:\n{line}\nof {:#?}",
            original.whole
        );
    }
    for (target, found) in interim(&seen.exchanges, |e| &e.interim_only) {
        let before = original.interim.get(&target);
        let some_of_them = before.is_some_and(|before| found.iter().all(|status| before.contains(status)));
        assert!(some_of_them, "{name}: {target} has the interim answers {found:?}, in the original {before:?}");
    }
    // Complete and incomplete are never more than there were; the others are lost. Text inside of a body that looks
    // like a request may be taken for one where the head before it is lost on both sides of a burst, and is then
    // never complete.
    let seen = seen.exchanges.iter().filter_map(|e| e.request.as_ref()).filter(|r| r.target_text() != "/lie");
    assert!(seen.count() <= original.requests, "{name}: more requests than there were");
    found
}

fn original(segments: &[Seg]) -> Original {
    let exchanges = see(segments).exchanges;
    let requests = exchanges.iter().filter(|e| e.request.is_some()).count();
    Original { requests, whole: whole(&exchanges), interim: interim(&exchanges, Exchange::interim).collect() }
}

fn without(segments: &[Seg], dropped: &[bool]) -> Vec<Seg> {
    segments.iter().zip(dropped).filter(|(_, d)| !**d).map(|(s, _)| s.clone()).collect()
}

/// Which segments go: every one alone, bursts, and random shares.
fn drops(n: usize, seed: u64, random: usize) -> Vec<Vec<bool>> {
    let mut dice = Dice(seed);
    let mut all = Vec::new();
    let every = (n / 150).max(1);
    for i in (0..n).step_by(every) {
        for length in [1, 2, 3, 5] {
            all.push((0..n).map(|j| (i..i + length).contains(&j)).collect());
        }
    }
    for i in 0..random {
        let share = [10, 30, 100, 200, 300][i % 5];
        all.push((0..n).map(|_| dice.once_in(share)).collect());
    }
    all
}

#[test]
fn any_frames_of_the_captures() {
    let Some(corpora) = corpora() else { return };
    for name in agreed(&corpora) {
        let segments = segments(&frames(&corpora.join("captures").join(&name)));
        if segments.len() > 3000 {
            continue;
        }
        let original = original(&segments);
        // Long captures get fewer trials.
        let random = (20_000 / segments.len().max(1)).clamp(5, 100);
        for dropped in drops(segments.len(), 7, random) {
            check(&name, &original, &without(&segments, &dropped));
        }
    }
}

/// A made-up conversation, and for each exchange the segments that carry it.
struct Story {
    segments: Vec<Seg>,
    own: Vec<Vec<Range<usize>>>,
    pipelines: bool,
}

/// Text that looks like messages, at segment starts, too.
fn body(dice: &mut Dice, mss: usize) -> String {
    let length = [0, 5, 40, 300, 900][dice.below(5)];
    let mut text = String::new();
    while text.len() < length {
        match dice.below(5) {
            0 => text.push_str("HTTP/1.1 103 Lie\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlie"),
            1 => text.push_str("GET /lie HTTP/1.1\r\n\r\n"),
            2 => text.push_str(&"x".repeat(mss - text.len() % mss)),
            _ => text.push_str(&format!("some text {} ", dice.below(1000))),
        }
    }
    text
}

fn story(seed: u64, pipelines: bool, midstream: bool) -> Story {
    let mut dice = Dice(seed);
    let mss = [60, 100, 250][dice.below(3)];
    let mut talk = if midstream { Talk::midstream(mss) } else { Talk::new(mss) };
    let mut own = Vec::new();
    let mut left = 3 + dice.below(6);
    let acks = dice.once_in(700);
    let mut number = 0;
    while left > 0 {
        let batch = if pipelines && dice.once_in(600) { (1 + dice.below(3)).min(left) } else { 1 };
        left -= batch;
        let mut asked = Vec::new();
        for _ in 0..batch {
            number += 1;
            let path = format!("/{number}-{}", "p".repeat(dice.below(80)));
            let (mut request, mut head) = (get(&path), false);
            match dice.below(6) {
                0 => {
                    let body = body(&mut dice, mss);
                    request = format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into();
                }
                1 => {
                    request = format!("HEAD {path} HTTP/1.1\r\n\r\n").into();
                    head = true;
                }
                _ => {}
            }
            asked.push((talk.send(true, &request), head));
            if acks && dice.once_in(300) {
                talk.ack(false);
            }
        }
        for (request, head) in asked {
            let text = format!("{number}:{}", body(&mut dice, mss));
            let bytes = match dice.below(5) {
                _ if head => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len()).into_bytes(),
                0 => chunked(&text, 1 + dice.below(200)),
                1 => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n".to_vec(),
                2 => [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), answer(&text)].concat(),
                _ => answer(&text),
            };
            let sent = talk.send(false, &bytes);
            if acks {
                talk.ack(true);
            }
            own.push(vec![request, sent]);
        }
    }
    if dice.once_in(600) {
        talk.close();
    }
    Story { segments: talk.segments, own, pipelines }
}

/// How many exchanges survived all drops, and how many of these were found.
#[derive(Default)]
struct Kept {
    survived: usize,
    found: usize,
}

/// Tries a story with drops; where nobody pipelines, every exchange that survives the loss of any one segment is found.
fn tell(story: &Story, seed: u64, random: usize, kept: &mut Kept) {
    let original = original(&story.segments);
    assert_eq!(original.requests, story.own.len(), "seed {seed}");
    assert_eq!(original.whole.values().sum::<usize>(), original.requests, "seed {seed}: {:#?}", original.whole);
    for (trial, dropped) in drops(story.segments.len(), seed, random).into_iter().enumerate() {
        let name = format!("seed {seed} trial {trial} dropped {:?}", places(&dropped));
        let found = check(&name, &original, &without(&story.segments, &dropped));
        let survived = story.own.iter().filter(|own| own.iter().all(|r| !dropped[r.clone()].contains(&true))).count();
        let complete: usize = found.values().sum();
        if !story.pipelines {
            let one = places(&dropped).len() <= 1;
            assert!(!one || complete >= survived, "{name}: {complete} of {survived}\nfound {found:#?}");
            kept.survived += survived;
            kept.found += complete.min(survived);
        }
    }
}

fn places(dropped: &[bool]) -> Vec<usize> {
    dropped.iter().enumerate().filter(|(_, d)| **d).map(|(i, _)| i).collect()
}

/// What is missing is what nobody can know: segments lost on both sides just before an exchange after which nothing
/// more is heard, so that a pipelined request may hide in the hole; and bodies made to look like messages.
fn nearly_all(kept: &Kept) {
    assert!(kept.survived > 10_000);
    let share = kept.found as f64 / kept.survived as f64;
    assert!(share > 0.99, "{} of {} that survived", kept.found, kept.survived);
}

#[test]
fn any_segments_of_conversations_without_pipelining() {
    let mut kept = Kept::default();
    (0..40).for_each(|seed| tell(&story(seed, false, false), seed, 40, &mut kept));
    nearly_all(&kept);
}

#[test]
fn any_segments_of_conversations_with_pipelining() {
    (1000..1080).for_each(|seed| tell(&story(seed, true, false), seed, 40, &mut Kept::default()));
}

#[test]
fn any_segments_of_conversations_that_had_begun_before() {
    let mut kept = Kept::default();
    (2000..2030).for_each(|seed| tell(&story(seed, false, true), seed, 40, &mut kept));
    nearly_all(&kept);
}

#[test]
fn a_server_that_is_captured_at_little_loss_loses_nothing_more() {
    // Long connections without pipelining, and 0.2 to 0.5 per cent of the segments lost.
    let (mut survived, mut found) = (0, 0);
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut talk = Talk::new(1448);
        let mut own = Vec::new();
        for i in 0..100 {
            let request = talk.send(true, &get(&format!("/{i}")));
            let text = "x".repeat([300, 4000, 30_000][dice.below(3)]);
            let bytes = if dice.once_in(300) { chunked(&text, 4096) } else { answer(&text) };
            own.push([request, talk.send(false, &bytes)]);
            talk.ack(true);
        }
        talk.close();
        let dropped: Vec<bool> = talk.segments.iter().map(|_| dice.once_in(2 + seed % 4)).collect();
        let seen = see(&without(&talk.segments, &dropped));
        survived += own.iter().filter(|own| own.iter().all(|r| !dropped[r.clone()].contains(&true))).count();
        found += seen.exchanges.iter().filter(|e| e.is_complete()).count();
    }
    assert!(survived > 1800, "{survived}");
    assert_eq!(found, survived);
}
