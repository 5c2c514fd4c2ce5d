//! The live page in a real browser: it follows the run, keeps what its reader did, runs nobody else's script and asks
//! nobody else. Where there is no chromium, the test says `skipped:` and passes.

use std::fs;
use std::process::Command;
use std::thread;

use serde_json::json;

use crate::chromium::Browser;
use crate::support::{live, wait_for};

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
    assert_eq!(browser.eval("document.querySelectorAll('script').length"), 2, "the page's own, and the server's");
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

    what_was_chosen_is_chosen_in_the_next_view(&mut browser, &mut live);
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

/// The filter and the endpoint by itself, by keyboard, on the live page; the next view has them too.
fn what_was_chosen_is_chosen_in_the_next_view(browser: &mut Browser, live: &mut crate::support::Live) {
    browser.eval("document.querySelector('table.endpoints tbody a').focus()");
    browser.press("Enter");
    wait_for("the endpoint", || (browser.eval("document.activeElement.matches('.endpoint')") == true).then_some(()));
    browser.press("/");
    for key in ["o", "r", "d", "e", "r"] {
        browser.press(key);
    }
    let state = "[[...document.querySelectorAll('.endpoint')].filter(one => getComputedStyle(one).display !== 'none') \
                 .map(one => `#${one.id}`), [location.hash], document.activeElement.id, \
                 [...document.querySelectorAll('table.endpoints tbody tr')].filter(row => row.offsetParent !== null) \
                 .map(row => row.querySelector('th').textContent).sort()]";
    let chosen = browser.eval(state);
    let rows: Vec<String> = serde_json::from_value(chosen[3].clone()).unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|name| name.contains("order")), "{chosen}");
    assert_eq!((&chosen[0], &chosen[2]), (&chosen[1], &json!("filter")), "{chosen}");
    browser.eval("document.querySelector('main').dataset.seen = 'old'");
    live.mirror(600);
    wait_for("the next view", || (browser.eval(VIEW) == "new").then_some(()));
    assert_eq!(browser.eval(state), chosen);
    browser.eval("document.getElementById('filter').value = ''; history.replaceState(null, '', location.pathname)");
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
    let more = |browser: &mut Browser, live: &mut crate::support::Live| {
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
