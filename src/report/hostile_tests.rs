//! Every renderer, with every payload of `hostile` in every place: nothing captured becomes markup, a link, a command, an
//! escape of a terminal or a formula. Parsers of others say so where there are any.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use scraper::{ElementRef, Html, Node};

use super::escape::{columns, is_command};
use super::hostile::{PAYLOADS, Run, payloads, run};
use super::*;
use crate::verdict::judge;

fn rendered<T>(payload: &str, render: impl FnOnce(Report<'_>) -> T) -> T {
    let Run { snapshot, policy, facts, rules } = run(payload);
    let verdict = judge(&snapshot, &policy, &rules, super::tests::TODAY);
    render(Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules })
}

/// Controls but for the end of a line, and what has no width or changes the direction of writing.
fn unseen(c: &char) -> bool {
    (c.is_control() && *c != '\n')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What is asked of everything that may be printed by a job of a CI system, or on a terminal.
fn assert_printable(text: &str, name: &str) {
    assert_eq!(text.lines().find(|line| line.chars().any(|c| unseen(&c))), None, "{name}");
    assert_eq!(text.lines().find(|line| is_command(line)), None, "{name}");
    assert!(!text.contains("##[") && !text.contains("##vso["), "{name}");
}

#[test]
fn the_terminal_is_not_steered() {
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for (name, payload) in payloads() {
        let text = rendered(&payload, |report| report.terminal(false));
        assert_printable(&text, &name);
        assert_eq!(text.lines().filter(|line| columns(line) > terminal::WIDTH).collect::<Vec<_>>(), [""; 0], "{name}");
        let coloured = rendered(&payload, |report| report.terminal(true));
        assert_printable(&colours.replace_all(&coloured, ""), &name);
    }
    let text = rendered("\u{1b}[2Jowned", |report| report.terminal(false));
    assert!(text.contains("\\x1b[2Jowned"), "it is shown, not dropped");
}

/// Names of elements and attributes, with how often each is there.
fn names(page: &Html) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for node in page.tree.nodes() {
        if let Node::Element(element) = node.value() {
            *names.entry(element.name().to_owned()).or_default() += 1;
            for (attribute, _) in element.attrs() {
                *names.entry(format!("{} {attribute}", element.name())).or_default() += 1;
            }
        }
    }
    names
}

#[test]
fn the_page_gets_no_element_and_no_attribute() {
    let harmless = ["owned".to_owned(), "owned\n".repeat(200)];
    let known = harmless.iter().map(|payload| rendered(payload, |report| names(&Html::parse_document(&report.html()))));
    let known: BTreeSet<String> = known.flat_map(BTreeMap::into_keys).collect();
    for (name, payload) in payloads() {
        let text = rendered(&payload, |report| report.html());
        assert_eq!(text.chars().find(unseen), None, "{name}");
        let page = Html::parse_document(&text);
        let found: BTreeSet<String> = names(&page).into_keys().collect();
        assert_eq!(found.difference(&known).collect::<Vec<_>>(), [""; 0], "{name}");
        assert!(page.errors.is_empty(), "{name}: {:?}", page.errors);
        let comments = page.tree.nodes().filter(|node| matches!(node.value(), Node::Comment(_))).count();
        assert_eq!(comments, 0, "{name}");
    }
    let page = rendered("<script>owned</script>", |report| report.html());
    assert!(page.matches("&lt;script&gt;owned&lt;/script&gt;").count() > 10, "it is shown, not dropped");
}

/// The elements and attributes of a page as a real browser has them once its scripts have run; None without a browser.
fn in_a_browser(page: &str) -> Option<BTreeMap<String, usize>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let shown = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--dump-dom", &format!("file://{}", file.display())])
        .output()
        .ok()?;
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("</html>"), "{}", String::from_utf8_lossy(&shown.stderr));
    Some(names(&Html::parse_document(&text)))
}

