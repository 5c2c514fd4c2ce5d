//! The programs that tests start in namespaces besides the installed ones. They are this very executable, started
//! anew and asked to play a part, so that nothing has to be built or found beside it.

mod candidate;
mod hostile;
mod mirror;
mod record;
mod send;
mod shop;

use std::process::Command;

use super::net::{Net, Place};

/// Names the part to play, and then its arguments, a line each.
const PART: &str = "TAPCOMPARE_LIVE_PART";

/// The command that plays a part in a namespace.
pub(crate) fn command(net: &Net, place: Place, part: &str, arguments: &[&str]) -> Command {
    let mut command = net.command(place, std::env::current_exe().unwrap());
    command.args(["parts::play_a_part", "--exact", "--nocapture", "--quiet"]);
    let mut lines = vec![part];
    lines.extend(arguments);
    command.env(PART, lines.join("\n"));
    command
}

/// Nothing where a person runs the tests; the part where [`command`] has started this.
#[test]
fn play_a_part() {
    let Ok(lines) = std::env::var(PART) else { return };
    let lines: Vec<&str> = lines.split('\n').collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match lines[..] {
        ["candidate", listen, backend, log] => runtime.block_on(candidate::play(listen, backend, log)),
        ["shop", listen] => runtime.block_on(shop::serve(listen)),
        ["shoppers", address, capture, most] => runtime.block_on(shop::visit(address, capture, most.parse().unwrap())),
        ["send", from, to, count, size] => send::play(from, to, count.parse().unwrap(), size.parse().unwrap()),
        ["hostile", interface, flows] => hostile::play(interface, flows.parse().unwrap()),
        ["mirror", to, capture, cut] => mirror::play(to, capture, cut.parse().unwrap()),
        ["record", interface, file, kept] => record::play(interface, file, kept.parse().unwrap()),
        _ => panic!("nobody knows the part {lines:?}"),
    }
    // The harness has nothing to add.
    std::process::exit(0);
}
