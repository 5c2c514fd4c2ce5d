//! The shop over real sockets: two implementations that mean the same, and defects that do what they announce.

// Helpers of a test may fail as the test itself may; clippy knows that only of functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod differ;
mod noise;
mod program;
mod trial;

use std::time::Duration;

use client::{Answered, Asked, ask_all};
use differ::differences;
use tapcompare::demo::{self, Defect, Defects, Expected};
use tapcompare::exchange::Failure;

/// Ways in which clients ask for content codings.
const ACCEPTS: [&str; 4] = ["gzip", "gzip, deflate, br, zstd", "", "gzip;q=0, identity"];

fn ask(endpoint: &'static str, target: impl Into<String>) -> Asked {
    let method = endpoint.split(' ').next().unwrap();
    Asked { endpoint, method, target: target.into(), accept: "", tag: None, body: String::new() }
}

fn sku(n: u32) -> String {
    format!("{}-{}", ["TEE", "KAF", "KER", "KUE", "BUC", "GAR"][n as usize % 6], 1000 + n)
}

/// Requests for all routes: every `step`th of everything there is, and some more that there is not.
fn walk(step: usize) -> Vec<Asked> {
    let mut all = Vec::new();
    for n in (0..123).step_by(step) {
        all.push(ask("GET /products/{sku}", format!("/products/{}", sku(n))));
        all.push(ask("HEAD /products/{sku}", format!("/products/{}", sku(n))));
        all.push(ask("GET /products/{sku}/image", format!("/products/{}/image", sku(n))));
        all.push(ask("GET /p/{sku}", format!("/p/{}", sku(n))));
    }
    for id in (10_001..10_245).step_by(step) {
        all.push(ask("GET /orders/{id}", format!("/orders/{id}")));
        all.push(ask("GET /orders/{id}/invoice.txt", format!("/orders/{id}/invoice.txt")));
        all.push(ask("GET /payments/{id}", format!("/payments/pay-{id}")));
    }
    for id in (501..565).step_by(step) {
        all.push(ask("GET /customers/{id}", format!("/customers/{id}")));
        all.push(ask("GET /customers/{id}/orders", format!("/customers/{id}/orders")));
        all.push(ask("GET /notifications", format!("/notifications?customer={id}")));
        all.push(Asked {
            body: r#"{"name":"Ünal \"x\"","newsletter":true}"#.into(),
            ..ask("PUT /customers/{id}", format!("/customers/{id}"))
        });
    }
    for query in
        ["", "?page=2", "?category=tea", "?sort=price&page=3", "?category=books&sort=-price", "?page=99", "?sort=name"]
    {
        all.push(ask("GET /products", format!("/products{query}")));
    }
    for query in ["?q=gr%C3%BCner+tee", "?q=bio", "?q=", "", "?q=%E6%8A%B9%E8%8C%B6", "?q=%22%3C&x=%zz", "?q=caf%C3%A9"]
    {
        all.push(ask("GET /search", format!("/search{query}")));
    }
    for body in [
        r#"{"customerId":501,"lines":[{"sku":"TEE-1000","quantity":2},{"sku":"GAR-1005","quantity":1}]}"#,
        r#"{"customerId":501,"lines":[]}"#,
        r#"{"customerId":501,"lines":[{"sku":"TEE-1000","quantity":0}]}"#,
        r#"{"customerId":1,"lines":[{"sku":"TEE-1000","quantity":1}]}"#,
        r#"{"customerId":"501","lines":[{"sku":"TEE-1000","quantity":1}]}"#,
        "[1,2",
        "",
    ] {
        all.push(Asked { body: body.into(), ..ask("POST /orders", "/orders") });
        all.push(Asked { body: body.replace("customerId", "orderId"), ..ask("POST /payments", "/payments") });
    }
    all.push(Asked { body: r#"{"orderId":10001}"#.into(), ..ask("POST /payments", "/payments") });
    all.push(Asked { body: "[]".into(), ..ask("PUT /customers/{id}", "/customers/501") });
    all.push(ask("DELETE /notifications/{id}", "/notifications/ntf-501-0"));
    all.push(ask("GET /health", "/health"));
    all.push(ask("GET /**", "/"));
    all.push(ask("PATCH /**", "/orders/10001"));
    all.push(Asked { tag: Some("\"x\", *".into()), ..ask("GET /products/{sku}", "/products/TEE-1000") });
    for (n, asked) in all.iter_mut().enumerate() {
        asked.accept = ACCEPTS[(n + n / ACCEPTS.len()) % ACCEPTS.len()];
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_defects_both_implementations_mean_the_same() {
    let (legacy, candidate) = (demo::legacy().await.unwrap(), demo::candidate(Defects::none()).await.unwrap());
    let mut asked = walk(1);
    let first = ask_all(legacy.address, &asked).await;
    // Everything that has an entity tag is asked for once more, by a client that has it already.
    let tagged = asked.iter().zip(&first).filter(|(_, a)| !a.header("etag").is_empty() && a.status == 200);
    let again: Vec<Asked> = tagged.map(|(q, a)| Asked { tag: Some(a.header("etag").into()), ..q.clone() }).collect();
    asked.extend(again);
    let (of_legacy, of_candidate) = tokio::join!(ask_all(legacy.address, &asked), ask_all(candidate.address, &asked));

    let mut spelled_otherwise = 0;
    for ((asked, l), c) in asked.iter().zip(&of_legacy).zip(&of_candidate) {
        assert_eq!(differences(l, c), [], "{asked:?}\n{l:?}\n{c:?}");
        spelled_otherwise += usize::from(l.decoded() != c.decoded());
        if asked.method == "HEAD" || matches!(l.status.as_u16(), 204 | 304) {
            assert!(l.body.is_empty() && c.body.is_empty());
        }
    }
    assert!(spelled_otherwise > 700, "only {spelled_otherwise} answers are spelled in another way");
    let seen = |test: &dyn Fn(&Answered) -> bool| of_legacy.iter().zip(&of_candidate).any(|(l, c)| test(l) || test(c));
    for status in [200, 201, 204, 301, 304, 400, 404] {
        assert!(seen(&|a| a.status == status), "no answer of status {status}");
    }
    assert!(seen(&|a| a.header("content-encoding") == "gzip") && seen(&|a| a.header("content-encoding") == "zstd"));
    assert!(seen(&|a| a.header("transfer-encoding") == "chunked") && seen(&|a| !a.header("set-cookie").is_empty()));
    legacy.stop().await;
    candidate.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_question_always_gets_the_same_answer() {
    let legacy = demo::legacy().await.unwrap();
    let asked: Vec<Asked> = walk(9);
    let (once, twice) = (ask_all(legacy.address, &asked).await, ask_all(legacy.address, &asked).await);
    assert!(once.iter().zip(&twice).all(|(a, b)| a.body == b.body && a.status == b.status));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_defect_is_where_it_says_and_nowhere_else() {
    let asked = walk(4);
    let legacy = demo::legacy().await.unwrap();
    let of_legacy = ask_all(legacy.address, &asked).await;
    for defect in Defect::ALL {
        // Every request is touched, so that a short walk is enough; rates have a test of their own.
        let defects: Defects = format!("{}@100%", defect.name).parse().unwrap();
        let candidate = demo::candidate(defects).await.unwrap();
        let of_candidate = ask_all(candidate.address, &asked).await;
        let triples = asked.iter().zip(&of_legacy).zip(&of_candidate).map(|((q, l), c)| (q, l, c));
        let (touched, others): (Vec<_>, Vec<_>) = triples.partition(|(q, _, _)| q.endpoint == defect.endpoint);
        for (asked, l, c) in others {
            assert_eq!(differences(l, c), [], "{}: {asked:?}", defect.name);
        }
        hold_to_its_word(defect, &touched);
    }
}

fn hold_to_its_word(defect: &Defect, touched: &[(&Asked, &Answered, &Answered)]) {
    let name = defect.name;
    match defect.expected {
        Expected::Differences(expected) => {
            let found: Vec<_> = touched.iter().flat_map(|(_, l, c)| differences(l, c)).collect();
            for (at, kind) in &found {
                assert!(expected.iter().any(|(p, k)| p.covers(at) && k == kind), "{name}: {kind} at {at}");
            }
            for (place, kind) in expected {
                assert!(found.iter().any(|(at, k)| place.covers(at) && k == kind), "{name}: no {kind} at {place:?}");
            }
        }
        Expected::Failure(failure) => {
            assert_eq!(failure, Failure::ServerError, "{name}");
            let (failed, fine): (Vec<_>, Vec<_>) = touched.iter().partition(|(_, _, c)| c.status.is_server_error());
            assert!(!failed.is_empty() && !fine.is_empty(), "{name}");
            for (asked, l, c) in fine {
                assert_eq!(differences(l, c), [], "{name}: {asked:?}");
            }
        }
        Expected::Latency(more) => {
            for (asked, l, c) in touched {
                assert_eq!(differences(l, c), [], "{name}: {asked:?}");
                assert!(c.took >= more + Duration::from_millis(4), "{name}: {:?}", c.took);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_defects_together_leave_no_endpoint_of_theirs_untouched() {
    let asked = walk(6);
    let (legacy, candidate) = (demo::legacy().await.unwrap(), demo::candidate(Defects::all()).await.unwrap());
    let (l, c) = tokio::join!(ask_all(legacy.address, &asked), ask_all(candidate.address, &asked));
    let differs = |endpoint: &str| {
        let mut triples = asked.iter().zip(l.iter().zip(&c));
        triples.any(|(q, (l, c))| q.endpoint == endpoint && !differences(l, c).is_empty())
    };
    for defect in Defect::ALL.iter().filter(|d| !matches!(d.expected, Expected::Latency(_))) {
        assert!(differs(defect.endpoint), "{}", defect.endpoint);
    }
    assert!(!differs("HEAD /products/{sku}") && !differs("POST /orders"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intermittent_defect_keeps_its_rate_and_always_touches_the_same_requests() {
    let asked: Vec<Asked> =
        (0..2_000).map(|n| ask("GET /products/{sku}", format!("/products/{}?ref={n}", sku(n % 120)))).collect();
    let right = demo::candidate(Defects::none()).await.unwrap();
    let flaky = demo::candidate("flaky-stock@2%".parse().unwrap()).await.unwrap();
    let (right, once, twice) =
        tokio::join!(ask_all(right.address, &asked), ask_all(flaky.address, &asked), ask_all(flaky.address, &asked));
    let touched = right.iter().zip(&once).filter(|(r, f)| r.body != f.body).count();
    // 40 are expected; the binomial distribution is outside of these bounds once in ten million.
    assert!((10..=80).contains(&touched), "{touched} of 2,000");
    assert!(once.iter().zip(&twice).all(|(a, b)| a.body == b.body));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_candidate_is_the_faster_one() {
    let asked = walk(3);
    let (legacy, candidate) = (demo::legacy().await.unwrap(), demo::candidate(Defects::none()).await.unwrap());
    // Both at once, so that whatever else the machine does slows both.
    let (of_legacy, of_candidate) = tokio::join!(ask_all(legacy.address, &asked), ask_all(candidate.address, &asked));
    let [of_legacy, of_candidate] = [of_legacy, of_candidate].map(|a| a.iter().map(|a| a.took).sum::<Duration>());
    assert!(of_candidate < of_legacy, "{of_candidate:?} against {of_legacy:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_is_stopped_or_dropped_listens_no_more_and_finishes_what_it_began() {
    let shop = demo::candidate("slow-search".parse().unwrap()).await.unwrap();
    let address = shop.address;
    assert_eq!(shop.url(), format!("http://{address}"));
    let asking = tokio::spawn(async move { ask_all(address, &[ask("GET /search", "/search?q=tee")]).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    shop.stop().await;
    assert_eq!(asking.await.unwrap()[0].status, 200);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());

    let shop = demo::legacy().await.unwrap();
    let address = shop.address;
    drop(shop);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a dropped shop still listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_long_is_refused() {
    let shop = demo::legacy().await.unwrap();
    let asked = Asked { body: "x".repeat(65 << 10), ..ask("POST /orders", "/orders") };
    assert_eq!(ask_all(shop.address, &[asked]).await[0].status, 413);
}
