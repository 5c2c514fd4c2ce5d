//! A run through a tee in every rendering: nothing was captured there, and no file or packet was read.

use super::tests::{facts, shop, with};
use super::*;
use crate::exchange::RunFacts;
use crate::ledger::{CaptureBooks, RelayedBytes, TeeBooks};

/// The shop's run, as it would have been through a tee.
fn through_a_tee<T>(render: impl FnOnce(Report<'_>) -> T) -> T {
    let (mut snapshot, rules) = shop();
    let wire = &mut snapshot.ledger.wire;
    (wire.frames, wire.frames_used, wire.frames_refused) = Default::default();
    (wire.stream_bytes_not_http, wire.stream_bytes_tunnelled, wire.tunnels) = (500_000, 90_000, 12);
    let way = |relayed| RelayedBytes { relayed, looked_at: relayed, ..RelayedBytes::default() };
    let tee =
        TeeBooks { connections: 77, from_clients: way(1_812_345), from_legacy: way(8_000_000), ..TeeBooks::default() };
    snapshot.ledger.capture = CaptureBooks { finished: true, tee: Some(tee), ..CaptureBooks::default() };
    let sources = vec!["tee 0.0.0.0:8080 to http://orders:8080".into()];
    with(&snapshot, &rules, &RunFacts { sources, ..facts() }, render)
}

/// The words of a page, without its style, script and tags.
fn words(page: &str) -> String {
    let parts = ["<style[^>]*>.*?</style>", "<script[^>]*>.*?</script>", "<[^>]*>"];
    parts.iter().fold(page.to_owned(), |text, part| {
        regex::Regex::new(&format!("(?s){part}")).unwrap().replace_all(&text, " ").into_owned()
    })
}

#[test]
fn no_rendering_speaks_of_what_a_tee_has_not() {
    let wrong = regex::Regex::new(r"(?i).{0,40}(captur|\bfiles? read|packets|\bframes?\b|interface).{0,40}").unwrap();
    for (kind, text) in [
        ("page", through_a_tee(|report| words(&report.html()))),
        ("terminal", through_a_tee(|report| report.terminal(false))),
        ("Markdown", through_a_tee(|report| report.markdown())),
        ("decision record", through_a_tee(|report| report.decision_record())),
        ("JUnit", through_a_tee(|report| report.junit().unwrap())),
    ] {
        let found: Vec<&str> = wrong.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(found.is_empty(), "{kind}: {found:#?}");
        // What could not be read, and what was tunnelled, is told by all of them.
        let told = text.replace(['`', '\\'], "").split_whitespace().collect::<Vec<_>>().join(" ");
        for said in ["4.18% of the 9,812,345 bytes that were looked at are no HTTP/1", "belong to 12 connections"] {
            assert!(told.contains(said), "{kind}: {said}\n{told}");
        }
    }
    let page = through_a_tee(|report| words(&report.html()));
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in
        ["Source tee 0.0.0.0:8080 to http", "9,812,345 bytes that went through, of 77 connections", "of 6,122 seen"]
    {
        assert!(page.contains(said), "{said}");
    }
}
