//! The only place that prints, and that speaks the runner's protocol:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::{
    env,
    fmt::Display,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result, ensure};

use crate::secret::Secret;

/// The runner cuts an annotation's message at this many characters.
const ANNOTATION_CHARS: usize = 4096;

/// The runner refuses a larger step summary whole.
const SUMMARY_BYTES: usize = 1024 * 1024;

/// Whether stdout is read by a program: what is meant for people then goes to stderr, where a runner finds commands too.
static STDOUT_IS_DATA: AtomicBool = AtomicBool::new(false);

/// Keeps stdout for [`data`], from here on.
pub fn reserve_stdout() {
    STDOUT_IS_DATA.store(true, Ordering::Relaxed);
}

/// Prints what another program reads from stdout, see [`reserve_stdout`].
///
/// # Errors
/// Nobody reads it any more.
pub fn data(text: &str) -> Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("the answer cannot be written to stdout")
}

/// Prints one line (or several) for the person who reads the log. What others wrote, such as a function's answer or a
/// person's reason, cannot command the runner by it.
pub fn say(text: impl Display) {
    print(&harmless(&text.to_string()));
}

/// Text of which the runner takes no line for a command: it looks for `::` at a line's beginning and for `##[` anywhere.
fn harmless(text: &str) -> String {
    let line = |line: &str| if line.trim_start().starts_with("::") { format!("> {line}") } else { line.to_owned() };
    text.replace("##[", "## [").split(['\n', '\r']).map(line).collect::<Vec<_>>().join("\n")
}

fn print(text: &str) {
    // A reader who closed the pipe must not turn finished work into a failure.
    let _ = if STDOUT_IS_DATA.load(Ordering::Relaxed) {
        writeln!(io::stderr().lock(), "{text}")
    } else {
        writeln!(io::stdout().lock(), "{text}")
    };
}

/// Opens a foldable group in a runner's log, a plain heading elsewhere; it closes when the value is dropped.
#[must_use]
pub fn group(title: impl Display) -> Group {
    print(&if in_runner() { format!("::group::{}", escape(&title.to_string())) } else { title.to_string() });
    Group
}

/// An open group, see [`group`].
#[derive(Debug)]
pub struct Group;

impl Drop for Group {
    fn drop(&mut self) {
        if in_runner() {
            print("::endgroup::");
        }
    }
}

/// Reports why the command failed: on stderr, and in a runner as one annotation instead.
pub fn error(why: impl Display) {
    if in_runner() {
        let message: String = why.to_string().chars().take(ANNOTATION_CHARS).collect();
        print(&format!("::error title=lockgate::{}", escape(&message)));
    } else {
        let _ = writeln!(io::stderr().lock(), "error: {why}");
    }
}

/// Tells what the reader of the checks page should know.
pub fn notice(what: impl Display) {
    annotate("notice", &what.to_string());
}

/// Tells what may need the reader's care.
pub fn warning(what: impl Display) {
    annotate("warning", &what.to_string());
}

fn annotate(level: &str, what: &str) {
    if in_runner() {
        let message: String = what.chars().take(ANNOTATION_CHARS).collect();
        print(&format!("::{level} title=lockgate::{}", escape(&message)));
    } else {
        let _ = writeln!(io::stderr().lock(), "{level}: {what}");
    }
}

/// Shows something at lines of a file of the repository, among the changes that people review. GitHub shows ten of a level
/// and step. <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message>
pub fn annotation(error: bool, path: &str, lines: Option<(u32, u32)>, title: &str, message: &str) {
    let level = if error { "error" } else { "warning" };
    if in_runner() {
        let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
        let lines = lines.map(|(first, last)| format!(",line={first},endLine={last}")).unwrap_or_default();
        let message: String = message.chars().take(ANNOTATION_CHARS).collect();
        print(&format!("::{level} file={}{lines},title={}::{}", property(path), property(title), escape(&message)));
    } else {
        let line = lines.map(|(first, _)| format!(":{first}")).unwrap_or_default();
        let _ = writeln!(io::stderr().lock(), "{level}: {path}{line}: {title}: {message}");
    }
}

/// Has the runner hide this text in every log from here on; to be called before it is written anywhere. Outside a runner
/// nothing hides text, so nothing is said.
pub fn mask(secret: &Secret) {
    if in_runner() {
        // Several lines are masked one by one, as they are logged.
        secret.expose().lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| {
            print(&format!("::add-mask::{}", escape(line)));
        });
    }
}

