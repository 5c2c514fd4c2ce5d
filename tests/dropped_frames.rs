//! Loss never becomes a lie. Drop any frames of a capture: each exchange that still comes out complete is, byte for
//! byte, one of the original's; what is complete, what is incomplete and what is lost make the original; and where
//! nobody pipelines, every exchange all of whose own segments survive is still complete.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::collections::BTreeMap;

use tapcompare::exchange::Exchange;
use wire_support::bait::{Pipelining, Shape, bait};
use wire_support::talk::{Talk, answer, chunked, get};
use wire_support::{Dice, Seg, agreed, corpora, frames, index, line, see, segments};

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
        for length in 1..=8 {
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
    own: Vec<Vec<usize>>,
    pipelines: bool,
    /// Segments at the beginning that are always seen. What is seen of a connection first is taken for what it looks
    /// like, for nothing tells otherwise; so bait must not come first.
    begins: usize,
}

/// A story whose bodies are bait.
fn baited(seed: u64, shape: Shape) -> Story {
    let bait = bait(seed, shape);
    Story { segments: bait.segments, own: bait.own, pipelines: shape.pipelining != Pipelining::Never, begins: 1 }
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
            own.push(request.chain(sent).collect());
        }
    }
    if dice.once_in(600) {
        talk.close();
    }
    Story { segments: talk.segments, own, pipelines, begins: 0 }
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
    for (trial, mut dropped) in drops(story.segments.len(), seed, random).into_iter().enumerate() {
        dropped[..story.begins].fill(false);
        let name = format!("seed {seed} trial {trial} dropped {:?}", places(&dropped));
        let found = check(&name, &original, &without(&story.segments, &dropped));
        let survived = story.own.iter().filter(|own| own.iter().all(|i| !dropped[*i])).count();
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

/// What is missing is what nobody can know: a whole exchange went in one burst, and no number tells the next request
/// from the rest of a body that began in the hole.
fn nearly_all(kept: &Kept) {
    assert!(kept.survived > 10_000);
    let share = kept.found as f64 / kept.survived as f64;
    assert!(share > 0.92, "{} of {} that survived", kept.found, kept.survived);
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

/// The shapes of which every one of the properties is demanded.
const SHAPES: [Shape; 3] = [
    Shape { pipelining: Pipelining::Never, midstream: false },
    Shape { pipelining: Pipelining::Never, midstream: true },
    Shape { pipelining: Pipelining::Batches, midstream: false },
];

#[test]
fn any_segments_of_conversations_full_of_bait() {
    let mut kept = Kept::default();
    for seed in 0..25 {
        SHAPES.into_iter().for_each(|shape| tell(&baited(seed, shape), seed, 40, &mut kept));
    }
    nearly_all(&kept);
}

#[test]
fn pairs_that_were_wrong_once() {
    // A body's second segment read as a request, after a burst that took a whole exchange and the body's head.
    let found_wrong = [(631, false, 26..31), (631, true, 23..28)];
    for (seed, midstream, burst) in found_wrong {
        let story = story(seed, false, midstream);
        let dropped: Vec<bool> = (0..story.segments.len()).map(|i| burst.contains(&i)).collect();
        let found = check("a burst", &original(&story.segments), &without(&story.segments, &dropped));
        assert!(!found.is_empty() && found.keys().all(|line| !line.contains("/lie")), "{found:#?}");
    }
    // Text like an answer in a request's body, where it is not settled yet who is the client.
    tell(&Story { begins: 1, ..story(2388, false, true) }, 2388, 40, &mut Kept::default());
}

/// A client that asks in the middle of answers: where no trace of that is left, its numbers are those of a client that
/// waits for each answer, and which answer is whose cannot be told. It must stay as rare as this.
#[test]
fn a_client_that_pipelines_in_secret_is_seldom_believed() {
    let (mut found, mut wrong) = (0, 0);
    for seed in 0..60 {
        let story = baited(seed, Shape { pipelining: Pipelining::Anytime, midstream: false });
        let original = original(&story.segments);
        for mut dropped in drops(story.segments.len(), seed, 20) {
            dropped[..story.begins].fill(false);
            for (line, n) in whole(&see(&without(&story.segments, &dropped)).exchanges) {
                found += n;
                wrong += n.saturating_sub(original.whole.get(&line).copied().unwrap_or(0));
            }
        }
    }
    assert!(found > 50_000, "{found}");
    assert!(wrong * 500 < found, "{wrong} of {found}");
}

/// For somebody who looks for more: `TAPCOMPARE_SEARCH_SECONDS=600`, and `TAPCOMPARE_SEARCH_FROM` for the first seed.
#[test]
fn a_long_search() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let Some(seconds) = number("TAPCOMPARE_SEARCH_SECONDS") else {
        return eprintln!("skipped: TAPCOMPARE_SEARCH_SECONDS says how long to search");
    };
    let from = number("TAPCOMPARE_SEARCH_FROM").unwrap_or(10_000);
    let (begun, mut seed, mut kept) = (std::time::Instant::now(), from, Kept::default());
    while begun.elapsed().as_secs() < seconds {
        for (pipelines, midstream) in [(false, false), (true, false), (false, true)] {
            tell(&Story { begins: 1, ..story(seed, pipelines, midstream) }, seed, 40, &mut kept);
        }
        SHAPES.into_iter().for_each(|shape| tell(&baited(seed, shape), seed, 40, &mut kept));
        seed += 1;
    }
    eprintln!("seeds {from} to {seed}: nothing; {} of {} that survived are complete", kept.found, kept.survived);
}

/// The segments with bytes that fell into an exchange's time on its connection: nearly always its own, and no fewer.
fn carriers(segments: &[Seg], exchange: &Exchange) -> Vec<usize> {
    let moments = &exchange.moments;
    let (Some(from), Some(to)) = (moments.request_start, moments.response_end) else { return Vec::new() };
    let ends = [exchange.client, exchange.server];
    let is_of = |s: &Seg| ends.contains(&s.src) && ends.contains(&s.dst) && !s.payload.is_empty();
    let in_time = segments.iter().enumerate().filter(|(_, s)| (from..=to).contains(&s.time) && is_of(s));
    in_time.map(|(i, _)| i).collect()
}

/// Figures for people: `TAPCOMPARE_LOSS_FIGURES` names a capture, or `corpora` for the larger ones there.
#[test]
fn figures_at_random_loss() {
    let Some(named) = std::env::var_os("TAPCOMPARE_LOSS_FIGURES") else {
        return eprintln!("skipped: TAPCOMPARE_LOSS_FIGURES names a capture, or says corpora");
    };
    let paths: Vec<_> = match corpora().filter(|_| named == "corpora") {
        Some(corpora) => index(&corpora).iter().map(|(name, _)| corpora.join("captures").join(name)).collect(),
        None => vec![named.into()],
    };
    for path in paths {
        let all = segments(&frames(&path));
        let exchanges = see(&all).exchanges;
        let complete: Vec<&Exchange> = exchanges.iter().filter(|e| e.is_complete()).collect();
        if complete.len() < 20 {
            continue;
        }
        let own: Vec<Vec<usize>> = complete.iter().map(|e| carriers(&all, e)).collect();
        let whole_before = whole(&exchanges);
        for (share, text) in [(2, "0.2 %"), (20, "2 %")] {
            let (mut survived, mut found, mut wrong) = (0, 0, 0);
            for seed in 1..=5 {
                let mut dice = Dice(seed);
                let dropped: Vec<bool> = all.iter().map(|_| dice.once_in(share)).collect();
                survived += own.iter().filter(|own| own.iter().all(|i| !dropped[*i])).count();
                for (line, n) in whole(&see(&without(&all, &dropped)).exchanges) {
                    found += n;
                    wrong += n.saturating_sub(whole_before.get(&line).copied().unwrap_or(0));
                }
            }
            let name = path.file_name().unwrap().to_string_lossy();
            println!("{name}\t{}\t{text}\tsurvived {survived}\tcomplete {found}\twrong {wrong}", complete.len());
        }
    }
}
