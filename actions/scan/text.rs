//! Ids, texts and links as scanners write them, brought into one form.

/// A name or id longer than this is cut: no scanner has such.
pub(crate) const MOST_NAME: usize = 300;
/// A message longer than this is cut.
pub(crate) const MOST_MESSAGE: usize = 2_000;

/// A text of at most so many characters.
pub(crate) fn capped(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Who explains rules and advisories. A link to anywhere else is not shown: reports are not trusted, and a link to an issue
/// makes GitHub mention it there.
const EXPLAIN: [&str; 9] = [
    "avd.aquasec.com",
    "aquasecurity.github.io",
    "doc.rust-lang.org",
    "github.com/advisories",
    "nvd.nist.gov",
    "registry.terraform.io",
    "rust-lang.github.io",
    "rustsec.org",
    "spdx.org",
];

/// The URL, if it is `https` at somebody who explains rules and advisories and holds nothing that could end a Markdown link.
pub(crate) fn url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&+=%".contains(c);
    let known = EXPLAIN.iter().any(|host| rest.strip_prefix(host).is_some_and(|path| path.starts_with('/')));
    (known && text.len() <= 500 && text.chars().all(fine)).then(|| text.to_owned())
}

/// One name for what scanners call differently: tfsec's and old Trivy's `AVD-AWS-0104` is Trivy's `AWS-0104`; advisories are
/// written in capitals, except that those of GitHub (`GHSA-xxxx-xxxx-xxxx`) have small letters behind the prefix.
#[must_use]
pub fn canonical(id: &str) -> String {
    let id = id.trim();
    let upper = id.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("AVD-") {
        return rest.to_owned();
    }
    if let Some(rest) = upper.strip_prefix("GHSA-") {
        return format!("GHSA-{}", rest.to_ascii_lowercase());
    }
    if upper.starts_with("CVE-") || upper.starts_with("RUSTSEC-") { upper } else { id.to_owned() }
}

/// Which of an advisory's ids is shown: the CVE, else GitHub's, else RustSec's, else any; the first by letters.
pub(crate) fn preference(id: &str) -> (u8, &str) {
    let rank = ["CVE-", "GHSA-", "RUSTSEC-"].iter().position(|prefix| id.starts_with(prefix)).unwrap_or(3);
    (rank as u8, id)
}

/// Texts one after the other, each with an end.
pub(crate) fn sentences<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut out = String::new();
    for text in texts {
        let text = text.trim();
        if text.is_empty() || out.contains(text) {
            continue;
        }
        if !out.is_empty() {
            out.push_str(if out.ends_with(['.', '!', '?']) { " " } else { ". " });
        }
        out.push_str(text);
    }
    out
}