#[test]
fn a_browser_makes_no_element_of_it_and_runs_no_script() {
    // Whatever of these ran would leave a mark that no page has.
    const MARK: &str = "document.documentElement.setAttribute('owned','1')";
    let marking = [
        format!("<script>{MARK}</script>"),
        format!("\"><img src=x onerror=\"{MARK}\">"),
        format!("</style></title></script><svg onload=\"{MARK}\">"),
        format!("'\"autofocus onfocus=\"{MARK}\" x='"),
        format!("</pre></code></details></table><iframe srcdoc=\"<script>parent.{MARK}</script>\"></iframe>"),
        format!("<a href=\"javascript:{MARK}\">owned</a><base href=//192.0.2.1><meta http-equiv=refresh content=0>"),
    ];
    let Some(known) = in_a_browser(&rendered("owned", |report| report.html())) else {
        eprintln!("skipped: pages in a browser: there is no chromium here");
        return;
    };
    assert!(
        known.contains_key("output for") && !known.contains_key("form hidden"),
        "its own script has run: {known:?}"
    );
    for payload in marking {
        let found = in_a_browser(&rendered(&payload, |report| report.html())).unwrap();
        let new: Vec<_> = found.keys().filter(|name| !known.contains_key(*name)).collect();
        assert_eq!(new, [""; 0], "{payload}");
    }
}

/// Markdown as GitHub and GitLab read it, with everything on that they have, as a browser sees it then.
fn shown(markdown: &str) -> Html {
    let mut options = comrak::Options::default();
    let on = &mut options.extension;
    (on.strikethrough, on.table, on.autolink, on.tasklist, on.footnotes) = (true, true, true, true, true);
    (on.superscript, on.subscript, on.underline, on.highlight, on.spoiler) = (true, true, true, true, true);
    (on.description_lists, on.multiline_block_quotes, on.alerts, on.greentext) = (true, true, true, true);
    (on.math_dollars, on.math_code, on.wikilinks_title_after_pipe, on.inline_footnotes) = (true, true, true, true);
    // What is HTML comes through: if something of it is captured, it must be seen here.
    options.render.r#unsafe = true;
    Html::parse_fragment(&comrak::markdown_to_html(markdown, &options))
}

/// The elements in their order, without `code` and what is in blocks of code.
fn skeleton(element: ElementRef<'_>, into: &mut Vec<String>) {
    for child in element.children().filter_map(ElementRef::wrap) {
        if child.value().name() == "code" {
            continue;
        }
        let attributes: Vec<&str> = child.value().attrs().map(|(name, _)| name).collect();
        into.push(format!("<{} {}", child.value().name(), attributes.join(" ")));
        skeleton(child, into);
        into.push(">".to_owned());
    }
}

fn skeleton_of(markdown: &str) -> Vec<String> {
    let mut elements = Vec::new();
    skeleton(shown(markdown).root_element(), &mut elements);
    elements
}

/// The text outside of code, in which GitHub and GitLab look for mentions, references and addresses.
fn prose_of(page: &Html) -> String {
    let outside = page.tree.nodes().filter(|node| {
        !node.ancestors().any(|a| matches!(a.value(), Node::Element(e) if ["code", "pre"].contains(&e.name())))
    });
    outside.filter_map(|node| node.value().as_text().map(|text| text.to_string())).collect::<Vec<_>>().join("\u{1}")
}

