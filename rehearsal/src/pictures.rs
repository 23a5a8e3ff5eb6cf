//! The pictures of comments in `docs/pictures`, and whether they still show what the comments say.
//!
//! A picture is taken by a browser, which tests do without: beside the pictures stands what each was taken from, as a
//! digest, and a test compares that with the comment as it is now.

use crate::github_page::{CSS, Conversation, Said, VERSION, page};
use anyhow::{Context, Result};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// Where the pictures are, from the repository's root.
pub const FOLDER: &str = "docs/pictures";

/// What takes them again.
pub const COMMAND: &str = "cargo run --package rehearsal --example pictures";

/// Where a page's script leaves its height, in pixels, when a picture of it is taken.
pub const HEIGHT: &str = "data-height";

/// A picture of a page with one comment.
#[derive(Debug, Clone, Copy)]
pub struct Picture {
    /// Its file's name, without `.png`.
    pub stem: &'static str,
    /// The golden comment, from the repository's root.
    pub golden: &'static str,
    /// The page's title.
    pub title: &'static str,
    /// Whether everything that folds is open.
    pub open: bool,
    /// Whether the text opens an issue, instead of being said about a pull request.
    pub issue: bool,
}

impl Picture {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::of("alpha", "actions/tests/plan/alpha.md", "Add a database"),
        Self::of("cbd", "actions/tests/plan/cbd.md", "Replace the data's triggers"),
        Self { open: true, ..Self::of("cbd-open", "actions/tests/plan/cbd.md", "Replace the data's triggers") },
        Self::of("service", "actions/tests/plan/service.md", "Ship query as an image"),
        Self::of("many", "actions/tests/plan/many.md", "Ten thousand items"),
        Self::of("change", "actions/tests/scan/change.md", "Open the service's port"),
        Self { issue: true, ..Self::of("issue", "actions/tests/drift/issue.md", "Drift in staging") },
    ];

    const fn of(stem: &'static str, golden: &'static str, title: &'static str) -> Self {
        Self { stem, golden, title, open: false, issue: false }
    }

    /// The picture's file name.
    pub fn file(&self) -> String {
        format!("{}.png", self.stem)
    }

    /// The golden comment of the repository in `root`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn text(&self, root: &Path) -> Result<String> {
        let path = root.join(self.golden);
        std::fs::read_to_string(&path)
            .with_context(|| format!("failed to read {}, a golden comment that {} shows", path.display(), self.file()))
    }

    /// The whole page that the picture is taken of. Its script, the only one that the browser runs, writes the page's
    /// height to [`HEIGHT`].
    pub fn page(&self, text: &str) -> Markup {
        let body = if self.open { text.replace("<details>", "<details open>") } else { text.to_owned() };
        let (title, bot) = (self.title.to_owned(), "github-actions[bot]".to_owned());
        let conversation = if self.issue {
            Conversation { title, number: 12, author: bot, body: Some(body), ..Conversation::default() }
        } else {
            let comments = vec![Said { author: bot, body, ..Said::default() }];
            Conversation { title, number: 12, author: "ada".to_owned(), comments, ..Conversation::default() }
        };
        let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'nonce-height'";
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    title { (self.title) }
                    style { "body { margin: 0 16px }" (PreEscaped(CSS)) }
                }
                body {
                    (page(&conversation))
                    script nonce="height" {
                        (PreEscaped(format!(
                            "document.documentElement.setAttribute('{HEIGHT}', document.documentElement.offsetHeight)"
                        )))
                    }
                }
            }
        }
    }

    /// The line of the index that says what the picture was taken from.
    fn source(&self, text: &str) -> String {
        let folds = if self.open { "open" } else { "closed" };
        let mut digest = Sha256::new();
        for part in [&VERSION.to_string(), self.title, folds, text, CSS] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        format!("`{}`, folds {folds}: `sha256:{}`", self.golden, hex::encode(digest.finalize()))
    }
}

/// A picture that was taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Which.
    pub picture: Picture,
    /// The page's height, in pixels.
    pub whole: u32,
    /// The picture's height, in pixels: less if the page is too long.
    pub shown: u32,
}

