//! A ref's tree as an archive: <https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar>.

use super::call::{Call, Outcome, Reply};
use super::state::Repository;

/// Where archives are, as `codeload.github.com` is for GitHub: below it the repository's name and the ref.
pub(super) const PLACE: &str = "/codeload/";

pub(super) fn redirect(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let git_ref = match call.name("ref") {
        "" => repository.about.default_branch.as_str(),
        named => named,
    };
    let known = repository.tarballs.contains_key(git_ref);
    let by_commit = || repository.commit(git_ref).filter(|sha| repository.tarballs.contains_key(sha));
    let found = if known { Some(git_ref.to_owned()) } else { by_commit() };
    let found = found.ok_or_else(Reply::not_found)?;
    // The address lets in whoever has it, private repositories' too, for five minutes at GitHub.
    let encoded = percent_encoding::utf8_percent_encode(&found, percent_encoding::NON_ALPHANUMERIC);
    let place = format!("{}{PLACE}{}/{encoded}", call.web(), repository.about.full_name());
    Ok(Reply::empty(302).header("location", &place))
}
