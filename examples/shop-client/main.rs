//! Shoppers for the demo's legacy: `cargo run --example shop-client -- 127.0.0.1:18471`.
//!
//! `captures/record-shop.sh` records what they do. They ask the same every time (all chance is seeded), over some
//! forty keep-alive connections, a few of them pipelined, for about twenty seconds. Prints what was asked and
//! answered, and fails if an answer is missing.

mod plan;
mod talk;

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use plan::{Chance, Wanted};
use talk::Connection;

/// Shoppers, each with a connection at a time.
const SHOPPERS: usize = 40;
/// Over which time they come in, and at most how long one of them thinks, both in milliseconds.
const ARRIVALS_MS: u64 = 3_000;
const THINK_MS: u64 = 370;
/// How many requests a shopper who pipelines sends at once.
const PIPELINED: usize = 3;

type Tally = BTreeMap<(String, u16), u64>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: shop-client ADDRESS:PORT")?;
    let address: SocketAddr = address.parse().map_err(|_| format!("'{address}' is not an address and port"))?;
    let (shopping, monitoring) = plan::plan();
    let asked = shopping.len() + monitoring.len();

    let mut tasks = Vec::new();
    for number in 0..SHOPPERS {
        let mine: Vec<Wanted> = shopping.iter().skip(number).step_by(SHOPPERS).cloned().collect();
        tasks.push(tokio::spawn(shop(address, number, mine)));
    }
    tasks.push(tokio::spawn(monitor(address, monitoring)));

    let mut tally = Tally::new();
    for task in tasks {
        for (key, count) in task.await?.map_err(|e| format!("asking {address}: {e}"))? {
            *tally.entry(key).or_default() += count;
        }
    }
    let answered: u64 = tally.values().sum();
    for ((endpoint, status), count) in &tally {
        println!("{count:>6}  {status}  {endpoint}");
    }
    println!("{asked:>6}  asked, {answered} answered");
    if answered == asked as u64 { Ok(()) } else { Err("an answer is missing".into()) }
}

/// What a shopper's client tells of itself.
fn habits(number: usize) -> &'static str {
    match number % 10 {
        0..5 => "User-Agent: ShopApp/5.2\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n",
        5..8 => "User-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n",
        8 => "user-agent: curl/8.5.0\r\naccept: */*\r\n",
        _ => "User-Agent: okhttp/4.12\r\nAccept-Encoding: gzip\r\nCookie: visitor=0badc0de\r\n",
    }
}

/// One shopper, from coming in to leaving. Answers with an entity tag are remembered and asked for conditionally.
async fn shop(address: SocketAddr, number: usize, wanted: Vec<Wanted>) -> Result<Tally, talk::TalkError> {
    let mut chance = Chance::new(1_000 + number as u64);
    let (at_once, per_connection) =
        (if number % 8 == 3 { PIPELINED } else { 1 }, if number % 5 == 4 { 18 } else { 1_000 });
    let mut tags: HashMap<String, String> = HashMap::new();
    let mut tally = Tally::new();
    tokio::time::sleep(Duration::from_millis(chance.below(ARRIVALS_MS))).await;
    for visit in wanted.chunks(per_connection) {
        let mut connection = Connection::open(address).await?;
        // Only what is safe to lose is pipelined (RFC 9112, section 9.3.2); HEAD goes alone, because not every other
        // reader of captures pairs it rightly in a pipeline, and this one is to be checked by others.
        let pipelines = visit.chunk_by(|a, b| a.method == "GET" && b.method == "GET");
        for batch in pipelines.flat_map(|run| run.chunks(at_once)) {
            for wanted in batch {
                let tag = tags.get(&wanted.target).filter(|_| wanted.method == "GET");
                connection.send(wanted, habits(number), tag.map(String::as_str), "HTTP/1.1").await?;
            }
            for wanted in batch {
                let answer = connection.receive(wanted.method).await?;
                if let Some(tag) = answer.etag {
                    tags.insert(wanted.target.clone(), tag);
                }
                *tally.entry((wanted.endpoint.to_owned(), answer.status)).or_default() += 1;
            }
            tokio::time::sleep(Duration::from_millis(chance.below(THINK_MS * at_once as u64))).await;
        }
        connection.close().await?;
    }
    Ok(tally)
}

/// The monitoring system: HTTP/1.0, a connection for each request.
async fn monitor(address: SocketAddr, wanted: Vec<Wanted>) -> Result<Tally, talk::TalkError> {
    let mut tally = Tally::new();
    for wanted in wanted {
        let mut connection = Connection::open(address).await?;
        connection.send(&wanted, "User-Agent: monitor/1\r\n", None, "HTTP/1.0").await?;
        let answer = connection.receive(wanted.method).await?;
        connection.close().await?;
        *tally.entry((wanted.endpoint.to_owned(), answer.status)).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Ok(tally)
}
