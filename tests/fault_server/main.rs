//! The shadow client against a server that does everything wrong: each fault is one counted failure, within the time-out
//! and after one attempt; and whatever was captured or configured around it, bytes go to the configured address alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken test server is a failed test")]

mod bodies;
mod faults;
mod identity;
mod roads;
mod sandbox;
mod server;
mod walk;

use std::time::Duration;

use tapcompare::config::{Limits, Safety, Target};
use tapcompare::exchange::{Answer, Body, Exchange, Failed, Headers, Moments, Request, Response, Version};
use tapcompare::shadow::{Client, Secrets, ShadowRequest, safety};
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_millis(400);
const BODY_LIMIT: usize = 64 << 10;

fn limits() -> Limits {
    Limits { timeout: TIMEOUT, body: BODY_LIMIT, ..Limits::default() }
}

fn target(url: &str) -> Target {
    url.parse().unwrap()
}

/// A captured exchange with that request.
fn captured(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Exchange {
    let address = "192.0.2.7:80".parse().unwrap();
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let body = Body::whole(body.to_owned());
    let (headless, empty) = (Headers::new(), Body::default());
    Exchange {
        client: address,
        server: address,
        request: Some(Request {
            method: method.into(),
            target: path.to_owned().into(),
            version: Version::Http11,
            headers,
            body,
        }),
        response: Some(Response {
            version: Version::Http11,
            status: 200,
            headers: headless,
            body: empty,
            interim: vec![],
        }),
        interim_only: Vec::new(),
        incomplete: None,
        moments: Moments::default(),
    }
}

fn shadow_request(method: &str, path: &str, headers: &[(&str, &str)]) -> ShadowRequest {
    safety::decide(&captured(method, path, headers, ""), &Safety::default(), &Secrets::default()).unwrap()
}

fn get() -> ShadowRequest {
    shadow_request("GET", "/orders/1", &[("Host", "shop.example")])
}

async fn client(url: &str) -> Client {
    Client::resolve(&target(url), &limits()).await.unwrap()
}

async fn ask(client: &Client, request: &ShadowRequest) -> Result<Answer, Failed> {
    client.ask(request, Instant::now()).await
}
