//! The page of a demo run, as a file in a real browser: what a reader sees, reaches by keyboard and filters; its figures are
//! those of the JSON; it asks nobody; it fits a narrow window, paper, a dark screen, and eyes that tell fewer colours apart.
//!
//! The pictures of the README are made by it too: `TAPCOMPARE_SCREENSHOTS=docs cargo test --test serve page`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::chromium::Browser;

/// A demo run's page in a browser, beside its JSON.
fn demo(folder: &Path) -> Option<(Browser, Value)> {
    let mut browser = Browser::start(folder)?;
    let (page, report) = (folder.join("page.html"), folder.join("report.json"));
    let done = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args([
            "demo",
            "--pace",
            if pictures().is_some() { "2x" } else { "max" },
            "--defect",
            "price-rounding,missing-field,slow-search,string-quantity",
        ])
        .args(["--html", page.to_str().unwrap(), "--json", report.to_str().unwrap()])
        .current_dir(folder)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    browser.look(1280, 800, "screen", &[("prefers-color-scheme", "light")]);
    browser.open(&format!("file://{}", page.display()));
    Some((browser, serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()))
}

/// A number as the page writes it.
fn number(text: &str) -> f64 {
    text.trim_end_matches('*').replace(',', "").parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Microseconds of a latency as the page writes it.
fn micros(text: &str) -> f64 {
    let (value, unit) = text.split_once(' ').unwrap();
    number(value)
        * match unit {
            "µs" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            other => panic!("{other}"),
        }
}

fn same(shown: f64, exact: &Value, what: &str) {
    let exact = exact.as_f64().unwrap_or_else(|| panic!("{what} is not in the JSON"));
    assert!((shown - exact).abs() <= 0.006 * exact.abs(), "{what}: {shown} on the page, {exact} in the JSON");
}

#[test]
fn the_page_of_a_run_is_read_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut browser, report)) = demo(folder.path()) else { return };
    let browser = &mut browser;
    the_verdict_is_seen_at_once(browser, &report);
    figures_are_those_of_the_json(browser, &report);
    each_view_is_reached_by_keyboard(browser);
    one_endpoint_is_shown_by_itself(browser);
    the_filter_filters(browser, &report);
    what_may_be_copied_is_there(browser);
    it_is_readable_everywhere(browser);
    if let Some(folder) = pictures() {
        take(browser, &folder);
    }
    // Nothing was thrown, and nobody was asked but for the file itself.
    assert_eq!(browser.events("Runtime.exceptionThrown"), [] as [Value; 0]);
    let asked = browser.events("Network.requestWillBeSent");
    let urls: Vec<&str> = asked.iter().map(|event| event["params"]["request"]["url"].as_str().unwrap()).collect();
    assert!(!urls.is_empty() && urls.iter().all(|url| url.starts_with("file://")), "{urls:?}");
}