#[test]
fn in_markdown_nothing_is_markup_a_link_a_mention_or_html() {
    type Render = fn(Report<'_>) -> String;
    let forms: [(&str, Render); 2] = [("report", |r| r.markdown()), ("record", |r| r.decision_record())];
    let taken_up = regex::Regex::new(
        r"@\w|#\d|\w#|://|www\.|[\w.]@|:\w+:|\$|~|\bGH-\d|\bGHSA-|\b[0-9a-f]{7,40}\b|\[|\]|<|`|\{\{|&\w+;|!\d|\*\*|__",
    )
    .unwrap();
    for (form, render) in forms {
        let benign = rendered("owned", render);
        let (expected, elements) = (skeleton_of(&benign), names(&shown(&benign)));
        assert!(expected.len() > 100 && !elements.contains_key("a"), "{form}: {elements:?}");
        for (name, payload) in payloads() {
            let markdown = rendered(&payload, render);
            assert_printable(&markdown, &name);
            assert!(markdown.len() <= MAX_MARKDOWN || form == "record", "{name}: {}", markdown.len());
            let page = shown(&markdown);
            // The record has blanks of its own, and boxes to tick, which come out as elements.
            let prose = prose_of(&page).replace("________________", "");
            assert_eq!(taken_up.find(&prose).map(|found| found.as_str()), None, "{form}: {name}: {prose}");
            let new: Vec<_> = names(&page).into_keys().filter(|element| !elements.contains_key(element)).collect();
            assert_eq!(new, [""; 0], "{form}: {name}");
            if PAYLOADS.iter().any(|(listed, _)| *listed == name) {
                assert_eq!(skeleton_of(&markdown), expected, "{form}: {name}\n{markdown}");
            }
        }
    }
    let text = rendered("<b>@owned</b>", |report| report.markdown());
    let text: String = shown(&text).root_element().text().collect();
    assert!(text.matches("<b>@owned</b>").count() > 10, "it is shown, not dropped: {text}");
}

#[test]
fn in_a_table_nothing_is_a_formula_or_a_cell() {
    for (name, payload) in payloads() {
        let text = rendered(&payload, |report| report.csv().unwrap());
        assert_printable(&text.replace("\r\n", "\n"), &name);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let endpoints = run(&payload).snapshot.endpoints.len();
        assert_eq!(records.len(), endpoints + 1, "{name}");
        assert_eq!(text.matches("\r\n").count(), endpoints + 1, "{name}: a record is a line");
        for record in &records {
            assert_eq!(record.len(), records[0].len(), "{name}");
            for cell in record {
                let first = cell.trim_start().chars().next();
                let formula = matches!(
                    first,
                    Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
                );
                assert!(!formula, "{name}: {cell}");
            }
        }
    }
    let text = rendered("=cmd|owned", |report| report.csv().unwrap());
    assert!(text.contains("\"'=cmd|owned /b=cmd|owned\""), "it is shown, not dropped: {text}");
}

/// The name of each suite, and the class and the kind of each of its cases.
type Cases = Vec<(String, Vec<(Option<String>, &'static str)>)>;

fn cases(xml: &str) -> Cases {
    use quick_junit::{NonSuccessKind, TestCaseStatus};
    let report = quick_junit::Report::deserialize_from_str(xml).unwrap();
    let kind = |status: &TestCaseStatus| match status {
        TestCaseStatus::Success { .. } => "success",
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "failure",
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
        TestCaseStatus::Skipped { .. } => "skipped",
    };
    let case =
        |case: &quick_junit::TestCase| (case.classname.as_ref().map(|c| c.as_str().to_owned()), kind(&case.status));
    let suite =
        |suite: &quick_junit::TestSuite| (suite.name.as_str().to_owned(), suite.test_cases.iter().map(case).collect());
    report.test_suites.iter().map(suite).collect()
}

/// By xmllint, against the schema of Jenkins.
pub(super) fn assert_valid_junit(folder: &Path) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schema)
        .args(files)
        .output()
        .expect("xmllint is there: scripts/setup.sh test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn xml_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let expected = rendered("owned", |report| cases(&report.junit().unwrap()));
    for (n, (name, payload)) in payloads().enumerate() {
        let xml = rendered(&payload, |report| report.junit().unwrap());
        assert_printable(&xml, &name);
        // Endpoints that are cut to the same name stay in their order; each is a case of the same kind.
        assert_eq!(sorted(cases(&xml)), sorted(expected.clone()), "{name}");
        assert!(!xml.contains("<!") && xml.matches("<?").count() == 1, "{name}");
        std::fs::write(folder.path().join(format!("{n}.xml")), xml).unwrap();
    }
    assert_valid_junit(folder.path());
    let xml = rendered("<owned/>\u{1}", |report| report.junit().unwrap());
    assert!(xml.contains("&lt;owned/&gt;\\x01"), "it is shown, not dropped: {xml}");
}

/// Payloads change the order of endpoints, which is by name.
fn sorted(mut suites: Cases) -> Cases {
    suites.iter_mut().for_each(|(_, cases)| cases.sort());
    suites
}

#[test]
fn json_keeps_every_text_and_shows_nothing_that_acts() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, payload) in payloads() {
        let text = rendered(&payload, |report| report.json().unwrap());
        assert_printable(&text, &name);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["facts"]["candidate"], serde_json::Value::from(payload.as_str()), "{name}");
        let difference = &value["snapshot"]["groups"][0]["examples"][0]["differences"][0];
        assert_eq!(difference["legacy"], serde_json::Value::from(payload.as_str()), "{name}");
        if let Err(error) = validator.validate(&value) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}
