//! The live page in a real browser: it follows the run, keeps what its reader did, runs nobody else's script and asks
//! nobody else. Where there is no chromium, the test says `skipped:` and passes.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::support::{PATIENCE, live, wait_for};

/// A browser that is told what to do over two pipes (the DevTools protocol, a NUL behind each message).
struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    /// What it has told without being asked.
    events: Vec<Value>,
    session: String,
    next: u64,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    fn start(folder: &Path) -> Option<Browser> {
        let pipe = |name: &str| {
            let path = folder.join(name);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        };
        let there = Command::new("chromium").arg("--version").output().is_ok_and(|done| done.status.success());
        if !there {
            std::io::stderr().write_all(b"skipped: the live page in a browser: there is no chromium here\n").unwrap();
            return None;
        }
        let (to, from) = (pipe("to"), pipe("from"));
        let line = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                    --disable-background-networking --disable-component-update --disable-sync --user-data-dir=\"$1\" \
                    --remote-debugging-pipe --window-size=1280,800 3<>\"$2\" 4<>\"$3\"";
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(folder.join("profile")).arg(&to).arg(&from);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let to = OpenOptions::new().read(true).write(true).open(&to).unwrap();
        let mut reader = BufReader::new(OpenOptions::new().read(true).write(true).open(&from).unwrap());
        let (heard, from) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while reader.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                if heard.send(serde_json::from_slice(&std::mem::take(&mut message)).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser { child, to, from, events: Vec::new(), session: String::new(), next: 0 };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable"] {
            browser.ask(domain, json!({}));
        }
        Some(browser)
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let heard = self.from.recv_timeout(PATIENCE).unwrap();
            if heard["id"] == self.next {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
            self.events.push(heard);
        }
    }

    /// What an expression in the page comes to.
    fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.ask("Runtime.evaluate", asked);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url}));
        wait_for(url, || {
            let asked = json!({"expression": "document.readyState", "returnByValue": true});
            (self.ask("Runtime.evaluate", asked)["result"]["value"] == "complete").then_some(())
        });
    }

    fn events(&self, method: &str) -> Vec<Value> {
        self.events.iter().filter(|event| event["method"] == method).cloned().collect()
    }
}

/// Figures of the page, as digits.
const COMPARED: &str = "Number(document.querySelector('dl.figures dd').textContent.replace(/,/g, ''))";
const VIEW: &str = "document.querySelector('main').dataset.seen ?? 'new'";

