//! A real browser, driven over two pipes. Where there is no chromium, the tests that need one say `skipped:` and pass.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::support::{PATIENCE, wait_for};

/// A browser that is told what to do over two pipes (the DevTools protocol, a NUL behind each message).
pub(crate) struct Browser {
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
    pub(crate) fn start(folder: &Path) -> Option<Browser> {
        let pipe = |name: &str| {
            let path = folder.join(name);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        };
        let there = Command::new("chromium").arg("--version").output().is_ok_and(|done| done.status.success());
        if !there {
            std::io::stderr().write_all(b"skipped: pages in a browser: there is no chromium here\n").unwrap();
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

    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
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
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.ask("Runtime.evaluate", asked);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url}));
        wait_for(url, || {
            let asked = json!({"expression": "document.readyState", "returnByValue": true});
            (self.ask("Runtime.evaluate", asked)["result"]["value"] == "complete").then_some(())
        });
    }

    pub(crate) fn events(&self, method: &str) -> Vec<Value> {
        self.events.iter().filter(|event| event["method"] == method).cloned().collect()
    }

    /// One press of a key, as a keyboard sends it.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            other => other.bytes().next().map_or(0, u32::from),
        };
        let text = match key {
            "Enter" => "\r",
            "Tab" => "",
            other => other,
        };
        let key = json!({"key": key, "text": text, "windowsVirtualKeyCode": code, "type": "keyDown"});
        self.ask("Input.dispatchKeyEvent", key.clone());
        let up = json!({"key": key["key"], "windowsVirtualKeyCode": code, "type": "keyUp"});
        self.ask("Input.dispatchKeyEvent", up);
    }

    /// Pixels as wide and as high, with these features of the media (CSS Media Queries 5).
    pub(crate) fn look(&mut self, width: u32, height: u32, media: &str, features: &[(&str, &str)]) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.ask("Emulation.setEmulatedMedia", json!({"media": media, "features": features}));
    }
}