/// The index that stands beside the pictures as `README.md`.
///
/// # Errors
/// If a golden comment cannot be read.
pub fn index(root: &Path, taken: &[Taken]) -> Result<String> {
    let mut index = format!(
        "# Pictures of the comments\n\n\
         Each shows a golden comment of the tests as GitHub would. They are taken by\n\n\
         ```sh\n{COMMAND}\n```\n\n\
         which needs Chromium and an emoji font (`apt-get install chromium fonts-noto-color-emoji`). Do not edit this file: a \
         test compares its digests with the comments.\n"
    );
    for Taken { picture, whole, shown } in taken {
        let source = picture.source(&picture.text(root)?);
        write!(index, "\n## {}\n\n{source}\n", picture.stem)?;
        if shown < whole {
            write!(index, "\nCut off after {shown} of {whole} pixels.\n")?;
        }
        write!(
            index,
            "\n![{}, folds {}]({})\n",
            picture.golden,
            if picture.open { "open" } else { "closed" },
            picture.file()
        )?;
    }
    Ok(index)
}

/// Names the pictures that are missing, or that show something else than the comments of the repository in `root` say
/// now, each in a sentence that says what to do.
///
/// # Errors
/// If a golden comment cannot be read.
pub fn stale(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(FOLDER);
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let mut stale = Vec::new();
    for picture in Picture::ALL {
        let source = picture.source(&picture.text(root)?);
        let file = picture.file();
        // A picture is of exactly its own section: another's digest does not speak for it.
        let section = index.split("\n## ").find(|section| section.lines().next() == Some(picture.stem));
        let why = if !folder.join(&file).is_file() {
            "is missing"
        } else if section.is_some_and(|section| section.lines().any(|line| line == source)) {
            continue;
        } else {
            "shows an older comment or page"
        };
        stale.push(format!("{FOLDER}/{file} of {} {why}: run `{COMMAND}` and look at it", picture.golden));
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::{COMMAND, FOLDER, Picture, Taken, index, stale};
    use anyhow::Result;
    use std::fs;
    use std::path::Path;

    /// A repository whose pictures are just taken.
    fn repository() -> Result<tempfile::TempDir> {
        let root = tempfile::tempdir()?;
        for picture in Picture::ALL {
            write(root.path(), picture.golden, &format!("## Plan of {}", picture.golden))?;
            write(root.path(), &format!("{FOLDER}/{}", picture.file()), "PNG")?;
        }
        let taken: Vec<Taken> =
            Picture::ALL.iter().map(|&picture| Taken { picture, whole: 9000, shown: 6000 }).collect();
        write(root.path(), &format!("{FOLDER}/README.md"), &index(root.path(), &taken)?)?;
        Ok(root)
    }

    fn write(root: &Path, path: &str, text: &str) -> Result<()> {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        Ok(fs::write(path, text)?)
    }

    #[test]
    fn this_repositorys_pictures_show_what_its_comments_say() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        assert_eq!(stale(&root)?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn fresh_pictures_are_not_stale() -> Result<()> {
        let root = repository()?;
        assert_eq!(stale(root.path())?, Vec::<String>::new());
        let index = fs::read_to_string(root.path().join(FOLDER).join("README.md"))?;
        assert!(index.contains("![actions/tests/plan/cbd.md, folds open](cbd-open.png)"), "{index}");
        assert!(index.contains("Cut off after 6000 of 9000 pixels."), "{index}");
        Ok(())
    }

    #[test]
    fn a_changed_comment_makes_all_its_pictures_stale() -> Result<()> {
        let root = repository()?;
        write(root.path(), "actions/tests/plan/cbd.md", "## Another plan")?;
        let stale = stale(root.path())?;
        assert_eq!(stale.len(), 2, "{stale:?}");
        for (sentence, file) in stale.iter().zip(["cbd.png", "cbd-open.png"]) {
            assert!(sentence.contains(file) && sentence.contains(COMMAND), "{sentence}");
        }
        Ok(())
    }

    #[test]
    fn a_missing_picture_and_a_missing_index_are_stale() -> Result<()> {
        let root = repository()?;
        fs::remove_file(root.path().join(FOLDER).join("alpha.png"))?;
        let missing = stale(root.path())?;
        assert!(
            missing.len() == 1 && missing[0].contains("alpha.png of actions/tests/plan/alpha.md is missing"),
            "{missing:?}"
        );
        fs::remove_file(root.path().join(FOLDER).join("README.md"))?;
        assert_eq!(stale(root.path())?.len(), Picture::ALL.len());
        Ok(())
    }

    #[test]
    fn a_golden_comment_that_is_gone_is_an_error() -> Result<()> {
        let root = repository()?;
        fs::remove_file(root.path().join("actions/tests/drift/issue.md"))?;
        let error = stale(root.path()).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("issue.md") && error.contains("issue.png"), "{error}");
        Ok(())
    }
}
