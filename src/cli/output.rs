//! Where a report goes: standard output, and files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::{OutputFormat, Trouble};
use crate::report::Report;

/// The flags of every command that reports.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// How to write the report on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: OutputFormat,
    /// Also write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

/// How a page begins. A file that begins otherwise was not made by us, and is not ours to overwrite.
const PAGE_BEGINS: &[u8] = b"<!DOCTYPE html>";

impl Output {
    /// Finds out before the run whether the page can be written after it. A file that holds something else than a page
    /// is refused: `--html monday.pcap` is a slip, and the capture may be the only one.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let Some(file) = &self.html else { return Ok(()) };
        let fail = |error: io::Error| -> Trouble { unwritable(file, &error) };
        match fs::metadata(file) {
            Ok(there) if there.is_file() => {
                let mut beginning = Vec::new();
                let length = PAGE_BEGINS.len() as u64;
                File::open(file).map_err(fail)?.take(length).read_to_end(&mut beginning).map_err(fail)?;
                if !beginning.is_empty() && !beginning.eq_ignore_ascii_case(PAGE_BEGINS) {
                    let file = file.display();
                    return Err(format!("--html {file}: this file is no page and stays as it is; name another").into());
                }
                OpenOptions::new().append(true).open(file).map(drop).map_err(fail)
            }
            // A device or a pipe; opening a pipe to try it would take its reader's only chance.
            Ok(there) if !there.is_dir() => Ok(()),
            Ok(_) => Err(fail(io::ErrorKind::IsADirectory.into())),
            Err(_) => {
                OpenOptions::new().create(true).append(true).open(file).map_err(fail)?;
                // It was made to see whether it can be. A run that ends in trouble must not leave an empty page.
                file.canonicalize().and_then(fs::remove_file).map_err(fail)
            }
        }
    }

    /// Writes the report to standard output and to the page. Each is written even where the other cannot be.
    pub(super) fn write(&self, report: &Report<'_>, color: bool) -> Result<(), Trouble> {
        let printed = self.print(report, color);
        let written = match &self.html {
            Some(file) => write_page(file, report.html().as_bytes()).map_err(|error| unwritable(file, &error)),
            None => Ok(()),
        };
        match (printed, written) {
            (Err(first), Err(second)) => Err(format!("{first}; {second}").into()),
            (printed, written) => printed.and(written),
        }
    }

    fn print(&self, report: &Report<'_>, color: bool) -> Result<(), Trouble> {
        let text = match self.output {
            OutputFormat::Text => report.terminal(color),
            OutputFormat::Json => report.json()? + "\n",
        };
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // The reader (head, less) has seen enough; the page is still wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| format!("standard output cannot be written: {error}").into()),
        }
    }
}

fn unwritable(file: &Path, error: &io::Error) -> Trouble {
    format!("--html {}: cannot be written: {error}", file.display()).into()
}

/// Writes beside the file first, so that a full disk leaves the page of the last run as it is and never half a page,
/// which could be taken for a whole one. What a link leads to is replaced, not the link.
fn write_page(file: &Path, page: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(file) {
        Ok(there) if !there.is_file() => return fs::write(file, page),
        Ok(_) => file.canonicalize()?,
        Err(_) => file.to_owned(),
    };
    let mut beside = target.clone().into_os_string();
    beside.push(format!(".{}.part", process::id()));
    let beside = PathBuf::from(beside);
    let mut part = match OpenOptions::new().create_new(true).write(true).open(&beside) {
        Ok(part) => part,
        // A folder in which nothing new can be made, but a page is there that may be written.
        Err(_) => return fs::write(&target, page),
    };
    let done = part.write_all(page).and_then(|()| fs::rename(&beside, &target));
    if done.is_err() {
        // Whether or not it can be removed, what is told is why the page could not be written.
        let _ = fs::remove_file(&beside);
    }
    done
}
