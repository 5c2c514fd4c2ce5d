//! Where bytes go, over which connections, and how often.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use tapcompare::config::{OpenEndpoint, Safety, Treatment};
use tapcompare::exchange::Failure;
use tapcompare::shadow::{Secrets, Shadow};
use tokio::time::{Instant, sleep};

use super::server::Server;
use super::{ask, captured, client, get, limits, shadow_request, target};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn plain() -> Server {
    Server::start(|mut peer| async move { peer.answer_all(OK).await }).await
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let trap = Server::trap().await;
    let location = trap.url();
    let server = Server::start(move |mut peer| {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}/\r\nContent-Length: 0\r\n\r\n");
        async move { peer.answer_all(&answer).await }
    })
    .await;
    let answer = ask(&client(&server.url()).await, &get()).await.unwrap();
    assert_eq!(answer.response.status, 302);
    sleep(Duration::from_millis(20)).await;
    assert_eq!((server.requests().len(), trap.connections()), (1, 0));
}

#[tokio::test]
async fn nothing_captured_decides_where_bytes_go() {
    let (server, trap) = (plain().await, Server::trap().await);
    let client = client(&format!("{}/base", server.url())).await;
    let elsewhere = trap.address.to_string();
    let (absolute, with_user) = (format!("{}/a?b=1", trap.url()), format!("http://u:p@{elsewhere}/"));
    for (path, host) in
        [("/x", elsewhere.as_str()), (&absolute, "shop.example"), (&with_user, &elsewhere), ("//a/b", &elsewhere)]
    {
        let forwarded =
            [("Host", host), ("Forwarded", "host=x"), ("X-Forwarded-Host", &elsewhere), ("Referer", &absolute)];
        assert_eq!(ask(&client, &shadow_request("GET", path, &forwarded)).await.unwrap().response.body.bytes, "ok");
    }
    assert_eq!(trap.connections(), 0);
    let lines: Vec<String> = server.requests().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
    let expected = ["/base/x", "/base/a?b=1", "/base/", "/base//a/b"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_goes_out_is_the_captured_question_and_the_mark() {
    let server = plain().await;
    let headers = [
        ("host", "shop.example"),
        ("Accept-Encoding", "gzip, br"),
        ("Cookie", "session=secret"),
        ("Connection", "close, X-Private"),
        ("X-Private", "1"),
        ("Transfer-Encoding", "chunked"),
    ];
    let open = OpenEndpoint { endpoint: "POST /search".parse().unwrap(), treatment: Treatment::Read };
    let safety = Safety { endpoints: vec![open], ..Safety::default() };
    let exchange = captured("POST", "/search?q=a%20b", &headers, "{\"q\":1}");
    let request = tapcompare::shadow::safety::decide(&exchange, &safety, &Secrets::default()).unwrap();
    ask(&client(&server.url()).await, &request).await.unwrap();
    assert_eq!(
        server.requests(),
        [
            "POST /search?q=a%20b HTTP/1.1\r\nHost: shop.example\r\nAccept-Encoding: gzip, br\r\nContent-Length: 7\r\nShadow-Request: 1\r\n\r\n"
        ]
    );
}

/// Proxy variables are the whole process's, so this test runs itself once more in a process that has them.
#[tokio::test]
async fn no_proxy_variable_moves_a_byte() {
    const INNER: &str = "TAPCOMPARE_TEST_ASKS";
    if let Ok(url) = std::env::var(INNER) {
        assert_eq!(ask(&client(&url).await, &get()).await.unwrap().response.body.bytes, "ok");
        return;
    }
    let (server, trap) = (plain().await, Server::trap().await);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "roads::no_proxy_variable_moves_a_byte"]).env(INNER, server.url());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, trap.url());
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((server.requests().len(), trap.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_right_after_each_answer_fails_no_request() {
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.write(OK).await;
            if !delay.is_zero() {
                sleep(delay).await;
            }
        })
        .await;
        let client = client(&server.url()).await;
        for round in 0..100 {
            // Sometimes at once, sometimes when the connection has rested long enough to be taken again.
            if round % 20 == 0 {
                sleep(Duration::from_millis(8)).await;
            }
            ask(&client, &get()).await.unwrap_or_else(|e| panic!("{delay:?}, round {round}: {e:?}"));
        }
        assert_eq!((server.requests().len(), server.connections()), (100, 100));
    }
}