/// Sets a step output: in the file that `GITHUB_OUTPUT` names, without one as a line `name=value` on stdout.
///
/// # Errors
/// The file cannot be written, or the value holds the random delimiter.
pub fn output(name: &str, value: &str) -> Result<()> {
    match file("GITHUB_OUTPUT") {
        Some(path) => append(&path, &entry(name, value, &delimiter()?)?),
        None => {
            say(format_args!("{name}={value}"));
            Ok(())
        }
    }
}

/// Sets an environment variable for the job's later steps, in the file that `GITHUB_ENV` names.
///
/// # Errors
/// There is no such file (a laptop has none), it cannot be written, or the value holds the random delimiter.
pub fn export(name: &str, value: &str) -> Result<()> {
    let path =
        file("GITHUB_ENV").context("GITHUB_ENV is not set: only a GitHub runner passes variables on to later steps")?;
    append(&path, &entry(name, value, &delimiter()?)?)
}

/// Puts a folder before the others on the PATH of the job's later steps, in the file that `GITHUB_PATH` names.
///
/// # Errors
/// There is no such file, or it cannot be written.
pub fn path(folder: &Path) -> Result<()> {
    let path =
        file("GITHUB_PATH").context("GITHUB_PATH is not set: only a GitHub runner passes a PATH on to later steps")?;
    append(&path, &format!("{}\n", folder.display()))
}

/// Adds Markdown to the step's summary, in the file that `GITHUB_STEP_SUMMARY` names; without one it is dropped.
/// What would take the file over the runner's limit, at which the runner shows nothing at all, is cut at a line.
///
/// # Errors
/// The file cannot be written.
pub fn summary(markdown: &str) -> Result<()> {
    let Some(path) = file("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let taken = fs::metadata(&path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(SUMMARY_BYTES));
    append(&path, cut(markdown, SUMMARY_BYTES.saturating_sub(taken + 1)))
}

/// As many whole lines of `text` as fit into `bytes`, with the line feed that ends them.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let lines = text.split_inclusive('\n').scan(0, |length, line| {
        *length += line.len();
        (*length <= bytes).then_some(*length)
    });
    &text[..lines.last().unwrap_or(0)]
}

fn file(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn delimiter() -> Result<String> {
    Ok(format!("lockgate_{:016x}", getrandom::u64().context("no random number for an output's delimiter")?))
}

fn append(path: &Path, text: &str) -> Result<()> {
    let write = || OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes());
    write().with_context(|| format!("{}, a file of the runner, cannot be written", path.display()))
}

/// One entry of an output file; the delimiter keeps a value from ending its own heredoc and setting other outputs.
fn entry(name: &str, value: &str, delimiter: &str) -> Result<String> {
    ensure!(!value.contains(delimiter), "output `{name}` holds the delimiter of its own heredoc; run the step again");
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// Whether a runner reads what is printed.
#[must_use]
pub fn in_runner() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Starts a program with neither inputs, which may be secrets, nor GitHub's own tokens in its environment. That is order, no
/// boundary: what runs as the same user finds them in other processes.
pub fn hide_tokens(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let known = name.to_string_lossy();
        let secret = ["INPUT_", "ACTIONS_"].iter().any(|start| known.starts_with(start));
        let token = ["GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"].contains(&&*known);
        if secret || token {
            command.env_remove(&name);
        }
    }
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
    fn a_summary_is_cut_at_a_line() {
        assert_eq!(cut("one\ntwo\nthree\n", 10), "one\ntwo\n");
        assert_eq!(cut("ä\nb\n", 2), "");
        assert_eq!(cut("one\n", 4), "one\n");
    }

    #[test]
    fn what_others_wrote_is_no_command() {
        assert_eq!(
            harmless("it said\n  ::stop-commands::x\r::add-mask::a"),
            "it said\n>   ::stop-commands::x\n> ::add-mask::a"
        );
        assert_eq!(harmless("x ##[error]y"), "x ## [error]y");
        assert_eq!(harmless("a::b"), "a::b");
    }

    #[test]
    fn a_message_stays_one_command() {
        assert_eq!(escape("50%\r\n::set-env::"), "50%25%0D%0A::set-env::");
    }
}