fn pictures() -> Option<PathBuf> {
    std::env::var_os("TAPCOMPARE_SCREENSHOTS").map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

fn take(browser: &mut Browser, folder: &Path) {
    // (name, what the picture begins at, height, colour scheme)
    let pictures = [
        ("page-verdict", "body", 830, "light"),
        ("page-endpoints", "#endpoints", 640, "light"),
        ("page-differences", "#differences", 900, "light"),
        ("page-latency", "#latency", 900, "dark"),
        ("page-over-time", "#over-time", 560, "dark"),
    ];
    for (name, begin, height, scheme) in pictures {
        browser.look(1100, 800, "screen", &[("prefers-color-scheme", scheme)]);
        browser.eval("history.replaceState(null, '', location.pathname); window.dispatchEvent(new Event('hashchange')); window.scrollTo(0, 0)");
        let top = browser.eval(&format!("document.querySelector('{begin}').offsetTop")).as_f64().unwrap();
        let clip = json!({"x": 0, "y": (top - 16.0).max(0.0), "width": 1100, "height": height, "scale": 1});
        let shot = browser
            .ask("Page.captureScreenshot", json!({"format": "png", "clip": clip, "captureBeyondViewport": true}));
        let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(folder.join(name).with_extension("png"), png).unwrap();
    }
}

fn the_verdict_is_seen_at_once(browser: &mut Browser, report: &Value) {
    let seen = browser.eval(
        "(() => { const h1 = document.querySelector('h1'); const box = h1.getBoundingClientRect(); \
         const figures = document.querySelector('.figures').getBoundingClientRect(); \
         return [h1.textContent, box.top >= 0 && box.bottom <= 800, figures.bottom <= 800]; })()",
    );
    assert_eq!(seen, json!([report["verdict"], true, true]));
    let gates =
        browser.eval("[...document.querySelectorAll('.gate')].map(gate => gate.querySelector('.chip').textContent)");
    let words = |state: &Value| match state.as_str().unwrap() {
        "pass" => "holds",
        "fail" => "fails",
        _ => "open",
    };
    let states: Vec<&str> = report["gates"].as_array().unwrap().iter().map(|gate| words(&gate["state"])).collect();
    assert_eq!(gates, json!(states));
}

fn figures_are_those_of_the_json(browser: &mut Browser, report: &Value) {
    let snapshot = &report["snapshot"];
    let shadow = &snapshot["ledger"]["shadow"];
    let header =
        browser.eval("[...document.querySelectorAll('.figures div')].map(div => div.querySelector('dd').textContent)");
    let header: Vec<&str> = header.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    let compared: u64 = ["matched", "accepted", "mismatched"].iter().map(|o| shadow[*o].as_u64().unwrap()).sum();
    assert_eq!((number(header[0]), number(header[1])), (compared as f64, shadow["mismatched"].as_f64().unwrap()));
    same(micros(header[3]), &snapshot["latency"]["candidate"]["p95_us"], "p95 of the candidate");

    let rows = browser.eval(
        "[...document.querySelectorAll('table.endpoints tbody tr')].map(row => [row.querySelector('th').textContent, \
         Object.fromEntries([...row.querySelectorAll('td')].map(td => [td.dataset.label, \
         td.querySelector('span') ? [...td.querySelectorAll('span')].map(s => s.textContent) : td.textContent]))])",
    );
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 13);
    for row in rows {
        let (name, cells) = (row[0].as_str().unwrap(), &row[1]);
        let endpoints = snapshot["endpoints"].as_array().unwrap();
        let one = endpoints.iter().find(|e| e["endpoint"] == name).unwrap();
        let books = &one["books"];
        let n: u64 = ["matched", "accepted", "mismatched"].iter().map(|o| books[*o].as_u64().unwrap()).sum();
        assert_eq!(number(cells["Compared"].as_str().unwrap()), n as f64, "{name}");
        assert_eq!(number(cells["Differ"].as_str().unwrap()), books["mismatched"].as_f64().unwrap(), "{name}");
        let rate: f64 = cells["Rate"][0].as_str().unwrap().trim_end_matches('%').parse().unwrap();
        same(rate / 100.0, &json!(books["mismatched"].as_f64().unwrap() / n as f64), name);
        for q in ["p50", "p95", "p99"] {
            for (at, side) in ["legacy", "candidate"].into_iter().enumerate() {
                let shown = micros(cells[q][at].as_str().unwrap());
                same(shown, &one["latency"][side][format!("{q}_us")], &format!("{q} of {name}, {side}"));
            }
        }
    }
    let groups = browser.eval(
        "[...document.querySelectorAll('#differences .group')].map(group => [group.querySelector('h3').textContent, \
         group.querySelector('.figure').textContent.split(' ')[0]])",
    );
    let counted: Vec<Value> = snapshot["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| json!([g["place"], g["exchanges"].to_string()]))
        .collect();
    assert_eq!(groups, json!(counted));
    let sums = browser.eval(
        "Object.fromEntries([...document.querySelectorAll('.sum')].map(sum => [sum.querySelector('.name').textContent, \
         [sum.querySelector('.total'), ...sum.querySelectorAll('.part b')].map(e => Number(e.textContent.replace(/,/g, '')))]))",
    );
    for (name, numbers) in sums.as_object().unwrap() {
        let numbers: Vec<f64> = numbers.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        assert_eq!(numbers[0], numbers[1..].iter().sum::<f64>(), "{name} adds up");
    }
    assert_eq!(sums["exchanges"][0], shadow["exchanges"].as_f64().unwrap());
}

const FOCUS: &str = "document.activeElement?.getAttribute('href') ?? document.activeElement?.id ?? ''";

fn each_view_is_reached_by_keyboard(browser: &mut Browser) {
    let views = browser.eval("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))");
    let views: Vec<String> = serde_json::from_value(views).unwrap();
    for view in ["#why", "#books", "#endpoints", "#differences", "#latency", "#rules", "#coverage", "#run"] {
        assert!(views.iter().any(|there| there == view), "{view}: {views:?}");
    }
    // In the order that people ask in.
    let tops =
        browser.eval("[...document.querySelectorAll('nav a')].map(a => document.querySelector(a.hash).offsetTop)");
    let tops: Vec<f64> = serde_json::from_value(tops).unwrap();
    assert!(tops.is_sorted(), "{views:?} {tops:?}");
    for view in &views {
        browser.eval("document.activeElement.blur(); window.scrollTo(0, 0); document.getSelection().removeAllRanges()");
        // The page is left by the address bar in between: the first Tab goes to the first link.
        browser.eval("document.querySelector('nav a').focus()");
        for _ in 0..views.len() {
            if browser.eval(FOCUS) == *view {
                break;
            }
            browser.press("Tab");
        }
        assert_eq!(browser.eval(FOCUS), **view);
        browser.press("Enter");
        let seen = format!(
            "new Promise(done => setTimeout(() => {{ const box = document.querySelector('{view}').getBoundingClientRect(); \
             done(box.top < window.innerHeight && box.bottom > 60); }}, 50))"
        );
        assert_eq!(browser.eval(&seen), true, "{view}");
        assert_eq!(browser.eval("location.hash"), **view);
    }
}

const SHOWN: &str = "[...document.querySelectorAll('.endpoint')].filter(one => getComputedStyle(one).display !== 'none') \
                     .map(one => one.querySelector('h3').textContent)";

fn one_endpoint_is_shown_by_itself(browser: &mut Browser) {
    assert_eq!(browser.eval(SHOWN), json!([]));
    for at in [0, 3] {
        let link = format!("document.querySelectorAll('table.endpoints tbody a')[{at}]");
        let name = browser.eval(&format!("{link}.textContent"));
        browser.eval(&format!("{link}.focus()"));
        browser.press("Enter");
        browser.eval("new Promise(done => setTimeout(done, 50))");
        assert_eq!(browser.eval(SHOWN), json!([name]));
        let row = browser.eval("document.querySelector('table.endpoints tr.chosen th').textContent");
        assert_eq!(row, name);
        assert_eq!(browser.eval("document.activeElement.matches('.endpoint')"), true, "a reader goes on from there");
    }
    // From an endpoint to its differences, and back.
    browser.eval("location.hash = document.querySelector('table.endpoints tbody a').hash");
    browser.eval("new Promise(done => setTimeout(done, 50))");
    let group = browser.eval("document.querySelector('.endpoint.shown li a').hash");
    let place = format!("document.querySelector('{}')", group.as_str().unwrap());
    assert_eq!(browser.eval(&format!("{place}.matches('#differences .group')")), true);
    let back = browser.eval(&format!("{place}.querySelector('.meta a').hash === location.hash"));
    assert_eq!(back, true);
}

fn the_filter_filters(browser: &mut Browser, report: &Value) {
    browser.eval("document.activeElement.blur()");
    browser.press("/");
    assert_eq!(browser.eval("document.activeElement.id"), "filter");
    for key in ["o", "r", "d", "e", "r", "s"] {
        browser.press(key);
    }
    let rows = "[...document.querySelectorAll('table.endpoints tbody tr')].filter(row => row.offsetParent !== null) \
                .map(row => row.querySelector('th').textContent)";
    let shown: Vec<String> = serde_json::from_value(browser.eval(rows)).unwrap();
    assert!(shown.len() == 3 && shown.iter().all(|name| name.contains("orders")), "{shown:?}");
    assert_eq!(browser.eval("document.getElementById('filtered').textContent"), "3 of 13 endpoints");
    let groups = browser.eval(
        "[...document.querySelectorAll('#differences .group')].filter(group => group.offsetParent !== null) \
         .every(group => group.textContent.includes('orders'))",
    );
    assert_eq!(groups, true);
    browser.eval(
        "const field = document.getElementById('filter'); field.value = ''; document.getElementById('harmed').click()",
    );
    let shown: Vec<String> = serde_json::from_value(browser.eval(rows)).unwrap();
    // Latencies at full pace are a matter of the machine.
    let endpoints = report["snapshot"]["endpoints"].as_array().unwrap();
    let harmed = endpoints.iter().filter(|e| {
        let p95 = |side: &str| e["latency"][side]["p95_us"].as_f64().unwrap_or(0.0);
        e["books"]["mismatched"] != 0 || p95("candidate") > 1.1 * p95("legacy")
    });
    let harmed: BTreeSet<&str> = harmed.map(|e| e["endpoint"].as_str().unwrap()).collect();
    assert_eq!(shown.iter().map(String::as_str).collect::<BTreeSet<_>>(), harmed);
    browser.eval("document.getElementById('harmed').click()");
    let all = browser.eval(rows);
    assert_eq!(all.as_array().unwrap().len(), 13);
    // What a field does is told beside it when it has the focus, and when a pointer is there.
    browser.eval("document.activeElement.blur(); document.getElementById('filter').focus()");
    assert_eq!(browser.eval("document.getElementById('tip').hidden"), false);
    assert!(browser.eval("document.getElementById('tip').textContent").as_str().unwrap().contains("each word"));
    browser.eval("document.getElementById('filter').blur()");
    assert_eq!(browser.eval("document.getElementById('tip').hidden"), true);
}

fn what_may_be_copied_is_there(browser: &mut Browser) {
    let group = "document.querySelector('#differences .group')";
    let command = browser.eval(&format!("{group}.querySelector('.copied pre').textContent"));
    let command = command.as_str().unwrap();
    assert!(command.starts_with("curl -sS ") && command.contains("http://CANDIDATE/"), "{command}");
    let rules = browser.eval("[...document.querySelectorAll('#differences .group')].map(g => [...g.querySelectorAll('.copied pre')].at(-1).textContent)");
    for rule in rules.as_array().unwrap() {
        let rule = rule.as_str().unwrap();
        assert!(rule.starts_with("  - id: ") && rule.contains("    expires: "), "{rule}");
    }
    assert_eq!(browser.eval("[...document.querySelectorAll('button.copy')].every(button => !button.hidden)"), true);
    let answered =
        browser.eval("[...document.querySelectorAll('#differences li.answered .chip')].map(c => c.textContent)");
    assert!(answered.to_string().contains("ignored by common-date"), "{answered}");
}

/// The relative luminance of a colour (WCAG 2.2).
fn luminance(rgb: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
}

fn colour(text: &str) -> [f64; 3] {
    let numbers = text.trim_start_matches("rgb").trim_matches(|c| c == '(' || c == ')' || c == 'a');
    let channels: Vec<f64> = numbers.split(',').take(3).map(|n| n.trim().parse::<f64>().unwrap() / 255.0).collect();
    [channels[0], channels[1], channels[2]]
}

/// A colour as somebody without one kind of cones sees it (Machado, Oliveira, Fernandes 2009, severity 1).
fn seen_by(matrix: [[f64; 3]; 3], rgb: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(rgb).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0))
}

