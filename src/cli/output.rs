//! Where a report goes: standard output, and files, each in a form of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::files::{self, Written};
use super::{OutputFormat, Trouble};
use crate::report::{self, Report};

/// The flags of every command that reports.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// How to write the report on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: OutputFormat,
    /// Also write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    #[command(flatten)]
    pub(super) others: OtherFiles,
}

/// The forms beside the page. `-` is standard output, in the place of the text.
#[derive(Debug, clap::Args)]
pub(crate) struct OtherFiles {
    /// Also write it as Markdown, for a pull request or the summary of a CI job; `-` is standard output, here and below
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Also write it as JUnit XML: the gates and the endpoints as cases
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write the table of the endpoints as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write it as JSON; `tapcompare schema report` describes it
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the record of the decision in Markdown, with blanks to be filled in; never over one that is there
    #[arg(long, value_name = "FILE")]
    decision_record: Option<PathBuf>,
}

/// One form of the report.
struct Form {
    flag: &'static str,
    /// What a file of it is called.
    name: &'static str,
    /// How such a file begins. One that begins otherwise was not made by us, and is not ours to overwrite. None: no file
    /// is overwritten, because people write in it.
    begins: Option<&'static str>,
    render: fn(&Report<'_>) -> Result<String, Trouble>,
}

const PAGE: Form =
    Form { flag: "--html", name: "page", begins: Some("<!DOCTYPE html>"), render: |report| Ok(report.html()) };
const MARKDOWN: Form = Form {
    flag: "--markdown",
    name: "Markdown report",
    begins: Some(report::MARKDOWN_BEGINS),
    render: |report| Ok(report.markdown()),
};
const JUNIT: Form = Form {
    flag: "--junit",
    name: "JUnit report",
    begins: Some(report::JUNIT_BEGINS),
    render: |report| Ok(report.junit()?),
};
const CSV: Form = Form {
    flag: "--csv",
    name: "table of endpoints",
    begins: Some(report::CSV_BEGINS),
    render: |report| Ok(report.csv()?),
};
const JSON: Form = Form {
    flag: "--json",
    name: "JSON report",
    begins: Some("{\"schema_version\":"),
    render: |report| Ok(report.json()? + "\n"),
};
const DECISION_RECORD: Form = Form {
    flag: "--decision-record",
    name: "decision record",
    begins: None,
    render: |report| Ok(report.decision_record()),
};

/// Standard output, as a file.
const STDOUT: &str = "-";

/// A form and where it is to go.
struct Wanted<'a> {
    form: &'static Form,
    file: &'a Path,
}

impl Output {
    /// The forms that were asked for.
    fn wanted(&self) -> Vec<Wanted<'_>> {
        let OtherFiles { markdown, junit, csv, json, decision_record } = &self.others;
        let all: [(&'static Form, &Option<PathBuf>); 6] = [
            (&PAGE, &self.html),
            (&MARKDOWN, markdown),
            (&JUNIT, junit),
            (&CSV, csv),
            (&JSON, json),
            (&DECISION_RECORD, decision_record),
        ];
        all.into_iter().filter_map(|(form, file)| Some(Wanted { form, file: file.as_deref()? })).collect()
    }