#[test]
fn the_live_page_follows_the_run_and_keeps_what_its_reader_did() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(folder.path()) else { return };
    let mut live = live();
    live.mirror(2_000);
    let page = format!("http://{}/", live.serving.address);
    browser.open(&page);
    assert_eq!(browser.eval("document.querySelectorAll('script').length"), 1);
    wait_for("the status line", || {
        browser
            .eval("document.getElementById('live').textContent")
            .as_str()
            .unwrap()
            .starts_with("live, as of")
            .then_some(())
    });

    // What a reader does: opens something, goes there by keyboard, and scrolls.
    browser.eval(
        "const one = document.querySelector('#why details'); one.open = true; one.querySelector('summary').focus(); \
         document.querySelector('main').dataset.seen = 'old'; window.scrollTo(0, 300);",
    );
    let compared = browser.eval(COMPARED).as_f64().unwrap();
    live.mirror(3_000);
    wait_for("another view", || {
        (browser.eval(VIEW) == "new" && browser.eval(COMPARED).as_f64()? > compared).then_some(())
    });
    assert_eq!(browser.eval("document.querySelector('#why details').open"), true);
    assert_eq!(browser.eval("document.activeElement === document.querySelector('#why details summary')"), true);
    assert_eq!(browser.eval("window.scrollY"), 300);
    let settled = live.settled(5_000);
    let matched = ["matched", "accepted", "mismatched"]
        .map(|outcome| settled[&format!("tapcompare_exchanges_total{{outcome=\"{outcome}\",reason=\"\"}}")]);
    wait_for("the latest view", || (browser.eval(COMPARED).as_f64()? == matched.iter().sum::<f64>()).then_some(()));

    fields_and_selections(&mut browser, &mut live);

    // Nobody else's script runs, and nobody else is asked.
    browser.eval(
        "const script = document.createElement('script'); script.textContent = 'window.ran = 1'; \
         document.body.append(script); const picture = new Image(); picture.src = 'http://192.0.2.1/x'; \
         document.body.append(picture);",
    );
    assert_eq!(browser.eval("window.ran ?? 0"), 0);
    let asked = browser.events("Network.requestWillBeSent");
    let urls: Vec<&str> = asked.iter().map(|event| event["params"]["request"]["url"].as_str().unwrap()).collect();
    let others: Vec<_> = urls.iter().filter(|url| !url.starts_with(&page) && !url.contains("192.0.2.1")).collect();
    assert!(urls.len() > 3 && others.is_empty(), "{urls:?}");
    let blocked = browser.events("Network.loadingFailed");
    assert!(blocked.iter().any(|event| event["params"]["blockedReason"] == "csp"), "{blocked:?}");

    let serving = live.serving;
    assert!(Command::new("kill").args(["-INT", &serving.child.id().to_string()]).status().unwrap().success());
    wait_for("the end", || {
        let told = browser.eval("document.getElementById('live').textContent");
        told.as_str().unwrap().contains("the run has ended").then_some(())
    });
    let errors = browser.events("Runtime.exceptionThrown");
    assert!(errors.is_empty(), "{errors:?}");
    fs::write(folder.path().join("done"), "").unwrap();
}

/// Whatever the page's views are: fields, and details known by a key, are found again in the next page, and nothing is
/// replaced under a reader who selects text.
fn fields_and_selections(browser: &mut Browser, live: &mut crate::support::Live) {
    browser.eval(
        "window.count = 0; window.heard = 0; \
         document.addEventListener('tapcompare:view', () => { window.heard += 1; }); \
         window.fetch = async () => { window.count += 1; return new Response(`<main><p id=n>${window.count}</p>\
         <input id=filter><select name=s><option>a<option>b</select><details data-key=k><summary>${window.count} x\
         </summary></details><details><summary>other</summary></details></main>`, {headers: {'content-type': 'text/html'}}); };",
    );
    let mut more = |browser: &mut Browser, live: &mut crate::support::Live| {
        let before = browser.eval("window.count").as_u64().unwrap();
        live.mirror(400);
        wait_for("a page", || (browser.eval("window.count").as_u64()? > before).then_some(()));
        wait_for("its place", || {
            let shown = browser.eval("document.getElementById('n')?.textContent");
            (shown == browser.eval("String(window.count)")).then_some(())
        });
    };
    more(browser, live);
    browser.eval(
        "const field = document.getElementById('filter'); field.value = 'orders'; field.focus(); \
         field.setSelectionRange(2, 4); document.querySelector('select').value = 'b'; \
         document.querySelector('[data-key=k]').open = true;",
    );
    more(browser, live);
    let state = "[document.getElementById('filter').value, document.activeElement.id, \
                 document.activeElement.selectionStart, document.activeElement.selectionEnd, \
                 document.querySelector('select').value, ...[...document.querySelectorAll('details')].map(d => d.open)]";
    assert_eq!(browser.eval(state), json!(["orders", "filter", 2, 4, "b", true, false]));
    assert!(browser.eval("window.heard").as_u64().unwrap() >= 2, "scripts of the page are told");

    browser.eval("document.getSelection().selectAllChildren(document.getElementById('n'))");
    let before = browser.eval("window.count");
    live.mirror(400);
    thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(browser.eval("window.count"), before, "what is being selected stays");
    browser.eval("document.getSelection().removeAllRanges()");
    wait_for("what was put off", || (browser.eval("window.count") != before).then_some(()));
}
