//! Writes under the sandbox agreement, against servers that keep it, never heard of it, or stop keeping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tapcompare::config::{OpenEndpoint, Safety, Treatment};
use tapcompare::exchange::{Asked, Exchange, Failure, Skip};
use tapcompare::shadow::{Admission, Heard, SandboxClosing, Shadow};
use tokio::time::Instant;

use super::server::{Peer, Server};
use super::{captured, limits, target};

const KEPT: &str = "HTTP/1.1 201 Created\r\nShadow-Effects: discarded\r\nContent-Length: 2\r\n\r\nok";
const SILENT: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";

/// A run of sandboxed writes: what dispatching does, one request after the other or many at once.
struct Writes {
    shadow: Arc<Shadow>,
    admission: Admission,
    began: Instant,
}

impl Writes {
    async fn to(url: &str) -> Writes {
        let open =
            |endpoint: &str| OpenEndpoint { endpoint: endpoint.parse().unwrap(), treatment: Treatment::Sandboxed };
        let safety = Safety {
            endpoints: vec![open("POST /orders"), open("DELETE /orders/{id}")],
            limits: limits(),
            ..Safety::default()
        };
        let shadow = Arc::new(Shadow::resolve(&target(url), None, &safety).await.unwrap());
        Writes { shadow, admission: Admission::new(&safety, true), began: Instant::now() }
    }

    /// Sends as many at once as may go out; how many that were, what was heard, and why the others did not.
    async fn at_once(&mut self, exchange: &Exchange, n: usize) -> (Vec<Result<u16, Failure>>, Vec<Skip>) {
        let (mut tasks, mut skips) = (Vec::new(), Vec::new());
        for _ in 0..n {
            let request = self.shadow.decide(exchange).unwrap();
            match self.admission.admit(exchange, &request, self.began.elapsed()) {
                Err(skip) => skips.push(skip),
                Ok(()) => {
                    let (shadow, exchange) = (Arc::clone(&self.shadow), exchange.clone());
                    tasks.push(tokio::spawn(async move {
                        let asked = shadow.observe(&request, Instant::now()).await;
                        (Heard::of(&request, &asked, &exchange), outcome(&asked))
                    }));
                }
            }
        }
        let mut outcomes = Vec::new();
        for task in tasks {
            let (heard, outcome) = task.await.unwrap();
            self.admission.heard(&heard, self.began.elapsed());
            outcomes.push(outcome);
        }
        (outcomes, skips)
    }

    fn closings(&self) -> Vec<(String, SandboxClosing)> {
        self.admission.standing().closed_sandboxes.into_iter().map(|closed| (closed.endpoint, closed.why)).collect()
    }
}

fn outcome(asked: &Asked) -> Result<u16, Failure> {
    asked.candidate.as_ref().map(|answer| answer.response.status).map_err(|failed| failed.failure)
}

fn order() -> Exchange {
    captured("POST", "/orders", &[("Host", "shop.example")], "{\"sku\":1}")
}

#[tokio::test]
async fn a_candidate_that_keeps_the_agreement_gets_every_write_with_the_mark() {
    let server = Server::start(|mut peer| async move { peer.answer_all(KEPT).await }).await;
    let mut writes = Writes::to(&server.url()).await;
    let (first, skipped) = writes.at_once(&order(), 10).await;
    assert_eq!((first, skipped), (vec![Ok(201)], vec![Skip::SandboxTrial; 9]), "until it is proven, one alone");
    let (rest, skipped) = writes.at_once(&order(), 10).await;
    assert_eq!((rest, skipped), (vec![Ok(201); 10], vec![]));
    assert_eq!(writes.closings(), []);
    let requests = server.requests();
    assert_eq!(requests.len(), 11);
    assert!(
        requests.iter().all(|head| head.starts_with("POST /orders ") && head.contains("\r\nShadow-Request: 1\r\n"))
    );
}

#[tokio::test]
async fn a_candidate_that_never_heard_of_it_gets_exactly_one_write_of_each_endpoint() {
    let server = Server::start(|mut peer| async move { peer.answer_all(SILENT).await }).await;
    let mut writes = Writes::to(&server.url()).await;
    let (first, _) = writes.at_once(&order(), 5).await;
    assert_eq!(first, [Err(Failure::EffectsNotDiscarded)], "and that one is a failure");
    for _ in 0..3 {
        assert_eq!(writes.at_once(&order(), 5).await, (vec![], vec![Skip::SandboxClosed; 5]));
    }
    let (deleted, _) = writes.at_once(&captured("DELETE", "/orders/7", &[], ""), 5).await;
    assert_eq!((deleted.len(), server.requests().len()), (1, 2));
    let closed = |endpoint: &str| (endpoint.to_owned(), SandboxClosing::NotDiscarded);
    assert_eq!(writes.closings(), [closed("POST /orders"), closed("DELETE /orders/{id}")]);
}

#[tokio::test]
async fn a_candidate_that_stops_keeping_it_gets_no_write_after_that_answer() {
    let answered = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |mut peer: Peer| {
        let answered = Arc::clone(&answered);
        async move {
            while peer.request().await.is_some() {
                let nth = answered.fetch_add(1, Ordering::SeqCst);
                if !peer.write(if nth == 4 { SILENT } else { KEPT }).await {
                    return;
                }
            }
        }
    })
    .await;
    let mut writes = Writes::to(&server.url()).await;
    let mut outcomes = Vec::new();
    for _ in 0..10 {
        outcomes.extend(writes.at_once(&order(), 1).await.0);
    }
    assert_eq!(outcomes[..4], [Ok(201); 4]);
    assert_eq!(outcomes[4..], [Err(Failure::EffectsNotDiscarded)], "the fifth was the last");
    assert_eq!(server.requests().len(), 5);
    assert_eq!(writes.closings(), [("POST /orders".to_owned(), SandboxClosing::NotDiscarded)]);
}

#[tokio::test]
async fn a_write_that_gets_no_answer_before_any_was_proven_closes_and_one_that_never_went_out_does_not() {
    let hangs = Server::start(|mut peer| async move {
        peer.request().await;
        peer.hang().await;
    })
    .await;
    let resets = Server::start(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    for (server, failure) in [(&hangs, Failure::Timeout), (&resets, Failure::Closed)] {
        let mut writes = Writes::to(&server.url()).await;
        assert_eq!(writes.at_once(&order(), 3).await, (vec![Err(failure)], vec![Skip::SandboxTrial; 2]));
        assert_eq!(writes.at_once(&order(), 3).await, (vec![], vec![Skip::SandboxClosed; 3]), "{failure}");
        assert_eq!(server.requests().len(), 1, "{failure}");
        assert_eq!(writes.closings(), [("POST /orders".to_owned(), SandboxClosing::NeverProven)]);
    }

    let gone = Server::start(|_| async {}).await;
    let mut writes = Writes::to(&gone.url()).await;
    drop(gone);
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..3 {
        assert_eq!(
            writes.at_once(&order(), 1).await,
            (vec![Err(Failure::Connect)], vec![]),
            "tried again: nothing went out"
        );
    }
    assert_eq!(writes.closings(), []);
}
