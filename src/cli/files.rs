//! The files that one command writes must be different ones: two writers of one file leave neither's work.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Trouble;

/// A file as it was typed, and under which flag.
pub(super) type Written<'a> = (&'static str, Option<&'a Path>);

/// Refuses two flags that lead to one file, however it is spelled. Devices and pipes may be shared: nothing in them is
/// overwritten.
pub(super) fn distinct(files: &[Written<'_>]) -> Result<(), Trouble> {
    let named: Vec<_> = files.iter().filter_map(|(flag, file)| Some((flag, (*file)?))).collect();
    for (at, (flag, file)) in named.iter().enumerate() {
        if let Some((other, _)) = named.iter().take(at).find(|(_, other)| are_one(other, file)) {
            return Err(format!("{flag} {}: {other} writes to this file too; name another", file.display()).into());
        }
    }
    Ok(())
}

fn are_one(first: &Path, second: &Path) -> bool {
    match (fs::metadata(first), fs::metadata(second)) {
        (Ok(first), Ok(second)) => is_one_file(&first, &second),
        // One is there and the other is not.
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        (Err(_), Err(_)) => to_be(first) == to_be(second),
    }
}

fn is_one_file(first: &Metadata, second: &Metadata) -> bool {
    first.is_file() && (first.dev(), first.ino()) == (second.dev(), second.ino())
}

/// Where a file that is not there will be made: its folder without links and dots. A link that leads nowhere is
/// followed once, to where it will lead.
fn to_be(file: &Path) -> PathBuf {
    let led = fs::read_link(file).map(|to| file.parent().unwrap_or(Path::new("")).join(to));
    let file = led.unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_is_known_under_every_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("there"), "").unwrap();
        fs::hard_link(at("there"), at("hard")).unwrap();
        symlink(at("there"), at("soft")).unwrap();
        symlink("new", at("dangling")).unwrap();
        symlink(at("sub"), at("door")).unwrap();
        for (first, second, one) in [
            ("new", "new", true),
            ("new", "sub/../new", true),
            ("new", "dangling", true),
            ("door/new", "sub/new", true),
            ("there", "hard", true),
            ("there", "soft", true),
            ("new", "other", false),
            ("new", "sub/new", false),
            ("there", "new", false),
        ] {
            let told = distinct(&[("--run", Some(&at(first))), ("-w", None), ("--html", Some(&at(second)))]);
            assert_eq!(told.is_err(), one, "{first} {second}");
            if let Err(trouble) = told {
                let line = trouble.to_string();
                assert!(line.starts_with("--html /") && line.ends_with("--run writes to this file too; name another"));
            }
        }
        let null = Path::new("/dev/null");
        assert!(distinct(&[("-w", Some(null)), ("--html", Some(null))]).is_ok());
    }
}