const EYES: [(&str, [[f64; 3]; 3]); 3] = [
    ("protanopia", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ("deuteranopia", [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]),
    ("tritanopia", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]),
];

fn it_is_readable_everywhere(browser: &mut Browser) {
    for scheme in ["light", "dark"] {
        browser.look(1280, 800, "screen", &[("prefers-color-scheme", scheme)]);
        // Text against what is behind it.
        let texts = browser.eval(
            "(() => { const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; \
             if (c !== 'rgba(0, 0, 0, 0)') { return c; } } return 'rgb(255, 255, 255)'; }; \
             const of = ['h1', '.headline', '.lead', '.meta', '.chip.go', '.chip.nogo', 'td.bad', '.stacked .legacy', \
             '.stacked .candidate', 'nav a', 'summary', '.sides td.changed', '.sides td.candidate.changed', '.part', 'pre']; \
             return of.map(s => [s, document.querySelector(s)]).filter(([, e]) => e) \
             .map(([s, e]) => [s, getComputedStyle(e).color, behind(e)]); })()",
        );
        let texts = texts.as_array().unwrap();
        assert!(texts.len() > 11, "{texts:?}");
        for text in texts {
            let [front, back] = [1, 2].map(|at| luminance(colour(text[at].as_str().unwrap())));
            let contrast = (front.max(back) + 0.05) / (front.min(back) + 0.05);
            assert!(contrast >= 4.5, "{scheme}: {} has a contrast of {contrast:.2}: {text}", text[0]);
        }
        let sides = browser
            .eval("['.key.legacy', '.key.candidate'].map(s => getComputedStyle(document.querySelector(s)).color)");
        let [legacy, candidate] = [0, 1].map(|at| colour(sides[at].as_str().unwrap()));
        for (eyes, matrix) in EYES {
            let (a, b) = (seen_by(matrix, legacy), seen_by(matrix, candidate));
            let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            assert!(apart > 0.3, "{scheme}, {eyes}: the two sides are {apart:.2} apart");
        }
    }
    for width in [400, 320] {
        browser.look(width, 800, "screen", &[("prefers-color-scheme", "light")]);
        // Each view's link is seen, and none has to be looked for sideways.
        let links = browser.eval(&format!(
            "[...document.querySelectorAll('nav a')].filter(a => {{ const box = a.getBoundingClientRect(); \
             return box.left >= 0 && box.right <= {width} && box.height > 20; }}).length"
        ));
        assert_eq!(links, browser.eval("document.querySelectorAll('nav a').length"), "at {width}");
        assert_eq!(browser.eval("(e => e.scrollWidth <= e.clientWidth)(document.querySelector('nav'))"), true);
        let widest = browser.eval("document.documentElement.scrollWidth");
        let wide = browser.eval(&format!(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {width} + 1 \
             && !e.closest('div.wide')).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40)).slice(0, 5)",
        ));
        assert!(widest.as_u64().unwrap() <= u64::from(width), "{widest} pixels at {width}: {wide}");
    }
    browser.look(1280, 800, "print", &[]);
    assert_eq!(browser.eval("getComputedStyle(document.querySelector('nav')).display"), "none");
    assert_eq!(browser.eval("getComputedStyle(document.querySelector('.filter')).display"), "none");
    let paper = browser.ask("Page.printToPDF", json!({"printBackground": false}));
    assert!(paper["data"].as_str().unwrap().len() > 50_000);
    browser.look(1280, 800, "screen", &[("prefers-color-scheme", "light")]);
}
