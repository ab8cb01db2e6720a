//! Files that the daemon reads because somebody asks it to: none may hold it up, whatever stands under the name.

use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No file of a configuration is longer, in bytes.
const LONGEST: u64 = 16 << 20;

/// The text of a regular file. Anything else that has a name there (a pipe without a writer, a terminal) might never come to
/// an end.
///
/// # Errors
///
/// It cannot be read, is no regular file, or is too long.
pub(crate) fn regular(path: &Path) -> io::Result<String> {
    // A pipe is opened at once, and found to be one.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(explained)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("this is no regular file: write what it says into one"));
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

/// The text of whatever has a name, for who asked for it and waits: of a pipe, too. What does not end, as some devices, is not
/// read for ever.
///
/// # Errors
///
/// It cannot be read, or is too long.
pub(crate) fn whole(path: &Path) -> io::Result<String> {
    /// A million routes are a quarter of that.
    const LONGEST: u64 = 256 << 20;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

/// A refusal with what to do: a daemon that has given up its capabilities is refused what root otherwise is not.
pub(crate) fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!(
                "{error}: a confined daemon has the folders of its configuration, rules and captures, as far as its user may have \
                 them by owner and mode; name others in `may_read` or `may_write` of [security] and start again, or start with \
                 `confine = false` there"
            ),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_for_ever() {
        assert_eq!(whole(Path::new("/dev/null")).unwrap(), "");
        assert!(whole(Path::new("/dev/zero")).unwrap_err().to_string().contains("longer than"));
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let directory = std::env::temp_dir().join(format!("siding-read-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = |name: &str| -> PathBuf { directory.join(name) };
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for name in ["pipe", "."] {
            let error = regular(&path(name)).unwrap_err().to_string();
            assert!(error.contains("no regular file") || error.contains("directory"), "{name}: {error}");
        }
        assert!(regular(Path::new("/dev/zero")).unwrap_err().to_string().contains("no regular file"));
        fs::write(path("right"), "text").unwrap();
        assert_eq!(regular(&path("right")).unwrap(), "text");
        let long = fs::File::create(path("long")).unwrap();
        long.set_len(LONGEST + 1).unwrap();
        assert!(regular(&path("long")).unwrap_err().to_string().contains("longer than"));
        fs::remove_dir_all(directory).unwrap();
    }
}
