//! The images of a release, each in the repository that is named after its function.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use aws_config::SdkConfig;

use crate::{
    aws,
    oci::Layout,
    package::{Package, Packages},
    push_image::Image,
};

/// Every image with its repository, and a tag that its digest makes: so a tag never means two images. The tag does not
/// begin with `sha256-`: registries keep what refers to an image (a signature, a list of its parts) under such a tag.
///
/// # Errors
/// If a layout is not the image that `packages.json` tells of, or a repository cannot be found.
pub(super) async fn list(
    config: &SdkConfig,
    registry: Option<&str>,
    folder: &Path,
    packages: &Packages,
) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    for (name, package) in &packages.functions {
        let Package::Image { path, digest, .. } = package else { continue };
        let layout = folder.join(path);
        let found = Layout::read(&layout)?.manifest.digest;
        ensure!(found == *digest, "{path} holds {found}, not the image that packages.json tells of; package again");
        let repository = match registry {
            Some(registry) => format!("{registry}/{name}"),
            None => repository(config, name).await?,
        };
        images.push(Image { repository, tag: digest.replace("sha256:", "image-"), layout });
    }
    Ok(images)
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html>
async fn repository(config: &SdkConfig, name: &str) -> Result<String> {
    let ecr = aws_sdk_ecr::Client::new(config);
    let answer = ecr.describe_repositories().repository_names(name).send().await;
    let answer = answer.map_err(|error| {
        anyhow!(
            "the repository {name} cannot be found: {}; terraform/bootstrap makes it, and the role needs \
             ecr:DescribeRepositories",
            aws::explain(&error)
        )
    })?;
    let found = answer.repositories.unwrap_or_default().into_iter().next();
    found.and_then(|found| found.repository_uri).with_context(|| format!("ECR names no address for repository {name}"))
}
