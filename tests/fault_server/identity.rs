//! In whose name the candidate is asked: credentials on the wire, and in nothing that is shown.

use std::process::Command;

use tapcompare::config::{Credentials, Replacement, Safety};
use tapcompare::exchange::{Carried, Exchange, Skip};
use tapcompare::shadow::Shadow;
use tokio::time::Instant;

use super::server::Server;
use super::{captured, limits, target};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Variables that this test's own process is started with.
const TOKEN: &str = "TAPCOMPARE_TEST_TOKEN";
const COOKIE: &str = "TAPCOMPARE_TEST_COOKIE";

fn replacing(pairs: &[(&str, &str)]) -> Safety {
    let one =
        |(header, variable): &(&str, &str)| Replacement { header: (*header).into(), variable: (*variable).into() };
    let credentials = Credentials::Replace(pairs.iter().map(one).collect());
    Safety { credentials, limits: limits(), ..Safety::default() }
}

fn user() -> Exchange {
    let headers = [
        ("Host", "shop.example"),
        ("Authorization", "Bearer captured-1"),
        ("authorization", "Basic captured-2"),
        ("X-Api-Key", "captured-3"),
        ("Cookie", "sid=captured-4"),
        ("X-Tenant", "captured-5"),
    ];
    captured("GET", "/orders", &headers, "")
}

/// The environment is the whole process's, so this test runs itself once more in a process that has the variables.
#[tokio::test]
async fn captured_credentials_are_replaced_from_the_environment_and_never_shown() {
    const INNER: &str = "TAPCOMPARE_TEST_REPLACES";
    if let Ok(url) = std::env::var(INNER) {
        let safety = replacing(&[("authorization", TOKEN), ("cookie", COOKIE), ("x-tenant", TOKEN)]);
        let shadow = Shadow::resolve(&target(&url), None, &safety).await.unwrap();
        let request = shadow.decide(&user()).unwrap();
        let shown = format!("{shadow:?} {request:?} {safety:?}");
        assert!(!shown.contains("canary") && !shown.contains("captured"), "{shown}");
        let asked = shadow.observe(&request, Instant::now()).await;
        assert_eq!((asked.credentials, asked.candidate.unwrap().response.status), (Carried::Sent, 200));
        // Nobody is made somebody.
        let request = shadow.decide(&captured("GET", "/", &[], "")).unwrap();
        assert_eq!(shadow.observe(&request, Instant::now()).await.credentials, Carried::Nothing);
        return;
    }
    let server = Server::start(|mut peer| async move { peer.answer_all(OK).await }).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "identity::captured_credentials_are_replaced_from_the_environment_and_never_shown",
        "--nocapture",
    ]);
    command.env(INNER, server.url()).env(TOKEN, "Bearer canary-token").env(COOKIE, "sid=canary-cookie");
    command.env("RUST_LOG", "trace");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && !said.contains("canary"), "{said}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{said}");
    assert_eq!(
        requests[0],
        "GET /orders HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer canary-token\r\nCookie: sid=canary-cookie\r\n\
         X-Tenant: Bearer canary-token\r\nShadow-Request: 1\r\n\r\n",
        "once each, and the API key that has no other value is gone"
    );
    assert!(!requests[1].contains("canary"), "{}", requests[1]);
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_told_before_anything_is_asked() {
    let server = Server::trap().await;
    let safety = replacing(&[("authorization", "TAPCOMPARE_TEST_NEVER_SET")]);
    let message = Shadow::resolve(&target(&server.url()), None, &safety).await.unwrap_err().to_string();
    assert!(message.contains("TAPCOMPARE_TEST_NEVER_SET is not set") && !message.contains('\n'), "{message}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_became_of_the_captured_credentials_travels_with_the_answers() {
    let server = Server::start(|mut peer| async move { peer.answer_all(OK).await }).await;
    for (credentials, carried) in [(Credentials::Strip, Carried::Stripped), (Credentials::Pass, Carried::Sent)] {
        let safety = Safety { credentials, limits: limits(), ..Safety::default() };
        let shadow = Shadow::resolve(&target(&server.url()), None, &safety).await.unwrap();
        let ask = async |exchange: &Exchange| {
            let request = shadow.decide(exchange).unwrap();
            shadow.observe(&request, Instant::now()).await.credentials
        };
        assert_eq!(ask(&user()).await, carried);
        assert_eq!(
            ask(&captured("GET", "/", &[("Proxy-Authorization", "x")], "")).await,
            Carried::Nothing,
            "the hop's"
        );
        let named_for_the_hop = captured("GET", "/", &[("Connection", "cookie"), ("Cookie", "a=b")], "");
        assert_eq!(ask(&named_for_the_hop).await, Carried::Nothing);
    }
}

#[tokio::test]
async fn what_was_captured_on_its_way_to_the_candidate_is_not_asked_again() {
    let server = Server::trap().await;
    let safety = Safety { limits: limits(), ..Safety::default() };
    let shadow = Shadow::resolve(&target(&server.url()), None, &safety).await.unwrap();
    let to = |address: String| {
        let mut exchange = captured("GET", "/", &[], "");
        exchange.server = address.parse().unwrap();
        shadow.decide(&exchange).map(drop)
    };
    let port = server.address.port();
    assert_eq!(to(server.address.to_string()), Err(Skip::OwnTraffic));
    assert_eq!(to(format!("[::ffff:127.0.0.1]:{port}")), Err(Skip::OwnTraffic), "the same address as IPv6");
    assert_eq!(to(format!("127.0.0.1:{}", port ^ 1)), Ok(()));
    assert_eq!(to(format!("127.0.0.2:{port}")), Ok(()));
    // A recording of the legacy at the address where the candidate stands today is no traffic of ours.
    let mut there = captured("GET", "/", &[], "");
    there.server = server.address;
    assert!(shadow.recorded().decide(&there).is_ok());
}
