//! What the candidate failed, on the page in a real browser: reached from its endpoint and back, filtered, copied, and
//! readable in a narrow window.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::json;

use crate::chromium::Browser;

/// A candidate that breaks on orders, hangs up on products, and finds nothing else.
fn failing_candidate() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let (mut asked, mut byte) = (Vec::new(), [0]);
                while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                    asked.push(byte[0]);
                }
                let target = String::from_utf8_lossy(&asked).split(' ').nth(1).unwrap_or_default().to_owned();
                let status = match target.as_str() {
                    orders if orders.starts_with("/orders") => "500 Internal Server Error",
                    products if products.starts_with("/products") => return,
                    _ => "404 Not Found",
                };
                let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 7\r\n\r\nwent up");
            });
        }
    });
    address
}

const HASH: &str = "location.hash";
const SETTLED: &str = "new Promise(done => setTimeout(done, 50))";

#[test]
fn failures_are_reached_filtered_and_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(folder.path()) else { return };
    let page = folder.path().join("page.html");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap");
    let candidate = failing_candidate();
    let mut replay = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    replay.arg("replay").arg(capture).args(["--candidate", &candidate, "--pace", "max", "--no-overhead"]);
    let done = replay.arg("--html").arg(&page).current_dir(folder.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    browser.look(1280, 800, "screen", &[("prefers-color-scheme", "light")]);
    browser.open(&format!("file://{}", page.display()));

    // The kinds, and the status where there was one.
    let kinds = browser.eval(
        "[...new Set([...document.querySelectorAll('#failures .group')].map(g => g.querySelector('.chip').textContent \
         + ': ' + g.querySelector('summary .meta').textContent.replace(/legacy [0-9]+/, 'legacy')))].sort()",
    );
    assert_eq!(kinds, json!(["closed: legacy, candidate no answer", "server-error: legacy, candidate 500"]));
    let commands =
        "[...document.querySelectorAll('#failures .group')].map(g => g.querySelector('.copied pre').textContent)";
    let commands: Vec<String> = serde_json::from_value(browser.eval(commands)).unwrap();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in &commands {
        let asks = command.starts_with("curl -sS ") && command.contains(&candidate);
        assert!(asks && command.contains("-H 'host: shop.example'"), "{command}");
    }

    // From the failure to its endpoint, and back, by keyboard.
    let first = browser.eval("'#' + document.querySelector('#failures .group').id");
    browser.eval("document.querySelector('#failures .group h3 a').focus()");
    browser.press("Enter");
    browser.eval(SETTLED);
    assert_eq!(browser.eval("document.activeElement.matches('.endpoint')"), true);
    let back = format!("document.querySelector('.endpoint.shown a[href=\"{}\"]')", first.as_str().unwrap());
    browser.eval(&format!("{back}.focus()"));
    browser.press("Enter");
    browser.eval(SETTLED);
    assert_eq!(browser.eval(HASH), first);
    let seen = browser.eval(
        "(box => box.top >= 0 && box.top < window.innerHeight)(document.querySelector(location.hash).getBoundingClientRect())",
    );
    assert_eq!(seen, true);

    // The filter keeps those with each word.
    browser.eval(
        "const field = document.getElementById('filter'); field.value = 'orders server-error'; \
         field.dispatchEvent(new Event('input', {bubbles: true}))",
    );
    let shown = browser.eval(
        "(all => [all.length > 0, all.every(g => g.textContent.includes('orders'))])(\
         [...document.querySelectorAll('#failures .group')].filter(g => g.offsetParent !== null))",
    );
    assert_eq!(shown, json!([true, true]));
    browser.eval("field.value = ''; field.dispatchEvent(new Event('input', {bubbles: true}))");

    for width in [400, 320] {
        browser.look(width, 800, "screen", &[("prefers-color-scheme", "dark")]);
        browser.eval("document.querySelectorAll('#failures details').forEach(one => { one.open = true; })");
        let widest = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(widest <= u64::from(width), "{widest} pixels at {width}");
    }
    assert_eq!(browser.events("Runtime.exceptionThrown"), [] as [serde_json::Value; 0]);
}
