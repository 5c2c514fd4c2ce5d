//! The demo's legacy in a namespace, and the shoppers of `captures/shop.pcap`, who ask it what they asked before.

use std::net::SocketAddr;
use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tapcompare::capture::Files;
use tapcompare::demo;
use tapcompare::exchange;
use tapcompare::wire::{Wire, WireOptions};

/// Serves until it is killed.
pub(super) async fn serve(listen: &str) {
    let shop = demo::serve_on(listen.parse::<SocketAddr>().unwrap()).await.unwrap();
    println!("listening on {}", shop.address);
    std::future::pending::<()>().await;
}

/// Over how many connections at once the shoppers ask.
const CONNECTIONS: usize = 8;

/// Asks the first `most` requests of a capture, and says how many were answered.
pub(super) async fn visit(address: &str, capture: &str, most: usize) {
    let requests = requests_of(Path::new(capture), most);
    let asked = requests.len();
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let mine: Vec<_> = requests.iter().skip(number).step_by(CONNECTIONS).cloned().collect();
        tasks.push(tokio::spawn(ask_all(address.to_owned(), mine)));
    }
    for task in tasks {
        task.await.unwrap();
    }
    println!("answered {asked}");
}

fn requests_of(capture: &Path, most: usize) -> Vec<exchange::Request> {
    let mut files = Files::open(&[capture.to_owned()]).unwrap();
    let mut wire = Wire::new(WireOptions::default());
    let mut requests = Vec::new();
    let mut keep = |e: exchange::Exchange| requests.extend(e.request);
    while let Some(frame) = files.next() {
        wire.frame(&frame, &mut keep);
    }
    wire.finish(&mut keep);
    requests.truncate(most);
    assert!(requests.len() == most, "the capture holds only {} requests", requests.len());
    requests
}

async fn ask_all(address: String, requests: Vec<exchange::Request>) {
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for request in requests {
        send.ready().await.unwrap();
        let mut asked = Request::builder().method(request.method.as_str()).uri(&*request.target_text());
        for (name, value) in request.headers.iter() {
            // The connection is kept, whatever the shopper of the capture did with it.
            if !name.eq_ignore_ascii_case("connection") {
                asked = asked.header(name, value);
            }
        }
        let answer = send.send_request(asked.body(Full::new(request.body.bytes)).unwrap()).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
}
