//! `actions/RELEASE`: which bytes a commit of this repository runs. One line for each tool and platform,
//! `tool version target url sha256`; `#` begins a comment.

use std::{env::consts, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::http;

/// One line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) target: String,
    pub(super) url: String,
    /// Of the file behind the URL, in hex.
    pub(super) sha256: String,
}

/// The whole file.
#[derive(Debug)]
pub(super) struct ReleaseFile(Vec<Tool>);

impl ReleaseFile {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| {
            format!("{} cannot be read; name the action's RELEASE with --release-file", path.display())
        })?;
        Self::parse(&text).with_context(|| format!("{} is not as it should be", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut tools: Vec<Tool> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let tool = Tool::parse(line).with_context(|| format!("line {}", number + 1))?;
            let same = |other: &Tool| (&other.name, &other.target) == (&tool.name, &tool.target);
            ensure!(
                !tools.iter().any(same),
                "line {}: {} has a second line for {}",
                number + 1,
                tool.name,
                tool.target
            );
            tools.push(tool);
        }
        Ok(Self(tools))
    }

    /// The tool of this name for this machine.
    pub(super) fn tool(&self, name: &str) -> Result<&Tool> {
        self.tool_for(name, &format!("{}-{}", consts::ARCH, consts::OS))
    }

    fn tool_for(&self, name: &str, target: &str) -> Result<&Tool> {
        let of_name: Vec<_> = self.0.iter().filter(|tool| tool.name == name).collect();
        if let Some(tool) = of_name.iter().find(|tool| tool.target == target) {
            return Ok(tool);
        }
        if of_name.is_empty() {
            let mut names: Vec<_> = self.0.iter().map(|tool| tool.name.as_str()).collect();
            names.dedup();
            bail!("RELEASE names no tool `{name}`; it has {}", names.join(", "));
        }
        let targets: Vec<_> = of_name.iter().map(|tool| tool.target.as_str()).collect();
        bail!("RELEASE has no {name} for {target}, only for {}; use such a runner, or add its line", targets.join(", "))
    }
}

impl Tool {
    fn parse(line: &str) -> Result<Self> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [name, version, target, url, sha256] = fields[..] else {
            bail!("it has {} fields, not `tool version target url sha256`", fields.len());
        };
        // They become folders.
        for part in [name, version, target] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
            ensure!(part.chars().all(plain) && !part.starts_with('.'), "`{part}` is no plain name");
        }
        ensure!(http::is_private(url), "{url} is neither https nor on this machine");
        let hex = sha256.len() == 64 && sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        ensure!(hex, "`{sha256}` is no SHA-256 in lower-case hex");
        let [name, version, target, url, sha256] = [name, version, target, url, sha256].map(str::to_owned);
        Ok(Self { name, version, target, url, sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_38_this_repositorys_own_file_is_as_it_should_be() {
        let own = ReleaseFile::parse(include_str!("../RELEASE")).expect("our own file");
        for (tool, target) in
            [("trivy", "aarch64-linux"), ("cargo-audit", "x86_64-linux"), ("terraform", "x86_64-linux")]
        {
            assert_eq!(own.tool_for(tool, target).expect("a line").target, target);
        }
    }

    #[test]
    fn trap_38_an_unknown_tool_or_platform_is_a_failure() {
        let own = ReleaseFile::parse(include_str!("../RELEASE")).expect("our own file");
        let said = own.tool_for("tfsec", "x86_64-linux").expect_err("no line").to_string();
        assert_eq!(said, "RELEASE names no tool `tfsec`; it has trivy, cargo-audit, terraform");
        let said = own.tool_for("terraform", "aarch64-macos").expect_err("no line").to_string();
        assert!(said.contains("no terraform for aarch64-macos, only for x86_64-linux"), "{said}");
    }

    #[test]
    fn a_line_that_could_do_harm_is_refused() {
        let digest = "a".repeat(64);
        for (line, reason) in [
            (format!("x 1 t https://x {digest} more"), "6 fields"),
            (format!("../x 1 t https://x {digest}"), "no plain name"),
            (format!("x .. t https://x {digest}"), "no plain name"),
            (format!("x 1 t http://x.example {digest}"), "neither https"),
            (format!("x 1 t https://x {}", &digest[1..]), "no SHA-256"),
            (format!("x 1 t https://x {}", digest.to_uppercase()), "no SHA-256"),
            (format!("x 1 t https://x {digest}\nx 2 t https://y {digest}"), "line 2: x has a second line for t"),
        ] {
            let said = format!("{:#}", ReleaseFile::parse(&line).expect_err("a bad line"));
            assert!(said.contains(reason), "{line}: {said}");
        }
    }
}
