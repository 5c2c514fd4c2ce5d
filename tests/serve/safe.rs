//! Safe to open: who gets nothing, and what an answer allows a browser to do.

use std::process::Command;

use crate::support::{ANY_PORT, ask, get, say, serving_run};

const TOKEN: &str = "correct-horse-battery-staple";
const ALL: [&str; 8] =
    ["/", "/app.js", "/events", "/metrics", "/healthz", "/readyz", "/api/v1/verdict", "/api/v1/report"];

#[test]
fn every_answer_keeps_a_browser_from_doing_anything_else_with_it() {
    let serving = serving_run(&ANY_PORT, &[]);
    for path in ALL.into_iter().chain(["/nothing"]) {
        let reply = ask(serving.address, "HEAD", path, &[]);
        assert_eq!(reply.status, if path == "/nothing" { 404 } else { 200 }, "{path}");
        assert_eq!(reply.body, b"", "HEAD {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.field(name), Some(value), "{path}");
        }
        let policy = reply.field("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(policy.contains("' 'self'; connect-src 'self'; "), path == "/", "{path}: {policy}");
        assert_eq!(policy.contains("script-src 'sha256-"), path == "/", "{path}: {policy}");
        assert!(reply.field("access-control-allow-origin").is_none());
    }
    let page = serving.get("/");
    // What stands in the page holds as well as what was sent with it: neither allows more than the other.
    let sent = page.field("content-security-policy").unwrap().replace("; frame-ancestors 'none'", "");
    assert!(page.text().contains(&format!("content=\"{sent}\"")), "{sent}");
    assert_eq!(page.text().matches("<script").count(), 2, "the page's own, and the server's");
    assert_eq!(ask(serving.address, "HEAD", "/", &[]).field("content-length"), Some(&*page.body.len().to_string()));
}

#[test]
fn only_what_is_there_is_answered_and_only_get_and_head() {
    let serving = serving_run(&ANY_PORT, &[]);
    for path in ["/nothing", "/api", "/api/v1/verdict/", "//", "/../etc/passwd", "/%2e%2e/etc/passwd", "/app.js/x"] {
        assert_eq!(serving.get(path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        for path in ALL {
            let reply = ask(serving.address, method, path, &[]);
            assert_eq!((reply.status, reply.field("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
    assert_eq!(serving.get("/healthz").text(), "ok\n");
    assert_eq!(serving.get("/?filter=x").status, 200);
    for path in ALL.into_iter().filter(|path| *path != "/events") {
        assert_eq!(serving.get(path).status, 200, "{path}");
    }
}

#[test]
fn names_that_are_not_ours_and_pages_of_other_sites_get_nothing() {
    let serving = serving_run(&[&"--listen", &"127.0.0.1:0", &"--serve-host", &"tap.internal"], &[]);
    let port = serving.address.port();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        ("tap.internal".to_owned(), 200),
        (format!("evil.example:{port}"), 421),
        (format!("127.0.0.1.evil.example:{port}"), 421),
        ("169.254.169.254".to_owned(), 421),
        ("<script>".to_owned(), 400),
    ] {
        for path in ALL.into_iter().filter(|path| *path != "/events") {
            let reply = ask(serving.address, "GET", path, &[("Host", &host)]);
            assert_eq!(reply.status, status, "{host} {path}");
            assert!(status == 200 || !reply.text().contains("NO-GO"), "{host} {path}");
        }
    }
    assert_eq!(say(serving.address, b"GET / HTTP/1.0\r\n\r\n").status, 400, "no Host");
    assert_eq!(say(serving.address, b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n").status, 400, "two Hosts");

    let own = format!("http://{}", serving.address);
    for (fields, status) in [
        (vec![("Origin", own.as_str())], 200),
        (vec![("Origin", "http://evil.example")], 403),
        (vec![("Origin", "null")], 403),
        (vec![("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")], 403),
        (vec![("Sec-Fetch-Site", "same-site")], 403),
        (vec![("Sec-Fetch-Site", "same-origin")], 200),
    ] {
        for path in ["/metrics", "/api/v1/verdict", "/api/v1/report", "/app.js"] {
            assert_eq!(ask(serving.address, "GET", path, &fields).status, status, "{fields:?} {path}");
        }
    }
    let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    assert_eq!(ask(serving.address, "GET", "/", &link).status, 200, "a link may lead to the page");
    assert_eq!(ask(serving.address, "GET", "/api/v1/report", &link).status, 403);
}

/// An address of this machine that is not loopback, where it has one.
fn reachable() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: it is only asked which way it would go.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[test]
fn what_others_can_reach_wants_a_token_and_health_alone_does_not() {
    let serving = serving_run(&[&"--listen", &"0.0.0.0:0"], &[("TAPCOMPARE_SERVE_TOKEN", TOKEN)]);
    let mut address = serving.address;
    address.set_ip([127, 0, 0, 1].into());
    for path in ALL.into_iter().chain(["/nothing"]) {
        let open = ["/healthz", "/readyz"].contains(&path);
        let reply = get(address, path);
        assert_eq!(reply.status, if open { 200 } else { 401 }, "{path}");
        assert!(open || reply.field("www-authenticate") == Some("Bearer"), "{path}");
        assert!(!reply.text().contains("NO-GO") && !reply.text().contains("tapcompare_"), "{path}");
        for wrong in ["Bearer wrong-horse-battery-staple", "Bearer", "Bearer correct-horse", "Basic Og=="] {
            assert_eq!(ask(address, "GET", path, &[("Authorization", wrong)]).status, reply.status, "{wrong} {path}");
        }
    }
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/", "/metrics", "/api/v1/verdict", "/api/v1/report", "/app.js"] {
        assert_eq!(ask(address, "GET", path, &[("Authorization", &bearer)]).status, 200, "{path}");
    }
    // A machine's own address is one of its names.
    if let Some(ip) = reachable() {
        address.set_ip(ip);
        assert_eq!(get(address, "/healthz").status, 200);
        assert_eq!(get(address, "/metrics").status, 401);
        assert_eq!(ask(address, "GET", "/metrics", &[("Authorization", &bearer)]).status, 200);
    }
}

#[test]
fn a_browser_logs_in_once_and_the_token_leaves_its_address_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let serving = serving_run(&[&"--listen", &"127.0.0.1:0", &"--serve-token-file", &file], &[]);
    assert_eq!(serving.get("/").status, 401, "a token that was given is wanted on loopback too");
    let wrong = serving.get("/?token=wrong-horse-battery-staple");
    assert_eq!((wrong.status, wrong.field("set-cookie")), (401, None));
    assert_eq!(serving.get(&format!("/metrics?token={TOKEN}")).status, 401, "for the page alone");

    let reply = serving.get(&format!("/?token={TOKEN}"));
    assert_eq!((reply.status, reply.field("location")), (303, Some("/")));
    let cookie = reply.field("set-cookie").unwrap();
    for word in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains(TOKEN), "the cookie is no token");
    let cookie = cookie.split(';').next().unwrap();
    for path in ["/", "/app.js", "/api/v1/report", "/metrics"] {
        assert_eq!(ask(serving.address, "GET", path, &[("Cookie", cookie)]).status, 200, "{path}");
    }
    let other = serving_run(&[&"--listen", &"127.0.0.1:0", &"--serve-token-file", &file], &[]);
    let there = cookie.replace(&serving.address.port().to_string(), &other.address.port().to_string());
    assert_eq!(ask(other.address, "GET", "/", &[("Cookie", &there)]).status, 401, "a session is of one process");
    assert!(!serving.said().contains(TOKEN), "{}", serving.said());
}

#[test]
fn what_cannot_be_served_is_one_line_that_names_the_flag_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short");
    std::fs::write(&short, "secret-0123").unwrap();
    let short = short.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let run = crate::support::run_file().to_str().unwrap();
    let replay = |more: &[&'static str]| {
        let arguments = ["replay", crate::support::SHOP, "--candidate", "http://127.0.0.1:1"];
        arguments.into_iter().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let serve = |more: &[&str]| ["serve", run].iter().chain(more).map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (arguments, words) in [
        (
            serve(&["--listen", "0.0.0.0:7070"]),
            vec!["--listen 0.0.0.0:7070", "a token is needed", "--serve-token-file"],
        ),
        (serve(&["--listen", "0.0.0.0"]), vec!["--listen"]),
        (serve(&["--listen", &taken]), vec![&taken, "in use", "name another address"]),
        (serve(&["--serve-token-file", short]), vec!["--serve-token-file", short, "16 to 512"]),
        (serve(&["--serve-token-file", "/nowhere/token"]), vec!["/nowhere/token", "cannot be read"]),
        (serve(&["--serve-host", "http://tap"]), vec!["--serve-host http://tap", "without scheme"]),
        (vec!["serve".into(), "/nowhere/run".into()], vec!["/nowhere/run"]),
        (replay(&["--serve", "0.0.0.0:7070"]), vec!["--serve 0.0.0.0:7070", "a token is needed"]),
        (replay(&["--serve-host", "tap"]), vec!["--serve-host", "without --serve"]),
        (replay(&["--serve", "127.0.0.1:0", "--dry-run"]), vec!["--serve", "--dry-run"]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        let done = command.args(&arguments).env_remove("TAPCOMPARE_SERVE_TOKEN").output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
        assert!(!said.contains("secret-0123"), "a token is not shown: {said}");
    }
}
