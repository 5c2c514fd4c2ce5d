//! Spans of shadow requests, over real sockets: the binary, a candidate, and a collector that decodes what it is sent with
//! OpenTelemetry's own types. Where the feature `otlp` is not built in, the flag says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test bench that cannot be set up is a failed test"
)]

#[cfg(feature = "otlp")]
#[path = "../redaction/capture.rs"]
#[allow(unreachable_pub, reason = "another test program has it, too")]
mod capture;
#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod spans;

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_otlp_says_so_and_how_to_get_one() {
    for flag in ["--otlp", "--otlp=http://127.0.0.1:4318"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
        let done = command.args(["replay", shop, "--candidate", "http://127.0.0.1:9", flag]).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("--otlp: this build has no OTLP") && said.contains("--features otlp"), "{said}");
        assert!(done.stdout.is_empty());
    }
    // Variables that a machine has for all its programs are no reason to refuse anything.
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    doctor.args(["doctor", "--candidate", "http://127.0.0.1:9"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    let said = String::from_utf8(doctor.output().unwrap().stdout).unwrap();
    assert!(said.contains("this build has no OTLP"), "{said}");
}
