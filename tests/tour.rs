//! The tour of the README, as it is printed there: each command is run, in a network of the test's own, and ends as is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a tour that cannot be walked is a failed test")]

#[path = "network/mod.rs"]
mod network;

use std::fs;
use std::path::Path;
use std::process::Command;

use network::own_network;
use serde_json::Value;

/// The commands of the tour, block by block.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split_once("\n## Five minutes").unwrap().1.split_once("\n## ").unwrap().0;
    let blocks: Vec<String> =
        section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect();
    for picture in section.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(path, _)| path) {
        let there = picture.starts_with('#') || Path::new(env!("CARGO_MANIFEST_DIR")).join(picture).exists();
        assert!(there, "{picture} is not there");
    }
    blocks
}

/// The same with the binaries of this build, and as fast as a script can be: who starts something waits until it is there.
fn script(blocks: &[String]) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_tapcompare"));
    let examples = binary.with_file_name("examples");
    let [first, second] = blocks else { panic!("two blocks, not {}", blocks.len()) };
    let ours = |text: &str| {
        let text = text.replace("cargo run --example ", &format!("{}/", examples.display())).replace(" -- ", " ");
        let text = text.replace("sudo tapcompare", "tapcompare").replace("--for 45s", "--for 32s");
        assert!(text.contains("tapcompare"));
        // Before there is traffic, it fails and says so.
        let text = text.replace("what is missing, in words: nobody shops yet", "\ntest $? = 2");
        let text = text
            .replace("\ntapcompare doctor", "\nset +e\ntapcompare doctor")
            .replace("\ntest $? = 2", "\ntest $? = 2; set -e");
        let text = text.replace("\ntapcompare ", &format!("\n{} ", binary.display()));
        // Behind what goes on in the background there is somebody who reads the next line.
        let paused: Vec<String> = text
            .lines()
            .map(|line| {
                if line.split('#').next().unwrap().trim_end().ends_with('&') {
                    format!("{line}\nsleep 3")
                } else {
                    line.to_owned()
                }
            })
            .collect();
        paused.join("\n")
    };
    for example in ["shop-legacy", "shop-candidate", "shop-client"] {
        assert!(
            examples.join(example).exists(),
            "{example} is not built: cargo build --examples, or cargo test without --test"
        );
    }
    let (first, second) = (ours(&format!("\n{first}")), ours(&format!("\n{second}")));
    format!(
        "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -ex\n{first}\ncurl -sf http://127.0.0.1:7070/api/v1/verdict > live.json\n\
         set +e; wait %3; echo $? > status; kill %1 %2; wait; set -e\n{second}\n\
         {} rules check suggested.yaml\n",
        binary.display()
    )
}

#[test]
fn each_command_of_the_tour_does_what_is_said() {
    let blocks = blocks();
    if !own_network("the tour of the README") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Whoever calls sudo is nobody special; root's own rights would be given up, and the folder is to be theirs.
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
    let done = Command::new("bash").args(["-c", &script(&blocks)]).current_dir(folder.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("status").trim(), "1", "{said}");
    let live: Value = serde_json::from_str(&read("live.json")).unwrap();
    assert_eq!(live["verdict"], "NO-GO");
    assert!(read("tour.html").contains("NO-GO"));
    assert!(read("decision.md").contains(tapcompare::report::DECISION_RECORD_BEGINS), "{}", read("decision.md"));
    assert!(said.contains("the mirror shows nothing"), "{said}");
    assert!(said.contains("NO-GO  The candidate fails"), "{said}");
    assert!(said.contains("/totals/grand"), "{said}");
    assert!(said.contains("no mistake"), "{said}");
    assert!(!read("suggested.yaml").contains("/totals/grand\n"), "a rounding error in one direction is no noise");
}
