//! Takes the pictures of comments in `docs/pictures`, with a headless Chromium.
//!
//! ```sh
//! cargo run --package rehearsal --example pictures [ROOT [FOLDER]]
//! ```
//!
//! ROOT is the repository, FOLDER what the pictures are written to. Chromium is `chromium` of the PATH, or what
//! `CHROMIUM` names. It is asked twice for each picture: for the page's height, then for a window of that height.

use anyhow::{Context, Result, bail, ensure};
use rehearsal::pictures::{FOLDER, HEIGHT, Picture, Taken, index};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The window's width, in pixels: GitHub's column and a margin at both sides.
const WIDTH: u32 = 1012;

/// The most that a picture may be high, in pixels.
const LONGEST: u32 = 6000;

#[expect(clippy::print_stdout, reason = "what was taken is what it has to say")]
fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let root = arguments.next().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let folder = arguments.next().unwrap_or_else(|| root.join(FOLDER));
    ensure!(arguments.next().is_none(), "too many arguments: give the repository and the folder, or nothing");
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let browser = Browser::new()?;
    let mut taken = Vec::new();
    for &picture in Picture::ALL {
        let one = browser.take(picture, &root, &folder)?;
        let bytes = std::fs::metadata(folder.join(picture.file()))?.len();
        println!("{}: {} of {} pixels, {} kB", picture.file(), one.shown, one.whole, bytes / 1000);
        taken.push(one);
    }
    let readme = folder.join("README.md");
    std::fs::write(&readme, index(&root, &taken)?).with_context(|| format!("failed to write {}", readme.display()))
}

struct Browser {
    program: OsString,
    /// Its profile, and the pages.
    home: tempfile::TempDir,
}

impl Browser {
    fn new() -> Result<Self> {
        let program = std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
        Ok(Self { program, home: tempfile::tempdir().context("failed to make a folder for Chromium's profile")? })
    }

    fn take(&self, picture: Picture, root: &Path, folder: &Path) -> Result<Taken> {
        let page = self.home.path().join(format!("{}.html", picture.stem));
        std::fs::write(&page, picture.page(&picture.text(root)?).into_string())
            .with_context(|| format!("failed to write {}", page.display()))?;
        let file = folder.join(picture.file());
        let whole = self.height(&page)?;
        let shown = whole.min(LONGEST);
        // Chromium also ends well without having written a picture: an old one must not pass for it.
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("failed to remove {}", file.display()));
            }
            _ => {}
        }
        let screenshot = format!("--screenshot={}", file.display());
        let said = self.run(&page, shown, &screenshot)?;
        ensure!(file.is_file(), "Chromium took no picture for {}: {}", file.display(), said.1);
        Ok(Taken { picture, whole, shown })
    }

    fn height(&self, page: &Path) -> Result<u32> {
        let (dom, said) = self.run(page, 1000, "--dump-dom")?;
        dom.split_once(&format!("{HEIGHT}=\""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .and_then(|(height, _)| height.parse().ok())
            .with_context(|| format!("Chromium did not say how high {} is: {said}", page.display()))
    }

    /// What it said on standard output, and the end of what it said on standard error.
    fn run(&self, page: &Path, height: u32, task: &str) -> Result<(String, String)> {
        let mut command = Command::new(&self.program);
        command.args(["--headless", "--hide-scrollbars", "--force-device-scale-factor=1", "--disable-gpu"]);
        command.arg("--blink-settings=preferredColorScheme=1"); // light, whatever the system is
        // Nothing of the page is on the network, and the browser's own errands are not wanted either.
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.arg("--host-resolver-rules=MAP * ~NOTFOUND");
        // As root Chromium does not start in its sandbox.
        if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
            command.arg("--no-sandbox");
        }
        command.arg(format!("--user-data-dir={}", self.home.path().join("profile").display()));
        command.arg(format!("--window-size={WIDTH},{height}")).arg(task).arg(page);
        let program = Path::new(&self.program).display();
        let output = match command.output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(
                    "{program} is not there, which takes the pictures: `apt-get install chromium fonts-noto-color-emoji`, or name it in CHROMIUM"
                )
            }
            output => output.with_context(|| format!("failed to start {program}"))?,
        };
        let error = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = error.lines().collect();
        let end = lines[lines.len().saturating_sub(10)..].join("\n");
        ensure!(output.status.success(), "{program} failed with {}: {end}", output.status);
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), end))
    }
}
