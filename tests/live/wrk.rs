//! wrk, and what it says it has done.

use std::time::Duration;

use super::child::{Running, run};
use super::net::{Net, Place};

/// What wrk counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Load {
    /// Answers that came whole. As many more as there are connections may have been under way at the end.
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Errors of sockets, by kind, and answers that are neither 2xx nor 3xx.
    pub(crate) connect: u64,
    pub(crate) read: u64,
    pub(crate) write: u64,
    pub(crate) timeout: u64,
    pub(crate) refused: u64,
}

impl Load {
    pub(crate) fn errors(&self) -> u64 {
        self.connect + self.read + self.write + self.timeout + self.refused
    }
}

/// Runs `wrk` to its end. It has the lowest priority, because the clients of a real network are other machines, which
/// take nothing away from the one that watches.
pub(crate) fn wrk(net: &Net, place: Place, connections: u32, length: Duration, url: &str) -> Load {
    let mut command = net.command(place, "nice");
    let seconds = format!("-d{}s", length.as_secs().max(1));
    command.args(["-n", "19", "wrk", "-t1", &format!("-c{connections}"), &seconds, "--latency", url]);
    read(&run(command))
}

/// Traffic that goes on until what is returned is dropped.
pub(crate) fn load_until_dropped(net: &Net, connections: u32, url: &str) -> Running {
    let mut command = net.command(Place::Client, "nice");
    command.args(["-n", "19", "wrk", "-t1", &format!("-c{connections}"), "-d600s", url]);
    Running::start("wrk", command)
}

/// Reads what wrk prints.
pub(crate) fn read(text: &str) -> Load {
    let mut load = Load::default();
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["50%", time] => load.p50 = duration(time),
            ["99%", time] => load.p99 = duration(time),
            [count, "requests", "in", ..] => load.requests = count.parse().unwrap(),
            ["Requests/sec:", rate] => load.per_second = rate.parse().unwrap(),
            ["Socket", "errors:", "connect", connect, "read", read, "write", write, "timeout", timeout] => {
                let count = |word: &str| word.trim_end_matches(',').parse().unwrap();
                (load.connect, load.read) = (count(connect), count(read));
                (load.write, load.timeout) = (count(write), count(timeout));
            }
            ["Non-2xx", "or", "3xx", "responses:", count] => load.refused = count.parse().unwrap(),
            _ => {}
        }
    }
    assert!(text.contains("Requests/sec:"), "wrk said nothing of its rate:\n{text}");
    load
}

/// `1.23ms` as wrk writes it.
fn duration(text: &str) -> Duration {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap();
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => panic!("wrk's unit {unit} is not known"),
    };
    Duration::from_secs_f64(number.parse::<f64>().unwrap() * seconds)
}

#[test]
fn what_wrk_prints_is_read() {
    let text = "Running 1s test @ http://10.77.0.2/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    88.61us   60.80us   1.41ms   92.58%
    Req/Sec    85.52k     6.27k   94.47k    70.00%
  Latency Distribution
     50%   77.00us
     75%   97.00us
     90%  120.00us
     99%    1.36ms
  93585 requests in 1.10s, 38.02MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  85091.52
Transfer/sec:     34.57MB
";
    let load = read(text);
    assert_eq!((load.requests, load.errors()), (93_585, 15));
    assert_eq!((load.p50, load.p99), (Duration::from_micros(77), Duration::from_micros(1360)));
    assert!((load.per_second - 85_091.52).abs() < 0.01);
}
