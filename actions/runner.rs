//! The only place that prints, and that speaks the runner's protocol:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::{
    env,
    ffi::OsString,
    fmt::Display,
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};

/// The runner cuts an annotation's message at this many characters.
const ANNOTATION_CHARS: usize = 4096;

/// Prints one line (or several) for the person who reads the log.
pub fn say(text: impl Display) {
    // A reader who closed the pipe must not turn finished work into a failure.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Opens a foldable group in a runner's log, a plain heading elsewhere; it closes when the value is dropped.
#[must_use]
pub fn group(title: impl Display) -> Group {
    say(if in_runner() { format!("::group::{}", escape(&title.to_string())) } else { title.to_string() });
    Group
}

/// An open group, see [`group`].
#[derive(Debug)]
pub struct Group;

impl Drop for Group {
    fn drop(&mut self) {
        if in_runner() {
            say("::endgroup::");
        }
    }
}

/// Reports why the command failed: on stderr, and in a runner as one annotation instead.
pub fn error(why: impl Display) {
    if in_runner() {
        let message: String = why.to_string().chars().take(ANNOTATION_CHARS).collect();
        say(format_args!("::error title=lockgate::{}", escape(&message)));
    } else {
        let _ = writeln!(io::stderr().lock(), "error: {why}");
    }
}

/// Sets a step output: in the file that `GITHUB_OUTPUT` names, without one as a line `name=value` on stdout.
///
/// # Errors
/// The file cannot be written, or the value holds the random delimiter.
pub fn output(name: &str, value: &str) -> Result<()> {
    match env::var_os("GITHUB_OUTPUT").filter(|path| !path.is_empty()) {
        Some(path) => append(&path, name, value),
        None => {
            say(format_args!("{name}={value}"));
            Ok(())
        }
    }
}

fn append(path: &OsString, name: &str, value: &str) -> Result<()> {
    let random = getrandom::u64().context("no random number for an output's delimiter")?;
    let entry = entry(name, value, &format!("lockgate_{random:016x}"))?;
    let shown = Path::new(path).display();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("step outputs cannot be written to {shown}, the file that GITHUB_OUTPUT names"))?;
    file.write_all(entry.as_bytes()).with_context(|| format!("output `{name}` could not be written to {shown}"))
}

/// One entry of an output file; the delimiter keeps a value from ending its own heredoc and setting other outputs.
fn entry(name: &str, value: &str, delimiter: &str) -> Result<String> {
    ensure!(!value.contains(delimiter), "output `{name}` holds the delimiter of its own heredoc; run the step again");
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

fn in_runner() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

fn escape(data: &str) -> String {
    data.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_set_another_output() {
        let entry = entry("notes", "a\nEOF\nadmin=true", "lockgate_1f").expect("the value is harmless");
        assert_eq!(entry, "notes<<lockgate_1f\na\nEOF\nadmin=true\nlockgate_1f\n");
    }

    #[test]
    fn a_value_that_holds_its_delimiter_is_refused() {
        let refused = super::entry("notes", "x\nlockgate_1f\nadmin=true", "lockgate_1f");
        assert!(refused.is_err_and(|error| error.to_string().contains("`notes`")));
    }

    #[test]
    fn a_message_stays_one_command() {
        assert_eq!(escape("50%\r\n::set-env::"), "50%25%0D%0A::set-env::");
    }
}