    /// Finds out before the run whether everything can be written after it. A file that holds something else is refused:
    /// `--html monday.pcap` is a slip, and the capture may be the only one.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        self.wanted().iter().filter(|wanted| !wanted.is_stdout()).try_for_each(Wanted::check)
    }

    /// Refuses two outputs, of these and of the command's `others`, that lead to one file.
    pub(super) fn distinct(&self, others: &[Written<'_>]) -> Result<(), Trouble> {
        let wanted = self.wanted();
        let mut on_stdout: Vec<&str> = wanted.iter().filter(|w| w.is_stdout()).map(|w| w.form.flag).collect();
        if self.output == OutputFormat::Json && !on_stdout.is_empty() {
            on_stdout.push("--output json");
        }
        if let [first, second, ..] = on_stdout[..] {
            return Err(format!("{second}: {first} writes to standard output too; name a file for one of them").into());
        }
        let files = wanted.iter().filter(|wanted| !wanted.is_stdout()).map(|w| (w.form.flag, Some(w.file)));
        files::distinct(&others.iter().copied().chain(files).collect::<Vec<_>>())
    }

    /// Writes the report to standard output and to the files. Each is written even where another cannot be.
    /// `page` is what the page shows of it, which is more than the other forms do.
    pub(super) fn write(&self, report: &Report<'_>, page: &Report<'_>, color: bool) -> Result<(), Trouble> {
        let mut troubles = Vec::new();
        let wanted = self.wanted();
        if !wanted.iter().any(Wanted::is_stdout) {
            troubles.extend(self.print(report, color).err());
        }
        for one in &wanted {
            let report = if one.form.flag == PAGE.flag { page } else { report };
            troubles.extend((one.form.render)(report).and_then(|text| one.write(&text)).err());
        }
        if troubles.is_empty() {
            return Ok(());
        }
        Err(troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ").into())
    }

    fn print(&self, report: &Report<'_>, color: bool) -> Result<(), Trouble> {
        let text = match self.output {
            OutputFormat::Text => report.terminal(color),
            OutputFormat::Json => report.json()? + "\n",
        };
        // Where the reader (head, less) has seen enough, the files are still wanted.
        super::print(&text).map(drop)
    }
}

impl Wanted<'_> {
    fn is_stdout(&self) -> bool {
        self.file == Path::new(STDOUT)
    }

    /// Whether it can be written, and may be.
    fn check(&self) -> Result<(), Trouble> {
        let fail = |error: io::Error| self.unwritable(&error);
        match fs::metadata(self.file) {
            Ok(there) if there.is_file() => {
                self.is_ours()?;
                OpenOptions::new().append(true).open(self.file).map(drop).map_err(fail)
            }
            // A device or a pipe; opening a pipe to try it would take its reader's only chance.
            Ok(there) if !there.is_dir() => Ok(()),
            Ok(_) => Err(fail(io::ErrorKind::IsADirectory.into())),
            Err(_) => {
                OpenOptions::new().create(true).append(true).open(self.file).map_err(fail)?;
                // It was made to see whether it can be. A run that ends in trouble must not leave an empty file.
                self.file.canonicalize().and_then(fs::remove_file).map_err(fail)
            }
        }
    }

    /// A file that is there is empty, or begins as ours do.
    fn is_ours(&self) -> Result<(), Trouble> {
        let Form { flag, name, begins, .. } = self.form;
        let expected = begins.unwrap_or("").as_bytes();
        let mut beginning = Vec::new();
        let length = expected.len().max(1) as u64;
        let read = File::open(self.file).and_then(|file| file.take(length).read_to_end(&mut beginning));
        read.map_err(|error| self.unwritable(&error))?;
        let file = self.file.display();
        match begins {
            _ if beginning.is_empty() => Ok(()),
            Some(_) if beginning.eq_ignore_ascii_case(expected) => Ok(()),
            Some(_) => Err(format!("{flag} {file}: this file is no {name} and stays as it is; name another").into()),
            None => Err(format!("{flag} {file}: this file is there and may have been filled in; name another").into()),
        }
    }

    fn write(&self, text: &str) -> Result<(), Trouble> {
        if self.is_stdout() {
            return super::print(text).map(drop);
        }
        // A long run leaves time for somebody else to put something there.
        if fs::metadata(self.file).is_ok_and(|there| there.is_file()) {
            self.is_ours()?;
        }
        write_file(self.file, text.as_bytes()).map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &io::Error) -> Trouble {
        format!("{} {}: cannot be written: {error}", self.form.flag, self.file.display()).into()
    }
}

/// Writes beside the file first, so that a full disk leaves the report of the last run as it is and never half a one,
/// which could be taken for a whole one. What a link leads to is replaced, not the link.
fn write_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(file) {
        Ok(there) if !there.is_file() => return fs::write(file, bytes),
        Ok(_) => file.canonicalize()?,
        Err(_) => file.to_owned(),
    };
    let mut beside = target.clone().into_os_string();
    beside.push(format!(".{}.part", process::id()));
    let beside = PathBuf::from(beside);
    let mut part = match OpenOptions::new().create_new(true).write(true).open(&beside) {
        Ok(part) => part,
        // A folder in which nothing new can be made, but a file is there that may be written.
        Err(_) => return fs::write(&target, bytes),
    };
    let done = part.write_all(bytes).and_then(|()| fs::rename(&beside, &target));
    if done.is_err() {
        // Whether or not it can be removed, what is told is why the report could not be written.
        let _ = fs::remove_file(&beside);
    }
    done
}
