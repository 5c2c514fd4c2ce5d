//! Every fault, and what it is counted as.

use std::time::Duration;

use tapcompare::exchange::{Failure, Version};
use tokio::time::{Instant, sleep};

use super::server::{Peer, Server};
use super::{BODY_LIMIT, TIMEOUT, ask, client, get, shadow_request};

/// What a client may meet after it has sent its request, written as the bytes of the answer and what follows them.
enum After {
    Close,
    Hang,
    Reset,
    /// The same piece again and again, with a pause before each.
    Endless(&'static str, Duration),
}

async fn play(mut peer: Peer, answer: &str, after: After) {
    peer.request().await;
    peer.write(answer).await;
    match after {
        After::Close => {}
        After::Hang => peer.hang().await,
        After::Reset => {
            // The client gets to see what was written before the reset takes it away.
            sleep(Duration::from_millis(20)).await;
            peer.reset();
        }
        After::Endless(piece, pause) => {
            while peer.write(piece).await {
                if !pause.is_zero() {
                    sleep(pause).await;
                }
            }
        }
    }
}

/// Asks once a server that answers so, and checks that it was one attempt and took no longer than it may.
async fn failure_of(name: &str, answer: &'static str, after: fn() -> After) -> Option<Failure> {
    let server = Server::start(move |peer| play(peer, answer, after())).await;
    let client = client(&server.url()).await;
    let began = Instant::now();
    let outcome = ask(&client, &get()).await;
    assert!(began.elapsed() < TIMEOUT + Duration::from_millis(300), "{name}: {:?}", began.elapsed());
    sleep(Duration::from_millis(20)).await;
    assert_eq!((server.connections(), server.requests().len()), (1, 1), "{name}: one attempt");
    if let Err(failed) = &outcome {
        let waited = failed.failure != Failure::Timeout || failed.after >= TIMEOUT;
        assert!(waited && failed.after <= began.elapsed(), "{name}: {failed:?}");
    }
    outcome.err().map(|failed| failed.failure)
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const DRIP: Duration = Duration::from_millis(100);
const NO_PAUSE: Duration = Duration::ZERO;

#[tokio::test]
async fn hanging_and_dripping_end_at_the_time_out() {
    for (name, answer, after) in [
        ("hangs before the head", "", (|| After::Hang) as fn() -> After),
        ("hangs within the head", "HTTP/1.1 200 OK\r\nX", || After::Hang),
        ("hangs after the head", HEAD, || After::Hang),
        ("hangs within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", || After::Hang),
        ("drips a head", "HTTP/1.1 200 OK\r\nX: ", || After::Endless("a", DRIP)),
        ("drips a body", HEAD, || After::Endless("a", DRIP)),
        ("interim answers that drip", "", || After::Endless("HTTP/1.1 100 Continue\r\n\r\n", DRIP)),
    ] {
        assert_eq!(failure_of(name, answer, after).await, Some(Failure::Timeout), "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_is_closed() {
    for (name, answer, after) in [
        ("closes at once", "", (|| After::Close) as fn() -> After),
        ("closes within the head", "HTTP/1.1 200 OK\r\nX", || After::Close),
        ("closes after the head", HEAD, || After::Close),
        ("length too long for the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", || After::Close),
        ("closes before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", || {
            After::Close
        }),
        ("closes within a chunk's size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2", || After::Close),
        ("resets before the head", "", || After::Reset),
        ("resets within the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", || After::Reset),
    ] {
        assert_eq!(failure_of(name, answer, after).await, Some(Failure::Closed), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_malformed() {
    let hang = (|| After::Hang) as fn() -> After;
    let many: &str = Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(300)).into_boxed_str());
    let interim: &str = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40).leak();
    let interim: &str = Box::leak(format!("{interim}HTTP/1.1 204 No Content\r\n\r\n").into_boxed_str());
    for (name, answer, after) in [
        ("garbage", "\x01\x02\x03 what?\r\n\r\n", hang),
        ("another protocol", "SSH-2.0-OpenSSH_9.6\r\n", hang),
        ("HTTP/2", "HTTP/2 200 OK\r\n\r\n", hang),
        ("a body without a head", "{\"id\": 1}", hang),
        ("no status", "HTTP/1.1 OK\r\n\r\n", hang),
        ("a header without a colon", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n", hang),
        ("a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", hang),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", hang),
        ("a chunk size that is no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", hang),
        (
            "a chunk longer than its size",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
            hang,
        ),
        (
            "a chunk size past 64 bits",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
            hang,
        ),
        (
            "another protocol, unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            hang,
        ),
        ("an endless head", "HTTP/1.1 200 OK\r\n", || {
            After::Endless("X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", NO_PAUSE)
        }),
        ("an endless field", "HTTP/1.1 200 OK\r\nX-Long: ", || {
            After::Endless("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NO_PAUSE)
        }),
        ("too many fields", many, hang),
        ("too many interim answers", interim, hang),
        ("only interim answers", "", || After::Endless("HTTP/1.1 100 Continue\r\n\r\n", NO_PAUSE)),
    ] {
        assert_eq!(failure_of(name, answer, after).await, Some(Failure::Malformed), "{name}");
    }
}

#[tokio::test]
async fn a_body_past_the_limit_is_too_large() {
    const PIECE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const CHUNK: &str = "8\r\naaaaaaaa\r\n8\r\naaaaaaaa\r\n8\r\naaaaaaaa\r\n8\r\naaaaaaaa\r\n8\r\naaaaaaaa\r\n";
    for (name, answer, after) in [
        ("endless until close", "HTTP/1.1 200 OK\r\n\r\n", (|| After::Endless(PIECE, NO_PAUSE)) as fn() -> After),
        ("endless chunks", CHUNKED, || After::Endless(CHUNK, NO_PAUSE)),
        ("announced", "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", || After::Hang),
        ("announced beyond all reason", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n", || After::Hang),
    ] {
        assert_eq!(failure_of(name, answer, after).await, Some(Failure::TooLarge), "{name}");
    }
    let full: &str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_LIMIT}\r\n\r\n{}", "a".repeat(BODY_LIMIT)).into());
    assert_eq!(failure_of("as large as allowed", full, || After::Hang).await, None);
}

#[tokio::test]
async fn nobody_listening_is_a_failure_to_connect() {
    let server = Server::start(|_| async {}).await;
    let client = client(&server.url()).await;
    drop(server);
    sleep(Duration::from_millis(20)).await;
    let failed = ask(&client, &get()).await.unwrap_err();
    assert_eq!(failed.failure, Failure::Connect);
    assert!(failed.after < TIMEOUT);
}

#[tokio::test]
async fn a_server_that_speaks_or_leaves_before_it_is_asked_is_a_failure() {
    let greets = Server::start(|mut peer| async move {
        peer.write("220 mail.example ESMTP\r\n").await;
        peer.hang().await;
    })
    .await;
    assert_eq!(ask(&client(&greets.url()).await, &get()).await.unwrap_err().failure, Failure::Malformed);
    let leaves = Server::start(|peer| async move { peer.reset() }).await;
    let failure = ask(&client(&leaves.url()).await, &get()).await.unwrap_err().failure;
    assert!(matches!(failure, Failure::Closed | Failure::Connect), "{failure:?}");
    assert_eq!((greets.connections(), leaves.connections()), (1, 1));
}

#[tokio::test]
async fn answers_of_every_framing_are_read_whole() {
    let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
        3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n";
    for (name, method, answer, status, body, interim) in [
        ("a failed service", "GET", "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno", 500, "no", &[][..]),
        ("chunks and trailers", "GET", trailers, 200, "abcde", &[]),
        ("until close", "GET", "HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", &[]),
        ("HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold", 200, "old", &[]),
        (
            "interim",
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            204,
            "",
            &[100, 103],
        ),
        ("HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", 200, "", &[]),
        ("not modified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, "", &[]),
        ("an unknown status", "GET", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", 799, "", &[]),
    ] {
        let server = Server::start(move |peer| play(peer, answer, After::Close)).await;
        let request = shadow_request(method, "/", &[]);
        let response =
            ask(&client(&server.url()).await, &request).await.unwrap_or_else(|e| panic!("{name}: {e:?}")).response;
        assert_eq!(
            (response.status, &response.body.bytes[..], &response.interim[..]),
            (status, body.as_bytes(), interim),
            "{name}"
        );
        let old = answer.starts_with("HTTP/1.0");
        assert_eq!(response.version == Version::Http10, old, "{name}");
        let sum = response.headers.get("X-Sum");
        assert_eq!(sum, (name == "chunks and trailers").then_some(&b"7"[..]), "{name}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_do_not_hold_up_what_is_asked_beside() {
    let many = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000);
    let endless = Server::start(move |mut peer| {
        let many = many.clone();
        async move {
            peer.request().await;
            while peer.write(&many).await {}
        }
    })
    .await;
    let client = client(&endless.url()).await;
    let request = get();
    for failed in [ask(&client, &request), ask(&client, &request)] {
        assert_eq!(failed.await.unwrap_err().failure, Failure::Malformed);
    }
}

/// A client that reads on takes what follows for the answer to its next request.
#[tokio::test]
async fn bytes_behind_an_answer_are_a_failure_and_do_not_reach_the_next_one() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (name, method, answer) in [
        ("a second answer", "GET", format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood{evil}")),
        ("a length too short", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood and more".to_owned()),
        ("a line end", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood\r\n".to_owned()),
        ("behind the last chunk", "GET", format!("{CHUNKED}4\r\ngood\r\n0\r\n\r\n{evil}")),
        ("a body to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood".to_owned()),
        ("a body with 204", "GET", "HTTP/1.1 204 No Content\r\n\r\ngood".to_owned()),
    ] {
        let server = Server::start(move |mut peer| {
            let answer = answer.clone();
            async move { peer.answer_all(&answer).await }
        })
        .await;
        let client = client(&server.url()).await;
        for round in 1..=3 {
            let failed = ask(&client, &shadow_request(method, "/", &[])).await.unwrap_err();
            assert_eq!(failed.failure, Failure::UnexpectedBytes, "{name}, round {round}");
            assert_eq!(server.connections(), round, "{name}: what follows the answer spoils the connection");
        }
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_that_ends_its_connection_are_nobodys() {
    for (name, answer, late) in [
        ("closed by its word", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood", "more"),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ngood", "more"),
        ("closed", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", ""),
    ] {
        let whole = format!("{answer}{late}");
        let server = Server::start(move |mut peer| {
            let whole = whole.clone();
            async move {
                peer.request().await;
                peer.write(whole).await;
            }
        })
        .await;
        let client = client(&server.url()).await;
        for round in 1..=2 {
            let answer = ask(&client, &get()).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert_eq!(answer.response.body.bytes, "good", "{name}, round {round}");
            sleep(Duration::from_millis(10)).await;
        }
    }
    // As some say before they close a connection that nobody uses (RFC 9110, section 15.5.9).
    let idle = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await;
        sleep(Duration::from_millis(100)).await;
        peer.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let client = client(&idle.url()).await;
    for connections in 1..=2 {
        assert_eq!(ask(&client, &get()).await.unwrap().response.body.bytes, "good");
        sleep(Duration::from_millis(200)).await;
        assert_eq!(idle.connections(), connections);
    }
}

#[tokio::test]
async fn latency_counts_from_the_intended_time_to_the_last_byte() {
    let slow = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            sleep(Duration::from_millis(50)).await;
            peer.write(HEAD).await;
            sleep(Duration::from_millis(50)).await;
            peer.write("0123456789").await;
        }
    })
    .await;
    let slow_client = client(&slow.url()).await;
    let behind = Duration::from_millis(200);
    let answer = slow_client.ask(&get(), Instant::now() - behind).await.unwrap();
    assert!(answer.latency >= behind + Duration::from_millis(100), "{:?}", answer.latency);
    let answer = slow_client.ask(&get(), Instant::now()).await.unwrap();
    assert!((Duration::from_millis(100)..Duration::from_millis(300)).contains(&answer.latency), "{:?}", answer.latency);
    let hanging = Server::start(|mut peer| async move { peer.hang().await }).await;
    let failed = client(&hanging.url()).await.ask(&get(), Instant::now() - behind).await.unwrap_err();
    assert!(failed.after >= behind + TIMEOUT, "the time-out begins with the sending: {failed:?}");
}