/// The runtime of the client is kept from looking while the server, in a thread of its own, closes.
#[tokio::test]
async fn a_close_that_nobody_had_time_to_look_at_fails_no_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(OK.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let client = client(&url).await;
    ask(&client, &get()).await.unwrap();
    std::thread::sleep(Duration::from_millis(60));
    ask(&client, &get()).await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_keeps_connections_is_asked_over_them() {
    let server = plain().await;
    let client = client(&server.url()).await;
    ask(&client, &get()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    for _ in 0..100 {
        ask(&client, &get()).await.unwrap();
    }
    assert_eq!(server.requests().len(), 101);
    // One, unless this machine stood still just when a connection came back.
    assert!(server.connections() < 5, "{}", server.connections());
}

#[tokio::test]
async fn idle_connections_are_bounded_by_the_limit_in_flight() {
    let server = plain().await;
    let few = tapcompare::config::Limits { in_flight: 2, ..limits() };
    let client = tapcompare::shadow::Client::resolve(&target(&server.url()), &few).await.unwrap();
    let client = std::sync::Arc::new(client);
    for (round, connections) in [(1, 6), (2, 10)] {
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { ask(&client, &get()).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
        assert_eq!(server.connections(), connections, "round {round}: two were kept of the six");
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced_without_a_second_request() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK).await;
        sleep(Duration::from_millis(30)).await;
    })
    .await;
    let client = client(&server.url()).await;
    ask(&client, &get()).await.unwrap();
    sleep(Duration::from_millis(60)).await;
    ask(&client, &get()).await.unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_request_that_went_out_over_a_kept_connection_is_never_sent_again() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK).await;
        peer.request().await;
    })
    .await;
    let client = client(&server.url()).await;
    ask(&client, &get()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(ask(&client, &get()).await.unwrap_err().failure, Failure::Closed);
    sleep(Duration::from_millis(20)).await;
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn giving_up_closes_the_connection() {
    let gone = std::sync::Arc::new(tokio::sync::Notify::new());
    let told = gone.clone();
    let server = Server::start(move |mut peer| {
        let told = told.clone();
        async move {
            peer.request().await;
            peer.hang().await;
            told.notify_one();
        }
    })
    .await;
    let client = client(&server.url()).await;
    assert_eq!(ask(&client, &get()).await.unwrap_err().failure, Failure::Timeout);
    tokio::time::timeout(Duration::from_millis(200), gone.notified()).await.expect("the socket is closed");
}

#[tokio::test]
async fn the_live_legacy_is_asked_what_only_reads_and_nothing_else() {
    let (candidate, legacy) = (plain().await, plain().await);
    let open = OpenEndpoint { endpoint: "POST /search".parse().unwrap(), treatment: Treatment::Read };
    let safety = Safety {
        methods: vec!["GET".into(), "OPTIONS".into()],
        endpoints: vec![open],
        limits: limits(),
        ..Safety::default()
    };
    let (to, from) = (target(&candidate.url()), target(&legacy.url()));
    let shadow = Shadow::resolve(&to, Some(&from), &safety).await.unwrap();
    for (method, path, both) in [("GET", "/a", true), ("POST", "/search", false), ("OPTIONS", "/a", false)] {
        let request = shadow.decide(&captured(method, path, &[], "")).unwrap();
        let asked = shadow.observe(&request, Instant::now()).await;
        assert_eq!(asked.candidate.unwrap().response.body.bytes, "ok");
        assert_eq!(asked.legacy.is_some(), both, "{method} {path}");
    }
    assert_eq!((candidate.requests().len(), legacy.requests().len()), (3, 1));
    assert!(shadow.decide(&captured("DELETE", "/a", &[], "")).is_err());
}

#[tokio::test]
async fn the_two_are_asked_at_the_same_moment() {
    let slow = || {
        Server::start(|mut peer| async move {
            peer.request().await;
            sleep(Duration::from_millis(150)).await;
            peer.write(OK).await;
        })
    };
    let (candidate, legacy) = (slow().await, slow().await);
    let safety = Safety { limits: limits(), ..Safety::default() };
    let shadow = Shadow::resolve(&target(&candidate.url()), Some(&target(&legacy.url())), &safety).await.unwrap();
    let asked = shadow.observe(&get(), Instant::now()).await;
    for answer in [asked.candidate, asked.legacy.unwrap()] {
        assert!(answer.unwrap().latency < Duration::from_millis(280), "neither waits for the other");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_told_before_anything_is_asked() {
    let error =
        tapcompare::shadow::Client::resolve(&target("http://no-such-host.invalid:1"), &limits()).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("http://no-such-host.invalid:1") && message.contains("check the name"), "{message}");
}
